"""Metric: what every metric has, and how all of them look at what they are given."""

import re

import numpy as np

from minigrad import backend
from minigrad.names import Configured


class Metric(Configured):
    """`update_state(y_true, y_pred)` for each batch, then `result()`; `reset_state()` starts again.

    Calling a metric does both: it counts the batch and returns the result so far. Inputs may be arrays of any library,
    Tensors or lists. A batch that cannot be counted raises, and leaves the metric as it was.

    name   what the result is called in a History
    dtype  what fractions are rounded to as they come in; they stay as they are unless it is given. All sums are kept in
           float64, and counts in integers, so that a result does not depend on how the data was cut into batches.

    To write one of your own, define `reset_state`, `update_state` and `result`, and call `reset_state` in `__init__`. If
    its state is sums, name them in `sums`, and `merge` works too.
    """

    sums = ()  # the attributes that batches are added to

    def __init__(self, name=None, dtype=None):
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()  # F1Score: f1_score
        self.dtype = None if dtype is None else str(np.dtype(dtype))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count a batch: targets, predictions, and optionally a weight for each example."""
        raise NotImplementedError(f"{type(self).__name__} does not define update_state")

    def result(self):
        """The metric over everything that was counted since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} does not define result")

    def reset_state(self):
        """Forget everything that was counted."""
        raise NotImplementedError(f"{type(self).__name__} does not define reset_state")

    def merge(self, *others):
        """Add what others of its kind counted, as if this one had seen their batches too; returns itself.

        So the parts of a data set may be counted apart, by several threads or ranks.
        """
        for other in others:
            if type(other) is not type(self) or _unnamed(other) != _unnamed(self):
                raise ValueError(f"{self.name}: merge: expected a {Configured.__repr__(self)}, got {other!r}: metrics "
                                 "of one kind and one configuration can be added")
        for other in others:
            self.add_state(other)
        return self

    def add_state(self, other):
        """Add the state of another one of its kind and configuration."""
        for name in self.sums:
            a, b = (np.asarray(getattr(metric, name)) for metric in (self, other))
            shape = np.maximum(a.shape, b.shape) if a.ndim == b.ndim else a.shape if a.size else b.shape
            total = grown(a, shape) + grown(b, shape)
            setattr(self, name, total if total.ndim else total.item())

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self):
        value = self.result()
        shown = f"{float(value):.4f}" if np.ndim(value) == 0 else f"an array of shape {np.shape(value)}"
        settings = Configured.__repr__(self)[len(type(self).__name__) + 1:-1]
        return f"<{type(self).__name__} {self.name!r}{', ' * bool(settings)}{settings}: {shown}>"

    # What the metrics below share: taking in, weighing, refusing.

    def numbers(self, x, what):
        """x as a NumPy array with a batch axis: numbers, none of them nan."""
        try:
            x = backend.to_numpy(x)
        except ValueError as error:  # a list of rows of different lengths
            raise self.fault(what, "an array of numbers", f"a list that is none ({error})",
                             "give all rows one length") from None
        if x.dtype.kind not in "biuf":
            raise TypeError(str(self.fault(what, "numbers", f"an array of dtype {x.dtype}",
                                           "give class numbers or scores, not names or objects")))
        if x.ndim == 0:
            raise self.fault(what, "a batch axis", "a single number", "put it into a list")
        if x.size == 0:
            raise self.fault(what, "at least one example", f"an empty array of shape {x.shape}", "leave this batch out")
        if x.dtype.kind == "f" and np.isnan(x).any():
            first = tuple(int(i) for i in np.argwhere(np.isnan(x))[0])
            raise self.fault(what, "numbers", f"{int(np.isnan(x).sum())} nan of {x.size}, the first at index {first}",
                             "look for a learning rate that is too high, log(0) or 0/0")
        return x.astype(self.dtype, copy=False) if self.dtype and x.dtype.kind == "f" else x

    def finite(self, x, what):
        """The numbers x, refused if there is an infinity: a sum would be infinite ever after."""
        x = self.numbers(x, what)
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise self.fault(what, "finite numbers", f"{int((~np.isfinite(x)).sum())} inf of {x.size}",
                             "look for an overflow, a division by 0 or a learning rate that is too high")
        return x

    def pair(self, y_true, y_pred):
        """(y_true, y_pred): finite numbers of one shape."""
        y_true, y_pred = self.finite(y_true, "y_true"), self.finite(y_pred, "y_pred")
        y_true = as_shaped(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise self.fault("y_true", f"the shape of the predictions, {y_pred.shape}", f"{y_true.shape}",
                             "reshape one of them, or each would be compared with every other")
        return y_true, y_pred

    def weigh(self, sample_weight, shape):
        """The weights of the numbers of an array of that shape, flat; None for 1 each.

        sample_weight has the shape, or its first axes only: (N,) or (N, 1) weighs the N sequences of (N, T).
        """
        if sample_weight is None:
            return None
        w = backend.to_numpy(sample_weight)
        if w.dtype.kind not in "biuf" or not np.isfinite(w).all() or (w < 0).any():
            raise self.fault("sample_weight", "finite numbers, 0 or more", f"an array of dtype {w.dtype}"
                             + (" with negative, nan or inf among them" if w.dtype.kind in "if" else ""),
                             "clean the weights")
        given = w.shape
        while w.ndim > 1 and w.shape[-1] == 1 and w.shape != shape[:w.ndim]:
            w = w[..., 0]
        if w.ndim == 0 or w.shape != shape[:w.ndim]:
            allowed = " or ".join(str(shape[:n]) for n in range(1, len(shape) + 1))
            raise self.fault("sample_weight", f"a weight for each example, shape {allowed}", f"{given}",
                             "reshape the weights")
        return np.broadcast_to(w.reshape(w.shape + (1,) * (len(shape) - w.ndim)), shape).astype(float).reshape(-1)

    def fault(self, what, expected, got, mend):
        """A ValueError: the metric's name, what is wrong with what, and the way out."""
        return ValueError(f"{self.name}: {what}: expected {expected}, got {got}: {mend}")

    def chosen(self, what, value, choices):
        """The value, if it is one of the choices."""
        if not any(value is c or (type(value) is type(c) and value == c) for c in choices):
            raise self.fault(what, f"one of {', '.join(map(repr, choices))}", repr(value), "choose one")
        return value

    def whole(self, what, value, least):
        """The value as an int, if it is a whole number from `least` on; None stays None."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or value != int(value) or value < least:
            raise self.fault(what, f"an integer from {least} on", repr(value), "or leave it out")
        return int(value)


def _unnamed(metric):
    return {**Configured.get_config(metric), "name": None}


def as_shaped(y_true, y_pred):
    """y_true in the shape of y_pred, if they differ by an axis of length 1 at the end, as losses take them too."""
    alike = y_true.shape == (*y_pred.shape, 1) or (*y_true.shape, 1) == y_pred.shape
    return y_true.reshape(y_pred.shape) if alike else y_true


def grown(counts, shape):
    """The counts, with zeros at the end of each axis up to this shape."""
    if counts.shape == tuple(shape):
        return counts
    larger = np.zeros(shape, counts.dtype)
    if counts.ndim == len(shape):
        larger[tuple(map(slice, counts.shape))] = counts
    return larger


def ratio(a, b, zero_division=0.0):
    """a / b, elementwise, and zero_division where b is 0."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.divide(a, b, out=np.full(np.broadcast_shapes(a.shape, b.shape), float(zero_division)), where=b != 0)
