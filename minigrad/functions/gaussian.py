"""GELU: x, weighted by how much of a normal distribution lies below it; the exact form, and GPT-2's approximation."""

import math

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.blocks import in_blocks
from minigrad.function import Function
from minigrad.functions.exponential import exp, tanh

# tanh(x p(x²)) = erf(x/√2) for |x| <= 6.2 to within 6e-8: p fitted to artanh(erf(x/√2)) / x, for the least largest error.
# Its first two terms are those of GPT-2's approximation, √(2/π) (1 + 0.044715 x²), but for the third digit.
TANH_SERIES = (7.97884941e-01, 3.63330845e-02, -3.25948379e-05, -5.53062590e-05, 3.96475774e-06, -1.32264508e-07,
               1.75620628e-09)


class Gelu(Function):
    """y = x Φ(x)          dx = dy * gelu'(x)

    Φ is the normal distribution's cumulative function, Φ(x) = (1 + erf(x/√2)) / 2; gelu' is in GeluGradient.
    Hendrycks & Gimpel 2016, "Gaussian Error Linear Units".
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return in_blocks(lambda x: x * normal_cdf(x), x)

    def backward(self, dy):
        x, = self.inputs
        return GeluGradient.apply(x, dy)


class GeluGradient(Function):
    """y = g gelu'(x)          dx = dy * g (2 - x²) φ(x),   dg = dy * gelu'(x)

    gelu'(x) = Φ(x) + x φ(x): φ(x) = exp(-x²/2) / √(2π) is the normal distribution's density, Φ' = φ and φ' = -x φ. And
    gelu'' = (Φ + x φ)' = φ + φ - x² φ.
    """

    reads = {"dx": "x g", "dg": "x"}

    def forward(self, x, g):
        return in_blocks(lambda x, g: g * _slope(x), x, g)

    def backward(self, dy):
        x, g = self.inputs

        def dx():
            square = x * x
            return dy * g * ((2 - square) * (exp(-0.5 * square) * (1 / math.sqrt(2 * math.pi))))

        return dx, lambda: GeluGradient.apply(x, dy)


def _slope(x):
    """Φ(x) + x φ(x) of an array."""
    density = get_array_module(x).exp(-0.5 * x * x)
    density *= 1 / math.sqrt(2 * math.pi)
    density *= x
    density += normal_cdf(x)
    return density


class GeluTanh(Function):
    """y = x/2 (1 + tanh(u(x)))          dx = dy * gelu_tanh'(x)

    u(x) = √(2/π) (x + 0.044715 x³); gelu_tanh' is in GeluTanhGradient. Hendrycks & Gimpel 2016, sec. 2.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return in_blocks(lambda x: x * _tanh_cdf(x), x)

    def backward(self, dy):
        x, = self.inputs
        return GeluTanhGradient.apply(x, dy)


class GeluTanhGradient(Function):
    """y = g gelu_tanh'(x)          dx = dy * g gelu_tanh''(x),   dg = dy * gelu_tanh'(x)

    gelu_tanh' = C + x C' and gelu_tanh'' = 2 C' + x C'', where C(x) = (1 + tanh(u)) / 2 stands for Φ.
    C' = 2 C (1 - C) u', since tanh' = 1 - tanh² = 4 C (1 - C); and C'' = 2 C (1 - C) (2 (1 - 2 C) u'² + u'').
    With a = √(2/π), b = 0.044715: u' = a (1 + 3 b x²), u'' = 6 a b x.
    """

    reads = {"dx": "x g", "dg": "x"}

    def forward(self, x, g):
        return in_blocks(lambda x, g: g * _tanh_slope(x), x, g)

    def backward(self, dy):
        x, g = self.inputs

        def dx():
            u1, u2 = _A * (1 + 3 * _B * (x * x)), 6 * _A * _B * x
            c = 0.5 * (1 + tanh(_A * (x + _B * x * x * x)))
            return dy * g * (2 * c * (1 - c) * (2 * u1 + x * (2 * (1 - 2 * c) * (u1 * u1) + u2)))

        return dx, lambda: GeluTanhGradient.apply(x, dy)


def _tanh_slope(x):
    """C + x C' of an array."""
    c = _tanh_cdf(x)
    slope = x * x
    slope *= 3 * _B
    slope += 1
    slope *= x
    slope *= 2 * _A
    slope *= c
    slope *= 1 - c  # x C'
    slope += c
    return slope


_A, _B = math.sqrt(2 / math.pi), 0.044715


def _tanh_cdf(x):
    """(1 + tanh(u(x))) / 2 of an array."""
    u = x * x
    u *= _A * _B
    u += _A
    u *= x
    return _half_of_one_plus_tanh(u)


def _half_of_one_plus_tanh(u):
    u = get_array_module(u).asarray(get_array_module(u).tanh(u))
    u += 1
    u *= 0.5
    return u


def normal_cdf(x):
    """Φ(x) of an array. In float32 by TANH_SERIES, which is exact to rounding, and seven times as fast as SciPy's."""
    if x.dtype != "float32":
        return backend.special(x).ndtr(x)
    x = x.clip(-6.2, 6.2)  # beyond, Φ is 0 or 1
    square = x * x
    series = square * TANH_SERIES[-1]
    for coefficient in TANH_SERIES[-2:0:-1]:
        series += coefficient
        series *= square
    series += TANH_SERIES[0]
    series *= x
    return _half_of_one_plus_tanh(series)


def gelu(x, approximate="none"):
    """y = x Φ(x), Φ the normal distribution's cumulative function          dx = dy * (Φ(x) + x φ(x))

    approximate="tanh" takes GPT-2's 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) instead (Hendrycks & Gimpel 2016, sec. 2).
    """
    if approximate == "tanh":
        return GeluTanh.apply(x)
    if approximate != "none":
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    return Gelu.apply(x)
