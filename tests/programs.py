"""Random programs over the table's functions: their steps, their run with a gradient, and their Python text.

A program starts from a few inputs of shapes that broadcast to (2, 3). Each step applies a function to earlier values, all of
which then enter the loss, with random weights. An argument outside of the range on which the table tests the function goes
through `middle + half * mg.tanh(x)` first, so values stay tame and in the domain.
"""

import inspect
from dataclasses import dataclass

import numpy as np
from derivatives import EPS, as_list
from hypothesis import strategies as st
from table import TABLE
from test_families import with_an_axis

import minigrad as mg

SHAPES = [(2, 3), (1, 3), (2, 1), (1, 1)]
AXES = [None, 0, 1, -1, (0, 1)]


def interval(pool):
    """The range of the table's inputs; of positive numbers only if these keep away from 0."""
    low, high, near = pool.min(), pool.max(), np.abs(pool).min()
    return (near, np.abs(pool).max()) if low < 0 < high and near > 0.3 else (low, high)


def ranges():
    """{name: [the range of each operand]} of the functions that work number by number, and of those along axes."""
    found = {e.name: [interval(x) for x in e.inputs()] for e in TABLE
             if e.elementwise and e.call is getattr(mg, e.name, None) and len(e.inputs()) == (2 if e.broadcasts else 1)}
    for name, f in with_an_axis().items():
        parameters = inspect.signature(f).parameters
        if not hasattr(mg, name) or any(p.default is p.empty for p in list(parameters.values())[1:]):
            continue  # a function of linalg or fft, or one of several operands
        if "keepdims" in parameters:
            found[name] = [(0.3, 2.0)]
        elif keeps_the_shape(f):
            found[name] = [(-2.0, 2.0)]
    return found


def keeps_the_shape(f):
    try:
        return [y.shape for y in as_list(f(mg.Tensor(np.ones((2, 3))), axis=-1))] == [(2, 3)]
    except ValueError:
        return False


RANGES = ranges()
NAMES = tuple(sorted(RANGES))


@dataclass(frozen=True)
class Step:
    """One application: the function, how many values back each operand is, the axis (of functions that have one)."""

    name: str
    back: tuple
    axis: object


def steps(names):
    return st.builds(Step, st.sampled_from(names), st.tuples(st.integers(0, 9), st.integers(0, 9)), st.sampled_from(AXES))


def programs(names=NAMES):
    """(shapes of the inputs, steps, a seed for their numbers)."""
    return st.tuples(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3),
                     st.lists(steps(names), min_size=1, max_size=30), st.integers(0, 2 ** 16))


class Program:
    """The program made concrete: what each step is called with is decided at the inputs, and stays so beside them."""

    def __init__(self, shapes, steps, seed):
        rng = np.random.default_rng(seed)
        self.inputs = [rng.uniform(-1.5, 1.5, s).round(3) for s in shapes]
        self.calls, values, used = [], [mg.Tensor(x) for x in self.inputs], set()
        for step in steps:
            arguments = []
            for place, bounds in zip(step.back, RANGES[step.name]):
                k = len(values) - 1 - place % len(values)
                x = values[k].data
                inside = bounds[0] <= x.min() and x.max() <= bounds[1]
                arguments.append((k, None if inside else tuple(float(round(b, 2)) for b in middle_and_half(*bounds))))
            keywords = self.keywords(step, values[arguments[0][0]].shape)
            if keywords is None:
                continue
            self.calls.append((step.name, arguments, keywords))
            values.append(self.call(self.calls[-1], values))
            used.update(k for k, _ in arguments)
        self.results = [k for k in range(len(values)) if k not in used]
        self.weights = {k: rng.uniform(0.5, 1.5, values[k].shape).round(3) for k in self.results}

    @staticmethod
    def keywords(step, shape):
        """The keywords of the step; None if there is but one number to reduce (a standard deviation has a kink there)."""
        f = getattr(mg, step.name)
        if "axis" not in inspect.signature(f).parameters:
            return {}
        if "keepdims" in inspect.signature(f).parameters:
            lengths = [shape[a] for a in ([0, 1] if step.axis is None else np.ravel(step.axis))]
            return {"axis": step.axis, "keepdims": True} if np.prod(lengths) > 1 else None
        return {"axis": step.axis if isinstance(step.axis, int) else -1}

    @staticmethod
    def call(call, values):
        name, arguments, keywords = call
        operands = [values[k] if scale is None else scale[0] + scale[1] * mg.tanh(values[k]) for k, scale in arguments]
        return getattr(mg, name)(*operands, **keywords)

    def loss(self, inputs):
        values = list(inputs)
        for call in self.calls:
            values.append(self.call(call, values))
        return sum((values[k] * self.weights[k]).sum() for k in self.results)

    def __str__(self):
        """The program as Python that runs by itself."""
        lines = ["import numpy as np", "import minigrad as mg", ""]
        for i, x in enumerate(self.inputs):
            lines.append(f"x{i} = mg.Tensor(np.array({x.tolist()}), requires_grad=True)")
        for i, (name, arguments, keywords) in enumerate(self.calls, start=len(self.inputs)):
            operands = [f"x{k}" if scale is None else f"{scale[0]} + {scale[1]} * mg.tanh(x{k})" for k, scale in arguments]
            lines.append(f"x{i} = mg.{name}({', '.join(operands + [f'{k}={v}' for k, v in keywords.items()])})")
        terms = [f"(x{k} * np.array({self.weights[k].tolist()})).sum()" for k in self.results]
        lines += [f"loss = {' + '.join(terms)}", "loss.backward()"]
        return "\n".join([*lines, *(f"print('x{i}.grad =', x{i}.grad)" for i in range(len(self.inputs)))])


def middle_and_half(low, high):
    return (low + high) / 2, (high - low) / 2


class Slope:
    """d/dt loss(inputs + t·direction) at 0, by differences: `value`, and `error`, or None where it is not smooth.

    D(h) is the central difference; (4 D(h/2) - D(h)) / 3 is free of its h² term (Richardson), and how much two of these
    differ, for h and h/2, says how far they can be trusted: it holds what is left of the formula's error, and the rounding.
    At a kink the two one-sided slopes keep apart, however small the step; between smooth pieces they halve with it.
    """

    def __init__(self, loss, steps=(1e-3, 5e-4, 2.5e-4)):
        here = loss(0.0)
        ends = [(loss(h), loss(-h)) for h in steps]
        central = [(a - b) / (2 * h) for h, (a, b) in zip(steps, ends)]
        apart = [abs(a - 2 * here + b) / h for h, (a, b) in zip(steps, ends)]
        richardson = [(4 * b - a) / 3 for a, b in zip(central, central[1:])]
        self.value = richardson[-1]
        rounding = 256 * EPS * abs(here) / steps[-1]
        self.error = 16 * abs(richardson[1] - richardson[0]) + rounding
        self.smooth = all(b <= 0.7 * a + 1e-7 * max(1, abs(self.value)) for a, b in zip(apart, apart[1:]))
