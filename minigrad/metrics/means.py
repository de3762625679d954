"""Means and sums of numbers, and the means of what a function gives for each example: all losses are metrics too.

Sums are kept in float64. Each number counts as one, whatever the shape of the batch that it came in.
"""

import numpy as np

from minigrad import backend
from minigrad.autograd import no_grad
from minigrad.metrics.metric import Metric


class Sum(Metric):
    """Σ w v over all values v, of any shape, with weights w (1 unless given).

    `update_state(values, sample_weight=None)`: weights have the shape of the values, or their first axes only.
    """

    sums = ("total", "count")

    def __init__(self, name="sum", dtype=None):
        super().__init__(name, dtype)
        self.reset_state()

    def reset_state(self):
        self.total, self.count = 0.0, 0.0

    def update_state(self, values, sample_weight=None):
        values = backend.to_numpy(values)
        self.add(values if values.ndim else values[None], sample_weight)

    def add(self, values, sample_weight):
        """Add values (any shape) with their weights."""
        values = self.finite(values, "values")
        w = self.weigh(sample_weight, values.shape)
        values = values.astype(float).reshape(-1)
        self.total += float(values.sum() if w is None else values @ w)
        self.count += float(values.size if w is None else w.sum())

    def result(self):
        return self.total


class Mean(Sum):
    """Σ w v / Σ w over all values v, of any shape, with weights w (1 unless given); 0 before anything was counted.

    `update_state(values, sample_weight=None)`. Weigh a batch's mean loss by its size to get the mean over examples.
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(name, dtype)

    def result(self):
        return self.total / self.count if self.count else 0.0


class MeanMetricWrapper(Mean):
    """The mean over all examples of a function of one's own: what `metrics=[function]` becomes.

    `fn(y_true, y_pred, **kwargs)` gives a number for each example (N, ...), or one for the batch, weighed by its size.
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self._function, self._arguments = fn, kwargs

    @property
    def fn(self):
        """The function."""
        return self._function

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = backend.to_numpy(self.fn(y_true, y_pred, **self._arguments))
        if values.ndim == 0:
            values = np.full(len(y_pred), values)
        self.add(values, sample_weight)

    def get_config(self):
        """TypeError: a function cannot be written down."""
        raise TypeError(f"{self.name}: {self.fn!r} is a function, of which a config can only say the name")

    def add_state(self, other):
        """Add the state of another one of this function."""
        if other._arguments != self._arguments:
            raise self.fault("merge", f"arguments {self._arguments}", f"{other._arguments}", "merge means of one function")
        super().add_state(other)


class MeanLoss(Mean):
    """The mean over all examples of a loss of each, `function(y_true, y_pred, **its own arguments)`, in float64.

    y_true and y_pred have one shape, or differ by an axis of length 1 at the end. Unlike a loss's, its mean is by weight:
    Σ w l / Σ w.
    """

    function = None
    of_rows = False  # whether it is of whole rows (..., D); else (N,) are N examples of one number each

    def __init__(self, name=None, dtype=None):
        super().__init__(name or self.function.__name__, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self.pair(y_true, y_pred)
        if y_pred.ndim == 1:
            if self.of_rows:
                raise self.fault("y_pred", "rows of numbers, shape (..., C)", f"shape {y_pred.shape}", "give a row for each")
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        self.add(self.losses_of(y_true, y_pred), sample_weight)

    def losses_of(self, y_true, y_pred):
        """The loss of each example."""
        own = {k: v for k, v in self.get_config().items() if k not in ("name", "dtype")}
        with no_grad():
            return self.function(y_true, y_pred.astype(self.dtype or float), **own).numpy()

