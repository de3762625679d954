"""Constraints of weights: what they give, and that every step of an optimizer keeps them."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import constraints, layers, optimizers

W = np.random.default_rng(0).standard_normal((5, 4)) * np.array([0.1, 1, 3, 0.0])


def test_norms():
    n = np.linalg.norm(W, axis=0)
    np.testing.assert_allclose(np.linalg.norm(constraints.MaxNorm(1.5)(W), axis=0), np.minimum(n, 1.5), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(constraints.UnitNorm()(W), axis=0), [1, 1, 1, 0], rtol=1e-5)
    m = 0.25 * np.clip(n, 0.5, 2) + 0.75 * n
    m[3] = 0
    np.testing.assert_allclose(np.linalg.norm(constraints.MinMaxNorm(0.5, 2, 0.25)(W), axis=0), m, rtol=1e-5)
    assert np.array_equal(constraints.NonNeg()(W), np.maximum(W, 0))
    flat = constraints.MaxNorm(1, axis=[0, 1])(W)
    np.testing.assert_allclose(np.linalg.norm(flat), 1, rtol=1e-5)


@pytest.mark.parametrize("constraint", [constraints.MaxNorm(), constraints.UnitNorm(), constraints.NonNeg(),
                                        constraints.MinMaxNorm(rate=0.5)])
def test_the_dtype_stays_and_the_config_makes_it_again(constraint):
    assert constraint(W.astype("float32")).dtype == np.float32
    again = constraints.get({"class_name": type(constraint).__name__, "config": constraint.get_config()})
    assert np.array_equal(again(W), constraint(W))


def test_bad_ones_are_refused():
    with pytest.raises(ValueError, match="did you mean 'max_norm'"):
        layers.Dense(2, kernel_constraint="maxnorm")
    with pytest.raises(ValueError, match="min_value must be at most max_value, got 3 and 2"):
        constraints.MinMaxNorm(3, 2)
    with pytest.raises(ValueError, match="MaxNorm: max_value must be a finite number, 0 or more, got -1"):
        constraints.MaxNorm(-1)
    with pytest.raises(TypeError, match="no argument 'kernel_constrain': did you mean 'kernel_constraint'"):
        layers.Dense(2, kernel_constrain="non_neg")


@pytest.mark.parametrize("optimizer", [optimizers.SGD(0.5), optimizers.Adam(0.5),
                                       optimizers.SGD(0.5, gradient_accumulation_steps=2)])
def test_every_step_keeps_them(optimizer):
    rng = np.random.default_rng(1)
    model = mg.Sequential([layers.Dense(4, kernel_constraint="non_neg", bias_constraint=constraints.MaxNorm(0.1),
                                        input_shape=(5,)), layers.Reshape((4, 1)),
                           layers.LSTM(3, recurrent_constraint="unit_norm"), layers.Dense(1)])
    model.compile(optimizer, "mse")
    free = model.layers[-1].kernel.numpy().copy()
    model.fit(rng.standard_normal((32, 5)), rng.standard_normal(32) - 3, batch_size=8, verbose=0)
    dense, lstm = model.layers[0], model.layers[2]
    assert (dense.kernel.numpy() >= 0).all() and np.linalg.norm(dense.bias.numpy()) < 0.1001
    np.testing.assert_allclose(np.linalg.norm(lstm.cell.recurrent_kernel.numpy(), axis=0), 1, rtol=1e-4)
    assert not np.array_equal(free, model.layers[-1].kernel.numpy())


def test_averages_of_weights_keep_what_is_convex():
    model = mg.Sequential([layers.Dense(4, kernel_constraint="non_neg", input_shape=(5,))])
    model.compile(optimizers.SGD(0.5, use_ema=True), "mse")
    x = np.random.default_rng(1).standard_normal((32, 5))
    model.fit(x, -x[:, :4], batch_size=8, verbose=0)
    assert (model.layers[0].kernel.numpy() >= 0).all()


def test_they_are_part_of_a_saved_model(tmp_path):
    model = mg.Sequential([layers.Conv2D(2, 3, kernel_constraint=constraints.MaxNorm(0.5, axis=(0, 1, 2)),
                                         input_shape=(5, 5, 1))])
    again = mg.Sequential.from_config(model.get_config())
    assert isinstance(again.layers[0].kernel_constraint, constraints.MaxNorm)
    assert again.layers[0].kernel.constraint.max_value == 0.5
