"""Metrics that accumulate: counts are added up batch by batch, and the result is computed from the counts.

So a result is exact whatever the batch size. Names and arguments as in Keras 3, averages as in scikit-learn.

    metric = metrics.F1Score(average="macro")
    for x, y in batches:
        metric.update_state(y, model(x))
    print(metric.result())

Read them in this order: metric, counts (the core), accuracy, scores, means, report.
"""

from minigrad.metrics.accuracy import Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from minigrad.metrics.counts import ConfusionMatrix
from minigrad.metrics.means import Mean, MeanAbsoluteError, MeanMetricWrapper, MeanSquaredError
from minigrad.metrics.metric import Metric
from minigrad.metrics.report import ClassificationReport, classification_report
from minigrad.metrics.scores import F1Score, FBetaScore, Precision, Recall
from minigrad.names import named

_CLASSES = (Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, Precision, Recall, F1Score,
            FBetaScore, ConfusionMatrix, Mean, MeanSquaredError, MeanAbsoluteError)
_SHORT = {"acc": Accuracy, "f1": F1Score, "fbeta": FBetaScore, "mse": MeanSquaredError, "mae": MeanAbsoluteError}
_NAMES = {cls().name: cls for cls in _CLASSES} | _SHORT


def get(identifier):
    """A metric from its name ("accuracy", "f1", "mse" ...; it is then called that), its class, or itself; a function
    (y_true, y_pred) becomes the mean of its values.

    Raises ValueError with the nearest name for an unknown one, TypeError for what is no metric.
    """
    names = _NAMES | {cls.__name__: cls for cls in _CLASSES} if identifier in (c.__name__ for c in _CLASSES) else _NAMES
    metric = named(identifier, names, "metric")
    if not isinstance(metric, Metric):
        if not callable(metric):
            raise TypeError(f"expected the name of a metric, a Metric, its class, or a function (y_true, y_pred), got "
                            f"{identifier!r}")
        metric = MeanMetricWrapper(metric)
    if isinstance(identifier, str) and identifier in _NAMES:
        metric.name = identifier
    return metric
