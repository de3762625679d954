"""Normalisation, recurrent networks, one_hot where random numbers do not look: conventions, dtypes, memory."""

import functools

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad.autograd import topological_order
from minigrad.errors import GraphError

EPS = np.finfo(np.float64).eps


def leaf(x, dtype=float):
    return mg.Tensor(np.asarray(x, dtype), requires_grad=True)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


NORMS = {
    "layer": lambda x, g=None, b=None: F.layer_norm(x, g, b), "rms": lambda x, g=None, b=None: F.rms_norm(x, g),
    "batch": lambda x, g=None, b=None: F.batch_norm(x, g, b, training=True),
    "group": lambda x, g=None, b=None: F.group_norm(x, 2, g, b),
    "instance": lambda x, g=None, b=None: F.instance_norm(x, g, b),
}
every_norm = pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)


# ---- normalisation

@pytest.mark.parametrize("name, shape", [("layer", (3, 4)), ("batch", (3, 4)), ("batch", (1, 4)), ("group", (3, 2, 4)),
                                         ("instance", (3, 2, 4)), ("instance", (3, 4)), ("layer", (3, 4, 1))])
def test_equal_numbers_give_beta(name, shape):
    """And one number is equal to itself. No change of one that keeps them equal changes anything: Σ dx = 0."""
    x, g, b = leaf(np.full(shape, 7)), leaf(np.full(shape[-1:], 2)), leaf(numbers(shape[-1]))
    y = NORMS[name](x, g, b)
    np.testing.assert_array_equal(y.data, np.broadcast_to(b.data, shape))
    dx, dg = mg.autograd.grad(y, [x, g], mg.Tensor(numbers(*shape)))
    np.testing.assert_allclose(dx.data.sum(), 0, atol=1e-9)
    np.testing.assert_array_equal(dg.data, np.zeros(shape[-1]))


@pytest.mark.parametrize("shape", [(0, 4), (0, 2, 4), (2, 0, 4)], ids=str)
@every_norm
def test_nothing_stays_nothing(norm, shape):
    x, g, b = leaf(np.zeros(shape)), leaf(np.ones(4)), leaf(np.ones(4))
    y = norm(x, g, b)
    assert y.shape == shape
    dx, dg = mg.autograd.grad(y, [x, g], mg.Tensor(np.zeros(shape)))
    assert dx.shape == shape and (dg.data == 0).all()


