"""A step in pieces on several threads: the same gradients as in one, whoever computes them, and nothing left behind."""

import contextlib
import copy
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
import threadpoolctl

import minigrad as mg
import minigrad.functions as F
from minigrad import layers, parallel
from minigrad.parallel.threads import in_threads
from minigrad.tensor import Tensor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((37, 6, 6, 2)).astype("float32")
Y = RNG.integers(0, 4, 37)


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


def network(*extra, **keywords):
    return mg.Sequential([layers.Conv2D(3, 3, activation="relu", **(keywords or {"input_shape": (6, 6, 2)})),
                          layers.Flatten(), *extra, layers.Dense(4)])


def loss_of(model):
    return lambda x, y: F.cross_entropy(model(x, training=True), y)


def gradients(model):
    return [p.grad.numpy().copy() for p in model.parameters()]


def run(model, function=None, arrays=(X, Y), **keywords):
    """(loss, gradients) of a step from nothing."""
    model.zero_grad()
    loss = parallel.step(function or loss_of(model), *arrays, **keywords)
    return loss.item(), gradients(model)


def same(a, b):
    return a[0] == b[0] and len(a[1]) == len(b[1]) and all(np.array_equal(p, q) for p, q in zip(a[1], b[1]))


# ---- the mathematics

@pytest.mark.parametrize("piece", [1, 5, 8, 36, 37, 1000])
def test_the_gradients_of_the_pieces_are_those_of_the_batch(piece):
    with mg.tensor.default_dtype("float64"):
        model = network()
        x = X.astype("float64")
        loss = loss_of(model)(x, Y)
        loss.backward()
        expected = gradients(model)
        value, found = run(model, arrays=(x, Y), workers=2, piece=piece)
    assert value == pytest.approx(loss.item(), rel=1e-13)
    for g, e in zip(found, expected):
        np.testing.assert_allclose(g, e, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("extra", [(), (layers.Dropout(0.4),)])
def test_the_number_of_workers_changes_no_bit(extra):
    model = network(*copy.deepcopy(extra))
    runs = []
    for workers in (1, 2, 3, 5):
        mg.seed(7)
        runs.append([run(model, workers=workers, piece=4) for _ in range(3)])
    assert all(same(a, b) for one in runs[1:] for a, b in zip(one, runs[0]))
    assert same(runs[0][0], runs[0][1]) is (not extra)  # each step draws anew


def test_the_order_of_the_sum_is_that_of_the_pieces_whoever_is_fast():
    model = network()
    calm = run(model, workers=1, piece=4)

    def late(x, y):
        time.sleep(0.02 if np.array_equal(x[0], X[0]) else 0)  # the first piece comes last
        return loss_of(model)(x, y)

    assert same(run(model, late, workers=4, piece=4), calm)


def test_a_sum_over_rows():
    model = network()
    summed = lambda x, y: F.cross_entropy(model(x), y, reduction="sum")  # noqa: E731
    whole = run(model, summed, workers=None)
    found = run(model, summed, workers=2, piece=5, reduction="sum")
    assert found[0] == pytest.approx(whole[0], rel=1e-5)
    for g, e in zip(found[1], whole[1]):
        np.testing.assert_allclose(g, e, rtol=1e-4, atol=1e-4)


def test_gradients_are_added_to_what_is_there_and_outputs_keep_their_order():
    model = network()

    def with_outputs(x, y):
        scores = model(x)
        return F.cross_entropy(scores, y), scores, y * 2

    loss, scores, doubled = parallel.step(with_outputs, X, Y, workers=2, piece=4)
    once = gradients(model)
    np.testing.assert_allclose(scores.numpy(), model(X).numpy(), rtol=1e-5, atol=1e-6)
    assert np.array_equal(doubled, Y * 2) and isinstance(doubled, np.ndarray)
    assert loss.creator is None and scores.creator is None and not scores.requires_grad
    parallel.step(with_outputs, X, Y, workers=2, piece=4)
    for g, e in zip(gradients(model), once):
        np.testing.assert_allclose(g, 2 * e, rtol=1e-6)
    whole = parallel.step(with_outputs, X, Y, workers=None)
    assert [type(v) for v in whole] == [Tensor, Tensor, np.ndarray] and whole[1].creator is None


def test_the_gradient_of_an_input_and_leaves_that_only_some_pieces_use():
    x, w, rare = Tensor(X[:, 0, 0], requires_grad=True), Tensor([1.0, 2.0], True), Tensor(3.0, requires_grad=True)

    def f(x):
        y = F.mean(F.square(x * w))
        return y * rare if len(x) == 3 else y  # 37 by 4: pieces of 3 and of 4 rows

    parallel.step(f, x, workers=3, piece=4)
    cuts = parallel.pieces.cut(37, 4)
    found, x.grad = x.grad.numpy(), None
    sum((f(x[c]) * ((c.stop - c.start) / 37) for c in cuts[1:]), f(x[cuts[0]]) * (3 / 37)).backward()
    np.testing.assert_allclose(found, x.grad.numpy(), rtol=1e-5)
    assert {c.stop - c.start for c in cuts} == {3, 4} and rare.grad is not None


def test_a_hook_sees_the_whole_gradient_once():
    model, seen = network(), []
    kernel = model.layers[-1].kernel
    kernel.register_hook(lambda g: seen.append(g.numpy().copy()))
    run(model, workers=2, piece=5)
    assert len(seen) == 1 and np.array_equal(seen[0], kernel.grad.numpy())


def test_what_this_thread_has_set_holds_in_the_others():
    noted = []

    def f(x):
        noted.append((mg.Tensor(1.0).dtype, mg.autograd.is_recording()))
        return x

    with mg.tensor.default_dtype("float64"), mg.no_grad():
        with pytest.raises(mg.GraphError, match="no_grad"):
            parallel.step(lambda x: mg.sum(f(x)), X, workers=2, piece=5)
    assert noted and all(n == (np.float64, False) for n in noted)
    with pytest.raises(FloatingPointError), np.errstate(all="raise"):
        parallel.forward(lambda x: mg.exp(x * 1000), X, workers=2, piece=5)


# ---- random numbers

def test_each_piece_and_each_step_draws_its_own():
    w = Tensor(np.ones(50, "float32"), requires_grad=True)

    def masks():
        return parallel.step(lambda x: (F.sum(F.dropout(x * w)), F.dropout(x * w)), np.ones((6, 50), "float32"),
                             workers=2, piece=2)[1].numpy()

    mg.seed(3)
    first, second = masks(), masks()
    assert not np.array_equal(first, second)
    assert len({first[i:i + 2].tobytes() for i in (0, 2, 4)}) == 3
    mg.seed(3)
    assert np.array_equal(first, masks()) and np.array_equal(second, masks())
    mg.seed(4)
    assert not np.array_equal(first, masks())


def test_the_generator_moves_only_if_a_piece_draws():
    model, dropping = network(), network(layers.Dropout(0.5))
    mg.seed(1)
    expected = mg.random.generator().random(4)
    mg.seed(1)
    run(model, workers=2, piece=4)
    assert np.array_equal(mg.random.generator().random(4), expected)
    after = []
    for workers in (1, 3):
        mg.seed(1)
        run(dropping, workers=workers, piece=4)
        after.append(mg.random.generator().random(4))
    assert np.array_equal(*after) and not np.array_equal(after[0], expected)


# ---- which batches are cut, and where

def test_pieces_are_even_and_cover_all_rows():
    for rows in range(0, 40):
        for piece in (1, 2, 7, 16, 50):
            cuts = parallel.pieces.cut(rows, piece)
            sizes = [c.stop - c.start for c in cuts]
            assert [i for c in cuts for i in range(c.start, c.stop)] == list(range(rows))
            assert max(sizes) <= piece and max(sizes) - min(sizes) <= 1 and len(cuts) == max(1, -(-rows // piece))


def test_a_piece_is_as_large_as_its_results_fit():
    model = mg.models.LeNet()
    f, x, y = loss_of(model), np.zeros((512, 28, 28, 1), "float32"), np.zeros(512, int)
    assert [parallel.rows_of_a_piece(f, x[:n], y[:n]) for n in (512, 128, 64, 32, 8, 1)] == [32, 32, 32, 16, 8, 1]
    dense = mg.Sequential([layers.Dense(64, input_shape=(20,)), layers.Dense(4)])
    assert parallel.rows_of_a_piece(loss_of(dense), x[:64, 0, :20, 0], y[:64]) == 64  # so little is not worth cutting
    wide = mg.Sequential([layers.Dense(2500, input_shape=(2500,)), layers.Dense(2500)])  # 50 MB of weights
    assert parallel.rows_of_a_piece(loss_of(wide), np.zeros((512, 2500), "float32"), y) == 512


def test_counting_changes_nothing():
    model = network(layers.Dropout(0.5))
    mg.seed(5)
    expected = mg.random.generator().random(4)
    mg.seed(5)
    assert parallel.rows_of_a_piece(loss_of(model), X, Y) == 37
    assert parallel.tune(loss_of(model), X, Y, workers=2, candidates=(8, 16), repeats=1) in (8, 16, 37)
    assert np.array_equal(mg.random.generator().random(4), expected)
    assert all(p.grad is None for p in model.parameters())


def test_tune_takes_the_fastest():
    w = Tensor(1.0, requires_grad=True)

    def slow_unless_eight(x):
        time.sleep(0.001 if len(x) == 8 else 0.03)
        return F.mean(x * w)

    assert parallel.tune(slow_unless_eight, np.ones((16, 2), "float32"), candidates=(2, 4, 8, 99), repeats=2) == 8


def test_a_layer_that_needs_the_whole_batch_gets_it():
    class Centre(layers.Layer):
        needs_whole_batch = True

        def call(self, x, training=False):
            seen.append((len(x), training))
            return x - F.mean(x, 0, keepdims=True) if training else x

    seen = []
    model = network(Centre())
    expected = run(model, workers=None)
    seen.clear()
    assert same(run(model, workers=2, piece=4), expected) and seen == [(37, True)]
    seen.clear()
    parallel.forward(lambda x: model(x), X, workers=2, piece=10)  # outside of training its rows are independent
    assert sorted(seen) == [(9, False)] * 3 + [(10, False)]
    assert parallel.rows_of_a_piece(loss_of(model), X, Y) == 37
    assert parallel.tune(loss_of(model), X, Y, candidates=(8,)) == 37


@pytest.mark.parametrize("extra", [(), (layers.Dropout(0.3),)])
def test_a_model_that_is_not_built_yet(extra):
    def steps(workers):
        mg.seed(2)
        model = network(*copy.deepcopy(extra), name="first")
        return [run(model, workers=workers, piece=4) for _ in range(2)]

    one, several, built = steps(1), steps(4), network()
    assert all(same(a, b) for a, b in zip(one, several))
    mg.seed(2)
    built = network()
    if not extra:
        assert run(built, workers=None)[0] == one[0][0]  # the weights are those of a model built before


# ---- what goes wrong

@contextlib.contextmanager
def two_blas_threads():
    with threadpoolctl.threadpool_limits(2, "blas"):
        yield
        assert blas_threads() == {2}


def blas_threads():
    return {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}


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


def test_threads_are_kept_and_reused():
    model = network()
    for _ in range(20):
        run(model, workers=3, piece=4)
    assert 1 <= sum(t.name.startswith("minigrad-2") for t in threading.enumerate()) <= 2


def test_a_step_inside_of_a_step():
    w = Tensor(2.0, requires_grad=True)

    def outer(x):
        inner = parallel.forward(lambda x: x * w, x, workers=3, piece=2)
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


# ---- fit, evaluate, predict

def fitted(workers, *extra, model=None, loss="sparse_categorical_crossentropy", **keywords):
    mg.seed(1)
    model = model or network(*copy.deepcopy(extra), layers.Dense(4, activation="softmax"))
    model.compile("adam", loss, ["accuracy"])
    history = model.fit(X, Y, epochs=3, batch_size=16, workers=workers, verbose=0,
                        **{"piece": 3, "validation_data": (X[:20], Y[:20]), **keywords}).history
    return history, [p.numpy().copy() for p in model.parameters()]


def test_fit_in_pieces_is_fit():
    whole, weights = fitted(None)
    found, others = fitted(2)
    for name, values in whole.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5)
    for w, v in zip(weights, others):
        np.testing.assert_allclose(w, v, rtol=1e-2, atol=1e-4)
    assert found["accuracy"] == whole["accuracy"]


@pytest.mark.parametrize("extra", [(), (layers.Dropout(0.4),)])
def test_fit_is_the_same_for_any_number_of_workers(extra):
    (history, weights), *others = (fitted(workers, *extra) for workers in (1, 2, 5, "auto"))
    for other, them in others:
        assert other == history and all(np.array_equal(w, v) for w, v in zip(weights, them))


def test_fit_and_the_loop_over_step_are_one():
    history, weights = fitted(2, layers.Dropout(0.4), shuffle=False, validation_data=None)
    mg.seed(1)
    model = network(layers.Dropout(0.4), layers.Dense(4, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.set_parameters(model.parameters())
    for _ in range(3):
        for x, y in mg.data.batches((X, Y), 16):
            parallel.step(model.training_loss, x, y, piece=3)
            model.optimizer.step()
            model.optimizer.zero_grad()
    assert all(np.array_equal(w, p.numpy()) for w, p in zip(weights, model.parameters()))


def test_fit_builds_lazily():
    lazy = mg.Sequential([layers.Flatten(), layers.Dense(5, activation="tanh"), layers.Dense(4, activation="softmax")])
    history, _ = fitted(3, model=lazy)
    eager = mg.Sequential([layers.Flatten(), layers.Dense(5, activation="tanh"), layers.Dense(4, activation="softmax")])
    eager.build((None, 6, 6, 2))
    assert len(history["loss"]) == 3 and all(p.shape == q.shape for p, q in zip(lazy.parameters(), eager.parameters()))


@pytest.mark.parametrize("loss", [lambda y, p: F.sum(F.square(p)), lambda y, p: F.sqrt(F.mean(F.square(p)))])
def test_a_loss_that_is_no_mean_keeps_its_batches_whole(loss):
    sizes = []

    def noted(y, p):
        sizes.append(len(y))
        return loss(y, p)

    history, weights = fitted(2, loss=noted, validation_data=None)
    assert sizes[-9:] == [16, 16, 5] * 3
    expected, others = fitted(None, loss=loss, validation_data=None)
    assert history == expected and all(np.array_equal(w, v) for w, v in zip(weights, others))
    sizes.clear()
    fitted(2, loss=lambda y, p: (sizes.append(len(y)), F.mean(F.square(p)))[1], validation_data=None)
    assert sorted(sizes[-18:])[-1] <= 3  # a mean of one's own is cut


def test_a_layer_in_fit_that_needs_the_whole_batch():
    class Centre(layers.Layer):
        needs_whole_batch = True

        def call(self, x, training=False):
            return x - F.mean(x, 0, keepdims=True) if training else x

    assert fitted(3, Centre(), validation_data=None)[0] == fitted(None, Centre(), validation_data=None)[0]


def test_evaluate_and_predict_in_pieces():
    model = network(layers.Dropout(0.5), layers.Dense(4, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    whole = model.predict(X, workers=None)
    for workers in (1, 2, 5):
        np.testing.assert_allclose(model.predict(X, workers=workers, piece=5), whole, rtol=1e-5, atol=1e-6)
        assert np.array_equal(model.predict(X, workers=workers, piece=5), model.predict(X, workers=1, piece=5))
        assert model.evaluate(X, Y, workers=workers, piece=5) == pytest.approx(model.evaluate(X, Y, workers=None), rel=1e-5)
    lazy = mg.Sequential([layers.Flatten(), layers.Dense(3)])
    assert lazy.predict(X, workers=3, piece=2).shape == (37, 3)


def test_an_error_in_fit_leaves_nothing_behind():
    model = network(layers.Dense(4, activation="softmax"))
    model.compile(mg.optimizers.SGD(1e30), "sparse_categorical_crossentropy")
    with two_blas_threads():
        with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="loss became"):
            model.fit(X, Y, epochs=9, workers=2, piece=4, verbose=0)
    assert all(p.grad is None for p in model.parameters()) and model._workers is None


def test_two_fits_at_once():
    expected = {workers: fitted(workers, shuffle=False) for workers in (2, 3)}
    models = {workers: None for workers in (2, 3)}
    for workers in models:
        mg.seed(1)
        models[workers] = network(layers.Dense(4, activation="softmax"))
    found, start = {}, threading.Barrier(2)

    def train(workers):
        model = models[workers]
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        start.wait()
        history = model.fit(X, Y, epochs=3, batch_size=16, workers=workers, piece=3, verbose=0, shuffle=False,
                            validation_data=(X[:20], Y[:20])).history
        found[workers] = history, [p.numpy().copy() for p in model.parameters()]

    with two_blas_threads():
        threads = [threading.Thread(target=train, args=(workers,)) for workers in models]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    for workers, (history, weights) in expected.items():
        assert found[workers][0] == history
        assert all(np.array_equal(w, v) for w, v in zip(found[workers][1], weights))


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
            try:
                print("begin", flush=True)
                model.fit(x, y, epochs=10 ** 6, batch_size=64, workers=3, piece=8, verbose=0)
            except KeyboardInterrupt:
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
        import os, numpy as np
        import minigrad as mg
        w = mg.Tensor(1.0, requires_grad=True)
        def step():
            return mg.parallel.step(lambda x: mg.mean(x * w), np.ones((8, 3), "float32"), workers=3, piece=1).item()
        step()
        child = os.fork()
        print(step(), flush=True)
        if child:
            print(os.waitpid(child, 0)[1])
        """)
    out, _ = process.communicate(timeout=120)
    assert sorted(out.split()) == ["0", "1.0", "1.0"]
