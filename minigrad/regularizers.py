"""Penalties on weights, with Keras's names: `regularizers.get("l2")(w)` is a Tensor of one number."""

from minigrad import functions as F
from minigrad.names import named


class L1L2:
    """l1 Σ |w| + l2 Σ w²"""

    def __init__(self, l1=0.0, l2=0.0):
        self.l1, self.l2 = float(l1), float(l2)

    def __call__(self, w):
        return self.l1 * F.sum(F.absolute(w)) + self.l2 * F.sum(F.square(w))

    def get_config(self):
        """Its arguments."""
        return dict(vars(self))


class L1(L1L2):
    """l1 Σ |w|"""

    def __init__(self, l1=0.01):
        super().__init__(l1=l1)

    def get_config(self):
        """Its argument."""
        return {"l1": self.l1}


class L2(L1L2):
    """l2 Σ w²"""

    def __init__(self, l2=0.01):
        super().__init__(l2=l2)

    def get_config(self):
        """Its argument."""
        return {"l2": self.l2}


_NAMES = {"l1": L1, "l2": L2, "l1_l2": L1L2}


def get(identifier):
    """A regularizer from its name ("l2"), its class, or itself (any callable of a Tensor); None stays None."""
    return None if identifier is None else named(identifier, _NAMES, "regularizer")
