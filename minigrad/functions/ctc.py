"""Connectionist temporal classification: the loss of a sequence of labels, whose places in time nobody knows.

Each time t has probabilities of C classes, one of them the blank. A path takes a class at each time; without its
repetitions, then without its blanks, it reads as the labels. The probability of the labels is the sum over all paths that
read as them, taken by the forward algorithm: Graves et al. 2006, "Connectionist Temporal Classification", sec. 4.1.

The states are the labels with a blank before, between and after them, S = 2 L + 1 in all: a path stays in its state, or
goes on by one, or passes over a blank that stands between two different labels.
"""

import math

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import maximum, where
from minigrad.functions.exponential import exp
from minigrad.functions.indexing import getitem
from minigrad.functions.padding import pad
from minigrad.functions.reductions import logsumexp, mean, sum
from minigrad.functions.shapes import stack, unstack
from minigrad.tensor import Tensor


class LogForward(Function):
    """a = log_forward(e)          de = g from the end,   gₜ₋₁ = daₜ₋₁ + Σₖ wₖ gₜ

    e, a (T, N, S) logarithms of probabilities: of being emitted in state s at time t, and of all paths that are in s then,
        a₀(s) = e₀(s) for s < 2, else log 0,    aₜ(s) = eₜ(s) + log Σₖ exp aₜ₋₁(s - k),    k = 0, 1 and, if skips(s), 2.
    So de is da and what comes back from later: aₜ₋₁(s - k) is the share wₖ(s) = exp(aₜ₋₁(s - k) - log Σ exp aₜ₋₁) of its
    sum, the probability of having come that way, and these shares are known for all times at once.
    Where no path leads, a is log 0 = -inf whatever e is, and de is 0.
    """

    reads = {"de": "e output"}

    def forward(self, e, skips):
        self.skips, xp = skips, get_array_module(e)
        a = xp.full(e.shape, -math.inf, e.dtype)
        a[0, :, :2] = e[0, :, :2]
        ways = xp.full((3, *e.shape[1:]), -math.inf, e.dtype)
        for t in range(1, len(e)):
            ways[0], ways[1, :, 1:] = a[t - 1], a[t - 1, :, :-1]
            ways[2, :, 2:] = xp.where(skips[:, 2:], a[t - 1, :, :-2], -math.inf)
            m = ways.max(axis=0)
            m = xp.where(m == -math.inf, 0, m)
            with np.errstate(divide="ignore"):
                a[t] = e[t] + (m + xp.log(xp.exp(ways - m).sum(axis=0)))
        return a

    def backward(self, da):
        e, = self.inputs
        a = self.output
        reached = a.data > -math.inf
        log_sum = where(reached, a, 0.0) - where(reached, e, 0.0)
        shares = []
        for k in range(3):
            open_ = reached[1:, :, k:] & (self.skips[:, 2:] if k == 2 else True)
            come = a[:-1, :, :a.shape[2] - k] - log_sum[1:, :, k:]
            shares.append(unstack(exp(where(open_, come, -math.inf))))
        gs = [da[-1]]
        for t in range(len(e) - 1, 0, -1):
            g = da[t - 1] + shares[0][t - 1] * gs[-1]
            for k in (1, 2):
                g = g + pad(shares[k][t - 1] * gs[-1][:, k:], ((0, 0), (0, k)))
            gs.append(g)
        return where(reached, stack(gs[::-1]), 0.0)


