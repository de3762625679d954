"""Where elements come from: arrays in memory or mapped from a file, sequences of any kind, generators.

An element is what stands for one example: an array, or a tuple or dict of them, such as (image, class).
"""

import mmap

import numpy as np

from minigrad import backend
from minigrad.data.batching import common_length
from minigrad.data.errors import fault
from minigrad.data.prefetch import in_order
from minigrad.tensor import Tensor
from minigrad.transforms.trees import leaves, map_leaves


class Indexed:
    """Elements of a source in an order, none of which has been read yet."""

    def __init__(self, source, order):
        self.source, self.order = source, order

    def __len__(self):
        return len(self.order)

    def __iter__(self):
        return in_order(self.source.element, map(int, self.order), self.source.workers)


class Source:
    """A numbered set of elements: `len(source)` and `element(i)`. One with `by_rows` has `rows(indices)` too, the elements
    of these numbers as a batch."""

    by_rows, workers, labels, name = False, 0, None, "source"

    def flow(self, epoch):
        """All of them, in their order."""
        return Indexed(self, range(len(self)))


class Arrays(Source):
    """The rows of arrays, which stay where they are: a mapped file is read batch by batch."""

    by_rows = True

    def __init__(self, data):
        self.data = map_leaves(_as_array, element_of(data))
        arrays = [a for _, a in leaves(self.data)]
        self.length = common_length(arrays, "Dataset")
        if isinstance(self.data, tuple) and len(self.data) > 1 and backend.is_array(self.data[1]):
            self.labels = self.data[1]
        self.name = "arrays" + ", mapped from files" * any(mapping_of(a) is not None for a in arrays)

    def __len__(self):
        return self.length

    def element(self, i):
        """Row i of each array."""
        return map_leaves(lambda a: read_rows(a, range(i, i + 1))[0], self.data)

    def rows(self, indices):
        """These rows of each array."""
        return map_leaves(lambda a: read_rows(a, indices), self.data)


class Items(Source):
    """The items of a sequence, anything with a length and [i], as torch's map-style data sets."""

    def __init__(self, items):
        self.items, self.name = items, type(items).__name__

    def __len__(self):
        return len(self.items)

    def element(self, i):
        """Item i."""
        return element_of(self.items[i])


class Generated:
    """The elements of function(), called for each epoch."""

    labels, name = None, "generator"

    def __init__(self, function):
        self.function = function

    def flow(self, epoch):
        """A new iterator of them."""
        return (element_of(value) for value in self.function())


class Zipped:
    """Tuples of one element of each data set, until the shortest ends."""

    labels, name = None, "zip"

    def __init__(self, datasets):
        self.datasets = datasets

    def flow(self, epoch):
        """A new iterator of them."""
        return (elements for elements in zip(*[d.flow(epoch) for d in self.datasets]))


def element_of(value):
    """What a user's function gave, as an element: Tensors and lists become arrays."""
    if isinstance(value, tuple):
        return tuple(map(element_of, value))
    if isinstance(value, dict):
        return {key: element_of(part) for key, part in value.items()}
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, list):
        try:
            return np.asarray(value)
        except ValueError as error:
            raise fault("Dataset", "a list that is no array", "rows of one shape", str(error),
                        "Pass a tuple for several arrays, (x, y); from_generator for rows of different lengths.") from error
    return value


def _as_array(a):
    if not hasattr(a, "shape") and not isinstance(a, (list, str)) and np.ndim(a) == 0:
        raise fault("Dataset", "no data to cut into rows", "arrays with a row for each example", type(a).__name__,
                    "Pass arrays, or Dataset.from_generator(function).")
    return np.asarray(a) if not hasattr(a, "shape") or hasattr(a, "iloc") else a  # iloc: a table of pandas


# ---- reading rows

