"""Noise in training, none outside of it; the smaller layers; and what they refuse."""

import numpy as np
import pytest
from layer_cases import floats

import minigrad as mg
from minigrad import layers

ONES = np.ones((300, 4, 50), "float32")


def drawn(layer, x):
    mg.seed(0)
    return layer(x, training=True).numpy()


@pytest.mark.parametrize("layer", [layers.GaussianNoise(0.5), layers.GaussianDropout(0.4), layers.AlphaDropout(0.3),
                                   layers.SpatialDropout1D(0.3), layers.Dropout(0.3, noise_shape=(None, 1, None))])
def test_noise_is_for_training_and_repeats_with_its_seed(layer):
    assert np.array_equal(layer(ONES).numpy(), ONES)
    y = drawn(layer, ONES)
    assert np.array_equal(drawn(layer, ONES), y) and not np.array_equal(layer(ONES, training=True).numpy(), y)
    assert np.array_equal(type(layer)(0)(ONES, training=True).numpy(), ONES)


@pytest.mark.parametrize("layer, mean, deviation", [
    (layers.GaussianNoise(0.5), 1, 0.5), (layers.GaussianDropout(0.2), 1, 0.5), (layers.Dropout(0.2), 1, 0.5)])
def test_mean_and_deviation_of_noise(layer, mean, deviation):
    """Estimates from n numbers are off by five of their own deviations at most."""
    y = drawn(layer, ONES)
    assert abs(y.mean() - mean) < 5 * deviation / y.size ** 0.5
    assert abs(y.std() - deviation) < 5 * 2 * deviation / y.size ** 0.5


def test_alpha_dropout_keeps_mean_0_and_variance_1():
    x = np.random.default_rng(0).standard_normal((400, 500)).astype("float32")
    y = drawn(layers.AlphaDropout(0.3), x)
    assert abs(y.mean()) < 5 / x.size ** 0.5 and abs(y.var() - 1) < 5 * 2 / x.size ** 0.5
    values, counts = np.unique(y, return_counts=True)
    lowest = -1.6732632423543772 * 1.0507009873554805
    a = (0.7 * (1 + 0.3 * lowest ** 2)) ** -0.5
    assert values[counts.argmax()] == pytest.approx(a * lowest * 0.7, rel=1e-5)
    assert abs(counts.max() / x.size - 0.3) < 5 * (0.21 / x.size) ** 0.5


@pytest.mark.parametrize("layer, shape, axes", [
    (layers.SpatialDropout1D(0.4), (40, 5, 30), (1,)), (layers.SpatialDropout2D(0.4), (20, 3, 4, 30), (1, 2)),
    (layers.SpatialDropout2D(0.4, data_format="channels_first"), (20, 30, 3, 4), (2, 3)),
    (layers.SpatialDropout3D(0.4), (20, 2, 3, 4, 30), (1, 2, 3)),
    (layers.Dropout(0.4, noise_shape=(None, 1, None)), (40, 5, 30), (1,))])
def test_spatial_dropout_drops_whole_channels(layer, shape, axes):
    y = drawn(layer, np.ones(shape, "float32"))
    assert np.array_equal(y.min(axes), y.max(axes)) and set(np.unique(y)) == {0, np.float32(1 / 0.6)}
    assert abs((y == 0).mean() - 0.4) < 5 * (0.24 / y.min(axes).size) ** 0.5


def test_normalisation_over_axis_1_is_that_over_the_last_with_the_axes_exchanged():
    x = floats(2, 5, 3).astype("float32")
    for cls in (layers.LayerNormalization, layers.RMSNormalization):
        one, last = cls(axis=1, epsilon=0.01), cls(epsilon=0.01)
        y = one(x)
        last(x.swapaxes(1, 2))
        for p in one.parameters():
            p.data = floats(*p.shape).astype("float32")
        last.set_weights(one.get_weights())
        y = one(x).numpy()
        np.testing.assert_allclose(y.swapaxes(1, 2), last(x.swapaxes(1, 2)).numpy(), rtol=1e-5, atol=1e-6)


def test_unit_normalization_of_zeros():
    x = mg.Tensor(np.zeros((2, 3), "float32"), requires_grad=True)
    y = layers.UnitNormalization()(x)
    y.sum().backward()
    assert not y.numpy().any() and np.isfinite(x.grad.numpy()).all()


