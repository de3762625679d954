"""The seed's LeNet trained in minigrad and in PyTorch in one run: from the same weights, on the same batches.

    python benchmarks/lenet_accuracy.py                          # Fashion-MNIST, 5 epochs, Adam, batch 64
    python benchmarks/lenet_accuracy.py --data mnist --data-folder FOLDER --seeds 0 1 2

Prints the test accuracies after each epoch, and their difference in points. The two go apart by rounding alone, which
training amplifies: several seeds tell more than one.
"""

import argparse

import numpy as np
from contestants.minigrad import compiled_lenet, step_of
from lenet import initial_weights
from rich.console import Console
from rich.progress import track
from rich.table import Table

import minigrad as mg

try:
    import torch
    from contestants.pytorch import images_of, lenet_and_step
except ImportError:
    torch = None


def load(name, folder, limit):
    """The training and the test data, images (N, 28, 28, 1) in [0, 1]."""
    (x, y), (x_test, y_test) = getattr(mg.data, name)(folder=folder)
    x, x_test = (images[:limit, ..., None].astype("float32") / 255 for images in (x, x_test))
    return x, y[:limit].astype("int64"), x_test, y_test[:limit]


def train(seed, data, epochs, batch):
    """Test accuracies (epochs, 2): minigrad's and PyTorch's."""
    x, y, x_test, y_test = data
    weights = initial_weights(seed)
    ours = compiled_lenet(weights)
    our_step = step_of(ours)
    theirs, their_step = lenet_and_step(weights)
    images, labels, rng = images_of(x), torch.from_numpy(y), np.random.default_rng(seed)
    accuracies = []
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for start in track(range(0, len(x), batch), f"seed {seed}, epoch {epoch + 1}/{epochs}", transient=True):
            rows = order[start:start + batch]
            our_step(x[rows], y[rows])
            their_step(images[rows], labels[rows])
        with torch.no_grad():
            logits = theirs(images_of(x_test)).numpy()
        accuracies.append([np.mean(p.argmax(axis=1) == y_test) for p in (ours.predict(x_test), logits)])
    return np.array(accuracies)


def main(argv=None):
    """Train both for each seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", choices=("fashion_mnist", "mnist"), default="fashion_mnist")
    parser.add_argument("--data-folder", help="a folder with the IDX files")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--limit", type=int, help="the first N training and N test images only")
    options = parser.parse_args(argv)
    if torch is None:
        parser.error("PyTorch is not installed: pip install 'minigrad[oracles]'")
    data = load(options.data, options.data_folder, options.limit)
    table = Table(title=f"{options.data}: test accuracy, {len(data[0]):,} training images", title_justify="left")
    for column in ("seed", "epoch", "minigrad", "PyTorch", "difference, points"):
        table.add_column(column, justify="right")
    last = []
    for seed in options.seeds:
        accuracies = train(seed, data, options.epochs, options.batch_size)
        last.append(accuracies[-1])
        for epoch, (ours, theirs) in enumerate(accuracies, 1):
            table.add_row(str(seed), str(epoch), f"{ours:.4f}", f"{theirs:.4f}", f"{100 * (ours - theirs):+.2f}")
        table.add_section()
    ours, theirs = np.mean(last, axis=0)
    table.add_row("mean", str(options.epochs), f"{ours:.4f}", f"{theirs:.4f}", f"{100 * (ours - theirs):+.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
