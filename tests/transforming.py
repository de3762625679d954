"""What the tests of the transforms share: numbers, a function with a full Jacobian, finite differences of it."""

import numpy as np

import minigrad as mg

EPS = np.finfo(np.float64).eps
STEP = EPS ** (1 / 3)                                        # where the two errors of a central difference meet
NUMERIC = dict(rtol=100 * EPS ** (2 / 3), atol=100 * EPS ** (2 / 3))  # and what they are then, for values of order 1
EXACT = dict(rtol=100 * EPS, atol=100 * EPS)                 # the same formula, rounded in another order


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def close(actual, expected, **tolerance):
    np.testing.assert_allclose(actual.numpy(), expected, **(tolerance or EXACT))


def finite_jacobian(f, x):
    """df/dx by central differences, of shape y.shape + x.shape."""
    columns = []
    for i in range(x.size):
        h = np.zeros(x.size)
        h[i] = STEP
        h = h.reshape(x.shape)
        columns.append((f(mg.Tensor(x + h)).numpy() - f(mg.Tensor(x - h)).numpy()) / (2 * STEP))
    return np.stack(columns, -1).reshape(columns[0].shape + x.shape)


def mixed(x):
    """A vector function whose Jacobian is full and not symmetric."""
    return mg.sin(x) * x.sum() + mg.exp(x[::-1]) * x[0]
