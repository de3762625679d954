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
    assert loss.item() == pytest.approx(-np.log(np.diag(p.numpy() / p.numpy().sum(1))).mean())


def test_probability_zero_stays_finite():
    """As in Keras, it counts as 1e-7."""
    loss = losses.SparseCategoricalCrossentropy()(np.array([0]), mg.Tensor(np.array([[0.0, 1.0]], "float32")))
    assert loss.item() == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize("name, y, p, error, words", [
    ("mse", (4,), (4, 2), ValueError, r"\(4,\) and \(4, 2\)"), ("mse", (4, 1), (4, 2), ValueError, "same shape"),
    ("mae", (3, 1), (4,), ValueError, r"\(3, 1\) and \(4, 1\)"), ("mse", (3,), (4,), ValueError, "same shape"),
    ("sparse_categorical_crossentropy", (4, 3), (4, 3), ValueError, "one-hot targets need categorical_crossentropy"),
    ("sparse_categorical_crossentropy", (3,), (4, 3), ValueError, r"shape \(4,\) .*, got \(3,\)"),
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
    own_loss = losses.get({"class_name": "Huber", "config": {"delta": 2.0}})
    assert repr(own_loss) == "Huber(delta=2.0)" and isinstance(losses.get("CTC"), losses.CTC)
    assert repr(losses.CategoricalCrossentropy(True)) == "CategoricalCrossentropy(from_logits=True)"
    with pytest.raises(ValueError, match="did you mean 'sparse_categorical_crossentropy'"):
        losses.get("sparse_categorical_cross_entropy")
    with pytest.raises(TypeError, match="loss"):
        losses.get(None)


# ---- reduction and weights

@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 2.5], np.array([[1], [0], [3]]), mg.Tensor([1.0, 2.0, 3.0])])
def test_reductions(weights):
    y, x = np.arange(6.0).reshape(3, 2), np.array([[1.0, 1], [4, 3], [4, 9]])
    each = ((y - x) ** 2).mean(1)
    w = np.ones(3) if weights is None else np.ravel(mg.Tensor(weights).numpy())
    for reduction, expected in {"sum_over_batch_size": (w * each).mean(), "mean": (w * each).mean(), "sum": (w * each).sum(),
                                "mean_with_sample_weight": (w * each).sum() / w.sum(), None: w * each,
                                "none": w * each}.items():
        loss = losses.MeanSquaredError(reduction)(y, mg.Tensor(x), weights)
        np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-6, atol=1e-7)
        assert loss.dtype == np.float64


def test_numpys_numbers_as_arguments_do_not_widen():
    y, p = np.array([0.0, 1.0], "float32"), mg.Tensor(np.array([0.2, 0.9], "float32"))
    for loss in (losses.Huber(np.float64(0.1)), losses.BinaryCrossentropy(label_smoothing=np.float64(0.1)),
                 losses.BinaryFocalCrossentropy(gamma=np.float64(1.5))):
        assert loss(y, p).dtype == np.float32
    assert mg.regularizers.L2(np.float64(0.1))(p).dtype == np.float32


def test_weights_that_are_all_zero():
    loss = losses.MeanSquaredError("mean_with_sample_weight")(np.zeros(2), mg.Tensor([1.0, 2.0]), [0, 0])
    assert loss.item() == 0


def test_weights_of_sequences():
    y, x, w = np.zeros((2, 3, 1)), np.arange(6.0).reshape(2, 3, 1), np.array([1.0, 2.0])
    loss = losses.MeanAbsoluteError("sum")
    assert loss(y, mg.Tensor(x), w).item() == 3 + 2 * 12 == loss(y, mg.Tensor(x), w[:, None] * np.ones(3)).item()


@pytest.mark.parametrize("weights", [[1.0, 2.0], np.ones((3, 2)), np.ones((1,)), ["a", "b", "c"]])
def test_wrong_weights(weights):
    with pytest.raises((ValueError, TypeError), match="mean_squared_error: sample_weight must"):
        losses.MeanSquaredError()(np.zeros((3, 2)), mg.Tensor(np.ones((3, 2))), weights)


def test_numbers_without_an_axis_are_examples():
    """(N,) and (N, 1) are the same, in targets and predictions."""
    y, x = np.array([1.0, 2, 3]), np.array([1.0, 4, 7])
    for t in (y, y[:, None]):
        for p in (x, x[:, None]):
            assert losses.MeanSquaredError(None)(t, mg.Tensor(p)).numpy().tolist() == [0, 4, 16]


def test_ignored_classes_leave_the_mean():
    x = np.concatenate([LOGITS, np.full((1, 3), np.nan)])
    for labels in (np.append(LABELS, 255), np.append(LABELS, -1)):
        for from_logits in (True, False):
            p = mg.Tensor(x if from_logits else np.concatenate([P, np.zeros((1, 3))]), requires_grad=True)
            loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class=labels[-1])
            assert not loss.is_mean_over_rows and losses.SparseCategoricalCrossentropy().is_mean_over_rows
            value = loss(labels, p)
            value.backward()
            assert value.item() == pytest.approx(EXPECTED, rel=1e-12) and (p.grad.numpy()[-1] == 0).all()
    assert loss(np.array([-1]), mg.Tensor(P[:1])).item() == 0  # nothing is left


