"""The transforms: analytic derivatives, trees and argnums, what is left untouched, checkpoints, the user's own gradients."""

import functools
import gc
import threading
import tracemalloc
from collections import namedtuple

import numpy as np
import pytest
import standin

import minigrad as mg
from minigrad.errors import GradientError, GraphError

standin.register()

EPS = np.finfo(np.float64).eps
STEP = EPS ** (1 / 3)                                        # where the two errors of a central difference meet
NUMERIC = dict(rtol=100 * EPS ** (2 / 3), atol=100 * EPS ** (2 / 3))  # and what they are then, for values of order 1
EXACT = dict(rtol=100 * EPS, atol=100 * EPS)                 # the same formula, rounded in another order


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.numpy(), expected, **(tolerance or EXACT))


def finite_jacobian(f, x):
    """df/dx by central differences, of shape y.shape + x.shape."""
    columns = []
    for i in range(x.size):
        h = np.zeros(x.size)
        h[i] = STEP
        h = h.reshape(x.shape)
        columns.append((f(mg.Tensor(x + h)).numpy() - f(mg.Tensor(x - h)).numpy()) / (2 * STEP))
    return np.stack(columns, -1).reshape(columns[0].shape + x.shape)


def mixed(x):
    """A vector function whose Jacobian is full and not symmetric."""
    return mg.sin(x) * x.sum() + mg.exp(x[::-1]) * x[0]


# ---- analytic results

def test_sine_to_the_fourth_order():
    f, x = mg.sin, np.array(0.8)
    for expected in (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin):
        f = mg.grad(f)
        close(f(x), expected(x))


def test_an_inner_gradient_does_not_see_the_outer_variable():
    """d/dx [x · d/dy (x + y)] = 1: 2 if the two levels are confused (Siskind and Pearlmutter 2005)."""
    close(mg.grad(lambda x: x * mg.grad(lambda y: x + y)(1.0))(np.array(1.0)), 1)
    close(mg.grad(lambda x: mg.grad(lambda y: x * y * y)(x))(np.array(3.0)), 12)  # the same Tensor inside and outside


# ---- against finite differences

def test_jacobian():
    x = numbers(4)
    close(mg.jacobian(mixed)(x), finite_jacobian(mixed, x), **NUMERIC)
    matrix = numbers(2, 3)
    jacobian = mg.jacobian(lambda a: mg.sin(a) @ a.T)(matrix)
    assert jacobian.shape == (2, 2, 2, 3)
    close(jacobian, finite_jacobian(lambda a: mg.sin(a) @ a.T, matrix), **NUMERIC)


def test_jacobian_of_a_transposed_result():
    x = numbers(2, 3)
    close(mg.jacobian(lambda a: a.T)(x), finite_jacobian(lambda a: a.T, x), **NUMERIC)
    close(mg.jacobian(lambda a: mg.sin(a))(x.T), finite_jacobian(mg.sin, x.T), **NUMERIC)


def test_vjp_and_jvp_are_products_with_the_jacobian():
    x, v, u = numbers(4), numbers(4, seed=1), numbers(4, seed=2)
    jacobian = finite_jacobian(mixed, x)
    y, pullback = mg.vjp(mixed, x)
    close(y, mixed(mg.Tensor(x)).numpy())
    close(pullback(u), u @ jacobian, **NUMERIC)
    close(pullback(2 * u), 2 * u @ jacobian, **NUMERIC)  # and again
    y, pushed = mg.jvp(mixed, x, v)
    close(y, mixed(mg.Tensor(x)).numpy())
    close(pushed, jacobian @ v, **NUMERIC)


def test_jvp_can_be_differentiated():
    x, v = numbers(3), numbers(3, seed=1)
    close(mg.grad(lambda x: mg.jvp(mg.sin, x, v)[1].sum())(x), -np.sin(x) * v)
    close(mg.grad(lambda v: (mg.jvp(mg.sin, x, v)[1] ** 2).sum())(v), 2 * np.cos(x) ** 2 * v)  # by the tangent
    close(mg.grad(lambda u: (mg.vjp(mg.sin, x)[1](u) ** 2).sum())(v), 2 * np.cos(x) ** 2 * v)  # by the cotangent


