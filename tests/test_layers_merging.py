"""Merging layers, and what the base class gives to all layers: statistics, options, losses, configurations, symbols."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers
from minigrad.layers.layer import LayerError

A, B = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("float32")


@pytest.mark.parametrize("name, expected", [
    ("Add", A + B), ("Subtract", A - B), ("Multiply", A * B), ("Average", (A + B) / 2), ("Maximum", np.maximum(A, B)),
    ("Minimum", np.minimum(A, B)), ("Concatenate", np.concatenate([A, B], -1))])
def test_merging(name, expected):
    layer = getattr(layers, name)()
    np.testing.assert_allclose(layer([A, B]).numpy(), expected, rtol=1e-6)
    symbol = layer([layers.Input((4,)), layers.Input((4,))])
    assert symbol.shape == (None, *expected.shape[1:])
    with pytest.raises(LayerError, match=f"{name}.*list of two inputs"):
        layer([A])


def test_moving_statistics_are_saved_and_never_trained():
    layer = layers.BatchNormalization(momentum=0.5)
    x = 3 + 2 * A
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.5 * x.mean(0), rtol=1e-5)
    layer.trainable = False
    before = layer.moving_mean.numpy().copy()
    layer(x, training=True)
    layer.trainable = True
    assert np.array_equal(layer.moving_mean.numpy(), before) and "moving_mean" in layer.state_dict()
    assert [p.name for p in layer.parameters(trainable_only=True)] == ["gamma", "beta"]


def test_losses_are_of_weights_and_of_outputs():
    layer = layers.Dense(2, kernel_regularizer="l2", activity_regularizer=mg.regularizers.L2(0.5))
    y = layer(A)
    of_weights, of_outputs = layer.losses
    assert of_weights.item() == pytest.approx(0.01 * (layer.kernel.numpy() ** 2).sum(), rel=1e-5)
    assert of_outputs.item() == pytest.approx(0.5 * (y.numpy() ** 2).sum() / 3, rel=1e-5)


def test_a_wrong_option_is_named():
    with pytest.raises(TypeError, match="Dense takes no argument 'kernel_initialiser': did you mean 'kernel_initializer'"):
        layers.Dense(2, kernel_initialiser="zeros")


def test_an_unknown_class_in_a_configuration_is_named():
    from minigrad.layers import configs
    with pytest.raises(ValueError, match="unknown layer 'Dens': did you mean 'Dense'"):
        configs.read({"class_name": "Dens", "config": {}})
