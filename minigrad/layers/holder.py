"""What a layer holds: Parameters and further layers, with their names, their state, and where they live."""

import numpy as np

from minigrad import backend
from minigrad.tensor import Tensor


class Parameter(Tensor):
    """A Tensor that a layer learns. `trainable=False` freezes it; `symbols` names the length of each axis; `constraint`
    (an array) gives what an optimizer's step makes of it in the end.

    One with learns=False is a statistic, such as a moving mean: part of the state, but no thawing makes it trainable.
    """

    __slots__ = ("name", "symbols", "learns", "constraint")
    extra_slots = __slots__

    def __init__(self, data, name="", symbols=None, trainable=True, learns=True, constraint=None, **keywords):
        super().__init__(data, requires_grad=trainable and learns, **keywords)
        self.name, self.symbols, self.learns = name, dict(symbols or {}), learns
        self.constraint = constraint

    @property
    def trainable(self):
        """Whether it learns; a frozen parameter gets no gradient."""
        return self.requires_grad

    @trainable.setter
    def trainable(self, value):
        self.requires_grad = value

    def __repr__(self):
        state = "" if self.trainable else ", frozen"
        return f"Parameter({self.name!r}, shape={self.shape}, dtype={self.dtype}{state})\n{super().__repr__()}"


class Holder:
    """Named Parameters and layers, found where they are assigned; those in lists and dicts are "blocks.0", "heads.left"."""

    def __setattr__(self, name, value):
        self._parameters.pop(name, None)
        if isinstance(value, Parameter):
            self._parameters[name] = value
            value.name = value.name or name
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        self._parameters.pop(name, None)
        object.__delattr__(self, name)

    @property
    def _layers(self):
        """{name: sub-layer}, as they are assigned now; those in lists and dicts are called "blocks.0", "heads.left"."""
        found = {}
        for name, value in vars(self).items():
            if isinstance(value, MAY_HOLD) and name != "_arguments":
                _find_layers(name, value, found)
        return found

    def named_parameters(self):
        """(dotted name, Parameter) pairs in the order of insertion; a shared one once, under its first name."""
        seen, found = set(), []
        for prefix, layer in self.named_layers():
            for name, p in layer._parameters.items():
                if id(p) not in seen:
                    seen.add(id(p))
                    found.append((f"{prefix}.{name}" if prefix else name, p))
        return found

    def named_layers(self, prefix=""):
        """(dotted name, layer) pairs: this one (its name is ""), then all below it, depth first; a shared one once."""
        return list(self._walk(prefix))

    def _walk(self, prefix=""):
        seen, stack = set(), [(prefix, self)]
        while stack:
            path, layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield path, layer
                stack += [(f"{path}.{name}" if path else name, child) for name, child in reversed(layer._layers.items())]

    @property
    def first_parameter(self):
        """The first Parameter, which says where the layer lives and with which dtype it computes; None if there is none."""
        return next((p for _, layer in self._walk() for p in layer._parameters.values()), None)

    def parameters(self, trainable_only=False):
        """The Parameters, each once."""
        return [p for _, p in self.named_parameters() if p.trainable or not trainable_only]

    @property
    def trainable(self):
        """Whether any parameter learns; set it to False to freeze the layer (also before it is built), to True to thaw."""
        return any(p.trainable for p in self.parameters()) or not (self.parameters() or self._frozen)

    @trainable.setter
    def trainable(self, value):
        for _, layer in self.named_layers():
            layer._frozen = not value  # for the parameters that it does not have yet
        for p in self.parameters():
            p.trainable = value and p.learns

    @property
    def weights(self):
        """The Parameters, as `parameters()`."""
        return self.parameters()

    @property
    def trainable_weights(self):
        """Those that learn."""
        return self.parameters(trainable_only=True)

    @property
    def non_trainable_weights(self):
        """Those that do not: statistics, and what is frozen."""
        return [p for p in self.parameters() if not p.trainable]

    variables, trainable_variables, non_trainable_variables = weights, trainable_weights, non_trainable_weights

    def count_params(self):
        """The number of numbers in all parameters."""
        return sum(p.size for p in self.parameters())

    def train(self, mode=True):
        """Training mode (dropout works) for calls that do not say `training=`; returns the layer."""
        for _, layer in self.named_layers():
            layer.training = mode
        return self

    def eval(self):
        """Evaluation mode, the default: dropout does nothing."""
        return self.train(False)

    def zero_grad(self):
        """Forget the gradients of all parameters."""
        for p in self.parameters():
            p.grad = None

    def to(self, device):
        """Move all parameters to a device ("cpu", "cuda:0"), also those that are not made yet; returns the layer."""
        backend.to_device(np.zeros(0), device)  # an unknown device fails here, before anything has moved
        for _, layer in self.named_layers():
            layer._device = device
        for p in self.parameters():
            p._data = backend.to_device(p._data, device)
            p.grad = None
        return self

    # ---- saving

    def state_dict(self):
        """{dotted name: a copy of the array, on the host} of all parameters."""
        return {name: p.numpy().copy() for name, p in self.named_parameters()}

    def load_state_dict(self, state):
        """Take over the arrays of a state_dict. All names and shapes are checked first: on an error nothing has changed."""
        own = dict(self.named_parameters())
        faults = [f"missing: {name} {p.shape}" for name, p in own.items() if name not in state]
        faults += [f"unexpected: {name} {np.shape(state[name])}" for name in state if name not in own]
        arrays = {name: backend.to_numpy(state[name]) for name in own if name in state}
        faults += [f"wrong shape: {name} is {own[name].shape}, got {a.shape}"
                   for name, a in arrays.items() if a.shape != own[name].shape]
        faults += [f"wrong dtype: {name} got {a.dtype}" for name, a in arrays.items() if a.dtype.kind != "f"]
        if faults:
            hint = "" if own else "\nThe model has no parameters yet: call it once, or give its first layer input_shape."
            raise ValueError(f"the state does not fit {self.describe()}:\n  " + "\n  ".join(faults) + hint)
        for name, a in arrays.items():
            p = own[name]
            p.data = backend.copy_like(a.astype(p.dtype, copy=False), p._data)

    def get_weights(self):
        """Copies of the arrays of all parameters, in their order."""
        return list(self.state_dict().values())

    def set_weights(self, weights):
        """Take over the arrays of get_weights."""
        names = [name for name, _ in self.named_parameters()]
        if len(weights) != len(names):
            raise ValueError(f"{self.describe()} has {len(names)} weights ({', '.join(names)}), got {len(weights)}")
        self.load_state_dict(dict(zip(names, weights)))


def _find_layers(name, value, found):
    """Add the layers in `value`, a layer or a list or dict with layers in it, to `found`, by their dotted names."""
    if isinstance(value, Holder):
        found[name] = value
    else:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(item, MAY_HOLD):
                _find_layers(f"{name}.{key}", item, found)


MAY_HOLD = Holder, list, tuple, dict