def test_jvp_of_a_linear_and_of_a_constant_function():
    x, v = numbers(3), numbers(3, seed=1)
    close(mg.jvp(lambda x: 3 * x, x, v)[1], 3 * v)
    close(mg.jvp(lambda x: mg.Tensor(np.ones(2)), x, v)[1], [0, 0])


def test_hessian_and_hvp_by_the_jacobian_of_the_gradient():
    x, v = numbers(4), numbers(4, seed=1)

    def energy(x):
        return (mixed(x) ** 2).sum()
    hessian = finite_jacobian(mg.grad(energy), x)
    scale = np.abs(hessian).max()
    tolerance = dict(rtol=0, atol=100 * EPS ** (2 / 3) * scale)
    close(mg.hessian(energy)(x), hessian, **tolerance)
    close(mg.hvp(energy, x, v), hessian @ v, **tolerance)


# ---- arguments and results

def test_argnums():
    def f(x, y, z):
        return (x * y * y * z).sum()
    x, y, z = numbers(3), numbers(3, seed=1), numbers(3, seed=2)
    close(mg.grad(f)(x, y, z), y * y * z)
    close(mg.grad(f, argnums=-2)(x, y, z), 2 * x * y * z)
    dz, dx = mg.grad(f, argnums=(2, 0))(x, y, z)
    close(dz, x * y * y)
    close(dx, y * y * z)
    assert isinstance(mg.grad(f, argnums=(1,))(x, y, z), tuple)
    hessian = mg.hessian(f, argnums=(0, 1))(x, y, z)
    close(hessian[0][1], np.diag(2 * y * z))
    close(hessian[1][1], np.diag(2 * x * z))
    close(mg.jvp(f, (x, y, z), (z, x), argnums=(0, 2))[1], (y * y * z * z + x * y * y * x).sum())
    close(mg.hvp(f, (x, y, z), x, argnums=1), 2 * x * z * x)
    close(mg.vjp(f, x, y, z, argnums=1)[1](2.0), 4 * x * y * z)


@pytest.mark.parametrize("argnums, error, words", [
    (2, ValueError, "argnums has 2.*2 positional arguments"), (-3, ValueError, "argnums has -3"),
    ((0, 0), ValueError, "different"), ((0, -2), ValueError, "different"), ((), ValueError, "one or more"),
    ("x", TypeError, "integer"), (True, TypeError, "integer"), ((0, 1.0), TypeError, "integer")])
def test_wrong_argnums(argnums, error, words):
    with pytest.raises(error, match=words):
        mg.grad(lambda x, y: (x * y).sum(), argnums=argnums)(numbers(2), numbers(2))


Pair = namedtuple("Pair", "left right")


def test_trees_of_arguments_and_results():
    parameters = {"w": numbers(2, 2), "layers": [numbers(2, seed=1), (mg.Tensor(numbers(2, seed=2)), None)], "scale": 3.0}

    def f(p, x):
        return ((x @ p["w"] + p["layers"][0]) * p["layers"][1][0]).sum() * p["scale"].astype(np.float64)
    x = numbers(2, seed=3)
    g = mg.grad(f)(parameters, x)
    b, (m, none) = parameters["layers"]
    close(g["w"], 3 * np.outer(x, m.numpy()))
    close(g["layers"][0], 3 * m.numpy())
    close(g["layers"][1][0], 3 * (x @ parameters["w"] + b))
    assert g["layers"][1][1] is none is None and isinstance(g["layers"][1], tuple) and g["scale"].dtype == np.float32

    def several(p):
        return {"product": p.left * p.right, "parts": [p.left.sum()]}
    pair = Pair(numbers(2), numbers(2, seed=1))
    y, pullback = mg.vjp(several, pair)
    found = pullback({"product": np.array([2.0, 5.0]), "parts": [7.0]})
    assert isinstance(found, Pair)
    close(found.left, [2, 5] * pair.right + 7)
    close(found.right, [2, 5] * pair.left)
    jacobian = mg.jacobian(several)(pair)
    close(jacobian["product"].right, np.diag(pair.left))
    close(jacobian["parts"][0].right, [0, 0])
    pushed = mg.jvp(several, (pair,), Pair(np.array([1.0, 0.0]), np.array([0.0, 1.0])))[1]
    close(pushed["product"], [pair.right[0], pair.left[1]])
    close(pushed["parts"][0], 1)


