"""What fit, evaluate and predict are given, as batches (x, y, sample_weight): arrays that are cut, or an iterable."""

import numpy as np

from minigrad import backend, random
from minigrad.data.dataset import Dataset
from minigrad.tensor import Tensor
from minigrad.training.checks import checked_columns, checked_inputs, positive
from minigrad.transforms.trees import leaves, map_leaves

_END = object()


def feed_of(x, y=None, sample_weight=None, batch_size=32, shuffle=False, steps=None, class_weight=None, name="",
            needs_targets=True):
    """The feed for these arguments of fit, evaluate or predict; `name` stands before the arguments' names in errors."""
    if steps is not None:
        positive(steps, "validation_steps" if name else "steps_per_epoch")
    if is_stream(x):
        for other, value in ("y", y), ("sample_weight", sample_weight):
            if value is not None:
                raise ValueError(f"{name}x is an iterable (a {type(x).__name__}), which gives {other} itself: as (x, y) or "
                                 f"(x, y, sample_weight). Leave {other} out")
        return Stream(x, steps, class_weight, name, needs_targets)
    if y is None and needs_targets:
        raise ValueError(f"{name}x is given without y: each input needs its target")
    columns = checked_columns(x, y, sample_weight, name)
    return Rows(with_class_weight(columns, class_weight), batch_size, shuffle, steps, name)


def is_stream(x):
    """Whether x is an iterable of batches, and no data itself."""
    return not isinstance(x, (Tensor, list, tuple, dict, str, bytes)) and not hasattr(x, "__array__") and (
        hasattr(x, "__iter__") or hasattr(x, "__next__"))


class Rows:
    """Batches of arrays, in order or shuffled by minigrad's generator. Of memory-mapped arrays, which may be larger than
    memory, only the rows of a batch are read, and checked, at a time."""

    def __init__(self, columns, batch_size, shuffle=False, steps=None, name=""):
        self.columns, self.batch_size, self.shuffle, self.name = columns, batch_size, shuffle, name
        self.rows = len(leaves(columns[0])[0][1])
        self.steps, self.given_steps = -(-self.rows // batch_size), steps
        if steps is not None:
            if steps > self.steps:
                what = "validation_steps" if name else "steps_per_epoch"
                raise ValueError(f"{what}={steps} of {batch_size} rows each, but there are only {self.rows} rows: give at "
                                 f"most {self.steps}")
            self.steps = steps

    def first(self):
        """A batch to try things out with; it stays in the feed."""
        return self[slice(0, self.batch_size)]

    def __getitem__(self, rows):
        return tuple(map_leaves(lambda a: a[rows], column) for column in self.columns)

    def batches(self):
        """The batches of an epoch; their order is drawn now."""
        order = random.generator().permutation(self.rows) if self.shuffle else None
        starts = range(0, self.rows, self.batch_size)[:self.steps]
        slices = (slice(start, start + self.batch_size) for start in starts)
        return (self._read(s if order is None else order[s]) for s in slices)

    def _read(self, rows):
        def read(a, what):
            if not isinstance(a, np.memmap):
                return a[rows]
            return checked_inputs(np.array(a[rows]), f"a batch of {self.name}{what}")

        return tuple(map_leaves(lambda a, what=what: read(a, what), column)
                     for what, column in zip(("x", "y", "sample_weight"), self.columns))

    def pass_over(self):
        """As if an epoch had been drawn, all but what it draws from the random generator."""

    def describe(self):
        """What has to be the same when a run goes on."""
        return {"rows": self.rows, "batch_size": self.batch_size, "shuffle": bool(self.shuffle), "steps": self.steps}


class Stream:
    """Batches from an iterable, begun anew for each epoch; with `steps`, an epoch is so many, and the next one goes on."""

    def __init__(self, source, steps=None, class_weight=None, name="", needs_targets=True):
        self.source, self.steps, self.class_weight, self.name = source, steps, class_weight, name
        self.needs_targets, self._iterator, self._first = needs_targets, None, None

    def first(self):
        """A batch to try things out with; it stays in the feed."""
        if self._first is None:
            self._iterator = iter(self.source)
            found = next(self._iterator, _END)
            if found is _END:
                raise ValueError(f"{self.name}x, a {type(self.source).__name__}, gave no batch at all")
            self._first = self._checked(found)
        return self._first

    def batches(self):
        """The batches of an epoch."""
        count, since_start = 0, 1
        if self._first is not None:
            first, self._first = self._first, None
            yield first
            count = 1
        elif self.steps is None or self._iterator is None:
            self._iterator, since_start = iter(self.source), 0
        while count != self.steps:
            found = next(self._iterator, _END)
            if found is not _END:
                count, since_start = count + 1, since_start + 1
                yield self._checked(found)
            elif self.steps is None and count:
                return
            elif hasattr(self.source, "__next__") or not since_start:
                raise ValueError(f"{self.name}x, a {type(self.source).__name__}, has no more batches after {count} of this "
                                 "epoch: an iterator can be gone through once. Give something that begins anew (a list-like "
                                 "object with __iter__), or fewer epochs or steps")
            else:
                self._iterator, since_start = iter(self.source), 0

    def pass_over(self):
        """Draw an epoch's batches and drop them; a Dataset knows each epoch by its number, so that it is enough to begin."""
        if not isinstance(self.source, Dataset) or self.steps is not None:
            for _ in self.batches():
                pass
        elif self._first is not None:
            self._first = self._iterator = None
        else:
            iter(self.source)

    def describe(self):
        """What has to be the same when a run goes on."""
        return {"steps": self.steps}

    def _checked(self, batch):
        if self.needs_targets and (not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3)):
            got = f"{len(batch)} of them" if isinstance(batch, (tuple, list)) else f"a {type(batch).__name__}"
            raise ValueError(f"{self.name}x, an iterable, must give batches (x, y) or (x, y, sample_weight), it gave {got}")
        if not self.needs_targets:
            batch = (batch[0] if isinstance(batch, tuple) else batch,)
        x, y, w = (*batch, None, None)[:3]
        return with_class_weight(checked_columns(x, y, w, self.name), self.class_weight)


