"""Reshaping, transposing, joining and splitting: the numbers stay, their places change.

Such a function is linear, and its gradient is the way back: each number's gradient returns to where it came from.
"""

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.indexing import getitem
from minigrad.tensor import Tensor


class Reshape(Function):
    """y = reshape(x)          dx = reshape(dy) to the shape of x"""

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x, shape):
        self.old_shape = x.shape
        return x.reshape(shape)

    def backward(self, dy):
        return reshape(dy, self.old_shape)


class Transpose(Function):
    """y = transpose(x)          dx = transpose(dy) by the inverse permutation"""

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x, axes):
        self.inverse = tuple(int(i) for i in np.argsort(axes))
        return x.transpose(axes)

    def backward(self, dy):
        return Transpose.apply(dy, axes=self.inverse)


class BroadcastTo(Function):
    """y = broadcast_to(x)          dx = dy summed over the repeats

    The sum is the engine's un-broadcasting: backward hands over dy as it is.
    """

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x, shape):
        return get_array_module(x).broadcast_to(x, shape)

    def backward(self, dy):
        return dy


class Flip(Function):
    """y = flip(x)          dx = flip(dy) along the same axes"""

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x, axis=None):
        self.axis = axis
        return get_array_module(x).flip(x, axis)

    def backward(self, dy):
        return flip(dy, self.axis)


class Concatenate(Function):
    """y = concatenate(xs)          dxs[i] = the part of dy that xs[i] became"""

    reads = {}
    takes_complex = True

    def forward(self, *xs, axis=0):
        self.axis, self.lengths = axis, [x.shape[axis] for x in xs]
        return get_array_module(*xs).concatenate(xs, axis)

    def backward(self, dy):
        return [lambda start=stop - n, stop=stop: _part(dy, start, stop, self.axis)
                for n, stop in zip(self.lengths, np.cumsum(self.lengths).tolist())]


class Split(Function):
    """ys = split(x)          dx = concatenate(dys)"""

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x, stops, axis):
        self.axis = axis
        return tuple(get_array_module(x).split(x, stops, axis))

    def backward(self, *dys):
        return concatenate(dys, self.axis)


class Unstack(Function):
    """ys = unstack(x)          dx = stack(dys)"""

    reads = {}
    is_view = True

    def forward(self, x, axis):
        self.axis = axis
        return tuple([x[(slice(None),) * axis + (i, Ellipsis)] for i in range(x.shape[axis])])

    def backward(self, *dys):
        return stack(dys, self.axis)


class AsType(Function):
    """y = astype(x)          dx = dy in the dtype of x, its real part for a real x"""

    reads = {}
    takes_complex = True

    def forward(self, x, dtype):
        self.old = x.dtype
        return x.astype(dtype)

    def backward(self, dy):
        return astype(dy if self.old.kind == "c" else dy.real, self.old)


def _part(x, start, stop, axis):
    return getitem(x, (slice(None),) * (axis % x.ndim) + (slice(start, stop),))


def reshape(x, *shape):
    """x's numbers, in order, in another shape: `reshape(x, (2, 3))`, `x.reshape(2, -1)`."""
    return Reshape.apply(x, shape=shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)


def ravel(x):
    """x as one axis."""
    return reshape(x, (-1,))


def transpose(x, *axes):
    """x with its axes in another order (reversed, if none is given)."""
    x = as_operand(x)
    axes = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
    axes = tuple(reversed(range(x.ndim))) if not axes or axes[0] is None else tuple(axes)
    return Transpose.apply(x, axes=tuple(normalize_axis(a, x.ndim) for a in axes))


def moveaxis(x, source, destination):
    """x with the axes `source` moved to the places `destination`, the others in their old order."""
    x = as_operand(x)
    source, destination = ([normalize_axis(a, x.ndim) for a in _as_tuple(s)]
                           for s in (source, destination))
    for name, given in (("source", source), ("destination", destination)):
        if len(set(given)) < len(given):
            raise ValueError(f"moveaxis: repeated axis in {name}, got {given}")
    if len(source) != len(destination):
        raise ValueError(f"moveaxis: source and destination must have as many axes, got {source} and {destination}")
    axes = [a for a in range(x.ndim) if a not in source]
    for to, axis in sorted(zip(destination, source)):
        axes.insert(to, axis)
    return transpose(x, tuple(axes))


