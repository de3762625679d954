"""Lines of text files as elements, any one of which can be read without those before it."""

from pathlib import Path

import numpy as np

from minigrad.data.dataset import Dataset
from minigrad.data.errors import fault
from minigrad.data.sources import Source

PIECE = 1 << 24  # bytes of a file that are looked through at a time


def text_lines(paths, encoding="utf-8"):
    """A Dataset of the lines of text files, one path or a list of them: elements are str, without their line break.

    The files are gone through once, to note where each line begins (8 bytes a line); the lines themselves are read when they
    are asked for, so files may be larger than memory, and are shuffled as a whole. A line ends with \\n or \\r\\n.
    Raises:
        DataError: a file that is not there; no lines; where a line is read that is not in this encoding, its number.
    """
    return Dataset.of(Lines([paths] if isinstance(paths, (str, Path)) else list(paths), encoding))


class Lines(Source):
    """Line i of all files, one after another."""

    by_rows, name = True, "text_lines"

    def __init__(self, paths, encoding):
        "".encode(encoding)  # an unknown one fails here
        if "".join(chr(c) for c in range(128)).encode(encoding) != bytes(range(128)):
            raise fault("text_lines", "unfit encoding", "one that keeps ASCII in single bytes", repr(encoding),
                        "Convert the file to UTF-8.")
        self.paths, self.encoding = [Path(p) for p in paths], encoding
        self.edges = [_edges(p) for p in self.paths]                     # where each line begins, and the last one ends
        self.firsts = np.cumsum([0, *[len(e) - 1 for e in self.edges]])  # the number of each file's first line
        if not len(self):
            raise fault("text_lines", "no lines", "files with text", ", ".join(map(str, paths)) or "no file", "")

    def __len__(self):
        return int(self.firsts[-1])

    def element(self, i):
        """Line i."""
        return self._read([i])[0]

    def rows(self, indices):
        """These lines as an array of str."""
        return np.array(self._read(np.asarray(indices)))

    def _read(self, indices):
        found = [None] * len(indices)
        files = np.searchsorted(self.firsts, indices, side="right") - 1
        for k in np.unique(files):
            with open(self.paths[k], "rb") as file:
                for place in np.flatnonzero(files == k):
                    number = int(indices[place] - self.firsts[k])
                    begin, end = (int(b) for b in self.edges[k][number:number + 2])
                    file.seek(begin)
                    found[place] = self._text(file.read(end - begin), k, number)
        return found

    def _text(self, line, k, number):
        try:
            return line.removesuffix(b"\n").removesuffix(b"\r").decode(self.encoding)
        except UnicodeDecodeError as error:
            raise fault(self.paths[k], f"line {number + 1} is no {self.encoding} text", f"{self.encoding}",
                        f"byte 0x{line[error.start]:02x} at {error.start}",
                        "Pass encoding='latin-1', or the file's own.") from error


def _edges(path):
    found, size = [np.zeros(1, np.int64)], 0
    try:
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                found.append(np.flatnonzero(np.frombuffer(piece, np.uint8) == ord("\n")) + size + 1)
                size += len(piece)
    except OSError as error:
        raise fault(path, "cannot be read", "a text file", error.strerror or str(error), "Check the path.") from error
    edges = np.concatenate(found)
    return edges if edges[-1] == size else np.append(edges, size)  # a last line without a line break
