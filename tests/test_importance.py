"""Bars and shaded words: what is drawn, and where."""

import pytest

pytest.importorskip("matplotlib")

from minigrad.inspect.importance import bars, shaded_words  # noqa: E402
from minigrad.inspect.plots import RIGHT, WRONG  # noqa: E402


def colour(patch):
    from matplotlib.colors import to_hex
    return to_hex(patch.get_facecolor()).upper()


def test_bars():
    axes, = bars({"a": 2.0, "b": -1}, {"b": 0.5, "a": 0.25}, "title", "x").axes
    assert [p.get_width() for p in axes.patches] == [2, -1] and [colour(p) for p in axes.patches] == [RIGHT, WRONG]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"] and axes.yaxis_inverted()
    (line,) = [c for c in axes.collections]
    assert [segment[:, 0].tolist() for segment in line.get_segments()] == [[1.75, 2.25], [-1.5, -0.5]]
    assert axes.get_title() == "title" and axes.get_xlabel() == "x"
    with pytest.raises(ValueError, match="nothing to draw"):
        bars({})


def test_shaded_words():
    one, two = shaded_words({"one": [("aaaa", 2.0), ("bbbb", -1.0), ("cc", 0.0)], "two": [("x" * 50, 0.0)]}, letters=10).axes
    assert [(t.get_text(), t.get_position()) for t in one.texts] == [("aaaa", (0, 0)), ("bbbb", (5, 0)), ("cc", (0, 1))]
    assert [colour(p) for p in one.patches[:2]] == [RIGHT, WRONG]
    assert [round(p.get_alpha(), 3) for p in one.patches] == [0.85, 0.425, 0]
    assert one.get_title(loc="left") == "one" and two.texts[0].get_text() == "x" * 10
