"""Finite differences: a derivative from values alone, as exact as float64 allows, with an estimate of its error.

The central difference along a direction d,

    D(h) = (φ(x + h d) - φ(x - h d)) / 2h = φ' + c₂ h² + c₄ h⁴ + ...,

has two errors that pull in opposite directions: the truncation, which falls with h², and the rounding of φ, about
ε |φ| / h, which grows as h shrinks. No single h is good for every φ. So h starts large and shrinks by 4, and
Richardson's extrapolation removes c₂, c₄ ... from what is known so far: (16 D(h/4) - D(h)) / 15 has no c₂ any more.
The spread of neighbouring estimates says how good they are (Ridders 1982, "Accurate computation of F'(x) and
F'(x)F''(x)"). With the first step 1e-3 two steps usually give 11 digits; the small steps serve functions that bend or
end nearby.
"""

from typing import NamedTuple

import numpy as np

FIRST = 1e-3     # the first step, in units of the operand's typical size
SHRINK = 4
STEPS = 10       # the last is FIRST / 4**9 = 4e-9
ROUNDINGS = 32   # roundings that φ's value may carry, in units of its last place
EPS = np.finfo(np.float64).eps


class Estimate(NamedTuple):
    """A derivative, how far off it may be by truncation, and by rounding; arrays (m,)."""

    value: np.ndarray
    error: np.ndarray
    noise: np.ndarray


def estimates(line, weights, first=FIRST):
    """Estimates of d/dt (weights @ line(t)) at t = 0, from ever smaller steps, the best so far each time.

    line(t) gives an array (K,), weights is (m, K). Steps at which a value is nan or inf are left out.
    """
    before, best = [], None
    for k in range(STEPS):
        h = first / SHRINK ** k
        plus, minus = line(h), line(-h)
        if not (np.isfinite(plus).all() and np.isfinite(minus).all()):
            before = []
            continue
        noise = ROUNDINGS * EPS * (np.abs(weights) @ np.maximum(np.abs(plus), np.abs(minus))) / h
        row = [(weights @ (plus - minus)) / (2 * h)]
        for j, old in enumerate(before):
            gain = SHRINK ** (2 * (j + 1))
            row.append((gain * row[j] - old) / (gain - 1))
            found = Estimate(row[-1], np.maximum(np.abs(row[-1] - row[j]), np.abs(row[-1] - old)), noise)
            best = found if best is None else _better(best, found)
        before = row
        if best is not None:
            yield best


def _better(a, b):
    choose = b.error + b.noise < a.error + a.noise
    return Estimate(*(np.where(choose, y, x) for x, y in zip(a, b)))


def one_sided(line, weights, h):
    """The slopes (left, right) that a step of h sees on each side of 0: they differ at a kink."""
    middle = line(0.0)
    with np.errstate(all="ignore"):
        return weights @ ((middle - line(-h)) / h), weights @ ((line(h) - middle) / h)


def has_kink(line, weights, first=FIRST):
    """Whether the two sides keep different slopes, however small the step (a smooth function's approach each other)."""
    gaps, h = [], first / 1000
    for step in (first, h):
        left, right = one_sided(line, weights, step)
        gaps.append(np.abs(right - left))
    rounding = ROUNDINGS * EPS * (np.abs(weights) @ np.abs(line(0.0))) / h
    with np.errstate(all="ignore"):
        slope = np.maximum(np.abs(left), np.abs(right))
        return ~np.isfinite(gaps[1]) | ((gaps[1] > 0.1 * gaps[0]) & (gaps[1] > 1e-3 * slope + rounding))
