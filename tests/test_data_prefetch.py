"""Work ahead in threads: bounded, in order, errors with their traceback, no thread left behind, nothing that hangs."""

import gc
import threading
import time
import traceback
import weakref

import numpy as np
import pytest

from minigrad.data import Dataset
from minigrad.data.prefetch import ahead, in_order


def threads():
    return [t for t in threading.enumerate() if t.name.startswith(("minigrad-prefetch", "minigrad-map"))]


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    assert wait_until(lambda: not threads()), threads()


def faulty(n):
    yield from range(n)
    raise KeyError("the disk is gone")


def test_the_elements_in_their_order():
    assert list(ahead(range(100), 3)) == list(range(100)) and list(ahead([], 1)) == []
    assert list(in_order(lambda v: v * v, range(50), 4)) == [v * v for v in range(50)]


def test_results_come_in_order_though_later_ones_are_ready_first():
    first = threading.Event()

    def work(i):
        if i == 0:
            assert first.wait(10)
        elif i == 3:
            first.set()
        return i

    assert list(in_order(work, range(6), 4)) == list(range(6))


def test_an_error_in_the_thread_arrives_after_what_came_before_with_its_traceback():
    got = []
    with pytest.raises(KeyError, match="the disk is gone") as caught:
        for i in ahead(faulty(3), 2):
            got.append(i)
    assert got == [0, 1, 2]
    assert "faulty" in [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert wait_until(lambda: not threads())


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [StopIteration, SystemExit, ValueError])
def test_any_error_of_a_map_arrives(workers, stop):
    def broken(v):
        if v == 5:
            raise stop("broken")
        return v

    d = Dataset(np.arange(10)).filter(lambda v: True).map(broken, workers).prefetch(2)
    got = []
    with pytest.raises((stop, RuntimeError)) as caught:  # a StopIteration inside of a generator is a RuntimeError (PEP 479)
        for v in d:
            got.append(int(v))
    assert got == [0, 1, 2, 3, 4] and "broken" in [f.name for f in traceback.extract_tb(caught.tb)] + [
        f.name for f in traceback.extract_tb(getattr(caught.value.__cause__, "__traceback__", None))]


def test_no_more_than_the_size_is_made_ahead():
    made = []
    elements = ahead(iter_counted(made), 3)
    assert next(elements) == 0
    assert wait_until(lambda: len(made) == 5)  # the one in use, three that wait, one in the thread's hand
    time.sleep(0.05)
    assert len(made) == 5
    assert next(elements) == 1 and wait_until(lambda: len(made) == 6)
    elements.close()


def iter_counted(made):
    return (made.append(i) or i for i in range(1000))


def test_no_more_than_twice_the_workers_is_asked_for():
    made = []
    results = in_order(lambda v: v, iter_counted(made), 2)
    assert next(results) == 0 and len(made) == 4
    results.close()


def left_by_break(d):
    for _ in d:
        break


def left_by_an_error(d):
    with pytest.raises(ZeroDivisionError):
        for _ in d:
            1 / 0  # noqa: B018


def left_by_forgetting(d):
    iterator = iter(d)
    next(iterator)
    del iterator
    gc.collect()


def left_unstarted(d):
    iter(d)


@pytest.mark.parametrize("leave", [left_by_break, left_by_an_error, left_by_forgetting, left_unstarted])
def test_leaving_early_ends_the_threads_and_closes_what_they_read(leave):
    closed = []

    def endless():
        try:
            while True:
                yield np.zeros(10)
        finally:
            closed.append(threading.current_thread().name)

    d = Dataset.from_generator(endless).map(lambda v: v, workers=2).batch(2).prefetch(1).map(lambda v: v).prefetch(2)
    leave(d)
    assert wait_until(lambda: not threads())
    assert len(closed) == (leave is not left_unstarted)


def test_a_slow_thread_does_not_hold_up_who_leaves():
    gate = threading.Event()

    def slow():
        yield 0
        gate.wait(10)
        yield 1

    elements = ahead(slow(), 1)
    assert next(elements) == 0
    before = threads()
    elements.close()  # at once: the thread is inside of slow()
    assert before[0].is_alive()
    gate.set()


def test_a_thread_that_is_gone_is_noticed(monkeypatch):
    from minigrad.data import prefetch
    monkeypatch.setattr(prefetch, "PATIENCE", 0.01)
    monkeypatch.setattr(prefetch, "_fill", lambda *_: None)  # as after a fork, where only the caller lives on
    with pytest.raises(RuntimeError, match="prefetch thread is gone"):
        next(ahead(range(3), 1))


def test_the_context_of_the_caller_holds_in_the_threads():
    import minigrad as mg
    with mg.no_grad(), mg.default_dtype("float64"):
        (found,) = Dataset(np.arange(1)).map(lambda v: mg.Tensor([1.0]), workers=1).prefetch(1)
    assert found.dtype == "float64"


def test_an_element_is_freed_when_it_was_used_and_not_when_the_next_one_has_come():
    freed = []

    def elements():
        for _ in range(4):
            a = np.zeros(3)
            reference = weakref.ref(a)
            yield a
            del a
            freed.append(wait_until(lambda: reference() is None))  # noqa: B023, while the caller waits for the next

    iterator = ahead(elements(), 1)
    for _ in range(4):
        next(iterator)
    assert next(iterator, None) is None and freed == [True] * 4


def test_what_has_a_close_is_closed_by_the_thread():
    closed = threading.Event()

    class Reader:
        def __iter__(self):
            return self

        def __next__(self):
            return 0

        def close(self):
            closed.set()

    reader = Reader()
    elements = ahead(reader, 1)
    next(elements)
    elements.close()
    assert closed.wait(10)
