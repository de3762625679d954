"""Sequential: a model of layers in a row."""

import numpy as np

from minigrad.autograd import no_grad
from minigrad.layers.layer import Layer, snake_case
from minigrad.layers.symbols import Input
from minigrad.training.model import Model


class Sequential(Model):
    """Layers in a row: `Sequential([Input((28, 28, 1)), Conv2D(...), ...])`. They are called one after the other.

    Names are made from the layers' classes: "conv2d", "conv2d_1", "dense"; so parameters are called "conv2d.kernel" ...
    """

    def __init__(self, layers=(), name=None):
        super().__init__(name)
        self._names, self._shape = {}, None
        for layer in layers:
            self.add(layer)

    @property
    def layers(self):
        """The layers, in order."""
        return list(self._names.values())

    @property
    def _layers(self):
        """The layers by name, without "_names." in front; then those that a subclass assigned."""
        return self._names | {n: layer for n, layer in super()._layers.items() if not n.startswith("_names.")}

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
        base = layer.name or snake_case(type(layer).__name__)
        name = next(n for n in (base, *(f"{base}_{i}" for i in range(1, len(self._names) + 2))) if n not in self._names)
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

    def __len__(self):
        return len(self._names)

    def __getitem__(self, i):
        return self.layers[i]
