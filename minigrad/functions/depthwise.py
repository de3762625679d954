"""Depthwise convolution: each channel of x has kernels of its own, and meets no other channel (groups = C).

With x (N, ..., C) and kernels w (k, ..., 1, C·m), m output channels for each of x (the multiplier):

    forward           y[n, o, c·m + j]   = Σ_tap  x[n, place(o, tap), c] * w[tap, 0, c·m + j]      DepthwiseConvolution
    by the weights    dw[tap, 0, c·m + j] = Σ_n,o  x[n, place(o, tap), c] * dy[n, o, c·m + j]      DepthwiseWeightGradient
    by the input      dx[n, p, c]        = Σ_j,o,tap: place(o, tap) = p  dy[n, o, c·m + j] * w[tap, 0, c·m + j]
                                                                                                   DepthwiseInputGradient

They are each other's backward, as in convolution.py. As products of matrices they would be C products with one column
each, on window rows that are k·k times the size of x. Instead, the sum over the taps is taken as it stands: all windows and
channels at once, each tap adds the part of x that it reads times the tap's row of weights, along the contiguous channels.
The multiplier is the outer loop (`_multiples`): it is 1, or small.
"""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.reductions import sum
from minigrad.functions.windows import padded, pieces, taps, unpadded


class DepthwiseConvolution(Function):
    """y = depthwise(x, w, b)          dx = input_gradient(dy, w),   dw = weight_gradient(x, dy),   db = Σ dy"""

    reads = {"dx": "w", "dw": "x"}

    def forward(self, x, w, *b, window):
        self.window, self.channels = window, x.shape[-1]
        xp = get_array_module(x, w)
        y = xp.zeros((len(x), *window.output, w.shape[-1]), xp.result_type(x, w, *b))
        for piece in _pieces(x):
            read = padded(x[piece], window)
            for target, rows in _multiples(y[piece], w, x.shape[-1]):
                for tap, row in zip(taps(read, window), rows):
                    target += tap * row
            if b:
                y[piece] += b[0]
        return y

    def backward(self, dy):
        x, w, *b = self.inputs
        return (lambda: DepthwiseInputGradient.apply(dy, w, window=self.window, channels=self.channels),
                lambda: DepthwiseWeightGradient.apply(x, dy, window=self.window),
                *[lambda: sum(dy, tuple(range(dy.ndim - 1)))] * len(b))


class DepthwiseInputGradient(Function):
    """x = input_gradient(dy, w)          ddy = depthwise(dx, w),   dw = weight_gradient(dx, dy)"""

    reads = {"ddy": "w", "dw": "dy"}

    def forward(self, dy, w, window, channels):
        self.window = window
        xp = get_array_module(dy, w)
        lengths = [n + before + after for n, (before, after) in zip(window.input, window.padding)]
        x = xp.zeros((len(dy), *lengths, channels), xp.result_type(dy, w))
        for piece in _pieces(x):
            for part, rows in _multiples(dy[piece], w, channels):
                for target, row in zip(taps(x[piece], window), rows):
                    target += part * row
        return unpadded(x, window)

    def backward(self, dx):
        dy, w = self.inputs
        return (lambda: DepthwiseConvolution.apply(dx, w, window=self.window),
                lambda: DepthwiseWeightGradient.apply(dx, dy, window=self.window))


class DepthwiseWeightGradient(Function):
    """w = weight_gradient(x, dy)          dx = input_gradient(dy, dw),   ddy = depthwise(x, dw)"""

    reads = {"dx": "dy", "ddy": "x"}

    def forward(self, x, dy, window):
        self.window, self.channels = window, x.shape[-1]
        xp = get_array_module(x, dy)
        w = xp.zeros((*window.size, 1, dy.shape[-1]), xp.result_type(x, dy))
        places = "nijk"[:x.ndim - 1]
        for piece in _pieces(x):
            read = padded(x[piece], window)
            for part, rows in _multiples(dy[piece], w, self.channels):
                for tap, row in zip(taps(read, window), rows):
                    row += xp.einsum(f"{places}c,{places}c->c", tap, part)
        return w

    def backward(self, dw):
        x, dy = self.inputs
        return (lambda: DepthwiseInputGradient.apply(dy, dw, window=self.window, channels=self.channels),
                lambda: DepthwiseConvolution.apply(x, dw, window=self.window))


def is_depthwise(w, groups):
    """Whether kernels w (k, ..., C / groups, O) give each channel a group of its own, and there are several."""
    return groups > 1 and w.shape[-2] == 1


def _multiples(y, w, channels):
    """For each j < m, the channels j, m + j, 2 m + j ... of y, and of w for each tap: one for each channel of x. Views."""
    step = w.shape[-1] // channels
    rows = w.reshape(-1, w.shape[-1])
    return [(y[..., j::step], rows[:, j::step]) for j in range(step)]


def _pieces(x):
    """Slices of a few images, so that they, their windows and a product of theirs stay in the cache."""
    return pieces(len(x), 3 * math.prod(x.shape[1:]) * x.itemsize)
