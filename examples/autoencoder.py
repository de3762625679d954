"""Press Fashion-MNIST's images through a few numbers and make them again: a convolutional autoencoder, which may denoise.

    python examples/autoencoder.py [--latent 16] [--noise 0.3] [--epochs 8] [--limit N] ...

With --noise it learns to make the clean image of a noisy one (Vincent et al. 2008). Its error is set beside that of the best
linear map through as many numbers, PCA. The output folder then holds reconstructions.png, latent_space.png,
learning_curves.png and autoencoder.safetensors, the weights.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from lenet import load, positive
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
    parser.add_argument("--latent", type=positive, default=16, help="numbers that an image goes through")
    parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of the noise on its inputs, of 0 ... 1")
    parser.add_argument("--epochs", type=positive, default=8, help="times through the data")
    parser.add_argument("--batch-size", type=positive, default=64, help="images to a step")
    parser.add_argument("--lr", type=float, default=0.002, help="learning rate at the start")
    parser.add_argument("--seed", type=int, default=0, help="of weights, shuffling and noise")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--output", type=Path, default=Path("outputs/autoencoder"), help="the folder for results")
    parser.add_argument("--limit", type=positive, help="take only the first N training and N test images")
    parser.set_defaults(data="fashion_mnist")
    return parser.parse_args(argv)


def autoencoder(latent, noise):
    """(the autoencoder, its encoder): 28 x 28 x 1 -> 14 x 14 x 16 -> 7 x 7 x 32 -> `latent` numbers, and back."""
    image = mg.Input((28, 28, 1))
    x = layers.GaussianNoise(noise)(image)  # in training only
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(x)
    code = layers.Dense(latent, name="code")(layers.Flatten()(x))

    x = layers.Dense(7 * 7 * 32, activation="relu")(code)
    x = layers.Reshape((7, 7, 32))(x)
    x = layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu")(x)
    again = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    return mg.Model(image, again, name="autoencoder"), mg.Model(image, code, name="encoder")


def principal_components(x, count):
    """(the mean of rows x (N, D), the `count` orthonormal directions (D, count) in which they vary most)."""
    mean = x.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov(x - mean, rowvar=False, ddof=0))
    return mean, directions[:, :-count - 1:-1].astype(x.dtype)


def main(argv=None):
    options = arguments_of(argv)
    console, folder = Console(), options.output
    folder.mkdir(parents=True, exist_ok=True)
    (x, _), (x_test, y_test), names = load(options)

    mg.seed(options.seed)
    model, encoder = autoencoder(options.latent, options.noise)
    model.to(options.device)
    steps = -(-len(x) // options.batch_size) * options.epochs
    model.compile(mg.optimizers.Adam(mg.optimizers.schedules.CosineDecay(options.lr, steps)), "mse")
    console.print(mg.summary(model))
    history = model.fit(x, x, epochs=options.epochs, batch_size=options.batch_size, validation_data=(x_test, x_test))

    seen = layers.GaussianNoise(options.noise)(x_test, training=True).numpy()
    made = model.predict(seen)
    mean, directions = principal_components(x.reshape(len(x), -1), options.latent)
    linear = (seen.reshape(len(seen), -1) - mean) @ directions @ directions.T + mean
    console.print("", f"mean squared error of test images, through {options.latent} numbers"
                  + (f", with noise of {options.noise:g}" if options.noise else ""),
                  f"  autoencoder: error {np.mean((made - x_test) ** 2):.5f}",
                  f"  PCA:         error {np.mean((linear.reshape(x_test.shape) - x_test) ** 2):.5f}",
                  f"  mean image:  error {np.mean((mean - x_test.reshape(len(x_test), -1)) ** 2):.5f}", sep="\n")

    shown = [int(np.flatnonzero(y_test == c)[0]) for c in np.unique(y_test)]
    rows = {"image": x_test} | ({"with noise": seen} if options.noise else {})
    rows |= {"autoencoder": made, "PCA": linear.reshape(x_test.shape)}
    titles = [names[y_test[i]] for i in shown]
    plots.save(plots.image_rows({name: (images[shown], titles if name == "image" else [""] * len(shown))
                                 for name, images in rows.items()}), folder / "reconstructions.png")
    codes = encoder.predict(x_test)
    middle, plane = principal_components(codes, 2)
    figure = plots.classes_in_a_plane((codes - middle) @ plane, y_test, names)
    figure.axes[0].set(title=f"the {options.latent} numbers of each test image, seen in the plane where they vary most",
                       xlabel="first principal component", ylabel="second principal component")
    plots.save(figure, folder / "latent_space.png")
    plots.save(plots.learning_curves(history.history), folder / "learning_curves.png")
    model.save_weights(folder / "autoencoder.safetensors")
    console.print(Text(f"results are in {folder}/"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
