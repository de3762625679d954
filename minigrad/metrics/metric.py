"""Metric: what every metric has, and how all of them look at what they are given."""

import re

import numpy as np

from minigrad import backend


class Metric:
    """`update_state(y_true, y_pred)` for each batch, then `result()`; `reset_state()` starts again.

    Calling a metric does both: it counts the batch and returns the result so far. Inputs may be arrays of any library,
    Tensors or lists. A batch that cannot be counted raises, and leaves the metric as it was.

    To write one of your own, define `reset_state`, `update_state` and `result`, and call `reset_state` in `__init__`.
    """

    def __init__(self, name=None):
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()  # F1Score: f1_score

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count a batch: targets, predictions, and optionally a weight for each example."""
        raise NotImplementedError(f"{type(self).__name__} does not define update_state")

    def result(self):
        """The metric over everything that was counted since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} does not define result")

    def reset_state(self):
        """Forget everything that was counted."""
        raise NotImplementedError(f"{type(self).__name__} does not define reset_state")

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self):
        settings = "".join(f", {key}={value!r}" for key, value in self.settings().items())
        value = self.result()
        shown = f"{float(value):.4f}" if np.ndim(value) == 0 else f"an array of shape {np.shape(value)}"
        return f"<{type(self).__name__} {self.name!r}{settings}: {shown}>"

    def settings(self):
        """What the repr shows besides the name: {argument: value}."""
        return {}

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
        return x

    def weights(self, sample_weight, shape):
        """The weights of the numbers of an array of that shape, flat; None for 1 each.

        sample_weight has the shape, or its first axes only: (N,) weighs the N sequences of (N, T).
        """
        if sample_weight is None:
            return None
        w = backend.to_numpy(sample_weight)
        if w.dtype.kind not in "biuf" or not np.isfinite(w).all() or (w < 0).any():
            raise self.fault("sample_weight", "finite numbers, 0 or more", f"an array of dtype {w.dtype}"
                             + (" with negative, nan or inf among them" if w.dtype.kind in "if" else ""),
                             "clean the weights")
        if w.shape != shape[:w.ndim]:
            allowed = " or ".join(str(shape[:n]) for n in range(1, len(shape) + 1))
            raise self.fault("sample_weight", f"a weight for each example, shape {allowed}", f"{w.shape}",
                             "reshape the weights")
        return np.broadcast_to(w.reshape(w.shape + (1,) * (len(shape) - w.ndim)), shape).astype(float).reshape(-1)

    def fault(self, what, expected, got, mend):
        """A ValueError: the metric's name, what is wrong with what, and the way out."""
        return ValueError(f"{self.name}: {what}: expected {expected}, got {got}: {mend}")


def as_shaped(y_true, y_pred):
    """y_true in the shape of y_pred, if they differ by an axis of length 1 at the end, as losses take them too."""
    alike = y_true.shape == (*y_pred.shape, 1) or (*y_true.shape, 1) == y_pred.shape
    return y_true.reshape(y_pred.shape) if alike else y_true


def ratio(a, b, zero_division=0.0):
    """a / b, elementwise, and zero_division where b is 0."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.divide(a, b, out=np.full(np.broadcast_shapes(a.shape, b.shape), float(zero_division)), where=b != 0)
