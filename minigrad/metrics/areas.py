"""AUC: the area under the ROC or the precision-recall curve, exact or at thresholds; see curves."""

import numpy as np

from minigrad import backend
from minigrad.metrics.counts import form_of, indicators
from minigrad.metrics.curves import joined_counts, precision_recall_points, roc_points, sorted_counts
from minigrad.metrics.metric import Metric, ratio
from minigrad.metrics.thresholds import counts_above

CURVES, METHODS = ("ROC", "PR", "PRGAIN"), ("interpolation", "majoring", "minoring")


class AUC(Metric):
    """The area under a curve of the scores of positives and negatives: exact, or at num_thresholds thresholds as in Keras.

    Exact, unless num_thresholds or thresholds are given (where Keras takes 200). Every distinct score is a threshold; all
    of them are kept, 24 bytes each, so that the area does not depend on the batches. ROC is then scikit-learn's
    roc_auc_score, the probability that a positive has a higher score than a negative (a tie counts half: Mann and Whitney's
    U): nan if there are no positives, or no negatives. PR is its average_precision_score, Σ (R_k - R_(k-1)) P_k over
    the thresholds k, the highest first, with recall R and precision P: 0 if there are no positives.

    At thresholds, as Keras does: those of `num_thresholds` lie evenly from 0 to 1, and so must the scores, or from_logits
    must be told. PR is interpolated as in Davis and Goadrich 2006: between two thresholds TP and FP grow in step, by the
    share s = ΔTP / Δ(TP + FP). No positives or no negatives give 0.

    y_true, y_pred     (N,) or (N, 1): 0 or 1, and the score. (N, C): labels that are there or not, counted all together, or,
                       with multi_label, an area for each column, and their mean. Class numbers (N,) against scores (N, C)
                       are one against the rest, an area for each class, and their mean: roc_auc_score(multi_class="ovr")
    curve              "ROC"; "PR"; "PRGAIN", precision and recall gain (Flach and Kull 2015), whose curve starts at the
                       first point of recall gain 0
    summation_method   "interpolation"; "minoring" or "majoring" take the lower or the higher of two neighbouring points
    num_labels         C, to be told beforehand; only with multi_label
    label_weights      (C,) weights of the areas in their mean; without multi_label, of the labels when they are counted
    from_logits        whether scores are logits, of which the sigmoid is taken
    """

    def __init__(self, num_thresholds=None, curve="ROC", summation_method="interpolation", name="auc", dtype=None,
                 thresholds=None, multi_label=False, num_labels=None, label_weights=None, from_logits=False):
        super().__init__(name, dtype)
        self.num_thresholds = self.whole("num_thresholds", num_thresholds, 2)
        self.curve = self.chosen("curve", curve.upper() if isinstance(curve, str) else curve, CURVES)
        self.summation_method = self.chosen("summation_method", summation_method.lower() if isinstance(
            summation_method, str) else summation_method, METHODS)
        self.thresholds = None if thresholds is None else sorted(float(t) for t in thresholds)
        if self.thresholds and not 0 <= self.thresholds[0] <= self.thresholds[-1] <= 1:
            raise self.fault("thresholds", "numbers from 0 to 1", repr(thresholds), "scores are compared with them")
        self.multi_label, self.num_labels = multi_label, self.whole("num_labels", num_labels, 1)
        if num_labels and not multi_label:
            raise self.fault("num_labels", "None without multi_label", repr(num_labels), "give multi_label=True")
        self.label_weights = None if label_weights is None else np.asarray(label_weights, float).tolist()
        self.from_logits = from_logits
        self.reset_state()

    @property
    def exact(self):
        """Whether every score is a threshold."""
        return self.num_thresholds is None and self.thresholds is None

    def levels(self):
        """The thresholds, from just below 0 to just above 1."""
        inner = np.linspace(0, 1, self.num_thresholds)[1:-1] if self.thresholds is None else self.thresholds
        return np.concatenate([[-1e-7], inner, [1 + 1e-7]])

    def reset_state(self):
        self.columns = None  # how many areas there are
        self.scores, self.positive, self.negative = [], [], []  # of each: exact, by falling score; else at each threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self.numbers(y_true, "y_true"), self.finite(y_pred, "y_pred")
        true, scores = indicators(self, y_true, y_pred)
        if self.num_labels and scores.shape[1] != self.num_labels:
            raise self.fault("y_pred", f"{self.num_labels} columns, as num_labels says", f"{scores.shape[1]}", "change one")
        weights = self.weigh(sample_weight, y_pred.shape)
        apart = self.multi_label or form_of(y_true, y_pred) == "sparse"
        if self.label_weights is not None:
            if len(self.label_weights) != scores.shape[1]:
                raise self.fault("label_weights", f"one for each of the {scores.shape[1]} columns",
                                 f"{len(self.label_weights)}", "change one")
            if not apart:
                weights = ((1.0 if weights is None else weights.reshape(scores.shape)) * np.broadcast_to(
                    self.label_weights, scores.shape)).reshape(-1)
        if self.from_logits:
            scores = backend.special(scores).expit(scores)
        if not self.exact and (scores.min() < -1e-6 or scores.max() > 1 + 1e-6):
            raise self.fault("y_pred", "scores from 0 to 1", f"{scores.min():g} to {scores.max():g}",
                             "give from_logits=True, or leave out num_thresholds")
        if not apart:
            true, scores = true.reshape(-1, 1), scores.reshape(-1, 1)
        if self.columns not in (None, scores.shape[1]):
            raise self.fault("y_pred", f"{self.columns} columns as before", f"{scores.shape[1]}", "or reset_state()")
        self._take([self._counts(true[:, c], scores[:, c], None if weights is None else weights.reshape(scores.shape)[:, c])
                    for c in range(scores.shape[1])])

    def _counts(self, true, scores, weights):
        """(scores, positive, negative): the weights at each score, falling, or, at thresholds, above each of them."""
        if self.exact:
            weights = np.ones(len(scores), np.int64) if weights is None else weights
            return sorted_counts(scores.astype(float), weights * true, weights * ~true)
        right, predicted, _ = counts_above(self.levels(), true[:, None], np.clip(scores, 0, 1)[:, None], weights)
        return np.zeros(0), right[:, 0], predicted[:, 0] - right[:, 0]

    def _take(self, parts):
        """Add (scores, positive, negative) of each column."""
        if self.columns is None:
            self.columns = len(parts)
            empty = np.zeros(0 if self.exact else len(self.levels()), np.int64)
            self.scores, self.positive, self.negative = ([a] * len(parts) for a in (np.zeros(0), empty, empty))
        for c, (scores, positive, negative) in enumerate(parts):
            if self.exact:
                self.scores[c], self.positive[c], self.negative[c] = joined_counts(
                    (self.scores[c], self.positive[c], self.negative[c]), (scores, positive, negative))
            else:
                self.positive[c], self.negative[c] = self.positive[c] + positive, self.negative[c] + negative

    def add_state(self, other):
        """Add the state of another one of its kind and configuration."""
        if other.columns is not None:
            if self.columns not in (None, other.columns):
                raise self.fault("merge", f"{self.columns} columns", f"{other.columns}", "count the same labels")
            self._take(list(zip(other.scores, other.positive, other.negative)))

    def result(self):
        """The area, from 0 to 1."""
        if self.columns is None:
            return float("nan") if self.exact and self.curve == "ROC" else 0.0
        areas = [self._area(positive, negative) for positive, negative in zip(self.positive, self.negative)]
        return float(np.average(areas, weights=self.label_weights if len(areas) > 1 else None))

    def _area(self, positive, negative):
        if not self.exact:
            found, false = positive[::-1].astype(float), negative[::-1].astype(float)  # TP and FP, the threshold falling
        elif self.curve == "ROC":
            return _under(*roc_points(positive, negative), self.summation_method)
        elif self.curve == "PR" and self.summation_method == "interpolation":
            recall, precision = precision_recall_points(positive, negative)
            return float(np.diff(recall, prepend=0.0) @ precision)
        else:
            found, false = (np.concatenate([[0.0], w.cumsum()]) for w in (positive, negative))
        if self.curve == "ROC":
            return _under(ratio(false, false[-1]), ratio(found, found[-1]), self.summation_method)
        if self.curve == "PR":
            if self.summation_method == "interpolation":
                return _interpolated(found, false)
            return _under(ratio(found, found[-1]), ratio(found, found + false), self.summation_method)
        odds = ratio(found[-1], false[-1])  # positives to a negative
        recall_gain = np.where(found == 0, 0.0, np.maximum(1 - odds * ratio(found[-1] - found, found), 0))
        precision_gain = np.where(found == 0, 1.0, 1 - odds * ratio(false, found))
        return _under(recall_gain, precision_gain, self.summation_method)


def _under(x, y, method):
    """The area under the points, x rising."""
    a, b = y[:-1], y[1:]
    heights = {"interpolation": (a + b) / 2, "minoring": np.minimum(a, b), "majoring": np.maximum(a, b)}[method]
    return float(np.diff(x) @ heights)


def _interpolated(found, false):
    """∫ precision d(recall), with TP = s q + c linear in q = TP + FP between two thresholds: dTP = s dq, so that a piece is
    ∫ (s q + c)/q s dq / P = s (ΔTP + c log(q₁/q₀)) / P."""
    q = found + false
    gained, share = np.diff(found), ratio(np.diff(found), np.diff(q))
    c = found[:-1] - share * q[:-1]
    logs = np.log(ratio(q[1:], q[:-1], 1.0), out=np.zeros(len(share)), where=(q[:-1] > 0) & (q[1:] > 0))
    return float(ratio(share * (gained + c * logs), found[-1]).sum())
