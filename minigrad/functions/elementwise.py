"""Element by element: NumPy's further names, mostly compositions, and the normal distribution of scipy.special."""

import math

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function, public
from minigrad.functions.arithmetic import absolute, divide, multiply, power, where
from minigrad.functions.exponential import exp
from minigrad.functions.order import take
from minigrad.functions.rounding import floor_divide, remainder, sign, trunc
from minigrad.functions.shapes import as_operand, astype, normalize_axis
from minigrad.functions.special import erfc


class Erfinv(Function):
    """y = erfinv(x)          dx = dy * √π/2 * exp(y²)

    From x = erf y: dx/dy = 2/√π exp(-y²). The slope at ±1, where y is ±inf, is inf.
    """

    reads = {"dx": "output"}

    def forward(self, x):
        return backend.special(x).erfinv(x)

    def backward(self, dy):
        y = self.output
        return dy * (math.sqrt(math.pi) / 2 * exp(y * y))


class LogNdtr(Function):
    """y = ln Φ(x)          dx = dy * exp(-x²/2 - y) / √(2π)

    Φ is the normal distribution's cumulative function, whose slope is its density φ: (ln Φ)' = φ / Φ.
    """

    reads = {"dx": "x, output"}

    def forward(self, x):
        return backend.special(x).log_ndtr(x)

    def backward(self, dy):
        x, = self.inputs
        return dy * (exp(-0.5 * x * x - self.output) / math.sqrt(2 * math.pi))


erfinv = public(Erfinv)
log_ndtr = public(LogNdtr)


def ndtr(x):
    """y = Φ(x), the normal distribution's cumulative function          dx = dy exp(-x²/2) / √(2π)"""
    return 0.5 * erfc(x * -math.sqrt(0.5))


def positive(x):
    """y = x          dx = dy"""
    return multiply(x, 1)


def fabs(x):
    """y = |x| of real x          dx = dy sign(x); 0 at 0"""
    return absolute(x)


def true_divide(x, y):
    """z = x / y          dx = dz / y, dy = -dz z / y"""
    return divide(x, y)


def pow(x, y):
    """z = xʸ          the array API's name of power"""
    return power(x, y)


def float_power(x, y):
    """z = xʸ          dx = dz y xʸ⁻¹, dy = dz z ln x

    As power, but integers are taken as float64, so that negative exponents are right. (float32 stays float32 here, where
    NumPy's gives float64.)
    """
    return power(*[astype(as_operand(a), float) if hasattr(a, "dtype") and a.dtype.kind in "iub" else a for a in (x, y)])


def ldexp(x, n):
    """y = x 2ⁿ          dx = dy 2ⁿ

    n is of integers and has no gradient. By two factors, so that 2ⁿ itself need not be a number of x's dtype.
    """
    n = getattr(n, "_data", n)
    n = n if hasattr(n, "dtype") else np.asarray(n)[()]
    if n.dtype.kind not in "iu":
        raise TypeError(f"ldexp: n must be integers, got {n!r}")
    half = n // 2
    for power_of_two in (half, n - half):
        factor = 2.0 ** power_of_two
        x = multiply(x, factor.astype(x.dtype) if hasattr(factor, "astype") and hasattr(x, "dtype") else factor)
    return x


def divmod(x, y):
    """(floor_divide(x, y), remainder(x, y)), so that x = quotient * y + remainder."""
    return floor_divide(x, y), remainder(x, y)


def modf(x):
    """(the part of x behind the point, the part before it), x - trunc(x) and trunc(x)

    The first has slope 1, the second 0. Of an infinity the first part is 0.
    """
    x, whole = as_operand(x), trunc(x)
    infinite = get_array_module(whole.data).isinf(whole.data)
    return where(infinite, 0.0, x - where(infinite, 0.0, whole)), whole


def heaviside(x1, x2):
    """y = 0 where x1 < 0, x2 where x1 = 0, 1 where x1 > 0          dx1 = 0, dx2 = dy where x1 = 0"""
    x1 = as_operand(x1)
    return where(getattr(x1, "_data", x1) == 0, x2, 0.5 * sign(x1) + 0.5)


def interp(x, xp, fp, left=None, right=None):
    """y = the straight line between the points (xp_i, fp_i), at x, as numpy.interp

    xp, fp       (n,), xp ascending (which is not looked at)
    left, right  y for x below xp_0 and above the last xp; fp_0 and the last fp unless given
    On a piece y = fp_i + (x - xp_i) (fp_(i+1) - fp_i) / (xp_(i+1) - xp_i), and the gradients of x, xp and fp are those of
    this line; at a point of xp dx is the slope on its right, at the last one that on its left, outside 0. (NumPy's period
    is not done here.)
    """
    x, xs, ys = (as_operand(a) for a in (x, xp, fp))
    if xs.ndim != 1 or tuple(xs.shape) != tuple(ys.shape) or not xs.shape[0]:
        raise ValueError(f"interp: xp and fp must be vectors of one length, not empty, got shapes {tuple(xs.shape)} and "
                         f"{tuple(ys.shape)}")
    n = xs.shape[0]
    at, knots = (getattr(a, "_data", a) for a in (x, xs))
    lib = get_array_module(at, knots)
    i = lib.clip(lib.searchsorted(knots, at, side="right") - 1, 0, max(n - 2, 0))
    after = lib.minimum(i + 1, n - 1)
    width = take(xs, after) - take(xs, i) + (n == 1)
    y = take(ys, i) + (x - take(xs, i)) / width * (take(ys, after) - take(ys, i))
    y = where(at < knots[0], take(ys, 0) if left is None else left, y)
    return where(at > knots[-1], take(ys, n - 1) if right is None else right, y)


def unwrap(p, discont=None, axis=-1, *, period=2 * math.pi):
    """p plus multiples of the period, so that no step along the axis is longer than half a period          dp = dy

    A step of exactly half a period stays, and so does any that is shorter than `discont`.
    """
    p = as_operand(p)
    array = getattr(p, "_data", p)
    if array.dtype.kind == "c":
        raise TypeError("unwrap: expected real angles, got complex numbers: take mg.angle first")
    axis = normalize_axis(axis, p.ndim)
    lib = get_array_module(array)
    step = lib.diff(array, axis=axis)
    turns = lib.sign(step) * lib.ceil(abs(step) / period - 0.5)
    if discont is not None:
        turns = lib.where(abs(step) < discont, 0, turns)
    zeros = lib.zeros((*p.shape[:axis], min(1, p.shape[axis]), *p.shape[axis + 1:]), array.dtype)
    turns = lib.concatenate([zeros, lib.cumsum(turns, axis=axis)], axis).astype(array.dtype)
    return p - period * turns
