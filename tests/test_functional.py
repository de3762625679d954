"""Functional models: forms of inputs and outputs, sharing, nesting, operators, masks, what is refused, summaries, copies."""

import copy
import json
import weakref

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import layers, optimizers
from minigrad.layers.layer import LayerError

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 5, 3)).astype("float32")


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


def two(form=list, out=list):
    a, b = mg.Input((3,), name="a"), mg.Input((3,), name="b")
    u, v = layers.Dense(2, name="u")(a), layers.Dense(1, name="v")(layers.Concatenate()([a, b]))
    given, gives = (dict(zip(names, pair)) if kind is dict else kind(pair)
                    for kind, names, pair in ((form, "ab", (a, b)), (out, "uv", (u, v))))
    return mg.Model(given, gives)


def by_hand(model, a, b):
    (k, bias), (k2, bias2) = [[p.numpy() for p in model.get_layer(name).parameters()] for name in "uv"]
    return a @ k + bias, np.concatenate([a, b], 1) @ k2 + bias2


@pytest.mark.parametrize("form", [list, tuple, dict])
@pytest.mark.parametrize("out", [list, tuple, dict])
def test_forms_of_inputs_and_outputs(form, out):
    model = two(form, out)
    given = {list: [A, B], tuple: (A, B), dict: {"b": B, "a": A}}[form]
    for y in model(given), model.predict(given, batch_size=2):
        assert type(y) is out and (out is not dict or list(y) == ["u", "v"])
        for got, expected in zip(y.values() if out is dict else y, by_hand(model, A, B)):
            np.testing.assert_allclose(mg.Tensor(got).numpy(), expected, rtol=1e-5, atol=1e-6)
    first = "u" if out is dict else 0
    assert np.array_equal(model({"a": A, "b": B})[first].numpy(), model(given)[first].numpy())  # by name works for all
    assert model.input_names == ["a", "b"] and model.output_names == ["u", "v"]
    assert [s.shape for s in model.inputs] == [(None, 3)] * 2 and [s.shape for s in model.outputs] == [(None, 2), (None, 1)]


def test_one_input_in_any_form():
    x = mg.Input((3,), name="a")
    model = mg.Model([x], [layers.Dense(2)(x)])
    y = model(A).numpy()
    for given in [mg.Tensor(A)], {"a": mg.Tensor(A)}:
        assert np.array_equal(model(given).numpy(), y)
    assert model.input_shape == (None, 3) and model.output_shape == (None, 2)
    assert np.array_equal(mg.Model(x, x)(A).numpy(), A)


def test_shared_layers_are_one():
    a, b = mg.Input((3,)), mg.Input((3,))
    shared = layers.Dense(3, "tanh")
    model = mg.Model([a, b], layers.Subtract()([shared(shared(a)), shared(b)]))
    assert model.count_params() == 12 and len(model.parameters()) == 2 and len(model.layers) == 4
    k, bias = (p.numpy() for p in model.parameters())
    h = lambda x: np.tanh(x @ k + bias)  # noqa: E731
    np.testing.assert_allclose(model([A, B]).numpy(), h(h(A)) - h(B), rtol=1e-5, atol=1e-6)
    again = mg.models.model_from_json(model.to_json())
    assert len(again.parameters()) == 2
    again.set_weights(model.get_weights())
    assert np.array_equal(again([A, B]).numpy(), model([A, B]).numpy())


def test_sharing_reaches_into_nested_models():
    x = mg.Input((3,))
    shared = layers.Dense(3)
    inner = mg.Model(x, shared(layers.Dense(3)(x)))
    sequence = mg.Sequential([layers.Input((3,)), shared, layers.ReLU(), shared])
    model = mg.Model(x, inner(x) + sequence(x) + shared(x))
    assert model.count_params() == 24
    again = mg.models.model_from_json(model.to_json())
    assert again.count_params() == 24 and again.to_json() == model.to_json()
    again.load_state_dict(model.state_dict())
    assert np.array_equal(again(A).numpy(), model(A).numpy())
    clone = mg.models.clone_model(model)
    assert clone.count_params() == 24 and not np.array_equal(clone(A).numpy(), model(A).numpy())


