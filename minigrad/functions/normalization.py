"""Layer normalisation."""

import math

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.exponential import sqrt
from minigrad.functions.reductions import mean, sum, var


class LayerNorm(Function):
    """y = layer_norm(x, gamma, beta)          dx = (g - mean(g) - x̂ mean(g x̂)) / σ,   dgamma = Σ dy x̂,   dbeta = Σ dy

    x (..., D), gamma (D,), beta (D,); x̂ = (x - μ) / σ, with μ = mean(x) and σ² = var(x) + eps over the D features of each
    row, and y = x̂ γ + β; g = dy γ. (gamma may have several axes: the last ones of x.)

    x̂ depends on x directly, through μ and through σ. With g = dL/dx̂ and ∂μ/∂xⱼ = 1/D, ∂σ/∂xⱼ = x̂ⱼ/D:
        dxⱼ = gⱼ/σ - Σᵢ gᵢ/σ · 1/D - Σᵢ gᵢ x̂ᵢ/σ · x̂ⱼ/D.
    Ba, Kiros & Hinton 2016, "Layer Normalization".
    """

    reads = {"dx": "x gamma", "dgamma": "x"}

    def forward(self, x, gamma, beta, eps=1e-5):
        self.eps, self.axes = eps, tuple(range(-gamma.ndim, 0))
        if x.shape[x.ndim - gamma.ndim:] != gamma.shape or gamma.shape != beta.shape:
            raise ValueError(f"gamma and beta must have the shape of x's last axes {tuple(x.shape[x.ndim - gamma.ndim:])}, "
                             f"got {tuple(gamma.shape)} and {tuple(beta.shape)}")
        centred = x - x.mean(axis=self.axes, keepdims=True)
        n = math.prod(gamma.shape)
        variance = (centred * centred).sum(axis=self.axes, keepdims=True) / n
        centred /= get_array_module(x).sqrt(variance + eps)
        return centred * gamma + beta

    def backward(self, dy):
        x, gamma, _ = self.inputs
        if x is None:  # only beta wants a gradient, which reads nothing
            return None, None, _over_rows(dy, self.axes)
        sigma = sqrt(var(x, self.axes, keepdims=True) + self.eps)
        normal = (x - mean(x, self.axes, keepdims=True)) / sigma

        def dx():
            g = dy * gamma
            return (g - mean(g, self.axes, keepdims=True)
                    - normal * mean(g * normal, self.axes, keepdims=True)) / sigma

        return dx, lambda: _over_rows(dy * normal, self.axes), lambda: _over_rows(dy, self.axes)


def _over_rows(x, kept):
    return sum(x, tuple(range(x.ndim - len(kept))))


def layer_norm(x, gamma, beta, eps=1e-5):
    """y = (x - mean) / sqrt(var + eps) * gamma + beta, over the last axes of x (as many as gamma has).

    x (..., D), gamma and beta (D,). The derivation is in LayerNorm. Ba, Kiros & Hinton 2016.
    """
    return LayerNorm.apply(x, gamma, beta, eps=eps)
