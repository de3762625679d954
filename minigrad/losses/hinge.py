"""Losses of a margin: a right answer costs nothing once it is right by 1. Targets are -1 and 1, or 0 and 1."""

from minigrad import backend
from minigrad import functions as F
from minigrad.losses.loss import FunctionLoss, NumberLoss, per_example
from minigrad.tensor import Tensor


@per_example
def hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0)) over the last axis; the slope at the kink is 0"""
    return F.mean(F.relu(1 - _signs(y_true, "hinge") * y_pred), -1)


@per_example
def squared_hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0)²) over the last axis"""
    return F.mean(F.square(F.relu(1 - _signs(y_true, "squared_hinge") * y_pred)), -1)


@per_example
def categorical_hinge(y_true, y_pred):
    """max(1 + max((1 - y_true) y_pred) - Σ y_true y_pred, 0), the inner max and the sum over the last axis

    For one-hot targets: the right class's score shall be 1 above the best of the others (and of 0, which stands in its
    place). Crammer and Singer 2001.
    """
    return F.relu(F.max((1 - y_true) * y_pred, -1) - F.sum(y_true * y_pred, -1) + 1)


def _signs(y_true, name):
    """Targets 0 and 1 as -1 and 1; others as they are."""
    y = y_true.data if isinstance(y_true, Tensor) else y_true
    zero = y == 0
    binary = (zero | (y == 1)).all()
    if backend.device_of(y) == "cpu" and zero.any() and not binary:  # on a GPU the look would wait for it
        raise ValueError(f"{name}: targets must be -1 and 1, or 0 and 1, got 0 beside {y[~(zero | (y == 1))][0]}")
    return F.where(binary, 2 * y_true - 1, y_true)


class Hinge(NumberLoss):
    """mean(max(1 - y_true y_pred, 0)), y_true -1 or 1 (or 0 and 1, which count as these)"""

    function = staticmethod(hinge)


class SquaredHinge(NumberLoss):
    """mean(max(1 - y_true y_pred, 0)²), y_true -1 or 1 (or 0 and 1, which count as these)"""

    function = staticmethod(squared_hinge)


class CategoricalHinge(FunctionLoss):
    """max(1 + the best score of a wrong class - the right class's, 0), y_true one-hot"""

    function = staticmethod(categorical_hinge)
