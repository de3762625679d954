"""The transforms: analytic derivatives, finite differences, trees and argnums as arguments and results."""

import functools
from collections import namedtuple

import numpy as np
import pytest
from transforming import EPS, NUMERIC, close, finite_jacobian, mixed, numbers

import minigrad as mg

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
