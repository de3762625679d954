"""Functional models: what lies between symbols that come in and symbols that come out, drawn by calling layers.

    x = mg.Input((28, 28, 1))
    h = layers.Flatten()(x)
    model = mg.Model(x, layers.Dense(10)(h) + layers.Dense(10)(layers.Dense(64, "relu")(h)))
"""

import functools

from minigrad.layers import configs
from minigrad.layers.layer import Layer
from minigrad.layers.operations import Operation
from minigrad.layers.symbols import Input, Node, Symbol, empty_batch, found, mapped, shape_of
from minigrad.names import checked_choice
from minigrad.tensor import Tensor, get_default_dtype
from minigrad.training import drawing
from minigrad.training.composed import Composed
from minigrad.training.drawing import Value
from minigrad.training.model import Model
from minigrad.transforms.trees import leaves


class InputLayer(Layer):
    """y = x: where an input enters a functional model. `shape` is of one example, None for a length that may change.

    Numbers take the dtype, if there is one; without it, integers become floating-point numbers, as in Keras.
    """

    supports_masking = True

    def __init__(self, shape, dtype=None, name=None):
        self.shape, self.dtype = shape_of(shape), dtype
        super().__init__(name)

    def call(self, x):
        if x.ndim != len(self.shape) + 1 or any(n not in (None, m) for n, m in zip(self.shape, x.shape[1:])):
            raise ValueError(f"expected shape {(None, *self.shape)}, got {tuple(x.shape)}")
        dtype = self.dtype or (get_default_dtype() if x.dtype.kind in "biu" else x.dtype)
        return x if x.dtype == dtype else x.astype(dtype)


