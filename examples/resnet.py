"""Train a small ResNet on Fashion-MNIST, with augmentation and a one-cycle schedule; compare it with LeNet.

    python examples/resnet.py [--compare] [--epochs 12] [--limit N] ...

The output folder then holds augmentation.png, schedule.png, learning_curves.png, confusion_matrix.png, wrong.png (the errors
that it is surest of), report.txt and resnet.safetensors, the weights.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from lenet import confusion_table, load, positive
from rich.console import Console
from rich.text import Text

import minigrad as mg
from minigrad import layers
from minigrad.inspect import plots


def arguments_of(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data-folder", help="a folder with Fashion-MNIST's IDX files")
    parser.add_argument("--compare", action="store_true", help="train LeNet too, for 5 epochs as examples/lenet.py does")
    parser.add_argument("--epochs", type=positive, default=12, help="times through the data")
    parser.add_argument("--batch-size", type=positive, default=64, help="images to a step")
    parser.add_argument("--lr", type=float, default=0.003, help="the highest learning rate of the cycle")
    parser.add_argument("--width", type=positive, default=32, help="filters of the first stage")
    parser.add_argument("--seed", type=int, default=0, help="of weights, shuffling and augmentation")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--output", type=Path, default=Path("outputs/resnet"), help="the folder for results")
    parser.add_argument("--limit", type=positive, help="take only the first N training and N test images")
    parser.set_defaults(data="fashion_mnist")
    return parser.parse_args(argv)


def augmentations():
    """What each image goes through in training, as in the paper (sec. 4.2): moved by a few pixels, mirrored; and some have a
    rectangle taken out."""
    return {
        "moved": [layers.RandomTranslation(0.08, 0.08, fill_mode="constant", interpolation="nearest")],
        "mirrored": [layers.RandomFlip("horizontal")],
        "erased": [layers.RandomErasing(0.5, scale=(0.02, 0.2), fill_value=0.0, value_range=(0, 1))],
    }


def train_resnet(train, test, options):
    """(the ResNet, the schedule, the history)."""
    mg.seed(options.seed)
    resnet = mg.models.ResNet(width=options.width, stem_strides=2)
    steps = -(-len(train[0]) // options.batch_size) * options.epochs
    schedule = mg.optimizers.schedules.OneCycle(options.lr, steps)
    optimizer = mg.optimizers.AdamW(schedule, weight_decay=0.05)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])

    model = mg.Sequential([layers.Input((28, 28, 1)), *sum(augmentations().values(), []), resnet]).to(options.device)
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(*train, epochs=options.epochs, batch_size=options.batch_size, validation_data=test)
    return resnet, schedule, history.history


def train_lenet(train, test, options):
    """LeNet after 5 epochs, as examples/lenet.py trains it."""
    mg.seed(options.seed)
    model = mg.models.LeNet().to(options.device)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(*train, epochs=5, batch_size=64, validation_data=test)
    return model


def main(argv=None):
    options = arguments_of(argv)
    console, folder = Console(), options.output
    folder.mkdir(parents=True, exist_ok=True)
    train, (x_test, y_test), names = load(options)

    mg.seed(options.seed)
    plots.save(plots.augmentation_grid(augmentations() | {"all of it": sum(augmentations().values(), [])}, train[0][:8]),
               folder / "augmentation.png")
    resnet, schedule, history = train_resnet(train, (x_test, y_test), options)

    probabilities = resnet.predict(x_test)
    predicted = probabilities.argmax(axis=1)
    report = mg.metrics.classification_report(y_test, predicted, names)
    confusion = mg.metrics.ConfusionMatrix(num_classes=10)
    confusion.update_state(y_test, predicted)
    console.print("", mg.summary(resnet), "", report, "", confusion_table(confusion.result(), names), "", sep="\n")

    wrong = np.flatnonzero(predicted != y_test)
    wrong = wrong[np.argsort(-probabilities[wrong].max(axis=1))]
    plots.save(schedule.plot(), folder / "schedule.png")
    plots.save(plots.learning_curves(history), folder / "learning_curves.png")
    plots.save(plots.confusion_matrix(confusion.result(), names), folder / "confusion_matrix.png")
    plots.save(plots.prediction_grid(x_test[wrong, ..., 0], y_test[wrong], predicted[wrong], names, probabilities[wrong]),
               folder / "wrong.png")
    (folder / "report.txt").write_text(f"{mg.summary(resnet)}\n\n{report}\n", encoding="utf-8")
    resnet.save_weights(folder / "resnet.safetensors")

    right = np.mean(predicted == y_test)
    console.print(f"ResNet: test accuracy {right:.4f}")
    if options.compare:
        lenet = train_lenet(train, (x_test, y_test), options)
        right_of_lenet = np.mean(lenet.predict(x_test).argmax(axis=1) == y_test)
        console.print(f"ResNet: test accuracy {right:.4f}", f"LeNet: test accuracy  {right_of_lenet:.4f}",
                      f"difference: {100 * (right - right_of_lenet):+.2f} points", sep="\n")
    console.print(Text(f"results are in {folder}/"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
