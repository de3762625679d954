"""Two-dimensional convolution, and its two gradients, which are each other's backward.

(What deep learning calls convolution is cross-correlation: the kernel is not flipped.) With images x (N, H, W, C),
kernels w (kh, kw, C, O) and windows that slide over x:

    forward           y[n, o, :]     = Σ_tap  x[n, place(o, tap), :] @ w[tap]         Conv2D
    by the weights    dw[tap]        = Σ_n,o  x[n, place(o, tap), :]ᵀ @ dy[n, o, :]   Conv2DWeightGradient
    by the input      dx[n, p, :]    = Σ_o,tap: place(o, tap) = p  dy[n, o, :] @ w[tap]ᵀ   Conv2DInputGradient

Each is linear in both of its operands, and pairs the same three things (x at a place, w at a tap, dy at a window), so
the gradient of any of the three by one of its operands is another of the three.

All are one matrix product: lay the numbers that each window reads in a row (`columns`: im2col, Chellapilla et al. 2006),
(N·OH·OW, kh·kw·C), and multiply by w as (kh·kw·C, O). The rows are made for a few images at a time, so that they stay in
the processor's cache; they are made again in backward, which is cheaper than to keep them.

With groups, channel group g of x meets only its own kernels: the same product for each group, as a batch of groups.
"""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.reductions import sum
from minigrad.functions.shapes import moveaxis
from minigrad.functions.windows import images_last, padded, taps, unpadded, window

PIECE = 1 << 20  # bytes of window rows at a time: about the size of a core's cache


class Conv2D(Function):
    """y = conv2d(x, w, b)          dx = input_gradient(dy, w),   dw = weight_gradient(x, dy),   db = Σ dy

    x (N, H, W, C), w (kh, kw, C / groups, O), b (O,) if given, y (N, OH, OW, O).
    """

    reads = {"dx": "w", "dw": "x"}

    def forward(self, x, w, *b, window, groups):
        self.window, self.groups, self.kernel_shape = window, groups, w.shape
        xp = get_array_module(x, w)
        y = xp.empty((len(x), *window.output, w.shape[-1]), xp.result_type(x, w, *b))
        for piece in _pieces(x, window, x.shape[3]):
            part = y[piece]
            xp.matmul(columns(x[piece], window, groups), _as_matrix(w, groups), out=_by_group(part, groups))
            if b:
                part += b[0]
        return y

    def backward(self, dy):
        x, w, *b = self.inputs
        return (lambda: Conv2DInputGradient.apply(dy, w, window=self.window, groups=self.groups),
                lambda: Conv2DWeightGradient.apply(x, dy, window=self.window, groups=self.groups,
                                                   kernel_shape=self.kernel_shape),
                *[lambda: sum(dy, (0, 1, 2))] * len(b))


class Conv2DInputGradient(Function):
    """x = input_gradient(dy, w)          ddy = conv2d(dx, w),   dw = weight_gradient(dx, dy)

    Row (n, o) of dy @ wᵀ holds what window o gives back to each of its taps; col2im adds them where they belong.
    """

    reads = {"ddy": "w", "dw": "dy"}

    def forward(self, dy, w, window, groups):
        self.window, self.groups, self.kernel_shape = window, groups, w.shape
        xp = get_array_module(dy, w)
        channels = w.shape[2] * groups
        dtype = xp.result_type(dy, w)
        x = xp.zeros((len(dy), *(n + a + b for n, (a, b) in zip(window.input, window.padding)), channels), dtype)
        back = _as_matrix(w, groups).swapaxes(-1, -2)
        for piece in _pieces(dy, window, channels):
            rows = xp.matmul(_by_group(dy[piece], groups), back)
            rows = rows.reshape(groups, -1, *window.output, *window.size, w.shape[2])
            rows = rows.transpose(4, 5, 1, 2, 3, 0, 6).reshape(math.prod(window.size), -1, *window.output, channels)
            for target, tap in zip(taps(x[piece], window), rows):
                target += tap
        return unpadded(x, window)

    def backward(self, dx):
        dy, w = self.inputs
        return (lambda: Conv2D.apply(dx, w, window=self.window, groups=self.groups),
                lambda: Conv2DWeightGradient.apply(dx, dy, window=self.window, groups=self.groups,
                                                   kernel_shape=self.kernel_shape))