def test_which_losses_may_be_cut():
    assert losses.Huber().is_mean_over_rows and losses.Huber(reduction="mean").is_mean_over_rows
    for reduction in ("sum", None, "mean_with_sample_weight"):
        assert not losses.Huber(reduction=reduction).is_mean_over_rows


ALL = ["binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
       "sparse_categorical_crossentropy", "mse", "mae", "mape", "msle", "huber", "log_cosh", "cosine_similarity", "hinge",
       "squared_hinge", "categorical_hinge", "kl_divergence", "poisson", "ctc", "triplet"]


@pytest.mark.parametrize("name", ALL)
def test_config_makes_the_loss_again(name):
    import json
    loss = losses.get(name)
    changed = {k: {"from_logits": True, "label_smoothing": 0.1, "gamma": 1.5, "delta": 3.0, "reduction": "sum",
                   "name": "mine", "margin": 2.0, "ignore_class": 3, "dtype": "float64"}.get(k, v)
               for k, v in loss.get_config().items()}
    again = type(loss).from_config(json.loads(json.dumps(changed)))
    assert again.get_config() == changed != loss.get_config()
    assert losses.get({"class_name": type(loss).__name__, "config": changed}).get_config() == changed
    assert repr(again).startswith(type(loss).__name__ + "(") and "reduction='sum'" in repr(again)


@pytest.mark.parametrize("make, words", [
    (lambda: losses.Huber(reduction="mena"), "did you mean 'mean'"),
    (lambda: losses.BinaryCrossentropy(label_smoothing=1.5), "label_smoothing must be a number from 0 to 1, got 1.5"),
    (lambda: losses.Huber(delta=-1), "delta must be a finite number, 0 or more"),
    (lambda: losses.get({"config": {}}), "class_name"),
    (lambda: losses.hinge([0.0, -1.0], mg.Tensor([1.0, 2.0])), "got 0 beside -1"),
    (lambda: losses.binary_crossentropy([[-1.0, 1.0]], mg.Tensor([[0.5, 0.5]])), "from 0 to 1"),
    (lambda: losses.triplet(None, mg.Tensor(np.ones((4, 2, 3)))), r"\(N, 3, D\)"),
    (lambda: losses.ctc(np.ones(3, int), mg.Tensor(np.ones((1, 3, 4)))), r"\(N, L\)"),
])
def test_wrong_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# ---- gradients that do not die

def test_a_sigmoid_that_saturates_still_learns():
    x = mg.Tensor(np.array([[-200.0], [200.0]], "float32"), requires_grad=True)
    loss = losses.BinaryCrossentropy(reduction="sum")(np.array([1, 0]), layers.Activation("sigmoid")(x))
    loss.backward()
    assert loss.item() == 400 and x.grad.numpy().tolist() == [[-1], [1]]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("name", ["binary", "categorical"])
def test_focal_losses_of_sure_predictions(name, gamma):
    """Surely right costs nothing, surely wrong its logit; no gradient is nan, whatever the power."""
    x = mg.Tensor(np.array([[900.0, -900.0], [-900.0, 900.0]]), requires_grad=True)
    if name == "binary":
        loss = losses.BinaryFocalCrossentropy(gamma=gamma, from_logits=True, reduction="sum")
        expected, slope = 900.0, [[0, 0], [-0.5, 0.5]]
    else:
        loss = losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, from_logits=True, reduction="sum")
        expected, slope = 1800.0, [[0, 0], [-1, 1]]
    value = loss(np.array([[1, 0], [1, 0]]), x)
    value.backward()
    assert value.item() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), slope, atol=1e-12)


def test_ctc_of_labels_that_do_not_fit():
    x = mg.Tensor(np.zeros((2, 2, 3)), requires_grad=True)
    loss = losses.CTC(None)([[1, 1], [1, 2]], x)  # 1 1 needs a blank between: three times
    loss.sum().backward()
    assert loss.numpy()[0] == np.inf and loss.numpy()[1] == pytest.approx(2 * np.log(3))
    assert (x.grad.numpy()[0] == 0).all() and np.isfinite(x.grad.numpy()).all()
    x = mg.functions.log_softmax(mg.Tensor(np.zeros((2, 1, 3))))
    assert mg.functions.ctc_loss(x, [[1, 1]], zero_infinity=True).item() == 0


@pytest.mark.parametrize("arguments, error, words", [
    (([[1, 3]],), IndexError, r"\[0, 3\).*got 3"), (([[1, 0]],), IndexError, "not the blank"),
    (([[1.0, 2.0]],), TypeError, "integers"), (([1, 2],), ValueError, r"\(1, L\)"),
    (([[1, 2]], [5]), ValueError, "input_lengths must be from 1 to 4, got 5 to 5"),
    (([[1, 2]], [0]), ValueError, "from 1 to 4"), (([[1, 2]], [4], [3]), ValueError, "target_lengths must be from 0 to 2"),
    (([[1, 2]], [4, 4]), ValueError, "input_lengths must have shape"),
])
def test_wrong_arguments_of_ctc(arguments, error, words):
    with pytest.raises(error, match=words):
        mg.functions.ctc_loss(mg.Tensor(np.zeros((4, 1, 3))), *arguments)
