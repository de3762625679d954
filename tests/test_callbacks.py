"""Callbacks: when each hook is called, and what each callback does, step by step."""

import csv
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import callbacks, layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3)).astype("float32")
Y = X[:, :1] - X[:, 1:2]


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


def compiled(optimizer="sgd", metrics=("mae",)):
    model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile(optimizer, "mse", metrics)
    return model


def fit(*given, epochs=2, model=None, **keywords):
    model = model or compiled()
    model.fit(X, Y, epochs=epochs, **{"batch_size": 8, "verbose": 0, **keywords}, callbacks=list(given))
    return model


class Scripted(callbacks.Callback):
    """Puts results of its own into the logs, before those that come after it look at them."""

    def __init__(self, **values):
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs |= {name: values[epoch] for name, values in self.values.items()}


class Notes(callbacks.Callback):
    """Notes all its calls."""

    def __init__(self):
        self.calls = []

    set_model, reads_batches = callbacks.Callback.set_model, True

    def __getattribute__(self, name):
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        return lambda *arguments: self.calls.append((name, *arguments))


def test_the_order_of_all_hooks():
    notes = Notes()
    model = fit(notes, epochs=2, validation_data=(X[:10], Y[:10]))
    step = [["on_train_batch_begin", "on_train_batch_end"]] * 3
    test = ["on_test_begin", *["on_test_batch_begin", "on_test_batch_end"] * 2, "on_test_end"]
    epoch = ["on_epoch_begin", *sum(step, []), *test, "on_epoch_end"]
    assert [name for name, *_ in notes.calls] == ["on_train_begin", *epoch * 2, "on_train_end"]
    assert [a[0] for name, *a in notes.calls if name.startswith("on_epoch")] == [0, 0, 1, 1]
    assert [a[0] for name, *a in notes.calls if name == "on_train_batch_end"] == [0, 1, 2] * 2
    ends = [a[1] for name, *a in notes.calls if name == "on_epoch_end"]
    assert ends[1] == {name: values[1] for name, values in model.history.history.items()}
    assert list(ends[0]) == ["loss", "mae", "val_loss", "val_mae"] and notes.calls[-1] == ("on_train_end", ends[1])
    batches = [a[1] for name, *a in notes.calls if name == "on_train_batch_end"]
    assert batches[2]["loss"] == ends[0]["loss"] and batches[0]["loss"] != batches[1]["loss"]
    assert notes.model is model and notes.params == {"epochs": 2, "steps": 3, "metrics": None}  # it might add some


def test_hooks_of_evaluate_and_predict():
    notes, model = Notes(), compiled()
    results = model.evaluate(X, Y, batch_size=10, callbacks=[notes])
    names = ["on_test_begin", *["on_test_batch_begin", "on_test_batch_end"] * 2, "on_test_end"]
    assert [c[0] for c in notes.calls] == names
    assert notes.calls[-1][1] == results
    notes.calls.clear()
    predictions = model.predict(X, batch_size=10, callbacks=notes)  # one of them needs no list
    assert [c[0] for c in notes.calls] == ["on_predict_begin", *["on_predict_batch_begin", "on_predict_batch_end"] * 2,
                                           "on_predict_end"]
    outputs = [c[2]["outputs"] for c in notes.calls if c[0] == "on_predict_batch_end"]
    assert np.array_equal(np.concatenate(outputs), predictions)


def test_a_callback_sees_the_weights_before_and_after_the_step():
    seen = []
    model = compiled()

    def note(batch, logs):
        seen.append(model.layers[0].kernel.numpy().copy())

    fit(callbacks.LambdaCallback(on_train_batch_begin=note, on_train_batch_end=note), model=model)
    assert len(seen) == 12 and all(not np.array_equal(a, b) for a, b in zip(seen[::2], seen[1::2]))
    assert all(np.array_equal(a, b) for a, b in zip(seen[1::2], seen[2::2]))


@pytest.mark.parametrize("given, words", [
    (callbacks.History, r"callbacks\[1\].*make an object"), ("history", r"callbacks\[1\]"), (None, r"callbacks\[1\].*None")])
