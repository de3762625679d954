"""Gradient checking: what backward says, against finite differences of forward; and which Function is to blame.

    mg.gradcheck(lambda x: mg.exp(x).sum(), x)          # raises GradientError, or returns a report
    mg.gradcheck(model, images)                          # a whole model, by its parameters
    mg.gradgradcheck(f, inputs)                          # the second derivative too

For f: Rᴺ → Rᴷ with the Jacobian J, backward maps a cotangent c to Jᵀc. The check draws c at random (an all-ones c
cannot see a wrong softmax, whose rows sum to a constant) and compares (Jᵀc)·d with d/dt c·f(x + t d) at t = 0, for
directions d: each axis and K random c's if that is little work, which determines all of J; else random directions, in
which every number takes part, so that one wrong number among many still shows.
"""

import numpy as np

from minigrad.errors import GradientError
from minigrad.gradcheck.finite_differences import EPS, FIRST, estimates, has_kink, one_sided
from minigrad.gradcheck.problem import Local, Problem, Settings
from minigrad.gradcheck.report import Comparison, Culprit, Failure, GradientReport, meaning
from minigrad.recording import recording

FEW_INPUTS, FEW_OUTPUTS = 100, 24   # up to here the whole Jacobian is compared
DIRECTIONS, COTANGENTS = 8, 3       # beyond, so many random ones
LEAK = "every number of it is a float32 number: something in backward computes in float32 and converts back"


def gradcheck(f, inputs=(), parameters=None, argnums=None, rtol=1e-8, atol=1e-10, first_step=FIRST, seed=0,
              raise_exception=True):
    """Compare the gradients of f with central differences in float64; a GradientError explains what differs.

    f           takes Tensors, returns a Tensor or several: a function, a Function's `apply`, a layer, a model.
    inputs      an array, a Tensor or a number, or a tuple of them; computed with in float64. Every floating-point one
                is checked (`argnums` chooses by position); integer and boolean ones are constants.
    parameters  leaf Tensors that f reads itself, checked too; for a layer or a model, its trainable ones.
    rtol, atol  |analytic - numeric| may be atol + rtol times the larger, plus the rounding of the difference itself
                (so a gradient below atol counts as 0: pass atol=0 for an f of tiny values).
    first_step  the first step of the differences, in units of an operand's typical size (finite_differences.py).

    Also checked: that gradients have their operand's shape and dtype and are finite, that two calls agree, and that
    neither inputs nor cotangents are changed. Returns a GradientReport, which is true if all is well; raises
    GradientError otherwise, unless raise_exception=False.
    """
    problem = Problem(f, inputs, parameters, argnums)
    settings = Settings(rtol, atol, first_step, seed)
    with problem:
        report = _check(problem, settings)
        if report.failures:
            report.culprits = _replay(problem, settings)
    return report.finish(raise_exception)


def gradgradcheck(f, inputs=(), parameters=None, argnums=None, rtol=1e-8, atol=1e-10, first_step=FIRST, seed=0,
                  raise_exception=True):
    """`gradcheck` of f, then of its gradient (inputs, cotangents) ↦ Jᵀc: the second derivative. Same arguments."""
    report = gradcheck(f, inputs, parameters, argnums, rtol, atol, first_step, seed, raise_exception)
    if report.failures:
        return report
    problem = Problem(f, inputs, parameters, argnums)
    settings = Settings(rtol, atol, first_step, seed)
    with problem:
        second = problem.of_the_gradient(settings)
        with second:
            report = _check(second, settings)
            if report.failures:
                report.culprits = _replay(second, settings) or _replay(problem, settings, second_order=True)
    return report.finish(raise_exception)


def _check(problem, settings):
    """Compare all gradients of a problem; a GradientReport."""
    rng = settings.generator()
    y = problem.vector(problem.values)
    if not np.array_equal(y, problem.vector(problem.values), equal_nan=True):
        raise GradientError(f"{problem.name} gives different results for the same inputs, so differences mean nothing: "
                            "fix its random numbers (mg.seed inside of it), or switch dropout off")
    if not np.isfinite(y).all():
        raise GradientError(f"{problem.name} itself gives nan or inf at these inputs: nothing to compare with")
    largest = max(x.size for x in problem.values)
    small = y.size <= FEW_OUTPUTS and largest <= FEW_INPUTS
    cotangents = rng.standard_normal((max(y.size, 1) if small else COTANGENTS, y.size))
    gradients = problem.gradients(cotangents)
    again = problem.gradients(cotangents[:1])[0]
    report = GradientReport(problem.name, problem.order)
    for k, (name, x) in enumerate(zip(problem.names, problem.values)):
        analytic = np.stack([np.zeros(x.shape) if row[k] is None else _checked(row[k], x, problem, name)
                             for row in gradients])
        if again[k] is not None and not np.array_equal(again[k].numpy(), analytic[0], equal_nan=True):
            raise GradientError(f"{problem.name}: the gradient of {name} differs between two calls on the same inputs")
        report.add(_compare(problem, k, cotangents, analytic.reshape(len(cotangents), -1), settings, rng))
    return report


