"""Curves, areas, agreement and errors against scikit-learn's: ties, weights, absent classes, random batches, merged."""

import warnings

import numpy as np
import pytest

from minigrad import metrics

sk = pytest.importorskip("sklearn.metrics")
SEEDS = pytest.mark.parametrize("seed", range(8))


def streamed(metric, rng, *columns):
    """The result over random batches; the same, if the batches are counted apart and merged."""
    n = len(columns[0])
    cuts = sorted(rng.integers(1, n, 4))
    parts = [[c for c in batch] for batch in zip(*[np.split(np.asarray(c), cuts) for c in columns]) if len(batch[0])]
    for batch in parts:
        metric.update_state(*batch)
    others = [type(metric).from_config(metric.get_config()) for _ in parts]
    for other, batch in zip(others, parts):
        other.update_state(*batch)
    merged = type(metric).from_config(metric.get_config()).merge(*others)
    np.testing.assert_allclose(merged.result(), metric.result(), rtol=1e-12, atol=1e-14)
    return metric.result()


def quietly(function, *arguments, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that do not occur
        return function(*arguments, **keywords)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def scored(rng, n=60):
    """0 and 1, and scores with many ties, none or all of them the same; weights, some 0."""
    true = rng.integers(0, 2, n)
    scores = [rng.integers(0, 6, n) / 5, rng.standard_normal(n), np.full(n, 0.5)][rng.integers(3)]
    weights = [None, rng.uniform(0, 2, n), rng.integers(0, 3, n)][rng.integers(3)]
    return true, scores, weights


@pytest.mark.parametrize("seed", range(30))
def test_curves_and_areas(seed):
    rng = np.random.default_rng(seed)
    true, scores, weights = scored(rng)
    for drop in (True, False):
        ours = metrics.roc_curve(true, scores, sample_weight=weights, drop_intermediate=drop)
        theirs = sk.roc_curve(true, scores, sample_weight=weights, drop_intermediate=drop)
        for a, b in zip(ours, theirs):
            close(a, b)
        ours = metrics.precision_recall_curve(2 * true - 1, scores, sample_weight=weights, drop_intermediate=drop)
        theirs = sk.precision_recall_curve(true, scores, sample_weight=weights, drop_intermediate=drop)
        for a, b in zip(ours, theirs):
            close(a, b)
    columns = (true, scores) if weights is None else (true, scores, weights)
    close(streamed(metrics.AUC(), rng, *columns), sk.roc_auc_score(true, scores, sample_weight=weights))
    close(streamed(metrics.AUC(curve="PR"), rng, *columns),
          sk.average_precision_score(true, scores, sample_weight=weights))
    close(metrics.roc_curve(true + 3, scores, pos_label=3)[0], sk.roc_curve(true + 3, scores, pos_label=3)[0])


@pytest.mark.parametrize("true", [np.zeros(5, int), np.ones(5, int)])
def test_one_class_alone(true):
    scores = np.array([0.1, 0.4, 0.4, 0.7, 0.2])
    for a, b in zip(metrics.roc_curve(true, scores), quietly(sk.roc_curve, true, scores, pos_label=1)):
        close(a, b)
    for a, b in zip(metrics.precision_recall_curve(true, scores),
                    quietly(sk.precision_recall_curve, true, scores, pos_label=1)):
        close(a, b)
    assert np.isnan(metrics.AUC()(true, scores)) and np.isnan(quietly(sk.roc_auc_score, true, scores))
    close(metrics.AUC(curve="PR")(true, scores), quietly(sk.average_precision_score, true, scores))


@SEEDS
def test_areas_of_several_classes_and_labels(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(1, 30, (80, 4)).astype(float)
    scores /= scores.sum(axis=1, keepdims=True)
    true, labels = np.append(rng.integers(0, 4, 76), range(4)), rng.integers(0, 2, (80, 4))
    close(streamed(metrics.AUC(), rng, true, scores), sk.roc_auc_score(true, scores, multi_class="ovr"))
    close(streamed(metrics.AUC(multi_label=True), rng, labels, scores), sk.roc_auc_score(labels, scores))
    close(streamed(metrics.AUC(), rng, labels, scores), sk.roc_auc_score(labels, scores, average="micro"))
    close(streamed(metrics.AUC(curve="pr", multi_label=True, label_weights=labels.sum(axis=0)), rng, labels, scores),
          sk.average_precision_score(labels, scores, average="weighted"))


@SEEDS
@pytest.mark.parametrize("weighted", [False, True])
def test_agreement(seed, weighted):
    rng = np.random.default_rng(seed)
    occur = rng.permutation(6)[:rng.integers(2, 7)]
    true, predicted = (np.append(rng.choice(occur, 50), occur) for _ in range(2))
    weights = rng.uniform(0, 3, len(true)) if weighted else None
    columns = (true, predicted, weights) if weighted else (true, predicted)
    close(streamed(metrics.MatthewsCorrelation(), rng, *columns),
          sk.matthews_corrcoef(true, predicted, sample_weight=weights))
    for kind in (None, "linear", "quadratic"):
        close(streamed(metrics.CohenKappa(kind), rng, *columns),
              sk.cohen_kappa_score(true, predicted, weights=kind, sample_weight=weights))
        close(streamed(metrics.CohenKappa(kind, num_classes=7), rng, *columns),
              sk.cohen_kappa_score(true, predicted, weights=kind, labels=range(7), sample_weight=weights))
    for adjusted in (False, True):
        close(streamed(metrics.BalancedAccuracy(adjusted), rng, *columns),
              quietly(sk.balanced_accuracy_score, true, predicted, adjusted=adjusted, sample_weight=weights))
    close(streamed(metrics.MeanIoU(), rng, *columns),
          sk.jaccard_score(true, predicted, average="macro", sample_weight=weights))
    for normalize in (None, "true", "pred", "all"):
        close(streamed(metrics.ConfusionMatrix(6, normalize), rng, *columns),
              quietly(sk.confusion_matrix, true, predicted, labels=range(6), normalize=normalize, sample_weight=weights))


def test_agreement_of_one_class_alone():
    for true, predicted in (([1, 1], [1, 1]), ([0, 0], [1, 1]), ([1, 1, 1], [0, 1, 1])):
        close(metrics.MatthewsCorrelation()(true, predicted), sk.matthews_corrcoef(true, predicted))
        close(metrics.CohenKappa()(true, predicted), quietly(sk.cohen_kappa_score, true, predicted))
        close(metrics.BalancedAccuracy()(true, predicted), quietly(sk.balanced_accuracy_score, true, predicted))


@SEEDS
@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
def test_scores_of_several_labels(seed, average):
    rng = np.random.default_rng(seed)
    true, scores, weights = rng.integers(0, 2, (40, 5)), rng.random((40, 5)), rng.uniform(0, 2, 40)
    true[:, 2], scores[:, 3] = 0, 0.1
    keywords = {"average": average, "zero_division": int(rng.integers(2))}
    for ours, theirs in ((metrics.Precision, sk.precision_score), (metrics.Recall, sk.recall_score)):
        expected = quietly(theirs, true, scores > 0.6, sample_weight=weights, **keywords)
        close(streamed(ours(thresholds=0.6, **keywords), rng, true, scores, weights), expected)
        several = streamed(ours(thresholds=[0.9, 0.6], **keywords), rng, true, scores, weights)
        close(several[1], expected)
    expected = quietly(sk.fbeta_score, true, scores > 0.6, beta=2, sample_weight=weights, **keywords)
    close(streamed(metrics.FBetaScore(beta=2, threshold=0.6, **keywords), rng, true, scores, weights), expected)
    numbers, largest = true.argmax(axis=1), np.eye(5, dtype=int)[scores.argmax(axis=1)]
    close(streamed(metrics.Precision(**keywords), rng, np.eye(5)[numbers], scores, weights),
          quietly(sk.precision_score, np.eye(5, dtype=int)[numbers], largest, sample_weight=weights, **keywords))


@SEEDS
@pytest.mark.parametrize("offset", [0, 1e8])
def test_r2(seed, offset):
    rng = np.random.default_rng(seed)
    true = rng.standard_normal((30, 3)) * [1, 10, 0.1]
    predicted, true = offset + true + rng.standard_normal((30, 3)), true + offset
    true[:, 2] = 1.5
    predicted[:, 2] = [1.5, 2.5][seed % 2]
    weights = rng.integers(0, 9, 30) / 4  # so that the mean of equal numbers is that number, for scikit-learn too
    for ours, theirs in ((None, "raw_values"), ("uniform_average",) * 2, ("variance_weighted_average", "variance_weighted")):
        for w in (None, weights):
            columns = (true, predicted) if w is None else (true, predicted, w)
            close(streamed(metrics.R2Score(ours), rng, *columns),
                  sk.r2_score(true, predicted, sample_weight=w, multioutput=theirs))
    close(streamed(metrics.R2Score(), rng, true[:, 0], predicted[:, 0]), sk.r2_score(true[:, 0], predicted[:, 0]))
    constant = np.full((4, 2), 2.0)
    close(metrics.R2Score("variance_weighted_average")(constant, constant + [0, 1]),
          sk.r2_score(constant, constant + [0, 1], multioutput="variance_weighted"))
    assert np.isnan(metrics.R2Score()([1.0], [2.0])) and np.isnan(quietly(sk.r2_score, [1.0], [2.0]))


@SEEDS
@pytest.mark.parametrize("weighted", [False, True])
def test_errors(seed, weighted):
    rng = np.random.default_rng(seed)
    true, predicted, w = rng.uniform(0.1, 3, 40), rng.uniform(0.1, 3, 40), rng.uniform(0, 2, 40) if weighted else None
    columns = (true, predicted, w) if weighted else (true, predicted)
    for ours, theirs, factor in ((metrics.MeanSquaredError, sk.mean_squared_error, 1),
                                 (metrics.RootMeanSquaredError, sk.root_mean_squared_error, 1),
                                 (metrics.MeanAbsoluteError, sk.mean_absolute_error, 1),
                                 (metrics.MeanAbsolutePercentageError, sk.mean_absolute_percentage_error, 100),
                                 (metrics.MeanSquaredLogarithmicError, sk.mean_squared_log_error, 1)):
        close(streamed(ours(), rng, *columns), factor * theirs(true, predicted, sample_weight=w))
    scores = rng.uniform(0.1, 1, (40, 3))
    scores /= scores.sum(axis=1, keepdims=True)
    numbers, extra = rng.integers(0, 3, 40), (w,) if weighted else ()
    expected = sk.log_loss(numbers, scores, sample_weight=w, labels=range(3))
    close(streamed(metrics.SparseCategoricalCrossentropy(), rng, numbers, scores, *extra), expected)
    close(streamed(metrics.CategoricalCrossentropy(), rng, np.eye(3)[numbers], scores, *extra), expected)
    close(streamed(metrics.Perplexity(), rng, numbers, scores, *extra), np.exp(expected))
    for k in (1, 2, 3):
        close(streamed(metrics.SparseTopKCategoricalAccuracy(k), rng, numbers, scores, *extra),
              quietly(sk.top_k_accuracy_score, numbers, scores, k=k, sample_weight=w, labels=range(3)))


@SEEDS
def test_reports(seed):
    rng = np.random.default_rng(seed)
    true, predicted, w = rng.integers(0, 4, 50), rng.integers(0, 4, 50), rng.integers(1, 4, 50) / 2
    for labels in (None, [2, 0], [3, 1, 0, 2], [0, 6]):
        for weights in (None, w):
            keywords = {"labels": labels, "sample_weight": weights, "output_dict": True,
                        "zero_division": int(rng.integers(2))}
            names = None if labels is None or seed % 2 else [f"class {label}" for label in labels]
            ours = metrics.classification_report(true, predicted, names, **keywords)
            theirs = sk.classification_report(true, predicted, target_names=names, **keywords)
            assert list(ours) == list(theirs) or set(ours) == set(theirs)
            for name, row in theirs.items():
                assert ours[name] == pytest.approx(row, rel=1e-12)
    text = sk.classification_report(true, predicted, digits=3)
    shown = [line.split() for line in str(metrics.classification_report(true, predicted, digits=3)).splitlines()]
    for line in text.splitlines()[1:]:
        assert not line.strip() or line.split() in shown
