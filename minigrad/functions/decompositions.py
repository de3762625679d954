"""Decompositions of matrices and their gradients: cholesky, eigh, qr, svd, on batches of matrices.

Each derivation differentiates the defining equation, and takes out the part that the factors' constraints leave free (a
triangle, an orthogonal matrix). uᵀ u = 1 gives uᵀ δu + δuᵀ u = 0: uᵀ δu is antisymmetric. <a, b> is Σ a_ij b_ij, ∘ the
product number by number.

Sources: M. Giles (2008); C. Ionescu, O. Vantzos, C. Sminchisescu, "Matrix backpropagation" (2015); J. Townsend,
"Differentiating the singular value decomposition" (2016).

Repeated values. The eigenvectors of equal eigenvalues (and the singular vectors of equal singular values) may be turned
among themselves: they are not functions of the matrix, and the formulas divide by the values' difference, 0. Here such a
pair contributes 0, so that gradients stay finite. They are right for functions of the values that do not tell the pair
apart (the trace of exp x) and of the space that the pair spans (the projection on it), whose true contribution is 0. They
are not right where 0/0 has another limit: v diag(g(w)) vᵀ lacks g'(w) for the pair. Two values are equal here if they
differ by less than LAPACK's rounding, 8 n eps times the largest.
"""

from typing import NamedTuple

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import where
from minigrad.functions.inverses import solve
from minigrad.functions.products import matmul
from minigrad.functions.shapes import as_operand, concatenate, expand_dims, swapaxes
from minigrad.tensor import Tensor


class EighResult(NamedTuple):
    """What eigh gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What qr gives."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """What svd gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


# ---- helpers

def _t(x):
    return swapaxes(x, -1, -2)


def _symmetric(x):
    """(x + xᵀ) / 2"""
    return (x + _t(x)) / 2


def _lower(x, diagonal):
    """The numbers of x under the diagonal, and `diagonal` times those on it."""
    xp, n = get_array_module(x.data), x.shape[-1]
    return x * (xp.tri(n, dtype=x.dtype) + (diagonal - 1) * xp.eye(n, dtype=x.dtype))


def _diagonal(x):
    """The matrix with x on its diagonal."""
    return expand_dims(x, -1) * get_array_module(x.data).eye(x.shape[-1], dtype=x.dtype)


def _inverse_gaps(w):
    """f_ij = 1 / (w_j - w_i), and 0 where the two are equal to rounding (so on the diagonal)."""
    gaps = expand_dims(w, -2) - expand_dims(w, -1)
    size = abs(w.data).max(axis=-1, keepdims=True)[..., None] if w.shape[-1] else 0.0
    equal = abs(gaps.data) <= 8 * w.shape[-1] * float(np.finfo(w.dtype).eps) * size
    return where(equal, 0.0, 1 / where(equal, 1.0, gaps))


# ---- Cholesky

