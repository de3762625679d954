"""Attention by blocks of queries and keys: the same numbers, without a T x S array, so that memory grows linearly in length.

Softmax needs the maximum and the sum over all keys, and both can be had while the keys pass by, block after block: when a
larger maximum comes, what was added up so far is scaled down. (Milakov & Gimelshein 2018, "Online normalizer calculation for
softmax"; Rabe & Staats 2021, "Self-attention does not need O(n²) memory"; Dao et al. 2022, "FlashAttention", algorithms 1
and 4.)
"""

import math

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.activations import SoftmaxGradient, softmax
from minigrad.functions.arithmetic import where
from minigrad.functions.attention import as_operands, checked_mask, grouped_queries
from minigrad.functions.products import matmul
from minigrad.functions.reductions import sum
from minigrad.functions.shapes import expand_dims, swapaxes
from minigrad.tensor import as_array


class BlockwiseAttention(Function):
    """o = attention(q, k, v, bias)          dq = ds k c,   dk = dsᵀ q c,   dv = pᵀ do,   dbias = ds

    q (..., T, D), k (..., S, D), v (..., S, E), bias (..., T, S) or 0, o (..., T, E): s = c q kᵀ + bias, o = softmax(s) v.
    For one block of queries, over the blocks of keys: with m the maximum of the scores so far,
        l = Σ exp(s - m),   a = Σ exp(s - m) v,   and a new maximum m' shrinks both by exp(m - m').
    At the end o = a / l, and m + log l = log Σ exp(s) is kept, T numbers, from which backward has softmax(s) again.
    mask, a boolean array or None, and `causal` say where a query may not look; one that may look nowhere gets o = 0.
    """

    reads = {"dq": "q k v bias output", "dk": "q k v bias output", "dv": "q k v bias output", "dbias": "q k v bias output"}

    def forward(self, q, k, v, bias, **how):
        self.how = how
        xp, blocks = get_array_module(q), _Blocks(q, k, bias, **how)
        front = np.broadcast_shapes(*(x.shape[:-2] for x in (q, k, v, bias, how["mask"]) if np.ndim(x)))
        o = xp.empty((*front, q.shape[-2], v.shape[-1]), q.dtype)
        self.log_sum = xp.empty((*o.shape[:-1], 1), q.dtype)
        for rows in blocks.rows:
            highest = xp.full_like(self.log_sum[..., rows, :], -math.inf)
            total, weighted = xp.zeros_like(highest), xp.zeros_like(o[..., rows, :])
            for columns in blocks.columns(rows):
                s = blocks.scores(rows, columns)
                before, highest = highest, xp.maximum(highest, s.max(axis=-1, keepdims=True))
                shift = xp.where(highest == -math.inf, 0, highest)  # where nothing was seen yet, -inf - -inf is no number
                s -= shift
                xp.exp(s, out=s)
                shrink = xp.exp(before - shift)
                total = total * shrink + s.sum(axis=-1, keepdims=True)
                weighted = weighted * shrink + xp.matmul(s, v[..., columns, :])
            nothing = total == 0
            total = xp.where(nothing, 1, total)
            o[..., rows, :] = weighted / total
            self.log_sum[..., rows, :] = xp.where(nothing, 0, highest + xp.log(total))
        return o

    def backward(self, do):
        q, k, v, bias = self.inputs
        gradients = BlockwiseAttentionGradient.apply(
            q, k, v, bias, do, o=self.output.data, log_sum=self.log_sum, with_bias=self.parents[3] is not None, **self.how)
        return *gradients, *[None] * (4 - len(gradients))


class BlockwiseAttentionGradient(Function):
    """d = ∇attention          dq = c (y k + ds β),   dk = c (yᵀ q + dsᵀ α),   dv = zᵀ do,   dbias = y,   ddo = z v + p ε

    d is the gradients by q, k, v and bias, for do, by blocks again: p = exp(s - log Σ exp s), dp = do vᵀ,
    ds = p * (dp - Σ dp p), and then c ds k, c dsᵀ q, pᵀ do and ds. Since Σ dp p = Σ do (p v), which is Σ do o over the
    features, no pass over all keys has to come before (FlashAttention, eq. 4).
    Backward is written without blocks, in T x S arrays. With α, β, ε, φ for the gradients of these four,
        L = Σ ds μ + Σ p (do εᵀ),   μ = c (α kᵀ + q βᵀ) + φ,   and softmax has the symmetric J x = p * (x - Σ p x):
        by dp: z = J μ,   by p: π = μ (dp - Σ dp p) - dp Σ μ p + do εᵀ,   by s: y = J π.
    """

    reads = {"dq": "q k v bias do", "dk": "q k v bias do", "dv": "q k v bias do", "dbias": "q k v bias do",
             "ddo": "q k v bias do"}

    def forward(self, q, k, v, bias, do, o, log_sum, with_bias, **how):
        self.how = how
        xp, blocks = get_array_module(q), _Blocks(q, k, bias, **how)
        front, scale = o.shape[:-2], how["scale"]
        dq, dk, dv = (xp.zeros((*front, *x.shape[-2:]), q.dtype) for x in (q, k, v))
        dbias = xp.zeros_like(bias) if with_bias else None
        mean = (do * o).sum(axis=-1, keepdims=True)
        for rows in blocks.rows:
            for columns in blocks.columns(rows):
                p = blocks.scores(rows, columns)
                p -= log_sum[..., rows, :]
                xp.exp(p, out=p)
                dv[..., columns, :] += xp.matmul(p.swapaxes(-1, -2), do[..., rows, :])
                ds = xp.matmul(do[..., rows, :], v[..., columns, :].swapaxes(-1, -2))
                ds -= mean[..., rows, :]
                p *= ds
                dq[..., rows, :] += xp.matmul(p, k[..., columns, :])
                dk[..., columns, :] += xp.matmul(p.swapaxes(-1, -2), q[..., rows, :])
                if with_bias:
                    part = _part(dbias, rows, columns)
                    part += _summed(p, part.shape)
        dq *= scale
        dk *= scale
        return (dq, dk, dv, dbias) if with_bias else (dq, dk, dv)

    def backward(self, alpha, beta, epsilon, phi=0.0):
        q, k, v, bias, do = self.inputs
        p, c = self._weights(q, k, bias), self.how["scale"]
        dp = matmul(do, swapaxes(v, -1, -2))
        mu = (matmul(alpha, swapaxes(k, -1, -2)) + matmul(q, swapaxes(beta, -1, -2))) * c + phi
        ds, z = SoftmaxGradient.apply(p, dp), SoftmaxGradient.apply(p, mu)

        def over_keys(x):
            return sum(x * p, -1, keepdims=True)

        pi = mu * (dp - over_keys(dp)) - dp * over_keys(mu) + matmul(do, swapaxes(epsilon, -1, -2))
        y = SoftmaxGradient.apply(p, pi)
        return (lambda: (matmul(y, k) + matmul(ds, beta)) * c,
                lambda: (matmul(swapaxes(y, -1, -2), q) + matmul(swapaxes(ds, -1, -2), alpha)) * c,
                lambda: matmul(swapaxes(z, -1, -2), do), lambda: y, lambda: matmul(z, v) + matmul(p, epsilon))

    def _weights(self, q, k, bias):
        """softmax(s) as a Tensor, all of it; 0 in rows that may look nowhere."""
        s = matmul(q * self.how["scale"], swapaxes(k, -1, -2)) + bias
        visible = _Blocks(q.data, k.data, as_array(bias), **self.how).scores() > -math.inf
        somewhere = visible.any(axis=-1, keepdims=True)
        s = where(visible, s, where(somewhere, -math.inf, 0.0)).astype(q.dtype)
        return where(somewhere, softmax(s), 0.0)


