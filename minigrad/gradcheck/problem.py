"""What is checked, as a function of float64 arrays: f by its inputs, a model by its parameters, one Function alone."""

import inspect

import numpy as np

from minigrad import autograd, backend
from minigrad.errors import GradientError
from minigrad.function import operand_names
from minigrad.tensor import Tensor


class Settings:
    """What a check allows, and its random numbers."""

    def __init__(self, rtol, atol, first_step, seed):
        self.rtol, self.atol, self.first_step, self.seed = rtol, atol, first_step, seed

    def generator(self, *stream):
        """Random numbers that depend on the seed, and on nothing else."""
        return np.random.default_rng((self.seed, *stream))


class Problem:
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
            with np.errstate(all="ignore"):            # an inf or nan is reported, with its place
                rows.append(autograd.grad(outputs, variables, given, retain_graph=True, allow_unused=True))
            if any((c.numpy() != b).any() for c, b in zip(given, before)):
                raise GradientError(f"{self.name}: backward changed the gradient that it was given")
        for name, x, value in zip(self.names, variables, self.values):
            if not np.array_equal(x.numpy(), value, equal_nan=True):
                raise GradientError(f"{self.name}: {name} was changed in place by forward or backward")
        return rows

    def of_the_gradient(self, settings):
        """The problem of (values, cotangents) ↦ gradients of f."""
        count, rng = len(self.inputs), settings.generator(1)
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
        second = Problem(gradient, [*self.inputs, *cotangents], self.parameters,
                          [*self.chosen, *range(count, count + len(outputs))])
        second.devices = self.devices + [y.device for y in outputs]
        second.order = 2
        second.names = [*self.names[:len(self.chosen)], *(f"cotangent {i}" for i in range(len(outputs))),
                        *self.names[len(self.chosen):]]
        return second


class Local(Problem):
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
        """The same Function's gradient, at the same operands."""
        second = super().of_the_gradient(settings)
        second.shapes = self.shapes
        return second


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
