"""Callbacks and weights of rows against Keras's own."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad import callbacks, layers, optimizers

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 4)).astype("float32")
LABELS = RNG.integers(0, 3, 30)
W = RNG.random(30).astype("float32") * 2


def values(rng, n=40):
    """Results that go down, with noise, plateaus and a nan or two; eighths, so that float32 in Keras knows the same ties.

    The first result is a number: a nan there stays the best for ever in Keras, and here any number is better.
    """
    found = np.exp(-np.arange(n) / 10) + 0.2 * rng.standard_normal(n)
    nan = rng.random(n) < 0.03
    nan[[0, 5]] = False
    return np.where(nan, np.nan, np.round(found * 8) / 8).tolist()


def followed(callback, script, model):
    """What the callback does to a model that has these results: the epochs that it took, and the learning rates."""
    callback.set_model(model)
    callback.on_train_begin({})
    rates = []
    for epoch, value in enumerate(script):
        model.epoch = epoch
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, {"result": value})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end({})
    return len(rates), rates, model.loaded


def stub():
    """As much of a model as these callbacks look at; its weights are the number of the epoch."""
    model = SimpleNamespace(stop_training=False, optimizer=SimpleNamespace(learning_rate=1.0), loaded=None, epoch=0)
    model.get_weights = model.state_dict = lambda: model.epoch
    model.set_weights = model.load_state_dict = lambda weights: setattr(model, "loaded", weights)
    return model


@pytest.mark.parametrize("seed", range(60))
def test_early_stopping(seed):
    rng = np.random.default_rng(seed)
    keywords = {"mode": str(rng.choice(["min", "max"])), "patience": int(rng.integers(0, 6)),
                "min_delta": float(rng.choice([0, 0.125, 0.375])), "baseline": rng.choice([None, 0.5]),
                "restore_best_weights": bool(rng.integers(2)), "start_from_epoch": int(rng.choice([0, 0, 5]))}
    script = values(rng)
    assert followed(callbacks.EarlyStopping("result", **keywords), script, stub()) == \
        followed(keras.callbacks.EarlyStopping("result", **keywords), script, stub())


@pytest.mark.parametrize("seed", range(60))
def test_reduce_on_plateau(seed):
    rng = np.random.default_rng(seed)
    keywords = {"mode": str(rng.choice(["min", "max"])), "patience": int(rng.integers(1, 5)),
                "cooldown": int(rng.integers(0, 4)), "factor": float(rng.choice([0.1, 0.5, 0.9])),
                "min_delta": float(rng.choice([0, 1e-4, 0.25])),
                "min_lr": float(rng.choice([0, 0.3]))}
    script = values(rng)
    assert followed(callbacks.ReduceLROnPlateau("result", **keywords), script, stub()) == \
        followed(keras.callbacks.ReduceLROnPlateau("result", **keywords), script, stub())


@pytest.mark.parametrize("weights", [{}, {"class_weight": {0: 3.0, 2: 0.25}}, {"sample_weight": W}])
def test_fit_with_weights_is_keras_s(weights):
    model = mg.Sequential([layers.Dense(3, activation="softmax", input_shape=(4,))])
    other = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    other.set_weights([p.numpy() for p in model.parameters()])
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy", ["accuracy"])
    other.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    keywords = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0, **weights}
    validation = (X[:9], LABELS[:9], W[:9])
    found = model.fit(X, LABELS, validation_data=validation, **keywords).history
    expected = other.fit(X, LABELS, validation_data=validation, validation_batch_size=8, **keywords).history
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == pytest.approx(expected[name], rel=1e-4), name
    for p, q in zip(model.parameters(), other.get_weights()):
        np.testing.assert_allclose(p.numpy(), q, rtol=1e-4, atol=1e-6)


def test_several_losses_are_keras_s():
    inputs = keras.layers.Input((4,))
    a, b = keras.layers.Dense(1, name="a"), keras.layers.Dense(3, activation="softmax", name="b")
    other = keras.Model(inputs, [a(inputs), b(inputs)])

    class Twins(mg.Model):
        output_names = ["a", "b"]

        def __init__(self):
            self.a, self.b = layers.Dense(1, input_shape=(4,)), layers.Dense(3, "softmax", input_shape=(4,))

        def call(self, x):
            return [self.a(x), self.b(x)]

    model = Twins()
    other.set_weights([p.numpy() for p in model.parameters()])
    given = {"loss": ["mse", "sparse_categorical_crossentropy"], "loss_weights": [0.3, 2.0],
             "metrics": [["mae"], ["accuracy"]]}
    model.compile(optimizers.SGD(0.1), **given)
    other.compile(keras.optimizers.SGD(0.1), **given)
    keywords = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}
    found = model.fit(X, [X[:, :1], LABELS], **keywords).history
    expected = other.fit(X, [X[:, :1], LABELS], **keywords).history
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == pytest.approx(expected[name], rel=1e-4), name