class _Blocks:
    """The rows and columns of blocks of the T x S scores, and the scores of one block."""

    def __init__(self, q, k, bias, scale, mask, causal, block):
        self.q, self.k, self.bias, self.scale, self.mask, self.causal = q, k, bias, scale, mask, causal
        self.block, self.rows = block, _slices(q.shape[-2], block)

    def columns(self, rows):
        """The blocks of keys that some of these queries may look at."""
        return _slices(min(self.k.shape[-2], rows.stop) if self.causal else self.k.shape[-2], self.block)

    def scores(self, rows=slice(None), columns=slice(None)):
        """A new array, c q kᵀ + bias, and -inf where a query may not look."""
        xp = get_array_module(self.q)
        s = xp.matmul(self.q[..., rows, :] * self.scale, self.k[..., columns, :].swapaxes(-1, -2))
        if np.ndim(self.bias):
            s = s + _part(self.bias, rows, columns)
        if self.mask is not None:
            s = xp.where(_part(self.mask, rows, columns), s, -math.inf)
        if self.causal and (columns.stop is None or columns.stop > rows.start + 1):
            t, u = (xp.arange(x.shape[-2])[part] for x, part in ((self.q, rows), (self.k, columns)))
            s = xp.where(t[:, None] >= u, s, -math.inf)
        return s


def _slices(n, size):
    return [slice(i, min(i + size, n)) for i in range(0, n, size)]


def _part(x, rows, columns):
    """A view of x (..., T or 1, S or 1)."""
    every = slice(None)
    return x[..., every if x.shape[-2] == 1 else rows, every if x.shape[-1] == 1 else columns]


def _summed(x, shape):
    """x, added up over the axes along which an array of `shape` was broadcast to it."""
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return x.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


def blockwise_attention(q, k, v, mask=None, is_causal=False, scale=None, enable_gqa=False, block=512):
    """softmax(q kᵀ * scale + mask) v, as scaled_dot_product_attention, in memory that is linear in T and S.

    q (..., T, D), k (..., S, D), v (..., S, E); the result is (..., T, E). Leading axes (batch, heads) broadcast.
    block       queries, and keys, in a block: the largest arrays made are (..., block, block).
    All other arguments are those of scaled_dot_product_attention, and so is the result to rounding, with all derivatives; a
    query that may look nowhere gets 0. There is no dropout. The second derivative takes T x S arrays. A floating-point mask
    that wants a gradient gets one of its own shape, which may be (..., 1, S) or (..., T, 1).
    Raises ValueError for lengths that do not agree, and for a block below 1. The derivation is in BlockwiseAttention.
    """
    if isinstance(block, bool) or not isinstance(block, (int, np.integer)) or block < 1:
        raise ValueError(f"blockwise_attention: block must be a positive integer, got {block!r}")
    q, k, v, mask = as_operands(q, k, v, mask)
    if enable_gqa:
        return grouped_queries(blockwise_attention, q, k, v, mask, is_causal=is_causal, scale=scale, block=block)
    bias, visible = 0.0, None
    if mask is not None:
        plain = checked_mask(mask, (q.shape[-2], k.shape[-2]))
        if plain.ndim < 2:
            mask = expand_dims(mask, tuple(range(2 - plain.ndim)))
        if plain.dtype.kind == "b":
            visible = as_array(mask)
        else:
            bias = mask if mask.dtype == q.dtype else mask.astype(q.dtype)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)  # np.float64 would widen float32
    return BlockwiseAttention.apply(q, k, v, bias, scale=scale, mask=visible, causal=bool(is_causal), block=int(block))