def test_several_shared_layers_are_told_apart():
    a, b = layers.Dense(3, "tanh"), layers.Dense(3)
    model = mg.Sequential([layers.Input((3,)), a, b, layers.ReLU(), b, a])
    again = mg.models.model_from_json(model.to_json())
    found = again.layers
    assert found[0] is found[4] and found[1] is found[3] and found[0] is not found[1]
    assert found[0].activation is a.activation and found[1].activation is b.activation


def test_a_class_keeps_its_name_in_configurations():
    """A class of functional models is made for Sequential, say; {"class_name": "Sequential"} is still Sequential."""
    x = mg.Input((3,))
    mg.Model.functional_class(mg.Sequential)
    assert type(mg.models.model_from_json('{"class_name": "Sequential", "config": {"layers": []}}')) is mg.Sequential
    assert type(mg.models.model_from_json(mg.Model(x, x).to_json())).__name__ == "Functional"


def test_a_model_that_begins_in_the_middle_of_another():
    x = mg.Input((3,))
    h = layers.Dense(4, "tanh")(x)
    y = layers.Dense(2)(h)
    whole, first, second = mg.Model(x, y), mg.Model(x, h), mg.Model(h, y)
    assert np.array_equal(second(first(A)).numpy(), whole(A).numpy())
    assert second.layers[1] is whole.layers[2] and second.count_params() == 10


@pytest.mark.parametrize("f", [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (b * b + 1), lambda a, b: 2 - a,
    lambda a, b: a @ np.ones((3, 2), "float32"), lambda a, b: np.ones((3,), "float32") * a, lambda a, b: np.float32(2) * a,
    lambda a, b: a[:, 0], lambda a, b: a[:, None, ::-1], lambda a, b: a[..., 1:3], lambda a, b: a[:, [2, 0]],
    lambda a, b: -a,
    lambda a, b: a ** 2, lambda a, b: abs(a), lambda a, b: 1 / (1 + a * a), lambda a, b: a.sum(axis=1, keepdims=True),
    lambda a, b: a.max(1), lambda a, b: np.concatenate([a, b], 1), lambda a, b: np.stack([a, b], axis=1),
    lambda a, b: np.exp(a), lambda a, b: np.maximum(a, b), lambda a, b: np.sum(a, 1),
    lambda a, b: np.sum(a, 1, None, None, True), lambda a, b: np.where(A[0] > 0, a, b),
    lambda a, b: a.softmax(-1) if isinstance(a, mg.layers.symbols.Symbol) else F.softmax(mg.Tensor(a)).numpy()])
def test_operators_and_numpys_functions(f):
    a, b = mg.Input((3,)), mg.Input((3,))
    y = f(a, b)
    model = mg.Model([a, b], y)
    expected = f(A, B)
    assert y.shape == (None, *expected.shape[1:])
    got = model([A, B])
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert got.dtype == "float32"
    again = mg.Model.from_config(json.loads(json.dumps(model.get_config())))
    assert np.array_equal(again([A, B]).numpy(), got.numpy()) and again.get_config() == model.get_config()
    assert [layer for layer in model.layers if isinstance(layer, layers.Operation)] == []


@pytest.mark.parametrize("f, words", [
    (lambda a: F.relu(a), "layers.Add, layers.Activation, or layers.Lambda"),
    (lambda a: mg.concatenate([a, a]), "layers.Lambda"),
    (lambda a: mg.sum(a), "layers.Lambda"), (lambda a: np.linalg.inv(a), "np.inv cannot be drawn"),
    (lambda a: np.argmax(a, 1), "np.argmax cannot be drawn"), (lambda a: list(a), "iterated"),
    (lambda a: np.isnan(a), "np.isnan"),
    (lambda a: np.add.reduce(a), "np.add"), (lambda a: float(a), "float")])
def test_what_cannot_be_drawn(f, words):
    with pytest.raises(TypeError, match=words):
        f(mg.Input((3,)))


