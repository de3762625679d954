"""Convolution in one, two and three dimensions, and its two gradients, which are each other's backward.

(What deep learning calls convolution is cross-correlation: the kernel is not flipped.) With data x (N, ..., C), where "..."
are the spatial axes, kernels w (k, ..., C, O), and windows that slide over x:

    forward           y[n, o, :]     = Σ_tap  x[n, place(o, tap), :] @ w[tap]         Convolution
    by the weights    dw[tap]        = Σ_n,o  x[n, place(o, tap), :]ᵀ @ dy[n, o, :]   ConvolutionWeightGradient
    by the input      dx[n, p, :]    = Σ_o,tap: place(o, tap) = p  dy[n, o, :] @ w[tap]ᵀ   ConvolutionInputGradient

Each is linear in both of its operands, and pairs the same three things (x at a place, w at a tap, dy at a window), so
the gradient of any of the three by one of its operands is another of the three. The transposed convolution, which makes
larger images of smaller ones, is the third of them, used as a forward.

All are one matrix product: lay the numbers that each window reads in a row (`columns`: im2col, Chellapilla et al. 2006),
(N·windows, taps·C), and multiply by w as (taps·C, O). The rows are made for a few images at a time, or for a band of
windows of a large one, so that they stay in the processor's cache; they are made again in backward, which is cheaper than
to keep them. The cores share these pieces (`for_each`), with one BLAS thread each.

With groups, channel group g of x meets only its own kernels: the same product for each group, as a batch of groups. One
channel to a group makes these products too thin to be fast: see depthwise.py.
"""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.depthwise import DepthwiseConvolution, is_depthwise
from minigrad.functions.windows import (
    by_images,
    channels_last,
    for_each,
    padded,
    padded_lengths,
    per_axis,
    pieces,
    taps,
    unpadded,
    views,
    window,
)

FEW = 8  # channels: products with so few columns are slow