def test_auxiliary_results():
    def f(x):
        return (x * x).sum(), {"double": 2 * x, "word": "kept"}
    x = numbers(3)
    (y, aux), g = mg.value_and_grad(f, has_aux=True)(x)
    close(y, (x * x).sum())
    close(g, 2 * x)
    close(aux["double"], 2 * x)
    assert aux["word"] == "kept" and not aux["double"].requires_grad
    assert mg.grad(f, has_aux=True)(x)[1]["word"] == "kept"
    close(mg.vjp(f, x, has_aux=True)[1](1.0), 2 * x)
    for transform, expected in [(mg.jacobian, 2 * x), (mg.hessian, 2 * np.eye(3))]:
        found, aux = transform(f, has_aux=True)(x)
        close(found, expected)
        close(aux["double"], 2 * x)
        assert aux["word"] == "kept" and not aux["double"].requires_grad
    with pytest.raises(TypeError, match="has_aux=True"):
        mg.grad(f)(x)
    with pytest.raises(TypeError, match="must return .y, aux"):
        mg.grad(lambda x: x.sum(), has_aux=True)(x)


def test_the_hessian_of_a_tree_is_a_tree_of_trees():
    """y = Σ a² Σ b + c0 (Σ a)²."""
    a, b, c = numbers(2), numbers(3, seed=1), numbers(1, seed=2)
    hessian = mg.hessian(lambda p: (p["a"] ** 2).sum() * p["b"].sum() + p["rest"][0][0] * p["a"].sum() ** 2)(
        {"a": a, "b": b, "rest": (c, None)})
    close(hessian["a"]["a"], 2 * b.sum() * np.eye(2) + 2 * c[0])
    close(hessian["a"]["b"], np.outer(2 * a, np.ones(3)))
    close(hessian["b"]["a"], np.outer(np.ones(3), 2 * a))
    close(hessian["rest"][0]["a"], np.full((1, 2), 2 * a.sum()))
    close(hessian["b"]["b"], np.zeros((3, 3)))
    assert hessian["rest"][1] is None and hessian["a"]["rest"][1] is None


def test_integer_arguments_are_handed_on():
    x, ids, v = numbers(4), np.array([2, 0, 2]), numbers(4, seed=1)

    def f(x, ids):
        assert ids.dtype == int
        return x[ids] ** 2
    close(mg.jvp(f, (x, ids), v)[1], 2 * (x * v)[ids])
    close(mg.vjp(f, x, ids)[1](np.ones(3)), 2 * x * [1, 0, 2, 0])
    close(mg.jacobian(f)(x, ids), 2 * x * np.eye(4)[ids])
    close(mg.hvp(lambda x, ids: (x[ids] ** 3).sum(), (x, ids), v), 6 * x * v * [1, 0, 2, 0])
    with pytest.raises(TypeError, match="argument 1 of f is int64"):
        mg.jvp(f, (x, ids), (v, ids), argnums=(0, 1))


def test_a_list_is_one_argument_and_a_tuple_all_of_them():
    x, y = numbers(3), numbers(3, seed=1)
    close(mg.jvp(lambda p: p[0] * p[1], [x, y], [y, x])[1], x * x + y * y)
    first, second = mg.hvp(lambda p: (p[0] * p[0] * p[1]).sum(), [x, y], [x, y])
    close(first, 2 * y * x + 2 * x * y)
    close(second, 2 * x * x)
    close(mg.hvp(lambda x, y: (x * x * y).sum(), (x, y), x), 2 * y * x)


def test_partials_methods_and_layers_are_functions():
    x = numbers(3)
    close(mg.grad(functools.partial(lambda a, x: (a * x).sum(), 2.0))(x), [2, 2, 2])
    close(mg.grad(mg.Tensor.sum)(mg.Tensor(x)), [1, 1, 1])
    layer = mg.layers.Dense(2)
    y, pullback = mg.vjp(layer, x[None])
    close(pullback(np.ones((1, 2))), layer.kernel.numpy().sum(axis=1)[None], rtol=1e-6)


def test_keywords_go_to_the_function():
    close(mg.grad(lambda x, scale: (x * scale).sum())(numbers(2), scale=4.0), [4, 4])


