"""Peak memory of a deep model's step, with and without checkpoints: what NumPy allocates, by tracemalloc.

    python benchmarks/checkpoint_memory.py                     # 64 blocks
    python benchmarks/checkpoint_memory.py --blocks 16 --batch 512

A block is x + gelu(x w1) w2, the feed-forward part of a transformer. The step is a forward and a backward pass; both
kinds start from the same weights, and their gradients must be equal to the bit. The weights themselves and the batch are
allocated before the measurement, the gradients count.
"""

import argparse
import time
import tracemalloc

import numpy as np
from rich.console import Console
from rich.table import Table

import minigrad as mg


def make_blocks(count, features, rng):
    """`count` functions x ↦ x + gelu(x w1) w2, and all their weights."""
    weights = [[mg.Tensor(rng.normal(0, 0.1, shape).astype(np.float32), requires_grad=True)
                for shape in ((features, 4 * features), (4 * features, features))] for _ in range(count)]
    return [lambda x, w1=w1, w2=w2: x + mg.gelu(x @ w1) @ w2 for w1, w2 in weights], sum(weights, [])


def step(blocks, weights, x, checkpointed):
    """A forward and a backward pass: the gradients of the weights and of x."""
    leaf = y = mg.Tensor(x, requires_grad=True)
    for block in blocks:
        y = mg.checkpoint(block, y) if checkpointed else block(y)
    return mg.autograd.grad((y * y).mean(), [leaf, *weights])


def measure(count=64, features=32, batch=256, seed=0):
    """{kind: (peak bytes, seconds, gradients)} of a step "plain" and "checkpoint"."""
    rng = np.random.default_rng(seed)
    blocks, weights = make_blocks(count, features, rng)
    x = rng.standard_normal((batch, features)).astype(np.float32)
    found = {}
    for kind in ("plain", "checkpoint"):
        step(blocks[:2], weights[:4], x, kind == "checkpoint")  # warm up
        start = time.perf_counter()
        step(blocks, weights, x, kind == "checkpoint")
        seconds = time.perf_counter() - start
        tracemalloc.start()
        try:
            gradients = step(blocks, weights, x, kind == "checkpoint")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        found[kind] = peak, seconds, [g.numpy() for g in gradients]
        del gradients
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=64)
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    found = measure(options.blocks, options.features, options.batch)
    table = Table("step", "peak MiB", "of plain", "seconds", title=f"{options.blocks} blocks, {options.features} features, "
                  f"batch {options.batch}, float32")
    for kind, (peak, seconds, _) in found.items():
        table.add_row(kind, f"{peak / 2**20:.2f}", f"{peak / found['plain'][0]:.3f}", f"{seconds:.3f}")
    console = Console()
    console.print(table)
    equal = all(np.array_equal(a, b) for a, b in zip(found["plain"][2], found["checkpoint"][2]))
    console.print(f"gradients equal to the bit: {equal}")


if __name__ == "__main__":
    main()
