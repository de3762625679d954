"""Pictures of an evaluation: the lines and bars are the numbers."""

import numpy as np
import pytest

from minigrad import metrics

pytest.importorskip("matplotlib")
from minigrad.inspect import plots  # noqa: E402

TRUE, SCORES = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])


def data(line):
    return [part.tolist() for part in line.get_data()]


def test_curves_of_one_score(tmp_path):
    for scores in (SCORES, SCORES[:, None]):
        figure = plots.roc_curve(TRUE, scores)
        axes, = figure.axes
        assert data(axes.lines[1]) == [part.tolist() for part in metrics.roc_curve(TRUE, SCORES)[:2]]
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["AUC 0.750"]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("false positive rate", "true positive rate")
    figure = plots.precision_recall_curve(TRUE, SCORES)
    guess, line = figure.axes[0].lines
    assert line.get_drawstyle() == "steps-post" and guess.get_ydata()[0] == 0.5
    assert data(line) == [part.tolist() for part in metrics.precision_recall_curve(TRUE, SCORES)[1::-1]]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["AP 0.833"]
    plots.save(figure, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("draw", [plots.roc_curve, plots.precision_recall_curve])
@pytest.mark.parametrize("names", [None, [f"kind {c}" for c in range(9)]])
def test_curves_of_several_classes(draw, names):
    rng = np.random.default_rng(0)
    true, scores = np.arange(45) % 9, rng.random((45, 9))
    drawn = [draw(given, scores, names).axes[0] for given in (true, true[:, None], np.eye(9)[true])]
    texts = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in drawn]
    assert texts[0] == texts[1] == texts[2] and len(texts[0]) == 9
    areas = [float(text.split()[-1]) for text in texts[0]]
    assert areas == sorted(areas, reverse=True)
    exact = metrics.AUC(curve="ROC" if draw is plots.roc_curve else "PR")(true == 4, scores[:, 4])
    name = "kind 4" if names else "class 4"
    assert f"{name} {'AUC' if draw is plots.roc_curve else 'AP'} {exact:.3f}" in texts[0]
    styles = {(line.get_color(), line.get_linestyle()) for line in drawn[0].lines}
    assert len(styles) >= 9  # no two classes alike


def test_bars_of_the_classes():
    report = metrics.classification_report([0, 0, 1], [0, 1, 1], ["ham", "spam"])
    axes, = plots.class_scores(report).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ham (2)", "spam (1)"]
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [report.precision.tolist(), report.recall.tolist(), report.f1.tolist()]
    assert axes.get_title() == "accuracy 0.6667" and axes.yaxis_inverted()


@pytest.mark.parametrize("matrix, title, numbers", [
    ([[1200, 300], [0, 500]], "1,700 of 2,000 right (85.00%)", ["1,200", "300", "500"]),
    ([[0.75, 0.25], [0.0, 1.0]], "87.50% right", ["0.75", "0.25", "1"]),
    ([[0, 0], [0, 0]], "0 of 0 right (0.00%)", [])])
def test_confusion_matrix(matrix, title, numbers):
    axes, = plots.confusion_matrix(matrix, ["ham", "spam"]).axes
    assert axes.get_title() == title and [text.get_text() for text in axes.texts] == numbers
    rows = np.asarray(matrix, float)
    assert np.array_equal(axes.images[0].get_array(), rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-9))