class Cholesky(Function):
    """y = cholesky(x)          dx = y⁻ᵀ Φ(yᵀ dy) y⁻¹, made symmetric

    y is lower triangular, with x = y yᵀ. δx = δy yᵀ + y δyᵀ, so y⁻¹ δx y⁻ᵀ = s + sᵀ with s = y⁻¹ δy, which is lower
    triangular: s = Φ(y⁻¹ δx y⁻ᵀ), where Φ takes the lower triangle and half of the diagonal. Then <dy, δy> = <yᵀ dy, s>
    = <Φ(yᵀ dy), y⁻¹ δx y⁻ᵀ> = <y⁻ᵀ Φ(yᵀ dy) y⁻¹, δx>. Only the symmetric part meets a symmetric δx.
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return get_array_module(x).linalg.cholesky(x)

    def backward(self, dy):
        y = self.output
        p = solve(_t(y), _lower(matmul(_t(y), dy), 0.5))
        return _symmetric(_t(solve(_t(y), _t(p))))


def cholesky(x, *, upper=False):
    """The lower triangular y with y yᵀ = x (or with `upper` its transpose), for symmetric positive definite x (..., n, n).

    Of x only the lower triangle is read, and x is taken as symmetric: its gradient is the symmetric one.
    dx = y⁻ᵀ Φ(yᵀ dy) y⁻¹, made symmetric; Φ takes the lower triangle and half of the diagonal.
    """
    y = Cholesky.apply(x)
    return _t(y) if upper else y


# ---- eigenvalues

class Eigh(Function):
    """w, v = eigh(x)          dx = v (diag(dw) + f ∘ (vᵀ dv)) vᵀ, made symmetric, f_ij = 1 / (w_j - w_i)

    x v = v diag(w), vᵀ v = 1. δx v + x δv = δv diag(w) + v diag(δw); multiplied by vᵀ, with the antisymmetric c = vᵀ δv:
    p = vᵀ δx v = diag(δw) + c diag(w) - diag(w) c. On the diagonal δw_i = p_ii, off it c_ij = p_ij / (w_j - w_i).
    <dw, δw> + <dv, v c> = <diag(dw) + f ∘ (vᵀ dv), p>.  (Giles 3.1; equal eigenvalues: see the top of the file)
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return tuple(get_array_module(x).linalg.eigh(x))

    def backward(self, dw, dv):
        w, v = self.output
        inside = _diagonal(dw) + _inverse_gaps(w) * matmul(_t(v), dv)
        return _symmetric(matmul(matmul(v, inside), _t(v)))


def eigh(x):
    """Eigenvalues (..., n), ascending, and eigenvectors, the columns of (..., n, n), of symmetric x (..., n, n).

    Of x only the lower triangle is read, and its gradient is the symmetric one. The sign of each eigenvector is LAPACK's
    choice: a loss should not depend on it. A pair of equal eigenvalues contributes 0 to the gradient by the vectors, which
    is right for what depends on the space that they span alone; see the top of the file.
    dx = v (diag(dw) + f ∘ (vᵀ dv)) vᵀ, made symmetric; f_ij = 1 / (w_j - w_i).
    """
    return EighResult(*Eigh.apply(x))


def eigvalsh(x):
    """The eigenvalues of eigh alone: dx = v diag(dw) vᵀ."""
    return eigh(x).eigenvalues


# ---- QR