@pytest.mark.parametrize("call, error, words", [
    (lambda x: mg.grad(lambda x: x * 2)(x), TypeError, r"single number.*shape \(3,\).*jacobian"),
    (lambda x: mg.grad(lambda x: 1.0)(x), TypeError, "must return Tensors.*float"),
    (lambda x: mg.grad(lambda x: x.data.sum())(x), TypeError, "gradient would be lost"),
    (lambda x: mg.grad(lambda x: x.sum())(np.arange(3)), TypeError, "argument 0 .*int64.*floating"),
    (lambda x: mg.grad(lambda p: p["a"].sum())({"a": x, "ids": np.arange(3)}), TypeError, "argument 0.'ids'.*int64"),
    (lambda x: mg.vjp(mg.sin, x)[1](np.ones(2)), ValueError, r"expected shape \(3,\)"),
    (lambda x: mg.vjp(lambda x: [x, x], x)[1](x), ValueError, r"expected the form \(\[0\], \[1\]\)"),
    (lambda x: mg.jvp(mg.sin, x, np.ones(4)), ValueError, r"tangents.*expected shape \(3,\)"),
    (lambda x: mg.jvp(lambda p: p["a"], ({"a": x},), {"b": x}), ValueError, r"expected the form \(\['a'\]\)"),
    (lambda x: mg.jvp(mg.sin, (x,), (x,)), ValueError, r"tangents of sin.*pass v instead of \(v,\).*argnums"),
    (lambda x: mg.grad(mg.sin(x).sum()), TypeError, "grad takes a function, got a Tensor.*autograd.grad"),
    (lambda x: mg.jacobian(x), TypeError, "jacobian takes a function, got a ndarray"),
    (lambda x: mg.vjp(x, x), TypeError, "takes a function"), (lambda x: mg.jvp(x, x, x), TypeError, "takes a function"),
    (lambda x: mg.jacobian(lambda x: None)(x), TypeError, "returned None"),
    (lambda x: mg.vjp(lambda x: {}, x), TypeError, "returned {}"),
    (lambda x: mg.grad(lambda x: mg.astype(x, int).sum())(x), TypeError, "is int64: only floating.*has_aux"),
    (lambda x: mg.vjp(lambda x: [x, mg.Tensor(np.array([1, 2]))], x), TypeError, r"result\[1\] .* is int64"),
])
def test_bad_calls(call, error, words):
    with pytest.raises(error, match=words):
        call(numbers(3))


# ---- what is left alone

def test_inputs_are_left_untouched():
    x, w = mg.Tensor(numbers(3), requires_grad=True), mg.Tensor(numbers(3, seed=1), requires_grad=True)
    array = numbers(3, seed=2)
    before = x.numpy().copy(), w.numpy().copy(), array.copy()

    def f(x, a):
        return (mg.sin(x) * w * a).sum()
    for argnums in (0, 1, (0, 1)):
        mg.grad(f, argnums)(x, array)
        mg.hessian(f, argnums)(x, array)
        mg.jvp(f, (x, array), mg.grad(f, argnums)(x, array), argnums)
    assert x.grad is None and w.grad is None and x.is_leaf and x.requires_grad
    for now, then in zip((x.numpy(), w.numpy(), array), before):
        np.testing.assert_array_equal(now, then)


def test_a_result_has_a_history_only_where_it_leads_somewhere():
    x, w = numbers(3), mg.Tensor(numbers(3, seed=1), requires_grad=True)
    assert not mg.grad(lambda x: (x ** 3).sum())(x).requires_grad
    assert not mg.value_and_grad(lambda x: (x ** 3).sum())(x)[0].requires_grad
    g = mg.grad(lambda x: (x * x * w).sum())(x)
    (g * g).sum().backward()                            # (2 x w)² by w: 8 x² w
    close(w.grad, 8 * x * x * w.numpy())
    with mg.no_grad():
        g = mg.grad(lambda x: (x * x * w).sum())(x)
    close(g, 2 * x * w.numpy())
    assert not g.requires_grad


def test_a_graph_that_f_reads_from_outside_is_not_freed():
    w = mg.Tensor(numbers(3), requires_grad=True)
    middle = mg.exp(w)
    with mg.no_grad():
        mg.grad(lambda x: (x * middle).sum())(numbers(3))
    middle.sum().backward()
    close(w.grad, np.exp(w.numpy()))


