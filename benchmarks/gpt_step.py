"""One training step of a small GPT (forward, loss, backward, AdamW), minigrad and PyTorch in turn.

    python benchmarks/gpt_step.py
    python benchmarks/gpt_step.py --repeats 30 --json gpt.json

4 layers, 128 wide, 4 heads, context 128, batch 16, vocabulary 65, GELU, the last product with the embeddings' weights: 11.4
GFLOP a step. minigrad runs in pieces on several threads (mg.parallel.step), and by hand without them; PyTorch is eager, with
its scaled_dot_product_attention. All start from the same weights, and their losses are compared over the first steps. A
ratio below 1 means that minigrad is faster.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from gpts import SIZE, initial_weights, minigrad_gpt, torch, torch_gpt
from rich.console import Console
from rich.table import Table
from turns import in_turn, ratio

FIRST_STEPS, BATCH = 50, 16


def steps_of(seed=0):
    """{name: a function that does one step and returns the loss}."""
    tokens = np.random.default_rng(seed).integers(0, SIZE["vocabulary"], (BATCH, SIZE["context"] + 1))
    ids, targets = tokens[:, :-1].copy(), tokens[:, 1:].copy()
    weights = initial_weights()
    steps = {}
    for name, workers in (("minigrad, in pieces", "auto"), ("minigrad, by hand", None)):
        _, step = minigrad_gpt(weights, workers)
        steps[name] = lambda step=step: step(ids, targets)
    if torch:
        _, theirs = torch_gpt(weights)
        their_ids, their_targets = torch.from_numpy(ids), torch.from_numpy(targets)
        steps["PyTorch"] = lambda: theirs(their_ids, their_targets)
    return steps


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args(argv)
    steps = steps_of()
    losses = {name: [step() for _ in range(FIRST_STEPS)] for name, step in steps.items()}
    first = next(iter(steps))
    table = Table("who", "median ms", "quartiles", "ratio to PyTorch", f"largest difference of {FIRST_STEPS} losses",
                  title="GPT, one training step", title_justify="left")
    seconds, rows = in_turn(steps, options.repeats), []
    for name, times in seconds.items():
        low, middle, high = 1e3 * np.quantile(times, (0.25, 0.5, 0.75))
        apart = float(np.abs(np.subtract(losses[name], losses[first])).max())
        against = ratio(times, seconds["PyTorch"]) if "PyTorch" in seconds else None
        rows.append({"who": name, "ms": middle, "quartiles": [low, high], "ratio": against, "losses_apart": apart})
        shown = "{:.2f}  ({:.2f} ... {:.2f})".format(*against) if against else "-"
        table.add_row(name, f"{middle:.1f}", f"{low:.1f} ... {high:.1f}", shown, f"{apart:.1e}")
    Console(width=None if Console().is_terminal else 110).print(table)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
