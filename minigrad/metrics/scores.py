"""Precision, recall and F: from how many of a class were right, predicted and true.

For class c: TP = right, TP + FP = predicted as c, TP + FN = true examples of c. Averages as in scikit-learn
(`precision_recall_fscore_support`); the F-measure is van Rijsbergen's (Information Retrieval, 1979, chapter 7).
"""

import numpy as np

from minigrad.metrics.counts import ClassMetric, form_of, indicators, tally
from minigrad.metrics.metric import grown, ratio
from minigrad.metrics.thresholds import checked_thresholds, counts_above, one_column

AVERAGES = ("auto", "binary", "macro", "micro", "weighted", None)


def precision(right, predicted, true, zero_division=0.0):
    """TP / (TP + FP)"""
    return ratio(right, predicted, zero_division)


def recall(right, predicted, true, zero_division=0.0):
    """TP / (TP + FN)"""
    return ratio(right, true, zero_division)


def f_beta(right, predicted, true, zero_division=0.0, beta=1.0):
    """(1 + β²) P R / (β² P + R) = (1 + β²) TP / (predicted + β² true): with P = TP / predicted and R = TP / true,
    multiply above and below by predicted · true / TP. This form has no 0/0 where P = R = 0."""
    return ratio((1 + beta ** 2) * np.asarray(right), predicted + beta ** 2 * np.asarray(true), zero_division)


def averaged(score, average, right, predicted, true, occur=True):
    """score(right, predicted, true) of the classes' counts, each (C,), as one number, or (C,) with average=None.

    "binary"    the score of class 1
    "macro"     the mean of the classes' scores; with `occur` of those that occur, in targets or predictions
    "micro"     the score of the sums of the counts
    "weighted"  the mean of the classes' scores, weighted by their true examples
    """
    if average == "micro":
        return float(score(right.sum(), predicted.sum(), true.sum()))
    scores = score(right, predicted, true)
    if average is None:
        return scores
    if average == "binary":
        return float(scores[-1])
    if average == "weighted":
        return float(ratio((scores * true).sum(), true.sum()))
    counted = (true > 0) | (predicted > 0) if occur else np.ones(len(scores), bool)
    return float(ratio((scores * counted).sum(), counted.sum()))


class ClassScore(ClassMetric):
    """A score of each class, averaged. Keeps three counts for each class, not the whole matrix.

    The examples come as classes, or as labels that are there or not, and shapes and dtypes tell which (counts.form_of):

    classes  class numbers against scores (..., C) or against class numbers; 0 and 1 against a score (...) or (..., 1), which
             means class 1 above 0.5. Counted and averaged as in scikit-learn: the macro average is over those that occur.
    labels   zeros and ones (..., C), one-hot or several in a row, against scores (..., C), as in Keras; also whenever
             thresholds are given. A label is predicted if its score is above the threshold; without one, if it is the
             largest of its row (each of those that are, if they are equal; but not a 0). The macro average is over all C,
             as in Keras, and in scikit-learn for such labels.

    average        None: a vector (C,); "binary" (of class 1), "macro", "micro", "weighted": a number, see `averaged`;
                   "auto": binary while there are at most two classes, macro when there are more; micro for labels
    zero_division  0 or 1: the score where nothing was predicted, or nothing is true (0/0)
    num_classes    the number of classes, if class numbers are given and the highest might not occur
    """

    sums = ("right", "predicted", "true")
    top_k = class_id = None

    def __init__(self, name=None, dtype=None, average="auto", zero_division=0, num_classes=None):
        self.average = average
        super().__init__(name, dtype, num_classes)
        self.chosen("average", average, AVERAGES)
        if zero_division not in (0, 1):
            raise self.fault("zero_division", "0 or 1", repr(zero_division), "choose one")
        self.zero_division = zero_division

    def levels(self):
        """The thresholds for labels, a list; None for the largest of each row."""
        raise NotImplementedError

    def as_labels(self, y_true, y_pred):
        """Whether these are labels that are there or not, and no classes."""
        return form_of(y_true, y_pred) == "categorical"

    def score(self, right, predicted, true):
        """The score of each class from its counts."""
        raise NotImplementedError

    def reset_state(self):
        super().reset_state()
        self.labels = None  # whether labels were counted, or classes
        levels = self.levels()
        self.right = self.predicted = np.zeros((1 if levels is None else len(levels), 0), np.int64)
        self.true = np.zeros(0, np.int64)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self.numbers(y_true, "y_true"), self.numbers(y_pred, "y_pred")
        labels = self.as_labels(y_true, y_pred)
        self._same_kind(labels)
        if labels:
            self._count_labels(y_true, y_pred, sample_weight)
        else:
            before = self.classes, self.columns, self.right, self.predicted, self.true
            super().update_state(y_true, y_pred, sample_weight)
            if self.average == "binary" and self.classes > 2:
                classes = self.classes
                self.classes, self.columns, self.right, self.predicted, self.true = before
                raise self.fault("average='binary'", "two classes", f"{classes}", "choose macro, micro, weighted or None")
        self.labels = labels

    def _same_kind(self, labels):
        if self.labels not in (None, labels):
            kinds = "classes", "labels that are there or not"
            raise self.fault("y_true", f"{kinds[self.labels]}, as before", kinds[labels], "or reset_state()")

    def _count_labels(self, y_true, y_pred, sample_weight):
        """Count (N, C) labels that are there or not, each for itself."""
        true, scores = indicators(self, y_true, y_pred)
        weights, levels = self.weigh(sample_weight, y_pred.shape), self.levels()
        columns = scores.shape[1]
        if self.top_k is not None and self.top_k < columns:
            scores = scores.astype(scores.dtype if scores.dtype.kind == "f" else float)
            np.put_along_axis(scores, (-scores).argsort(axis=1, kind="stable")[:, self.top_k:], -np.inf, axis=1)
        if levels is None:
            scores = ((scores == scores.max(axis=1, keepdims=True)) & (np.abs(scores) > 1e-9)).astype(float)
        true, scores, weights = one_column(self, true, scores, weights, self.class_id)
        if self.average == "binary" and scores.shape[1] > 1:
            raise self.fault("average='binary'", "one label", f"{columns}", "choose macro, micro, weighted or None")
        self.take_columns(columns)
        right, predicted, of_true = counts_above([0.5] if levels is None else levels, true, scores, weights)
        self.right = grown(self.right, right.shape) + right
        self.predicted = grown(self.predicted, right.shape) + predicted
        self.true = grown(self.true, of_true.shape) + of_true

    def add(self, true, predicted, weights):
        hits = true == predicted
        self.right = tally(self.right[0], true[hits], None if weights is None else weights[hits], self.classes)[None]
        self.predicted = tally(self.predicted[0], predicted, weights, self.classes)[None]
        self.true = tally(self.true, true, weights, self.classes)

    def add_state(self, other):
        """Add the state of another one of its kind and configuration."""
        if other.labels is not None:
            self._same_kind(other.labels)
            self.labels = other.labels
        super().add_state(other)

    def result(self):
        """The score over all batches: a number, or (C,) with average=None; 0 before anything was counted.

        With K > 1 thresholds there is one for each of them, (K,) or (K, C).
        """
        average = self.average
        if average == "auto":
            average = "micro" if self.labels else "binary" if self.classes <= 2 else "macro"
        right, predicted, true = self.right, self.predicted, self.true
        if not self.labels:  # classes that were told, and have not occurred yet
            size = 2 if average == "binary" else self.classes
            right, predicted, true = (grown(c, (*c.shape[:-1], size)) for c in (right, predicted, true))
        results = [averaged(self.score, average, r, p, true, not self.labels) for r, p in zip(right, predicted)]
        return results[0] if len(results) == 1 else np.stack(results)


