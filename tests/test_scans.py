"""Rectifiers, scans and order where random numbers do not look: zeros, kinks, ties, nan, huge numbers, names."""

import itertools
import math

import numpy as np
import pytest
from derivatives import slope

import minigrad as mg
import minigrad.functions as F
from minigrad import layers

EPS = np.finfo(np.float64).eps


def leaf(x):
    return mg.Tensor(np.asarray(x, float), requires_grad=True)


def slope_equal(f, x, value, gradient, dy):
    y, dx = slope(f, x, dy=dy)
    np.testing.assert_array_equal(y, value)
    np.testing.assert_array_equal(dx, gradient)


# ---- products with zeros

def others(x, left_out):
    return math.prod(x[i] for i in range(len(x)) if i not in left_out)


@pytest.mark.parametrize("x", [[2, 3, 5, 7], [2, 0, 5, 7], [0, 3, 0, 7], [0, 0, 0, 7], [0, 0, 0, 0]], ids=str)
def test_derivatives_of_a_product_are_products_of_the_others(x):
    """To third order: the derivative by different factors is the product of the others, by the same one twice it is 0."""
    leaves = leaf(x)
    first = mg.autograd.grad(F.prod(leaves), leaves, create_graph=True)
    np.testing.assert_array_equal(first.data, [others(x, {i}) for i in range(4)])
    for i in range(4):
        second = mg.autograd.grad(first[i], leaves, create_graph=True)
        np.testing.assert_array_equal(second.data, [others(x, {i, j}) if i != j else 0 for j in range(4)])
        for j in range(4):
            third = mg.autograd.grad(second[j], leaves, retain_graph=True)
            expected = [others(x, {i, j, k}) if len({i, j, k}) == 3 else 0 for k in range(4)]
            np.testing.assert_array_equal(third.data, expected)


@pytest.mark.parametrize("zeros", [z for n in range(4) for z in itertools.combinations(range(3), n)], ids=str)
def test_running_products_with_zeros(zeros):
    """y = (a, a b, a b c): the Jacobian by hand."""
    a, b, c = (0.0 if i in zeros else n for i, n in enumerate((2.0, 3.0, 5.0)))
    jacobian = np.array([[1, 0, 0], [b, a, 0], [b * c, a * c, a * b]])
    for row, dy in zip(jacobian, np.eye(3)):
        np.testing.assert_array_equal(slope(F.cumprod, [a, b, c], dy=dy)[1], row)


def test_a_long_recurrence_is_the_step_by_step_one():
    rng = np.random.default_rng(0)
    x, dy = rng.uniform(0.9, 1.1, 1000), rng.standard_normal(1000)
    expected, carried = np.zeros(1000), 0.0
    before = np.concatenate([[1], np.cumprod(x)[:-1]])
    for i in reversed(range(1000)):
        carried = dy[i] + (x[i + 1] * carried if i < 999 else 0)
        expected[i] = before[i] * carried
    np.testing.assert_allclose(slope(F.cumprod, x, dy=dy)[1], expected, rtol=0, atol=1000 * EPS * np.abs(expected).max())


# ---- ties, nan, kinks

def test_the_first_of_equal_numbers_is_the_median():
    slope_equal(F.median, [5, 1, 5, 5, 9], 5, [3, 0, 0, 0, 0], 3)
    slope_equal(F.median, [1, 5, 5, 9], 5, [0, 3, 0, 0], 3)
    slope_equal(F.median, [1, 5, 7, 9], 6, [0, 1.5, 1.5, 0], 3)
    slope_equal(lambda x: F.median(x, axis=(1, 0)), [[4, 2], [2, 2]], 2, [[0, 3], [0, 0]], 3)


def test_a_nan_is_the_median_and_the_largest():
    slope_equal(F.median, [3, np.nan, 1, np.nan], np.nan, [0, 2, 0, 0], 2)
    slope_equal(lambda x: F.median(x, axis=1), [[3, np.nan, 1], [3, 2, 1]], [np.nan, 2], [[0, 5, 0], [0, 7, 0]], [5, 7])
    slope_equal(F.sort, [3, np.nan, 1], [1, 3, np.nan], [20, 30, 10], [10, 20, 30])
    slope_equal(lambda x: F.topk(x, 2)[0], [3, np.nan, 1], [np.nan, 3], [20, 10, 0], [10, 20])


def test_equal_numbers_are_sorted_in_their_order():
    x, dy = np.repeat([1.0, 0.0], 20), np.arange(40.0)
    slope_equal(F.sort, x, np.sort(x), np.concatenate([dy[20:], dy[:20]]), dy)
    slope_equal(lambda x: F.sort(x, descending=True), x, x, dy, dy)
    values, indices = F.topk(mg.Tensor([1.0, 3.0, 3.0, 2.0, 3.0]), 2)
    assert indices.tolist() == [1, 2] and values.data.tolist() == [3, 3]
    assert F.topk(mg.Tensor([1.0, 0.0, 0.0]), 1, largest=False)[1].tolist() == [1]