@pytest.mark.parametrize("make, error, words", [
    (lambda a, b: mg.Model(a, layers.Add()([a, b])), ValueError, r"from Input\(shape=\(None, 3\), name='b'\), which"),
    (lambda a, b: mg.Model(a, 3), TypeError, "outputs must be what mg.Input"),
    (lambda a, b: mg.Model([a, A], a), TypeError, r"inputs\[1\] must be what mg.Input.*got array"),
    (lambda a, b: mg.Model({"x": "a"}, a), TypeError, r"inputs\['x'\]"),
    (lambda a, b: mg.Model([a, a], a), ValueError, "twice"), (lambda a, b: mg.Model([], a), ValueError, "inputs is empty"),
    (lambda a, b: mg.Model(a, None), ValueError, "outputs is empty"),
    (lambda a, b: mg.Model(inputs=a), TypeError, "outputs"),
    (lambda a, b: layers.Dense(1, name=a), TypeError, "name must be"),
    (lambda a, b: mg.Model(a, layers.Dense(1, name="q")(layers.Dense(1, name="q")(a))), ValueError, "layers are called 'q'"),
    (lambda a, b: two()([A]), LayerError, r"expected 2 inputs \(a, b\) as a list, got 1 of them"),
    (lambda a, b: two()({"a": A}), LayerError, "there is no b"),
    (lambda a, b: two()([A, B[:, :2]]), LayerError, r"model.b \(InputLayer\): expected shape \(None, 3\), got \(5, 2\)"),
    (lambda a, b: two().get_layer("w"), ValueError, "unknown layer 'w'"),
    (lambda a, b: two().get_layer(), ValueError, "name or an index"),
    (lambda a, b: two().get_layer(index=9), ValueError, "no layer 9"),
    (lambda a, b: two().compile("sgd", {"u": "mse", "w": "mse"}), ValueError, "unknown output 'w'"),
    (lambda a, b: two().compile("sgd", ["mse"]), ValueError, r"1 losses for 2 outputs \(u, v\)"),
    (lambda a, b: layers.Dense(2)(b)[0, 0, 0], LayerError, "getitem")])
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make(mg.Input((3,)), mg.Input((3,), name="b"))


def test_unused_inputs_and_lengths_that_change():
    a, b = mg.Input((None, 3)), mg.Input((2,), name="unused")
    model = mg.Model([a, b], layers.Dense(2)(a))
    assert model.output_shape == (None, None, 2) and [layer.name for layer in model.layers][1] == "unused"
    for length in 1, 7:
        assert model([np.ones((4, length, 3)), np.ones((4, 2))]).shape == (4, length, 2)


def test_integers_and_dtypes():
    ids, x = mg.Input((4,)), mg.Input((4,))
    model = mg.Model([ids, x], layers.Embedding(9, 4)(ids)[:, 0] + x / 2)
    y = model([np.ones((2, 4)), np.ones((2, 4), "uint8")])  # ids are cast, as in Keras, and pictures become numbers
    assert y.dtype == "float32" and ids.dtype == "int64"
    row = model.get_layer("embedding").embeddings.numpy()[1] + 0.5
    np.testing.assert_allclose(y.numpy(), [row, row], rtol=1e-6)
    exact = mg.Input((2,), dtype="float64")
    assert mg.Model(exact, exact * 3)(np.ones((1, 2))).dtype == "float64"


class Marking(layers.Layer):
    def call(self, x):
        y = x * 1
        y._mask = np.asarray(x.data[..., 0] > 0)
        return y


class Reading(layers.Layer):
    def call(self, x, mask=None):
        return x if mask is None else x * mask[..., None]


def test_masks_are_handed_on():
    x = mg.Input((4, 2))
    marked = layers.Dense(2)(Marking()(x))
    inner = mg.Model(x, Reading()(x))
    numbers = RNG.standard_normal((3, 4, 2)).astype("float32")
    wide = mg.Input((4, 2), dtype="float64")
    casting = mg.Model(wide, Reading()(wide))
    for y in Reading()(marked), inner(marked), mg.Sequential([Reading()])(marked), casting(marked):
        got = mg.Model(x, y)(numbers).numpy()
        assert ((got == 0).all(-1) == (numbers[..., 0] <= 0)).all()


def test_a_frozen_model():
    x = mg.Input((3,))
    model = mg.Model(x, layers.Dense(2)(x), trainable=False)
    assert not model.trainable and model.parameters(trainable_only=True) == []
    assert not mg.models.model_from_json(model.to_json()).trainable


