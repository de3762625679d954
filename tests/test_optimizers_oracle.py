"""SGD, Adam and AdamW against PyTorch's, over 100 steps of the same problem. Where PyTorch and Keras differ we follow Keras:
momentum without weight decay, and Adam with epsilon 0, are the same in both (tests/test_optimizers_keras_oracle.py)."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.optimizers import LBFGS, SGD, Adam, AdamW, schedules
from minigrad.optimizers.line_search import Point, strong_wolfe

torch = pytest.importorskip("torch")

PAIRS = {
    "sgd": (lambda p: SGD(p, learning_rate=0.05), lambda p: torch.optim.SGD(p, lr=0.05)),
    "momentum": (lambda p: SGD(p, learning_rate=0.02, momentum=0.9),
                 lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    "nesterov": (lambda p: SGD(p, learning_rate=0.02, momentum=0.9, nesterov=True),
                 lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True)),
    "weight decay": (lambda p: SGD(p, learning_rate=0.02, weight_decay=0.1),
                     lambda p: torch.optim.SGD(p, lr=0.02, weight_decay=0.1)),
    "adam": (lambda p: Adam(p, learning_rate=0.01, epsilon=0), lambda p: torch.optim.Adam(p, lr=0.01, eps=0)),
    "adam betas": (lambda p: Adam(p, learning_rate=0.01, beta_1=0.7, beta_2=0.95, epsilon=0),
                   lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.7, 0.95), eps=0)),
    "adamw": (lambda p: AdamW(p, learning_rate=0.01, weight_decay=0.1, epsilon=0),
              lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1, eps=0)),
}
STEPS = 100


def both(name, dtype, gradient):
    """The parameters of both after each of the steps; `gradient(step, p)` gives the gradient from an array."""
    ours, theirs = PAIRS[name]
    start = np.random.default_rng(0).standard_normal((7, 5)).astype(dtype)
    p, q = mg.Tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    a, b = ours([p]), theirs([q])
    for step in range(STEPS):
        p.grad = mg.Tensor(gradient(step, p.numpy()))
        q.grad = torch.tensor(gradient(step, q.detach().numpy()))
        a.step(), b.step()
        yield p.numpy().copy(), q.detach().numpy().copy()


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_gradients(name, dtype):
    """Given the same gradients, each step rounds a few times: after n steps the paths differ by some n eps at most."""
    noise = np.random.default_rng(1).standard_normal((STEPS, 7, 5)).astype(dtype)
    bound = 4 * np.finfo(dtype).eps
    for step, (ours, theirs) in enumerate(both(name, dtype, lambda step, p: noise[step]), 1):
        assert ours.dtype == dtype
        assert np.abs(ours - theirs).max() <= bound * step * max(1, np.abs(theirs).max()), step


@pytest.mark.parametrize("name", PAIRS)
def test_same_path_down_a_valley_in_float64(name):
    """Gradients from where each of them is: a badly scaled quadratic with a wave on it, to 1e-12 all the way."""
    scale = np.logspace(-2, 1, 35).reshape(7, 5)
    path = list(both(name, "float64", lambda step, p: scale * p + 0.3 * np.sin(3 * p)))
    assert len(path) == STEPS and max(np.abs(ours - theirs).max() for ours, theirs in path) < 1e-12
    assert np.abs(path[-1][0] - path[0][0]).max() > 0.1  # it has gone somewhere


@pytest.mark.parametrize("name", PAIRS)
def test_same_training_of_a_network(name):
    """A two-layer network in float32, gradients from each framework's own backward."""
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((32, 6)).astype("float32"), rng.integers(0, 4, 32)
    start = [(0.4 * rng.standard_normal(s)).astype("float32") for s in ((6, 16), (16,), (16, 4), (4,))]
    ours, theirs = PAIRS[name]
    p = [mg.Tensor(a, requires_grad=True) for a in start]
    q = [torch.tensor(a, requires_grad=True) for a in start]
    a, b = ours(p), theirs(q)
    labels = torch.tensor(y)
    for _ in range(STEPS):
        loss = mg.functions.cross_entropy(mg.tanh(x @ p[0] + p[1]) @ p[2] + p[3], y)
        a.zero_grad(), loss.backward(), a.step()
        other = torch.nn.functional.cross_entropy(torch.tanh(torch.tensor(x) @ q[0] + q[1]) @ q[2] + q[3], labels)
        b.zero_grad(), other.backward(), b.step()
        assert abs(loss.item() - other.item()) < STEPS * np.finfo("float32").eps * max(1, other.item()) * 4


