"""Metrics against Keras's: random data, weights and arguments, cut into random batches or counted apart and merged."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("torch")
keras = pytest.importorskip("keras")

from minigrad import metrics  # noqa: E402

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="compared with Keras's PyTorch backend")
N, D = 37, 4


@pytest.fixture(autouse=True)
def in_float64(monkeypatch):
    """With PyTorch, Keras takes means in float32, whatever it is given: this table of its says so, and its caches."""
    from keras.src.backend.common import dtypes
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    yield
    keras.config.set_floatx(before)


def numbers(rng):
    return rng.standard_normal((N, D)), rng.standard_normal((N, D))


def column(rng):
    return rng.standard_normal((N, 1)), rng.standard_normal((N, 1))


def positive(rng):
    return rng.uniform(0.1, 3, (N, D)), rng.uniform(0.1, 3, (N, D))


def probabilities(rng):
    rows = rng.uniform(0.01, 1, (N, D))
    return rows / rows.sum(axis=1, keepdims=True)


def one_hot(rng):
    return np.eye(D)[rng.integers(0, D, N)], probabilities(rng)


def sparse(rng):
    return rng.integers(0, D, N), probabilities(rng)


def sparse_logits(rng):
    return rng.integers(0, D, N), 3 * rng.standard_normal((N, D))


def sequences(rng):
    return rng.integers(0, D, (N, 5)), 3 * rng.standard_normal((N, 5, D))


def labels(rng):
    """Several of D labels may be there; scores between the thresholds of every test."""
    return rng.integers(0, 2, (N, D)), (rng.integers(0, 997, (N, D)) + 0.37) / 998


def binary(rng):
    return rng.integers(0, 2, (N, 1)), (rng.integers(0, 997, (N, 1)) + 0.37) / 998


def logits(rng):
    return rng.integers(0, 2, (N, 1)), 2 * rng.standard_normal((N, 1))


def signs(rng):
    return rng.choice([-1.0, 1.0], (N, D)), rng.standard_normal((N, D))


def rows(rng):
    return probabilities(rng), probabilities(rng)


def classes(rng):
    return rng.integers(0, D, N), rng.integers(0, D, N)


def sorted_classes(rng):
    return rng.integers(0, 9, N), np.stack([rng.permutation(9) for _ in range(N)])


LISTS = [None, 0.3, [0.2, 0.9, 0.5]]
SOME = {"average": [None, "micro", "macro", "weighted"]}
AT = {"num_thresholds": [1, 2, 7, 200], "class_id": [None, 2]}
AREAS = {"curve": ["ROC", "PR", "PRGAIN"], "summation_method": ["interpolation", "minoring", "majoring"],
         "num_thresholds": [3, 50, 200]}
CASES = {
    "Accuracy": (classes, {}), "BinaryAccuracy": (labels, {"threshold": [0.2, 0.5, 0.7]}),
    "CategoricalAccuracy": (one_hot, {}), "SparseCategoricalAccuracy": (sparse, {}),
    "SparseCategoricalAccuracy/sequences": (sequences, {}),
    "TopKCategoricalAccuracy": (one_hot, {"k": [1, 2, 3, 4]}),
    "SparseTopKCategoricalAccuracy": (sparse, {"k": [1, 2, 3, 4]}),
    "SparseTopKCategoricalAccuracy/sorted": (sorted_classes, {"k": [1, 2, 5], "from_sorted_ids": [True]}),
    "TruePositives": (labels, {"thresholds": LISTS}), "FalsePositives": (labels, {"thresholds": LISTS}),
    "TrueNegatives": (labels, {"thresholds": LISTS}), "FalseNegatives": (labels, {"thresholds": LISTS}),
    "Precision": (labels, {"thresholds": LISTS, "class_id": [None, 1], "top_k": [None, 2]}),
    "Precision/one-hot": (one_hot, {"thresholds": LISTS, "top_k": [None, 1]}),
    "Recall": (labels, {"thresholds": LISTS, "class_id": [None, 3], "top_k": [None, 3]}),
    "Recall/single": (binary, {"thresholds": LISTS}),
    "FBetaScore": (labels, {"beta": [0.5, 2.0], "threshold": [0.2, 0.5, 0.7], **SOME}),
    "FBetaScore/one-hot": (one_hot, {"beta": [0.5, 2.0], **SOME}),
    "F1Score": (labels, {"threshold": [None, 0.2, 0.5], **SOME}),
    "F1Score/single": (binary, {"threshold": [0.4], **SOME}),
    "SensitivityAtSpecificity": (labels, {"specificity": [0.3, 0.8], **AT}),
    "SpecificityAtSensitivity": (labels, {"sensitivity": [0.3, 0.8], **AT}),
    "PrecisionAtRecall": (labels, {"recall": [0.3, 0.8], **AT}),
    "RecallAtPrecision": (labels, {"precision": [0.3, 0.5], **AT}),
    "AUC": (labels, AREAS), "AUC/single": (binary, AREAS),
    "AUC/labels": (labels, AREAS | {"multi_label": [True], "num_labels": [None, D],
                                    "label_weights": [None, [1.0, 0.5, 2.0, 0.25]]}),
    "AUC/label weights": (labels, AREAS | {"label_weights": [[1.0, 0.5, 2.0, 0.25]]}),
    "AUC/logits": (logits, {"curve": ["ROC", "PR"], "from_logits": [True], "num_thresholds": [200]}),
    "AUC/thresholds": (labels, {"curve": ["ROC", "PR"], "thresholds": [[0.5], [0.7, 0.1]]}),
    "MeanSquaredError": (numbers, {}), "RootMeanSquaredError": (numbers, {}), "MeanAbsoluteError": (numbers, {}),
    "MeanAbsolutePercentageError": (positive, {}), "MeanSquaredLogarithmicError": (positive, {}),
    "LogCoshError": (numbers, {}), "CosineSimilarity": (numbers, {"axis": [-1, 1]}),
    "R2Score": (numbers, {"class_aggregation": [None, "uniform_average", "variance_weighted_average"],
                          "num_regressors": [0, 3]}),
    "R2Score/single": (column, {"num_regressors": [0, 3]}),
    "Hinge": (signs, {}), "SquaredHinge": (signs, {}), "CategoricalHinge": (one_hot, {}), "KLDivergence": (rows, {}),
    "Poisson": (positive, {}),
    "BinaryCrossentropy": (labels, {"label_smoothing": [0, 0.2]}),
    "BinaryCrossentropy/logits": (logits, {"from_logits": [True], "label_smoothing": [0, 0.2]}),
    "CategoricalCrossentropy": (one_hot, {"label_smoothing": [0, 0.2]}),
    "CategoricalCrossentropy/logits": (lambda rng: (one_hot(rng)[0], numbers(rng)[0]), {"from_logits": [True]}),
    "SparseCategoricalCrossentropy": (sparse, {}),
    "SparseCategoricalCrossentropy/sequences": (sequences, {"from_logits": [True]}),
}
EPSILON = {"FBetaScore": 1e-5, "F1Score": 1e-5}  # Keras adds 1e-7 to each of three divisors


def streamed(metric, columns, cuts):
    for batch in zip(*[np.split(c, cuts) for c in columns]):
        metric.update_state(*batch)
    return metric


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("case", CASES)
def test_results_are_those_of_keras(case, seed):
    rng = np.random.default_rng([seed, *map(ord, case)])
    sample, options = CASES[case]
    name = case.partition("/")[0]
    arguments = {k: v[rng.integers(len(v))] for k, v in options.items()}
    data = list(sample(rng))
    if seed % 2:
        data.append(rng.integers(0, 9, N) / 4)  # which float32 adds up exactly: Keras counts in that
    theirs = getattr(keras.metrics, name)(**arguments, dtype="float64")
    theirs.update_state(*data)
    expected = keras.ops.convert_to_numpy(theirs.result())
    cuts = sorted(rng.choice(np.arange(1, N), 4, replace=False))
    ours = streamed(getattr(metrics, name)(**arguments), data, cuts)
    tolerance = EPSILON.get(name, 1e-7 if arguments.get("from_logits") and name == "AUC" else 1e-11)
    assert np.shape(ours.result()) == expected.shape
    np.testing.assert_allclose(ours.result(), expected, rtol=tolerance, atol=1e-13)
    assert ours.name == theirs.name.rpartition("_")[0] if theirs.name.rpartition("_")[2].isdigit() else theirs.name

    again = type(ours).from_config(ours.get_config())
    assert again.get_config() == ours.get_config()
    parts = [streamed(type(ours).from_config(ours.get_config()), [c[s] for c in data], [])
             for s in (slice(cuts[0]), slice(cuts[0], cuts[2]), slice(cuts[2], N))]
    again.merge(*parts)
    np.testing.assert_allclose(again.result(), ours.result(), rtol=1e-13, atol=1e-15)
    ours.reset_state()
    np.testing.assert_allclose(streamed(ours, data, []).result(), again.result(), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", sorted({case.partition("/")[0] for case in CASES}))
def test_arguments_and_defaults_are_those_of_keras(name):
    import inspect
    theirs = inspect.signature(getattr(keras.metrics, name)).parameters
    ours = inspect.signature(getattr(metrics, name)).parameters
    assert list(ours)[:len(theirs)] == list(theirs)
    differ = {k for k, p in theirs.items() if p.default != ours[k].default and k not in ("name", "dtype")}
    assert differ == ({"num_thresholds"} if name == "AUC" else set())


def test_strings_mean_what_they_mean_to_keras():
    from keras.src.metrics import ALL_OBJECTS_DICT
    for name, cls in ALL_OBJECTS_DICT.items():
        if getattr(metrics, cls.__name__, None) and name == name.lower() and cls.__name__ not in (
                "Metric", "MeanMetricWrapper", "MeanIoU") and "_at_" not in name:
            assert type(metrics.get(name)).__name__ == cls.__name__, name


@pytest.mark.parametrize("name, sample", [("binary_accuracy", labels), ("categorical_accuracy", one_hot),
                                          ("sparse_categorical_accuracy", sparse), ("top_k_categorical_accuracy", one_hot),
                                          ("sparse_top_k_categorical_accuracy", sparse)])
def test_functions_give_each_example_its_number(name, sample):
    y_true, y_pred = sample(np.random.default_rng(0))
    arguments = {"k": 2} if "top_k" in name else {}
    theirs = keras.ops.convert_to_numpy(getattr(keras.metrics, name)(y_true, y_pred, **arguments))
    np.testing.assert_array_equal(getattr(metrics, name)(y_true, y_pred, **arguments), theirs)


def test_mean_sum_and_mean_of_a_function():
    rng = np.random.default_rng(3)
    values, weights = rng.standard_normal((N, D)), rng.uniform(0, 2, N)
    for name in ("Mean", "Sum"):
        for given in ((values,), (values, weights)):
            theirs = getattr(keras.metrics, name)(dtype="float64")
            theirs.update_state(*given)
            ours = streamed(getattr(metrics, name)(), given, [5, 20])
            assert ours.result() == pytest.approx(float(theirs.result()), rel=1e-12)
    theirs = keras.metrics.MeanMetricWrapper(lambda t, p, power: keras.ops.abs(t - p) ** power, "f", "float64", power=3)
    theirs.update_state(values, values[::-1].copy(), weights)
    ours = metrics.MeanMetricWrapper(lambda t, p, power: np.abs(t - p) ** power, "f", power=3)
    streamed(ours, (values, values[::-1], weights), [9])
    assert ours.result() == pytest.approx(float(theirs.result()), rel=1e-12)


def test_an_ignored_class_is_left_out():
    y_true, y_pred = sequences(np.random.default_rng(5))
    theirs = keras.metrics.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2, dtype="float64")
    theirs.update_state(y_true, y_pred, (y_true != 2).astype(float))  # without weights it counts them as zeros
    ours = streamed(metrics.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2), (y_true, y_pred), [5, 8])
    assert ours.result() == pytest.approx(float(theirs.result()), rel=1e-12)
    perplexity = streamed(metrics.Perplexity(from_logits=True, mask_token_id=2), (y_true, y_pred), [5, 8])
    assert perplexity.result() == pytest.approx(np.exp(float(theirs.result())), rel=1e-12)