@pytest.mark.parametrize("f, x, value, gradient", [
    (F.relu6, [-1, 0, 3, 6, 9], [0, 0, 3, 6, 6], [0, 0, 1, 0, 0]),
    (F.hardtanh, [-2, -1, 0, 1, 2], [-1, -1, 0, 1, 1], [0, 0, 1, 0, 0]),
    (F.hard_sigmoid, [-4, -3, 0, 3, 4], [0, 0, 0.5, 1, 1], [0, 0, 1 / 6, 0, 0]),
    (F.hard_silu, [-4, -3, 0, 3, 4], [0, 0, 0, 3, 4], [0, 0, 0.5, 1, 1]),
    (F.leaky_relu, [-2, 0, 2], [-0.02, 0, 2], [0.01, 0.01, 1]),
    (F.elu, [-1e4, 0, 1e4], [-1, 0, 1e4], [0, 1, 1]),
    (lambda x: F.celu(x, 0.5), [-1e4, 0, 1e4], [-0.5, 0, 1e4], [0, 1, 1]),
    (F.silu, [-1e4, 0, 1e4], [0, 0, 1e4], [0, 0.5, 1]),
    (F.mish, [-1e4, 0, 1e4], [0, 0, 1e4], [0, 0.6, 1]),
    (F.softsign, [-1e300, 0, 1], [-1, 0, 0.5], [0, 1, 0.25]),
    (F.log_sigmoid, [-1e4, 0, 1e4], [-1e4, -math.log(2), 0], [1, 0.5, 0]),
    (lambda x: F.vector_norm(x), [0, 0], 0, [0, 0]),
    (lambda x: F.vector_norm(x), [3, -4], 5, [0.6, -0.8]),
    (lambda x: F.vector_norm(x, 1), [0, -4], 4, [0, -1]),
    (lambda x: F.vector_norm(x, 3), [0, -2], 2, [0, -1]),
    (lambda x: F.vector_norm(x, 0.5), [0, 4], 4, [0, 1]),
    (lambda x: F.vector_norm(x, math.inf), [1, -3, 3], 3, [0, -1, 0]),
])
@pytest.mark.filterwarnings("ignore:overflow encountered in multiply:RuntimeWarning")  # softsign: 1 / (1 + |x|)² of 1e300
def test_kinks_and_huge_numbers(f, x, value, gradient):
    y, dx = slope(f, x, dy=3.0)
    np.testing.assert_allclose(y, value, rtol=4 * EPS)
    np.testing.assert_allclose(dx, np.multiply(gradient, 3.0), rtol=4 * EPS)


def test_selu_keeps_mean_and_variance():
    """Its two constants solve E[selu(z)] = 0 and E[selu(z)²] = 1 for a standard normal z: here as a fine sum."""
    z = np.linspace(-12, 12, 240_001)
    weight = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    y = F.selu(mg.Tensor(z)).data
    np.testing.assert_allclose([(y * weight).sum(), (y * y * weight).sum()], [0, 1], atol=1e-9)


# ---- names

@pytest.mark.parametrize("names, function", [
    ("relu6", F.relu6), ("elu", F.elu), ("selu", F.selu), ("celu", F.celu), ("silu swish", F.silu), ("mish", F.mish),
    ("softsign", F.softsign), ("glu", F.glu), ("hard_tanh hardtanh Hardtanh", F.hardtanh),
    ("hard_sigmoid hardsigmoid", F.hard_sigmoid), ("hard_silu hard_swish hardswish", F.hard_silu),
    ("log_sigmoid logsigmoid", F.log_sigmoid), ("leaky_relu", lambda x: F.leaky_relu(x, 0.2)),
])
def test_activations_by_name(names, function):
    x = mg.Tensor(np.random.default_rng(0).standard_normal((4, 6)) * 3)
    for name in names.split():
        np.testing.assert_array_equal(layers.Activation(name)(x).numpy(), function(x).numpy())


@pytest.mark.parametrize("call", [
    np.prod, np.cumsum, np.cumprod, np.median, np.trace, np.diag, np.diagonal, np.sort, np.linalg.norm,
    np.linalg.vector_norm,
    lambda x: np.prod(x, axis=1, keepdims=True), lambda x: np.cumsum(x, 1), lambda x: np.tile(x, (2, 1)),
    lambda x: np.repeat(x, 2, axis=0), lambda x: np.roll(x, 1, 0), lambda x: np.take(x, [2, 0], axis=1),
    lambda x: np.tril(x, -1), lambda x: np.triu(x, 1), lambda x: np.sort(x, axis=0, stable=True),
    lambda x: np.linalg.norm(x, 1, axis=0), lambda x: np.linalg.norm(x, "fro"), lambda x: np.linalg.norm(x[0], np.inf),
    lambda x: x.prod(axis=0), lambda x: x.cumsum(0), lambda x: x.repeat(2), lambda x: x.take([0, 4]), lambda x: x.trace(),
])
def test_numpy_s_names(call):
    x = np.random.default_rng(1).standard_normal((3, 3))
    y = call(leaf(x))
    assert isinstance(y, mg.Tensor) and y.requires_grad
    np.testing.assert_allclose(y.data, call(x), rtol=16 * EPS)


@pytest.mark.parametrize("call, error, words", [
    (lambda x: F.glu(x), ValueError, "even"),
    (lambda x: F.celu(x, 0), ValueError, "alpha"),
    (lambda x: F.median(x[:0]), ValueError, "nothing"),
    (lambda x: F.vector_norm(x, 0), ValueError, "ord=0"),
    (lambda x: F.norm(x[None], 1), ValueError, "vector_norm"),
    (lambda x: F.norm(x, "nuc", axis=1), ValueError, "nuc"),
    (lambda x: F.norm(x, 3), ValueError, "ord must be"),
    (lambda x: F.cumsum(x, 2), IndexError, "axis 2"),
    (lambda x: F.topk(x, 4), ValueError, "4 numbers"),
    (lambda x: F.tril(x[0]), ValueError, "2 axes"),
    (lambda x: F.diag(x[None]), ValueError, "diagonal"),
    (lambda x: F.take(x, [3], axis=1), IndexError, "GetItem"),
    (lambda x: F.index_add(x, [5], 1.0), IndexError, "IndexAdd"),
])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(leaf(np.ones((2, 3))))