def read_rows(a, indices):
    """a[indices], in memory. Of a file the rows are read in the order in which they lie there, and its pages let go of.

    The system is told what to expect. Else it reads ahead of each page that is asked for: 256 rows of 4 kB from all over a
    file of 20 GB took 2,000 ms with that, and 5 without.
    """
    contiguous = isinstance(indices, range) and indices.step == 1
    mapping = mapping_of(a)
    if isinstance(a, np.ndarray) and mapping is None:
        return a[indices.start:indices.stop] if contiguous else a[np.asarray(indices)]
    if backend.is_array(a) and mapping is None:  # on a device
        return a[indices.start:indices.stop] if contiguous else a[backend.beside(np.asarray(indices), a)]
    if hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_NORMAL if contiguous else mmap.MADV_RANDOM)
    if contiguous:
        rows = np.array(a[indices.start:indices.stop])
    else:
        indices = np.asarray(indices)
        order = np.argsort(indices, kind="stable")
        found = np.asarray(a[indices[order]])
        rows = np.empty_like(found, subok=False)
        rows[order] = found
    if hasattr(mapping, "madvise") and getattr(a, "mode", "c") != "c":
        # These pages count as this process's memory no longer; the system keeps them as long as it has room. Those of a
        # mapping of mode "c" may hold changes that are nowhere else, and stay.
        mapping.madvise(mmap.MADV_DONTNEED)
    return rows


def mapping_of(a):
    """The mmap object that an array lies in, or None."""
    while a is not None and not isinstance(a, mmap.mmap):
        a = getattr(a, "base", None) if isinstance(a, np.ndarray) else getattr(a, "obj", None)
    return a


# ---- elements to batches

def stack(elements, where="batch"):
    """A batch of elements of equal shapes: each array with a new first axis."""
    return _joined(elements, where, lambda arrays, path: _stacked(arrays, path, where))


def pad(elements, value=0, length=None, where="padded_batch"):
    """A batch of elements whose arrays differ in their lengths: each axis is as long as the longest, filled up with `value`.

    value is a number, or a tree of them with the elements' form; length, if given, is what the first axis becomes.
    """
    values = [v for _, v in leaves(value)]
    form = [path for path, _ in leaves(elements[0])]
    if len(values) not in (1, len(form)):
        raise fault(where, "wrong value", f"one number, or one for each of the {len(form)} arrays of an element",
                    repr(value), "Pass value=0.")
    values = dict(zip(form, values * len(form) if len(values) == 1 else values))

    def padded(arrays, path):
        arrays = [np.asarray(a) for a in arrays]
        if len({a.ndim for a in arrays}) > 1:
            return _stacked(arrays, path, where)  # which says so
        shape = [max(n) for n in zip(*(a.shape for a in arrays))]
        if length is not None and shape:
            if shape[0] > length:
                raise fault(where, f"element{path} is too long", f"a length of {length} or less", str(shape[0]),
                            "Cut it with map, or raise length.")
            shape[0] = length
        batch = np.full((len(arrays), *shape), values[path], np.result_type(*arrays))
        for i, a in enumerate(arrays):
            batch[(i, *(slice(n) for n in a.shape))] = a
        return batch

    return _joined(elements, where, padded)


def _joined(elements, where, join):
    """An element whose arrays are join([those of the elements], path)."""
    found = [leaves(e) for e in elements]
    form = [path for path, _ in found[0]]
    for other in found:
        if [path for path, _ in other] != form:
            raise fault(where, "elements of different forms", f"all like the first, {_form(found[0])}", _form(other),
                        "Give the same parts for each.")
    joined = iter([join([other[k][1] for other in found], path) for k, path in enumerate(form)])
    return map_leaves(lambda leaf: next(joined), elements[0])


def _stacked(arrays, path, where):
    shapes = [np.shape(a) for a in arrays]
    if len(set(shapes)) > 1:
        other = next(s for s in shapes if s != shapes[0])
        raise fault(where, f"element{path} has different shapes", f"that of the first, {shapes[0]}", str(other),
                    "Bring them to one shape with map, or use padded_batch.")
    return backend.get_array_module(*arrays).stack(arrays) if backend.is_array(arrays[0]) else np.stack(arrays)


def _form(found):
    return f"({', '.join(path or 'one array' for path, _ in found)})"


def spec(element):
    """"(float32 (28, 28), int64 ())": the dtypes and shapes of an element."""
    if isinstance(element, tuple):
        return f"({', '.join(map(spec, element))}{',' * (len(element) == 1)})"
    if isinstance(element, dict):
        return "{" + ", ".join(f"{key}: {spec(part)}" for key, part in element.items()) + "}"
    if isinstance(element, str):
        return "str"
    element = element if hasattr(element, "dtype") else np.asarray(element)
    kind = "str" if element.dtype.kind == "U" else str(element.dtype)
    return f"{kind} {tuple(element.shape)}" if element.ndim else kind

