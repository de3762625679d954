"""The engine's rule 5: a graph dies by reference count alone, and is freed by backward."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import GraphError, autograd
from minigrad.function import Function


def leaf(values=(1.0, 2.0, 3.0), dtype="float64"):
    return mg.Tensor(np.array(values, dtype), requires_grad=True)


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# ---- rule 5: a graph dies by reference count alone

def splits(x):
    a, b = mg.split(mg.concatenate([x, x * 2]), 2)
    return (a * b).sum()


def retained(x):
    y = mg.exp(x)
    y.retain_grad()
    return (y * y).sum()


def deep(x):
    for _ in range(autograd.STORY + 1):  # too many to be remembered for mg.tape
        x = mg.tanh(x)
    return x.sum()


class Pair(Function):
    """y, z = exp(x), x³          dx = y dy + 3 x² dz; reads the results and an array of its own"""

    reads = {"dx": "x output"}

    def forward(self, x):
        self.square = x * x
        return np.exp(x), x * self.square

    def backward(self, dy, dz):
        x, = self.inputs
        y, _ = self.output
        return y * dy + 3 * x * x * dz


def pair(x):
    y, z = Pair.apply(x)
    return (y * z).sum()


def between(x):
    return deep(x * splits(x))


BUILDS = [lambda x: (mg.sin(x) * x).sum(), splits, retained, lambda x: mg.softmax(x, 0)[1:].sum(), deep, pair, between]


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("sweep", [None, "backward", "retain", "create"])
def test_a_graph_dies_with_its_last_reference(build, sweep, no_collector):
    x = leaf()
    y = build(x)
    watched = [weakref.ref(f) for f in autograd.topological_order([y.creator])] + [weakref.ref(y)]
    if sweep == "create":
        g = autograd.grad(y, x, create_graph=True)
        watched.append(weakref.ref(g))
        del g
    elif sweep:
        y.backward(retain_graph=sweep == "retain")
    del y
    assert [r() for r in watched if r() is not None] == []


@pytest.mark.parametrize("build", BUILDS)
def test_a_gradient_with_history_is_a_circle_that_zero_grad_opens(build, no_collector):
    x = leaf()
    y = build(x)
    watched = [weakref.ref(f) for f in autograd.topological_order([y.creator])]
    y.backward(create_graph=True)
    watched += [weakref.ref(x.grad), weakref.ref(x.grad.creator), weakref.ref(y)]
    del y
    assert any(r() is not None for r in watched)  # x.grad still has its history
    x.zero_grad()
    assert [r() for r in watched if r() is not None] == []


def test_what_backward_needed_is_freed_although_the_result_lives(no_collector):
    x = leaf(np.ones(1000))
    middle = mg.exp(x)
    kept = [weakref.ref(middle), weakref.ref(middle.data)]
    y = (middle * middle).sum()
    del middle
    assert all(r() is not None for r in kept)  # the product reads it
    y.backward()
    assert [r() for r in kept] == [None, None] and y.item() == pytest.approx(1000 * np.exp(2))


class Cube(Function):
    """y = x³          dx = 3 dy x²; reads an array that forward saved"""

    reads = {}

    def forward(self, x):
        self.square = x * x
        return x * self.square

    def backward(self, dy):
        return 3 * dy * self.square


@pytest.mark.parametrize("f", [Cube.apply, lambda x: Pair.apply(x)[1]])
def test_what_a_function_saved_is_freed_by_backward(f, no_collector):
    y = f(leaf(np.ones(1000)))
    kept = weakref.ref((y.creator.parents[0] if y.creator.name == "Output" else y.creator).square)
    total = y.sum()
    assert kept() is not None
    total.backward()
    assert kept() is None and y.shape == (1000,)


def test_no_result_is_kept_that_no_gradient_reads(no_collector):
    x = leaf(np.ones(1000))
    middle = x + 1.0
    kept = weakref.ref(middle.data)
    y = (middle + 1.0).sum()
    del middle
    assert kept() is None and y.item() == 3000


def test_a_long_graph_of_small_numbers_is_not_remembered(no_collector):
    x = leaf()
    first = mg.exp(x)
    kept = weakref.ref(first.creator)
    y = deep(first)
    del first
    y.backward()
    assert kept() is None and y.shape == ()


def test_a_second_backward_says_that_the_graph_was_freed():
    x = leaf()
    middle = mg.exp(x)
    y = (middle * middle).sum()
    y.backward()
    with pytest.raises(GraphError, match="retain_graph=True"):
        y.backward()
    with pytest.raises(GraphError, match="freed"):
        (middle * 3).sum().backward()  # a new graph on top of a freed one


@pytest.mark.parametrize("steps", [1, autograd.STORY + 1])
@pytest.mark.parametrize("start", [lambda x: x * 1.0, lambda x: mg.split(x, [1])[1]], ids=["one result", "several"])
def test_functions_that_keep_nothing_know_that_they_were_freed(steps, start):
    x = leaf()
    y = start(x)
    for _ in range(steps):
        y = y + 1.0
    y.sum().backward()
    before = x.grad.tolist()
    with pytest.raises(GraphError, match="freed by an earlier backward.*retain_graph=True"):
        (y * 2.0).sum().backward()
    assert x.grad.tolist() == before


def test_grad_leaves_grad_alone_and_reaches_what_is_between():
    x = leaf()
    middle = mg.sin(x)
    y = (middle * middle).sum()
    dmiddle, dx = autograd.grad(y, [middle, x])
    np.testing.assert_allclose(dmiddle.numpy(), 2 * np.sin(x.numpy()))
    np.testing.assert_allclose(dx.numpy(), np.sin(2 * x.numpy()))
    assert x.grad is None


def test_grad_of_what_is_not_used():
    x, other = leaf(), leaf()
    with pytest.raises(GraphError, match="input 1.*allow_unused"):
        autograd.grad(x.sum(), [x, other])
    assert autograd.grad(x.sum(), [x, other], allow_unused=True)[1] is None
    with pytest.raises(GraphError, match="requires_grad=True"):
        autograd.grad(x.sum(), mg.Tensor([1.0]))