def test_training_and_what_is_called_with_training():
    x = mg.Input((3,))
    always = mg.Model(x, layers.Dropout(0.5)(x, training=True))
    never = mg.Model(x, layers.Dropout(0.5)(x))
    assert (always(np.ones((50, 3))).numpy() == 0).any() and (never(np.ones((50, 3))).numpy() == 1).all()
    assert (never(np.ones((50, 3)), training=True).numpy() == 0).any()
    assert (mg.Model.from_config(always.get_config())(np.ones((50, 3))).numpy() == 0).any()


@pytest.mark.parametrize("out, names", [(list, False), (list, True), (dict, True)])
def test_several_losses(out, names, tmp_path):
    model, other = two(out=out), two(out=out)
    other.set_weights(model.get_weights())
    targets = [A[:, :2], B[:, :1]]
    y = dict(zip("uv", targets)) if names else targets
    model.compile(optimizers.SGD(0.1), {"u": "mse", "v": "mae"} if names else ["mse", "mae"],
                  metrics={"v": ["mse"]} if names else [None, ["mse"]],
                  loss_weights={"u": 2.0, "v": 0.5} if names else [2.0, 0.5])
    history = model.fit([A, B], y, epochs=1, batch_size=5, verbose=0, shuffle=False).history
    assert set(history) - {"learning_rate"} == {"loss", "u_loss", "v_loss", "v_mse"}
    p, q = by_hand(other, A, B)
    losses = ((p - targets[0]) ** 2).mean(), abs(q - targets[1]).mean()
    assert history["loss"][0] == pytest.approx(2 * losses[0] + 0.5 * losses[1], rel=1e-5)
    assert [history["u_loss"][0], history["v_loss"][0]] == pytest.approx(losses, rel=1e-5)
    model.save(tmp_path / "m.minigrad")
    loaded = mg.models.load_model(tmp_path / "m.minigrad")
    assert loaded.evaluate([A, B], y) == model.evaluate([A, B], y) and loaded.optimizer.iterations == 1
    for m in model, loaded:
        mg.seed(1)
        m.fit([A, B], y, epochs=3, batch_size=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), loaded.get_weights()))


def test_an_output_without_a_loss():
    model = two()
    model.compile(optimizers.SGD(0.1), {"v": "mse"}, metrics={"v": "mae"})
    before = model.get_layer("u").get_weights()
    model.fit([A, B], [A[:, :2], B[:, :1]], verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_layer("u").get_weights()))
    assert set(model.evaluate([A, B], {"v": B[:, :1]})) == {"loss", "v_loss", "v_mae"}


class Doubled(mg.Model):
    """Steps that count twice."""

    def train_step(self, x, y):
        loss, _ = self.training_loss(x, y)
        (2 * loss).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {"loss": loss.item()}


class Drawn(mg.Model):
    """A model that draws itself."""

    def __init__(self, width, name=None):
        x = mg.Input((3,))
        super().__init__(inputs=x, outputs=layers.Dense(width)(x), name=name)
        self.width = width


def test_subclasses(tmp_path):
    x = mg.Input((3,))
    plain = mg.Model(x, layers.Dense(1)(x))
    model = Doubled(x, layers.Dense(1)(x), name="double")
    assert isinstance(model, Doubled) and type(model).__name__ == "Doubled" and model.name == "double"
    model.set_weights(plain.get_weights())
    plain.compile(optimizers.SGD(0.2), "mse"), model.compile(optimizers.SGD(0.1), "mse")
    for m in plain, model:
        m.fit(A, B[:, :1], epochs=3, batch_size=5, shuffle=False, verbose=0, workers=None)
        np.testing.assert_allclose(m.get_weights()[0], plain.get_weights()[0], rtol=1e-5)
    model.save(tmp_path / "m.minigrad")
    again = mg.models.load_model(tmp_path / "m.minigrad", custom_objects={"Doubled": Doubled})
    assert isinstance(again, Doubled) and np.array_equal(again(A).numpy(), model(A).numpy())
    drawn = Drawn(4)
    assert drawn.get_config() == {"name": None, "width": 4} and drawn(A).shape == (5, 4)
    drawn.save(tmp_path / "d.minigrad")
    other = mg.models.load_model(tmp_path / "d.minigrad", custom_objects={"Drawn": Drawn})
    assert isinstance(other, Drawn) and np.array_equal(other(A).numpy(), drawn(A).numpy())

    class Written(mg.Model):
        def __init__(self, name=None):
            super().__init__(name)
            self.out = layers.Dense(2)

        def call(self, x):
            return self.out(x)

    assert Written("w")(A).shape == (5, 2) and Written("w").name == "w" and Written()(x).shape == (None, 2)


