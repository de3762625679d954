"""Losses of probabilities: the cross-entropies, focal or not, the Kullback-Leibler divergence, Poisson's.

Predictions are probabilities, or logits with from_logits=True. Probabilities p are kept in [1e-7, 1 - 1e-7], as in Keras:
beyond, the slope is 0. So a network that is surely wrong would not learn; but where a softmax or sigmoid made the
probabilities, its logits are taken instead: the same number, without that limit.
"""

import numpy as np

from minigrad import backend
from minigrad import functions as F
from minigrad.functions.activations import Sigmoid, Softmax
from minigrad.functions.losses import BinaryCrossEntropy, check_labels
from minigrad.losses.loss import EPSILON, FunctionLoss, NumberLoss, per_example, prediction
from minigrad.names import checked_amount
from minigrad.tensor import Tensor


@per_example
def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """mean(-t log p - (1 - t) log(1 - p)) over the axis, p the probability of class 1, t the target, 0 to 1

    With label_smoothing s, t (1 - s) + s/2 stands for t.
    """
    t = _smoothed_pair(y_true, label_smoothing, "binary_crossentropy")
    return F.mean(_binary(t, y_pred, _logits(y_pred, from_logits, Sigmoid)), axis)


@per_example
def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                              label_smoothing=0.0, axis=-1):
    """mean((1 - q)^gamma · binary cross-entropy) over the axis, q the probability of the right class

    What is right already counts little. With apply_class_balancing, class 1 is weighed by alpha, class 0 by 1 - alpha.
    Lin et al. 2017, "Focal Loss for Dense Object Detection", eq. 4 and 5.
    """
    t = _smoothed_pair(y_true, label_smoothing, "binary_focal_crossentropy")
    x = _logits(y_pred, from_logits, Sigmoid)
    p, rest = (y_pred, 1 - y_pred) if x is None else (F.sigmoid(x), F.sigmoid(-x))
    loss = _power(t * rest + (1 - t) * p, gamma) * _binary(t, y_pred, x)  # 1 - q, without the digits that 1 - q would lose
    return F.mean((t * alpha + (1 - t) * (1 - alpha)) * loss if apply_class_balancing else loss, axis)


@per_example
def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-Σ t log p over the axis of the classes, t the target's probabilities (one-hot rows)

    Probabilities are divided by their sum. With label_smoothing s, t (1 - s) + s/C stands for t.
    """
    t = _smoothed(y_true, label_smoothing, axis, "categorical_crossentropy")
    x = _logits(y_pred, from_logits, Softmax, axis)
    if x is not None:
        return F.cross_entropy(_last(x, axis), _last(t, axis), reduction="none")
    return -F.sum(t * F.log(_kept_away(y_pred, axis)), axis)


@per_example
def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1):
    """-alpha Σ (1 - p)^gamma t log p over the axis of the classes; see binary_focal_crossentropy

    alpha  a number, or one for each class
    """
    t = _smoothed(y_true, label_smoothing, axis, "categorical_focal_crossentropy")
    x = _logits(y_pred, from_logits, Softmax, axis)
    log_p = F.log(_kept_away(y_pred, axis)) if x is None else F.log_softmax(x, axis)
    if np.ndim(alpha):
        alpha = np.asarray(alpha, y_pred.dtype).reshape((-1,) + (1,) * (-1 - axis if axis < 0 else y_pred.ndim - 1 - axis))
        alpha = backend.beside(alpha, y_pred)
    return -F.sum(alpha * _power(1 - F.exp(log_p), gamma) * t * log_p, axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log p[right class], y_true integers (N, ...), y_pred with C classes along the axis

    Rows of the class ignore_class have the loss 0 (the object `SparseCategoricalCrossentropy` leaves them out of its mean).
    """
    y_pred, labels = prediction(y_pred), _labels(y_true, axis)
    y_pred = _last(y_pred, axis)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1 and y_pred.shape[-1] != 1:
        labels = labels[..., 0]
    if tuple(labels.shape) != tuple(y_pred.shape[:-1]):
        raise ValueError(f"sparse_categorical_crossentropy: expected integer classes of shape {tuple(y_pred.shape[:-1])} "
                         f"for predictions of shape {tuple(y_pred.shape)}, got {tuple(labels.shape)}"
                         + (": one-hot targets need categorical_crossentropy" if labels.shape == y_pred.shape else ""))
    counts = None if ignore_class is None else labels != ignore_class
    if counts is not None:
        labels = backend.get_array_module(labels).where(counts, labels, labels.dtype.type(0))
        counts = backend.beside(counts, y_pred)
    x = _logits(y_pred, from_logits, Softmax, -1)
    rows = y_pred if x is None else x
    if counts is not None:
        rows = F.where(counts[..., None], rows, 1.0)  # whatever is there, nan perhaps
    if x is None:
        check_labels(labels, rows, "sparse_categorical_crossentropy")
        labels = backend.beside(labels, rows)
        loss = -F.log(F.squeeze(F.take_along_axis(_kept_away(rows, -1), labels[..., None], -1), -1))
    else:
        loss = F.cross_entropy(rows, labels, reduction="none")
    return loss if counts is None else F.where(counts, loss, 0.0)


