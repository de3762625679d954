"""Layer: named parameters, sub-layers, and a call. Everything that Dense, Conv2D and models have in common."""

import contextvars
import inspect
import re

import numpy as np

from minigrad import backend, initializers
from minigrad.tensor import Tensor, get_default_dtype
from minigrad.transforms.trees import leaves, map_leaves


def shape_of(shape):
    """A shape as a tuple; a number is that of a vector."""
    return (int(shape),) if hasattr(shape, "__index__") else tuple(shape)


_current = contextvars.ContextVar("call", default=None)  # the outermost call that is under way, per thread
in_piece = contextvars.ContextVar("in_piece", default=False)  # per thread: whether others have other rows of the batch


class LayerError(ValueError):
    """A layer that cannot take its input: says which layer, where it stands, what it expected and what came."""


class NeedsWholeBatch(Exception):
    """A layer was called on a piece of a batch (see minigrad.parallel), and needs all its rows or no thread beside it."""


class Parameter(Tensor):
    """A Tensor that a layer learns. `trainable=False` freezes it; `symbols` names the length of each axis."""

    __slots__ = ("name", "symbols")
    extra_slots = __slots__

    def __init__(self, data, name="", symbols=None, trainable=True, **keywords):
        super().__init__(data, requires_grad=trainable, **keywords)
        self.name, self.symbols = name, dict(symbols or {})

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


class _Call:
    """One call of the outermost layer: the path to where it is, and the shapes that came out on the way."""

    def __init__(self, training):
        self.path, self.trace, self.training = [], [], training
        self.built = []  # (layer, names of the parameters that it had before): what an error has to undo


