"""Losses of several rows together: labels along time (CTC), and three examples compared (Triplet)."""

import numpy as np

from minigrad import backend
from minigrad import functions as F
from minigrad.losses.loss import FunctionLoss, prediction
from minigrad.names import checked_amount
from minigrad.tensor import Tensor


def ctc(y_true, y_pred):
    """-log p(labels) of each sequence; see F.ctc_loss

    y_true (N, L) labels, integers from 1 on; zeros at the end do not count. y_pred (N, T, C) logits; class 0 is the blank.
    """
    y_pred = prediction(y_pred)
    labels = y_true.data if isinstance(y_true, Tensor) else y_true
    labels = labels if backend.is_array(labels) else np.asarray(labels)
    if labels.ndim != 2 or y_pred.ndim != 3:
        raise ValueError(f"ctc: expected labels of shape (N, L) and logits of shape (N, T, C), got {tuple(labels.shape)} "
                         f"and {tuple(y_pred.shape)}")
    return F.ctc_loss(F.log_softmax(F.swapaxes(y_pred, 0, 1)), labels, target_lengths=(labels != 0).sum(axis=1),
                      reduction="none")


def triplet(y_true, y_pred, margin=1.0, p=2.0, eps=1e-6, swap=False):
    """max(d(anchor, positive) - d(anchor, negative) + margin, 0) of each example; see F.triplet_margin_loss

    y_pred (N, 3, D): anchor, positive and negative. y_true is not looked at, and may be None.
    """
    y_pred = prediction(y_pred)
    if y_pred.ndim != 3 or y_pred.shape[1] != 3:
        raise ValueError("triplet: expected predictions of shape (N, 3, D), the anchor, a positive and a negative of each "
                         f"example, got {tuple(y_pred.shape)}: use mg.stack([anchor, positive, negative], axis=1)")
    return F.triplet_margin_loss(*F.unstack(y_pred, 1), margin, p, eps, swap, reduction="none")


class CTC(FunctionLoss):
    """-log of the probability of the labels, whatever their places in time; see `ctc`. Graves et al. 2006."""

    function = staticmethod(ctc)


class Triplet(FunctionLoss):
    """max(d(anchor, positive) - d(anchor, negative) + margin, 0); see `triplet`."""

    function = staticmethod(triplet)

    def __init__(self, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="sum_over_batch_size", name="triplet", dtype=None):
        self.margin, self.p, self.eps, self.swap = checked_amount(margin, name, "margin"), p, eps, swap
        super().__init__(reduction, name, dtype)