@pytest.mark.parametrize("call", [
    mg.grad(lambda x: (mg.sin(x) * 2).sum()), mg.grad(lambda x: mg.grad(lambda x: (mg.sin(x) * 2).sum())(x).sum()),
    mg.hessian(lambda x: (x ** 3).sum()), mg.jacobian(mixed), lambda x: mg.jvp(mixed, x, x)[1],
    lambda x: mg.hvp(lambda x: (x ** 3).sum(), x, x), lambda x: mg.vjp(mixed, x)[1](np.ones(3)),
    mg.grad(lambda x: mg.checkpoint(mixed, x).sum())])
def test_float32_stays_float32(call):
    assert call(numbers(3).astype(np.float32)).dtype == np.float32


def test_empty_and_unused_arguments():
    close(mg.grad(lambda x, y: y.sum())(numbers(2), mg.Tensor(numbers(2))), [0, 0])
    assert mg.grad(lambda x: (x * x).sum())(np.zeros((0, 3))).shape == (0, 3)
    assert mg.jacobian(lambda x: x * x)(np.zeros(0)).shape == (0, 0)


# ---- checkpoint

def dropout_block(w):
    return lambda x: x + mg.dropout(mg.tanh(x @ w), 0.3) @ w.T


def trained(blocks, weights, x, checkpointed):
    """The output and the gradients of three blocks, started from one seed."""
    mg.seed(3)
    leaf = y = mg.Tensor(x, requires_grad=True)
    for block in blocks:
        y = mg.checkpoint(block, y) if checkpointed else block(y)
    after = mg.dropout(mg.Tensor(np.ones(50)), 0.5)  # the generators go on as if there had been no checkpoint
    return [t.numpy() for t in (y, after, *mg.autograd.grad((y * y).sum(), [leaf, *weights]))]


def test_checkpoint_gives_the_same_gradients_to_the_bit_and_dropout_repeats():
    weights = [mg.Tensor(numbers(4, 6, seed=i).astype(np.float32) - 1, requires_grad=True) for i in range(3)]
    blocks = [dropout_block(w) for w in weights]
    x = numbers(5, 4).astype(np.float32)
    for plain, checkpointed in zip(trained(blocks, weights, x, False), trained(blocks, weights, x, True)):
        np.testing.assert_array_equal(plain, checkpointed)


def test_backward_through_a_checkpoint_leaves_the_generators_where_they_are():
    x = mg.Tensor(np.ones(20), requires_grad=True)
    draws = []
    for sweep in (True, False):
        mg.seed(0)
        y = mg.checkpoint(mg.dropout, x).sum()
        if sweep:
            y.backward()
        draws.append(mg.dropout(mg.Tensor(np.ones(50)), 0.5).numpy())
    np.testing.assert_array_equal(*draws)


def test_checkpoint_takes_trees_keywords_and_parameters_and_nests():
    w = mg.Tensor(numbers(3), requires_grad=True)
    x = {"a": mg.Tensor(numbers(3, seed=1), requires_grad=True), "b": numbers(3, seed=2)}

    def inner(x, power=1):
        return {"y": mg.sin(x["a"]) * w ** power * x["b"], "fixed": x["b"]}
    result = mg.checkpoint(lambda x, power: mg.checkpoint(inner, x, power=power), x, power=2)
    assert result["fixed"] is x["b"]
    result["y"].sum().backward()
    close(w.grad, 2 * w.numpy() * np.sin(x["a"].numpy()) * x["b"])
    close(x["a"].grad, np.cos(x["a"].numpy()) * w.numpy() ** 2 * x["b"])


def test_checkpoint_of_what_it_closes_over_counts_each_path_once():
    """The block reads w itself, 2 w from outside, and an argument made of w: y = 3w · 2w · w."""
    for create_graph in (False, True):
        w = mg.Tensor(numbers(3), requires_grad=True)
        twice, thrice = 2 * w, 3 * w
        y = mg.checkpoint(lambda x, twice=twice, w=w: x * twice * w, thrice).sum()
        g = mg.autograd.grad(y, w, create_graph=create_graph)
        close(g, 18 * w.numpy() ** 2)
    close(mg.autograd.grad(g.sum(), w), 36 * w.numpy())


def test_checkpoint_hands_on_what_it_did_not_make():
    w, x = mg.Tensor(numbers(3), requires_grad=True), mg.Tensor(numbers(3, seed=1), requires_grad=True)
    doubled, same, outside = mg.checkpoint(lambda x: (2 * x, x, w), x)
    (doubled + same * 10 + outside * 100).sum().backward()
    close(x.grad, [12, 12, 12])
    close(w.grad, [100, 100, 100])


