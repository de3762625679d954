"""compile, fit, evaluate, predict: against the same steps written by hand, and the ways in which people use them."""

import copy

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import layers, losses, metrics, optimizers
from minigrad.layers.layer import LayerError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 4)).astype("float32")
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
PLAIN = {"verbose": 0, "shuffle": False}


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


def classifier(*extra):
    return mg.Sequential([layers.Dense(8, activation="tanh", input_shape=(4,)), *extra,
                          layers.Dense(3, activation="softmax")])


def compiled(model=None, optimizer="adam", metrics=("accuracy",)):
    model = model or classifier()
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=metrics)
    return model


def unchanged(model, state):
    return all(np.array_equal(state[name], p.numpy()) for name, p in model.named_parameters())


# ---- the mathematics of fit

def test_fit_is_the_hand_written_loop():
    model = compiled(optimizer=optimizers.SGD(learning_rate=0.1, momentum=0.9))
    twin = copy.deepcopy(model)
    history = model.fit(X, Y, epochs=2, batch_size=16, **PLAIN)
    optimizer = optimizers.SGD(twin.parameters(), learning_rate=0.1, momentum=0.9)
    for epoch in range(2):
        total, right = 0.0, 0
        for start in range(0, 50, 16):  # 16, 16, 16 and 2
            x, y = X[start:start + 16], Y[start:start + 16]
            p = twin(x)
            loss = F.cross_entropy(p, y, from_logits=False)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item() * len(x)
            right += (p.numpy().argmax(1) == y).sum()
        # the loss is taken from the logits in fit and from the probabilities here: float32 rounding apart
        assert history.history["loss"][epoch] == pytest.approx(total / 50, rel=1e-5)
        assert history.history["accuracy"][epoch] == pytest.approx(right / 50, abs=1e-12)
    for p, q in zip(model.parameters(), twin.parameters()):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-4, atol=1e-5)


def test_a_small_last_batch_counts_by_its_rows():
    """With a learning rate of 0 every batching gives the same mean, which is the mean over rows."""
    expected = None
    for batch_size in (1, 7, 49, 50, 1000):
        model = compiled(copy.deepcopy(expected[0]) if expected else None, optimizers.SGD(learning_rate=0.0))
        got = model.fit(X, Y, batch_size=batch_size, **PLAIN).history
        evaluated = model.evaluate(X, Y, batch_size=batch_size)
        if expected is None:
            p = model.predict(X)
            expected = model, -np.log(p[np.arange(50), Y]).mean(), (p.argmax(1) == Y).mean()
        for results in ({k: v[0] for k, v in got.items()}, evaluated):
            assert results["loss"] == pytest.approx(expected[1], rel=1e-5)
            assert results["accuracy"] == expected[2]


def test_each_epoch_sees_every_row_once_in_a_new_order():
    seen = []

    def spy(y_true, y_pred):
        seen.extend(y_true.ravel().tolist())
        return F.mean(F.square(y_pred))

    model = mg.Sequential([layers.Dense(1, input_shape=(1,))])
    model.compile("sgd", spy)
    rows = np.arange(10.0)[:, None]
    model.fit(rows, rows, epochs=3, batch_size=4, verbose=0)
    epochs = [seen[-30 + 10 * i:][:10] for i in range(3)]
    assert all(sorted(e) == list(range(10)) for e in epochs)
    assert len({tuple(e) for e in epochs}) == 3 and list(range(10)) not in epochs
    seen.clear()
    model.fit(rows, rows, batch_size=4, **PLAIN)
    assert seen[-10:] == list(range(10))


def test_the_same_seed_gives_the_same_run():
    def run(seed):
        mg.seed(seed)
        model = compiled(classifier(layers.Dropout(0.3)))
        return model.fit(X, Y, epochs=3, batch_size=8, verbose=0).history["loss"], model.predict(X)

    (a, p), (b, q), (c, _) = run(1), run(1), run(2)
    assert a == b and np.array_equal(p, q) and a != c


def test_lazily_built_and_built_at_once_train_the_same():
    def run(**keywords):
        mg.seed(4)
        model = compiled(mg.Sequential([layers.Dense(8, **keywords), layers.Dense(3, activation="softmax")]))
        return model.fit(X, Y, epochs=2, verbose=0).history

    assert run() == run(input_shape=(4,))


