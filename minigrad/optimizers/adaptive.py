"""Step sizes from sums or means of squared gradients: Adagrad and those that grew from it."""

from minigrad.backend import get_array_module
from minigrad.optimizers.checks import flag, number
from minigrad.optimizers.optimizer import Optimizer, zeros


class Adagrad(Optimizer):
    """p ← p - η g / √(a + ε),   a ← a + g²

    The sum a starts at initial_accumulator_value. η learning_rate, ε epsilon. Duchi, Hazan & Singer 2011, sec. 1.1, fig. 1.
    """

    def __init__(self, parameters=None, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, **common):
        self.initial_accumulator_value = number(self, "initial_accumulator_value", initial_accumulator_value, "[0, inf)")
        self.epsilon = number(self, "epsilon", epsilon, "[0, inf)")
        super().__init__(parameters, learning_rate, **common)

    def start(self, p, name):
        return {"accumulator": get_array_module(p).full_like(p, self.initial_accumulator_value)}

    def update(self, p, g, state, learning_rate):
        a = state["accumulator"]
        a += g * g
        change = learning_rate * g
        change /= get_array_module(p).sqrt(a + self.epsilon)
        p -= change


class RMSprop(Optimizer):
    """p ← p - w,   w ← μ w + η g / √(v + ε),   v ← ρ v + (1 - ρ) g²

    centered: √(v - a² + ε) with the mean gradient a ← ρ a + (1 - ρ) g, so that the root estimates the standard deviation.
    η learning_rate, ρ rho, μ momentum, ε epsilon. Tieleman & Hinton 2012, lecture 6e; centered: Graves 2013, eq. 38 to 41.
    """

    def __init__(self, parameters=None, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, **common):
        self.rho, self.momentum = number(self, "rho", rho, "[0, 1)"), number(self, "momentum", momentum, "[0, 1]")
        self.epsilon, self.centered = number(self, "epsilon", epsilon, "[0, inf)"), flag(self, "centered", centered)
        super().__init__(parameters, learning_rate, **common)

    def start(self, p, name):
        return zeros(p, "v", *["mean"] * self.centered, *["momentum"] * (self.momentum > 0))

    def update(self, p, g, state, learning_rate):
        v = state["v"]
        v *= self.rho
        v += (1 - self.rho) * (g * g)
        variance = v + self.epsilon
        if self.centered:
            a = state["mean"]
            a *= self.rho
            a += (1 - self.rho) * g
            variance -= a * a
        change = learning_rate * g
        change /= get_array_module(p).sqrt(variance)
        if self.momentum:
            w = state["momentum"]
            w *= self.momentum
            w += change
            change = w
        p -= change


class Adadelta(Optimizer):
    """p ← p - η d,   d = √(u + ε) / √(a + ε) · g

    a ← ρ a + (1 - ρ) g²,   u ← ρ u + (1 - ρ) d²: the means of squared gradients and of squared changes (u before this one).
    η learning_rate (1 in the paper), ρ rho, ε epsilon. Zeiler 2012, algorithm 1.
    """

    def __init__(self, parameters=None, learning_rate=0.001, rho=0.95, epsilon=1e-7, **common):
        self.rho, self.epsilon = number(self, "rho", rho, "[0, 1)"), number(self, "epsilon", epsilon, "[0, inf)")
        super().__init__(parameters, learning_rate, **common)

    def start(self, p, name):
        return zeros(p, "gradients", "changes")

    def update(self, p, g, state, learning_rate):
        xp, a, u = get_array_module(p), state["gradients"], state["changes"]
        a *= self.rho
        a += (1 - self.rho) * (g * g)
        d = xp.sqrt((u + self.epsilon) / (a + self.epsilon))
        d *= g
        u *= self.rho
        u += (1 - self.rho) * (d * d)
        p -= learning_rate * d


class Ftrl(Optimizer):
    """p ← (clip(z, -λ₁, λ₁) - z) / (n⁻ᵏ / η + 2 λ₂ + β / η)

    n' = n + g²,   z ← z + g + 2 s p - (n'⁻ᵏ - n⁻ᵏ) / η · p,   n ← n': "follow the regularised leader" of all gradients so
    far; numbers whose z is within ±λ₁ are exactly 0. n starts at initial_accumulator_value, z at 0.
    η learning_rate > 0, k learning_rate_power <= 0, λ₁ and λ₂ l1_ and l2_regularization_strength,
    s l2_shrinkage_regularization_strength, β beta.
    McMahan et al. 2013, "Ad Click Prediction: a View from the Trenches", algorithm 1.
    """

    def __init__(self, parameters=None, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, l2_shrinkage_regularization_strength=0.0,
                 beta=0.0, **common):
        self.learning_rate_power = number(self, "learning_rate_power", learning_rate_power, "(-inf, 0]")
        for name, value in dict(initial_accumulator_value=initial_accumulator_value, beta=beta,
                                l1_regularization_strength=l1_regularization_strength,
                                l2_regularization_strength=l2_regularization_strength,
                                l2_shrinkage_regularization_strength=l2_shrinkage_regularization_strength).items():
            setattr(self, name, number(self, name, value, "[0, inf)"))
        super().__init__(parameters, learning_rate, **common)

    def start(self, p, name):
        return {"n": get_array_module(p).full_like(p, self.initial_accumulator_value), **zeros(p, "z")}

    def update(self, p, g, state, learning_rate):
        if learning_rate == 0:
            raise ValueError("Ftrl divides by the learning_rate, which must be > 0, got 0")
        n, z, k, l1 = state["n"], state["z"], -self.learning_rate_power, self.l1_regularization_strength
        before = n ** k
        n += g * g
        after = n ** k
        z += g + 2 * self.l2_shrinkage_regularization_strength * p - (after - before) / learning_rate * p
        curvature = (after + self.beta) / learning_rate + 2 * self.l2_regularization_strength
        p[...] = (get_array_module(p).clip(z, -l1, l1) - z) / curvature
