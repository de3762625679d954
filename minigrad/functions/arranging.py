"""Turning arrays and picking from them: compositions of transpose, flip, getitem and index_update, under NumPy's names."""

import functools
import math
import operator

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.functions.arithmetic import where
from minigrad.functions.indexing import getitem, index_update
from minigrad.functions.joining import broadcast_arrays
from minigrad.functions.order import take
from minigrad.functions.scans import cumprod
from minigrad.functions.shapes import (
    as_operand,
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    moveaxis,
    normalize_axis,
    ravel,
    reshape,
    swapaxes,
    transpose,
    with_axes,
)
from minigrad.tensor import Tensor


def permute_dims(x, axes=None):
    """x with its axes in another order (reversed, if none is given): the array API's name of transpose."""
    return transpose(x, axes)


def matrix_transpose(x):
    """xᵀ of matrices (..., n, m): the last two axes exchanged."""
    return swapaxes(with_axes("matrix_transpose", x, 2), -1, -2)


def rollaxis(x, axis, start=0):
    """x with an axis moved to stand before the axis that is `start` now; moveaxis is easier to read."""
    x = as_operand(x)
    axis = normalize_axis(axis, x.ndim)
    if not -x.ndim <= start <= x.ndim:
        raise IndexError(f"rollaxis: start must be in [{-x.ndim}, {x.ndim}], got {start}")
    start = start + x.ndim if start < 0 else start
    return moveaxis(x, axis, start - 1 if axis < start else start)


def rot90(x, k=1, axes=(0, 1)):
    """x turned by k quarter turns, from the first of two axes towards the second."""
    x = as_operand(x)
    first, second = (normalize_axis(a, x.ndim) for a in axes)
    if first == second:
        raise ValueError(f"rot90: two different axes are needed, got {axes}")
    if k % 4 == 2:
        return flip(x, (first, second))
    if k % 4 == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second) if k % 4 else x


def fliplr(x):
    """x in reverse order along axis 1: left and right exchanged."""
    return flip(with_axes("fliplr", x, 2), 1)


def flipud(x):
    """x in reverse order along axis 0: up and down exchanged."""
    return flip(with_axes("flipud", x, 1), 0)


def put_along_axis(x, indices, values, axis):
    """x with x[.., indices[.., j, ..], ..] replaced by values[.., j, ..]: a new Tensor, where NumPy's changes x in place

    indices has x's number of axes (axis=None: x and indices as one axis, the result in x's shape); values broadcast.
    Where a place is named twice, the last value wins. dx = dy, but 0 where it was replaced; dvalues = dy there.
    """
    x = as_operand(x)
    indices = backend.beside(_array(indices), x)
    if axis is None:
        return reshape(put_along_axis(ravel(x), indices.reshape(-1), values, 0), x.shape)
    axis = normalize_axis(axis, x.ndim)
    if indices.ndim != x.ndim:
        raise ValueError(f"put_along_axis: indices must have the {x.ndim} axes of x, got shape {tuple(indices.shape)}")
    places = list(get_array_module(indices).ogrid[tuple(slice(n) for n in x.shape)])
    places[axis] = indices
    return index_update(x, tuple(places), values)


def compress(condition, x, axis=None):
    """The slices of x along an axis (None: x as one axis) where the 1-d condition is true; it may be shorter than x."""
    condition, x = _array(condition), as_operand(x)
    if condition.ndim != 1:
        raise ValueError(f"compress: condition must have one axis, got shape {tuple(condition.shape)}")
    x, axis = (ravel(x), 0) if axis is None else (x, normalize_axis(axis, x.ndim))
    lead = (slice(None),) * axis
    return getitem(getitem(x, (*lead, slice(len(condition)))), (*lead, condition.astype(bool)))


def extract(condition, x):
    """The numbers of x where the condition is true, as one axis: both are taken as one axis."""
    return getitem(ravel(x), _array(condition).reshape(-1).astype(bool))


