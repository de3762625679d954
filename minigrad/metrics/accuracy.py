"""Accuracy: the share of examples whose class is right, or among the k best."""

import numpy as np

from minigrad.metrics.counts import ClassMetric, class_numbers, decide, one_hot_classes, same_shape
from minigrad.metrics.means import Mean


class Accuracy(ClassMetric):
    """Σ w [predicted = true] / Σ w, with w = 1 unless sample_weight is given; 0 before anything was counted.

    Shapes and dtypes tell the form, as with Keras's metrics=["accuracy"] (see counts.form_of): scores (..., C) against
    class numbers (...) or one-hot (..., C); a score (N,) or (..., 1) against 0 and 1, class 1 above `threshold`; or class
    numbers against class numbers, as Keras's Accuracy takes them.
    """

    sums = ("right", "total")

    def __init__(self, name="accuracy", dtype=None, threshold=0.5):
        self.threshold = threshold
        super().__init__(name, dtype)

    def reset_state(self):
        super().reset_state()
        self.right = self.total = 0

    def add(self, true, predicted, weights):
        hits = true == predicted
        self.right += int(np.count_nonzero(hits)) if weights is None else float(weights @ hits)
        self.total += len(hits) if weights is None else float(weights.sum())

    def result(self):
        return self.right / self.total if self.total else 0.0

    def hits(self, y_true, y_pred):
        """1.0 for each example that is right, 0.0 for the others."""
        classes = decide(self, self.numbers(y_true, "y_true"), self.numbers(y_pred, "y_pred"), self.form, self.threshold)
        return (classes.true == classes.predicted).astype(float)


class SparseCategoricalAccuracy(Accuracy):
    """The share of examples whose largest score is the target's: y_true (...) or (..., 1) class numbers, y_pred (..., C)."""

    form = "sparse"

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(name, dtype)


class CategoricalAccuracy(Accuracy):
    """The share of examples whose largest score is the target's: y_true (..., C) one-hot, y_pred (..., C)."""

    form = "categorical"

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(name, dtype)


class BinaryAccuracy(Accuracy):
    """The share of scores on the right side of the threshold: y_true 0 or 1, and y_pred, of one shape, any.

    With (N, L), L yes-or-no labels of each example, every one of them counts.
    """

    form = "binary"

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(name, dtype, threshold)


class TopKCategoricalAccuracy(Mean):
    """The share of examples whose class is among the k largest scores: y_true (..., C) one-hot, y_pred (..., C).

    That is: fewer than k scores are larger than the right one's. So with ties at the k-th place all of them are in, as in
    Keras; scikit-learn's top_k_accuracy_score lets the order of the columns decide.
    """

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(name, dtype)
        self.k = self.whole("k", k, 1)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add(self.hits(y_true, y_pred), sample_weight)

    def hits(self, y_true, y_pred):
        """1.0 for each example whose class is among the k best, 0.0 for the others."""
        y_true, y_pred = self.numbers(y_true, "y_true"), self.numbers(y_pred, "y_pred")
        if y_pred.ndim < 2:
            raise self.fault("y_pred", "a column of scores for each class, shape (..., C)", f"shape {y_pred.shape}",
                             "give all scores")
        true = self.classes_of(y_true, y_pred)
        right = np.take_along_axis(y_pred, true[..., None], -1)
        return ((y_pred > right).sum(axis=-1) < self.k).astype(float)

    def classes_of(self, y_true, y_pred):
        """The number of each example's class."""
        same_shape(self, y_true, y_pred.shape, y_pred)
        return one_hot_classes(self, y_true)


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The share of examples whose class is among the k largest scores: y_true (...) or (..., 1) numbers, y_pred (..., C).

    from_sorted_ids  y_pred holds the numbers of classes instead, from the best one on
    """

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(k, name, dtype)
        self.from_sorted_ids = from_sorted_ids

    def hits(self, y_true, y_pred):
        """1.0 for each example whose class is among the k best, 0.0 for the others."""
        if not self.from_sorted_ids:
            return super().hits(y_true, y_pred)
        y_true, y_pred = self.numbers(y_true, "y_true"), self.numbers(y_pred, "y_pred")
        y_true = self.one_axis_less(y_true, y_pred)
        return (y_pred[..., :self.k] == y_true[..., None]).any(axis=-1).astype(float)

    def classes_of(self, y_true, y_pred):
        """The number of each example's class."""
        return class_numbers(self, self.one_axis_less(y_true, y_pred), "y_true", y_pred.shape[-1])

    def one_axis_less(self, y_true, y_pred):
        """y_true in the shape of y_pred without its last axis."""
        y_true = y_true[..., 0] if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true
        same_shape(self, y_true, y_pred.shape[:-1], y_pred)
        return y_true


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """[(y_pred > threshold) = y_true], a 1 or 0 for each number, in the shape of y_pred"""
    return BinaryAccuracy(threshold=threshold).hits(y_true, y_pred)


def categorical_accuracy(y_true, y_pred):
    """[argmax y_pred = argmax y_true] over the last axis: (..., C) and (..., C) -> (...)"""
    return CategoricalAccuracy().hits(y_true, y_pred)


def sparse_categorical_accuracy(y_true, y_pred):
    """[argmax y_pred = y_true], the argmax over the last axis: (...) and (..., C) -> (...)"""
    return SparseCategoricalAccuracy().hits(y_true, y_pred)


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """[fewer than k scores are larger than that of the right class]: one-hot (..., C) and (..., C) -> (...)"""
    return TopKCategoricalAccuracy(k).hits(y_true, y_pred)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """[fewer than k scores are larger than that of the right class]: numbers (...) and (..., C) -> (...)"""
    return SparseTopKCategoricalAccuracy(k, from_sorted_ids=from_sorted_ids).hits(y_true, y_pred)
