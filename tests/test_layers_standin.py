"""Every layer on the stand-in for CuPy: the same numbers, and nothing comes back to the host on the way."""

import numpy as np
import pytest
import standin
from layer_cases import CASES, MASK
from test_standin import DEVICES, assert_same, placed

import minigrad as mg
from minigrad import layers

standin.register()


def mapped(function, value):
    return type(value)(mapped(function, part) for part in value) if isinstance(value, (list, tuple)) else function(value)


def flat(value):
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, (list, tuple)) else [value]


def numbers(make, inputs, device, training, **call):
    """Outputs and gradients of a layer on a device."""
    mg.seed(0)
    layer = make(layers).to(device)
    inputs = mapped(lambda a: placed(a.astype("float32") if a.dtype.kind == "f" else a, device), tuple(inputs))
    layer(*inputs, **call)
    mg.seed(1)  # each library has a generator of its own: both start here
    with standin.no_traffic("to host", "scalars"):
        ys = flat(layer(*inputs, training=training, **call))
        sum((y * y).sum() for y in ys).backward()
    assert {y.device for y in ys} == {"cpu" if device == "cpu" else "standin:0"}
    leaves = [x for x in flat(inputs) if x.requires_grad] + layer.parameters(trainable_only=True)
    return ys + [leaf.grad for leaf in leaves]


@pytest.mark.parametrize("case", CASES, ids=repr)
@pytest.mark.parametrize("training", [False, True])
def test_a_layer_on_a_device_is_the_same(case, training):
    assert_same(*[numbers(case.make, case.inputs, device, training, **case.call) for device in DEVICES])


@pytest.mark.parametrize("make", [
    lambda layers: layers.LSTM(3, dropout=0.3, recurrent_dropout=0.3, return_sequences=True),
    lambda layers: layers.GRU(3, activation="elu", reset_after=False, go_backwards=True),
    lambda layers: layers.SimpleRNN(3, dropout=0.3, stateful=True, return_sequences=True),
    lambda layers: layers.Bidirectional(layers.GRU(3, recurrent_dropout=0.2, return_sequences=True), merge_mode=None),
    lambda layers: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], go_backwards=True, return_state=True)])
def test_masks_and_dropout_on_a_device(make):
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    assert_same(*[numbers(make, [x], device, True, mask=MASK) for device in DEVICES])
