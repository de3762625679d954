"""The one source of randomness: initial weights, dropout, shuffling. `mg.seed(0)` repeats everything."""

import numpy as np

_seed = None
_generators = {}  # array library -> its generator


def seed(value) -> None:
    """Start all random numbers of minigrad again from `value`: the same seed gives the same run."""
    global _seed
    if not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"seed: expected an integer >= 0, got {value!r}")
    _seed = int(value)
    _generators.clear()


def generator(xp=np):
    """The random generator of an array library (NumPy's, on the host, unless said)."""
    if xp not in _generators:
        _generators[xp] = xp.random.default_rng(_seed)
    return _generators[xp]
