"""Products over axes, and running sums and products.

A running (cumulative) function gives a result for each place along an axis, made of the numbers up to there. Its gradient
runs the other way: x[i] counts in the results at i and after it.
"""

from minigrad.function import Function
from minigrad.functions.indexing import getitem
from minigrad.functions.padding import pad
from minigrad.functions.reductions import counted, flattened
from minigrad.functions.shapes import as_operand, flip, normalize_axis, ravel, reshape, swapaxes


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


def _delayed(x, first):
    """x moved on by one place along the last axis, with `first` in front; the last number drops out."""
    return getitem(pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 0)], constant_values=first), (..., slice(0, -1)))


def _backwards(x):
    return flip(x, -1)


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


def prod(x, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    """y = the product of all x over the axes          dx = dy * the product of the others

    The gradient is right where one or several numbers are 0. The product of nothing is 1.

    initial  a number, one more factor; where  booleans that broadcast to x: which numbers are factors.
    """
    flat, kept, rest = flattened(as_operand(counted(x, dtype, out, where, 1)), axis)
    y = reshape(Prod.apply(flat), kept if keepdims else rest)
    return y if initial is None else y * initial
