"""What this machine and NumPy can do at most: memory, ufuncs, matrix products, and what a second thread adds.

    python benchmarks/bounds.py

Where minigrad is slower than PyTorch, one of these is what stops it (docs/performance.md): a ufunc passes once over memory
for each operation of a formula, and does so many numbers a second, however it is called.
"""

import functools
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import threadpoolctl
from results import Block, Row, show

SIZES = {"in cache, 256 KB": 1 << 16, "in memory, 64 MB": 1 << 24}  # numbers of float32
UFUNCS = {"copy": lambda x, y, out: np.copyto(out, x), "add": lambda x, y, out: np.add(x, y, out=out),
          "multiply": lambda x, y, out: np.multiply(x, y, out=out), "divide": lambda x, y, out: np.divide(x, y, out=out),
          "maximum": lambda x, y, out: np.maximum(x, y, out=out), "sqrt": lambda x, y, out: np.sqrt(x, out=out),
          "exp": lambda x, y, out: np.exp(x, out=out), "tanh": lambda x, y, out: np.tanh(x, out=out),
          "sum, last axis": lambda x, y, out: x.reshape(-1, 1024).sum(axis=1),
          "sum, first axis": lambda x, y, out: x.reshape(-1, 1024).sum(axis=0)}
FRESH = "add, into a new array"


def calls_of(work, least=0.01):
    """How many calls take `least` seconds."""
    work()
    start = time.perf_counter()
    work()
    return max(1, int(least / max(time.perf_counter() - start, 1e-9)))


def fastest(work, repeats):
    """Seconds of one call: the fastest of some measurements, which a neighbour disturbs least."""
    return fastest_at_once([work], repeats)


def fastest_at_once(works, repeats):
    """Seconds of one call of each, on as many threads at once."""
    calls, found = calls_of(works[0]), []

    def several(work):
        for _ in range(calls):
            work()
    with ThreadPoolExecutor(len(works)) as pool:
        for _ in range(repeats):
            start = time.perf_counter()
            list(pool.map(several, works))
            found.append((time.perf_counter() - start) / calls)
    return min(found)


def products(repeats):
    """(name, GFLOP/s) of matrix products: on BLAS's threads, and on two threads with one of BLAS's each."""
    rng = np.random.default_rng(0)
    for n, k, m in ((64, 64, 64), (2048, 128, 512), (1024, 1024, 1024)):
        a, b = (rng.standard_normal(s, np.float32) for s in ((n, k), (k, m)))
        works = [functools.partial(np.matmul, a, b, out=np.empty((n, m), np.float32)) for _ in range(2)]
        name, flop = f"{n}x{k} @ {k}x{m}", 2e-9 * n * k * m
        for threads in (1, 2):
            with threadpoolctl.threadpool_limits(threads, user_api="blas"):
                yield f"{name}, {threads} BLAS thread(s)", flop / fastest(works[0], repeats)
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            yield f"{name}, 2 threads, each one of its own", 2 * flop / fastest_at_once(works, repeats)


def ufuncs(repeats):
    """(name, 10⁹ numbers a second on one thread, how much more two threads do)."""
    rng = np.random.default_rng(0)
    for where, count in SIZES.items():
        sets = [(rng.uniform(0.5, 2, count).astype(np.float32), rng.uniform(0.5, 2, count).astype(np.float32),
                 np.empty(count, np.float32)) for _ in range(2)]
        for name, ufunc in {**UFUNCS, FRESH: lambda x, y, out: x + y}.items():
            works = [functools.partial(ufunc, *arrays) for arrays in sets]
            one, two = count / fastest(works[0], repeats), 2 * count / fastest_at_once(works, repeats)
            yield f"{name}, {where}", one / 1e9, two / one


def run(quick=False):
    """The blocks of the table: rows without a ratio."""
    repeats = 3 if quick else 15
    return [Block("bounds", "matrix products", "GFLOP/s", [Row(name, rate) for name, rate in products(repeats)]),
            Block("bounds", "NumPy's ufuncs, float32", "10⁹ numbers/s",
                  [Row(name, rate, remark=f"two threads: {more:.2f} times") for name, rate, more in ufuncs(repeats)])]


if __name__ == "__main__":
    show(run())
