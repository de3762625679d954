"""The layers that every network has: Dense, Flatten, Dropout, Embedding ..."""

import inspect
import math

import numpy as np

from minigrad import functions as F
from minigrad.backend import beside, get_array_module
from minigrad.layers import activations
from minigrad.layers.layer import Layer
from minigrad.tensor import Tensor, as_array, get_default_dtype


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
    """y (N, H·W·C ...): all axes but the batch become one; the channels last, whatever the data_format."""

    def __init__(self, data_format=None, **options):
        self.data_format = data_format or "channels_last"
        super().__init__(**options)

    def call(self, x):
        if self.data_format == "channels_first" and x.ndim > 2:
            x = F.moveaxis(x, 1, -1)
        return F.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Reshape(Layer):
    """y (N, *target_shape); one length may be -1."""

    def __init__(self, target_shape, **options):
        self.target_shape = tuple(target_shape)
        super().__init__(**options)

    def call(self, x):
        if -1 not in self.target_shape and math.prod(self.target_shape) != math.prod(x.shape[1:]):
            raise ValueError(f"{math.prod(x.shape[1:])} numbers (shape {tuple(x.shape[1:])}) cannot become "
                             f"{self.target_shape}")
        known = math.prod(n for n in self.target_shape if n != -1)  # -1 in figures, since a batch may be empty
        shape = [math.prod(x.shape[1:]) // max(known, 1) if n == -1 else n for n in self.target_shape]
        return F.reshape(x, (x.shape[0], *shape))


class Activation(Layer):
    """y = activation(x), by name or as a function."""

    supports_masking = True

    def __init__(self, activation, **options):
        self.activation = activations.get(activation)
        super().__init__(**options)

    def call(self, x):
        return self.activation(as_float(x))


class Rescaling(Layer):
    """y = x · scale + offset, in training too; numbers, or one for each channel. Rescaling(1 / 255) for images."""

    supports_masking = True

    def __init__(self, scale, offset=0.0, **options):
        self.scale, self.offset = scale, offset
        super().__init__(**options)

    def call(self, x):
        x = as_float(x)
        scale, offset = (beside(np.asarray(value, x.dtype), x) for value in (self.scale, self.offset))
        return x * scale + offset


class Identity(Layer):
    """y = x"""

    supports_masking = True

    def call(self, x):
        return x


class Lambda(Layer):
    """y = function(x, **arguments): a function, as a layer

    mask       the mask of y, or a function (x, mask) that gives it; None: y has none
    arguments  keywords of the function, which gets `training` and `mask` as well if it has parameters of these names
    It has no configuration, since a function cannot be written down: a model that is to be saved takes a Layer subclass.
    """

    def __init__(self, function, mask=None, arguments=None, **options):
        if not callable(function):
            raise TypeError(f"Lambda: expected a function, got {function!r:.80}")
        self.function, self.mask, self.arguments = function, mask, dict(arguments or {})
        super().__init__(**options)

    @property
    def supports_masking(self):
        """Whether y gets a mask."""
        return self.mask is not None

    def call(self, x, mask=None, training=False):
        known = parameters_of(self.function)
        more = {name: value for name, value in (("mask", mask), ("training", training)) if name in known}
        return self.function(x, **self.arguments, **more)

    def compute_mask(self, inputs, mask):
        """`mask`, or what it gives."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self):
        """Raises TypeError: see above."""
        raise TypeError(f"{self.label}: a Lambda has no configuration, since a Python function cannot be written down "
                        "(nothing is pickled here): write a subclass of Layer whose call does what the function does")


class Dropout(Layer):
    """In training, each number is zeroed with probability `rate`, the others are scaled by 1 / (1 - rate).

    noise_shape: the numbers along an axis of length 1 in it share their fate; None stands for the length of x. The random
    numbers are those of mg.seed, unless a `seed` is given. Srivastava et al. 2014.
    """

    supports_masking = draws = True

    def __init__(self, rate, noise_shape=None, **options):
        if not 0 <= rate < 1:
            raise ValueError(f"{type(self).__name__}: rate must be in [0, 1), got {rate}")
        self.rate, self.noise_shape = rate, noise_shape
        super().__init__(**options)

    def noise_shape_of(self, shape):
        """The shape of the noise for an input of this shape."""
        if self.noise_shape is None:
            return shape
        if len(self.noise_shape) != len(shape):
            raise ValueError(f"noise_shape {tuple(self.noise_shape)} does not fit an input of shape {tuple(shape)}")
        return tuple(n if given is None else given for n, given in zip(shape, self.noise_shape))

    def call(self, x, training=False):
        return dropped(as_float(x), self.rate, training, self.noise_shape_of(x.shape))


class Embedding(Layer):
    """y[..., :] = embeddings[ids[...]]

    ids: integers (...) in [0, V); embeddings (V, D); y (..., D); V·D parameters. With mask_zero the id 0 is padding: y
    carries the mask ids != 0.
    """

    initial = {"embeddings": "uniform"}
    input_dtype, supports_masking = "int64", True

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", mask_zero=False, **options):
        self.input_dim = positive(input_dim, "Embedding", "input_dim")
        self.output_dim = positive(output_dim, "Embedding", "output_dim")
        self.mask_zero = mask_zero
        super().__init__(embeddings_initializer=embeddings_initializer, **options)
        self.ensure_built(())

    def weight_shapes(self, input_shape):
        return {"embeddings": {"V": self.input_dim, "D": self.output_dim}}

    def call(self, ids):
        return F.embedding(ids, self.embeddings)

    def compute_mask(self, inputs, mask):
        """Where the ids are not 0, with mask_zero."""
        return as_array(inputs) != 0 if self.mask_zero else None


class Masking(Layer):
    """y = x, and the mask of the times at which not all features are `mask_value`; at the others y = 0. x (N, T, D)"""

    supports_masking = True

    def __init__(self, mask_value=0.0, **options):
        self.mask_value = mask_value
        super().__init__(**options)

    def call(self, x):
        return F.where(self.compute_mask(x, None)[..., None], x, F.astype(x * 0, x.dtype))

    def compute_mask(self, inputs, mask):
        """Where a feature is not mask_value."""
        return (as_array(inputs) != self.mask_value).any(axis=-1)


def as_float(x, like=None):
    """x as floating-point numbers of `like`'s dtype, or of the default one, if they are integers (images of 0 ... 255)."""
    return x.astype(get_default_dtype() if like is None else like.dtype) if x.dtype.kind in "biu" else x


def positive(value, layer, name):
    """A positive integer, or an error that names the argument."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise ValueError(f"{layer}: {name} must be a positive integer, got {value!r}")
    return int(value)


def dropped(x, rate, training, shape):
    """x after dropout, with noise of a shape that broadcasts to x's: what shares a number of it shares its fate."""
    if not training or not rate:
        return x
    if shape == x.shape:
        return F.dropout(x, rate)
    return x * F.dropout(Tensor.wrap(get_array_module(x.data).ones(shape, x.dtype)), rate)


def parameters_of(function):
    """The names of a function's parameters; none, if Python does not know them."""
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return set()
