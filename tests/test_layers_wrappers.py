"""Bidirectional and TimeDistributed by what they must do, and what they refuse."""

import numpy as np
import pytest
from layer_cases import close, x32

from minigrad import functions as F
from minigrad import layers


def test_bidirectional_outputs_are_zero_in_holes():
    mask = np.array([[True, True, False, True], [False, True, True, False]])
    y = layers.Bidirectional(layers.GRU(3, return_sequences=True))(x32(2, 4, 3), mask=mask).numpy()
    assert np.array_equal(y.any(axis=-1), mask)


def test_bidirectional_states_are_the_forward_ones_first():
    layer, x = layers.Bidirectional(layers.LSTM(3, return_state=True)), x32(2, 4, 3)
    start = [x32(2, 3, seed=i) for i in range(4)]
    y, *states = layer(x, initial_state=start)
    forward = layer.forward_layer(x, initial_state=start[:2])
    backward = layer.backward_layer(x, initial_state=start[2:])
    close(y, np.concatenate([forward[0].numpy(), backward[0].numpy()], axis=1))
    for a, b in zip(states, [*forward[1:], *backward[1:]], strict=True):
        close(a, b)


def test_each_time_of_a_time_distributed_batch_normalization_is_a_batch():
    x = x32(50, 3, 2) * np.arange(1, 4, dtype="float32")[:, None] + np.arange(3, dtype="float32")[:, None]
    y = layers.TimeDistributed(layers.BatchNormalization(epsilon=1e-6))(x, training=True).numpy()
    close(y.mean(0), np.zeros((3, 2))), close(y.std(0), np.ones((3, 2)), 1e-4)


@pytest.mark.parametrize("mode, merged", [("sum", lambda a, b: a + b), ("mul", lambda a, b: a * b),
                                          ("ave", lambda a, b: (a + b) / 2),
                                          ("concat", lambda a, b: np.concatenate([a, b], -1))])
def test_bidirectional_by_hand(mode, merged):
    layer, x = layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode=mode), x32(2, 4, 3)
    y = layer(x).numpy()
    a = layer.forward_layer(x).numpy()
    b = layer.backward_layer(x).numpy()[:, ::-1]
    close(y, merged(a, b))
    assert not np.array_equal(layer.forward_layer.cell.kernel.numpy(), layer.backward_layer.cell.kernel.numpy())


def test_the_backward_layer_is_made_of_the_user_s_own_classes_and_functions_too():
    def squashed(x):
        return F.tanh(0.5 * x)

    layer = layers.Bidirectional(layers.LSTM(3, activation=squashed, kernel_initializer=he), input_shape=(5, 4))
    assert layer.count_params() == 2 * 4 * (4 + 3 + 1) * 3 and layer.built
    assert layer.backward_layer.cell.activation is squashed and layer.backward_layer.cell.kernel_initializer is he
    with pytest.raises(TypeError, match="no name to be written down"):
        layers.Bidirectional(layers.LSTM(3, activation=lambda x: x))


def he(shape, dtype):
    return np.ones(shape, dtype)


@pytest.mark.parametrize("call, words", [
    (lambda: layers.TimeDistributed(layers.Dense(2))(x32(2, 4)), "three axes or more"),
    (lambda: layers.Bidirectional(layers.Dense(3)), "expected a recurrent layer, got Dense"),
    (lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="summ"), "merge_mode 'summ': did you mean 'sum'"),
    (lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.LSTM(3)), "different directions"),
    (lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.GRU(3, return_state=True)), "return_state"),
    (lambda: layers.TimeDistributed(np.tanh), "expected a layer"),
])
def test_wrong_use(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()
