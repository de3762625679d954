"""Products of matrices."""

import math

import numpy as np

from minigrad.backend import get_array_module
from minigrad.blocks import workers
from minigrad.function import Function
from minigrad.functions.reductions import sum
from minigrad.functions.shapes import expand_dims, squeeze, swapaxes
from minigrad.tensor import Tensor
from minigrad.threads import in_threads, inside_threads, one_blas_thread

SINGLE, SHARED = 1 << 18, 1 << 23  # multiplications from which on OpenBLAS takes more threads; and we do


class Matmul(Function):
    """z = x @ y          dx = dz @ yᵀ,   dy = xᵀ @ dz

    x (..., n, k), y (..., k, m), z (..., n, m); the leading axes broadcast.
    z_ij = Σ_k x_ik y_kj, so x_ik meets dz_ij with weight y_kj:  dx_ik = Σ_j dz_ij y_kj;  likewise dy_kj = Σ_i x_ik dz_ij.
    """

    reads = {"dx": "y", "dy": "x"}
    takes_complex = True

    def forward(self, x, y):
        return shared_matmul(x, y)

    def backward(self, dz):
        x, y = self.inputs
        return lambda: matmul(dz, swapaxes(y, -1, -2)), lambda: matmul(swapaxes(x, -1, -2), dz)


class Linear(Function):
    """y = x @ w + b          dx = dy @ wᵀ,   dw = xᵀ @ dy over all rows,   db = Σ dy over the rows

    x (..., in), w (in, out), b (out,) if given, y (..., out): a product as in Matmul, of all rows at once, and a sum whose b
    is repeated in every row. The bias is added in place, which saves a pass over an array of y's size. The product and its
    two gradients, of which each is linear in both of its operands, are each other's backward, as those of a convolution.
    """

    reads = {"dx": "w", "dw": "x"}
    takes_complex = True

    def forward(self, x, w, *b):
        y = shared_matmul(_rows(x), w).reshape(*x.shape[:-1], w.shape[1])
        if not b:
            return y
        if y.dtype != b[0].dtype:
            return y + b[0]
        y += b[0]
        return y

    def backward(self, dy):
        x, w, *b = self.inputs
        return (lambda: LinearInputGradient.apply(dy, w), lambda: LinearWeightGradient.apply(x, dy),
                *[lambda: sum(dy, tuple(range(dy.ndim - 1)))] * len(b))


class LinearInputGradient(Function):
    """x = y @ wᵀ          dy = dx @ w,   dw = dxᵀ @ y over all rows"""

    reads = {"dy": "w", "dw": "y"}
    takes_complex = True

    def forward(self, y, w):
        return shared_matmul(_rows(y), w.T).reshape(*y.shape[:-1], len(w))

    def backward(self, dx):
        y, w = self.inputs
        return lambda: Linear.apply(dx, w), lambda: LinearWeightGradient.apply(dx, y)


class LinearWeightGradient(Function):
    """w = xᵀ @ y over all rows          dx = y @ dwᵀ,   dy = x @ dw"""

    reads = {"dx": "y", "dy": "x"}
    takes_complex = True

    def forward(self, x, y):
        return shared_matmul(_rows(x).T, _rows(y))

    def backward(self, dw):
        x, y = self.inputs
        return lambda: LinearInputGradient.apply(y, dw), lambda: Linear.apply(x, dw)


def _rows(x):
    """The array x as a matrix, all but its last axis made one."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def shared_matmul(x, y):
    """x @ y of arrays, shared by the cores' threads, with one BLAS thread each: parts of a matrix's longer side, or of a
    batch. BLAS's own threads would be in the way of ours afterwards, see threads.py."""
    xp, work = get_array_module(x, y), x.size * y.shape[-1]  # multiplications, but for a batch that is broadcast
    if xp is not np or work < SINGLE or inside_threads():
        return xp.matmul(x, y)
    parts = workers() if work >= SHARED else 1
    if x.ndim == 2 and y.ndim == 2:
        z = np.empty((len(x), y.shape[1]), np.result_type(x, y))
        by_rows = len(x) >= y.shape[1]
    elif x.shape[:-2] == y.shape[:-2] and x.dtype == y.dtype:
        z, by_rows = np.empty((*x.shape[:-1], y.shape[-1]), x.dtype), None
    else:
        parts = 1
    if parts == 1:
        with one_blas_thread:
            return np.matmul(x, y)
    n = z.shape[1] if by_rows is False else len(z)

    def part(i):
        some = slice(i * n // parts, (i + 1) * n // parts)
        if by_rows is False:
            np.matmul(x, y[:, some], out=z[:, some])
        else:
            np.matmul(x[some], y if by_rows else y[some], out=z[some])

    in_threads(part, parts, parts)
    return z


def linear(x, w, b=None):
    """y = x @ w + b          dx = dy @ wᵀ,   dw = xᵀ @ dy,   db = Σ dy over the rows

    x (..., in), w (in, out), b (out,) or None, y (..., out). (The weights lie as in Keras's Dense; PyTorch's have them
    transposed.)
    Raises ValueError for shapes that do not agree.
    """
    if w.ndim != 2 or x.ndim == 0 or x.shape[-1] != w.shape[0] or (b is not None and tuple(b.shape) != (w.shape[1],)):
        bias = "" if b is None else f", b {tuple(b.shape)}"
        raise ValueError(f"linear: expected x (..., in), w (in, out), b (out,), got x {tuple(x.shape)}, w {tuple(w.shape)}"
                         + bias)
    return matmul(x, w) if b is None else Linear.apply(x, w, b)


def matmul(x, y):
    """The product of matrices, batched and broadcast, as numpy.matmul: a vector on the left is a row, on the right a column.

    dx = dz @ yᵀ, dy = xᵀ @ dz.
    """
    x, y = (a if hasattr(a, "ndim") else Tensor(a) for a in (x, y))
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul: a 0-d operand is no matrix; use * for a scalar")
    if x.ndim == 1:
        return squeeze(matmul(expand_dims(x, 0), y), -2 if y.ndim > 1 else 0)
    if y.ndim == 1:
        return squeeze(matmul(x, expand_dims(y, 1)), -1)
    if x.shape[-1] != y.shape[-2]:
        raise ValueError(f"matmul: the inner lengths differ: {tuple(x.shape)} @ {tuple(y.shape)}")
    if y.ndim == 2 and x.ndim > 2:  # one tall product instead of a batch of small ones with the same matrix
        return Linear.apply(x, y)
    return Matmul.apply(x, y)
