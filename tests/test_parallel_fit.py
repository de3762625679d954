"""fit, evaluate and predict with workers: the same training."""

import copy
import threading

import numpy as np
import pytest
from small_network import Centre, X, Y, network, two_blas_threads

import minigrad as mg
import minigrad.functions as F
from minigrad import layers, parallel


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


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


@pytest.mark.parametrize("loss", [lambda y, p: F.sum(F.square(p)), lambda y, p: F.sqrt(F.mean(F.square(p))),
                                  lambda y, p: F.mean(F.square(p)) + len(y)])
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
    assert fitted(3, Centre(), validation_data=None)[0] == fitted(None, Centre(), validation_data=None)[0]


def test_what_has_to_stay_whole_is_not_even_tried():
    class Other(mg.losses.MeanSquaredError):
        is_mean_over_rows = False

    target = np.zeros((37, 4), "float32")
    for extra, loss, expected in ((), "mse", (2, 3)), ((Centre(),), "mse", (None, 3)), ((), Other(), (None, 3)):
        model = network(*extra)
        model.compile("adam", loss)
        assert model._shared(X, target, 2, 3) == expected
    assert model._shared(X, target, None, 3) == (None, 3)


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
