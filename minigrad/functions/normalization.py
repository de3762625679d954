"""Normalisation: layer, batch, group, instance and RMS norm are one formula over different axes.

x̂ = (x - μ) / σ over some axes, then an affine map y = γ x̂ + β. Which axes share a μ and a σ is all that tells them apart:

    layer norm      the features, for each row             x (..., D): axis -1
    batch norm      the whole batch, for each channel      x (N, H, W, C): axes 0, 1, 2
    group norm      a group of channels, for each image    x (N, H, W, G, C/G): axes 1, 2, 4
    instance norm   the places, for each image, channel    x (N, H, W, C): axes 1, 2
    RMS norm        as layer norm, but with μ = 0

Variances are taken of the numbers less their mean (two passes): E[x²] - E[x]² loses all digits of numbers far from 0.
"""

import functools
import math

import numpy as np

from minigrad.backend import get_array_module, is_array
from minigrad.blocks import in_blocks
from minigrad.function import Function
from minigrad.functions.arithmetic import multiply
from minigrad.functions.exponential import sqrt
from minigrad.functions.reductions import mean, var
from minigrad.functions.shapes import as_operand, astype, normalize_axis, reshape
from minigrad.tensor import Tensor, as_array

ROW = 256  # numbers: rows of so many are as fast as longer ones
FEW = 8    # times fewer: then they cost little

class Normalize(Function):
    """y = x̂ * gamma + beta          dx = J (dy γ),   dgamma = dy x̂,   dbeta = dy

    x̂ = (x - μ) / σ, with μ = mean(x) and σ² = mean((x - μ)²) + eps over `axes`, counted from the end (μ = 0 if not
    `centred`). gamma and beta broadcast against x, and their gradients are summed to their shapes.

    Among the n numbers that share a μ and a σ, x̂ᵢ depends on xⱼ directly, through μ and through σ: with ∂μ/∂xⱼ = 1/n and
    ∂σ/∂xⱼ = x̂ⱼ/n (μ's own change adds nothing to σ, since Σ (xᵢ - μ) = 0),
        ∂x̂ᵢ/∂xⱼ = ([i = j] - 1/n - x̂ᵢ x̂ⱼ/n) / σ = Jᵢⱼ,
    so dx = J g = (g - mean(g) - x̂ mean(x̂ g)) / σ with g = dy γ: NormalizeGradient. (Without mean(g) if μ = 0.)
    The moments μ and σ² are kept; backward computes x̂ again, once for dx and dgamma (ScaleGradient). Of equal numbers (or
    one), x̂ is 0 and y is beta.
    Ioffe & Szegedy 2015, "Batch Normalization", sec. 3; Ba, Kiros & Hinton 2016, "Layer Normalization"; with μ = 0 Zhang &
    Sennrich 2019, "Root Mean Square Layer Normalization", eq. 4.
    """

    reads = {"dx": "x gamma", "dgamma": "x"}

    def forward(self, x, gamma, beta, axes, eps, centred=True, moments=()):
        eps = float(eps)  # one of float64 would widen float32
        dtype = get_array_module(x).result_type(np.promote_types(x.dtype, np.float16), gamma, beta)

        def rows(x, gamma, beta, *moments):
            y, *moments = standardised(x, axes, eps, centred, moments)
            y = y.astype(wide(dtype), copy=False)
            if np.ndim(gamma):  # else 1
                y *= _in_rows(gamma, y)
            if np.ndim(beta):  # else 0
                y += _in_rows(beta, y)
            return y.astype(dtype, copy=False), *moments

        y, *moments = _by_rows(rows, axes, x, gamma, beta, *moments)
        self.how = {"axes": axes, "eps": eps, "centred": centred, "moments": tuple(moments)}
        self.shape_of_gamma = np.shape(gamma)
        return y

    def backward(self, dy):
        x, gamma, _ = self.inputs
        axes, eps, centred, moments = self.how.values()

        def rows(x, *moments):
            return standardised(x, axes, eps, centred, moments)[0]

        again = functools.cache(lambda: _by_rows(rows, axes, x.data, *moments))

        def dx():
            g = astype(dy, wide(dy.dtype), copy=False) * gamma
            return astype(NormalizeGradient.apply(x, g, **self.how, normal=again()), dy.dtype, copy=False)

        return dx, lambda: ScaleGradient.apply(x, dy, **self.how, normal=again(), shape=self.shape_of_gamma), dy


