"""The windows that slide over an image: where each one lies, shared by convolution and pooling.

Window w at output place o reads input o * stride + tap * dilation - padding, for each tap of its kernel.
"""

from numbers import Integral
from typing import NamedTuple

from minigrad.backend import get_array_module


class Window(NamedTuple):
    """A kernel's size and steps, each as (vertical, horizontal), and how many places it takes."""

    size: tuple
    stride: tuple
    dilation: tuple
    padding: tuple    # ((top, bottom), (left, right))
    input: tuple      # (H, W)
    output: tuple     # (OH, OW)

    @property
    def overlaps(self):
        """Whether an input may be read by several windows."""
        return any((k - 1) * d + 1 > s for k, s, d in zip(self.size, self.stride, self.dilation))


def window(input, size, stride=1, padding=0, dilation=1):
    """The Window for an image of `input` = (H, W); `padding` is n, (v, h), ((t, b), (l, r)), "valid" or "same".

    OH = (H + t + b - ((kh - 1) * dilation + 1)) // stride + 1. "same" pads so that OH = ceil(H / stride), the odd one
    at the end, as Keras does. Raises ValueError for a size that does not fit.
    """
    size, stride, dilation = pair(size, "size"), pair(stride, "stride"), pair(dilation, "dilation")
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    pads = _padding(padding, input, spans, stride)
    output = tuple((n + sum(p) - span) // s + 1 for n, p, span, s in zip(input, pads, spans, stride))
    if min(output) < 1:
        raise ValueError(f"a window of {spans[0]} x {spans[1]} does not fit into an input of {input[0]} x {input[1]} "
                         f"with padding {pads}")
    return Window(size, stride, dilation, pads, tuple(input), output)


def pair(value, name, least=1):
    """(v, h) from n or (v, h), each an integer of at least `least`."""
    values = (value, value) if isinstance(value, Integral) else tuple(value)
    if len(values) != 2 or any(not isinstance(v, Integral) or v < least for v in values):
        raise ValueError(f"{name} must be an integer >= {least} or a pair of them, got {value!r}")
    return values


def _padding(padding, input, spans, stride):
    if isinstance(padding, str):
        if padding.lower() not in ("valid", "same"):
            raise ValueError(f"padding must be 'valid', 'same' or numbers, got {padding!r}")
        if padding.lower() == "valid":
            return (0, 0), (0, 0)
        totals = [max((-(-n // s) - 1) * s + span - n, 0) for n, span, s in zip(input, spans, stride)]
        return tuple((t // 2, t - t // 2) for t in totals)
    if not isinstance(padding, Integral) and all(not isinstance(p, Integral) for p in padding):
        return tuple(pair(p, "padding", 0) for p in padding)
    return tuple((p, p) for p in pair(padding, "padding", 0))


def padded(x, w, value=0.0):
    """x (N, H, W, C) with w's border of `value`; x itself if there is none."""
    if w.padding == ((0, 0), (0, 0)):
        return x
    (top, bottom), (left, right) = w.padding
    n, height, width, c = x.shape
    y = get_array_module(x).full((n, height + top + bottom, width + left + right, c), value, x.dtype)
    y[:, top:top + height, left:left + width] = x
    return y


def unpadded(x, w):
    """The inner part of a padded image."""
    (top, _), (left, _) = w.padding
    return x[:, top:top + w.input[0], left:left + w.input[1]]


def taps(x, w):
    """For each tap of the kernel, the view (N, OH, OW, C) of the padded image x that the tap reads."""
    for i in range(w.size[0]):
        for j in range(w.size[1]):
            yield x[:, _places(i, 0, w), _places(j, 1, w)]


def _places(tap, axis, w):
    start = tap * w.dilation[axis]
    return slice(start, start + (w.output[axis] - 1) * w.stride[axis] + 1, w.stride[axis])


def images_last(x, data_format):
    """Whether channels come last: "NHWC" / "channels_last", or "NCHW" / "channels_first"."""
    if x.ndim != 4:
        raise ValueError(f"expected images of 4 axes, (N, H, W, C), got shape {tuple(x.shape)}")
    if data_format in ("NHWC", "channels_last"):
        return True
    if data_format in ("NCHW", "channels_first"):
        return False
    raise ValueError(f"data_format must be 'NHWC' ('channels_last') or 'NCHW' ('channels_first'), got {data_format!r}")
