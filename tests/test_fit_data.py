"""What fit takes: weights of rows and classes, iterables, several inputs and outputs, a train_step of one's own."""

import copy

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import callbacks, layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3)).astype("float32")
Y = (X[:, :1] - X[:, 1:2]).astype("float32")
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
W = RNG.random(20).astype("float32") * 2
PLAIN = {"verbose": 0, "shuffle": False}


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


def linear(loss="mse", **keywords):
    model = mg.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile(optimizers.SGD(0.1), loss, **keywords)
    return model


def classifier(loss="sparse_categorical_crossentropy"):
    model = mg.Sequential([layers.Dense(3, activation="softmax", input_shape=(3,))])
    model.compile(optimizers.SGD(0.1), loss)
    return model


def close(a, b, rtol=1e-4):
    return all(np.allclose(p.numpy(), q.numpy(), rtol=rtol, atol=1e-6) for p, q in zip(a.parameters(), b.parameters()))


def equal(a, b):
    return all(np.array_equal(p.numpy(), q.numpy()) for p, q in zip(a.parameters(), b.parameters()))


# ---- weights of rows and classes

@pytest.mark.parametrize("workers", [None, 2])
@pytest.mark.parametrize("loss", ["mse", lambda y, p: F.mean((y - p) ** 2)])
def test_sample_weight_is_in_the_loss(loss, workers):
    """L = Σ wᵢ (pᵢ - yᵢ)² / N over each batch, Keras's mean; and so is its gradient."""
    model = linear(loss)
    k, b = (p.numpy().astype(float) for p in model.parameters())
    losses = []
    for _ in range(2):
        for rows in slice(0, 12), slice(12, 20):
            x, y, w = X[rows].astype(float), Y[rows].astype(float), W[rows, None].astype(float)
            error = x @ k + b - y
            losses.append((w * error ** 2).sum())
            k, b = k - 0.1 * 2 * x.T @ (w * error) / len(x), b - 0.1 * 2 * (w * error).mean(0)
    history = model.fit(X, Y, epochs=2, batch_size=12, sample_weight=W, workers=workers, piece=5, **PLAIN).history
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), k, rtol=1e-4)
    np.testing.assert_allclose(model.layers[0].bias.numpy(), b, rtol=1e-4)
    assert history["loss"] == pytest.approx([sum(losses[:2]) / 20, sum(losses[2:]) / 20], rel=1e-5)


def test_a_weight_of_whole_numbers_is_a_repetition():
    weights = RNG.integers(0, 4, 20)
    rows = np.repeat(np.arange(20), weights)
    one, two = classifier(), classifier()
    two.load_state_dict(one.state_dict())
    one.fit(X, LABELS, batch_size=20, sample_weight=weights * 20 / len(rows), **PLAIN)
    two.fit(X[rows], LABELS[rows], batch_size=len(rows), **PLAIN)
    assert close(one, two)


@pytest.mark.parametrize("targets", [LABELS, LABELS[:, None], np.eye(3)[LABELS]])
def test_class_weight_is_the_weight_of_the_class_of_each_row(targets):
    loss = "categorical_crossentropy" if targets.shape == (20, 3) else "sparse_categorical_crossentropy"
    one, two, three = (classifier(loss) for _ in range(3))
    for other in two, three:
        other.load_state_dict(one.state_dict())
    one.fit(X, targets, class_weight={0: 3.0, 2: 0.5}, **PLAIN)
    two.fit(X, targets, sample_weight=np.array([3, 1, 0.5])[LABELS], **PLAIN)
    assert close(one, two)
    one.fit(X, targets, class_weight={0: 3.0, 2: 0.5}, sample_weight=W, **PLAIN)  # both: multiplied
    two.fit(X, targets, sample_weight=np.array([3, 1, 0.5], "float32")[LABELS] * W, **PLAIN)
    assert close(one, two) and not close(one, three)