# ---- L-BFGS

def banana(x, y, library):
    """A curved valley (Rosenbrock's) of several numbers, and a quadratic of a matrix beside it."""
    return (5 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum() + ((library.tanh(y) - 0.3) ** 2).sum() * 0.5 + (
        (y * y).sum() * 0.01)


@pytest.mark.parametrize("how", [
    dict(), dict(line_search_fn="strong_wolfe"), dict(lr=0.5, history_size=3, max_iter=4),
    dict(line_search_fn="strong_wolfe", history_size=2, max_iter=7, max_eval=9),
    dict(line_search_fn="strong_wolfe", lr=20.0), dict(lr=0.1, tolerance_grad=0.05, tolerance_change=1e-4),
    dict(line_search_fn="strong_wolfe", tolerance_change=1e-3)])
@pytest.mark.parametrize("seed", range(5))
def test_lbfgs_takes_pytorchs_path(how, seed):
    """Values and the number of evaluations, step by step; without a line search the start is near the valley's floor."""
    rng = np.random.default_rng(seed)
    start = [1 + (0.5 if "line_search_fn" in how else 0.02) * rng.standard_normal(4), 0.5 * rng.standard_normal((2, 3))]
    p, q = [mg.Tensor(a, requires_grad=True) for a in start], [torch.tensor(a, requires_grad=True) for a in start]
    ours = LBFGS(p, **{"learning_rate" if key == "lr" else key: value for key, value in how.items()})
    theirs = torch.optim.LBFGS(q, **how)
    calls = [0, 0]

    def our_closure():
        calls[0] += 1
        ours.zero_grad()
        loss = banana(*p, mg)
        loss.backward()
        return loss

    def their_closure():
        calls[1] += 1
        theirs.zero_grad()
        loss = banana(*q, torch)
        loss.backward()
        return loss

    for _ in range(3):
        a, b = ours.step(our_closure), theirs.step(their_closure)
        assert calls[0] == calls[1] and abs(a.item() - b.item()) <= 1e-8 * max(1, abs(b.item()))
        for x, y in zip(p, q):
            np.testing.assert_allclose(x.numpy(), y.detach().numpy(), rtol=0, atol=1e-8)
    assert np.abs(p[0].numpy() - start[0]).max() > 1e-4


def convex(rng):
    """A strictly convex loss: of two classes, logistic, with a penalty; and where it begins."""
    a = rng.standard_normal((30, 8)) * rng.choice([-1.0, 1.0], (30, 1))
    return lambda x, library: (library.log(1 + library.exp(-(a_of(a, library) @ x)))).mean() + 0.05 * (x * x).sum(), (
        rng.standard_normal(8))


def quadratic(rng):
    """x A x / 2 - b x, A positive definite."""
    a, b = rng.standard_normal((12, 12)), rng.standard_normal(12)
    a = a @ a.T / 12 + 0.5 * np.eye(12)
    return lambda x, library: 0.5 * (x * (a_of(a, library) @ x)).sum() - (a_of(b, library) * x).sum(), (
        rng.standard_normal(12))


def rosenbrock(rng):
    return lambda x, library: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(), (
        np.array([-1.2, 1.0, -1.2, 1.0]) + 0.1 * rng.standard_normal(4))


def a_of(a, library):
    return torch.tensor(a) if library is torch else a


@pytest.mark.parametrize("problem, how", [
    *[(f, dict(line_search_fn=search, max_iter=n)) for f in (convex, quadratic) for search in (None, "strong_wolfe")
      for n in (1, 20)],
    (convex, dict(lr=0.1, max_iter=1)), (quadratic, dict(lr=0.1, max_iter=1, history_size=5)),
    (rosenbrock, dict(line_search_fn="strong_wolfe", max_iter=1)), (rosenbrock, dict(line_search_fn="strong_wolfe")),
    (rosenbrock, dict(lr=0.001, max_iter=1))])
def test_lbfgs_is_pytorchs_over_200_steps(problem, how):
    """200 calls of step in float64, the parameters after each, to 1e-10: from the start to convergence and beyond.

    Two conditions belong to it. The tolerances are not 0: at the minimum itself losses differ by their rounding only, a line
    search compares them, and so goes by the order in which numbers were summed. And there are no thousands of iterations
    without a line search on a loss that is not convex: that is chaotic, and the last bit grows to anything.
    """
    f, start = problem(np.random.default_rng(3))
    p, q = mg.Tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    ours = LBFGS([p], **{"learning_rate" if key == "lr" else key: value for key, value in how.items()})
    theirs = torch.optim.LBFGS([q], **how)
    calls = [0, 0]

    def closure(i, x, optimizer, library):
        calls[i] += 1
        optimizer.zero_grad()
        loss = f(x, library)
        loss.backward()
        return loss

    for _ in range(200):
        a, b = ours.step(lambda: closure(0, p, ours, mg)), theirs.step(lambda: closure(1, q, theirs, torch))
        assert calls[0] == calls[1] and abs(a.item() - b.item()) <= 1e-10
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=0, atol=1e-10)
    assert np.abs(p.numpy() - start).max() > 1e-2


