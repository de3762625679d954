"""Single operations, forward and backward, beside PyTorch: three sizes each, so that no shape falls off a cliff.

    python benchmarks/operations.py                                # the whole table, some minutes
    python benchmarks/operations.py --only conv2d --repeats 30
    python benchmarks/operations.py --json operations.json
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/operations.py --cpu-time

Each pair runs in turn in one process (turns.py), in float32, with both libraries' own number of threads; minigrad as a user
calls it, on the whole array. A ratio below 1 means that minigrad is faster. Below the table stands the geometric mean of the
operations that matrix products dominate, and of the others. On a machine that others use too, the last line counts the CPU's
seconds on one thread each, in which waiting for a core does not show.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from turns import in_turn, ratio

import minigrad as mg


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


def measure(case, repeats, clock=time.perf_counter):
    """{"ours": ms, "theirs": ms, "ratio": (median, low, high)}"""
    ours, theirs = steps_of(case)
    seconds = in_turn({"ours": ours, "theirs": theirs}, repeats, clock=clock)
    return {"ours": 1e3 * np.median(seconds["ours"]), "theirs": 1e3 * np.median(seconds["theirs"]),
            "ratio": ratio(seconds["ours"], seconds["theirs"])}


def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="operations whose name contains this")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--cpu-time", action="store_true", help="count CPU seconds of all threads, instead of the clock's")
    options = parser.parse_args(argv)
    clock = time.process_time if options.cpu_time else time.perf_counter
    import operations_convolution
    import operations_other
    cases = [c for c in (*operations_convolution.cases(), *operations_other.cases()) if options.only in c.name]
    console, rows = Console(width=None if Console().is_terminal else 110), []
    table = Table("operation", "size", "minigrad ms", "PyTorch ms", "ratio", title="forward and backward",
                  title_justify="left")
    for case in track(cases, console=console, transient=True):
        found = measure(case, options.repeats, clock)
        rows.append({"name": case.name, "size": case.size, "products": case.products, **found})
        middle, low, high = found["ratio"]
        table.add_row(case.name, case.size, f"{found['ours']:.3f}", f"{found['theirs']:.3f}",
                      f"{middle:.2f}  ({low:.2f} ... {high:.2f})", style="bold" if middle > 2 else None)
    console.print(table)
    for what, products in (("dominated by matrix products", True), ("the others", False)):
        ratios = [r["ratio"][0] for r in rows if r["products"] == products]
        console.print(f"{what}: {len(ratios)} cases, geometric mean {geometric_mean(ratios):.2f}, "
                      f"largest {max(ratios, default=math.nan):.2f}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
