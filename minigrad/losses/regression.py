"""Losses of numbers: how far a prediction is from its target. y_true and y_pred (N, ..., D), a loss for each example
(N, ...): the mean over the last axis."""

from minigrad import functions as F
from minigrad.losses.loss import EPSILON, FunctionLoss, NumberLoss, per_example
from minigrad.names import checked_amount


@per_example
def mean_squared_error(y_true, y_pred):
    """mean((y_pred - y_true)²) over the last axis"""
    return F.mean(F.square(y_pred - y_true), -1)


@per_example
def mean_absolute_error(y_true, y_pred):
    """mean(|y_pred - y_true|) over the last axis; the slope at 0 is 0"""
    return F.mean(F.absolute(y_pred - y_true), -1)


@per_example
def mean_absolute_percentage_error(y_true, y_pred):
    """100 mean(|y_pred - y_true| / |y_true|) over the last axis, |y_true| at least 1e-7"""
    return 100 * F.mean(F.absolute((y_pred - y_true) / F.maximum(F.absolute(y_true), EPSILON)), -1)


@per_example
def mean_squared_logarithmic_error(y_true, y_pred):
    """mean((log(1 + y_pred) - log(1 + y_true))²) over the last axis; both at least 1e-7, below that the slope is 0"""
    true, predicted = (F.log1p(F.maximum(y, EPSILON)) for y in (y_true, y_pred))
    return F.mean(F.square(predicted - true), -1)


@per_example
def huber(y_true, y_pred, delta=1.0):
    """mean(c (d - c/2)) over the last axis, with d = y_pred - y_true and c = clip(d, -delta, delta)

    That is d²/2 where |d| <= delta, and delta (|d| - delta/2) beyond: the slope is c, so no outlier pulls by more than
    delta. Huber 1964, "Robust Estimation of a Location Parameter".
    """
    d = y_pred - y_true
    c = F.clip(d, -delta, delta)
    return F.mean(c * (d - c / 2), -1)


@per_example
def log_cosh(y_true, y_pred):
    """mean(log cosh d) over the last axis, with d = y_pred - y_true: about d²/2 near 0, |d| - log 2 far away

    cosh d = e^|d| (1 + e^(-2|d|)) / 2, so log cosh d = |d| + log(1 + (e^(-2|d|) - 1) / 2), which cannot overflow. The slope
    is tanh d.
    """
    d = y_pred - y_true
    a = F.absolute(d)
    return F.mean(a + F.log1p(F.expm1(-2 * a) / 2), -1)


@per_example
def cosine_similarity(y_true, y_pred, axis=-1):
    """-Σ u v over the axis, u and v being y_true and y_pred by their lengths: -1 where they point the same way, 1 where
    against each other. A length counts as at least 1e-7."""
    return -F.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis)


def _unit(x, axis):
    return x / F.maximum(F.vector_norm(x, axis=axis, keepdims=True), EPSILON)


class MeanSquaredError(NumberLoss):
    """mean((y_pred - y_true)²)"""

    function = staticmethod(mean_squared_error)


class MeanAbsoluteError(NumberLoss):
    """mean(|y_pred - y_true|)"""

    function = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(NumberLoss):
    """100 mean(|y_pred - y_true| / |y_true|)"""

    function = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(NumberLoss):
    """mean((log(1 + y_pred) - log(1 + y_true))²)"""

    function = staticmethod(mean_squared_logarithmic_error)


class Huber(NumberLoss):
    """d²/2 where |d| = |y_pred - y_true| <= delta, delta (|d| - delta/2) beyond; see `huber`."""

    function = staticmethod(huber)

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        self.delta = checked_amount(delta, "Huber", "delta")
        super().__init__(reduction, name, dtype)


class LogCosh(NumberLoss):
    """mean(log cosh(y_pred - y_true))"""

    function = staticmethod(log_cosh)


class CosineSimilarity(FunctionLoss):
    """-cos of the angle between y_true and y_pred, vectors along an axis."""

    function = staticmethod(cosine_similarity)

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None):
        self.axis = axis
        super().__init__(reduction, name, dtype)
