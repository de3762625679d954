"""Operators and functions on Symbols: `a + b`, `2 * a`, `a[:, 0]`, `a.sum(axis=1)`, `np.concatenate([a, b], 1)`.

Each is recorded as a call of an Operation, a layer without parameters, which has the function's name.
"""

from minigrad import functions as F
from minigrad import operators
from minigrad.layers.layer import Layer
from minigrad.layers.symbols import Symbol
from minigrad.names import checked_choice

NAMES = {getattr(F, name): name for name in reversed(F.__all__)}


class Operation(Layer):
    """y = f(...), f one of minigrad.functions, by its name."""

    def __init__(self, function, name=None):
        self.function = checked_choice(function, F.__all__, "function")
        super().__init__(name)

    @property
    def label(self):
        """Its name: what it was given, else that of the function."""
        return self.name or self.function

    def _as_input(self, x, several=False):
        return x  # numbers and slices stay what they are

    def call(self, *arguments, **keywords):
        return getattr(F, self.function)(*arguments, **keywords)


def _method(name):
    def method(self, *arguments, **keywords):
        return Operation(name)(self, *arguments, **keywords)
    return method


def _reflected(name):
    def method(self, other):
        return Operation(name)(other, self)
    return method


def _array_ufunc(self, ufunc, method, *inputs, **keywords):
    name = NAMES.get(operators.UFUNCS.get(ufunc))
    if name is None or method != "__call__":
        raise TypeError(f"np.{ufunc.__name__} cannot be drawn: put what it computes into a layer, layers.Lambda(f)")
    return Operation(name)(*inputs, **keywords)


def _array_function(self, function, types, arguments, keywords):
    name = NAMES.get(operators.FUNCTIONS.get(function))
    if name is None:
        raise TypeError(f"np.{function.__name__} cannot be drawn: put what it computes into a layer, layers.Lambda(f)")
    return Operation(name)(*operators.by_name(function, arguments, keywords), **keywords)


def _no_iteration(self):
    raise TypeError(f"{self!r} cannot be iterated over: take its parts by index, as x[:, 0]")


def bind():
    """Give Symbol the operators and methods of Tensor, and NumPy's functions."""
    for name, function in operators.METHODS.items():
        if function in NAMES:
            setattr(Symbol, name, _method(NAMES[function]))
    for name, function in operators.OPERATORS.items():
        setattr(Symbol, f"__{name}__", _method(NAMES[function]))
        setattr(Symbol, f"__r{name}__", _reflected(NAMES[function]))
    Symbol.__iter__ = _no_iteration
    Symbol.__array_ufunc__, Symbol.__array_function__ = _array_ufunc, _array_function


bind()
