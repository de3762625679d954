"""Functions with a mistake in their backward, which the gradient check must find."""

import numpy as np

import minigrad as mg
import minigrad.functions as F
from minigrad.function import Function
from minigrad.tensor import Tensor


class OffByAThousandth(Function):
    """y = x²          dx = 2 x dy"""

    def forward(self, x):
        return x * x

    def backward(self, dy):
        x, = self.inputs
        return dy * (2.002 * x)


class Doubled(Function):
    """y = sin x          dx = dy cos x"""

    def forward(self, x):
        return np.sin(x)

    def backward(self, dy):
        x, = self.inputs
        return 2 * dy * mg.cos(x)


class WrongSign(Function):
    """y = cos x          dx = -dy sin x"""

    def forward(self, x):
        return np.cos(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * mg.sin(x)


class Transposed(Function):
    """y = x @ A, A a constant matrix          dx = dy @ Aᵀ"""

    A = np.random.default_rng(5).standard_normal((3, 3))

    def forward(self, x):
        return x @ self.A

    def backward(self, dy):
        return mg.matmul(dy, Tensor(self.A))


class OneRepeatOnly(Function):
    """z = x + y, y broadcast over the rows          dy = Σ dz"""

    def forward(self, x, y):
        return x + y

    def backward(self, dz):
        return dz, dz[0]   # of y's shape, so the engine has no reason to complain


class ZeroSoftmax(Function):
    """y = softmax x, whose gradient vanishes for an all-ones cotangent"""

    def forward(self, x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def backward(self, dy):
        return dy * 0


class DiagonalSoftmax(ZeroSoftmax):
    """y = softmax x, with the off-diagonal terms of the Jacobian forgotten"""

    def backward(self, dy):
        x, = self.inputs
        y = F.softmax(x)
        return dy * y * (1 - y)


class WrongAxis(Function):
    """y = x - mean of the rows          dx = dy - mean of dy over the same axis"""

    def forward(self, x):
        return x - x.mean(axis=0)

    def backward(self, dy):
        return dy - dy.mean(axis=1, keepdims=True)


class OneIndex(Function):
    """y = 3 x          dx = 3 dy"""

    def forward(self, x):
        return 3 * x

    def backward(self, dy):
        slope = np.full(dy.shape, 3.0)
        slope.flat[slope.size // 2] = 3.01
        return dy * slope


class Float32Leak(Function):
    """y = x³          dx = 3 x² dy"""

    def forward(self, x):
        return x ** 3

    def backward(self, dy):
        x, = self.inputs
        return (3 * x.astype("float32") ** 2 * dy.astype("float32")).astype("float64")


class PartialLeak(Function):
    """y = x³          dx = 3 x² dy"""

    def forward(self, x):
        return x ** 3

    def backward(self, dy):
        x, = self.inputs
        return (3 * x.astype("float32") ** 2).astype("float64") * dy


class Mixed(Function):
    """z = x y          dx = dz y,   dy = dz x"""

    def forward(self, x, y):
        return x * y

    def backward(self, dz):
        x, y = self.inputs
        return dz * x, dz * y


class Lost(Function):
    """y = exp x          dx = dy y"""

    def forward(self, x):
        return np.exp(x)

    def backward(self, dy):
        return None


class MeanForSum(Function):
    """y = Σ x          dx = dy"""

    def forward(self, x):
        return x.sum(axis=0)

    def backward(self, dy):
        return mg.broadcast_to(dy / 3, (3, *dy.shape))


class NotANumber(Function):
    """y = x          dx = dy"""

    def forward(self, x):
        return x.copy()

    def backward(self, dy):
        return dy * np.nan


class AllTies(Function):
    """y = max x          dx = dy at the largest"""

    def forward(self, x):
        return x.max(axis=-1)

    def backward(self, dy):
        return mg.broadcast_to(mg.expand_dims(dy, -1), (*dy.shape, 3))


PLANTED = [OffByAThousandth, Doubled, WrongSign, Transposed, ZeroSoftmax, DiagonalSoftmax, WrongAxis, OneIndex,
           Float32Leak, PartialLeak, Lost, MeanForSum, NotANumber, AllTies]


# ---- in the second order only

class FlatSecond(Function):
    """y = x²          dx = 2 x dy"""

    def forward(self, x):
        return x * x

    def backward(self, dy):
        x, = self.inputs
        return dy * 2 * x.detach()


class LosesCotangent(Function):
    """y = exp x          dx = dy exp x"""

    def forward(self, x):
        return np.exp(x)

    def backward(self, dy):
        x, = self.inputs
        return dy.detach() * mg.exp(x)


class DoubledSecond(Function):
    """y = -cos x          dx = dy sin x, by a function of its own whose backward is wrong"""

    def forward(self, x):
        return -np.cos(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * Doubled.apply(x)
