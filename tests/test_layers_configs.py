"""Every layer is made again from its configuration, written as JSON; what cannot be made is named."""

import inspect
import json

import numpy as np
import pytest
from layer_cases import CASES, IDS, floats

import minigrad as mg
from minigrad import layers
from minigrad.layers import Layer, LayerError, configs

PUBLIC = {c.__name__ for c in vars(layers).values() if inspect.isclass(c) and issubclass(c, Layer)
          and ".augmentation" not in c.__module__}  # random in training, and tested by themselves


def flat(value):
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, (list, tuple)) else [value]


def test_every_public_layer_is_in_the_table():
    assert PUBLIC - {"Layer", "Lambda", "Operation"} == {case.name for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_a_layer_from_its_configuration_is_the_same(case):
    layer = case.make(layers)
    y = flat(layer(*case.inputs, **case.call))
    config = json.loads(json.dumps(layer.get_config()))
    twin = type(layer).from_config(config)
    assert twin.get_config() == layer.get_config()
    twin(*case.inputs, **case.call)
    for p in layer.parameters():
        p.data = np.random.default_rng(p.size).uniform(0.3, 1.0, p.shape).astype(p.dtype)
    twin.set_weights(layer.get_weights())
    y, z = flat(layer(*case.inputs, **case.call)), flat(twin(*case.inputs, **case.call))
    assert len(y) == len(z) and all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(y, z))


@pytest.mark.parametrize("case", [c for c in CASES if "Mask" not in c.name], ids=repr)
def test_a_configuration_is_made_of_keras_s_arguments(case):
    """What the constructor is called with is in it, by name and as it was given."""
    layer = case.make(layers)
    config = layer.get_config()
    for name, value in layer._arguments.items():
        if isinstance(value, (int, float, str)):
            assert config[name] == value


def test_options_of_all_kinds_come_through():
    layer = layers.GRU(3, kernel_initializer="he_normal", recurrent_regularizer="l2", bias_initializer="ones",
                       activity_regularizer=mg.regularizers.L1(0.1), name="reader", trainable=False, activation="softsign",
                       recurrent_dropout=0.2, stateful=True)
    twin = layers.GRU.from_config(json.loads(json.dumps(layer.get_config())))
    assert twin.name == "reader" and twin.stateful and twin.cell.recurrent_dropout == 0.2
    assert isinstance(twin.cell.kernel_initializer, mg.initializers.HeNormal)
    assert isinstance(twin.cell.bias_initializer, mg.initializers.Ones)
    assert isinstance(twin.activity_regularizer, mg.regularizers.L1)
    assert twin.cell.activation is mg.functions.softsign
    twin(floats(2, 3, 4))
    assert not twin.trainable and (twin.cell.bias.numpy() == 1).all()
    assert twin.losses[0].item() == pytest.approx(0.01 * (twin.cell.recurrent_kernel.numpy() ** 2).sum(), rel=1e-5)


def test_layers_inside_of_layers():
    layer = layers.Bidirectional(layers.LSTM(2, name="left"), backward_layer=layers.GRU(2, go_backwards=True),
                                 merge_mode="mul")
    config = layer.get_config()
    assert config["layer"]["class_name"] == "LSTM" and config["backward_layer"]["config"]["go_backwards"] is True
    twin = layers.Bidirectional.from_config(config)
    assert isinstance(twin.backward_layer, layers.GRU) and twin.forward_layer.name == "left" and twin.merge_mode == "mul"


def test_an_unknown_class_is_named_wherever_it_stands():
    config = layers.TimeDistributed(layers.Dense(2)).get_config()
    config["layer"]["class_name"] = "Dens"
    with pytest.raises(ValueError, match="unknown layer 'Dens': did you mean 'Dense'"):
        layers.TimeDistributed.from_config(config)
    with pytest.raises(ValueError, match="unknown layer 'LTSM': did you mean 'LSTM'"):
        configs.read({"class_name": "LTSM", "config": {"units": 3}})
    with pytest.raises(TypeError, match="LSTM takes no argument 'unit': did you mean 'units'|missing.*units"):
        layers.LSTM.from_config({"unit": 3})


def test_a_layer_of_ones_own_comes_as_a_custom_object():
    class Halved(Layer):
        def call(self, x):
            return x / 2

    config = layers.TimeDistributed(Halved()).get_config()
    with pytest.raises(ValueError, match="unknown layer 'Halved'.*custom_objects"):
        layers.TimeDistributed.from_config(config)
    twin = layers.TimeDistributed.from_config(config, {"Halved": Halved})
    assert twin(np.ones((1, 2, 3), "float32")).numpy().max() == 0.5


def test_a_lambda_cannot_be_written_down():
    layer = layers.Lambda(lambda x: x * 2, name="twice")
    assert layer(floats(2, 3)).shape == (2, 3)
    for each in (layer, layers.TimeDistributed(layer), layers.Lambda(np.tanh, name="twice")):
        with pytest.raises(TypeError, match="twice: a Lambda has no configuration.*subclass of Layer"):
            each.get_config()
    with pytest.raises(TypeError, match="expected a function"):
        layers.Lambda("relu")


def test_a_lambda_calls_its_function():
    seen = []

    def f(x, power, training, mask):
        seen.append((training, mask is not None))
        return x ** power

    layer = layers.Lambda(f, arguments={"power": 2}, mask=lambda x, mask: mask)
    ids = layers.Embedding(5, 3, mask_zero=True)(IDS)
    y = layer(ids, training=True)
    np.testing.assert_allclose(y.numpy(), ids.numpy() ** 2)
    assert seen == [(True, True)] and np.array_equal(layers.mask_of(y), IDS != 0)
    with pytest.raises(LayerError, match="lambda.*no such thing"):
        layers.Lambda(lambda x: (_ for _ in ()).throw(ValueError("no such thing")))(floats(2, 3))
