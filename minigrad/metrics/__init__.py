"""Metrics that accumulate: counts and sums are added up batch by batch, and the result is computed from them.

So a result does not depend on how the data was cut into batches. Names and arguments as in Keras 3, averages as in
scikit-learn. Lower-case functions give a number for each example.

    metric = metrics.F1Score(average="macro")
    for x, y in batches:
        metric.update_state(y, model(x))
    print(metric.result())

    metrics.get("auc"), metrics.get("mse")                   # by name, as in model.compile(metrics=["auc", "mse"])
    metrics.classification_report(y_true, y_pred)             # a table
    metrics.roc_curve(y_true, scores)                         # minigrad.inspect.plots draws it

Read them in this order: metric, counts (the core), accuracy, scores, thresholds, curves, areas, agreement, means,
regression, probabilities, words, report.
"""

from minigrad.losses import (
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy,
    categorical_hinge, hinge, huber, kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy, squared_hinge,
)
from minigrad.metrics.accuracy import (
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy, top_k_categorical_accuracy,
)
from minigrad.metrics.agreement import BalancedAccuracy, CohenKappa, MatthewsCorrelation, MeanIoU
from minigrad.metrics.areas import AUC
from minigrad.metrics.counts import ConfusionMatrix
from minigrad.metrics.curves import precision_recall_curve, roc_curve
from minigrad.metrics.means import Mean, MeanMetricWrapper, Sum
from minigrad.metrics.metric import Metric
from minigrad.metrics.probabilities import (
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, Crossentropy, Hinge, KLDivergence, Perplexity, Poisson,
    SparseCategoricalCrossentropy, SquaredHinge,
)
from minigrad.metrics.regression import (
    CosineSimilarity, LogCoshError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, R2Score, RootMeanSquaredError,
)
from minigrad.metrics.report import ClassificationReport, classification_report
from minigrad.metrics.scores import F1Score, FBetaScore, Precision, Recall
from minigrad.metrics.thresholds import (
    FalseNegatives, FalsePositives, PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity,
    SpecificityAtSensitivity, TrueNegatives, TruePositives,
)
from minigrad.metrics.words import CharacterErrorRate, WordErrorRate, edit_distance
from minigrad.names import named

_NAMES = {cls().name: cls for cls in (
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, Precision, Recall, F1Score, FBetaScore, TruePositives, FalsePositives, TrueNegatives,
    FalseNegatives, AUC, ConfusionMatrix, MatthewsCorrelation, CohenKappa, BalancedAccuracy, MeanIoU, Mean, Sum,
    MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError,
    LogCoshError, CosineSimilarity, R2Score, BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy,
    Crossentropy, Perplexity, KLDivergence, Poisson, Hinge, SquaredHinge, CategoricalHinge, WordErrorRate,
    CharacterErrorRate)}
_NAMES |= {cls.__name__: cls for cls in (SensitivityAtSpecificity, SpecificityAtSensitivity, PrecisionAtRecall,
                                         RecallAtPrecision)}  # only with a config: they need their bound
_NAMES |= {"acc": Accuracy, "mse": MeanSquaredError, "rmse": RootMeanSquaredError, "mae": MeanAbsoluteError,
           "mape": MeanAbsolutePercentageError, "msle": MeanSquaredLogarithmicError, "log_cosh": LogCoshError,
           "log_cosh_error": LogCoshError, "r2": R2Score, "bce": BinaryCrossentropy, "kld": KLDivergence,
           "fbeta": FBetaScore, "f_beta_score": FBetaScore, "mcc": MatthewsCorrelation, "kappa": CohenKappa,
           "mean_iou": MeanIoU, "wer": WordErrorRate, "cer": CharacterErrorRate, "roc_auc": AUC,
           "pr_auc": lambda: AUC(curve="PR"), "f1": lambda: F1Score("auto"),
           "ce": Crossentropy}


def get(identifier):
    """A metric from its name ("accuracy", "auc", "mse" ...; it is then called that), its class, its config
    ({"class_name": "AUC", "config": {"curve": "PR"}}), or itself; a function (y_true, y_pred) becomes the mean of what it
    gives.

    "f1" is one number, as F1Score("auto"); "f1_score" one for each class, as Keras's.
    Raises ValueError with the nearest name for an unknown one, TypeError for what is no metric.
    """
    metric = named(identifier, _NAMES, "metric")
    if isinstance(identifier, str) and not isinstance(metric, Metric):
        metric = metric()
    if not isinstance(metric, Metric):
        if not callable(metric):
            raise TypeError(f"expected the name of a metric, a Metric, its class, or a function (y_true, y_pred), got "
                            f"{identifier!r}")
        metric = MeanMetricWrapper(metric)
    if isinstance(identifier, str) and identifier.lower() in _NAMES:
        metric.name = identifier
    return metric
