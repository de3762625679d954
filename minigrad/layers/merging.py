"""Layers that make one output of several inputs: `Add()([a, b])`. All inputs broadcast with each other."""

import functools

from minigrad import functions as F
from minigrad.layers.layer import Layer


class _Merging(Layer):
    takes_several = True

    def call(self, inputs):
        if not isinstance(inputs, list) or len(inputs) < 2:
            raise ValueError("expected a list of two inputs or more")
        return self._merged(inputs)

    def _merged(self, inputs):
        return functools.reduce(self.function, inputs)


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
