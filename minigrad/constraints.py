"""Constraints: what a weight is made to be after each step of an optimizer. `constraints.MaxNorm(3)(w)` gives an array.

    layers.Dense(10, kernel_constraint="non_neg", bias_constraint=constraints.MaxNorm(1))

A step along the gradient, then the nearest weight that is allowed: projected gradient descent. L-BFGS, which searches along
a line, takes no notice of them.
"""

from minigrad.backend import get_array_module
from minigrad.names import Configured, checked_amount, named

_EPSILON = 1e-7  # beside a norm that is divided by, as in Keras


class Constraint(Configured):
    """`constraint(w)`: an array of w's shape and dtype."""

    def __call__(self, w):
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(w)")


class NonNeg(Constraint):
    """max(w, 0)"""

    def __call__(self, w):
        return w * (w >= 0)


class _OfNorm(Constraint):
    """w times what brings n, its norm along `axis`, to another one. In a Dense kernel (in, out), axis 0 is all that leads to
    one output; in a convolution's (kh, kw, C, F), that is axis=(0, 1, 2)."""

    def __call__(self, w):
        xp, axis = get_array_module(w), tuple(self.axis) if isinstance(self.axis, list) else self.axis
        n = xp.sqrt(xp.sum(xp.square(w), axis=axis, keepdims=True))
        return w * (self._norm(xp, n) / (_EPSILON + n))

    def _norm(self, xp, n):
        """What norms n become."""
        raise NotImplementedError(f"{type(self).__name__} does not define _norm(xp, n)")


class MaxNorm(_OfNorm):
    """w min(n, max_value) / n, n = √Σ w² along `axis`. Srivastava et al. 2014, "Dropout", sec. 5.1."""

    def __init__(self, max_value=2, axis=0):
        self.max_value, self.axis = checked_amount(max_value, "MaxNorm", "max_value"), axis

    def _norm(self, xp, n):
        return xp.clip(n, 0, self.max_value)


class UnitNorm(_OfNorm):
    """w / n, n = √Σ w² along `axis`."""

    def __init__(self, axis=0):
        self.axis = axis

    def _norm(self, xp, n):
        return xp.ones_like(n)


class MinMaxNorm(_OfNorm):
    """w m / n, with n = √Σ w² along `axis`, and m = rate · (n clipped to [min_value, max_value]) + (1 - rate) n."""

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value = checked_amount(min_value, "MinMaxNorm", "min_value")
        self.max_value = checked_amount(max_value, "MinMaxNorm", "max_value")
        self.rate, self.axis = checked_amount(rate, "MinMaxNorm", "rate", 1), axis
        if self.min_value > self.max_value:
            raise ValueError(f"MinMaxNorm: min_value must be at most max_value, got {min_value!r} and {max_value!r}")

    def _norm(self, xp, n):
        return self.rate * xp.clip(n, self.min_value, self.max_value) + (1 - self.rate) * n


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm  # as Keras calls them too

_NAMES = {"max_norm": MaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm, "min_max_norm": MinMaxNorm}


def get(identifier):
    """A constraint from its name ("non_neg"), its class, its config ({"class_name": "MaxNorm", "config": {"max_value": 3}}),
    or itself (any callable of an array); None stays None."""
    return None if identifier is None else named(identifier, _NAMES, "constraint")
