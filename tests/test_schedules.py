"""Schedules: their values at points known by hand, how they print and draw themselves, what they refuse."""

import json
import math
import sys

import pytest

from minigrad.optimizers import SGD, schedules
from minigrad.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    LinearDecay,
    LinearWarmup,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

POINTS = [
    (ExponentialDecay(0.8, 10, 0.5), {0: 0.8, 10: 0.4, 5: 0.8 * math.sqrt(0.5), 30: 0.1}),
    (ExponentialDecay(0.8, 10, 0.5, staircase=True), {0: 0.8, 9: 0.8, 10: 0.4, 19: 0.4, 20: 0.2}),
    (InverseTimeDecay(0.8, 10, 3.0), {0: 0.8, 10: 0.2, 5: 0.32}),
    (InverseTimeDecay(0.8, 10, 3.0, staircase=True), {0: 0.8, 9.9: 0.8, 10: 0.2, 19: 0.2}),
    (PiecewiseConstantDecay([3, 6], [1.0, 0.5, 0.1]), {0: 1.0, 3: 1.0, 4: 0.5, 6: 0.5, 7: 0.1, 1000: 0.1}),
    (PolynomialDecay(1.0, 10, 0.2, power=2), {0: 1.0, 5: 0.4, 10: 0.2, 99: 0.2}),
    (PolynomialDecay(1.0, 10, 0.0, cycle=True), {0: 1.0, 5: 0.5, 10: 0.0, 11: 9 / 20, 15: 0.25, 20: 0.0, 21: 0.3}),
    (CosineDecay(1.0, 10, 0.2), {0: 1.0, 5: 0.6, 10: 0.2, 11: 0.2}),
    (CosineDecay(0.1, 10, warmup_target=1.1, warmup_steps=4), {0: 0.1, 2: 0.6, 4: 1.1, 9: 0.55, 14: 0.0, 20: 0.0}),
    (CosineDecayRestarts(1.0, 10, m_mul=0.5), {0: 1.0, 5: 0.5, 10: 0.5, 20: 0.25, 30: 0.25, 50: 0.125, 70: 0.125}),
    (CosineDecayRestarts(1.0, 10, t_mul=1, m_mul=0.5, alpha=0.1), {0: 1.0, 10: 0.55, 25: 0.9 * 0.125 + 0.1}),
    (LinearDecay(0.5, 10), {0: 0.5, 5: 0.25, 10: 0.0, 11: 0.0}),
    (LinearWarmup(0.5, 10), {0: 0.0, 5: 0.25, 10: 0.5, 11: 0.5}), (LinearWarmup(0.5, 0), {0: 0.5, 1: 0.5}),
    (LinearWarmup(LinearDecay(0.5, 90), 10), {0: 0.0, 5: 0.25, 10: 0.5, 55: 0.25, 100: 0.0, 120: 0.0}),
    (OneCycle(1.0, 101, pct_start=51 / 101, anneal_strategy="linear", div_factor=10, final_div_factor=100),
     {0: 0.1, 25: 0.55, 50: 1.0, 75: 0.5005, 100: 0.001, 500: 0.001}),
]


@pytest.mark.parametrize("schedule, points", POINTS, ids=lambda x: type(x).__name__)
def test_values(schedule, points):
    assert {step: schedule(step) for step in points} == pytest.approx(points, abs=1e-14)
    assert all(type(schedule(step)) is float for step in points)


def test_every_schedule_has_points():
    assert {type(schedule) for schedule, _ in POINTS} == set(schedules.SCHEDULES)


@pytest.mark.parametrize("schedule", [s for s, _ in POINTS], ids=lambda x: type(x).__name__)
def test_config_text_and_horizon(schedule):
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert type(again) is type(schedule) and repr(again) == repr(schedule) and again.get_config() == schedule.get_config()
    assert [again(step) for step in range(99)] == [schedule(step) for step in range(99)]
    assert isinstance(schedule.horizon, int) and schedule.horizon >= 1
    line = schedule.sparkline(width=40)
    assert len(line) == 40 and "█" in line and set(line) <= set(schedules.BARS)


