"""Gradient checking: what backward says, against finite differences of forward; and which Function is to blame.

    mg.gradcheck(lambda x: mg.exp(x).sum(), x)          # raises GradientError, or returns a report
    mg.gradcheck(model, images)                          # a whole model, by its parameters
    mg.gradgradcheck(f, inputs)                          # the second derivative too

For f: Rᴺ → Rᴷ with the Jacobian J, backward maps a cotangent c to Jᵀc. The check draws c at random (an all-ones c cannot
see a wrong softmax, whose rows sum to a constant) and compares (Jᵀc)·d with d/dt c·f(x + t d) at t = 0, for directions d:
each axis and K random c's if that is little work, which determines all of J; else random directions, in which every
number takes part, so that one wrong number among many still shows.
"""

import inspect

import numpy as np

from minigrad import autograd, backend
from minigrad.errors import GradientError
from minigrad.finite_differences import FIRST, estimates, has_kink, one_sided
from minigrad.function import Function, operand_names, recording
from minigrad.tensor import Tensor

FEW_INPUTS, FEW_OUTPUTS = 100, 24   # up to here the whole Jacobian is compared
DIRECTIONS, COTANGENTS = 8, 3       # beyond, so many random ones
LEAK = "every number of it is a float32 number: something in backward computes in float32 and converts back"


def gradcheck(f, inputs=(), parameters=None, argnums=None, rtol=1e-8, atol=0.0, first_step=FIRST, seed=0,
              raise_exception=True):
    """Compare the gradients of f with central differences in float64; a GradientError explains what differs.

    f           takes Tensors, returns a Tensor or several: a function, a Function's `apply`, a layer, a model.
    inputs      an array, a Tensor or a number, or a tuple of them; computed with in float64. Every floating-point one
                is checked (`argnums` chooses by position); integer and boolean ones are constants.
    parameters  leaf Tensors that f reads itself, checked too; for a layer or a model, its trainable ones.
    rtol, atol  |analytic - numeric| may be atol + rtol times the larger, plus the rounding of the difference itself.
    first_step  the first step of the differences, in units of an operand's typical size (finite_differences.py).

    Also checked: that gradients have their operand's shape and dtype and are finite, that two calls agree, and that
    neither inputs nor cotangents are changed. Returns a GradientReport, which is true if all is well; raises
    GradientError otherwise, unless raise_exception=False.
    """
    problem = _Problem(f, inputs, parameters, argnums)
    settings = _Settings(rtol, atol, first_step, seed)
    with problem:
        report = _check(problem, settings)
        if report.failures:
            report.culprits = _replay(problem, settings)
    return report.finish(raise_exception)


def gradgradcheck(f, inputs=(), parameters=None, argnums=None, rtol=1e-8, atol=0.0, first_step=FIRST, seed=0,
                  raise_exception=True):
    """`gradcheck` of f, then of its gradient (inputs, cotangents) ↦ Jᵀc: the second derivative. Same arguments."""
    report = gradcheck(f, inputs, parameters, argnums, rtol, atol, first_step, seed, raise_exception)
    if report.failures:
        return report
    problem = _Problem(f, inputs, parameters, argnums)
    settings = _Settings(rtol, atol, first_step, seed)
    with problem:
        second = problem.of_the_gradient(settings)
        with second:
            report = _check(second, settings)
            if report.failures:
                report.culprits = _replay(second, settings) or _replay(problem, settings, second_order=True)
    return report.finish(raise_exception)


class _Settings:
    def __init__(self, rtol, atol, first_step, seed):
        self.rtol, self.atol, self.first_step, self.seed = rtol, atol, first_step, seed

    def generator(self):
        return np.random.default_rng(self.seed)


