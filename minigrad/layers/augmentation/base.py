"""What the augmentations of images have in common."""

import numpy as np

from minigrad import backend, random
from minigrad import functions as F
from minigrad.layers.core import as_float
from minigrad.layers.layer import Layer


class ImageAugmentation(Layer):
    """Changes images (N, H, W, C), or a single one (H, W, C), in training; a subclass defines `augment(x)` for N of them.

    Each image has its own random numbers. They come from minigrad's generator on the host, so `mg.seed` repeats them, on
    every device, and how many threads share a batch does not matter.
    """

    data_format, draws = "channels_last", True

    def __init__(self, data_format=None, **options):
        self.data_format = "channels_last" if data_format is None else data_format
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(f'{type(self).__name__}: data_format must be "channels_last" or "channels_first", '
                             f"got {data_format!r}")
        super().__init__(**options)

    def call(self, x, training=False):
        if x.ndim not in (3, 4):
            raise ValueError(f"expected images (N, H, W, C), or one (H, W, C), got shape {tuple(x.shape)}")
        x = as_float(x)
        single, first = x.ndim == 3, self.data_format == "channels_first"
        if single and x.shape[0 if first else -1] > 4:
            raise ValueError(f"expected images (N, H, W, C), or one (H, W, C) of at most 4 channels, got shape "
                             f"{tuple(x.shape)}: give gray images their axis of channels, x[..., None]")
        x = F.expand_dims(x, 0) if single else x
        x = F.moveaxis(x, 1, -1) if first else x
        y = self.augment(x) if training else self.unchanged(x)
        y = F.moveaxis(y, -1, 1) if first else y
        return F.squeeze(y, 0) if single else y

    def augment(self, x):
        """The images x (N, H, W, C), changed."""
        raise NotImplementedError(f"{type(self).__name__} defines no augment")

    def unchanged(self, x):
        """What evaluation gives."""
        return x


def uniform(low, high, n):
    """n numbers from [low, high), on the host."""
    return random.generator().uniform(low, high, n)


def per_image(numbers, x):
    """Numbers (N,) as an array (N, 1, 1, 1) of x's dtype, to broadcast with x; where x lives."""
    return on_device(np.asarray(numbers, x.dtype).reshape(-1, 1, 1, 1), x)


def on_device(array, x):
    """A host array where the Tensor x lives."""
    return backend.beside(array, x)


def interval(factor, owner, name, low=-1.0, high=1.0):
    """(lower, upper): a number f means (-f, f), as far as that is in [low, high]; two numbers are the bounds."""
    several = isinstance(factor, (tuple, list))
    given = factor if several else (factor,)
    if len(given) != 1 + several or not all(_is_number(f) and low <= f <= high for f in given):
        raise ValueError(f"{owner}: {name} must be a number, or two, from {low:g} to {high:g}, got {factor!r}")
    return tuple(sorted(factor)) if several else (max(-abs(factor), low), abs(factor))


def _is_number(x):
    return isinstance(x, (int, float, np.number)) and not isinstance(x, bool) and np.isfinite(x)
