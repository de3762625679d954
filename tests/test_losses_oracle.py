"""Losses and regularizers against Keras's and PyTorch's: values and gradients, on random configurations, in float64."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import minigrad as mg  # noqa: E402
import minigrad.functions as F  # noqa: E402
from minigrad import losses, regularizers  # noqa: E402

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="compared with Keras's PyTorch backend")


@pytest.fixture(autouse=True)
def in_float64(monkeypatch):
    """With PyTorch, Keras takes means in float32, whatever it is given: this table of its says so, and its caches."""
    from keras.src.backend.common import dtypes
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    yield
    keras.config.set_floatx(before)


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def numbers(rng, shape):
    return rng.standard_normal(shape), rng.standard_normal(shape)


def positive(rng, shape):
    return rng.uniform(0.1, 3, shape), rng.uniform(0.1, 3, shape)


def binary(rng, shape):
    return rng.integers(0, 2, shape), rng.uniform(0.01, 0.99, shape)


def signs(rng, shape):
    return rng.choice([-1.0, 1.0], shape), rng.standard_normal(shape)


def one_hot(rng, shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])], rng.uniform(0.1, 1, shape)


def rows(rng, shape):
    return softmax(rng.standard_normal(shape)), softmax(rng.standard_normal(shape))


def sparse(rng, shape):
    return rng.integers(0, shape[-1], shape[:-1]), rng.uniform(0.1, 1, shape)


def logits(sample):
    return lambda rng, shape: (sample(rng, shape)[0], 3 * rng.standard_normal(shape))


def some(rng, options):
    """A random choice of each option."""
    return {k: v[rng.integers(len(v))] for k, v in options.items()}


SMOOTH = {"label_smoothing": [0.0, 0.1, 0.7]}
FOCAL = {"gamma": [0.5, 2.0, 3.0], "alpha": [0.25, 0.6], **SMOOTH}
CASES = {
    "MeanSquaredError": (numbers, {}), "MeanAbsoluteError": (numbers, {}), "MeanAbsolutePercentageError": (numbers, {}),
    "MeanSquaredLogarithmicError": (positive, {}), "MeanSquaredLogarithmicError/negative": (numbers, {}),
    "Huber": (numbers, {"delta": [0.3, 1.0, 2.0]}), "LogCosh": (numbers, {}),
    "CosineSimilarity": (numbers, {"axis": [-1, 1]}), "Hinge": (signs, {}), "Hinge/0 and 1": (logits(binary), {}),
    "Hinge/numbers": (numbers, {}), "SquaredHinge": (signs, {}), "SquaredHinge/0 and 1": (logits(binary), {}),
    "CategoricalHinge": (logits(one_hot), {}), "KLDivergence": (rows, {}), "Poisson": (positive, {}),
    "BinaryCrossentropy": (binary, SMOOTH), "BinaryCrossentropy/logits": (logits(binary), {"from_logits": [True], **SMOOTH}),
    "BinaryFocalCrossentropy": (binary, {"apply_class_balancing": [False, True], **FOCAL}),
    "BinaryFocalCrossentropy/logits": (logits(binary), {"from_logits": [True], "apply_class_balancing": [False, True],
                                                        **FOCAL}),
    "CategoricalCrossentropy": (one_hot, SMOOTH), "CategoricalCrossentropy/soft": (rows, SMOOTH),
    "CategoricalCrossentropy/logits": (logits(one_hot), {"from_logits": [True], **SMOOTH}),
    "CategoricalFocalCrossentropy": (one_hot, FOCAL),
    "CategoricalFocalCrossentropy/alphas": (rows, {"alpha": [[0.1, 0.5, 0.2, 0.9]]}),
    "CategoricalFocalCrossentropy/logits": (logits(one_hot), {"from_logits": [True], **FOCAL}),
    "SparseCategoricalCrossentropy": (sparse, {"ignore_class": [None, 0, 2]}),
    "SparseCategoricalCrossentropy/logits": (logits(sparse), {"from_logits": [True], "ignore_class": [None, 0, 2]}),
}
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", None]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("case", CASES)
def test_losses_are_kerass(case, seed):
    rng = np.random.default_rng([seed, *case.encode()])
    sample, options = CASES[case]
    shape = [(5, 4), (3, 2, 4)][seed % 2]
    y, x = sample(rng, shape)
    options = {**some(rng, options), "reduction": REDUCTIONS[rng.integers(5)]}
    ours = getattr(losses, case.partition("/")[0])(**options)
    theirs = getattr(keras.losses, case.partition("/")[0])(**options, dtype="float64")
    per_example = losses.get({"class_name": type(ours).__name__, "config": {**options, "reduction": None}})(y, mg.Tensor(x))
    w = rng.uniform(0, 2, per_example.shape) if rng.integers(2) else None
    assert {k: ours.get_config()[k] for k in theirs.get_config()} == theirs.get_config()
    p, q = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ours, theirs = ours(y, p, w), theirs(torch.tensor(y), q, None if w is None else torch.tensor(w))
    dl = rng.standard_normal(ours.shape)
    ours.backward(mg.Tensor(dl))
    theirs.backward(torch.tensor(dl))
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-13)


FUNCTIONS = ["mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "cosine_similarity", "binary_crossentropy",
             "categorical_crossentropy", "kl_divergence", "poisson", "hinge", "categorical_hinge"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_a_number_for_each_example(name):
    y, x = rows(np.random.default_rng(0), (2, 3, 4))
    theirs = getattr(keras.losses, name)(torch.tensor(y), torch.tensor(x)).numpy()
    np.testing.assert_allclose(getattr(losses, name)(y, mg.Tensor(x)).numpy(), theirs, rtol=1e-11)
    assert theirs.shape == (2, 3)


def test_probabilities_at_their_limits():
    """0 and 1 count as 1e-7 and 1 - 1e-7, and the slope beyond is 0."""
    x = np.array([[0.0, 1.0], [1.0, 0.0], [1e-9, 1.0 - 1e-9]])
    for name, y in (("BinaryCrossentropy", np.eye(2)[[0, 0, 1]]), ("CategoricalCrossentropy", np.eye(2)[[0, 0, 1]]),
                    ("SparseCategoricalCrossentropy", np.array([0, 0, 1]))):
        p, q = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        ours = getattr(losses, name)()(y, p)
        theirs = getattr(keras.losses, name)(dtype="float64")(torch.tensor(y), q)
        ours.backward(), theirs.backward()
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-10)
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_ctc(seed):
    """Values and gradients by the logits, with lengths that differ, against PyTorch's; and Keras's, whose padding is 0."""
    rng = np.random.default_rng(seed)
    T, N, C, L = 12, 4, 5, 4
    x = 2 * rng.standard_normal((T, N, C))
    counts, times = rng.integers(0, L + 1, N), rng.integers(9, T + 1, N)
    labels = np.where(np.arange(L) < counts[:, None], rng.integers(1, C, (N, L)), 0)
    dl = rng.standard_normal(N)
    p, q = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ours = F.ctc_loss(F.log_softmax(p), labels, times, counts, reduction="none")
    theirs = torch.nn.functional.ctc_loss(q.log_softmax(-1), torch.tensor(labels), torch.tensor(times), torch.tensor(counts),
                                          reduction="none")
    ours.backward(mg.Tensor(dl)), theirs.backward(torch.tensor(dl))
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9, atol=1e-13)
    mean = torch.nn.functional.ctc_loss(q.log_softmax(-1), torch.tensor(labels), torch.tensor(times), torch.tensor(counts))
    assert F.ctc_loss(F.log_softmax(p), labels, times, counts).item() == pytest.approx(mean.item(), rel=1e-12)
    batch = x.swapaxes(0, 1)
    theirs = keras.losses.CTC(reduction=None, dtype="float64")(torch.tensor(labels), torch.tensor(batch.copy()))
    np.testing.assert_allclose(losses.CTC(None)(labels, mg.Tensor(batch)).numpy(), theirs.numpy(), rtol=1e-12)


PAIRS = {  # the function, and a sample of its arguments
    "binary_cross_entropy_with_logits": lambda rng: (5 * rng.standard_normal((4, 3)), rng.uniform(0, 1, (4, 3))),
    "triplet_margin_loss": lambda rng: tuple(rng.standard_normal((3, 5, 4))),
    "ctc_loss": lambda rng: (rng.standard_normal((6, 2, 4)), np.array([[1, 2], [3, 3]]), np.array([6, 5]), np.array([2, 2])),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", PAIRS)
def test_functions_are_pytorchs(name, reduction):
    arrays = PAIRS[name](np.random.default_rng(1))
    ours = getattr(F, name)(*[mg.Tensor(x) if x.dtype.kind == "f" else x for x in arrays], reduction=reduction)
    theirs = getattr(torch.nn.functional, name)(*map(torch.tensor, arrays), reduction=reduction)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_triplet(p, swap):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((6, 3, 4))
    mine, theirs = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ours = losses.Triplet(margin=0.7, p=p, swap=swap)(None, mine)
    other = torch.nn.functional.triplet_margin_loss(*theirs.unbind(1), margin=0.7, p=p, swap=swap)
    ours.backward(), other.backward()
    assert ours.item() == pytest.approx(other.item(), rel=1e-12)
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name, arguments", [
    ("L1", {}), ("L1", {"l1": 0.3}), ("L2", {}), ("L2", {"l2": 2.0}), ("L1L2", {}), ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}), ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"})])
def test_regularizers(name, arguments):
    x = np.random.default_rng(0).standard_normal((4, 3))
    p, q = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ours, theirs = getattr(regularizers, name)(**arguments), getattr(keras.regularizers, name)(**arguments)
    assert ours.get_config().keys() == theirs.get_config().keys()
    ours, theirs = ours(p), theirs(q)
    ours.backward()
    if theirs.requires_grad:
        theirs.backward()
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-6, atol=1e-9)  # Keras rounds l1 to float32
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
