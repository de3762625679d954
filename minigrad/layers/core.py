"""The layers that every network has: Dense, Flatten, Dropout, Embedding ..."""

import math

from minigrad import functions as F
from minigrad.layers import activations
from minigrad.layers.layer import Layer
from minigrad.tensor import get_default_dtype


class Dense(Layer):
    """y = activation(x @ kernel + bias), on the last axis

    x (..., in), kernel (in, out), bias (out,), y (..., out); in·out + out parameters.
    """

    initial = {"kernel": "glorot_uniform", "bias": "zeros"}
    supports_masking = True

    def __init__(self, units, activation=None, use_bias=True, **options):
        self.units, self.use_bias = positive(units, "Dense", "units"), use_bias
        self.activation = activations.get(activation)
        super().__init__(**options)

    def weight_shapes(self, input_shape):
        if len(input_shape) < 2:
            raise ValueError(f"expected an input (batch, ..., features), got shape {tuple(input_shape)}")
        shapes = {"kernel": {"in": input_shape[-1], "out": self.units}}
        return shapes | {"bias": {"out": self.units}} if self.use_bias else shapes

    def call(self, x):
        if x.ndim < 2 or x.shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"expected {self.kernel.shape[0]} features on the last axis, got shape {tuple(x.shape)}")
        return self.activation(F.linear(as_float(x, self.kernel), self.kernel, self.bias if self.use_bias else None))


class Flatten(Layer):
    """y (N, H·W·C ...): all axes but the batch become one."""

    def call(self, x):
        return F.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Reshape(Layer):
    """y (N, *target_shape); one length may be -1."""

    def __init__(self, target_shape, name=None, input_shape=None):
        self.target_shape = tuple(target_shape)
        super().__init__(name, input_shape)

    def call(self, x):
        if -1 not in self.target_shape and math.prod(self.target_shape) != math.prod(x.shape[1:]):
            raise ValueError(f"{math.prod(x.shape[1:])} numbers (shape {tuple(x.shape[1:])}) cannot become "
                             f"{self.target_shape}")
        known = math.prod(n for n in self.target_shape if n != -1)  # -1 in figures, since a batch may be empty
        shape = [math.prod(x.shape[1:]) // max(known, 1) if n == -1 else n for n in self.target_shape]
        return F.reshape(x, (x.shape[0], *shape))


class Activation(Layer):
    """y = activation(x), by name or as a function."""

    def __init__(self, activation, name=None):
        self.activation = activations.get(activation)
        super().__init__(name)

    def call(self, x):
        return self.activation(as_float(x))


class ReLU(Layer):
    """y = max(x, 0)"""

    def call(self, x):
        return F.relu(x)


class Softmax(Layer):
    """yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) along an axis"""

    def __init__(self, axis=-1, name=None):
        self.axis = axis
        super().__init__(name)

    def call(self, x):
        return F.softmax(as_float(x), self.axis)


class Dropout(Layer):
    """In training, each number is zeroed with probability `rate`, the others are scaled by 1 / (1 - rate)."""

    def __init__(self, rate, name=None):
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout: rate must be in [0, 1), got {rate}")
        self.rate = rate
        super().__init__(name)

    def call(self, x, training=False):
        return F.dropout(as_float(x), self.rate, training)


class Embedding(Layer):
    """y[..., :] = embeddings[ids[...]]

    ids: integers (...) in [0, V); embeddings (V, D); y (..., D); V·D parameters.
    """

    input_dtype = "int64"

    def __init__(self, input_dim, output_dim, embeddings_initializer="random_uniform", name=None):
        self.input_dim = positive(input_dim, "Embedding", "input_dim")
        self.output_dim = positive(output_dim, "Embedding", "output_dim")
        self.embeddings_initializer = embeddings_initializer
        super().__init__(name)
        self.ensure_built(())

    def weight_shapes(self, input_shape):
        return {"embeddings": {"V": self.input_dim, "D": self.output_dim}}

    def call(self, ids):
        return F.embedding(ids, self.embeddings)


def as_float(x, like=None):
    """x as floating-point numbers of `like`'s dtype, or of the default one, if they are integers (images of 0 ... 255)."""
    return x.astype(get_default_dtype() if like is None else like.dtype) if x.dtype.kind in "biu" else x


def positive(value, layer, name):
    """A positive integer, or an error that names the argument."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise ValueError(f"{layer}: {name} must be a positive integer, got {value!r}")
    return int(value)