@pytest.mark.parametrize("name", ["layer", "batch", "group", "instance"])
def test_far_from_zero_no_digits_are_lost(name):
    """10001 and 9999 by turns, normalised to 1 and -1. E[x²] - E[x]² in float32 is noise: 1e8 is known to 8 only."""
    sign = (-1.0) ** np.add.outer(np.arange(4), np.add.outer(np.arange(64), np.arange(4)))
    found = NORMS[name](mg.Tensor((1e4 + sign).astype(np.float32)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.data, sign, atol=8 * 1e4 * np.finfo(np.float32).eps)  # the rounding of means of 1e4


@every_norm
def test_half_precision_adds_in_single(norm):
    """1000² does not fit into float16, but its normalisation does, and so do the gradients."""
    x = (1000 * numbers(4, 3, 4)).astype(np.float16)
    half, double = leaf(x, np.float16), leaf(x)
    dy = numbers(4, 3, 4, seed=1).astype(np.float16)
    y, expected = norm(half), norm(double)
    dx, = mg.autograd.grad(y, [half], mg.Tensor(dy))
    expected_dx, = mg.autograd.grad(expected, [double], mg.Tensor(dy.astype(float)))
    assert y.dtype == dx.dtype == np.float16
    spacing = float(np.finfo(np.float16).eps)
    for found, right in ((y, expected), (dx, expected_dx)):  # within one rounding to float16
        np.testing.assert_allclose(found.data, right.data, rtol=spacing, atol=float(np.finfo(np.float16).smallest_subnormal))


@pytest.mark.parametrize("call", [
    lambda x, eps: F.layer_norm(x, eps=eps), lambda x, eps: F.rms_norm(x, eps=eps),
    lambda x, eps: F.batch_norm(x, None, None, np.zeros(4, np.float32), np.ones(4, np.float32), eps=eps, momentum=eps),
    lambda x, eps: F.batch_norm(x, None, None, np.zeros(4, np.float32), np.ones(4, np.float32), True, eps=eps, momentum=eps),
    lambda x, scale: F.scaled_dot_product_attention(x, x, x, scale=scale),
])
def test_numpy_s_numbers_as_options_do_not_widen_float32(call):
    x = leaf(numbers(3, 4), np.float32)
    y = call(x, np.float64(0.1))
    dy = mg.Tensor(numbers(3, 4, seed=1).astype(np.float32), requires_grad=True)
    dx = mg.autograd.grad(y, x, dy, create_graph=True)
    second = mg.autograd.grad(F.sum(dx * dx), [x, dy], allow_unused=True)
    assert {z.dtype for z in (y, dx, *second) if z is not None} == {np.dtype(np.float32)}


@every_norm
def test_integers_are_normalised_as_real_numbers(norm):
    x = np.arange(24).reshape(2, 3, 4) ** 2
    np.testing.assert_allclose(norm(x).data, norm(x.astype(float)).data, rtol=64 * EPS)


def arrays_in(x):
    """The arrays in a structure of dicts, tuples and Tensors."""
    if isinstance(x, (dict, list, tuple)):
        return [a for i in (x.values() if isinstance(x, dict) else x) for a in arrays_in(i)]
    x = x.data if isinstance(x, mg.Tensor) else x
    return [x if x.base is None else x.base] if isinstance(x, np.ndarray) else []


@every_norm
def test_x_and_gamma_and_moments_are_kept(norm):
    """What backward can compute again, it does: x̂ is not kept."""
    x, g, b = leaf(numbers(4, 50, 64)), leaf(np.ones(64)), leaf(np.zeros(64))
    kept = {id(a): a for function in topological_order([norm(x, g, b).creator])
            for a in arrays_in([function.operands, function.result, function.__dict__])}
    assert {id(x.data), id(g.data)} <= set(kept)
    assert sum(a.nbytes for a in kept.values()) <= 1.05 * x.data.nbytes  # two moments for each 50 numbers at the least


def test_running_statistics_as_pytorch_counts_them():
    x = numbers(5, 2, 3)
    mean, var = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])
    F.batch_norm(mg.Tensor(x), running_mean=mean, running_var=var, training=True, momentum=0.1)
    np.testing.assert_allclose(mean, 0.9 * np.array([1, 2, 3]) + 0.1 * x.mean((0, 1)), rtol=4 * EPS)
    np.testing.assert_allclose(var, 0.9 * np.array([4, 5, 6]) + 0.1 * x.var((0, 1), ddof=1), rtol=4 * EPS)


def test_running_statistics_as_keras_counts_them():
    """Keras's momentum 0.99 is how much of the old one stays, and its variance divides by n."""
    x = numbers(5, 2, 3)
    mean, var = np.zeros(3), np.ones(3)
    F.batch_norm(mg.Tensor(x), running_mean=mean, running_var=var, training=True, momentum=1 - 0.99, ddof=0)
    np.testing.assert_allclose(mean, 0.99 * 0 + 0.01 * x.mean((0, 1)), rtol=64 * EPS)
    np.testing.assert_allclose(var, 0.99 * 1 + 0.01 * x.var((0, 1)), rtol=4 * EPS)


