"""Optimizers: the rule by which a gradient changes a parameter, each with its formula. Keras's names and arguments."""

from minigrad.names import named
from minigrad.optimizers.adam import Adam, AdamW
from minigrad.optimizers.optimizer import Optimizer
from minigrad.optimizers.sgd import SGD

_NAMES = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def get(identifier):
    """An optimizer from its name ("adam"), its class, or itself."""
    return named(identifier, _NAMES, "optimizer")