class NormalizeGradient(Function):
    """y = J(x) g          dg = J dy,   dx = -(x̂ mean(y dy) + J dy mean(x̂ g) + y mean(x̂ dy)) / σ

    J g = (g - mean(g) - x̂ mean(x̂ g)) / σ, the gradient of x̂ (see Normalize), and J is symmetric.
    dx is the slope of L = dyᵀ J g = (Σ dy g - n mean(dy) mean(g) - Σ x̂ dy Σ x̂ g / n) / σ by x, with dy and g held fixed. By
    ∂σ/∂x = x̂/n, the σ gives -L x̂/(n σ), where L/n = mean(dy y); the last two sums give their own slopes by x, which are
    ∂(Σ x̂ g)/∂x = J g = y and ∂(Σ x̂ dy)/∂x = J dy.
    """

    reads = {"dg": "x", "dx": "x g output"}

    def forward(self, x, g, axes, eps, centred, moments, normal=None):
        self.how = {"axes": axes, "eps": eps, "centred": centred, "moments": moments}
        if normal is None:
            normal = standardised(x, axes, eps, centred, moments)[0]

        def rows(normal, g, variance):
            y = normal * _in_rows(_mean_of_product(normal, g, axes), g)
            if centred:
                y += _in_rows(_mean(g, axes), g)
            y = get_array_module(g).subtract(g, y, out=y)
            y /= _in_rows(get_array_module(g).sqrt(variance + eps), g)
            return y

        return _by_rows(rows, axes, normal, g, moments[1])

    def backward(self, dy):
        (x, g), axes, eps = self.inputs, self.how["axes"], self.how["eps"]
        dg = NormalizeGradient.apply(x, dy, **self.how)

        def dx():
            y, normal = self.output, Normalize.apply(x, 1.0, 0.0, **self.how)
            m = functools.partial(mean, axis=axes, keepdims=True)
            sigma = sqrt((var(x, axes, keepdims=True) if self.how["centred"] else m(x * x)) + eps)
            return -(normal * m(y * dy) + dg * m(normal * g) + y * m(normal * dy)) / sigma

        return dx, dg


class ScaleGradient(Function):
    """y = Σ x̂ g          dx = J (g dy),   dg = dy x̂

    The gradient of gamma (see Normalize), summed over the axes along which `shape`, gamma's, is 1: multiplied and added in
    one pass. J is NormalizeGradient's.
    """

    reads = {"dx": "x g", "dg": "x"}

    def forward(self, x, g, axes, eps, centred, moments, shape, normal=None):
        self.how = {"axes": axes, "eps": eps, "centred": centred, "moments": moments}
        if normal is None:
            normal = standardised(x, axes, eps, centred, moments)[0]
        lengths = (1,) * (x.ndim - len(shape)) + tuple(shape)
        y = _sum_of_product(normal, g, tuple(a for a in range(-x.ndim, 0) if lengths[a] == 1))
        return y.reshape(shape).astype(g.dtype, copy=False)

    def backward(self, dy):
        x, g = self.inputs
        return (lambda: NormalizeGradient.apply(x, g * dy, **self.how),
                lambda: dy * Normalize.apply(x, 1.0, 0.0, **self.how))


def wide(dtype):
    """The dtype to add squares in: float32 for float16, in which 256² is infinite; else dtype itself."""
    return np.promote_types(dtype, np.float32)


def standardised(x, axes, eps, centred, moments=()):
    """(x̂, μ, σ² without eps) of an array, in the wide dtype; μ and σ² (0 and mean(x²) if not centred) may be given."""
    x = x.astype(wide(x.dtype), copy=False)
    normal, mu, variance = (x - _in_rows(moments[0], x), *moments) if moments else _deviation(x, axes, centred)
    normal /= _in_rows(get_array_module(x).sqrt(variance + eps), x)
    return normal, mu, variance


def _deviation(x, axes, centred=True):
    """(x - μ, μ, σ² without eps); with μ = 0 if not centred."""
    mu = _mean(x, axes) if centred else 0.0
    deviation = x - _in_rows(mu, x)
    variance = _mean_of_product(deviation, deviation, axes)
    return deviation, mu if centred else variance * 0, variance


def _by_rows(function, axes, x, *others):
    """function(x, *others), by blocks of rows where each row has moments of its own; gamma and beta are one row for all."""
    if axes != (-1,):
        return function(x, *others)
    return in_blocks(function, x, *[a.reshape(-1) if np.ndim(a) and a.shape[-1] == a.size else a for a in others], last=1)


def _in_rows(m, x):
    """Means m that many numbers of x share, repeated along the last axes of x, as long as they stay few beside x: NumPy then
    works on long rows of x, and not on the few channels of one place, or of one group, at a time."""
    if np.ndim(m) == 0:
        return m
    given = (1,) * (x.ndim - np.ndim(m)) + np.shape(m)
    shape = list(given)
    for axis in reversed(range(x.ndim)):
        if math.prod(shape) // shape[axis] * x.shape[axis] > x.size // FEW or math.prod(shape[axis + 1:]) > ROW:
            break
        shape[axis] = x.shape[axis]
    if tuple(shape) == given:
        return m
    xp = get_array_module(x)
    return xp.ascontiguousarray(xp.broadcast_to(m, shape))