def test_what_is_no_callback(given, words):
    model = compiled()
    before = model.state_dict()
    with pytest.raises(TypeError, match=words):
        fit(callbacks.History(), given, model=model)
    assert np.array_equal(before["dense.kernel"], model.layers[0].kernel.numpy())


def test_wrong_hooks_of_a_lambda_callback():
    with pytest.raises(TypeError, match="on_epoch_finish"):
        callbacks.LambdaCallback(on_epoch_finish=print)
    with pytest.raises(TypeError, match="on_epoch_end=3"):
        callbacks.LambdaCallback(on_epoch_end=3)


def test_initial_epoch_and_stop_training():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.optimizer.iterations == 5

    model = fit(Stop(), epochs=9, initial_epoch=3)
    assert model.history.epoch == [3, 4] and model.optimizer.iterations == 5  # the epoch is ended, Keras's way
    assert fit(epochs=4, initial_epoch=3, model=model).history.epoch == [3]  # and the next fit begins anew
    assert fit(epochs=2, initial_epoch=2, model=model).history.epoch == []
    for wrong in -1, 0.5, True:
        with pytest.raises(ValueError, match="initial_epoch"):
            fit(initial_epoch=wrong)


def test_all_is_closed_after_an_error():
    closed = []

    class Fails(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("of my own")

        def close(self):
            closed.append(self)

    with pytest.raises(RuntimeError, match="of my own"):
        fit(Fails(), verbose=1)
    assert len(closed) == 1
    fit(verbose=1)  # rich allows one live display: the bar of the failed run is gone


# ---- early stopping

@pytest.mark.parametrize("values, keywords, epochs", [
    ([3, 2, 2.5, 2.6, 1, 1], {"patience": 2}, 4),        # two epochs without a better one
    ([3, 2, 2.5, 1.9, 1.95, 1.8, 1.7], {"patience": 2}, 7),  # waiting starts anew
    ([3, 4, 1, 1], {}, 2), ([3, 3, 1], {}, 2),             # patience 0; equal is not better
    ([3, 2.95, 2.9, 2.85, 1], {"min_delta": 0.2, "patience": 3}, 4),  # three small steps are none...
    ([3, 2.9, 2.75, 2.7, 2.5], {"min_delta": 0.2, "patience": 2}, 5),  # ...until together they are
    ([3, 4, 5, 2, 3, 4], {"start_from_epoch": 3, "patience": 2}, 6),
    ([3, 2, 1, 0.5], {"baseline": 0.1, "patience": 3}, 4), ([3, 2, 1, 4, 5, 6, 0], {"baseline": 2.5, "patience": 3}, 6),
    ([3, 2, 1, 1.5, 0.9], {"baseline": 0.1, "patience": 3}, 4),  # better than before, but never than the baseline
    ([1, 2, 3, 2, 2], {"mode": "max", "patience": 1}, 4), ([np.nan, 2, 1, 3], {"patience": 1}, 4)])
def test_early_stopping(values, keywords, epochs):
    stopping = callbacks.EarlyStopping("own_loss", **keywords)
    model = fit(Scripted(own_loss=values), stopping, epochs=len(values))
    assert len(model.history.epoch) == epochs
    assert stopping.stopped_epoch == (epochs - 1 if epochs < len(values) or stopping.stopped_epoch else 0)


@pytest.mark.parametrize("values, best", [([3, 1, 2, 2, 2], 1), ([3, 2, 1, 1.5], 2), ([1, 2, 3], 0)])
def test_the_best_weights_are_restored(values, best):
    weights = []
    note = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.state_dict()))
    model = compiled()
    fit(note, Scripted(own_loss=values), callbacks.EarlyStopping("own_loss", patience=2, restore_best_weights=True),
        epochs=len(values), model=model)
    found = [i for i, w in enumerate(weights) if np.array_equal(w["dense.kernel"], model.layers[0].kernel.numpy())]
    assert found == [best]


