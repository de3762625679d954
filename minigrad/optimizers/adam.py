"""Adam and its family: a step size of its own for each number, from running means of the gradient and of its square."""

import math

from minigrad.backend import get_array_module
from minigrad.optimizers.checks import flag, number
from minigrad.optimizers.gradients import total_norm
from minigrad.optimizers.optimizer import Optimizer, zeros


class _Moments(Optimizer):
    """What the family shares: m ← β₁ m + (1 - β₁) g and v ← β₂ v + (1 - β₂) g²."""

    def __init__(self, parameters=None, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **common):
        self.beta_1, self.beta_2 = number(self, "beta_1", beta_1, "[0, 1)"), number(self, "beta_2", beta_2, "[0, 1)")
        self.epsilon = number(self, "epsilon", epsilon, "[0, inf)")
        super().__init__(parameters, learning_rate, **common)

    def start(self, p, name):
        return zeros(p, "m", "v")

    def moments(self, g, state):
        """m and v, updated by the gradient."""
        m, v = state["m"], state["v"]
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        squared = g * g
        squared *= 1 - self.beta_2
        v *= self.beta_2
        v += squared
        return m, v


def adam_change(m, v, rate, beta_1, beta_2, epsilon, t):
    """η √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε): what the step t of Adam takes from p."""
    denominator = get_array_module(v).sqrt(v)
    denominator += epsilon
    change = m / denominator
    change *= rate * math.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
    return change


class Adam(_Moments):
    """p ← p - η √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε)

    m ← β₁ m + (1 - β₁) g        the mean of recent gradients
    v ← β₂ v + (1 - β₂) g²       the mean of their squares
    The factors of η undo that m and v start at 0. η learning_rate, β₁ beta_1, β₂ beta_2, ε epsilon, t the step's number.
    amsgrad: in the first line, the largest v so far of each number replaces v (Reddi, Kale & Kumar 2018, algorithm 2).
    Kingma & Ba 2015, algorithm 1 in the form at the end of sec. 2, as in Keras: there ε is added before the factor
    √(1 - β₂ᵗ) is applied (in PyTorch after, so that its ε weighs more in the first steps).
    """

    def __init__(self, parameters=None, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
                 **common):
        self.amsgrad = flag(self, "amsgrad", amsgrad)
        super().__init__(parameters, learning_rate, beta_1, beta_2, epsilon, **common)

    def start(self, p, name):
        return zeros(p, "m", "v", *["largest"] * self.amsgrad)

    def update(self, p, g, state, learning_rate):
        m, v = self.moments(g, state)
        if self.amsgrad:
            v = get_array_module(v).maximum(state["largest"], v, out=state["largest"])
        p -= adam_change(m, v, learning_rate, self.beta_1, self.beta_2, self.epsilon, self.iterations + 1)


class AdamW(Adam):
    """p ← p - η λ p, then Adam: weight decay λ is applied to p itself, not through the gradient.

    Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2.
    """

    def __init__(self, parameters=None, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
                 amsgrad=False, **common):
        super().__init__(parameters, learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common)


class Adamax(_Moments):
    """p ← p - η / (1 - β₁ᵗ) · m / (u + ε)

    m ← β₁ m + (1 - β₁) g,   u ← max(β₂ u, |g|): Adam with the maximum norm in place of the root of the mean square.
    η learning_rate, β₁ beta_1, β₂ beta_2, ε epsilon (as in Keras; the paper has none). Kingma & Ba 2015, algorithm 2.
    """

    def start(self, p, name):
        return zeros(p, "m", "u")

    def update(self, p, g, state, learning_rate):
        xp, m, u = get_array_module(p), state["m"], state["u"]
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        u *= self.beta_2
        xp.maximum(u, abs(g), out=u)
        change = m / (u + self.epsilon)
        change *= learning_rate / (1 - self.beta_1 ** (self.iterations + 1))
        p -= change


class Nadam(_Moments):
    """p ← p - η m̂ / (√v̂ + ε): Adam that looks ahead, as Nesterov does, by the momentum of the next step

    m, v as in Adam,   v̂ = v / (1 - β₂ᵗ),   m̂ = μₜ₊₁ m / (1 - μ₁ ⋯ μₜ₊₁) + (1 - μₜ) g / (1 - μ₁ ⋯ μₜ)
    μₜ = β₁ (1 - 0.96ᵗ / 2) grows from about β₁ / 2 to β₁. η learning_rate, β₁ beta_1, β₂ beta_2, ε epsilon.
    Dozat 2016, "Incorporating Nesterov Momentum into Adam", algorithm 2 (with the constants of its appendix, as in Keras).
    """

    _product = (0, 1.0)  # t and μ₁ ⋯ μₜ

    def _momentum(self, t):
        return self.beta_1 * (1 - 0.5 * 0.96 ** t)

    def _momenta(self, t):
        """μ₁ ⋯ μₜ, from the last one known, else from the start: a resumed run multiplies the same numbers."""
        known, product = self._product if self._product[0] <= t else (0, 1.0)
        for s in range(known + 1, t + 1):
            product *= self._momentum(s)
        self._product = t, product
        return product

    def update(self, p, g, state, learning_rate):
        t = self.iterations + 1
        m, v = self.moments(g, state)
        now, following, product = self._momentum(t), self._momentum(t + 1), self._momenta(t)
        ahead = following / (1 - product * following) * m + (1 - now) / (1 - product) * g
        denominator = get_array_module(v).sqrt(v / (1 - self.beta_2 ** t))
        denominator += self.epsilon
        ahead *= learning_rate
        p -= ahead / denominator


class Lamb(_Moments):
    """p ← p - η ‖p‖ / ‖u‖ · u,   u = m̂ / (√v̂ + ε)

    m, v as in Adam,   m̂ = m / (1 - β₁ᵗ),   v̂ = v / (1 - β₂ᵗ): each parameter moves by the share η of its own norm, which
    makes very large batches work. The quotient of norms is 1 where one of them is 0. η learning_rate, β₁ beta_1, β₂ beta_2,
    ε epsilon. You et al. 2020, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", algorithm 2.
    """

    def update(self, p, g, state, learning_rate):
        xp, t = get_array_module(p), self.iterations + 1
        m, v = self.moments(g, state)
        u = m / (1 - self.beta_1 ** t)
        u /= xp.sqrt(v / (1 - self.beta_2 ** t)) + self.epsilon
        length, of_u = total_norm([p]), total_norm([u])
        some = (length > 0) & (of_u > 0)
        u *= xp.where(some, length / xp.where(some, of_u, 1), 1).astype(p.dtype)
        u *= learning_rate
        p -= u
