"""The engine's rules 3 and 4: un-broadcasting, and operands matched by position."""


import numpy as np
import pytest
from test_engine import close, cotangent, leaf

import minigrad.functions as F
from minigrad import Tensor

# ---- rule 3: un-broadcasting, in the engine


@pytest.mark.parametrize("shape, other", [
    ((), (2, 3)), ((3,), (2, 3)), ((1, 3), (2, 3)), ((2, 1), (2, 3)), ((1, 1), (2, 3)), ((1,), (4, 2, 3)),
    ((2, 1), (4, 1, 3)), ((1, 2, 1), (4, 1, 3)),
    ((3,), (0, 3)), ((1, 3), (0, 3)), ((1,), ()), ((1, 1), (3,)), ((0, 1), (1, 3)),
])
@pytest.mark.parametrize("swap", [False, True])
def test_gradients_have_the_shape_of_their_operand(shape, other, swap):
    x, constant = leaf(*shape), np.random.default_rng(1).normal(size=other)
    y = F.multiply(constant, x) if swap else F.multiply(x, constant)
    dy = cotangent(y)
    y.backward(dy)
    assert x.grad.shape == shape and x.grad.dtype == x.dtype
    for i in np.ndindex(*shape):  # dL/dx[i] = Σ dy * dy/dx[i], with x[i] wherever broadcasting took it
        one = np.zeros(shape)
        one[i] = 1
        close(x.grad.data[i], (dy * constant * one).sum(), operations=64)


# ---- rule 4: operands by position

BINARY = {
    "add": F.add, "subtract": F.subtract, "multiply": F.multiply, "divide": F.divide, "power": F.power,
    "maximum": F.maximum, "minimum": F.minimum, "matmul": F.matmul, "mse_loss": F.mse_loss,
    "where": lambda x, y: F.where(np.eye(3, dtype=bool), x, y), "concatenate": lambda x, y: F.concatenate([x, y]),
    "stack": lambda x, y: F.stack([x, y], axis=1), "index_update": lambda x, y: F.index_update(x, slice(None), y * 2.0),
    "embedding": lambda x, y: F.embedding([2, 0], x) * F.embedding([1, 1], y),
    "attention": lambda x, y: F.scaled_dot_product_attention(x, y, y),
    "conv2d": lambda x, y: F.conv2d(F.reshape(x, (1, 3, 3, 1)), F.reshape(y, (3, 3, 1, 1)), padding=1),
    "layer_norm": lambda x, y: F.layer_norm(x, y[0], y[1]),
    "cross_entropy": lambda x, y: F.cross_entropy(x, F.softmax(y)),
}


@pytest.mark.parametrize("f", BINARY.values(), ids=BINARY)
def test_the_same_tensor_as_both_operands(f):
    a, b = leaf(3, 3), leaf(3, 3)
    apart = f(a, b)
    x = Tensor(a.data, requires_grad=True)
    together = f(x, x)
    dy = cotangent(apart)
    close(together, apart)
    apart.backward(dy)
    together.backward(dy)
    zero = np.zeros_like(x.data)
    close(x.grad, sum((t.grad.data for t in (a, b) if t.grad is not None), zero), operations=64)


def test_x_minus_x_and_x_times_x():
    x = leaf(3)
    (x - x).sum().backward()
    assert x.grad.tolist() == [0] * 3
    x.zero_grad()
    (x * x).sum().backward()
    close(x.grad, 2 * x.data)
    x.zero_grad()
    (x / x).sum().backward()
    close(x.grad, np.zeros(3))


def test_several_constants_and_operands_keep_their_places():
    x, y = leaf(2), leaf(3, seed=1)
    z = F.concatenate([np.ones(1), x, np.zeros(2), y, x])
    dz = cotangent(z)
    z.backward(dz)
    close(x.grad, dz[1:3] + dz[8:10])
    close(y.grad, dz[5:8])


def test_diamond():
    x = leaf(3)
    a = x * x
    left, right = F.sin(a), F.exp(a)
    (left * right + a).sum().backward()
    da = np.exp(a.data) * (np.cos(a.data) + np.sin(a.data)) + 1
    close(x.grad, da * 2 * x.data, operations=64)
