"""Polynomials as vectors of coefficients, the highest power's first, under NumPy's names: p₀ xⁿ⁻¹ + ... + pₙ₋₁.

Compositions of slices, products and convolution. Leading zeros stay, so that a shape never depends on the numbers.
"""

from minigrad.backend import get_array_module
from minigrad.functions.indexing import getitem
from minigrad.functions.joining import atleast_1d
from minigrad.functions.padding import pad
from minigrad.functions.shapes import as_operand, broadcast_to, concatenate
from minigrad.functions.vectors import convolve


def polyval(p, x):
    """y = p₀ xⁿ⁻¹ + p₁ xⁿ⁻² + ... + pₙ₋₁          dpᵢ = Σ dy xⁿ⁻¹⁻ⁱ,   dx = dy * the polynomial's derivative at x

    By Horner's scheme, ((p₀ x + p₁) x + p₂) ...; p is a vector of coefficients, the highest power's first, x of any shape.
    """
    p, x = as_operand(p), x if isinstance(x, (int, float, complex)) else as_operand(x)  # a number does not widen p
    if p.ndim != 1:
        raise ValueError(f"polyval: p must be a vector of coefficients, got shape {tuple(p.shape)}")
    y = x * 0
    for i in range(p.shape[0]):
        y = y * x + getitem(p, i)
    return y


def polyadd(a1, a2):
    """The coefficients of a1 + a2: the shorter one gets zeros in front."""
    a1, a2 = _of_one_length("polyadd", a1, a2)
    return a1 + a2


def polysub(a1, a2):
    """The coefficients of a1 - a2: the shorter one gets zeros in front."""
    a1, a2 = _of_one_length("polysub", a1, a2)
    return a1 - a2


def _of_one_length(name, a1, a2):
    a1, a2 = _coefficients(name, a1), _coefficients(name, a2)
    n = max(a1.shape[0], a2.shape[0])
    return [pad(a, (n - a.shape[0], 0)) for a in (a1, a2)]


def polymul(a1, a2):
    """The coefficients of a1 * a2, y_k = Σ_i a1_i a2_(k-i): their convolution."""
    return convolve(_coefficients("polymul", a1), _coefficients("polymul", a2))


def polyder(p, m=1):
    """The coefficients of the m-th derivative: (p_i xʲ)' = j p_i xʲ⁻¹."""
    p = _coefficients("polyder", p)
    if m < 0:
        raise ValueError(f"polyder: the number m of derivatives must not be negative, got {m}: see polyint")
    for _ in range(m):
        p = getitem(p, slice(-1)) * _powers(p)[:-1]
    return p


def polyint(p, m=1, k=None):
    """The coefficients of the m-th integral: ∫ p_i xʲ = p_i xʲ⁺¹ / (j + 1), and a constant.

    k  the constants of the m integrals, the first one's first; one number for all of them; 0 unless given
    """
    p = _coefficients("polyint", p)
    if not hasattr(k, "dtype"):
        k = get_array_module(p.data).asarray(0.0 if k is None else k, dtype=p.dtype if p.dtype.kind in "fc" else float)
    k = atleast_1d(k)
    if m < 0 or k.ndim != 1 or k.shape[0] not in (1, m):
        raise ValueError(f"polyint: m must not be negative, and k a number or {m} of them, got m={m} and k of shape "
                         f"{tuple(k.shape)}: see polyder")
    k = broadcast_to(k, (m,)) if k.shape[0] != m else k
    for i in range(m):
        p = concatenate([p / (_powers(p) + 1), getitem(k, slice(i, i + 1))])
    return p


def _coefficients(name, p):
    p = atleast_1d(as_operand(p))
    if p.ndim != 1:
        raise ValueError(f"{name}: expected a vector of coefficients, got shape {tuple(p.shape)}")
    return p


def _powers(p):
    """n - 1 ... 0: the power of x beside each coefficient."""
    return get_array_module(p.data).arange(p.shape[0] - 1, -1, -1).astype(p.dtype)
