"""Pooling into a given number of windows: adaptive pools, and global ones, which have a single window.

Window i of m along an axis of length n reads the places from ⌊i n / m⌋ up to but not including ⌈(i + 1) n / m⌉, as in
PyTorch: together they read everything, and where m does not divide n, neighbours may share a place.
"""

from minigrad.backend import get_array_module
from minigrad.functions import reductions
from minigrad.functions.interpolation import AlongAxis, CopyAlongAxis
from minigrad.functions.pooling import MaxPool
from minigrad.functions.shapes import as_operand
from minigrad.functions.windows import FORMATS, channels_last, per_axis, window


def adaptive_avg_pool1d(x, size, data_format="NWC"):
    """adaptive_avg_pool2d along one axis: x (N, W, C), or (N, C, W) with "NCW"."""
    return _adaptive_avg_pool(x, size, data_format, 1)


def adaptive_avg_pool2d(x, size, data_format="NHWC"):
    """The means of `size` windows that cover the image, for each channel.

    x (N, H, W, C), or (N, C, H, W) with data_format="NCHW"; size is n or (v, h), None for an axis that shall stay. Each axis
    one after another is multiplied by the matrix (m, n) of its means: y = A x, dx = Aᵀ dy.
    """
    return _adaptive_avg_pool(x, size, data_format, 2)


def adaptive_avg_pool3d(x, size, data_format="NDHWC"):
    """adaptive_avg_pool2d along three axes: x (N, D, H, W, C), or (N, C, D, H, W) with "NCDHW"."""
    return _adaptive_avg_pool(x, size, data_format, 3)


def adaptive_max_pool1d(x, size, data_format="NWC"):
    """adaptive_max_pool2d along one axis: x (N, W, C), or (N, C, W) with "NCW"."""
    return _adaptive_max_pool(x, size, data_format, 1)


def adaptive_max_pool2d(x, size, data_format="NHWC"):
    """The largest numbers of `size` windows that cover the image, for each channel. Arguments as in adaptive_avg_pool2d.

    dx = dy at the winners; at a tie the first wins, and a nan is the largest.
    """
    return _adaptive_max_pool(x, size, data_format, 2)


def adaptive_max_pool3d(x, size, data_format="NDHWC"):
    """adaptive_max_pool2d along three axes: x (N, D, H, W, C), or (N, C, D, H, W) with "NCDHW"."""
    return _adaptive_max_pool(x, size, data_format, 3)


def global_avg_pool(x, data_format="channels_last", keepdims=False):
    """y[n, c] = the mean of x over all spatial axes, of which there are one to three: x (N, ..., C) or (N, C, ...)."""
    return reductions.mean(x, _spatial_axes(x, data_format), keepdims=keepdims)


def global_max_pool(x, data_format="channels_last", keepdims=False):
    """y[n, c] = the largest number of x over all spatial axes; at a tie the first wins, and a nan is the largest."""
    return reductions.max(x, _spatial_axes(x, data_format), keepdims=keepdims)


def _spatial_axes(x, data_format):
    x = as_operand(x)
    if x.ndim - 2 not in FORMATS:
        raise ValueError(f"global pooling: expected 3 to 5 axes, (N, ..., C), got shape {tuple(x.shape)}")
    moved, _ = channels_last(x, data_format, x.ndim - 2)
    return tuple(range(1, x.ndim - 1)) if moved is x else tuple(range(2, x.ndim))


def _adaptive_avg_pool(x, size, data_format, axes):
    x, as_given = channels_last(x, data_format, axes)
    xp = get_array_module(x.data)
    for axis, (n, m) in enumerate(zip(x.shape[1:-1], _sizes(x, size)), 1):
        places, i = xp.arange(n), xp.arange(m)[:, None]
        reads = ((places >= i * n // m) & (places < -(-(i + 1) * n // m))).astype(x.dtype)
        x = AlongAxis.apply(x, matrix=reads / reads.sum(1)[:, None], axis=axis)
    return as_given(x)


def _adaptive_max_pool(x, size, data_format, axes):
    x, as_given = channels_last(x, data_format, axes)
    xp, lengths = get_array_module(x.data), []
    for axis, (n, m) in enumerate(zip(x.shape[1:-1], _sizes(x, size)), 1):
        lengths.append(max(-(-(i + 1) * n // m) - i * n // m for i in range(m)))
        if n % m:  # windows of one length beside each other: a shorter one reads its last place twice, which wins nothing
            i = xp.arange(m)[:, None]
            places = xp.minimum(i * n // m + xp.arange(lengths[-1]), -(-(i + 1) * n // m) - 1).reshape(-1)
            x = CopyAlongAxis.apply(x, places=places, axis=axis)
    return as_given(MaxPool.apply(x, window=window(x.shape[1:-1], tuple(lengths), tuple(lengths))))


def _sizes(x, size):
    """How many windows for each spatial axis."""
    old = x.shape[1:-1]
    if min(old) < 1:
        raise ValueError(f"adaptive pooling: an empty axis has nothing to pool, got shape {tuple(x.shape)}")
    size = size if isinstance(size, (tuple, list)) else (size,) * len(old)
    return per_axis([n if m is None else m for m, n in zip(size, old)] if len(size) == len(old) else size, len(old), "size")
