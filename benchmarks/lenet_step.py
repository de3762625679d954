"""One training step of LeNet (forward, loss, backward, Adam), minigrad and PyTorch in turn.

    python benchmarks/lenet_step.py                 # batches of 64 and 128, 40 repeats
    python benchmarks/lenet_step.py --batch 64 --repeats 100 --json step.json

PyTorch runs in NCHW, its default, and in channels_last; its other settings are its defaults. All start from the same
weights and take the same batch, and their losses are compared over the first steps. A ratio below 1 means that minigrad
is faster than the faster of the two. The machine is noisy: look at the ratio, not at the times.
"""

import argparse
import json
import os
import platform
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from turns import in_turn, ratio

import minigrad as mg
import minigrad.functions as F

try:
    import torch
except ImportError:
    torch = None

FIRST_STEPS = 5


def batch_of(n):
    """n images of noise with class labels: the time of a step does not depend on what they show."""
    rng = np.random.default_rng(0)
    return rng.random((n, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, n)


def minigrad_step(weights, x, y):
    """A function that does a step and returns the loss."""
    model = mg.Sequential([
        mg.layers.Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)), mg.layers.MaxPooling2D(2),
        mg.layers.Conv2D(64, 3, activation="relu"), mg.layers.MaxPooling2D(2), mg.layers.Flatten(),
        mg.layers.Dense(128, activation="relu"), mg.layers.Dense(10)])
    for p, w in zip(model.parameters(), weights):
        p.data = w.copy()
    optimizer = mg.optimizers.Adam(model.parameters(), epsilon=1e-8)
    images = mg.Tensor(x)

    def step():
        loss = F.cross_entropy(model(images, training=True), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return step


def torch_step(weights, x, y, layout):
    """The same in PyTorch; `layout` is "NCHW" or "channels_last"."""
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights):
            p.copy_(torch.from_numpy(_for_torch(w)))
    images = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    if layout == "channels_last":
        model, images = model.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    optimizer, labels = torch.optim.Adam(model.parameters()), torch.from_numpy(y)

    def step():
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return step


def _for_torch(w):
    """A weight in PyTorch's order: (out, in, kh, kw), (out, in); the flattened image has channels first there."""
    if w.ndim == 4:
        w = w.transpose(3, 2, 0, 1)
    elif w.shape == (1600, 128):
        w = w.reshape(5, 5, 64, 128).transpose(3, 2, 0, 1).reshape(128, 1600)
    elif w.ndim == 2:
        w = w.T
    return np.ascontiguousarray(w)


def compare(batch, repeats):
    """The rows of the table for one batch size."""
    mg.seed(0)
    weights = [p.numpy().copy() for p in mg.models.LeNet().parameters()]
    x, y = batch_of(batch)
    steps = {"minigrad": minigrad_step(weights, x, y)}
    if torch:
        steps |= {f"PyTorch {layout}": torch_step(weights, x, y, layout) for layout in ("NCHW", "channels_last")}
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
