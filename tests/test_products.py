"""Products of matrices in parts, on several threads: the same numbers as in one, whatever is cut."""

from unittest import mock

import numpy as np
import pytest
import threadpoolctl

import minigrad.functions as F
from minigrad import threads
from minigrad.functions import products

SHAPES = {"tall": ((7, 3), (3, 4)), "wide": ((3, 4), (4, 9)), "batch": ((3, 2, 4), (3, 4, 5)),
          "axes": ((2, 3, 2, 4), (2, 3, 4, 5)), "broadcast": ((3, 2, 4), (1, 4, 5)),
          "matrix by batch": ((2, 4), (3, 4, 5)), "one row": ((1, 6), (6, 1)),
          "turned": ((3, 7), (3, 4))}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("dtypes", [("float32", "float32"), ("float64", "float32"), ("int64", "float64"),
                                    ("complex64", "float32")])
def test_parts_are_the_whole(name, count, dtypes):
    rng = np.random.default_rng(1)
    x, y = (rng.integers(-4, 5, shape).astype(dtype) for shape, dtype in zip(SHAPES[name], dtypes))  # exact in any order
    x = x.T if name == "turned" else x
    parts = []

    def in_threads(work, items, workers):
        parts.append(items)
        threads.in_threads(work, items, workers)

    with mock.patch.multiple(products, SINGLE=0, SHARED=0, workers=lambda: count, in_threads=in_threads):
        z = products.shared_matmul(x, y)
    expected = np.matmul(x, y)
    assert z.dtype == expected.dtype and np.array_equal(z, expected)
    cannot = x.shape[:-2] != y.shape[:-2] or x.ndim > 2 and x.dtype != y.dtype
    assert parts == ([] if cannot else [count])


def test_blas_has_one_thread_during_a_larger_product_and_gets_its_own_back():
    def blas():
        return [library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]

    seen = []

    def matmul(*operands, **keywords):
        seen.append(blas())
        return np.dot(*operands)

    x = np.ones((64, 64))
    with threadpoolctl.threadpool_limits(2, "blas"):
        before = blas()
        with mock.patch.object(products.np, "matmul", matmul):
            F.matmul(x, x)
        assert blas() == before
    assert seen and all(n == 1 for n in seen[0])
