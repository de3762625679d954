"""What all tests have in common."""

import signal

import pytest

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in the background of a shell; the tests' own processes would
    signal.signal(signal.SIGINT, signal.default_int_handler)  # inherit it, and never hear the Ctrl-C that they are sent


@pytest.fixture(autouse=True)
def as_wide_as_a_page(monkeypatch):
    """Tables come out the same whatever terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", "100")