def with_class_weight(columns, class_weight):
    """(x, y, sample_weight), each row's weight times that of its class; classes that are not named weigh 1."""
    if class_weight is None:
        return columns
    x, y, w = columns
    if not isinstance(class_weight, dict) or not all(
            hasattr(c, "__index__") and np.isscalar(v) and np.isfinite(v) and v >= 0 for c, v in class_weight.items()):
        raise ValueError(f"class_weight must be a dict {{class number: weight of 0 or more}}, got {class_weight!r}")
    if isinstance(y, (list, tuple, dict)):
        raise ValueError("class_weight is for a model of one output: give sample_weight for each output")
    y = backend.to_numpy(y)
    labels = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y), -1)[:, 0]
    if labels.ndim != 1 or (labels != np.floor(labels)).any():
        raise ValueError(f"class_weight needs class numbers or one-hot rows as targets, got shape {y.shape} {y.dtype}")
    values, inverse = np.unique(labels, return_inverse=True)
    weights = np.array([class_weight.get(int(v), 1.0) for v in values], "float32")[inverse]
    return x, y, weights if w is None else weights * w


def validation_feed(data, batch_size, steps=None):
    """The feed for fit's validation_data."""
    if isinstance(data, (tuple, list)):
        if len(data) not in (2, 3):
            raise ValueError(f"validation_data must be a pair (x, y), or (x, y, sample_weight), got {len(data)} of them")
        return feed_of(*data, *[None] * (3 - len(data)), batch_size, steps=steps, name="validation ")
    if not is_stream(data):
        raise ValueError(f"validation_data must be a pair (x, y) or an iterable of batches, got a {type(data).__name__}")
    return feed_of(data, steps=steps, name="validation ")


def split(data, share, batch_size, steps=None):
    """(the feed without the last share of its rows, the feed of these)."""
    if not isinstance(data, Rows):
        raise ValueError("validation_split is for arrays: give validation_data, since x is an iterable")
    if not 0 < share < 1:
        raise ValueError(f"validation_split must be between 0 and 1, got {share}")
    n = data.rows - int(data.rows * share)
    if n == 0 or n == data.rows:
        raise ValueError(f"validation_split={share} of {data.rows} examples leaves one side empty")
    return (Rows(data[:n], data.batch_size, data.shuffle, data.given_steps),
            Rows(data[n:], batch_size, steps=steps, name="validation "))
