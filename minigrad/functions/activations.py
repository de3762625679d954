"""Activations: the bends between the linear layers, and softmax."""

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function, public
from minigrad.functions.exponential import exp
from minigrad.functions.reductions import sum


class Relu(Function):
    """y = max(x, 0)          dx = dy where y > 0, else 0

    The kink at 0 gets the slope 0.
    """

    reads = {"dx": "output"}

    def forward(self, x):
        xp = get_array_module(x)
        return xp.maximum(x, xp.zeros(x.shape[1:], x.dtype))  # of two arrays: with a number NumPy takes twice as long

    def backward(self, dy):
        return dy * (self.result > 0)


class Sigmoid(Function):
    """y = 1 / (1 + exp(-x))          dx = dy * y (1 - y)

    dy/dx = exp(-x) / (1 + exp(-x))² = y * exp(-x) / (1 + exp(-x)) = y (1 - y).
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return backend.special(x).expit(x)

    def backward(self, dy):
        y = self.output
        return dy * (y * (1 - y))


class Softplus(Function):
    """y = log(1 + exp(x))          dx = dy * sigmoid(x)"""

    reads = {"dx": "x"}

    def forward(self, x):
        return get_array_module(x).logaddexp(x, 0)

    def backward(self, dy):
        x, = self.inputs
        return dy * sigmoid(x)


class Softmax(Function):
    """y = softmax(x)          dx = y * (dy - Σ dy y), the sum over the same axis

    yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ), hence ∂yᵢ/∂xⱼ = yᵢ ([i = j] - yⱼ), and
    dxⱼ = Σᵢ dyᵢ yᵢ ([i = j] - yⱼ) = yⱼ dyⱼ - yⱼ Σᵢ dyᵢ yᵢ.
    Shifting all x by their maximum changes no y and keeps exp from overflowing. It is x that is kept, and y computed
    again: so a cross-entropy of these probabilities can go back to the logits, which do not underflow (losses.py).
    """

    reads = {"dx": "x"}

    def forward(self, x, axis=-1):
        self.axis = axis
        return stable_softmax(x, axis)

    def backward(self, dy):
        x, = self.inputs
        y = softmax(x, self.axis)
        return y * (dy - sum(dy * y, self.axis, keepdims=True))


class LogSoftmax(Function):
    """y = log softmax(x)          dx = dy - exp(y) Σ dy, the sum over the same axis

    yᵢ = xᵢ - log Σⱼ exp(xⱼ), hence ∂yᵢ/∂xⱼ = [i = j] - softmax(x)ⱼ = [i = j] - exp(yⱼ).
    """

    reads = {"dx": "output"}

    def forward(self, x, axis=-1):
        self.axis = axis
        return stable_log_softmax(x, axis)

    def backward(self, dy):
        return dy - exp(self.output) * sum(dy, self.axis, keepdims=True)


def stable_softmax(x, axis):
    """softmax of an array: the largest exponent is 0, so nothing overflows, and the sum is at least 1."""
    if x.size == 0:
        return x.copy()
    xp = get_array_module(x)
    y = xp.asarray(x - x.max(axis=axis, keepdims=True))  # of a 0-d array, NumPy makes a scalar
    xp.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)
    return y


def stable_log_softmax(x, axis):
    """log softmax of an array: x - m - log Σ exp(x - m)."""
    if x.size == 0:
        return x.copy()
    xp = get_array_module(x)
    y = x - x.max(axis=axis, keepdims=True)
    y -= xp.log(xp.exp(y).sum(axis=axis, keepdims=True))
    return y


relu = public(Relu)
sigmoid = public(Sigmoid)
softplus = public(Softplus)


def softmax(x, axis=-1):
    """yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) along an axis          dx = y * (dy - Σ dy y)"""
    return Softmax.apply(x, axis=axis)


def log_softmax(x, axis=-1):
    """yᵢ = xᵢ - log Σⱼ exp(xⱼ) along an axis          dx = dy - exp(y) Σ dy"""
    return LogSoftmax.apply(x, axis=axis)