def test_fit_twice_goes_on():
    once, twice = (compiled() for _ in range(2))
    twice.load_state_dict(once.state_dict())
    a = once.fit(X, Y, epochs=4, batch_size=16, **PLAIN).history["loss"]
    b = [loss for _ in range(2) for loss in twice.fit(X, Y, epochs=2, batch_size=16, **PLAIN).history["loss"]]
    assert a == b and twice.optimizer.iterations == 16 == once.optimizer.iterations
    twice.compile("adam", "mse")
    assert twice.optimizer.iterations == 0  # compile starts again


def test_it_learns():
    model = compiled(optimizer=optimizers.Adam(learning_rate=0.05))
    history = model.fit(X, Y, epochs=60, verbose=0).history
    assert history["accuracy"][-1] > 0.95 and history["loss"][-1] < 0.3 * history["loss"][0]


def test_dropout_is_on_in_fit_and_off_elsewhere():
    class Spy(layers.Dropout):
        def call(self, x, training=False):
            modes.append(training)
            return super().call(x, training)

    modes = []
    model = compiled(classifier(Spy(0.5)))
    model.train()  # a mode of the user's own does not matter here
    model.evaluate(X, Y), model.predict(X)
    assert modes and not any(modes)
    assert np.array_equal(model.predict(X), model.predict(X))
    modes.clear()
    model.eval()
    model.fit(X, Y, batch_size=50, verbose=0)
    assert modes[-1] is True


# ---- validation

def test_validation_split_takes_the_last_rows_and_keeps_them_apart():
    model, twin = compiled(), compiled()
    twin.load_state_dict(model.state_dict())
    a = model.fit(X, Y, epochs=2, validation_split=0.2, **PLAIN)
    b = twin.fit(X[:40], Y[:40], epochs=2, validation_data=(X[40:], Y[40:]), **PLAIN)
    assert a.history == b.history and list(a.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert a.history["val_loss"][-1] == pytest.approx(model.evaluate(X[40:], Y[40:])["loss"], rel=1e-6)


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, 0.001])
def test_a_split_that_leaves_a_side_empty(share):
    with pytest.raises(ValueError, match="validation_split"):
        compiled().fit(X, Y, validation_split=share, verbose=0)


@pytest.mark.parametrize("x, y, words", [(X[:, :3], Y, "expected 4 features"), (X, Y + 5, "classes must be in"),
                                         (X[:5], Y, "5 rows"), (X * np.nan, Y, "validation x.*nan")])
def test_wrong_validation_data_is_seen_before_the_first_step(x, y, words):
    model = compiled()
    state = model.state_dict()
    with pytest.raises((ValueError, IndexError), match=words):
        model.fit(X, Y, validation_data=(x, y), verbose=0)
    assert unchanged(model, state) and model.optimizer.iterations == 0


# ---- by name and by object

@pytest.mark.parametrize("optimizer", ["sgd", "adam", "AdamW", optimizers.SGD, optimizers.Adam(0.1)])
@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy,
                                  losses.SparseCategoricalCrossentropy()])
def test_compile_by_name_class_or_object(optimizer, loss):
    model = classifier()
    model.compile(copy.deepcopy(optimizer), loss, ["accuracy", metrics.F1Score("macro"), metrics.Recall])
    history = model.fit(X, Y, verbose=0)
    assert list(history.history) == ["loss", "accuracy", "f1_score", "recall"]


def test_functions_as_loss_and_metric():
    def squares(y_true, y_pred):
        return F.mean((y_pred - y_true) ** 2)

    def off(y_true, y_pred):
        return np.abs(y_pred.numpy() - y_true)[:, 0]

    model = mg.Sequential([layers.Dense(1, input_shape=(4,))])
    model.compile(optimizers.SGD(0.1), squares, [off, "mse"])
    y = X[:, :1] * 2
    history = model.fit(X, y, epochs=20, batch_size=16, verbose=0).history
    results = model.evaluate(X, y, batch_size=16)
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    assert results["off"] == pytest.approx(np.abs(model.predict(X) - y).mean(), rel=1e-5)
    assert results["loss"] == pytest.approx(results["mse"], rel=1e-5)


@pytest.mark.parametrize("keywords, words", [
    ({"optimizer": "adma"}, "did you mean 'adam'"), ({"loss": "msee"}, "did you mean 'mse'"),
    ({"metrics": ["acuracy"]}, "did you mean 'accuracy'"),
    ({"optimizer": "xyz"}, "there are sgd, rmsprop, adagrad")])
