"""The windows that slide over a signal, an image or a volume: where each one lies, shared by convolution and pooling.

The data are (N, spatial axes, C): (N, W, C), (N, H, W, C) or (N, D, H, W, C). Along each spatial axis, window o reads the
places o * stride + tap * dilation - padding, for each tap of its kernel.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np

from minigrad.backend import get_array_module
from minigrad.blocks import workers
from minigrad.functions.shapes import as_operand, moveaxis
from minigrad.threads import in_threads, inside_threads

PIECE = 1 << 20   # bytes to work on at a time: about the size of a core's cache
ALONE = 4 << 20   # the same where another thread works beside this one: fewer calls, at each of which they wait for Python
SHARED = 1 << 21  # bytes from which on it pays to wake other threads
INTEGER = (int, np.integer)
FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}


class Window(NamedTuple):
    """A kernel's size and steps, and how many places it takes: a number (or a pair of them) for each spatial axis."""

    size: tuple
    stride: tuple
    dilation: tuple
    padding: tuple    # ((before, after), ...)
    input: tuple      # the lengths of the spatial axes
    output: tuple     # and how many windows there are along them

    @property
    def spans(self):
        """How many places lie between the first and the last tap, both included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation))

    @property
    def overlaps(self):
        """Whether an input may be read by several windows."""
        return any(span > s for span, s in zip(self.spans, self.stride))

    @property
    def is_padded(self):
        """Whether there is any padding."""
        return any(map(any, self.padding))

    @property
    def reverse(self):
        """The Window by which the inputs read the windows that read them, at steps of 1: tap t of the one is the last but t
        of the other. None if the steps are larger, or a window would read nothing but padding."""
        if max(self.stride) > 1:
            return None
        before = [span - 1 - before for span, (before, _) in zip(self.spans, self.padding)]
        pads = tuple((b, n + span - 1 - m - b) for b, n, m, span in zip(before, self.input, self.output, self.spans))
        if min(map(min, pads)) < 0:
            return None
        return self._replace(padding=pads, input=self.output, output=self.input)


def window(input, size, stride=1, padding=0, dilation=1, ceil_mode=False):
    """The Window for `input`, the lengths of the spatial axes.

    size, stride, dilation  n, or one for each axis
    padding    n, one or a pair (before, after) for each axis, "valid" (none), "same" or "causal"
    ceil_mode  whether a last window may reach over the padded end, if it begins before the end of the input

    output = (input + before + after - span) // stride + 1, with span = (size - 1) * dilation + 1. "same" pads so that
    output = ceil(input / stride), the odd one at the end, as Keras does; "causal" pads span - 1 before, so that no window
    reads what comes after its own place. Raises ValueError for a size that does not fit.
    """
    axes = len(input)
    size, stride = per_axis(size, axes, "size"), per_axis(stride, axes, "stride")
    dilation = per_axis(dilation, axes, "dilation")
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    pads = paddings(padding, [(-(-n // s) - 1) * s + span - n for n, s, span in zip(input, stride, spans)], spans)
    if ceil_mode:
        pads = tuple((a, b + _to_the_next_window(n, a, b, span, s))
                     for n, (a, b), span, s in zip(input, pads, spans, stride))
    output = tuple((n + sum(p) - span) // s + 1 for n, p, span, s in zip(input, pads, spans, stride))
    if min(output) < 1:
        raise ValueError(f"a window of {_times(spans)} does not fit into an input of {_times(input)} with padding {pads}")
    return Window(size, stride, dilation, pads, tuple(input), output)


def _to_the_next_window(n, before, after, span, stride):
    """How much the end must be padded for one more window; 0 if all is read, or the window would begin after the input."""
    rest = (n + before + after - span) % stride
    begin = n + before + after - span - rest + stride
    return stride - rest if rest and begin < n + before else 0


def per_axis(value, axes, name, least=1):
    """A tuple of `axes` integers of at least `least`, from one for all or one for each."""
    values = (value,) * axes if isinstance(value, INTEGER) else tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(values) != axes or any(not isinstance(v, INTEGER) or v < least for v in values):
        one_each = {1: "a tuple of one", 2: "a pair of them"}.get(axes, f"{axes} of them")
        raise ValueError(f"{name} must be an integer >= {least} or {one_each}, got {value!r}")
    return values


def paddings(padding, for_same, spans):
    """((before, after), ...) from what the user said; `for_same` is how much "same" needs along each axis."""
    axes = len(spans)
    if isinstance(padding, str):
        kinds = {"valid": [(0, 0)] * axes, "same": [(max(t, 0) // 2, (max(t, 0) + 1) // 2) for t in for_same]}
        if axes == 1:
            kinds["causal"] = [(spans[0] - 1, 0)]
        if padding.lower() not in kinds:
            raise ValueError(f"padding must be {', '.join(map(repr, kinds))} or numbers, got {padding!r}")
        return tuple(kinds[padding.lower()])
    if isinstance(padding, (tuple, list)) and all(isinstance(p, (tuple, list)) for p in padding):
        if len(padding) != axes:
            raise ValueError(f"padding must have a pair (before, after) for each of {axes} spatial axes, got {padding!r}")
        return tuple(per_axis(p, 2, "padding", 0) for p in padding)
    return tuple((p, p) for p in per_axis(padding, axes, "padding", 0))


def refuse_empty_windows(w):
    """Raise ValueError if there is a window that reads nothing but padding."""
    axis = _axis_with_an_empty_window(w) if w.is_padded else None
    if axis is not None:
        raise ValueError(f"pooling: padding {w.padding} is too large for windows of {_times(w.size)}, stride {w.stride}, on "
                         f"an input of {_times(w.input)}: along axis {axis}, a window would read nothing but padding")


@functools.lru_cache
def _axis_with_an_empty_window(w):
    for axis, (k, s, d, (before, _), n, windows) in enumerate(zip(*w)):
        if not all(any(0 <= o * s + tap * d - before < n for tap in range(k)) for o in range(windows)):
            return axis
    return None


def padded_lengths(w):
    """The lengths of the spatial axes with the padding."""
    return tuple(n + before + after for n, (before, after) in zip(w.input, w.padding))


def padded(x, w, value=0.0):
    """x (N, ..., C) with w's border of `value`; x itself if there is none."""
    if not w.is_padded:
        return x
    y = get_array_module(x).full((len(x), *padded_lengths(w), x.shape[-1]), value, x.dtype)
    unpadded(y, w)[...] = x
    return y


