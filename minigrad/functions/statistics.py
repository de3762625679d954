"""Statistics of axes: quantiles, means with weights, and what ignores nan. They compose reductions, so that none
has a gradient of its own.

A function whose name begins with nan is the one without it, with where= the numbers that are no nan: these alone count, and
the nan get no gradient.
"""

import numpy as np

from minigrad.backend import device_of, get_array_module
from minigrad.functions import scans
from minigrad.functions.arithmetic import where as select
from minigrad.functions.indexing import take_along_axis
from minigrad.functions.padding import pad
from minigrad.functions.reductions import as_axis, flattened, mask_of, max, mean, min, std, sum, var
from minigrad.functions.shapes import as_operand, astype, broadcast_to, moveaxis, reshape, stack
from minigrad.tensor import Tensor


def _numbers(x, where):
    """x, and the mask of what counts in it: the numbers that are no nan, of those that `where` names."""
    x = as_operand(x)
    numbers = x.data == x.data if isinstance(x, Tensor) else x == x
    return x, numbers if where is True else numbers & mask_of(where, x)


def nansum(x, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    """y = Σ of the x that are no nan          dx = dy, 0 at a nan; the sum of none is 0. The arguments are those of sum."""
    x, where = _numbers(x, where)
    return sum(x, axis, dtype, out, keepdims, initial, where)


def nanprod(x, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    """y = the product of the x that are no nan          dx as in prod, 0 at a nan; of none it is 1. Arguments as of prod."""
    x, where = _numbers(x, where)
    return scans.prod(x, axis, dtype, out, keepdims, initial, where)


def nanmean(x, axis=None, dtype=None, out=None, keepdims=False, where=True):
    """y = the mean of the n x that are no nan          dx = dy / n, 0 at a nan; of none it is nan. Arguments as of mean."""
    x, where = _numbers(x, where)
    return mean(x, axis, dtype, out, keepdims, where)


def nanvar(x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=True, correction=None):
    """y = var of the n x that are no nan          dx as in var, 0 at a nan. Where n <= ddof it is nan, as in NumPy."""
    return _nan_spread(var, x, axis, dtype, out, ddof, keepdims, where, correction)


def nanstd(x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=True, correction=None):
    """y = sqrt(nanvar(x))          dx as in std, 0 at a nan. Where n <= ddof it is nan, as in NumPy."""
    return _nan_spread(std, x, axis, dtype, out, ddof, keepdims, where, correction)


def _nan_spread(spread, x, axis, dtype, out, ddof, keepdims, where, correction):
    x, where = _numbers(x, where)
    y = spread(x, axis, dtype, out, ddof, keepdims, where, correction)
    n = where.sum(axis=as_axis(axis), keepdims=keepdims) - (ddof if correction is None else correction)
    return select(n <= 0, np.nan, y)


def nanmax(x, axis=None, out=None, keepdims=False, initial=None, where=True):
    """The largest x that is no nan          dx = dy at the first of the largest; where all are nan, y is nan, and dx = 0."""
    return _nan_extreme(max, x, axis, out, keepdims, initial, where, -np.inf)


def nanmin(x, axis=None, out=None, keepdims=False, initial=None, where=True):
    """The smallest x that is no nan          dx = dy at the first of the smallest; where all are nan, y is nan, dx = 0."""
    return _nan_extreme(min, x, axis, out, keepdims, initial, where, np.inf)


def _nan_extreme(extreme, x, axis, out, keepdims, initial, where, last):
    x, numbers = _numbers(x, where)
    if x.dtype.kind == "c":
        raise TypeError(f"nan{extreme.__name__}: complex numbers have no largest one: take mg.real, mg.imag or mg.abs first")
    if initial is not None:
        return extreme(x, axis, out, keepdims, initial, numbers)
    if x.dtype.kind != "f":
        return extreme(x, axis, out, keepdims, None, where)
    if where is not True or not flattened(x, axis)[0].shape[-1]:
        return extreme(x, axis, out, keepdims, None, where)  # which says that there is nothing
    y = extreme(x, axis, out, keepdims, last, numbers)
    return select(numbers.any(axis=as_axis(axis), keepdims=keepdims), y, np.nan)


def ptp(x, axis=None, out=None, keepdims=False):
    """y = max(x) - min(x) over the axes          dx = dy at the first of the largest, -dy at the first of the smallest"""
    return max(x, axis, out, keepdims) - min(x, axis, out, keepdims)


def average(x, axis=None, weights=None, returned=False, *, keepdims=False):
    """y = Σ w x / Σ w over the axes          dx = dy w / Σ w,   dw = dy (x - y) / Σ w

    weights   w, of the shape of x, or of one axis, or of the axes that are averaged (None: ones)
    returned  give (y, Σ w), both of one shape
    Raises ZeroDivisionError where Σ w is 0, as NumPy (on a GPU, where it is not looked at, y is nan or inf there).
    """
    x = as_operand(x)
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if weights is None:
        y = mean(x, axis, keepdims=keepdims)
        total = Tensor.wrap(get_array_module(y.data).ones(y.shape, y.dtype)) * (x.size // (y.size or 1))
        return (y, total) if returned else y
    w = as_operand(weights)
    if tuple(w.shape) != tuple(x.shape):
        axes = tuple(a % x.ndim for a in axes)
        if tuple(w.shape) != tuple(x.shape[a] for a in axes):
            raise ValueError(f"average: weights must have the shape {tuple(x.shape)} of x, or that of the axes {axes}, got "
                             f"{tuple(w.shape)}")
        shape = tuple(n if a in axes else 1 for a, n in enumerate(x.shape))
        w = broadcast_to(reshape(moveaxis(w, tuple(range(w.ndim)), tuple(sorted(axes).index(a) for a in axes)), shape),
                         tuple(x.shape))
    total = sum(w, axis, keepdims=keepdims)
    if device_of(total.data) == "cpu" and (total.data == 0).any():
        raise ZeroDivisionError("average: the weights sum to zero")
    y = sum(x * w, axis, keepdims=keepdims) / total
    return (y, total) if returned else y


def quantile(x, q, axis=None, *, method="linear", keepdims=False):
    """The numbers below which a part q of x lies, over the axes          dx = dy (1 - t) and dy t at two of them

    In ascending order x₀ ... xₙ₋₁, the place q (n - 1) = i + t lies between two: y = (1 - t) xᵢ + t xᵢ₊₁. Of equal numbers
    the first in memory order wins, as in median. A nan among the numbers is the quantile, and gets the gradient.

    q  a number in [0, 1], or an array of them, whose axes are the first of the result; no gradient flows to q
    Raises ValueError for nothing to order and for q outside of [0, 1], NotImplementedError for another method.
    """
    return _quantile(x, q, axis, method, keepdims, False)


def percentile(x, q, axis=None, *, method="linear", keepdims=False):
    """quantile(x, q / 100)          dx as in quantile"""
    return _quantile(x, np.true_divide(q, 100), axis, method, keepdims, False)


def nanquantile(x, q, axis=None, *, method="linear", keepdims=False):
    """quantile of the x that are no nan          dx as in quantile, 0 at a nan; of none it is nan"""
    return _quantile(x, q, axis, method, keepdims, True)


def nanpercentile(x, q, axis=None, *, method="linear", keepdims=False):
    """nanquantile(x, q / 100)          dx as in nanquantile"""
    return _quantile(x, np.true_divide(q, 100), axis, method, keepdims, True)


def median(x, axis=None, keepdims=False):
    """The middle number over the axes, or the mean of the two middle ones          dx = dy at it, or dy / 2 at each

    Where several numbers equal a middle one, the first in memory order wins and gets its gradient: all of dy if both middle
    ones are that. A nan among the numbers is the median, as in NumPy.
    """
    return _quantile(x, 0.5, axis, "linear", keepdims, False, "median")


def nanmedian(x, axis=None, *, keepdims=False):
    """median of the x that are no nan          dx as in median, 0 at a nan; of none it is nan"""
    return _quantile(x, 0.5, axis, "linear", keepdims, True, "nanmedian")


def _quantile(x, q, axis, method, keepdims, skip, name="quantile"):
    x, q = as_operand(x), np.asarray(q, float)
    if method != "linear":
        raise NotImplementedError(f"quantile: method {method!r} is not done here, only 'linear'")
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError(f"quantile: q must lie in [0, 1] (a percentile in [0, 100]), got {q}")
    x = x if x.dtype.kind == "f" else astype(x, float)
    flat, kept, rest = flattened(x, axis)
    if not flat.shape[-1] and (skip or name == "median" and 0 in rest):
        flat = pad(flat, [(0, 0)] * len(rest) + [(0, 1)], constant_values=np.nan)  # of none it is nan, or there is no result
    n = flat.shape[-1]
    if n == 0:
        raise ValueError(f"{name}: there is nothing along axis {axis} of shape {tuple(x.shape)}")
    xp = get_array_module(flat.data)
    ordered = xp.sort(flat.data, axis=-1)  # the nan come last
    count = (flat.data == flat.data).sum(axis=-1, keepdims=True)
    results = []  # where a nan is not to be skipped, the place is the last, a nan
    for part in q.ravel().tolist():
        place = part * xp.maximum(count - 1, 0) if skip else xp.where(count < n, n - 1, part * (n - 1))
        i = xp.floor(place).astype(int)
        t = (place - i).astype(x.dtype)
        low, high = (take_along_axis(flat, _first(flat.data, xp.take_along_axis(ordered, k, -1), skip), -1)
                     for k in (i, xp.minimum(i + 1, n - 1)))
        results.append(reshape(select(t == 0, low, (1 - t) * low + t * high), kept if keepdims else rest))
    return reshape(stack(results), (*q.shape, *results[0].shape)) if q.ndim else results[0]


def _first(x, value, skip):
    """The place along the last axis of the first x that is `value` (a nan is one if it does not have to be skipped)."""
    xp = get_array_module(x)
    same = (x == value) if skip else (x == value) | ((x != x) & (value != value))
    return xp.asarray(same.argmax(axis=-1))[..., None]
