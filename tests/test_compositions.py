"""NumPy's names where the table does not reach: Bessel functions at their seams, pieces, polynomials, ends, correlations."""

import numpy as np
import pytest
import scipy.special
from derivatives import EPS, same, slope

import minigrad as mg
import minigrad.functions as F
from minigrad.functions.bessel import Quotient

# ---- Bessel functions


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_quotients_where_the_series_ends(n):
    """SciPy's iv is another algorithm. The recurrence loses a few digits, as I₀ / Iₙ grows."""
    x = np.array([-8.0, np.nextafter(8, 0), 8.0, 8.5, 12, 40, 0.5, 3])
    lost = np.exp(n * n / 16)
    np.testing.assert_allclose(Quotient.apply(x, n=n).data, scipy.special.iv(n, x) / x ** n, rtol=64 * EPS * lost)
    np.testing.assert_allclose(Quotient.apply(x, n=n, scaled=True).data, scipy.special.ive(n, abs(x)) / abs(x) ** n,
                               rtol=64 * EPS * lost)


def test_bessel_functions_at_0_and_far_out():
    same(slope(F.i0, [0, 2], dy=3), [1, scipy.special.iv(0, 2)], [0, 3 * scipy.special.iv(1, 2)])
    same(slope(F.i1, [0], dy=3), [0], [1.5])
    same(slope(F.i0e, [0], dy=3), [1], [0])
    same(slope(F.i1e, [0], dy=3), [0], [1.5])
    y, dx = slope(F.i0e, [1e6, -1e6])
    np.testing.assert_allclose(y, 1 / np.sqrt(2e6 * np.pi), rtol=1e-6)  # e⁻ˣ I₀ → 1 / √(2πx)
    np.testing.assert_allclose(dx, [-y[0] / 2e6, y[0] / 2e6], rtol=1e-3)
    with np.errstate(over="ignore"):
        assert F.i0(mg.Tensor([1e6])).data == np.inf


def test_numpys_i0_is_this_one():
    x = mg.Tensor(np.linspace(-3, 3, 7), requires_grad=True)
    np.testing.assert_allclose(np.i0(x).data, np.i0(x.data), rtol=8 * EPS)
    assert np.i0(x).requires_grad


@pytest.mark.parametrize("f", [F.i0, F.i1, F.i0e, F.i1e])
def test_bessel_functions_of_float16(f):
    x = mg.Tensor(np.array([0.5, 2, 9], np.float16), requires_grad=True)
    y, (wide, slopes) = f(x), slope(f, x.data)
    dx = mg.autograd.grad(y.sum(), x)
    assert y.dtype == dx.dtype == np.float16
    np.testing.assert_allclose(y.data, wide, rtol=1e-3)
    np.testing.assert_allclose(dx.data, slopes, rtol=1e-3, atol=1e-3)


# ---- pieces

def test_a_function_sees_only_its_numbers():
    """log is not asked for the negative ones, so that no nan comes back."""
    seen = []

    def log(x):
        seen.append(x.shape)
        return F.log(x)

    same(slope(lambda x: np.piecewise(x, [x.data > 0], [log, lambda x: x * 2]), [[-1, 4], [0, 2]], dy=3),
         [[-2, np.log(4)], [0, np.log(2)]], [[6, 0.75], [6, 1.5]])
    assert seen == [(2,)]


def test_the_last_condition_counts_and_none_gives_0():
    x = [1, 2, 3, 4]
    same(slope(lambda x: F.piecewise(x, [x.data > 1, x.data > 2], [lambda x: x * x, 5.0]), x, dy=3), [0, 4, 5, 5],
         [0, 12, 0, 0])
    same(slope(lambda x: F.piecewise(x, [x.data > 9], [None]), x), [0] * 4, [0] * 4)  # never called


@pytest.mark.parametrize("condlist", [[True, False, True], [[True, False, True]], np.array([True, False, True]),
                                      np.array([[True, False, True]]), mg.Tensor([True, False, True])], ids=str)
