"""Worked examples of the literature, as a user would do them."""

import math

import numpy as np
import pytest

import minigrad as mg

EPS = np.finfo(np.float64).eps


def close(actual, expected, factor=16):
    np.testing.assert_allclose(actual.numpy(), expected, rtol=factor * EPS, atol=factor * EPS)


# ---- y = ln x1 + x1 x2 - sin x2 at (2, 5): Baydin et al. 2018, tables 2 (forward mode) and 3 (reverse mode)

def baydin():
    x1, x2 = (mg.Tensor(np.array(v), requires_grad=True) for v in (2.0, 5.0))
    y = mg.log(x1) + x1 * x2 - mg.sin(x2)
    return mg.tape(y, tangents={x1: 1.0}, adjoints=True, x1=x1, x2=x2), mg.tape(y, tangents={x2: 1.0}), y, x1, x2


TRACE = [  # formula, value, tangent for dx1 = 1, tangent for dx2 = 1, adjoint
    ("v1 = x1", 2, 1, 0, 5.5), ("v2 = log(v1)", math.log(2), 0.5, 0, 1), ("v3 = x2", 5, 0, 1, 2 - math.cos(5)),
    ("v4 = v1 * v3", 10, 5, 2, 1), ("v5 = v2 + v4", math.log(2) + 10, 5.5, 2, 1),
    ("v6 = sin(v3)", math.sin(5), 0, math.cos(5), -1),
    ("v7 = v5 - v6", math.log(2) + 10 - math.sin(5), 5.5, 2 - math.cos(5), 1)]


def test_the_traces_of_baydin_and_others():
    by_x1, by_x2, *_ = baydin()
    for first, second, (formula, *numbers) in zip(by_x1, by_x2, TRACE, strict=True):
        assert first.formula == formula
        found = first.value, first.tangent, second.tangent, first.adjoint
        np.testing.assert_allclose([float(v) for v in found], numbers, rtol=4 * EPS, atol=4 * EPS)


def test_the_trace_as_it_is_printed():
    table, _, y, x1, x2 = baydin()
    text = str(table)
    assert all(word in text for word in ("forward", "value", "tangent", "backward", "adjoint", "11.6521", "5.5", "1.7163"))
    assert "v4 = v1 * v3" in text and "dv1 = dv4 * v3, dv3 = dv4 * v1" in text
    y.backward()
    assert (round(y.item(), 3), round(x1.grad.item(), 3), round(x2.grad.item(), 3)) == (11.652, 5.5, 1.716)


def test_tangents_of_arrays_constants_and_several_results():
    rng = np.random.default_rng(0)
    x, w, v, u = (rng.standard_normal(s) for s in ((2, 4), (4, 4), (2, 4), (4, 4)))

    def f(x, w):
        a, b = mg.split(x @ w + np.ones(4), 2, axis=1)
        return mg.softmax(a * b[:1], axis=0).sum(axis=0)
    leaves = [mg.Tensor(a, requires_grad=True) for a in (x, w)]
    tape = mg.tape(f(*leaves), tangents={leaves[0]: v, leaves[1]: u})
    y, expected = mg.jvp(f, (x, w), (v, u), argnums=(0, 1))
    np.testing.assert_allclose(tape[-1].tangent, expected.numpy(), rtol=64 * EPS, atol=64 * EPS)
    assert all(x.grad is None for x in leaves) and all(e.tangent is not None for e in tape if "split" not in e.formula)
    f(*leaves).sum().backward()  # the tape has freed nothing


def test_wrong_tangents():
    x, other = mg.Tensor([1.0, 2.0], requires_grad=True), mg.Tensor([1.0])
    with pytest.raises(ValueError, match="no leaf"):
        mg.tape(x * 2, tangents={other: 1.0})
    with pytest.raises(ValueError, match=r"expected shape \(2,\) float32, got \(\)"):
        mg.tape(x * 2, tangents={x: 1.0})


# ---- others

def rosenbrock(p):
    """(1 - x)² + 100 (y - x²)²: Rosenbrock 1960."""
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


@pytest.mark.parametrize("x, y", [(1.0, 1.0), (-1.2, 1.0), (0.3, -2.0)])
def test_rosenbrock(x, y):
    p = np.array([x, y])
    close(mg.grad(rosenbrock)(p), [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], 1e3)
    hessian = np.array([[2 - 400 * (y - 3 * x * x), -400 * x], [-400 * x, 200]])
    close(mg.hessian(rosenbrock)(p), hessian, 1e3)
    close(mg.hvp(rosenbrock, p, np.array([0.4, -1.3])), hessian @ [0.4, -1.3], 1e3)


def test_newtons_method_finds_rosenbrocks_minimum():
    p = np.array([-1.2, 1.0])
    for _ in range(8):
        p = p - np.linalg.solve(mg.hessian(rosenbrock)(p).numpy(), mg.grad(rosenbrock)(p).numpy())
    np.testing.assert_allclose(p, [1, 1], atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2)], ids=str)
def test_the_gradient_of_logdet_is_the_inverse_transposed(shape):
    a = np.random.default_rng(1).standard_normal(shape) + 4 * np.eye(shape[-1])
    dy = np.random.default_rng(2).uniform(1, 2, shape[:-2])
    expected = np.swapaxes(np.linalg.inv(a), -1, -2) * dy[..., None, None]
    close(mg.grad(lambda a: (mg.linalg.slogdet(a)[1] * dy).sum())(a), expected)
    close(mg.grad(lambda a: (mg.log(mg.linalg.det(a)) * dy).sum())(a), expected)


def test_x_to_the_x():
    x = np.array(1.7)
    power = mg.grad(lambda x: x ** x)
    close(power(x), x ** x * (np.log(x) + 1))
    close(mg.grad(power)(x), x ** x * ((np.log(x) + 1) ** 2 + 1 / x))
    close(mg.grad(mg.grad(power))(x), x ** x * ((np.log(x) + 1) ** 3 + 3 * (np.log(x) + 1) / x - 1 / x ** 2))


def test_a_quadratic_form():
    """d/dx xᵀ A x = (A + Aᵀ) x, and its Hessian A + Aᵀ."""
    rng = np.random.default_rng(3)
    a, x = rng.standard_normal((3, 3)), rng.standard_normal(3)
    close(mg.grad(lambda x: x @ a @ x)(x), (a + a.T) @ x)
    close(mg.hessian(lambda x: x @ a @ x)(x), a + a.T)


def test_speelpennings_product():
    """Speelpenning 1980: the gradient of x1 x2 ... xn holds the products of all the others."""
    x = np.random.default_rng(4).uniform(0.5, 1.5, 9)
    expected = np.prod(x) / x
    close(mg.grad(mg.prod)(x), expected, 64)
    y = mg.Tensor(x, requires_grad=True)
    product = y[0]
    for i in range(1, 9):
        product = product * y[i]
    close(mg.autograd.grad(product, y), expected, 64)
