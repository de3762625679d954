"""Text with tokens left out; sound with stretches of time and bands of frequency silenced."""

import numpy as np

from minigrad import functions as F
from minigrad import random
from minigrad.layers.augmentation.base import interval, on_device, uniform
from minigrad.layers.augmentation.erasing import within
from minigrad.layers.core import as_float
from minigrad.layers.layer import Layer


class TokenDropout(Layer):
    """In training, each token of ids (N, T) becomes `token` with probability `rate`; those in `keep` stay.

    Keep what must not go: TokenDropout(0.1, token=unknown, keep=(padding, start, end)). A Bernoulli word dropout:
    Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", section 4.
    """

    input_dtype, draws = "int64", True

    def __init__(self, rate, token=0, keep=(), **options):
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(f"TokenDropout: rate must be from 0 to 1, got {rate!r}")
        self.rate, self.token, self.keep = rate, token, tuple(keep)
        super().__init__(**options)

    def call(self, ids, training=False):
        if ids.dtype.kind not in "iu":
            raise ValueError(f"expected token numbers, got {ids.dtype}")
        if not training:
            return ids
        gone = on_device(random.generator().random(ids.shape) < self.rate, ids)
        for token in self.keep:
            gone = gone & (ids.data != token)
        return F.where(gone, int(self.token), ids)


class AxisMask(Layer):
    """In training, `count` stretches of one axis become fill_value, each as long as a number drawn from 0 ... size, but at
    most `ratio` of the axis. Park et al. 2019, "SpecAugment", section 2; each example has its own."""

    axis, draws = 1, True

    def __init__(self, size, count=1, ratio=1.0, fill_value=0.0, **options):
        name = type(self).__name__
        for what, value in ("size", size), ("count", count):
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < 0:
                raise ValueError(f"{name}: {what} must be a whole number, 0 or more, got {value!r}")
        interval((0, ratio), name, "ratio", 0.0)
        self.size, self.count, self.ratio, self.fill_value = size, count, ratio, fill_value
        super().__init__(**options)

    def call(self, x, training=False):
        if x.ndim <= self.axis:
            raise ValueError(f"expected a batch with the axis {self.axis} to mask, got shape {tuple(x.shape)}")
        x = as_float(x)
        if not training:
            return x
        n, length = len(x), x.shape[self.axis]
        most, masked = min(self.size, int(self.ratio * length)), np.zeros((n, length), bool)
        for _ in range(self.count):
            long = random.generator().integers(0, most + 1, n)
            begin = np.floor(uniform(0, 1, n) * (length - long + 1))
            masked |= within(begin, begin + long, length)
        shape = [n] + [1] * (x.ndim - 1)
        shape[self.axis] = length
        return F.where(on_device(masked.reshape(shape), x), float(self.fill_value), x)


class TimeMask(AxisMask):
    """In training, `count` stretches of time of spectrograms (N, T, F) or of samples (N, T) become fill_value, each as long
    as a number drawn from 0 ... size, but at most `ratio` of T. Park et al. 2019, "SpecAugment", section 2."""


class FrequencyMask(AxisMask):
    """In training, `count` bands of the frequencies of spectrograms (N, T, F) or (N, T, F, C) become fill_value, each as
    wide as a number drawn from 0 ... size, but at most `ratio` of F. Park et al. 2019, "SpecAugment", section 2."""

    axis = 2
