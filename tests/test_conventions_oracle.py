"""The column of docs/conventions.md that says what PyTorch does, run by PyTorch."""

import numpy as np
import pytest
from test_conventions import NAMES, arrays, place, rows

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("row", [r for r in rows() if r["PyTorch"] != "-"],
                         ids=lambda row: f"{row['function']} at {row['at']}")
def test_what_pytorch_does(row):
    """Its gradient at the point is the one in the column, or, where that is empty, ours."""
    places = place(row)
    operands = {k: torch.tensor(v, requires_grad=True) for k, v in places.items()}
    y = eval(row["function"], {"mg": torch, **NAMES}, operands)
    found = torch.autograd.grad(y.sum(), list(operands.values()))
    assert row["PyTorch"] != row["gradient"], "left empty where it is the same"
    for g, expected in zip(found, arrays(row["PyTorch"] or row["gradient"], places)):
        np.testing.assert_allclose(g.numpy(), expected, rtol=1e-15)
