"""Every layer of the table against Keras's."""

import pytest
from keras_layers import agree, in_float64, keras  # noqa: F401
from layer_cases import CASES, floats

import minigrad as mg
from minigrad import layers


@pytest.mark.parametrize("case", [c for c in CASES if c.keras], ids=repr)
def test_a_layer_is_keras_s(case):
    agree(case.make, case.inputs, **case.call)


@pytest.mark.parametrize("case", [c for c in CASES if "BatchNorm" in c.name], ids=repr)
def test_batch_normalization_in_training(case):
    agree(case.make, case.inputs, training=True)


@pytest.mark.parametrize("name, options", [
    ("Dense", {"units": 3, "kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l1"}),
    ("LSTM", {"units": 3, "kernel_regularizer": "l1", "recurrent_regularizer": "l2", "activity_regularizer": "l2"}),
    ("GRU", {"units": 3, "bias_regularizer": "l2"}), ("ActivityRegularization", {"l1": 0.1, "l2": 0.3}),
    ("Embedding", {"input_dim": 4, "output_dim": 3, "embeddings_regularizer": "l2"}),
    ("PReLU", {"alpha_regularizer": "l2", "alpha_initializer": "ones"}),
    ("LayerNormalization", {"gamma_regularizer": "l2", "beta_regularizer": "l1"})])
def test_losses_are_keras_s(name, options):
    x = floats(2, 4, 3) if name != "Embedding" else (floats(2, 4) > 0).astype(int)
    theirs = getattr(keras.layers, name)(**options)
    theirs(x)
    with mg.tensor.default_dtype("float64"):
        ours = getattr(layers, name)(**options)
        ours(x)
        ours.set_weights(theirs.get_weights())
        ours(x)
    assert sum(loss.item() for loss in ours.losses) == pytest.approx(sum(float(loss) for loss in theirs.losses), rel=1e-7)