def test_checkpoint_takes_two_tensors_of_one_creator_for_one_value():
    x = mg.Tensor(numbers(3), requires_grad=True)
    y = mg.exp(x)
    again = y.creator.output
    mg.checkpoint(lambda a: a * y + a * again, np.ones(3)).sum().backward()
    close(x.grad, 2 * np.exp(x.numpy()))


def test_dropout_repeats_at_every_backward():
    x = mg.Tensor(np.ones(50), requires_grad=True)
    y = mg.checkpoint(mg.dropout, x)
    for _ in range(2):
        np.testing.assert_array_equal(mg.autograd.grad(y.sum(), x, retain_graph=True).numpy(), y.numpy())


def test_checkpoint_to_the_second_order():
    x = numbers(3)
    close(mg.hessian(lambda x: mg.checkpoint(mg.sin, x).sum())(x), np.diag(-np.sin(x)))
    close(mg.grad(mg.grad(lambda x: mg.checkpoint(lambda x: x ** 3, x)))(2.0), 12)
    mg.gradgradcheck(lambda x: mg.checkpoint(mixed, x), [x])


def test_checkpoint_notices_what_changed():
    w, x = mg.Tensor(numbers(3), requires_grad=True), mg.Tensor(numbers(3), requires_grad=True)
    y = mg.checkpoint(lambda x: x * w, x).sum()
    w.data = w.data * 2
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()
    sizes = iter([3, 2])
    y = mg.checkpoint(lambda x: x[:next(sizes)], x).sum()
    with pytest.raises(GraphError, match="other results"):
        y.backward()


def test_checkpoint_records_nothing_where_nothing_is_wanted():
    x = mg.Tensor(numbers(3), requires_grad=True)
    with mg.no_grad():
        assert not mg.checkpoint(mg.sin, x).requires_grad
    assert not mg.checkpoint(mg.sin, mg.Tensor(numbers(3))).requires_grad


def peak_of_a_chain(checkpointed, depth=64):
    """The bytes at the peak of a step through `depth` blocks of four operations each."""
    x = mg.Tensor(numbers(20_000), requires_grad=True)
    gc.collect()
    tracemalloc.start()
    try:
        y = x
        for _ in range(depth):
            y = mg.checkpoint(block, y) if checkpointed else block(y)
        y.sum().backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def block(x):
    for _ in range(6):
        x = mg.sin(x * x)
    return x


def test_checkpoint_needs_less_than_a_quarter_of_the_memory():
    assert peak_of_a_chain(True) < peak_of_a_chain(False) / 4


# ---- the user's own gradients

def test_stop_gradient():
    x = numbers(3)
    close(mg.grad(lambda x: (x * mg.stop_gradient(x)).sum())(x), x)
    tree = mg.stop_gradient({"a": [mg.Tensor(x, requires_grad=True)], "b": 1})
    assert not tree["a"][0].requires_grad and tree["b"] == 1


@mg.custom_gradient
def cut(x):
    return x * 1, lambda dy: mg.clip(dy, -1, 1)


@mg.custom_gradient
def log1pexp(x):
    """The example of TensorFlow's documentation: log(1 + e^x), whose gradient must not be inf / inf."""
    e = mg.exp(-x)
    return mg.softplus(x), lambda dy: dy / (1 + e)


def test_custom_gradient():
    close(mg.grad(lambda x: (cut(x) * np.array([0.5, 3.0, -7.0])).sum())(numbers(3)), [0.5, 1, -1])
    x = numbers(3)
    s = 1 / (1 + np.exp(-x))
    close(mg.grad(lambda x: log1pexp(x).sum())(x), s)
    close(mg.grad(mg.grad(log1pexp))(x[0]), (s * (1 - s))[0])  # through what the rule reads, e, as well
    mg.gradgradcheck(log1pexp, [x])


def test_custom_gradient_of_several():
    @mg.custom_gradient
    def f(p, y):
        return {"s": p["x"] + y, "d": p["x"] - y}, lambda ds, dd: (10 * (ds + dd), None)
    x, y = mg.Tensor(numbers(3), requires_grad=True), mg.Tensor(numbers(3), requires_grad=True)
    result = f({"x": x}, y)
    (result["s"] + 2 * result["d"]).sum().backward()
    close(x.grad, [30, 30, 30])
    assert y.grad is None


