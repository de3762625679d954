"""Activations with a bend or a gate: the relatives of relu, element by element.

Where a function has a kink the slope there is the one of the flat side, as in PyTorch: relu6 has the slope 0 at 0 and at 6.
"""

from minigrad.backend import get_array_module
from minigrad.blocks import in_blocks
from minigrad.function import Function, public
from minigrad.functions.activations import logistic, sigmoid, softplus
from minigrad.functions.arithmetic import absolute, minimum, where
from minigrad.functions.exponential import exp, tanh
from minigrad.functions.shapes import as_operand, concatenate, normalize_axis, split


class Hardtanh(Function):
    """y = min(max(x, low), high)          dx = dy where low < y < high, else 0

    The kinks at low and high get the slope 0 (clip gives them 1).
    """

    reads = {"dx": "output"}

    def forward(self, x, low, high):
        self.low, self.high = low, high
        return get_array_module(x).clip(x, low, high)

    def backward(self, dy):
        y = self.output
        return dy * ((y > self.low) & (y < self.high))


class LeakyRelu(Function):
    """y = x where x > 0, else s x          dx = dy where x > 0, else s dy

    The kink at 0 gets the slope s. Maas, Hannun & Ng 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic
    Models".
    """

    reads = {"dx": "x"}

    def forward(self, x, slope):
        self.slope = slope
        return get_array_module(x).where(x > 0, x, slope * x)

    def backward(self, dy):
        x, = self.inputs
        return where(x > 0, dy, self.slope * dy)


class Prelu(Function):
    """y = x where x > 0, else w x          dx = dy where x > 0, else w dy;   dw = 0 where x > 0, else x dy

    He, Zhang, Ren & Sun 2015, "Delving Deep into Rectifiers", eq. 1.
    """

    reads = {"dx": "x w", "dw": "x"}

    def forward(self, x, w):
        return get_array_module(x, w).where(x > 0, x, w * x)

    def backward(self, dy):
        x, w = self.inputs
        return lambda: where(x > 0, dy, w * dy), lambda: where(x > 0, 0.0, x * dy)


class Elu(Function):
    """y = s x where x > 0, else s α (exp(r x) - 1)          dx = s dy where x > 0, else s α r exp(r x) dy

    One formula for three functions: elu has s = r = 1, selu fixes s and α, celu has α r = 1, so that its slope is 1 on
    both sides of 0. At 0 slope and curvature are those of the left side.
    """

    reads = {"dx": "x"}

    def forward(self, x, alpha, scale, rate):
        self.alpha, self.scale, self.rate = alpha, scale, rate
        xp = get_array_module(x)
        left = (scale * alpha) * xp.expm1(rate * xp.minimum(x, 0))  # the minimum keeps exp of large x from overflowing
        return xp.where(x > 0, scale * x, left)

    def backward(self, dy):
        x, = self.inputs
        left = (self.scale * self.alpha * self.rate) * exp(self.rate * minimum(x, 0.0))
        return dy * where(x > 0, self.scale, left)


class Silu(Function):
    """y = x σ(x)          dx = dy * σ(x) (1 + x (1 - σ(x)))

    σ is the sigmoid, σ' = σ (1 - σ). Elfwing, Uchibe & Doya 2017, "Sigmoid-Weighted Linear Units"; also called swish
    (Ramachandran, Zoph & Le 2017).
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return in_blocks(lambda x: x * logistic(x), x)

    def backward(self, dy):
        x, = self.inputs
        return SiluGradient.apply(x, dy)


class SiluGradient(Function):
    """y = g silu'(x)          dx = dy * g silu''(x),   dg = dy * silu'(x)

    silu' = σ + x σ' = σ (1 + x (1 - σ)) with σ' = σ (1 - σ), and silu'' = 2 σ' + x σ'' with σ'' = σ' (1 - 2 σ).
    """

    reads = {"dx": "x g", "dg": "x"}

    def forward(self, x, g):
        return in_blocks(_times_slope, x, g)

    def backward(self, dy):
        x, g = self.inputs

        def dx():
            s = sigmoid(x)
            return dy * g * (s * (1 - s) * (2 + x * (1 - 2 * s)))

        return dx, lambda: SiluGradient.apply(x, dy)


def _times_slope(x, g):
    s = logistic(x)
    slope = 1 - s
    slope *= x
    slope += 1
    slope *= s
    return g * slope


class Mish(Function):
    """y = x tanh(softplus(x))          dx = dy * (t + x (1 - t²) σ(x)),   t = tanh(softplus(x))

    The slope of tanh is 1 - t², that of softplus is the sigmoid σ. Misra 2019, "Mish: A Self Regularized Non-Monotonic
    Activation Function".
    """

    reads = {"dx": "x"}

    def forward(self, x):
        xp = get_array_module(x)
        return x * xp.tanh(xp.logaddexp(x, 0))

    def backward(self, dy):
        x, = self.inputs
        t = tanh(softplus(x))
        return dy * (t + x * (1 - t * t) * sigmoid(x))


class Softsign(Function):
    """y = x / (1 + |x|)          dx = dy / (1 + |x|)²

    For x > 0 the slope of x / (1 + x) is 1 / (1 + x)², and y is odd.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return x / (1 + abs(x))

    def backward(self, dy):
        x, = self.inputs
        d = 1 + absolute(x)
        return dy / (d * d)


