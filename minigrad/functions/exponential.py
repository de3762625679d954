"""exp, log, their kin and roots, sin, cos, tanh and erf, element by element (the other angles: trigonometric.py)."""

import math

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function, public


class Exp(Function):
    """y = exp(x)          dx = dy * y"""

    reads = {"dx": "output"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).exp(x)

    def backward(self, dy):
        return dy * self.output


class Log(Function):
    """y = log(x)          dx = dy / x"""

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).log(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / x


class Sqrt(Function):
    """y = sqrt(x)          dx = dy / (2 y)

    The slope at 0 is inf.
    """

    reads = {"dx": "output"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).sqrt(x)

    def backward(self, dy):
        return dy / (2 * self.output)


class Sin(Function):
    """y = sin(x)          dx = dy * cos(x)"""

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).sin(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * cos(x)


class Cos(Function):
    """y = cos(x)          dx = -dy * sin(x)"""

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).cos(x)

    def backward(self, dy):
        x, = self.inputs
        return -dy * sin(x)


class Tanh(Function):
    """y = tanh(x)          dx = dy * (1 - y²)"""

    reads = {"dx": "output"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).tanh(x)

    def backward(self, dy):
        y = self.output
        return dy * (1 - y * y)


class Erf(Function):
    """y = erf(x)          dx = dy * 2/√π * exp(-x²)

    erf(x) = 2/√π ∫₀ˣ exp(-t²) dt, so its derivative is the integrand at x.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return backend.special(x).erf(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * (1.1283791670955126 * exp(-x * x))


class Exp2(Function):
    """y = 2ˣ          dx = dy * y * ln 2"""

    reads = {"dx": "output"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).exp2(x)

    def backward(self, dy):
        return dy * (self.output * math.log(2))


class Expm1(Function):
    """y = exp(x) - 1          dx = dy * (y + 1)

    Exact also near 0, where exp(x) - 1 in two steps would cancel.
    """

    reads = {"dx": "output"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).expm1(x)

    def backward(self, dy):
        return dy * (self.output + 1)


class Log2(Function):
    """y = log₂ x          dx = dy / (x ln 2)"""

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).log2(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / (x * math.log(2))


class Log10(Function):
    """y = log₁₀ x          dx = dy / (x ln 10)"""

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).log10(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / (x * math.log(10))


class Log1p(Function):
    """y = log(1 + x)          dx = dy / (1 + x)

    Exact also near 0, where 1 + x would lose the digits of x.
    """

    reads = {"dx": "x"}
    takes_complex = True

    def forward(self, x):
        return get_array_module(x).log1p(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / (1 + x)


class Cbrt(Function):
    """y = ∛x          dx = dy / (3 y²)

    For x of either sign. The slope at 0 is inf.
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return get_array_module(x).cbrt(x)

    def backward(self, dy):
        y = self.output
        return dy / (3 * y * y)


class Reciprocal(Function):
    """y = 1 / x          dx = -dy * y²"""

    reads = {"dx": "output"}
    takes_complex = True

    def forward(self, x):
        return 1 / x

    def backward(self, dy):
        y = self.output
        return -dy * (y * y)


exp = public(Exp)
log = public(Log)
sqrt = public(Sqrt)
sin = public(Sin)
cos = public(Cos)
tanh = public(Tanh)
erf = public(Erf)
exp2 = public(Exp2)
expm1 = public(Expm1)
log2 = public(Log2)
log10 = public(Log10)
log1p = public(Log1p)
cbrt = public(Cbrt)
reciprocal = public(Reciprocal)