def ctc_loss(log_probs, targets, input_lengths=None, target_lengths=None, blank=0, reduction="mean",
             zero_infinity=False):
    """-log p(labels), the sum over all paths that read as them

    log_probs       (T, N, C), the logarithms of the classes' probabilities: log_softmax of logits
    targets         (N, L) integers, the labels, each a class but not the blank; what is past their length is not read
    input_lengths   (N,): how many times of each sequence count, 1 to T; all unless given
    target_lengths  (N,): how many labels each has, 0 to L; all unless given
    reduction       "none", "sum", or "mean": each loss by its number of labels, then averaged (PyTorch's way)
    zero_infinity   labels that do not fit into the time have the loss inf (and the gradient 0); True makes it 0
    Raises ValueError for shapes and lengths that do not agree, IndexError for a label that is no class, TypeError for
    labels that are no integers.
    """
    if log_probs.dtype.kind != "f":
        raise TypeError(f"ctc_loss: log_probs must be real floating-point numbers, got {log_probs.dtype}")
    if log_probs.ndim != 3 or 0 in log_probs.shape[::2]:
        raise ValueError(f"ctc_loss: log_probs must have shape (T, N, C), T and C at least 1, got {tuple(log_probs.shape)}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    (T, N, C), xp = log_probs.shape, get_array_module(log_probs.data)
    targets = _integers(targets, "targets")
    if targets.ndim != 2 or len(targets) != N:
        raise ValueError(f"ctc_loss: targets must have shape ({N}, L), a row of labels for each sequence, got "
                         f"{tuple(targets.shape)}")
    times = _lengths(input_lengths, N, T, 1, "input_lengths", targets)
    counts = _lengths(target_lengths, N, targets.shape[1], 0, "target_lengths", targets)
    if not 0 <= blank < C:
        raise IndexError(f"ctc_loss: blank must be one of the {C} classes, got {blank}")
    beyond = get_array_module(targets).arange(targets.shape[1]) >= counts[:, None]
    labels = get_array_module(targets).where(beyond, blank, targets)
    if backend.device_of(labels) == "cpu":  # on a GPU the look would wait for it
        wrong = (labels < 0) | (labels >= C) | (~beyond & (labels == blank))
        if wrong.any():
            raise IndexError(f"ctc_loss: labels must be classes in [0, {C}) and not the blank, {blank}; got "
                             f"{labels[wrong][0]}")
    labels, times, counts = (backend.beside(x, log_probs) for x in (labels, times, counts))
    states = xp.full((N, 2 * labels.shape[1] + 1), blank, labels.dtype)
    states[:, 1::2] = labels
    skips = xp.zeros(states.shape, bool)
    skips[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    rows = xp.arange(N)
    a = LogForward.apply(getitem(log_probs, (slice(None), rows[:, None], states)), skips=skips)
    ends = [getitem(a, (times - 1, rows, 2 * counts)),  # in the last blank, or the last label, if there is one
            where(counts > 0, getitem(a, (times - 1, rows, xp.maximum(2 * counts - 1, 0))), -math.inf)]
    loss = -logsumexp(stack(ends), 0)
    if zero_infinity:
        loss = where(loss.data == math.inf, 0.0, loss)
    if reduction == "mean":
        return mean(loss / maximum(counts, 1).astype(loss.dtype))
    return sum(loss) if reduction == "sum" else loss


def _integers(x, name):
    x = x.data if isinstance(x, Tensor) else x
    x = x if backend.is_array(x) else np.asarray(x)
    if x.dtype.kind not in "iu":
        raise TypeError(f"ctc_loss: {name} must be integers, got {x.dtype}: use .astype(int)")
    return x.astype(np.int64)


def _lengths(lengths, count, most, least, name, like):
    """Lengths as an array beside `like`; `most` for each, if None."""
    if lengths is None:
        return get_array_module(like).full(count, most)
    lengths = _integers(lengths, name)
    if lengths.shape != (count,):
        raise ValueError(f"ctc_loss: {name} must have shape ({count},), a length for each sequence, got {lengths.shape}")
    if count and backend.device_of(lengths) == "cpu" and not (least <= lengths.min() and lengths.max() <= most):
        raise ValueError(f"ctc_loss: {name} must be from {least} to {most}, got {lengths.min()} to {lengths.max()}")
    return backend.beside(lengths, like)