def test_running_statistics_keep_their_dtype_and_tell_backward():
    mean, var = mg.Tensor(np.zeros(3, np.float32)), mg.Tensor(np.ones(3, np.float32))
    x, factor = leaf(numbers(4, 3)), leaf(np.float32([1, 2, 3]), np.float32)
    y = factor * var  # reads var in backward
    F.batch_norm(x, running_mean=mean, running_var=var, training=True)
    assert mean.dtype == var.dtype == np.float32 and (mean.data != 0).all() and not mean.requires_grad
    with pytest.raises(GraphError, match="changed in place"):
        mg.autograd.grad(y, factor, mg.Tensor(np.float32([1, 2, 3])))


def test_evaluation_moves_no_statistics_and_depends_on_one_number_alone():
    mean, var = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])
    x = numbers(4, 3)
    y = F.batch_norm(mg.Tensor(x), running_mean=mean, running_var=var)
    np.testing.assert_array_equal([mean, var], [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(F.batch_norm(mg.Tensor(x[:1]), running_mean=mean, running_var=var).data, y.data[:1])


def test_an_empty_batch_moves_no_statistics():
    mean, var = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])
    F.batch_norm(mg.Tensor(np.zeros((0, 3))), running_mean=mean, running_var=var, training=True)
    np.testing.assert_array_equal([mean, var], [[1, 2, 3], [4, 5, 6]])


def test_a_batch_of_one_has_a_variance_for_keras_only():
    x, mean, var = mg.Tensor(np.full((1, 3), 5.0)), np.zeros(3), np.ones(3)
    with pytest.raises(ValueError, match="ddof=1"):
        F.batch_norm(x, running_mean=mean, running_var=var, training=True)
    F.batch_norm(x, running_mean=mean, running_var=var, training=True, momentum=0.25, ddof=0)
    np.testing.assert_array_equal([mean, var], [[1.25] * 3, [0.75] * 3])


# ---- recurrent networks

def lstm(t=4):
    """x, h0, c0, w, u for N = H = 2, D = 3."""
    return tuple(numbers(*shape, seed=i) for i, shape in enumerate([(2, t, 3), (2, 2), (2, 2), (3, 8), (2, 8)]))


def test_backwards_outputs_come_in_the_order_of_running():
    x, h0, c0, w, u = lstm()
    y, h, c = F.lstm(x, h0, c0, w, u, go_backwards=True)
    flipped = F.lstm(x[:, ::-1].copy(), h0, c0, w, u)
    for a, b in zip((y, h, c), flipped):
        np.testing.assert_array_equal(a.data, b.data)
    np.testing.assert_array_equal(y.data[:, -1], h.data)


def test_a_masked_step_is_skipped():
    """The state stays, and is the output: at the beginning that is h0. So what lies there has no influence."""
    x, h0, c0, w, u = lstm()
    mask = np.array([[False, True, False, True]] * 2)
    x = leaf(x)
    y, h, c = F.lstm(x, h0, c0, w, u, mask=mask)
    short, h_short, c_short = F.lstm(x.data[:, [1, 3]], h0, c0, w, u)
    np.testing.assert_allclose([h.data, c.data], [h_short.data, c_short.data], rtol=64 * EPS)
    np.testing.assert_array_equal(y.data[:, 0], h0)
    np.testing.assert_array_equal(y.data[:, 2], y.data[:, 1])
    dx = mg.autograd.grad(y, x, mg.Tensor(numbers(2, 4, 2)))
    assert (dx.data[:, [0, 2]] == 0).all() and (dx.data[:, [1, 3]] != 0).all()


@pytest.mark.parametrize("function, gates", [(F.rnn, 1), (F.gru, 3)])
def test_a_masked_step_keeps_the_state(function, gates):
    x, h0 = numbers(2, 3, 2), numbers(2, 2)
    y, h = function(x, h0, numbers(2, 2 * gates), numbers(2, 2 * gates), mask=np.zeros((2, 3), bool))
    np.testing.assert_array_equal(y.data, np.repeat(h0[:, None], 3, 1))
    np.testing.assert_array_equal(h.data, h0)


def test_a_network_is_one_function_however_long():
    lengths = []
    for t in (1, 5):
        x, h0, c0, w, u = map(leaf, lstm(t))
        lengths.append(len(topological_order([F.lstm(x, h0, c0, w, u)[1].creator])))
    assert lengths[0] == lengths[1] <= 8


