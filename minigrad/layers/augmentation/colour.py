"""Images made brighter and darker, of more contrast and of less."""

import warnings

from minigrad import functions as F
from minigrad.layers.augmentation.base import ImageAugmentation, interval, per_image, uniform


class ColourAugmentation(ImageAugmentation):
    """Results are clipped to value_range, (0, 255) as in Keras: pass (0, 1) for images of 0 ... 1."""

    def __init__(self, value_range=(0, 255), data_format=None, **options):
        self.value_range = tuple(value_range) if isinstance(value_range, (tuple, list)) else value_range
        if not isinstance(self.value_range, tuple) or len(self.value_range) != 2 or not value_range[0] < value_range[1]:
            raise ValueError(f"{type(self).__name__}: value_range must be (lowest, highest), got {value_range!r}")
        super().__init__(data_format, **options)

    def clipped(self, y, x):
        """y in the range; a warning if x looks as if it had another one."""
        low, high = self.value_range
        if high >= 100 and x.size and 0 < float(x.data.max()) <= 1:
            warnings.warn(f"{self.label}: value_range is {self.value_range}, and no pixel is above 1: pass "
                          "value_range=(0, 1)", stacklevel=2)
        return F.clip(y, low, high)


class RandomBrightness(ColourAugmentation):
    """y = x + d, with one d for each image, drawn from factor · (highest - lowest) of value_range.

    factor: a number f, for [-f, f], or two bounds, from -1 to 1.
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, **options):
        self.factor, self._shares = factor, interval(factor, "RandomBrightness", "factor")
        super().__init__(value_range, data_format, **options)

    def augment(self, x):
        low, high = self.value_range
        return self.clipped(x + per_image(uniform(*self._shares, len(x)) * (high - low), x), x)


class RandomContrast(ColourAugmentation):
    """y = m + f (x - m), with m the mean of each channel of each image, and one f for each image.

    factor: a number a, for f from [1 - a, 1 + a], or two of them, (a, b), for [1 - a, 1 + b]; from 0 to 1.
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, **options):
        self.factor = factor
        pair = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        self._down, self._up = (interval(f, "RandomContrast", "factor", 0.0)[1] for f in pair)
        super().__init__(value_range, data_format, **options)

    def augment(self, x):
        mean = F.mean(x, axis=(1, 2), keepdims=True)
        return self.clipped(mean + per_image(uniform(1 - self._down, 1 + self._up, len(x)), x) * (x - mean), x)
