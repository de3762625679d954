"""Depthwise convolution: each channel of x has kernels of its own, and meets no other channel (groups = C).

With x (N, ..., C) and kernels w (k, ..., 1, C·m), m output channels for each of x (the multiplier):

    forward           y[n, o, c·m + j]   = Σ_tap  x[n, place(o, tap), c] * w[tap, 0, c·m + j]      DepthwiseConvolution
    by the weights    dw[tap, 0, c·m + j] = Σ_n,o  x[n, place(o, tap), c] * dy[n, o, c·m + j]      DepthwiseWeightGradient
    by the input      dx[n, p, c]        = Σ_j,o,tap: place(o, tap) = p  dy[n, o, c·m + j] * w[tap, 0, c·m + j]
                                                                                                   DepthwiseInputGradient

They are each other's backward, as in convolution.py. As products of matrices they would be C products with one column
each, on window rows that are k·k times the size of x. Instead, the sum over the taps is taken as it stands, by einsum on the
windows as a view: it multiplies and adds in one pass, where a product and a sum for each tap take two. At steps of 1 the
input gradient is such a sum too, of dy by the kernel turned round; else each tap adds to the places that it reads.
The multiplier is the outer loop (`_multiples`): it is 1, or small.
"""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.windows import by_images, for_each, padded, padded_lengths, pieces, taps, unpadded, views


class DepthwiseConvolution(Function):
    """y = depthwise(x, w, b)          dx = input_gradient(dy, w),   dw = weight_gradient(x, dy),   db = Σ dy"""

    reads = {"dx": "w", "dw": "x"}

    def forward(self, x, w, *b, window):
        self.window, self.channels = window, x.shape[-1]
        xp = get_array_module(x, w)
        y = xp.empty((len(x), *window.output, w.shape[-1]), xp.result_type(x, w, *b))
        rows = _along_rows(w, window)

        def work(images, read, windows, place):
            part = y[images, windows]
            for target, row in _multiples(part, rows, x.shape[-1]):
                target[...] = _sum_over_taps(padded(x[images, read], place), row, place)
            if b:
                part += b[0]

        for_each(work, _pieces(x, window), x)
        return y

    def backward(self, dy):
        x, w, *b = self.inputs
        return (lambda: DepthwiseInputGradient.apply(dy, w, window=self.window, channels=self.channels),
                lambda: DepthwiseWeightGradient.apply(x, dy, window=self.window),
                *[dy] * len(b))


class DepthwiseInputGradient(Function):
    """x = input_gradient(dy, w)          ddy = depthwise(dx, w),   dw = weight_gradient(dx, dy)"""

    reads = {"ddy": "w", "dw": "dy"}

    def forward(self, dy, w, window, channels):
        self.window, reverse, xp = window, window.reverse, get_array_module(dy, w)
        x = xp.zeros((len(dy), *(window.input if reverse else padded_lengths(window)), channels), xp.result_type(dy, w))

        def gather(images, read, windows, place):
            for part, row in _multiples(padded(dy[images, read], place), rows, channels):
                x[images, windows] += _sum_over_taps(part, row, place)

        def scatter(*bands):
            for images, _, windows, place in bands:
                target_of = x[images, (windows.start or 0) * window.stride[0]:]
                for part, row in _multiples(dy[images, windows], w.reshape(-1, w.shape[-1]), channels):
                    for target, weights in zip(taps(target_of, place), row):
                        target += part * weights

        if reverse:
            rows = _along_rows(w[(slice(None, None, -1),) * len(window.size)], reverse)
            for_each(gather, _pieces(x, reverse), x)
            return x
        for_each(scatter, by_images(_pieces(x, window)), x)
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
        dtype, places = xp.result_type(x, dy), "nijk"[:x.ndim - 1]

        def work(images, read, windows, place):
            w, source = xp.empty((*window.size, 1, dy.shape[-1]), dtype), padded(x[images, read], place)
            for part, row in _multiples(dy[images, windows], w.reshape(-1, w.shape[-1]), self.channels):
                for tap, weights in zip(taps(source, place), row):
                    weights[...] = xp.einsum(f"{places}c,{places}c->c", tap, part)
            return w

        w = xp.zeros((*window.size, 1, dy.shape[-1]), dtype)
        for part in for_each(work, _pieces(x, window), x):
            w += part
        return w

    def backward(self, dw):
        x, dy = self.inputs
        return (lambda: DepthwiseInputGradient.apply(dy, dw, window=self.window, channels=self.channels),
                lambda: DepthwiseConvolution.apply(x, dw, window=self.window))


def is_depthwise(w, groups):
    """Whether kernels w (k, ..., C / groups, O) give each channel a group of its own, and there are several."""
    return groups > 1 and w.shape[-2] == 1


def _multiples(y, rows, channels):
    """For each j < m, the channels j, m + j, 2 m + j ... of y, and of the taps' rows: one for each channel of x. Views."""
    step = y.shape[-1] // channels
    return [(y[..., j::step], rows[..., j::step]) for j in range(step)]


def _sum_over_taps(x, rows, window):
    """y[n, o, c] = Σ_tap  x[n, place(o, tap), c] * rows[tap, o, c], multiplied and added in one pass.

    At steps of 1, the windows of a row read numbers side by side: then the whole row is one run, longer than the channels.
    """
    xp, run, lines = get_array_module(x), x.shape[-1], window
    if window.stride[-1] == 1:
        run, lines = window.output[-1] * run, window._replace(output=(*window.output[:-1], 1))
    places, at = "hvw"[-len(window.size):], "ijk"[:len(window.size)]
    y = xp.einsum(f"n{places}{at}c,{at}wc->n{places}c", views(xp.ascontiguousarray(x), lines, run),
                  rows[..., :window.output[-1], :].reshape(*window.size, lines.output[-1], run))
    return y.reshape(len(x), *window.output, x.shape[-1])


def _along_rows(w, window):
    """For each tap, its weights once for each window along the last axis: loops over long rows of equal shape are fast."""
    shape = (*window.size, window.output[-1], w.shape[-1])
    return get_array_module(w).broadcast_to(w, shape).copy()


def _pieces(x, window):
    """The parts of the work that stay in the cache, with their windows and a product of theirs."""
    return pieces(len(x), window, 3 * math.prod(x.shape[1:]) * x.itemsize)
