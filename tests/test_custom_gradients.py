"""The user's own gradients: stop_gradient, custom_gradient, hooks."""

import numpy as np
import pytest
from transforming import close, numbers

import minigrad as mg
from minigrad.errors import GradientError, GraphError

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
