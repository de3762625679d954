"""Products of vectors, and convolution and correlation of signals of one axis, under NumPy's names."""

import functools

from minigrad.functions.complex_numbers import conj
from minigrad.functions.einsum import outer
from minigrad.functions.indexing import getitem
from minigrad.functions.order import diagonal, trace
from minigrad.functions.padding import pad
from minigrad.functions.products import matmul
from minigrad.functions.reductions import sum
from minigrad.functions.shapes import as_operand, expand_dims, flip, moveaxis, squeeze, stack
from minigrad.functions.sliding_windows import sliding_window_view


def vecdot(x1, x2, axis=-1):
    """z = Σ conj(x1) x2 along an axis; the others broadcast."""
    x1, x2 = (moveaxis(as_operand(x), axis, -1) for x in (x1, x2))
    if x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"vecdot: the vectors' lengths differ along axis {axis}: {x1.shape[-1]} and {x2.shape[-1]}")
    return sum(conj(x1) * x2, -1)


def matvec(x1, x2):
    """z_i = Σ_j x1_ij x2_j: matrices (..., n, m) by vectors (..., m), shape (..., n)."""
    return squeeze(matmul(x1, expand_dims(_vector("matvec", x2), -1)), -1)


def vecmat(x1, x2):
    """z_j = Σ_i conj(x1_i) x2_ij: vectors (..., n) by matrices (..., n, m), shape (..., m)."""
    return squeeze(matmul(expand_dims(conj(_vector("vecmat", x1)), -2), x2), -2)


def _vector(name, x):
    x = as_operand(x)
    if x.ndim < 1:
        raise ValueError(f"{name}: a 0-d operand is no vector")
    return x


def multi_dot(arrays):
    """The product of several matrices, from left to right; the first may be a row (n,), the last a column (n,).

    (NumPy puts brackets where the fewest multiplications are needed: put your own where that matters.)
    """
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: at least two arrays are needed, got {len(arrays)}")
    return functools.reduce(matmul, arrays)


def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """c = a × b = (a2 b3 - a3 b2, a3 b1 - a1 b3, a1 b2 - a2 b1) of vectors with 3 components along an axis

    axis gives all three axes at once; the other axes broadcast. da = b × dc, db = dc × a.
    Raises ValueError for vectors of another length.
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = moveaxis(as_operand(a), axisa, -1), moveaxis(as_operand(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(f"cross: the vectors must have 3 components, got {a.shape[-1]} and {b.shape[-1]}")
    (a1, a2, a3), (b1, b2, b3) = ([getitem(x, (..., i)) for i in range(3)] for x in (a, b))
    return stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axisc)


def convolve(a, v, mode="full"):
    """y_n = Σ_m a_m v_(n - m) of two vectors of N and M numbers, numbers outside of them counting as 0

    mode  "full": all N + M - 1 places where they meet; "same": the max(N, M) in the middle; "valid": those where the
          shorter lies inside of the longer, |N - M| + 1
    The windows of the longer, times the shorter turned round: da and dv follow from theirs.
    """
    a, v = as_operand(a), as_operand(v)
    if a.ndim != 1 or v.ndim != 1 or not a.shape[0] or not v.shape[0]:
        raise ValueError(f"convolve: both must be vectors, not empty, got shapes {tuple(a.shape)} and {tuple(v.shape)}")
    if v.shape[0] > a.shape[0]:
        a, v = v, a
    m = v.shape[0]
    borders = {"full": (m - 1, m - 1), "same": (m // 2, (m - 1) // 2), "valid": (0, 0)}
    if mode not in borders:
        raise ValueError(f"convolve: mode must be 'full', 'same' or 'valid', got {mode!r}")
    return matmul(sliding_window_view(pad(a, borders[mode]), m), flip(v))


def correlate(a, v, mode="valid"):
    """y_k = Σ_n a_(n + k) conj(v_n): how alike two vectors are when v is moved along a; modes as in convolve."""
    a, v = as_operand(a), as_operand(v)
    if v.shape[:1] > a.shape[:1]:  # k counts the other way round
        return flip(conj(correlate(v, a, mode)))
    return convolve(a, flip(conj(v)), mode)


# ---- the array API's, of mg.linalg

def linalg_cross(x1, x2, axis=-1):
    """c = x1 × x2 of vectors with 3 components along an axis, as numpy.linalg.cross; see mg.cross."""
    return cross(x1, x2, axis=axis)


def linalg_outer(x1, x2):
    """z_ij = x1_i x2_j of two vectors, as numpy.linalg.outer."""
    if as_operand(x1).ndim != 1 or as_operand(x2).ndim != 1:
        raise ValueError(f"linalg.outer: both must be vectors, got shapes {tuple(as_operand(x1).shape)} and "
                         f"{tuple(as_operand(x2).shape)}: mg.outer takes any")
    return outer(x1, x2)


def linalg_diagonal(x, offset=0):
    """The diagonals of matrices (..., n, m), as numpy.linalg.diagonal: of the last two axes."""
    return diagonal(x, offset, -2, -1)


def linalg_trace(x, offset=0):
    """The sums of the diagonals of matrices (..., n, m), as numpy.linalg.trace: over the last two axes."""
    return trace(x, offset, -2, -1)
