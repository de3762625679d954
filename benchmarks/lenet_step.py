"""The training step of the seed's LeNet (forward, loss, backward, Adam): minigrad, PyTorch and DeZero in turn.

    python benchmarks/lenet_step.py                 # batches of 64 and 128, epochs of 20 steps, 15 of them
    python benchmarks/lenet_step.py --batch 64 --repeats 100 --json step.json

minigrad runs as `fit` does by default, on all cores, and as a loop written by hand, a batch at a time; PyTorch in NCHW,
its default, and in channels_last, its other settings as they come. All start from the same weights and take the same
real images. First the losses of 50 steps are compared, in float64: in float32 a rounding decides now and then which of
two pixels is the larger, and Adam carries that on, so that float32 and float64 of one library go apart in the third
digit. Then each trains a short epoch in turn, in float32; the time of a step includes what `fit` does once. A ratio
below 1 is faster than the faster PyTorch. The machine is noisy: look at the ratios, which compare neighbours in time,
not at the times.
"""

import argparse
import json
import platform
from pathlib import Path

import numpy as np
from lenets import (
    LAYOUTS,
    dezero,
    dezero_step,
    for_torch,
    initial_weights,
    minigrad_lenet,
    minigrad_step,
    torch,
    torch_lenet,
)
from rich.console import Console
from rich.table import Table
from turns import in_turn, ratio

import minigrad as mg

COMPARED = 50  # steps, whose losses must agree to
CLOSE = 1e-4   # but DeZero's, whose Adam is a little different


def images(rows, dtype):
    """The first so many training images and labels."""
    (x, y), _ = mg.data.fashion_mnist()
    return (x[:rows, ..., None] / 255).astype(dtype), y[:rows].astype("int64")


def contestants(x, y, batch):
    """{name: train(rows)}, which takes these rows once, a batch after the other, and returns their mean loss."""
    weights = [w.astype(x.dtype) for w in initial_weights()]
    model = minigrad_lenet(weights)
    by_hand = minigrad_step(minigrad_lenet(weights))

    def fit(rows):
        history = model.fit(x[rows], y[rows], batch_size=batch, shuffle=False, verbose=0)
        return history.history["loss"][0]

    found = {"minigrad fit": fit, "minigrad by hand": _loop(by_hand, x, y, batch)}
    for layout in LAYOUTS if torch else ():
        images, labels = for_torch(x, layout), torch.from_numpy(y)
        found[f"PyTorch {layout}"] = _loop(torch_lenet(weights, layout)[1], images, labels, batch)
    if dezero:
        found["DeZero"] = _loop(dezero_step(weights), np.ascontiguousarray(x.transpose(0, 3, 1, 2)), y, batch)
    return found


def _loop(step, x, y, batch):
    def train(rows):
        starts = range(*rows.indices(len(x))[:2], batch)
        return float(np.mean([step(x[i:i + batch], y[i:i + batch]) for i in starts]))
    return train


def losses_of(batch):
    """{name: the largest difference to fit's loss}, over the first steps, in float64."""
    x, y = images(batch * COMPARED, "float64")
    losses = {name: [train(slice(i * batch, (i + 1) * batch)) for i in range(COMPARED)]
              for name, train in contestants(x, y, batch).items()}
    apart = {name: float(np.abs(np.subtract(values, losses["minigrad fit"])).max()) for name, values in losses.items()}
    if max(difference for name, difference in apart.items() if name != "DeZero") > CLOSE:
        raise AssertionError(f"the losses differ by more than {CLOSE}: {apart}")
    return apart


def compare(batch, steps, repeats):
    """The rows of the table for one batch size."""
    x, y = images(batch * steps, "float32")
    runs = contestants(x, y, batch)
    seconds = in_turn({name: lambda train=train: train(slice(0, len(x))) for name, train in runs.items()}, repeats, 1)
    fastest = min((n for n in runs if n.startswith("PyTorch")), key=lambda n: np.median(seconds[n]), default=None)
    rows = []
    for name, times in seconds.items():
        quartiles = np.quantile(times, (0.25, 0.5, 0.75)) / (batch * steps) * 1e6
        rows.append({"batch": batch, "who": name, "us_per_image": quartiles[1], "quartiles": quartiles[[0, 2]].tolist(),
                     "ratio": ratio(times, seconds[fastest]) if fastest else None})
    return rows


def table_of(rows):
    """The rows as a table."""
    table = Table(title="LeNet, one training step: time per image", title_justify="left")
    for column in ("batch", "who", "median", "quartiles", "ratio to the faster PyTorch"):
        table.add_column(column, justify="left" if column == "who" else "right")
    for r in rows:
        low, high = r["quartiles"]
        shown = "{:.2f}  ({:.2f} ... {:.2f})".format(*r["ratio"]) if r["ratio"] else "-"
        table.add_row(str(r["batch"]), r["who"], f"{r['us_per_image']:.0f} µs", f"{low:.0f} ... {high:.0f}", shown)
    return table


def main(argv=None):
    """Compare, print the table, write the JSON file if one is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, action="append", help="images to a step (default: 64 and 128)")
    parser.add_argument("--steps", type=int, default=20, help="steps to an epoch")
    parser.add_argument("--repeats", type=int, default=15, help="epochs")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args(argv)
    batches = options.batch or (64, 128)
    apart = losses_of(batches[0])
    rows = [row for batch in batches for row in compare(batch, options.steps, options.repeats)]
    console = Console(width=None if Console().is_terminal else 110)
    console.print(table_of(rows))
    console.print(f"losses over {COMPARED} steps, largest difference to fit's: "
                  + ", ".join(f"{name} {difference:.0e}" for name, difference in apart.items()))
    versions = {"python": platform.python_version(), "numpy": np.__version__, "minigrad": mg.__version__,
                "torch": torch.__version__ if torch else None, "cores": mg.parallel.count_workers("auto"),
                "torch_threads": torch.get_num_threads() if torch else None, "machine": platform.machine()}
    console.print(", ".join(f"{k} {v}" for k, v in versions.items() if v is not None))
    for name, library in (("PyTorch", torch), ("DeZero", dezero)):
        if library is None:
            console.print(f"{name} is not installed: make benchmark brings it, for the comparison")
    if options.json:
        options.json.write_text(json.dumps({"versions": versions, "rows": rows, "apart": apart}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