class Convolution(Function):
    """y = convolution(x, w, b)          dx = input_gradient(dy, w),   dw = weight_gradient(x, dy),   db = Σ dy

    x (N, ..., C), w (k, ..., C / groups, O), b (O,) if given, y (N, ..., O).
    """

    reads = {"dx": "w", "dw": "x"}

    def forward(self, x, w, *b, window, groups):
        self.window, self.groups, self.kernel_shape = window, groups, w.shape
        xp = get_array_module(x, w)
        y = xp.empty((len(x), *window.output, w.shape[-1]), xp.result_type(x, w, *b))
        matrix, ones = _as_matrix(w, groups), bool(b) and _is_thin(window, x.shape[-1] // groups, groups)
        if ones:  # a last column of ones meets the bias as w's last row: shorter than to add it to y
            matrix = xp.concatenate([matrix, b[0].reshape(groups, 1, -1)], axis=1)

        def work(images, read, windows, place):
            part = y[images, windows]
            xp.matmul(columns(x[images, read], place, groups, ones), matrix, out=_by_group(part, groups))
            if b and not ones:
                part += b[0]

        for_each(work, _pieces(x, window, x.shape[-1]), x)
        return y

    def backward(self, dy):
        x, w, *b = self.inputs
        return (lambda: ConvolutionInputGradient.apply(dy, w, window=self.window, groups=self.groups),
                lambda: ConvolutionWeightGradient.apply(x, dy, window=self.window, groups=self.groups,
                                                        kernel_shape=self.kernel_shape),
                *[dy] * len(b))


class ConvolutionInputGradient(Function):
    """x = input_gradient(dy, w)          ddy = convolution(dx, w),   dw = weight_gradient(dx, dy)

    dy @ w[tap]ᵀ is what each window gives back to this tap: it is added to the places that the tap reads, tap after tap, in
    long rows (col2im). Where there are as many windows as places ("same" padding at steps of 1), dx is itself a convolution,
    of dy with the kernel turned round: one large product instead of many sums.
    """

    reads = {"ddy": "w", "dw": "dy"}

    def forward(self, dy, w, window, groups):
        self.window, self.groups, self.kernel_shape = window, groups, w.shape
        if window.reverse and window.input == window.output and groups == 1:
            turned = w[(slice(None, None, -1),) * len(window.size)].swapaxes(-1, -2)
            return Convolution().forward(dy, turned, window=window.reverse, groups=1)
        xp, channels = get_array_module(dy, w), w.shape[-2] * groups
        shape, dtype = (len(dy), *padded_lengths(window)), xp.result_type(dy, w)
        if groups > 1 or channels < FEW:  # channels first in memory, for the same reason as in `columns`
            x, rows_of = xp.moveaxis(xp.zeros((channels, *shape), dtype), 0, -1), _rows_by_group
        else:
            x, rows_of = xp.zeros((*shape, channels), dtype), _rows_by_tap

        def work(*bands):
            for images, _, windows, place in bands:
                target = x[images, (windows.start or 0) * window.stride[0]:]
                target = target.reshape(*target.shape[:-1], groups, w.shape[-2])
                for place_of_tap, row in zip(taps(target, place), rows_of(dy[images, windows], w, groups)):
                    place_of_tap += row

        for_each(work, by_images(_pieces(dy, window, channels)), dy)  # bands of one image add to the same rows
        return unpadded(xp.ascontiguousarray(x), window)

    def backward(self, dx):
        dy, w = self.inputs
        return (lambda: Convolution.apply(dx, w, window=self.window, groups=self.groups),
                lambda: ConvolutionWeightGradient.apply(dx, dy, window=self.window, groups=self.groups,
                                                        kernel_shape=self.kernel_shape))


class ConvolutionWeightGradient(Function):
    """w = weight_gradient(x, dy)          dx = input_gradient(dy, dw),   ddy = convolution(x, dw)"""

    reads = {"dx": "dy", "ddy": "x"}

    def forward(self, x, dy, window, groups, kernel_shape):
        self.window, self.groups = window, groups
        xp = get_array_module(x, dy)

        def work(images, read, windows, place):
            part = x[images, read]
            rows, columns_of_y = columns(part, place, groups).swapaxes(1, 2), _by_group(dy[images, windows], groups)
            if not _is_thin(place, x.shape[-1] // groups, groups):
                return xp.matmul(rows, columns_of_y)
            n = len(part)  # few rows: a short product for each image, which BLAS does without copying its operands first
            return xp.matmul(rows.reshape(*rows.shape[:2], n, -1).swapaxes(1, 2),
                             columns_of_y.reshape(groups, n, -1, columns_of_y.shape[-1])).sum(1)

        w = xp.zeros((groups, math.prod(kernel_shape[:-1]), kernel_shape[-1] // groups), xp.result_type(x, dy))
        for part in for_each(work, _pieces(x, window, x.shape[-1], 4 * w.nbytes), x):
            w += part
        return w.transpose(1, 0, 2).reshape(kernel_shape)

    def backward(self, dw):
        x, dy = self.inputs
        return (lambda: ConvolutionInputGradient.apply(dy, dw, window=self.window, groups=self.groups),
                lambda: Convolution.apply(x, dw, window=self.window, groups=self.groups))


def columns(x, window, groups=1, ones=False):
    """The numbers that each window reads, one row a window: (groups, N·windows, taps·C / groups), and a 1 after them, if
    `ones` says so.

    They are copied in runs of what lies side by side: a row's taps in x; or, if those are few or belong to several groups,
    one tap's numbers for a row of windows, in x with its channels first. The result is then the transpose of what was
    copied, which costs the matrix product nothing.
    """
    xp, axes, c, places = get_array_module(x), len(window.size), x.shape[-1], len(x) * math.prod(window.output)
    x, thin = padded(x, window), ones or _is_thin(window, c // groups, groups)
    if thin:
        x = xp.moveaxis(xp.ascontiguousarray(xp.moveaxis(x, -1, 0)), 0, -1)
    rows = views(x, window)
    rows = rows.reshape(*rows.shape[:-1], groups, c // groups)
    if not thin:
        return xp.moveaxis(rows, -2, 0).reshape(groups, places, math.prod(window.size) * (c // groups))
    rows = rows.transpose(-2, *range(axes + 1, 2 * axes + 1), -1, *range(axes + 1))
    count = math.prod(window.size) * (c // groups)
    if not ones:
        return rows.reshape(groups, count, places).swapaxes(1, 2)
    matrix = xp.empty((groups, count + 1, places), x.dtype)
    matrix[:, :count].reshape(rows.shape)[...] = rows
    matrix[:, count] = 1
    return matrix.swapaxes(1, 2)


def _is_thin(window, channels, groups):
    """Whether a window reads so few numbers side by side that it is better to see the numbers of a tap side by side."""
    run = channels * (window.size[-1] if window.dilation[-1] == 1 else 1)
    return math.prod(window.size) > 1 and (groups > 1 or 2 * run < window.output[-1])


def _as_matrix(w, groups):
    """w (k, ..., C / groups, O) as (groups, taps·C / groups, O / groups)."""
    return w.reshape(-1, groups, w.shape[-1] // groups).transpose(1, 0, 2)


def _by_group(y, groups):
    """y (n, ..., O) as (groups, n·windows, O / groups), a view."""
    return y.reshape(-1, groups, y.shape[-1] // groups).transpose(1, 0, 2)


def _rows_by_tap(dy, w, groups):
    """For each tap, what the windows give back to it: dy @ w[tap]ᵀ, (n, windows, 1, C)."""
    matrix = dy.reshape(math.prod(dy.shape[:-1]), dy.shape[-1])
    for tap in w.reshape(-1, *w.shape[-2:]):
        yield (matrix @ tap.T).reshape(*dy.shape[:-1], 1, len(tap))


def _rows_by_group(dy, w, groups):
    """The same (n, windows, groups, C / groups), of all taps at once and with the windows side by side in memory."""
    xp = get_array_module(dy, w)
    rows = xp.matmul(_as_matrix(w, groups), _by_group(dy, groups).swapaxes(1, 2))
    return xp.moveaxis(rows.reshape(groups, math.prod(w.shape[:-2]), w.shape[-2], *dy.shape[:-1]), (0, 2), (-2, -1))


def _pieces(x, window, channels, least=0):
    """The parts of the work whose window rows stay in the cache."""
    return pieces(len(x), window, math.prod(window.output) * math.prod(window.size) * channels * x.itemsize, least)


def conv1d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, data_format="NWC"):
    """conv2d along one axis: x (N, W, C), or (N, C, W) with "NCW"; w (k, C / groups, O); y (N, OW, O).

    padding may also be "causal" (Keras's): (k - 1) * dilation zeros before the start, so y[t] depends on x[:t + 1] only.
    """
    return _convolution(x, w, b, stride, padding, dilation, groups, data_format, 1)


def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, data_format="NHWC"):
    """y[n, o, :] = Σ_tap x[n, o * stride + tap * dilation - padding, :] @ w[tap] + b

    x        images (N, H, W, C), or (N, C, H, W) with data_format="NCHW" ("channels_first"); y likewise
    w, b     kernels (kh, kw, C / groups, O) in both formats, and bias (O,) or None
    stride, dilation  n or (vertical, horizontal)
    padding  n, (v, h), ((top, bottom), (left, right)), "valid" or "same" (Keras's: OH = ceil(H / stride))
    groups   into how many parts C and O are divided, each output channel reading only the C / groups of its own part;
             C of them make a depthwise convolution
    OH = (H + top + bottom - ((kh - 1) * dilation + 1)) // stride + 1. Gradients: see Convolution.
    Raises ValueError for shapes that do not agree.
    """
    return _convolution(x, w, b, stride, padding, dilation, groups, data_format, 2)


def conv3d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, data_format="NDHWC"):
    """conv2d along three axes: x (N, D, H, W, C), or (N, C, D, H, W) with "NCDHW"; w (kd, kh, kw, C / groups, O)."""
    return _convolution(x, w, b, stride, padding, dilation, groups, data_format, 3)


def _convolution(x, w, b, stride, padding, dilation, groups, data_format, axes):
    x, as_given = channels_last(x, data_format, axes)
    groups, = per_axis(groups, 1, "groups")
    if w.ndim != axes + 2 or w.shape[-2] * groups != x.shape[-1] or w.shape[-1] % groups:
        raise ValueError(
            f"conv{axes}d: {x.shape[-1]} channels in {groups} group(s) need kernels of shape ({'k, ' * axes}"
            f"{x.shape[-1] // groups}, O) with O divisible by {groups}, got {tuple(w.shape)}")
    if b is not None and tuple(b.shape) != (w.shape[-1],):
        raise ValueError(f"conv{axes}d: the bias must have shape ({w.shape[-1]},), got {tuple(b.shape)}")
    place = window(x.shape[1:-1], tuple(w.shape[:-2]), stride, padding, dilation)
    operands = (x, w) if b is None else (x, w, b)
    if is_depthwise(w, groups):
        return as_given(DepthwiseConvolution.apply(*operands, window=place))
    return as_given(Convolution.apply(*operands, window=place, groups=groups))
