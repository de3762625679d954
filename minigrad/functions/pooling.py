"""Pooling: each window of an image becomes one number, for each channel."""

import math

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.shapes import moveaxis
from minigrad.functions.windows import images_last, padded, taps, unpadded, window


class MaxPool2D(Function):
    """y = max_pool2d(x)          dx = dy at the largest number of each window, 0 elsewhere

    x (N, H, W, C), y (N, OH, OW, C). At a tie the first tap wins, in row order, and gets all of the gradient. An input
    that is the largest of several windows gets the sum. Forward notes the winning tap of each window; backward is a
    scatter to those places, and the scatter's backward the gather from them.
    """

    reads = {}

    def forward(self, x, window):
        self.window = window
        xp = get_array_module(x)
        first, *others = taps(padded(x, window, -math.inf), window)
        y, self.winner = first.copy(), xp.zeros(first.shape, np.min_scalar_type(len(others)))
        for k, tap in enumerate(others, 1):  # k grows, so the maximum of the k's that beat all before is the winner
            xp.maximum(self.winner, (tap > y) * self.winner.dtype.type(k), out=self.winner)
            xp.maximum(y, tap, out=y)
        return y

    def backward(self, dy):
        return MaxPoolScatter.apply(dy, winner=self.winner, window=self.window)


class MaxPoolScatter(Function):
    """x = max_pool_scatter(y)          dy = max_pool_gather(dx): the numbers at the winning taps"""

    reads = {}

    def forward(self, y, winner, window):
        self.winner, self.window = winner, window
        xp = get_array_module(y)
        x = padded(xp.zeros((len(y), *window.input, y.shape[3]), y.dtype), window)
        for k, target in enumerate(taps(x, window)):
            if window.overlaps:
                target += y * (winner == k)
            else:
                xp.multiply(y, winner == k, out=target)
        return unpadded(x, window)

    def backward(self, dx):
        return MaxPoolGather.apply(dx, winner=self.winner, window=self.window)


class MaxPoolGather(Function):
    """y = max_pool_gather(x)          dx = max_pool_scatter(dy)"""

    reads = {}

    def forward(self, x, winner, window):
        self.winner, self.window = winner, window
        return sum(tap * (winner == k) for k, tap in enumerate(taps(padded(x, window), window)))

    def backward(self, dy):
        return MaxPoolScatter.apply(dy, winner=self.winner, window=self.window)


class AvgPool2D(Function):
    """y = avg_pool2d(x)          dx = Σ dy / count over the windows that read x

    x (N, H, W, C), y (N, OH, OW, C) = Σ x / count over each window. Linear; its backward is AvgPoolSpread.
    """

    reads = {}

    def forward(self, x, window, count):
        self.window, self.count = window, count
        return sum(taps(padded(x, window), window)) / count

    def backward(self, dy):
        return AvgPoolSpread.apply(dy, window=self.window, count=self.count)


class AvgPoolSpread(Function):
    """x = avg_pool_spread(y)          dy = avg_pool2d(dx)"""

    reads = {}

    def forward(self, y, window, count):
        self.window, self.count = window, count
        share = y / count
        x = padded(get_array_module(y).zeros((len(y), *window.input, y.shape[3]), y.dtype), window)
        for target in taps(x, window):
            target += share
        return unpadded(x, window)

    def backward(self, dx):
        return AvgPool2D.apply(dx, window=self.window, count=self.count)


def max_pool2d(x, size, stride=None, padding=0, data_format="NHWC"):
    """The largest number of each window, for each channel; at a tie the first wins.

    x (N, H, W, C), or (N, C, H, W) with data_format="NCHW"; size and stride (size, unless given) are n or (v, h);
    padding as in conv2d, with numbers that never win. dx = dy at the winners.
    """
    return _pooled(x, size, stride, padding, data_format, lambda x, w: MaxPool2D.apply(x, window=w))


def avg_pool2d(x, size, stride=None, padding=0, count_include_pad=True, data_format="NHWC"):
    """The mean of each window, for each channel. Arguments as in max_pool2d.

    count_include_pad  whether the padding's zeros count in the mean (PyTorch's way; Keras's is not to)
    """
    def average(x, w):
        count = math.prod(w.size)
        if not count_include_pad and w.padding != ((0, 0), (0, 0)):
            ones = get_array_module(x.data).ones((1, *w.input, 1), x.dtype)
            count = sum(taps(padded(ones, w), w))
        return AvgPool2D.apply(x, window=w, count=count)

    return _pooled(x, size, stride, padding, data_format, average)


def _pooled(x, size, stride, padding, data_format, pool):
    last = images_last(x, data_format)
    if not last:
        x = moveaxis(x, 1, 3)
    place = window(x.shape[1:3], size, size if stride is None else stride, padding)
    if any(p >= k for pads, k in zip(place.padding, place.size) for p in pads):
        raise ValueError(f"pooling: padding {place.padding} must be smaller than the window {place.size}, or a window "
                         "would read nothing but padding")
    y = pool(x, place)
    return y if last else moveaxis(y, 3, 1)
