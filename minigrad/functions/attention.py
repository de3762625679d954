"""Attention: every query takes a mean of the values, weighted by how well their keys match it."""

import math

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.activations import softmax, stable_softmax
from minigrad.functions.arithmetic import where
from minigrad.functions.products import matmul
from minigrad.functions.reductions import sum
from minigrad.functions.shapes import swapaxes
from minigrad.tensor import Tensor, as_array


class Attention(Function):
    """o = attention(q, k, v, bias)          dv = pᵀ do,   dq = ds k / √D,   dk = dsᵀ q / √D,   dbias = ds

    q (..., T, D), k (..., S, D), v (..., S, E), bias (..., T, S), o (..., T, E).
    s = q kᵀ / √D + bias, p = softmax(s) over the S keys, o = p v. Going back through these three lines:
        dp = do vᵀ,   ds = p * (dp - Σ dp p)  (softmax),   and q and k share ds as in any product.
    Backward computes p again rather than keep T x S numbers. Vaswani et al. 2017, "Attention Is All You Need", eq. 1.
    """

    reads = {"dq": "q k v bias", "dk": "q k v bias", "dv": "q k bias", "dbias": "q k v bias"}

    def forward(self, q, k, v, bias):
        self.scale = 1 / math.sqrt(q.shape[-1])
        xp = get_array_module(q)
        s = xp.matmul(q * self.scale, k.swapaxes(-1, -2)) + bias
        return xp.matmul(stable_softmax(s, -1), v)

    def backward(self, do):
        q, k, v, bias = self.inputs
        p = softmax(matmul(q * self.scale, swapaxes(k, -1, -2)) + bias)

        def ds():
            dp = matmul(do, swapaxes(v, -1, -2))
            return p * (dp - sum(dp * p, -1, keepdims=True))

        shared = ds() if any(self.parents[i] is not None for i in (0, 1, 3)) else None
        return (lambda: matmul(shared, k) * self.scale, lambda: matmul(swapaxes(shared, -1, -2), q) * self.scale,
                lambda: matmul(swapaxes(p, -1, -2), do), lambda: shared)


def scaled_dot_product_attention(q, k, v, mask=None, is_causal=False):
    """softmax(q kᵀ / √D + mask) v, with PyTorch's arguments; the derivation is in Attention.

    q (..., T, D), k (..., S, D), v (..., S, E); the result is (..., T, E). Leading axes (batch, heads) broadcast.
    mask       boolean (..., T, S): True where a query may look; or floating-point, added to the scores.
    is_causal  query t may look at keys 0 ... t only.
    A query that may look nowhere gets 0. Raises ValueError for lengths that do not agree.
    """
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError("attention: expected q (..., T, D), k (..., S, D), v (..., S, E), got "
                         f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}")
    xp = get_array_module(q.data)
    shape, dtype = (q.shape[-2], k.shape[-2]), q.dtype
    bias, visible = 0.0, None
    if is_causal:
        visible = xp.tri(*shape, dtype=bool)
    if mask is not None:
        plain = mask.data if isinstance(mask, Tensor) else backend.beside(as_array(mask), q)
        if any(m not in (1, n) for m, n in zip(plain.shape[-2:], shape[-plain.ndim:])):
            raise ValueError(f"attention: the mask must be (..., T, S) = (..., {shape[0]}, {shape[1]}), got "
                             f"{tuple(plain.shape)}")
        if plain.dtype.kind == "b":
            visible = plain if visible is None else visible & plain
        else:
            bias = mask if isinstance(mask, Tensor) else plain
            visible = plain != -math.inf if visible is None else visible & (plain != -math.inf)
    if visible is None:
        return Attention.apply(q, k, v, bias)
    somewhere = visible.any(axis=-1, keepdims=True)  # a row of -inf has no softmax: let it see, and drop what it saw
    bias = where(visible, bias, where(somewhere, -math.inf, 0.0)).astype(dtype)
    return where(somewhere, Attention.apply(q, k, v, bias), 0.0)
