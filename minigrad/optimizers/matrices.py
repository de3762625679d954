"""Optimizers that see a matrix as a matrix: Muon makes its gradient orthogonal, Adafactor factors its squares."""

import re

from minigrad.backend import get_array_module
from minigrad.optimizers.adam import adam_change
from minigrad.optimizers.checks import flag, number
from minigrad.optimizers.gradients import total_norm
from minigrad.optimizers.optimizer import Optimizer, zeros


class Muon(Optimizer):
    """p ← p - η r √max(rows, columns) · orthogonal(μ m + g),   m ← μ m + g        (without nesterov: orthogonal(m))

    for matrices; vectors, other arrays, embeddings and `exclude_layers` follow Adam, with the rate η adam_lr_ratio.
    orthogonal(x) sets all singular values of x to about 1: x / ‖x‖ through ns_steps times x ← a x + (b A + c A²) x,
    A = x xᵀ, with a, b, c = muon_a, muon_b, muon_c (a Newton-Schulz iteration). η learning_rate, μ momentum, r rms_rate,
    which gives the change the root mean square of Adam's; None leaves out r and the root.
    exclude_layers     regular expressions: parameters in whose dotted name one is found follow Adam
    exclude_embeddings whether those with "embedding" in their name do
    adam_beta_1, adam_beta_2, epsilon, adam_weight_decay    Adam's; weight_decay is for the matrices
    Jordan et al. 2024, "Muon: An optimizer for hidden layers"; the root: Liu et al. 2025, "Muon is Scalable
    for LLM Training".
    """

    def __init__(self, parameters=None, learning_rate=0.001, adam_beta_1=0.9, adam_beta_2=0.999, adam_weight_decay=0.004,
                 epsilon=1e-7, weight_decay=0.004, exclude_layers=None, exclude_embeddings=True, muon_a=3.4445,
                 muon_b=-4.7750, muon_c=2.0315, adam_lr_ratio=1, momentum=0.95, ns_steps=5, nesterov=True, rms_rate=0.2,
                 **common):
        for name, value in dict(adam_beta_1=adam_beta_1, adam_beta_2=adam_beta_2, momentum=momentum).items():
            setattr(self, name, number(self, name, value, "[0, 1)"))
        for name, value in dict(muon_a=muon_a, muon_b=muon_b, muon_c=muon_c).items():
            setattr(self, name, number(self, name, value, "(-inf, inf)"))
        self.epsilon = number(self, "epsilon", epsilon, "[0, inf)")
        self.adam_weight_decay = number(self, "adam_weight_decay", adam_weight_decay, "[0, inf)", optional=True)
        self.adam_lr_ratio = number(self, "adam_lr_ratio", adam_lr_ratio, "[0, inf)")
        self.ns_steps = number(self, "ns_steps", ns_steps, "[0, inf)", whole=True)
        self.rms_rate = number(self, "rms_rate", rms_rate, "[0, inf)", optional=True)
        self.nesterov = flag(self, "nesterov", nesterov)
        self.exclude_embeddings = flag(self, "exclude_embeddings", exclude_embeddings)
        if isinstance(exclude_layers, str):
            raise TypeError(f"Muon: exclude_layers must be a list of regular expressions, got {exclude_layers!r}")
        self.exclude_layers = list(exclude_layers or [])
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, **common)

    def start(self, p, name):
        by_adam = (p.ndim != 2 or (self.exclude_embeddings and "embedding" in name.lower())
                   or any(re.search(word, name) for word in self.exclude_layers))
        return zeros(p, "m", "v") if by_adam else zeros(p, "m")

    def decay_of(self, group, state):
        """The weight decay: of the group, else Adam's or that of matrices."""
        return group.get("weight_decay", self.adam_weight_decay if "v" in state else self.weight_decay)

    def update(self, p, g, state, learning_rate):
        m = state["m"]
        if "v" in state:
            v, beta_1, beta_2 = state["v"], self.adam_beta_1, self.adam_beta_2
            m *= beta_1
            m += (1 - beta_1) * g
            v *= beta_2
            v += (1 - beta_2) * (g * g)
            p -= adam_change(m, v, learning_rate * self.adam_lr_ratio, beta_1, beta_2, self.epsilon, self.iterations + 1)
        else:
            m *= self.momentum
            m += g
            change = self.orthogonal(self.momentum * m + g if self.nesterov else m)
            scale = 1.0 if self.rms_rate is None else max(p.shape) ** 0.5 * self.rms_rate
            p -= learning_rate * scale * change

    def orthogonal(self, x):
        """The matrix with the singular vectors of x, and singular values of about 1."""
        if x.shape[0] > x.shape[1]:
            return self.orthogonal(x.T).T
        x = x / (total_norm([x]) + 1e-7)
        for _ in range(self.ns_steps):
            a = x @ x.T
            x = self.muon_a * x + (self.muon_b * a + self.muon_c * (a @ a)) @ x
        return x


class Adafactor(Optimizer):
    """p ← p - max(ε₂, rms(p)) min(η, 1 / √t) · u / max(1, rms(u) / d),   u = g / √v

    with rms(x) = √mean(x²), and for matrices v = r cᵀ / mean(r), from means over their rows and columns alone:
    r ← β r + (1 - β) mean of (g² + ε₁) along the last axis, c the same along the one before it (other axes: many matrices).
    For vectors v ← β v + (1 - β) (g² + ε₁) itself. β = 1 - tᵏ rises from 0 to 1, k beta_2_decay < 0.
    η learning_rate, ε₁ epsilon_1, ε₂ epsilon_2, d clip_threshold, t the number of the step.
    relative_step is Keras's and changes nothing: there as here, the minimum with 1 / √t is always taken.
    Shazeer & Stern 2018, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", algorithms 4 and 5.
    """

    def __init__(self, parameters=None, learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3,
                 clip_threshold=1.0, relative_step=True, **common):
        self.beta_2_decay = number(self, "beta_2_decay", beta_2_decay, "(-inf, 0)")
        self.epsilon_1 = number(self, "epsilon_1", epsilon_1, "[0, inf)")
        self.epsilon_2 = number(self, "epsilon_2", epsilon_2, "[0, inf)")
        self.clip_threshold = number(self, "clip_threshold", clip_threshold, "(0, inf)")
        self.relative_step = flag(self, "relative_step", relative_step)
        super().__init__(parameters, learning_rate, **common)

    def start(self, p, name):
        if p.ndim < 2:
            return zeros(p, "v")
        return {"r": get_array_module(p).zeros_like(p[..., 0]), "c": get_array_module(p).zeros_like(p[..., 0, :])}

    def update(self, p, g, state, learning_rate):
        xp, t = get_array_module(p), self.iterations + 1
        beta = 1 - t ** self.beta_2_decay
        squares = g * g + self.epsilon_1

        def mean(name, of):
            state[name] *= beta
            state[name] += (1 - beta) * of
            return state[name]

        if p.ndim < 2:
            v = mean("v", squares)
        else:
            r, c = mean("r", squares.mean(axis=-1)), mean("c", squares.mean(axis=-2))
            v = (r / r.mean(axis=-1, keepdims=True))[..., None] * c[..., None, :]
        u = g / xp.sqrt(v)
        u /= xp.maximum(_rms(u) / self.clip_threshold, 1)
        u *= xp.maximum(_rms(p), self.epsilon_2) * min(learning_rate, 1 / t ** 0.5)
        p -= u


def _rms(x):
    return total_norm([x]) / max(x.size, 1) ** 0.5
