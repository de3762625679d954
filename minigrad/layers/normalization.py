"""Normalisation layers."""

from minigrad import functions as F
from minigrad.layers.core import as_float
from minigrad.layers.layer import Layer


class LayerNormalization(Layer):
    """y = (x - mean) / sqrt(var + epsilon) * gamma + beta, over the last axis of each row

    x (..., D), gamma (D,), beta (D,); 2·D parameters. Ba, Kiros & Hinton 2016.
    """

    def __init__(self, axis=-1, epsilon=1e-3, name=None, input_shape=None):
        if axis != -1:
            raise ValueError(f"LayerNormalization: only axis=-1 is done here, got {axis!r}")
        self.axis, self.epsilon = axis, epsilon
        super().__init__(name, input_shape)

    def weight_shapes(self, input_shape):
        return {"gamma": {"D": input_shape[-1]}, "beta": {"D": input_shape[-1]}}

    def call(self, x):
        return F.layer_norm(as_float(x, self.gamma), self.gamma, self.beta, self.epsilon)
