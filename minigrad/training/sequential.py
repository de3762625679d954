"""Sequential: a model of layers in a row."""

import numpy as np

from minigrad.autograd import no_grad
from minigrad.layers import configs
from minigrad.layers.layer import Layer
from minigrad.layers.symbols import Input
from minigrad.training.composed import Composed


class Sequential(Composed):
    """Layers in a row: `Sequential([Input((28, 28, 1)), Conv2D(...), ...])`. They are called one after the other."""

    def __init__(self, layers=(), name=None):
        super().__init__(name)
        self._shape = None
        for layer in layers:
            self.add(layer)

    @property
    def input_dtype(self):
        """That of the first layer."""
        return self.layers[0].input_dtype if self._names else "float32"

    def add(self, layer):
        """Put a layer (or an Input) at the end."""
        if not isinstance(layer, Layer):
            if self._names or not isinstance(layer, Input):
                raise TypeError(f"Sequential takes layers (and an Input as the first entry), got {layer!r}")
            self._shape = layer.shape
            return
        shape = self._shape
        if not self._names:
            shape = getattr(layer, "_shape", None) or (layer.input_shape and (None, *layer.input_shape)) or shape
        name = self.free_name(layer.label)
        self._names[name] = layer
        if shape is not None:
            try:
                self.build(shape)
            except Exception:
                del self._names[name]
                raise

    @property
    def built(self):
        """Whether all its layers have their parameters."""
        return all(layer.built for layer in self.layers)

    def build(self, input_shape):
        """Send an empty batch through, so that every layer sees its input's shape."""
        with no_grad():
            self(np.zeros((0, *input_shape[1:]), self.input_dtype))
        self._shape = (None, *input_shape[1:])

    def ensure_built(self, input_shape):
        """Nothing to do: its layers build themselves as they are called."""

    def call(self, x):
        y = x
        for layer in self._names.values():
            y = layer(y)
        if self._shape is None:
            self._shape = (None, *x.shape[1:])  # for summary, and for layers that are added later
        return y

    def get_config(self):
        """Its layers and the input's shape; of a class with a constructor of its own, the arguments of that."""
        if type(self).__init__ is not Sequential.__init__:
            return super().get_config()
        with configs.whole():
            return {"name": self.name, "layers": configs.written(self.layers),
                    "input_shape": None if self._shape is None else configs.written(self._shape[1:])}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        if cls.__init__ is not Sequential.__init__:
            return super().from_config(config, custom_objects)
        with configs.whole():
            found = configs.read(config["layers"], custom_objects)
        shape = config.get("input_shape")
        return cls(([] if shape is None else [Input(shape)]) + found, config.get("name"))

    def __len__(self):
        return len(self._names)

    def __getitem__(self, i):
        return self.layers[i]
