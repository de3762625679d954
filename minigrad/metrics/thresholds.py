"""Yes or no at thresholds: how many labels are right and wrong there, and the best of one rate under a bound on another.

A score above a threshold says yes. Labels are 0 and 1, in the shape of the scores, any; all of them count together.
TP + FN = the true ones, FP + TN = the others.
"""

import numpy as np

from minigrad.metrics.counts import indicators
from minigrad.metrics.metric import Metric, ratio


def counts_above(thresholds, true, scores, weights=None):
    """(right, predicted, true), for thresholds (K,), labels and scores (N, C), weights flat or None

    predicted (K, C)  the number (or the weight) of scores above each threshold, in each column; right (K, C) of those that
    are true; true (C,) all that are true. A score is put into the gap between two thresholds where it lies; so many are
    above a threshold as lie in the gaps from it on.
    """
    thresholds = np.asarray(thresholds, scores.dtype if scores.dtype.kind == "f" else float)
    order = thresholds.argsort(kind="stable")
    gap = np.searchsorted(thresholds[order], scores)  # how many thresholds are below the score
    rows, columns = len(thresholds) + 1, scores.shape[1]
    place = (gap * columns + np.arange(columns)).reshape(-1)
    flat, found = true.reshape(-1), []
    for chosen in flat, slice(None):
        count = np.bincount(place[chosen], None if weights is None else weights[chosen], rows * columns)
        above = count.reshape(rows, columns)[::-1].cumsum(axis=0)[::-1]
        at = np.empty_like(above[1:])
        at[order] = above[1:]
        found += [at, above[0]]
    return found[0], found[2], found[1]


def checked_thresholds(metric, thresholds, default=0.5):
    """A number or a list of numbers from 0 to 1, as a list; the default for None."""
    if thresholds is None:
        return [default]
    listed = [float(t) for t in np.atleast_1d(thresholds)]
    if not listed or not all(0 <= t <= 1 for t in listed):
        raise metric.fault("thresholds", "numbers from 0 to 1", repr(thresholds), "scores are compared with them")
    return listed


class AtThresholds(Metric):
    """Counts at thresholds: `right`, `predicted` (K,), `true` and `total`, numbers: those of all labels together."""

    sums = ("right", "predicted", "true", "total")
    class_id = None

    def reset_state(self):
        self.right = self.predicted = np.zeros(len(self.levels()), np.int64)
        self.true = self.total = 0

    def levels(self):
        """The thresholds, as a list."""
        return checked_thresholds(self, self.thresholds)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self.numbers(y_true, "y_true"), self.numbers(y_pred, "y_pred")
        true, scores = indicators(self, y_true, y_pred)
        weights = self.weigh(sample_weight, y_pred.shape)
        true, scores, weights = one_column(self, true, scores, weights, self.class_id)
        right, predicted, of_true = counts_above(self.levels(), true, scores, weights)
        self.right, self.predicted = self.right + right.sum(axis=1), self.predicted + predicted.sum(axis=1)
        self.true += of_true.sum().item()
        self.total += true.size if weights is None else float(weights.sum())

    def fractions(self):
        """(precision, recall, specificity) at each threshold, each (K,): TP / (TP + FP), TP / (TP + FN), TN / (TN + FP)."""
        false = self.total - self.true
        return (ratio(self.right, self.predicted), ratio(self.right, self.true),
                ratio(false - (self.predicted - self.right), false))


def one_column(metric, true, scores, weights, class_id):
    """(true, scores, weights) of the column class_id alone; all of them for None."""
    if class_id is None:
        return true, scores, weights
    columns = scores.shape[1]
    if not 0 <= class_id < columns:
        raise metric.fault("class_id", f"a column of the {columns} of y_pred", f"{class_id}", "count from 0")
    weights = weights if weights is None else weights.reshape(scores.shape)[:, class_id]
    return true[:, [class_id]], scores[:, [class_id]], weights


class TruePositives(AtThresholds):
    """How many labels are 1 and have a score above the threshold (the sum of their weights, if given).

    thresholds  a number from 0 to 1, 0.5 unless given, or a list of K, which gives a vector (K,)
    """

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(name, dtype)
        self.thresholds = thresholds
        checked_thresholds(self, thresholds)
        self.reset_state()

    def result(self):
        counts = self.count()
        return float(counts[0]) if len(counts) == 1 else counts.astype(float)

    def count(self):
        """How many at each threshold, (K,)."""
        return self.right


class FalsePositives(TruePositives):
    """How many labels are 0 and have a score above the threshold; see TruePositives."""

    def count(self):
        """How many at each threshold, (K,)."""
        return self.predicted - self.right


class FalseNegatives(TruePositives):
    """How many labels are 1 and have no score above the threshold; see TruePositives."""

    def count(self):
        """How many at each threshold, (K,)."""
        return self.true - self.right


class TrueNegatives(TruePositives):
    """How many labels are 0 and have no score above the threshold; see TruePositives."""

    def count(self):
        """How many at each threshold, (K,)."""
        return self.total - self.true - (self.predicted - self.right)


class _BestUnderBound(AtThresholds):
    """The largest `best` at those of num_thresholds thresholds, evenly from 0 to 1, where `bounded` is at least a bound.

    0 if there is no such threshold. Rates are numbered as `fractions` gives them: 0 precision, 1 recall, 2 specificity.
    """

    best = bounded = 0

    def __init__(self, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(name, dtype)
        self.num_thresholds, self.class_id = self.whole("num_thresholds", num_thresholds, 1), class_id
        self.reset_state()

    def levels(self):
        return [0.5] if self.num_thresholds == 1 else np.linspace(0, 1, self.num_thresholds).tolist()

    def bound(self, what, value):
        """The value, if it is from 0 to 1."""
        if isinstance(value, str) or not 0 <= value <= 1:
            raise self.fault(what, "a number from 0 to 1", repr(value), "it is a rate")
        return value

    def largest(self, bound):
        """The best rate under the bound."""
        rates = self.fractions()
        return float(np.where(rates[self.bounded] >= bound, rates[self.best], 0).max())


class SensitivityAtSpecificity(_BestUnderBound):
    """The largest sensitivity (recall, TP / (TP + FN)) at a threshold where the specificity TN / (TN + FP) is as bidden."""

    best, bounded = 1, 2

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(num_thresholds, class_id, name, dtype)
        self.specificity = self.bound("specificity", specificity)

    def result(self):
        return self.largest(self.specificity)


class SpecificityAtSensitivity(_BestUnderBound):
    """The largest specificity TN / (TN + FP) at a threshold where the sensitivity TP / (TP + FN) is at least as bidden."""

    best, bounded = 2, 1

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(num_thresholds, class_id, name, dtype)
        self.sensitivity = self.bound("sensitivity", sensitivity)

    def result(self):
        return self.largest(self.sensitivity)


class PrecisionAtRecall(_BestUnderBound):
    """The largest precision TP / (TP + FP) at a threshold where the recall TP / (TP + FN) is at least as bidden."""

    best, bounded = 0, 1

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(num_thresholds, class_id, name, dtype)
        self.recall = self.bound("recall", recall)

    def result(self):
        return self.largest(self.recall)


class RecallAtPrecision(_BestUnderBound):
    """The largest recall TP / (TP + FN) at a threshold where the precision TP / (TP + FP) is at least as bidden."""

    best, bounded = 1, 0

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(num_thresholds, class_id, name, dtype)
        self.precision = self.bound("precision", precision)

    def result(self):
        return self.largest(self.precision)
