"""Images with a rectangle taken out, so that no single spot is relied on."""

import numpy as np

from minigrad import functions as F
from minigrad import random
from minigrad.layers.augmentation.base import ImageAugmentation, interval, on_device, uniform
from minigrad.layers.core import positive


class RandomErasing(ImageAugmentation):
    """A rectangle of each image erased, with a probability that is drawn for each image from `factor`.

    factor      a number f, for [0, f], or two bounds, from 0 to 1. (As in Keras: the default erases half of the images;
                (1, 1) erases all)
    scale       from which two numbers are drawn, of whose roots one is the share of the height and one that of the width
    fill_value  a number, one for each channel, or None: normal noise times the highest of value_range, clipped to that
    Zhong et al. 2020, "Random Erasing Data Augmentation".
    """

    def __init__(self, factor=1.0, scale=(0.02, 0.33), fill_value=None, value_range=(0, 255), data_format=None, **options):
        self.factor, self._chances = factor, interval(factor, "RandomErasing", "factor", 0.0)
        self.scale, self._areas = scale, interval(scale, "RandomErasing", "scale", 0.0)
        self.fill_value, self.value_range = fill_value, value_range
        super().__init__(data_format, **options)

    def augment(self, x):
        n, height, width, _ = x.shape
        share = np.sqrt(uniform(*self._areas, (n, 2)))
        box = boxes(share[:, 0] * height, share[:, 1] * width, uniform(0, 1, (n, 2)), height, width)
        erased = uniform(0, 1, n) < uniform(*self._chances, n)
        value = self.fill_value
        if value is None:
            value = random.generator().standard_normal(x.shape) * self.value_range[1]
        value = np.broadcast_to(np.clip(np.asarray(value, x.dtype), *self.value_range), x.shape)
        return F.where(on_device(box & erased[:, None, None, None], x), on_device(value, x), x)


class Cutout(ImageAugmentation):
    """In each image a square of `size` pixels around a random pixel becomes fill_value; it may stick out of the image.

    DeVries and Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout", section 3.2.
    """

    def __init__(self, size, fill_value=0.0, data_format=None, **options):
        self.size, self.fill_value = positive(size, "Cutout", "size"), fill_value
        super().__init__(data_format, **options)

    def augment(self, x):
        n, height, width, _ = x.shape
        top, left = (random.generator().integers(0, length, n) - self.size // 2 for length in (height, width))
        box = within(top, top + self.size, height)[:, :, None] & within(left, left + self.size, width)[:, None, :]
        return F.where(on_device(box[..., None], x), float(self.fill_value), x)


def boxes(heights, widths, places, height, width):
    """True (N, H, W, 1) in a box of each image: so high and wide, and with the shares `places` (N, 2) of the room that is
    left above it and at its left."""
    top, left = places[:, 0] * (height - heights), places[:, 1] * (width - widths)
    rows, columns = within(top, top + heights, height), within(left, left + widths, width)
    return (rows[:, :, None] & columns[:, None, :])[..., None]


def within(begin, end, length):
    """True (N, length) for the pixels whose middle lies between begin and end."""
    i = np.arange(length) + 0.5
    return (i >= np.asarray(begin)[:, None]) & (i < np.asarray(end)[:, None])