def _mean(x, axes):
    """The mean over axes, which stay with length 1."""
    return _sum(x, axes) / math.prod(x.shape[a] for a in axes)


def _mean_of_product(x, y, axes):
    """The mean of x y over axes, likewise."""
    return _sum_of_product(x, y, axes) / math.prod(x.shape[a] for a in axes)


def _sum(x, axes):
    """Σ x over axes, which stay with length 1, one after the other: the first adds long rows up, and is fast in NumPy, where
    all at once would add up the few channels of one place at a time."""
    for axis in axes:
        x = x.sum(axis=axis, keepdims=True)
    return x


def _sum_of_product(x, y, axes):
    """Σ x y over axes, likewise; over the first of them multiplied and added in one pass."""
    names = dict(zip(range(-x.ndim, 0), "abcdefghijklmnopqrstuvwxyz"))
    every, kept = "".join(names.values()), "".join(n for a, n in names.items() if a not in axes[:1])
    total = get_array_module(x).einsum(f"{every},{every}->{kept}", x, y)
    return _sum(total.reshape([1 if a in axes[:1] else x.shape[a] for a in names]), axes[1:])


def layer_norm(x, gamma=None, beta=None, eps=1e-5, axis=None):
    """y = (x - mean) / sqrt(var + eps) * gamma + beta, over the last axes of x (as many as gamma has), or over `axis`.

    x (..., D), gamma and beta (D,) or None (1 and 0). With `axis`, one or several, gamma and beta have the lengths of these
    axes in x's order. Without gamma, beta and axis it is the last axis. The derivation is in Normalize.
    Raises ValueError for a gamma or beta of another shape. Ba, Kiros & Hinton 2016.
    """
    x = as_operand(x)
    axes = _normalised_axes(x, gamma if gamma is not None else beta, axis)
    return _normalize(x, _along(gamma, x, axes, "layer_norm: gamma", 1.0), _along(beta, x, axes, "layer_norm: beta", 0.0),
                      axes, eps)


def rms_norm(x, gamma=None, eps=1e-6, axis=None):
    """y = x / sqrt(mean(x²) + eps) * gamma, over the last axes of x (as many as gamma has), or over `axis`.

    x (..., D), gamma (D,) or None (1); axes as in layer_norm. The derivation is in Normalize. eps is Llama's 1e-6
    unless given (PyTorch's default is the spacing of the dtype's numbers at 1). Zhang & Sennrich 2019.
    """
    x = as_operand(x)
    axes = _normalised_axes(x, gamma, axis)
    gamma = _along(gamma, x, axes, "rms_norm: gamma", 1.0)
    return _normalize(x, gamma, 0.0, axes, eps, centred=False)


def batch_norm(x, gamma=None, beta=None, running_mean=None, running_var=None, training=False, momentum=0.1, eps=1e-5,
               axis=-1, ddof=1):
    """y = (x - mean) / sqrt(var + eps) * gamma + beta for each channel, over the batch and all places.

    x (N, ..., C); gamma, beta, running_mean, running_var (C,), each may be None; the channels lie along `axis` (1 for
    channels-first images).
    training   mean and var are the batch's, gradients flow through both, and the running ones, if given, move towards
               them in place:  running += momentum * (batch - running).
               Otherwise mean and var are the running ones, constants (the batch's, if there are none, as in PyTorch).
    momentum   the weight of the new batch, as PyTorch counts it. Keras counts the old one's: its 0.99 is 0.01 here.
    ddof       running_var averages Σ (x - mean)² / (n - ddof) of n numbers a channel: 1 as PyTorch's, 0 as Keras's.
               (y divides by n in both.)
    running_mean and running_var are arrays or Tensors that require no gradient. An empty batch moves neither. One number a
    channel gives beta; it has no variance with ddof=1, which raises ValueError where running_var wants it.
    The derivation is in Normalize. Ioffe & Szegedy 2015.
    """
    x = as_operand(x)
    channel = normalize_axis(axis, x.ndim)
    axes = tuple(a for a in range(x.ndim) if a != channel)
    along = functools.partial(_along, x=x, axes=(channel,))
    gamma, beta = along(gamma, name="batch_norm: gamma", neutral=1.0), along(beta, name="batch_norm: beta", neutral=0.0)
    if running_mean is None and running_var is None:
        return _normalize(x, gamma, beta, axes, eps)
    for running, name in ((running_mean, "running_mean"), (running_var, "running_var")):
        if not isinstance(running, Tensor) and not is_array(running) or getattr(running, "requires_grad", False):
            raise TypeError("batch_norm: the running statistics come together and are changed in place: expected arrays, or "
                            f"Tensors with requires_grad=False, got {name} = {running!r:.80}")
    mu, variance = along(running_mean, name="batch_norm: running_mean"), along(running_var, name="batch_norm: running_var")
    if not training:
        return (x - mu) * (gamma / sqrt(variance + float(eps))) + beta
    moments = ()
    if math.prod(x.shape):
        moments = _deviation(as_array(x).astype(wide(x.dtype), copy=False), _from_the_end(axes, x))[1:]
        n = math.prod(x.shape[a] for a in axes)
        if n <= ddof:
            raise ValueError(f"batch_norm: the {n} number(s) a channel of x {tuple(x.shape)} have no variance with "
                             f"ddof={ddof} to move running_var to: pass a larger batch, or ddof=0")
        _move(running_mean, moments[0], momentum)
        _move(running_var, moments[1] * (n / (n - ddof)), momentum)
    return _normalize(x, gamma, beta, axes, eps, moments=moments)


