"""Activations by name: `activation="relu"`."""

from minigrad import functions as F
from minigrad.names import named

NAMES = {"linear": lambda x: x, "relu": F.relu, "sigmoid": F.sigmoid, "tanh": F.tanh, "softmax": F.softmax,
          "log_softmax": F.log_softmax, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, "tanh"),
          "softplus": F.softplus, "exponential": F.exp,
          "relu6": F.relu6, "leaky_relu": lambda x: F.leaky_relu(x, 0.2), "elu": F.elu, "selu": F.selu, "celu": F.celu,
          "silu": F.silu, "swish": F.silu, "mish": F.mish, "softsign": F.softsign, "glu": F.glu,
          "hard_tanh": F.hardtanh, "hardtanh": F.hardtanh, "hard_sigmoid": F.hard_sigmoid, "hardsigmoid": F.hard_sigmoid,
          "hard_silu": F.hard_silu, "hard_swish": F.hard_silu, "hardswish": F.hard_silu,
          "log_sigmoid": F.log_sigmoid, "logsigmoid": F.log_sigmoid}  # 0.2 is Keras's slope, F.leaky_relu has PyTorch's


def get(identifier):
    """The function of that name; None is "linear"; a function is returned as it is."""
    return named("linear" if identifier is None else identifier, NAMES, "activation")
