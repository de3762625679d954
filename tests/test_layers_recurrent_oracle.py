"""Recurrent layers and attention against Keras's, in random configurations."""

import numpy as np
import pytest
from keras_layers import agree, in_float64  # noqa: F401
from layer_cases import floats

STATES = {"SimpleRNN": 1, "GRU": 1, "LSTM": 2}


def recurrent(rng, name):
    """Random options."""
    flip = lambda: bool(rng.random() < 0.5)  # noqa: E731
    options = dict(units=int(rng.integers(1, 6)), use_bias=flip(), return_sequences=flip(), return_state=flip(),
                   go_backwards=flip(), activation=str(rng.choice(["tanh", "tanh", "relu", "sigmoid", "linear"])))
    if name != "SimpleRNN":
        options["recurrent_activation"] = str(rng.choice(["sigmoid", "sigmoid", "softsign", "tanh"]))
    if name == "GRU":
        options["reset_after"] = flip()
    return options


def random_mask(rng, n, t):
    """Any mask: holes, late beginnings, a row without any time."""
    mask = rng.random((n, t)) < 0.6
    mask[-1] = False
    return mask


@pytest.mark.parametrize("with_mask", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("with_state", [False, True], ids=["from zero", "from a state"])
@pytest.mark.parametrize("name", STATES)
def test_recurrent_layers(name, with_state, with_mask):
    for seed in range(8):
        rng = np.random.default_rng([seed, len(name), with_state, with_mask])
        options = recurrent(rng, name)
        if with_mask:
            options["zero_output_for_mask"] = bool(rng.random() < 0.3)
        n, t, d = 3, int(rng.integers(1, 6)), int(rng.integers(1, 5))
        call = {"mask": random_mask(rng, n, t)} if with_mask else {}
        if with_state:
            call["initial_state"] = [rng.standard_normal((n, options["units"])) for _ in range(STATES[name])]
        agree(lambda layers, options=options: getattr(layers, name)(**options), [rng.standard_normal((n, t, d))], **call)


@pytest.mark.parametrize("merge_mode", ["sum", "mul", "concat", "ave", None])
@pytest.mark.parametrize("name", STATES)
def test_bidirectional(name, merge_mode):
    for seed in range(6):
        rng = np.random.default_rng([seed, len(name)])
        options = recurrent(rng, name) | {"go_backwards": False}
        call = {"mask": random_mask(rng, 3, 4)} if seed % 2 else {}
        if seed % 3 == 0:
            call["initial_state"] = [rng.standard_normal((3, options["units"])) for _ in range(2 * STATES[name])]
        agree(lambda layers, options=options: layers.Bidirectional(
            getattr(layers, name)(**options), merge_mode=merge_mode), [floats(3, 4, 2, seed=seed)], **call)


def test_a_backward_layer_of_its_own():
    agree(lambda layers: layers.Bidirectional(layers.LSTM(3, return_sequences=True), backward_layer=layers.GRU(
        3, return_sequences=True, go_backwards=True), merge_mode="sum"), [floats(2, 4, 3)])


@pytest.mark.parametrize("name, options, shape", [
    ("Dense", {"units": 3}, (3, 4, 5, 2)), ("LSTM", {"units": 3}, (3, 4, 5, 2)),
    ("Conv2D", {"filters": 2, "kernel_size": 2}, (3, 4, 4, 5, 2)), ("BatchNormalization", {}, (3, 4, 2))])
@pytest.mark.parametrize("training", [False, True])
def test_time_distributed(name, options, shape, training):
    agree(lambda layers: layers.TimeDistributed(getattr(layers, name)(**options)), [floats(*shape)], training)


@pytest.mark.parametrize("name", STATES)
def test_stateful_over_two_batches(name):
    import keras

    from minigrad import layers
    ours, theirs = (getattr(module, name)(3, stateful=True, return_sequences=True) for module in (layers, keras.layers))
    x = floats(2, 6, 4)
    theirs(x[:, :2])
    theirs.reset_state()
    ours(x[:, :2])
    ours.reset_state()
    ours.set_weights(theirs.get_weights())
    for part in (x[:, :2], x[:, 2:5]):
        np.testing.assert_allclose(ours(part).numpy(), theirs(part).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_attention():
    for seed in range(24):
        rng = np.random.default_rng(seed)
        n, t, s = 2, int(rng.integers(1, 5)), int(rng.integers(1, 5))
        call = {"return_attention_scores": bool(rng.random() < 0.5), "use_causal_mask": bool(rng.random() < 0.4)}
        if rng.random() < 0.6:
            call["attention_mask"] = rng.random((n, t, s)) < 0.6
            call["attention_mask"][..., 0] = True  # what sees nothing is 0 here, and differs between Keras's own two ways
        if rng.random() < 0.4:
            call["value_mask"] = np.concatenate([np.ones((n, 1), bool), rng.random((n, s - 1)) < 0.5], axis=1)
        d, e = int(rng.integers(1, 5)), int(rng.integers(1, 5))
        inputs = [rng.standard_normal((n, t, d)), rng.standard_normal((n, s, e)), rng.standard_normal((n, s, d))]
        inputs = inputs[:2] if rng.random() < 0.5 else inputs
        bias, heads = bool(rng.random() < 0.7), int(rng.integers(2, 4))
        agree(lambda layers, bias=bias: layers.MultiHeadAttention(2, 3, value_dim=4, use_bias=bias), inputs, **call)
        agree(lambda layers, bias=bias, heads=heads: layers.GroupQueryAttention(2, 6, heads, use_bias=bias), inputs, **call)
