"""What the tests of optimizers share: all rules, parameters of several shapes, and steps of a known course."""

import numpy as np

import minigrad as mg
from minigrad import optimizers
from minigrad.optimizers import LBFGS, SGD, Adam

RULES = {c.__name__: c for c in optimizers.OPTIMIZERS if c is not LBFGS}
VARIANTS = RULES | {
    "amsgrad": lambda *a, **k: Adam(*a, amsgrad=True, **k),
    "nesterov": lambda *a, **k: SGD(*a, momentum=0.9, nesterov=True, **k),
    "centered": lambda *a, **k: optimizers.RMSprop(*a, centered=True, momentum=0.5, **k)}


def parameters(dtype="float64", device="cpu", seed=0):
    rng = np.random.default_rng(seed)
    return {name: mg.Tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True, device=device)
            for name, shape in (("a.kernel", (4, 3)), ("a.bias", (3,)), ("conv.kernel", (2, 2, 3)), ("gain", ()))}


def go(optimizer, p, steps, seed=1, skip=()):
    """Steps with gradients that depend on the parameters and on the number of the step."""
    for step in steps:
        noise = np.random.default_rng([seed, step])
        for name, x in p.items():
            g = mg.Tensor(noise.standard_normal(x.shape).astype(str(x.dtype)), device=x.device)
            x.grad = None if name in skip else mg.Tensor(g.data + 0.5 * x.data)
        optimizer.step()


def values(p):
    return {name: mg.backend.to_numpy(x.data).copy() for name, x in p.items()}


def same(a, b):
    return all(np.array_equal(a[name], b[name]) for name in a)
