"""The one core of all metrics of classification: which classes are meant, and how they are counted.

`decide` turns targets and predictions of any accepted form into two integer arrays of classes; a ClassMetric counts the
pairs. Counts are integers (until a weight comes), so sums over batches are exact whatever the batch size. The mean of
each batch's F1 is *not* the F1 of all batches: that is why results are computed from counts, and never averaged.
"""

from typing import NamedTuple

import numpy as np

from minigrad import backend
from minigrad.metrics.metric import Metric, as_shaped, grown, ratio


class Classes(NamedTuple):
    """The true and the predicted class of each example, of one shape, and how many classes there are if that is known."""

    true: np.ndarray
    predicted: np.ndarray
    count: int | None


def form_of(y_true, y_pred):
    """How to read predictions of unknown form, from shapes and dtypes alone (as Keras reads metrics=["accuracy"]).

    "sparse"       scores (..., C) against class numbers (...) or (..., 1)
    "categorical"  scores (..., C) against one-hot rows (..., C)
    "binary"       scores of class 1, (N,) or (..., 1), against 0 and 1 of the same shape
    "classes"      class numbers (integers or bools) against class numbers of the same shape
    """
    columns = y_pred.shape[-1] if y_pred.ndim > 1 else 1
    if columns > 1 and (y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1):
        return "sparse"
    if y_pred.dtype.kind != "f":
        return "classes"
    return "categorical" if columns > 1 else "binary"


def decide(metric, y_true, y_pred, form="auto", threshold=0.5):
    """The Classes that y_true and y_pred mean: see form_of. Of equal scores, the first is the largest.

    A binary score is class 1 if it is above the threshold; 0.5 suits probabilities, 0 suits logits.
    """
    if form == "auto":
        form = form_of(y_true, y_pred)
    if form in ("sparse", "categorical"):
        if y_pred.ndim < 2 or y_pred.shape[-1] < 2:
            raise metric.fault("y_pred", "a column of scores for each class, shape (..., C)", f"shape {y_pred.shape}",
                               "for a single score use binary_accuracy")
        classes, rows = y_pred.shape[-1], y_pred.shape[:-1]
        if form == "sparse":
            if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
                y_true = y_true[..., 0]
            same_shape(metric, y_true, rows, y_pred)
            true = class_numbers(metric, y_true, "y_true", classes)
        else:
            same_shape(metric, y_true, y_pred.shape, y_pred)
            true = one_hot_classes(metric, y_true)
        return Classes(true, y_pred.argmax(axis=-1), classes)
    y_true = as_shaped(y_true, y_pred)
    same_shape(metric, y_true, y_pred.shape, y_pred)
    if form == "binary":
        return Classes(class_numbers(metric, y_true, "y_true", 2), (y_pred > threshold).astype(np.int64), 2)
    return Classes(class_numbers(metric, y_true, "y_true"), class_numbers(metric, y_pred, "y_pred"), None)


def same_shape(metric, y_true, expected, y_pred):
    """Refuse targets of another shape than expected, which broadcasting would compare each with every other."""
    if y_true.shape == expected:
        return
    if y_true.ndim == len(expected) + 1 and y_true.shape[:-1] == expected and y_pred.shape == expected:
        mend = "if the targets are one-hot, use y_true.argmax(-1)"
    elif y_true.shape[0] != expected[0]:
        mend = f"there are {y_true.shape[0]} targets for {expected[0]} predictions"
    else:
        mend = "reshape one of them"
    raise metric.fault("y_true", f"shape {expected} for predictions of shape {y_pred.shape}", f"{y_true.shape}", mend)


def class_numbers(metric, labels, what, classes=None):
    """labels as int64, each a whole number of 0 ... classes - 1."""
    if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
        raise metric.fault(what, "class numbers", f"{labels[labels != np.floor(labels)].flat[0]}",
                           "integers are classes; fractions are not")
    low, high = labels.min(), labels.max()
    if low < 0 or (classes is not None and high >= classes):
        if classes == 2:
            mend = "predictions with one score each are of two classes; class numbers must be integers: .astype(int)"
        elif low < 0:
            mend = "to leave examples out, give them sample_weight 0 and any class"
        else:
            mend = "count classes from 0, or give the model more outputs"
        raise metric.fault(what, f"classes 0 to {classes - 1}" if classes else "classes from 0 on",
                           f"{int(low if low < 0 else high)}", mend)
    return labels.astype(np.int64)


def one_hot_classes(metric, y_true):
    """The class of each row of y_true (..., C): the column of its largest entry."""
    if y_true.min() < 0 or y_true.max() > 1:
        raise metric.fault("y_true", f"one-hot rows of {y_true.shape[-1]} columns",
                           f"values from {y_true.min()} to {y_true.max()}",
                           "class numbers must lack the last axis of the predictions, or have size 1 there")
    if ((y_true == 0) | (y_true == 1)).all() and (y_true.sum(axis=-1) != 1).any():
        raise metric.fault("y_true", "one-hot rows, a single 1 in each", "rows with none or several",
                           "where each column is a yes or no of its own, use BinaryAccuracy, or flatten both")
    return y_true.argmax(axis=-1)


