"""A small network, its data and its steps: what the tests of minigrad.parallel have in common."""

import contextlib

import numpy as np
import threadpoolctl

import minigrad as mg
import minigrad.functions as F
from minigrad import layers, parallel

RNG = np.random.default_rng(0)
X = RNG.standard_normal((37, 6, 6, 2)).astype("float32")
Y = RNG.integers(0, 4, 37)


def network(*extra, **keywords):
    return mg.Sequential([layers.Conv2D(3, 3, activation="relu", **(keywords or {"input_shape": (6, 6, 2)})),
                          layers.Flatten(), *extra, layers.Dense(4)])


def loss_of(model):
    return lambda x, y: F.cross_entropy(model(x, training=True), y)


def gradients(model):
    return [p.grad.numpy().copy() for p in model.parameters()]


def run(model, function=None, arrays=(X, Y), **keywords):
    """(loss, gradients) of a step from nothing."""
    model.zero_grad()
    loss = parallel.step(function or loss_of(model), *arrays, **keywords)
    return loss.item(), gradients(model)


def same(a, b):
    return a[0] == b[0] and len(a[1]) == len(b[1]) and all(np.array_equal(p, q) for p, q in zip(a[1], b[1]))


class Centre(layers.Layer):
    """Its rows depend on each other in training."""

    needs_whole_batch = True

    def __init__(self):
        self.seen = []
        super().__init__()

    def call(self, x, training=False):
        self.seen.append((len(x), training))
        return x - F.mean(x, 0, keepdims=True) if training else x


@contextlib.contextmanager
def two_blas_threads():
    with threadpoolctl.threadpool_limits(2, "blas"):
        yield
        assert blas_threads() == {2}


def blas_threads():
    return {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}
