"""What a gradient check has to say: where a gradient differs, what the ratio usually means, which Function is wrong."""

import math

import numpy as np

from minigrad.errors import GradientError


class Culprit:
    """A Function whose own gradient is wrong, found by replaying the tape."""

    def __init__(self, function, number, total, shapes, failure, second_order):
        self.function, self.number, self.total, self.shapes = function, number, total, shapes
        self.failure, self.second_order = failure, second_order

    def __str__(self):
        which = "second derivative (the gradient of its backward)" if self.second_order else "gradient"
        return (f"{self.function}, operation {self.number} of {self.total} on the tape, operands {self.shapes}: "
                f"its own {which} differs\n      {self.failure}")


class Failure:
    """Where and how a gradient differs: the input, the index, both numbers, and what they look like."""

    def __init__(self, input, index, value, analytic, numeric, verdict, meaning):
        self.input, self.index, self.value, self.analytic, self.numeric = input, index, value, analytic, numeric
        self.verdict, self.meaning = verdict, meaning

    @property
    def ratio(self):
        """analytic / numeric."""
        return self.analytic / self.numeric if self.numeric else np.inf * np.sign(self.analytic)

    def __str__(self):
        looks = {"bug": "a bug", "kink": "a kink, not a bug", "precision": "too little precision"}[self.verdict]
        where = f"{self.input}{list(self.index) if self.index else ''} = {self.value:.6g}"
        return (f"{where}: analytic {self.analytic:.10g}, numeric {self.numeric:.10g}, ratio {self.ratio:.6g}; "
                f"looks like {looks}: {self.meaning}")


class Comparison:
    """How one input's gradient compares: the largest relative difference, and the Failure if there is one."""

    def __init__(self, name, shape, method):
        self.name, self.shape, self.method, self.worst, self.failure = name, shape, method, 0.0, None

    def note(self, analytic, numeric):
        """Take a pair into account in `worst`, the largest relative difference."""
        size = np.maximum(np.abs(analytic), np.abs(numeric))
        with np.errstate(all="ignore"):
            relative = np.where(size > 0, np.abs(analytic - numeric) / size, 0.0)
        self.worst = max(self.worst, float(np.nanmax(relative, initial=0.0)))


class GradientReport:
    """What a gradient check found: `comparisons` per input, `failures`, `culprits` by name; true if all is well."""

    def __init__(self, name, order):
        self.name, self.order, self.comparisons, self.culprits = name, order, [], []

    def add(self, comparison):
        """One more input."""
        self.comparisons.append(comparison)

    @property
    def failures(self):
        """The Failures, one for each input that has one."""
        return [c.failure for c in self.comparisons if c.failure is not None]

    def __bool__(self):
        return not self.failures

    def finish(self, raise_exception):
        """The report, or the GradientError that it amounts to."""
        if self.failures and raise_exception:
            error = GradientError(str(self))
            error.report = self
            raise error
        return self

    def __str__(self):
        if not self.failures:
            lines = [f"gradcheck of {self.name}: {len(self.comparisons)} agree"]
            return "\n".join(lines + [f"  {c.name} {c.shape}: {c.method}; largest relative difference {c.worst:.1e}"
                                      for c in self.comparisons])
        lines = [f"the gradient of {self.name} differs from finite differences", *(f"  {f}" for f in self.failures)]
        if self.culprits:
            lines += ["replaying the tape, each function alone:", *(f"  {c}" for c in self.culprits)]
        else:
            lines.append("replaying the tape, each function alone is right: a value leaves the tape on the way "
                         "(.detach(), .data, .numpy(), no_grad) or f is at a kink only as a whole")
        return "\n".join(lines)

    __repr__ = __str__


def meaning(analytic, numeric, shape):
    """What a ratio analytic / numeric usually comes from."""
    if not np.isfinite(analytic):
        return "the gradient is not a number: a division by 0 or a logarithm of 0 in backward"
    if analytic == 0:
        return "the gradient is lost: a zero in backward, .detach(), .data or .numpy() on the way, a missing term"
    if numeric == 0 or abs(analytic / numeric) > 1e6:
        return "a gradient where f does not depend on this number"
    r = analytic / numeric
    for value, words in ((2, "counted twice"), (-1, "the sign is wrong"), (-2, "the sign is wrong, and counted twice"),
                         (0.5, "half of it is missing: a factor 2, or one of two uses")):
        if abs(r - value) < 1e-3 * abs(value):
            return words
    for n in sorted({n for n in (*shape, math.prod(shape)) if n > 2}):
        if abs(r - n) < 1e-3 * n or abs(r * n - 1) < 1e-3:
            return f"the factor is {n}, the length of an axis: a mean taken for a sum, or a missing un-broadcast"
    if abs(r - 1) < 0.02:
        return f"off by {abs(r - 1):.2g} of its value: an inexact constant, or a small term that is missing"
    return "no simple factor: another axis, a transposed operand, or a missing term"
