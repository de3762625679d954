"""Metrics against scikit-learn's, on generated labels: absent classes, any batches, the same numbers."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import metrics

sk = pytest.importorskip("sklearn.metrics")


@st.composite
def labelled(draw):
    """(number of classes, true, predicted, places to cut into batches); some classes may not occur at all."""
    classes = draw(st.integers(2, 7))
    occur = st.sampled_from(draw(st.lists(st.integers(0, classes - 1), min_size=1, unique=True)))
    n = draw(st.integers(1, 30))
    true, predicted = (np.array(draw(st.lists(occur, min_size=n, max_size=n))) for _ in range(2))
    cuts = sorted(draw(st.sets(st.integers(1, n - 1), max_size=4))) if n > 1 else []
    return classes, true, predicted, cuts


def streamed(metric, true, predicted, cuts):
    for t, p in zip(np.split(true, cuts), np.split(predicted, cuts)):
        metric.update_state(t, p)
    return metric.result()


def quietly(function, *arguments, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of averages over labels that do not occur
        return function(*arguments, **keywords)


@settings(deadline=None)
@given(labelled(), st.sampled_from([0, 1]))
def test_scores(case, zero_division):
    classes, true, predicted, cuts = case
    pairs = ((metrics.Precision, sk.precision_score), (metrics.Recall, sk.recall_score), (metrics.F1Score, sk.f1_score))
    for ours, theirs in pairs:
        for average in ("macro", "micro", "weighted", None):
            labels = range(classes) if average is None else None  # their averages too are over the classes that occur
            expected = quietly(theirs, true, predicted, labels=labels, average=average, zero_division=zero_division)
            metric = ours(average=average, zero_division=zero_division, num_classes=classes)
            np.testing.assert_allclose(streamed(metric, true, predicted, cuts), expected, rtol=1e-13)


@settings(deadline=None)
@given(labelled(), st.floats(0.1, 5))
def test_f_beta_accuracy_and_confusion_matrix(case, beta):
    classes, true, predicted, cuts = case
    expected = quietly(sk.fbeta_score, true, predicted, beta=beta, average="macro", zero_division=0)
    assert streamed(metrics.FBetaScore("macro", beta), true, predicted, cuts) == pytest.approx(expected, rel=1e-12)
    assert streamed(metrics.Accuracy(), true, predicted, cuts) == pytest.approx(sk.accuracy_score(true, predicted))
    matrix = streamed(metrics.ConfusionMatrix(classes), true, predicted, cuts)
    assert np.array_equal(matrix, sk.confusion_matrix(true, predicted, labels=range(classes)))


@settings(deadline=None)
@given(labelled())
def test_one_hot_targets_and_scores_are_the_same_labels(case):
    classes, true, predicted, cuts = case
    scores = np.eye(classes)[predicted] * 0.6 + 0.1
    expected = quietly(sk.f1_score, true, predicted, average="macro", zero_division=0)
    for targets in (true, true[:, None]):
        assert streamed(metrics.F1Score("macro"), targets, scores, cuts) == pytest.approx(expected, rel=1e-13)
    one_hot, rows = np.eye(classes)[true], np.eye(classes)[predicted].astype(int)  # then all columns are in the average
    expected = quietly(sk.f1_score, one_hot.astype(int), rows, average="macro", zero_division=0)
    assert streamed(metrics.F1Score("macro"), one_hot, scores, cuts) == pytest.approx(expected, rel=1e-13)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=32)), min_size=1, max_size=30), st.floats(0.1, 0.9))
def test_binary_scores(pairs, threshold):
    true, scores = np.array([t for t, _ in pairs]), np.array([s for _, s in pairs])
    predicted = (scores > threshold).astype(int)
    for ours, theirs in ((metrics.Precision, sk.precision_score), (metrics.Recall, sk.recall_score),
                         (metrics.F1Score, sk.f1_score)):
        expected = quietly(theirs, true, predicted, zero_division=0)
        chosen = {"threshold": threshold} if ours is metrics.F1Score else {"thresholds": threshold}
        assert ours(**chosen, average="binary")(true, scores) == pytest.approx(expected, rel=1e-13)
    assert metrics.BinaryAccuracy(threshold=threshold)(true,
                                                       scores) == pytest.approx(sk.accuracy_score(true, predicted))


@settings(deadline=None)
@given(labelled(), st.randoms(use_true_random=False))
def test_sample_weights(case, random):
    classes, true, predicted, _ = case
    weights = np.array([random.uniform(0.1, 3) for _ in true])
    for average in ("macro", "weighted", "micro"):
        expected = quietly(sk.f1_score, true, predicted, average=average, sample_weight=weights, zero_division=0)
        metric = metrics.F1Score(average, num_classes=classes)
        metric.update_state(true, predicted, weights)
        assert metric.result() == pytest.approx(expected, rel=1e-12)


@settings(deadline=None)
@given(labelled())
def test_report(case):
    classes, true, predicted, _ = case
    names = [f"class {c}" for c in range(classes)]
    ours = metrics.classification_report(true, predicted, names).as_dict()
    rows = quietly(sk.classification_report, true, predicted, labels=range(classes), target_names=names,
                   output_dict=True, zero_division=0)
    occur = quietly(sk.classification_report, true, predicted, output_dict=True, zero_division=0)
    for name, theirs in [(n, rows[n]) for n in names] + [(n, occur[n]) for n in ("macro avg", "weighted avg")]:
        expected = [theirs[k] for k in ("precision", "recall", "f1-score", "support")]
        assert [ours[name][k] for k in ("precision", "recall", "f1-score", "support")] == pytest.approx(expected, rel=1e-13)
    assert ours["accuracy"] == pytest.approx(occur["accuracy"])
