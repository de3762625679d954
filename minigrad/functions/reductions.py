"""Sums, means, extremes over axes. `axis` is None (all), a number or a tuple; `keepdims` keeps length-1 axes.

The arguments have NumPy's names and order; `out` is refused.

Backward puts the axes back with length 1 and lets broadcasting do the rest: each element of a sum gets the sum's gradient.
"""

import math

import numpy as np

from minigrad.backend import beside, get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import where as select
from minigrad.functions.exponential import exp, log, sqrt
from minigrad.functions.indexing import take_along_axis
from minigrad.functions.shapes import as_operand, astype, broadcast_to, concatenate, moveaxis, normalize_axis, reshape
from minigrad.tensor import Tensor


class Sum(Function):
    """y = sum(x)          dx = dy for each x

    The first axes (a bias' gradient, say) are summed in two steps, the last of them at the end: so the first step adds long
    rows to each other, not only the few numbers of the axes that stay.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, axis=None, keepdims=False):
        self.old_shape, self.kept_shape = x.shape, kept_shape(x.shape, axis)
        if isinstance(axis, tuple) and 1 < len(axis) < x.ndim and axis == tuple(range(len(axis))):
            x, axis = x.sum(axis=axis[:-1], keepdims=keepdims), axis[-1] if keepdims else 0
        return x.sum(axis=axis, keepdims=keepdims)

    def backward(self, dy):
        return broadcast_to(reshape(dy, self.kept_shape), self.old_shape)


class Mean(Function):
    """y = mean(x)          dx = dy / n for each of the n numbers that were averaged"""

    reads = {}
    takes_complex = True

    def forward(self, x, axis=None, keepdims=False):
        self.old_shape, self.kept_shape = x.shape, kept_shape(x.shape, axis)
        return x.mean(axis=axis, keepdims=keepdims)

    def backward(self, dy):
        n = math.prod(self.old_shape) // (math.prod(self.kept_shape) or 1)
        return broadcast_to(reshape(dy / n, self.kept_shape), self.old_shape)


class Var(Function):
    """y = var(x)          dx = dy * 2 (x - μ) / (n - ddof)

    y = 1/(n - ddof) Σ (xᵢ - μ)² with μ = mean(x). The path through μ adds nothing: dy/dμ = -2/(n - ddof) Σ (xᵢ - μ) = 0.
    """

    reads = {"dx": "x"}

    def forward(self, x, axis=None, ddof=0, keepdims=False):
        self.axis, self.kept_shape = axis, kept_shape(x.shape, axis)
        self.count = x.size // (math.prod(self.kept_shape) or 1) - ddof
        return x.var(axis=axis, ddof=ddof, keepdims=keepdims)

    def backward(self, dy):
        x, = self.inputs
        return reshape(dy * 2 / self.count, self.kept_shape) * (x - mean(x, self.axis, keepdims=True))


class LogSumExp(Function):
    """y = logsumexp(x)          dx = dy * exp(x - y)

    y = log Σ exp(xᵢ) = m + log Σ exp(xᵢ - m) for any m; with m = max(x) nothing overflows. dy/dxᵢ = exp(xᵢ) / Σ exp(xⱼ).
    """

    reads = {"dx": "x output"}

    def forward(self, x, axis=None, keepdims=False):
        self.kept_shape = kept_shape(x.shape, axis)
        xp = get_array_module(x)
        m = x.max(axis=axis, keepdims=True) if x.size else xp.zeros(self.kept_shape, x.dtype)
        m = xp.where(xp.isfinite(m), m, 0)  # where all x are -inf: log 0 = -inf, without -inf - -inf
        with np.errstate(divide="ignore"):
            y = m + xp.log(xp.exp(x - m).sum(axis=axis, keepdims=True))
        return y if keepdims else y.squeeze(axis)

    def backward(self, dy):
        x, = self.inputs
        y = reshape(self.output, self.kept_shape)
        y = select(y == -math.inf, 0.0, y)
        return reshape(dy, self.kept_shape) * exp(x - y)


def sum(x, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    """y = initial + Σ x over the axes          dx = dy for each x

    initial  a number, where the sum starts; where  booleans that broadcast to x: which numbers count.
    """
    y = Sum.apply(counted(x, dtype, out, where, 0), axis=as_axis(axis), keepdims=keepdims)
    return y if initial is None else y + initial


def mean(x, axis=None, dtype=None, out=None, keepdims=False, where=True):
    """y = Σ x / n over the axes          dx = dy / n for each x

    where  booleans that broadcast to x: which numbers count, n is how many. The mean of none is nan, as in NumPy.
    """
    x = counted(x, dtype, out)
    if where is True:
        return Mean.apply(x, axis=as_axis(axis), keepdims=keepdims)
    wide = _wide(x)
    total = sum(wide, axis, keepdims=keepdims, where=where)
    return astype(total / _count(where, wide, axis, keepdims), x.dtype if x.dtype.kind in "fc" else total.dtype, copy=False)


def var(x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=True, correction=None):
    """y = Σ (x - mean)² / (n - ddof) over the axes          dx = dy * 2 (x - mean) / (n - ddof)

    ddof        degrees of freedom that the mean took; correction, the array API's word for it, may be given instead
    where       booleans that broadcast to x: which numbers count, n is how many. With none, or n <= ddof, y is nan or inf.
    """
    ddof = ddof if correction is None else _correction(ddof, correction)
    x = counted(x, dtype, out)
    if where is True:
        return Var.apply(x, axis=as_axis(axis), ddof=ddof, keepdims=keepdims)
    wide = counted(_wide(x), where=where, neutral=0)
    deviation = counted(wide - mean(wide, axis, keepdims=True, where=where), where=where, neutral=0)
    n = _count(where, deviation, axis, keepdims) - ddof
    y = sum(deviation * deviation, axis, keepdims=keepdims) / n.clip(0, None)
    return astype(y, x.dtype if x.dtype.kind == "f" else y.dtype, copy=False)


def std(x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=True, correction=None):
    """y = sqrt(var(x))          dx = dy * (x - mean) / (y (n - ddof)); 0 where all x are equal

    There y is the tip of a cone, which has no slope: 0 is the choice of `norm` too, and keeps a constant feature from
    spoiling everything with nan. The arguments are those of `var`.
    """
    v = var(x, axis, dtype, out, ddof, keepdims, where, correction)
    constant = v.data == 0
    return select(constant, 0.0, sqrt(select(constant, 1.0, v)))


def max(x, axis=None, out=None, keepdims=False, initial=None, where=True):
    """The largest over the axes          dx = dy at the largest, 0 elsewhere

    At a tie the first one in memory order wins, and gets all of the gradient. A nan is the largest, as in NumPy.

    initial  a number that takes part, behind all x: the largest of none. It is needed with `where`.
    where    booleans that broadcast to x: which numbers take part
    """
    return _extreme(x, axis, out, keepdims, initial, where, "argmax", -math.inf)


def min(x, axis=None, out=None, keepdims=False, initial=None, where=True):
    """The smallest over the axes          dx = dy at the smallest, 0 elsewhere

    At a tie the first one in memory order wins, and gets all of the gradient. A nan is the smallest, as in NumPy.

    initial  a number that takes part, behind all x: the smallest of none. It is needed with `where`.
    where    booleans that broadcast to x: which numbers take part
    """
    return _extreme(x, axis, out, keepdims, initial, where, "argmin", math.inf)


def _extreme(x, axis, out, keepdims, initial, where, arg, last):
    """An extreme is an element: find its index (no gradient flows through that) and take it.

    A number that `where` leaves out becomes `last`, the infinity that every other number beats; `initial` is one more.
    """
    x = as_operand(x)
    if where is not True and initial is None:
        raise ValueError(f"{arg[3:]}: with where= there may be no number left, so give initial=, the result then")
    x = counted(x, None, out, where, last if x.dtype.kind == "f" else initial)
    flat, kept, rest = flattened(x, axis)
    xp = get_array_module(flat.data)
    if initial is not None:
        flat = concatenate([flat, xp.full((*rest, 1), initial, flat.dtype)], -1)
    index = getattr(flat.data, arg)(axis=-1)
    if where is not True:  # what is left out may equal the extreme, but must not win
        best = xp.take_along_axis(flat.data, xp.asarray(index)[..., None], -1)
        counts = concatenate([flattened(mask_of(where, x), axis)[0].data, xp.ones((*rest, 1), bool)], -1).data
        index = (counts & ((flat.data == best) | (best != best) & (flat.data != flat.data))).argmax(axis=-1)
    y = take_along_axis(flat, xp.asarray(index)[..., None], -1)
    return reshape(y, kept if keepdims else rest)


def logsumexp(x, axis=None, keepdims=False, b=None):
    """y = log Σ b exp(x) over the axes, without overflow          dx = dy * b exp(x - y)

    b  positive weights that broadcast to x; 1 if not given
    """
    return LogSumExp.apply(x if b is None else x + log(b), axis=as_axis(axis), keepdims=keepdims)


# ---- the axes of a reduction, and the numbers that count

def kept_shape(shape, axis):
    """The shape of a reduction over `axis` with keepdims."""
    axes = axes_of(axis, len(shape))
    return tuple(1 if a in axes else n for a, n in enumerate(shape))


def as_axis(axis):
    """`axis` as the reductions of array libraries take it: a list of axes becomes a tuple."""
    return tuple(axis) if isinstance(axis, list) else axis


def axes_of(axis, ndim):
    """The axes as a tuple of numbers from the front, in memory order; 0 and -1 are axes of a 0-d array too, as in NumPy."""
    axes = range(ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted(normalize_axis(a, ndim or 1) for a in axes))


def flattened(x, axis):
    """x with the axes of a reduction made one, the last; the result's shape with keepdims, and without."""
    axes = axes_of(axis, x.ndim)
    rest = tuple(n for a, n in enumerate(x.shape) if a not in axes)
    last = moveaxis(x, axes, tuple(range(-len(axes), 0))) if x.ndim else x
    return reshape(last, (*rest, math.prod(x.shape[a] for a in axes) if x.ndim else 1)), kept_shape(x.shape, axes), rest


