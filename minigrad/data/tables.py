"""CSV files as tables: columns of numbers, with nan for what is missing, and columns of text."""

import csv as reader
import math

import numpy as np

from minigrad.data.dataset import Dataset
from minigrad.data.errors import fault
from minigrad.names import checked_choice

MISSING = ("", "NA", "N/A", "na", "n/a", "nan", "NaN", "NAN", "null", "NULL", "None", "?")


class Table:
    """Named columns of equal length: `table["age"]`; inputs `x` (N, D) and targets `y` (N,), where a target was named.

    names        the columns of x
    x            float32 if all of them are numbers, nan where one is missing; else objects, floats and str, nan for a gap:
                 what scikit-learn's ColumnTransformer takes, with the columns' numbers (`table.where("age", "fare")`)
    y            whole numbers int64, other numbers float32; text as class numbers int64, whose names are `class_names`
    """

    def __init__(self, columns, target=None):
        self.columns, self.target, self.class_names, self.y = columns, target, None, None
        self.names = [name for name in columns if name != target]
        own = [columns[name] for name in self.names]
        kind = "float32" if all(c.dtype.kind == "f" for c in own) else object
        self.x = np.stack([c.astype(kind) for c in own], axis=1) if own else np.zeros((len(self), 0), "float32")
        if target is not None:
            y = columns[target]
            if y.dtype == object:
                self.class_names, self.y = (part.tolist() if i == 0 else part.astype("int64") for i, part in enumerate(
                    np.unique(y.astype(str), return_inverse=True)))
            else:
                self.y = y.astype("int64" if (y == np.floor(y)).all() else "float32")

    def __len__(self):
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name):
        return self.columns[checked_choice(name, self.columns, "column")]

    def where(self, *names):
        """The numbers of these columns in x."""
        return [self.names.index(checked_choice(name, self.names, "column")) for name in names]

    @property
    def numbers(self):
        """The names of x's columns of numbers."""
        return [name for name in self.names if self.columns[name].dtype.kind == "f"]

    @property
    def texts(self):
        """The names of x's columns of text."""
        return [name for name in self.names if self.columns[name].dtype == object]

    def dataset(self):
        """A Dataset of its rows: (x, y), or x without a target."""
        return Dataset(self.x if self.y is None else (self.x, self.y))

    def __repr__(self):
        rows = [("column", "kind", "missing", "values")]
        for name, c in self.columns.items():
            gaps = c != c
            known = c[~gaps]
            if c.dtype.kind == "f":
                told = f"{known.min():g} ... {known.max():g}, mean {known.mean():g}" if len(known) else ""
            else:
                told = f"{len(set(known))} different: {', '.join(sorted(set(known))[:4])}"[:60]
            rows.append((name + " (target)" * (name == self.target), "numbers" if c.dtype.kind == "f" else "text",
                         str(int(gaps.sum())), told))
        wide = [max(len(row[k]) for row in rows) for k in range(3)]
        return "\n".join([f"Table of {len(self):,} rows", *[
            "  " + "  ".join([f"{row[0]:<{wide[0]}}", f"{row[1]:<{wide[1]}}", f"{row[2]:>{wide[2]}}", row[3]]).rstrip()
            for row in rows]])

    def _repr_html_(self):
        from html import escape
        return f"<pre>{escape(repr(self))}</pre>"


def csv(path, target=None, columns=None, numbers=(), texts=(), delimiter=",", header=True, missing=MISSING,
        encoding="utf-8-sig"):
    """The Table in a CSV file; its first line names the columns (header=False: they are called "0", "1" ...).

    A column in which each cell is a number or missing is one of numbers, any other one of text.

    Arguments:
        target: the column that is to be predicted: `table.y`.
        columns: those to keep, by name; None: all.
        numbers, texts: columns that have to be read as numbers (a cell that is none is then an error) or as text (codes like
            "0123").
        delimiter: what stands between cells. Cells may be in double quotes (RFC 4180).
        missing: what stands for a value that is not there.
    Raises:
        DataError, with the line: a file that is not there or not in this encoding; a line with more or fewer cells than the
        first; two columns of one name; a cell that is no number where one has to be; a missing target; no rows.
    """
    names, rows, lines = _cells(path, delimiter, header, encoding)
    for name in [target] * (target is not None) + [*(columns or ()), *numbers, *texts]:
        if name not in names:
            checked_choice(name, names, f"column of {path}")
    kept = names if columns is None else [n for n in names if n in columns or n == target]
    missing, found = set(missing), {}
    for name in kept:
        k = names.index(name)
        cells = [row[k].strip() for row in rows]
        known = [c not in missing for c in cells]
        if name == target and not all(known):
            i = known.index(False)
            raise fault(path, f"line {lines[i]}: the target {name!r} is missing", "a value", repr(cells[i]),
                        "Delete that row, or pass another target.")
        values = None if name in texts else _numbers(cells, known)
        if values is None and name in numbers:
            i = next(i for i, c in enumerate(cells) if known[i] and _number(c) is None)
            raise fault(path, f"line {lines[i]}, column {name!r}", "a number", repr(cells[i]),
                        f"Mend it, or add {cells[i]!r} to missing.")
        if values is None:
            values = np.array([c if there else math.nan for c, there in zip(cells, known)], object)
        found[name] = values
    return Table(found, target)


def _cells(path, delimiter, header, encoding):
    """(the columns' names, the rows as lists of str, the number of the line that each ends at)"""
    rows, lines = [], []
    try:
        with open(path, newline="", encoding=encoding) as file:
            parsed = reader.reader(file, delimiter=delimiter, strict=True)
            for row in parsed:
                if not row:
                    continue  # an empty line
                if rows and len(row) != len(rows[0]):
                    raise fault(path, f"line {parsed.line_num} does not fit", f"{len(rows[0])} cells, as in line {lines[0]}",
                                f"{len(row)}", "Put cells that contain the delimiter in quotes, or pass another delimiter.")
                rows.append(row)
                lines.append(parsed.line_num)
    except reader.Error as error:
        raise fault(path, f"line {parsed.line_num} is no CSV", "cells as in RFC 4180", str(error),
                    "Mend that line.") from error
    except UnicodeDecodeError as error:
        raise fault(path, f"no {encoding} text", encoding, f"byte 0x{error.object[error.start]:02x} in or after line "
                    f"{parsed.line_num + 1}", "Pass encoding='latin-1', or the file's own.") from error
    except OSError as error:
        raise fault(path, "cannot be read", "a CSV file", error.strerror or str(error), "Check the path.") from error
    if not rows or len(rows) == int(header):
        raise fault(path, "no rows", "a header and rows" if header else "rows", f"{len(rows)} lines", "")
    names = [name.strip() for name in rows[0]] if header else [str(k) for k in range(len(rows[0]))]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise fault(path, "line 1: two columns have one name", "different names", repr(twice), "Rename one of them.")
    return names, rows[int(header):], lines[int(header):]


def _numbers(cells, known):
    """The cells as float64, nan where one is missing; None if one is no number."""
    values = [_number(c) if there else math.nan for c, there in zip(cells, known)]
    return None if None in values or not any(known) else np.array(values)


def _number(cell):
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None
