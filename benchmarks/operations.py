"""Single operations, forward and backward, beside PyTorch: three sizes each, so that no shape falls off a cliff.

    python benchmarks/operations.py                                # the whole table, some minutes
    python benchmarks/operations.py --only conv2d --repeats 30
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/operations.py --cpu-time

Each pair runs in turn, each library in a process of its own (peers.py), in float32, with its own number of threads; minigrad
as a user calls it, on the whole array. A ratio below 1 means that minigrad is faster. Below the table stands the geometric
mean of the operations that matrix products dominate, and of the others. On a machine that others use too, the last line
counts the CPU's seconds on one thread each, in which waiting for a core does not show.
"""

import argparse
import functools
import math
from typing import NamedTuple

import numpy as np
from peers import Contest
from results import Block, Row, block_of, show
from rich.console import Console
from rich.progress import track

import minigrad as mg

LEAST = 0.01  # seconds of a run: what is shorter is done several times


class Case(NamedTuple):
    """One operation at one size."""

    name: str              # "conv2d 3x3"
    size: str              # "8x28x28x32 -> 64"
    products: bool         # whether matrix products dominate
    ours: object           # Tensors -> a Tensor
    theirs: object         # the same with PyTorch's
    operands: list         # shapes of float32 operands that are differentiated, or arrays of integers
    to_torch: object = None  # arrays of minigrad's layout -> arrays of PyTorch's; None: the same ones


def random_arrays(operands, seed=0):
    """The operands: standard normal numbers, small enough that no sum overflows."""
    rng = np.random.default_rng(seed)
    return [x if isinstance(x, np.ndarray) else rng.standard_normal(x, np.float32) for x in operands]


def steps_of(case):
    """(minigrad's step, PyTorch's): forward, and backward from the same random gradient."""
    import torch
    arrays = random_arrays(case.operands)
    tensors = [mg.Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    y = case.ours(*tensors)
    dy = mg.Tensor(np.random.default_rng(1).standard_normal(y.shape, np.float32))
    leaves = [x for x in tensors if x.requires_grad]

    def ours():
        return mg.autograd.grad(case.ours(*tensors), leaves, dy)

    others = [torch.from_numpy(np.ascontiguousarray(x)) for x in (case.to_torch(*arrays) if case.to_torch else arrays)]
    others = [x.requires_grad_() if x.is_floating_point() else x for x in others]
    wanting = [x for x in others if x.requires_grad]
    theirs_dy = torch.randn_like(case.theirs(*others))

    def theirs():
        return torch.autograd.grad(case.theirs(*others), wanting, theirs_dy)
    return ours, theirs


@functools.cache
def all_cases():
    """All of them."""
    import operations_convolution
    import operations_other
    return [*operations_convolution.cases(), *operations_other.cases()]


def measure(contest, repeats, clock="seconds"):
    """{"minigrad": seconds of each repeat, "PyTorch": ...} of the case that is built."""
    def count(name):
        contest.run(name, 1)
        return max(1, int(LEAST / max(contest.run(name, 2)["seconds"] / 2, 1e-7)))
    measures = {name: ((n,), n) for name, n in contest.each(count).items()}
    return contest.in_turn(measures, repeats, clock, warm_up=1, rest=0.01)


def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def run(quick=False, only="", repeats=None, clock="seconds"):
    """The blocks of the table: the operations, and the two geometric means."""
    try:
        cases = all_cases()
    except ImportError as error:
        return [Block("operations", "single operations", "", [], absent={"PyTorch": f"not installed: {error}"})]
    chosen = [(i, c) for i, c in enumerate(cases) if only in c.name and not (quick and i % 5)]
    blocks, found = [], {True: [], False: []}
    with Contest({"minigrad": ("minigrad", {"case": 0}), "PyTorch": ("pytorch", {"case": 0})}, "operation") as contest:
        for number, case in track(chosen, console=Console(stderr=True), transient=True):
            contest.build(case=number)
            seconds = measure(contest, repeats or (3 if quick else 9), clock)
            block = block_of("operations", f"{case.name}, {case.size}", "ms", seconds, 1e3, "minigrad")
            blocks.append(block)
            found[case.products] += [r.ratio[0] for r in block.rows if r.ratio]
    show(blocks)
    means = []
    for what, products in (("operations that matrix products dominate", True), ("all other operations", False)):
        if ratios := found[products]:
            middle = geometric_mean(ratios)
            means.append(Block("operations", what, "", [Row("PyTorch", None, (middle, min(ratios), max(ratios)))],
                               [f"{len(ratios)} cases, geometric mean {middle:.2f}, {sum(r > 2 for r in ratios)} over 2, "
                                f"largest {max(ratios):.2f}"]))
    return means


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="operations whose name contains this")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--cpu-time", action="store_true", help="count CPU seconds of all threads, instead of the clock's")
    options = parser.parse_args()
    show(run(only=options.only, repeats=options.repeats, clock="cpu" if options.cpu_time else "seconds"))
