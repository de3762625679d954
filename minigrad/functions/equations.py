"""Linear equations of tensors, least squares, rank and condition: compositions of solve, inv, pinv and svdvals."""

import builtins
import math

import numpy as np

from minigrad.functions.decompositions import svdvals
from minigrad.functions.indexing import getitem
from minigrad.functions.inverses import inv, pinv, solve
from minigrad.functions.products import matmul
from minigrad.functions.reductions import max, min, sum
from minigrad.functions.shapes import as_operand, moveaxis, reshape


def tensorsolve(a, b, axes=None):
    """x with tensordot(a, x, x.ndim) = b, a of shape b.shape + x.shape; `axes` of a are moved to its end before."""
    a, b = as_operand(a), as_operand(b)
    if axes is not None:
        a = moveaxis(a, tuple(axes), tuple(range(a.ndim - len(axes), a.ndim)))
    shape = tuple(a.shape[b.ndim:])
    n = math.prod(shape)
    if tuple(a.shape[:b.ndim]) != tuple(b.shape) or math.prod(b.shape) != n:
        raise ValueError(f"tensorsolve: a must have shape b.shape + x.shape, as many numbers in both, got a "
                         f"{tuple(a.shape)}, b {tuple(b.shape)}")
    return reshape(solve(reshape(a, (n, n)), reshape(b, (n,))), shape)


def tensorinv(a, ind=2):
    """The inverse of a as a matrix whose rows are the first `ind` axes: tensordot(tensorinv(a), a, ind) is the identity."""
    a = as_operand(a)
    rows, columns = tuple(a.shape[:ind]), tuple(a.shape[ind:])
    n = math.prod(rows)
    if ind < 1 or n != math.prod(columns):
        raise ValueError(f"tensorinv: ind must be positive, and the first axes hold as many numbers as the others, got "
                         f"shape {tuple(a.shape)}, ind={ind}")
    return reshape(inv(reshape(a, (n, n))), columns + rows)


def lstsq(a, b, rcond=None):
    """(x, residuals, rank, s): the x of least |a x - b|², a (m, n), b (m,) or (m, k)          x = a⁺ b

    residuals are Σ (a x - b)² for each column, empty unless a has rank n < m; rank is a plain integer, s the singular
    values. Those below rcond times the largest count as 0, see pinv. Gradients are those of pinv, at a constant rank.
    """
    a, b = as_operand(a), as_operand(b)
    rcond = builtins.max(a.shape) * float(np.finfo(a.dtype).eps) if rcond is None else rcond
    x, s = matmul(pinv(a, rcond), b), svdvals(a)
    rank = int((s.data > rcond * s.data[:1]).sum())
    fits = rank == a.shape[1] < a.shape[0]
    residuals = sum((matmul(a, x) - b) ** 2, 0) if fits else getitem(s, slice(0))
    return x, (reshape(residuals, (-1,)) if fits else residuals), rank, s


def matrix_rank(A, tol=None, *, rtol=None):
    """How many singular values are above tol: plain integers, without a gradient

    tol is rtol times the largest unless given, and rtol max(m, n) times the dtype's eps.
    """
    A = as_operand(A)
    s = svdvals(A).data
    rtol = builtins.max(A.shape[-2:]) * float(np.finfo(s.dtype).eps) if rtol is None else rtol
    tol = rtol * s.max(axis=-1, keepdims=True) if tol is None else tol
    return (s > tol).sum(axis=-1)


def cond(x, p=None):
    """The largest singular value over the smallest: how much x⁻¹ magnifies errors; p=-2 the other way round

    The condition numbers in other norms are not done here, and raise.
    """
    if p not in (None, 2, -2):
        raise NotImplementedError(f"cond: p={p!r} is not done here, only None, 2, -2: see norm(x) * norm(inv(x))")
    s = svdvals(as_operand(x))
    return min(s, -1) / max(s, -1) if p == -2 else max(s, -1) / min(s, -1)
