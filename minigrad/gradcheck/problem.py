"""What is checked, as a function of float64 arrays: f by its inputs, a model by its parameters, one Function alone."""

import builtins
import inspect

import numpy as np

from minigrad import autograd, backend
from minigrad.errors import GradientError
from minigrad.function import operand_names
from minigrad.functions import complex, imag, real
from minigrad.tensor import Tensor

NUMBERS = (int, float, builtins.complex)


class Settings:
    """What a check allows, and its random numbers."""

    def __init__(self, rtol, atol, first_step, seed):
        self.rtol, self.atol, self.first_step, self.seed = rtol, atol, first_step, seed

    def generator(self, *stream):
        """Random numbers that depend on the seed, and on nothing else."""
        return np.random.default_rng((self.seed, *stream))


class Problem:
    """f as a function of float64 arrays: the inputs first, then the parameters. `with problem:` makes these float64.

    A complex input counts as two real ones, and so does a complex output.
    """

    order = 1

    def __init__(self, f, inputs, parameters=None, argnums=None, names=None):
        inputs = list(inputs) if isinstance(inputs, (tuple, list)) and not _is_numbers(inputs) else [inputs]
        self.f, self.name = f, getattr(f, "__name__", type(f).__name__)
        if hasattr(f, "named_parameters"):
            with autograd.no_grad():
                f(*inputs)                             # a model that is built by its first call
            named = f.named_parameters()
        else:
            named = [(getattr(p, "name", "") or f"parameter {i}", p) for i, p in enumerate(parameters or ())]
        self.parameters = [p for _, p in named if p.requires_grad]
        if any(p.dtype.kind == "c" for p in self.parameters):
            raise TypeError("gradcheck: complex parameters are not done here: pass them as inputs of f")
        pieces = [(i, *piece) for i, (x, name) in enumerate(zip(inputs, names or _input_names(f, len(inputs))))
                  for piece in _real_pieces(name, _float64(x))]
        self.owners = [i for i, *_ in pieces]          # of which of f's arguments each input is a part
        self.inputs = [x for *_, x in pieces]
        self.devices = [backend.device_of(_plain(inputs[i])) for i in self.owners]
        floating = sorted({i for i, _, x in pieces if x.dtype.kind == "f"})
        wanted = floating if argnums is None else [argnums] if isinstance(argnums, int) else list(argnums)
        for i in wanted:
            if i not in floating:
                raise ValueError(f"gradcheck: argnums has {i}, but the floating-point inputs are {floating}")
        self.chosen = [k for i in wanted for k, owner in enumerate(self.owners) if owner == i]
        if not self.chosen and not self.parameters:
            raise ValueError("gradcheck: nothing to check: no input is a floating-point array, and no parameters "
                             "were given that require gradients")
        self.names = [*(pieces[k][1] for k in self.chosen), *(n for n, p in named if p.requires_grad)]

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
        return [tensors[i] for i in self.chosen] + self.parameters, self.outputs(tensors)

    def outputs(self, tensors):
        """The real outputs of f for these inputs, a list."""
        arguments = {}
        for owner, x in zip(self.owners, tensors):
            arguments[owner] = complex(arguments[owner], x) if owner in arguments else x
        ys = self.f(*arguments.values())
        ys = list(ys) if isinstance(ys, (tuple, list)) else [ys]
        for y in ys:
            if not isinstance(y, Tensor):
                raise TypeError(f"gradcheck: {self.name} must return a Tensor, or several, got {type(y).__name__}")
        return [part for y in ys for part in ((real(y), imag(y)) if y.dtype.kind == "c" else (y,))]

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
            ys = self.outputs(tensors)
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
        names, several = operand_names(cls)
        names = [*names, *(f"{several}[{i}]" for i in range(len(operands) - len(names)))]
        super().__init__(alone, [x.detach() for x, want in zip(operands, wants) if want],
                         names=[name for name, want in zip(names, wants) if want])
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
    return isinstance(x, list) and bool(x) and all(isinstance(i, (*NUMBERS, list)) for i in x)


def _plain(x):
    return x.data if isinstance(x, Tensor) else x


def _float64(x):
    x = np.asarray(backend.to_numpy(_plain(x)))
    return np.array(x, dtype={"f": np.float64, "c": np.complex128}.get(x.dtype.kind))


def _real_pieces(name, x):
    """(name, array) of x, or of its real and imaginary parts."""
    return [(f"{name}.real", x.real.copy()), (f"{name}.imag", x.imag.copy())] if x.dtype.kind == "c" else [(name, x)]
