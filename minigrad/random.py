"""The one source of randomness: initial weights, dropout, shuffling. `mg.seed(0)` repeats everything."""

import contextlib
import contextvars
import copy
import threading

import numpy as np

_seed = None
_generators = {}  # array library -> its generator
_in_place = contextvars.ContextVar("in_place", default=None)  # per thread: what stands in their place, see `using`


def seed(value) -> None:
    """Start all random numbers of minigrad again from `value`: the same seed gives the same run."""
    global _seed
    if not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"seed: expected an integer >= 0, got {value!r}")
    _seed = int(value)
    _generators.clear()


def generator(xp=np):
    """The random generator of an array library (NumPy's, on the host, unless said)."""
    generators = _current()
    if xp not in generators and not isinstance(generators, Seeded):
        generators[xp] = xp.random.default_rng(_seed)
    return generators[xp]


def _current():
    replaced = _in_place.get()
    return _generators if replaced is None else replaced


def number() -> int:
    """One whole number from NumPy's generator, to start others from."""
    return int(generator().integers(2 ** 63))


def copies(*libraries):
    """Copies of the generators as they stand now, at least of these libraries': {library: generator}."""
    for xp in libraries:
        generator(xp)
    return {xp: copy.deepcopy(g) for xp, g in _current().items()}


@contextlib.contextmanager
def using(generators):
    """A block that draws from these generators and leaves the others alone; in this thread."""
    token = _in_place.set(generators)
    try:
        yield
    finally:
        _in_place.reset(token)


def replace(generators) -> None:
    """Go on with these generators."""
    _current().update(generators)


def state():
    """How NumPy's generator stands now, as plain data; `set_state(state())` changes nothing."""
    return copy.deepcopy(generator().bit_generator.state)


def set_state(value) -> None:
    """Draw from NumPy's generator as when `state()` gave this."""
    generator().bit_generator.state = value


class Streams:
    """`using(streams.of(i))`: piece i of a batch draws from a generator of its own, whichever thread works on it.

    Generator i is started from (number, i). The number comes from the generator as it stands where this object is made,
    and is drawn when the first piece needs it: what draws nothing leaves that generator alone.
    """

    def __init__(self):
        self._generators, self._lock, self._number = _current(), threading.Lock(), None

    def of(self, i):
        """The generators of piece i: {library: generator}, made when they are asked for."""
        return _Stream(self, i)

    def number(self):
        """What all pieces' generators are started from."""
        with self._lock:
            if self._number is None:
                with using(self._generators):
                    self._number = number()
            return self._number


class Seeded(dict):
    """Generators for `using` that are started from these numbers, {library: generator}, made when they are asked for."""

    def __init__(self, *numbers):
        super().__init__()
        self._numbers = numbers

    def numbers(self):
        """What they are started from."""
        return self._numbers

    def __missing__(self, xp):
        self[xp] = xp.random.default_rng(np.random.SeedSequence(self.numbers()))
        return self[xp]


class _Stream(Seeded):
    def __init__(self, streams, i):
        super().__init__()
        self.streams, self.i = streams, i

    def numbers(self):
        return self.streams.number(), self.i
