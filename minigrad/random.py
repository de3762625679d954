"""The one source of randomness: initial weights, dropout, shuffling. `mg.seed(0)` repeats everything."""

import contextlib
import contextvars
import copy
import threading
import weakref

import numpy as np

_seed = None
_generators = weakref.WeakKeyDictionary()  # array library, or Seed -> its generator
_in_place = contextvars.ContextVar("in_place", default=None)  # per thread: what stands in their place, see `using`
_drawer = contextvars.ContextVar("drawer", default=None)      # per thread: the Seed that is drawn from, see `seeded`


def seed(value) -> None:
    """Start all random numbers of minigrad again from `value`: the same seed gives the same run."""
    global _seed
    _seed = _checked(value)
    _generators.clear()


def _checked(value):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"seed: expected an integer >= 0, got {value!r}")
    return int(value)


class Seed:
    """What a layer with `seed=value` has: inside of `seeded(it)`, numbers are drawn from a generator of its own, which is
    started from `value`, again at each `mg.seed`; whatever else is drawn in between."""

    def __init__(self, value):
        self.value = _checked(value)


@contextlib.contextmanager
def seeded(seed):
    """A block that draws from the generator of this Seed; None: from those of all. In this thread."""
    token = _drawer.set(seed)
    try:
        yield
    finally:
        _drawer.reset(token)


def generator(xp=np):
    """The random generator of an array library (NumPy's, on the host, unless said)."""
    generators, seed = _current(), _drawer.get()
    key = xp if seed is None else seed
    if key not in generators and not isinstance(generators, Seeded):
        generators[key] = xp.random.default_rng(_seed) if seed is None else np.random.default_rng(seed.value)
    if seed is None or xp is np:
        return generators[key]
    return xp.random.default_rng(int(generators[seed].integers(2 ** 63)))  # a Seed has its generator on the host


def _current():
    replaced = _in_place.get()
    return _generators if replaced is None else replaced


def number() -> int:
    """One whole number from NumPy's generator, to start others from."""
    return int(generator().integers(2 ** 63))


def copies(*libraries):
    """Copies of the generators as they stand now, at least of these libraries': {library: generator}."""
    with seeded(None):
        for xp in libraries:
            generator(xp)
    made = _current().empty() if isinstance(_current(), Seeded) else {}
    made.update({key: copy.deepcopy(g) for key, g in list(_current().items())})
    return made


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


def state(seed=None):
    """How NumPy's generator (or that of a Seed) stands now, as plain data; `set_state(state())` changes nothing."""
    with seeded(seed):
        return copy.deepcopy(generator().bit_generator.state)


def set_state(value, seed=None) -> None:
    """Draw from NumPy's generator (or that of a Seed) as when `state()` gave this."""
    with seeded(seed):
        generator().bit_generator.state = value


class Streams:
    """`using(streams.of(i))`: piece i of a batch draws from a generator of its own, whichever thread works on it.

    Generator i is started from (number, i). The number comes from the generator as it stands where this object is made,
    and is drawn when the first piece needs it: what draws nothing leaves that generator alone. Each Seed has a number too.
    """

    def __init__(self):
        self._generators, self._lock, self._numbers = _current(), threading.Lock(), {}

    def of(self, i):
        """The generators of piece i: {library: generator}, made when they are asked for."""
        return _Stream(self, i)

    def number(self, seed=None):
        """What all pieces' generators (or those of a Seed) are started from."""
        with self._lock:
            if seed not in self._numbers:
                with using(self._generators), seeded(seed):
                    self._numbers[seed] = number()
            return self._numbers[seed]


class Seeded(dict):
    """Generators for `using` that are started from these numbers, {library: generator}, made when they are asked for."""

    def __init__(self, *numbers):
        super().__init__()
        self._numbers = numbers

    def numbers(self, seed=None):
        """What they (or that of a Seed) are started from."""
        return self._numbers if seed is None else (seed.value, *self._numbers)

    def empty(self):
        """Others that are started from the same."""
        return Seeded(*self._numbers)

    def __missing__(self, key):
        seed, xp = (key, np) if isinstance(key, Seed) else (None, key)
        self[key] = xp.random.default_rng(np.random.SeedSequence(self.numbers(seed)))
        return self[key]


class _Stream(Seeded):
    def __init__(self, streams, i):
        super().__init__()
        self.streams, self.i = streams, i

    def numbers(self, seed=None):
        return self.streams.number(seed), self.i

    def empty(self):
        return _Stream(self.streams, self.i)