@per_example
def kl_divergence(y_true, y_pred):
    """Σ t log(t / p) over the last axis, both kept in [1e-7, 1]: the nats that it costs to take p for t"""
    t, p = F.clip(y_true, EPSILON, 1.0), F.clip(y_pred, EPSILON, 1.0)
    return F.sum(t * (F.log(t) - F.log(p)), -1)


@per_example
def poisson(y_true, y_pred):
    """mean(p - t log(p + 1e-7)) over the last axis: counts t, p their expected number. That is -log of
    Poisson's probability of t, without log t! (the factorial), which no prediction changes."""
    return F.mean(y_pred - y_true * F.log(y_pred + EPSILON), -1)


def _binary(t, y_pred, x):
    """The cross-entropy of each number, from the logits x, or, if there are none, from the probabilities y_pred."""
    if x is not None:
        return BinaryCrossEntropy.apply(x, t)
    p = F.clip(y_pred, EPSILON, 1 - EPSILON)
    return -(t * F.log(p) + (1 - t) * F.log(1 - p))


def _logits(y_pred, from_logits, activation, axis=None):
    """The logits of the predictions: themselves, or what the activation made them from; None if nothing tells."""
    made_by = y_pred.creator
    if from_logits:
        return y_pred
    if type(made_by) is activation and (axis is None or made_by.axis % y_pred.ndim == axis % y_pred.ndim):
        return made_by.inputs[0]
    return None


def _kept_away(p, axis):
    """Probabilities, divided by their sum, in [1e-7, 1 - 1e-7]."""
    return F.clip(p / F.sum(p, axis, keepdims=True), EPSILON, 1 - EPSILON)


def _power(rest, gamma):
    """rest^gamma; a rest of 0 is raised a little, so that the slope of a root is no inf · 0."""
    return F.maximum(rest, float(np.finfo(rest.dtype).tiny)) ** gamma


def _smoothed_pair(t, s, name):
    """Targets of two classes, each a probability, with the share s spread over both."""
    y = t.data if isinstance(t, Tensor) else t
    if y.size and backend.device_of(y) == "cpu" and not (0 <= y.min() and y.max() <= 1):  # on a GPU the look would wait
        raise ValueError(f"{name}: targets must be from 0 to 1, the probability of class 1, got {y.min():g} to {y.max():g}"
                         ": more than two classes need (sparse_)categorical_crossentropy, and targets -1 and 1 a hinge")
    return t * (1 - s) + s / 2 if checked_amount(s, name, "label_smoothing", 1) else t


