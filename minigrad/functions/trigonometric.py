"""The trigonometric and hyperbolic functions and their inverses, element by element (sin, cos and tanh: exponential.py).

The formulas are those of Abramowitz and Stegun 1964, chapter 4, sections 4.3 to 4.6, written so that no intermediate
overflows or cancels: (1 - x)(1 + x) for 1 - x², which loses all its digits near 1, and hypot(x, 1) for √(x² + 1).
"""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function, public
from minigrad.functions.arithmetic import multiply, where
from minigrad.functions.exponential import sqrt


class Tan(Function):
    """y = tan(x)          dx = dy * (1 + y²)"""

    reads = {"dx": "output"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).tan(x)

    def backward(self, dy):
        y = self.output
        return dy * (1 + y * y)


class Arcsin(Function):
    """y = arcsin(x)          dx = dy / √(1 - x²)

    From x = sin y: dx/dy = cos y = √(1 - sin² y). The slope at ±1 is inf; beyond, y and its slope are nan.
    """

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).arcsin(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / sqrt((1 - x) * (1 + x))


class Arccos(Function):
    """y = arccos(x)          dx = -dy / √(1 - x²)

    arccos(x) = π/2 - arcsin(x). The slope at ±1 is -inf; beyond, y and its slope are nan.
    """

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).arccos(x)

    def backward(self, dy):
        x, = self.inputs
        return -dy / sqrt((1 - x) * (1 + x))


class Arctan(Function):
    """y = arctan(x)          dx = dy / (1 + x²)

    From x = tan y: dx/dy = 1 + tan² y.
    """

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).arctan(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / (1 + x * x)


class Arctan2(Function):
    """z = arctan2(y, x)          dy = dz * x / (x² + y²),   dx = -dz * y / (x² + y²)

    The angle of the point (x, y), in (-π, π]. It is arctan(y / x) plus a constant, so ∂z/∂y = 1/x / (1 + (y/x)²); that
    also holds on the axes, and across the jump at the negative x axis. At (0, 0) there is no angle, and both slopes are 0.
    """

    reads = {"dy": "y x", "dx": "y x"}

    def forward(self, y, x):
        return get_array_module(y, x).arctan2(y, x)

    def backward(self, dz):
        y, x = self.inputs
        r = hypot(x, y)  # x / r / r: its square may be too large or too small for a number
        r = where(r == 0, 1.0, r)
        return lambda: dz * (x / r / r), lambda: -dz * (y / r / r)


class Hypot(Function):
    """z = hypot(x, y)          dx = dz * x / z,   dy = dz * y / z

    √(x² + y²), without overflow. The tip of the cone at (0, 0) gets the slope 0, as absolute does at its kink.
    """

    reads = {"dx": "x output", "dy": "y output"}

    def forward(self, x, y):
        return get_array_module(x, y).hypot(x, y)

    def backward(self, dz):
        x, y = self.inputs
        z = self.output
        z = where(z == 0, 1.0, z)
        return lambda: dz * (x / z), lambda: dz * (y / z)


class Sinh(Function):
    """y = sinh(x)          dx = dy * cosh(x)"""

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).sinh(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * cosh(x)


class Cosh(Function):
    """y = cosh(x)          dx = dy * sinh(x)"""

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).cosh(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * sinh(x)


class Arcsinh(Function):
    """y = arcsinh(x)          dx = dy / √(x² + 1)

    From x = sinh y: dx/dy = cosh y = √(1 + sinh² y).
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return get_array_module(x).arcsinh(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / hypot(x, 1.0)


class Arccosh(Function):
    """y = arccosh(x)          dx = dy / √(x² - 1)

    From x = cosh y, y >= 0: dx/dy = sinh y = √(cosh² y - 1). The slope at 1 is inf; below, y and its slope are nan.
    """

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).arccosh(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / (sqrt(x - 1) * sqrt(x + 1))


class Arctanh(Function):
    """y = arctanh(x)          dx = dy / (1 - x²)

    From x = tanh y: dx/dy = 1 - tanh² y. The slope at ±1 is inf; beyond, y is nan.
    """

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).arctanh(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / ((1 - x) * (1 + x))


class Sinc(Function):
    """y = sinc⁽ⁿ⁾(x)          dx = dy * sinc⁽ⁿ⁺¹⁾(x)

    sinc(x) = sin(πx) / (πx), 1 at 0; here with its n-th derivative, πⁿ f⁽ⁿ⁾(πx) for f(u) = sin(u) / u. From u f = sin u,
    differentiated n times, u f⁽ⁿ⁾ + n f⁽ⁿ⁻¹⁾ = sin⁽ⁿ⁾ u, which gives one derivative after the other. Near 0 that would
    cancel, and f's Taylor series Σ cos(kπ/2) uᵏ / (k! (k + 1)), differentiated n times, takes its place.
    """

    reads = {"dx": "x"}

    def forward(self, x, n=0):
        self.n = n
        xp, u = get_array_module(x), math.pi * x
        near = abs(u) < n + 1 if n else u == 0
        far = xp.where(near, 1.0, u)
        y = xp.sin(u) / far
        for k in range(1, n + 1):
            y = ((xp.cos(u) if k % 2 else xp.sin(u)) * (1, 1, -1, -1)[k % 4] - k * y) / far
        u = xp.where(near, u, 0.0)
        series, power = 0.0 * u, 1.0  # uᵐ / m!, of which (n + 1)ᵐ / m! is left out at the end: below 1e-18
        for m in range(20 + 8 * n if n else 1):
            if (m + n) % 2 == 0:
                series = series + power * ((1, 0, -1, 0)[(m + n) % 4] / (m + n + 1))
            power = power * u / (m + 1)
        return math.pi ** n * xp.where(near, series, y)

    def backward(self, dy):
        x, = self.inputs
        return dy * Sinc.apply(x, n=self.n + 1)


tan = public(Tan)
arcsin = public(Arcsin)
arccos = public(Arccos)
arctan = public(Arctan)
arctan2 = public(Arctan2)
hypot = public(Hypot)
sinh = public(Sinh)
cosh = public(Cosh)
arcsinh = public(Arcsinh)
arccosh = public(Arccosh)
arctanh = public(Arctanh)
asin, acos, atan, atan2 = arcsin, arccos, arctan, arctan2  # the array API's and PyTorch's names
asinh, acosh, atanh = arcsinh, arccosh, arctanh


def sinc(x):
    """y = sin(πx) / (πx), and 1 at 0          dx = dy (cos(πx) - y) / x, and 0 at 0"""
    return Sinc.apply(x)


def deg2rad(x):
    """y = x π / 180          dx = dy π / 180"""
    return multiply(x, math.pi / 180)


def rad2deg(x):
    """y = x 180 / π          dx = dy 180 / π"""
    return multiply(x, 180 / math.pi)
