"""Losses as functions: each gives one number, to be made small."""

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.blocks import in_blocks
from minigrad.function import Function
from minigrad.functions.activations import (
    SoftmaxGradient,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    stable_log_softmax,
    stable_softmax,
)
from minigrad.functions.arithmetic import maximum, minimum
from minigrad.functions.exponential import log
from minigrad.functions.indexing import take_along_axis
from minigrad.functions.norms import vector_norm
from minigrad.functions.reductions import mean, sum
from minigrad.functions.shapes import expand_dims, squeeze
from minigrad.tensor import Tensor, as_array


class SparseCrossEntropy(Function):
    """l = sparse_cross_entropy(x)          dx = dl * (softmax(x) - onehot(t))

    x (..., C) logits, t (...) the right class of each row, l (...): lᵢ = -log softmax(xᵢ)[tᵢ] = log Σⱼ exp(xᵢⱼ) - xᵢₜ.
    The first term has the derivative softmax(x), the second the one-hot row of t: SparseCrossEntropyGradient.
    """

    reads = {"dx": "x"}

    def forward(self, x, labels):
        self.labels = labels[..., None]
        return in_blocks(_minus_log_softmax, x, self.labels, last=1)[..., 0]

    def backward(self, dl):
        x, = self.inputs
        return SparseCrossEntropyGradient.apply(x, expand_dims(dl, -1), labels=self.labels)


class SparseCrossEntropyGradient(Function):
    """d = g (softmax(x) - onehot(t))          dx = J (dd g),   dg = Σ dd (softmax(x) - onehot(t))

    x, d (..., C), g (..., 1), t (..., 1). J is softmax's symmetric matrix of derivatives (see SoftmaxGradient); the sum is
    the engine's, since g is repeated along the row.
    """

    reads = {"dx": "x g", "dg": "x"}

    def forward(self, x, g, labels):
        self.labels = labels
        return in_blocks(_softmax_minus_onehot, x, g, labels, last=1)

    def backward(self, dd):
        (x, g), labels = self.inputs, self.labels
        return (lambda: SoftmaxGradient.apply(softmax(x), dd * g),
                lambda: SparseCrossEntropyGradient.apply(x, dd, labels=labels))


def _minus_log_softmax(x, labels):
    xp = get_array_module(x)
    shifted = x - x.max(axis=-1, keepdims=True)
    right = xp.take_along_axis(shifted, labels, -1)
    return xp.log(xp.exp(shifted, out=shifted).sum(axis=-1, keepdims=True)) - right


def _softmax_minus_onehot(x, g, labels):
    xp, d = get_array_module(x), stable_softmax(x, -1)
    xp.put_along_axis(d, labels, xp.take_along_axis(d, labels, -1) - 1, -1)
    return d * g


class BinaryCrossEntropy(Function):
    """l = binary_cross_entropy(x, t)          dx = dl * (sigmoid(x) - t),   dt = -dl * x

    x the logit of class 1, t its probability: l = -t log σ(x) - (1 - t) log(1 - σ(x)). With log σ(x) = x - log(1 + eˣ) and
    log(1 - σ(x)) = -log(1 + eˣ) that is log(1 + eˣ) - t x = max(x, 0) - t x + log(1 + exp(-|x|)), which cannot overflow,
    and whose first two terms cancel exactly where t is 0 or 1 and x of its side.
    """

    reads = {"dx": "x t", "dt": "x"}

    def forward(self, x, t):
        xp = get_array_module(x, t)
        return xp.maximum(x, 0) - t * x + xp.log1p(xp.exp(-abs(x)))

    def backward(self, dl):
        x, t = self.inputs
        return lambda: dl * (sigmoid(x) - t), lambda: -dl * x


class CrossEntropy(Function):
    """l = cross_entropy(x, t)          dx = dl * (softmax(x) Σ t - t),   dt = -dl * log softmax(x)

    x (..., C) logits, t (..., C) the probability of each class, l (...): lᵢ = -Σⱼ tᵢⱼ log softmax(xᵢ)ⱼ.
    """

    reads = {"dx": "x t", "dt": "x"}

    def forward(self, x, t):
        return -(t * stable_log_softmax(x, -1)).sum(axis=-1)

    def backward(self, dl):
        x, t = self.inputs
        dl = expand_dims(dl, -1)
        return (lambda: dl * (softmax(x) * sum(t, -1, keepdims=True) - t), lambda: -dl * log_softmax(x))


