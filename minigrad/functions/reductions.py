"""Sums, means, extremes over axes. `axis` is None (all), a number or a tuple; `keepdims` keeps length-1 axes.

Backward puts the axes back with length 1 and lets broadcasting do the rest: each element of a sum gets the sum's gradient.
"""

import math

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import where
from minigrad.functions.exponential import exp, sqrt
from minigrad.functions.indexing import take_along_axis
from minigrad.functions.shapes import as_operand, broadcast_to, moveaxis, normalize_axis, reshape


class Sum(Function):
    """y = sum(x)          dx = dy for each x

    The first axes (a bias' gradient, say) are summed in two steps, the last of them at the end: so the first step adds long
    rows to each other, not only the few numbers of the axes that stay.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, axis=None, keepdims=False):
        self.old_shape, self.kept_shape = x.shape, kept_shape(x.shape, axis)
        if isinstance(axis, tuple) and 1 < len(axis) < x.ndim and axis == tuple(range(len(axis))):
            x, axis = x.sum(axis=axis[:-1], keepdims=True), len(axis) - 1
            return x.sum(axis=axis, keepdims=True).reshape(self.kept_shape if keepdims else self.kept_shape[axis + 1:])
        return x.sum(axis=axis, keepdims=keepdims)

    def backward(self, dy):
        return broadcast_to(reshape(dy, self.kept_shape), self.old_shape)


class Mean(Function):
    """y = mean(x)          dx = dy / n for each of the n numbers that were averaged"""

    reads = {}
    takes_complex = True

    def forward(self, x, axis=None, keepdims=False):
        self.old_shape, self.kept_shape = x.shape, kept_shape(x.shape, axis)
        return x.mean(axis=axis, keepdims=keepdims)

    def backward(self, dy):
        n = math.prod(self.old_shape) // (math.prod(self.kept_shape) or 1)
        return broadcast_to(reshape(dy / n, self.kept_shape), self.old_shape)


class Var(Function):
    """y = var(x)          dx = dy * 2 (x - μ) / (n - ddof)

    y = 1/(n - ddof) Σ (xᵢ - μ)² with μ = mean(x). The path through μ adds nothing: dy/dμ = -2/(n - ddof) Σ (xᵢ - μ) = 0.
    """

    reads = {"dx": "x"}

    def forward(self, x, axis=None, ddof=0, keepdims=False):
        self.axis, self.kept_shape = axis, kept_shape(x.shape, axis)
        self.count = x.size // (math.prod(self.kept_shape) or 1) - ddof
        return x.var(axis=axis, ddof=ddof, keepdims=keepdims)

    def backward(self, dy):
        x, = self.inputs
        return reshape(dy * 2 / self.count, self.kept_shape) * (x - mean(x, self.axis, keepdims=True))


class LogSumExp(Function):
    """y = logsumexp(x)          dx = dy * exp(x - y)

    y = log Σ exp(xᵢ) = m + log Σ exp(xᵢ - m) for any m; with m = max(x) nothing overflows. dy/dxᵢ = exp(xᵢ) / Σ exp(xⱼ).
    """

    reads = {"dx": "x output"}

    def forward(self, x, axis=None, keepdims=False):
        self.kept_shape = kept_shape(x.shape, axis)
        xp = get_array_module(x)
        m = x.max(axis=axis, keepdims=True) if x.size else xp.zeros(self.kept_shape, x.dtype)
        m = xp.where(xp.isfinite(m), m, 0)  # where all x are -inf: log 0 = -inf, without -inf - -inf
        with np.errstate(divide="ignore"):
            y = m + xp.log(xp.exp(x - m).sum(axis=axis, keepdims=True))
        return y if keepdims else y.squeeze(axis)

    def backward(self, dy):
        x, = self.inputs
        y = reshape(self.output, self.kept_shape)
        y = where(y == -math.inf, 0.0, y)
        return reshape(dy, self.kept_shape) * exp(x - y)


def kept_shape(shape, axis):
    """The shape of a reduction over `axis` with keepdims."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [normalize_axis(a, len(shape) or 1) for a in axes]  # as NumPy, axes 0 and -1 of a 0-d array are no error
    return tuple(1 if a in axes else n for a, n in enumerate(shape))


def sum(x, axis=None, keepdims=False):
    """y = Σ x over the axes          dx = dy for each x"""
    return Sum.apply(x, axis=_axis(axis), keepdims=keepdims)


def mean(x, axis=None, keepdims=False):
    """y = Σ x / n over the axes          dx = dy / n for each x"""
    return Mean.apply(x, axis=_axis(axis), keepdims=keepdims)


def var(x, axis=None, ddof=0, keepdims=False):
    """y = Σ (x - mean)² / (n - ddof) over the axes          dx = dy * 2 (x - mean) / (n - ddof)"""
    return Var.apply(x, axis=_axis(axis), ddof=ddof, keepdims=keepdims)


def std(x, axis=None, ddof=0, keepdims=False):
    """y = sqrt(var(x))          dx = dy * (x - mean) / (y (n - ddof)); nan where all x are equal"""
    return sqrt(var(x, axis, ddof, keepdims))


def max(x, axis=None, keepdims=False):
    """The largest over the axes          dx = dy at the largest, 0 elsewhere

    At a tie the first one in memory order wins, and gets all of the gradient. A nan is the largest, as in NumPy.
    """
    return _extreme(x, axis, keepdims, "argmax")


def min(x, axis=None, keepdims=False):
    """The smallest over the axes          dx = dy at the smallest, 0 elsewhere

    At a tie the first one in memory order wins, and gets all of the gradient. A nan is the smallest, as in NumPy.
    """
    return _extreme(x, axis, keepdims, "argmin")


def _extreme(x, axis, keepdims, arg):
    """An extreme is an element: find its index (no gradient flows through that) and take it."""
    x = as_operand(x)
    axes = tuple(range(x.ndim)) if axis is None else _axis(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(sorted(normalize_axis(a, x.ndim) for a in axes))  # in memory order, so that its first one is found
    shape = kept_shape(x.shape, axes)
    rest = tuple(n for a, n in enumerate(x.shape) if a not in axes)
    flat = reshape(moveaxis(x, axes, tuple(range(-len(axes), 0))) if x.ndim else x,
                   (*rest, math.prod(x.shape[a] for a in axes)))
    index = getattr(flat.data, arg)(axis=-1)
    y = take_along_axis(flat, get_array_module(flat.data).asarray(index)[..., None], -1)
    return reshape(y, shape if keepdims else rest)


def logsumexp(x, axis=None, keepdims=False):
    """y = log Σ exp(x) over the axes, without overflow          dx = dy * exp(x - y)"""
    return LogSumExp.apply(x, axis=_axis(axis), keepdims=keepdims)


def _axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis
