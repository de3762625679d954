"""L-BFGS: Newton's method with the curvature seen in the last steps."""

import numpy as np

from minigrad import backend
from minigrad.autograd import enable_grad
from minigrad.backend import get_array_module
from minigrad.optimizers.checks import number
from minigrad.optimizers.gradients import as_real
from minigrad.optimizers.line_search import Point, strong_wolfe
from minigrad.optimizers.optimizer import Optimizer


class LBFGS(Optimizer):
    """p ← p - t H g,   H about the inverse of the Hessian, from the last history_size pairs s = Δp, y = Δg

    H is never formed; H g comes from two loops over the pairs (Nocedal & Wright 2006, algorithm 7.4):
    from the newest pair to the oldest, q ← q - aᵢ yᵢ with aᵢ = sᵢ·q / yᵢ·sᵢ; then q ← q y·s / y·y (of the newest);
    from the oldest to the newest, q ← q + (aᵢ - yᵢ·q / yᵢ·sᵢ) sᵢ. Pairs with y·s <= 1e-10 are not kept.

    For few parameters and the whole data set, since gradients must not be noisy: `optimizer.step(closure)`, where
    closure() forgets the gradients, computes the loss, calls backward and returns the loss. PyTorch's semantics:
    learning_rate     t (in the first iteration times min(1, 1 / Σ|g|)); with a line search, the first t that it tries
    max_iter          iterations in a step;  max_eval, calls of closure (5/4 of max_iter, unless said)
    tolerance_grad    the step ends when no number of the gradient is larger
    tolerance_change  and when parameters or loss change less than that
    line_search_fn    None, or "strong_wolfe": a t that lowers the loss and its slope enough
    """

    def __init__(self, parameters=None, learning_rate=1.0, max_iter=20, max_eval=None, tolerance_grad=1e-7,
                 tolerance_change=1e-9, history_size=100, line_search_fn=None, name=None):
        self.max_iter = number(self, "max_iter", max_iter, "[1, inf)", whole=True)
        max_eval = self.max_iter * 5 // 4 if max_eval is None else max_eval
        self.max_eval = number(self, "max_eval", max_eval, "[1, inf)", whole=True)
        self.tolerance_grad = number(self, "tolerance_grad", tolerance_grad, "[0, inf)")
        self.tolerance_change = number(self, "tolerance_change", tolerance_change, "[0, inf)")
        self.history_size = number(self, "history_size", history_size, "[1, inf)", whole=True)
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {line_search_fn!r}")
        self.line_search_fn = line_search_fn
        self._pairs, self._last = [], {}  # (s, y), the oldest first; the direction and the gradient of the last iteration
        self._t, self._count = 0.0, 0     # how far it went; how many iterations there were
        super().__init__(parameters, learning_rate, name=name)

    def set_parameters(self, parameters):
        """The Tensors to change, in one group."""
        super().set_parameters(parameters)
        if len(self.groups) > 1:
            raise ValueError(f"LBFGS takes all parameters as one vector, in one group; got {len(self.groups)} groups")

    def step(self, closure=None):
        """Up to max_iter iterations; gives the loss before them."""
        self._need_parameters()
        if not callable(closure):
            raise TypeError("LBFGS.step needs a closure, which forgets the gradients, computes the loss, calls backward and "
                            "returns the loss, since it is evaluated several times; so fit cannot use LBFGS")
        before = self._evaluate(closure)
        loss, g, calls = float(before), self._gradient(), 1
        for iteration in range(1, self.max_iter + 1):
            if abs(g).max() <= self.tolerance_grad:
                break
            d = self._direction(g)
            rate = self.learning_rate
            self._t = rate * min(1.0, 1.0 / float(abs(g).sum())) if self._count == 1 else rate
            self._last, previous = {"direction": d, "gradient": g}, loss
            slope = float(g @ d)
            if slope > -self.tolerance_change:
                break
            if self.line_search_fn:
                origin = [p._data.copy() for p in self._moved()]

                def at(t, d=d, origin=origin):
                    self._move(t * d)
                    value, gradient = float(self._evaluate(closure)), self._gradient()
                    for p, a in zip(self._moved(), origin):
                        p._data[...] = a
                        p.bump_version()
                    return Point(t, value, gradient, float(gradient @ d))

                point, evaluations = strong_wolfe(at, Point(0.0, loss, g, slope), self._t, float(abs(d).max()),
                                                  self.tolerance_change, self.max_eval - calls)
                self._t, loss, g = point.t, point.loss, point.gradient
                calls += evaluations
                self._move(self._t * d)
            else:
                self._move(self._t * d)
                if iteration < self.max_iter:
                    loss, g = float(self._evaluate(closure)), self._gradient()
                    calls += 1
            if (calls >= self.max_eval or float(abs(d * self._t).max()) <= self.tolerance_change
                    or abs(loss - previous) < self.tolerance_change):
                break
        self._calls += 1
        return before

    def _direction(self, g):
        """-H g, after a pair from the last iteration."""
        self._count += 1
        if not self._last:
            return -g
        y, s = g - self._last["gradient"], self._last["direction"] * self._t
        if float(y @ s) > 1e-10:
            self._pairs = [*self._pairs[len(self._pairs) == self.history_size:], (s, y)]
        q, shares = -g, []
        for s, y in reversed(self._pairs):
            shares.append((s @ q) / (y @ s))
            q -= shares[-1] * y
        if self._pairs:
            s, y = self._pairs[-1]
            q *= (y @ s) / (y @ y)
        for s, y in self._pairs:
            q += (shares.pop() - (y @ q) / (y @ s)) * s
        return q

    def _moved(self):
        return [p for p in self.parameters if p.requires_grad]

    def _evaluate(self, closure):
        with enable_grad():
            return closure()

    def _gradient(self):
        """All gradients as one vector."""
        parts = [as_real(p._data if p.grad is None else p.grad.data).ravel() * (p.grad is not None) for p in self._moved()]
        return get_array_module(*parts).concatenate(parts)

    def _move(self, change):
        """Add a vector to the parameters."""
        start = 0
        for p in self._moved():
            a = as_real(p._data)
            a += change[start:start + a.size].reshape(a.shape)
            start += a.size
            p.bump_version()

    def state_dict(self):
        """As of every optimizer; the vectors are "direction", "gradient", "s.0", "y.0" (the oldest pair), "s.1" ..."""
        vectors = dict(self._last)
        for i, (s, y) in enumerate(self._pairs):
            vectors |= {f"s.{i}": s, f"y.{i}": y}
        return (super().state_dict() | {"t": self._t, "count": self._count}
                | {name: backend.to_numpy(a).copy() for name, a in vectors.items()})

    def load_state_dict(self, state):
        """As of every optimizer."""
        state = dict(state)
        numbers = {name: number("LBFGS.load_state_dict", name, state.pop(name, None), "[0, inf)") for name in ("t", "count")}
        last = {name: state.pop(name) for name in ("direction", "gradient") if name in state}
        pairs = []
        while f"s.{len(pairs)}" in state and f"y.{len(pairs)}" in state:
            pairs.append((state.pop(f"s.{len(pairs)}"), state.pop(f"y.{len(pairs)}")))
        size = sum(as_real(p._data).size for p in self._moved())
        vectors = [*last.values(), *(a for pair in pairs for a in pair)]
        if len(last) == 1 or any(np.shape(a) != (size,) for a in vectors):
            raise ValueError(f"LBFGS: the state does not fit; direction, gradient, and all s and y must be vectors of "
                             f"{size} numbers, got {[np.shape(a) for a in vectors]}")
        super().load_state_dict(state)

        def home(a):
            return backend.to_device(np.array(a), self.parameters[0].device)

        self._t, self._count = numbers["t"], int(numbers["count"])
        self._last = {name: home(a) for name, a in last.items()}
        self._pairs = [(home(s), home(y)) for s, y in pairs]
