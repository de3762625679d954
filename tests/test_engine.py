"""The engine: order, accumulation, freeing, versions, threads. The numbers are those of the rules in DESIGN, section 3."""

import gc
import sys
import weakref

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import GraphError, Tensor, autograd
from minigrad.autograd import sweep, topological_order
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


# ---- rule 1: topological order, linear in edges, without recursion


def chain(x, n):
    y = x
    for _ in range(n):
        y = y + 1.0
    return y


def fan_out(x, n):
    y = x * 2.0
    return F.concatenate([y[None] for _ in range(n)])


def test_a_chain_of_100_000_forward_backward_and_freed():
    x, visits = leaf(), []
    y = chain(x, 100_000)
    assert len(topological_order([y.creator])) == 100_000
    sweep([y], [Tensor(1.0, dtype=float)], retain_graph=True, visit=lambda f, *_: visits.append(f))
    assert len(visits) == len(set(visits)) == 100_000
    visits.clear()
    y.backward()
    assert x.grad.item() == 1.0
    first = weakref.ref(y.creator)
    del y
    assert first() is None


@pytest.mark.parametrize("make", [lambda x: chain(x, 100_000), lambda x: (chain(x, 50_000), chain(x * 2, 50_000))])
def test_a_deep_graph_is_freed_without_recursion_although_backward_never_ran(make):
    x = leaf()
    y = make(x)
    nodes = topological_order([t.creator for t in (y if isinstance(y, tuple) else [y])])
    dead = [weakref.ref(nodes[i]) for i in (0, len(nodes) // 2, -1)]
    del nodes, y
    assert [r() for r in dead] == [None] * 3


def test_a_tensor_used_10_000_times():
    x, visits = leaf(), []
    y = fan_out(x, 10_000)
    dy = cotangent(y)
    found = sweep([y], [Tensor(dy)], visit=lambda f, *_: visits.append(f))
    close(found[x], 2 * dy.sum(), operations=10_000)
    assert len(visits) == 10_002  # the doubling, 10,000 slices and their concatenation, each once


def test_order_puts_each_function_after_its_operands_and_lists_it_once():
    x = leaf(3)
    a = F.exp(x)
    b, c = F.split(F.concatenate([a, a * x]), 2)
    y = (b * c + a).sum()
    order = topological_order([y.creator, a.creator])
    place = {f: i for i, f in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[p] < place[f] for f in order for p in f.parents if isinstance(p, Function))


def test_paths_are_not_walked_one_by_one():
    x, visits = leaf(), []
    y = x
    for _ in range(60):  # 2**60 paths
        y = y + y
    found = sweep([y], [Tensor(1.0, dtype=float)], visit=lambda f, *_: visits.append(f))
    assert found[x].item() == 2.0 ** 60 and len(visits) == 60


def calls(work):
    """How many calls, of Python and of C, `work` makes: time, without its noise."""
    count = 0

    def count_call(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    collecting = gc.isenabled()
    gc.disable()  # its callbacks (Hypothesis has one) are calls too, and come when they like
    sys.setprofile(count_call)
    try:
        work()
    finally:
        sys.setprofile(None)
        if collecting:
            gc.enable()
    return count


@pytest.mark.parametrize("build", [chain, fan_out], ids=["chain", "fan_out"])
def test_the_work_grows_in_line_with_the_graph(build):
    def work(n):
        y = build(leaf(), n)
        y.backward(np.ones(y.shape))

    work(100)  # caches filled
    small, middle, large = (calls(lambda n=n: work(n)) for n in (1000, 2000, 3000))
    assert large - middle == middle - small > 0


def test_each_edge_is_looked_at_a_fixed_number_of_times():
    looks = 0

    class Watched(Function):
        reads = {}

        @property
        def parents(self):
            nonlocal looks
            looks += 1
            return Function.parents.__get__(self)

        @parents.setter
        def parents(self, value):
            Function.parents.__set__(self, value)

        def forward(self, *xs):
            return sum(xs)

        def backward(self, dz):
            return (dz,) * len(self.parents)

    def count(depth):
        nonlocal looks
        x = leaf()
        y = x
        for _ in range(depth):
            y = Watched.apply(y, y, x)
        looks = 0
        y.backward()
        return looks

    assert count(60) - count(40) == count(40) - count(20) > 0


# ---- rule 2: gradients of leaves, added up


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
