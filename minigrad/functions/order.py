"""Repeating, rolling, sorting, picking, triangles and diagonals: the numbers stay, their places change.

Every one of these is linear once the order is known, and its gradient sends each number's gradient back to where the number
came from. The order itself (the indices of sort and topk) is piecewise constant and carries no gradient.
"""

import numpy as np

from minigrad.backend import get_array_module, to_numpy
from minigrad.function import Function
from minigrad.functions.indexing import getitem, take_along_axis
from minigrad.functions.reductions import sum
from minigrad.functions.shapes import as_operand, broadcast_to, normalize_axis, ravel, reshape, with_axes


class Roll(Function):
    """y = roll(x, shift)          dx = roll(dy, -shift)"""

    reads = {}
    takes_complex = True

    def forward(self, x, shift, axis):
        self.shift, self.axis = shift, axis
        return get_array_module(x).roll(x, shift, axis)

    def backward(self, dy):
        back = tuple(-s for s in self.shift) if isinstance(self.shift, tuple) else -self.shift
        return Roll.apply(dy, shift=back, axis=self.axis)


class Tril(Function):
    """y = x on and below the k-th diagonal, else 0          dx = tril(dy, k)"""

    reads = {}
    takes_complex = True

    def forward(self, x, k):
        self.k = k
        return get_array_module(x).tril(x, k)

    def backward(self, dy):
        return Tril.apply(dy, k=self.k)


class Triu(Function):
    """y = x on and above the k-th diagonal, else 0          dx = triu(dy, k)"""

    reads = {}
    takes_complex = True

    def forward(self, x, k):
        self.k = k
        return get_array_module(x).triu(x, k)

    def backward(self, dy):
        return Triu.apply(dy, k=self.k)


class Diagonal(Function):
    """yᵢ = x[.., i, .., i + offset, ..]          dx = zeros, with dy on the diagonal"""

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x, offset, axis1, axis2):
        self.place = dict(offset=offset, axis1=axis1, axis2=axis2)
        self.old_shape = x.shape
        return x.diagonal(**self.place)

    def backward(self, dy):
        return DiagonalScatter.apply(dy, shape=self.old_shape, **self.place)


class DiagonalScatter(Function):
    """y = zeros(shape), with x on a diagonal          dx = diagonal(dy)"""

    reads = {}
    takes_complex = True

    def forward(self, x, shape, offset, axis1, axis2):
        self.place = dict(offset=offset, axis1=axis1, axis2=axis2)
        xp = get_array_module(x)
        y = xp.zeros(shape, x.dtype)
        i = xp.arange(x.shape[-1])
        xp.moveaxis(y, (axis1, axis2), (-2, -1))[..., i + max(-offset, 0), i + max(offset, 0)] = x
        return y

    def backward(self, dy):
        return Diagonal.apply(dy, **self.place)


def roll(x, shift, axis=None):
    """x moved on by `shift` places along an axis, what leaves at the end coming in at the front; dx moves dy back.

    shift and axis may be tuples, as in numpy.roll; without an axis x is rolled as one axis.
    Raises TypeError for a shift that is no integer, ValueError for tuples of different lengths or an axis that x lacks.
    """
    shift, axis = (tuple(a) if isinstance(a, list) else a for a in (shift, axis))
    if np.asarray(shift).dtype.kind not in "iu":
        raise TypeError(f"roll: shift must be an integer or a tuple of them, got {shift!r}")
    return Roll.apply(as_operand(x), shift=shift, axis=axis)


def tile(x, reps):
    """x repeated as a block, `reps` times along each axis, as numpy.tile; dx sums over the repeats."""
    x = as_operand(x)
    reps = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    shape = (1,) * (len(reps) - x.ndim) + tuple(x.shape)
    reps = (1,) * (len(shape) - len(reps)) + reps
    apart = reshape(x, tuple(n for length in shape for n in (1, length)))  # each axis gets one for its repeats before it
    repeated = broadcast_to(apart, tuple(n for pair in zip(reps, shape) for n in pair))
    return reshape(repeated, tuple(r * n for r, n in zip(reps, shape)))


def repeat(x, repeats, axis=None):
    """x with each element repeated along an axis (None: x as one axis); dx sums over the repeats.

    repeats is a number, or a list of one for each element along the axis, as in numpy.repeat.
    Raises ValueError for counts that are negative, no integers, or not as many as the elements.
    """
    x = as_operand(x)
    x, axis = (ravel(x), 0) if axis is None else (x, normalize_axis(axis, x.ndim))
    shape, counts = tuple(x.shape), to_numpy(repeats)
    fits = counts.shape in ((), (1,), (shape[axis],)) and (counts.dtype.kind in "iu" or counts.size == 0)
    if not fits or (counts < 0).any():
        raise ValueError(f"repeat: repeats must be an integer >= 0, or one for each of the {shape[axis]} elements along "
                         f"axis {axis}, got {repeats!r}")
    if counts.ndim:
        return take(x, np.repeat(np.arange(shape[axis]), counts.astype(int)), axis)
    before, after = shape[:axis + 1], shape[axis + 1:]
    repeated = broadcast_to(reshape(x, (*before, 1, *after)), (*before, repeats, *after))
    return reshape(repeated, (*before[:-1], before[-1] * repeats, *after))


