"""Curves, areas and counts at thresholds, against their definitions spelled out over pairs and thresholds."""

import numpy as np
import pytest

from minigrad import metrics

RNG = np.random.default_rng(7)


def scored(n=40, levels=9):
    """0 and 1, scores with ties, weights of which some are 0."""
    return RNG.integers(0, 2, n), RNG.integers(0, levels, n) / (levels - 1), RNG.integers(0, 4, n) / 2


def batched(metric, *columns):
    """The result over batches of 1, 6, and the rest."""
    for batch in zip(*[np.split(np.asarray(c), [1, 7]) for c in columns]):
        metric.update_state(*batch)
    return metric.result()


def rates(true, scores, weights, at):
    """(FP / N, TP / P, precision) when scores of `at` or more are called positive."""
    yes, w = scores >= at, weights
    tp, fp = w[yes & (true == 1)].sum(), w[yes & (true == 0)].sum()
    return fp / w[true == 0].sum(), tp / w[true == 1].sum(), tp / (tp + fp)


def test_roc_is_the_probability_that_a_positive_scores_higher():
    true, scores, weights = scored()
    higher = total = 0
    for i in np.flatnonzero(true == 1):
        for j in np.flatnonzero(true == 0):
            w = weights[i] * weights[j]
            higher += w * ((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
            total += w
    assert batched(metrics.AUC(), true, scores, weights) == pytest.approx(higher / total, rel=1e-12)
    assert metrics.AUC()([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8]) == 1.0
    assert metrics.AUC()([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75
    assert metrics.AUC()([0, 1], [3.0, -5.0]) == 0.0  # any numbers may be scores


def test_average_precision_is_a_sum_over_thresholds():
    true, scores, weights = scored()
    before = expected = 0
    for at in sorted(set(scores[weights > 0]), reverse=True):
        _, recall, precision = rates(true, scores, weights, at)
        expected += (recall - before) * precision
        before = recall
    assert batched(metrics.AUC(curve="PR"), true, scores, weights) == pytest.approx(expected, rel=1e-12)


def test_the_points_of_the_curves():
    true, scores, weights = scored()
    levels = sorted(set(scores[weights > 0]), reverse=True)
    points = np.array([rates(true, scores, weights, at) for at in levels])
    x, y, thresholds = metrics.roc_curve(true, scores, sample_weight=weights, drop_intermediate=False)
    assert thresholds.tolist() == [np.inf, *levels] and (x[0], y[0]) == (0, 0)
    assert np.allclose(x[1:], points[:, 0], rtol=1e-13) and np.allclose(y[1:], points[:, 1], rtol=1e-13)
    precision, recall, thresholds = metrics.precision_recall_curve(true, scores, sample_weight=weights)
    assert thresholds.tolist() == levels[::-1] and (precision[-1], recall[-1]) == (1, 0)
    assert np.allclose(recall[:-1], points[::-1, 1], rtol=1e-13)
    assert np.allclose(precision[:-1], points[::-1, 2], rtol=1e-13)


def test_points_on_a_straight_piece_are_left_out():
    true, scores = [1, 1, 1, 0, 0, 1], [6, 5, 4, 3, 2, 1]
    x, y, thresholds = metrics.roc_curve(true, scores)
    assert (x.tolist(), y.tolist()) == ([0, 0, 0, 1, 1], [0, 0.25, 0.75, 0.75, 1])
    assert thresholds.tolist() == [np.inf, 6, 4, 2, 1]
    precision, recall, thresholds = metrics.precision_recall_curve(true, scores, drop_intermediate=True)
    assert thresholds.tolist() == [1, 2, 4, 5, 6] and recall.tolist() == [1, 0.75, 0.75, 0.5, 0.25, 0]
    assert precision.tolist() == pytest.approx([4 / 6, 3 / 5, 1, 1, 1, 1])
    thresholds = metrics.roc_curve([1, 1, 1, 1, 0], [4, 3, 3, 2, 1])[2]  # steps of different lengths stay
    assert thresholds.tolist() == [np.inf, 4, 3, 2, 1]


def test_scores_of_weight_0_are_no_thresholds():
    for curve, weights in ((metrics.roc_curve, [1, 0, 2]), (metrics.precision_recall_curve, [1, 0, 2])):
        assert 0.5 not in curve([0, 1, 1], [0.1, 0.5, 0.9], sample_weight=weights)[2]


def test_labels_of_the_curves():
    expected = metrics.roc_curve([0, 1, 1], [0.1, 0.2, 0.3])
    for true, label in (([-1, 1, 1], None), ([5, 2, 2], 2), ([[0], [1], [1]], None)):
        assert all(map(np.array_equal, metrics.roc_curve(true, [0.1, 0.2, 0.3], label), expected))
    with pytest.raises(ValueError, match="classes 0 to 1, got 2"):
        metrics.roc_curve([0, 1, 2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="roc_curve: y_true, y_score: expected one score for each target"):
        metrics.roc_curve([0, 1, 1], np.ones((3, 2)))
    with pytest.raises(ValueError, match="precision_recall_curve: y_score: .* inf"):
        metrics.precision_recall_curve([0, 1], [np.inf, 1.0])


def test_areas_without_one_of_the_classes():
    for true in ([0, 0], [1, 1]):
        assert np.isnan(metrics.AUC()(true, [0.1, 0.2]))
        assert metrics.AUC(num_thresholds=10)(true, [0.1, 0.2]) == 0
        assert metrics.AUC(curve="PR")(true, [0.1, 0.2]) == true[0]
    assert metrics.precision_recall_curve([0, 0], [0.1, 0.2])[1].tolist() == [1, 1, 0]
    assert np.isnan(metrics.roc_curve([0, 0], [0.1, 0.2])[1]).all()
    assert np.isnan(metrics.AUC().result()) and metrics.AUC(curve="PR").result() == 0
    assert "nan" in repr(metrics.AUC()) and "curve='PR'" in repr(metrics.AUC(curve="pr"))


@pytest.mark.parametrize("weighted", [False, True])
def test_areas_of_several_columns(weighted):
    true, scores = RNG.integers(0, 2, (50, 3)), RNG.integers(0, 9, (50, 3)) / 8
    each = [metrics.AUC()(true[:, c], scores[:, c]) for c in range(3)]
    weights = [1.0, 2.0, 0.5] if weighted else None
    assert batched(metrics.AUC(multi_label=True, label_weights=weights), true, scores) == pytest.approx(
        np.average(each, weights=weights), rel=1e-13)
    by_label = np.broadcast_to([1.0, 2.0, 0.5], scores.shape)
    for thresholds in (None, 20):
        counted = metrics.AUC(thresholds, label_weights=[1.0, 2.0, 0.5])(true, scores)
        assert counted == pytest.approx(metrics.AUC(thresholds)(true, scores, by_label), rel=1e-13)
        assert counted != pytest.approx(metrics.AUC(thresholds)(true, scores), rel=1e-6)
    flat = metrics.AUC()(true.reshape(-1), scores.reshape(-1))
    assert batched(metrics.AUC(), true, scores) == pytest.approx(flat, rel=1e-13)
    numbers = RNG.integers(0, 3, 50)
    each = [metrics.AUC()(numbers == c, scores[:, c]) for c in range(3)]
    assert batched(metrics.AUC(), numbers[:, None], scores) == pytest.approx(np.mean(each), rel=1e-13)


def test_many_thresholds_come_close_to_the_exact_area():
    true, scores, weights = scored(300, 90)
    for curve in ("ROC", "PR"):
        exact = metrics.AUC(curve=curve)(true, scores, weights)
        assert metrics.AUC(20_000, curve)(true, scores, weights) == pytest.approx(exact, abs=0.02 * (curve == "PR") + 1e-9)
    logits = np.log((scores * 0.98 + 0.01) / (1 - scores * 0.98 - 0.01))
    assert metrics.AUC(200, from_logits=True)(true, logits) == pytest.approx(metrics.AUC(200)(true, scores * 0.98 + 0.01))


def test_keras_example_of_an_area_at_thresholds():
    """Worked out by hand: thresholds 0, 0.5, 1; TP 2 1 0, FP 2 0 0 of 2 and 2, so x 1 0 0 and y 1 0.5 0."""
    true, scores = [0, 0, 1, 1], [0, 0.5, 0.3, 0.9]
    assert metrics.AUC(3)(true, scores) == 0.75
    assert metrics.AUC(3, summation_method="minoring")(true, scores) == 0.5
    assert metrics.AUC(3, summation_method="majoring")(true, scores) == 1.0
    assert metrics.AUC(thresholds=[0.5])(true, scores) == 0.75
    assert metrics.AUC(3)([0, 1], [-5e-7, 0.7]) == 1.0  # rounding is no score below 0
    assert metrics.AUC(3, "PR", "minoring")(true, scores) == pytest.approx(0.5 * 0.5 + 0.5 * 0)


def test_counts_at_thresholds():
    true, scores, weights = scored(30, 11)
    levels = [0.9, 0.0, 0.45]
    for w in (None, weights):
        count = np.ones(30) if w is None else w
        expected = {"TruePositives": [count[(true == 1) & (scores > t)].sum() for t in levels],
                    "FalsePositives": [count[(true == 0) & (scores > t)].sum() for t in levels],
                    "FalseNegatives": [count[(true == 1) & ~(scores > t)].sum() for t in levels],
                    "TrueNegatives": [count[(true == 0) & ~(scores > t)].sum() for t in levels]}
        for name, counts in expected.items():
            cls = getattr(metrics, name)
            assert batched(cls(levels), *[true, scores, w][:2 + (w is not None)]).tolist() == counts
            assert cls(0.45)(true, scores, w) == counts[2]
        tp, fp, fn = (np.array(expected[n]) for n in ("TruePositives", "FalsePositives", "FalseNegatives"))
        assert np.allclose(metrics.Precision(levels)(true, scores, w), tp / np.maximum(tp + fp, 1e-9), rtol=1e-13)
        assert np.allclose(metrics.Recall(levels)(true, scores, w), tp / (tp + fn), rtol=1e-13)
    single = np.array([0.3], "float32")
    assert metrics.TruePositives(0.3)([1], single) == 0  # equal in the precision of the scores


def test_the_best_rate_under_a_bound():
    true, scores, weights = scored(60, 21)
    levels = np.linspace(0, 1, 11)
    rows = []
    for t in levels:
        tp, fp, fn, tn = (weights[(true == c) & ((scores > t) == yes)].sum()
                          for c, yes in ((1, True), (0, True), (1, False), (0, False)))
        rows.append((tp / (tp + fp) if tp + fp else 0, tp / (tp + fn), tn / (tn + fp)))
    precision, recall, specificity = np.array(rows).T
    for cls, best, bounded in ((metrics.SensitivityAtSpecificity, recall, specificity),
                               (metrics.SpecificityAtSensitivity, specificity, recall),
                               (metrics.PrecisionAtRecall, precision, recall),
                               (metrics.RecallAtPrecision, recall, precision)):
        for bound in (0, 0.4, 0.7, 1):
            expected = max(best[bounded >= bound], default=0)
            assert batched(cls(bound, num_thresholds=11), true, scores, weights) == pytest.approx(expected, rel=1e-13)
    columns = np.stack([1 - scores, scores], axis=1)
    assert metrics.PrecisionAtRecall(0.4, 11, class_id=1)(true, columns, weights) == pytest.approx(
        max(precision[recall >= 0.4]))


def test_top_k_and_class_id():
    true = np.array([[0, 1, 1], [1, 0, 0]])
    scores = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])  # of equal scores the first is among the two best
    assert metrics.Precision(top_k=2)(true, scores) == 2 / 4 and metrics.Recall(top_k=2)(true, scores) == 2 / 3
    assert metrics.Precision(top_k=2, thresholds=0.15)(true, scores) == 1 / 3
    assert metrics.Recall(class_id=0, thresholds=0.05)(true, scores) == 1.0
    assert metrics.Precision(class_id=0, thresholds=0.05)(true, scores) == 0.5
    weights = np.array([[9, 1, 9], [9, 3, 9]])
    assert metrics.Precision(class_id=1, thresholds=0.05)(true, scores, weights) == 1 / 4
    assert metrics.Precision(top_k=1)([1, 2], scores) == 0.5  # class numbers are one-hot then


@pytest.mark.parametrize("make, words", [
    (lambda: metrics.AUC(curve="ROCK"), "curve: expected one of 'ROC', 'PR', 'PRGAIN', got 'ROCK'"),
    (lambda: metrics.AUC(summation_method="sum"), "summation_method"), (lambda: metrics.AUC(1), "an integer from 2 on"),
    (lambda: metrics.AUC(thresholds=[2.0]), "from 0 to 1"), (lambda: metrics.AUC(num_labels=3), "multi_label=True"),
    (lambda: metrics.AUC(10)([0, 1], [-3.0, 2.0]), "scores from 0 to 1, got -3 to 2: give from_logits=True"),
    (lambda: metrics.AUC()([0, 2], [0.1, 0.2]), "classes 0 to 1, got 2"),
    (lambda: metrics.AUC()([0, 1], [np.nan, 0.2]), "nan"), (lambda: metrics.AUC()([0, 1], [np.inf, 0.2]), "inf"),
    (lambda: metrics.AUC()([], []), "at least one example"),
    (lambda: metrics.AUC(multi_label=True, num_labels=3)([[0, 1]], [[0.5, 0.5]]), "3 columns, as num_labels says, got 2"),
    (lambda: metrics.AUC(multi_label=True, label_weights=[1.0])([[0, 1]], [[0.5, 0.5]]), "one for each of the 2 columns"),
    (lambda: metrics.Precision(thresholds=[0.5, 1.5]), "thresholds: expected numbers from 0 to 1"),
    (lambda: metrics.TruePositives([]), "thresholds"), (lambda: metrics.Recall(top_k=0), "an integer from 1 on"),
    (lambda: metrics.Recall(class_id=3)([[0, 1]], [[0.5, 0.5]]), "a column of the 2 of y_pred, got 3"),
    (lambda: metrics.RecallAtPrecision(1.5), "a number from 0 to 1"), (lambda: metrics.F1Score(threshold=3), "from 0 to 1"),
    (lambda: metrics.F1Score("binary")([[0, 1]], [[0.5, 0.4]]), "one label, got 2"),
])
def test_wrong_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_the_largest_scores_of_a_row_are_its_labels():
    true = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1]])
    scores = np.array([[0.1, 0.6, 0.6], [0.0, 0.0, 0.0], [0.7, 0.1, 0.2]])  # two labels, none, one
    expected = np.array([0, 1, 2 / 3])
    assert metrics.F1Score()(true, scores) == pytest.approx(expected)
    assert metrics.F1Score("weighted")(true, scores) == pytest.approx(expected @ [1, 1, 2] / 4)
    assert metrics.Precision(average=None)(true, scores).tolist() == [0, 1, 1]
    assert metrics.Precision()(true, scores) == 2 / 3  # of Keras: above 0.5
    lacking = metrics.F1Score("macro")([[1, 0, 0], [0, 1, 0]], [[0.9, 0.1, 0], [0.2, 0.8, 0]])
    assert lacking == pytest.approx(2 / 3)  # the label that never occurs counts too
    binary = metrics.F1Score("binary")
    binary.update_state([0, 1, 1], [0, 1, 0])
    with pytest.raises(ValueError, match="expected two classes, got 3"):
        binary.update_state([0, 2, 2], [2, 1, 2])
    assert binary.result() == pytest.approx(2 / 3) and binary.classes == 2


def test_labels_and_classes_do_not_mix():
    metric = metrics.F1Score("macro")
    metric.update_state([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    before = metric.result()
    with pytest.raises(ValueError, match="labels that are there or not, as before, got classes"):
        metric.update_state([0, 1], [[0.2, 0.8], [0.4, 0.6]])
    with pytest.raises(ValueError, match="as before"):
        metric.merge(metrics.F1Score("macro"), _counted(metrics.F1Score("macro"), [0, 1], [1, 1]))
    assert metric.result() == before == pytest.approx((0 + 2 / 3) / 2)
    areas = metrics.AUC(multi_label=True)
    areas.update_state([[0, 1]], [[0.2, 0.8]])
    with pytest.raises(ValueError, match="2 columns as before, got 3"):
        areas.update_state([[0, 1, 1]], [[0.2, 0.8, 0.1]])


def _counted(metric, *batch):
    metric.update_state(*batch)
    return metric
