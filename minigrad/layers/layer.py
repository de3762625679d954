"""Layer: a call, and around it building, masks, regularisation and errors. What Dense, Conv2D and models have in common."""

import contextlib
import contextvars
import difflib
import inspect
import math
import re
from contextlib import nullcontext

import numpy as np

from minigrad import backend, constraints, initializers, random, regularizers
from minigrad.layers import configs
from minigrad.layers.holder import Holder, Parameter
from minigrad.layers.symbols import called_with_symbols, has_symbol, shape_of
from minigrad.tensor import Tensor, get_default_dtype
from minigrad.transforms.trees import leaves

_current = contextvars.ContextVar("call", default=None)  # the outermost call that is under way, per thread
_added = contextvars.ContextVar("losses", default=())    # (layer, loss) pairs of the latest outermost call, per thread
_room = contextvars.ContextVar("room", default=None)     # [how many numbers may still be made], where a file says the sizes
in_piece = contextvars.ContextVar("in_piece", default=False)  # per thread: whether others have other rows of the batch


class LayerError(ValueError):
    """A layer that cannot take its input: says which layer, where it stands, what it expected and what came."""


class NeedsWholeBatch(Exception):
    """A layer was called on a piece of a batch (see minigrad.parallel), and needs all its rows or no thread beside it."""


class _Call:
    """One call of the outermost layer: the path to where it is, and the shapes that came out on the way."""

    def __init__(self, training):
        self.path, self.trace, self.losses, self.training = [], [], [], training
        self.built = []  # (layer, names of the parameters that it had before): what an error has to undo


