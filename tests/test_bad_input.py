"""Bad input: a clear error that names the argument or the layer; model and optimizer stay as they were."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import layers
from minigrad.layers.layer import LayerError

RNG = np.random.default_rng(0)
X = RNG.random((24, 12, 12, 1)).astype("float32")
Y = np.arange(24) % 4


def put(array, index, value):
    array = array.copy()
    array[index] = value
    return array


def classifier(lazy=False):
    mg.seed(0)
    shape = {} if lazy else {"input_shape": (12, 12, 1)}
    model = mg.Sequential([layers.Conv2D(3, 3, activation="relu", **shape), layers.MaxPooling2D(), layers.Flatten(),
                           layers.Dense(4, activation="softmax")], name="net")
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy", "f1"])
    return model


def regressor():
    mg.seed(0)
    model = mg.Sequential([layers.Dense(5, input_shape=(3,)), layers.Dense(1), layers.Reshape(())], name="line")  # (N,)
    model.compile("adam", "mse", ["mae"])
    return model


def snapshot(model):
    optimizer = model.optimizer
    return ({n: p.numpy().tobytes() for n, p in model.named_parameters()}, [p.grad for p in model.parameters()],
            optimizer.iterations, {i: {k: a.tobytes() for k, a in s.items()} for i, s in optimizer.state.items()})


CASES = {
    "nan in the images": (put(X, (7, 2, 3, 0), np.nan), Y, ValueError, r"x has 1 values .*nan.*\(7, 2, 3, 0\)"),
    "inf in the images": (put(X, (0, 1), np.inf), Y, ValueError, r"x has 12 values .*inf"),
    "label too large": (X, put(Y, 23, 4), IndexError, r"classes must be in \[0, 4\).*got 4"),
    "label negative": (X, put(Y, 11, -1), IndexError, r"classes must be in \[0, 4\).*got -1"),
    "labels from 1 on": (X, Y + 1, IndexError, "got 4"),
    "fewer labels": (X, Y[:20], ValueError, "x has 24 rows and y has 20"),
    "two labels a row": (X, np.stack([Y, Y], 1), ValueError,
                         r"sparse_categorical_crossentropy: expected integer classes"),
    "one-hot labels": (X, np.eye(4)[Y], ValueError, "one-hot targets need categorical_crossentropy"),
    "fractions as labels": (X, Y + 0.5, (TypeError, ValueError), "integers"),
    "nan in the labels": (X, put(Y.astype(float), 3, np.nan), ValueError, r"y has 1 values .*nan.*\(3,\)"),
    "one label for all": (X, 3, ValueError, "y must have a batch axis"),
    "strings as images": (np.full((24, 12), "a"), Y, TypeError, "x must be numbers.*<U1"),
    "numbers as strings": (X.astype(str), Y, TypeError, "x must be numbers.*<U"),
    "objects": (np.array([None] * 24), Y, TypeError, "x must be numbers.*object"),
    "strings as labels": (X, np.array(list("abcd") * 6), TypeError, "y must be numbers.*<U1"),
    "dates": (np.zeros(24, "datetime64[D]"), Y, TypeError, "x must be numbers.*datetime64"),
    "complex images": (X.astype(complex), Y, TypeError, "x must be numbers.*complex"),
    "rows of different lengths": ([[1.0], [1.0, 2.0]], [0, 1], ValueError, "^x.*length"),
    "no images": (X[:0], Y[:0], ValueError, r"x is empty \(shape \(0, 12, 12, 1\)\)"),
    "an empty list": ([], [], ValueError, "x is empty"),
    "no labels": (X, Y[:0], ValueError, "y is empty"),
    "three channels": (RNG.random((24, 12, 12, 3)), Y, LayerError,
                       r"net.conv2d \(Conv2D, 1 -> 3\): expected 1 channels"),
    "no channel axis": (X[..., 0], Y, LayerError, "net.conv2d.*4 axes.*(24|2), 12, 12"),
    "other size": (X[:, :10], Y, LayerError,
                   r"(?s)net.dense \(Dense, 75 -> 4\): expected 75 features.*layers before it"),
    "tiny images": (X[:, :2, :2], Y, LayerError, "net.conv2d.*3 x 3 does not fit"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("trained", [False, True])
def test_fit(name, trained):
    x, y, error, words = CASES[name]
    model = classifier()
    if trained:
        model.fit(X, Y, batch_size=8, verbose=0)
    before, history = snapshot(model), getattr(model, "history", None)
    for keywords in ({}, {"batch_size": 4}):
        with pytest.raises(error, match=words):
            model.fit(x, y, epochs=2, verbose=0, **keywords)
        assert snapshot(model) == before and getattr(model, "history", None) is history
    model.fit(X, Y, verbose=0)  # and it still works
    assert model.optimizer.iterations == before[2] + 1


@pytest.mark.parametrize("name", CASES)
def test_evaluate_and_predict(name):
    x, y, error, words = CASES[name]
    model = classifier()
    before = snapshot(model)
    with pytest.raises(error, match=words):
        model.evaluate(x, y)
    if words.startswith(("x has 1", "x must", "x is", "net")):  # the fault is in x
        with pytest.raises(error, match=words):
            model.predict(x)
    assert snapshot(model) == before
    assert np.isfinite(model.evaluate(X, Y)["loss"])


@pytest.mark.parametrize("name", ["label too large", "no channel axis", "tiny images", "nan in the images",
                                  "one-hot labels"])
def test_a_model_that_is_not_built_yet(name):
    x, y, error, words = CASES[name]
    model = classifier(lazy=True)
    with pytest.raises(error):
        model.fit(x, y, verbose=0)
    assert model.optimizer.iterations == 0 and not model.optimizer.parameters
    model.fit(X, Y, verbose=0)
    assert model.optimizer.iterations == 1


@pytest.mark.parametrize("target, words", [((24, 2), "same shape"), ((1, 24), "24 rows")])
def test_targets_that_would_broadcast(target, words):
    """Targets that would be compared each with every prediction, N² differences. (N, 1) against (N,) is taken as Keras does:
    each with its own."""
    model, x = regressor(), RNG.random((24, 3))
    before = snapshot(model)
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=words):
            call(x, np.zeros(target), verbose=0)
    assert snapshot(model) == before
    with pytest.raises(ValueError, match="same shape"):
        F.mse_loss(mg.Tensor(np.zeros(4)), np.zeros((4, 1)))
    results = [model.evaluate(x, y) for y in (np.arange(24.0), np.arange(24.0)[:, None])]
    assert results[0] == pytest.approx(results[1])
    model.fit(x, np.zeros(24), verbose=0)


def test_a_metric_that_does_not_fit_is_seen_before_the_first_step():
    model = regressor()
    model.compile("adam", "mse", ["sparse_categorical_accuracy"])
    before = snapshot(model)
    with pytest.raises(ValueError, match="sparse_categorical_accuracy: y_pred"):
        model.fit(RNG.random((24, 3)), np.zeros(24), verbose=0)
    assert snapshot(model) == before


@pytest.mark.parametrize("x, words", [("text", "dtype <U4"), (np.array(["a"]), "dtype <U1"), ({"x": X}, "object"),
                                      (X.astype(complex), "complex")])
def test_a_call_with_what_is_no_number(x, words):
    with pytest.raises(LayerError, match=words):
        classifier()(x)


def test_ids_that_do_not_exist():
    model = mg.Sequential([layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)], name="words")
    for ids in ([[0, 5]], [[-1, 2]]):
        with pytest.raises(LayerError, match="words.embedding.*5"):
            model(np.array(ids))
    assert not model.layers[2].built and model(np.array([[0, 4]])).shape == (1, 1)


@pytest.mark.parametrize("change, words", [
    (lambda s: {**s, "conv2d.kernel": s["conv2d.kernel"][..., :2]},
     r"conv2d.kernel is \(3, 3, 1, 3\), got \(3, 3, 1, 2\)"),
    (lambda s: {n: a for n, a in s.items() if n != "dense.bias"}, r"missing: dense.bias \(4,\)"),
    (lambda s: {**s, "dense_2.bias": np.zeros(3)}, r"unexpected: dense_2.bias \(3,\)"),
    (lambda s: {**s, "dense.bias": np.array(["a"] * 4)}, "wrong dtype: dense.bias"),
    (lambda s: {**s, "dense.bias": np.zeros(4, int)}, "wrong dtype: dense.bias"),
    (lambda s: {}, "missing: conv2d.kernel"), (lambda s: mg.models.LeNet().state_dict(), "wrong shape: conv2d.kernel"),
])
def test_a_state_that_does_not_fit(change, words):
    model = classifier()
    model.fit(X, Y, verbose=0)
    before = snapshot(model)
    with pytest.raises(ValueError, match=words) as error:
        model.load_state_dict(change({n: a * 2 for n, a in model.state_dict().items()}))
    assert "Sequential" in str(error.value) and snapshot(model) == before


def test_a_weights_file_cut_at_any_place(tmp_path):
    model, path = classifier(), tmp_path / "weights.safetensors"
    model.fit(X, Y, verbose=0)
    model.save_weights(path)
    content, before = path.read_bytes(), None
    model.fit(X, Y, verbose=0)
    before = snapshot(model)
    for length in [*range(0, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"weights.safetensors is not a whole safetensors file \([\d,]+ bytes\)"):
            model.load_weights(path)
        assert snapshot(model) == before
    path.write_bytes(content)
    model.load_weights(path)
    assert snapshot(model) != before


@pytest.mark.parametrize("data", [np.ones((2, 3)), (np.ones((2, 3)),), (np.ones((2, 3)),) * 4])
def test_validation_data_that_is_no_pair(data):
    model = mg.Sequential([mg.layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    before = model.state_dict()
    with pytest.raises(ValueError, match="pair"):
        model.fit(np.ones((4, 3)), np.ones((4, 1)), validation_data=data, verbose=0)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())
