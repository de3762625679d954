"""Constraints and the training under them against Keras."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import pytest

import minigrad as mg
from minigrad import constraints, layers

pytest.importorskip("torch")
keras = pytest.importorskip("keras")

W = np.random.default_rng(0).standard_normal((3, 2, 5, 4)).astype("float32") * np.array([0.1, 1, 3, 0.0], "float32")


@pytest.mark.parametrize("name, options", [
    ("NonNeg", {}), ("MaxNorm", {}), ("MaxNorm", {"max_value": 0.7, "axis": [0, 1, 2]}), ("UnitNorm", {"axis": 2}),
    ("MinMaxNorm", {}), ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.5, "rate": 0.3, "axis": [0, 1]})])
def test_values(name, options):
    theirs = getattr(keras.constraints, name)(**options)(keras.ops.convert_to_tensor(W))
    np.testing.assert_allclose(getattr(constraints, name)(**options)(W), keras.ops.convert_to_numpy(theirs), rtol=1e-6,
                               atol=1e-7)


def test_training():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((32, 5)).astype("float32"), rng.standard_normal((32, 3)).astype("float32")
    ours = mg.Sequential([layers.Dense(3, kernel_constraint="non_neg", bias_constraint=constraints.MaxNorm(0.05),
                                       input_shape=(5,))])
    theirs = keras.Sequential([keras.Input((5,)), keras.layers.Dense(
        3, kernel_constraint="non_neg", bias_constraint=keras.constraints.MaxNorm(0.05))])
    theirs.set_weights(ours.get_weights())
    for model in (ours, theirs):
        model.compile(optimizer="adam", loss="mse")
        model.optimizer.learning_rate = 0.1
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
