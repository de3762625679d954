"""Precision, recall and F: from how many of a class were right, predicted and true.

For class c: TP = right, TP + FP = predicted as c, TP + FN = true examples of c. Averages as in scikit-learn
(`precision_recall_fscore_support`); the F-measure is van Rijsbergen's (Information Retrieval, 1979, chapter 7).
"""

import numpy as np

from minigrad.metrics.counts import ClassMetric, tally
from minigrad.metrics.metric import ratio

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


def averaged(score, average, right, predicted, true):
    """score(right, predicted, true) of the classes' counts, each (C,), as one number, or (C,) with average=None.

    "binary"    the score of class 1
    "macro"     the mean of the scores of the classes that occur, in targets or predictions (as in scikit-learn)
    "micro"     the score of the sums of the counts
    "weighted"  the mean of the classes' scores, weighted by their true examples
    """
    if average == "micro":
        return float(score(right.sum(), predicted.sum(), true.sum()))
    scores = score(right, predicted, true)
    if average is None:
        return scores
    if average == "binary":
        return float(scores[1])
    weights = true if average == "weighted" else (true > 0) | (predicted > 0)
    return float(ratio((scores * weights).sum(), weights.sum()))


class ClassScore(ClassMetric):
    """A score of each class, averaged. Keeps three counts for each class, not the whole matrix.

    average        None: a vector (C,); "binary" (of class 1), "macro", "micro", "weighted": a number, see `averaged`;
                   "auto", the default: binary while there are at most two classes, macro when there are more
    threshold      above which a single score means class 1
    zero_division  0 or 1: the score where nothing was predicted, or nothing is true (0/0)
    num_classes    the number of classes, if class numbers are given and the highest might not occur
    """

    def __init__(self, average="auto", threshold=0.5, zero_division=0, num_classes=None, name=None):
        self.average, self.zero_division = average, zero_division
        super().__init__(name, threshold, num_classes)
        if average not in AVERAGES:
            raise self.fault("average", f"one of {', '.join(map(repr, AVERAGES))}", repr(average), "choose one")
        if zero_division not in (0, 1):
            raise self.fault("zero_division", "0 or 1", repr(zero_division), "choose one")

    def score(self, right, predicted, true):
        """The score of each class from its counts."""
        raise NotImplementedError

    def reset_state(self):
        super().reset_state()
        self.right = self.predicted = self.true = np.zeros(self.classes, np.int64)

    def update_state(self, y_true, y_pred, sample_weight=None):
        before = self.classes, self.columns, self.right, self.predicted, self.true
        super().update_state(y_true, y_pred, sample_weight)
        if self.average == "binary" and self.classes > 2:
            classes = self.classes
            self.classes, self.columns, self.right, self.predicted, self.true = before
            raise self.fault("average='binary'", "two classes", f"{classes}", "choose macro, micro, weighted or None")

    def add(self, true, predicted, weights):
        hits = true == predicted
        self.right = tally(self.right, true[hits], None if weights is None else weights[hits], self.classes)
        self.predicted = tally(self.predicted, predicted, weights, self.classes)
        self.true = tally(self.true, true, weights, self.classes)

    def result(self):
        """The score over all batches: a number, or (C,) with average=None; 0 before anything was counted."""
        if self.classes == 0:
            return np.zeros(0) if self.average is None else 0.0
        average = self.average if self.average != "auto" else "binary" if self.classes <= 2 else "macro"
        counts = self.right, self.predicted, self.true
        if average == "binary":  # class 1 may not have occurred yet
            counts = [np.pad(c, (0, 2 - len(c))) for c in counts]
        return averaged(self.score, average, *counts)

    def settings(self):
        return {"average": self.average}


class Precision(ClassScore):
    """TP / (TP + FP): how many of those predicted as the class are of it."""

    def score(self, right, predicted, true):
        return precision(right, predicted, true, self.zero_division)


class Recall(ClassScore):
    """TP / (TP + FN): how many of the class were found."""

    def score(self, right, predicted, true):
        return recall(right, predicted, true, self.zero_division)


class FBetaScore(ClassScore):
    """(1 + β²) P R / (β² P + R), P precision, R recall: with β = 2 recall weighs more, with β = 0.5 precision."""

    def __init__(self, beta=1.0, average="auto", threshold=0.5, zero_division=0, num_classes=None, name=None):
        if isinstance(beta, str) or not 0 < beta < np.inf:
            raise ValueError(f"{name or 'fbeta_score'}: beta: expected a positive number, got {beta!r}: 1 weighs "
                             "precision and recall alike")
        self.beta = beta
        super().__init__(average, threshold, zero_division, num_classes, name)

    def score(self, right, predicted, true):
        return f_beta(right, predicted, true, self.zero_division, self.beta)

    def settings(self):
        return {"beta": self.beta, "average": self.average}


class F1Score(FBetaScore):
    """2 P R / (P + R) = 2 TP / (2 TP + FP + FN): the harmonic mean of precision and recall."""

    def __init__(self, average="auto", threshold=0.5, zero_division=0, num_classes=None, name=None):
        super().__init__(1.0, average, threshold, zero_division, num_classes, name)

    def settings(self):
        return {"average": self.average}