def unpadded(x, w):
    """The inner part of padded data."""
    return x[(slice(None), *(slice(before, before + n) for n, (before, _) in zip(w.input, w.padding)))]


def taps(x, w):
    """For each tap of the kernel, in row order, the view (N, ..., C) of the padded data x that the tap reads."""
    along = [[slice(i * d, i * d + n * s, s) for i in range(k)]
             for k, s, d, n in zip(w.size, w.stride, w.dilation, w.output)]
    for places in itertools.product((slice(None),), *along):
        yield x[places]


def views(x, w, run=None):
    """For each window, a view of what its taps read in the padded data x: (N, windows, taps, C).

    run  how many numbers to read at each tap instead of C: more of them go on into the places that follow
    """
    by_place = [stride * step for stride, step in zip(x.strides[1:], w.stride)]
    by_tap = [stride * step for stride, step in zip(x.strides[1:], w.dilation)]
    return get_array_module(x).lib.stride_tricks.as_strided(
        x, (len(x), *w.output, *w.size, run or x.shape[-1]), (x.strides[0], *by_place, *by_tap, x.strides[-1]))


class Piece(NamedTuple):
    """A part of the work that fits into the cache: some images, or a band of the windows of one."""

    images: slice
    read: slice       # what the windows read along the first spatial axis, without the padding
    windows: slice    # and which windows they are
    window: Window    # the same windows, on what they read


def images_of(x):
    """The images of x as slices that fit into the cache, one for each call of `for_each`, as its items."""
    each = max(PIECE * len(x) // max(x.nbytes, 1), 1)
    if x.nbytes < SHARED or inside_threads():
        each = max(len(x), 1)
    return [(slice(start, start + each),) for start in range(0, len(x), each)]


def pieces(count, w, bytes_each, least=0):
    """The Pieces of `count` images, if one image takes `bytes_each`: of about PIECE bytes, or of `least` if that is more.

    Each thread gets as many, unless it is so little work that it is left whole. In a thread that works beside others (on a
    piece of the batch, see minigrad.parallel) they are of ALONE bytes.
    """
    alone = inside_threads()
    total, step = count * bytes_each, max(ALONE if alone else PIECE, least)
    parts = -(-total // step)
    if not alone and total >= SHARED and total >= 2 * least:
        parts = -(-parts // workers()) * workers()
    everything = slice(None)
    if parts <= count:
        step = -(-count // max(parts, 1))
        return [Piece(slice(start, start + step), everything, everything, w) for start in range(0, count, max(step, 1))]
    step = -(-w.output[0] // -(-parts // count))
    bands = [_band(w, start, min(start + step, w.output[0])) for start in range(0, w.output[0], step)]
    return [Piece(slice(n, n + 1), *band) for n in range(count) for band in bands]


def for_each(work, items, like):
    """[work(*item) for item in items], shared by the cores' threads; `like` is an array that says where the work is done."""
    results = [None] * len(items)

    def one(i):
        results[i] = work(*items[i])

    in_threads(one, len(items), workers() if get_array_module(like) is np else 1)
    return results


def by_images(pieces):
    """The Pieces of an image together: as many tuples of one Piece, or one with the bands of an image."""
    return [tuple(bands) for _, bands in itertools.groupby(pieces, key=lambda piece: piece.images.start)]


def _band(w, start, stop):
    """The windows from start to stop along the first axis: what they read, which they are, and their own Window."""
    n, begin = w.input[0], start * w.stride[0] - w.padding[0][0]
    length = (stop - start - 1) * w.stride[0] + w.spans[0]
    low, high = (min(max(place, 0), n) for place in (begin, begin + length))
    padding = low - begin, begin + length - high  # one is negative if all is padding; their sum is what counts then
    return slice(low, high), slice(start, stop), w._replace(
        padding=(padding, *w.padding[1:]), input=(high - low, *w.input[1:]), output=(stop - start, *w.output[1:]))


def channels_last(x, data_format, axes):
    """x as (N, `axes` spatial axes, C), and the function that gives results like it the axes that `data_format` names."""
    x, (last, first) = as_operand(x), FORMATS[axes]
    if x.ndim != axes + 2:
        raise ValueError(f"expected {axes + 2} axes, ({', '.join(last)}) or ({', '.join(first)}), got shape "
                         f"{tuple(x.shape)}")
    if data_format in (last, "channels_last"):
        return x, lambda y: y
    if data_format in (first, "channels_first"):
        return moveaxis(x, 1, -1), lambda y: moveaxis(y, -1, 1)
    raise ValueError(f"data_format must be {last!r} ('channels_last') or {first!r} ('channels_first'), got {data_format!r}")


def _times(lengths):
    return " x ".join(map(str, lengths))
