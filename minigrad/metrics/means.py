"""Means of numbers: of a loss, of squared and absolute errors. Sums are kept in float64."""

import numpy as np

from minigrad import backend
from minigrad.metrics.metric import Metric, as_shaped


class Mean(Metric):
    """Σ w v / Σ w over all values v, of any shape, with weights w (1 unless given); 0 before anything was counted.

    `update_state(values, sample_weight=None)`. Weigh a batch's mean loss by its size to get the mean over examples.
    """

    def __init__(self, name=None):
        super().__init__(name)
        self.reset_state()

    def reset_state(self):
        self.total, self.weight = 0.0, 0.0

    def update_state(self, values, sample_weight=None):
        self.add(self.finite(np.atleast_1d(self.numbers(_listed(values), "values")), "values"), sample_weight)

    def add(self, values, sample_weight):
        """Add values (any shape) with their weights."""
        w = self.weights(sample_weight, values.shape)
        values = values.astype(float).reshape(-1)
        self.total += float(values.sum() if w is None else values @ w)
        self.weight += float(values.size if w is None else w.sum())

    def finite(self, x, what):
        """x, refused if it has an infinity: the mean would be infinite ever after."""
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise self.fault(what, "finite numbers", f"{int((~np.isfinite(x)).sum())} inf of {x.size}",
                             "look for an overflow, a division by 0 or a learning rate that is too high")
        return x

    def result(self):
        return self.total / self.weight if self.weight else 0.0


def _listed(values):
    return values if np.ndim(values) else [float(values)]


class MeanMetricWrapper(Mean):
    """The mean over all examples of a function of one's own: what `metrics=[function]` becomes.

    `function(y_true, y_pred)` gives a number for each example (N, ...), or one for the batch, weighed by its size.
    """

    def __init__(self, function, name=None):
        super().__init__(name or getattr(function, "__name__", None))
        self.function = function

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = backend.to_numpy(self.function(y_true, y_pred))
        if values.ndim == 0:
            values = np.full(len(y_pred), values)
        super().update_state(values, sample_weight)


class _MeanError(Mean):
    """The mean of an error of each number; y_true and y_pred of one shape, any."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = self.finite(self.numbers(y_true, "y_true"), "y_true")
        y_pred = self.finite(self.numbers(y_pred, "y_pred"), "y_pred")
        y_true = as_shaped(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise self.fault("y_true", f"the shape of the predictions, {y_pred.shape}", f"{y_true.shape}",
                             "reshape one of them, or each would be compared with every other")
        self.add(self.error(y_pred.astype(float) - y_true.astype(float)), sample_weight)


class MeanSquaredError(_MeanError):
    """mean((y_pred - y_true)²) over all numbers"""

    def error(self, difference):
        return difference ** 2


class MeanAbsoluteError(_MeanError):
    """mean(|y_pred - y_true|) over all numbers"""

    def error(self, difference):
        return np.abs(difference)
