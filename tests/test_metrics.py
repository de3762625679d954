"""Metrics: counts worked out by hand, the forms of targets and predictions, and what is refused."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import metrics

TRUE = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 1, 0, 1, 2,
                      2])  # class 0: 2 right of 3; class 1: 1 right of 2, 2 predicted; class 2: 1 of 1, 2 predicted
SCORES = np.eye(3)[PREDICTED] + np.linspace(0, 0.5, 18).reshape(6, 3)
PRECISION, RECALL = np.array([1, 1 / 2, 1 / 2]), np.array([2 / 3, 1 / 2, 1])
F1 = 2 * PRECISION * RECALL / (PRECISION + RECALL)


@pytest.mark.parametrize("true, predicted", [
    (TRUE, SCORES), (TRUE[:, None], SCORES), (np.eye(3)[TRUE], SCORES), (TRUE, PREDICTED),
    (TRUE.tolist(), PREDICTED.tolist()),
    (mg.Tensor(TRUE), mg.Tensor(SCORES)), (TRUE.astype("uint8"), SCORES.astype("float32")),
    (TRUE.astype(float), SCORES), (TRUE.reshape(2, 3), SCORES.reshape(2, 3, 3)),
])
def test_forms_of_targets_and_predictions(true, predicted):
    assert metrics.Accuracy()(true, predicted) == 4 / 6
    assert metrics.ConfusionMatrix()(true, predicted).tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert metrics.F1Score(average=None)(true, predicted) == pytest.approx(F1)


@pytest.mark.parametrize("cls, scores",
                         [(metrics.Precision, PRECISION), (metrics.Recall, RECALL), (metrics.F1Score, F1)])
def test_averages(cls, scores):
    def score(average):
        return cls(average=average)(TRUE, PREDICTED)

    assert score(None) == pytest.approx(scores)
    assert score("macro") == score("auto") == pytest.approx(scores.mean())
    assert score("weighted") == pytest.approx((scores * [3, 2, 1]).sum() / 6)
    assert score("micro") == pytest.approx(4 / 6)


def test_classes_that_a_batch_lacks_stay():
    for make in (metrics.ConfusionMatrix, lambda: metrics.F1Score(None)):
        apart = make()
        apart.update_state([0, 2, 1], [0, 2, 2]), apart.update_state([0, 1], [1, 1])
        assert np.array_equal(apart.result(), make()([0, 2, 1, 0, 1], [0, 2, 2, 1, 1]))


def test_nothing_predicted_or_nothing_true():
    for division in (0, 1):
        assert metrics.Precision(average=None, zero_division=division)([0, 1], [0, 0]).tolist() == [0.5, division]
        assert metrics.Recall(average=None, zero_division=division)([0, 0], [0, 1]).tolist() == [0.5, division]
        assert metrics.F1Score(zero_division=division, num_classes=3)([0, 1], [0, 1]).tolist() == [1, 1, division]


def test_f_beta():
    p, r = 2 / 3, 1 / 2
    true, predicted = [1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0]
    for beta in (0.5, 1, 2):
        expected = (1 + beta ** 2) * p * r / (beta ** 2 * p + r)
        assert metrics.FBetaScore("auto", beta)(true, predicted) == pytest.approx(expected)
    assert metrics.F1Score()(true, predicted) == pytest.approx(metrics.FBetaScore()(true, predicted))
    assert metrics.F1Score()(true, predicted)[1] == metrics.F1Score("auto")(true, predicted)


def test_binary_scores_and_their_threshold():
    true, scores = np.array([0, 1, 1, 0]), np.array([0.2, 0.5, 0.9, 0.6])
    assert metrics.Accuracy()(true, scores) == 0.5  # 0.5 is not above 0.5
    assert metrics.Accuracy(threshold=0.4)(true[:, None], scores[:, None]) == 0.75
    assert metrics.BinaryAccuracy(threshold=0.7)(true, scores) == 0.75
    assert (metrics.Precision()(true, scores), metrics.Recall()(true, scores)) == (0.5, 0.5)
    assert metrics.Precision(thresholds=0.7)(true, scores) == 1.0


def test_counts_of_all_batches_not_means_of_batches():
    f1 = metrics.F1Score("macro")
    f1.update_state(TRUE[:1], SCORES[:1])
    f1.update_state(TRUE[1:], SCORES[1:])
    assert f1.result() == pytest.approx(F1.mean())
    means = [metrics.F1Score(average="macro")(TRUE[s], SCORES[s]) for s in (slice(1), slice(1, 6))]
    assert np.mean(means) != pytest.approx(F1.mean())  # so the test above can fail
    f1.reset_state()
    assert f1.result() == 0 and f1(TRUE, SCORES) == pytest.approx(F1.mean())


def test_weights_are_repetitions():
    weights = np.array([1, 2, 0, 3, 1, 2])
    again = np.repeat(np.arange(6), weights)
    for make in (metrics.Accuracy, lambda: metrics.F1Score(average="weighted"), metrics.ConfusionMatrix):
        weighted = make()
        weighted.update_state(TRUE, SCORES, weights)
        assert np.allclose(weighted.result(), make()(TRUE[again], SCORES[again]), rtol=1e-14)


@pytest.mark.parametrize("true, scores", [((3,), (3, 1)), ((3, 1), (3,)), ((3, 1), (3, 1)), ((3,), (3,))])
def test_an_axis_of_length_one_at_the_end_may_be_there_or_not(true, scores):
    """Each number is compared with its own target, never with every other."""
    y, p = np.array([1, 0, 1]), np.array([0.9, 0.2, 0.1])
    assert metrics.Accuracy()(y.reshape(true), p.reshape(scores)) == pytest.approx(2 / 3)
    assert metrics.MeanAbsoluteError()(y.reshape(true), p.reshape(scores)) == pytest.approx(1.2 / 3)


def test_means():
    mean = metrics.Mean()
    mean.update_state([1.0, 2.0])
    mean.update_state(6.0)
    assert mean.result() == 3.0
    mean.update_state(1.0, sample_weight=[3])
    assert mean.result() == 2.0
    assert metrics.MeanSquaredError()([[1.0], [2.0]], [[3.0], [2.0]]) == 2.0
    assert metrics.MeanAbsoluteError()(np.array([1, 2]), np.array([4.0, 1.0])) == 2.0
    large = metrics.Mean()
    for _ in range(3):
        large.update_state(np.full(1000, 1e8 + 1, "float32"))
    assert large.result() == float(np.float32(1e8 + 1))  # summed in float64


def test_a_function_of_ones_own_is_averaged_over_examples():
    def within_one(y_true, y_pred):
        return np.abs(mg.Tensor(y_pred).numpy()[:, 0] - y_true[:, 0]) <= 1

    metric = metrics.get(within_one)
    assert metric.name == "within_one"
    metric.update_state(np.zeros((3, 1)), np.array([[0.0], [5.0], [9.0]]))
    metric.update_state(np.zeros((1, 1)), np.array([[1.0]]))
    assert metric.result() == 0.5
    batch = metrics.get(lambda y_true, y_pred: float(len(y_pred)))  # one number counts for the whole batch
    batch.update_state(np.zeros(3), np.zeros(3)), batch.update_state(np.zeros(1), np.zeros(1))
    assert batch.result() == (3 * 3 + 1) / 4


def test_by_name():
    for name in ("accuracy", "acc", "precision", "recall", "f1", "f1_score", "mse", "mae", "confusion_matrix",
                 "sparse_categorical_accuracy", "mean_squared_error"):
        assert metrics.get(name).name == name
    assert metrics.get("F1Score").name == "f1_score" and isinstance(metrics.get(metrics.Recall), metrics.Recall)
    assert metrics.F1Score(name="mine").name == "mine"
    with pytest.raises(ValueError, match="did you mean 'accuracy'"):
        metrics.get("acuracy")
    with pytest.raises(TypeError, match="metric"):
        metrics.get(3)


def test_report():
    report = metrics.classification_report(TRUE, SCORES, ["cat", "dog", "[red]"])
    assert report.as_dict()["dog"] == pytest.approx({"precision": 0.5, "recall": 0.5, "f1-score": 0.5, "support": 2})
    assert report.accuracy == pytest.approx(4 / 6)
    lines = str(report).splitlines()
    row = next(line.split() for line in lines if line.strip().startswith("cat"))
    assert row == ["cat", "1.0000", "0.6667", "0.8000", "3"]
    assert "[red]" in str(report) and "0.6667" in next(line for line in lines if "accuracy" in line)
    assert "<td style='text-align: left'>cat</td>" in report._repr_html_()
    assert [name for name, *_ in metrics.classification_report(TRUE, SCORES).rows][:3] == ["0", "1", "2"]


@pytest.mark.parametrize("metric", [metrics.Accuracy(), metrics.F1Score("macro"), metrics.ConfusionMatrix()])
@pytest.mark.parametrize("true, predicted, words", [
    ([0, 1, 3], np.ones((3, 3)), "y_true: expected classes 0 to 2, got 3"), ([0, -1], [0, 1], "got -1"),
    ([0, 1], np.ones((3, 3)), "2 targets for 3 predictions"),
    (np.zeros((3, 2), int), np.array([0.1, 0.2, 0.3]), "use y_true.argmax"),
    (np.zeros((3, 1, 1), int), np.zeros(3), "reshape one of them"),
    ([0, 1], [[np.nan, 1], [1, 0]], r"y_pred: expected numbers, got 1 nan of 4, the first at index \(0, 0\)"),
    ([], np.zeros((0, 3)), "at least one example"), (["a", "b"], [0, 1], "dtype <U1"),
    ([0, 1.5], np.ones((2, 3)), "class numbers, got 1.5"), (0, 1, "a batch axis"),
    ([[0], [0, 1]], [0, 1], "one length"),
])
def test_what_cannot_be_counted_is_refused_and_changes_nothing(metric, true, predicted, words):
    metric.reset_state()
    metric.update_state(TRUE, SCORES)
    before = np.copy(metric.result())
    with pytest.raises((ValueError, TypeError), match=words) as error:
        metric.update_state(true, predicted)
    assert str(error.value).startswith(metric.name)
    assert np.array_equal(metric.result(), before)


@pytest.mark.parametrize("weights", [[1, 1], [1, 1, 1, 1, 1, -1], [np.nan] * 6, ["a"] * 6])
def test_wrong_weights(weights):
    metric = metrics.Accuracy()
    with pytest.raises(ValueError, match="accuracy: sample_weight"):
        metric.update_state(TRUE, SCORES, weights)
    assert metric.result() == 0


@pytest.mark.parametrize("make", [
    lambda: metrics.F1Score(average="makro"), lambda: metrics.F1Score(zero_division=0.5),
    lambda: metrics.ConfusionMatrix(num_classes=1), lambda: metrics.FBetaScore(beta=0),
    lambda: metrics.F1Score(average="binary")([0, 1, 2], [0, 1, 2]),
    lambda: metrics.ConfusionMatrix(num_classes=2)([0, 1, 2], [0, 1, 1]),
    lambda: metrics.classification_report([0, 1], [0, 1], ["a", "a"]),
    lambda: metrics.classification_report([0, 1], [0, 1], ["accuracy", "a"]),
    lambda: metrics.MeanSquaredError()([1.0, 2.0], [[1.0, 1.0], [2.0, 2.0]]), lambda: metrics.Mean()([np.inf]),
])
def test_wrong_arguments(make):
    with pytest.raises(ValueError, match=": expected .*, got "):
        make()


def test_reprs():
    metric = metrics.Accuracy()
    metric.update_state(TRUE, SCORES)
    assert repr(metric) == "<Accuracy 'accuracy': 0.6667>"
    assert "average='macro'" in repr(metrics.F1Score(average="macro"))
    assert "(3, 3)" in repr(metrics.ConfusionMatrix(3))