def swapaxes(x, axis1, axis2):
    """x with two axes exchanged."""
    x = as_operand(x)
    axes = list(range(x.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose(x, tuple(axes))


def squeeze(x, axis=None):
    """x without its axes of length 1 (all of them, or those given; one that is longer raises)."""
    x = as_operand(x)
    axes = range(x.ndim) if axis is None else [normalize_axis(a, x.ndim) for a in _as_tuple(axis)]
    for a in () if axis is None else axes:
        if x.shape[a] != 1:
            raise ValueError(f"squeeze: axis {a} of shape {tuple(x.shape)} has length {x.shape[a]}, not 1")
    return reshape(x, tuple(n for a, n in enumerate(x.shape) if a not in axes or n != 1))


def expand_dims(x, axis):
    """x with a new axis of length 1 at each place in `axis` (places count in the result)."""
    x = as_operand(x)
    axes = _as_tuple(axis)
    ndim = x.ndim + len(axes)
    axes = [normalize_axis(a, ndim) for a in axes]
    lengths = iter(x.shape)
    return reshape(x, tuple(1 if a in axes else next(lengths) for a in range(ndim)))


def broadcast_to(x, shape):
    """x repeated along new axes and axes of length 1, so that it has `shape`; dx sums over the repeats."""
    return BroadcastTo.apply(x, shape=tuple(shape) if not isinstance(shape, int) else (shape,))


def flip(x, axis=None):
    """x in reverse order along the axes given (None: all)."""
    return Flip.apply(x, axis=axis)


def concatenate(arrays, axis=0):
    """The arrays joined along an axis that they have; they agree in all other axes."""
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    return Concatenate.apply(*arrays, axis=axis)


def stack(arrays, axis=0):
    """The arrays, all of one shape, joined along a new axis."""
    arrays = [as_operand(x) for x in arrays]
    if len({tuple(x.shape) for x in arrays}) > 1:
        raise ValueError(f"stack: all must have the same shape, got {[tuple(x.shape) for x in arrays]}")
    return concatenate([expand_dims(x, axis) for x in arrays], axis)


def split(x, indices_or_sections, axis=0):
    """A list of parts of x along an axis: into n equal parts, or before each of the indices in a list."""
    x = as_operand(x)
    axis = normalize_axis(axis, x.ndim)
    n = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if indices_or_sections < 1 or n % indices_or_sections:
            raise ValueError(f"split: an axis of length {n} cannot be divided into {indices_or_sections} equal parts")
        step = n // indices_or_sections
        stops = list(range(step, n, step)) if step else [0] * (indices_or_sections - 1)
    else:
        stops = [int(i) for i in indices_or_sections]
        places = [min(max(i + n if i < 0 else i, 0), n) for i in stops]
        if places != sorted(places):
            raise ValueError(f"split: the indices must ascend, got {stops} for an axis of length {n}")
    return list(Split.apply(x, stops=stops, axis=axis))


def unstack(x, axis=0):
    """A list of the slices of x along an axis, without that axis: the inverse of stack."""
    x = as_operand(x)
    return list(Unstack.apply(x, axis=normalize_axis(axis, x.ndim)))


def astype(x, dtype, copy=True):
    """x converted to another dtype; the gradient is converted back. To an integer or boolean type, no gradient flows."""
    if x.dtype.kind == "c" and np.dtype(dtype).kind not in "cb":
        raise TypeError(f"astype: {np.dtype(dtype)} cannot hold the imaginary parts of {x.dtype}: "
                        "use mg.real, mg.imag or mg.abs")
    return x if not copy and x.dtype == np.dtype(dtype) else AsType.apply(x, dtype=dtype)


def normalize_axis(axis, ndim):
    """`axis` counted from the front; an error if there is no such axis."""
    if not -ndim <= axis < ndim:
        raise IndexError(f"axis {axis} is out of bounds for an array of {ndim} dimensions")
    return axis % ndim


def as_operand(x):
    """x as something with axes: lists and numbers become Tensors."""
    return x if hasattr(x, "ndim") else Tensor(x)


def with_axes(name, x, ndim):
    """x as something with at least ndim axes, or an error in the name of the function that needs them."""
    x = as_operand(x)
    if x.ndim < ndim:
        raise ValueError(f"{name}: x must have at least {ndim} axes, got shape {tuple(x.shape)}")
    return x


def _as_tuple(axis):
    return tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
