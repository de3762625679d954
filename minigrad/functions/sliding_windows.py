"""All windows of an array as one array, as numpy.lib.stride_tricks.sliding_window_view, and the way back."""

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.shapes import as_operand, normalize_axis
from minigrad.functions.windows import per_axis


class SlidingWindow(Function):
    """y = sliding_window(x)          dx = window_sum(dy)

    y[.., i, .., j] = x[.., i + j, ..] for one axis, j < size: a view, whose numbers share their memory.
    """

    reads = {}
    is_view = True

    def forward(self, x, size, axis):
        self.axis = axis
        return get_array_module(x).lib.stride_tricks.sliding_window_view(x, size, axis)

    def backward(self, dy):
        return WindowSum.apply(dy, axis=self.axis)


class WindowSum(Function):
    """x = window_sum(y)          dy = sliding_window(dx)

    x[.., p, ..] = Σ_i,j: i + j = p  y[.., i, .., j]: every number returns to the place that it was read from.
    """

    reads = {}

    def forward(self, y, axis):
        self.axis, self.size = axis, y.shape[-1]
        windows = y.shape[axis]
        x = get_array_module(y).zeros((*y.shape[:axis], windows + self.size - 1, *y.shape[axis + 1:-1]), y.dtype)
        for j in range(self.size):
            x[(slice(None),) * axis + (slice(j, j + windows),)] += y[..., j]
        return x

    def backward(self, dx):
        return SlidingWindow.apply(dx, size=self.size, axis=self.axis)


def sliding_window_view(x, window_shape, axis=None):
    """Every window of `window_shape` in x, as numpy.lib.stride_tricks.sliding_window_view: a view, of a new axis for each
    axis of the window. dx = dy, added up over all windows that read a number.

    axis  the axes that the window slides along, one for each of its lengths (None: all axes of x)
    Raises ValueError for a window that is larger than x.
    """
    x = as_operand(x)
    lengths = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    if len(lengths) != len(axes):
        raise ValueError(f"sliding_window_view: window_shape must have a length for each of {len(axes)} axes, got "
                         f"{window_shape!r}")
    axes = [normalize_axis(a, x.ndim) for a in axes]
    for size, a in zip(per_axis(lengths, len(lengths), "window_shape"), axes):  # the new axes come last: a stays where it is
        x = SlidingWindow.apply(x, size=int(size), axis=a)
    return x