def cross_entropy(logits, targets, from_logits=True, reduction="mean"):
    """-log p(right class), averaged over the rows.

    logits   (..., C); with from_logits=False, probabilities that sum to 1 (a softmax's output) instead
    targets  integers (...): the right classes in [0, C); or (..., C): a probability for each class (one-hot rows too)
    reduction  "mean", "sum" or "none" (a loss for each row)
    From logits, dx = (softmax(x) - onehot) / N, and nothing overflows. From probabilities, p below the smallest
    normal float counts as that: -log p stays finite, and the gradient there is 0.
    Raises ValueError for shapes that do not agree, IndexError for a class that does not exist, TypeError for others.
    """
    if logits.ndim == 0:
        raise ValueError("cross_entropy: expected logits of shape (..., C), got a 0-d Tensor")
    labels = targets.data if isinstance(targets, Tensor) else targets
    if not backend.is_array(labels):
        labels = np.asarray(labels)
    sparse = labels.ndim == logits.ndim - 1
    if sparse:
        check_labels(labels, logits)
    elif labels.shape != logits.shape:
        raise ValueError(
            f"cross_entropy: for logits of shape {tuple(logits.shape)} the targets must be classes of shape "
            f"{tuple(logits.shape[:-1])} or probabilities of shape {tuple(logits.shape)}, got {tuple(labels.shape)}"
            + (": use targets[:, 0] or .squeeze(-1)" if labels.shape == (*logits.shape[:-1], 1) else ""))
    elif labels.dtype.kind != "f":
        targets = labels.astype(logits.dtype)
    if sparse:
        labels = backend.beside(labels, logits)
    elif not isinstance(targets, Tensor):
        targets = backend.beside(as_array(targets), logits)
    if from_logits:
        loss = SparseCrossEntropy.apply(logits, labels=labels) if sparse else CrossEntropy.apply(logits, targets)
    else:
        tiny = float(np.finfo(logits.dtype).tiny)
        if sparse:
            loss = -log(maximum(squeeze(take_along_axis(logits, labels[..., None], -1), -1), tiny))
        else:
            loss = -sum(targets * log(maximum(logits, tiny)), -1)
    return _reduced(loss, reduction)


def binary_cross_entropy_with_logits(x, target, reduction="mean"):
    """-log p(right class) of two classes, averaged over all numbers          dx = (sigmoid(x) - target) / n

    x       logits of class 1, any shape
    target  the probability of class 1, 0 or 1 as a rule, of the same shape
    """
    return _reduced(BinaryCrossEntropy.apply(x, _same_shape(x, target, "binary_cross_entropy_with_logits")), reduction)


def mse_loss(x, target, reduction="mean"):
    """l = mean((x - target)²)          dx = 2 (x - target) / n,   dtarget = -dx

    Both have the same shape; (N, 1) against (N,) would broadcast to (N, N) and is refused.
    """
    difference = x - _same_shape(x, target, "mse_loss")
    return _reduced(difference * difference, reduction)


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
    """l = max(d(anchor, positive) - d(anchor, negative) + margin, 0), averaged over the rows

    anchor, positive, negative  (..., D), with d(x, y) = (Σ |x - y + eps|ᵖ)^(1/p). What should be alike, anchor and
    positive, is drawn together, until the negative is further away by the margin.
    swap  whether the negative counts as near if it is near to the positive: d(positive, negative), if that is smaller
    Schroff, Kalenichenko and Philbin 2015, "FaceNet", eq. 1 (there squared); the swap is Balntas et al. 2016, sec. 3.2.
    The slope is taken to be 0 at the kink.
    """
    if not tuple(anchor.shape) == tuple(positive.shape) == tuple(negative.shape) or anchor.ndim == 0:
        raise ValueError("triplet_margin_loss: anchor, positive and negative must have the same shape (..., D), got "
                         + ", ".join(str(tuple(x.shape)) for x in (anchor, positive, negative)))

    def distance(x, y):
        return vector_norm(x - y + eps, p, axis=-1)

    far = distance(anchor, negative)
    far = minimum(far, distance(positive, negative)) if swap else far
    return _reduced(relu(distance(anchor, positive) - far + margin), reduction)


def _same_shape(x, target, name):
    target = target if hasattr(target, "shape") else Tensor(target)
    if tuple(x.shape) != tuple(target.shape):
        raise ValueError(f"{name}: predictions and targets must have the same shape, got {tuple(x.shape)} and "
                         f"{tuple(target.shape)}: reshape one of them, or each would be compared with every other")
    return target


def check_labels(labels, logits, name="cross_entropy"):
    """Raise unless the labels are classes, of logits (or probabilities) with a column for each class."""
    if labels.shape != logits.shape[:-1]:
        raise ValueError(f"{name}: for logits of shape {tuple(logits.shape)} the classes must be of shape "
                         f"{tuple(logits.shape[:-1])}, got {tuple(labels.shape)}")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: classes must be integers, got {labels.dtype}: use .astype(int)")
    if labels.size and backend.device_of(labels) == "cpu":  # on a GPU the look would wait for it
        low, high = labels.min(), labels.max()
        if low < 0 or high >= logits.shape[-1]:
            raise IndexError(f"{name}: classes must be in [0, {logits.shape[-1]}), since the predictions have "
                             f"{logits.shape[-1]} columns; got {low if low < 0 else high}")


def _reduced(loss, reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return loss if reduction == "none" else mean(loss) if reduction == "mean" else sum(loss)