class Layer(Holder):
    """A piece of a network. A subclass defines

        weight_shapes(input_shape)   {"kernel": {"in": 784, "out": 10}, ...}: the parameters, each axis with its symbol
        call(x)                      what it does with its input; may take `training`, and `mask` (see mask_of)

    and may define `build(input_shape)` to make sub-layers. Sub-layers and Parameters are found where they are assigned
    (`self.hidden = Dense(10)`), sub-layers in lists and dicts too (`self.blocks.append(Dense(10))`). Parameters are made
    at the first call, or at once when `input_shape` (without the batch axis) is given.

    All layers take the options
        name, input_shape                          see above
        trainable=True                             False freezes it
        activity_regularizer=None                  a regularizer of the outputs: its value / batch size is among `losses`
        kernel_initializer, kernel_regularizer, kernel_constraint     of each weight that `initial` names, by name or as
                                                   objects
        seed=None                                  of layers that draw random numbers: they are those of mg.seed, or, with
                                                   a whole number, of a generator of the layer's own, see random.Seed
    """

    initial = {}             # how weights start: {"kernel": "glorot_uniform", "bias": "zeros"}; see the options above
    built = False            # whether the parameters are there
    input_axes = None        # how many axes an input must have, batch included; None: any number
    needs_whole_batch = False  # whether rows depend on each other in training, or the call changes the layer: it is then
    #                            never given a piece of a batch. A layer of your own that is so has to say so
    input_dtype = "float32"  # of the empty batch that a Sequential sends through to build its layers
    takes_several = False    # whether its input is a list (or dict) of arrays, as that of Add
    draws = False            # whether it draws random numbers, and takes a seed
    seed = _seed = None
    supports_masking = False  # whether the output keeps the input's mask, see compute_mask

    def __new__(cls, *arguments, **keywords):
        layer = super().__new__(cls)
        layer.__dict__.update(_parameters={}, _frozen=False, _device=None, name=None, training=False, input_shape=None,
                              activity_regularizer=None)
        layer.__dict__["_arguments"] = configs.arguments_of(layer, arguments, keywords)
        return layer

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        configs.register(cls)

    def __init__(self, name=None, input_shape=None, trainable=True, activity_regularizer=None, **options):
        if not isinstance(name, (str, type(None))):
            raise TypeError(f"{type(self).__name__}: name must be a text, got {name!r:.80}")
        self.name, self._frozen = name, not trainable
        self.activity_regularizer = regularizers.get(activity_regularizer)
        for weight, start in self.initial.items():
            given = options.pop(f"{weight}_initializer", start)
            setattr(self, f"{weight}_initializer", initializers.get(start if given is None else given))
            setattr(self, f"{weight}_regularizer", regularizers.get(options.pop(f"{weight}_regularizer", None)))
            setattr(self, f"{weight}_constraint", constraints.get(options.pop(f"{weight}_constraint", None)))
        if self.draws and options.get("seed") is not None:
            self.seed, self._seed = options["seed"], random.Seed(options["seed"])
        if self.draws:
            options.pop("seed", None)
        for option in options:
            known = [*configs.parameters_of(type(self)), *vars(self), "input_shape", "trainable"]
            near = difflib.get_close_matches(option, known, 1)
            raise TypeError(f"{type(self).__name__} takes no argument {option!r}"
                            + (f": did you mean {near[0]!r}?" if near else ""))
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
        return getattr(self, f"{self.option_of(name)}_initializer", default)

    def option_of(self, name):
        """What the options of a parameter begin with: its name, unless several share theirs."""
        return name

    def ensure_built(self, input_shape):
        """Build, if that was not done yet."""
        if not self.built:
            if in_piece.get():
                raise NeedsWholeBatch(f"{self.label} is not built yet")
            if _current.get() is not None:
                _current.get().built.append((self, set(self._parameters)))
            self.build(input_shape)
            self.built = True
            if self._frozen:
                self.trainable = False

    def add_weight(self, name=None, shape=(), initializer="glorot_uniform", trainable=True, dtype=None, constraint=None):
        """Make a Parameter and keep it as `self.name`; `shape` is a tuple, or {symbol: length}.

        Without a name it is called what it is assigned to: self.w = self.add_weight(shape=(3, 4)). One with
        trainable=False is a statistic: it is saved, and never trained, thawed or not.
        """
        symbols = shape if isinstance(shape, dict) else {f"n{i}": n for i, n in enumerate(shape)}
        lengths = tuple(symbols.values())
        if _room.get() is not None:
            _room.get()[0] -= math.prod(lengths)
            if _room.get()[0] < 0:
                raise ValueError(f"{self.label}.{name} of shape {lengths} is larger than all that was saved")
        data = initializers.get(initializer)(lengths, dtype or get_default_dtype())
        if name is not None and constraint is None:
            constraint = getattr(self, f"{self.option_of(name)}_constraint", None)
        made = Parameter(data, name or "", symbols, learns=trainable, device=self._device,
                         constraint=constraints.get(constraint))
        if name is not None:
            setattr(self, name, made)
        return made

    # ---- calling

    def __call__(self, *inputs, training=None, **keywords):
        if has_symbol(inputs) or keywords and has_symbol(keywords):
            return called_with_symbols(self, inputs, keywords if training is None else {**keywords, "training": training})
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
            y = self._run(call, inputs, keywords)
            if call.losses or _added.get():
                _added.set(tuple(call.losses))
            return y
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
        inputs = tuple([self._as_input(x, self.takes_several) for x in inputs])
        keywords = {k: self._as_input(v) if backend.is_array(v) or isinstance(v, list) else v for k, v in keywords.items()}
        try:
            shape = _shapes(inputs[0]) if inputs else ()
            if self.input_axes not in (None, len(shape)):
                raise ValueError(f"expected an input of {self.input_axes} axes, batch first, got shape {shape}")
            if self.needs_whole_batch and call.training and in_piece.get():
                raise NeedsWholeBatch(f"{self.label} reads all rows of a batch")
            self.ensure_built(self.shape_to_build(shape, inputs, keywords))
            mask = keywords.get("mask")
            if mask is None and inputs:
                mask = mask_of(inputs[0])
                if mask is not None and "mask" in self._call_parameters:
                    keywords["mask"] = mask
            if "training" in self._call_parameters:
                keywords["training"] = call.training
            with nullcontext() if self._seed is None else random.seeded(self._seed):
                y = self.call(*inputs, **keywords)
            if self.activity_regularizer is not None:
                self.add_loss(sum(self.activity_regularizer(part) / len(part) for part in _parts(y) if len(part)))
        except LayerError:
            raise
        except (ValueError, TypeError, IndexError) as error:
            raise LayerError(self._explain(call, inputs, error)) from error
        finally:
            call.path.pop()
        if self.supports_masking and inputs:
            mask = self.compute_mask(inputs[0], mask)
            for part, own in zip(_parts(y), mask if isinstance(mask, (list, tuple)) else [mask]):
                if own is not None:
                    part._mask = own
        call.trace.append(((*call.path, self), shape, getattr(_parts(y)[0], "shape", None)))
        return y

    def shape_to_build(self, shape, inputs, keywords):
        """The input_shape to build for: that of the first input, unless others count too."""
        return shape

    def compute_mask(self, inputs, mask):
        """The mask of the output (a list of masks for several), from the input and its mask (lists, if it takes several):
        the same one."""
        return mask

    def trace(self, *inputs, **keywords):
        """Call it, and list each layer that ran, in order of ending: (path, layer, input shape, output shape)."""
        call = _Call(self.training)
        self._run_outermost(call, inputs, keywords)
        return [(path_of(path), path[-1], before, after) for path, before, after in call.trace]

    @property
    def _call_parameters(self):
        cls = type(self)
        if "call_parameters" not in cls.__dict__:
            cls.call_parameters = frozenset(inspect.signature(cls.call).parameters)
        return cls.call_parameters

    def _as_input(self, x, several=False):
        """Arrays and lists become Tensors where the layer lives; floating-point ones of its own dtype, as in Keras."""
        if isinstance(x, Tensor) or x is None:
            return x
        if isinstance(x, (list, tuple, dict)) and (several or any(isinstance(leaf, Tensor) for _, leaf in leaves(x))):
            parts = x.items() if isinstance(x, dict) else enumerate(x)
            parts = {name: self._as_input(part) for name, part in parts}
            return parts if isinstance(x, dict) else type(x)(parts.values())
        array = x if backend.is_array(x) else np.asarray(x)
        if array.dtype.kind not in "biuf":
            raise LayerError(f"{self.describe()}: expected numbers, got an array of dtype {array.dtype}")
        first = self.first_parameter
        if array.dtype.kind == "f":
            array = array.astype(get_default_dtype() if first is None else first.dtype, copy=False)
        device = self._device if first is None else first.device
        return Tensor.wrap(array if device is None else backend.to_device(array, device))

    def _explain(self, call, inputs, error):
        shapes = ", ".join(str(_shapes(x)) if isinstance(x, (Tensor, list)) else type(x).__name__ for x in inputs)
        lines = [f"{path_of(call.path)} ({self.describe()}): {error}", f"  its input: {shapes}"]
        if call.trace:
            lines.append("  the layers before it gave:")
            lines += [f"    {path_of(path)} ({path[-1].describe()}): {tuple(y) if y is not None else '?'}"
                      for path, _, y in call.trace[-6:]]
        return "\n".join(lines)

    def call(self, x):
        """What the layer does with its input."""
        raise NotImplementedError(f"{type(self).__name__} defines no call")

    # ---- regularisation

    def add_loss(self, loss):
        """Inside of `call`: put a number, a Tensor, among the `losses` of this call."""
        if _current.get() is not None:
            _current.get().losses.append((self, loss))

    @property
    def losses(self):
        """The regularizers' values, as Tensors of one number: of the parameters as they are now, of the layer and of those
        below it, then what the latest outermost call in this thread added (activity_regularizer, add_loss)."""
        layers, seen, values = [layer for _, layer in self.named_layers()], set(), []
        for layer in layers:
            for name, p in layer._parameters.items():
                regularizer = getattr(layer, f"{layer.option_of(name)}_regularizer", None)
                if regularizer is not None and id(p) not in seen:
                    values.append(regularizer(p))
                seen.add(id(p))
        own = {id(layer) for layer in layers}
        return values + [loss for layer, loss in _added.get() if id(layer) in own]

    # ---- its configuration

    def get_config(self):
        """The arguments that make a layer like this one, in what JSON can hold; a layer inside is
        {"class_name": ..., "config": ...}. Parameters are not in it: see state_dict."""
        return configs.config_of(self)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new layer from what get_config gave; custom_objects: {name: class or function} of those of your own."""
        return configs.made(cls, config, custom_objects)

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


@contextlib.contextmanager
def room_for(numbers):
    """Inside, layers make parameters of so many numbers in all, and then a ValueError: for sizes that come from a file."""
    token = _room.set([numbers])
    try:
        yield
    finally:
        _room.reset(token)


def mask_of(x):
    """The mask that a layer attached to its output, a boolean array (N, T), False where there is padding; None if there is
    none; of a list a list, or None.

    Masks are made by Embedding(mask_zero=True) and Masking, read by the layers whose `call` takes a `mask`, and handed on
    by those with `supports_masking`. A function (F.relu, +) hands none on.
    """
    if isinstance(x, (list, tuple)):
        masks = [mask_of(part) for part in x]
        return masks if any(m is not None for m in masks) else None
    return getattr(x, "_mask", None)


def _parts(y):
    """What a layer gave, as a list."""
    return list(y.values()) if isinstance(y, dict) else y if isinstance(y, (list, tuple)) else [y]


def _shapes(x):
    """The shape of an input; of several, a tuple of theirs, and of a dict a dict."""
    if isinstance(x, (list, tuple)):
        return tuple([_shapes(part) for part in x])
    return {name: _shapes(part) for name, part in x.items()} if isinstance(x, dict) else tuple(getattr(x, "shape", ()))


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
