"""Results written to a table on disk."""

import csv
import os
from pathlib import Path

import numpy as np

from minigrad.callbacks.callback import Callback


class CSVLogger(Callback):
    """A line an epoch in a CSV file: the epoch, counted from 0, and each result that is a number.

    append=True goes on with a file that is there, which must have the same columns. After BackupAndRestore has restored a
    run, lines that were written since the backup are cut off: they are written again.
    """

    def __init__(self, filename, separator=",", append=False):
        self.filename, self.separator, self.append = Path(filename), separator, append

    def on_train_begin(self, logs=None):
        self.columns, self.size = None, 0  # how long the file is; it is not touched before the first line
        if self.append and self.filename.exists() and self.filename.stat().st_size:
            with open(self.filename, newline="", encoding="utf-8") as file:
                self.columns = next(csv.reader(file, delimiter=self.separator))
            self.size = self.filename.stat().st_size

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch, **{name: value for name, value in (logs or {}).items() if np.ndim(value) == 0}}
        if self.columns is not None and {*self.columns} != {*row}:
            raise ValueError(f"CSVLogger: {self.filename} has the columns {', '.join(self.columns)}, and this run has "
                             f"{', '.join(row)}: write to another file")
        with open(self.filename, "r+" if self.filename.exists() else "x", newline="", encoding="utf-8") as file:
            file.truncate(self.size)
            file.seek(0, os.SEEK_END)
            if self.columns is None:
                self.columns = ["epoch", *sorted(row.keys() - {"epoch"})]
                csv.writer(file, delimiter=self.separator).writerow(self.columns)
            csv.DictWriter(file, self.columns, delimiter=self.separator).writerow(row)
            file.flush()
            self.size = file.tell()