def test_early_stopping_says_what_it_did(capsys):
    fit(Scripted(own_loss=[1, 2, 3]), callbacks.EarlyStopping("own_loss", verbose=1, restore_best_weights=True), epochs=3)
    assert capsys.readouterr().out.splitlines() == ["Epoch 2: early stopping", "The weights are those of the best epoch, 1."]


@pytest.mark.parametrize("make", [callbacks.EarlyStopping, callbacks.ReduceLROnPlateau,
                                  lambda name, **k: callbacks.ModelCheckpoint("x", name, save_best_only=True, **k)])
def test_which_way_is_better(make):
    signs = {"loss": -1, "val_loss": -1, "accuracy": 1, "val_f1": 1, "head_mae": -1, "roc_auc": 1, "acc": 1}
    for name, sign in signs.items():
        assert make(name).sign == sign and make(name, mode="min").sign == -1 and make(name, mode="max").sign == 1
    for name in "closs_of_time", "goodness", "balcc":
        with pytest.raises(ValueError, match=f"{name}.*mode='max'"):
            make(name)
    with pytest.raises(ValueError, match="'best'"):
        make("loss", mode="best")


def test_a_result_that_does_not_exist_is_told_before_training():
    model = compiled()
    before = model.state_dict()
    best = callbacks.ModelCheckpoint("x", save_best_only=True)
    for callback in callbacks.EarlyStopping(), callbacks.ReduceLROnPlateau(), best:
        with pytest.raises(ValueError, match=f"{type(callback).__name__}.*'val_loss'.*validation_data.*loss, mae"):
            fit(callback, model=model)
    assert np.array_equal(before["dense.kernel"], model.layers[0].kernel.numpy())


@pytest.mark.parametrize("make, words", [
    (lambda: callbacks.EarlyStopping(patience=-1), "patience"), (lambda: callbacks.EarlyStopping(patience=1.5), "patience"),
    (lambda: callbacks.ReduceLROnPlateau(factor=1.0), "factor"),
    (lambda: callbacks.ModelCheckpoint("x", save_freq=0), "save_freq"),
    (lambda: callbacks.BackupAndRestore("x", save_freq="step"), "save_freq")])
def test_wrong_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# ---- learning rates

def test_learning_rate_scheduler(capsys):
    rates = []
    note = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: rates.append(model.optimizer.learning_rate))
    model = compiled(optimizers.SGD(0.4))
    halves = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate, verbose=1)
    fit(halves, note, epochs=3, model=model)
    assert rates == [0.4] * 3 + [0.2] * 3 + [0.1] * 3 and model.history.history["learning_rate"] == [0.4, 0.2, 0.1]
    assert capsys.readouterr().out.splitlines()[-1] == "Epoch 3: the learning rate is 0.1"
    fit(callbacks.LearningRateScheduler(lambda epoch: 0.1 * (epoch + 1)), model=model)
    assert model.history.history["learning_rate"] == [0.1, 0.2]
    with pytest.raises(TypeError, match="must give a number.*None.*epoch 0"):
        fit(callbacks.LearningRateScheduler(lambda epoch: None))
    with pytest.raises(TypeError, match="must be a function"):
        callbacks.LearningRateScheduler(0.1)
    with pytest.raises(ZeroDivisionError):  # a mistake in the schedule is not hidden
        fit(callbacks.LearningRateScheduler(lambda epoch, rate: 1 / 0))


@pytest.mark.parametrize("values, keywords, rates", [
    ([3, 2, 2, 2, 2, 2], {"patience": 2}, [1, 1, 1, 1, 0.5, 0.5]),
    ([3, 2, 2, 2, 2, 2, 2, 2], {"patience": 1, "cooldown": 2}, [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]),
    ([2, 2, 2, 2, 2], {"patience": 1, "min_lr": 0.3}, [1, 1, 0.5, 0.3, 0.3]),
    ([3, 2.9, 2.8, 2.7, 2.6], {"patience": 2, "min_delta": 0.5}, [1, 1, 1, 0.5, 0.5]),
    ([1, 2, 3, 3], {"patience": 1, "mode": "max"}, [1, 1, 1, 1])])
