"""SGD, Adam and AdamW against PyTorch's, over 100 steps of the same problem."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.optimizers import SGD, Adam, AdamW

torch = pytest.importorskip("torch")

PAIRS = {
    "sgd": (lambda p: SGD(p, learning_rate=0.05), lambda p: torch.optim.SGD(p, lr=0.05)),
    "momentum": (lambda p: SGD(p, learning_rate=0.02, momentum=0.9),
                 lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    "nesterov": (lambda p: SGD(p, learning_rate=0.02, momentum=0.9, nesterov=True),
                 lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True)),
    "weight decay": (lambda p: SGD(p, learning_rate=0.02, momentum=0.8, weight_decay=0.1),
                     lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8, weight_decay=0.1)),
    "adam": (lambda p: Adam(p, learning_rate=0.01, epsilon=1e-8), lambda p: torch.optim.Adam(p, lr=0.01)),
    "adam betas": (lambda p: Adam(p, learning_rate=0.01, beta_1=0.7, beta_2=0.95, epsilon=1e-3),
                   lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.7, 0.95), eps=1e-3)),
    "adamw": (lambda p: AdamW(p, learning_rate=0.01, weight_decay=0.1, epsilon=1e-8),
              lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)),
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