def test_text():
    schedule = LinearDecay(0.5, 10)
    assert repr(schedule) == "LinearDecay(initial_learning_rate=0.5, decay_steps=10) " + schedule.sparkline()
    assert LinearDecay(0.5, 14).sparkline(width=8) == "█▇▆▅▄▃▂▁" and LinearWarmup(0.0, 3).sparkline(width=3) == "▁▁▁"
    assert "LinearWarmup(learning_rate=LinearDecay(initial" in repr(LinearWarmup(LinearDecay(0.5, 10), 3))
    assert repr(SGD(schedule)) == f"SGD(learning_rate={schedule.description()}, 0 parameters)"
    assert CosineDecay(1, 10, alpha=0.5).description() == "CosineDecay(initial_learning_rate=1, decay_steps=10, alpha=0.5)"


def test_picture():
    figure = CosineDecay(0.0, 90, warmup_target=0.3, warmup_steps=10).plot()
    axes, = figure.axes
    x, y = axes.lines[0].get_data()
    assert list(x) == list(range(101)) and max(y) == 0.3 and y[0] == 0 and axes.get_xlabel() == "step"
    assert "CosineDecay" in axes.get_title() and axes.get_ylim()[0] == 0
    assert len(LinearDecay(1, 10 ** 6).plot(10 ** 6).axes[0].lines[0].get_xdata()) == 1001


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"minigrad\[plot\]"):
        LinearDecay(1, 10).plot()


def test_ones_own():
    class Halves(LearningRateSchedule):
        def rate(self, step):
            return 2.0 ** -step

    assert SGD(Halves()).learning_rate == 1 and Halves()(3) == 0.125 and repr(Halves()).startswith("Halves() █▁")


@pytest.mark.parametrize("make, error, words", [
    (lambda: CosineDecay(-1, 10), ValueError, r"CosineDecay: initial_learning_rate must be a number in \[0, inf\), got -1"),
    (lambda: LinearDecay(1, 0), ValueError, r"decay_steps must be a number in \(0, inf\)"),
    (lambda: ExponentialDecay(1, 10, -0.5), ValueError, "decay_rate"),
    (lambda: ExponentialDecay(1, 10, 0.5, staircase=2), ValueError, "staircase"),
    (lambda: ExponentialDecay(1, 10, 0.5, decay=3), TypeError, "ExponentialDecay has no argument 'decay'"),
    (lambda: CosineDecay(1, 10, warm_steps=3), TypeError, "did you mean 'warmup_steps'"),
    (lambda: PiecewiseConstantDecay([1, 2], [1, 2]), ValueError, "one more than boundaries, got 2 values and 2"),
    (lambda: PiecewiseConstantDecay([2, 2], [1, 2, 3]), ValueError, "ascend"),
    (lambda: PiecewiseConstantDecay([2], [1, math.nan]), ValueError, r"values\[1\]"),
    (lambda: PolynomialDecay(1, 10, power=-1), ValueError, "power"),
    (lambda: CosineDecay(1, 10, alpha=-1), ValueError, "alpha"),
    (lambda: CosineDecayRestarts(1, 10, t_mul=0.5), ValueError, "t_mul"),
    (lambda: LinearWarmup("1", 3), ValueError, "no schedule"),
    (lambda: OneCycle(1, 10.5), ValueError, "total_steps must be an integer"),
    (lambda: OneCycle(1, 10, 1.5), ValueError, "pct"),
    (lambda: OneCycle(1, 10, 0.6, three_phase=True), ValueError, "0.5"),
    (lambda: OneCycle(1, 9, anneal_strategy="sin"), ValueError, "cos"),
    (lambda: LinearDecay(1, 10)(-1), ValueError, "step"), (lambda: LinearDecay(1, 10)("1"), ValueError, "step"),
    (lambda: LinearDecay(1, 10).plot(0), ValueError, "steps"),
    (lambda: schedules.deserialize({"class_name": "CosinDecay", "config": {}}), ValueError, "did you mean 'CosineDecay'"),
    (lambda: LearningRateSchedule()(0), NotImplementedError, "defines no rate")])
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()
