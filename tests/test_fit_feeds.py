"""What fit reads, and what it leaves alone: memory-mapped arrays by batches, states of recurrent layers, passed epochs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import callbacks, layers

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import resource, sys
import numpy as np
import minigrad as mg
from minigrad import layers

x = np.lib.format.open_memmap(sys.argv[1], "w+", "float32", (2 ** 22, 512))   # 8 GB, a sparse file
y = np.zeros(len(x), "float32")
model = mg.Sequential([layers.Dense(1, input_shape=(512,))])
model.compile("sgd", "mse")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.fit(x, y, steps_per_epoch=3, verbose=0)
model.fit(x, x[:, :1], steps_per_epoch=3, validation_split=1e-5, verbose=0, shuffle=False)
model.predict(x, steps=2), model.evaluate(x, y, steps=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(os.name != "posix", reason="the resource module is POSIX's")
def test_a_memory_mapped_array_is_not_read_as_a_whole(tmp_path):
    run = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path / "x.npy")], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 400_000, "kilobytes"


@pytest.mark.parametrize("shuffle", [False, True])
def test_what_is_wrong_in_a_memory_mapped_array_is_found_with_its_batch(tmp_path, shuffle):
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "float32", (40, 3))
    x[33, 1] = np.nan
    model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="a batch of x has 1 values that are nan or inf"):
        model.fit(x, np.zeros(40), batch_size=8, verbose=0, shuffle=shuffle)
    with pytest.raises(ValueError, match="a batch of x has 1 values that are nan or inf"):
        model.predict(x)
    x[33, 1] = 1
    same = mg.Sequential.from_config(model.get_config())
    same.set_weights(model.get_weights())
    same.compile("sgd", "mse")
    for m, data in (model, x), (same, np.array(x)):
        mg.seed(0)
        m.fit(data, np.ones(40), batch_size=8, verbose=0, shuffle=shuffle)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), same.get_weights()))


def test_trying_out_leaves_the_states_of_recurrent_layers_alone():
    x = np.random.default_rng(0).standard_normal((4, 3, 2)).astype("float32")
    model = mg.Sequential([layers.Input((3, 2)), layers.GRU(2, stateful=True), layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = []

    class Watch(callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(model.layers[0].states)

    model.predict(x)
    before = model.layers[0].states[0].numpy().copy()
    model.fit(x, np.ones((4, 1)), batch_size=4, verbose=0, callbacks=[Watch()])
    assert np.array_equal(seen[0][0].numpy(), before)
    fresh = mg.Sequential([layers.Input((3, 2)), layers.GRU(2, stateful=True), layers.Dense(1)])
    fresh.compile("sgd", "mse")
    fresh.set_weights(model.get_weights())
    loss = fresh.evaluate(x, np.ones((4, 1)))["loss"]
    fresh.layers[0].reset_state()
    np.testing.assert_allclose(loss, np.mean((fresh.predict(x) - 1) ** 2), rtol=1e-5)


def test_epochs_of_a_data_set_are_passed_over_without_being_read(tmp_path):
    """A run that stops in the middle and one that goes on see what an undisturbed one sees, and read no epoch again."""
    x = np.random.default_rng(0).standard_normal((24, 3)).astype("float32")
    read = []

    def run(folder, stop=None):
        mg.seed(1)
        data = mg.data.Dataset((x, x[:, :1])).map(lambda x, y: read.append(0) or (x, y)).shuffle(seed=3).batch(8)
        model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
        model.compile("sgd", "mse")

        class Stop(callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if model.optimizer.iterations == stop:
                    raise RuntimeError("stopped")

        read.clear()
        watch = [callbacks.BackupAndRestore(folder, save_freq=1), Stop()]
        model.fit(data, epochs=5, verbose=0, callbacks=watch, validation_data=data.take(2))
        return model.get_weights(), len(read)

    whole, all_read = run(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="stopped"):
        run(tmp_path / "parts", stop=10)                                # the backup is of the third epoch's end
    again, count = run(tmp_path / "parts")
    assert all(np.array_equal(a, b) for a, b in zip(whole, again))
    assert count <= all_read - 2 * (24 + 16) + 8 + 8                    # two epochs less, and what trying out reads


def test_steps_per_epoch_counts_beside_validation_split():
    x = np.zeros((100, 3), "float32")
    model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], batch_size=10, steps_per_epoch=2, epochs=3, validation_split=0.2, verbose=0)
    assert model.optimizer.iterations == 6
    with pytest.raises(ValueError, match="steps_per_epoch=9 of 10 rows each, but there are only 80 rows"):
        model.fit(x, x[:, :1], batch_size=10, steps_per_epoch=9, validation_split=0.2, verbose=0)
