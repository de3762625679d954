"""Random programs of up to 30 functions: gradients against differences; a failing one is shrunk, and printed as code."""

import re
import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from programs import NAMES, Program, Slope, programs

import minigrad as mg
from minigrad.functions import reductions, scans, trigonometric

ROUNDED = 1e-7  # of the terms that add up to the slope; a mistake of a thousandth is far larger


def check(drawn):
    """The program's gradient along a random direction is the slope that differences find, or the error shows the program."""
    program = Program(*drawn)
    inputs = [mg.Tensor(x, requires_grad=True) for x in program.inputs]
    with np.errstate(all="ignore"):
        loss = program.loss(inputs)
        hypothesis.assume(isinstance(loss, mg.Tensor) and np.isfinite(loss.item()))
        found = mg.autograd.grad(loss, inputs, allow_unused=True) if loss.requires_grad else [None] * len(inputs)
        rng = np.random.default_rng(drawn[2] + 1)
        along = [rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape) for x in program.inputs]
        slope = Slope(lambda t: program.loss([mg.Tensor(x + t * v) for x, v in zip(program.inputs, along)]).item())
    terms = np.concatenate([[0.0], *((g.data * v).ravel() for g, v in zip(found, along) if g is not None)])
    size = max(1.0, float(np.abs(terms).sum()))
    hypothesis.assume(slope.smooth and np.isfinite(size) and slope.error < 1e-4 * size)
    actual = float(terms.sum())
    if not abs(actual - slope.value) <= slope.error + ROUNDED * size:
        raise AssertionError(f"along a direction, backward gives {actual:.10g}, differences {slope.value:.10g} ± "
                             f"{slope.error:.1g}\n\n{program}\n")


def search(count):
    """Look for a program that fails among `count`, and shrink it; its AssertionError, or None."""
    run = hypothesis.settings(deadline=None, max_examples=count, derandomize=True, database=None, suppress_health_check=[
        hypothesis.HealthCheck.too_slow])(hypothesis.given(programs())(check))
    try:
        run()
    except AssertionError as error:
        return error
    return None


def test_random_programs():
    error = search(150)
    assert error is None, str(error)


def test_programs_draw_from_all_families():
    assert {"sin", "logit", "divide", "logaddexp", "sum", "median", "softmax", "cumprod", "sort", "relu"} <= set(NAMES)
    assert len(NAMES) > 90


def planted(function, wrong):
    """A backward that hands on the right gradients times `wrong`."""
    right = function.backward

    def backward(self, *dys):
        given = right(self, *dys)
        several = given if isinstance(given, tuple) else (given,)
        return tuple([None if g is None else lambda g=g: wrong * (g() if callable(g) else g) for g in several])
    return backward


@pytest.mark.parametrize("cls, names, wrong", [
    (trigonometric.Arctan2, ["arctan2", "atan2"], 2), (scans.CumSum, ["cumsum", "nancumsum", "cumulative_sum"], 0),
    (reductions.LogSumExp, ["logsumexp"], 1.001)])
def test_a_planted_mistake_is_found_shrunk_and_printed_as_code(cls, names, wrong, monkeypatch, tmp_path):
    monkeypatch.setattr(cls, "backward", planted(cls, wrong))
    error = search(400)
    assert error is not None, f"a wrong gradient of {cls.__name__} was not found"
    code = str(error).partition("\n\n")[2]
    calls = re.findall(r"^x\d+ = mg\.(\w+)\((?!np)", code, re.MULTILINE)
    assert len(calls) == 1 and calls[0] in names, code
    assert len(code.strip().splitlines()) <= 8
    (tmp_path / "program.py").write_text(code, encoding="utf-8")
    shown = subprocess.run([sys.executable, str(tmp_path / "program.py")], capture_output=True, text=True, check=True)
    assert "x0.grad = Tensor(" in shown.stdout


def test_kinks_are_seen():
    assert not Slope(abs).smooth and not Slope(lambda t: max(t, 1e-4)).smooth
    smooth = Slope(lambda t: np.sin(3 * t + 1) ** 2)
    assert smooth.smooth and abs(smooth.value - 3 * np.sin(2)) <= smooth.error < 1e-8
