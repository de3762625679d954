"""Activations: the bends between the linear layers, and softmax."""

import functools
import math

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.blocks import in_blocks
from minigrad.function import Function, public
from minigrad.functions.exponential import exp
from minigrad.functions.reductions import sum


class Relu(Function):
    """y = max(x, 0)          dx = dy where y > 0, else 0

    The kink at 0 gets the slope 0. (NumPy clips a float32 array between two numbers three times as fast as it takes the
    maximum with one.)
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return x.clip(0, math.inf) if x.dtype.kind == "f" else get_array_module(x).maximum(x, 0)

    def backward(self, dy):
        return dy * (self.result > 0)


class Sigmoid(Function):
    """y = 1 / (1 + exp(-x))          dx = dy * y (1 - y)

    dy/dx = exp(-x) / (1 + exp(-x))² = y * exp(-x) / (1 + exp(-x)) = y (1 - y): SigmoidGradient. x is kept beside y for the
    same reason as in Softmax below.
    """

    reads = {"dx": "x output"}

    def forward(self, x):
        return logistic(x)

    def backward(self, dy):
        return SigmoidGradient.apply(self.output, dy)


class SigmoidGradient(Function):
    """d = g s (1 - s)          ds = dd * g (1 - 2 s),   dg = dd * s (1 - s)"""

    reads = {"ds": "s g", "dg": "s"}

    def forward(self, s, g):
        return g * (s * (1 - s))

    def backward(self, dd):
        s, g = self.inputs
        return lambda: dd * g * (1 - 2 * s), lambda: SigmoidGradient.apply(s, dd)


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
    dxⱼ = Σᵢ dyᵢ yᵢ ([i = j] - yⱼ) = yⱼ dyⱼ - yⱼ Σᵢ dyᵢ yᵢ: SoftmaxGradient.
    Shifting all x by their maximum changes no y and keeps exp from overflowing. x is kept beside y, so that a cross-entropy
    of these probabilities can go back to the logits, which do not underflow (losses.py).
    """

    reads = {"dx": "x output"}

    def forward(self, x, axis=-1):
        self.axis = axis
        return _along(stable_softmax, axis, x)

    def backward(self, dy):
        return SoftmaxGradient.apply(self.output, dy, axis=self.axis)


class SoftmaxGradient(Function):
    """d = p * (g - Σ g p)          dp = dd (g - Σ g p) - g Σ dd p,   dg = p * (dd - Σ dd p)

    The sums run over `axis`. The matrix diag(p) - p pᵀ that takes g to d is symmetric, so dg is the same of dd; and p stands
    in d as a factor, and inside of the sum, whose gradient is -Σ dd p.
    """

    reads = {"dp": "p g", "dg": "p"}

    def forward(self, p, g, axis=-1):
        self.axis = axis
        return _along(_less_its_mean, axis, p, g)

    def backward(self, dd):
        (p, g), axis = self.inputs, self.axis
        return (lambda: dd * (g - sum(g * p, axis, keepdims=True)) - g * sum(dd * p, axis, keepdims=True),
                lambda: SoftmaxGradient.apply(p, dd, axis=axis))


class LogSoftmax(Function):
    """y = log softmax(x)          dx = dy - exp(y) Σ dy, the sum over the same axis

    yᵢ = xᵢ - log Σⱼ exp(xⱼ), hence ∂yᵢ/∂xⱼ = [i = j] - softmax(x)ⱼ = [i = j] - exp(yⱼ): LogSoftmaxGradient.
    """

    reads = {"dx": "output"}

    def forward(self, x, axis=-1):
        self.axis = axis
        return _along(stable_log_softmax, axis, x)

    def backward(self, dy):
        return LogSoftmaxGradient.apply(self.output, dy, axis=self.axis)


class LogSoftmaxGradient(Function):
    """d = g - exp(y) Σ g          dy = -dd exp(y) Σ g,   dg = dd - Σ dd exp(y)

    The sums run over `axis`.
    """

    reads = {"dy": "y g", "dg": "y"}

    def forward(self, y, g, axis=-1):
        self.axis = axis
        return _along(_less_its_share, axis, y, g)

    def backward(self, dd):
        (y, g), axis = self.inputs, self.axis
        weighted = dd * exp(y)
        return lambda: -weighted * sum(g, axis, keepdims=True), lambda: dd - sum(weighted, axis, keepdims=True)


def logistic(x):
    """1 / (1 + exp(-x)) of an array. In float32 by these very steps, four times as fast as SciPy's: within 4 units in the
    last place (exp(-x) overflows to inf, and gives 0, only where the result is below the smallest normal number)."""
    if x.dtype != "float32":
        return backend.special(x).expit(x)
    xp = get_array_module(x)
    with np.errstate(over="ignore"):
        y = xp.asarray(xp.exp(-x))  # of a 0-d array, NumPy makes a scalar
    y += 1
    return xp.divide(1, y, out=y)


def stable_softmax(x, axis):
    """softmax of an array: the largest exponent is 0, so nothing overflows, and the sum is at least 1."""
    if x.size == 0:
        return x.copy()
    xp = get_array_module(x)
    y = xp.asarray(x - x.max(axis=axis, keepdims=True))
    xp.exp(y, out=y)
    y *= 1 / y.sum(axis=axis, keepdims=True)
    return y


def stable_log_softmax(x, axis):
    """log softmax of an array: x - m - log Σ exp(x - m)."""
    if x.size == 0:
        return x.copy()
    xp = get_array_module(x)
    y = x - x.max(axis=axis, keepdims=True)
    y -= xp.log(xp.exp(y).sum(axis=axis, keepdims=True))
    return y


def _less_its_mean(p, g, axis):
    d = g - (g * p).sum(axis=axis, keepdims=True)
    d *= p
    return d


def _less_its_share(y, g, axis):
    return g - get_array_module(y).exp(y) * g.sum(axis=axis, keepdims=True)


def _along(function, axis, x, *others):
    """function(x, *others, axis), by blocks of rows where the axis is the last one."""
    function = functools.partial(function, axis=axis)
    return in_blocks(function, x, *others, last=1) if axis in (-1, x.ndim - 1) else function(x, *others)


relu = public(Relu)
sigmoid = public(Sigmoid)
softplus = public(Softplus)


def softmax(x, axis=-1):
    """yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) along an axis          dx = y * (dy - Σ dy y)"""
    return Softmax.apply(x, axis=axis)


def log_softmax(x, axis=-1):
    """yᵢ = xᵢ - log Σⱼ exp(xⱼ) along an axis          dx = dy - exp(y) Σ dy"""
    return LogSoftmax.apply(x, axis=axis)
