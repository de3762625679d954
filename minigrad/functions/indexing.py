"""Taking elements out of an array, and putting gradients back: gather and scatter are each other's backward."""

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import where
from minigrad.tensor import Tensor, get_default_dtype


class GetItem(Function):
    """y = x[key]          dx = zeros, with dy added at key

    An element that key names twice was used twice, so its two gradients are added.
    """

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x, key):
        self.key, self.old_shape = key, x.shape
        return x[key]

    def backward(self, dy):
        return Scatter.apply(dy, key=self.key, shape=self.old_shape)


class Scatter(Function):
    """y = zeros(shape), with x added at key          dx = dy[key]"""

    reads = {}
    takes_complex = True

    def forward(self, x, key, shape):
        self.key = key
        y = get_array_module(x).zeros(shape, x.dtype)
        if _is_basic(key):
            y[key] = x  # no element twice
        else:
            backend.scatter_add(y, key, x)
        return y

    def backward(self, dy):
        return getitem(dy, self.key)


class TakeAlongAxis(Function):
    """y[.., j, ..] = x[.., indices[.., j, ..], ..]          dx = zeros, with dy added at the indices"""

    reads = {}
    takes_complex = True

    def forward(self, x, indices, axis):
        self.indices, self.axis, self.length = indices, axis, x.shape[axis]
        return get_array_module(x).take_along_axis(x, indices, axis)

    def backward(self, dy):
        return PutAlongAxis.apply(dy, indices=self.indices, axis=self.axis, length=self.length)


class PutAlongAxis(Function):
    """y = zeros, with x[.., j, ..] at [.., indices[.., j, ..], ..]          dx = take_along_axis(dy, indices)"""

    reads = {}
    takes_complex = True

    def forward(self, x, indices, axis, length):
        self.indices, self.axis = indices, axis
        xp = get_array_module(x)
        y = xp.zeros(x.shape[:axis] + (length,) + x.shape[axis + 1:], x.dtype)
        if indices.shape[axis] == 1:
            xp.put_along_axis(y, indices, x, axis)
        else:
            places = list(xp.ogrid[tuple(slice(n) for n in x.shape)])
            places[axis] = indices
            backend.scatter_add(y, tuple(places), x)
        return y

    def backward(self, dy):
        return TakeAlongAxis.apply(dy, indices=self.indices, axis=self.axis)


class IndexUpdate(Function):
    """y = x, but y[key] = value          dx = dy, but 0 at key,   dvalue = dy[key]

    Where key names an element twice, the last value wins, and the others get no gradient.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, value, key):
        xp = get_array_module(x)
        self.key, self.replaced, self.value_dtype = key, xp.zeros(x.shape, bool), getattr(value, "dtype", x.dtype)
        self.replaced[key] = True
        self.is_last = None
        if not _is_basic(key):  # CuPy does not say which of two values for one element it writes: give it the last twice
            last, numbers = _last_named(xp, x.shape, key)
            self.is_last = last == numbers
            if getattr(value, "ndim", 0):
                value = xp.broadcast_to(value, last.shape).reshape(-1)[last]
        y = x.copy()
        y[key] = value
        return y

    def backward(self, dy):
        def dvalue():
            taken = getitem(dy, self.key)
            taken = taken if self.is_last is None else where(self.is_last, taken, 0.0)
            return taken.astype(np.result_type(taken.dtype, self.value_dtype), copy=False)

        return lambda: where(self.replaced, 0.0, dy), dvalue


class IndexAdd(Function):
    """y = x, with value added at key          dx = dy,   dvalue = dy[key]

    Where key names an element twice, both values are added to it, and both get its gradient.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, value, key):
        self.key, self.value_dtype = key, getattr(value, "dtype", x.dtype)
        y = x.copy()
        if _is_basic(key):
            y[key] += value
        else:
            backend.scatter_add(y, key, value)
        return y

    def backward(self, dy):
        return dy, lambda: getitem(dy, self.key).astype(np.result_type(dy.dtype, self.value_dtype), copy=False)


def _last_named(xp, shape, key):
    """The places of x[key] are numbered: for each, the last that names the same element of x, and its own number."""
    highest = xp.zeros(shape, int)
    numbers = xp.arange(highest[key].size).reshape(highest[key].shape)
    xp.maximum.at(highest, key, numbers)
    return highest[key], numbers


