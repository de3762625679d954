"""What layers say: of wrong inputs, arguments and states, and of themselves."""

import numpy as np
import pytest
from layering import numbers, seeded  # noqa: F401

import minigrad as mg
from minigrad import layers
from minigrad.layers.layer import LayerError

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