class _Thresholded(ClassScore):
    """Precision or recall: the arguments of Keras, then those of scikit-learn."""

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None, average="auto", zero_division=0,
                 num_classes=None):
        self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        super().__init__(name, dtype, average, zero_division, num_classes)
        self.top_k = self.whole("top_k", top_k, 1)

    def as_labels(self, y_true, y_pred):
        """Whether these are labels that are there or not, and no classes."""
        given = self.thresholds is not None or self.top_k is not None or self.class_id is not None
        return given or super().as_labels(y_true, y_pred)

    def levels(self):
        if self.thresholds is None and self.top_k is None and self.average != "auto":
            return None
        return checked_thresholds(self, self.thresholds, 0.5 if self.top_k is None else -1e10)


class Precision(_Thresholded):
    """TP / (TP + FP): how many of those predicted as the class are of it.

    thresholds  a number from 0 to 1, or a list of K, which gives K results; 0.5 for labels with the average "auto"
    top_k       only the k largest scores of a row can be above the threshold, which all of them are unless it is given; of
                equal ones the first
    class_id    only this column counts
    average ... for classes, and for the labels of each column, see ClassScore
    """

    def score(self, right, predicted, true):
        return precision(right, predicted, true, self.zero_division)


class Recall(_Thresholded):
    """TP / (TP + FN): how many of the class were found. Arguments as for Precision."""

    def score(self, right, predicted, true):
        return recall(right, predicted, true, self.zero_division)


class FBetaScore(ClassScore):
    """(1 + β²) P R / (β² P + R), P precision, R recall: with β = 2 recall weighs more, with β = 0.5 precision.

    average    as in Keras a vector (C,), one score for each class, unless it is given; see ClassScore
    threshold  above which a label is predicted, instead of where its score is the largest of the row

    Keras adds 1e-7 to each divisor, so its scores are smaller than these by about as much.
    """

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None, zero_division=0,
                 num_classes=None):
        self.threshold = threshold
        if isinstance(beta, str) or not 0 < beta < np.inf:
            raise ValueError(f"{name}: beta: expected a positive number, got {beta!r}: 1 weighs precision and recall alike")
        self.beta = beta
        super().__init__(name, dtype, average, zero_division, num_classes)

    def as_labels(self, y_true, y_pred):
        """Whether these are labels that are there or not, and no classes."""
        return self.threshold is not None or super().as_labels(y_true, y_pred)

    def levels(self):
        """The threshold, in a list; None for the largest of each row."""
        return None if self.threshold is None else checked_thresholds(self, float(self.threshold))

    def score(self, right, predicted, true):
        return f_beta(right, predicted, true, self.zero_division, self.beta)


class F1Score(FBetaScore):
    """2 P R / (P + R) = 2 TP / (2 TP + FP + FN): the harmonic mean of precision and recall. Arguments as for FBetaScore."""

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None, zero_division=0, num_classes=None):
        super().__init__(average, 1.0, threshold, name, dtype, zero_division, num_classes)
