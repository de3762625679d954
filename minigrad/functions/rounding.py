"""Rounding, signs and remainders, element by element: functions in steps, whose slope is 0 wherever there is one.

A step function is not an error to differentiate: its gradient is a Tensor of zeros, as in PyTorch, also at the steps.
"""

from minigrad.backend import get_array_module
from minigrad.function import Function, public
from minigrad.functions.arithmetic import where
from minigrad.tensor import Tensor


def _zeros_like(dy):
    return Tensor.wrap(get_array_module(dy.data).zeros_like(dy.data))


class Sign(Function):
    """y = sign(x)          dx = 0"""

    reads = {}

    def forward(self, x):
        return get_array_module(x).sign(x)

    def backward(self, dy):
        return _zeros_like(dy)


class Floor(Function):
    """y = ⌊x⌋          dx = 0"""

    reads = {}

    def forward(self, x):
        return get_array_module(x).floor(x)

    def backward(self, dy):
        return _zeros_like(dy)


class Ceil(Function):
    """y = ⌈x⌉          dx = 0"""

    reads = {}

    def forward(self, x):
        return get_array_module(x).ceil(x)

    def backward(self, dy):
        return _zeros_like(dy)


class Trunc(Function):
    """y = trunc(x)          dx = 0

    The integer part: towards 0.
    """

    reads = {}

    def forward(self, x):
        return get_array_module(x).trunc(x)

    def backward(self, dy):
        return _zeros_like(dy)


class Round(Function):
    """y = round(x, decimals)          dx = 0

    To the nearest; halves go to the even neighbour.
    """

    reads = {}

    def forward(self, x, decimals=0):
        return x.round(decimals)

    def backward(self, dy):
        return _zeros_like(dy)


class FloorDivide(Function):
    """z = ⌊x / y⌋          dx = 0,   dy = 0"""

    reads = {}

    def forward(self, x, y):
        return x // y

    def backward(self, dz):
        return lambda: _zeros_like(dz), lambda: _zeros_like(dz)


class Remainder(Function):
    """z = x mod y          dx = dz,   dy = -dz * ⌊x / y⌋

    z = x - y ⌊x / y⌋ has the sign of y, as Python's % has. Between the steps ⌊x / y⌋ is a constant.
    """

    reads = {"dy": "x y"}

    def forward(self, x, y):
        return x % y

    def backward(self, dz):
        x, y = self.inputs
        return dz, lambda: -dz * floor_divide(x, y)


class Fmod(Function):
    """z = fmod(x, y)          dx = dz,   dy = -dz * trunc(x / y)

    z = x - y trunc(x / y) has the sign of x, as C's fmod has. Between the steps trunc(x / y) is a constant.
    """

    reads = {"dy": "x y"}

    def forward(self, x, y):
        return get_array_module(x, y).fmod(x, y)

    def backward(self, dz):
        x, y = self.inputs
        # x / y may have been rounded up to an integer; (x - z) / y is one, but for rounding
        return dz, lambda: -dz * round((x - fmod(x, y)) / y)


class Copysign(Function):
    """z = |x| sign(y)          dx = dz * sign(x) sign(y),   dy = 0

    sign(y) counts the sign of a zero too: copysign(2, -0.0) = -2. The kink at x = 0 gets the slope 0, as in absolute.
    """

    reads = {"dx": "x y"}

    def forward(self, x, y):
        return get_array_module(x, y).copysign(x, y)

    def backward(self, dz):
        x, y = self.inputs
        return lambda: dz * (sign(x) * copysign(sign(x), y)), lambda: _zeros_like(dz)


class Fmax(Function):
    """z = fmax(x, y)          dx = dz where x >= y,   dy = dz where x < y

    The maximum, but of a number and a nan it is the number. At a tie the first operand wins.
    """

    reads = {"dx": "x y", "dy": "x y"}

    def forward(self, x, y):
        return get_array_module(x, y).fmax(x, y)

    def backward(self, dz):
        x, y = self.inputs
        first = (x >= y) | (y != y)
        return lambda: where(first, dz, 0.0), lambda: where(first, 0.0, dz)


class Fmin(Function):
    """z = fmin(x, y)          dx = dz where x <= y,   dy = dz where x > y

    The minimum, but of a number and a nan it is the number. At a tie the first operand wins.
    """

    reads = {"dx": "x y", "dy": "x y"}

    def forward(self, x, y):
        return get_array_module(x, y).fmin(x, y)

    def backward(self, dz):
        x, y = self.inputs
        first = (x <= y) | (y != y)
        return lambda: where(first, dz, 0.0), lambda: where(first, 0.0, dz)


class NanToNum(Function):
    """y = nan_to_num(x)          dx = dy where x is finite, else 0

    nan becomes the number `nan`, and the infinities the dtype's largest and smallest numbers, or `posinf` and `neginf`.
    """

    reads = {"dx": "x"}

    def forward(self, x, nan=0.0, posinf=None, neginf=None):
        xp = get_array_module(x)
        if x.dtype.kind != "f":
            return x.copy()
        limits = xp.finfo(x.dtype)
        x = xp.where(xp.isnan(x), nan, x)
        x = xp.where(x == xp.inf, float(limits.max) if posinf is None else posinf, x)
        return xp.where(x == -xp.inf, float(limits.min) if neginf is None else neginf, x)

    def backward(self, dy):
        x, = self.inputs
        return where(get_array_module(x.data).isfinite(x.data), dy, 0.0)


sign = public(Sign)
floor = public(Floor)
ceil = public(Ceil)
trunc = public(Trunc)
fix = trunc  # an older name of NumPy
floor_divide = public(FloorDivide)
remainder = mod = public(Remainder)
fmod = public(Fmod)
copysign = public(Copysign)
fmax = public(Fmax)
fmin = public(Fmin)


def round(x, decimals=0):
    """y = x rounded to so many decimals          dx = 0

    Halves go to the even neighbour. Negative `decimals` round to tens, hundreds ...
    """
    return Round.apply(x, decimals=decimals)


def rint(x):
    """y = the integer nearest to x          dx = 0"""
    return round(x)


def nan_to_num(x, *, nan=0.0, posinf=None, neginf=None):
    """y = x with numbers in the place of nan, inf and -inf          dx = dy where x is finite, else 0

    nan becomes the number `nan`, and the infinities the dtype's largest and smallest numbers, or `posinf` and `neginf`.
    """
    return NanToNum.apply(x, nan=nan, posinf=posinf, neginf=neginf)
