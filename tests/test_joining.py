"""Conventions and refusals of padding, joining and NumPy's elementwise names that the table of functions does not reach."""

import numpy as np
import pytest
from derivatives import slope

import minigrad as mg
import minigrad.functions as F


def test_what_the_border_repeats_gets_its_gradient():
    np.testing.assert_array_equal(slope(lambda x: F.pad(x, (2, 1), "edge"), [1, 2, 3])[1], [3, 1, 2])
    np.testing.assert_array_equal(slope(lambda x: F.pad(x, (2, 1), "reflect"), [1, 2, 3])[1], [1, 3, 2])


@pytest.mark.parametrize("call, words", [
    (lambda x: F.pad(x, 1, "linear_ramp"), "linear_ramp"), (lambda x: F.pad(x, 1, "reflect", reflect_type="odd"), "odd"),
    (lambda x: F.pad(x, -1), "negative"), (lambda x: F.pad(x[:0], 1, "edge"), "no number"),
    (lambda x: F.pad(x, 1, "edge", 2), "constant_values"), (lambda x: F.convolve(x, x, "most"), "most"),
    (lambda x: F.cross(x[:2], x[:2]), "3 components"), (lambda x: F.insert(x, 9, 1.0), "out of bounds"),
    (lambda x: F.delete(x, 3), "out of bounds"), (lambda x: F.block([[x], x]), "equally deep"),
    (lambda x: F.meshgrid(x, indexing="ji"), "ji"), (lambda x: mg.linalg.cond(F.diag(x), 1), "p=1"),
    (lambda x: F.interp(x, [0.0], [1.0, 2.0]), "one length"), (lambda x: F.vander(F.diag(x)), "vector")])
def test_bad_input_says_what_is_wrong(call, words):
    with pytest.raises((ValueError, IndexError, NotImplementedError), match=words):
        call(mg.Tensor(np.array([1.0, 2.0, 3.0])))


def test_conventions_at_steps():
    fraction, whole = F.modf(mg.Tensor(np.array([np.inf, -1.5, 2.0])))
    np.testing.assert_array_equal(fraction.data, [0, -0.5, 0])
    np.testing.assert_array_equal(whole.data, [np.inf, -1, 2])
    np.testing.assert_array_equal(slope(lambda x: F.modf(x)[0], [2.0, -1.5])[1], [1, 1])
    np.testing.assert_array_equal(slope(lambda x: F.interp(x, [0.0, 1.0, 2.0], [0.0, 3.0, 5.0]), [-1, 0, 1, 2, 3])[1],
                                  [0, 3, 2, 2, 0])
    steps = np.array([0, np.pi, 0, 4.0, -3.0])
    np.testing.assert_allclose(F.unwrap(mg.Tensor(steps)).data, np.unwrap(steps))
    np.testing.assert_array_equal(slope(lambda x: F.heaviside(x, 0.5), [-1, 0, 1])[1], [0, 0, 0])
    assert F.put_along_axis(mg.Tensor([1.0, 2.0]), [0], 9.0, 0).data.tolist() == [9, 2]


@pytest.mark.parametrize("name", ["tril", "triu", "diag", "diagonal", "trace"])
def test_the_diagonal_meant_is_the_main_one(name):
    x = np.arange(1.0, 13).reshape(3, 4)
    np.testing.assert_array_equal(getattr(F, name)(mg.Tensor(x)).data, getattr(np, name)(x))


def test_float_power_of_integers_takes_negative_exponents():
    y = F.float_power(mg.Tensor(np.array([2, 4])), mg.Tensor(np.array([-1, -2])))
    assert y.dtype == np.float64 and y.data.tolist() == [0.5, 0.0625]


def test_average_tells_the_sum_of_its_weights():
    x = np.arange(6.0).reshape(2, 3)
    for how in ({}, {"axis": 0}, {"axis": 1, "weights": np.array([1.0, 2, 5])}, {"axis": 1, "keepdims": True}):
        for found, expected in zip(F.average(mg.Tensor(x), returned=True, **how), np.average(x, returned=True, **how)):
            np.testing.assert_array_equal(found.data, expected)
