"""The engine's rule 8: recording on or off, and all that is remembered, is per thread."""

import threading

import numpy as np
import pytest
from test_freeing import leaf

import minigrad as mg
from minigrad.autograd import is_recording


def run_in_threads(count, work):
    failures = []
    start = threading.Barrier(count)

    def body(i):
        start.wait()
        try:
            work(i)
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            failures.append(error)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


@pytest.mark.parametrize("count", [2, 8])
def test_threads_build_and_sweep_their_own_graphs(count):
    def work(i):
        for _ in range(30):
            x = leaf([float(i), 2.0])
            (x * x * i).sum().backward()
            np.testing.assert_allclose(x.grad.numpy(), 2 * i * x.numpy())
    run_in_threads(count, work)


def test_no_grad_and_default_dtype_hold_in_one_thread_only():
    inside, checked = threading.Event(), threading.Event()

    def work(i):
        if i == 0:
            with mg.no_grad(), mg.default_dtype("float64"):
                inside.set()
                checked.wait(10)
                assert not is_recording() and mg.Tensor(1.0).dtype == np.float64
        else:
            inside.wait(10)
            try:
                assert is_recording() and (leaf() * 2).requires_grad and mg.Tensor(1.0).dtype == np.float32
            finally:
                checked.set()
    run_in_threads(2, work)


def test_no_grad_nests_decorates_and_survives_errors():
    @mg.no_grad()
    def silent(depth):
        assert not is_recording()
        if depth:
            silent(depth - 1)
            with mg.enable_grad():
                assert is_recording()
        return leaf() * 2

    assert not silent(3).requires_grad and is_recording()
    with pytest.raises(KeyError), mg.no_grad():
        raise KeyError
    assert is_recording()
    run_in_threads(4, lambda i: silent(2))


def test_no_grad_on_a_generator_covers_its_steps_not_its_caller():
    @mg.no_grad()
    def steps():
        for _ in range(3):
            assert not is_recording()
            yield leaf() * 2

    for y in steps():
        assert is_recording() and not y.requires_grad


def test_a_decorated_generator_is_still_a_generator():
    log = []

    @mg.no_grad()
    def running_sum():
        total = 0
        try:
            while total < 10:
                try:
                    total += yield total
                except KeyError:
                    total = 0
                assert not is_recording()
            return "full"
        finally:
            log.append(is_recording())

    steps = running_sum()
    assert [next(steps), steps.send(2), steps.send(3), steps.throw(KeyError), steps.send(4)] == [0, 2, 5, 0, 4]
    with pytest.raises(StopIteration, match="full"):
        steps.send(6)
    steps = running_sum()
    next(steps)
    with pytest.raises(ZeroDivisionError):
        steps.throw(ZeroDivisionError)
    steps = running_sum()
    next(steps)
    steps.close()
    assert log == [False] * 3 and is_recording()


def test_one_no_grad_object_serves_several_threads_at_once():
    silent, both_inside = mg.no_grad(), threading.Barrier(4)

    def work(i):
        with silent:
            both_inside.wait(10)
            with silent:
                assert not is_recording()
            assert not is_recording()
        assert is_recording()
    run_in_threads(4, work)
