"""Optimizers: the rule by which a gradient changes a parameter, each with its formula. Keras's names and arguments."""

from minigrad.names import named
from minigrad.optimizers import schedules
from minigrad.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam
from minigrad.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from minigrad.optimizers.checks import deserialized, serialized
from minigrad.optimizers.gradients import clip_grad_norm, clip_grad_value
from minigrad.optimizers.lbfgs import LBFGS
from minigrad.optimizers.matrices import Adafactor, Muon
from minigrad.optimizers.optimizer import Optimizer
from minigrad.optimizers.sgd import SGD, Lion

OPTIMIZERS = [SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam, Ftrl, Lion, Lamb, Muon, Adafactor, LBFGS]
_NAMES = {c.__name__.lower(): c for c in OPTIMIZERS}


def get(identifier):
    """An optimizer from its name ("adam"), its class, what `serialize` gave, or itself."""
    return deserialize(identifier) if isinstance(identifier, dict) else named(identifier, _NAMES, "optimizer")


def serialize(optimizer):
    """{"class_name": ..., "config": {...}}, which JSON can hold; without parameters and state."""
    return serialized(optimizer)


def deserialize(config):
    """The optimizer of `serialize`."""
    return deserialized(config, OPTIMIZERS, "optimizer")
