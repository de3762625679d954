"""Data sets in fit, evaluate and predict."""

import inspect
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers
from minigrad.data import Dataset

pytestmark = pytest.mark.skipif("steps_per_epoch" not in inspect.signature(mg.Model.fit).parameters,
                                reason="fit takes arrays only, until both branches are merged")
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((90, 6, 6, 1)).astype("float32"), np.arange(90) % 3


def model():
    mg.seed(0)
    made = mg.Sequential([layers.Flatten(input_shape=(6, 6, 1)), layers.Dropout(0.2), layers.Dense(3, "softmax")])
    made.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return made


def data(seed=1):
    d = Dataset((X, Y)).shuffle(seed).batch(16)
    return d.augment(layers.RandomFlip("horizontal"), layers.RandomTranslation(0.2, 0.2), seed=seed).prefetch(2)


def weights(made):
    return made.state_dict()


def same(a, b):
    return all(np.array_equal(a[name], b[name]) for name in a)


def test_fit_takes_the_batches_of_each_epoch():
    fitted = model()
    fitted.fit(data(), epochs=3, verbose=0, workers=None)
    by_hand, d = model(), data()
    for _ in range(3):
        for x, y in d:
            by_hand.train_step(x, y)
    assert same(weights(fitted), weights(by_hand))


def test_evaluate_and_predict():
    made, test = model(), Dataset((X, Y)).batch(32).prefetch()
    assert made.evaluate(test) == pytest.approx(made.evaluate(X, Y, batch_size=32), rel=1e-6)
    np.testing.assert_array_equal(made.predict(Dataset(X).batch(32)), made.predict(X, batch_size=32))
    history = made.fit(data(), epochs=1, validation_data=test, verbose=0)
    assert "val_accuracy" in history.history


def test_an_error_in_the_thread_ends_fit_and_leaves_no_thread():
    def broken(x, y):
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        model().fit(Dataset((X, Y)).batch(8).map(broken).prefetch(2), verbose=0)
    late = Dataset((X, Y)).shuffle(0).map(lambda x, y: (x, y) if y < 2 else broken(x, y), workers=2).batch(8).prefetch(2)
    with pytest.raises(OSError, match="the disk is gone"):
        model().fit(late, verbose=0)
    for thread in threading.enumerate():
        if thread.name.startswith(("minigrad-prefetch", "minigrad-map")):
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.parametrize("seed", [1, None])
def test_a_run_that_was_cut_off_goes_on_to_the_bit(tmp_path, seed):
    from minigrad.callbacks import BackupAndRestore, Callback

    class Power(Callback):
        goes = 10  # batches, and then the power is gone

        def on_train_batch_end(self, batch, logs=None):
            self.goes -= 1
            if self.goes == 0:
                raise SystemExit

        def state(self):
            return {}

    def run(*callbacks):
        made = model()
        made.fit(data(seed), epochs=4, verbose=0, callbacks=callbacks)
        return weights(made)

    Power.goes = 10
    with pytest.raises(SystemExit):
        run(BackupAndRestore(tmp_path, save_freq=4), Power())
    Power.goes = -1
    resumed = run(BackupAndRestore(tmp_path, save_freq=4), Power())
    assert same(run(), resumed)