class Conv2DWeightGradient(Function):
    """w = weight_gradient(x, dy)          dx = input_gradient(dy, dw),   ddy = conv2d(x, dw)"""

    reads = {"dx": "dy", "ddy": "x"}

    def forward(self, x, dy, window, groups, kernel_shape):
        self.window, self.groups = window, groups
        xp = get_array_module(x, dy)
        w = xp.zeros((groups, math.prod(kernel_shape[:3]), kernel_shape[3] // groups), xp.result_type(x, dy))
        for piece in _pieces(x, window, x.shape[3]):
            w += xp.matmul(columns(x[piece], window, groups).swapaxes(-1, -2), _by_group(dy[piece], groups))
        return w.transpose(1, 0, 2).reshape(kernel_shape)

    def backward(self, dw):
        x, dy = self.inputs
        return (lambda: Conv2DInputGradient.apply(dy, dw, window=self.window, groups=self.groups),
                lambda: Conv2D.apply(x, dw, window=self.window, groups=self.groups))


def columns(x, window, groups=1):
    """The numbers that each window reads, one row a window: (groups, N·OH·OW, kh·kw·C / groups)."""
    x = padded(x, window)
    (n, _, _, c), (vertical, horizontal) = x.shape, x.strides[1:3]
    by_place = [stride * step for stride, step in zip((vertical, horizontal), window.stride)]
    by_tap = [stride * step for stride, step in zip((vertical, horizontal), window.dilation)]
    rows = get_array_module(x).lib.stride_tricks.as_strided(
        x, (n, *window.output, *window.size, c), (x.strides[0], *by_place, *by_tap, x.strides[3]))
    if c == 1:  # a row would be copied in runs of kw numbers; a column, one tap of all windows, is copied in runs of OW
        rows = rows.transpose(3, 4, 5, 0, 1, 2).copy().reshape(math.prod(window.size), -1).T
    rows = rows.reshape(-1, math.prod(window.size), groups, c // groups)
    return rows.transpose(2, 0, 1, 3).reshape(groups, len(rows), -1)


def _as_matrix(w, groups):
    """w (kh, kw, C / groups, O) as (groups, kh·kw·C / groups, O / groups)."""
    return w.reshape(-1, groups, w.shape[3] // groups).transpose(1, 0, 2)


def _by_group(y, groups):
    """y (n, OH, OW, O) as (groups, n·OH·OW, O / groups), a view."""
    return y.reshape(-1, groups, y.shape[3] // groups).transpose(1, 0, 2)


def _pieces(x, window, channels):
    """Slices of a few images, so that their window rows are about PIECE bytes."""
    row_bytes = math.prod(window.output) * math.prod(window.size) * channels * x.itemsize
    step = max(1, PIECE // max(row_bytes, 1))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, data_format="NHWC"):
    """y[n, o, :] = Σ_tap x[n, o * stride + tap * dilation - padding, :] @ w[tap] + b

    x        images (N, H, W, C), or (N, C, H, W) with data_format="NCHW" ("channels_first"); y likewise
    w, b     kernels (kh, kw, C / groups, O) in both formats, and bias (O,) or None
    stride, dilation  n or (vertical, horizontal)
    padding  n, (v, h), ((top, bottom), (left, right)), "valid" or "same" (Keras's: OH = ceil(H / stride))
    OH = (H + top + bottom - ((kh - 1) * dilation + 1)) // stride + 1. Gradients: see Conv2D.
    Raises ValueError for shapes that do not agree.
    """
    last = images_last(x, data_format)
    if not last:
        x = moveaxis(x, 1, 3)
    if w.ndim != 4 or w.shape[2] * groups != x.shape[3] or w.shape[3] % groups:
        raise ValueError(
            f"conv2d: {x.shape[3]} channels in {groups} group(s) need kernels of shape (kh, kw, "
            f"{x.shape[3] // groups}, O) with O divisible by {groups}, got {tuple(w.shape)}")
    if b is not None and tuple(b.shape) != (w.shape[3],):
        raise ValueError(f"conv2d: the bias must have shape ({w.shape[3]},), got {tuple(b.shape)}")
    place = window(x.shape[1:3], tuple(w.shape[:2]), stride, padding, dilation)
    y = Conv2D.apply(*((x, w) if b is None else (x, w, b)), window=place, groups=groups)
    return y if last else moveaxis(y, 3, 1)
