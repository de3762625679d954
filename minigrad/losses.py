"""Losses as objects, with Keras's names: `loss(y_true, y_pred)` is one number, the mean over the batch."""

import numpy as np

from minigrad import backend
from minigrad import functions as F
from minigrad.functions.activations import Softmax
from minigrad.names import named
from minigrad.tensor import Tensor


class Loss:
    """`loss(y_true, y_pred)`: predictions are Tensors, targets arrays or Tensors."""

    is_mean_over_rows = True  # of numbers that each depend on one row: then a batch may be cut (see minigrad.parallel)

    def __call__(self, y_true, y_pred):
        if isinstance(y_true, (list, tuple)):
            y_true = np.asarray(y_true)
        return self.call(y_true, y_pred)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


class _Crossentropy(Loss):
    def __init__(self, from_logits=False):
        self.from_logits = from_logits

    def cross_entropy(self, targets, y_pred):
        """F.cross_entropy. If a softmax made the probabilities, its logits are taken instead, as Keras does: the same
        number, but exact where a probability underflows to 0."""
        softmax = y_pred.creator
        if not self.from_logits and isinstance(softmax, Softmax) and softmax.axis in (-1, y_pred.ndim - 1):
            return F.cross_entropy(softmax.inputs[0], targets)
        return F.cross_entropy(y_pred, targets, from_logits=self.from_logits)


class SparseCategoricalCrossentropy(_Crossentropy):
    """-log p[right class], for integer classes: y_true (N,) or (N, 1), y_pred (N, C) probabilities (or logits)."""

    def call(self, y_true, y_pred):
        if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 and y_pred.shape[-1] != 1:
            y_true = y_true[..., 0]
        if y_true.ndim != y_pred.ndim - 1:
            raise ValueError(f"sparse_categorical_crossentropy: expected integer classes of shape "
                             f"{tuple(y_pred.shape[:-1])} for predictions of shape {tuple(y_pred.shape)}, got "
                             f"{tuple(y_true.shape)}" + (": one-hot targets need categorical_crossentropy"
                                                          if y_true.shape == y_pred.shape else ""))
        return self.cross_entropy(y_true, y_pred)


class CategoricalCrossentropy(_Crossentropy):
    """-Σ y_true log y_pred, for one-hot rows or class probabilities: y_true and y_pred (N, C)."""

    def call(self, y_true, y_pred):
        if tuple(y_true.shape) != tuple(y_pred.shape):
            raise ValueError(f"categorical_crossentropy: targets and predictions must have the same shape, got "
                             f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}: integer classes need "
                             "sparse_categorical_crossentropy")
        return self.cross_entropy(y_true, y_pred)


class MeanSquaredError(Loss):
    """mean((y_pred - y_true)²), both of the same shape."""

    def call(self, y_true, y_pred):
        return F.mse_loss(y_pred, _like(y_true, y_pred))


class MeanAbsoluteError(Loss):
    """mean(|y_pred - y_true|), both of the same shape."""

    def call(self, y_true, y_pred):
        if tuple(y_true.shape) != tuple(y_pred.shape):
            raise ValueError(f"mean_absolute_error: targets and predictions must have the same shape, got "
                             f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}")
        return F.mean(F.absolute(y_pred - _like(y_true, y_pred)))


def _like(y_true, y_pred):
    """Targets in the predictions' dtype, so that float64 or integer targets do not widen the loss, and where they live."""
    plain = isinstance(y_true, Tensor) or backend.is_array(y_true)
    return backend.beside(y_true.astype(y_pred.dtype), y_pred) if plain else y_true


_NAMES = {"sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
          "categorical_crossentropy": CategoricalCrossentropy, "mean_squared_error": MeanSquaredError,
          "mse": MeanSquaredError, "mean_absolute_error": MeanAbsoluteError, "mae": MeanAbsoluteError}


def get(identifier):
    """A loss from its name ("mse"), its class, or itself (any callable of y_true, y_pred)."""
    return named(identifier, _NAMES, "loss")