class HardSigmoid(Function):
    """y = min(max(x / 6 + 1/2, 0), 1)          dx = dy / 6 where 0 < y < 1, else 0

    The sigmoid in three straight pieces, with kinks at -3 and 3, where the slope is 0. Howard et al. 2019, "Searching for
    MobileNetV3", sec. 5.2.
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return get_array_module(x).clip((x + 3) / 6, 0, 1)

    def backward(self, dy):
        y = self.output
        return dy * ((y > 0) & (y < 1)) / 6


class HardSilu(Function):
    """y = x hard_sigmoid(x)          dx = dy * (2 x + 3) / 6 where |x| < 3, dy where x >= 3, 0 where x <= -3

    Between the kinks y = x (x + 3) / 6. Howard et al. 2019, "Searching for MobileNetV3", sec. 5.2.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return x * get_array_module(x).clip((x + 3) / 6, 0, 1)

    def backward(self, dy):
        x, = self.inputs
        return dy * where(abs(x.data) < 3, (2 * x + 3) / 6, x >= 3)


class LogSigmoid(Function):
    """y = log σ(x)          dx = dy * σ(-x)

    log σ(x) = -log(1 + exp(-x)), which neither overflows nor loses the small results of large x. Its slope is
    exp(-x) / (1 + exp(-x)) = σ(-x).
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return -get_array_module(x).logaddexp(-x, 0)

    def backward(self, dy):
        x, = self.inputs
        return dy * sigmoid(-x)


class Glu(Function):
    """y = a σ(b), x = [a, b]          dx = [σ(b) dy, a σ(b) (1 - σ(b)) dy]

    The first half of x along an axis, each number let through by the gate that is the sigmoid σ of its fellow in the second
    half. Dauphin, Fan, Auli & Grangier 2017, "Language Modeling with Gated Convolutional Networks".
    """

    reads = {"dx": "x"}

    def forward(self, x, axis):
        self.axis = axis
        a, b = get_array_module(x).split(x, 2, axis)
        return a * logistic(b)

    def backward(self, dy):
        a, b = split(self.inputs[0], 2, self.axis)
        gate = sigmoid(b)
        da = dy * gate
        return concatenate([da, da * a * (1 - gate)], self.axis)


softsign = public(Softsign)
silu = public(Silu)
mish = public(Mish)
hard_sigmoid = public(HardSigmoid)
hard_silu = public(HardSilu)
log_sigmoid = public(LogSigmoid)


def hardtanh(x, min_val=-1.0, max_val=1.0):
    """y = x, but at least min_val and at most max_val          dx = dy strictly between them, else 0"""
    return Hardtanh.apply(x, low=float(min_val), high=float(max_val))


def relu6(x):
    """y = min(max(x, 0), 6)          dx = dy where 0 < x < 6, else 0"""
    return hardtanh(x, 0, 6)


def leaky_relu(x, negative_slope=0.01):
    """y = x where x > 0, else negative_slope x          dx = dy where x > 0, else negative_slope dy"""
    return LeakyRelu.apply(x, slope=float(negative_slope))


def prelu(x, weight):
    """y = x where x > 0, else weight x          dx = dy or weight dy,   dweight = 0 or x dy

    weight broadcasts against x: one number, or one for each channel of channels-last data (shape (C,)).
    """
    return Prelu.apply(x, weight)


def elu(x, alpha=1.0):
    """y = x where x > 0, else α (exp(x) - 1)          dx = dy where x > 0, else α exp(x) dy

    Clevert, Unterthiner & Hochreiter 2015, "Fast and Accurate Deep Network Learning by Exponential Linear Units".
    """
    return Elu.apply(x, alpha=float(alpha), scale=1.0, rate=1.0)


def selu(x):
    """y = s x where x > 0, else s α (exp(x) - 1)          dx = s dy where x > 0, else s α exp(x) dy

    s = 1.0507... and α = 1.6733... keep activations of mean 0 and variance 1 so. Klambauer, Unterthiner, Mayr & Hochreiter
    2017, "Self-Normalizing Neural Networks", eq. 14.
    """
    return Elu.apply(x, alpha=1.6732632423543772848170429916717, scale=1.0507009873554804934193349852946, rate=1.0)


def celu(x, alpha=1.0):
    """y = x where x > 0, else α (exp(x/α) - 1)          dx = dy where x > 0, else exp(x/α) dy

    The elu whose slope is 1 at 0 for every α. Barron 2017, "Continuously Differentiable Exponential Linear Units".
    """
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0, since x is divided by it")
    return Elu.apply(x, alpha=float(alpha), scale=1.0, rate=1 / float(alpha))


def glu(x, axis=-1):
    """y = a σ(b), a and b the halves of x along an axis          dx = [σ(b) dy, a σ(b) (1 - σ(b)) dy]"""
    x = as_operand(x)
    axis = normalize_axis(axis, x.ndim)
    if x.shape[axis] % 2:
        raise ValueError(f"glu: axis {axis} of shape {tuple(x.shape)} must have an even length, to be halved")
    return Glu.apply(x, axis=axis)
