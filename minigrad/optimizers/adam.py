"""Adam and AdamW: a step size of its own for each number, from running means of the gradient and of its square."""

import math

from minigrad.backend import get_array_module
from minigrad.optimizers.optimizer import Optimizer, slot


class Adam(Optimizer):
    """p ← p - η m̂ / (√v̂ + ε)

    m ← β₁ m + (1 - β₁) g        the mean of recent gradients,      m̂ = m / (1 - β₁ᵗ)
    v ← β₂ v + (1 - β₂) g²       the mean of their squares,         v̂ = v / (1 - β₂ᵗ)
    The hats undo that m and v start at 0. η learning_rate, β₁ beta_1, β₂ beta_2, ε epsilon, t the number of the step.
    Kingma & Ba 2015, algorithm 1.
    """

    weight_decay = 0.0

    def __init__(self, parameters=None, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        for name, beta in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= beta < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be in [0, 1), got {beta}")
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        super().__init__(parameters, learning_rate)

    def update(self, p, g, state):
        m, v = slot(state, "m", p), slot(state, "v", p)
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        v *= self.beta_2
        v += (1 - self.beta_2) * (g * g)
        if self.weight_decay:
            p *= 1 - self.learning_rate * self.weight_decay
        # m̂ / (√v̂ + ε), with the hats' divisors taken out of the arrays
        t = self.iterations
        denominator = get_array_module(p).sqrt(v)
        denominator *= 1 / math.sqrt(1 - self.beta_2 ** t)
        denominator += self.epsilon
        change = m / denominator
        change *= self.learning_rate / (1 - self.beta_1 ** t)
        p -= change


class AdamW(Adam):
    """p ← p - η λ p - η m̂ / (√v̂ + ε): Adam, with weight decay λ applied to p itself, not through the gradient.

    Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2.
    """

    def __init__(self, parameters=None, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        super().__init__(parameters, learning_rate, beta_1, beta_2, epsilon)
        self.weight_decay = weight_decay
