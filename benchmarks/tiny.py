"""What the engine itself costs: one recorded elementwise operation on a tiny array, forward plus backward.

A chain of 20,000 (10,000 times x = x * a + b) on 3 numbers of float32, by all libraries that record; then the forward pass
alone where nothing is recorded, beside NumPy's own arithmetic.
"""

import numpy as np
from peers import Contest
from results import block_of
from turns import told_in_turn

RECORDED = {"minigrad": "minigrad", "PyTorch": "pytorch", "HIPS autograd": "autograd", "MyGrad": "mygrad",
            "DeZero": "dezero", "PyDyNet": "pydynet"}
SMALLPEBBLE = "its backward calls itself for each operation, and stops at Python's recursion limit"


def numbers():
    """x, a and b; a near 1 keeps the chain in range, so that no step is slowed down by tiny or huge numbers."""
    values = {"x": [0.5, -1.0, 2.0], "a": [0.9999, 1.0, 0.9998], "b": [1e-3, -1e-3, 2e-3]}
    return {name: np.array(v, np.float32) for name, v in values.items()}


def run(quick=False):
    """The two blocks of the table."""
    length, repeats = (2_000, 5) if quick else (20_000, 15)
    with Contest({name: (module, {"length": length}) for name, module in RECORDED.items()}, "tiny", numbers()) as contest:
        contest.each(contest.run)
        gradients = contest.each(contest.weights)
        for name, found in gradients.items():
            for ours, theirs in zip(gradients["minigrad"], found, strict=True):
                np.testing.assert_allclose(theirs, ours, rtol=1e-3, err_msg=f"the gradient of {name} differs")
        seconds = contest.in_turn({name: ((), length) for name in contest.processes}, repeats, warm_up=1, rest=0.02)
        recorded = block_of("tiny", "one tiny operation, recorded, forward and backward", "µs", seconds, 1e6, "minigrad",
                            absent={**contest.absent, "SmallPebble": SMALLPEBBLE})
    seconds = {}
    ours, numpy = ("minigrad, no_grad", "tiny_forward"), ("NumPy", "numpy_forward")
    with Contest({ours[0]: ("minigrad", {"length": length})}, ours[1], numbers()) as first, \
            Contest({numpy[0]: ("minigrad", {"length": length})}, numpy[1], numbers()) as second:
        seconds = told_in_turn({name: lambda name=name, contest=contest: contest.run(name)["seconds"] / length
                                for contest, (name, _) in ((first, ours), (second, numpy))}, repeats, warm_up=1)
    return [recorded, block_of("tiny", "one tiny operation, forward alone", "µs", seconds, 1e6, ours[0])]
