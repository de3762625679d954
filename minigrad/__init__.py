"""minigrad: a deep-learning framework on NumPy and CuPy, written to be read.

    import minigrad as mg
    from minigrad import layers

Read the source in this order: backend, tensor, function, autograd, functions/arithmetic, functions/convolution, layers,
parallel, training.
"""

from minigrad import autograd, functions, operators, random
from minigrad.autograd import enable_grad, no_grad
from minigrad.errors import GradientError, GraphError
from minigrad.function import Function
from minigrad.functions import *
from minigrad.functions import fourier as fft, linalg
from minigrad.functions import __all__ as _functions
from minigrad.gradcheck import gradcheck, gradgradcheck
from minigrad.plain import *
from minigrad.random import seed
from minigrad.transforms import (
    checkpoint, custom_gradient, grad, hessian, hvp, jacobian, jvp, stop_gradient, value_and_grad, vjp,
)
from minigrad.tensor import Tensor, default_dtype, get_default_dtype, set_default_dtype

from minigrad import callbacks, constraints, data, initializers, layers, losses, metrics, optimizers, parallel, regularizers
from minigrad.layers import Input
from minigrad.training import Model, Sequential
from minigrad import formats, inspect, models
from minigrad.inspect.compare import compare_layers
from minigrad.inspect.summary import summary
from minigrad.inspect.tape import tape

__version__ = "0.1.0"


def __getattr__(name):
    if name in ("MinigradClassifier", "MinigradRegressor"):  # imported only now, since they need scikit-learn
        try:
            from minigrad import estimators
        except ImportError as error:
            raise ImportError(f"mg.{name} needs scikit-learn: pip install 'minigrad[sklearn]' ({error})") from error
        return getattr(estimators, name)
    raise AttributeError(f"module 'minigrad' has no attribute {name!r}")