class QR(Function):
    """q, r = qr(x)          dx = (dq + q sym(r drᵀ - dqᵀ q)) r⁻ᵀ, sym(m) = lower triangle of m, mirrored

    x = q r is (m, n) with m >= n, qᵀ q = 1, r upper triangular. δx r⁻¹ = δq + q s, s = δr r⁻¹ upper triangular. With
    z = qᵀ δx r⁻¹ = c + s, c = qᵀ δq antisymmetric, the lower triangle of z is that of c, and s = z - c.
    <dq, δq> + <dr, δr> = <dq, δx r⁻¹> + <dr rᵀ - qᵀ dq, s>, in which s is, by z, the upper triangle of z plus the mirrored
    lower one. Collected by z, <k, s> is <kᵀ's lower triangle mirrored, z>, kᵀ = r drᵀ - dqᵀ q.  (Walter and Lehmann 2013)
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return tuple(get_array_module(x).linalg.qr(x))

    def backward(self, dq, dr):
        q, r = self.output
        k = matmul(r, _t(dr)) - matmul(_t(dq), q)
        mirrored = _lower(k, 1.0) + _t(_lower(k, 0.0))
        return _t(solve(r, _t(dq + matmul(q, mirrored))))


def qr(x):
    """q (..., m, k) with orthonormal columns and the upper triangular r (..., k, n) with x = q r, k = min(m, n).

    dx = (dq + q sym(r drᵀ - dqᵀ q)) r⁻ᵀ, where the first k columns of x must be independent. If x is wide, its first m
    columns make q, and the others of r are qᵀ times those of x. (NumPy's mode "reduced"; the others are not done.)
    """
    x = as_operand(x)
    m, n = x.shape[-2:]
    if m >= n:
        return QRResult(*QR.apply(x))
    q, r = QR.apply(x[..., :m])
    return QRResult(q, concatenate([r, matmul(_t(q), x[..., m:])], axis=-1))


# ---- singular values

class SVD(Function):
    """u, s, vᵀ = svd(x)          dx = u (diag(ds) + (f ∘ a) s + s (f ∘ b)) vᵀ + what leaves the columns of u and v

    The last is (1 - u uᵀ) du s⁻¹ vᵀ + u s⁻¹ dvᵀ (1 - v vᵀ), 0 for a square x;
    a = uᵀ du - duᵀ u, b = vᵀ dv - dvᵀ v, f_ij = 1 / (s_j² - s_i²), s also for diag(s).
    x = u s vᵀ, so p = uᵀ δx v = c s + δs - s d with the antisymmetric c = uᵀ δu and d = vᵀ δv. The diagonal is δs; off it,
    p s + s pᵀ = c s² - s² c and s p + pᵀ s = d s² - s² d (s² is diagonal), so c = f ∘ (p s + s pᵀ), d = f ∘ (s p + pᵀ s).
    What of δu leaves the columns of u is (1 - u uᵀ) δx v s⁻¹, and of δv (1 - v vᵀ) δxᵀ u s⁻¹. <du, δu> + <ds, δs> + <dv, δv>
    collected by δx is dx.  (Townsend 2016, eq. 31 to 36)
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return tuple(get_array_module(x).linalg.svd(x, full_matrices=False))

    def backward(self, du, ds, dvt):
        u, s, vt = self.output
        v, dv = _t(vt), _t(dvt)
        row, column = expand_dims(s, -2), expand_dims(s, -1)  # m * row is m @ diag(s), column * m is diag(s) @ m
        sums = row + column
        f = _inverse_gaps(s) / where(sums.data == 0, 1.0, sums)
        a, b = matmul(_t(u), du), matmul(vt, dv)
        inside = _diagonal(ds) + f * (a - _t(a)) * row + column * (f * (b - _t(b)))
        dx = matmul(matmul(u, inside), vt)
        if u.shape[-2] > s.shape[-1]:  # else u uᵀ = 1
            dx = dx + matmul((du - matmul(u, a)) / row, vt)
        if v.shape[-2] > s.shape[-1]:
            dx = dx + matmul(u / row, _t(dv - matmul(v, b)))
        return dx


class SingularValues(Function):
    """s = svdvals(x)          dx = u diag(ds) vᵀ

    The diagonal of uᵀ δx v, see SVD: no differences of singular values, so this holds where they are equal, too.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return get_array_module(x).linalg.svd(x, False, False)

    def backward(self, ds):
        x, = self.inputs
        u, _, vt = SVD.apply(x)
        return matmul(u * expand_dims(ds, -2), vt)


def svd(x, full_matrices=True, compute_uv=True):
    """u (..., m, k), s (..., k), descending, and vᵀ (..., k, n) with x = u diag(s) vᵀ, k = min(m, n).

    For x that is not square pass full_matrices=False, or ValueError: the columns beyond k are an arbitrary basis, not
    a function of x. compute_uv=False gives s alone. The sign of a pair of vectors is LAPACK's choice: a loss should not
    depend on it. A pair of equal singular values contributes 0 to the gradient by u and v, see the top of the file. A
    singular value 0 of a matrix that is not square makes the gradient by u or v infinite.
    """
    x = as_operand(x)
    if not compute_uv:
        return svdvals(x)
    if full_matrices and x.shape[-1] != x.shape[-2]:
        raise ValueError(f"svd: of a matrix {tuple(x.shape[-2:])} the vectors beyond the first {min(x.shape[-2:])} are "
                         "arbitrary and have no gradient: pass full_matrices=False")
    return SVDResult(*SVD.apply(x))


def svdvals(x):
    """The singular values (..., min(m, n)) of x (..., m, n), descending. dx = u diag(ds) vᵀ, at s = 0 one of its slopes."""
    return SingularValues.apply(x)
