"""Dataset: a source of elements, and the stages that they go through. In tf.data's words."""

import math

import numpy as np

from minigrad import random
from minigrad.data import batch_stages, cleaning, stages
from minigrad.data.batching import stratified, test_rows
from minigrad.data.errors import DataError, fault
from minigrad.data.prefetch import checked_count
from minigrad.data.sources import Arrays, Generated, Indexed, Items, Zipped, spec


class Dataset:
    """Elements, made when they are asked for, and anew in each iteration.

        train = Dataset((x, y)).shuffle(seed=0).batch(64).augment(layers.RandomFlip("horizontal")).prefetch(2)
        model.fit(train, epochs=10)

    data    arrays with a row for each example: one, or a tuple or dict of them, in memory or memory-mapped (np.load(path,
            mmap_mode="r")); or a sequence, anything with a length and [i] (torch's map-style data sets), whose items they
            are. See from_generator, image_folder, wav_folder and text_lines for other sources

    An element is an array, or a tuple or dict of them, such as (image, class). Each method gives a new Dataset and leaves
    this one as it was. Going through it begins an epoch: epoch e is shuffled and drawn by (seed, e), whatever happened
    before, so it can be repeated, and gone on with in another process:

        state = train.state()            # {"epoch": 3, "position": 120}
        train.set_state(state)           # the next iteration gives batches 120, 121, ... of epoch 3

    A seed that is not given is drawn from minigrad's generator where the stage is made, so that `mg.seed` sets it.
    """

    def __init__(self, data):
        is_arrays = isinstance(data, (tuple, list, dict)) or hasattr(data, "__array__")
        if not is_arrays and not (hasattr(data, "__len__") and hasattr(data, "__getitem__")) or isinstance(data, str):
            raise fault("Dataset", "no data", "arrays, or a sequence with a length and [i]", f"a {type(data).__name__}",
                        "Pass Dataset.from_generator(function) for a function that gives an iterator.")
        self._set(Arrays(data) if is_arrays else Items(data), ())

    def _set(self, source, chain, class_names=None):
        self._source, self._chain, self.class_names = source, chain, class_names
        self._epoch, self._start, self._place = 0, 0, (0, 0)

    @classmethod
    def of(cls, source, class_names=None):
        """The data set of a Source of your own."""
        made = cls.__new__(cls)
        made._set(source, (), class_names)
        return made

    @classmethod
    def from_generator(cls, function):
        """The elements that function() gives, a generator function or anything that gives a new iterable at each call."""
        if not callable(function):
            raise fault("from_generator", "no function", "a function that gives an iterator", f"a {type(function).__name__}",
                        "Pass the generator function itself, without calling it: it is called for each epoch.")
        return cls.of(Generated(function))

    @classmethod
    def zip(cls, *datasets):
        """Tuples of one element of each, until the shortest ends."""
        if not datasets or not all(isinstance(d, Dataset) for d in datasets):
            raise fault("zip", "no data sets", "Datasets", ", ".join(type(d).__name__ for d in datasets) or "nothing", "")
        return cls.of(Zipped(datasets))

    def _then(self, stage):
        made = type(self).__new__(type(self))
        made._set(self._source, (*self._chain, stage), self.class_names)
        return made

    # ---- stages

    def map(self, function, workers=0, seed=None):
        """function(*element) for each element, or function(*batch) after `batch`; with `workers` in so many threads, in
        the same order. What it draws from minigrad's generators is drawn from (seed, epoch, number of the element)."""
        return self._then(stages.Map(function, workers, seed))

    def augment(self, *layers, workers=0, seed=None):
        """Random layers, in training mode, on the x of elements or batches (x, y); MixUp and CutMix on batches (x, y)."""
        return self._then(stages.Augment(layers, workers, seed))

    def transform(self, transformer):
        """A fitted scikit-learn transformer, or anything with `transform`, on the x of elements or batches (x, y): see
        `fitted`."""
        return self._then(stages.Transform(cleaning.checked_transformer(transformer), cleaning.transformed))

    def filter(self, function):
        """Only those elements of which function(*element) is true."""
        return self._then(stages.Filter(function))

    def shuffle(self, seed=None, buffer=None):
        """Another order in each epoch. Numbered elements (before `batch` and `filter`) are shuffled as a whole, and only
        their numbers are moved. A stream needs `buffer`: each next element is drawn from so many that wait."""
        return self._then(stages.Shuffle(seed, buffer))

    def select(self, indices):
        """The elements with these numbers, in this order."""
        return self._then(stages.Select(indices))

    def take(self, count):
        """The first `count` elements."""
        return self._then(stages.Take(count))

    def skip(self, count):
        """All but the first `count` elements."""
        return self._then(stages.Skip(count))

    def repeat(self, count=None):
        """The elements `count` times over, None: without end; each round is shuffled as an epoch of its own."""
        return self._then(stages.Repeat(count))

    def balance(self, labels=None, seed=None):
        """As many elements of each class, as many in all as before: rare ones come again, of common ones some are left out,
        others in each epoch. labels: the class of each element; None: `self.labels`."""
        self._need_plain("balance")
        return self._then(stages.Balance(self._labels_for("balance") if labels is None else labels, seed))

    def batch(self, size, drop_last=False):
        """Batches of `size` elements; with drop_last a last one that is not full is left out."""
        return self._then(batch_stages.Batch(size, drop_last))

    def padded_batch(self, size, value=0, length=None, drop_last=False):
        """Batches of elements of different lengths, filled up with `value` (one number, or one for each array) to the
        longest, or to `length`."""
        return self._then(batch_stages.PaddedBatch(size, value, length, drop_last))

    def bucket_by_length(self, boundaries, size, length=None, value=0, drop_last=False):
        """Padded batches of elements of similar length: bucket k takes boundaries[k-1] <= length < boundaries[k].

        size    elements to a batch, or a list of them, one for each of the len(boundaries) + 1 buckets
        length  a function of an element; None: the length of its first array
        """
        return self._then(batch_stages.BucketByLength(boundaries, size, length, value, drop_last))

    def prefetch(self, size=2):
        """A thread makes up to `size` elements ahead of the one that is used, size + 2 are in memory at most. An error in it
        is raised where its element is asked for, with its traceback; leaving the loop ends the thread."""
        return self._then(batch_stages.Prefetch(size))

    def split(self, test_size=0.2, stratify=None, seed=None):
        """Two data sets, (train, test), which have no element in common; nothing is copied.

        test_size, seed    as train_test_split's
        stratify           None; True: the same share of each class (`self.labels`) in both; or the class of each element
        """
        self._need_plain("split")
        flow = stages.indexed(self._flow(0), "split")
        n = len(flow)
        count, rng = test_rows(n, test_size), random.generator() if seed is None else np.random.default_rng(seed)
        if stratify is None or stratify is False:
            chosen = rng.permutation(n)[:count]
        else:
            chosen = stratified(np.asarray(self._labels_for("split") if stratify is True else stratify), n, count, rng)
        in_test = np.zeros(n, bool)
        in_test[chosen] = True
        return self.select(np.flatnonzero(~in_test)), self.select(np.flatnonzero(in_test))

    def _need_plain(self, where):
        """Refuse what has another order in each epoch: another split in each would mix training and test."""
        for stage in self._chain:
            if isinstance(stage, (stages.Shuffle, stages.Repeat, stages.Balance)):
                raise fault(where, f"elements that change with the epoch: {stage!r}", "numbered elements in a fixed order",
                            "a shuffled, repeated or balanced data set", f"Call {where} first, and then shuffle.")

    # ---- what it is

    @property
    def labels(self):
        """The class of each element, in their order, if the source knows it: y of arrays (x, y), the folders of files."""
        if self._source.labels is None:
            return None
        flow = self._flow(0)
        return self._source.labels[np.asarray(flow.order)] if isinstance(flow, Indexed) else None

    def _labels_for(self, where):
        found = self.labels
        if found is None:
            raise fault(where, "the classes are not known", "a data set of arrays (x, y), or of folders",
                        repr(self._source.name), "Pass the class of each element.")
        return found

    def _length(self, stages_until=None):
        n = len(self._source) if hasattr(self._source, "__len__") else None
        if isinstance(self._source, Zipped):
            lengths = [d._length() for d in self._source.datasets]
            n = None if None in lengths else min(lengths)
        for stage in self._chain[:stages_until]:
            n = stage.length(n)
        return n

    def __len__(self):
        n = self._length()
        if n is None or n == math.inf:
            raise TypeError("this Dataset has no end" if n else "the length of this Dataset is known when it has been gone "
                            "through: count with sum(1 for _ in dataset)")
        return n

    def __bool__(self):
        return True

    def __repr__(self):
        rows = [(self._source.name, self._length(0), self._spec(0))]
        rows += [(repr(stage), self._length(k), self._spec(k)) for k, stage in enumerate(self._chain, 1)]
        rows = [(name, "?" if n is None else "∞" if n == math.inf else f"{n:,}", element) for name, n, element in rows]
        wide = [max(len(row[k]) for row in rows) for k in (0, 1)]
        return "\n".join([f"Dataset of {rows[-1][1]} elements {rows[-1][2]}",
                          *[f"  {name:<{wide[0]}}  {n:>{wide[1]}}  {element}" for name, n, element in rows]])

    def _repr_html_(self):
        from html import escape
        return f"<pre>{escape(repr(self))}</pre>"

    def _spec(self, count):
        """What an element looks like after so many stages: its first one is made. "?" where that is not to be had."""
        if isinstance(self._source, (Generated, Zipped)):
            return "?"  # going through it might cost or change something
        aside = stages.Shuffle, stages.Balance, batch_stages.Prefetch
        chain = [s for s in self._chain[:count] if not isinstance(s, aside)]
        peek = type(self).__new__(type(self))
        peek._set(self._source, chain)
        try:
            return spec(next(iter(peek._flow(0))))
        except Exception:
            return "?"  # iterating will say why

    # ---- going through it

    def __iter__(self):
        epoch, start = self._epoch, self._start
        self._epoch, self._start, self._place = epoch + 1, 0, (epoch, start)
        return self._iterate(epoch, start)

    def _iterate(self, epoch, start):
        for i, element in enumerate(self._flow(epoch, start), start + 1):
            self._place = (epoch, i)
            yield element
        self._place = (epoch + 1, 0)

    def flow(self, epoch):
        """The elements of an epoch; the count of epochs does not change."""
        return iter(self._flow(epoch))

    def _flow(self, epoch, start=0):
        """The flow of an epoch without its first `start` elements, which are left out as far up as that can be done."""
        starts, dropped = [0] * len(self._chain), None
        for k in reversed(range(len(self._chain))):
            starts[k], start = start, self._chain[k].before(start) if start else 0
            if start is None:
                dropped, start = k, 0

        def run(k, epoch):
            if k < 0:
                return stages.drop(self._source.flow(epoch), start)
            flow = self._chain[k].run(lambda e: run(k - 1, e), epoch, 0 if k == dropped else starts[k])
            return stages.drop(flow, starts[k]) if k == dropped else flow

        return run(len(self._chain) - 1, epoch)

    def state(self):
        """Where the latest iteration stands: {"epoch": e, "position": how many elements it has given}; plain numbers."""
        return dict(zip(("epoch", "position"), self._place))

    def set_state(self, state):
        """The next iteration goes on from there: its elements are those that an undisturbed one would give."""
        if not isinstance(state, dict) or set(state) != {"epoch", "position"}:
            raise DataError(f'set_state: expected what state() gave, {{"epoch": ..., "position": ...}}, got {state!r}')
        self._epoch, self._start = (checked_count(state[k], "set_state", k, 0) for k in ("epoch", "position"))
        self._place = self._epoch, self._start
