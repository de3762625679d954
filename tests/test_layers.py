"""Layers and initializers: formulas, building, names, sharing, freezing, copying, and their errors."""

import copy
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import initializers, layers
from minigrad.layers.layer import Layer, LayerError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


def numbers(*shape):
    return RNG.standard_normal(shape).astype("float32")


def close(a, b, scale=1.0):
    """Equal but for float32 rounding of sums of up to some thousand terms."""
    a = a.numpy() if isinstance(a, mg.Tensor) else a
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale)


# ---- what each layer computes

def test_dense_is_its_formula():
    layer, x = layers.Dense(3, bias_initializer="normal"), numbers(5, 4)
    y = layer(x)
    close(y, x @ layer.kernel.numpy() + layer.bias.numpy())
    assert y.dtype == np.float32 and layer.count_params() == 4 * 3 + 3
    assert layer(numbers(2, 6, 4)).shape == (2, 6, 3)  # on the last axis, whatever comes before


@pytest.mark.parametrize("name, function", [
    ("relu", lambda x: np.maximum(x, 0)), ("tanh", np.tanh), ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
    ("softplus", lambda x: np.log1p(np.exp(x))), ("exponential", np.exp), ("linear", lambda x: x), (None, lambda x: x),
    ("softmax", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ("log_softmax", lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))),
    ("gelu", lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))),
])
def test_activations_by_name(name, function):
    x = numbers(4, 5)
    close(layers.Activation(name)(x), function(x.astype(float)))
    dense = layers.Dense(5, activation=name, kernel_initializer=lambda shape, dtype: np.eye(5, dtype=dtype))
    close(dense(x), function(x.astype(float)))


def test_convolution_by_hand():
    """Every output place is the sum over one window: the definition, written as loops."""
    layer, x = layers.Conv2D(4, (2, 3), strides=(2, 1), bias_initializer="normal"), numbers(2, 6, 7, 3)
    y, w, b = layer(x).numpy(), layer.kernel.numpy(), layer.bias.numpy()
    assert y.shape == (2, 3, 5, 4) and layer.count_params() == 2 * 3 * 3 * 4 + 4
    for n, i, j, f in np.ndindex(y.shape):
        assert y[n, i, j, f] == pytest.approx((x[n, 2 * i:2 * i + 2, j:j + 3] * w[..., f]).sum() + b[f], abs=1e-5)


@pytest.mark.parametrize("size, strides, padding",
                         [(3, 1, "same"), (5, 2, "same"), (3, 2, "valid"), ((1, 4), (2, 3), "same")])
