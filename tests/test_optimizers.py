"""Optimizers: their formulas followed by hand, their arguments, and what they refuse."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers, optimizers
from minigrad.optimizers import SGD, Adam, AdamW, Optimizer

GRADIENTS = [np.array(g) for g in ([0.5, -1.0, 2.0], [1.5, 0.0, -1.0], [-0.25, 3.0, 1e-4])]
START = np.array([1.0, -2.0, 0.5])


def run(optimizer):
    """Three steps with known gradients, from a known start, in float64."""
    p = mg.Tensor(START, requires_grad=True)
    optimizer.set_parameters([p])
    for g in GRADIENTS:
        p.grad = mg.Tensor(g)
        optimizer.step()
    return p.numpy()


def sgd(lr, mu=0.0, nesterov=False, decay=0.0):
    p, v = START.copy(), np.zeros(3)
    for g in GRADIENTS:
        p = p - lr * decay * p
        v = mu * v - lr * g
        p = p + (mu * v - lr * g if nesterov else v)
    return p


def adam(lr, b1, b2, eps, decay=0.0):
    p, m, v = START.copy(), np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g ** 2
        p = p - lr * decay * p - lr * np.sqrt(1 - b2 ** t) / (1 - b1 ** t) * m / (np.sqrt(v) + eps)
    return p


@pytest.mark.parametrize("optimizer, expected", [
    (SGD(learning_rate=0.1), sgd(0.1)), (SGD(0.1), sgd(0.1)), (SGD(np.float32(0.5)), sgd(0.5)),
    (SGD(learning_rate=0.1, momentum=0.9), sgd(0.1, 0.9)),
    (SGD(learning_rate=0.1, momentum=0.9, nesterov=True), sgd(0.1, 0.9, True)),
    (SGD(learning_rate=0.1, momentum=0.5, weight_decay=0.2), sgd(0.1, 0.5, decay=0.2)),
    (Adam(learning_rate=0.1), adam(0.1, 0.9, 0.999, 1e-7)), (Adam(), adam(0.001, 0.9, 0.999, 1e-7)),
    (Adam(0.1, beta_1=0.5, beta_2=0.7, epsilon=0.1), adam(0.1, 0.5, 0.7, 0.1)),
    (Adam(learning_rate=0.1, beta_1=0.0, beta_2=0.0), adam(0.1, 0, 0, 1e-7)),
    (AdamW(learning_rate=0.1, weight_decay=0.3), adam(0.1, 0.9, 0.999, 1e-7, 0.3)),
])
def test_formula(optimizer, expected):
    np.testing.assert_allclose(run(optimizer), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("make", [SGD, lambda p: SGD(p, momentum=0.9, nesterov=True, weight_decay=0.1), Adam, AdamW])
def test_a_step_keeps_float32_and_changes_the_array_in_place(make):
    p = mg.Tensor(np.ones(4, "float32"), requires_grad=True)
    array, optimizer = p.data, make([p])
    (p * p).sum().backward()
    optimizer.step()
    assert p.data is array and p.dtype == np.float32 and (array < 1).all()
    assert all(a.dtype == np.float32 for state in optimizer.state.values() for a in state.values())


def test_names_classes_and_objects():
    ours = Adam(learning_rate=0.5)
    assert isinstance(optimizers.get("adam"), Adam) and isinstance(optimizers.get("SGD"), SGD)
    assert isinstance(optimizers.get(AdamW), AdamW) and optimizers.get(ours) is ours
    assert optimizers.get("adam") is not optimizers.get("adam")
    assert (Adam().learning_rate, SGD().learning_rate, AdamW().weight_decay) == (0.001, 0.01, 0.004)  # as Keras's
    with pytest.raises(ValueError, match="did you mean 'adam'"):
        optimizers.get("adma")
    with pytest.raises(TypeError, match="optimizer"):
        optimizers.get(3)


def test_what_is_frozen_or_has_no_gradient_stays():
    a, b, c = (mg.Tensor(np.ones(2), requires_grad=True) for _ in range(3))
    optimizer = SGD([a, b, c], learning_rate=1.0)
    (a + b).sum().backward()
    b.requires_grad = False
    optimizer.step()
    assert a.tolist() == [0, 0] and b.tolist() == [1, 1] and c.tolist() == [1, 1]
    optimizer.zero_grad()
    assert a.grad is None and b.grad is None


def test_a_parameter_given_twice_is_changed_once():
    p = mg.Tensor([1.0], requires_grad=True)
    optimizer = SGD([p, p], learning_rate=1.0)
    (2 * p).sum().backward()
    optimizer.step()
    assert p.tolist() == [-1] and len(optimizer.parameters) == 1


def test_generators_and_single_tensors_are_taken():
    p = mg.Tensor([1.0], requires_grad=True)
    assert SGD(q for q in [p]).parameters == [p] and Adam(p).parameters == [p]


def test_learning_rate_may_change_between_steps():
    p = mg.Tensor([1.0], requires_grad=True)
    optimizer = SGD([p], learning_rate=1.0)
    for rate in (1.0, 0.25, 0.0):
        optimizer.learning_rate = rate
        p.grad = mg.Tensor([1.0])
        optimizer.step()
    assert p.tolist() == [-0.25] and optimizer.iterations == 3


def test_backward_after_a_step_notices_the_change():
    p = mg.Tensor([1.0, 2.0], requires_grad=True)
    loss = (p * p).sum()
    p.grad = mg.Tensor([1.0, 1.0])
    SGD([p]).step()
    with pytest.raises(mg.GraphError, match="changed in place"):
        loss.backward()


def test_states_are_each_optimizers_own():
    p = mg.Tensor([1.0], requires_grad=True)
    one, two = Adam([p]), Adam([p])
    p.grad = mg.Tensor([1.0])
    one.step()
    assert one.state and not two.state and (one.iterations, two.iterations) == (1, 0)


def test_one_of_ones_own():
    class SignSGD(Optimizer):
        def update(self, p, g, state, learning_rate):
            p -= learning_rate * np.sign(g)

    assert np.allclose(run(SignSGD(0.5)), START - 0.5 * sum(np.sign(g) for g in GRADIENTS))
    assert "SignSGD(learning_rate=0.25" in repr(SignSGD(0.25))


@pytest.mark.parametrize("make, error, words", [
    (lambda: SGD(learning_rate=-1), ValueError, "learning_rate.*-1"),
    (lambda: Adam(math.nan), ValueError, "learning_rate"),
    (lambda: Adam(learning_rate="fast"), ValueError, "'fast'"),
    (lambda: Adam(learning_rate=math.inf), ValueError, "inf"),
    (lambda: SGD(momentum=1.0), ValueError, "momentum"), (lambda: SGD(nesterov=True), ValueError, "nesterov"),
    (lambda: Adam(beta_1=1.0), ValueError, "beta_1"), (lambda: AdamW(beta_2=-0.1), ValueError, "AdamW: beta_2"),
    (lambda: SGD(0.1, 0.9), TypeError, "two learning rates, 0.1 and 0.9"),  # Keras's second argument is the momentum
    (lambda: SGD([]), ValueError, "no parameters"), (lambda: SGD().step(), ValueError, "model.parameters()"),
    (lambda: SGD(["kernel"]), TypeError, "parameter 0.*str"),
    (lambda: SGD([mg.Tensor([1.0], requires_grad=True) * 2]), TypeError, "leaf Tensor.*Multiply"),
    (lambda: SGD(layers.Dense(3).parameters()), ValueError, "first call"),
])
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()
