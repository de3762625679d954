"""Differences and running functions where the table does not reach: ties, nan, half precision, refusals."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F


def test_running_extremes_are_numpys_with_nan_and_ties():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (5, 9)).astype(float)
    x[1, 4] = x[2, 0] = x[3, 8] = np.nan
    for f, ufunc in ((F.cummax, np.maximum), (F.cummin, np.minimum)):
        y, places = f(mg.Tensor(x), 1)
        np.testing.assert_array_equal(y.data, ufunc.accumulate(x, 1))
        first = [[next(k for k in range(i + 1) if row[k] == v or (v != v and row[k] != row[k])) for i, v in enumerate(ys)]
                 for row, ys in zip(x, y.data)]
        np.testing.assert_array_equal(places, first)


def test_logcumsumexp_neither_overflows_nor_underflows():
    x = np.array([-np.inf, -1e4, -1e4, 0, 1e4, 1e4, 0])
    np.testing.assert_allclose(F.logcumsumexp(mg.Tensor(x)).data, np.logaddexp.accumulate(x), rtol=1e-15)


@pytest.mark.parametrize("call", [
    F.diff, F.ediff1d, F.gradient, F.trapezoid, F.cumulative_sum, F.cumulative_prod, F.logcumsumexp, F.cov,
    lambda x: F.diff(x, prepend=1), lambda x: F.cummax(x)[0], lambda x: F.polyval(x, 0.5), lambda x: F.convolve(x, x),
    lambda x: F.block([x, x]), lambda x: F.append(x, 1.0), lambda x: F.insert(x, 1, 2.0)])
def test_half_precision_stays(call):
    x = mg.Tensor(np.array([0.5, 2, 1, -1], np.float16), requires_grad=True)
    y, expected = call(x), call(mg.Tensor(x.data.astype(float)))
    assert y.dtype == np.float16 and mg.autograd.grad(y.sum(), x).dtype == np.float16
    np.testing.assert_allclose(y.data, expected.data, rtol=4e-3)


@pytest.mark.parametrize("call, error, words", [
    (lambda x: F.diff(x, -1), ValueError, "n=-1"), (lambda x: F.diff(x[0, 0]), ValueError, "have an axis"),
    (lambda x: F.gradient(x, 1.0, 2.0, 3.0), TypeError, "got 3"), (lambda x: F.gradient(x[:1]), ValueError, "2 points"),
    (lambda x: F.gradient(x, edge_order=3), ValueError, "edge_order"),
    (lambda x: F.gradient(x, [0, 1], axis=1), ValueError, "length 3"),
    (F.cumulative_sum, ValueError, "axis="), (lambda x: F.polyval(x, 1.0), ValueError, "coefficients"),
    (lambda x: F.cov(x[None]), ValueError, "two axes"), (lambda x: F.cov(x, aweights=[1.0]), ValueError, "observations"),
    (lambda x: F.average(x, 1, [1, -1, 0]), ZeroDivisionError, "sum to zero"),
    (lambda x: F.moveaxis(x, (0, 1), 0), ValueError, "as many axes"),
    (lambda x: F.moveaxis(x, (0, 0), (0, 1)), ValueError, "repeated axis in source"),
    (lambda x: F.moveaxis(x, (0, 1), (1, -1)), ValueError, "repeated axis in destination")])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(mg.Tensor(np.ones((2, 3)), requires_grad=True))