def _checked(gradient, x, problem, name):
    if gradient.shape != x.shape or gradient.dtype != x.dtype:
        raise GradientError(f"{problem.name}: the gradient of {name} must be {x.shape} {x.dtype}, got {gradient.shape} "
                            f"{gradient.dtype}")
    return gradient.numpy()


def _compare(problem, k, cotangents, analytic, settings, rng):
    """The Comparison of one variable: analytic (m, N) against differences."""
    x = problem.values[k]
    everything = x.size <= FEW_INPUTS
    if everything:
        directions = np.eye(x.size)
    else:
        directions = rng.standard_normal((DIRECTIONS, x.size))
    method = "all" if everything else f"{DIRECTIONS} random directions of"
    result = Comparison(problem.names[k], x.shape, f"{method} {x.size} numbers, {len(cotangents)} cotangents")
    if not np.isfinite(analytic).all():
        at = tuple(np.argwhere(~np.isfinite(analytic))[0])
        result.failure = _explain(problem, k, cotangents[at[0]], analytic[at[0]], int(at[1]), settings)
        return result
    y = problem.vector(problem.values)
    rounding = 1e4 * EPS * np.abs(cotangents).max(initial=0) * np.abs(y).sum() / _units(x, np.ones(x.size))[0]
    large = analytic[np.abs(analytic) > rounding]  # what rounding leaves of a zero has few digits in any case
    if settings.rtol < 1e-7 and large.size and _is_float32(large) and not _is_float32(y):
        at = np.unravel_index(np.abs(analytic).argmax(), analytic.shape)
        result.failure = _explain(problem, k, cotangents[at[0]], analytic[at[0]], int(at[1]), settings, LEAK)
        return result
    worst = None
    for i, d in enumerate(directions):
        n, excess = _numeric(problem, k, d, cotangents, analytic, settings)
        result.note(analytic @ d, n)
        j = int(np.argmax(excess))
        if excess[j] > 1 and (worst is None or excess[j] > worst[0]):
            worst = excess[j], j, i, d
    if worst is not None:
        _, j, i, d = worst
        i = i if everything else _locate(problem, k, d, cotangents[j], analytic[j], settings)
        result.failure = _explain(problem, k, cotangents[j], analytic[j], i, settings)
    return result


def _is_float32(x):
    """Whether every number is one that float32 can hold: random float64 numbers practically never are. Numbers of few
    digits, as rounding leaves of a zero (multiples of 2⁻⁵²), do not count."""
    digits = np.ldexp(np.frexp(x)[0], 12)
    return bool((x == x.astype(np.float32)).all() and (digits != np.round(digits)).any())


def _line(problem, k, d, unit):
    """t ↦ all outputs of f, with variable k moved by t units along d."""
    x = problem.values[k]

    def line(t):
        values = list(problem.values)
        values[k] = x + (t * unit) * d.reshape(x.shape)
        with np.errstate(all="ignore"):
            return problem.vector(values)
    return line


def _units(x, d):
    """The sizes by which a step is measured: that of x's numbers together (1 if they are all 0), then of the one number
    that moves, if it is smaller: log at 1e-6 ends before a step that suits its neighbours."""
    size = float(np.sqrt(np.mean(x * x))) if x.size else 1.0
    units = [size if size > 0 and np.isfinite(size) else 1.0]
    moved = np.flatnonzero(d)
    if len(moved) == 1 and 0 < abs(x.flat[moved[0]]) < units[0]:
        units.append(float(abs(x.flat[moved[0]])))
    return units


