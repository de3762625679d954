"""Losses as objects: values by hand, both forms of targets, and targets of a wrong shape."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers, losses

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0], [1.0, 2.0, 3.0]])
LABELS = np.array([0, 2, 1, 0])
P = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
EXPECTED = -np.log(P[np.arange(4), LABELS]).mean()
ONEHOT = np.eye(3)[LABELS]


@pytest.mark.parametrize("targets", [LABELS, LABELS[:, None], LABELS.tolist(), LABELS.astype("uint8"),
                                     mg.Tensor(LABELS)])
@pytest.mark.parametrize("from_logits", [False, True])
def test_sparse(targets, from_logits):
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    assert loss(targets, mg.Tensor(LOGITS if from_logits else P)).item() == pytest.approx(EXPECTED, rel=1e-14)


@pytest.mark.parametrize("targets", [ONEHOT, ONEHOT.astype(int), ONEHOT.tolist(), mg.Tensor(ONEHOT)])
@pytest.mark.parametrize("from_logits", [False, True])
def test_categorical(targets, from_logits):
    loss = losses.CategoricalCrossentropy(from_logits=from_logits)
    assert loss(targets, mg.Tensor(LOGITS if from_logits else P)).item() == pytest.approx(EXPECTED, rel=1e-14)


def test_soft_targets():
    t = np.full((4, 3), 1 / 3)
    expected = -np.log(P).mean(0).sum() / 3
    assert losses.CategoricalCrossentropy()(t, mg.Tensor(P)).item() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("names, function, slope", [
    (("mse", "mean_squared_error"), np.square, lambda d: 2 * d / d.size),
    (("mae", "mean_absolute_error"), np.abs, lambda d: np.sign(d) / d.size)])
def test_regression(names, function, slope):
    y, x = np.array([[1.0, 2], [3, 4]]), np.array([[1.5, 2], [0, 8]])
    for name in names:
        p = mg.Tensor(x, requires_grad=True)
        loss = losses.get(name)(y, p)
        loss.backward()
        assert loss.item() == pytest.approx(function(x - y).mean(), rel=1e-14)
        np.testing.assert_allclose(p.grad.numpy(), slope(x - y), rtol=1e-14)


@pytest.mark.parametrize("name", ["mse", "mae"])
@pytest.mark.parametrize("dtype", ["float64", "int64", "bool"])
def test_targets_do_not_widen_the_loss(name, dtype):
    p = mg.Tensor(np.ones((3, 1), "float32"), requires_grad=True)
    loss = losses.get(name)(np.zeros((3, 1), dtype), p)
    loss.backward()
    assert loss.dtype == p.grad.dtype == np.float32 and loss.item() == 1


@pytest.mark.parametrize("activation", ["softmax", None])
def test_a_softmax_that_underflows_still_learns(activation):
    """Keras's way: a softmax is looked through, so p = exp(-200) counts as 200 and has its gradient."""
    x = mg.Tensor(np.array([[-100.0, 100.0]], "float32"), requires_grad=True)
    p = layers.Activation(activation)(x)
    loss = losses.SparseCategoricalCrossentropy(from_logits=activation is None)(np.array([0]), p)
    loss.backward()
    assert loss.item() == pytest.approx(200) and np.allclose(x.grad.numpy(), [[-1, 1]])


def test_softmax_over_another_axis_is_not_looked_through():
    x = np.random.default_rng(0).standard_normal((3, 3))
    p = layers.Softmax(axis=0)(mg.Tensor(x, requires_grad=True))
    loss = losses.SparseCategoricalCrossentropy()(np.arange(3), p)
    assert loss.item() == pytest.approx(-np.log(np.diag(p.numpy())).mean())


def test_probability_zero_stays_finite():
    loss = losses.SparseCategoricalCrossentropy()(np.array([0]), mg.Tensor(np.array([[0.0, 1.0]], "float32")))
    assert np.isfinite(loss.item()) and loss.item() > 80


@pytest.mark.parametrize("name, y, p, error, words", [
    ("mse", (4,), (4, 1), ValueError, r"\(4, 1\) and \(4,\)"), ("mse", (4, 1), (4,), ValueError, "same shape"),
    ("mae", (4, 1), (4,), ValueError, r"\(4, 1\) and \(4,\)"), ("mse", (3,), (4,), ValueError, "same shape"),
    ("sparse_categorical_crossentropy", (4, 3), (4, 3), ValueError, "one-hot targets need categorical_crossentropy"),
    ("sparse_categorical_crossentropy", (3,), (4, 3), ValueError, r"\(4,\), got \(3,\)"),
    ("categorical_crossentropy", (4,), (4, 3), ValueError, "need sparse_categorical_crossentropy"),
    ("categorical_crossentropy", (4, 2), (4, 3), ValueError, "same shape"),
])
def test_shapes_that_do_not_agree(name, y, p, error, words):
    with pytest.raises(error, match=words):
        losses.get(name)(np.zeros(y, int), mg.Tensor(np.ones(p)))


@pytest.mark.parametrize("labels, error, words", [
    ([0, 3], IndexError, r"\[0, 3\).*got 3"), ([-1, 0], IndexError, "got -1"), ([0.0, 1.0], TypeError, "integers"),
    ([True, False], TypeError, "integers")])
def test_wrong_labels(labels, error, words):
    with pytest.raises(error, match=words):
        losses.SparseCategoricalCrossentropy()(np.array(labels), mg.Tensor(np.ones((2, 3))))


def test_by_name():
    assert isinstance(losses.get("sparse_categorical_crossentropy"), losses.SparseCategoricalCrossentropy)
    assert isinstance(losses.get(losses.MeanSquaredError), losses.MeanSquaredError)

    def own(y, p):
        return p.sum()

    assert losses.get(own) is own
    assert repr(losses.CategoricalCrossentropy(True)) == "CategoricalCrossentropy(from_logits=True)"
    with pytest.raises(ValueError, match="did you mean 'sparse_categorical_crossentropy'"):
        losses.get("sparse_categorical_cross_entropy")
    with pytest.raises(TypeError, match="loss"):
        losses.get(None)
