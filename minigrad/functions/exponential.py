"""exp, log, sqrt and the trigonometric and hyperbolic functions, element by element."""

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function, public


class Exp(Function):
    """y = exp(x)          dx = dy * y"""

    reads = {"dx": "output"}

    def forward(self, x):
        return get_array_module(x).exp(x)

    def backward(self, dy):
        return dy * self.output


class Log(Function):
    """y = log(x)          dx = dy / x"""

    reads = {"dx": "x"}

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

    def forward(self, x):
        return get_array_module(x).sqrt(x)

    def backward(self, dy):
        return dy / (2 * self.output)


class Sin(Function):
    """y = sin(x)          dx = dy * cos(x)"""

    reads = {"dx": "x"}

    def forward(self, x):
        return get_array_module(x).sin(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * cos(x)


class Cos(Function):
    """y = cos(x)          dx = -dy * sin(x)"""

    reads = {"dx": "x"}

    def forward(self, x):
        return get_array_module(x).cos(x)

    def backward(self, dy):
        x, = self.inputs
        return -dy * sin(x)


class Tanh(Function):
    """y = tanh(x)          dx = dy * (1 - y²)"""

    reads = {"dx": "output"}

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


exp = public(Exp)
log = public(Log)
sqrt = public(Sqrt)
sin = public(Sin)
cos = public(Cos)
tanh = public(Tanh)
erf = public(Erf)