class _Problem:
    """f as a function of float64 arrays: the inputs first, then the parameters. `with problem:` makes these float64."""

    order = 1

    def __init__(self, f, inputs, parameters=None, argnums=None):
        inputs = list(inputs) if isinstance(inputs, (tuple, list)) and not _is_numbers(inputs) else [inputs]
        self.f, self.name = f, getattr(f, "__name__", type(f).__name__)
        if hasattr(f, "named_parameters"):
            with autograd.no_grad():
                f(*inputs)                             # a model that is built by its first call
            named = f.named_parameters()
        else:
            named = [(getattr(p, "name", "") or f"parameter {i}", p) for i, p in enumerate(parameters or ())]
        self.parameters = [p for _, p in named if p.requires_grad]
        self.devices = [backend.device_of(_plain(x)) for x in inputs]
        self.inputs = [_float64(x) for x in inputs]
        floating = [i for i, x in enumerate(self.inputs) if x.dtype.kind == "f"]
        chosen = floating if argnums is None else [argnums] if isinstance(argnums, int) else list(argnums)
        for i in chosen:
            if i not in floating:
                raise ValueError(f"gradcheck: argnums has {i}, but the floating-point inputs are {floating}")
        self.chosen = chosen
        if not chosen and not self.parameters:
            raise ValueError("gradcheck: nothing to check: no input is a floating-point array, and no parameters "
                             "were given that require gradients")
        self.names = [*(_input_names(f, len(inputs))[i] for i in chosen), *(n for n, p in named if p.requires_grad)]

    def __enter__(self):
        self.saved = [p._data for p in self.parameters]
        for p in self.parameters:
            p._data = p._data.astype(np.float64)
        self.values = [self.inputs[i] for i in self.chosen] + [backend.to_numpy(p._data) for p in self.parameters]
        return self

    def __exit__(self, *error):
        for p, data in zip(self.parameters, self.saved):
            p._data = data
            p.bump_version()

    def run(self, values=None):
        """(the Tensors to differentiate by, the list of outputs) with these arrays in the place of the values."""
        values = self.values if values is None else values
        arrays = list(self.inputs)
        for i, x in zip(self.chosen, values):
            arrays[i] = x
        tensors = [Tensor(x, requires_grad=i in self.chosen, device=device)
                   for i, (x, device) in enumerate(zip(arrays, self.devices))]
        for p, x in zip(self.parameters, values[len(self.chosen):]):
            p._data = backend.to_device(x.copy(), p.device)
        outputs = self.f(*tensors)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        for y in outputs:
            if not isinstance(y, Tensor):
                raise TypeError(f"gradcheck: {self.name} must return a Tensor, or several, got {type(y).__name__}")
        return [tensors[i] for i in self.chosen] + self.parameters, outputs

    def vector(self, values):
        """All outputs as one array (K,)."""
        return np.concatenate([y.numpy().ravel().astype(np.float64) for y in self.run(values)[1]])

    def gradients(self, cotangents):
        """For each row of cotangents (m, K) the gradients by the values, as lists of Tensors; None where it is zero."""
        variables, outputs = self.run()
        stops = np.cumsum([y.size for y in outputs])[:-1]
        rows = []
        for row in cotangents:
            given = [Tensor(c.reshape(y.shape).astype(y.dtype), device=y.device)
                     for c, y in zip(np.split(row, stops), outputs)]
            before = [c.numpy().copy() for c in given]
            rows.append(autograd.grad(outputs, variables, given, retain_graph=True, allow_unused=True))
            if any((c.numpy() != b).any() for c, b in zip(given, before)):
                raise GradientError(f"{self.name}: backward changed the gradient that it was given")
        for name, x, value in zip(self.names, variables, self.values):
            if not np.array_equal(x.numpy(), value, equal_nan=True):
                raise GradientError(f"{self.name}: {name} was changed in place by forward or backward")
        return rows

    def of_the_gradient(self, settings):
        """The problem of (values, cotangents) ↦ gradients of f."""
        count, rng = len(self.inputs), settings.generator()
        outputs = self.run()[1]
        cotangents = [rng.standard_normal(y.shape) for y in outputs]

        def gradient(*arguments):
            tensors = arguments[:count]
            ys = self.f(*tensors)
            ys = list(ys) if isinstance(ys, (tuple, list)) else [ys]
            by = [tensors[i] for i in self.chosen] + self.parameters
            found = autograd.grad(ys, by, list(arguments[count:]), create_graph=True, allow_unused=True)
            return [g for g in found if g is not None] or [Tensor(np.zeros(1))]

        gradient.__name__ = f"the gradient of {self.name}"
        second = _Problem(gradient, [*self.inputs, *cotangents], self.parameters,
                          [*self.chosen, *range(count, count + len(outputs))])
        second.devices = self.devices + [y.device for y in outputs]
        second.order = 2
        second.names = [*self.names[:len(self.chosen)], *(f"cotangent {i}" for i in range(len(outputs))),
                        *self.names[len(self.chosen):]]
        return second


