"""Loss: what all losses have. Targets and predictions are looked at, the examples' losses weighed and added up."""

import functools

import numpy as np

from minigrad import backend
from minigrad import functions as F
from minigrad.layers.layer import snake_case
from minigrad.names import Configured, checked_choice
from minigrad.tensor import Tensor, get_default_dtype

EPSILON = 1e-7  # Keras's: what probabilities, norms and divisors are kept away from 0 by
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configured):
    """`loss(y_true, y_pred, sample_weight=None)`: predictions are Tensors, targets arrays or Tensors.

    reduction  what becomes of the examples' losses l, with their weights w, 1 unless given:
               "sum_over_batch_size" or "mean"  Σ w l / n, n the number of losses (not the sum of their weights)
               "mean_with_sample_weight"        Σ w l / Σ w
               "sum"                            Σ w l
               None or "none"                   w l, a number for each example
    dtype      to compute in; that of the predictions unless given. Targets take it too, so they never widen a loss.

    To write one of your own, define `call(y_true, y_pred)`: a number for each example, (N,) or (N, T).
    """

    name, reduction, dtype = "loss", "sum_over_batch_size", None  # of a subclass that does not call __init__

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        self.name = name or snake_case(type(self).__name__)
        self.reduction = checked_choice(reduction, REDUCTIONS, "reduction")
        self.dtype = None if dtype is None else str(np.dtype(dtype))

    @property
    def is_mean_over_rows(self):
        """Whether it is the mean of numbers that each depend on one row: then a batch may be cut (minigrad.parallel)."""
        return self.reduction in ("sum_over_batch_size", "mean")

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_pred = prediction(y_pred, self.dtype)
        if isinstance(y_true, (list, tuple)):
            y_true = np.asarray(y_true)
        return reduced(self.call(y_true, y_pred), sample_weight, self.mask(y_true), self.reduction, self.name)

    def call(self, y_true, y_pred):
        """A number for each example."""
        raise NotImplementedError(f"{type(self).__name__} does not define call(y_true, y_pred)")

    def mask(self, y_true):
        """Which examples count: an array of booleans, of the shape of call's result; None for all."""
        return None


class FunctionLoss(Loss):
    """A loss whose examples' losses are `function(y_true, y_pred, **its own arguments)`."""

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true, y_pred):
        own = {k: v for k, v in self.get_config().items() if k not in ("reduction", "name", "dtype")}
        return self.function(y_true, y_pred, **own)


class NumberLoss(FunctionLoss):
    """A FunctionLoss that is a mean over the last axis of a loss of each number; then predictions (N,) are N examples of one
    number each (for Keras, a single example)."""

    def call(self, y_true, y_pred):
        return super().call(y_true, F.expand_dims(y_pred, -1) if y_pred.ndim == 1 else y_pred)


def per_example(function):
    """The function, of targets and predictions that were looked at first: floating-point numbers of one dtype and shape."""
    @functools.wraps(function)
    def checked(y_true, y_pred, *arguments, **keywords):
        return function(*paired(function.__name__, y_true, y_pred), *arguments, **keywords)
    return checked


def prediction(y_pred, dtype=None):
    """y_pred as a Tensor of floating-point numbers: of this dtype, else its own, else the default one."""
    y_pred = y_pred if isinstance(y_pred, Tensor) else Tensor(y_pred)
    if dtype is None and y_pred.dtype.kind != "f":
        dtype = get_default_dtype()
    return y_pred if dtype is None else F.astype(y_pred, dtype, copy=False)


def paired(name, y_true, y_pred):
    """(y_true, y_pred) of one dtype, that of the predictions, on one device and of one shape.

    As in Keras, an axis of length 1 at the end may be there or not: (N,) against (N, 1). What else would broadcast is
    refused, since each number would be compared with every other.
    """
    y_pred = prediction(y_pred)
    if not isinstance(y_true, Tensor) and not backend.is_array(y_true):
        y_true = np.asarray(y_true)
    if y_true.dtype.kind not in "biuf":
        raise TypeError(f"{name}: targets must be numbers, got an array of dtype {y_true.dtype}")
    y_true = backend.beside(y_true.astype(y_pred.dtype, copy=False), y_pred)
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        if y_pred.ndim == 1:
            y_pred = F.expand_dims(y_pred, -1)
        else:
            y_true = y_true[..., 0]
    elif y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        if y_true.ndim == 1:
            y_true = y_true[..., None]
        else:
            y_pred = F.squeeze(y_pred, -1)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        classes = name == "categorical_crossentropy" and y_true.ndim <= y_pred.ndim and (
            y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1)
        raise ValueError(f"{name}: targets and predictions must have the same shape, got {tuple(y_true.shape)} and "
                         f"{tuple(y_pred.shape)}" + (": integer classes need sparse_categorical_crossentropy" if classes
                                                     else ""))
    return y_true, y_pred


def reduced(values, sample_weight=None, mask=None, reduction="sum_over_batch_size", name="loss"):
    """The losses of the examples as one number (or, with None, each for itself); see Loss. Masked ones do not count."""
    none, by_weight = reduction in (None, "none"), reduction == "mean_with_sample_weight"
    if sample_weight is None and mask is None:
        if none or values.ndim == 0:
            return values
        return F.sum(values) if reduction == "sum" or not values.size else F.mean(values)
    xp = backend.get_array_module(values.data)
    weights = None if sample_weight is None else _weights(sample_weight, values, name)
    if mask is not None:
        mask = backend.beside(mask, values).astype(values.dtype)
    counted = mask if weights is None else weights if mask is None else weights * mask
    values = values * counted
    if none:
        return values
    if reduction == "sum":
        return F.sum(values)
    count = counted.sum() if by_weight else values.size if mask is None else mask.sum()
    count = xp.asarray(count, dtype=values.dtype)
    return F.sum(values) / xp.where(count == 0, 1, count).astype(values.dtype)  # nothing counts: 0, not 0/0


def _weights(sample_weight, values, name):
    """The weights as an array of the shape of the values; given for these, or for their first axes only."""
    w = sample_weight.data if isinstance(sample_weight, Tensor) else sample_weight
    w = w if backend.is_array(w) else np.asarray(w)
    if w.dtype.kind not in "biuf":
        raise TypeError(f"{name}: sample_weight must be numbers, got an array of dtype {w.dtype}")
    if values.ndim == 0:
        raise ValueError(f"{name}: there is one loss for the whole batch, which sample_weight cannot weigh by example: "
                         "return a number for each example")
    shape, xp = tuple(values.shape), backend.get_array_module(values.data)
    if w.ndim == values.ndim + 1 and w.shape[-1] == 1:
        w = w[..., 0]
    if w.ndim > len(shape) or any(n not in (1, m) for n, m in zip(w.shape, shape)) or w.shape[:1] not in ((), shape[:1]):
        raise ValueError(f"{name}: sample_weight must have shape {shape[:1]}, a weight for each example"
                         + (f", or {shape}" if len(shape) > 1 else "") + f", got {tuple(w.shape)}")
    w = backend.beside(w.astype(values.dtype), values)
    return xp.broadcast_to(w.reshape(w.shape + (1,) * (len(shape) - w.ndim)), shape)
