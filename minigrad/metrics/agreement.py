"""How far predicted classes agree with the true ones, read off the confusion matrix: correlation, kappa, overlap.

n_ij: how many examples of class i were predicted as class j; t_i = Σ_j n_ij true ones, p_j = Σ_i n_ij predicted ones,
n = Σ n_ij all, r = Σ n_ii right ones. Targets and predictions in any form that Accuracy takes.
"""

import numpy as np

from minigrad.metrics.counts import MatrixMetric
from minigrad.metrics.metric import ratio


class _Agreement(MatrixMetric):
    """A number that the matrix gives; num_classes fixes the number of classes."""

    def __init__(self, num_classes=None, name=None, dtype=None):
        super().__init__(name, dtype, num_classes)


class MatthewsCorrelation(_Agreement):
    """(n r - Σ t_i p_i) / √((n² - Σ p_i²)(n² - Σ t_i²)): the correlation of the true and the predicted classes, -1 to 1

    0 if all examples are, or are predicted, of one class. With two classes: (TP TN - FP FN) / √((TP + FP)(TP + FN)(TN +
    FP)(TN + FN)). Matthews 1975; for C classes Gorodkin 2004, "Comparing two K-category assignments by a K-category
    correlation coefficient".
    """

    def result(self):
        counts = self.counts.astype(float)
        t, p, n = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
        divisor = (n ** 2 - p @ p) * (n ** 2 - t @ t)
        return float((n * np.trace(counts) - t @ p) / np.sqrt(divisor)) if divisor > 0 else 0.0


class CohenKappa(_Agreement):
    """κ = 1 - Σ d_ij n_ij / Σ d_ij t_i p_j / n: 1 if all are right, 0 if no more than by chance; nan if nothing could differ

    Cohen 1960, "A coefficient of agreement for nominal scales"; with weights 1968, "Weighted kappa".

    weights      what taking class i for class j costs, d_ij: None 1 if they differ; "linear" |i - j|; "quadratic" (i - j)²
    num_classes  with it i and j are the classes' own numbers; else, as in scikit-learn's cohen_kappa_score, their places
                 among the classes that occur
    """

    def __init__(self, weights=None, num_classes=None, name="cohen_kappa", dtype=None):
        super().__init__(num_classes, name, dtype)
        self.weights = self.chosen("weights", weights, (None, "linear", "quadratic"))

    def result(self):
        counts = self.counts.astype(float)
        if self.num_classes is None:
            occur = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
            counts = counts[occur][:, occur]
        places = np.arange(len(counts))
        apart = np.abs(places[:, None] - places)
        cost = {None: apart > 0, "linear": apart, "quadratic": apart ** 2}[self.weights]
        by_chance = ratio(np.outer(counts.sum(axis=1), counts.sum(axis=0)), counts.sum())
        return float(1 - ratio((cost * counts).sum(), (cost * by_chance).sum(), np.nan))


class BalancedAccuracy(_Agreement):
    """mean(n_ii / t_i) over the classes that have true examples: the mean recall, so that a rare class counts as much

    adjusted  rescale it to 0 for guessing, 1 for all right: (a - 1/C) / (1 - 1/C)

    0 before anything was counted. Scikit-learn's balanced_accuracy_score.
    """

    def __init__(self, adjusted=False, num_classes=None, name="balanced_accuracy", dtype=None):
        super().__init__(num_classes, name, dtype)
        self.adjusted = adjusted

    def result(self):
        true = self.counts.sum(axis=1)
        recalls = np.diag(self.counts)[true > 0] / true[true > 0]
        mean = float(recalls.mean()) if len(recalls) else 0.0
        chance = 1 / max(len(recalls), 1)
        return float(ratio(mean - chance, 1 - chance, np.nan)) if self.adjusted else mean


class MeanIoU(_Agreement):
    """mean(n_ii / (t_i + p_i - n_ii)) over the classes that occur: how far the true and the predicted places overlap

    Intersection over union, for segmentation: y_true class numbers, y_pred class numbers or scores. 0 before anything was
    counted.
    """

    def __init__(self, num_classes=None, name="mean_io_u", dtype=None):
        super().__init__(num_classes, name, dtype)

    def result(self):
        overlap = np.diag(self.counts)
        union = self.counts.sum(axis=0) + self.counts.sum(axis=1) - overlap
        return float(ratio(ratio(overlap, union).sum(), (union > 0).sum()))
