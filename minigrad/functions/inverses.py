"""Inverses and linear equations, on batches (..., n, n) of matrices.

Derivations start from the differential of the defining equation, and use dL = <dy, δy> = Σ dy_ij δy_ij = tr(dyᵀ δy).
Sources: M. Giles, "Collected matrix derivative results" (2008); Golub and Pereyra (1973) for the pseudo-inverse.
"""

import operator

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.products import matmul
from minigrad.functions.shapes import as_operand, broadcast_to, expand_dims, squeeze, swapaxes
from minigrad.tensor import Tensor


class Inv(Function):
    """y = x⁻¹          dx = -yᵀ dy yᵀ

    x y = 1 gives δx y + x δy = 0, so δy = -y δx y, and tr(dyᵀ δy) = -tr(y dyᵀ y δx) = tr((-yᵀ dy yᵀ)ᵀ δx).  (Giles 2.2.3)
    """

    reads = {"dx": "output"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).linalg.inv(x)

    def backward(self, dy):
        y = swapaxes(self.output, -1, -2)
        return -matmul(matmul(y, dy), y)


class Solve(Function):
    """z = x⁻¹ y          dx = -dy zᵀ,   dy = x⁻ᵀ dz

    x z = y gives δx z + x δz = δy, so δz = x⁻¹ (δy - δx z), and tr(dzᵀ δz) = tr((x⁻ᵀ dz)ᵀ (δy - δx z)).  (Giles 2.3.1)
    """

    reads = {"dx": "x, output", "dy": "x"}
    takes_complex = True

    def forward(self, x, y):
        return get_array_module(x, y).linalg.solve(x, y)

    def backward(self, dz):
        x, _ = self.inputs
        dy = solve(swapaxes(x, -1, -2), dz)
        return lambda: -matmul(dy, swapaxes(self.output, -1, -2)), dy


class Pinv(Function):
    """y = x⁺          dx = -yᵀ dy yᵀ + (1 - x y) dyᵀ y yᵀ + yᵀ y dyᵀ (1 - y x)

    Where the rank of x does not change (Golub and Pereyra 1973, eq. 4.12):
    δy = -y δx y + y yᵀ δxᵀ (1 - x y) + (1 - y x) δxᵀ yᵀ y; and <dy, a δxᵀ b> = <b dyᵀ a, δx>. Where the rank does change,
    x⁺ jumps, and has no gradient: what is given is that of a neighbour of the same rank.
    """

    reads = {"dx": "x, output"}

    def forward(self, x, cutoff):
        return get_array_module(x).linalg.pinv(x, cutoff)

    def backward(self, dy):
        (x,), y = self.inputs, self.output
        yt, dyt = swapaxes(y, -1, -2), swapaxes(dy, -1, -2)
        left = dyt - matmul(x, matmul(y, dyt))     # (1 - x y) dyᵀ
        right = dyt - matmul(matmul(dyt, y), x)    # dyᵀ (1 - y x)
        return -matmul(matmul(yt, dy), yt) + matmul(matmul(left, y), yt) + matmul(yt, matmul(y, right))


def inv(x):
    """y = x⁻¹ of square matrices (..., n, n); dx = -yᵀ dy yᵀ. ValueError for a singular one (inf or nan on a GPU)."""
    return Inv.apply(x)


def solve(x, y):
    """z with x z = y: x (..., n, n), y (..., n, m), or a vector (n,); the leading axes broadcast.

    dy = x⁻ᵀ dz, dx = -dy zᵀ. ValueError for a singular x (inf or nan on a GPU).
    """
    x, y = as_operand(x), as_operand(y)
    if y.ndim == 1:
        return squeeze(solve(x, expand_dims(y, -1)), -1)
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    return Solve.apply(_batched(x, batch), _batched(y, batch))


def _batched(x, batch):
    """x with the leading axes `batch`; CuPy's solve does not broadcast."""
    return x if tuple(x.shape[:-2]) == batch else broadcast_to(x, (*batch, *x.shape[-2:]))


def pinv(x, rcond=None):
    """Moore and Penrose's x⁺ of (..., m, n), shape (..., n, m): the x⁻¹ of least squares.

    Singular values below rcond times the largest count as 0; by default rcond is max(m, n) times the dtype's eps.
    dx = -yᵀ dy yᵀ + (1 - x y) dyᵀ y yᵀ + yᵀ y dyᵀ (1 - y x), as long as the rank of x stays.
    """
    x = as_operand(x)
    cutoff = max(x.shape[-2:]) * float(np.finfo(x.dtype).eps) if rcond is None else rcond
    return Pinv.apply(x, cutoff=cutoff)


def matrix_power(x, n):
    """x @ x @ ... @ x, n times, by repeated squaring; the power of the inverse for n < 0; the identity for n = 0."""
    n = operator.index(n)
    x = as_operand(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"matrix_power: expected square matrices, got the shape {tuple(x.shape)}")
    if n == 0:
        array = getattr(x, "_data", x)
        xp = get_array_module(array)
        return Tensor(xp.zeros_like(array) + xp.eye(x.shape[-1], dtype=x.dtype))
    if n < 0:
        x, n = inv(x), -n
    result = None
    while n:
        if n % 2:
            result = x if result is None else matmul(result, x)
        n //= 2
        x = matmul(x, x) if n else x
    return result
