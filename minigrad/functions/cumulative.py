"""Further running functions along an axis: the array API's sums and products, those without nan, extremes, log-sum-exp."""

import math

from minigrad.backend import get_array_module
from minigrad.functions import scans
from minigrad.functions.arithmetic import where
from minigrad.functions.exponential import exp, log
from minigrad.functions.indexing import take_along_axis
from minigrad.functions.padding import pad
from minigrad.functions.reductions import counted
from minigrad.functions.shapes import as_operand, normalize_axis, swapaxes


def cumulative_sum(x, *, axis=None, dtype=None, out=None, include_initial=False):
    """yᵢ = x₁ + ... + xᵢ along an axis, which may be left out for a vector          dx as in cumsum

    include_initial  begin with 0, the sum of nothing: y is longer than x by one
    """
    return _cumulative(scans.cumsum, 0, x, axis, dtype, out, include_initial)


def cumulative_prod(x, *, axis=None, dtype=None, out=None, include_initial=False):
    """yᵢ = x₁ x₂ ... xᵢ along an axis, which may be left out for a vector          dx as in cumprod

    include_initial  begin with 1, the product of nothing: y is longer than x by one
    """
    return _cumulative(scans.cumprod, 1, x, axis, dtype, out, include_initial)


def _cumulative(scan, initial, x, axis, dtype, out, include_initial):
    x = as_operand(counted(x, dtype, out))
    if x.ndim == 0 or (axis is None and x.ndim > 1):
        raise ValueError(f"cumulative_{scan.__name__[3:]}: x must have an axis, and if several, say which: axis=, got shape "
                         f"{tuple(x.shape)}")
    axis = normalize_axis(0 if axis is None else axis, x.ndim)
    y = scan(x, axis)
    return pad(y, [(int(a == axis), 0) for a in range(x.ndim)], constant_values=initial) if include_initial else y


def nancumsum(x, axis=None, dtype=None, out=None):
    """cumsum with each nan counted as 0          dx as in cumsum, 0 at a nan"""
    return scans.cumsum(_without_nan(x, dtype, out, 0), axis)


def nancumprod(x, axis=None, dtype=None, out=None):
    """cumprod with each nan counted as 1          dx as in cumprod, 0 at a nan"""
    return scans.cumprod(_without_nan(x, dtype, out, 1), axis)


def _without_nan(x, dtype, out, neutral):
    x = as_operand(counted(x, dtype, out))
    array = getattr(x, "_data", x)
    return where(array == array, x, neutral)


def cummax(x, axis=-1):
    """(yᵢ = the largest of x₁ ... xᵢ along an axis, a Tensor; its place there, an array of integers)

    dy goes to where the number came from; at a tie to the first of equal numbers (PyTorch takes the last). A nan is the
    largest, and stays so to the end.
    """
    return _running(x, axis, lambda old, new: old >= new)


def cummin(x, axis=-1):
    """(yᵢ = the smallest of x₁ ... xᵢ along an axis, a Tensor; its place there, an array of integers)

    dy goes to where the number came from; at a tie to the first of equal numbers (PyTorch takes the last). A nan is the
    smallest, and stays so to the end.
    """
    return _running(x, axis, lambda old, new: old <= new)


def _running(x, axis, wins):
    """In rounds that look 1, 2, 4 ... places back, as in scans.Recurrence: the better of two is again such a choice."""
    x = as_operand(x)
    axis = normalize_axis(axis, x.ndim)
    array = getattr(x, "_data", x)
    xp = get_array_module(array)
    best = xp.moveaxis(array, axis, -1).copy()
    n = best.shape[-1]
    places = xp.broadcast_to(xp.arange(n), best.shape).copy()
    distance = 1
    while distance < n:
        old, new = best[..., :-distance].copy(), best[..., distance:]
        keep = wins(old, new) | (old != old)
        places[..., distance:] = xp.where(keep, places[..., :-distance], places[..., distance:])
        best[..., distance:] = xp.where(keep, old, new)
        distance *= 2
    places = xp.moveaxis(places, -1, axis)
    return take_along_axis(x, places, axis), places


def logcumsumexp(x, axis=-1):
    """yᵢ = log(eˣ¹ + ... + eˣⁱ) along an axis, without overflow          dxᵢ = Σ dyₖ exp(xᵢ - yₖ) over k >= i

    With mᵢ = the largest of x₁ ... xᵢ, sᵢ = Σ exp(xₖ - mᵢ) over k <= i is the recurrence
    sᵢ = exp(mᵢ₋₁ - mᵢ) sᵢ₋₁ + exp(xᵢ - mᵢ), in which nothing is larger than i, and y = m + log s. It does not depend on m,
    which is taken as a constant. Where all are -inf so far, so is y, and passes no gradient on.
    """
    x = as_operand(x)
    axis = normalize_axis(axis, x.ndim)
    x = swapaxes(x, axis, -1)
    m = cummax(x)[0].data
    xp = get_array_module(m)
    finite = xp.where(m == -math.inf, xp.zeros_like(m), m)
    turned = xp.zeros_like(m)
    turned[..., 1:] = xp.exp(xp.where(m[..., :-1] == -math.inf, -math.inf, finite[..., :-1] - finite[..., 1:]))
    s = scans.Recurrence.apply(turned, exp(x - finite))
    nothing = s.data == 0
    return swapaxes(where(nothing, -math.inf, finite + log(where(nothing, 1.0, s))), axis, -1)
