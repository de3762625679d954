"""Every layer of the table against Keras's."""

import pytest
from keras_layers import agree, in_float64  # noqa: F401
from layer_cases import CASES


@pytest.mark.parametrize("case", [c for c in CASES if c.keras], ids=repr)
def test_a_layer_is_keras_s(case):
    agree(case.make, case.inputs, **case.call)


@pytest.mark.parametrize("case", [c for c in CASES if "BatchNorm" in c.name], ids=repr)
def test_batch_normalization_in_training(case):
    agree(case.make, case.inputs, training=True)
