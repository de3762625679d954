"""What all optimizers have in common: the parameters, the step count, the state of each parameter."""

import inspect

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.tensor import Tensor


class Optimizer:
    """Changes parameters by their gradients: `loss.backward(); optimizer.step(); optimizer.zero_grad()`.

    parameters     Tensors that require gradients, as `model.parameters()` gives; `model.compile` passes them itself.
                   A number in this place is taken as the learning rate, as in Keras's `Adam(1e-3)`.
    learning_rate  the step size, a number > 0; may be assigned between steps.

    A subclass defines `update(p, g, state)`: change the array p in place by its gradient g; `state` is a dict of its own.
    """

    def __init__(self, parameters=None, learning_rate=0.001):
        if isinstance(parameters, (int, float, np.number)):
            signature = inspect.signature(type(self)).parameters.get("learning_rate")
            if signature is not None and learning_rate != signature.default:
                raise TypeError(f"{type(self).__name__} got two learning rates, {parameters} and {learning_rate}: name "
                                f"what comes after the first, as in {type(self).__name__}({parameters}, name=value)")
            parameters, learning_rate = None, parameters
        self.learning_rate, self.iterations = learning_rate, 0
        self.parameters, self.state = [], {}
        if parameters is not None:
            self.set_parameters(parameters)

    @property
    def learning_rate(self):
        """The step size."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < np.inf:
            raise ValueError(f"{type(self).__name__}: learning_rate must be a number >= 0, got {value!r}")
        self._learning_rate = float(value)

    def set_parameters(self, parameters):
        """The Tensors to change."""
        parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        if not parameters:
            raise ValueError(f"{type(self).__name__} got no parameters: a model has them after its first call, or at once "
                             "when its first layer is given input_shape")
        for i, p in enumerate(parameters):
            if not isinstance(p, Tensor) or p.creator is not None:
                raise TypeError(f"{type(self).__name__}: parameter {i} must be a leaf Tensor, got {type(p).__name__}"
                                + (f" made by {p.creator.name}" if isinstance(p, Tensor) else ""))
        self.parameters = list({id(p): p for p in parameters}.values())  # a shared one is changed once a step

    def step(self):
        """Change every parameter that has a gradient."""
        if not self.parameters:
            raise ValueError(f"{type(self).__name__} has no parameters: pass model.parameters()")
        self.iterations += 1
        for i, p in enumerate(self.parameters):
            if p.grad is not None and p.requires_grad:
                self.update(_as_real(p._data), _as_real(p.grad.data), self.state.setdefault(i, {}))
                p.bump_version()

    def zero_grad(self):
        """Forget the gradients."""
        for p in self.parameters:
            p.grad = None

    def update(self, p, g, state):
        """Change the array p in place."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def __repr__(self):
        return f"{type(self).__name__}(learning_rate={self.learning_rate:g}, {len(self.parameters)} parameters)"


def _as_real(x):
    """A complex array as pairs of real numbers (..., 2), in the same memory: each part is a parameter of its own."""
    return x[..., None].view(x.real.dtype) if x.dtype.kind == "c" else x


def slot(state, name, like):
    """The array of that name in a parameter's state: zeros at the start."""
    if name not in state:
        state[name] = get_array_module(like).zeros_like(like)
    elif type(state[name]) is not type(like):  # the model was moved since the last step
        state[name] = backend.to_device(state[name], backend.device_of(like))
    return state[name]
