"""Reductions of some of the numbers: what is left out does no harm; ties, nothing, names of arguments."""

import numpy as np
import pytest
from derivatives import slope

import minigrad as mg
import minigrad.functions as F


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e308])
@pytest.mark.parametrize("f, more", [(F.sum, {}), (F.mean, {}), (F.prod, {}), (F.var, {}), (F.std, {}),
                                     (F.max, {"initial": -9}), (F.min, {"initial": 9})])
def test_what_where_leaves_out_does_no_harm(f, more, bad):
    y, dx = slope(lambda x: f(x, where=[True, False, True], **more), [2, bad, 5], dy=3.0)
    expected, two = slope(lambda x: f(x, **more), [2, 5], dy=3.0)
    np.testing.assert_allclose(y, expected, rtol=1e-15)
    np.testing.assert_allclose(dx, [two[0], 0, two[1]], rtol=1e-14)


def test_initial_loses_a_tie_and_is_the_extreme_of_none():
    for f, sign in ((F.max, 1), (F.min, -1)):
        y, dx = slope(lambda x, f=f, s=sign: f(x, initial=2 * s, where=[False, True, True]), [2 * sign, 2 * sign, 0],
                      dy=3.0)
        assert y == 2 * sign and dx.tolist() == [0, 3, 0]
        y, dx = slope(lambda x, f=f: f(x, initial=7.0, where=[False, False]), [2, 3], dy=3.0)
        assert y == 7 and dx.tolist() == [0, 0]


def test_nan_functions_of_nothing_but_nan():
    x = [np.nan, np.nan]
    for f in (F.nanmax, F.nanmin, F.nanmedian, F.nanquantile):
        y, dx = slope(lambda x, f=f: f(x, *[0.5] * (f is F.nanquantile)), x)
        assert np.isnan(y) and not np.isnan(dx[1])
    assert slope(F.nansum, x)[0] == 0 and slope(F.nanprod, x)[0] == 1


@pytest.mark.parametrize("f", [F.nanvar, F.nanstd])
@pytest.mark.parametrize("x, ddof", [([1, 2, np.nan], 2), ([1, 2, np.nan], 3), ([1, np.nan, np.nan], 1), ([np.nan] * 3, 0)])
def test_too_few_numbers_have_no_spread(f, x, ddof):
    """Where n <= ddof it is nan, as in NumPy, and not inf."""
    with np.errstate(all="ignore"):
        for more in ({"ddof": ddof}, {"correction": ddof}):
            assert np.isnan(f(mg.Tensor([x, [1, 2, 4]]), axis=1, **more).data[0])
    assert np.isfinite(f(mg.Tensor([1, 2, np.nan]), ddof=1).data)


@pytest.mark.parametrize("f", [F.nanmedian, lambda x, axis: F.nanquantile(x, 0.3, axis)])
def test_the_median_of_no_number_is_nan(f):
    y, dx = slope(lambda x: f(x, axis=0), np.zeros((0, 3)))
    assert np.isnan(y).all() and y.shape == (3,) and dx.shape == (0, 3)


@pytest.mark.parametrize("name", ["quantile", "percentile", "nanquantile", "nanpercentile"])
def test_quantiles_of_no_columns_have_the_axes_of_q(name):
    for keepdims in (False, True):
        for q in (0.5, [0.5], [[0.1, 0.2]]):
            y = getattr(F, name)(mg.Tensor(np.zeros((3, 0))), q, axis=0, keepdims=keepdims)
            assert y.shape == (*np.shape(q), *(1,) * keepdims, 0)


def test_the_first_of_equal_numbers_is_the_quantile():
    y, dx = slope(lambda x: F.quantile(x, [0.25, 0.5]), [5, 1, 1, 9, 5], dy=3.0)
    assert y.tolist() == [1, 5] and dx.tolist() == [3, 3, 0, 0, 0]
    y, dx = slope(lambda x: F.quantile(x, 0.5), [3, np.nan, 1], dy=3.0)
    assert np.isnan(y) and dx.tolist() == [0, 3, 0]


@pytest.mark.parametrize("call, error, words", [
    (lambda x: np.sum(x, out=np.zeros(3)), TypeError, "out="),
    (lambda x: x.sum(0, True), TypeError, "keepdims=True"),
    (lambda x: F.max(x, where=[True, False, True]), ValueError, "initial="),
    (lambda x: F.sum(x, where=[1, 0, 1]), TypeError, "booleans"),
    (lambda x: F.sum(x, where=np.ones((3, 2, 3), bool)), ValueError, "does not broadcast"),
    (lambda x: F.var(x, ddof=1, correction=1), ValueError, "correction=1"),
    (lambda x: F.quantile(x, 2), ValueError, r"\[0, 1\]"),
    (lambda x: F.quantile(x, 0.5, method="lower"), NotImplementedError, "lower"),
    (lambda x: F.quantile(x[:0], 0.5), ValueError, "nothing"),
    (lambda x: F.average(x, 1, np.ones(2)), ValueError, "weights"),
    (lambda x: F.matrix_norm(x[0]), ValueError, "2 axes"),
])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(mg.Tensor(np.ones((2, 3)), requires_grad=True))


def test_medians_of_nothing_that_nobody_asked_for():
    for shape, axis in (((0, 0), 0), ((2, 0, 0), 1)):
        x = mg.Tensor(np.zeros(shape), requires_grad=True)
        y = mg.median(x, axis=axis)
        assert y.shape == np.median(x.numpy(), axis=axis).shape
        y.sum().backward()
        assert x.grad.shape == shape
    with pytest.raises(ValueError, match="nothing along axis 1"):
        mg.median(np.zeros((2, 0)), axis=1)
