"""Adding rows of an array at places that may occur several times."""

import numpy as np
import pytest

from minigrad import backend


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.complex64])
def test_rows_for_the_same_place_add_up(dtype):
    """As np.add.at, also from behind, and onto what is there already."""
    rng = np.random.default_rng(0)
    index = rng.integers(-7, 7, (5, 30))
    rows = rng.integers(-9, 9, (5, 30, 2, 3)).astype(dtype)  # whole numbers: any order gives the same sum
    for key, values in ((index, rows), (index.astype(np.int8), rows), (index % 7, rows), (index[:0], rows[:0]),
                        (index[0] > 0, rows[0, :(index[0] > 0).sum()]), (index, rows[0, 0])):
        target = np.ones((len(key) if key.dtype == bool else 7, 2, 3), dtype)
        expected = target.copy()
        np.add.at(expected, key, values)
        backend.scatter_add(target, key, values)
        assert np.array_equal(target, expected)
    for place in (7, -8):
        with pytest.raises(IndexError):
            backend.scatter_add(np.zeros((7, 2)), np.array([0, place]), np.ones((2, 2)))
