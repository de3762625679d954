"""What all tests have in common."""

import pytest


@pytest.fixture(autouse=True)
def as_wide_as_a_page(monkeypatch):
    """Tables come out the same whatever terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", "100")
