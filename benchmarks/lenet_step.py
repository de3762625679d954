"""One training step of the seed's LeNet (forward, loss, backward, Adam), minigrad and PyTorch in turn.

    python benchmarks/lenet_step.py                 # batches of 64 and 128, 40 repeats
    python benchmarks/lenet_step.py --batch 64 --repeats 100 --json step.json

PyTorch runs in NCHW, its default, and in channels_last; its other settings are its defaults. All start from the same
weights and take the same real images, and their losses are compared over the first steps. A ratio below 1 means that
minigrad is faster than the faster of the two. The machine is noisy: look at the ratio, not at the times.
"""

import argparse
import json
import os
import platform
from pathlib import Path

import numpy as np
from lenets import LAYOUTS, for_torch, initial_weights, minigrad_lenet, torch, torch_lenet
from rich.console import Console
from rich.table import Table
from turns import in_turn, ratio

import minigrad as mg

FIRST_STEPS = 5


def steps_of(batch):
    """{name: a function that does one step on the first images and returns the loss}."""
    (x, y), _ = mg.data.fashion_mnist()
    x, y = x[:batch, ..., None].astype("float32") / 255, y[:batch].astype("int64")
    weights = initial_weights()
    _, ours = minigrad_lenet(weights)
    images = mg.Tensor(x)
    steps = {"minigrad": lambda: ours(images, y)}
    for layout in LAYOUTS if torch else ():
        steps[f"PyTorch {layout}"] = _torch_step(weights, x, y, layout)
    return steps


def _torch_step(weights, x, y, layout):
    _, step = torch_lenet(weights, layout)
    images, labels = for_torch(x, layout), torch.from_numpy(y)
    return lambda: step(images, labels)


def compare(batch, repeats):
    """The rows of the table for one batch size."""
    steps = steps_of(batch)
    losses = {name: [step() for _ in range(FIRST_STEPS)] for name, step in steps.items()}
    for name, values in losses.items():  # rounding grows from step to step, by Adam's division too
        np.testing.assert_allclose(values, losses["minigrad"], rtol=2e-4, err_msg=f"the losses of {name} differ")
    seconds = in_turn(steps, repeats)
    fastest = min((name for name in steps if name != "minigrad"), key=lambda n: np.median(seconds[n]), default=None)
    rows = []
    for name, times in seconds.items():
        quartiles = np.quantile(times, (0.25, 0.5, 0.75)) / batch * 1e6
        rows.append({"batch": batch, "who": name, "us_per_image": quartiles[1], "quartiles": quartiles[[0, 2]].tolist(),
                     "first_loss": losses[name][0], "last_loss": losses[name][-1],
                     "ratio": ratio(times, seconds[fastest]) if fastest else None})
    return rows


def table_of(rows):
    """The rows as a table."""
    table = Table(title="LeNet, one training step: time per image", title_justify="left")
    for column in ("batch", "who", "median", "quartiles", "ratio to the faster PyTorch", f"loss, steps 1 and {FIRST_STEPS}"):
        table.add_column(column, justify="left" if column == "who" else "right")
    for r in rows:
        low, high = r["quartiles"]
        shown = "{:.2f}  ({:.2f} ... {:.2f})".format(*r["ratio"]) if r["ratio"] else "-"
        table.add_row(str(r["batch"]), r["who"], f"{r['us_per_image']:.0f} µs", f"{low:.0f} ... {high:.0f}", shown,
                      f"{r['first_loss']:.4f} {r['last_loss']:.4f}")
    return table


def main(argv=None):
    """Compare, print the table, write the JSON file if one is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, action="append", help="images to a step (default: 64 and 128)")
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args(argv)
    rows = [row for batch in options.batch or (64, 128) for row in compare(batch, options.repeats)]
    console = Console(width=None if Console().is_terminal else 110)
    console.print(table_of(rows))
    versions = {"python": platform.python_version(), "numpy": np.__version__, "minigrad": mg.__version__,
                "torch": torch.__version__ if torch else None, "cores": os.cpu_count(),
                "torch_threads": torch.get_num_threads() if torch else None, "machine": platform.machine()}
    console.print(", ".join(f"{k} {v}" for k, v in versions.items() if v is not None))
    if torch is None:
        console.print("PyTorch is not installed: pip install 'minigrad[oracles]', or make benchmark, for the comparison")
    if options.json:
        options.json.write_text(json.dumps({"versions": versions, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
