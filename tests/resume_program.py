"""A program that trains with a backup, for tests/test_resume.py to kill: python resume_program.py FOLDER KIND.

At the end it writes FOLDER/result.json: a checksum of the final weights, the history, and the log. With KILL="3 replace" in
the environment it kills itself at the third write of a backup, at that stage of writing.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import callbacks, layers, metrics, optimizers

folder, kind = Path(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(7)
X = rng.standard_normal((96, 6)).astype("float32")
Y = (X[:, 0] + 0.3 * rng.standard_normal(96) > 0).astype(int) + (X[:, 1] > 1)


class Mixed:
    """An iterable whose order of batches depends on how often it was begun, and which draws from minigrad's generator."""

    def __init__(self):
        self.rng = np.random.default_rng(3)

    def __iter__(self):
        order = self.rng.permutation(96)
        for start in range(0, 96, 16):
            rows = order[start:start + 16]
            noise = mg.random.generator().standard_normal((16, 6)).astype("float32")
            yield X[rows] + 0.1 * noise, Y[rows], np.linspace(0.5, 1.5, 16, dtype="float32")


class Slow(callbacks.Callback):
    """Makes the run long enough to be killed in the middle, and counts."""

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])
        time.sleep(float(os.environ.get("SLOW", 0)))


def die_while_writing(count, stage):
    """At that write of a backup: "open" before anything is written, "half" in the middle, "replace" before the renaming,
    "renamed" just after it."""
    write, replace, calls = mg.files.write, os.replace, [0]

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def deadly(path, content):
        calls[0] += 1
        if calls[0] < count:
            return write(path, content)
        if stage == "half":
            aside = Path(path).with_name(f"{Path(path).name}.{os.getpid()}.part")
            aside.write_bytes(content[:len(content) // 2])
            die()
        if stage == "open":
            die()
        os.replace = lambda a, b: die() if stage == "replace" else (replace(a, b), die())
        write(path, content)

    mg.files.write = deadly


mg.seed(5)
model = mg.Sequential([layers.Dense(16, activation="relu", input_shape=(6,)),
                       layers.Dropout(0.3, seed=4 if kind == "arrays" else None),
                       layers.Dense(3, activation="softmax")])
optimizer = optimizers.SGD(0.05, momentum=0.9) if kind == "stream" else optimizers.Adam(0.01)
model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy", metrics.ConfusionMatrix(3)])
slow = Slow()
watch = [callbacks.BackupAndRestore(folder / "backup", save_freq="epoch" if kind == "epochs" else 2), slow,
         callbacks.EarlyStopping("loss", patience=2, min_delta=0.07, restore_best_weights=True),
         callbacks.ReduceLROnPlateau("loss", factor=0.7, patience=1, min_delta=0.15),
         callbacks.CSVLogger(folder / "log.csv")]
data = {"x": Mixed()} if kind == "stream" else {"x": X, "y": Y, "validation_split": 0.25, "batch_size": 8, "workers": 2,
                                                "piece": 3, "class_weight": {0: 2.0} if kind == "epochs" else None}
print("fit", flush=True)
if "KILL" in os.environ:
    count, stage = os.environ["KILL"].split()
    die_while_writing(int(count), stage)
returned = model.fit(epochs=6, verbose=0, callbacks=watch, **data)
digest = hashlib.sha256(b"".join(p.numpy().tobytes() for p in model.parameters()))
plain = {name: [np.asarray(v).tolist() for v in values] for name, values in returned.history.items()}
result = {"weights": digest.hexdigest(), "history": plain, "epochs": returned.epoch, "log": (folder / "log.csv").read_text(),
          "seen": slow.seen, "steps": model.optimizer.iterations, "drawn": mg.random.state()["state"]["state"],
          "backups": os.listdir(folder / "backup")}
(folder / "result.json").write_text(json.dumps(result))
