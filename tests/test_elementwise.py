"""The conventions of the elementwise functions: at kinks, steps, poles, infinities; extreme numbers; NumPy's own names."""

import math
from fractions import Fraction

import derivatives
import numpy as np
import pytest
import scipy.special

import minigrad as mg
import minigrad.functions as F
from minigrad.functions.gaussian import normal_cdf

EPS = np.finfo(np.float64).eps
INF, NAN = np.inf, np.nan


def slope(f, *inputs, dy=3.0):
    """The value of f at these numbers, and dy times its slope by each of them, where they may be inf or nan."""
    with np.errstate(all="ignore"):
        return derivatives.slope(f, *inputs, dy=dy)


def same(actual, *expected):
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected):
        np.testing.assert_allclose(a, np.broadcast_to(np.asarray(e, float), a.shape), rtol=8 * EPS)


# ---- kinks, poles, ends of the domain: (function, arguments, value, 3 times its slopes)

@pytest.mark.parametrize("f, x, y, dx", [
    (F.cbrt, [-8, 0, 8], [-2, 0, 2], [0.25, INF, 0.25]),
    (F.reciprocal, [-2, 0, INF], [-0.5, INF, 0], [-0.75, -INF, 0]),
    (F.arcsin, [-1, 0, 1], [-np.pi / 2, 0, np.pi / 2], [INF, 3, INF]),
    (F.arccos, [-1, 0, 1], [np.pi, np.pi / 2, 0], [-INF, -3, -INF]),
    (F.arctan, [-INF, INF], [-np.pi / 2, np.pi / 2], 0),
    (F.arccosh, 1, 0, INF), (F.arctanh, [-1, 1], [-INF, INF], INF), (F.arccosh, 0.5, NAN, NAN),
    (F.expm1, [-INF, -50, 0], [-1, -1, 0], [0, 0, 3]), (F.exp2, [-INF, 3], [0, 8], [0, 24 * math.log(2)]),
    (F.log1p, [-1, 0], [-INF, 0], [INF, 3]), (F.log2, [0, 8], [-INF, 3], [INF, 3 / (8 * math.log(2))]),
    (F.log10, [0, 100], [-INF, 2], [INF, 0.03 / math.log(10)]),
    (F.logit, [0, 0.5, 1], [-INF, 0, INF], [INF, 12, INF]), (F.expit, [-1e4, 0, 1e4], [0, 0.5, 1], [0, 0.75, 0]),
    (F.erfc, [-INF, 0, INF], [2, 1, 0], [0, -6 / np.sqrt(np.pi), 0]),
    (F.sign, [-2, -0.0, 0, 2], [-1, 0, 0, 1], 0), (F.floor, [-1.5, 2], [-2, 2], 0), (F.ceil, [-1.5, 2], [-1, 2], 0),
    (F.trunc, [-1.5, 1.5], [-1, 1], 0), (F.rint, [0.5, 1.5, -2.5], [0, 2, -2], 0),
    (lambda x: F.round(x, 1), [0.12, -0.18], [0.1, -0.2], 0),
    (F.nan_to_num, [NAN, INF, -INF, 2], [0, np.finfo(float).max, np.finfo(float).min, 2], [0, 0, 0, 3]),
    (lambda x: F.nan_to_num(x, nan=7, posinf=8, neginf=-9), [NAN, INF, -INF, 2], [7, 8, -9, 2], [0, 0, 0, 3]),
    (lambda x: x % 3, [-1, 4, 6], [2, 1, 0], 3), (lambda x: 7 % x, [4, -4], [3, -1], [-3, 6]),
    (lambda x: x // 3, [-1, 4, 6], [-1, 1, 2], 0), (lambda x: 7 // x, [2, -2], [3, -4], 0), (round, [0.5, 1.7], [0, 2], 0),
])
def test_slope_at_special_points(f, x, y, dx):
    same(slope(f, x), y, dx)


@pytest.mark.parametrize("f, x, y, z, dx, dy", [
    (F.hypot, [0, 3, 0, -2], [0, 4, 2, 0], [0, 5, 2, 2], [0, 1.8, 0, -3], [0, 2.4, 3, 0]),
    (F.hypot, 3e200, 4e200, 5e200, 1.8, 2.4), (F.hypot, 3e-200, 4e-200, 5e-200, 1.8, 2.4),
    # the four half-axes, and the origin: by y the slope is 3 x / r², by x it is -3 y / r²
    (F.arctan2, [0, 2, 0, -2, 0], [2, 0, -2, 0, 0], [0, np.pi / 2, np.pi, -np.pi / 2, 0],
     [1.5, 0, -1.5, 0, 0], [0, -1.5, 0, 1.5, 0]),
    (F.arctan2, -0.0, -2, -np.pi, -1.5, 0), (F.arctan2, 1e200, 1e200, np.pi / 4, 1.5e-200, -1.5e-200),
    (F.arctan2, 1e-200, 1e-200, np.pi / 4, 1.5e200, -1.5e200),
    (F.xlogy, [0, 0, 0, 2], [0, -1, 2, 1], [0, 0, 0, 0], [0, 0, 3 * math.log(2), 0], [0, 0, 0, 6]),
    (F.xlogy, 2, 0, -INF, -INF, INF),
    (F.logaddexp, [INF, -INF, INF, -INF], [INF, -INF, -INF, 1], [INF, -INF, INF, 1], [1.5, 1.5, 3, 0], [1.5, 1.5, 0, 3]),
    (F.logaddexp, [1e300, 0], [0, 0], [1e300, math.log(2)], [3, 1.5], [0, 1.5]),
    (F.logaddexp2, [INF, -INF, 5], [INF, -INF, 5], [INF, -INF, 6], 1.5, 1.5),
    (F.fmax, [NAN, 1, 2, NAN, 1], [1, NAN, 2, NAN, 3], [1, 1, 2, NAN, 3], [0, 3, 3, 3, 0], [3, 0, 0, 0, 3]),
    (F.fmin, [NAN, 1, 2, NAN, 1], [1, NAN, 2, NAN, 3], [1, 1, 2, NAN, 1], [0, 3, 3, 3, 3], [3, 0, 0, 0, 0]),
    (F.copysign, [2, -2, -2, 0, 2], [-1, 5, -5, -1, -0.0], [-2, 2, -2, 0, -2], [-3, -3, 3, 0, -3], 0),
    (F.remainder, [7, -7, 7, -7, 6], [4, 4, -4, -4, 3], [3, 1, -1, -3, 0], 3, [-3, 6, 6, -3, -6]),
    (F.fmod, [7, -7, 7, -7, 6], [4, 4, -4, -4, 3], [3, -3, 3, -3, 0], 3, [-3, 3, 3, -3, -6]),
    (F.floor_divide, [7, -7], [4, 4], [1, -2], 0, 0),
])
def test_slopes_of_two_operands_at_special_points(f, x, y, z, dx, dy):
    same(slope(f, x, y), z, dx, dy)


def test_fmod_counts_how_often_the_divisor_fits():
    """1 / 0.1 is rounded down to 10, but 0.1 is a little more than a tenth, and fits only 9 times."""
    z, _, dy = slope(F.fmod, 1.0, 0.1)
    assert 1.0 / 0.1 == 10 and z > 0.09 and dy == -27


# ---- accuracy where the textbook formula loses it

NEAR_1 = 1 - 1e-9

@pytest.mark.parametrize("f, x, expected", [
    (F.arctanh, NEAR_1, 1 / float(1 - Fraction(NEAR_1) ** 2)), (F.arcsin, NEAR_1, float(1 - Fraction(NEAR_1) ** 2) ** -0.5),
    (F.arccos, -NEAR_1, -float(1 - Fraction(NEAR_1) ** 2) ** -0.5), (F.arcsinh, 1e200, 1e-200), (F.arccosh, 1e200, 1e-200),
    (F.tan, 0.5, 1 / math.cos(0.5) ** 2), (F.erfc, 5.0, -2 / math.sqrt(math.pi) * math.exp(-25)),
])
def test_slopes_are_exact_at_extreme_numbers(f, x, expected):
    np.testing.assert_allclose(slope(f, x, dy=1.0)[1], expected, rtol=16 * EPS)


def test_small_numbers_keep_their_digits():
    for f in (F.expm1, F.log1p, F.arcsinh, F.arctanh):
        np.testing.assert_allclose(slope(f, 1e-20, dy=1.0), (1e-20, 1), rtol=4 * EPS)


def test_curvature_of_gammaln_is_the_trigamma_function():
    x = mg.Tensor(np.array([0.5, 1.0, -0.5]), requires_grad=True)
    first, = mg.autograd.grad(F.gammaln(x), [x], mg.Tensor([3.0, 3.0, 3.0], dtype="float64"), create_graph=True)
    second = mg.autograd.grad(first, x, mg.Tensor([2.0, 2.0, 2.0], dtype="float64")).data
    np.testing.assert_allclose(second, 6 * np.array([np.pi ** 2 / 2, np.pi ** 2 / 6, np.pi ** 2 / 2 + 4]), rtol=16 * EPS)
    np.testing.assert_allclose(first.data, 3 * scipy.special.psi([0.5, 1.0, -0.5]), rtol=4 * EPS)


@pytest.mark.parametrize("n", [-1, 1.0, None])
def test_polygamma_wants_a_count(n):
    with pytest.raises(ValueError, match="polygamma"):
        F.polygamma(n, mg.Tensor([1.0]))


# ---- names and numbers

NUMPY = """tan arcsin arctan sinh cosh arcsinh arctanh deg2rad rad2deg radians degrees exp2 expm1 log2 log10 log1p cbrt
           reciprocal sign floor ceil rint trunc round nan_to_num sinc arccos fabs positive""".split()
NUMPY_TWO = "arctan2 hypot logaddexp logaddexp2 floor_divide remainder mod fmod copysign fmax fmin".split()


@pytest.mark.parametrize("name", NUMPY + NUMPY_TWO)
def test_numpys_own_functions_keep_the_gradient(name):
    x = np.array([0.3, 0.7], np.float32)
    operands = [x, np.array([0.5, 0.2], np.float32)][:1 + (name in NUMPY_TWO)]
    tensors = [mg.Tensor(a, requires_grad=True) for a in operands]
    y = getattr(np, name)(*tensors)
    assert isinstance(y, mg.Tensor) and y.requires_grad and y.dtype == np.float32
    np.testing.assert_allclose(y.data, getattr(np, name)(*operands), rtol=4 * np.finfo(np.float32).eps)


def test_steps_have_a_gradient_of_zeros_not_none():
    x = mg.Tensor([0.3, -1.7], requires_grad=True)
    (F.floor(x) * F.sign(x)).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [0, 0])


