"""A run that is killed and started again ends like one that was not, to the bit. RESUME_KILLS=50 kills more often."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import callbacks, layers

PROGRAM = Path(__file__).with_name("resume_program.py")
KILLS = int(os.environ.get("RESUME_KILLS", 6))
KINDS = ("arrays", "epochs", "stream")  # a backup each two steps; one an epoch, and class weights; batches from an iterable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


def start(folder, kind, **environment):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, str(PROGRAM), str(folder), kind], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": str(PROGRAM.parent.parent), **environment})


def finished(folder, kind):
    process = start(folder, kind)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return json.loads((folder / "result.json").read_text())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return {kind: finished(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


def test_the_run_does_what_has_to_be_restored(undisturbed):
    for kind, result in undisturbed.items():
        assert result["backups"] == [] and len(result["history"]["loss"]) == len(result["epochs"])
        assert result["log"].count("\n") == 1 + len(result["epochs"]) and result["steps"] == len(result["seen"])
        assert len(set(result["history"]["learning_rate"])) > 1 or kind == "stream"
    assert len({result["weights"] for result in undisturbed.values()}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_moments(kind, undisturbed, tmp_path):
    """Each run is killed again and again, and goes on each time, until it has had its share of kills."""
    moments, died, left = random.Random(kind), 0, -(-KILLS // len(KINDS))
    while left:
        process = start(tmp_path, kind, SLOW="0.02")
        process.stdout.readline()  # fit begins
        time.sleep(moments.uniform(0, 0.5))
        process.kill()
        process.communicate()
        left, died = left - 1, died + (process.returncode == -signal.SIGKILL)
    assert died >= 1
    assert finished(tmp_path, kind) == undisturbed[kind]


@pytest.mark.parametrize("kind, kill", [("arrays", "1 half"), ("arrays", "4 half"), ("arrays", "9 replace"),
                                        ("stream", "8 renamed"), ("epochs", "3 replace"), ("epochs", "2 open")])
def test_killed_while_a_backup_is_written(kind, kill, undisturbed, tmp_path):
    process = start(tmp_path, kind, KILL=kill)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "result.json").exists()
    assert finished(tmp_path, kind) == undisturbed[kind]  # "backups" among it: the half file is gone


def test_ctrl_c_stops_after_the_step_and_a_new_start_goes_on(undisturbed, tmp_path):
    process = start(tmp_path, "epochs", SLOW="0.05")
    process.stdout.readline()
    while not (tmp_path / "log.csv").exists():  # an epoch is over
        time.sleep(0.01)
    time.sleep(0.12)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and "Stopping after this step" in errors
    stopped = json.loads((tmp_path / "result.json").read_text())
    whole = undisturbed["epochs"]
    epochs = len(stopped["epochs"])
    assert 1 <= epochs < len(whole["epochs"]) and stopped["backups"] == ["backup.safetensors"]
    assert all(values == whole["history"][name][:epochs] for name, values in stopped["history"].items())
    assert stopped["seen"] == whole["seen"][:len(stopped["seen"])] and len(stopped["seen"]) == stopped["steps"]
    arrays, about = mg.files.arrays_from_bytes((tmp_path / "backup" / "backup.safetensors").read_bytes(), "backup")
    state = mg.files.unpack(about, arrays)
    assert state["optimizers"]["optimizer"][1]["iterations"] == stopped["steps"]  # the backup is of that very step
    assert finished(tmp_path, "epochs") == whole


def test_a_second_ctrl_c_stops_at_once(tmp_path):
    process = start(tmp_path, "arrays", SLOW="30")
    process.stdout.readline()
    time.sleep(1.0)  # it sleeps in its first step now
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode != 0 and "KeyboardInterrupt" in errors


# ---- in one process: what a backup refuses

class Dies(callbacks.Callback):
    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == self.step:
            raise RuntimeError("the power is off")


def fit(folder, rows=20, width=4, optimizer="adam", extra=(), **keywords):
    mg.seed(0)
    x = np.random.default_rng(0).standard_normal((rows, 3)).astype("float32")
    model = mg.Sequential([layers.Dense(width, input_shape=(3,)), layers.Dropout(0.2), layers.Dense(1)])
    model.compile(optimizer, "mse", ["mae"])
    model.fit(x, x[:, :1], **{"epochs": 3, "batch_size": 4, "verbose": 0, **keywords},
              callbacks=[*extra, callbacks.BackupAndRestore(folder, save_freq=1)])
    return model


@pytest.fixture
def backup(tmp_path):
    with pytest.raises(RuntimeError, match="power"):
        fit(tmp_path, extra=[Dies(7)])
    return tmp_path / "backup.safetensors"


@pytest.mark.parametrize("keywords, words", [
    ({"rows": 24}, "rows"), ({"batch_size": 5}, "batch_size"), ({"shuffle": False}, "shuffle"),
    ({"width": 5}, "wrong shape"), ({"optimizer": "sgd"}, "its optimizers.*Adam.*SGD"),
    ({"extra": [Dies(99), callbacks.TerminateOnNaN()]}, "callbacks")])
def test_a_backup_of_another_run_is_refused(backup, keywords, words):
    with pytest.raises(ValueError, match=f"(?s)backup.safetensors.*{words}.*delete it"):
        fit(backup.parent, **{"extra": [Dies(99)], **keywords})


def test_more_epochs_than_before_go_on(backup, tmp_path_factory):
    longer = fit(backup.parent, epochs=5, extra=[Dies(99)])
    whole = fit(tmp_path_factory.mktemp("other"), epochs=5, extra=[Dies(99)])
    assert all(np.array_equal(p.numpy(), q.numpy()) for p, q in zip(longer.parameters(), whole.parameters()))
    assert longer.history.history == whole.history.history and longer.optimizer.iterations == 25


def test_a_batch_is_cut_on_as_it_was(tmp_path_factory):
    """Other pieces round otherwise, and draw otherwise: those of the backup are kept, whatever the new start says."""
    folders = [tmp_path_factory.mktemp("run") for _ in range(3)]
    whole, other = (fit(folder, piece=piece, extra=[Dies(99)]) for folder, piece in zip(folders, (2, 1)))
    with pytest.raises(RuntimeError, match="power"):
        fit(folders[2], piece=2, extra=[Dies(7)])
    model = fit(folders[2], piece=1, extra=[Dies(99)])
    weights = [m.state_dict()["dense.kernel"].tolist() for m in (whole, other, model)]
    assert weights[2] == weights[0] != weights[1]


def test_a_table_that_is_appended_to_gets_no_line_twice(tmp_path):
    """Also if the run dies between its first line and its first backup."""
    def run(*extra):
        mg.seed(0)
        model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
        model.compile("sgd", "mse")
        x = np.ones((8, 3), "float32")
        model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[
            callbacks.CSVLogger(tmp_path / "log.csv", append=True), *extra, callbacks.BackupAndRestore(tmp_path / "b")])

    def fails(epoch, logs):
        raise RuntimeError("the power is off")

    dies = callbacks.LambdaCallback(on_epoch_end=fails)
    with pytest.raises(RuntimeError, match="power"):
        run(dies)
    run(callbacks.LambdaCallback())
    assert [line.split(",")[0] for line in (tmp_path / "log.csv").read_text().split()] == ["epoch", "0", "1"]


def test_a_damaged_backup_is_refused(backup):
    content = backup.read_bytes()
    rng = np.random.default_rng(0)
    for i in range(60):
        changed = bytearray(content)
        at = int(rng.integers(len(content)))
        changed[at] ^= 1 << int(rng.integers(8))
        backup.write_bytes(changed[:at] if i % 3 == 0 else changed)
        with pytest.raises(ValueError, match="backup.safetensors"):
            fit(backup.parent, extra=[Dies(99)])
    backup.write_bytes(content)
    fit(backup.parent, extra=[Dies(99)])
    assert not backup.exists()


def test_a_full_disk_leaves_the_backup_before(backup, monkeypatch):
    content = backup.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        fit(backup.parent, extra=[Dies(99)])
    assert backup.read_bytes() == content and os.listdir(backup.parent) == ["backup.safetensors"]


def test_the_layout_of_arrays_is_kept():
    """A matrix that lies by columns multiplies with other rounding than one that lies by rows."""
    dense = layers.Dense(4, input_shape=(3,))
    dense.kernel.data = np.asfortranarray(dense.kernel.data)
    dense.load_state_dict({"kernel": np.ones((3, 4), "float32"), "bias": np.ones(4, "float32")})
    assert dense.kernel.data.flags.f_contiguous and dense.kernel.data.sum() == 12
    optimizer = mg.optimizers.Adam(dense.parameters())
    mg.sum(dense(np.ones((2, 3), "float32"))).backward()
    optimizer.step()
    state = optimizer.state_dict()
    optimizer.state = {}
    optimizer.load_state_dict({name: np.ascontiguousarray(a) if np.ndim(a) else a for name, a in state.items()})
    assert optimizer.state[0]["m"].flags.f_contiguous and optimizer.state[0]["m"].any()