def test_a_custom_gradient_that_cannot_be_right():
    w, x = mg.Tensor(numbers(3), requires_grad=True), mg.Tensor(numbers(3), requires_grad=True)
    with pytest.raises(GraphError, match="not among its arguments"):
        mg.custom_gradient(lambda x: (x * w, lambda dy: dy * w))(x)
    with pytest.raises(TypeError, match=r"must return \(y, backward\)"):
        mg.custom_gradient(lambda x: x)(x)
    with pytest.raises(TypeError, match="must return Tensors"):
        mg.custom_gradient(lambda x: (x.data, lambda dy: dy))(x)
    with pytest.raises(GradientError, match="2 gradients for 1"):
        mg.custom_gradient(lambda x: (x * 1, lambda dy: (dy, dy)))(x).sum().backward()


# ---- hooks

@pytest.mark.parametrize("sweep", [lambda y, x: y.backward(), lambda y, x: mg.autograd.grad(y, x)])
def test_hooks_see_the_whole_gradient_once_in_order_until_removed(sweep):
    x = mg.Tensor(numbers(3), requires_grad=True)
    seen = []
    middle = x * 2
    middle.register_hook(lambda g: seen.append(("middle", g.tolist())))
    first = x.register_hook(lambda g: seen.append(("first", g.tolist())))
    x.register_hook(lambda g: seen.append(("second", g.tolist())))
    sweep((middle + middle + x).sum(), x)
    assert seen == [("middle", [2, 2, 2]), ("first", [5, 5, 5]), ("second", [5, 5, 5])]
    first.remove()
    first.remove()
    seen.clear()
    sweep(x.sum(), x)
    assert seen == [("second", [1, 1, 1])]


def test_hooks_replace_gradients_also_where_they_are_recorded():
    x = mg.Tensor(numbers(3), requires_grad=True)
    middle = x * x
    middle.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    g = mg.autograd.grad((middle * middle).sum(), x, create_graph=True)
    close(g, 40 * x.numpy() ** 3 + 1)
    close(mg.grad(lambda y: mg.autograd.grad((y * y).sum(), y, create_graph=True).sum())(numbers(2)), [2, 2])
    w = mg.Tensor(numbers(3), requires_grad=True)
    w.register_hook(lambda g: g * 10)
    mg.checkpoint(lambda x: x * w * w, x).sum().backward()  # once, for the whole gradient
    close(w.grad, 20 * w.numpy() * x.numpy())


def test_wrong_hooks():
    x = mg.Tensor(numbers(3), requires_grad=True)
    with pytest.raises(GraphError, match="does not require"):
        x.detach().register_hook(print)
    x.register_hook(lambda g: g[:2])
    with pytest.raises(GradientError, match=r"expected \(3,\) float64, got \(2,\)"):
        (x * 2).sum().backward()


# ---- threads

def test_threads_differentiate_at_once():
    failures = []
    start = threading.Barrier(4)

    def work(i):
        try:
            start.wait()
            x = numbers(3, seed=i)
            for _ in range(20):
                close(mg.hessian(lambda x: (x ** 3).sum() * (i + 1))(x), np.diag(6 * x * (i + 1)))
                leaf = mg.Tensor(np.ones(30), requires_grad=True)
                y = mg.checkpoint(mg.dropout, leaf)  # its mask must repeat, whatever the others draw
                y.sum().backward()
                np.testing.assert_array_equal(leaf.grad.numpy(), y.numpy())
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            failures.append(error)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


# ---- another device

@pytest.mark.parametrize("call", [
    mg.grad(lambda x: (x ** 3).sum()), mg.hessian(lambda x: (x ** 3).sum()), mg.jacobian(mixed),
    lambda x: mg.jvp(mixed, x, 2 * x)[1], lambda x: mg.hvp(lambda x: (x ** 3).sum(), x, x),
    mg.grad(lambda x: mg.checkpoint(mixed, x).sum()), mg.grad(lambda x: log1pexp(x).sum())])
def test_the_transforms_run_where_the_array_lives(call):
    x = numbers(3)
    y = call(mg.Tensor(x, device="standin"))
    assert y.device == "standin:0"
    close(y, call(mg.Tensor(x)).numpy())


def test_dropout_repeats_on_another_device():
    x = mg.Tensor(np.ones(50), requires_grad=True, device="standin")
    y = mg.checkpoint(mg.dropout, x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())
