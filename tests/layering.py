"""What the tests of layers share: a seed for each test, float32 numbers, closeness."""

import numpy as np
import pytest

import minigrad as mg

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


def numbers(*shape):
    return RNG.standard_normal(shape).astype("float32")


def close(a, b, scale=1.0):
    """Equal but for float32 rounding of sums of up to some thousand terms."""
    a = a.numpy() if isinstance(a, mg.Tensor) else a
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale)
