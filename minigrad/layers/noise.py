"""Layers that disturb their input in training, and only then; ActivityRegularization. The numbers are those of mg.seed, or
of a seed of the layer's own."""

import math

from minigrad import random, regularizers
from minigrad.backend import get_array_module
from minigrad.layers.convolution import Spatial
from minigrad.layers.core import Dropout, as_float
from minigrad.layers.layer import Layer
from minigrad.tensor import Tensor


class _SpatialDropout(Dropout, Spatial):
    def __init__(self, rate, data_format=None, **options):
        self.data_format = data_format or "channels_last"
        super().__init__(rate, **options)

    def noise_shape_of(self, shape):
        ones = (1,) * self.axes
        return (*shape[:2], *ones) if self.data_format == "channels_first" else (shape[0], *ones, shape[-1])


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels: x (N, T, C). Tompson et al. 2015."""

    axes = 1

    def __init__(self, rate, **options):
        super().__init__(rate, **options)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels: x (N, H, W, C). Tompson et al. 2015."""

    axes = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels: x (N, D, H, W, C). Tompson et al. 2015."""

    axes = 3


class GaussianNoise(Layer):
    """y = x + stddev ε in training, ε standard normal."""

    supports_masking = draws = True

    def __init__(self, stddev, **options):
        if not stddev >= 0:
            raise ValueError(f"GaussianNoise: stddev must be 0 or more, got {stddev!r}")
        self.stddev = stddev
        super().__init__(**options)

    def call(self, x, training=False):
        x = as_float(x)
        return x + float(self.stddev) * _normal(x) if training and self.stddev else x


class GaussianDropout(Dropout):
    """y = x (1 + s ε) in training, ε standard normal, s = √(rate / (1 - rate)): the noise of dropout has this deviation too.

    Srivastava et al. 2014, sec. 10.
    """

    def __init__(self, rate, **options):
        super().__init__(rate, **options)

    def call(self, x, training=False):
        x = as_float(x)
        return x * (1 + math.sqrt(self.rate / (1 - self.rate)) * _normal(x)) if training and self.rate else x


class AlphaDropout(Dropout):
    """Dropout for selu: what is dropped becomes -s α, selu's lowest value, and y = a x + b keeps mean 0 and variance 1.

    With q = 1 - rate and x of mean 0 and variance 1, what comes before a and b has the mean -s α rate and the variance
    q (1 + rate s²α²); hence a = 1 / √that, b = a s α rate. Klambauer et al. 2017, sec. 3.
    """

    def call(self, x, training=False):
        x = as_float(x)
        if not training or not self.rate:
            return x
        lowest = -1.6732632423543772 * 1.0507009873554805
        a = ((1 - self.rate) * (1 + self.rate * lowest ** 2)) ** -0.5
        xp = get_array_module(x.data)
        kept = random.generator(xp).random(self.noise_shape_of(x.shape), dtype="float32") >= self.rate
        return a * (x * kept.astype(x.dtype) + lowest * (~kept).astype(x.dtype)) - a * lowest * self.rate


class ActivityRegularization(Layer):
    """y = x, and (l1 Σ |x| + l2 Σ x²) / N among the `losses`."""

    supports_masking = True

    def __init__(self, l1=0.0, l2=0.0, **options):
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **options)
        self.l1, self.l2 = l1, l2

    def call(self, x):
        return as_float(x)


def _normal(x):
    """Standard normal numbers of x's shape and dtype."""
    numbers = random.generator(get_array_module(x.data)).standard_normal(x.shape, dtype="float32")
    return Tensor.wrap(numbers.astype(x.dtype, copy=False))