def test_reduce_on_plateau(values, keywords, rates):
    model = compiled(optimizers.SGD(1.0))
    model.optimizer.update = lambda p, g, state, learning_rate: None  # the weights do not matter here
    fit(Scripted(own_loss=values), callbacks.ReduceLROnPlateau("own_loss", factor=0.5, **keywords), epochs=len(values),
        model=model)
    assert model.history.history["learning_rate"] == rates  # of the epoch that has ended


# ---- tables, checkpoints, nan

def table(path, **keywords):
    with open(path, newline="") as file:
        return list(csv.reader(file, **keywords))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("an old file, longer than the new one " * 50)
    model = fit(callbacks.CSVLogger(path), validation_data=(X, Y))
    assert table(path)[0] == ["epoch", "loss", "mae", "val_loss", "val_mae"] and len(table(path)) == 3
    assert [float(row[3]) for row in table(path)[1:]] == model.history.history["val_loss"]
    fit(callbacks.CSVLogger(path, append=True), validation_data=(X, Y), epochs=4, initial_epoch=2)
    assert [row[0] for row in table(path)] == ["epoch", "0", "1", "2", "3"]
    with pytest.raises(ValueError, match="columns epoch, loss, mae, val_loss, val_mae, and this run has epoch, loss, mae"):
        fit(callbacks.CSVLogger(path, append=True))
    fit(callbacks.CSVLogger(path, separator=";"))
    assert table(path, delimiter=";")[0] == ["epoch", "loss", "mae"]
    fit(callbacks.CSVLogger(tmp_path / "new.csv", append=True))
    assert len(table(tmp_path / "new.csv")) == 3
    with pytest.raises(FileNotFoundError):
        fit(callbacks.CSVLogger(tmp_path / "none" / "log.csv"))