def select(condlist, choicelist, default=0):
    """The first choice whose condition is true, number by number, else `default`: where(c0, x0, where(c1, x1, ...))."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"select: a choice for each condition is needed, got {len(condlist)} conditions and "
                         f"{len(choicelist)} choices")
    for condition, choice in reversed(list(zip(condlist, choicelist))):
        default = where(condition, choice, default)
    return default


def piecewise(x, condlist, funclist, *args, **kw):
    """y[c_i] = f_i(x[c_i], *args, **kw) for conditions c_i and functions f_i, 0 where none holds; as numpy.piecewise

    condlist  boolean arrays of x's shape (or a single one); of several that hold, the last counts
    funclist  for each a function of Tensors, or a number; one more is for where no condition holds
    A function sees those numbers alone that its condition picks, so an infinity of it elsewhere does no harm. It is not
    called for none. The result has x's dtype. Raises ValueError where conditions and functions do not fit.
    """
    x = as_operand(x)
    array = _array(x)
    xp = get_array_module(array)
    single = np.isscalar(condlist) or (x.ndim and not getattr(condlist[0], "ndim", np.ndim(condlist[0])))
    conditions = [backend.beside(_array(c), x).astype(bool) for c in ([condlist] if single else condlist)]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~functools.reduce(operator.or_, conditions))
    if len(funclist) != len(conditions):
        raise ValueError(f"piecewise: with {len(conditions)} conditions, either {len(conditions)} or {len(conditions) + 1} "
                         f"functions are expected, got {len(funclist)}")
    y = Tensor.wrap(xp.zeros_like(array))
    for condition, f in zip(conditions, funclist):
        picked = getitem(x, condition)
        if picked.size:
            y = index_update(y, condition, f(picked, *args, **kw) if callable(f) else f)
    return y


def choose(x, choices):
    """choices[x], number by number: the integer array x says which choice; all broadcast."""
    chosen = _array(x)
    if chosen.dtype.kind not in "iu":
        raise TypeError(f"choose: x must be integers, got {chosen.dtype}")
    if backend.device_of(chosen) == "cpu" and ((chosen < 0) | (chosen >= len(choices))).any():
        raise ValueError(f"choose: x must be in [0, {len(choices)}), got {chosen.min()} to {chosen.max()}")
    result = choices[0]
    for i, choice in enumerate(choices[1:], 1):
        result = where(chosen == i, choice, result)
    return broadcast_arrays(result, chosen)[0]


def _array(x):
    x = x.data if isinstance(x, Tensor) else x
    return x if backend.is_array(x) else np.asarray(x)


def fill_diagonal(x, val, wrap=False):
    """x with x[i, i, .., i] replaced by `val` (a number, or one for each place): a new Tensor; NumPy's changes x in place

    wrap  in a matrix of more rows than columns, begin again after one row, as NumPy does
    dx = dy, but 0 on the diagonal; dval = dy there.
    """
    x = with_axes("fill_diagonal", x, 2)
    if x.ndim > 2 and len(set(x.shape)) > 1:
        raise ValueError(f"fill_diagonal: more than two axes must be of equal length, got shape {tuple(x.shape)}")
    n = x.shape[1]
    step = n + 1 if x.ndim == 2 else sum(math.prod(x.shape[i:]) for i in range(1, x.ndim)) + 1
    end = x.size if wrap or x.ndim > 2 else min(n * n, x.size)
    count = len(range(0, end, step))
    if getattr(val, "ndim", np.ndim(val)):
        from_val = ravel(as_operand(val))
        val = take(from_val, get_array_module(getattr(x, "_data", x)).arange(count) % from_val.shape[0])
    return reshape(index_update(ravel(x), slice(0, end, step), val), x.shape)


def vander(x, N=None, increasing=False):
    """Vandermonde's matrix of a vector: y[i, j] = x_i^(N - 1 - j), or x_i^j if increasing; N columns, as many as rows

    By cumulative products, so that the gradient is right where x is 0, too.
    """
    x = as_operand(x)
    if x.ndim != 1:
        raise ValueError(f"vander: x must be a vector, got shape {tuple(x.shape)}")
    n = x.shape[0] if N is None else N
    ones = get_array_module(getattr(x, "_data", x)).ones((x.shape[0], 1), x.dtype)
    columns = concatenate([ones, broadcast_to(expand_dims(x, 1), (x.shape[0], max(n - 1, 0)))], 1)
    powers = getitem(cumprod(columns, 1), (slice(None), slice(n)))
    return powers if increasing else flip(powers, 1)