def test_copies_of_deep_models():
    x = y = mg.Input((3,))
    dense = layers.Dense(3)
    for _ in range(1500):  # more than Python's stack would take
        y = dense(y) if _ % 500 == 0 else y + 1
    model = mg.Model(x, y)
    other = copy.deepcopy(model)
    assert np.array_equal(other(A).numpy(), model(A).numpy())
    other.parameters()[0].data *= 0
    assert not np.array_equal(other(A).numpy(), model(A).numpy())
    again = mg.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    assert np.array_equal(again(A).numpy(), model(A).numpy())


def test_what_is_no_longer_read_is_let_go():
    class Watching(layers.Layer):
        made, alive = [], []

        def call(self, x):
            y = x + 1
            Watching.made.append(weakref.ref(y.data))
            Watching.alive.append(sum(made() is not None for made in Watching.made))
            return y

    x = y = mg.Input((17,))
    for _ in range(20):
        y = Watching()(y)
    model = mg.Model(x, y)
    Watching.alive.clear()
    with mg.no_grad():
        model(np.ones((5, 17), "float32"))
    assert len(Watching.alive) == 20 and max(Watching.alive) == 2


def test_summary():
    x, b = mg.Input((3,)), mg.Input((3,), name="b")
    shared = layers.Dense(3, name="shared")
    model = mg.Model([x, b], layers.Dense(1)(shared(shared(x)) * shared(b)), name="net")
    table = mg.summary(model)
    assert [(r.path, r.connected) for r in table.rows] == [
        ("input_layer", ""), ("b", ""), ("shared", "input_layer"), ("shared", "shared"), ("shared", "b"),
        ("multiply", "shared, shared"), ("dense", "multiply")]
    assert table.total == 16 and "connected to" in str(table) and str(table).startswith("net: 16 parameters")
    assert "connected to" not in str(mg.summary(mg.Sequential([layers.Dense(2, input_shape=(3,))])))
    assert "(shared): Dense" in repr(model) and "_steps" not in repr(model)
    assert [name for name, _ in model.named_parameters()] == ["shared.kernel", "shared.bias", "dense.kernel", "dense.bias"]


@pytest.mark.parametrize("text, words", [
    ("[]", "expected an object"), ("{", "no configuration"), ("[" * 100_000, "no configuration"),
    ("3", "expected an object"), ('{"class_name": "Sequential", "config": ' * 2000, "no configuration"),
    ('{"class_name": "Sequental", "config": {}}', "did you mean 'Sequential'"),
    ('{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dens", "config": {}}]}}', "did you mean 'Dense'"),
    ('{"class_name": "Dense", "config": {"units": 3}}', "describes a Dense"),
    ('{"class_name": "Sequential", "config": {"layers": [{"shared": 0}]}}', "shared layer 0"),
    ('{"class_name": "Functional", "config": {"inputs": 1, "outputs": 2, "calls": 3}}', "not the configuration of a func"),
    ('{"class_name": "Functional", "config": {"inputs": {"value": 0}, "outputs": {"value": 4}, "layers": {}, "calls": [], '
     '"entrances": [{"shape": [2]}]}}', "not the configuration of a functional model: IndexError")])
def test_texts_that_are_no_model(text, words):
    with pytest.raises(ValueError, match=words):
        mg.models.model_from_json(text)


def test_a_function_layer_of_an_unknown_function():
    with pytest.raises(ValueError, match="unknown function 'adddd': did you mean 'add'"):
        layers.Operation("adddd")
