"""The loss of a batch, with weights for its rows."""

import inspect

from minigrad import backend, losses
from minigrad.tensor import Tensor


def loss_of(loss, y, prediction, sample_weight=None):
    """loss(y, prediction) as one number; with sample_weight w, Σ wᵢ Lᵢ / N over the rows i.

    A loss that takes sample_weight does that itself. For another one Lᵢ is the loss of row i alone, one row after the other:
    right for every loss that is a mean over rows, and slow.
    """
    if isinstance(prediction, Tensor) and not isinstance(loss, losses.Loss):
        y = backend.beside(y, prediction)  # a function of the user's own computes with both
    if sample_weight is None:
        return _number(loss, loss(y, prediction))
    if takes_weights(loss):
        return _number(loss, loss(y, prediction, sample_weight=sample_weight))
    rows = [float(w) * _number(loss, loss(y[i:i + 1], prediction[i:i + 1]))
            for i, w in enumerate(backend.to_numpy(sample_weight))]
    return sum(rows[1:], rows[0]) / len(rows)


def takes_weights(loss):
    """Whether it has an argument sample_weight."""
    return "sample_weight" in inspect.signature(loss).parameters


def _number(loss, value):
    if not isinstance(value, Tensor) or value.size != 1:
        got = f"a Tensor of shape {value.shape}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise TypeError(f"the loss must be one number, a Tensor computed from the predictions; {loss!r} gave {got}")
    return value
