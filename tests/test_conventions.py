"""Every row of docs/conventions.md is run: the value and the gradient are as the document says."""

import re
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg

DOCUMENT = Path(__file__).parents[1] / "docs" / "conventions.md"
NAMES = {"np": np, "inf": np.inf, "nan": np.nan}
COLUMNS = "function at value gradient why PyTorch JAX".split()


def rows():
    """The rows of all tables, as dicts; what stands between backquotes without these."""
    found = []
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [c.strip().strip("`") for c in line.strip("|").split("|")]
        if line.startswith("| `"):
            assert len(cells) == len(COLUMNS), line
            found.append(dict(zip(COLUMNS, cells)))
    return found


def place(row):
    """{"x": array, "y": array} of a cell "x = 1, y = nan"."""
    parts = re.split(r",\s*(?=[xy] = )", row["at"])
    return {k: np.array(eval(v, dict(NAMES)), float) for k, v in (part.split(" = ") for part in parts)}


def arrays(text, places):
    """What a cell "0, 1" (or "[0, 1]", for the one array) says of each operand, in its shape."""
    values = eval(f"({text},)", dict(NAMES))
    assert len(values) == len(places)
    return [np.array(v, float) for v in values]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['function']} at {row['at']}")
def test_conventions(row):
    places = place(row)
    operands = {k: mg.Tensor(v, requires_grad=True) for k, v in places.items()}
    with np.errstate(all="ignore"):
        y = eval(row["function"], {"mg": mg, **NAMES}, operands)
        found = mg.autograd.grad(y.sum(), list(operands.values()))
    np.testing.assert_allclose(y.data, np.array(eval(row["value"], dict(NAMES)), float), rtol=1e-15)
    for g, expected in zip(found, arrays(row["gradient"], places)):
        np.testing.assert_allclose(g.data, expected, rtol=1e-15)
        assert g.shape == expected.shape


def test_the_document_says_something_of_each_point():
    """The places that issue and users ask for."""
    functions = {row["function"] for row in rows()}
    assert len(rows()) > 60 and len({(r["function"], r["at"]) for r in rows()}) == len(rows())
    for name in "abs relu sqrt log maximum minimum max min sort median clip norm arctan2 where logaddexp sign".split():
        assert any(f.startswith(f"mg.{name}(") for f in functions), name
    assert all(row["why"] and row["JAX"] for row in rows())
