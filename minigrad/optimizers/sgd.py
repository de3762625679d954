"""Stochastic gradient descent, and its sign."""

from minigrad.backend import get_array_module
from minigrad.optimizers.checks import flag, number
from minigrad.optimizers.optimizer import Optimizer, zeros


class SGD(Optimizer):
    """p ← p + v,   v ← μ v - η g        (nesterov: p ← p + μ v - η g)

    η learning_rate, μ momentum, g = dL/dp. Without momentum, p ← p - η g.
    Polyak 1964; Nesterov's look ahead as in Sutskever et al. 2013, sec. 2.
    """

    def __init__(self, parameters=None, learning_rate=0.01, momentum=0.0, nesterov=False, **common):
        self.momentum = number(self, "momentum", momentum, "[0, 1)")
        self.nesterov = flag(self, "nesterov", nesterov)
        if nesterov and momentum == 0:
            raise ValueError("SGD: nesterov needs momentum > 0")
        super().__init__(parameters, learning_rate, **common)

    def start(self, p, name):
        return zeros(p, "momentum") if self.momentum else {}

    def update(self, p, g, state, learning_rate):
        change = learning_rate * g
        if not self.momentum:
            p -= change
            return
        v = state["momentum"]
        v *= self.momentum
        v -= change
        if self.nesterov:
            p += self.momentum * v
            p -= change
        else:
            p += v


class Lion(Optimizer):
    """p ← p - η sign(β₁ m + (1 - β₁) g),   m ← β₂ m + (1 - β₂) g

    Every number moves by η: the learning rate should be a third to a tenth of Adam's, weight_decay that much larger.
    η learning_rate, β₁ beta_1, β₂ beta_2, sign(0) = 0. Chen et al. 2023, "Symbolic
    Discovery of Optimization Algorithms", algorithm 2.
    """

    def __init__(self, parameters=None, learning_rate=0.001, beta_1=0.9, beta_2=0.99, **common):
        self.beta_1, self.beta_2 = number(self, "beta_1", beta_1, "[0, 1]"), number(self, "beta_2", beta_2, "[0, 1]")
        super().__init__(parameters, learning_rate, **common)

    def start(self, p, name):
        return zeros(p, "m")

    def update(self, p, g, state, learning_rate):
        m = state["m"]
        p -= learning_rate * get_array_module(p).sign(self.beta_1 * m + (1 - self.beta_1) * g)
        m *= self.beta_2
        m += (1 - self.beta_2) * g
