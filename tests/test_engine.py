"""The engine's rule 2: gradients of leaves, added up. The numbers are those of the rules in DESIGN, section 3."""


import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import GraphError, Tensor, autograd
from minigrad.function import Function

EPS = np.finfo(float).eps


def leaf(*shape, seed=0, dtype=float):
    """A Tensor of random numbers in [0.5, 1.5) that requires gradients."""
    return Tensor(np.random.default_rng(seed).uniform(0.5, 1.5, shape).astype(dtype), requires_grad=True)


def cotangent(y, seed=7):
    """A random gradient for y: all ones would hide mistakes."""
    return np.random.default_rng(seed).normal(size=y.shape).astype(y.dtype)


def close(a, b, operations=16):
    """Equal up to the rounding of so many float64 operations."""
    a, b = (x.numpy() if isinstance(x, Tensor) else np.asarray(x) for x in (a, b))
    assert a.shape == b.shape
    scale = max(1.0, float(np.abs(b).max(initial=0)))
    np.testing.assert_allclose(a, b, rtol=0, atol=operations * EPS * scale)


class TwoResults(Function):
    """a, b = exp(x), exp(-x)          dx = a da - b db"""

    reads = {"dx": "output"}

    def forward(self, x):
        return np.exp(x), np.exp(-x)

    def backward(self, da, db):
        a, b = self.output
        return a * da - b * db


def two_results(x):
    a, b = TwoResults.apply(x)
    return a * b * b + a * a


def test_gradients_go_to_leaves_only():
    x, w, constant = leaf(3), leaf(3, seed=1), Tensor(np.ones(3))
    h = x * w
    y = (h + constant).sum()
    y.backward()
    close(x.grad, w.data)
    close(w.grad, x.data)
    assert h.grad is None and y.grad is None and constant.grad is None


def test_retain_grad():
    x = leaf(3)
    h = x * 2.0
    h.retain_grad()
    x.retain_grad()  # says nothing new for a leaf
    (h * h).sum().backward()
    close(h.grad, 2 * h.data)
    close(x.grad, 4 * h.data)
    with pytest.raises(GraphError, match="retain_grad"):
        Tensor(1.0).retain_grad()


def test_a_retained_gradient_is_nobody_elses():
    x, w = leaf(3), leaf(3, seed=1)
    h = x + w  # hands the same gradient to both
    h.retain_grad()
    (h * 2.0).sum().backward()
    h.grad.data *= 100
    x.grad.data *= 10
    assert w.grad.tolist() == [2] * 3 and x.grad.tolist() == [20] * 3


@pytest.mark.parametrize("create_graph", [False, True])
def test_leaves_own_their_gradients(create_graph):
    x, w, dy = leaf(3), leaf(3, seed=1), Tensor(np.array([1.0, 2, 3]))
    (x + w).backward(dy, create_graph=create_graph)
    x.grad.data *= 10
    assert w.grad.tolist() == [1, 2, 3] and dy.tolist() == [1, 2, 3]
    for scale in (1.0, 2.0):  # of the output itself, and of what lies between
        h = x + w
        dx, dh = autograd.grad(h * scale if scale > 1 else h, [x, h], grad_outputs=dy, create_graph=create_graph)
        dx.data *= 10
        close(dh, scale * dy.data)


@pytest.mark.parametrize("position", [0, 1])
def test_the_gradients_of_a_recorded_sweep_own_their_arrays_and_keep_their_history(position):
    leaves = [leaf(3), leaf(3, seed=1)]
    h = leaves[0] + leaves[1]  # hands the same gradient to both
    h.retain_grad()
    (h * h * h).sum().backward(create_graph=True)
    for first in (leaves[position].grad, h.grad):
        close(autograd.grad(first.sum(), leaves[0], retain_graph=True), 6 * h.data)


def test_backward_twice_doubles_and_zero_grad_clears():
    x = leaf(3)
    h = x * x
    h.retain_grad()
    y = h.sum()
    y.backward(retain_graph=True)
    once = x.grad.numpy().copy()
    y.backward()
    close(x.grad, 2 * once)
    assert h.grad.tolist() == [2] * 3
    x.zero_grad()
    assert x.grad is None
    (x * x).sum().backward()
    close(x.grad, once)


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_adds_to_the_gradient_without_changing_the_old_array(create_graph):
    x = leaf(3)
    (x * x).sum().backward(create_graph=create_graph)
    old = x.grad
    (x * 4.0).sum().backward(create_graph=create_graph)
    close(old, 2 * x.data)
    close(x.grad, 2 * x.data + 4)
    if create_graph:
        assert autograd.grad(x.grad.sum(), x).tolist() == [2] * 3


