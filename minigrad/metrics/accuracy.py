"""Accuracy: the share of examples whose class is right."""

import numpy as np

from minigrad.metrics.counts import ClassMetric


class Accuracy(ClassMetric):
    """Σ w [predicted = true] / Σ w, with w = 1 unless sample_weight is given; 0 before anything was counted.

    Shapes and dtypes tell the form, as with Keras's metrics=["accuracy"] (see counts.form_of): scores (..., C) against
    class numbers (...) or one-hot (..., C); a score (N,) or (..., 1) against 0 and 1; or class numbers against class
    numbers.
    """

    def __init__(self, name=None, threshold=0.5):
        super().__init__(name, threshold)

    def reset_state(self):
        super().reset_state()
        self.right = self.total = 0

    def add(self, true, predicted, weights):
        hits = true == predicted
        self.right += int(np.count_nonzero(hits)) if weights is None else float(weights @ hits)
        self.total += len(hits) if weights is None else float(weights.sum())

    def result(self):
        return self.right / self.total if self.total else 0.0


class SparseCategoricalAccuracy(Accuracy):
    """The share of examples whose largest score is the target's: y_true (...) or (..., 1) class numbers, y_pred (..., C)."""

    form = "sparse"

    def __init__(self, name=None):
        super().__init__(name)


class CategoricalAccuracy(Accuracy):
    """The share of examples whose largest score is the target's: y_true (..., C) one-hot, y_pred (..., C)."""

    form = "categorical"

    def __init__(self, name=None):
        super().__init__(name)


class BinaryAccuracy(Accuracy):
    """The share of scores on the right side of the threshold: y_true 0 or 1, and y_pred, of one shape, any.

    With (N, L), L yes-or-no labels of each example, every one of them counts.
    """

    form = "binary"

    def __init__(self, name=None, threshold=0.5):
        super().__init__(name, threshold)

    def settings(self):
        return {"threshold": self.threshold}
