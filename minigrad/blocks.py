"""An array function on some rows at a time: what it makes on its way stays in a core's cache, and the cores share the rows.

NumPy makes one pass over the whole array, and one new array, for each operation: a formula of five operations on 8 MB moves
80 MB through memory. On 1 MB of rows at a time, all but the first read and the last write stay in the cache:

    y = in_blocks(stable_softmax, x, last=1)      # over the last axis: the others count rows that do not know each other

The numbers are those of `stable_softmax(x)`, since each row is computed as in the whole, and they do not depend on which
thread took it. Arrays of less than two blocks (eight, where no second thread takes a share: a block is copied to its place,
which costs what the cache gains) are left whole, and so are a GPU's, whose threads need no help.
"""

import functools
import os

import numpy as np

from minigrad.threads import count_workers, in_threads, inside_threads

BLOCK = 1 << 20  # bytes of the first operand in a block: smaller ones were no faster (docs/performance.md)
SHARED, ALONE = 2, 8  # so many blocks make it worth while, on several threads and on one


def in_blocks(function, *arrays, last=0, made=0):
    """function(*arrays), block by block where that helps.

    function  gives an array, or a tuple of arrays, whose first axes are those of the operands. It may look along the `last`
              axes, and is called with the others flattened into one, or with only the first of them cut.
    arrays    those with the same axes as the first one, but for the last, are cut; all others are handed over whole.
              With last=0 (element by element) nothing is cut where operands of different shapes broadcast.
    made      bytes of what the function makes on its way from all rows, if that is more than the first operand has.
    """
    x = arrays[0]
    if type(x) is not np.ndarray or (made := max(made, x.nbytes)) < SHARED * BLOCK or x.ndim <= last:
        return function(*arrays)
    if made < ALONE * BLOCK and (inside_threads() or workers() == 1):
        return function(*arrays)
    front = x.shape[:x.ndim - last]
    cut = [type(a) is np.ndarray and a.ndim == x.ndim and a.shape[:len(front)] == front for a in arrays]
    contiguous = all(a.flags.c_contiguous for a, c in zip(arrays, cut) if c)
    if not last and not (contiguous and all(c or np.ndim(a) == 0 for a, c in zip(arrays, cut))):
        return function(*arrays)
    if contiguous:
        arrays = [a.reshape(-1, *a.shape[len(front):]) if c else a for a, c in zip(arrays, cut)]
    several, result = _block_by_block(function, arrays, cut, max(BLOCK * len(arrays[0]) // made, 1))
    whole = [y.reshape(*front, *y.shape[arrays[0].ndim - last:]) for y in result]
    return tuple(whole) if several else whole[0]


def _block_by_block(function, arrays, cut, rows):
    """The same, in blocks of so many rows: (whether the function gives several arrays, a list of them)."""
    def block(i):
        return function(*[a[i * rows:(i + 1) * rows] if c else a for a, c in zip(arrays, cut)])

    def fill(i):
        given = block(i) if i else first
        for y, whole in zip(given if several else (given,), result):
            whole[i * rows:(i + 1) * rows] = y

    first, n = block(0), len(arrays[0])
    several = isinstance(first, tuple)
    result = [np.empty((n, *y.shape[1:]), y.dtype) for y in (first if several else (first,))]
    in_threads(fill, -(-n // rows), workers())
    return several, result


@functools.cache
def workers():
    """How many threads share the blocks: the cores that this process may use, or OMP_NUM_THREADS, as for other libraries."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdigit() and wanted != "0" else count_workers("auto")
