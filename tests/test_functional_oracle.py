"""Functional models against Keras's: random graphs with the same weights, outputs, gradients, order, names and counts."""

import os

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers

torch = pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")


@pytest.fixture
def in_float64(monkeypatch):
    """Keras on PyTorch takes float64 with a Python number for float32, unless its table of dtypes is told otherwise; and its
    models compute in the default dtype, whatever that of their layers."""
    from keras.src.backend.common import dtypes

    def forget():
        for function in vars(dtypes).values():
            getattr(function, "cache_clear", lambda: None)()

    policy = keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")  # it follows floatx only until somebody sets it
    with monkeypatch.context() as patch, mg.default_dtype("float64"):
        patch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
        forget()
        yield
    forget()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(policy)


def drawn(api, inputs, draws):
    """A graph of Dense layers, shared ones, sums, products, parts and nested models: the same one for both libraries."""
    L = api.layers if api is keras else layers
    draw = iter(draws)
    pick = lambda things: things[int(next(draw) * len(things))]  # noqa: E731
    made, shared = list(inputs), [L.Dense(4, "tanh") for _ in range(2)]
    inner_in = api.Input((4,))
    inner = api.Model(inner_in, L.Dense(4, "sigmoid")(inner_in) * 2 + inner_in)
    for _ in range(8):
        a, b, what = pick(made), pick(made), pick(range(9))
        if what == 0:
            made.append(L.Dense(4, "tanh")(a))
        elif what <= 2:
            made.append(pick(shared)(a))
        elif what == 3:
            made.append(L.Add()([a, b]))
        elif what == 4:
            made.append(L.Dense(4)(L.Concatenate()([a, b])))
        elif what == 5:
            made.append(inner(a))
        elif what == 6:
            made.append(a * b - 0.5 * a)
        elif what == 7:
            made.append(L.Multiply()([a, b, L.Dense(1)(b[:, 1:])]))
        else:
            made.append(api.Sequential([L.Dense(3), L.Dense(4, "tanh")])(a))
    outputs = [pick(made[len(inputs):]), made[-1]]
    return api.Model(list(inputs), outputs)


@pytest.mark.parametrize("seed", range(25))
def test_random_graphs(in_float64, seed):
    rng = np.random.default_rng(seed)
    draws = rng.random(64)
    theirs, ours = (drawn(api, [api.Input((4,), name=f"in{i}") for i in range(2)], draws) for api in (keras, mg))
    assert ours.count_params() == theirs.count_params()
    assert [type(layer).__name__ for layer in ours.layers] == [type(layer).__name__ for layer in theirs.layers]
    assert [tuple(w.shape) for w in theirs.weights] == [p.shape for p in ours.parameters()]
    weights = [rng.standard_normal(w.shape) for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    x = [rng.standard_normal((3, 4)) for _ in range(2)]
    a, b = [mg.Tensor(v, requires_grad=True) for v in x], [torch.tensor(v, requires_grad=True) for v in x]
    y, z = ours(a), theirs(b)
    total, other = 0, 0
    for mine, their in zip(y, z, strict=True):
        np.testing.assert_allclose(mine.numpy(), their.detach().numpy(), rtol=1e-12, atol=1e-12)
        cotangent = rng.standard_normal(mine.shape)
        total, other = total + (mine * cotangent).sum(), other + (their * torch.tensor(cotangent)).sum()
    total.backward()
    other.backward()
    for mine, their in [*zip(a, b), *zip(ours.parameters(), [w.value for w in theirs.weights])]:
        if their.grad is None:
            assert mine.grad is None
        else:
            np.testing.assert_allclose(mine.grad.numpy(), their.grad.numpy(), rtol=1e-10, atol=1e-10)
    again = mg.Model.from_config(ours.get_config())
    again.set_weights(weights)
    for mine, same in zip(y, again(x)):
        assert np.array_equal(mine.numpy(), same.numpy())


def test_forms_shapes_and_names():
    for form in (lambda a, b: [a, b], lambda a, b: {"a": a, "b": b}):
        found = []
        for api, L in (keras, keras.layers), (mg, layers):
            a, b = api.Input((3,), name="a"), api.Input((2, 5), name="b")
            u = L.Dense(4, name="u")(a)
            v = L.Dense(1, name="v")(L.Flatten(name="f")(b))
            model = api.Model(form(a, b), form(u, v))
            y = model(form(np.ones((2, 3), "float32"), np.ones((2, 2, 5), "float32")))
            got = [tuple(t.shape) for t in (y.values() if isinstance(y, dict) else y)]
            names = [layer.name for layer in model.layers if layer.name]
            found.append((model.output_names if isinstance(y, list) else None, names, got,
                          [tuple(t.shape) for t in model.inputs], [tuple(t.shape) for t in model.outputs]))
        assert found[0] == found[1]
    assert mg.Model([a, b], u).input_shape == [(None, 3), (None, 2, 5)] and mg.Model(a, u).output_shape == (None, 4)


def test_automatic_names():
    keras.utils.clear_session()
    names = []
    for api, L in (keras, keras.layers), (mg, layers):
        x = api.Input((8, 8, 1))
        h = L.Conv2D(2, 3)(x)
        h = L.MaxPooling2D()(L.Conv2D(2, 3)(h))
        h = L.Dense(3)(L.Flatten()(h))
        h = L.Add()([h, L.Dense(3)(h)])
        model = api.Model(x, L.Dense(1)(h))
        names.append([layer.name for layer in model.layers] if api is keras else [*model._names])
    assert names[0] == names[1]


@pytest.mark.parametrize("several", [False, True])
def test_training_on_batches(several):
    """train_on_batch, test_on_batch and predict_on_batch of both, with metrics and weights."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((6, 3)).astype("float32"), rng.random(6).astype("float32")
    y = [rng.standard_normal((6, n)).astype("float32") for n in (2, 1)][:1 + several]
    models = []
    for api, L in (keras, keras.layers), (mg, layers):
        a = api.Input((3,))
        outputs = [L.Dense(2, name="u")(a), L.Dense(1, name="v")(a)][:1 + several]
        models.append(api.Model(a, outputs))
        optimizer = (keras if api is keras else mg).optimizers.SGD(learning_rate=0.1)
        models[-1].compile(optimizer, ["mse", "mae"], metrics=[["mae"], ["mse"]], loss_weights=[1.0, 0.5]) if several else (
            models[-1].compile(optimizer, "mse", metrics=["mae"]))
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    y = y if several else y[0]
    if several:
        w = [w, w]  # Keras wants one for each output
    for _ in range(3):
        a = theirs.train_on_batch(x, y, sample_weight=w, return_dict=True)
        b = ours.train_on_batch(x, y, sample_weight=w, return_dict=True)
        assert b == pytest.approx({name: float(a[name]) for name in b}, rel=1e-4)
    for p, q in zip(theirs.get_weights(), ours.get_weights()):
        np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-6)
    a, b = theirs.test_on_batch(x, y, return_dict=True), ours.test_on_batch(x, y, return_dict=True)
    assert b == pytest.approx({name: float(a[name]) for name in b}, rel=1e-4)
    p, q = theirs.predict_on_batch(x), ours.predict_on_batch(x)
    for mine, their in zip(q if several else [q], p if several else [p]):
        np.testing.assert_allclose(mine, their, rtol=1e-4, atol=1e-6)
    if not several:
        for name in "train_on_batch", "test_on_batch":
            assert isinstance(getattr(ours, name)(x, y), list) and len(getattr(ours, name)(x, y)) == 2
            assert len(getattr(theirs, name)(x, y)) == 2
