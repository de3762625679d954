"""Numbers between two ends, which may be Tensors: compositions under NumPy's names."""

import numpy as np

from minigrad.backend import get_array_module
from minigrad.functions.arithmetic import divide, power, subtract
from minigrad.functions.joining import broadcast_arrays
from minigrad.functions.rounding import floor
from minigrad.functions.shapes import astype, expand_dims, moveaxis


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """y_i = (1 - t_i) start + t_i stop, t_i = i / (num - 1)          dstart = Σ (1 - t_i) dy_i,   dstop = Σ t_i dy_i

    endpoint  False: t_i = i / num, so that stop is not reached
    retstep   give (y, step) instead
    axis      where start and stop are arrays, which broadcast: the axis of the num results for each pair
    Raises ValueError for a negative num.
    """
    step = subtract(stop, start)
    t = _places("linspace", step, num, endpoint)
    y = _as(moveaxis((1 - t) * start + t * stop, 0, axis), dtype)
    steps = num - 1 if endpoint else num
    return (y, step / steps if steps else step * np.nan) if retstep else y


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """y_i = base^x_i, x = linspace(start, stop, ...)          the derivatives of power and linspace

    base may be an array that broadcasts with the ends.
    """
    if getattr(base, "ndim", np.ndim(base)):
        start, stop, base = broadcast_arrays(start, stop, base)
        base = expand_dims(base, axis)
    return _as(power(base, linspace(start, stop, num, endpoint, axis=axis)), dtype)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """y_i = start (stop / start)^t_i, the t_i of linspace          each y_i is the one before times the same number

    start and stop must have the same sign and not be 0: elsewhere the results are nan or 0.
    """
    ratio = divide(stop, start)
    y = start * power(ratio, _places("geomspace", ratio, num, endpoint))
    return _as(moveaxis(y, 0, axis), dtype)


def _places(name, x, num, endpoint):
    """t_i, along a first axis in front of those of x."""
    if num < 0:
        raise ValueError(f"{name}: num must not be negative, got {num}")
    t = get_array_module(x.data).arange(num) / max(num - 1 if endpoint else num, 1)
    return t.reshape(-1, *(1,) * x.ndim).astype(x.dtype if x.dtype.kind in "fc" else float)


def _as(y, dtype):
    if dtype is None:
        return y
    return astype(floor(y) if np.dtype(dtype).kind in "iu" else y, dtype)
