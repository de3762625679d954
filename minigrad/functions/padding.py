"""Borders around an array: of a constant, or of the array's own numbers once more."""

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.indexing import getitem
from minigrad.functions.order import take
from minigrad.functions.shapes import as_operand, concatenate

PLACES = {  # the place among n numbers that stands for place i, however far outside
    "edge": lambda xp, i, n: xp.clip(i, 0, n - 1),
    "wrap": lambda xp, i, n: i % n,
    "symmetric": lambda xp, i, n: xp.minimum(i % (2 * n), 2 * n - 1 - i % (2 * n)),
    "reflect": lambda xp, i, n: xp.minimum(i % max(2 * n - 2, 1), 2 * n - 2 - i % max(2 * n - 2, 1)),
}


class Pad(Function):
    """y = pad(x)          dx = the inner part of dy

    The border is a constant, so its gradient goes nowhere.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, widths, value):
        self.inner = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape))
        return get_array_module(x).pad(x, widths, constant_values=value)

    def backward(self, dy):
        return getitem(dy, self.inner)


def pad(x, pad_width, mode="constant", constant_values=0, reflect_type="even"):
    """x with a border along each axis, as numpy.pad          dx = the inner part of dy, and what the border gives back

    pad_width        n, (before, after), or such a pair for each axis
    mode             "constant": the border is of `constant_values`, numbers given like the widths;
                     "edge": of the last number, a a a [a b c] c c c;     "wrap": from the other end, a b c [a b c] a b c;
                     "symmetric": mirrored, c b a [a b c] c b a;          "reflect": mirrored, c b [a b c] b a, the outermost
                     number not repeated. The border may be wider than x.
    reflect_type     "even"; "odd" is not done here

    A constant's gradient goes nowhere; where the border repeats a number of x, its gradient is added to that number's.
    Raises NotImplementedError for the other modes of NumPy, ValueError for a border of an empty axis' numbers and for
    widths that do not fit, TypeError for widths that are no integers.
    """
    x = as_operand(x)
    if mode != "constant" and mode not in PLACES:
        raise NotImplementedError(f"pad: mode {mode!r} is not done here, only 'constant', {', '.join(map(repr, PLACES))}")
    if reflect_type != "even":
        raise NotImplementedError(f"pad: reflect_type {reflect_type!r} is not done here, only 'even'")
    widths = np.asarray(pad_width)
    if widths.dtype.kind not in "iu":
        raise TypeError(f"pad: pad_width must be of integers, got {pad_width!r}")
    if widths.shape not in ((), (1,), (2,), (1, 2), (x.ndim, 1), (x.ndim, 2)):
        raise ValueError(f"pad: pad_width must be n, (before, after) or such a pair for each of the {x.ndim} axes of x, got "
                         f"{pad_width!r}")
    widths = np.broadcast_to(widths.astype(int), (x.ndim, 2)).tolist()
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: pad_width must not be negative, got {pad_width!r}")
    if x.ndim == 0:
        return x  # no axis, no border
    if mode == "constant":
        return Pad.apply(x, widths=widths, value=constant_values)
    if not isinstance(constant_values, int) or constant_values:
        raise ValueError(f"pad: constant_values are for mode='constant', got mode={mode!r}")
    for axis, (before, after) in enumerate(widths):
        x = _repeated(x, before, after, axis, mode) if before or after else x
    return x


def _repeated(x, before, after, axis, mode):
    n = x.shape[axis]
    if n == 0:
        raise ValueError(f"pad: mode {mode!r} finds no number along axis {axis} of shape {tuple(x.shape)}")
    xp = get_array_module(getattr(x, "_data", x))
    first, last = (PLACES[mode](xp, xp.arange(*ends), n) for ends in ((-before, 0), (n, n + after)))
    return concatenate([take(x, first, axis), x, take(x, last, axis)], axis)