def _check(problem, settings):
    """Compare all gradients of a problem; a GradientReport."""
    rng = settings.generator()
    y = problem.vector(problem.values)
    if not np.array_equal(y, problem.vector(problem.values), equal_nan=True):
        raise GradientError(f"{problem.name} gives different results for the same inputs, so differences mean nothing: "
                            "fix its random numbers (mg.seed inside of it), or switch dropout off")
    if not np.isfinite(y).all():
        raise GradientError(f"{problem.name} itself gives nan or inf at these inputs: there is no derivative to compare")
    largest = max(x.size for x in problem.values)
    cotangents = rng.standard_normal((max(y.size, 1) if y.size <= FEW_OUTPUTS and largest <= FEW_INPUTS else COTANGENTS,
                                      y.size))
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
    method = f"{'all' if everything else f'{DIRECTIONS} random directions of'} {x.size} numbers, {len(cotangents)} cotangents"
    result = Comparison(problem.names[k], x.shape, method)
    if not np.isfinite(analytic).all():
        at = tuple(np.argwhere(~np.isfinite(analytic))[0])
        result.failure = _explain(problem, k, cotangents[at[0]], analytic[at[0]], int(at[1]), settings)
        return result
    if settings.rtol < 1e-7 and analytic.any() and (analytic == analytic.astype(np.float32)).all():
        at = np.unravel_index(np.abs(analytic).argmax(), analytic.shape)
        result.failure = _explain(problem, k, cotangents[at[0]], analytic[at[0]], int(at[1]), settings, LEAK)
        return result
    worst = None
    for i, d in enumerate(directions):
        a = analytic[:, i] if everything else analytic @ d
        n, excess = _numeric(problem, k, d, cotangents, a, settings)
        result.note(a, n)
        j = int(np.argmax(excess))
        if excess[j] > 1 and (worst is None or excess[j] > worst[0]):
            worst = excess[j], j, i, d
    if worst is not None:
        _, j, i, d = worst
        i = i if everything else _locate(problem, k, d, cotangents[j], analytic[j], settings)
        result.failure = _explain(problem, k, cotangents[j], analytic[j], i, settings)
    return result


def _line(problem, k, d):
    """t ↦ all outputs of f, with variable k moved by t d (in units of its typical size)."""
    x = problem.values[k]
    unit = _unit(x)

    def line(t):
        values = list(problem.values)
        values[k] = x + (t * unit) * d.reshape(x.shape)
        with np.errstate(all="ignore"):
            return problem.vector(values)
    return line


def _unit(x):
    """The typical size of a variable's numbers; 1 if they are all 0."""
    size = float(np.sqrt(np.mean(x * x))) if x.size else 1.0
    return size if size > 0 and np.isfinite(size) else 1.0


def _numeric(problem, k, d, cotangents, analytic, settings):
    """(the derivative along d for each cotangent, |analytic - it| in units of what is allowed).

    Steps shrink until analytic and numeric agree. The rounding of the difference is allowed for, but in small steps,
    where it grows, only up to 1e-5 of the derivative: else a wrong gradient would hide in it.
    """
    unit, first_noise = _unit(problem.values[k]), None
    numeric = np.full(len(analytic), np.nan)
    excess = np.full(len(analytic), np.inf)
    for e in estimates(_line(problem, k, d), cotangents, settings.first_step):
        value, noise = e.value / unit, e.noise / unit
        first_noise = noise if first_noise is None else first_noise
        size = np.maximum(np.abs(analytic), np.abs(value))
        allowed = settings.atol + settings.rtol * size + np.minimum(noise, np.maximum(first_noise, 1e-5 * size)) + 1e-300
        now = np.abs(analytic - value) / allowed
        better = now < excess
        numeric, excess = np.where(better, value, numeric), np.where(better, now, excess)
        if (excess <= 1).all():
            break
    else:
        numeric = np.where(excess > 1, value, numeric) if first_noise is not None else numeric
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
            excesses.append(_numeric(problem, k, part, cotangent[None], analytic[None] @ part, settings)[1][0])
        index = halves[int(np.argmax(excesses))]
    return int(index[0])