class Functional(Composed):
    """Model(inputs, outputs, name=None): what leads from the one to the other. Made by calling Model, or a subclass of it
    (with a train_step of its own, say).

    inputs   an Input, or a list, tuple or dict of them; the model is called with that form. For a list, a dict by the
             inputs' names will do too. What a layer gave can be an input as well: the model begins there
    outputs  what layers gave, in any such form

    Each call runs the layers in the order in which they were called when the model was drawn. A layer that was called
    several times is one layer. `layers` are ordered as in Keras: what is further from the outputs comes first. Layers
    without a name are called after their classes, numbered in this order (Keras numbers them as they are made).
    """

    hidden = ("_names", "_entrances", "_steps")

    def __init__(self, inputs, outputs, name=None, trainable=True):
        super().__init__(name)
        self.input, self.output = (_alone(tree) for tree in (inputs, outputs))
        for what, tree in ("inputs", self.input), ("outputs", self.output):
            _refuse_others(what, tree)
        if type(self).__init__ is Functional.__init__:
            self._arguments = {} if name is None else {"name": name}
        entrances = {}
        for symbol in self.inputs:
            node = entrances[symbol] = Node(InputLayer(symbol.shape[1:], symbol.dtype, symbol.name), (), {})
            node.outputs = symbol
        if len(entrances) < len(self.inputs):
            raise ValueError("Model: an Input is there twice among the inputs")
        nodes, ordered = drawing.between(entrances, self.outputs)
        given = [layer.name for layer in ordered if layer.name is not None]
        for i, name in enumerate(given):
            if name in given[:i]:
                raise ValueError(f"Model: two of the layers are called {name!r}: each needs a name of its own")
        for layer in ordered:
            self._names[layer.name or self.free_name(layer.label, given)] = layer
        self._entrances = [node.layer for node in entrances.values()]
        self._steps, places = drawing.steps(list(entrances), nodes, self.outputs)
        self._given, self._gives = (mapped(places.__getitem__, tree, Symbol) for tree in (self.input, self.output))
        if not trainable:
            self.trainable = False

    # ---- what it is made of

    inputs = property(lambda self: found(self.input, Symbol), doc="The symbols that come in, as a list.")
    outputs = property(lambda self: found(self.output, Symbol), doc="The symbols that come out, as a list.")
    input_shape = property(lambda self: _shapes(self.input), doc="The shape (or shapes) of the input, batch first.")
    output_shape = property(lambda self: _shapes(self.output), doc="The shape (or shapes) of the output.")
    built = property(lambda self: all(layer.built for layer in self._names.values()), doc="Whether its layers are built.")
    _shape = property(lambda self: self.input.shape if isinstance(self.input, Symbol) else None)

    @property
    def layers(self):
        """The layers, in order; operators (a + b) are none, as in Keras."""
        return [layer for layer in self._names.values() if not isinstance(layer, Operation)]

    @property
    def takes_several(self):
        """Whether it takes several inputs."""
        return not isinstance(self.input, Symbol)

    @property
    def input_dtype(self):
        """That of the first input."""
        return self.inputs[0].dtype or "float32"

    @property
    def input_names(self):
        """The names of the inputs: the keys, if they are a dict."""
        return [*self.input] if isinstance(self.input, dict) else [self._name_of(layer) for layer in self._entrances]

    @property
    def output_names(self):
        """The names of the outputs: the keys, if they are a dict, else those of the layers that give them."""
        if isinstance(self.output, dict):
            return [*self.output]
        makers = {place: layer for layer, _, _, places, _ in self._steps for place in places}
        makers |= dict(enumerate(self._entrances))
        return [self._name_of(makers[value.place]) for value in found(self._gives, Value)]

    def connections(self):
        """{layer's name: for each of its calls, the names of the layers whose results it was called with}."""
        makers, calls = {i: self._name_of(layer) for i, layer in enumerate(self._entrances)}, {}
        for layer, arguments, keywords, places, _ in self._steps:
            name = self._name_of(layer)
            calls.setdefault(name, []).append([makers[v.place] for v in found((arguments, keywords), Value)])
            makers |= dict.fromkeys(places, name)
        return calls

    def _name_of(self, layer):
        return next(name for name, other in self._names.items() if other is layer)

    def empty_inputs(self):
        """An empty batch, in the form of the inputs."""
        return mapped(empty_batch, self.input, Symbol)

    # ---- calling it

    def ensure_built(self, input_shape):
        """Nothing to do: its layers were built as it was drawn."""

    def call(self, inputs):
        values = {i: layer(x) for i, (layer, x) in enumerate(zip(self._entrances, self._in_order(inputs)))}

        def value(v):
            return values[v.place]

        for layer, arguments, keywords, places, ended in self._steps:
            y = layer(*mapped(value, arguments, Value), **mapped(value, keywords, Value))
            values |= zip(places, found(y, Tensor))
            for place in ended:
                del values[place]
        return mapped(value, self._gives, Value)

    def _in_order(self, inputs):
        """The inputs as a list."""
        if isinstance(self.input, Symbol):
            if isinstance(inputs, (list, tuple, dict)):
                names = self.input_names if isinstance(inputs, dict) else [0]
                if len(inputs) != 1 or isinstance(inputs, dict) and names[0] not in inputs:
                    raise ValueError(f"expected one input, got a {type(inputs).__name__} of {len(inputs)}")
                return [inputs[names[0]]]
            return [inputs]
        names = self.input_names
        if isinstance(inputs, dict) and not any(isinstance(part, (list, tuple, dict)) for part in _parts(self.input)):
            if missing := [name for name in names if name not in inputs]:
                raise ValueError(f"expected a dict of the inputs {', '.join(map(str, names))}; there is no "
                                 f"{', '.join(map(str, missing))}")
            return [inputs[name] for name in names]
        if [path for path, _ in leaves(inputs)] != [path for path, _ in leaves(self.input)]:
            got = f"{len(leaves(inputs))} of them" if isinstance(inputs, (list, tuple)) else f"a {type(inputs).__name__}"
            raise ValueError(f"expected {len(self.inputs)} inputs ({', '.join(map(str, names))}) as a "
                             f"{type(self.input).__name__}, got {got}")
        return [x for _, x in leaves(inputs)]

    # ---- training it

    def compile(self, optimizer="adam", loss=None, metrics=(), weighted_metrics=(), loss_weights=None):
        """As of every Model; what is for several outputs in a list may be a dict by their names (`output_names`), too."""
        super().compile(optimizer, *map(self._by_output, (loss, metrics, weighted_metrics, loss_weights)))

    def _by_output(self, given):
        if not isinstance(given, dict) or isinstance(self.output, (Symbol, dict)):
            return given
        names = self.output_names
        for name in given:
            checked_choice(name, names, "output")
        return [given.get(name) for name in names]

    # ---- its configuration

    def get_config(self):
        """Its inputs, layers, and the calls in order; of a class with a constructor of its own, the arguments of that."""
        if type(self).__init__ is not Functional.__init__:
            return super().get_config()
        entrances = {id(layer) for layer in self._entrances}
        with configs.whole():
            return {"name": self.name, "entrances": [_input_of(layer) for layer in self._entrances],
                    "layers": {name: configs.written(layer) for name, layer in self._names.items()
                               if id(layer) not in entrances},
                    "calls": [[self._name_of(layer), drawing.written(arguments), drawing.written(keywords)]
                              for layer, arguments, keywords, _, _ in self._steps],
                    "inputs": drawing.written(self._given), "outputs": drawing.written(self._gives)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        if cls.__init__ is not Functional.__init__:
            return super(Model, cls).from_config(config, custom_objects)
        try:
            symbols = [Input(**entrance) for entrance in config["entrances"]]
            with configs.whole():
                layers = {name: configs.read(layer, custom_objects) for name, layer in config["layers"].items()}
            for name, arguments, keywords in config["calls"]:
                y = layers[name](*drawing.read(arguments, symbols), **drawing.read(keywords, symbols))
                symbols += found(y, Symbol)
            inputs, outputs = (drawing.read(config[what], symbols) for what in ("inputs", "outputs"))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError("this is not the configuration of a functional model: "
                             f"{type(error).__name__} {error}") from error
        return cls(inputs, outputs, config.get("name"))


def _input_of(layer):
    """The arguments of the Input of an InputLayer."""
    return {"shape": list(layer.shape), "dtype": configs.written(layer.dtype), "name": layer.name}


def _alone(tree):
    """The only part of a list or tuple of one."""
    return tree[0] if isinstance(tree, (list, tuple)) and len(tree) == 1 else tree


def _parts(tree):
    return tree.values() if isinstance(tree, dict) else tree


def _shapes(tree):
    return mapped(lambda symbol: symbol.shape, tree, Symbol)


def _refuse_others(what, tree):
    found = leaves(tree)
    if not found:
        raise ValueError(f"Model: {what} is empty: give what mg.Input, or a layer called on it, gave")
    for path, x in found:
        if not isinstance(x, Symbol):
            raise TypeError(f"Model: {what}{path} must be what mg.Input, or a layer called on it, gave; got {x!r:.100}")


@functools.cache
def functional_class(cls):
    """The class of the functional models of a class of models: of Model, Functional; of another, one that is both."""
    if issubclass(cls, Functional) or cls is Model:
        return cls if cls is not Model else Functional
    return type(cls.__name__, (cls, Functional), {"__module__": cls.__module__, "__doc__": cls.__doc__})


Model.functional_class = staticmethod(functional_class)  # bound here, since Model may not look up to what is made of it
