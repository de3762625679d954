"""The engine's rules 5, 6 and 8: freeing by reference count, no change in place, threads; and higher orders."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import GradientError, GraphError, autograd, optimizers
from minigrad.autograd import is_recording
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


# ---- rule 6: nothing that backward reads is changed unnoticed

def test_arithmetic_in_place_rebinds():
    x = leaf()
    a = b = x * 2
    a += 1
    assert a is not b and (b.numpy() == x.numpy() * 2).all()
    a.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_setting_an_element_names_the_ways_out():
    with pytest.raises(TypeError, match="(?s)index_update.*where.*stack.*concatenate"):
        leaf()[0] = 1.0


def change_by_step(w):
    optimizer = optimizers.SGD([w], learning_rate=0.1)
    w.grad = mg.Tensor(np.ones(3))
    optimizer.step()


def change_by_assignment(w):
    w.data = w.data * 2


@pytest.mark.parametrize("change", [change_by_step, change_by_assignment])
def test_a_change_after_the_forward_pass_is_noticed_where_it_is_read(change):
    w, x = leaf(), leaf()
    product, total = (w * x).sum(), (w + x).sum()
    change(w)
    with pytest.raises(GraphError, match="changed in place"):
        product.backward()
    total.backward()  # a sum reads neither operand
    assert x.grad.tolist() == [1, 1, 1]


def test_views_share_their_version():
    w = leaf()
    y = (w.reshape(3, 1) * w[::-1].reshape(3, 1)).sum()
    w.data = w.data + 1
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()


@pytest.mark.parametrize("view", [lambda w: w.detach(), lambda w: mg.split(w, [1])[1], lambda w: w[1:], lambda w: w[None],
                                  lambda w: w.T, lambda w: mg.broadcast_to(w, (2, 3))])
def test_a_change_is_noticed_through_every_view(view):
    w, x = leaf(), leaf()
    seen = view(w)
    y = (x[:1] * seen).sum()
    w.data *= 2  # the array itself, which the view shares
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()


def test_a_result_that_is_no_view_is_not_touched_by_a_change_of_its_operand():
    w = leaf()
    moved, picked = w + 1.0, w[[0, 1]]
    y = (moved * moved).sum() + (picked * picked).sum()
    values = w.numpy().copy()
    w.data = w.data * 0
    y.backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * (values + 1) + 2 * values * [1, 1, 0])


@pytest.mark.parametrize("f", [mg.exp, lambda x: Pair.apply(x)[0]])
def test_a_changed_result_is_noticed_where_it_is_read_in_every_order(f):
    x = leaf()
    y = f(x)
    total = y.sum()
    y.data *= 2
    with pytest.raises(GraphError, match="result of (Exp|Pair).*changed in place"):
        total.backward()
    y = f(x)
    slope = autograd.grad(y.sum() + 0.0, x, create_graph=True)
    total = (slope * slope).sum()
    np.testing.assert_allclose(autograd.grad(total, x, retain_graph=True).numpy(), 2 * np.exp(2 * x.numpy()))
    y.data *= 2
    with pytest.raises(GraphError, match="changed in place"):
        total.backward()
    y, dy = f(x), leaf([0.5, 2.0, -1.0])
    slope = autograd.grad(y, x, grad_outputs=dy, create_graph=True)  # dy * y, which reads y where dy is wanted
    y.data *= 2
    with pytest.raises(GraphError, match="of Multiply.*changed in place"):
        autograd.grad(slope.sum(), dy)


# ---- rule 8: what the engine remembers is per thread

def run_in_threads(count, work):
    failures = []
    start = threading.Barrier(count)

    def body(i):
        start.wait()
        try:
            work(i)
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            failures.append(error)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


@pytest.mark.parametrize("count", [2, 8])
def test_threads_build_and_sweep_their_own_graphs(count):
    def work(i):
        for _ in range(30):
            x = leaf([float(i), 2.0])
            (x * x * i).sum().backward()
            np.testing.assert_allclose(x.grad.numpy(), 2 * i * x.numpy())
    run_in_threads(count, work)


def test_no_grad_and_default_dtype_hold_in_one_thread_only():
    inside, checked = threading.Event(), threading.Event()

    def work(i):
        if i == 0:
            with mg.no_grad(), mg.default_dtype("float64"):
                inside.set()
                checked.wait(10)
                assert not is_recording() and mg.Tensor(1.0).dtype == np.float64
        else:
            inside.wait(10)
            try:
                assert is_recording() and (leaf() * 2).requires_grad and mg.Tensor(1.0).dtype == np.float32
            finally:
                checked.set()
    run_in_threads(2, work)


def test_no_grad_nests_decorates_and_survives_errors():
    @mg.no_grad()
    def silent(depth):
        assert not is_recording()
        if depth:
            silent(depth - 1)
            with mg.enable_grad():
                assert is_recording()
        return leaf() * 2

    assert not silent(3).requires_grad and is_recording()
    with pytest.raises(KeyError), mg.no_grad():
        raise KeyError
    assert is_recording()
    run_in_threads(4, lambda i: silent(2))


def test_no_grad_on_a_generator_covers_its_steps_not_its_caller():
    @mg.no_grad()
    def steps():
        for _ in range(3):
            assert not is_recording()
            yield leaf() * 2

    for y in steps():
        assert is_recording() and not y.requires_grad


def test_a_decorated_generator_is_still_a_generator():
    log = []

    @mg.no_grad()
    def running_sum():
        total = 0
        try:
            while total < 10:
                try:
                    total += yield total
                except KeyError:
                    total = 0
                assert not is_recording()
            return "full"
        finally:
            log.append(is_recording())

    steps = running_sum()
    assert [next(steps), steps.send(2), steps.send(3), steps.throw(KeyError), steps.send(4)] == [0, 2, 5, 0, 4]
    with pytest.raises(StopIteration, match="full"):
        steps.send(6)
    steps = running_sum()
    next(steps)
    with pytest.raises(ZeroDivisionError):
        steps.throw(ZeroDivisionError)
    steps = running_sum()
    next(steps)
    steps.close()
    assert log == [False] * 3 and is_recording()


def test_one_no_grad_object_serves_several_threads_at_once():
    silent, both_inside = mg.no_grad(), threading.Barrier(4)

    def work(i):
        with silent:
            both_inside.wait(10)
            with silent:
                assert not is_recording()
            assert not is_recording()
        assert is_recording()
    run_in_threads(4, work)


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


# ---- copies

def test_copies_and_pickles():
    x = leaf()
    x.grad = mg.Tensor(np.ones(3))
    y = copy.deepcopy(x)
    y.data = y.data * 2
    assert x.tolist() == [1, 2, 3] and y.requires_grad and y.grad.tolist() == [1, 1, 1]
    with pytest.raises(TypeError, match="detach"):
        copy.deepcopy(x * 2)
    with pytest.raises(TypeError, match="safetensors"):
        pickle.dumps(x)
