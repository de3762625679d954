"""Arithmetic, element by element, with broadcasting.

Each operand's gradient has the shape of the *result* here; where an operand was broadcast, the engine sums it back
(autograd.sum_to_shape), so the lines below stay those of the scalar rule.
"""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function, public
from minigrad.functions.exponential import log
from minigrad.tensor import Tensor, get_default_dtype


class Add(Function):
    """z = x + y          dx = dz,   dy = dz"""

    reads = {}
    takes_complex = True

    def forward(self, x, y):
        return x + y

    def backward(self, dz):
        return dz, dz


class Subtract(Function):
    """z = x - y          dx = dz,   dy = -dz"""

    reads = {}
    takes_complex = True

    def forward(self, x, y):
        return x - y

    def backward(self, dz):
        return dz, lambda: -dz


class Multiply(Function):
    """z = x * y          dx = dz * y,   dy = dz * x"""

    reads = {"dx": "y", "dy": "x"}
    takes_complex = True

    def forward(self, x, y):
        return x * y

    def backward(self, dz):
        x, y = self.inputs
        return lambda: dz * y, lambda: dz * x


class Divide(Function):
    """z = x / y          dx = dz / y,   dy = -dz * z / y"""

    reads = {"dx": "y", "dy": "y output"}
    takes_complex = True

    def forward(self, x, y):
        return x / y

    def backward(self, dz):
        _, y = self.inputs
        return lambda: dz / y, lambda: -dz * self.output / y


class Negative(Function):
    """z = -x          dx = -dz"""

    reads = {}
    takes_complex = True

    def forward(self, x):
        return -x

    def backward(self, dz):
        return -dz


class Power(Function):
    """z = x ** y          dx = dz * y * x**(y - 1),   dy = dz * z * ln x

    At the corners the limits are taken: dx = 0 where y = 0 (x**0 is 1 for every x, 0 included), and dy = 0 where
    x = 0 and y >= 0 (0**y is 0 on both sides of y). For x < 0 the power exists only at integer y, so dy is nan.
    """

    reads = {"dx": "x y", "dy": "x y output"}
    takes_complex = True

    def forward(self, x, y):
        return x ** y

    def backward(self, dz):
        x, y = self.inputs
        return lambda: dz * _power_slope(x, y), lambda: dz * _power_log_slope(x, y, self.output)


def _power_slope(x, y):
    if isinstance(y, (int, float)):
        return y * x ** (y - 1) if y != 0 else x * 0
    flat = y == 0  # the slope is 0 there, written as y / x since it still changes with y
    return where(flat, y / where(x == 0, 1.0, x), y * x ** where(flat, 1, y - 1))


def _power_log_slope(x, y, z):
    if isinstance(x, (int, float)) and x > 0:
        return z * math.log(x)
    flat = (x == 0) & (y >= 0)
    return where(flat, 0.0, z * log(where(flat, 1.0, x).astype(z.dtype, copy=False)))


class Absolute(Function):
    """z = |x|          dx = dz * sign(x)

    The kink at 0 gets the slope 0, between the two sides' -1 and 1.
    """

    reads = {"dx": "x"}

    def forward(self, x):
        return abs(x)

    def backward(self, dz):
        x, = self.inputs
        return dz * get_array_module(x.data).sign(x.data)  # a constant: the slope does not change with x


class Modulus(Function):
    """z = |x|          dx = dz * conj(x) / z

    For complex x. From z² = x conj(x): 2 z δz = 2 Re(conj(x) δx), so δL = dz δz = Re(dz conj(x) / z δx).
    The tip of the cone at 0 gets the slope 0.
    """

    reads = {"dx": "x output"}
    takes_complex = True

    def forward(self, x):
        return abs(x)

    def backward(self, dz):
        x, = self.inputs
        z = self.output
        return dz * (x.conj() / where(z == 0, 1.0, z))


