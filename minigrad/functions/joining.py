"""Joining, splitting, inserting and leaving out: compositions of concatenate, split and take, under NumPy's names."""

import builtins
import math

import numpy as np

from minigrad.backend import get_array_module, to_numpy
from minigrad.functions.indexing import getitem
from minigrad.functions.order import take, tile
from minigrad.functions.shapes import (
    as_operand,
    broadcast_to,
    concatenate,
    expand_dims,
    moveaxis,
    normalize_axis,
    ravel,
    reshape,
    split,
    with_axes,
)
from minigrad.tensor import Tensor


def concat(arrays, axis=0):
    """The arrays joined along an axis that they have: the array API's name of concatenate."""
    return concatenate(arrays, axis)


def atleast_1d(*arrays):
    """A 0-d array as one of shape (1,), others as they are; a tuple if there are several."""
    return _each(lambda x: reshape(x, (1,)) if x.ndim == 0 else x, arrays)


def atleast_2d(*arrays):
    """A vector (n,) as a row (1, n), a 0-d array as (1, 1), others as they are; a tuple if there are several."""
    return _each(lambda x: reshape(x, (1,) * (2 - x.ndim) + tuple(x.shape)) if x.ndim < 2 else x, arrays)


def atleast_3d(*arrays):
    """() as (1, 1, 1), (n,) as (1, n, 1), (n, m) as (n, m, 1), others as they are; a tuple if there are several."""
    def deepened(x):
        return x if x.ndim > 2 else expand_dims(x, (0, 1, 2) if x.ndim == 0 else (0, 2) if x.ndim == 1 else 2)
    return _each(deepened, arrays)


def _each(function, arrays):
    results = tuple([function(_tensor(x)) for x in arrays])
    return results[0] if len(results) == 1 else results


def _tensor(x):
    return x if isinstance(x, Tensor) else Tensor.wrap(x) if hasattr(x, "ndim") else Tensor(x)


def vstack(arrays):
    """The arrays one below the other, vectors as rows: joined along axis 0."""
    return concatenate([atleast_2d(x) for x in arrays], 0)


def hstack(arrays):
    """The arrays side by side: joined along axis 1, vectors along their only axis."""
    arrays = [atleast_1d(x) for x in arrays]
    return concatenate(arrays, 0 if arrays and arrays[0].ndim == 1 else 1)


def dstack(arrays):
    """The arrays one behind the other: joined along axis 2, (n,) taken as (1, n, 1) and (n, m) as (n, m, 1)."""
    return concatenate([atleast_3d(x) for x in arrays], 2)


def column_stack(arrays):
    """Vectors as the columns of a matrix, beside matrices as they are."""
    arrays = [_tensor(x) for x in arrays]
    return concatenate([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in arrays], 1)


def block(arrays):
    """Nested lists of arrays put together: the innermost along the last axis, those around along the last but one ...

    block([[a, b], [c, d]]) is the matrix of four blocks. Arrays of fewer axes get axes of length 1 in front.
    """
    def depth(x):
        if not isinstance(x, list):
            return 0
        depths = {depth(i) for i in x}
        if len(depths) != 1:
            raise ValueError("block: the lists must be nested equally deep, and none may be empty, got depths "
                             f"{sorted(depths)}")
        return 1 + depths.pop()

    def most(x):
        return builtins.max(map(most, x)) if isinstance(x, list) else _tensor(x).ndim

    def joined(x, axis):
        if isinstance(x, list):
            return concatenate([joined(i, axis + 1) for i in x], axis)
        return reshape(x, (1,) * (ndim - _tensor(x).ndim) + tuple(_tensor(x).shape))

    deep = depth(arrays)
    ndim = builtins.max(deep, most(arrays))
    return joined(arrays, -deep)


def append(x, values, axis=None):
    """x with `values` at its end along an axis (None: both as one axis); Python numbers get x's dtype."""
    x = _tensor(x)
    values = _tensor(values) if hasattr(values, "dtype") else Tensor(values, dtype=x.dtype, device=x.device)
    return concatenate([x, values], axis) if axis is not None else concatenate([ravel(x), ravel(values)])


def array_split(x, indices_or_sections, axis=0):
    """A list of parts of x along an axis, as split, but n parts need not be equal: the first ones are longer by one."""
    x = as_operand(x)
    n = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if indices_or_sections < 1:
            raise ValueError(f"array_split: the number of parts must be at least 1, got {indices_or_sections}")
        size, longer = divmod(n, int(indices_or_sections))
        indices_or_sections = [i * size + builtins.min(i, longer) for i in range(1, indices_or_sections)]
    return split(x, indices_or_sections, axis)


