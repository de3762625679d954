"""Determinants of matrices (..., n, n), and all their derivatives, also where a matrix has no inverse.

Sources: M. Giles, "Collected matrix derivative results" (2008), 2.2.4; G. W. Stewart, "On the adjugate matrix" (1998), for
the adjugate by singular values.
"""

import itertools

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.inverses import inv
from minigrad.functions.shapes import expand_dims, swapaxes


class Det(Function):
    """y = det x          dx = dy * c, the cofactors of x

    Along a row, det x = Σ_j x_ij c_ij (Laplace), where c_ij, (-1)^(i+j) times the determinant without row i and column j,
    reads no number of that row: ∂y/∂x_ij = c_ij. Where x has an inverse, c = y x⁻ᵀ (Giles 2.2.4); c itself needs none.
    """

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).linalg.det(x)

    def backward(self, dy):
        return expand_dims(dy, (-1, -2)) * Cofactors.apply(*self.inputs)


class Cofactors(Function):
    """c = cofactors(x, d...)          dx = cofactors(x, d..., dc),   dd[i] = cofactors(x, dc, all d but d[i])

    det has one derivative along directions d₁ ... dₖ₊₁: the factor of t₁ ... tₖ₊₁ in det(x + Σ tₘ dₘ). It is linear in
    each direction and does not care about their order. c is that along d₁ ... dₖ and any e, as a matrix: it is <c, e>. So
    <dc, c> changes with x along e by the derivative along d₁ ... dₖ, dc, e, which is <cofactors(x, d..., dc), e>; and with
    d₁ along e likewise, with dc in the place of d₁. All derivatives are of this kind, and none divides by anything.

    It is found where x is diagonal: x = u s vᵀ (svd) makes it det u det vᵀ times that of s along uᵀ dₘ v, turned back. In
    Leibniz's sum for det(s + Σ tₘ dₘ), over permutations of the rows, tₘ stands for the row rₘ that dₘ gives. All other
    rows give s, so their product is there, and the permutation σ moves only the rows given:

        c_ij = Σ_σ sgn σ Σ_r (Π of s without s_r₀ ... s_rₖ) Π_m dₘ[rₘ, r_σ(m)],   r₀ = i, r_σ(0) = j, no two r the same.

    Without a direction that is c = det u det vᵀ u diag(Π of the other s) vᵀ: for rank n - 1 a single product, 0 below it.
    With one, in n³ steps, c_ii = Σ_r p_ir d_rr and c_ij = -p_ij d_ji, p without s_i and s_j; each further one takes n more.
    """

    reads = {"dx": "x d", "dd": "x d"}
    takes_complex = True

    def forward(self, x, *d):
        xp = get_array_module(x)
        finite = xp.isfinite(x).all(axis=(-2, -1), keepdims=True)
        u, s, vh = xp.linalg.svd(xp.where(finite, x, 0))  # of nan and inf LAPACK finds none; these matrices get nan
        sign = xp.linalg.det(u) * xp.linalg.det(vh)  # where they are complex, so is the sign
        uh, v = (xp.conjugate(m).swapaxes(-1, -2) for m in (u, vh))
        d = [xp.matmul(uh, xp.matmul(m, v)) for m in d]
        places, others = range(len(d) + 1), _products_of_the_others(xp, s, len(d) + 1)
        rows, c = "ijklmnop"[:len(places)], 0
        for order in itertools.permutations(places):
            swaps = sum(a > b for a, b in itertools.combinations(order, 2))
            columns = [rows[m] for m in order]
            moved = [f"...{rows[m]}{columns[m]}" for m in places[1:]]
            to = "i" if columns[0] == "i" else "i" + columns[0]
            term = xp.einsum(",".join(["..." + rows, *moved]) + "->..." + to, others, *d)
            if to == "i":
                term = term[..., None] * xp.eye(s.shape[-1], dtype=s.dtype)
            c = c - term if swaps % 2 else c + term
        c = xp.matmul(uh.swapaxes(-1, -2), xp.matmul(c, v.swapaxes(-1, -2)))
        return xp.where(finite, sign[..., None, None] * c, float("nan"))

    def backward(self, dc):
        x, *d = self.inputs
        return (lambda: Cofactors.apply(x, *d, dc),
                *[lambda i=i: Cofactors.apply(x, dc, *d[:i], *d[i + 1:]) for i in range(len(d))])


def _products_of_the_others(xp, s, count):
    """p[.., i, j ..], for `count` places, the product of all s[..] but s_i, s_j ...; 0 where two of the places are one."""
    n = s.shape[-1]
    named = sum(xp.eye(n, dtype=int).reshape([n if a in (place, count) else 1 for a in range(count + 1)])
                for place in range(count))  # [i, j .., r]: how many of the places i, j ... are r
    products = xp.where(named > 0, 1, s.reshape(*s.shape[:-1], *(1,) * count, n)).prod(axis=-1)
    return xp.where((named > 1).any(axis=-1), 0, products)


class LogAbsDet(Function):
    """y = log |det x|          dx = dy * x⁻ᵀ

    δ(det x) / det x = tr(x⁻¹ δx), by Jacobi's formula. The sign, the first result, is constant but where det x = 0.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return tuple(get_array_module(x).linalg.slogdet(x))

    def backward(self, dsign, dy):
        x, = self.inputs
        return expand_dims(dy, (-1, -2)) * swapaxes(inv(x), -1, -2)


def det(x):
    """y = det x of square matrices (..., n, n), shape (...); dx = dy * the cofactors of x, which need no inverse."""
    return Det.apply(x)


def slogdet(x):
    """(sign, log |det x|) of square matrices, which does not overflow as det does; dx = d(log |det x|) * x⁻ᵀ.

    Of a singular matrix they are 0 and -inf, as in NumPy. No direction has a finite slope there: the gradient is refused
    with a ValueError, as the inverse is (on a GPU it is inf or nan; in PyTorch, too).
    """
    sign, logabsdet = LogAbsDet.apply(x)
    return sign.detach(), logabsdet