def test_a_misspelled_name_changes_nothing(keywords, words):
    model = compiled()
    before = model.optimizer, model.loss, model.metrics
    with pytest.raises(ValueError, match=words):
        model.compile(**{"optimizer": "sgd", "loss": "mse", "metrics": ["mse"], **keywords})
    assert (model.optimizer, model.loss, model.metrics) == before


def test_one_metric_by_name_and_metrics_that_give_arrays():
    model = compiled(metrics="accuracy")
    assert [m.name for m in model.metrics] == ["accuracy"]
    model = compiled(metrics=[metrics.ConfusionMatrix(3), metrics.F1Score(None)])
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert history.history["confusion_matrix"][1].sum() == 50 and history.history["f1_score"][0].shape == (3,)
    assert "loss" in repr(history)
    results = model.evaluate(X, Y)
    assert np.trace(results["confusion_matrix"]) == (model.predict(X).argmax(1) == Y).sum()


# ---- evaluate and predict

def test_evaluate_and_predict_change_nothing():
    model = compiled()
    state = model.state_dict()
    results, listed = model.evaluate(X, Y), model.evaluate(X, Y, return_dict=False)
    assert list(results) == ["loss", "accuracy"] and listed == list(results.values())
    assert all(type(v) is float for v in listed)
    p = model.predict(X, batch_size=7)
    assert isinstance(p, np.ndarray) and p.shape == (50, 3) and p.dtype == np.float32
    np.testing.assert_allclose(p, model(X).numpy(), rtol=1e-5)
    assert unchanged(model, state) and all(q.grad is None for q in model.parameters())
    assert mg.Sequential([layers.Flatten()]).predict(np.ones((3, 2, 2))).shape == (3, 4)  # without compile


@pytest.mark.parametrize("x", [X[:4].tolist(), X[:4].astype("float64"), mg.Tensor(X[:4])])
def test_lists_and_tensors_are_data_too(x):
    model = compiled()
    np.testing.assert_allclose(model.predict(x), model.predict(X[:4]), rtol=1e-6)
    assert model.evaluate(x, Y[:4].tolist()) == pytest.approx(model.evaluate(X[:4], mg.Tensor(Y[:4])), rel=1e-6)
    model.fit(x, Y[:4].tolist(), batch_size=3, verbose=0)


def test_bytes_as_images():
    images = RNG.integers(0, 256, (6, 8, 8, 1)).astype("uint8")
    model = compiled(mg.Sequential([layers.Conv2D(2, 3, activation="relu"), layers.Flatten(),
                                    layers.Dense(3, activation="softmax")]))
    model.fit(images, [0, 1, 2, 0, 1, 2], verbose=0)
    np.testing.assert_allclose(model.predict(images), model.predict(images.astype("float32")), rtol=1e-6)


def test_float64_model():
    with mg.tensor.default_dtype("float64"):
        model = compiled()
        model.fit(X, Y, verbose=0)
        assert model.predict(X).dtype == np.float64
    assert all(p.dtype == np.float64 for p in model.parameters())


# ---- optimizer and parameters

def test_frozen_layers_do_not_move():
    model = compiled(optimizer=optimizers.AdamW(0.1, weight_decay=0.5))
    model.layers[0].trainable = False
    state = model.state_dict()
    model.fit(X, Y, epochs=2, verbose=0)
    assert np.array_equal(state["dense.kernel"], model.layers[0].kernel.numpy())
    assert not np.array_equal(state["dense_1.kernel"], model.layers[1].kernel.numpy())
    model.layers[0].trainable = True
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(state["dense.kernel"], model.layers[0].kernel.numpy())