def test_saturated_gates_are_finite():
    x, h0, c0, w, u = lstm()
    x = leaf(1e4 * x)
    y = F.lstm(x, h0, c0, w, u)[0]
    dx = mg.autograd.grad(y, x, mg.Tensor(numbers(*y.shape)))
    assert np.isfinite(y.data).all() and np.isfinite(dx.data).all() and abs(y.data).max() <= 1


def test_no_state_is_zero_in_the_weights_dtype():
    x, _, c0, w, u = (a.astype(np.float32) for a in lstm())
    found, expected = F.lstm(x, None, c0, w, u), F.lstm(x, np.zeros((2, 2), np.float32), c0, w, u)
    for a, b in zip(found, expected):
        assert a.dtype == np.float32
        np.testing.assert_array_equal(a.data, b.data)


# ---- one_hot

def test_one_hot():
    y = F.one_hot([[0, 2], [1, 1]], 3)
    assert isinstance(y, mg.Tensor) and y.dtype == np.float32 and not y.requires_grad
    np.testing.assert_array_equal(y.data, [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 1, 0]]])
    assert F.one_hot(np.array(2, np.uint8), 3, dtype=bool).tolist() == [False, False, True]
    with mg.default_dtype("float64"):
        assert F.one_hot(mg.Tensor(np.array([1])), 2).dtype == np.float64


# ---- what does not fit is refused, by name

def refuse(function, *shapes, **options):
    return lambda: function(*(None if s is None else mg.Tensor(np.ones(s)) for s in shapes), **options)


@pytest.mark.parametrize("call, error, words", [
    (refuse(F.layer_norm, (2, 3), (2,)), ValueError, r"gamma must have shape \(3,\)"),
    (refuse(F.layer_norm, (2, 3), (3,), (2,)), ValueError, r"beta must have shape \(3,\)"),
    (refuse(F.layer_norm, (3,), (2, 3)), ValueError, "gamma"),
    (refuse(F.layer_norm, (2, 3), axis=2), IndexError, "axis 2"),
    (refuse(F.rms_norm, (2, 3), (2,)), ValueError, r"rms_norm: gamma must have shape \(3,\)"),
    (refuse(F.batch_norm, (2, 3), (2,)), ValueError, r"batch_norm: gamma must have shape \(3,\)"),
    (refuse(F.batch_norm, (2, 3), None, None, (2,), (3,)), ValueError, r"running_mean must have shape \(3,\)"),
    (refuse(F.batch_norm, (2, 3), None, None, (3,), (2,)), ValueError, r"running_var must have shape \(3,\)"),
    (refuse(F.batch_norm, (2, 3), None, None, (3,)), TypeError, "running_var = None"),
    (refuse(F.batch_norm, (2, 3), running_mean=[0.0] * 3, running_var=[1.0] * 3), TypeError, "arrays"),
    (lambda: F.batch_norm(np.ones((2, 3)), None, None, leaf(np.ones(3)), np.ones(3)), TypeError, "requires_grad=False"),
    (refuse(F.group_norm, (2, 6), groups=4), ValueError, "groups=4 must divide the 6"),
    (refuse(F.group_norm, (2, 6), groups=0), ValueError, "groups=0"),
    (refuse(F.group_norm, (2, 6), groups=2, axis=0), ValueError, "axis 0"),
    (refuse(F.instance_norm, (2, 6), (5,)), ValueError, r"gamma must have shape \(6,\)"),
    (refuse(F.rnn, (2, 3), None, (3, 4), (4, 4)), ValueError, r"x \(N, T, D\)"),
    (refuse(F.rnn, (2, 5, 3), None, (2, 4), (4, 4)), ValueError, r"w must have shape \(3, 4\)"),
    (refuse(F.rnn, (2, 5, 3), (2, 5), (3, 4), (4, 4)), ValueError, r"h0 must have shape \(2, 4\)"),
    (refuse(F.rnn, (2, 5, 3), None, (3, 4), (4, 4), nonlinearity="elu"), ValueError, "'elu'"),
    (refuse(F.lstm, (2, 5, 3), None, None, (3, 4), (4, 4)), ValueError, r"w must have shape \(3, 16\)"),
    (refuse(F.lstm, (2, 5, 3), None, (3, 4), (3, 16), (4, 16)), ValueError, r"c0 must have shape \(2, 4\)"),
    (refuse(F.lstm, (2, 5, 3), None, None, (3, 16), (4, 12)), ValueError, r"u must have shape \(4, 16\)"),
    (refuse(F.gru, (2, 5, 3), None, (3, 12), (4, 12), (12,)), ValueError, r"b must have shape \(2, 12\)"),
    (refuse(F.gru, (2, 5, 3), None, (3, 12), (4, 12), mask=np.ones((5, 2), bool)), ValueError, r"mask must .*\(2, 5\)"),
    (refuse(F.gru, (2, 5, 3), None, (3, 12), (4, 12), mask=np.ones((2, 5))), TypeError, "boolean"),
    (lambda: F.one_hot([0, 3], 3), IndexError, r"one_hot: ids must be in \[0, 3\)"),
    (lambda: F.one_hot([-1], 3), IndexError, r"\[0, 3\)"),
    (lambda: F.one_hot([0.0], 3), TypeError, "integers"),
    (lambda: F.one_hot([0], 0), ValueError, "classes"),
])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ---- normalisation of arrays that are large enough for long rows