def _is_basic(key):
    return all(k is None or k is Ellipsis or isinstance(k, (int, slice, np.integer))
               for k in (key if isinstance(key, tuple) else (key,)))


def _plain(key, x):
    """The key with Tensors replaced by their arrays, and lists and host arrays moved to where x lives, once."""
    if isinstance(key, tuple):
        return tuple(_plain(k, x) for k in key)
    if isinstance(key, Tensor):
        key = key.data
    if isinstance(key, list):
        key = np.asarray(key) if key else np.zeros(0, int)
    if hasattr(key, "dtype") and key.dtype.kind not in "biu":
        raise IndexError(f"an index must be of integers or booleans, got {key.dtype}: use .astype(int)")
    return backend.beside(key, x)


def getitem(x, key):
    """x[key]: integers, slices, None, Ellipsis, integer and boolean arrays, as in NumPy.

    dx is zero but at key, where dy is added.
    """
    return GetItem.apply(x, key=_plain(key, x))


def take_along_axis(x, indices, axis):
    """The elements of x at `indices` along an axis, as numpy.take_along_axis: indices has x's number of axes.

    Raises IndexError for an axis that x lacks and for indices outside of it, ValueError for another number of axes.
    """
    x = x if hasattr(x, "ndim") else Tensor(x)
    if axis is None or not -x.ndim <= axis < x.ndim:
        raise IndexError(f"take_along_axis: axis {axis} is none of the {x.ndim} axes of x: for x as one axis take x.ravel()")
    indices = _plain(indices, x)
    if indices.ndim != x.ndim:
        raise ValueError(f"take_along_axis: indices must have the {x.ndim} axes of x, got shape {tuple(indices.shape)}")
    return TakeAlongAxis.apply(x, indices=indices, axis=axis % x.ndim)


def index_update(x, key, value):
    """x with x[key] replaced by `value`: what `x[key] = value` would do in place.

    Where key names an element twice, the last value wins.
    """
    return IndexUpdate.apply(x, value, key=_plain(key, x))


def index_add(x, key, value):
    """x with `value` added to x[key]: what `x[key] += value` would do in place          dx = dy, dvalue = dy[key]

    Where key names an element twice, both values are added.
    """
    return IndexAdd.apply(x, value, key=_plain(key, x))


def embedding(ids, weight):
    """y[..., :] = weight[ids[...], :]          dweight = zeros, with dy added at the rows ids

    ids     integers (...), each in [0, V)
    weight  (V, D): a row for each word
    Raises IndexError for an id outside of the vocabulary, TypeError for ids that are no integers.
    """
    return GetItem.apply(weight, key=backend.beside(_checked_ids(ids, weight.shape[0], "embedding"), weight))


def one_hot(ids, classes, dtype=None):
    """y[..., c] = 1 where c = ids[...], else 0: a row of `classes` numbers for each id; no gradient flows through it.

    ids    integers (...), each in [0, classes)
    dtype  of the result (..., classes), the default dtype unless given; the result lives where the ids do
    Raises IndexError for an id that is no class (on a GPU, where it is not looked for, its row is 0), TypeError for ids
    that are no integers, ValueError for a number of classes below 1.
    """
    if not isinstance(classes, (int, np.integer)) or classes < 1:
        raise ValueError(f"one_hot: classes must be an integer >= 1, got {classes!r}")
    ids = _checked_ids(ids, classes, "one_hot")
    y = ids[..., None] == get_array_module(ids).arange(classes)
    return Tensor.wrap(y.astype(get_default_dtype() if dtype is None else dtype))


def _checked_ids(ids, count, function):
    """ids as an array of integers, on the host in [0, count)."""
    ids = ids.data if isinstance(ids, Tensor) else ids
    if not backend.is_array(ids):
        ids = np.asarray(ids)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{function}: ids must be integers, got {ids.dtype}")
    if ids.size and backend.device_of(ids) == "cpu" and not (0 <= ids.min() and ids.max() < count):
        raise IndexError(f"{function}: ids must be in [0, {count}), got {ids.min()} to {ids.max()}")
    return ids