def indicators(metric, y_true, y_pred):
    """(true (N, C) of booleans, scores (N, C)): whether each label is there, and its score; C is 1 for single scores.

    y_true has the shape of y_pred, zeros and ones, or holds the number (...) of the one column that is 1.
    """
    columns = y_pred.shape[-1] if y_pred.ndim > 1 else 1
    if form_of(y_true, y_pred) == "sparse":
        true = np.eye(columns, dtype=bool)[decide(metric, y_true, y_pred, "sparse").true]
    else:
        y_true = as_shaped(y_true, y_pred)
        same_shape(metric, y_true, y_pred.shape, y_pred)
        true = class_numbers(metric, y_true, "y_true", 2) == 1
    return true.reshape(-1, columns), y_pred.reshape(-1, columns)


class ClassMetric(Metric):
    """A metric of decided classes: `add(true, predicted, weights)` counts them, all flat, weights None for 1 each.

    threshold    above which a single score means class 1
    num_classes  fixes the number of classes; otherwise it is the columns of the predictions, or grows with class numbers
    """

    form = "auto"
    limit = 10_000_000  # of classes that class numbers may grow to: a stray label must not fill the memory
    threshold = 0.5

    def __init__(self, name=None, dtype=None, num_classes=None):
        super().__init__(name, dtype)
        self.num_classes = self.whole("num_classes", num_classes, 2)
        self.reset_state()

    def reset_state(self):
        self.classes, self.columns = self.num_classes or 0, None

    def update_state(self, y_true, y_pred, sample_weight=None):
        true, predicted, columns = decide(self, self.numbers(y_true, "y_true"), self.numbers(y_pred, "y_pred"),
                                          self.form, 0.5 if self.threshold is None else self.threshold)
        weights = self.weigh(sample_weight, true.shape)
        known = self.num_classes or self.columns
        if known:
            class_numbers(self, true, "y_true", known), class_numbers(self, predicted, "y_pred", known)
        self.take_columns(columns, max(int(true.max()), int(predicted.max())) + 1)
        self.add(true.reshape(-1), predicted.reshape(-1), weights)

    def take_columns(self, columns, least=0):
        """Set the number of classes, from the columns of the scores if there are any, and at least so many."""
        known = self.num_classes or self.columns
        if columns and known and columns != known:
            raise self.fault("y_pred", f"scores of {known} classes as " + ("num_classes says" if self.num_classes else
                             "before"), f"{columns}", "use a metric of its own for each model, or reset_state()")
        if columns and self.classes > columns:
            raise self.fault("y_pred", f"scores of {self.classes} classes, which were counted before", f"{columns}",
                             "use a metric of its own for each model, or reset_state()")
        classes = known or columns or max(self.classes, least)
        if classes > self.limit and not self.num_classes:
            raise self.fault("classes", f"at most {self.limit:,} (else say num_classes)", f"{classes:,}",
                             "are these class numbers?")
        self.classes, self.columns = classes, columns or self.columns

    def add_state(self, other):
        """Add the state of another one of its kind and configuration."""
        self.take_columns(other.columns, other.classes)
        super().add_state(other)


def tally(counts, index, weights, size):
    """counts, grown to `size` along each axis, with 1 (or its weight) added at each index."""
    counts = np.array(grown(counts, (size,) * counts.ndim), counts.dtype if weights is None else float)
    backend.scatter_add(counts, index, 1 if weights is None else weights)
    return counts


class MatrixMetric(ClassMetric):
    """A metric that is read off the confusion matrix `counts` (C, C), rows true and columns predicted."""

    limit = 5_000  # squared: 200 MB
    sums = ("counts",)

    def reset_state(self):
        super().reset_state()
        self.counts = np.zeros((self.classes, self.classes), np.int64)

    def add(self, true, predicted, weights):
        self.counts = tally(self.counts, (true, predicted), weights, self.classes)


class ConfusionMatrix(MatrixMetric):
    """result()[i, j]: how many examples of class i were predicted as class j (the sum of their weights, if given).

    (C, C) integers; grows with the classes it meets unless num_classes is given. Every other metric of classes can be
    read off it: TP = the diagonal, the predicted are the column sums, the true the row sums.

    normalize  "true" divides by the sum of the row, "pred" by that of the column, "all" by all; where that is 0, it stays 0
    threshold  above which a single score means class 1
    """

    def __init__(self, num_classes=None, normalize=None, name=None, dtype=None, threshold=0.5):
        self.threshold = threshold
        super().__init__(name, dtype, num_classes)
        self.normalize = self.chosen("normalize", normalize, (None, "true", "pred", "all"))

    def result(self):
        if self.normalize is None:
            return self.counts.copy()
        axis = {"true": 1, "pred": 0, "all": None}[self.normalize]
        return ratio(self.counts, self.counts.sum(axis=axis, keepdims=True))
