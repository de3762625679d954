"""What a data set's elements go through, stage after stage: each takes the flow of the one before it and gives its own.

A flow is an iterable of elements: Indexed, as long as all that was done is to choose and order numbered elements (no data
has been touched then), or an iterator. All that is random in epoch e is drawn from (the stage's seed, e), and for an element
from its number too, so it depends neither on the number of threads nor on what was drawn before.
"""

import inspect
import itertools
import math

import numpy as np

from minigrad import random
from minigrad.autograd import no_grad
from minigrad.data.errors import fault
from minigrad.data.prefetch import checked_count, in_order
from minigrad.data.sources import Indexed, Source, element_of, stack
from minigrad.layers.layer import snake_case


class Stage:
    """`run(upstream, epoch, start)` gives the flow of an epoch from its element `start` on; upstream(epoch) the one before.

    `before(start)` is how many elements of the stage before it stand behind the first `start` of its own, if so many can be
    left out there unseen. Where it is None, run is asked for all, and `start` of them are dropped.
    """

    def before(self, start):
        """See above."""
        return None

    def length(self, n):
        """How many elements there are, of the n before it; None if that is not known, inf if there is no end."""
        return n

    def __repr__(self):
        defaults = {name: p.default for name, p in inspect.signature(type(self)).parameters.items()}
        told = [f"{name}={getattr(value, '__name__', repr(value))}" for name, value in vars(self).items()
                if not name.startswith("_") and not (name in defaults and value == defaults[name])]
        return f"{snake_case(type(self).__name__)}({', '.join(told)})"


def indexed(flow, where):
    """The flow, if it is Indexed; else an error."""
    if isinstance(flow, Indexed):
        return flow
    raise fault(where, "its elements have no numbers", "a data set of arrays, files or a sequence, at most mapped",
                "one of batches or of a stream", f"Call {where} before batch, filter and the like.")


def drop(flow, start):
    """The flow without its first elements."""
    if not start:
        return flow
    return Indexed(flow.source, flow.order[start:]) if isinstance(flow, Indexed) else itertools.islice(flow, start, None)


def seed_of(seed, where):
    """The seed, or a number from minigrad's generator if it is None."""
    return random.number() if seed is None else checked_count(seed, where, "seed", 0)


class Map(Stage):
    """function(*element) in the place of each element."""

    def __init__(self, function, workers=0, seed=None):
        if not callable(function):
            raise fault("map", "no function", "something that can be called with an element", repr(function), "")
        self.function, self.workers = function, checked_count(workers, "map", "workers", 0)
        self._seed = seed_of(seed, "map")

    def before(self, start):
        return start

    def run(self, upstream, epoch, start):
        flow = upstream(epoch)
        if isinstance(flow, Indexed):
            return Indexed(_Mapped(flow.source, self, epoch), flow.order)
        return in_order(lambda item: self.applied(item[1], epoch, item[0]), enumerate(flow, start), self.workers)

    def applied(self, element, epoch, i):
        """What the function makes of element i."""
        with random.using(random.Seeded(self._seed, epoch, i)):
            return element_of(self.function(*element) if isinstance(element, tuple) else self.function(element))


class _Mapped(Source):
    def __init__(self, source, stage, epoch):
        self.source, self.stage, self.epoch = source, stage, epoch
        self.workers = max(stage.workers, source.workers)

    def element(self, i):
        return self.stage.applied(self.source.element(i), self.epoch, i)


class Augment(Map):
    """The layers, in training mode, on the first array of each element; those with `mixes_labels` on the first two."""

    def __init__(self, layers, workers, seed):
        super().__init__(self._call, workers, seed)
        self.function, self._layers = layers, layers

    def __repr__(self):
        return f"augment({', '.join(type(layer).__name__ for layer in self._layers)})"

    def applied(self, element, epoch, i):
        with random.using(random.Seeded(self._seed, epoch, i)), no_grad():
            return element_of(self._call(element))

    def _call(self, element):
        x, *others = element if isinstance(element, tuple) else (element,)
        for layer in self._layers:
            if getattr(layer, "mixes_labels", False):
                if not others:
                    raise fault("augment", f"{layer.label} mixes labels", "elements (x, y)", "elements of x alone",
                                "Zip the labels to them.")
                x, others[0] = layer(x, others[0], training=True)
            else:
                x = layer(x, training=True)
        return (x, *others) if isinstance(element, tuple) else x


class Transform(Stage):
    """transformer.transform on the first array, as `cleaning.transformed` does it; by rows where there are rows."""

    def __init__(self, transformer, apply):
        self.transformer, self._apply = transformer, apply

    def __repr__(self):
        return f"transform({type(self.transformer).__name__})"

    def before(self, start):
        return start

    def run(self, upstream, epoch, start):
        flow = upstream(epoch)
        if isinstance(flow, Indexed):
            return Indexed(_Transformed(flow.source, self), flow.order)
        return (self.of_batch(element) for element in flow)

    def of_batch(self, element):
        """A batch, transformed."""
        if isinstance(element, tuple):
            return self._apply(self.transformer, element[0]), *element[1:]
        return self._apply(self.transformer, element)


class _Transformed(Source):
    def __init__(self, source, stage):
        self.source, self.stage = source, stage
        self.by_rows, self.workers = source.by_rows, source.workers

    def rows(self, indices):
        return self.stage.of_batch(self.source.rows(indices))

    def element(self, i):
        batch = self.stage.of_batch(stack([self.source.element(i)], "transform"))
        return tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]


