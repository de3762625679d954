"""How far to go along a direction: to where the loss is lower and its slope flatter, by the strong Wolfe conditions."""

import math
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A point at distance t along the direction d: the loss, its gradient, and its slope gradient · d."""

    t: float
    loss: float
    gradient: Any
    slope: float


def strong_wolfe(at, start, t, largest, tolerance, limit, c1=1e-4, c2=0.9):
    """(a Point, how often `at` was called), where

        loss <= start.loss + c1 t start.slope   (it has fallen enough)
        |slope| <= c2 |start.slope|             (it is flat enough),

    or the best that `limit` iterations find. at(t) gives the Point at t; `largest` is the largest number of the direction:
    below t largest = tolerance nothing is worth looking for. First steps that grow, until a minimum is bracketed; then the
    bracket is made smaller, by the minimum of the cubic through losses and slopes at its ends.
    Nocedal & Wright 2006, algorithms 3.5 and 3.6, with PyTorch's safeguards.
    """
    def too_high(point):
        return point.loss > start.loss + c1 * point.t * start.slope

    previous, point, calls = start, at(t), 1
    for iteration in range(limit):
        if too_high(point) or (iteration > 1 and point.loss >= previous.loss):
            break
        if abs(point.slope) <= -c2 * start.slope:
            return point, calls
        if point.slope >= 0:
            break
        step = point.t - previous.t
        t = cubic_minimum(previous, point, point.t + 0.01 * step, 10 * point.t)
        previous, point, calls = point, at(t), calls + 1
    else:
        return min(start, point, key=lambda end: end.loss), calls

    bracket = [previous, point]
    low = 0 if previous.loss <= point.loss else 1
    stuck = False
    for _ in range(iteration, limit):
        left, right = sorted(end.t for end in bracket)
        if (right - left) * largest < tolerance:
            break
        t, margin = cubic_minimum(*bracket, left, right), 0.1 * (right - left)
        near_an_end = min(right - t, t - left) < margin
        if near_an_end and (stuck or not left < t < right):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            stuck = False
        else:
            stuck = near_an_end
        point, calls = at(t), calls + 1
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if abs(point.slope) <= -c2 * start.slope:
            return point, calls
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low], calls


def cubic_minimum(a, b, left, right):
    """The t in [left, right] nearest to the minimum of the cubic with the losses and slopes of a and b.

    The middle, if it has none. Nocedal & Wright 2006, eq. 3.59.
    """
    if a.t > b.t:
        a, b = b, a
    chord = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    squared = chord * chord - a.slope * b.slope
    if squared >= 0:
        root = math.sqrt(squared)
        below = b.slope - a.slope + 2 * root
        if below:
            return min(max(b.t - (b.t - a.t) * (b.slope + root - chord) / below, left), right)
    return (left + right) / 2