def test_an_optimizer_of_some_parameters():
    model = classifier()
    state = model.state_dict()
    model.compile(optimizers.SGD(model.layers[1].parameters(), learning_rate=0.1), "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    assert np.array_equal(state["dense.kernel"], model.layers[0].kernel.numpy())
    assert not np.array_equal(state["dense_1.kernel"], model.layers[1].kernel.numpy())


def test_an_optimizer_is_of_one_model():
    optimizer = optimizers.Adam()
    compiled(optimizer=optimizer).fit(X, Y, verbose=0)
    other = compiled(optimizer=optimizer)
    with pytest.raises(ValueError, match="another model"):
        other.fit(X, Y, verbose=0)


def test_layers_added_later_need_a_new_compile():
    model = compiled()
    model.fit(X, Y, verbose=0)
    model.add(layers.Dense(3, activation="softmax"))
    with pytest.raises(ValueError, match="dense_2.kernel.*compile it again"):
        model.fit(X, Y, verbose=0)
    compiled(model).fit(X, Y, verbose=0)


def test_copies_train_apart():
    model = compiled()
    model.fit(X, Y, verbose=0)
    twin = copy.deepcopy(model)
    state = model.state_dict()
    twin.fit(X, Y, verbose=0)
    assert unchanged(model, state) and not unchanged(twin, state)
    assert (model.optimizer.iterations, twin.optimizer.iterations) == (2, 4)


def test_a_subclassed_model():
    class Residual(mg.Model):
        def __init__(self):
            self.body = [layers.Dense(4, activation="relu"), layers.Dense(4)]
            self.head = layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.head(x + self.body[1](self.body[0](x)))

    model = Residual()
    with pytest.raises(RuntimeError, match=r"fit\(\) needs a loss: call model.compile"):
        model.fit(X, Y)
    compiled(model, optimizers.Adam(0.05)).fit(X, Y, epochs=20, verbose=0)
    assert model.evaluate(X, Y)["accuracy"] > 0.8
    with pytest.raises(LayerError, match=r"model.body.0 \(Dense, 4 -> 4\)"):
        model.predict(X[:, :3])


# ---- what is refused

@pytest.mark.parametrize("keywords", [{"epochs": 0}, {"epochs": 1.5}, {"batch_size": 0}, {"batch_size": True},
                                      {"verbose": 3}, {"verbose": "loud"}])
def test_wrong_arguments_of_fit(keywords):
    model = compiled()
    state = model.state_dict()
    with pytest.raises(ValueError, match=next(iter(keywords))):
        model.fit(X, Y, **keywords)
    assert unchanged(model, state)


def test_batch_size_of_evaluate_and_predict():
    for call in (lambda n: compiled().evaluate(X, Y, batch_size=n), lambda n: classifier().predict(X, batch_size=n)):
        with pytest.raises(ValueError, match="batch_size.*0"):
            call(0)


@pytest.mark.parametrize("loss, words",
                         [(lambda y, p: (p - 1) ** 2, r"Tensor of shape"), (lambda y, p: 1.0, "a float")])
def test_a_loss_that_is_no_number(loss, words):
    model = classifier()
    model.compile("sgd", loss)
    with pytest.raises(TypeError, match=f"the loss must be one number.*{words}"):
        model.fit(X, Y, verbose=0)


def test_a_loss_that_explodes_says_so():
    model = mg.Sequential([layers.Dense(1, input_shape=(4,))])
    model.compile(optimizers.SGD(learning_rate=1e6), "mse")
    message = r"loss became .* learning rate"
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(FloatingPointError, match=message):
        model.fit(X, X[:, :1], epochs=50, verbose=0)


# ---- what it shows

def test_history():
    history = mg.training.History()
    assert repr(history) == "History(no epochs)"
    model = compiled()
    history = model.fit(X, Y, epochs=3, verbose=0)
    assert history.epoch == [0, 1, 2] and all(len(v) == 3 for v in history.history.values())
    assert all(isinstance(v, float) for values in history.history.values() for v in values)
    assert repr(history).startswith("History(3 epochs; last: loss ") and model.history is history


def test_progress_of_the_three_kinds(capsys):
    model = compiled()
    model.fit(X, Y, epochs=2, verbose=0)
    assert capsys.readouterr().out == ""
    history = model.fit(X, Y, epochs=2, validation_split=0.2, verbose=2).history
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    for epoch, line in enumerate(lines):
        assert all(f"{values[epoch]:.4f}" in line for values in history.values())
    history = model.fit(X, Y, epochs=2, batch_size=10, verbose=1).history
    shown = capsys.readouterr().out
    assert "Epoch 2/2" in shown and f"{history['loss'][-1]:.4f}" in shown
    model.fit(X, Y, verbose="auto")  # no terminal here: a line for each epoch
    assert capsys.readouterr().out.startswith("Epoch 1/1")
    model.evaluate(X, Y, verbose=1)
    assert "loss" in capsys.readouterr().out