def counted(x, dtype=None, out=None, where=True, neutral=None):
    """x as a reduction counts it: of that dtype, and `neutral` at the places that `where` leaves out.

    So these get no gradient, and whatever is there, nan too, does no harm.
    """
    if out is not None:
        raise TypeError("a reduction of Tensors takes no out=: a result written into an array has no history; use the "
                        "Tensor that it returns")
    if isinstance(dtype, bool):
        raise TypeError(f"a reduction's third argument is NumPy's dtype, got {dtype}: write keepdims={dtype}")
    if dtype is not None:
        x = astype(as_operand(x), dtype, copy=False)
    elif where is not True or not hasattr(x, "dtype"):
        x = as_operand(x)
    return x if where is True else select(mask_of(where, x), x, neutral)


def mask_of(where, x):
    """The booleans `where` of a reduction of x, as an array of the shape of x."""
    xp, mask = get_array_module(x.data if isinstance(x, Tensor) else x), where.data if isinstance(where, Tensor) else where
    mask = beside(mask if hasattr(mask, "dtype") else np.asarray(mask), x)
    if mask.dtype != bool:
        raise TypeError(f"where= must be booleans, got {mask.dtype}: compare, as in where=w > 0")
    if np.broadcast_shapes(mask.shape, x.shape) != tuple(x.shape):
        raise ValueError(f"where= of shape {tuple(mask.shape)} does not broadcast to the shape {tuple(x.shape)} of x")
    return xp.broadcast_to(mask, x.shape)


def _count(where, x, axis, keepdims):
    """How many numbers count in each result, as an array of x's dtype."""
    xp = get_array_module(x.data)
    return xp.asarray(mask_of(where, x).sum(axis=as_axis(axis), keepdims=keepdims)).astype(x.data.real.dtype)


def _wide(x):
    """x with room for sums: integers become float64, and float16, which ends at 65504, float32, as NumPy's means do."""
    return astype(x, float) if x.dtype.kind in "biu" else astype(x, np.float32) if x.dtype == np.float16 else x


def _correction(ddof, correction):
    if ddof:
        raise ValueError(f"ddof={ddof} and correction={correction} are two words for one number: give one of them")
    return correction
