"""The pages of docs/ whose blocks are programs: each runs as it stands."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page):
    """[(the number of the first line, code)] of a page's Python."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [(text[:m.start(1)].count("\n"), m[1]) for m in re.finditer(r"^```python\n(.*?)^```$", text, re.M | re.S)]


def test_the_road_from_keras(tmp_path, monkeypatch, capsys):
    """Block after block, in one namespace and an empty folder; the one that needs scikit-learn where it is installed."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIGRAD_OFFLINE", "1")
    names, found = {}, blocks("keras_road.md")
    assert len(found) == 10
    for line, code in found:
        if "sklearn" in code:
            pytest.importorskip("sklearn")
        exec(compile("\n" * line + code, str(DOCS / "keras_road.md"), "exec"), names)
    assert len(names["history"].history["loss"]) == 4
    assert names["report"].accuracy > 0.5 and names["search"].best_score_ > 0.9
    assert {p.name for p in tmp_path.iterdir()} >= {"best.minigrad", "log.csv", "curves.png", "confusion.png", "roc.png",
                                                    "model.minigrad", "model.safetensors"}
