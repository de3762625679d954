"""Pooling in one, two and three dimensions: each window of the data becomes one number, for each channel."""

import math

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.windows import (
    channels_last,
    for_each,
    images_of,
    padded,
    refuse_empty_windows,
    taps,
    unpadded,
    window,
)


class MaxPool(Function):
    """y = max_pool(x)          dx = dy at the largest number of each window, 0 elsewhere

    x (N, ..., C), y (N, ..., C), where "..." are one to three spatial axes. At a tie the first tap wins, in row order, and
    gets all of the gradient. A nan is the largest number, and the first of several gets the gradient, as in F.max. An input
    that is the largest of several windows gets the sum. Forward notes the winning tap of each window; backward is a scatter
    to those places, and the scatter's backward the gather from them.
    """

    reads = {}

    def forward(self, x, window):
        self.window = window
        xp, shape = get_array_module(x), (len(x), *window.output, x.shape[-1])
        y, self.winner = xp.empty(shape, x.dtype), xp.zeros(shape, np.min_scalar_type(math.prod(window.size) - 1))

        def work(images):
            first, *others = taps(padded(x[images], window, -math.inf), window)
            best, winner = y[images], self.winner[images]
            best[...] = first
            for k, tap in enumerate(others, 1):  # k grows, so the maximum of the k's that beat all before is the winner
                larger = xp.maximum(best, tap)
                wins = (larger != best) & (best == best)  # a nan differs from all numbers, so it wins once, over no nan
                xp.maximum(winner, wins * winner.dtype.type(k), out=winner)
                best[...] = larger

        for_each(work, images_of(x), x)
        return y

    def backward(self, dy):
        return MaxPoolScatter.apply(dy, winner=self.winner, window=self.window)


class MaxPoolScatter(Function):
    """x = max_pool_scatter(y)          dy = max_pool_gather(dx): the numbers at the winning taps"""

    reads = {}

    def forward(self, y, winner, window):
        self.winner, self.window = winner, window
        xp = get_array_module(y)
        x = padded(xp.zeros((len(y), *window.input, y.shape[-1]), y.dtype), window)

        def work(images):
            for k, target in enumerate(taps(x[images], window)):
                if window.overlaps:
                    target += y[images] * (winner[images] == k)
                else:
                    xp.multiply(y[images], winner[images] == k, out=target)

        for_each(work, images_of(x), x)
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


class AvgPool(Function):
    """y = avg_pool(x)          dx = Σ dy / count over the windows that read x

    x (N, ..., C), y (N, ..., C) = Σ x / count over each window. Linear; its backward is AvgPoolSpread.
    """

    reads = {}

    def forward(self, x, window, count):
        self.window, self.count = window, count
        return sum(taps(padded(x, window), window)) / count

    def backward(self, dy):
        return AvgPoolSpread.apply(dy, window=self.window, count=self.count)


class AvgPoolSpread(Function):
    """x = avg_pool_spread(y)          dy = avg_pool(dx)"""

    reads = {}

    def forward(self, y, window, count):
        self.window, self.count = window, count
        share = y / count
        x = padded(get_array_module(y).zeros((len(y), *window.input, y.shape[-1]), y.dtype), window)
        for target in taps(x, window):
            target += share
        return unpadded(x, window)

    def backward(self, dx):
        return AvgPool.apply(dx, window=self.window, count=self.count)


def max_pool1d(x, size, stride=None, padding=0, data_format="NWC", *, dilation=1, ceil_mode=False):
    """max_pool2d along one axis: x (N, W, C), or (N, C, W) with "NCW"."""
    return _max_pool(x, size, stride, padding, data_format, dilation, ceil_mode, 1)


def max_pool2d(x, size, stride=None, padding=0, data_format="NHWC", *, dilation=1, ceil_mode=False):
    """The largest number of each window, for each channel; at a tie the first wins, and a nan is the largest.

    x (N, H, W, C), or (N, C, H, W) with data_format="NCHW"; size, stride (size, unless given) and dilation are n or (v, h);
    padding as in conv2d, with numbers that never win; with ceil_mode, rows and columns that are left over at the end make
    a last window, which reaches over the end. dx = dy at the winners. Raises ValueError for a window of padding alone.
    """
    return _max_pool(x, size, stride, padding, data_format, dilation, ceil_mode, 2)


def max_pool3d(x, size, stride=None, padding=0, data_format="NDHWC", *, dilation=1, ceil_mode=False):
    """max_pool2d along three axes: x (N, D, H, W, C), or (N, C, D, H, W) with "NCDHW"."""
    return _max_pool(x, size, stride, padding, data_format, dilation, ceil_mode, 3)


def avg_pool1d(x, size, stride=None, padding=0, count_include_pad=True, data_format="NWC", *, ceil_mode=False):
    """avg_pool2d along one axis: x (N, W, C), or (N, C, W) with "NCW"."""
    return _avg_pool(x, size, stride, padding, count_include_pad, data_format, ceil_mode, 1)


def avg_pool2d(x, size, stride=None, padding=0, count_include_pad=True, data_format="NHWC", *, ceil_mode=False):
    """The mean of each window, for each channel. Arguments as in max_pool2d.

    count_include_pad  whether the padding's zeros count in the mean (PyTorch's way; Keras's is not to). What ceil_mode adds
                       at the end never counts.
    """
    return _avg_pool(x, size, stride, padding, count_include_pad, data_format, ceil_mode, 2)


def avg_pool3d(x, size, stride=None, padding=0, count_include_pad=True, data_format="NDHWC", *, ceil_mode=False):
    """avg_pool2d along three axes: x (N, D, H, W, C), or (N, C, D, H, W) with "NCDHW"."""
    return _avg_pool(x, size, stride, padding, count_include_pad, data_format, ceil_mode, 3)


def _max_pool(x, size, stride, padding, data_format, dilation, ceil_mode, axes):
    x, as_given = channels_last(x, data_format, axes)
    place = window(x.shape[1:-1], size, size if stride is None else stride, padding, dilation, ceil_mode)
    refuse_empty_windows(place)
    return as_given(MaxPool.apply(x, window=place))


def _avg_pool(x, size, stride, padding, count_include_pad, data_format, ceil_mode, axes):
    x, as_given = channels_last(x, data_format, axes)
    stride = size if stride is None else stride
    place = window(x.shape[1:-1], size, stride, padding, ceil_mode=ceil_mode)
    refuse_empty_windows(place)
    asked = window(x.shape[1:-1], size, stride, padding).padding if count_include_pad else ((0, 0),) * axes
    return as_given(AvgPool.apply(x, window=place, count=_count(x.data, place, asked)))


def _count(x, w, counted):
    """How many numbers each window has, where of the padding only `counted` counts: the average pool of ones, so to say."""
    if counted == w.padding:
        return math.prod(w.size)
    lengths = [n + before + after for n, (before, after) in zip(w.input, counted)]
    rest = [(a - before, b - after) for (a, b), (before, after) in zip(w.padding, counted)]
    ones = get_array_module(x).ones((1, *lengths, 1), x.dtype)
    whole = w._replace(input=tuple(lengths), padding=tuple(rest))
    return sum(taps(padded(ones, whole), whole))