def test_backward_of_a_leaf_and_with_a_gradient():
    x = leaf()
    x.backward()
    assert x.grad.item() == 1
    x, dy = leaf(2, 3), np.arange(6.0).reshape(2, 3)
    (x * 3.0).backward(dy)
    close(x.grad, 3 * dy)


@pytest.mark.parametrize("gradient, error, words", [
    (None, ValueError, r"needs a single number, this Tensor has shape \(3,\)"),
    (np.ones(2), ValueError, r"expected \(3,\) float64, got \(2,\)"),
    (Tensor(np.ones(3, np.float32)), ValueError, "got .* float32"),
])
def test_a_gradient_that_does_not_fit(gradient, error, words):
    x = leaf(3)
    with pytest.raises(error, match=words):
        (x * 2.0).backward(gradient)
    assert x.grad is None


def test_backward_without_anything_to_differentiate():
    with pytest.raises(GraphError, match="does not require gradients"):
        Tensor(1.0).backward()
    with mg.no_grad():
        y = leaf() * 2.0
    with pytest.raises(GraphError, match="no_grad"):
        y.backward()


def test_several_results_one_of_them_unused():
    x = leaf(3)
    _, b = TwoResults.apply(x)
    b.sum().backward()
    close(x.grad, -np.exp(-x.data))


def test_several_results_to_the_second_order():
    x = leaf(3)
    slope = autograd.grad(two_results(x).sum(), x, create_graph=True)  # of exp(-x) + exp(2x)
    close(slope, 2 * np.exp(2 * x.data) - np.exp(-x.data), operations=64)
    # The sweep read both results again, so each now has two uses more, by another Output of the same Function.
    close(autograd.grad(slope.sum(), x), 4 * np.exp(2 * x.data) + np.exp(-x.data), operations=128)


class TestGrad:
    """mg.autograd.grad: gradients as results."""

    def test_touches_no_grad_attribute(self):
        x, w = leaf(3), leaf(3, seed=1)
        h = x * w
        dx, dh = autograd.grad((h * h).sum(), [x, h])
        close(dx, 2 * h.data * w.data)
        close(dh, 2 * h.data)
        assert x.grad is None and w.grad is None and h.grad is None

    def test_a_single_input_gives_a_tensor_and_outputs_add_up(self):
        x = leaf(3)
        d = autograd.grad([x * 2.0, x * x], x, grad_outputs=[np.ones(3), np.full(3, 10.0)])
        close(d, 2 + 20 * x.data)

    def test_one_of_several_results(self):
        x = leaf(4)
        a, b = F.split(x * 2.0, 2)
        da, db, dx = autograd.grad((a * b).sum(), [a, b, x])
        close(da, b.data)
        close(db, a.data)
        close(dx, 2 * np.concatenate([b.data, a.data]))

    def test_the_output_itself_and_an_input_of_an_input(self):
        x = leaf()
        y = x * x
        z = y * 3.0
        dz, dy, dx = autograd.grad(z, [z, y, x])
        assert (dz.item(), dy.item()) == (1, 3)
        close(dx, 6 * x.data)

    def test_unused(self):
        x, other = leaf(3), leaf(2)
        with pytest.raises(GraphError, match=r"do not depend on input 1 \(shape \(2,\)\)"):
            autograd.grad((x * 2.0).sum(), [x, other])
        dx, none = autograd.grad((x * 2.0).sum(), [x, other], allow_unused=True)
        assert dx.tolist() == [2] * 3 and none is None
        with pytest.raises(GraphError, match="input 0 does not require gradients"):
            autograd.grad((x * 2.0).sum(), [Tensor(1.0)])

    def test_only_what_leads_to_the_inputs_is_visited(self):
        class Refuses(Function):
            def forward(self, x):
                return x

            def backward(self, dz):
                raise AssertionError("this gradient was not asked for")

        x, w = leaf(), leaf(seed=1)
        close(autograd.grad(x * 2.0 + Refuses.apply(w), x), 2.0)
