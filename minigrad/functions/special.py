"""Special functions, element by element: SciPy's names (scipy.special, cupyx.scipy.special). erf is in exponential.py."""

import math

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function, public
from minigrad.functions.activations import sigmoid
from minigrad.functions.arithmetic import where
from minigrad.functions.exponential import exp, log
from minigrad.tensor import Tensor


class Erfc(Function):
    """y = erfc(x)          dx = -dy * 2/√π * exp(-x²)

    1 - erf(x), exact also where erf(x) is almost 1.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return backend.special(x).erfc(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * (-2 / math.sqrt(math.pi) * exp(-x * x))


class Gammaln(Function):
    """y = ln |Γ(x)|          dx = dy * ψ(x)

    The digamma function ψ is defined as this slope. Poles, of value inf, at 0, -1, -2 ...
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return backend.special(x).gammaln(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * digamma(x)


class Digamma(Function):
    """y = ψ(x)          dx = dy * ψ⁽¹⁾(x)

    The logarithmic derivative of the gamma function, Γ'(x) / Γ(x); its derivatives are the polygamma functions.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return backend.special(x).digamma(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * polygamma(1, x)


class Polygamma(Function):
    """y = ψ⁽ⁿ⁾(x)          dx = dy * ψ⁽ⁿ⁺¹⁾(x)

    The n-th derivative of ψ, n >= 1: ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ n! ζ(n + 1, x) with the Hurwitz zeta function
    ζ(s, x) = Σ 1 / (x + k)ˢ over k = 0, 1, 2 ... (Abramowitz and Stegun 1964, 6.4.10).
    """

    reads = {"dx": "x"}

    def forward(self, x, n):
        self.n = n
        s = get_array_module(x).asarray(n + 1, dtype=x.dtype)
        return backend.special(x).zeta(s, x) * float((-1) ** (n + 1) * math.factorial(n))

    def backward(self, dy):
        x, = self.inputs
        return dy * polygamma(self.n + 1, x)


class Logit(Function):
    """y = ln(x / (1 - x))          dx = dy / (x (1 - x))

    The inverse of expit, for x in [0, 1]: -inf and inf at the ends, with slopes inf.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return backend.special(x).logit(x)

    def backward(self, dy):
        x, = self.inputs
        return dy / (x * (1 - x))


class Xlogy(Function):
    """z = x ln y          dx = dz * ln y,   dy = dz * x / y

    0 where x = 0, also at y = 0, as the entropy -Σ p ln p needs it. There, at x = 0 and y <= 0, both slopes are 0 too
    (ln 0 would make every such gradient -inf or nan).
    """

    reads = {"dx": "x y", "dy": "x y"}

    def forward(self, x, y):
        xp = get_array_module(x, y)
        dtype = xp.result_type(x, y)  # SciPy's xlogy would widen float32 beside a Python number
        x, y = xp.asarray(x, dtype=dtype), xp.asarray(y, dtype=dtype)
        return backend.special(x).xlogy(x, y)

    def backward(self, dz):
        x, y = self.inputs
        flat = (x == 0) & (y <= 0)
        y = where(flat, 1.0, _constant(y, dz))
        return lambda: dz * log(y), lambda: dz * (x / y)


class Logaddexp(Function):
    """z = ln(eˣ + eʸ)          dx = dz * σ(x - y),   dy = dz * σ(y - x)

    By the chain rule dx = dz eˣ / (eˣ + eʸ), which is the sigmoid σ(x - y) = 1 / (1 + eʸ⁻ˣ) and cannot overflow.
    Where both operands are inf, or both -inf, each gets half, as any two equal numbers do.
    """

    reads = {"dx": "x y", "dy": "x y"}

    def forward(self, x, y):
        return get_array_module(x, y).logaddexp(x, y)

    def backward(self, dz):
        difference = _difference(*self.inputs)
        return lambda: dz * sigmoid(difference), lambda: dz * sigmoid(-difference)


class Logaddexp2(Function):
    """z = log₂(2ˣ + 2ʸ)          dx = dz * σ((x - y) ln 2),   dy = dz * σ((y - x) ln 2)

    As logaddexp, with 2ˣ = exp(x ln 2).
    """

    reads = {"dx": "x y", "dy": "x y"}

    def forward(self, x, y):
        return get_array_module(x, y).logaddexp2(x, y)

    def backward(self, dz):
        difference = _difference(*self.inputs) * math.log(2)
        return lambda: dz * sigmoid(difference), lambda: dz * sigmoid(-difference)


def _difference(x, y):
    """x - y, but 0 (and not nan) for two equal infinities."""
    difference = x - y
    return where((x == y) & (difference != difference), 0.0, difference)


def _constant(x, like):
    """x itself, or a Python number as a Tensor of `like`'s dtype: `where` would give it the default dtype."""
    return x if isinstance(x, Tensor) else Tensor.wrap(get_array_module(like.data).asarray(x, dtype=like.dtype))


erfc = public(Erfc)
gammaln = public(Gammaln)
digamma = public(Digamma)
logit = public(Logit)
expit = sigmoid
xlogy = public(Xlogy)
logaddexp = public(Logaddexp)
logaddexp2 = public(Logaddexp2)


def polygamma(n, x):
    """y = ψ⁽ⁿ⁾(x)          dx = dy * ψ⁽ⁿ⁺¹⁾(x)

    The n-th derivative of digamma, n = 0, 1, 2 ...; see Polygamma. Raises ValueError for another n.
    """
    if not isinstance(n, int) or n < 0:
        raise ValueError(f"polygamma: n is the number of derivatives, an int >= 0, not {n!r}")
    return Polygamma.apply(x, n=n) if n else digamma(x)