def test_a_number_beside_xlogy_keeps_its_digits():
    x = mg.Tensor(np.array([0.0, 2.0]), requires_grad=True)
    np.testing.assert_array_equal(mg.autograd.grad(F.xlogy(x, 0.1).sum(), x).data, [math.log(0.1)] * 2)
    assert F.xlogy(mg.Tensor(np.array([0, 2])), 0.5).data.tolist() == [0, 2 * math.log(0.5)]


@pytest.mark.parametrize("f", [F.copysign, F.hypot, F.arctan2, F.logaddexp, F.logaddexp2, F.xlogy, F.fmod, F.fmax, F.sinc])
@pytest.mark.parametrize("default", ["float32", "float64"])
def test_numbers_do_not_widen_whatever_the_default_dtype(f, default):
    x = mg.Tensor(np.array([0.5, 2.0], np.float32), requires_grad=True)
    with mg.default_dtype(default):
        y = f(x) if f is F.sinc else f(x, 1.5)
        dx = mg.autograd.grad(y, x, mg.Tensor(np.array([3.0, 4.0], np.float32)))
    assert y.dtype == dx.dtype == np.float32


def test_entropy_of_a_certain_distribution_has_a_finite_slope():
    same(slope(lambda p: -F.xlogy(p, p).sum(), [1.0, 0.0, 0.5]), math.log(2) / 2, [-3, 0, 3 * (math.log(2) - 1)])


def test_the_normal_distribution_in_float32_is_exact_to_rounding():
    """The series of gaussian.py, on a fine grid, against SciPy's function in float64: within one unit of 1's last place."""
    x = np.concatenate([np.linspace(-8, 8, 400_001), [-1e30, -40, 40, 1e30]]).astype(np.float32)
    error = normal_cdf(x) - scipy.special.ndtr(x.astype(np.float64))
    assert normal_cdf(x).dtype == np.float32 and np.abs(error).max() < np.finfo(np.float32).eps
    np.testing.assert_array_equal(normal_cdf(np.array([-np.inf, np.inf, np.nan], np.float32)), [0, 1, np.nan])
