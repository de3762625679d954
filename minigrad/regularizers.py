"""Regularizers: what is added to a loss to keep weights small, or apart. `regularizers.L2(0.01)(w)` is one number, a Tensor.

A penalty r(w) added to the loss pulls each weight by -∂r/∂w: l2 Σ w² by -2 l2 w, in proportion to its size; l1 Σ |w| by the
same amount, whatever its size, until it is 0.
"""

from minigrad import functions as F
from minigrad.names import Configured, checked_amount, checked_choice, named


class Regularizer(Configured):
    """`regularizer(x)`: the penalty of a Tensor, one number of its dtype."""

    def __call__(self, x):
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(x)")


class L1(Regularizer):
    """l1 Σ |x|; the slope at 0 is 0. Tibshirani 1996, the lasso."""

    def __init__(self, l1=0.01):
        self.l1 = checked_amount(l1, type(self).__name__, "l1")

    def __call__(self, x):
        return self.l1 * F.sum(F.absolute(x))


class L2(Regularizer):
    """l2 Σ x². Hoerl and Kennard 1970, ridge regression."""

    def __init__(self, l2=0.01):
        self.l2 = checked_amount(l2, type(self).__name__, "l2")

    def __call__(self, x):
        return self.l2 * F.sum(F.square(x))


class L1L2(Regularizer):
    """l1 Σ |x| + l2 Σ x². Zou and Hastie 2005, the elastic net."""

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = checked_amount(l1, type(self).__name__, "l1")
        self.l2 = checked_amount(l2, type(self).__name__, "l2")

    def __call__(self, x):
        return self.l1 * F.sum(F.absolute(x)) + self.l2 * F.sum(F.square(x))


class OrthogonalRegularizer(Regularizer):
    """factor times the mean of |cos| of the angles between the rows (or columns) of a matrix, over all pairs of them.

    mode  "rows" or "columns"
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = checked_amount(factor, type(self).__name__, "factor")
        self.mode = checked_choice(mode, ("rows", "columns"), "mode")

    def __call__(self, x):
        if x.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer: expected a matrix, got shape {tuple(x.shape)}")
        x = x if self.mode == "rows" else F.transpose(x)
        u = x / F.maximum(F.vector_norm(x, axis=1, keepdims=True), 1e-7)
        n = x.shape[0]
        cosines = F.absolute(F.matmul(u, F.transpose(u)))
        between = F.sum(cosines) - F.sum(F.diagonal(cosines))  # each pair twice
        return self.factor * between / max(n * (n - 1), 1)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer  # as Keras calls them too

_NAMES = {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer}


def get(identifier):
    """A regularizer from its name ("l2"), its class, its config ({"class_name": "L2", "config": {"l2": 0.1}}), or itself
    (any callable of a Tensor); None stays None."""
    return None if identifier is None else named(identifier, _NAMES, "regularizer")
