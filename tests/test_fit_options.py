"""When and how fit validates, single batches, and losses that are scaled."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import callbacks, layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3)).astype("float32")
Y = (X[:, :1] - X[:, 1:2]).astype("float32")


def linear(optimizer=None, **keywords):
    mg.seed(0)
    model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile(optimizer or optimizers.SGD(0.1), "mse", **keywords)
    return model


@pytest.mark.parametrize("freq, epochs", [(1, [0, 1, 2, 3, 4]), (2, [1, 3]), (5, [4]), ([1, 4], [0, 3]), ((2, 9), [1])])
def test_validation_freq(freq, epochs):
    seen = []
    model = linear()
    note = callbacks.LambdaCallback(on_epoch_end=lambda e, logs: seen.append((e, logs.get("val_loss"))))
    history = model.fit(X, Y, epochs=5, validation_data=(X[:6], Y[:6]), validation_freq=freq, verbose=0, callbacks=[note])
    assert [e for e, value in seen if value is not None] == epochs
    assert history.history["val_loss"] == [value for _, value in seen if value is not None]


@pytest.mark.parametrize("keywords, words", [
    ({"validation_freq": 0}, "validation_freq must be"), ({"validation_freq": []}, "validation_freq"),
    ({"validation_freq": [0]}, "validation_freq"), ({"validation_freq": 1.5}, "validation_freq"),
    ({"validation_steps": 0}, "validation_steps"),
    ({"validation_steps": 4, "validation_batch_size": 5}, "validation_steps=4"),
    ({"validation_batch_size": 0}, "validation_batch_size")])
def test_wrong_validation(keywords, words):
    model = linear()
    before = model.get_weights()
    with pytest.raises(ValueError, match=words):
        model.fit(X, Y, validation_data=(X[:12], Y[:12]), verbose=0, **keywords)
    assert np.array_equal(before[0], model.get_weights()[0])


@pytest.mark.parametrize("split", [False, True])
def test_validation_steps_and_batch_size(split):
    """The first rows, so many batches of that size; each batch is seen by the callbacks."""
    sizes = []
    count = callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: sizes.append(batch))
    model = linear(optimizers.SGD(0.0))
    given = {"validation_split": 0.5} if split else {"validation_data": (X[10:], Y[10:])}
    history = model.fit(X, Y, epochs=1, verbose=0, validation_steps=2, validation_batch_size=3, callbacks=[count], **given)
    assert sizes == [0, 1]
    assert history.history["val_loss"][0] == pytest.approx(model.evaluate(X[10:16], Y[10:16])["loss"], rel=1e-5)


class Drawing:
    """Batches without an end, which go on from where they were."""

    def __iter__(self):
        rng = np.random.default_rng(3)
        while True:
            x = rng.standard_normal((4, 3)).astype("float32")
            yield x, x[:, :1]


class Crash(callbacks.Callback):
    crashes = True

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 5 and Crash.crashes:
            raise ZeroDivisionError


def test_a_run_that_validates_now_and_then_goes_on_to_the_bit(tmp_path, monkeypatch):
    def run(folder):
        model = linear(optimizers.Adam(0.05))
        model.fit(Drawing(), epochs=8, steps_per_epoch=3, validation_data=Drawing(), validation_steps=2,
                  validation_freq=[2, 5, 8], verbose=0, callbacks=[Crash(), callbacks.BackupAndRestore(tmp_path / folder)])
        return model

    with pytest.raises(ZeroDivisionError):
        run("parts")
    monkeypatch.setattr(Crash, "crashes", False)
    whole, parts = run("whole"), run("parts")
    assert parts.history.history == whole.history.history and len(parts.history.history["val_loss"]) == 3
    assert all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), parts.get_weights()))


def test_single_batches():
    model, other = linear(metrics=["mae"]), linear(metrics=["mae"])
    w = RNG.random(20).astype("float32")
    for _ in range(3):
        found = model.train_on_batch(X, Y, sample_weight=w)
        history = other.fit(X, Y, sample_weight=w, batch_size=20, shuffle=False, workers=None, verbose=0).history
        assert found == pytest.approx([history["loss"][0], history["mae"][0]], rel=1e-6)
    assert np.array_equal(model.get_weights()[0], other.get_weights()[0])
    assert model.test_on_batch(X, Y, return_dict=True) == other.evaluate(X, Y, workers=None)
    assert model.test_on_batch(X, Y) == list(other.evaluate(X, Y, workers=None).values())
    assert np.array_equal(model.predict_on_batch(X), other.predict(X, workers=None))
    assert isinstance(linear().train_on_batch(X, Y), float) and isinstance(linear().test_on_batch(X, Y), float)
    with pytest.raises(RuntimeError, match="train_on_batch.. needs a loss"):
        mg.Sequential([layers.Dense(1)]).train_on_batch(X, Y)
    with pytest.raises(ValueError, match="20 rows and y has 3"):
        model.train_on_batch(X, Y[:3])
    classes = mg.Sequential([layers.Dense(3, "softmax", input_shape=(3,))])
    classes.compile("sgd", "sparse_categorical_crossentropy")
    labels = np.arange(20) % 3
    assert classes.train_on_batch(X, labels, class_weight={0: 0.0, 1: 0.0, 2: 0.0}) == 0


class Own(mg.Sequential):
    def train_step(self, x, y):
        return {"loss": 3, "mine": 2.0}


def test_a_step_of_ones_own_on_a_batch():
    model = Own([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    assert model.train_on_batch(X, Y, return_dict=True) == {"loss": 3.0, "mine": 2.0}


@pytest.mark.parametrize("workers", [None, 2])
def test_scaled_losses(workers):
    """A power of 2 changes no bit, with clipping and accumulation too; the results show the loss itself."""
    how = dict(clipnorm=0.5, gradient_accumulation_steps=2)
    plain, scaled = (linear(optimizers.Adam(0.05, loss_scale_factor=c, **how)) for c in (None, 2.0 ** 12))
    a, b = (m.fit(X, Y, epochs=3, batch_size=5, verbose=0, workers=workers, piece=2, shuffle=False).history
            for m in (plain, scaled))
    assert a == b and all(np.array_equal(p, q) for p, q in zip(plain.get_weights(), scaled.get_weights()))
    optimizer = scaled.optimizer
    assert optimizer.scale_loss(3.0) == 3 * 2.0 ** 12 and optimizers.SGD().scale_loss(3.0) == 3.0
    assert optimizers.Adam.from_config(optimizer.get_config()).loss_scale_factor == 2.0 ** 12
    with pytest.raises(ValueError, match="loss_scale_factor"):
        optimizers.Adam(loss_scale_factor=0)


def test_tiny_gradients_survive_in_float16():
    """Gradients of 1e-9 are 0 in float16, those of 2^16 times the loss are not."""
    w = mg.Tensor(np.ones(1, "float16"), requires_grad=True)
    for factor, moves in (None, False), (2.0 ** 16, True):
        w.grad = None
        optimizer = optimizers.Adam([w], learning_rate=0.1, loss_scale_factor=factor)
        (optimizer.scale_loss((w * np.float16(1e-3)).astype("float32") * 1e-6)).sum().backward()
        assert (w.grad.numpy() != 0).all() == moves
