"""Modified Bessel functions of the first kind, SciPy's i0, i1, i0e, i1e: solutions of x² y'' + x y' = (x² + n²) y.

Source: Abramowitz and Stegun (1964), chapter 9: 9.6.10 (series), 9.6.26 (recurrence), 9.6.28 (derivatives).
"""

import math

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function, public
from minigrad.functions.rounding import sign


class I0(Function):
    """y = I₀(x)          dx = dy * I₁(x)"""

    reads = {"dx": "x"}

    def forward(self, x):
        return backend.special(x).i0(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * i1(x)


class I1(Function):
    """y = I₁(x)          dx = dy * (I₀(x) - I₁(x) / x), at 0 dy / 2"""

    reads = {"dx": "x"}

    def forward(self, x):
        return backend.special(x).i1(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * (i0(x) - Quotient.apply(x, n=1))


class I0e(Function):
    """y = e⁻ˡˣˡ I₀(x)          dx = dy * (e⁻ˡˣˡ I₁(x) - sign(x) y)

    It does not overflow where I₀ does. At the kink, x = 0, the slopes are ∓1, and 0 is given.
    """

    reads = {"dx": "x, output"}

    def forward(self, x):
        return backend.special(x).i0e(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * (i1e(x) - sign(x) * self.output)


class I1e(Function):
    """y = e⁻ˡˣˡ I₁(x)          dx = dy * (e⁻ˡˣˡ (I₀(x) - I₁(x) / x) - sign(x) y), at 0 dy / 2"""

    reads = {"dx": "x, output"}

    def forward(self, x):
        return backend.special(x).i1e(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * (i0e(x) - Quotient.apply(x, n=1, scaled=True) - sign(x) * self.output)


class Quotient(Function):
    """y = Iₙ(x) / xⁿ          dx = dy * x Iₙ₊₁(x) / xⁿ⁺¹

    All derivatives of these functions are made of such quotients, which are smooth: (Iₙ / xⁿ)' = Iₙ₊₁ / xⁿ (9.6.28). With
    `scaled` they are multiplied by e⁻ˡˣˡ, and dx has the further term -dy sign(x) y.

    Iₙ₊₁ = Iₙ₋₁ - 2n Iₙ / x makes one from the two before it. That cancels where x is small; there the series stands,
    Iₙ / xⁿ = 2⁻ⁿ Σ_k (x² / 4)ᵏ / (k! (n + k)!), whose terms are all positive: 26 of them up to |x| = 8.
    """

    reads = {"dx": "x, output"}

    def forward(self, x, n, scaled=False):
        self.n, self.scaled = n, scaled
        xp, special = get_array_module(x), backend.special(x)
        near = abs(x) < 8
        square = xp.where(near, x * x / 4, 0)
        term = series = xp.exp(-abs(x) * scaled) / (2 ** n * math.factorial(n))
        for k in range(1, 26):
            term = term * square / (k * (n + k))
            series = series + term
        far = xp.where(near, 8, x)
        before, y = ((special.i0e(far), special.i1e(far) / far) if scaled else (special.i0(far), special.i1(far) / far))
        for k in range(1, n):
            before, y = y, (before - 2 * k * y) / (far * far)
        return xp.where(near, series, y)

    def backward(self, dy):
        x, = self.inputs
        slope = x * Quotient.apply(x, n=self.n + 1, scaled=self.scaled)
        return dy * (slope - sign(x) * self.output if self.scaled else slope)


i0 = public(I0)
i1 = public(I1)
i0e = public(I0e)
i1e = public(I1e)