def _explain(problem, k, cotangent, analytic, i, settings, known=None):
    """The Failure at flat index i of variable k."""
    x = problem.values[k]
    d = np.zeros(x.size)
    d[i] = 1.0
    line, weights, unit = _line(problem, k, d), cotangent[None], _unit(x)
    numeric = _numeric(problem, k, d, weights, analytic[i:i + 1], settings)[0][0]
    around = _around(problem, k, cotangent, analytic, settings) if x.size <= FEW_INPUTS and known is None else None
    return Failure(
        problem.names[k], tuple(int(j) for j in np.unravel_index(i, x.shape)), float(x.reshape(-1)[i]), float(analytic[i]),
        float(numeric), *_verdict(line, weights, unit, float(analytic[i]), float(numeric), settings, known, around, x))


def _around(problem, k, cotangent, analytic, settings):
    """The numeric gradient (N,) that belongs to one cotangent."""
    return np.array([_numeric(problem, k, d, cotangent[None], analytic[i:i + 1], settings)[0][0]
                     for i, d in enumerate(np.eye(problem.values[k].size))])


def _verdict(line, weights, unit, analytic, numeric, settings, known, around, x):
    """("bug", "kink" or "precision", what the ratio usually means)."""
    if known is not None:
        return "bug", known
    left, right = (float(s[0]) / unit for s in one_sided(line, weights, settings.first_step / 1000))
    with np.errstate(all="ignore"):
        kink = bool(has_kink(line, weights, settings.first_step)[0])
    if kink and not np.isfinite(analytic):
        return "kink", "the slope is infinite or undefined here"
    slack = 1e-3 * max(abs(left), abs(right))
    if kink and min(left, right) - slack <= analytic <= max(left, right) + slack:
        return "kink", (f"the slope is {left:.6g} on the left and {right:.6g} on the right (a tie of max, relu or abs at 0 "
                        "...): move the input off the kink")
    y = line(0.0)
    last = None
    for last in estimates(line, weights, settings.first_step):
        pass
    doubt = np.inf if last is None else float(last.error[0] + last.noise[0]) / unit
    if not np.isfinite(numeric):
        return "precision", "f is nan or inf close to this input: there are no differences to compare with"
    if y.any() and (y == y.astype(np.float32)).all():
        return "precision", ("f computes in float32, whose differences have 3 digits at best: let it keep float64, or "
                             "pass rtol=1e-2")
    if np.isfinite(analytic) and abs(analytic - numeric) <= 3 * doubt:
        return "precision", f"the difference itself is only known to {doubt:.1g}: scale the input, or raise rtol"
    return "bug", _meaning(analytic, numeric, around, analytic_all=None, x=x)


def _meaning(analytic, numeric, around, analytic_all, x):
    """What a ratio analytic / numeric usually comes from."""
    if not np.isfinite(analytic):
        return "the gradient is not a number: a division by 0 or a logarithm of 0 in backward"
    if analytic == 0:
        return "the gradient is lost: a zero in backward, .detach(), .data or .numpy() on the way, a missing contribution"
    if numeric == 0 or abs(analytic / numeric) > 1e6:
        return "a gradient where f does not depend on this number"
    r = analytic / numeric
    for value, words in ((2, "counted twice"), (-1, "the sign is wrong"), (-2, "the sign is wrong, and counted twice"),
                         (0.5, "half of it is missing: a factor 2, or one of two uses")):
        if abs(r - value) < 1e-3 * abs(value):
            return words
    for n in sorted({n for n in (*x.shape, x.size) if n > 2}):
        if abs(r - n) < 1e-3 * n or abs(r * n - 1) < 1e-3:
            return f"the factor is {n}, the length of an axis: a mean taken for a sum, or a missing un-broadcast"
    if abs(r - 1) < 0.02:
        return f"off by {abs(r - 1):.2g} of its value: an inexact constant, or a small term that is missing"
    return "no simple factor: another axis, a transposed operand, or a missing term"


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
        local = _Local(function, operands)
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