def _numeric(problem, k, d, cotangents, analytic, settings):
    """(the derivative along d for each cotangent, |analytic - it| in units of what is allowed); analytic is (m, N).

    Steps shrink until both agree. What may differ: rtol times the derivative (or the size of the terms that cancel in
    it), and the rounding of the difference; but that grows in small steps, where a wrong gradient would hide in it, so
    it is held to 1e-5 of the derivative or what it was in the first step.
    """
    expected = analytic @ d
    terms = np.maximum(np.linalg.norm(analytic * d, axis=1),
                       0.01 * np.sqrt(np.mean(analytic ** 2, axis=1)) * np.linalg.norm(d))
    numeric, excess, first_noise = np.full(len(expected), np.nan), np.full(len(expected), np.inf), None
    for unit in _units(problem.values[k], d):
        for e in estimates(_line(problem, k, d, unit), cotangents, settings.first_step):
            value, noise = e.value / unit, e.noise / unit
            first_noise = noise if first_noise is None else first_noise
            size = np.maximum(np.maximum(np.abs(expected), np.abs(value)), terms)
            noise = np.minimum(noise, np.maximum(first_noise, 1e-5 * size))
            now = np.abs(expected - value) / (settings.atol + settings.rtol * size + noise + np.finfo(np.float64).tiny)
            better = now < excess
            numeric = np.where(better | np.isnan(numeric), value, numeric)
            excess = np.where(better, now, excess)
            if (excess <= 1).all():
                return numeric, excess
    return numeric, excess


def _locate(problem, k, d, cotangent, analytic, settings):
    """The index that is most to blame for a failing direction: halve the direction, keep the worse half."""
    index = np.arange(d.size)
    while len(index) > 1:
        halves = np.array_split(index, 2)
        excesses = []
        for half in halves:
            part = np.zeros_like(d)
            part[half] = d[half]
            excesses.append(_numeric(problem, k, part, cotangent[None], analytic[None], settings)[1][0])
        index = halves[int(np.argmax(excesses))]
    return int(index[0])


def _explain(problem, k, cotangent, analytic, i, settings, known=None):
    """The Failure at flat index i of variable k."""
    x = problem.values[k]
    d = np.zeros(x.size)
    d[i] = 1.0
    weights, unit = cotangent[None], _units(x, d)[-1]
    line = _line(problem, k, d, unit)
    numeric = _numeric(problem, k, d, weights, analytic[None], settings)[0][0]
    index = tuple(int(j) for j in np.unravel_index(i, x.shape))
    analytic, numeric = float(analytic[i]), float(numeric)
    return Failure(problem.names[k], index, float(x[index]), analytic, numeric,
                   *_verdict(line, weights, unit, analytic, numeric, settings, known, x.shape))


def _verdict(line, weights, unit, analytic, numeric, settings, known, shape):
    """("bug", "kink" or "precision", what the ratio usually means)."""
    if known is not None:
        return "bug", known
    y, step = line(0.0), settings.first_step
    if y.any() and _is_float32(y) and _is_float32(line(step)):
        return "precision", ("f computes in float32, whose differences have 3 digits at best: let it keep float64, or "
                             "pass rtol=1e-2")
    with np.errstate(all="ignore"):
        kink = bool(has_kink(line, weights, step)[0])
    if not np.isfinite(analytic):
        words = "the slope is infinite or undefined here" if kink else meaning(analytic, numeric, shape)
        return ("kink" if kink else "bug"), words
    left, right = (float(slope[0]) / unit for slope in one_sided(line, weights, step / 1000))
    slack = 1e-3 * max(abs(left), abs(right))
    if kink and min(left, right) - slack <= analytic <= max(left, right) + slack:
        return "kink", (f"the slope is {left:.6g} on the left and {right:.6g} on the right (a tie of max, relu or abs "
                        "at 0 ...): move the input off the kink")
    if not np.isfinite(numeric):
        return "precision", "f is nan or inf close to this input: there are no differences to compare with"
    *_, best = (None, *estimates(line, weights, step))
    doubt = np.inf if best is None else float(best.error[0] + best.noise[0]) / unit
    if abs(analytic - numeric) <= 3 * doubt:
        return "precision", f"the difference itself is only known to {doubt:.1g}: scale the input, or raise rtol"
    return "bug", meaning(analytic, numeric, shape)


def _replay(problem, settings, second_order=False):
    """Run f once, and check each recorded Function alone, on the values it had: the wrong ones, in order."""
    told = []
    token = recording.set(lambda function, operands: told.append((function, operands)))
    try:
        problem.run()
    finally:
        recording.reset(token)
    culprits = []
    for number, (function, operands) in enumerate(told, 1):
        local = Local(function, operands)
        try:
            with local:
                if second_order:
                    local = local.of_the_gradient(settings)
                    local.__enter__()
                report = _check(local, settings)
                failure = next((c.failure for c in report.comparisons if c.failure), None)
        except GradientError as error:
            failure = error
        if failure is not None:
            culprits.append(Culprit(function.name, number, len(told), local.shapes, failure, second_order))
    return culprits