def sort(x, axis=-1, descending=False, stable=True):
    """x in ascending (or descending) order along an axis (None: x as one axis); dx puts dy back to where x came from.

    Equal numbers stay in their order, whatever `stable` says: the first of them is the first in the result as well. A nan
    is the largest number, as in NumPy.
    """
    x = as_operand(x)
    x, axis = (ravel(x), 0) if axis is None else (x, normalize_axis(axis, x.ndim))
    return take_along_axis(x, _order(x.data, axis, descending), axis)


def partition(x, kth, axis=-1):
    """x along an axis (None: x as one axis) in such an order that the kth number is in its place          dx as in sort

    What is before it is no larger, what comes after it no smaller. kth may be several places. NumPy leaves the order of the
    others open; here all are sorted. Raises ValueError for a place outside of the axis.
    """
    x = as_operand(x)
    n = x.size if axis is None else x.shape[normalize_axis(axis, x.ndim)]
    places = to_numpy(kth)
    if places.dtype.kind not in "iu" or ((places < -n) | (places >= n)).any():
        raise ValueError(f"partition: kth must be of integers in [{-n}, {n}), got {kth!r}")
    return sort(x, axis)


def topk(x, k, axis=-1, largest=True):
    """The k largest (or smallest) along an axis, best first: (values, a Tensor; indices, an array of integers)

    Of equal numbers the first one comes first, and is taken first. dx puts dy back to where the values came from.
    """
    x = as_operand(x)
    axis = normalize_axis(axis, x.ndim)
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(f"topk: there are no {k} numbers along axis {axis} of shape {tuple(x.shape)}")
    indices = _order(x.data, axis, largest)[(slice(None),) * axis + (slice(k),)]
    return take_along_axis(x, indices, axis), indices


def _order(x, axis, descending):
    """The indices that sort x; equal numbers stay in their order, in either direction."""
    xp = get_array_module(x)
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    # reversed twice: the numbers, so that the largest comes first, and their places, so that equals are in order again
    return x.shape[axis] - 1 - xp.flip(xp.argsort(xp.flip(x, axis), axis=axis, kind="stable"), axis)


def take(x, indices, axis=None):
    """The elements of x at `indices` along an axis (None: of x as one axis), as numpy.take

    dx is zero but at the indices, where dy is added.
    """
    x = as_operand(x)
    x, axis = (ravel(x), 0) if axis is None else (x, normalize_axis(axis, x.ndim))
    return getitem(x, (slice(None),) * axis + (list(indices) if isinstance(indices, tuple) else indices,))


def tril(x, k=0):
    """x with zeros above the k-th diagonal of its last two axes; dx = tril(dy, k)."""
    return Tril.apply(with_axes("tril", x, 2), k=k)


def triu(x, k=0):
    """x with zeros below the k-th diagonal of its last two axes; dx = triu(dy, k)."""
    return Triu.apply(with_axes("triu", x, 2), k=k)


def diagonal(x, offset=0, axis1=0, axis2=1):
    """The diagonal x[.., i, .., i + offset, ..] of two axes, as a new last axis, as numpy.diagonal."""
    x = with_axes("diagonal", x, 2)
    axis1, axis2 = normalize_axis(axis1, x.ndim), normalize_axis(axis2, x.ndim)
    return Diagonal.apply(x, offset=offset, axis1=axis1, axis2=axis2)


def diag(x, k=0):
    """Of a matrix its k-th diagonal; of a vector the matrix of zeros that has it as its k-th diagonal."""
    x = as_operand(x)
    if x.ndim == 1:
        n = x.shape[0] + abs(k)
        return DiagonalScatter.apply(x, shape=(n, n), offset=k, axis1=0, axis2=1)
    if x.ndim != 2:
        raise ValueError(f"diag: x must be a vector or a matrix, got shape {tuple(x.shape)}: for more axes take diagonal")
    return diagonal(x, k)


def diagflat(v, k=0):
    """The matrix of zeros that has the numbers of v, as one axis, as its k-th diagonal."""
    return diag(ravel(as_operand(v)), k)


def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of the diagonal of two axes; dx = dy on the diagonal, else 0."""
    return sum(diagonal(x, offset, axis1, axis2), -1)
