"""Plain results: the numbers are NumPy's, of Tensors in any argument, and they are arrays without a gradient."""

import numpy as np
import pytest

import minigrad as mg

X, Y = np.array([[0.0, 2.0, np.nan], [-1.0, 2.0, np.inf]]), np.array([0.0, 3.0, np.nan])
T = np.array([[True, False, False], [True, True, False]])
I, J = np.array([[5, 3, 8], [1, 0, 2]]), np.array([1, 2, 3])
CALLS = {  # name: the arguments, and keywords
    **dict.fromkeys("equal not_equal less less_equal greater greater_equal".split(), [((X, Y), {})]),
    **dict.fromkeys("logical_and logical_or logical_xor".split(), [((X, Y), {})]), "logical_not": [((X,), {})],
    **dict.fromkeys("isnan isinf isfinite signbit".split(), [((X,), {})]),
    "isclose": [((X, Y), {}), ((X, Y), {"rtol": 0.6, "equal_nan": True})],
    "allclose": [((X, X), {}), ((X, X), {"equal_nan": True})], "array_equal": [((X, X), {}), ((X, X), {"equal_nan": True})],
    **dict.fromkeys("argmax argmin argsort".split(), [((X,), {"axis": a}) for a in (None, 0, -1)]),
    "count_nonzero": [((X,), {}), ((X,), {"axis": 1})], "nonzero": [((X,), {})], "flatnonzero": [((X,), {})],
    "argwhere": [((X,), {})], "searchsorted": [((np.array([1.0, 2, 3]), Y[:2]), {"side": "right"}),
                                               ((Y[:2],), {"v": np.array([0.0, 5.0]), "sorter": np.array([0, 1])})],
    **dict.fromkeys("nanargmax nanargmin".split(), [((X,), {}), ((X,), {"axis": 1})]),
    "argpartition": [((Y, 1), {}), ((X, 1), {"axis": 0})], "isin": [((X, Y), {}), ((X, Y), {"invert": True})],
    "digitize": [((X, np.array([0.0, 2.0])), {}), ((X,), {"bins": np.array([0.0, 2.0]), "right": True})],
    **{f"bitwise_{name}": [((I, J), {})] for name in "and or xor left_shift right_shift".split()},
    "bitwise_invert": [((I,), {})],
    **dict.fromkeys("any all".split(), [((T,), {}), ((T,), {"axis": 0}), ((T,), {"axis": 1, "keepdims": True}),
                                        ((T,), {"where": T[1]})]),
}


def test_every_name_is_called():
    assert set(CALLS) == set(mg.plain.__all__)


@pytest.mark.parametrize("name", CALLS)
def test_the_numbers_are_numpys(name):
    for arguments, keywords in CALLS[name]:
        expected = getattr(np, name)(*arguments, **keywords)
        tensors = [mg.Tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x for x in arguments]
        wrapped = {k: mg.Tensor(v) if isinstance(v, np.ndarray) else v for k, v in keywords.items()}
        for found in (getattr(mg, name)(*tensors, **wrapped), getattr(mg, name)(*arguments, **keywords)):
            assert not isinstance(found, mg.Tensor)
            for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (found, expected)), strict=True):
                np.testing.assert_array_equal(a, b)
                assert np.asarray(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize("name", CALLS)
def test_they_tell_what_they_are(name):
    f = getattr(mg, name)
    assert f.__name__ == f.__qualname__ == name and f.__doc__.startswith(f"numpy.{name} of ")


def matrix(*values):
    return np.diag(np.array(values, float))


@pytest.mark.parametrize("x, how, rank", [
    (matrix(4, 2, 1), {}, 3), (matrix(4, 2, 0), {}, 2), (matrix(0, 0), {}, 0), (matrix(4, 2, 1e-15), {}, 2),
    (matrix(4, 2, 1)[:2], {}, 2), (matrix(4, 2, 1), {"tol": 1.5}, 2), (matrix(4, 2, 1), {"tol": 2}, 1),
    (matrix(4, 2, 1), {"rtol": 0.4}, 2), (matrix(4, 2, 1), {"rtol": 0.5}, 1), (np.ones((5, 3)), {}, 1),
    (np.stack([matrix(400, 1), matrix(2, 1)]), {"rtol": 0.1}, [1, 2]),
    (np.stack([matrix(1, 1e-13), matrix(1, 1e-16)]), {}, [2, 1]),
])
def test_rank(x, how, rank):
    """NumPy's own takes the same numbers, so it is asked as well."""
    found = mg.linalg.matrix_rank(mg.Tensor(x, requires_grad=True), **how)
    assert not isinstance(found, mg.Tensor) and np.asarray(found).dtype.kind == "i"
    np.testing.assert_array_equal(found, rank)
    np.testing.assert_array_equal(np.linalg.matrix_rank(x, **how), rank)


def test_rank_in_float32_knows_its_precision():
    x = matrix(1, 1e-5, 1e-8).astype(np.float32)
    assert mg.linalg.matrix_rank(x) == 2 and mg.linalg.matrix_rank(x.astype(float)) == 3


def test_largest_of_integers_are_integers():
    for f, value in ((mg.nanmax, 3), (mg.nanmin, 1)):
        y = f(mg.Tensor(np.array([1, 3, 2])))
        assert y.data == value and y.dtype == np.int64