def test_a_single_condition_needs_no_list(condlist):
    same(slope(lambda x: F.piecewise(x, condlist, [lambda x, a, b: x * a + b, 7.0], 2, b=1), [1, 2, 3], dy=3), [3, 7, 7],
         [6, 0, 6])


def test_pieces_of_integers_are_integers_as_in_numpy():
    x = np.arange(4)
    y = F.piecewise(mg.Tensor(x), x > 1, [lambda x: x / 2, 1])
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y.data, np.piecewise(x, x > 1, [lambda x: x / 2, 1]))


def test_places_of_a_partition_may_be_counted_from_the_end():
    x = mg.Tensor([3.0, 1.0, 2.0])
    for kth in (-3, -1, 2, (0, -3)):
        np.testing.assert_array_equal(np.partition(x, kth).data, [1, 2, 3])


# ---- polynomials, ends

def test_the_place_of_a_polynomial_may_be_a_number_or_a_list():
    """A number is neither rounded to the default dtype nor does it widen the coefficients."""
    assert F.polyval(mg.Tensor([1.0, 0.0], dtype=float), 0.1).data == 0.1
    assert F.polyval(mg.Tensor([1.0, 0.0], dtype="float16"), 0.1).dtype == np.float16
    np.testing.assert_array_equal(F.polyval(np.array([1.0, 0.0]), [0.5, 2.0]).data, [0.5, 2])


def test_polynomials_keep_leading_zeros_and_dtypes():
    assert F.polymul([0.0, 1.0], [1.0, 2.0]).shape == (3,)
    p = mg.Tensor(np.array([1, 2], np.float32))
    assert F.polyint(p).dtype == F.polyint(p, k=0.5).dtype == F.polyder(p).dtype == np.float32
    np.testing.assert_array_equal(F.polyint(np.array([2, 4]), k=0.5).data, [1, 4, 0.5])
    assert F.polyder([3.0]).shape == F.polyder([3.0], 5).shape == (0,)
    np.testing.assert_array_equal(F.polyint(3 * p, 2, [3.0, 4.0]).data, [0.5, 3, 3, 4])


@pytest.mark.parametrize("f", [F.linspace, F.logspace, F.geomspace])
def test_ends_of_numbers_have_the_default_dtype_and_dtype_is_obeyed(f):
    assert f(1, 2, 3).dtype == np.float32
    assert f(np.float64(1), 2, 3).dtype == np.float64
    assert f(mg.Tensor([1.0], dtype="float32"), 2).shape == (50, 1)
    y = f(np.float64(1), 4, 4, dtype=int)
    np.testing.assert_array_equal(y.data, getattr(np, f.__name__)(1, 4, 4, dtype=int))
    assert y.dtype == int


def test_integer_results_are_rounded_down():
    np.testing.assert_array_equal(F.linspace(np.float64(-2), 1, 5, dtype=int).data, np.linspace(-2, 1, 5, dtype=int))


def test_the_ends_are_met_exactly():
    y = F.linspace(mg.Tensor(0.1, dtype=float), mg.Tensor(0.7, dtype=float), 11).data
    assert y[0] == 0.1 and y[-1] == 0.7


@pytest.mark.parametrize("f", [F.linspace, F.logspace, F.geomspace])
def test_two_numbers_are_the_ends(f):
    for endpoint in (True, False):
        y = f(np.float64(1), 2, 2, endpoint)
        np.testing.assert_allclose(y.data, getattr(np, f.__name__)(1, 2, 2, endpoint), rtol=8 * EPS)


def test_steps_of_a_single_number():
    for n, endpoint, step in [(1, True, np.nan), (1, False, 2.0), (0, True, -2.0), (3, True, 1.0)]:
        y, found = F.linspace(np.float64(1), 3.0, n, endpoint, True)
        assert y.shape == (n,)
        np.testing.assert_array_equal(found.data, np.linspace(1, 3, n, endpoint, True)[1] if n else step)


