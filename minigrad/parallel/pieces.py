"""How a batch is cut: into pieces that fit a core's cache, the same ones whatever the number of workers."""

import contextvars
import math
import weakref

import numpy as np

from minigrad import backend, random
from minigrad.function import recording
from minigrad.layers.layer import NeedsWholeBatch, in_piece
from minigrad.tensor import Tensor

BYTES = 8 << 20    # of results of functions in a piece. Fewer stay in the cache longer, but Python's share grows:
EACH = 512 << 10   # so many to each function at least, since threads wait for one another while Python runs;
LEAST = 2 << 20    # where a batch has fewer than twice these, it is not cut

_measured = weakref.WeakKeyDictionary()  # function -> {shapes of its arguments: (bytes of a row, of a piece at least)}


def cut(rows, piece):
    """Slices of at most `piece` of the rows, as even as can be: 40 rows by 16 are 13, 13 and 14."""
    count = max(1, -(-rows // piece))
    return [slice(i * rows // count, (i + 1) * rows // count) for i in range(count)]


def rows_of_a_piece(function, *arrays):
    """How many rows a piece should have for function(*arrays): as many as make about BYTES of results on the way (a power
    of 2, since batches mostly are), or half of the batch, if that still makes LEAST and half of what a piece should make.

    The bytes are counted, on one row and on two; no time is measured, so that the same program cuts alike on every run.
    With many functions, or large weights, a piece is larger: at least EACH bytes to a function, and as many as the gradients
    of the weights, which each piece makes anew. All rows where they cannot be cut: a layer that is not built yet or needs
    the whole batch, arrays on a GPU.
    The counting calls leave the random generators as they were.
    """
    rows = len(arrays[0])
    if rows < 2 or any(backend.device_of(getattr(a, "_data", a)) != "cpu" for a in arrays):
        return max(rows, 1)
    try:
        row, least = _counted(function, arrays)
    except Exception:  # a layer that needs the whole batch; or it fails, and then with the user's own rows
        return rows
    if row == 0:  # nothing depends on the rows, or nothing is known
        return rows
    fits = 2 ** max(round(math.log2(max(BYTES, least) / row)), 0)
    half = -(-rows // 2)
    return min(fits, half if half * row >= max(LEAST, least // 2) else rows)


def _counted(function, arrays):
    """(bytes of the results that a row makes, bytes that a piece should make at least)"""
    shapes = tuple([(a.shape[1:], str(a.dtype)) for a in arrays])
    try:
        known = _measured.setdefault(function, {})  # saves time and changes nothing
    except TypeError:  # what cannot be referred to weakly is measured each time
        known = {}
    if shapes not in known:
        one, leaves = _results(function, [a[[0]] for a in arrays])
        two, _ = _results(function, [a[[0, 0]] for a in arrays])
        if any(leaf.device != "cpu" for leaf in leaves):
            raise NeedsWholeBatch("a GPU works on all rows at once")
        known[shapes] = max(sum(two) - sum(one), 0), max(sum(leaf.nbytes for leaf in leaves), EACH * len(one))
    return known[shapes]


def _results(function, arrays):
    """The bytes of the results of each recorded operation, and the leaves that they were made from."""
    leaves, sizes = set(), []

    def count(operation, operands):
        results = [(operation.shape, operation.dtype)] if operation.shape is not None else operation.outputs
        sizes.extend(math.prod(shape) * dtype.itemsize for shape, dtype in results)
        leaves.update(x for x in operands if isinstance(x, Tensor) and x.requires_grad and x.creator is None)

    def call():
        in_piece.set(True)
        recording.set(count)
        with random.using(random.copies(np)):
            function(*arrays)

    contextvars.copy_context().run(call)
    return sizes, leaves