class _Local(_Problem):
    """One recorded Function as a problem of its own."""

    def __init__(self, function, operands):
        cls, parameters = type(function), function.parameters
        wants = [isinstance(x, Tensor) and x.requires_grad for x in operands]
        fixed = [x.detach() if isinstance(x, Tensor) else x for x in operands]

        def alone(*tensors):
            given = iter(tensors)
            return cls.apply(*(next(given) if want else x for want, x in zip(wants, fixed)), **parameters)

        alone.__name__ = function.name
        super().__init__(alone, [x.detach() for x, want in zip(operands, wants) if want])
        names, several = operand_names(cls)
        names = [*names, *(f"{several}[{i}]" for i in range(len(operands) - len(names)))]
        self.names = [name for name, want in zip(names, wants) if want]
        self.shapes = ", ".join(str(tuple(x.shape)) if hasattr(x, "shape") else repr(x) for x in fixed)

    def of_the_gradient(self, settings):
        second = super().of_the_gradient(settings)
        second.shapes = self.shapes
        return second


class Culprit:
    """A Function whose own gradient is wrong, found by replaying the tape."""

    def __init__(self, function, number, total, shapes, failure, second_order):
        self.function, self.number, self.total, self.shapes = function, number, total, shapes
        self.failure, self.second_order = failure, second_order

    def __str__(self):
        which = "second derivative (the gradient of its backward)" if self.second_order else "gradient"
        return (f"{self.function}, operation {self.number} of {self.total} on the tape, operands {self.shapes}: its own "
                f"{which} differs\n    {self.failure}".replace("\n", "\n  "))


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
        return (f"{self.input}{list(self.index) if self.index else ''} = {self.value:.6g}: analytic {self.analytic:.10g}, "
                f"numeric {self.numeric:.10g}, ratio {self.ratio:.6g}; looks like {looks}: {self.meaning}")


class Comparison:
    """How one input's gradient compares: the largest relative difference, and the Failure if there is one."""

    def __init__(self, name, shape, method):
        self.name, self.shape, self.method, self.worst, self.failure = name, shape, method, 0.0, None

    def note(self, analytic, numeric):
        size = np.maximum(np.abs(analytic), np.abs(numeric))
        with np.errstate(all="ignore"):
            relative = np.where(size > 0, np.abs(analytic - numeric) / size, 0.0)
        self.worst = max(self.worst, float(np.nanmax(relative, initial=0.0)))


class GradientReport:
    """What a gradient check found: `comparisons` per input, `failures`, `culprits` by name; true if all is well."""

    def __init__(self, name, order):
        self.name, self.order, self.comparisons, self.culprits = name, order, [], []

    def add(self, comparison):
        self.comparisons.append(comparison)

    @property
    def failures(self):
        """The Failures, one for each input that has one."""
        return [c.failure for c in self.comparisons if c.failure is not None]

    def __bool__(self):
        return not self.failures

    def finish(self, raise_exception):
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


def _input_names(f, count):
    """The names of f's arguments if they can be told, else "input 0" ..."""
    try:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind in kinds]
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"input {i}" for i in range(count)]


def _is_numbers(x):
    """Whether a list is one input, written as numbers, rather than a list of inputs."""
    return isinstance(x, list) and bool(x) and all(isinstance(i, (int, float, list)) for i in x)


def _plain(x):
    return x.data if isinstance(x, Tensor) else x


def _float64(x):
    x = np.asarray(backend.to_numpy(_plain(x)))
    if x.dtype.kind == "c":
        raise TypeError("gradcheck: complex inputs are not done here")
    return np.array(x, dtype=np.float64 if x.dtype.kind == "f" else None)