class Maximum(Function):
    """z = maximum(x, y)          dx = dz where x >= y,   dy = dz where x < y

    At a tie the first operand wins, and gets all of the gradient. A nan wins over any number.
    """

    reads = {"dx": "x y", "dy": "x y"}

    def forward(self, x, y):
        return get_array_module(x, y).maximum(x, y)

    def backward(self, dz):
        x, y = self.inputs
        first = (x >= y) | (x != x)
        return lambda: where(first, dz, 0.0), lambda: where(first, 0.0, dz)


class Minimum(Function):
    """z = minimum(x, y)          dx = dz where x <= y,   dy = dz where x > y

    At a tie the first operand wins, and gets all of the gradient. A nan wins over any number.
    """

    reads = {"dx": "x y", "dy": "x y"}

    def forward(self, x, y):
        return get_array_module(x, y).minimum(x, y)

    def backward(self, dz):
        x, y = self.inputs
        first = (x <= y) | (x != x)
        return lambda: where(first, dz, 0.0), lambda: where(first, 0.0, dz)


class Where(Function):
    """z = where(condition, x, y)          dx = dz where condition,   dy = dz elsewhere

    The branch that was not taken gets a gradient of exactly 0. Note that its *own* derivative is still evaluated: in
    where(x > 0, log(x), 0) the log has slope inf at 0, and 0 * inf is nan. Make the operand safe first:
    where(x > 0, log(where(x > 0, x, 1)), 0).
    """

    reads = {"dx": "condition", "dy": "condition"}
    takes_complex = True

    def forward(self, condition, x, y):
        xp = get_array_module(condition, x, y)
        return xp.where(xp.asarray(condition) if isinstance(condition, bool) else condition, x, y)

    def backward(self, dz):
        condition = self.inputs[0]
        return None, lambda: where(condition, dz, 0.0), lambda: where(condition, 0.0, dz)


class Clip(Function):
    """z = clip(x)          dx = dz where minimum <= x <= maximum, else 0

    On the bounds themselves the gradient passes.
    """

    reads = {"dx": "x"}

    def forward(self, x, minimum=None, maximum=None):
        self.minimum, self.maximum = minimum, maximum
        return get_array_module(x).clip(x, minimum, maximum)

    def backward(self, dz):
        x, = self.inputs
        inside = x == x
        if self.minimum is not None:
            inside = inside & (x >= self.minimum)
        if self.maximum is not None:
            inside = inside & (x <= self.maximum)
        return where(inside, dz, 0.0)


add = public(Add)
subtract = public(Subtract)
multiply = public(Multiply)
divide = public(Divide)
negative = public(Negative)
power = public(Power)
maximum = public(Maximum)
minimum = public(Minimum)


def absolute(x):
    """z = |x|          dx = dz * sign(x), or dz * conj(x) / |x| for complex x; 0 at x = 0"""
    return (Modulus if getattr(x, "dtype", None) is not None and x.dtype.kind == "c" else Absolute).apply(x)


def where(condition, x, y):
    """z = x where condition, else y          dx = dz where condition, dy = dz elsewhere

    The branch that was not taken gets a gradient of exactly 0; but its own derivative is evaluated (see Where).
    """
    z = Where.apply(condition.data if isinstance(condition, Tensor) else condition, x, y)
    plain = not hasattr(x, "dtype") and not hasattr(y, "dtype")
    return z.astype(get_default_dtype(), copy=False) if plain and z.dtype.kind != "c" else z


def clip(x, min=None, max=None):
    """x, with everything below `min` set to `min` and above `max` to `max` (numbers, arrays, Tensors; None: no bound).

    dx = dz where min <= x <= max, else 0. On the bounds themselves the gradient passes. Bounds that are Tensors get
    the gradient of the numbers that were set to them.
    """
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        x = x if min is None else maximum(x, min)
        return x if max is None else minimum(x, max)
    return Clip.apply(x, minimum=min, maximum=max)


def square(x):
    """z = x * x          dx = 2 x dz"""
    return multiply(x, x)
