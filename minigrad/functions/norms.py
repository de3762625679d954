"""Norms of vectors and of matrices."""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import absolute, where
from minigrad.functions.decompositions import svdvals
from minigrad.functions.reductions import axes_of, kept_shape, max, min, sum
from minigrad.functions.shapes import as_operand, expand_dims, moveaxis, reshape, with_axes


class Norm(Function):
    """y = (Σ |x|ᵖ)^(1/p)          dx = dy * sign(x) (|x| / y)ᵖ⁻¹

    dy/dx = 1/p (Σ |x|ᵖ)^(1/p - 1) * p |x|ᵖ⁻¹ sign(x), and (Σ |x|ᵖ)^(1/p - 1) = y¹⁻ᵖ; for p = 2 that is x / y. At an x of 0
    the slope is taken to be 0, also where all are 0 (the tip of a cone for p = 2, which has no slope).
    """

    reads = {"dx": "x output"}

    def forward(self, x, p, axis=None, keepdims=False):
        self.p, self.kept_shape = p, kept_shape(x.shape, axis)
        if p == 2:
            return get_array_module(x).sqrt((x * x).sum(axis=axis, keepdims=keepdims))
        return (abs(x) ** p).sum(axis=axis, keepdims=keepdims) ** (1 / p)

    def backward(self, dy):
        x, = self.inputs
        y = reshape(self.output, self.kept_shape)
        u = x / where(y == 0, 1.0, y)
        if self.p != 2:
            u = get_array_module(x.data).sign(x.data) * where(x == 0, 1.0, absolute(u)) ** (self.p - 1)
        return reshape(dy, self.kept_shape) * u


def vector_norm(x, ord=2, axis=None, keepdims=False):
    """y = (Σ |x|ᵖ)^(1/p) over the axes, with p = ord          dx = dy * sign(x) (|x| / y)ᵖ⁻¹

    ord may be any number but 0; 1 is the sum of |x|, inf the largest |x| and -inf the smallest, whose first place wins a
    tie. At x = 0 the slope is taken to be 0. All of x is one vector if axis is None, as in numpy.linalg.vector_norm.
    """
    x = as_operand(x)
    x = absolute(x) if x.dtype.kind == "c" else x
    axes = axes_of(axis, x.ndim) if axis is not None else None
    p = float(ord)
    if p == 0:
        raise ValueError("norm: ord=0 counts the numbers that are not 0, which has no gradient: use (x.data != 0).sum()")
    if math.isinf(p):
        return (max if p > 0 else min)(absolute(x), axes, keepdims=keepdims)
    return sum(absolute(x), axes, keepdims=keepdims) if p == 1 else Norm.apply(x, p=p, axis=axes, keepdims=keepdims)


def matrix_norm(x, keepdims=False, ord="fro"):
    """The norm of the matrices in the last two axes, as numpy.linalg.matrix_norm          dx as of what it is made of

    ord  "fro"    the root of the sum of squares; at a matrix of zeros its slope is taken to be 0
         "nuc"    the sum of the singular values
         2, -2    the largest and the smallest singular value
         1, -1    the largest and the smallest sum of |x| down a column
         inf, -inf  the same along a row
    At a tie the first singular value, column or row wins and gets all of the gradient.
    Raises ValueError for another ord, and for fewer than two axes.
    """
    x = with_axes("matrix_norm", x, 2)
    if ord == "fro":
        return vector_norm(x, 2, (-2, -1), keepdims)
    if ord in ("nuc", 2, -2):
        y = {"nuc": sum, 2: max, -2: min}[ord](svdvals(x), -1)
    elif ord in (1, -1, math.inf, -math.inf):
        y = (max if ord > 0 else min)(sum(absolute(x), -2 if abs(ord) == 1 else -1), -1)
    else:
        raise ValueError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    return expand_dims(y, (-2, -1)) if keepdims else y


def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors or of matrices, as numpy.linalg.norm          dx as in vector_norm, matrix_norm

    With ord=None it is the root of the sum of squares over the axes, or over all of x. Otherwise one axis is that of
    vectors and two are those of matrices (row, column); without `axis`, x itself is the vector or the matrix.
    """
    x = as_operand(x)
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if ord is None:
        return vector_norm(x, 2, axis, keepdims)
    if len(axes) == 2:
        y = matrix_norm(moveaxis(x, axes, (-2, -1)), ord=ord)
        return reshape(y, kept_shape(x.shape, axes)) if keepdims else y
    if len(axes) != 1 or isinstance(ord, str):
        raise ValueError(f"norm: ord={ord!r} over {len(axes)} axes is not defined: give one axis for vectors (and a number "
                         "as ord), two for matrices, or call vector_norm for all the numbers as one vector")
    return vector_norm(x, ord, axes, keepdims)