def group_norm(x, groups, gamma=None, beta=None, eps=1e-5, axis=-1):
    """y = (x - mean) / sqrt(var + eps) * gamma + beta, over all places and the channels of one group, image by image.

    x (N, ..., C), gamma and beta (C,) or None; the channels lie along `axis`, and `groups` divides C: channels 0 ... C/G - 1
    are the first group. The derivation is in Normalize. Raises ValueError for groups that do not divide C.
    Wu & He 2018, "Group Normalization", sec. 3.
    """
    x = as_operand(x)
    channel = normalize_axis(axis, x.ndim)
    c = x.shape[channel]
    if channel == 0 or not isinstance(groups, (int, np.integer)) or groups < 1 or c % groups:
        raise ValueError(f"group_norm: groups={groups!r} must divide the {c} channels along axis {axis} of x (N, ..., C), "
                         f"got x {tuple(x.shape)}")

    def apart(parameter):
        return reshape(parameter, (*parameter.shape[:channel], groups, c // groups, *parameter.shape[channel + 1:]))

    gamma, beta = (neutral if p is None else apart(_along(p, x, (channel,), f"group_norm: {name}"))
                   for p, name, neutral in ((gamma, "gamma", 1.0), (beta, "beta", 0.0)))
    axes = tuple(a for a in range(1, x.ndim + 1) if a != channel)
    return reshape(_normalize(apart(x), gamma, beta, axes, eps), x.shape)


def instance_norm(x, gamma=None, beta=None, eps=1e-5, axis=-1):
    """y = (x - mean) / sqrt(var + eps) * gamma + beta, over all places, for each image and channel.

    x (N, ..., C), gamma and beta (C,) or None; the channels lie along `axis`. It is group_norm with as many groups as
    channels. Ulyanov, Vedaldi & Lempitsky 2016, "Instance Normalization".
    """
    x = as_operand(x)
    return group_norm(x, x.shape[axis], gamma, beta, eps, axis)


def _normalize(x, gamma, beta, axes, eps, **how):
    """Nothing has no mean: what is empty stays so."""
    if not math.prod(x.shape):
        return multiply(x, gamma) + beta
    return Normalize.apply(x, gamma, beta, axes=_from_the_end(axes, x), eps=eps, **how)


def _from_the_end(axes, x):
    return tuple(a - x.ndim for a in axes)


def _normalised_axes(x, parameter, axis):
    if axis is None:
        ndim = 1 if parameter is None else as_operand(parameter).ndim
        axis = tuple(range(-ndim, 0)) if 1 <= ndim <= x.ndim else -1
    return tuple(sorted(normalize_axis(a, x.ndim) for a in (axis if isinstance(axis, (tuple, list)) else (axis,))))


def _along(parameter, x, axes, name, neutral=None):
    """The parameter, whose axes are these of x, with length 1 along the others, so that it broadcasts against x."""
    if parameter is None:
        return neutral
    parameter, lengths = as_operand(parameter), tuple(x.shape[a] for a in axes)
    if tuple(parameter.shape) != lengths:
        raise ValueError(f"{name} must have shape {lengths}, the lengths of axes {axes} of x {tuple(x.shape)}, got "
                         f"{tuple(parameter.shape)}")
    return reshape(parameter, tuple(n if a in axes else 1 for a, n in enumerate(x.shape)))


def _move(running, batch, momentum):
    """running += momentum * (batch - running), in place; of a Tensor a sanctioned change, which backward notices."""
    array = as_array(running)
    array += (momentum * (batch.reshape(-1) - array)).astype(array.dtype, copy=False)
    if isinstance(running, Tensor):
        running.bump_version()
