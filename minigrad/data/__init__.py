"""Data: image sets by name, IDX files, checked downloads, batches and splits.

    (x_train, y_train), (x_test, y_test) = mg.data.fashion_mnist()
    for x, y in mg.data.batches((x_train, y_train), 64, shuffle=True):
        ...
"""

from minigrad.data.batching import batches, train_test_split
from minigrad.data.download import download
from minigrad.data.errors import DataError
from minigrad.data.idx import read_idx, write_idx
from minigrad.data.image_sets import FASHION_MNIST_CLASSES, MNIST_CLASSES, ImageSet, fashion_mnist, mnist

__all__ = ["DataError", "FASHION_MNIST_CLASSES", "ImageSet", "MNIST_CLASSES", "batches", "download", "fashion_mnist",
           "mnist", "read_idx", "train_test_split", "write_idx"]