def _by_the_formula(x, axes, gamma, beta):
    m = functools.partial(mg.mean, axis=axes, keepdims=True)
    return (x - m(x)) / mg.sqrt(m((x - m(x)) ** 2) + 1e-5) * gamma + beta


@pytest.mark.parametrize("shape", [(16, 9, 8, 6), (40, 6), (3, 40, 30, 6), (1, 20, 20, 6)])
@pytest.mark.parametrize("norm, axes", [
    (lambda *a: F.batch_norm(*a), "batch"), (lambda x, g, b: F.group_norm(x, 2, g, b), "group"),
    (lambda *a: F.instance_norm(*a), "instance"), (lambda *a: F.layer_norm(*a), "layer")], ids=lambda a: str(a)[:8])
def test_norms_on_long_rows_are_the_formula(shape, norm, axes):
    if axes in ("instance", "group") and len(shape) == 2:
        shape = (5, *shape)
    rng = np.random.default_rng([7, *shape])
    data = [rng.standard_normal(shape) + 2, rng.standard_normal(shape[-1]), rng.standard_normal(shape[-1])]
    dy, results = rng.standard_normal(shape), []
    for ours in (True, False):
        x, gamma, beta = (mg.Tensor(a, requires_grad=True) for a in data)
        places = tuple(range(1, len(shape) - 1))
        if ours:
            y = norm(x, gamma, beta)
        elif axes == "group":
            parts = [p.reshape(*p.shape[:-1], 2, 3) for p in (x, gamma, beta)]
            y = _by_the_formula(parts[0], (*places, -1), *parts[1:]).reshape(shape)
        else:
            y = _by_the_formula(x, {"batch": (0, *places), "instance": places, "layer": (-1,)}[axes], gamma, beta)
        y.backward(dy)
        results.append([y.numpy(), *(t.grad.numpy() for t in (x, gamma, beta))])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def test_running_statistics_of_many_images():
    x = np.random.default_rng(3).standard_normal((16, 9, 8, 6)) * 3 + 100
    mean, var = np.zeros(6), np.ones(6)
    F.batch_norm(x, running_mean=mean, running_var=var, training=True, momentum=1.0, ddof=0)
    np.testing.assert_allclose(mean, x.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(var, x.var((0, 1, 2)), rtol=1e-10)