def hsplit(x, indices_or_sections):
    """split along axis 1, of a vector along its only axis."""
    return split(with_axes("hsplit", x, 1), indices_or_sections, 1 if as_operand(x).ndim > 1 else 0)


def vsplit(x, indices_or_sections):
    """split along axis 0 of at least two axes."""
    return split(with_axes("vsplit", x, 2), indices_or_sections, 0)


def dsplit(x, indices_or_sections):
    """split along axis 2 of at least three axes."""
    return split(with_axes("dsplit", x, 3), indices_or_sections, 2)


def broadcast_arrays(*arrays):
    """The arrays, each repeated so that all have the shape that they broadcast to: a tuple."""
    shape = np.broadcast_shapes(*[tuple(_tensor(x).shape) for x in arrays])
    return tuple([broadcast_to(_tensor(x), shape) for x in arrays])


def meshgrid(*xi, indexing="xy", sparse=False):
    """Coordinates of a grid from those of its axes: a tuple of arrays, y_k[i_1, i_2, ..] = xi_k[i_k]

    indexing  "ij": axis k belongs to xi[k];  "xy": the first two are exchanged, as rows and columns of an image are
    sparse    leave each of length 1 along the axes of the others
    dx sums over the repeats.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    axes = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        axes[:2] = 1, 0
    grid = [reshape(x, [-1 if i == axis else 1 for i in range(len(xi))]) for x, axis in zip(xi, axes)]
    return tuple(grid) if sparse else broadcast_arrays(*grid)


def insert(x, obj, values, axis=None):
    """x with `values` put in before the places `obj` along an axis (None: x as one axis), as numpy.insert

    obj     a place, a slice, or a list of them (they count in x), or a mask
    values  one for all places, or one for each; for an integer obj all of values goes there. They get x's dtype.
    dx and dvalues are the parts of dy where they went.
    """
    x = _tensor(x)
    x, axis = (ravel(x), 0) if axis is None else (x, normalize_axis(axis, x.ndim))
    values, n = _tensor(values).astype(x.dtype, copy=False), x.shape[axis]
    places = _places("insert", obj, n, n + 1)
    values = reshape(values, (1,) * (x.ndim - values.ndim) + tuple(values.shape))
    if places.ndim == 0:
        values = moveaxis(values, 0, axis)
    count = places.size if places.size != 1 else values.shape[axis]
    values = broadcast_to(values, (*x.shape[:axis], count, *x.shape[axis + 1:]))
    keys = np.concatenate([np.arange(n) + 0.5, np.broadcast_to(places, count)])  # a new one stands before the old one there
    return take(concatenate([x, values], axis), np.argsort(keys, kind="stable"), axis)


def delete(x, obj, axis=None):
    """x without the places `obj` (one, a slice, a list of them, or a mask) along an axis (None: x as one axis)

    What was left out gets a gradient of 0.
    """
    x = as_operand(x)
    x, axis = (ravel(x), 0) if axis is None else (x, normalize_axis(axis, x.ndim))
    places = _places("delete", obj, x.shape[axis], x.shape[axis])
    return take(x, np.setdiff1d(np.arange(x.shape[axis]), places), axis)


def _places(name, obj, n, stop):
    """The places that obj names among n, as integers in [0, stop): an array of no or one axis."""
    if isinstance(obj, slice):
        return np.arange(n)[obj]
    places = to_numpy(obj)
    if places.dtype == bool:
        if name == "delete" and places.shape != (n,):
            raise ValueError(f"delete: a mask must have shape ({n},), got {places.shape}")
        places = np.flatnonzero(places)
    places = places.astype(int) if places.size == 0 else places
    if places.dtype.kind not in "iu" or (name == "insert" and places.ndim > 1):
        raise IndexError(f"{name}: obj must be an integer, a slice, or a list of integers or truth values, got {obj!r}")
    if ((places < -n) | (places >= stop)).any():
        raise IndexError(f"{name}: place {obj!r} is out of bounds for an axis of length {n}")
    return np.where(places < 0, places + n, places)


def resize(x, new_shape):
    """x's numbers, in order and from the front again where they do not suffice, in another shape, as numpy.resize

    dx sums over the repeats. (Of no numbers zeros are made.)
    """
    x = ravel(_tensor(x))
    shape = (new_shape,) if isinstance(new_shape, (int, np.integer)) else tuple(new_shape)
    count = math.prod(shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"resize: no length may be negative, got {new_shape!r}")
    if x.size == 0:
        return Tensor.wrap(get_array_module(x.data).zeros(shape, x.dtype))
    return reshape(getitem(tile(x, -(-count // x.size)), slice(count)), shape)
