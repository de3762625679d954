"""Peak memory and time of attention on a long text, plain and by blocks: one head, forward and backward.

    python benchmarks/attention_memory.py                       # 8,192 tokens, 64 features
    python benchmarks/attention_memory.py --tokens 2048 --causal

"traced" is what NumPy allocates at most above what the inputs take, by tracemalloc; "resident" by how much the process grew
beyond its largest size so far (ru_maxrss), so the smaller kind runs first. Both kinds get the same numbers; the largest
difference of their values and gradients is printed below.
"""

import argparse
import gc
import resource
import sys
import time
import tracemalloc

import numpy as np
from rich.console import Console
from rich.table import Table

import minigrad as mg
import minigrad.functions as F


def step(attend, inputs, causal):
    """A forward and a backward pass: [the output, dq, dk, dv]."""
    leaves = [mg.Tensor(x, requires_grad=True) for x in inputs[:3]]
    y = attend(*leaves, is_causal=causal)
    return [y.data, *(g.data for g in mg.autograd.grad(y, leaves, mg.Tensor(inputs[3])))]


def resident():
    """The largest size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(tokens=8192, features=64, causal=False, block=512, seed=0):
    """{kind: (traced bytes, resident bytes, seconds, results)} of a step "blockwise" and "plain"."""
    rng = np.random.default_rng(seed)
    inputs = [rng.standard_normal((tokens, features)).astype(np.float32) for _ in range(4)]
    kinds = {"blockwise": lambda *x, **how: F.blockwise_attention(*x, block=block, **how),
             "plain": F.scaled_dot_product_attention}
    found = {}
    for kind, attend in kinds.items():
        step(attend, [x[:8] for x in inputs], causal)  # warm up
        gc.collect()
        before, start = resident(), time.perf_counter()
        step(attend, inputs, causal)
        seconds, grown = time.perf_counter() - start, resident() - before
        tracemalloc.start()
        try:
            results = step(attend, inputs, causal)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        found[kind] = peak, grown, seconds, results
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--block", type=int, default=512)
    parser.add_argument("--causal", action="store_true")
    options = parser.parse_args()
    found = measure(options.tokens, options.features, options.causal, options.block)
    table = Table("attention", "traced MB", "resident MB", "seconds",
                  title=f"{options.tokens:,} tokens, one head of {options.features}, blocks of {options.block}, float32")
    for kind, (peak, grown, seconds, _) in found.items():
        table.add_row(kind, f"{peak / 1e6:.1f}", f"{grown / 1e6:.1f}", f"{seconds:.2f}")
    console = Console()
    console.print(table)
    for name, a, b in zip(("o", "dq", "dk", "dv"), found["blockwise"][3], found["plain"][3]):
        console.print(f"largest difference in {name}: {np.abs(a - b).max():.1e} of {np.abs(b).max():.1e}")


if __name__ == "__main__":
    main()
