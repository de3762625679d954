"""Activations by name: `activation="relu"`."""

from minigrad import functions as F
from minigrad.names import named

_NAMES = {"linear": lambda x: x, "relu": F.relu, "sigmoid": F.sigmoid, "tanh": F.tanh, "softmax": F.softmax,
          "log_softmax": F.log_softmax, "gelu": F.gelu, "softplus": F.softplus, "exponential": F.exp}


def get(identifier):
    """The function of that name; None is "linear"; a function is returned as it is."""
    return named("linear" if identifier is None else identifier, _NAMES, "activation")
