"""Dropout: noise that keeps a network from relying on single units."""

from minigrad import random
from minigrad.backend import get_array_module


def dropout(x, p=0.5, training=True):
    """y = x * m / (1 - p)          dx = dy * m / (1 - p)

    Each number is zeroed with probability p (m = 0), and the others are scaled up so that the expected value stays.
    Without `training` it is the identity. The mask comes from minigrad's generator: `mg.seed` repeats it.
    Srivastava et al. 2014, "Dropout".
    """
    if not 0 <= p < 1:
        raise ValueError(f"dropout: p must be in [0, 1), got {p}")
    if not training or p == 0:
        return x
    xp = get_array_module(x.data)
    kept = random.generator(xp).random(x.shape, dtype="float32") >= p
    return x * (kept * x.dtype.type(1 / (1 - p)))
