"""Data on a finer or a coarser grid, for one to three spatial axes."""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.order import repeat
from minigrad.functions.shapes import as_operand
from minigrad.functions.windows import FORMATS, channels_last, per_axis


class AlongAxis(Function):
    """y = along_axis(x)          dx = along_axis(dy), with the transposed matrix

    y[.., i, ..] = Σ_p matrix[i, p] x[.., p, ..] for one axis: linear, so each x[p] gets Σ_i matrix[i, p] dy[i].
    """

    reads = {}

    def forward(self, x, matrix, axis):
        self.matrix, self.axis = matrix, axis
        before, n, after = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1:])
        y = get_array_module(x).matmul(matrix, x.reshape(before, n, after))
        return y.reshape(*x.shape[:axis], len(matrix), *x.shape[axis + 1:])

    def backward(self, dy):
        return AlongAxis.apply(dy, matrix=self.matrix.T, axis=self.axis)


class CopyAlongAxis(Function):
    """y = copy_along_axis(x)          dx = along_axis(dy), with the transposed matrix

    y[.., i, ..] = x[.., places[i], ..]: the matrix has a one at each place, and zeros that meet no number of x.
    """

    reads = {}

    def forward(self, x, places, axis):
        self.places, self.axis, self.length = places, axis, x.shape[axis]
        return get_array_module(x).take(x, places, axis)

    def backward(self, dy):
        matrix = get_array_module(dy.data).arange(self.length)[:, None] == self.places
        return AlongAxis.apply(dy, matrix=matrix.astype(dy.dtype), axis=self.axis)


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=False, data_format="channels_last"):
    """x (N, ..., C) on a grid of another size, for 1 to 3 spatial axes, as torch.nn.functional.interpolate.

    size          the new lengths: n or one for each axis; or
    scale_factor  how many times as long: a number or one for each axis; the length is rounded down
    mode          "nearest": y[i] = x[⌊i / scale⌋], each axis alike;
                  "linear" (or "bilinear", "trilinear" for 2 and 3 axes): y[i] = Σ_p max(0, 1 - |s - p|) x[p], where the new
                  place i lies at s = (i + 1/2) / scale - 1/2 of the old grid, but not outside of it;
                  "bicubic" (2 axes): y[i] = Σ_p k(s - p) x[p] with Keys's kernel k, a = -3/4, the edges repeated
    align_corners for linear and cubic: the first and last places lie on one another, s = i (n - 1) / (m - 1)
    data_format   "channels_last", "channels_first", or by the letters as in conv1d, conv2d, conv3d

    Each axis is one after another multiplied by its matrix y = A x, so dx = Aᵀ dy. (So a nan or an infinity spreads along
    its row and column, but for "nearest", which only copies.)
    Source: Keys 1981, "Cubic convolution interpolation", eq. 4. Raises ValueError for what does not fit.
    """
    x = as_operand(x)
    axes = x.ndim - 2
    if axes not in FORMATS:
        raise ValueError(f"interpolate: expected 3 to 5 axes, (N, ..., C), got shape {tuple(x.shape)}")
    modes = ("nearest", "linear", *[(), ("bilinear", "bicubic"), ("trilinear",)][axes - 1])
    if mode not in modes:
        raise ValueError(f"interpolate: mode must be {', '.join(map(repr, modes))} for {axes} spatial axes, got {mode!r}")
    if mode == "nearest" and align_corners:
        raise ValueError("interpolate: align_corners is for the linear and cubic modes, got mode='nearest'")
    x, as_given = channels_last(x, data_format, axes)
    for axis, (m, scale) in enumerate(_lengths(x.shape[1:-1], size, scale_factor), 1):
        if mode == "nearest":
            x = _nearest(x, m, scale, axis)
        else:
            x = AlongAxis.apply(x, matrix=_weights(x, m, scale, axis, mode, align_corners), axis=axis)
    return as_given(x)


def _lengths(old, size, scale_factor):
    """For each axis, its new length, and how many times as long it is: as the user says, or new / old."""
    if min(old) < 1:
        raise ValueError(f"interpolate: an empty axis has nothing to interpolate, got lengths {tuple(old)}")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: give either size or scale_factor, got {size!r} and {scale_factor!r}")
    if size is not None:
        return [(m, m / n) for m, n in zip(per_axis(size, len(old), "size"), old)]
    scales = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * len(old)
    if len(scales) != len(old) or not all(s > 0 for s in scales):
        raise ValueError(f"interpolate: scale_factor must be a positive number or {len(old)} of them, got {scale_factor!r}")
    lengths = [math.floor(n * s) for n, s in zip(old, scales)]
    if min(lengths) < 1:
        raise ValueError(f"interpolate: nothing is left of lengths {tuple(old)} times {scale_factor!r}")
    return list(zip(lengths, scales))


def _nearest(x, m, scale, axis):
    if m == x.shape[axis] * scale and m % x.shape[axis] == 0:  # a whole number of times, the gradient of which is a sum
        return repeat(x, m // x.shape[axis], axis)
    xp, n = get_array_module(x.data), x.shape[axis]
    places = xp.arange(m) * n // m if m / n == scale else xp.floor(xp.arange(m) / scale).astype(int)
    return CopyAlongAxis.apply(x, places=places, axis=axis)


def _weights(x, m, scale, axis, mode, align_corners):
    """The matrix (m, n) of an axis: how much each old place counts for each new one."""
    xp, n = get_array_module(x.data), x.shape[axis]
    if align_corners:
        s = xp.arange(m) * ((n - 1) / max(m - 1, 1))
    else:
        s = (xp.arange(m) + 0.5) / scale - 0.5
    if mode != "bicubic":
        distance = abs(xp.clip(s, 0, n - 1)[:, None] - xp.arange(n))
        return xp.maximum(1 - distance, 0).astype(x.dtype)
    distance = abs(s[:, None] - xp.arange(-2, n + 2))  # two places more on both sides, which repeat the edges
    a = -0.75
    inner = ((a + 2) * distance - (a + 3)) * distance ** 2 + 1
    outer = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    weights = xp.where(distance <= 1, inner, xp.where(distance < 2, outer, 0))
    weights[:, 2] += weights[:, :2].sum(1)
    weights[:, -3] += weights[:, -2:].sum(1)
    return weights[:, 2:-2].astype(x.dtype)
