"""What has no gradient under NumPy's names: mg.argmax(x), mg.equal(x, y), mg.isnan(x) ... give plain arrays.

The library of x's own array computes it. Comparisons, logic, bits, tests of numbers, and whatever gives indices
or counts.
"""

from minigrad.backend import get_array_module
from minigrad.tensor import Tensor

__all__ = ("equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logical_not isnan "
           "isinf isfinite signbit isclose allclose array_equal argmax argmin argsort count_nonzero nonzero flatnonzero "
           "argwhere searchsorted any all nanargmax nanargmin argpartition digitize isin bitwise_and bitwise_or bitwise_xor "
           "bitwise_invert bitwise_left_shift bitwise_right_shift").split()

OLDER = {"bitwise_invert": "invert", "bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift"}


def _function(name):
    def function(*arguments, **keywords):
        arguments = [x.data if isinstance(x, Tensor) else x for x in arguments]
        keywords = {key: x.data if isinstance(x, Tensor) else x for key, x in keywords.items()}
        return getattr(get_array_module(*arguments), OLDER.get(name, name))(*arguments, **keywords)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"numpy.{name} of the arrays of Tensors: a plain result, without a gradient."
    return function


globals().update({name: _function(name) for name in __all__})