class Layer:
    """A piece of a network. A subclass defines

        weight_shapes(input_shape)   {"kernel": {"in": 784, "out": 10}, ...}: the parameters, each axis with its symbol
        call(x)                      what it does with its input; may take `training`

    and may define `build(input_shape)` to make sub-layers. Sub-layers and Parameters are found where they are assigned
    (`self.hidden = Dense(10)`), sub-layers in lists and dicts too (`self.blocks.append(Dense(10))`). Parameters are made
    at the first call, or at once when `input_shape` (without the batch axis) is given.
    """

    built = False            # whether the parameters are there
    input_axes = None        # how many axes an input must have, batch included; None: any number
    needs_whole_batch = False  # whether rows depend on each other in training, or the call changes the layer: it is then
    #                            never given a piece of a batch. A layer of your own that is so has to say so
    input_dtype = "float32"  # of the empty batch that a Sequential sends through to build its layers

    def __new__(cls, *arguments, **keywords):
        layer = super().__new__(cls)
        layer.__dict__.update(_parameters={}, _frozen=False, _device=None, name=None, training=False, input_shape=None)
        try:
            bound = inspect.signature(cls.__init__).bind(layer, *arguments, **keywords).arguments
        except TypeError:
            bound = {}  # __init__ itself says what is wrong
        layer.__dict__["_arguments"] = dict(list(bound.items())[1:])
        return layer

    def __init__(self, name=None, input_shape=None):
        self.name = name
        if input_shape is not None:
            self.input_shape = shape_of(input_shape)
            self.ensure_built((None, *self.input_shape))

    # ---- building

    def weight_shapes(self, input_shape):
        """The parameters for inputs of `input_shape` (batch first): name -> {symbol: length of the axis}."""
        return {}

    def build(self, input_shape):
        """Make the parameters."""
        for name, symbols in self.weight_shapes(input_shape).items():
            self.add_weight(name, symbols, initializer=self.initializer_of(name))

    def initializer_of(self, name):
        """The initializer of a parameter: `kernel_initializer` for "kernel", glorot_uniform unless said."""
        default = "zeros" if name.endswith(("bias", "beta")) else "ones" if name == "gamma" else "glorot_uniform"
        return getattr(self, f"{name}_initializer", default)

    def ensure_built(self, input_shape):
        """Build, if that was not done yet."""
        if not self.built:
            if in_piece.get():
                raise NeedsWholeBatch(f"{self.label} is not built yet")
            if _current.get() is not None:
                _current.get().built.append((self, set(self._parameters)))
            self.build(tuple(input_shape))
            self.built = True
            if self._frozen:
                self.trainable = False

    def add_weight(self, name, shape, initializer="glorot_uniform", trainable=True, dtype=None):
        """Make a Parameter and keep it as `self.name`; `shape` is a tuple, or {symbol: length}."""
        symbols = shape if isinstance(shape, dict) else {f"n{i}": n for i, n in enumerate(shape)}
        lengths = tuple(symbols.values())
        data = initializers.get(initializer)(lengths, dtype or get_default_dtype())
        setattr(self, name, Parameter(data, name, symbols, trainable, device=self._device))
        return getattr(self, name)

    def __setattr__(self, name, value):
        self._parameters.pop(name, None)
        if isinstance(value, Parameter):
            self._parameters[name] = value
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        self._parameters.pop(name, None)
        object.__delattr__(self, name)

    @property
    def _layers(self):
        """{name: sub-layer}, as they are assigned now; those in lists and dicts are called "blocks.0", "heads.left"."""
        found = {}
        for name, value in vars(self).items():
            if name != "_arguments":
                _find_layers(name, value, found)
        return found

    # ---- calling

    def __call__(self, *inputs, training=None, **keywords):
        call = _current.get()
        if call is None:
            return self._run_outermost(_Call(self.training if training is None else bool(training)), inputs, keywords)
        if training is None or bool(training) == call.training:
            return self._run(call, inputs, keywords)
        before, call.training = call.training, bool(training)
        try:
            return self._run(call, inputs, keywords)
        finally:
            call.training = before

    def _run_outermost(self, call, inputs, keywords):
        token = _current.set(call)
        try:
            return self._run(call, inputs, keywords)
        except BaseException:
            for layer, names in call.built:  # with this input it did not work: leave no parameters of its shape behind
                for name in set(layer._parameters) - names:
                    delattr(layer, name)
                layer.built = False
            raise
        finally:
            _current.reset(token)

    def _run(self, call, inputs, keywords):
        call.path.append(self)
        inputs = tuple([self._as_input(x) for x in inputs])
        keywords = {k: self._as_input(v) if backend.is_array(v) or isinstance(v, list) else v for k, v in keywords.items()}
        try:
            shape = inputs[0].shape if inputs and isinstance(inputs[0], Tensor) else ()
            if self.input_axes not in (None, len(shape)):
                raise ValueError(f"expected an input of {self.input_axes} axes, batch first, got shape {tuple(shape)}")
            if self.needs_whole_batch and call.training and in_piece.get():
                raise NeedsWholeBatch(f"{self.label} reads all rows of a batch")
            self.ensure_built(shape)
            if self._takes_training:
                keywords = {**keywords, "training": call.training}
            y = self.call(*inputs, **keywords)
        except LayerError:
            raise
        except (ValueError, TypeError, IndexError) as error:
            raise LayerError(self._explain(call, inputs, error)) from error
        finally:
            call.path.pop()
        call.trace.append(((*call.path, self), shape, getattr(y, "shape", None)))
        return y

    def trace(self, *inputs, **keywords):
        """Call it, and list each layer that ran, in order of ending: (path, layer, input shape, output shape)."""
        call = _Call(self.training)
        self._run_outermost(call, inputs, keywords)
        return [(path_of(path), path[-1], before, after) for path, before, after in call.trace]

    @property
    def _takes_training(self):
        cls = type(self)
        if "takes_training" not in cls.__dict__:
            cls.takes_training = "training" in inspect.signature(cls.call).parameters
        return cls.takes_training

    def _as_input(self, x):
        """Arrays and lists become Tensors where the layer lives; floating-point ones of its own dtype, as in Keras."""
        if isinstance(x, Tensor) or x is None:
            return x
        if isinstance(x, (list, tuple, dict)) and any(isinstance(leaf, Tensor) for _, leaf in leaves(x)):
            return map_leaves(self._as_input, x)  # several inputs
        array = x if backend.is_array(x) else np.asarray(x)
        if array.dtype.kind not in "biuf":
            raise LayerError(f"{self.describe()}: expected numbers, got an array of dtype {array.dtype}")
        first = next(iter(self.parameters()), None)
        if array.dtype.kind == "f":
            array = array.astype(get_default_dtype() if first is None else first.dtype, copy=False)
        device = self._device if first is None else first.device
        return Tensor.wrap(array if device is None else backend.to_device(array, device))

    def _explain(self, call, inputs, error):
        shapes = ", ".join(str(tuple(x.shape)) if isinstance(x, Tensor) else type(x).__name__ for x in inputs)
        lines = [f"{path_of(call.path)} ({self.describe()}): {error}", f"  its input: {shapes}"]
        if call.trace:
            lines.append("  the layers before it gave:")
            lines += [f"    {path_of(path)} ({path[-1].describe()}): {tuple(y) if y is not None else '?'}"
                      for path, _, y in call.trace[-6:]]
        return "\n".join(lines)

    def call(self, x):
        """What the layer does with its input."""
        raise NotImplementedError(f"{type(self).__name__} defines no call")

    # ---- what it holds

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
        seen, found, stack = set(), [], [(prefix, self)]
        while stack:
            path, layer = stack.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            found.append((path, layer))
            stack += [(f"{path}.{name}" if path else name, child) for name, child in reversed(layer._layers.items())]
        return found

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
            p.trainable = value

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

    # ---- how it looks

    @property
    def label(self):
        """Its name: what it was given, else its class in snake case."""
        return self.name or snake_case(type(self).__name__)

    def describe(self):
        """The class, and what flows through it if that is known: "Conv2D, 6 -> 16"."""
        kernel = self._parameters.get("kernel")
        if kernel is None or kernel.ndim < 2:
            return type(self).__name__
        return f"{type(self).__name__}, {kernel.shape[-2] * getattr(self, 'groups', 1)} -> {kernel.shape[-1]}"

    def __repr__(self):
        arguments = ", ".join(f"{k}={v!r}" for k, v in self._arguments.items() if not isinstance(v, (Layer, list, dict)))
        head = f"{type(self).__name__}({arguments})"
        if self.built and not self._layers:
            count = self.count_params()
            return head + (f"  # {self.describe().partition(', ')[2] or 'built'}, {count:,} parameters" if count else "")
        children = "".join("\n  " + f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self._layers.items())
        return head + children

    def _repr_html_(self):
        from html import escape
        return f"<pre>{escape(repr(self))}</pre>"


def _find_layers(name, value, found):
    """Add the layers in `value`, a layer or a list or dict with layers in it, to `found`, by their dotted names."""
    if isinstance(value, Layer):
        found[name] = value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            _find_layers(f"{name}.{i}", item, found)
    elif isinstance(value, dict):
        for key, item in value.items():
            _find_layers(f"{name}.{key}", item, found)


def path_of(layers):
    """The dotted path of nested layers: "model.block.conv2"."""
    names = [layers[0].name or "model" if layers[0]._layers else layers[0].label]
    for outer, inner in zip(layers, layers[1:]):
        names.append(next((name for name, layer in outer.named_layers()[1:] if layer is inner), inner.label))
    return ".".join(names)


def snake_case(name):
    """Keras's automatic names: Conv2D -> conv2d, MaxPooling2D -> max_pooling2d, MultiHeadAttention -> ..."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return name.lower().replace("2_d", "2d")
