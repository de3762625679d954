"""What the engine itself costs: one recorded elementwise operation on a tiny array, forward plus backward.

    python benchmarks/tiny_operation.py                       # a chain of 20,000: 10,000 times x = x * a + b
    python benchmarks/tiny_operation.py --length 2000 --repeats 40

All are timed in turn in one process (see turns.py), on 3 numbers of float32; what is not installed is left out. The second
table is the forward pass alone where nothing is recorded, beside NumPy's own arithmetic. A ratio below 1 means that minigrad
is faster.
"""

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table
from turns import in_turn, ratio

import minigrad as mg

SIZE = 3


def chain(x, a, b, length):
    """x * a + b, again and again: `length` operations."""
    for _ in range(length // 2):
        x = x * a + b
    return x


def numbers():
    """x, a and b; a near 1 keeps the chain in range, so that no step is slowed down by tiny or huge numbers."""
    return [np.array(v, np.float32) for v in ([0.5, -1.0, 2.0], [0.9999, 1.0, 0.9998], [1e-3, -1e-3, 2e-3])]


def ours(length):
    """minigrad: the chain and its gradient by x, a and b."""
    return _step(length, *(mg.Tensor(v, requires_grad=True) for v in numbers()))


def pytorch(length):
    """PyTorch, eager."""
    import torch
    return _step(length, *(torch.tensor(v, requires_grad=True) for v in numbers()))


def _step(length, x, a, b):
    """Forward and backward, written alike for both."""
    def step():
        for leaf in (x, a, b):
            leaf.grad = None
        chain(x, a, b, length).sum().backward()
        return a.grad.numpy()
    return step


def hips_autograd(length):
    """HIPS autograd."""
    from autograd import grad
    gradient = grad(lambda x, a, b: chain(x, a, b, length).sum(), argnum=(0, 1, 2))
    arrays = numbers()
    return lambda: gradient(*arrays)[1]


def mygrad(length):
    """MyGrad."""
    import mygrad
    x, a, b = (mygrad.tensor(v) for v in numbers())

    def step():
        chain(x, a, b, length).sum().backward()
        return a.grad
    return step


PEERS = {"PyTorch": pytorch, "HIPS autograd": hips_autograd, "MyGrad": mygrad}


def recorded(length):
    """{name: a step that goes forward and backward}, whose gradients agree."""
    steps = {"minigrad": ours(length)}
    for name, peer in PEERS.items():
        try:
            steps[name] = peer(length)
        except ImportError:
            pass
    expected = steps["minigrad"]()
    for name, step in steps.items():
        np.testing.assert_allclose(step(), expected, rtol=1e-3, err_msg=f"the gradient of {name} differs")
    return steps


def unrecorded(length):
    """{name: a step that only goes forward}: minigrad under no_grad, and bare NumPy."""
    arrays = numbers()
    tensors = [mg.Tensor(v, requires_grad=True) for v in arrays]

    def under_no_grad():
        with mg.no_grad():
            return chain(*tensors, length)
    return {"minigrad, no_grad": under_no_grad, "NumPy": lambda: chain(*arrays, length)}


def table_of(title, steps, length, repeats):
    """Time the steps in turn: a table of the cost of one operation, and the ratio of the first step to each other."""
    seconds = in_turn(steps, repeats)
    first = next(iter(steps))
    table = Table("who", "µs an operation", f"{first} / this one", title=title, title_justify="left")
    for name, times in seconds.items():
        shown = "-" if name == first else "{:.2f}  ({:.2f} ... {:.2f})".format(*ratio(seconds[first], times))
        table.add_row(name, f"{np.median(times) / length * 1e6:.2f}", shown)
    return table


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=20_000, help="operations in the chain")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args(argv)
    console = Console()
    for title, steps in {"recorded, forward and backward": recorded(options.length),
                         "forward alone": unrecorded(options.length)}.items():
        console.print(table_of(title, steps, options.length, options.repeats))


if __name__ == "__main__":
    main()
