"""Train LeNet on real images, evaluate it, and keep everything that shows how it went.

    python examples/lenet.py [--data fashion_mnist|mnist] [--classic] [--epochs 5] [--limit N] ...

The output folder then holds learning_curves.png, confusion_matrix.png, predictions.png, report.txt and
lenet.safetensors, the weights, which are loaded back into a fresh model at the end.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.text import Text

import minigrad as mg
from minigrad.inspect import plots
from minigrad.inspect.tables import Fitting, new_table


def arguments_of(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", choices=("fashion_mnist", "mnist"), default="fashion_mnist", help="the images")
    parser.add_argument("--data-folder", help="a folder with the data set's IDX files")
    parser.add_argument("--classic", action="store_true", help="LeNet-5 of 1998 instead of today's form")
    parser.add_argument("--epochs", type=positive, default=5, help="times through the data")
    parser.add_argument("--batch-size", type=positive, default=64, help="images to a step")
    parser.add_argument("--lr", type=float, default=0.001, help="learning rate")
    parser.add_argument("--optimizer", choices=("adam", "adamw", "sgd"), default="adam")
    parser.add_argument("--seed", type=int, default=0, help="of weights and shuffling")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--output", type=Path, default=Path("outputs/lenet"), help="the folder for results")
    parser.add_argument("--limit", type=positive, help="take only the first N training and N test images")
    return parser.parse_args(argv)


def positive(text):
    """A positive integer, for argparse."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return int(text)


def load(options):
    """((x, y), (x_test, y_test)), the images as float32 in [0, 1] with a channel axis, and the names of the classes."""
    load_data = mg.data.fashion_mnist if options.data == "fashion_mnist" else mg.data.mnist
    (x, y), (x_test, y_test) = load_data(folder=options.data_folder)
    n = options.limit
    names = mg.data.FASHION_MNIST_CLASSES if options.data == "fashion_mnist" else [str(d) for d in range(10)]
    return (scaled(x[:n]), y[:n]), (scaled(x_test[:n]), y_test[:n]), names


def scaled(images):
    """Bytes of 0 ... 255 as float32 in [0, 1], (N, 28, 28, 1)."""
    return images[..., None].astype("float32") / 255


def main(argv=None):
    options = arguments_of(argv)
    console = Console()
    options.output.mkdir(parents=True, exist_ok=True)
    (x, y), (x_test, y_test), names = load(options)

    mg.seed(options.seed)
    new_model = mg.models.LeNet5 if options.classic else mg.models.LeNet
    model = new_model().to(options.device)
    optimizer = type(mg.optimizers.get(options.optimizer))(learning_rate=options.lr)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    console.print(mg.summary(model))

    history = model.fit(x, y, epochs=options.epochs, batch_size=options.batch_size,
                        validation_data=(x_test, y_test))

    probabilities = model.predict(x_test)
    predicted = probabilities.argmax(axis=1)
    report = mg.metrics.classification_report(y_test, predicted, names)
    confusion = mg.metrics.ConfusionMatrix(num_classes=10)
    confusion.update_state(y_test, predicted)
    console.print("", report, "", confusion_table(confusion.result(), names), "", sep="\n")
    console.print(f"test accuracy {np.mean(predicted == y_test):.4f}")

    folder = options.output
    plots.save(plots.learning_curves(history.history), folder / "learning_curves.png")
    plots.save(plots.confusion_matrix(confusion.result(), names), folder / "confusion_matrix.png")
    plots.save(plots.prediction_grid(x_test[..., 0], y_test, predicted, names, probabilities), folder / "predictions.png")
    (folder / "report.txt").write_text(f"{mg.summary(model)}\n\n{report}\n", encoding="utf-8")
    model.save_weights(folder / "lenet.safetensors")

    again = new_model()
    again.load_weights(folder / "lenet.safetensors")
    same = np.array_equal(again.to(options.device).predict(x_test), probabilities)
    console.print("weights saved, loaded into a new model, same predictions: " + ("yes" if same else "NO"))
    console.print(Text(f"results are in {folder}/"))
    return 0 if same else 1


def confusion_table(matrix, names):
    """The confusion matrix as a table: a row for each true class, a column for each predicted one."""
    return Fitting(*(confusion_columns(matrix, names, letters) for letters in (12, 8, 5, 3)))


def confusion_columns(matrix, names, letters):
    """The table with so many letters of each column's name."""
    table = new_table("confusion matrix: rows are true, columns predicted")
    table.add_column("", no_wrap=True)
    for name in names:
        table.add_column(name[:letters], justify="right", no_wrap=True)
    for i, name in enumerate(names):
        table.add_row(name, *[f"[bold]{n}[/bold]" if i == j else str(n) if n else "·" for j, n in enumerate(matrix[i])])
    return table


if __name__ == "__main__":
    sys.exit(main())