def test_activity_regularization_is_a_mean_over_the_batch():
    layer, x = layers.ActivityRegularization(0.1, 0.2), floats(4, 3)
    layer(x)
    assert layer.losses[0].item() == pytest.approx((0.1 * np.abs(x).sum() + 0.2 * (x ** 2).sum()) / 4, rel=1e-5)


def test_relu_in_general():
    x = np.linspace(-2, 4, 25, dtype="float32")[None]
    y = layers.ReLU(max_value=2.0, negative_slope=0.5, threshold=1.0)(x).numpy()
    np.testing.assert_allclose(y, np.where(x > 1, np.minimum(x, 2), 0.5 * (x - 1)), rtol=1e-6)


@pytest.mark.parametrize("make, words", [
    (lambda: layers.GaussianNoise(-1), "stddev.*-1"), (lambda: layers.GaussianDropout(1.0), "GaussianDropout: rate"),
    (lambda: layers.AlphaDropout(-0.1), "AlphaDropout: rate"),
    (lambda: layers.SpatialDropout2D(2), "SpatialDropout2D: rate"),
    (lambda: layers.SpatialDropout2D(0.5)(ONES, training=True), "expected an input of 4 axes"),
    (lambda: layers.Dropout(0.5, noise_shape=(1,))(ONES, training=True), "noise_shape"),
    (lambda: layers.ReLU(max_value=-1), "max_value.*-1"), (lambda: layers.ReLU(threshold=None), "threshold"),
    (lambda: layers.LeakyReLU(-0.3), "negative_slope"), (lambda: layers.PReLU(shared_axes=[3])(ONES), "shared_axes"),
    (lambda: layers.PReLU(input_shape=(3, 50))(ONES), r"expected an input \(N, 3, 50\)"),
    (lambda: layers.Permute((1, 3)), "Permute: dims"), (lambda: layers.Permute((1,))(ONES), "2 axes"),
    (lambda: layers.RepeatVector(0), "RepeatVector: n"), (lambda: layers.RepeatVector(2)(ONES), "2 axes"),
    (lambda: layers.Dot("a"), "Dot: axes"), (lambda: layers.Dot(0)([ONES, ONES]), "after the batch"),
    (lambda: layers.Dot((1, 2))([ONES, ONES]), "different lengths, 4 and 50"),
    (lambda: layers.Dot(1)([ONES, ONES, ONES]), "two inputs, got 3"),
    (lambda: layers.LayerNormalization(axis=(1, 1))(ONES), "axis"),
    (lambda: layers.RMSNormalization(axis=5)(ONES), "axis=5"),
    (lambda: layers.RMSNormalization(axis=0)(ONES), "axis=0"),
    (lambda: layers.MultiHeadAttention(2, 3, attention_axes=(1, 2)), "attention_axes.*reshape"),
    (lambda: layers.MultiHeadAttention(2, 3, value_dim=0), "value_dim"),
    (lambda: layers.MultiHeadAttention(2, 3, dropout=1.5), "dropout.*1.5"),
    (lambda: layers.GroupQueryAttention(2, 4, 3), r"\(4\) must be divisible.*\(3\)"),
    (lambda: layers.MultiHeadAttention(2, 3, query_initializer="ones"), "takes no argument 'query_initializer'"),
    (lambda: layers.Embedding(5, 3, mask_zeros=True), "did you mean 'mask_zero'"),
])
def test_what_is_refused(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_attention_dropout_is_of_the_weights():
    """With one key its weight is 1: dropped it is 0, kept 1 / (1 - rate), and a head takes the value or nothing."""
    mg.seed(0)
    layer = layers.MultiHeadAttention(1, 1, dropout=0.25, kernel_initializer="ones", use_bias=False)
    x = np.ones((3000, 1, 1), "float32")
    for scores in (False, True):
        y = layer(x, x, training=True, return_attention_scores=scores)
        y, p = y if scores else (y, None)
        assert set(np.unique(y.numpy())) == {0, np.float32(1 / 0.75)} and (p is None or (p.numpy() == 1).all())
        assert abs((y.numpy() == 0).mean() - 0.25) < 5 * (0.1875 / 3000) ** 0.5
    assert (layer(x, x).numpy() == 1).all()
