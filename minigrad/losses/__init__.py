"""Losses, with Keras's names, arguments and values.

    loss = losses.Huber(delta=2.0)                # an object: loss(y_true, y_pred, sample_weight=None) is one number
    losses.huber(y_true, y_pred, delta=2.0)       # a function: a number for each example
    losses.get("huber")                           # by name, as in model.compile(loss="huber")

Read them in this order: loss, regression, probabilities, hinge, sequences.
"""

from minigrad.losses.hinge import CategoricalHinge, Hinge, SquaredHinge, categorical_hinge, hinge, squared_hinge
from minigrad.losses.loss import Loss
from minigrad.losses.probabilities import (
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy, KLDivergence,
    Poisson, SparseCategoricalCrossentropy, binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, kl_divergence, poisson, sparse_categorical_crossentropy,
)
from minigrad.losses.regression import (
    CosineSimilarity, Huber, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, cosine_similarity, huber, log_cosh, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error,
)
from minigrad.losses.sequences import CTC, Triplet, ctc, triplet
from minigrad.names import named

_NAMES = {cls.function.__name__: cls for cls in (
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy, MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError, Huber, LogCosh, CosineSimilarity, Hinge, SquaredHinge, CategoricalHinge, KLDivergence,
    Poisson, CTC, Triplet)}
_NAMES |= {"bce": BinaryCrossentropy, "mse": MeanSquaredError, "mae": MeanAbsoluteError,
           "mape": MeanAbsolutePercentageError, "msle": MeanSquaredLogarithmicError, "logcosh": LogCosh,
           "huber_loss": Huber, "kld": KLDivergence, "kullback_leibler_divergence": KLDivergence}


def get(identifier):
    """A loss from its name ("mse"), its class, its config ({"class_name": "Huber", "config": {"delta": 2.0}}), or itself
    (any callable of y_true, y_pred)."""
    return named(identifier, _NAMES, "loss")
