"""From arrays to batches: cutting them, shuffling them, and setting a part aside for testing."""

import numbers

import numpy as np

from minigrad import random
from minigrad.data.errors import DataError, fault


def batches(arrays, batch_size: int, shuffle: bool = False, rng=None, drop_last: bool = False):
    """Cut arrays of the same length N into batches: an iterator over tuples, one slice of each array.

        for x, y in batches((x_train, y_train), 64, shuffle=True):
            ...

    Arguments:
        arrays: a tuple or list of arrays of shapes (N, ...), or one array (the tuples then have one element).
        batch_size: rows in a batch; the last one may have fewer.
        shuffle: another order of the rows, the same for all arrays. Shuffled batches are copies, others are views.
        rng: a np.random.Generator for the order; None for minigrad's own, which `mg.seed` sets.
        drop_last: leave out a last batch that is not full.
    Raises:
        DataError: no array, no rows, different lengths, or a batch size that is not a positive integer.
    """
    arrays = [_as_array(a) for a in (arrays if isinstance(arrays, (tuple, list)) else [arrays])]
    n = common_length(arrays, "batches")
    if not isinstance(batch_size, numbers.Integral) or isinstance(batch_size, bool) or batch_size < 1:
        raise fault("batches", "wrong batch_size", "an integer of 1 or more", repr(batch_size), "Pass for example 64.")
    order = (random.generator() if rng is None else rng).permutation(n) if shuffle else None
    return _cut(arrays, order, int(batch_size), n - n % int(batch_size) if drop_last else n)


def _cut(arrays, order, size, end):
    for start in range(0, end, size):
        rows = slice(start, min(start + size, end))
        yield tuple(a[rows if order is None else order[rows]] for a in arrays)


def train_test_split(*arrays, test_size: float | int = 0.2, stratify=None, seed: int | None = None) -> list:
    """Set a random part of the rows aside: `x_train, x_test, y_train, y_test = train_test_split(x, y)`.

    With `stratify` each class has the same share in both parts, as nearly as whole rows allow: of its m rows,
    m * test / N go to the test part, rounded down, and the rows still missing go to the classes that lost the largest
    fractions by that (Hamilton's method of largest remainders).

    Arguments:
        arrays: arrays of the same length N.
        test_size: a fraction between 0 and 1 (times N, rounded to the nearest), or a number of rows.
        stratify: N class labels, or None.
        seed: the same seed gives the same split; None takes minigrad's own generator, which `mg.seed` sets.
    Returns:
        a list, for each array its training rows and its test rows (copies).
    Raises:
        DataError: arrays that do not fit together, or a test_size that leaves a part, or a class in a part, empty.
    """
    arrays = [_as_array(a) for a in arrays]
    n = common_length(arrays, "train_test_split")
    count = test_rows(n, test_size)
    rng = random.generator() if seed is None else np.random.default_rng(seed)
    if stratify is None:
        chosen = rng.permutation(n)[:count]
    else:
        chosen = stratified(np.asarray(stratify), n, count, rng)
    is_test = np.zeros(n, bool)
    is_test[chosen] = True
    parts = [rng.permutation(np.flatnonzero(rows)) for rows in (~is_test, is_test)]
    return [a[rows] for a in arrays for rows in parts]


def test_rows(n, test_size) -> int:
    """How many of `n` rows are for testing."""
    whole = isinstance(test_size, numbers.Integral) and not isinstance(test_size, bool)
    if whole:
        count = int(test_size)
    elif isinstance(test_size, numbers.Real) and 0 < test_size < 1:
        count = round(float(test_size) * n)
    else:
        raise fault("train_test_split", "wrong test_size", "a fraction between 0 and 1, or a number of rows",
                    repr(test_size), "Pass for example 0.2.")
    if not 0 < count < n:
        raise fault("train_test_split", "an empty part", f"1 to {n - 1} test rows of {n}", f"{count}",
                    "Pass another test_size, or more rows.")
    return count


def stratified(labels, n, count, rng) -> np.ndarray:
    """`count` of `n` row numbers, from every class its share."""
    if labels.shape != (n,):
        raise fault("train_test_split", "stratify does not fit", f"shape ({n},)", str(labels.shape),
                    "Pass one class label a row, not one-hot.")
    classes, of_row, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    shares = [int(m) * count // n for m in sizes]  # rounded down, in whole numbers: no rounding error
    lost = np.array([int(m) * count % n for m in sizes])
    for c in np.argsort(-lost, kind="stable")[:count - sum(shares)]:
        shares[c] += 1
    for c, share, m in zip(classes, shares, sizes):
        if not 0 < share < m:
            raise fault("train_test_split", f"class {c} would be missing from a part", "a row or more in each",
                        f"{share} test rows of {m}", "Pass another test_size, more rows, or stratify=None.")
    return np.concatenate([rng.permutation(np.flatnonzero(of_row == c))[:k] for c, k in enumerate(shares)])


def _as_array(a):
    return a if hasattr(a, "shape") else np.asarray(a)


def common_length(arrays, where) -> int:
    """The first dimension that all arrays share."""
    if not arrays:
        raise DataError(f"{where}: no array was given. Pass at least one.")
    shapes = ", ".join(str(tuple(a.shape)) for a in arrays)
    if any(len(a.shape) == 0 for a in arrays) or len({a.shape[0] for a in arrays}) > 1:
        raise fault(where, "the arrays do not fit together", "the same first dimension", f"shapes {shapes}",
                    "Pass one row for each example in every array.")
    if arrays[0].shape[0] == 0:
        raise fault(where, "empty data set", "one row or more", f"shapes {shapes}", "Check how the data was selected.")
    return arrays[0].shape[0]