def test_arrays_are_left_out_of_the_table(tmp_path):
    model = mg.Sequential([layers.Dense(2, activation="softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy", [mg.metrics.ConfusionMatrix(2), "accuracy"])
    model.fit(X, (Y[:, 0] > 0).astype(int), verbose=0, callbacks=[callbacks.CSVLogger(tmp_path / "l.csv")])
    assert table(tmp_path / "l.csv")[0] == ["epoch", "accuracy", "loss"]


def test_model_checkpoint_templates(tmp_path, capsys):
    model = fit(callbacks.ModelCheckpoint(tmp_path / "new" / "w{epoch:02d}_{loss:.3f}.safetensors", save_weights_only=True,
                                          verbose=1))
    names = [f"w{i + 1:02d}_{loss:.3f}.safetensors" for i, loss in enumerate(model.history.history["loss"])]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == names and names[1] in capsys.readouterr().out
    other = compiled()
    other.load_weights(tmp_path / "new" / names[1])
    assert np.array_equal(other.layers[0].kernel.numpy(), model.layers[0].kernel.numpy())
    with pytest.raises(ValueError, match="template.*val_loss.*there are epoch, loss, mae"):
        fit(callbacks.ModelCheckpoint(tmp_path / "{val_loss}", save_weights_only=True))


def test_model_checkpoint_each_few_steps(tmp_path):
    fit(callbacks.ModelCheckpoint(tmp_path / "{epoch}_{batch}", save_weights_only=True, save_freq=2), epochs=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1_2", "2_1", "2_3"]  # 3 steps an epoch


@pytest.mark.parametrize("values, keywords, saved", [
    ([3, 4, 2, 2, 1], {}, [1, 3, 5]), ([3, 4, 2, 5, 5], {"mode": "max"}, [1, 2, 4]),
    ([3, 4, 2, 1, 1], {"initial_value_threshold": 2.5}, [3, 4])])
def test_only_the_best_is_saved(values, keywords, saved, tmp_path):
    fit(Scripted(own_loss=values), callbacks.ModelCheckpoint(tmp_path / "{epoch}", "own_loss", save_best_only=True,
                                                             save_weights_only=True, **keywords), epochs=5)
    assert sorted(int(p.name) for p in tmp_path.iterdir()) == saved


def test_terminate_on_nan(capsys):
    def loss(y, p):
        return mg.mean((p - y) ** 2) * (np.nan if model.optimizer.iterations == 4 else 1.0)

    model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", loss)
    keywords = {"epochs": 4, "batch_size": 8, "verbose": 0, "workers": None}
    model.fit(X, Y, **keywords, callbacks=[callbacks.TerminateOnNaN()])
    assert model.optimizer.iterations == 4 and np.isnan(model.history.history["loss"][1])
    assert "Batch 1: the loss is nan" in capsys.readouterr().out
    assert np.isfinite(model.layers[0].kernel.numpy()).all() and len(model.history.epoch) == 2
    def spoil(batch, logs):
        model.layers[0].kernel.data = model.layers[0].kernel.data * np.nan

    model.compile("sgd", "mse", ["mae"])  # which cannot count predictions that are nan
    model.fit(X, Y, **keywords, callbacks=[callbacks.LambdaCallback(on_train_batch_begin=spoil), callbacks.TerminateOnNaN()])
    assert len(model.history.epoch) == 1 and np.isnan(model.history.history["loss"][0])
    model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", loss)
    for given in [], [callbacks.TerminateOnNaN(raise_error=True)]:
        with pytest.raises(FloatingPointError, match="loss became nan"):
            model.fit(X, Y, **keywords, callbacks=given)


# ---- history and progress

def test_a_history_of_ones_own_is_the_one_that_fit_returns():
    history = callbacks.History()
    model = fit(history)
    assert model.history is history and len(history.history["loss"]) == 2


def test_a_bar_of_ones_own_replaces_that_of_fit(capsys):
    fit(callbacks.ProgressBar(2), verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    with pytest.raises(ValueError, match="verbose"):
        callbacks.ProgressBar("loud")


def test_jupyter_gets_a_bar(monkeypatch):
    import rich.console
    assert callbacks.ProgressBar("auto").verbose == 2
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    assert callbacks.ProgressBar("auto").verbose == 1


def test_fit_in_a_thread_leaves_signals_alone():
    done = []
    thread = threading.Thread(target=lambda: done.append(fit()))
    thread.start()
    thread.join()
    assert len(done) == 1


def test_results_are_not_computed_each_step_for_nobody(monkeypatch):
    model = compiled()
    counted = []
    result = type(model.metrics[0]).result
    monkeypatch.setattr(type(model.metrics[0]), "result", lambda self: counted.append(1) or result(self))
    fit(model=model)
    assert len(counted) == 3  # two epochs, and the rehearsal; not six steps


def test_tensorboard_reads_what_was_written(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    model = fit(callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq=2), epochs=3, validation_data=(X, Y))
    train, validation = (EventAccumulator(str(tmp_path / part)).Reload() for part in ("train", "validation"))
    history = model.history.history
    assert sorted(validation.Tags()["scalars"]) == ["epoch_loss", "epoch_mae"]
    for events, tag, name in ((train, "epoch_loss", "loss"), (train, "epoch_mae", "mae"),
                              (validation, "epoch_mae", "val_mae")):
        assert [e.value for e in events.Scalars(tag)] == pytest.approx(history[name], rel=1e-6)
        assert [e.step for e in events.Scalars(tag)] == [0, 1, 2]
    assert [e.step for e in train.Scalars("batch_loss")] == [2, 4, 6, 8]
    drawn = train.Histograms("dense.kernel")[-1].histogram_value
    kernel = model.layers[0].kernel.numpy()
    assert drawn.num == 3 and drawn.min == pytest.approx(kernel.min()) and drawn.sum == pytest.approx(kernel.sum(), rel=1e-6)


def test_tensorboard_that_is_missing(monkeypatch, tmp_path):
    import sys
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"minigrad\[tensorboard\]"):
        fit(callbacks.TensorBoard(tmp_path))
