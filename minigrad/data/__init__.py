"""Data: from arrays, files and folders to batches: shuffled, padded, augmented, cleaned, made ahead in threads.

    (x_train, y_train), (x_test, y_test) = mg.data.fashion_mnist()
    train = mg.data.Dataset((x_train, y_train)).shuffle(seed=0).batch(64).prefetch(2)
    model.fit(train, epochs=10)
"""

from minigrad.data.batching import batches, train_test_split
from minigrad.data.cleaning import ClipOutliers, class_weights, drop_duplicates, drop_missing, fitted
from minigrad.data.dataset import Dataset
from minigrad.data.download import download
from minigrad.data.emails import SPAM_CLASSES, TextSet, spam_emails
from minigrad.data.errors import DataError
from minigrad.data.folders import image_folder, wav_folder
from minigrad.data.idx import read_idx, write_idx
from minigrad.data.image_sets import FASHION_MNIST_CLASSES, MNIST_CLASSES, ImageSet, fashion_mnist, mnist
from minigrad.data.penguins import penguins
from minigrad.data.tables import Table, csv
from minigrad.data.text import text_lines
from minigrad.data.vectorization import TextVectorization

__all__ = ["ClipOutliers", "DataError", "Dataset", "FASHION_MNIST_CLASSES", "ImageSet", "MNIST_CLASSES", "SPAM_CLASSES",
           "Table", "TextSet", "TextVectorization", "batches", "class_weights", "csv", "download", "drop_duplicates",
           "drop_missing", "fashion_mnist", "fitted", "image_folder", "mnist", "penguins", "read_idx", "spam_emails",
           "text_lines", "train_test_split", "wav_folder", "write_idx"]
