"""Layers that make one output of several inputs: `Add()([a, b])`. All inputs broadcast with each other."""

import functools
import operator
import string

from minigrad import functions as F
from minigrad.backend import get_array_module
from minigrad.layers.layer import Layer
from minigrad.tensor import as_array


class _Merging(Layer):
    takes_several = supports_masking = True

    def call(self, inputs):
        if not isinstance(inputs, list) or len(inputs) < 2:
            raise ValueError("expected a list of two inputs or more")
        return self._merged(inputs)

    def _merged(self, inputs):
        return functools.reduce(self.function, inputs)

    def compute_mask(self, inputs, mask):
        """True where one of the masks is; none, if an input has none."""
        if mask is None or any(m is None for m in mask):
            return None
        return functools.reduce(operator.or_, map(as_array, mask))


class Add(_Merging):
    """y = a + b + ..."""

    function = staticmethod(F.add)


class Subtract(_Merging):
    """y = a - b, of two inputs"""

    def _merged(self, inputs):
        if len(inputs) != 2:
            raise ValueError(f"expected a list of two inputs, got {len(inputs)}")
        return F.subtract(*inputs)


class Multiply(_Merging):
    """y = a * b * ..."""

    function = staticmethod(F.multiply)


class Average(_Merging):
    """y = (a + b + ...) / how many"""

    def _merged(self, inputs):
        return functools.reduce(F.add, inputs) / len(inputs)


class Maximum(_Merging):
    """y = the larger of a, b, ..., place by place"""

    function = staticmethod(F.maximum)


class Minimum(_Merging):
    """y = the smaller of a, b, ..., place by place"""

    function = staticmethod(F.minimum)


class Concatenate(_Merging):
    """y = the inputs one after the other along `axis`"""

    def __init__(self, axis=-1, **options):
        self.axis = axis
        super().__init__(**options)

    def _merged(self, inputs):
        return F.concatenate(inputs, self.axis)

    def compute_mask(self, inputs, mask):
        """Along the times, axis 1 of three or more, the masks one after the other; else True where one of them is. An input
        without a mask counts as one that is True everywhere."""
        if mask is None:
            return None
        xp = get_array_module(as_array(next(m for m in mask if m is not None)))
        masks = [xp.ones(x.shape[:2], bool) if m is None else as_array(m) for x, m in zip(inputs, mask)]
        along_times = self.axis % inputs[0].ndim == 1 and inputs[0].ndim > 2
        return xp.concatenate(masks, axis=1) if along_times else functools.reduce(operator.or_, masks)


class Dot(_Merging):
    """y = the sums of products along an axis of a and one of b, example by example: a matrix product for each

    axes: the axis of both, or a pair; the other axes of a come first, then those of b; (N, 1) of two vectors each.
    normalize: both divided by their length along that axis before, which gives the cosine of the angle.
    """

    def __init__(self, axes, normalize=False, **options):
        pair = isinstance(axes, (list, tuple))
        if not (pair and len(axes) == 2 or not pair) or not all(isinstance(a, int) for a in (axes if pair else (axes,))):
            raise ValueError(f"Dot: axes must be an integer or a pair of them, got {axes!r}")
        self.axes, self.normalize = tuple(axes) if pair else axes, normalize
        super().__init__(**options)

    def _merged(self, inputs):
        if len(inputs) != 2:
            raise ValueError(f"expected a list of two inputs, got {len(inputs)}")
        axes = self.axes if isinstance(self.axes, tuple) else (self.axes,) * 2
        if any(not -x.ndim <= a < x.ndim or a % x.ndim == 0 for a, x in zip(axes, inputs)):
            raise ValueError(f"axes={self.axes!r} must be axes after the batch of {[tuple(x.shape) for x in inputs]}")
        axes = [a % x.ndim for a, x in zip(axes, inputs)]
        lengths = [x.shape[a] for a, x in zip(axes, inputs)]
        if lengths[0] != lengths[1]:
            raise ValueError(f"the axes {tuple(axes)} have different lengths, {lengths[0]} and {lengths[1]}, in inputs of "
                             f"shapes {tuple(inputs[0].shape)} and {tuple(inputs[1].shape)}")
        if self.normalize:
            inputs = [x / F.maximum(F.vector_norm(x, axis=a, keepdims=True), 1e-12) for a, x in zip(axes, inputs)]
        letters, names = iter(string.ascii_lowercase[2:]), []      # a the batch, b the axis that is summed over
        for a, x in zip(axes, inputs):
            names.append("".join("a" if i == 0 else "b" if i == a else next(letters) for i in range(x.ndim)))
        y = F.einsum(f"{names[0]},{names[1]}->a{''.join(n.strip('a').replace('b', '') for n in names)}", *inputs)
        return F.expand_dims(y, 1) if y.ndim == 1 else y

    def compute_mask(self, inputs, mask):
        """None: the axes are others."""


def _at_once(cls):
    def merge(inputs, *arguments, **options):
        return cls(*arguments, **options)(inputs)

    merge.__name__ = merge.__qualname__ = cls.__name__.lower()
    merge.__doc__ = f"{cls.__name__}(...)(inputs): the layer made and called, of the same arguments."
    return merge


add, average, concatenate, dot, maximum, minimum, multiply, subtract = map(
    _at_once, (Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract))
