"""mg.random: random numbers that can be differentiated by the parameters of their distribution.

Reparametrised: noise e of a fixed distribution is drawn first, and the number is a function of it and of the parameters,
z = loc + scale * e. For a fixed e the gradient reaches the parameters by the chain rule, and its mean over many draws is
the gradient of the mean: d/dμ E[f(z)] = E[df(z)/dμ]. D. Kingma and M. Welling, "Auto-Encoding Variational Bayes" (2014),
sec. 2.4.

Names and arguments are those of numpy.random.Generator; parameters are Tensors, arrays or numbers that broadcast with each
other and to `size` (None: their common shape). The numbers have the parameters' dtype, float32 if all of them are Python
numbers, and live where the parameters do. All come from minigrad's generator: `mg.seed` repeats them.
"""

import numpy as np

from minigrad import random
from minigrad.backend import get_array_module
from minigrad.functions.activations import softmax
from minigrad.functions.exponential import exp
from minigrad.functions.shapes import as_operand, normalize_axis
from minigrad.tensor import Tensor, get_default_dtype

__all__ = "exponential gumbel integers laplace logistic lognormal normal permutation standard_normal uniform".split()


def normal(loc=0.0, scale=1.0, size=None):
    """z = loc + scale * e, e ~ N(0, 1)          dloc = dz,   dscale = dz * e"""
    return loc + scale * _noise(lambda g, n: g.standard_normal(n), size, loc, scale=scale)


def uniform(low=0.0, high=1.0, size=None):
    """z = low + (high - low) * u, u ~ U[0, 1)          dlow = dz * (1 - u),   dhigh = dz * u"""
    return low + (high - low) * _noise(lambda g, n: g.random(n), size, low, high)


def exponential(scale=1.0, size=None):
    """z = scale * e, e ~ Exp(1)          dscale = dz * e"""
    return scale * _noise(_exponential, size, scale=scale)


def gumbel(loc=0.0, scale=1.0, size=None):
    """z = loc + scale * g, g = -log e, e ~ Exp(1)          dloc = dz,   dscale = dz * g"""
    return loc + scale * _noise(_gumbel, size, loc, scale=scale)


def laplace(loc=0.0, scale=1.0, size=None):
    """z = loc + scale * l, l the difference of two numbers ~ Exp(1)          dloc = dz,   dscale = dz * l"""
    return loc + scale * _noise(lambda g, n: _exponential(g, n) - _exponential(g, n), size, loc, scale=scale)


def logistic(loc=0.0, scale=1.0, size=None):
    """z = loc + scale * l, l the difference of two numbers ~ Gumbel(0, 1)          dloc = dz,   dscale = dz * l"""
    return loc + scale * _noise(lambda g, n: _gumbel(g, n) - _gumbel(g, n), size, loc, scale=scale)


def lognormal(mean=0.0, sigma=1.0, size=None):
    """z = exp(mean + sigma * e), e ~ N(0, 1)          dmean = dz * z,   dsigma = dz * z * e"""
    return exp(normal(mean, sigma, size))


def gumbel_softmax(logits, tau=1.0, hard=False, axis=-1):
    """y = softmax((logits + g) / tau), g ~ Gumbel(0, 1)          dlogits through softmax

    A sample of a category that can be differentiated: argmax(logits + g) is distributed as softmax(logits), and softmax
    with a small tau is close to that argmax. With `hard` the value is the argmax itself as zeros and a one, and the gradient
    still that of the softmax (straight through; the value is exact to rounding).
    E. Jang, S. Gu and B. Poole, "Categorical reparameterization with Gumbel-softmax" (2017).
    """
    logits = as_operand(logits)
    if not tau > 0:
        raise ValueError(f"gumbel_softmax: tau must be > 0, got {tau}")
    y = softmax(gumbel(logits) / tau, axis)
    if not hard:
        return y
    xp, axis = get_array_module(y.data), normalize_axis(axis, y.ndim)
    places = xp.arange(y.shape[axis]).reshape((-1,) + (1,) * (y.ndim - 1 - axis))
    best = xp.expand_dims(xp.asarray(y.data.argmax(axis)), axis)
    return y + ((places == best).astype(y.dtype) - y.data)


# ---- without parameters

def standard_normal(size=None):
    """Numbers ~ N(0, 1) of the default dtype: a Tensor."""
    return normal(size=() if size is None else size)


def integers(low, high=None, size=None):
    """Integers in [low, high), or in [0, low): a plain array on the host."""
    return random.generator().integers(low, high, size)


def permutation(x):
    """The integers below x, or the rows of the array x, in random order: a plain array on the host."""
    return random.generator().permutation(x)


# ---- drawing

def _exponential(g, n):
    return g.standard_exponential(n)


def _gumbel(g, n):
    e = g.standard_exponential(n)
    return -get_array_module(e).log(e)


def _noise(draw, size, *parameters, scale=1.0):
    """draw(generator, shape) as a Tensor of the parameters' dtype and device, of the shape `size`, or that in which they
    broadcast. Drawn in float64, so that a seed gives the same numbers, but for rounding, in every dtype."""
    arrays = [x.data if isinstance(x, Tensor) else x for x in (*parameters, scale)]
    xp = get_array_module(*arrays)
    typed = [x.dtype for x in arrays if hasattr(x, "dtype")]
    dtype = np.result_type(*typed) if typed else get_default_dtype()
    if dtype.kind == "c":
        raise TypeError(f"random numbers: the parameters must be real, got {dtype}")
    if xp is np and np.any(np.less(arrays[-1], 0)):  # on a GPU, to ask is to wait for it
        raise ValueError("random numbers: the scale (sigma) must be >= 0")
    shape = np.broadcast_shapes(*(np.shape(x) if isinstance(x, (list, tuple)) else getattr(x, "shape", ()) for x in arrays))
    if size is not None:
        size = tuple(size) if isinstance(size, (tuple, list)) else (size,)
        if len(shape) > len(size) or any(n not in (1, m) for n, m in zip(shape[::-1], size[::-1])):
            raise ValueError(f"random numbers: parameters of shape {shape} do not broadcast to size {size}")
        shape = size
    return Tensor.wrap(xp.asarray(draw(random.generator(xp), shape), dtype=dtype if dtype.kind == "f" else float))