def test_weights_in_validation_evaluate_and_metrics():
    model = linear(metrics=["mse"], weighted_metrics=[mg.metrics.MeanSquaredError("weighted")])
    squares = (model.predict(X) - Y)[:, 0].astype(float) ** 2
    expected = {"loss": (W * squares).mean(), "mse": squares.mean(), "weighted": W @ squares / W.sum()}
    assert model.evaluate(X, Y, sample_weight=W, batch_size=7) == pytest.approx(expected, rel=1e-5)
    model.optimizer.learning_rate = 0.0
    history = model.fit(X, Y, sample_weight=W, validation_data=(X[:9], Y[:9], W[:9]), batch_size=6, verbose=0).history
    assert {name: history[name][0] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert history["val_loss"][0] == pytest.approx((W * squares)[:9].mean(), rel=1e-5)


@pytest.mark.parametrize("keywords, words", [
    ({"sample_weight": W[:5]}, "20 rows and sample_weight has 5"), ({"sample_weight": W * np.nan}, "sample_weight has 20"),
    ({"class_weight": [1, 2]}, "class_weight must be a dict"), ({"class_weight": {0: -1.0}}, "class_weight must be"),
    ({"class_weight": {0: 2.0}}, "class_weight needs class numbers"), ({"steps_per_epoch": 0}, "steps_per_epoch"),
    ({"steps_per_epoch": 4}, "at most 3"), ({"y": None}, "without y")])
def test_wrong_arguments(keywords, words):
    model = linear()
    before = model.state_dict()
    with pytest.raises(ValueError, match=words):
        model.fit(X, **{"y": Y, **keywords}, batch_size=8, verbose=0)
    assert np.array_equal(before["dense.kernel"], model.layers[0].kernel.numpy())


# ---- iterables

class Batches:
    def __init__(self, size=6):
        self.size, self.begun = size, 0

    def __iter__(self):
        self.begun += 1
        for start in range(0, 20, self.size):
            yield X[start:start + self.size], Y[start:start + self.size], W[start:start + self.size]


def test_an_iterable_is_the_arrays_that_it_gives():
    one, two = linear(metrics=["mae"]), linear(metrics=["mae"])
    two.load_state_dict(one.state_dict())
    a = one.fit(X, Y, epochs=3, batch_size=6, sample_weight=W, validation_data=(X, Y, W), piece=4, **PLAIN).history
    b = two.fit(Batches(), epochs=3, validation_data=Batches(), piece=4, verbose=0).history
    assert a == b and equal(one, two)
    assert two.evaluate(Batches()) == pytest.approx(one.evaluate(X, Y, sample_weight=W), rel=1e-6)
    assert np.array_equal(two.predict(x for x, *_ in Batches()), one.predict(X, batch_size=6))
    assert np.array_equal(two.predict(Batches()), one.predict(X, batch_size=6))  # (x, y, w): x counts


def test_an_iterator_and_steps_per_epoch():
    def endless():
        while True:
            yield from Batches()

    one, two, three = linear(), linear(), linear()
    for other in two, three:
        other.load_state_dict(one.state_dict())
    one.fit(Batches(), epochs=4, verbose=0)  # 16 batches
    two.fit(endless(), epochs=8, steps_per_epoch=2, verbose=0)
    source = Batches()
    three.fit(source, epochs=8, steps_per_epoch=2, verbose=0)  # goes on in the next epoch, and begins anew at its end
    assert equal(one, two) and equal(one, three) and source.begun == 4
    with pytest.raises(ValueError, match="no more batches after 1 .*once"):
        two.fit(iter(Batches()), epochs=3, steps_per_epoch=3, verbose=0)
    with pytest.raises(ValueError, match="no more batches after 0 .*once"):
        two.fit(iter(Batches()), epochs=2, verbose=0)
    two.fit(iter(Batches()), verbose=0)


def test_steps_per_epoch_of_arrays():
    model = linear()
    model.fit(X, Y, batch_size=6, epochs=3, steps_per_epoch=2, verbose=0)
    assert model.optimizer.iterations == 6


@pytest.mark.parametrize("batches, words", [
    ([], "no batch at all"), ([X], "must give batches .x, y.*a ndarray"), ([(X, Y, W, W)], "4 of them"),
    ([(X, Y[:3])], "20 rows and y has 3"), ([(X * np.nan, Y)], "nan")])
def test_iterables_that_give_something_else(batches, words):
    with pytest.raises(ValueError, match=words):
        linear().fit(iter(batches), verbose=0)


def test_what_stands_beside_an_iterable():
    with pytest.raises(ValueError, match="gives y itself"):
        linear().fit(Batches(), Y, verbose=0)
    with pytest.raises(ValueError, match="gives sample_weight itself"):
        linear().fit(Batches(), sample_weight=W, verbose=0)
    with pytest.raises(ValueError, match="validation_split is for arrays"):
        linear().fit(Batches(), validation_split=0.5, verbose=0)


def test_an_iterable_that_raises():
    def broken():
        yield X, Y
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        linear().fit(broken(), verbose=1)
    linear().fit(X, Y, verbose=1)


# ---- several inputs and outputs

class Two(mg.Model):
    """Two inputs, as a tuple or a dict."""

    def __init__(self):
        self.left, self.right = layers.Dense(4, input_shape=(2,)), layers.Dense(4, input_shape=(1,))
        self.head = layers.Dense(1, input_shape=(4,))

    def call(self, inputs):
        a, b = inputs.values() if isinstance(inputs, dict) else inputs
        return self.head(F.tanh(self.left(a) + self.right(b)))


@pytest.mark.parametrize("form", [tuple, list, lambda parts: dict(zip(["a", "b"], parts))])
def test_several_inputs(form):
    whole = mg.Sequential([layers.Dense(4, activation="tanh", input_shape=(3,)), layers.Dense(1)])
    model = Two()
    kernel = whole.layers[0].kernel.numpy()
    model.load_state_dict({"left.kernel": kernel[:2], "left.bias": np.zeros(4, "float32"), "right.kernel": kernel[2:],
                           "right.bias": np.zeros(4, "float32"), "head.kernel": whole.layers[1].kernel.numpy(),
                           "head.bias": np.zeros(1, "float32")})
    parts = form([X[:, :2], X[:, 2:]])
    model.right.bias.trainable = False  # there is one bias in the other model
    histories = []
    for m, x in (whole, X), (model, parts):
        mg.seed(3)
        m.compile(optimizers.SGD(0.1), "mse", ["mae"])
        histories.append(m.fit(x, Y, batch_size=7, epochs=2, validation_split=0.25, piece=3, verbose=0).history)
    for name, values in histories[0].items():
        assert histories[1][name] == pytest.approx(values, rel=1e-4)
    np.testing.assert_allclose(model.predict(parts), whole.predict(X), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"x has 20 rows and x\[.*\] has 19"):
        model.fit(form([X[:, :2], X[:19, 2:]]), Y, verbose=0)


class Twins(mg.Model):
    """Two outputs, as a tuple or a dict."""

    def __init__(self, form):
        self.form, self.a, self.b = form, layers.Dense(1, input_shape=(3,)), layers.Dense(3, "softmax", input_shape=(3,))

    def call(self, x):
        return self.form([self.a(x), self.b(x)])


@pytest.mark.parametrize("form", [tuple, list, lambda parts: dict(zip(["a", "b"], parts))])
@pytest.mark.parametrize("weights", [None, W])
def test_several_outputs_are_trained_each_as_alone(form, weights):
    """No weight is shared here, so that each output learns as a model of its own, its gradient times λ."""
    model, a, b = Twins(form), linear(), classifier()
    for one, part in (a, model.a), (b, model.b):
        one.load_state_dict({f"dense.{name}": p for name, p in part.state_dict().items()})
    a.compile(optimizers.SGD(0.1 * 0.5), "mse", ["mae"])
    b.compile(optimizers.SGD(0.1 * 2), "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    model.compile(optimizers.SGD(0.1), form(["mse", "sparse_categorical_crossentropy"]), form([["mae"], []]),
                  form([None, "accuracy"]), form([0.5, 2.0]))
    keywords = {"epochs": 2, "batch_size": 7, "sample_weight": weights, "piece": 3, **PLAIN}
    found = model.fit(X, form([Y, LABELS]), validation_split=0.25, **keywords).history
    hist = [m.fit(X, y, validation_split=0.25, **keywords).history for m, y in ((a, Y), (b, LABELS))]
    first, second = ("a", "b") if isinstance(form([1, 2]), dict) else ("output_0", "output_1")
    for v in "", "val_":
        assert found[f"{v}{first}_loss"] == pytest.approx(hist[0][f"{v}loss"], rel=1e-4)
        assert found[f"{v}{first}_mae"] == pytest.approx(hist[0][f"{v}mae"], rel=1e-4)
        assert found[f"{v}{second}_loss"] == pytest.approx(hist[1][f"{v}loss"], rel=1e-4)
        assert found[f"{v}{second}_accuracy"] == pytest.approx(hist[1][f"{v}accuracy"], rel=1e-6)
        assert found[f"{v}loss"] == pytest.approx(
            [0.5 * m + 2 * n for m, n in zip(hist[0][f"{v}loss"], hist[1][f"{v}loss"])], rel=1e-4)
    predicted = model.predict(X, batch_size=6)
    for p, one in zip(predicted.values() if isinstance(predicted, dict) else predicted, (a, b)):
        np.testing.assert_allclose(p, one.predict(X), rtol=1e-4, atol=1e-6)
    assert type(predicted) is type(form([1, 2]))
    assert model._shared(X, form([Y, LABELS]), 2, 3) == (2, 3)  # it is known as a mean over rows


@pytest.mark.parametrize("loss, y, keywords, words", [
    (["mse"] * 3, (Y, LABELS), {}, "outputs are a tuple of 2, and the losses a list of 3"),
    ({"a": "mse"}, (Y, LABELS), {}, "outputs are a tuple of 2, and the losses a dict of a"),
    (["mse", "mse"], Y, {}, "targets y are a ndarray"), (["mse", "mse"], (Y, Y, Y), {}, "targets y are a tuple of 3"),
    ("mse", (Y, LABELS), {}, "2 outputs: compile it with a loss for each"),
    (["mse", "mse"], (Y, Y), {"loss_weights": [1, 2, 3]}, "loss_weights are for"),
    (["mse", "mse"], (Y, Y), {"metrics": {"c": "mae"}}, "an output 'c'"),
    ("mse", (Y, Y), {"loss_weights": [1.0]}, "several outputs"), (["mse", "mes"], (Y, Y), {}, "did you mean 'mse'")])
def test_losses_that_do_not_fit_the_outputs(loss, y, keywords, words):
    model = Twins(tuple)
    before = model.state_dict()
    with pytest.raises(ValueError, match=words):
        model.compile("sgd", loss, **keywords)
        model.fit(X, y, verbose=0)
    assert np.array_equal(before["a.kernel"], model.a.kernel.numpy())


# ---- a train_step of one's own

def test_a_train_step_of_ones_own():
    class Doubled(mg.Sequential):
        def train_step(self, x, y):
            loss, prediction = self.training_loss(x, y)
            (2 * loss).backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
            return {"loss": loss.item(), "doubled": 2 * loss.item()}

    one, two = Doubled([layers.Dense(1, input_shape=(3,))]), linear()
    two.load_state_dict(one.state_dict())
    one.compile(optimizers.SGD(one.parameters(), 0.05), "mse")
    a = one.fit(X, Y, epochs=3, batch_size=6,
                callbacks=[callbacks.EarlyStopping("doubled", mode="min", patience=5)], **PLAIN).history
    b = two.fit(X, Y, epochs=3, batch_size=6, workers=None, **PLAIN).history
    assert close(one, two) and a["loss"] == pytest.approx(b["loss"], rel=1e-5)
    assert a["doubled"] == pytest.approx([2 * v for v in a["loss"]], rel=1e-12)


def test_a_train_step_around_the_usual_one():
    class Counting(mg.Sequential):
        def train_step(self, x, y):
            self.rows = getattr(self, "rows", 0) + len(x)
            return super().train_step(x, y)

    model = Counting([layers.Dense(1, input_shape=(3,))])
    twin = copy.deepcopy(model)
    for m in model, twin:
        m.compile("adam", "mse", ["mae"])
        mg.seed(1)
        m.fit(X, Y, epochs=2, verbose=0)
    assert model.rows == 40 and equal(model, twin)
    with pytest.raises(TypeError, match="positional"):
        model.fit(X, Y, sample_weight=W, verbose=0)
