"""Normalisation: layer, batch, group and instance norm are one formula over different axes; RMS norm is the half of it.

x̂ = (x - μ) / σ over some axes, then an affine map y = γ x̂ + β. Which axes share a μ and a σ is all that tells them apart:

    layer norm      the features, for each row             x (..., D): axis -1
    batch norm      the whole batch, for each channel      x (N, H, W, C): axes 0, 1, 2
    group norm      a group of channels, for each image    x (N, H, W, G, C/G): axes 1, 2, 4
    instance norm   the places, for each image, channel    x (N, H, W, C): axes 1, 2

Variances are taken of the numbers less their mean (two passes): E[x²] - E[x]² loses all digits of numbers far from 0.
"""

import functools
import math

import numpy as np

from minigrad.backend import get_array_module, is_array
from minigrad.function import Function
from minigrad.functions.arithmetic import multiply
from minigrad.functions.exponential import sqrt
from minigrad.functions.reductions import mean, var
from minigrad.functions.shapes import as_operand, astype, normalize_axis, reshape
from minigrad.tensor import Tensor, as_array


class Normalize(Function):
    """y = normalize(x) * gamma + beta          dx = (g - mean(g) - x̂ mean(g x̂)) / σ,   dgamma = dy x̂,   dbeta = dy

    x̂ = normalize(x) = (x - μ) / σ, with μ = mean(x) and σ² = var(x) + eps over `axes`; g = dy γ; gamma and beta broadcast
    against x, and their gradients are summed to their shapes by the engine.

    Among the n numbers that share a μ and a σ, x̂ᵢ depends on xⱼ directly, through μ and through σ: with ∂μ/∂xⱼ = 1/n and
    ∂σ/∂xⱼ = x̂ⱼ/n (from σ² = Σ (xᵢ - μ)²/n + eps, in which μ's own change adds nothing since Σ (xᵢ - μ) = 0),
        dxⱼ = gⱼ/σ - Σᵢ gᵢ/σ · 1/n - Σᵢ gᵢ x̂ᵢ/σ · x̂ⱼ/n.
    Backward computes x̂ again rather than keep it. Of equal numbers (or one), x̂ is 0 and y is beta.
    Ioffe & Szegedy 2015, "Batch Normalization", sec. 3; Ba, Kiros & Hinton 2016, "Layer Normalization".
    """

    reads = {"dx": "x gamma", "dgamma": "x"}

    def forward(self, x, gamma, beta, axes, eps):
        self.axes, self.eps, self.narrow = axes, eps, np.promote_types(x.dtype, np.float16)
        _, normal, variance = moments(x, axes)
        normal /= get_array_module(x).sqrt(variance + eps)
        return normal.astype(self.narrow, copy=False) * gamma + beta

    def backward(self, dy):
        x, gamma, _ = self.inputs
        if x is None:  # only beta wants a gradient, which reads nothing
            return None, None, dy
        x = astype(x, wide(x.dtype), copy=False)
        sigma = sqrt(var(x, self.axes, keepdims=True) + self.eps)
        normal = (x - mean(x, self.axes, keepdims=True)) / sigma

        def dx():
            g = astype(dy, wide(dy.dtype), copy=False) * gamma
            g = (g - mean(g, self.axes, keepdims=True) - normal * mean(g * normal, self.axes, keepdims=True)) / sigma
            return astype(g, self.narrow, copy=False)

        return dx, lambda: dy * astype(normal, self.narrow, copy=False), dy


class RMSNorm(Function):
    """y = x / rms(x) * gamma          dx = (g - x̂ mean(g x̂)) / r,   dgamma = dy x̂

    x̂ = x / r, with r² = mean(x²) + eps over `axes`; g = dy γ; gamma broadcasts against x.
    As in Normalize, without a μ: ∂r/∂xⱼ = x̂ⱼ/n, so dxⱼ = gⱼ/r - Σᵢ gᵢ x̂ᵢ/r · x̂ⱼ/n. Of zeros, y is 0.
    Zhang & Sennrich 2019, "Root Mean Square Layer Normalization", eq. 4.
    """

    reads = {"dx": "x gamma", "dgamma": "x"}

    def forward(self, x, gamma, axes, eps):
        self.axes, self.eps, self.narrow = axes, eps, np.promote_types(x.dtype, np.float16)
        w = x.astype(wide(x.dtype), copy=False)
        normal = w / get_array_module(x).sqrt((w * w).mean(axis=axes, keepdims=True) + eps)
        return normal.astype(self.narrow, copy=False) * gamma

    def backward(self, dy):
        x, gamma = self.inputs
        x = astype(x, wide(x.dtype), copy=False)
        r = sqrt(mean(x * x, self.axes, keepdims=True) + self.eps)
        normal = x / r

        def dx():
            g = astype(dy, wide(dy.dtype), copy=False) * gamma
            return astype((g - normal * mean(g * normal, self.axes, keepdims=True)) / r, self.narrow, copy=False)

        return dx, lambda: dy * astype(normal, self.narrow, copy=False)


def wide(dtype):
    """The dtype to add squares in: float32 for float16, in which 256² is infinite; else dtype itself."""
    return np.promote_types(dtype, np.float32)


def moments(x, axes):
    """(μ, x - μ, variance) of an array over axes, which stay with length 1."""
    x = x.astype(wide(x.dtype), copy=False)
    mu = x.mean(axis=axes, keepdims=True)
    centred = x - mu
    return mu, centred, (centred * centred).mean(axis=axes, keepdims=True)


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

    x (..., D), gamma (D,) or None (1); axes as in layer_norm. The derivation is in RMSNorm. eps is Llama's 1e-6 unless
    given (PyTorch's default is the spacing of the dtype's numbers at 1). Zhang & Sennrich 2019.
    """
    x = as_operand(x)
    axes = _normalised_axes(x, gamma, axis)
    gamma = _along(gamma, x, axes, "rms_norm: gamma", 1.0)
    return RMSNorm.apply(x, gamma, axes=axes, eps=eps) if math.prod(x.shape) else multiply(x, gamma)


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
        return (x - mu) * (gamma / sqrt(variance + eps)) + beta
    if math.prod(x.shape):
        _move(running_mean, running_var, as_array(x), axes, momentum, ddof)
    return _normalize(x, gamma, beta, axes, eps)


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


def _normalize(x, gamma, beta, axes, eps):
    """Nothing has no mean: what is empty stays so."""
    return Normalize.apply(x, gamma, beta, axes=axes, eps=eps) if math.prod(x.shape) else multiply(x, gamma) + beta


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


def _move(running_mean, running_var, x, axes, momentum, ddof):
    """running += momentum * (batch - running), in place; of a Tensor a sanctioned change, which backward notices."""
    n = math.prod(x.shape[a] for a in axes)
    if n <= ddof:
        raise ValueError(f"batch_norm: {n} number(s) a channel, in x {tuple(x.shape)}, have no variance with ddof={ddof} to "
                         "move running_var to: pass a larger batch, or ddof=0")
    mu, _, variance = moments(x, axes)
    for running, batch in ((running_mean, mu), (running_var, variance * (n / (n - ddof)))):
        array = as_array(running)
        array += (momentum * (batch.reshape(-1) - array)).astype(array.dtype, copy=False)
        if isinstance(running, Tensor):
            running.bump_version()