def _smoothed(t, s, axis, name):
    """Targets of C classes, with the share s spread over all."""
    return t * (1 - s) + s / t.shape[axis] if checked_amount(s, name, "label_smoothing", 1) else t


def _last(x, axis):
    """x with this axis as the last one."""
    return x if axis in (-1, x.ndim - 1) else F.moveaxis(x, axis, -1)


def _labels(y_true, axis=-1):
    labels = y_true.data if isinstance(y_true, Tensor) else y_true
    labels = labels if backend.is_array(labels) else np.asarray(labels)
    if axis not in (-1, labels.ndim) and labels.ndim and labels.shape[axis] == 1:
        labels = backend.get_array_module(labels).moveaxis(labels, axis, -1)
    return labels


class BinaryCrossentropy(NumberLoss):
    """-t log p - (1 - t) log(1 - p), t 0 or 1; see `binary_crossentropy`."""

    function = staticmethod(binary_crossentropy)

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="binary_crossentropy", dtype=None):
        self.from_logits, self.axis = from_logits, axis
        self.label_smoothing = checked_amount(label_smoothing, name, "label_smoothing", 1)
        super().__init__(reduction, name, dtype)


class BinaryFocalCrossentropy(NumberLoss):
    """Binary cross-entropy, times (1 - the probability of the right class)^gamma; see `binary_focal_crossentropy`."""

    function = staticmethod(binary_focal_crossentropy)

    def __init__(self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name="binary_focal_crossentropy", dtype=None):
        self.apply_class_balancing, self.alpha = apply_class_balancing, alpha
        self.gamma, self.from_logits, self.axis = checked_amount(gamma, name, "gamma"), from_logits, axis
        self.label_smoothing = checked_amount(label_smoothing, name, "label_smoothing", 1)
        super().__init__(reduction, name, dtype)


class CategoricalCrossentropy(FunctionLoss):
    """-Σ y_true log y_pred, for one-hot rows or class probabilities: y_true and y_pred (N, C)."""

    function = staticmethod(categorical_crossentropy)

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="categorical_crossentropy", dtype=None):
        self.from_logits, self.axis = from_logits, axis
        self.label_smoothing = checked_amount(label_smoothing, name, "label_smoothing", 1)
        super().__init__(reduction, name, dtype)


class CategoricalFocalCrossentropy(FunctionLoss):
    """-alpha Σ (1 - p)^gamma t log p; see `categorical_focal_crossentropy`."""

    function = staticmethod(categorical_focal_crossentropy)

    def __init__(self, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name="categorical_focal_crossentropy", dtype=None):
        self.alpha = np.asarray(alpha).tolist()
        self.gamma, self.from_logits, self.axis = checked_amount(gamma, name, "gamma"), from_logits, axis
        self.label_smoothing = checked_amount(label_smoothing, name, "label_smoothing", 1)
        super().__init__(reduction, name, dtype)


class SparseCategoricalCrossentropy(FunctionLoss):
    """-log p[right class], for integer classes: y_true (N,) or (N, 1), y_pred (N, C) probabilities (or logits).

    Examples of the class ignore_class are left out, also of the number that a mean divides by.
    """

    function = staticmethod(sparse_categorical_crossentropy)

    def __init__(self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size", axis=-1,
                 name="sparse_categorical_crossentropy", dtype=None):
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis
        super().__init__(reduction, name, dtype)

    @property
    def is_mean_over_rows(self):
        """Not with ignore_class: the number that counts differs from piece to piece."""
        return super().is_mean_over_rows and self.ignore_class is None

    def mask(self, y_true):
        """Which examples are not of the class ignore_class."""
        return None if self.ignore_class is None else _labels(y_true, self.axis) != self.ignore_class


class KLDivergence(FunctionLoss):
    """Σ y_true log(y_true / y_pred)"""

    function = staticmethod(kl_divergence)


class Poisson(NumberLoss):
    """mean(y_pred - y_true log y_pred), for counts"""

    function = staticmethod(poisson)
