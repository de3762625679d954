"""The curves of a score against two classes, ROC and precision-recall, and the areas under them.

At each threshold t the examples with a score of t or more are called positive. Lowering t past all the scores that occur
goes through all that the scores can do: TP and FP grow from 0 to the numbers P of positives and N of negatives.

    ROC   x = FP / N (false positive rate)     y = TP / P (true positive rate, recall)
    PR    x = TP / P (recall)                  y = TP / (TP + FP) (precision)

Fawcett 2006, "An introduction to ROC analysis"; Davis and Goadrich 2006, "The relationship between Precision-Recall and
ROC curves". The values are those of scikit-learn's functions of the same names.
"""

import numpy as np

from minigrad.metrics.counts import class_numbers
from minigrad.metrics.metric import Metric, as_shaped, ratio


def sorted_counts(scores, positive, negative):
    """(distinct scores, falling; the weights of positives and of negatives that have each), from any order."""
    if not len(scores):
        return scores, positive, negative
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))
    return (scores[starts], *(np.add.reduceat(w[order], starts) for w in (positive, negative)))


def joined_counts(many, few):
    """The sorted_counts of two parts of the data together: few are looked up in many, which are not sorted again."""
    place = np.searchsorted(-many[0], -few[0])
    known = np.append(many[0], np.nan)[place] == few[0]
    joined = [np.insert(many[0], place[~known], few[0][~known])]
    for old, new in zip(many[1:], few[1:]):
        weights = old.astype(np.result_type(old, new))
        weights[place[known]] += new[known]
        joined.append(np.insert(weights, place[~known], new[~known]))
    return joined


def roc_points(positive, negative):
    """(x, y) of the ROC curve, from (0, 0) on: see sorted_counts. nan where there are no negatives, or no positives."""
    return tuple(ratio(np.concatenate([[0], w.cumsum()]), w.sum(), np.nan) for w in (negative, positive))


def precision_recall_points(positive, negative):
    """(recall, precision) at each threshold, the highest first; recall is 1 where there are no positives."""
    found = positive.cumsum()
    return ratio(found, positive.sum(), 1.0), ratio(found, found + negative.cumsum())


def roc_curve(y_true, y_score, pos_label=None, sample_weight=None, drop_intermediate=True):
    """(false positive rates, true positive rates, thresholds), each (K,): from (0, 0) at the threshold inf to (1, 1)

    y_true         (N,) 0 and 1, or -1 and 1; or any numbers with pos_label, the one that is positive
    y_score        (N,) the larger, the more likely positive
    sample_weight  (N,) what each example counts
    drop_intermediate  leave out points in the middle of a straight piece

    Without negatives the first are nan, without positives the second.
    """
    scores, positive, negative = sorted_counts(*_counts("roc_curve", y_true, y_score, pos_label, sample_weight))
    if drop_intermediate and len(scores) > 2:
        found, false = positive.cumsum(), negative.cumsum()
        turns = (np.diff(found, 2) != 0) | (np.diff(false, 2) != 0)
        scores, positive, negative = _kept(np.concatenate([[True], turns, [True]]), scores, found, false)
    return (*roc_points(positive, negative), np.concatenate([[np.inf], scores]))


def precision_recall_curve(y_true, y_score, pos_label=None, sample_weight=None, drop_intermediate=False):
    """(precisions (K + 1,), recalls (K + 1,), thresholds (K,) rising): the last point is (1, 0), without a threshold

    Arguments as for roc_curve; drop_intermediate leaves out points between which only the precision changes. Without
    positives the recalls are 1, but for the last.
    """
    scores, positive, negative = sorted_counts(*_counts("precision_recall_curve", y_true, y_score, pos_label,
                                                        sample_weight))
    if drop_intermediate and len(scores) > 2:
        turns = (positive[1:-1] != 0) | (positive[2:] != 0)
        keep = np.concatenate([[True], turns, [True]])
        scores, positive, negative = _kept(keep, scores, positive.cumsum(), negative.cumsum())
    recall, precision = precision_recall_points(positive, negative)
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), scores[::-1]


def _kept(keep, scores, *sums):
    """The scores that are kept, and the weights between them."""
    return (scores[keep], *(np.diff(s[keep], prepend=s.dtype.type(0)) for s in sums))


def _counts(name, y_true, y_score, pos_label, sample_weight):
    """(scores, positive, negative weights) of the examples, those of weight 0 left out."""
    metric = Metric(name)
    y_true, y_score = metric.numbers(y_true, "y_true"), metric.finite(y_score, "y_score")
    if y_score.ndim == 2 and y_score.shape[1] == 1:
        y_score = y_score[:, 0]
    y_true = as_shaped(y_true, y_score)
    if y_score.ndim != 1 or y_true.shape != y_score.shape:
        raise metric.fault("y_true, y_score", "one score for each target, shapes (N,) and (N,)",
                           f"{y_true.shape} and {y_score.shape}", "of several columns take one: y_score[:, 1]")
    if pos_label is None:
        minus = bool((y_true == -1).any()) and not (y_true == 0).any()
        class_numbers(metric, (y_true + 1) / 2 if minus else y_true, "y_true", 2)
        pos_label = 1
    weights = metric.weigh(sample_weight, y_score.shape)
    positive = y_true == pos_label
    if weights is None:
        return y_score, positive.astype(np.int64), (~positive).astype(np.int64)
    counts = weights > 0
    return y_score[counts], (weights * positive)[counts], (weights * ~positive)[counts]