def test_output_sizes_are_keras_s(size, strides, padding):
    y = layers.Conv2D(2, size, strides, padding)(np.zeros((1, 11, 8, 1), "float32"))
    size, strides = (np.broadcast_to(a, 2) for a in (size, strides))
    expected = [-(-n // s) if padding == "same" else (n - k) // s + 1 for n, k, s in zip((11, 8), size, strides)]
    assert y.shape == (1, *expected, 2)


def test_channels_first_is_the_same_convolution():
    x = numbers(2, 6, 5, 4)
    last = layers.Conv2D(6, 3, groups=2, padding="same", input_shape=(6, 5, 4))
    first = layers.Conv2D(6, 3, groups=2, padding="same", data_format="channels_first", input_shape=(4, 6, 5))
    first.load_state_dict(last.state_dict())
    close(first(x.transpose(0, 3, 1, 2)).numpy().transpose(0, 2, 3, 1), last(x).numpy())
    assert last.count_params() == 3 * 3 * 2 * 6 + 6


def test_pooling_of_known_numbers():
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    assert layers.MaxPooling2D()(x).numpy().ravel().tolist() == [5, 7, 13, 15]
    assert layers.MaxPool2D(3, strides=1)(x).numpy().ravel().tolist() == [10, 11, 14, 15]
    assert layers.AveragePooling2D(2)(x).numpy().ravel().tolist() == [2.5, 4.5, 10.5, 12.5]
    ones = np.ones((1, 3, 3, 1), "float32")
    assert (layers.AveragePooling2D(2, padding="same")(ones).numpy() == 1).all()  # padding does not count


def test_layer_normalization_statistics():
    x = 3 + 5 * numbers(6, 50)
    layer = layers.LayerNormalization(epsilon=1e-6)
    y = layer(x).numpy()
    close(y.mean(-1), 0), close(y.std(-1), 1)
    assert [n for n, _ in layer.named_parameters()] == ["gamma", "beta"] and layer.count_params() == 100


def test_embedding_picks_rows_and_repeated_ids_add_their_gradients():
    layer = layers.Embedding(5, 3)
    ids = np.array([[0, 4], [4, 4]])
    y = layer(ids)
    assert np.array_equal(y.numpy(), layer.embeddings.numpy()[ids])
    y.sum().backward()
    assert layer.embeddings.grad.numpy()[:, 0].tolist() == [1, 0, 0, 0, 3]


def test_attention_by_its_definition():
    layer = layers.MultiHeadAttention(2, 3, value_dim=4)
    q, v = numbers(2, 5, 6), numbers(2, 7, 6)
    mask = RNG.random((2, 5, 7)) < 0.7
    mask[..., 0] = True
    y = layer(q, v, attention_mask=mask).numpy()
    w = {name: p.numpy().astype(float) for name, p in layer.named_parameters()}
    heads = []
    for h in range(2):
        query, key, value = (x.astype(float) @ w[f"{role}_kernel"][:, h] + w[f"{role}_bias"][h]
                             for x, role in ((q, "query"), (v, "key"), (v, "value")))
        scores = np.where(mask, query @ key.swapaxes(1, 2) / math.sqrt(3), -np.inf)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        heads.append(p / p.sum(-1, keepdims=True) @ value)
    expected = sum(head @ w["output_kernel"][h] for h, head in enumerate(heads)) + w["output_bias"]
    close(y, expected)
    assert layer.count_params() == 2 * (6 * 2 * 3 + 6) + (6 * 2 * 4 + 8) + (2 * 4 * 6 + 6)


def test_causal_attention_sees_no_later_row():
    layer, x = layers.MultiHeadAttention(1, 4), numbers(1, 6, 3)
    changed = x.copy()
    changed[:, 4:] += 1
    before, after = (layer(a, use_causal_mask=True).numpy() for a in (x, changed))
    assert np.array_equal(before[:, :4], after[:, :4]) and not np.allclose(before[:, 4:], after[:, 4:])


def test_attention_mask_may_be_a_list_or_have_a_head_axis():
    layer, x = layers.MultiHeadAttention(2, 3), numbers(1, 2, 4)
    mask = [[[True, False], [True, True]]]
    expected = layer(x, attention_mask=np.array(mask)).numpy()
    assert np.array_equal(layer(x, attention_mask=mask).numpy(), expected)
    assert np.array_equal(layer(x, attention_mask=np.array(mask)[:, None].repeat(2, 1)).numpy(), expected)


@pytest.mark.parametrize("target, shape",
                         [((3, 4), (2, 3, 4)), ((4, -1), (2, 4, 3)), ((-1,), (2, 12)), ((2, -1, 2), (2, 2, 3, 2))])
def test_reshape(target, shape):
    model = mg.Sequential([layers.Input((12,)), layers.Reshape(target)])  # built with an empty batch, where -1 is hard
    x = numbers(2, 12)
    assert np.array_equal(model(x).numpy(), x.reshape(shape))


def test_dropout_only_in_training():
    layer, x = layers.Dropout(0.25), np.ones((200, 100), "float32")
    assert np.array_equal(layer(x).numpy(), x)  # evaluation is the default
    y = layer(x, training=True).numpy()
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / x.size)  # five standard deviations
    assert not np.array_equal(layer(x, training=True).numpy(), y)  # another mask each time


def test_train_and_eval_reach_all_layers():
    inner = mg.Sequential([layers.Dropout(0.5)])
    model, x = mg.Sequential([inner, layers.Flatten()]), np.ones((4, 50), "float32")
    assert model.train() is model and (model(x).numpy() == 0).any()
    assert np.array_equal(model(x, training=False).numpy(), x)  # what the call says goes first
    assert inner.training and (inner(x).numpy() == 0).any()
    assert np.array_equal(model.eval()(x).numpy(), x)
    assert (model(x, training=True).numpy() == 0).any()


# ---- what may come in

@pytest.mark.parametrize("make", [
    lambda: layers.Dense(2), lambda: layers.LayerNormalization(), lambda: layers.Softmax(),
    lambda: layers.Activation("sigmoid"), lambda: layers.MultiHeadAttention(1, 2), lambda: layers.Conv2D(2, 1),
    lambda: layers.AveragePooling2D(2), lambda: layers.Dropout(0.5),
])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool"])
def test_integer_images_count_as_float32(make, dtype):
    """The same numbers as for floats: 255 + 255 must not wrap around to 254, nor 1 / (1 - rate) be cut to 1."""
    layer = make()
    axes = layer.input_axes or 3
    x = np.full((2, 2, 4, 4)[:axes], 255).astype(dtype)
    outputs = []
    for array in (x, x.astype("float32")):
        mg.seed(1)
        outputs.append(layer(array, training=True))
    assert outputs[0].dtype == np.float32 and np.array_equal(outputs[0].numpy(), outputs[1].numpy())


@pytest.mark.parametrize("x", [[[1.0, 2.0], [3.0, 4.0]], ((1, 2), (3, 4)), np.array([[1.0, 2], [3, 4]]),
                               mg.Tensor([[1, 2], [3, 4.0]])])
def test_lists_and_float64_arrays_are_taken_as_the_layers_dtype(x):
    layer = layers.Dense(1, kernel_initializer="ones")
    y = layer(x)
    assert y.dtype == np.float32 and y.numpy().ravel().tolist() == [3, 7]


def test_float64_layers():
    with mg.tensor.default_dtype("float64"):
        model = mg.Sequential([layers.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    assert {p.dtype for p in model.parameters()} == {np.dtype("float64")}
    assert model(numbers(2, 4, 4, 1)).dtype == np.float64


def test_a_layer_trains_in_a_hand_written_loop():
    layer, x = layers.Dense(1), numbers(64, 3)
    y = x @ np.array([[1.0], [-2.0], [0.5]], "float32") + 3
    layer(x)
    optimizer = mg.optimizers.SGD(layer.parameters(), learning_rate=0.1)
    for _ in range(300):
        mg.functions.mse_loss(layer(x), y).backward()
        optimizer.step()
        layer.zero_grad()
        assert layer.kernel.grad is None
    close(layer.kernel.numpy().ravel(), [1, -2, 0.5], 10), close(layer.bias.numpy(), [3], 10)


# ---- building, names, sharing

def test_three_ways_to_say_the_shape_give_the_same_model():
    body = lambda **k: [layers.Conv2D(3, 3, activation="relu", **k), layers.Flatten(), layers.Dense(2)]  # noqa: E731
    models = []
    for make in (lambda: mg.Sequential(body(input_shape=(6, 6, 1))),
                 lambda: mg.Sequential([layers.Input((6, 6, 1)), *body()]), lambda: mg.Sequential(body())):
        mg.seed(3)
        models.append(make())
    assert [m.built for m in models] == [True, True, False]
    x = numbers(2, 6, 6, 1)
    mg.seed(3)
    outputs = [m(x).numpy() for m in reversed(models)]  # the lazy one first, right after the seed
    assert np.array_equal(outputs[0], outputs[1]) and np.array_equal(outputs[0], outputs[2])
    assert all(list(m.state_dict()) == ["conv2d.kernel", "conv2d.bias", "dense.kernel", "dense.bias"] for m in models)


def test_names_count_up_and_given_names_stay():
    model = mg.Sequential([layers.Dense(2), layers.Dense(2, name="middle"), layers.Dense(2), layers.MaxPooling2D()])
    assert [n for n, _ in model.named_layers()] == ["", "dense", "middle", "dense_1", "max_pooling2d"]


def test_nested_models_have_dotted_names_and_are_built_from_inside():
    inner = mg.Sequential([layers.Dense(4, input_shape=(3,)), layers.Dense(2)], name="encoder")
    model = mg.Sequential([inner, mg.Sequential([layers.Dense(1)])])
    assert model.built and model.count_params() == 16 + 10 + 3
    assert [n for n, _ in model.named_parameters()] == [
        "encoder.dense.kernel", "encoder.dense.bias", "encoder.dense_1.kernel", "encoder.dense_1.bias",
        "sequential.dense.kernel", "sequential.dense.bias"]
    assert mg.Sequential([layers.Input((4,)), mg.Sequential([layers.Embedding(5, 3)]), layers.Dense(2)]).built


def test_a_shared_layer_is_one_layer():
    shared = layers.Dense(3)
    model, x = mg.Sequential([layers.Input((3,)), shared, layers.ReLU(), shared]), numbers(2, 3)
    assert len(model.parameters()) == 2 and model.count_params() == 12
    model(x).sum().backward()
    w, b = shared.kernel.numpy(), shared.bias.numpy()
    hidden = x @ w + b
    d_hidden = (np.ones((2, 3), "float32") @ w.T) * (hidden > 0)
    close(shared.bias.grad, 2 + d_hidden.sum(0))  # from both places
    assert model.layers[0] is model.layers[2] and model[-1] is shared


class Tied(mg.Model):
    """Layers as an attribute, in a list that grows, in a dict, and a parameter that two layers share."""

    def __init__(self):
        super().__init__(name="tied")
        self.first = layers.Dense(4)
        self.blocks = []
        for _ in range(2):
            self.blocks.append(layers.Dense(4))
        self.heads = {"left": layers.Dense(1), "right": [layers.Dense(2)]}
        self.scale = self.add_weight("scale", (1,), "ones")

    def call(self, x):
        x = self.first(x) * self.scale
        for block in self.blocks:
            x = block(x)
        return self.heads["left"](x) + self.heads["right"][0](x)


def test_layers_in_lists_and_dicts_are_found():
    model = Tied()
    model(numbers(2, 3))
    names = [n for n, _ in model.named_parameters()]
    assert names == ["scale", "first.kernel", "first.bias", "blocks.0.kernel", "blocks.0.bias", "blocks.1.kernel",
                     "blocks.1.bias", "heads.left.kernel", "heads.left.bias", "heads.right.0.kernel",
                     "heads.right.0.bias"]
    model(numbers(2, 3)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    other = Tied()
    other(numbers(1, 3))
    other.load_state_dict(model.state_dict())
    x = numbers(3, 3)
    assert np.array_equal(other(x).numpy(), model(x).numpy())


def test_a_tied_parameter_is_listed_once():
    a, b = layers.Dense(3, input_shape=(3,)), layers.Dense(3, input_shape=(3,))
    b.kernel = a.kernel
    model = mg.Sequential([a, b])
    assert [n for n, _ in model.named_parameters()] == ["dense.kernel", "dense.bias", "dense_1.bias"]
    del b.bias
    assert [n for n, _ in model.named_parameters()] == ["dense.kernel", "dense.bias"]


def test_a_layer_of_ones_own():
    class Scale(Layer):
        def weight_shapes(self, input_shape):
            return {"gamma": {"D": input_shape[-1]}}

        def call(self, x, training):
            return x * self.gamma if training else x

    layer = Scale()
    assert layer(numbers(2, 3)).shape == (2, 3) and layer.gamma.numpy().tolist() == [1, 1, 1]
    assert layer.gamma.symbols == {"D": 3}
    with pytest.raises(LayerError, match="scale.*operands|scale.*broadcast"):
        layer(numbers(2, 4), training=True)


# ---- freezing, copying, states

def test_freezing():
    model, x = mg.Sequential([layers.Dense(3, input_shape=(2,)), layers.Dense(1)]), numbers(4, 2)
    first, second = model.layers
    first.trainable = False
    assert not first.trainable and model.trainable
    assert model.parameters(trainable_only=True) == second.parameters()
    model(x).sum().backward()
    assert first.kernel.grad is None and second.kernel.grad is not None
    first.trainable = True
    model(x).sum().backward()
    assert first.kernel.grad is not None


def test_freezing_before_building():
    model = mg.Sequential([layers.Embedding(5, 2), layers.Flatten(), layers.Dense(2)])
    assert model.trainable
    model.trainable = False
    model(np.zeros((2, 3), int))
    assert len(model.parameters()) == 3 and not model.trainable  # the Dense too, which was built after
    fresh = layers.Dense(2)
    fresh.trainable = False
    assert not fresh.trainable
    fresh.trainable = True
    assert fresh(numbers(1, 2)).requires_grad


def test_copies_are_independent():
    shared = layers.Dense(3, input_shape=(3,))
    model = mg.Sequential([shared, shared, layers.Dense(1)])
    twin, x = copy.deepcopy(model), numbers(2, 3)
    before = model(x).numpy().copy()
    assert np.array_equal(twin(x).numpy(), before) and twin.layers[0] is twin.layers[1] is not shared
    for p in twin.parameters():
        p.data = p.data + 1
    assert np.array_equal(model(x).numpy(), before) and not np.array_equal(twin(x).numpy(), before)


def test_two_models_share_nothing():
    a, b = mg.models.LeNet(), mg.models.LeNet()
    assert not {id(p) for p in a.parameters()} & {id(p) for p in b.parameters()}
    assert not np.array_equal(a.state_dict()["dense.kernel"], b.state_dict()["dense.kernel"])
    assert a.metrics is not b.metrics or not a.metrics


def test_state_dict_is_a_copy():
    layer = layers.Dense(2, input_shape=(2,))
    state = layer.state_dict()
    state["kernel"][:] = 7
    assert not (layer.kernel.numpy() == 7).any()
    layer.load_state_dict(state)
    state["kernel"][:] = 8
    assert (layer.kernel.numpy() == 7).all()


def test_states_go_in_and_out_of_float64():
    single = layers.Dense(5, input_shape=(4,))
    with mg.tensor.default_dtype("float64"):
        double = layers.Dense(5, input_shape=(4,))
    exact = double.state_dict()
    double.load_state_dict(single.state_dict())
    assert double.kernel.dtype == np.float64
    assert np.array_equal(double.kernel.numpy(), single.kernel.numpy().astype("float64"))
    single.load_state_dict(exact)
    assert single.kernel.dtype == np.float32
    assert np.array_equal(single.kernel.numpy(), exact["kernel"].astype("float32"))
    single.load_state_dict({k: mg.Tensor(v) for k, v in exact.items()})  # Tensors are welcome too


# ---- what it says

def test_an_error_tells_the_path_what_was_expected_and_what_came_before():
    model = mg.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(4, 3),
                           mg.Sequential([layers.Flatten(), layers.Dense(2)], name="head")], name="net")
    with pytest.raises(LayerError) as error:
        model(numbers(2, 9, 8, 1))
    text = str(error.value)
    assert text.startswith("net.head.dense (Dense, 144 -> 2): expected 144 features")
    assert "its input: (2, 168)" in text and "net.conv2d (Conv2D, 1 -> 4): (2, 7, 6, 4)" in text


@pytest.mark.parametrize("layer, x, words", [
    (lambda: layers.Conv2D(2, 3, input_shape=(8, 8, 3)), (1, 8, 8, 1), r"conv2d.*expected 3 channels.*\(1, 8, 8, 1\)"),
    (lambda: layers.Conv2D(2, 3), (8, 8, 3), "conv2d.*4 axes, batch first"),
    (lambda: layers.Conv2D(4, 3, groups=2), (1, 8, 8, 3), "3 channels cannot be divided into 2 groups"),
    (lambda: layers.Conv2D(4, 9), (1, 8, 8, 3), "does not fit"),
    (lambda: layers.Dense(4), (8,), "dense.*batch"),
    (lambda: layers.Dense(4, input_shape=(3,)), (2, 4), "expected 3 features.*(2, 4)"),
    (lambda: layers.Reshape((5, 2)), (2, 12), r"12 numbers.*cannot become \(5, 2\)"),
    (lambda: layers.LayerNormalization(input_shape=(3,)), (2, 4), "layer_normalization"),
    (lambda: layers.Embedding(3, 2), (2, 4), "embedding.*integers"),
    (lambda: layers.MultiHeadAttention(2, 2), (2, 4), r"multi_head_attention.*\(N, T, 4\)"),
    (lambda: layers.Conv2D(4, 3, padding="smae"), (1, 8, 8, 3), "padding.*'smae'"),
])
def test_wrong_inputs(layer, x, words):
    with pytest.raises(LayerError, match=words):
        layer()(numbers(*x))


@pytest.mark.parametrize("make, words", [
    (lambda: layers.Dense(0), "Dense: units.*0"), (lambda: layers.Dense("ten"), "units.*'ten'"),
    (lambda: layers.Dense(3, activation="rleu"), "rleu.*did you mean 'relu'"),
    (lambda: layers.Dense(3, kernel_initializer="he_norml", input_shape=(2,)), "did you mean 'he_normal'"),
    (lambda: layers.Conv2D(3, 3, groups=2), "divisible"), (lambda: layers.Conv2D(3, (1, 2, 3)), "kernel_size"),
    (lambda: layers.Dropout(1.0), "rate.*1.0"), (lambda: layers.MultiHeadAttention(0, 4), "num_heads"),
    (lambda: layers.LayerNormalization(axis=0, input_shape=(3,)), "axis=0"), (lambda: layers.Embedding(-1, 4), "input_dim"),
    (lambda: mg.Sequential([layers.Dense(2), layers.Input((3,))]), "first entry"),
    (lambda: mg.Sequential([np.tanh]), "takes layers"),
])
def test_wrong_arguments(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_a_failed_first_call_builds_nothing():
    model = mg.Sequential([layers.Dense(4), layers.Reshape((3,))])
    with pytest.raises(LayerError, match="reshape"):
        model(numbers(2, 7))
    assert not model.parameters() and not model.layers[0].built
    model = mg.Sequential([layers.Dense(4), layers.Dense(3)])
    with pytest.raises(LayerError, match="Dense"):
        model(numbers(7))
    assert model(numbers(2, 5)).shape == (2, 3)


def test_a_layer_that_does_not_fit_is_not_added():
    model = mg.Sequential([layers.Input((6,)), layers.Dense(4)])
    with pytest.raises(LayerError, match=r"4 numbers.*\(3,\)"):
        model.add(layers.Reshape((3,)))
    assert len(model) == 1 and model(numbers(2, 6)).shape == (2, 4)
    model.add(layers.Reshape((2, 2)))
    assert model(numbers(2, 6)).shape == (2, 2, 2)


def test_a_state_that_does_not_fit_is_named_whole_and_changes_nothing():
    model = mg.Sequential([layers.Dense(3, input_shape=(2,)), layers.Dense(1)])
    before = model.state_dict()
    state = model.state_dict()
    state["dense.kernel"] = state["dense.kernel"] + 1  # right, but must not be taken over alone
    state["dense_1.kernel"] = np.zeros((4, 1))
    state["dense_1.bias"] = np.array(["a"])
    state["extra"] = np.zeros(2)
    del state["dense.bias"]
    with pytest.raises(ValueError) as error:
        model.load_state_dict(state)
    for words in ("missing: dense.bias (3,)", "unexpected: extra (2,)",
                  "wrong shape: dense_1.kernel is (3, 1), got (4, 1)",
                  "wrong dtype: dense_1.bias"):
        assert words in str(error.value)
    assert all(np.array_equal(before[n], p.numpy()) for n, p in model.named_parameters())
    with pytest.raises(ValueError, match="no parameters yet"):
        mg.Sequential([layers.Dense(3)]).load_state_dict(before)


def test_how_layers_look():
    layer = layers.Conv2D(6, 3, activation="relu")
    assert repr(layer) == "Conv2D(filters=6, kernel_size=3, activation='relu')"
    layer(numbers(1, 5, 5, 2))
    assert repr(layer).endswith("# 2 -> 6, 114 parameters")
    model = mg.Sequential([layer, mg.Sequential([layers.Flatten()])])
    lines = repr(model).splitlines()
    assert lines[0].startswith("Sequential(") and lines[1].startswith("  (conv2d): Conv2D(")
    assert lines[3].strip() == "(flatten): Flatten()"
    assert "&#x27;relu&#x27;" in layer._repr_html_() and layer._repr_html_().startswith("<pre>")
    layer.trainable = False
    assert "'kernel'" in repr(layer.kernel) and "frozen" in repr(layer.kernel) and "(3, 3, 2, 6)" in repr(layer.kernel)


# ---- initial weights

FAMILIES = {"glorot": lambda i, o: 2 / (i + o), "he": lambda i, o: 2 / i, "lecun": lambda i, o: 1 / i}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(300, 200), (3, 5, 40, 60)])
def test_variance_of_the_families(family, shape):
    """The variance is that of the paper; the estimate from n numbers is off by about √(2/n) of it, at most."""
    field = math.prod(shape[:-2])
    variance = FAMILIES[family](shape[-2] * field, shape[-1] * field)
    for distribution in ("uniform", "normal"):
        w = initializers.get(f"{family}_{distribution}")(shape)
        assert w.shape == shape and w.dtype == np.float32
        assert abs(w.var() / variance - 1) < 5 * math.sqrt(2 / w.size)
        assert abs(w.mean()) < 5 * math.sqrt(variance / w.size)
        limit = math.sqrt(3 * variance) if distribution == "uniform" else 2 * math.sqrt(variance) / 0.8796
        assert 0.99 * limit < np.abs(w).max() <= limit * 1.0001
        kurtosis = ((w / w.std()) ** 4).mean()  # 9/5 when uniform
        assert (kurtosis < 1.9) == (distribution == "uniform")


def test_simple_initializers():
    assert (initializers.get("zeros")((3, 2)) == 0).all() and (initializers.Ones()((2,), "float64") == 1).all()
    assert (initializers.Constant(2.5)((4,)) == 2.5).all()
    w = initializers.RandomUniform(1, 2)((1000,))
    assert 1 <= w.min() < 1.02 and 1.98 < w.max() <= 2
    w = initializers.TruncatedNormal(1, 0.5)((5000,))
    assert 0 <= w.min() < 0.1 and 1.9 < w.max() <= 2
    w = initializers.RandomNormal(3, 2)((5000,))
    assert abs(w.mean() - 3) < 5 * 2 / math.sqrt(5000) and abs(w.std() - 2) < 5 * 2 / math.sqrt(10000)
    assert repr(initializers.get("he_normal")) == "HeNormal()" and "stddev=2" in repr(initializers.RandomNormal(3, 2))


def test_seed_repeats_the_weights():
    def draw():
        mg.seed(5)
        return mg.models.LeNet().state_dict()

    first, second = draw(), draw()
    assert all(np.array_equal(first[n], second[n]) for n in first)
    mg.seed(6)
    assert not np.array_equal(mg.models.LeNet().state_dict()["dense.kernel"], first["dense.kernel"])
    for wrong in (-1, 1.5, "a"):
        with pytest.raises(ValueError, match="seed"):
            mg.seed(wrong)
