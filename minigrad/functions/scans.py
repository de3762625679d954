"""Products and running sums, the median, and norms over axes.

A running (cumulative) function gives a result for each place along an axis, made of the numbers up to there. Its gradient
runs the other way: x[i] counts in the results at i and after it.
"""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import absolute, where
from minigrad.functions.indexing import getitem, take_along_axis
from minigrad.functions.padding import pad
from minigrad.functions.reductions import kept_shape, max, min, sum
from minigrad.functions.shapes import as_operand, astype, flip, moveaxis, normalize_axis, ravel, reshape, swapaxes


class CumSum(Function):
    """yᵢ = x₁ + ... + xᵢ          dx = dyᵢ + ... + dyₙ for xᵢ

    xᵢ counts in yᵢ and all that follow, so its gradient is the running sum of dy from the end.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, axis):
        self.axis = axis
        return x.cumsum(axis=axis)

    def backward(self, dy):
        return flip(cumsum(flip(dy, self.axis), self.axis), self.axis)


class Recurrence(Function):
    """y = b + a * (y delayed by one place)          db = dy + (a db) advanced by one,   da = db * (y delayed)

    Along the last axis, yᵢ = aᵢ yᵢ₋₁ + bᵢ with y₀ = 0. A change of bᵢ changes yᵢ, and by aᵢ₊₁ times as much yᵢ₊₁, and so on:
    dbᵢ = dyᵢ + aᵢ₊₁ dbᵢ₊₁, the same recurrence from the end. And aᵢ acts as yᵢ₋₁ times as much on bᵢ.

    Two steps of y → a y + b are again one: y → a' (a y + b) + b' = (a' a) y + (a' b + b'). So n steps are done in log n
    rounds, joining each step with the one 1, 2, 4 ... places before it. Blelloch 1990, "Prefix Sums and Their Applications",
    sec. 1.4.
    """

    reads = {"da": "a output", "db": "a"}
    takes_complex = True

    def forward(self, a, b):
        a, y = a.copy(), b.copy()
        distance = 1
        while distance < y.shape[-1]:
            y[..., distance:] += a[..., distance:] * y[..., :-distance]
            a[..., distance:] *= a[..., :-distance].copy()  # the two overlap, and CuPy makes no copy by itself
            distance *= 2
        return y

    def backward(self, dy):
        a, _ = self.inputs
        db = _backwards(Recurrence.apply(_delayed(_backwards(a), 0), _backwards(dy)))
        return lambda: db * _delayed(self.output, 0), db


class CumProd(Function):
    """yᵢ = x₁ x₂ ... xᵢ          dx = (y delayed) * r for xᵢ,   rᵢ = dyᵢ + xᵢ₊₁ rᵢ₊₁

    xᵢ has the factors x₁ ... xᵢ₋₁ = yᵢ₋₁ before it in yᵢ and all that follow: dxᵢ = yᵢ₋₁ (dyᵢ + xᵢ₊₁ dyᵢ₊₁ + xᵢ₊₁ xᵢ₊₂ dyᵢ₊₂
    + ...), and the bracket is a recurrence from the end. The shorter Σ dyₖ yₖ / xᵢ would be nan wherever a number is 0.
    Along the last axis.
    """

    reads = {"dx": "x output"}
    takes_complex = True

    def forward(self, x):
        return x.cumprod(axis=-1)

    def backward(self, dy):
        x, = self.inputs
        r = _backwards(Recurrence.apply(_delayed(_backwards(x), 0), _backwards(dy)))
        return _delayed(self.output, 1) * r


class Prod(Function):
    """y = x₁ x₂ ... xₙ          dx = dy * (x₁ ... xᵢ₋₁) (xᵢ₊₁ ... xₙ) for xᵢ

    The product of all the others, as that of those before times that of those after, which needs no division: dy y / xᵢ
    would be nan where xᵢ is 0, but its gradient is the product of the others, and is 0 only if another one is 0 as well.
    Along the last axis.
    """

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return x.prod(axis=-1)

    def backward(self, dy):
        x, = self.inputs
        before = CumProd.apply(_delayed(x, 1))
        after = _backwards(CumProd.apply(_delayed(_backwards(x), 1)))
        return reshape(dy, (*dy.shape, 1)) * (before * after)


class Norm(Function):
    """y = (Σ |x|ᵖ)^(1/p)          dx = dy * sign(x) (|x| / y)ᵖ⁻¹

    dy/dx = 1/p (Σ |x|ᵖ)^(1/p - 1) * p |x|ᵖ⁻¹ sign(x), and (Σ |x|ᵖ)^(1/p - 1) = y¹⁻ᵖ; for p = 2 that is x / y. At an x of 0
    the slope is taken to be 0, also where all are 0 (the tip of a cone for p = 2, which has no slope).
    """

    reads = {"dx": "x output"}

    def forward(self, x, p, axis=None, keepdims=False):
        self.p, self.kept_shape = p, kept_shape(x.shape, axis)
        if p == 2:
            return get_array_module(x).sqrt((x * x).sum(axis=axis, keepdims=keepdims))
        return (abs(x) ** p).sum(axis=axis, keepdims=keepdims) ** (1 / p)

    def backward(self, dy):
        x, = self.inputs
        y = reshape(self.output, self.kept_shape)
        u = x / where(y == 0, 1.0, y)
        if self.p != 2:
            u = get_array_module(x.data).sign(x.data) * where(x == 0, 1.0, absolute(u)) ** (self.p - 1)
        return reshape(dy, self.kept_shape) * u


def _delayed(x, first):
    """x moved on by one place along the last axis, with `first` in front; the last number drops out."""
    return getitem(pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 0)], constant_values=first), (..., slice(0, -1)))


def _backwards(x):
    return flip(x, -1)


def _axes(axis, ndim):
    """The axes as a tuple of numbers from the front, in memory order."""
    axes = range(ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted(normalize_axis(a, ndim or 1) for a in axes))


def _flattened(x, axis):
    """x with the axes of a reduction made one, the last; the result's shape with keepdims, and without."""
    axes = _axes(axis, x.ndim)
    rest = tuple(n for a, n in enumerate(x.shape) if a not in axes)
    last = moveaxis(x, axes, tuple(range(-len(axes), 0))) if x.ndim else x
    return reshape(last, (*rest, math.prod(x.shape[a] for a in axes) if x.ndim else 1)), kept_shape(x.shape, axes), rest


def cumsum(x, axis=None):
    """yᵢ = x₁ + ... + xᵢ along an axis (None: x as one axis)          dx = dyᵢ + ... + dyₙ for xᵢ"""
    x = as_operand(x)
    return CumSum.apply(ravel(x), axis=0) if axis is None else CumSum.apply(x, axis=normalize_axis(axis, x.ndim))


def cumprod(x, axis=None):
    """yᵢ = x₁ x₂ ... xᵢ along an axis (None: x as one axis)          dx = Σ dyₖ yₖ / xᵢ over k >= i, for xᵢ

    The gradient is computed without the division, and is right where numbers are 0.
    """
    x = as_operand(x)
    if axis is None:
        return CumProd.apply(ravel(x))
    axis = normalize_axis(axis, x.ndim)
    return swapaxes(CumProd.apply(swapaxes(x, axis, -1)), axis, -1) if axis != x.ndim - 1 else CumProd.apply(x)


def prod(x, axis=None, keepdims=False):
    """y = the product of all x over the axes          dx = dy * the product of the others

    The gradient is right where one or several numbers are 0. The product of nothing is 1.
    """
    flat, kept, rest = _flattened(as_operand(x), axis)
    return reshape(Prod.apply(flat), kept if keepdims else rest)


def median(x, axis=None, keepdims=False):
    """The middle number over the axes, or the mean of the two middle ones          dx = dy at it, or dy / 2 at each

    Where several numbers equal a middle one, the first in memory order wins and gets its gradient: all of dy if both middle
    ones are that. A nan among the numbers is the median, as in NumPy.
    """
    x = as_operand(x)
    x = x if x.dtype.kind == "f" else astype(x, float)
    flat, kept, rest = _flattened(x, axis)
    n = flat.shape[-1]
    if n == 0:
        raise ValueError(f"median: there is nothing along axis {axis} of shape {tuple(x.shape)}")
    ordered = get_array_module(flat.data).sort(flat.data, axis=-1)
    middle = [take_along_axis(flat, _first(flat.data, ordered[..., i:i + 1]), -1) for i in sorted({(n - 1) // 2, n // 2})]
    return reshape(middle[0] if len(middle) == 1 else 0.5 * middle[0] + 0.5 * middle[1], kept if keepdims else rest)


def _first(x, value):
    """The index along the last axis of the first x that is `value`, or of the first nan if there is one."""
    xp = get_array_module(x)
    nan = xp.isnan(x)
    return xp.asarray(xp.where(nan.any(axis=-1, keepdims=True), nan, x == value).argmax(axis=-1))[..., None]


def vector_norm(x, ord=2, axis=None, keepdims=False):
    """y = (Σ |x|ᵖ)^(1/p) over the axes, with p = ord          dx = dy * sign(x) (|x| / y)ᵖ⁻¹

    ord may be any number but 0; 1 is the sum of |x|, inf the largest |x| and -inf the smallest, whose first place wins a
    tie. At x = 0 the slope is taken to be 0. All of x is one vector if axis is None, as in numpy.linalg.vector_norm.
    """
    x = as_operand(x)
    x = absolute(x) if x.dtype.kind == "c" else x
    axes = _axes(axis, x.ndim) if axis is not None else None
    p = float(ord)
    if p == 0:
        raise ValueError("norm: ord=0 counts the numbers that are not 0, which has no gradient: use (x.data != 0).sum()")
    if math.isinf(p):
        return (max if p > 0 else min)(absolute(x), axes, keepdims)
    return sum(absolute(x), axes, keepdims) if p == 1 else Norm.apply(x, p=p, axis=axes, keepdims=keepdims)


def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors, as numpy.linalg.norm          dx as in vector_norm

    With ord=None (or "fro" for matrices) the root of the sum of squares over the axes, or over all of x. With a number as
    ord, the vectors lie along one axis; NumPy's norms of matrices for two axes are not done here and raise: for the norm
    of all numbers as one vector call vector_norm.
    """
    x = as_operand(x)
    count = x.ndim if axis is None else len(_axes(axis, x.ndim))
    if ord is not None and not (ord == "fro" and count == 2) and not (count <= 1 and not isinstance(ord, str)):
        raise NotImplementedError(f"norm: ord={ord!r} of {count} axes is a norm of matrices, not done here: use vector_norm "
                                  "for the norm of all the numbers, or give the one axis along which the vectors lie")
    return vector_norm(x, 2 if ord is None or ord == "fro" else ord, axis, keepdims)
