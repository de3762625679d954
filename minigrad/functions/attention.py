"""Attention: every query takes a mean of the values, weighted by how well their keys match it."""

import math

from minigrad import backend, random
from minigrad.backend import get_array_module
from minigrad.blocks import in_blocks
from minigrad.function import Function
from minigrad.functions.activations import SoftmaxGradient, softmax, stable_softmax
from minigrad.functions.arithmetic import where
from minigrad.functions.products import matmul
from minigrad.functions.shapes import as_operand, expand_dims, reshape, swapaxes
from minigrad.tensor import Tensor, as_array


class Attention(Function):
    """o = attention(q, k, v, bias)          dq = ds k c,   dk = dsᵀ q c,   dv = (p m)ᵀ do,   dbias = ds

    q (..., T, D), k (..., S, D), v (..., S, E), bias (..., T, S), o (..., T, E); c is the scale, 1/√D unless given.
    s = c q kᵀ + bias, p = softmax(s) over the S keys, o = (p m) v, with dropout's mask m of 0 and 1/(1 - dropout), or m = 1.
    Going back through these lines:
        dp = m (do vᵀ),   ds = p * (dp - Σ dp p)  (softmax),   and q and k share ds as in any product.
    Backward computes p again rather than keep T x S numbers, and draws m again from the seed that forward drew it from.
    Vaswani et al. 2017, "Attention Is All You Need", eq. 1.
    """

    reads = {"dq": "q k v bias", "dk": "q k v bias", "dv": "q k bias", "dbias": "q k v bias"}

    def forward(self, q, k, v, bias, scale, dropout=0.0):
        self.scale, self.dropout = scale, dropout
        self.seed = int(random.generator().integers(2 ** 63)) if dropout else None
        xp = get_array_module(q)

        def attend(q, k, v, bias):
            s = xp.matmul(q * scale, k.swapaxes(-1, -2))
            p = stable_softmax(s + bias if biased else s, -1)
            return xp.matmul(self._dropped(p, p), v)

        biased, apart = getattr(bias, "ndim", 0), q.shape[:-2] == k.shape[:-2] == v.shape[:-2] and not dropout
        if biased > 2 or not apart:  # then a head does not stand by itself
            return attend(q, k, v, bias)
        return in_blocks(attend, q, k, v, bias, last=2, made=math.prod(q.shape[:-1]) * k.shape[-2] * q.itemsize)

    def backward(self, do):
        q, k, v, bias = self.inputs
        s = matmul(q * self.scale, swapaxes(k, -1, -2))
        p = softmax(s + bias if getattr(bias, "ndim", 0) else s)

        def ds():
            return SoftmaxGradient.apply(p, self._dropped(matmul(do, swapaxes(v, -1, -2)), p.data))

        shared = ds() if any(self.parents[i] is not None for i in (0, 1, 3)) else None
        return (lambda: matmul(shared, k) * self.scale, lambda: matmul(swapaxes(shared, -1, -2), q) * self.scale,
                lambda: matmul(swapaxes(self._dropped(p, p.data), -1, -2), do), lambda: shared)

    def _dropped(self, x, p):
        """x * m, for an array or a Tensor x and the array p."""
        if not self.dropout:
            return x
        kept = get_array_module(p).random.default_rng(self.seed).random(p.shape, dtype="float32") >= self.dropout
        return x * (kept * p.dtype.type(1 / (1 - self.dropout)))


def scaled_dot_product_attention(q, k, v, mask=None, is_causal=False, dropout_p=0.0, scale=None, enable_gqa=False):
    """softmax(q kᵀ * scale + mask) v, with PyTorch's arguments; the derivation is in Attention.

    q (..., T, D), k (..., S, D), v (..., S, E); the result is (..., T, E). Leading axes (batch, heads) broadcast.
    mask        boolean (..., T, S): True where a query may look; or floating-point, added to the scores.
    is_causal   query t may look at keys 0 ... t only, also where T and S differ (PyTorch's alignment, to the upper left).
                With a mask as well, a query looks where both let it.
    dropout_p   each weight is zeroed with this probability, the others scaled up (`mg.seed` repeats it). It has no
                `training`: pass 0.0 to evaluate.
    scale       1/√D unless given.
    enable_gqa  grouped queries: q (..., Hq, T, D), k and v (..., Hk, S, D), Hk dividing Hq: heads 0 ... Hq/Hk - 1 of q look
                at the first head of k and v, and so on. Ainslie et al. 2023, "GQA".
    A query that may look nowhere gets 0. Raises ValueError for lengths that do not agree.
    """
    q, k, v, mask = as_operands(q, k, v, mask)
    if not 0 <= dropout_p < 1:
        raise ValueError(f"attention: dropout_p must be in [0, 1), got {dropout_p}")
    if enable_gqa:
        return grouped_queries(scaled_dot_product_attention, q, k, v, mask, is_causal=is_causal, dropout_p=dropout_p,
                               scale=scale)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)  # np.float64 would widen float32
    xp = get_array_module(as_array(q))
    shape, dtype = (q.shape[-2], k.shape[-2]), q.dtype
    bias, visible = 0.0, None
    if is_causal:
        visible = xp.tri(*shape, dtype=bool)
        if mask is None and shape[1]:  # each query sees at least the first key
            bias = xp.where(visible, 0.0, -math.inf).astype(dtype)
            return Attention.apply(q, k, v, bias, scale=scale, dropout=dropout_p)
    if mask is not None:
        plain = checked_mask(mask, shape)
        if plain.dtype.kind == "b":
            visible = plain if visible is None else visible & plain
        else:
            bias = mask
            visible = plain != -math.inf if visible is None else visible & (plain != -math.inf)
    if visible is None:
        return Attention.apply(q, k, v, bias, scale=scale, dropout=dropout_p)
    somewhere = visible.any(axis=-1, keepdims=True)  # a row of -inf has no softmax: let it see, and drop what it saw
    bias = where(visible, bias, where(somewhere, -math.inf, 0.0)).astype(dtype)
    return where(somewhere, Attention.apply(q, k, v, bias, scale=scale, dropout=dropout_p), 0.0)


def as_operands(q, k, v, mask):
    """q, k and v, whose lengths have to agree, and the mask beside them."""
    q, k, v = (as_operand(x) for x in (q, k, v))
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError("attention: expected q (..., T, D), k (..., S, D), v (..., S, E), got "
                         f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}")
    if mask is not None and not isinstance(mask, Tensor):
        mask = backend.beside(as_array(mask), q)
    return q, k, v, mask


def checked_mask(mask, shape):
    """The array of a mask for shape = (T, S)."""
    plain = as_array(mask)
    if any(m not in (1, n) for m, n in zip(plain.shape[-2:], shape[-plain.ndim:])):
        raise ValueError(f"attention: the mask must be (..., T, S) = (..., {shape[0]}, {shape[1]}), got "
                         f"{tuple(plain.shape)}")
    if plain.dtype.kind not in "bf":
        raise TypeError(f"attention: the mask must be boolean or floating-point, got {plain.dtype}: use .astype(bool)")
    return plain


def grouped_queries(attend, q, k, v, mask, **options):
    """attend(q, k, v, mask), each head of k and v as an axis of length 1 beside the axis of the queries' heads that look at
    it."""
    heads = [x.shape[-3] if x.ndim > 2 else 0 for x in (q, k, v)]
    if 0 in heads or heads[1] != heads[2] or heads[0] % heads[1]:
        raise ValueError("attention: enable_gqa wants q (..., Hq, T, D), k (..., Hk, S, D), v (..., Hk, S, E), Hk dividing "
                         f"Hq, got {tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}")

    def grouped(x):
        return reshape(x, (*x.shape[:-3], heads[1], heads[0] // heads[1], *x.shape[-2:]))

    if mask is not None and mask.ndim > 2:
        if mask.shape[-3] not in (1, heads[0]):
            raise ValueError(f"attention: the mask must be (..., Hq, T, S) with Hq {heads[0]} or 1, got {tuple(mask.shape)}")
        mask = expand_dims(mask, -3) if mask.shape[-3] == 1 else grouped(mask)
    o = attend(grouped(q), expand_dims(k, -3), expand_dims(v, -3), mask, **options)
    return reshape(o, (*o.shape[:-4], heads[0], *o.shape[-2:]))
