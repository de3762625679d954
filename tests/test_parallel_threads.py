"""What threads do to errors, interrupts and BLAS: nothing is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback

import numpy as np
import pytest
from small_network import X, Y, blas_threads, loss_of, network, run, two_blas_threads

import minigrad as mg
import minigrad.functions as F
from minigrad import parallel
from minigrad.tensor import Tensor
from minigrad.threads import in_threads


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


# ---- what goes wrong

def test_two_pieces_run_at_once_each_with_one_blas_thread():
    meeting, noted, model = threading.Barrier(2, timeout=30), [], network()

    def f(x, y):
        meeting.wait()
        noted.append((threading.get_ident(), *blas_threads()))
        return loss_of(model)(x, y)

    with two_blas_threads():
        run(model, f, workers=2, piece=19)
    assert len({thread for thread, _ in noted}) == 2 and all(n == 1 for _, n in noted)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("workers", [1, 4])
def test_an_error_in_a_piece_is_the_callers_error(kind, workers):
    model, begun = network(), []

    def failing_function(x, y):
        i = int(np.flatnonzero((X == x[0]).all((1, 2, 3)))[0])
        begun.append(i)
        if i >= 12:
            time.sleep(0.01 * (37 - i) / 37)
            raise kind(f"row {i}")
        return loss_of(model)(x, y)

    with two_blas_threads():
        with pytest.raises(kind, match="row 12" if kind is ValueError else "row") as caught:
            run(model, failing_function, workers=workers, piece=1)
    assert "failing_function" in "".join(traceback.format_exception(caught.value))
    assert len(begun) <= 12 + 2 * workers  # the others were not begun
    assert all(p.grad is None for p in model.parameters())
    assert run(model, workers=workers, piece=4)[0] > 0  # and all works as before


def test_the_interrupt_of_the_caller_waits_for_the_helpers():
    here, ended = threading.get_ident(), []

    def work(i):
        if threading.get_ident() == here:
            time.sleep(0.01)
            raise KeyboardInterrupt
        time.sleep(0.1)
        ended.append(i)

    with two_blas_threads():
        with pytest.raises(KeyboardInterrupt):
            in_threads(work, 20, 3)
        count = len(ended)
    time.sleep(0.15)
    assert 1 <= count == len(ended) <= 2


def test_an_exit_in_a_helper_ends_the_others_too():
    here, begun = threading.get_ident(), []

    def work(i):
        begun.append(i)
        time.sleep(0.02)
        if threading.get_ident() != here:
            raise SystemExit("a helper")

    with two_blas_threads(), pytest.raises(SystemExit, match="a helper"):
        in_threads(work, 40, 2)
    assert len(begun) < 40


def test_helpers_that_are_busy_are_not_waited_for():
    done = []
    in_threads(lambda i: in_threads(lambda j: done.append((i, j)), 4, 2), 3, 2)  # both levels share one helper
    assert sorted(done) == [(i, j) for i in range(3) for j in range(4)]


def test_threads_are_kept_and_reused():
    model = network()
    for _ in range(20):
        run(model, workers=3, piece=4)
    assert 1 <= sum(t.name.startswith("minigrad-2") for t in threading.enumerate()) <= 2


def test_a_step_inside_of_a_step():
    w = Tensor(2.0, requires_grad=True)

    def outer(x):
        inner = parallel.forward(lambda x: x * w, x, workers=3, piece=2)
        assert blas_threads() == {1}  # still
        return F.mean(inner.detach() * w)

    with two_blas_threads():
        parallel.step(outer, X, workers=4, piece=5)
    np.testing.assert_allclose(w.grad.numpy(), 2 * X.mean(dtype="float64"), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("keywords, words", [
    ({"workers": 0}, "workers"), ({"workers": 1.5}, "workers"), ({"workers": True}, "workers"),
    ({"workers": "all"}, "workers"),
    ({"piece": 0}, "piece"), ({"piece": 2.5}, "piece"), ({"piece": "small"}, "piece"), ({"reduction": "max"}, "reduction")])
def test_wrong_arguments(keywords, words):
    with pytest.raises(ValueError, match=f"{words} must be"):
        parallel.step(loss_of(network()), X, Y, **keywords)


def test_wrong_arrays_and_wrong_losses():
    w = Tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match=r"all of one length, got shapes \(37, 6, 6, 2\), \(5,\)"):
        parallel.step(loss_of(network()), X, Y[:5])
    for arrays in ((), (3.0,)):
        with pytest.raises(ValueError, match="a row for each example"):
            parallel.step(lambda *x: w, *arrays)
    with pytest.raises(ValueError, match="array 0 was made by Multiply"):
        parallel.step(F.mean, Tensor(X) * w, piece=4)
    for wrong, words in ((lambda x: x * w, r"a Tensor of shape \(4, 6"), (lambda x: 1.0, "a float"),
                         (lambda x: (), "a tuple")):
        with pytest.raises(TypeError, match=words):
            parallel.step(wrong, X[:36], workers=2, piece=4)
    with pytest.raises(mg.GraphError, match="does not require gradients"):
        parallel.step(lambda x: F.mean(Tensor(x)), X, workers=2, piece=4)


@pytest.mark.parametrize("workers", [2, None])
def test_fit_evaluate_and_predict_hold_blas_from_their_first_look_at_the_model_on(workers):
    seen = []

    class Looks(mg.layers.Layer):
        def call(self, x):
            seen.extend(blas_threads())
            return x

    model, y = mg.Sequential([Looks(), mg.layers.Flatten(), mg.layers.Dense(1)]), np.zeros((len(X), 1), "float32")
    model.compile("sgd", "mse")
    with two_blas_threads():
        model.fit(X, y, verbose=0, workers=workers)
        model.evaluate(X, y, workers=workers)
        model.predict(X, workers=workers)
    assert seen and set(seen) == {1}


# ---- processes

def script(text, **keywords):
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", textwrap.dedent(text)], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(mg.__file__))}, **keywords)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_control_c_ends_fit_and_gives_blas_back():
    process = script("""
        import numpy as np, threadpoolctl
        import minigrad as mg
        model = mg.models.LeNet()
        model.compile("adam", "sparse_categorical_crossentropy")
        x, y = np.zeros((640, 28, 28, 1), "float32"), np.zeros(640, int)
        def blas():
            return [l["num_threads"] for l in threadpoolctl.threadpool_info() if l["user_api"] == "blas"]
        with threadpoolctl.threadpool_limits(2, "blas"):
            before = blas()
            print("begin", flush=True)
            model.fit(x, y, epochs=10 ** 6, batch_size=64, workers=3, piece=8, verbose=0)
            print(blas() == before, model._workers, flush=True)
            print(len(model.fit(x[:64], y[:64], workers=3, piece=8, verbose=0).epoch))
        """)
    assert process.stdout.readline() == "begin\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert out.split() == ["True", "None", "1"] and process.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_threads_of_its_own():
    process = script("""
        import os, threading, numpy as np
        import minigrad as mg
        from minigrad.threads import in_threads
        def meet():
            meeting = threading.Barrier(2, timeout=30)
            in_threads(lambda i: meeting.wait(), 2, 2)
        meet()
        child = os.fork()
        meet()
        os.write(1, b"met ")  # in one piece, whatever the other process writes
        if child:
            print(os.waitpid(child, 0)[1])
        """)
    out, _ = process.communicate(timeout=120)
    assert sorted(out.split()) == ["0", "met", "met"]