class Filter(Stage):
    """The elements of which function(*element) is true."""

    def __init__(self, function):
        self.function = function

    def length(self, n):
        return None

    def run(self, upstream, epoch, start):
        return (e for e in upstream(epoch) if (self.function(*e) if isinstance(e, tuple) else self.function(e)))


# ---- order

class Shuffle(Stage):
    """Another order in each epoch: of all that is numbered; of a stream by drawing from a buffer that is kept full."""

    def __init__(self, seed=None, buffer=None):
        self.seed = seed_of(seed, "shuffle")
        self.buffer = None if buffer is None else checked_count(buffer, "shuffle", "buffer")

    def run(self, upstream, epoch, start):
        flow, rng = upstream(epoch), np.random.default_rng((self.seed, epoch))
        if isinstance(flow, Indexed):
            order = flow.order
            order = (np.arange(order.start, order.stop, order.step, "int32" if order.stop < 2**31 else "int64")
                     if isinstance(order, range) else np.array(order))
            rng.shuffle(order)
            return Indexed(flow.source, order)
        if self.buffer is None:
            raise fault("shuffle", "a stream has no numbered elements", "buffer=, the number of elements to draw from",
                        "none", "Shuffle before batch, filter and the like, or pass buffer=1000.")
        return self._drawn(iter(flow), rng)

    def _drawn(self, elements, rng):
        waiting = list(itertools.islice(elements, self.buffer))
        for element in elements:
            i = int(rng.integers(len(waiting)))
            waiting[i], element = element, waiting[i]
            yield element
        rng.shuffle(waiting)
        yield from waiting


class Select(Stage):
    """The elements with these numbers, in this order."""

    def __init__(self, indices):
        self._indices = np.asarray(indices)
        if self._indices.ndim != 1 or self._indices.dtype.kind not in "iu":
            raise fault("select", "wrong indices", "a list of whole numbers", f"{self._indices.dtype} {self._indices.shape}",
                        "Pass np.flatnonzero(mask) for a mask.")

    def length(self, n):
        return len(self._indices)

    def run(self, upstream, epoch, start):
        flow = indexed(upstream(epoch), "select")
        n = len(flow)
        wrong = self._indices[(self._indices < 0) | (self._indices >= n)]
        if len(wrong):
            raise fault("select", "no such element", f"numbers from 0 to {n - 1}", str(wrong[0]), "")
        return Indexed(flow.source, np.asarray(flow.order)[self._indices])


class Balance(Stage):
    """As many elements of each class: those of rare classes come several times, those of common ones in part."""

    def __init__(self, labels, seed=None):
        self._labels, self.seed = np.asarray(labels), seed_of(seed, "balance")

    def run(self, upstream, epoch, start):
        flow = indexed(upstream(epoch), "balance")
        rng, n = np.random.default_rng((self.seed, epoch)), len(flow)
        if self._labels.shape != (n,):
            raise fault("balance", "labels do not fit", f"one class for each of the {n} elements, shape ({n},)",
                        str(self._labels.shape), "Pass class numbers or names, not one-hot rows.")
        classes, of_row = np.unique(self._labels, return_inverse=True)
        extra = rng.permutation(len(classes))[:n % len(classes)]  # who has one more, where n cannot be shared evenly
        chosen = []
        for c in range(len(classes)):
            rows, count = np.flatnonzero(of_row == c), n // len(classes) + int(c in extra)
            rounds = [rng.permutation(rows) for _ in range(-(-count // len(rows)))]  # each row once before any comes again
            chosen.append(np.concatenate([rows[:0], *rounds])[:count])
        return Indexed(flow.source, np.asarray(flow.order)[rng.permutation(np.concatenate(chosen))])


class Take(Stage):
    """The first `count` elements."""

    def __init__(self, count):
        self.count = checked_count(count, "take", "count", 0)

    def length(self, n):
        return None if n is None else min(n, self.count)

    def run(self, upstream, epoch, start):
        flow = upstream(epoch)
        return Indexed(flow.source, flow.order[:self.count]) if isinstance(flow, Indexed) else itertools.islice(
            flow, self.count)


class Skip(Stage):
    """All but the first `count` elements."""

    def __init__(self, count):
        self.count = checked_count(count, "skip", "count", 0)

    def length(self, n):
        return None if n is None else max(n - self.count, 0)

    def run(self, upstream, epoch, start):
        return drop(upstream(epoch), self.count)


class Repeat(Stage):
    """The elements `count` times over (None: without end), each time as another epoch: in another order, say."""

    def __init__(self, count=None):
        self.count = None if count is None else checked_count(count, "repeat", "count")

    def length(self, n):
        return None if n is None else math.inf if self.count is None and n else n * (self.count or 0)

    def run(self, upstream, epoch, start):
        if self.count is None:
            return self._rounds(upstream, itertools.count(epoch << 32))
        epochs = range(epoch * self.count, (epoch + 1) * self.count)
        first = upstream(epochs[0])
        if isinstance(first, Indexed):
            flows = [first, *map(upstream, epochs[1:])]
            if all(flow.source is first.source for flow in flows):
                return Indexed(first.source, np.concatenate([np.asarray(flow.order) for flow in flows]))
        return self._rounds(upstream, epochs)

    @staticmethod
    def _rounds(upstream, epochs):
        for e in epochs:
            none = True
            for element in upstream(e):
                none = False
                yield element
            if none:
                return
