"""Stochastic gradient descent."""

from minigrad.optimizers.optimizer import Optimizer, slot


class SGD(Optimizer):
    """p ← p - η v,   v ← μ v + g        (nesterov: p ← p - η (g + μ v))

    η learning_rate, μ momentum, g = dL/dp (+ weight_decay · p). Without momentum, p ← p - η g.
    Polyak 1964; Nesterov's look ahead as in Sutskever et al. 2013, sec. 2.
    """

    def __init__(self, parameters=None, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
        if not 0 <= momentum < 1:
            raise ValueError(f"SGD: momentum must be in [0, 1), got {momentum}")
        if nesterov and momentum == 0:
            raise ValueError("SGD: nesterov needs momentum > 0")
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay
        super().__init__(parameters, learning_rate)

    def update(self, p, g, state):
        if self.weight_decay:
            g = g + self.weight_decay * p
        if self.momentum:
            v = slot(state, "momentum", p)
            v *= self.momentum
            v += g
            g = g + self.momentum * v if self.nesterov else v
        p -= self.learning_rate * g