@pytest.mark.parametrize("call, error, words", [
    (lambda x: F.piecewise(x, [x.data > 0], []), ValueError, "with 1 conditions, either 1 or 2 functions .*got 0"),
    (lambda x: F.piecewise(x, [x.data > 0], [1, 2, 3]), ValueError, "got 3"),
    (lambda x: F.partition(x, 3), ValueError, r"kth must be of integers in \[-3, 3\), got 3"),
    (lambda x: F.partition(x, (0, -4)), ValueError, "partition"), (lambda x: F.partition(x, 0.5), ValueError, "integers"),
    (lambda x: F.polyadd(x, 1.0), ValueError, r"polyadd: expected a vector of coefficients, got shape \(2, 3\)"),
    (lambda x: F.polymul(1.0, x), ValueError, "polymul"), (lambda x: F.polysub(x, 1), ValueError, "polysub"),
    (lambda x: F.polyder(x[0], -1), ValueError, "got -1: see polyint"),
    (lambda x: F.polyint(x[0], -1), ValueError, "m=-1"), (lambda x: F.polyder(x), ValueError, "polyder"),
    (lambda x: F.polyint(x[0], 2, [1.0, 2.0, 3.0]), ValueError, r"2 of them, got m=2 and k of shape \(3,\)"),
    (lambda x: F.polyval(x, 1.0), ValueError, "coefficients"),
    (lambda x: F.linspace(x, 1, -1), ValueError, "linspace: num must not be negative, got -1"),
    (lambda x: F.geomspace(x + 1, 1, -2), ValueError, "geomspace: num"),
])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(mg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True))


# ---- correlation

def test_correlations_are_clipped_as_numpys():
    """Parallel variables: rounding would carry some of the coefficients beyond 1."""
    rng = np.random.default_rng(3)
    beyond = 0
    for _ in range(20):
        v = rng.standard_normal(7)
        x = np.stack([v, 3.3 * v + 0.1, -v / 7])
        y = F.corrcoef(mg.Tensor(x)).data
        c = np.cov(x)
        beyond += abs(c / np.sqrt(np.diag(c))[:, None] / np.sqrt(np.diag(c))).max() > 1
        assert abs(y).max() <= 1
        np.testing.assert_allclose(y, np.corrcoef(x), rtol=0, atol=4 * EPS)
    assert beyond > 5


def test_the_clip_of_correlations_leaves_derivatives_alone():
    """At r = 1 the slope is 0 and the curvature is not: the quotient's, whichever way the rounding went."""
    v = np.array([0.3, -1.2, 0.5, 2.0])
    for scale in (1.0, 3.3, 0.7, 1 / 3):
        def r(x, scale=scale):
            return F.corrcoef(x, scale * v)[0, 1]

        _, dx = slope(r, v)
        np.testing.assert_allclose(dx, 0, atol=16 * EPS)
        found = mg.hessian(r)(mg.Tensor(v)).data
        u = (v - v.mean()) / np.linalg.norm(v - v.mean())  # r = cos of the angle: -(1 - 11ᵀ/n - u uᵀ) / |v - v̄|²
        expected = -(np.eye(4) - 0.25 - np.outer(u, u)) / ((v - v.mean()) ** 2).sum()
        np.testing.assert_allclose(found, expected, atol=64 * EPS)


def test_a_variable_correlates_with_itself():
    same(slope(F.corrcoef, [1, 2, 4]), 1, [0, 0, 0])


def test_complex_correlations():
    rng = np.random.default_rng(4)
    z = rng.standard_normal((3, 6)) + 1j * rng.standard_normal((3, 6))
    z[2] = z[0] * (1 + 1j)
    np.testing.assert_allclose(F.corrcoef(mg.Tensor(z)).data, np.corrcoef(z), rtol=0, atol=8 * EPS)
