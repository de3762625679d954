"""Differences along an axis, numerical derivatives and integrals: compositions of slices, under NumPy's names."""

import numpy as np

from minigrad.backend import get_array_module
from minigrad.functions.indexing import getitem
from minigrad.functions.reductions import sum
from minigrad.functions.shapes import as_operand, broadcast_to, concatenate, expand_dims, normalize_axis, ravel, reshape


def _slice(x, axis, start, stop):
    return getitem(x, (slice(None),) * axis + (slice(start, stop),))


def diff(x, n=1, axis=-1, prepend=None, append=None):
    """yᵢ = xᵢ₊₁ - xᵢ along an axis, n times          dxᵢ = dyᵢ₋₁ - dyᵢ

    prepend, append  what is put before and after x first: an array, or a number for a place of length 1
    Of a single number, or of none, nothing is left.
    Raises ValueError for a negative n and for x without an axis.
    """
    x = as_operand(x)
    if n < 0 or x.ndim == 0:
        raise ValueError(f"diff: n must be at least 0 and x have an axis, got n={n}, shape {tuple(x.shape)}")
    axis = normalize_axis(axis, x.ndim)
    parts = [x if part is x else _border(part, x, axis) for part in (prepend, x, append) if part is not None]
    x = concatenate(parts, axis) if len(parts) > 1 else x
    for _ in range(n):
        x = _slice(x, axis, 1, None) - _slice(x, axis, None, -1)
    return x


def _border(part, x, axis):
    """An array as it is; a number as a place of length 1, of x's dtype."""
    part = _beside(part, x)
    return part if part.ndim else broadcast_to(part, (*x.shape[:axis], 1, *x.shape[axis + 1:]))


def _beside(part, x):
    """An array or a Tensor as it is; numbers and lists as an array of x's dtype, where x lives."""
    return part if hasattr(part, "dtype") else get_array_module(getattr(x, "_data", x)).asarray(part, dtype=x.dtype)


def ediff1d(x, to_end=None, to_begin=None):
    """yᵢ = xᵢ₊₁ - xᵢ of x as one axis, between the numbers `to_begin` and `to_end`          dxᵢ = dyᵢ₋₁ - dyᵢ"""
    x = ravel(as_operand(x))
    ends = [None if end is None else ravel(_beside(end, x))
            for end in (to_begin, to_end)]
    parts = [part for part in (ends[0], diff(x), ends[1]) if part is not None]
    return concatenate(parts) if len(parts) > 1 else parts[0]


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """z = Σ (xᵢ₊₁ - xᵢ) (yᵢ + yᵢ₊₁) / 2 along an axis          the integral of y by the trapezoidal rule

    x   where the y are: a vector along the axis, or an array that broadcasts with y; dx, the step between them, otherwise
    dyᵢ = dz (xᵢ₊₁ - xᵢ₋₁) / 2, with one step at the ends; dxᵢ = dz (yᵢ₋₁ - yᵢ₊₁) / 2 in the middle.
    """
    y = as_operand(y)
    axis = normalize_axis(axis, y.ndim)
    if x is not None:
        x = as_operand(x)
        dx = diff(reshape(x, (-1, *(1,) * (y.ndim - axis - 1))) if x.ndim == 1 else x, axis=axis - y.ndim)
    return sum(dx * (_slice(y, axis, 1, None) + _slice(y, axis, None, -1)) / 2, axis)


def gradient(f, *varargs, axis=None, edge_order=1):
    """y ≈ ∂f/∂x along each axis, by differences of second order, as numpy.gradient: one array, or a tuple of one for each

    varargs     the steps h: one number for all axes, or for each axis a number or a vector of its coordinates x
    axis        an axis, or a tuple (None: all)
    edge_order  1: (f₁ - f₀) / h at the ends; 2: the parabola through the last three points
    Inside, between steps p before and q after, y = (p/q (f₊ - f) + q/p (f - f₋)) / (p + q), the slope of the parabola
    through the three; (f₊ - f₋) / 2h for equal steps. f's gradient, and that of the coordinates, follow from this.
    Raises ValueError for fewer than edge_order + 1 points, TypeError for a number of steps that is neither 1 nor the axes'.
    """
    f = as_operand(f)
    axes = range(f.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [normalize_axis(a, f.ndim) for a in axes]
    steps = list(varargs or [1.0])
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order must be 1 or 2, got {edge_order!r}")
    if len(steps) == 1 and not getattr(steps[0], "ndim", np.ndim(steps[0])):
        steps *= len(axes)
    if len(steps) != len(axes):
        raise TypeError(f"gradient: a step for each of {len(axes)} axes, or one for all, is needed, got {len(steps)}")
    results = tuple([_slopes(f, step, a, edge_order) for step, a in zip(steps, axes)])
    return results[0] if len(results) == 1 else results


def _slopes(f, step, axis, edge_order):
    n = f.shape[axis]
    if n <= edge_order:
        raise ValueError(f"gradient: at least {edge_order + 1} points are needed along axis {axis}, got {n}")
    step = step if isinstance(step, (int, float)) else as_operand(step)
    even = not getattr(step, "ndim", 0)
    if not even:
        if step.ndim != 1 or step.shape[0] != n:
            raise ValueError(f"gradient: the coordinates of axis {axis} must be a vector of length {n}, got shape "
                             f"{tuple(step.shape)}")
        step = expand_dims(diff(step), tuple(range(1, f.ndim - axis)))

    def steps(start, stop):
        return step if even else getitem(step, slice(start, stop))

    rises = diff(f, axis=axis)
    first, last = (_slice(rises, axis, *ends) / steps(*ends) for ends in ((None, 1), (n - 2, None)))
    if n == 2:
        return concatenate([first, last], axis)
    before, after = steps(None, -1), steps(1, None)
    left, right = _slice(rises, axis, None, -1) / before, _slice(rises, axis, 1, None) / after
    middle = (left + right) / 2 if even else (before * right + after * left) / (before + after)
    if edge_order == 2:  # the slope of a parabola is a straight line: as far beyond the chord's as the middle is before it
        first = 2 * first - _slice(middle, axis, None, 1)
        last = 2 * last - _slice(middle, axis, n - 3, None)
    return concatenate([first, middle, last], axis)
