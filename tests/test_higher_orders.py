"""Second and higher derivatives by repeated sweeps, and what the engine checks of a backward."""


import numpy as np
import pytest
from test_freeing import leaf

import minigrad as mg
from minigrad import GradientError, autograd
from minigrad.function import Function

# ---- second and higher orders

def test_derivatives_of_every_order():
    x = leaf([0.5, 2.0])
    y, expected = x ** 4, [lambda v: 4 * v ** 3, lambda v: 12 * v ** 2, lambda v: 24 * v, lambda v: 24 + 0 * v]
    for f in expected:
        y = autograd.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.numpy(), f(x.numpy()), rtol=1e-12)
    y = mg.sin(x)
    for f in (np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v), np.sin):
        y = autograd.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.numpy(), f(x.numpy()), rtol=1e-12)


def test_mixed_partials_and_hessian_vector_products():
    x, y, v = leaf([0.3, 0.7]), leaf([1.1, 0.4]), mg.Tensor(np.array([2.0, -1.0]))
    dx = autograd.grad((mg.sin(x) * mg.exp(y)).sum(), x, create_graph=True)
    np.testing.assert_allclose(autograd.grad(dx.sum(), y).numpy(), np.cos(x.numpy()) * np.exp(y.numpy()))
    gradient = autograd.grad((x * x * x).sum() + x[0] * x[1], x, create_graph=True)
    hessian = np.array([[6 * 0.3, 1], [1, 6 * 0.7]])
    np.testing.assert_allclose(autograd.grad((gradient * v).sum(), x).numpy(), hessian @ v.numpy())


def test_backward_with_create_graph_leaves_a_gradient_that_can_be_differentiated():
    x = leaf([3.0])
    (x ** 3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    assert autograd.grad(x.grad.sum(), x).tolist() == [18.0]


# ---- what the engine checks of a backward

class Identity(Function):
    """y = x          dx = dy"""

    def forward(self, x):
        return x.copy()

    def backward(self, dy):
        return self.answer(dy)


@pytest.mark.parametrize("answer, words", [
    (lambda dy: dy[:1], "shape"), (lambda dy: (dy, dy), "2 gradients for 1"), (lambda dy: mg.stack([dy] * 2), None),
    (lambda dy: dy.astype("float32"), "dtype")])
def test_a_gradient_that_cannot_be_right_names_the_function(answer, words):
    cls = type("Suspicious", (Identity,), {"answer": staticmethod(answer)})
    y = cls.apply(leaf()).sum()
    if words is None:  # leading axes count as broadcasting, and are summed
        y.backward()
        return
    with pytest.raises(GradientError, match=f"(?s)Suspicious.*{words}|{words}.*Suspicious"):
        y.backward()


@pytest.mark.parametrize("dtype, answer, words", [
    ("float64", lambda dy: dy.sum(), r"shape \(\) for operand 0 of shape \(1,\)"),
    ("float32", lambda dy: dy.astype("float64"), "dtype float64 for operand 0 of dtype float32")])
def test_a_gradient_of_too_few_axes_or_too_wide_a_dtype(dtype, answer, words):
    cls = type("Suspicious", (Identity,), {"answer": staticmethod(answer)})
    with pytest.raises(GradientError, match=f"Suspicious.*{words}"):
        cls.apply(leaf([1.0], dtype)).sum().backward()


def test_an_array_in_place_of_a_tensor_is_refused_where_history_is_wanted():
    cls = type("Arrays", (Identity,), {"answer": staticmethod(lambda dy: dy.numpy())})
    x = leaf()
    cls.apply(x).sum().backward()  # harmless here
    assert x.grad.tolist() == [1, 1, 1]
    with pytest.raises(GradientError, match="Arrays.*second derivative"):
        autograd.grad(cls.apply(x).sum(), x, create_graph=True)