@pytest.mark.parametrize("seed", range(150))
def test_the_line_search_is_pytorchs(seed):
    """Along wavy lines, from steps far too small and far too large, with enough iterations and with too few."""
    rng = np.random.default_rng(seed)
    a, w, shift = rng.uniform(0.1, 3, 3), rng.uniform(0.5, 20, 3), rng.uniform(-3, 3)
    tries, theirs_tried = [], []

    def f(t):
        return float((a * np.sin(w * t + shift)).sum() + 0.2 * t * t), float((a * w * np.cos(w * t + shift)).sum() + 0.4 * t)

    loss, slope = f(0.0)
    sign = -1.0 if slope > 0 else 1.0  # downhill

    def ours(t):
        tries.append(t)
        value, gradient = f(sign * t)
        return Point(t, value, None, sign * gradient)

    def theirs(x, t, d):
        theirs_tried.append(float(t))
        value, gradient = f(sign * float(t))
        return value, torch.tensor([gradient], dtype=torch.float64)

    first, limit = 10 ** rng.uniform(-3, 1.5), int(rng.integers(1, 26))
    point, calls = strong_wolfe(ours, Point(0.0, loss, None, sign * slope), first, 1.0, 1e-9, limit)
    d, g = torch.tensor([sign], dtype=torch.float64), torch.tensor([slope], dtype=torch.float64)
    value, _, t, evaluations = pytest.importorskip("torch.optim.lbfgs")._strong_wolfe(
        theirs, None, first, d, loss, g, g.dot(d), max_ls=limit)
    np.testing.assert_allclose(tries, theirs_tried, rtol=1e-9, atol=1e-9)
    assert calls == evaluations and abs(point.t - float(t)) < 1e-9 and abs(point.loss - float(value)) < 1e-8


@pytest.mark.parametrize("how", [dict(pct_start=0.3), dict(anneal_strategy="linear", div_factor=10.0, final_div_factor=50.0),
                                 dict(three_phase=True), dict(pct_start=0.1, three_phase=True, anneal_strategy="linear")])
@pytest.mark.parametrize("steps", [20, 137])
def test_one_cycle_is_pytorchs(how, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.4, total_steps=steps, cycle_momentum=False, **how)
    ours = schedules.OneCycle(0.4, steps, **how)
    for step in range(steps):
        assert abs(ours(step) - theirs.get_last_lr()[0]) < 1e-15
        optimizer.step()
        if step < steps - 1:
            theirs.step()
    assert ours(10 * steps) == ours(steps - 1)
