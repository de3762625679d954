"""Layers: their formulas, and what may come in."""

import math

import numpy as np
import pytest
from layering import RNG, close, numbers, seeded  # noqa: F401

import minigrad as mg
from minigrad import layers

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
