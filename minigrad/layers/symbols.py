"""Symbols: what stands for a Tensor while a model is drawn. `y = Dense(10)(Input((28,)))` computes nothing but shapes.

A layer that is called on symbols gives symbols, each with the Node that made it: the layer, and what it was called with.
A functional model (training/functional.py) is what lies between two sets of them.
"""

import itertools

import numpy as np

from minigrad.autograd import no_grad
from minigrad.tensor import Tensor, get_default_dtype

LENGTHS = 64, 96  # stand for a length that is not known (None): what differs between the two is not known either
_number = itertools.count().__next__


class Symbol:
    """A Tensor to come: shape (None where a length is not known, as that of the batch), dtype, and its Node."""

    node = None
    __array_priority__ = 2000

    def __init__(self, shape, dtype=None, name=None):
        self.shape, self.dtype, self.name = tuple(shape), dtype, name

    @property
    def ndim(self):
        """How many axes."""
        return len(self.shape)

    def __array__(self, *arguments, **keywords):
        raise TypeError(f"{self!r} holds no numbers yet, so functions cannot compute with it: use a layer (layers.Add, "
                        "layers.Activation, or layers.Lambda(f) for a function f), an operator, or NumPy's name, np.f(x)")

    def __deepcopy__(self, memo):
        return self  # a drawing: the copy of a model has layers of its own, see Functional

    def __repr__(self):
        return f"{type(self).__name__}(shape={self.shape}" + (f", name={self.name!r})" if self.name else ")")


class Input(Symbol):
    """`Input(shape=(28, 28, 1))`: what comes in, for a functional model, or as the first entry of a Sequential.

    shape  of one example, None for a length that may change from batch to batch
    dtype  float, unless the first layer that takes it wants integers
    """

    def __init__(self, shape, dtype=None, name=None):
        super().__init__((None, *shape_of(shape)), dtype, name)


class Node:
    """One call of a layer on symbols. Nodes are numbered as they are made, so none comes before what it reads."""

    def __init__(self, layer, arguments, keywords):
        self.layer, self.arguments, self.keywords, self.number = layer, arguments, keywords, _number()
        self.outputs = None


def has_symbol(values):
    """Whether one of these arguments is a Symbol, or a list, tuple or dict with one."""
    for value in values.values() if isinstance(values, dict) else values:
        if isinstance(value, Symbol):
            return True
        if isinstance(value, dict):
            value = value.values()
        if isinstance(value, (list, tuple, type({}.values()))) and any(isinstance(part, Symbol) for part in value):
            return True
    return False


def mapped(function, value, kind):
    """The structure of lists, tuples and dicts with each `kind` in it replaced by function(it)."""
    if isinstance(value, (list, tuple)):
        return type(value)([mapped(function, part, kind) for part in value])
    if isinstance(value, dict):
        return {name: mapped(function, part, kind) for name, part in value.items()}
    return function(value) if isinstance(value, kind) else value


def found(value, kind):
    """Each `kind` in a structure of lists, tuples and dicts, in order."""
    parts = []
    mapped(parts.append, value, kind)
    return parts


def empty_batch(symbol, length=LENGTHS[0], dtype=None):
    """Zeros of the symbol's shape, without rows."""
    shape = [length if n is None else n for n in symbol.shape[1:]]
    return Tensor.wrap(np.zeros((0, *shape), symbol.dtype or dtype or get_default_dtype()))


def called_with_symbols(layer, arguments, keywords):
    """The symbols of what the layer gives: it is called on an empty batch, to see the shapes."""
    given = found((arguments, keywords), Symbol)
    for symbol in given:
        if symbol.dtype is None and layer.input_dtype != "float32":
            symbol.dtype = layer.input_dtype
    node, results = Node(layer, arguments, keywords), []
    for length in LENGTHS if any(None in symbol.shape[1:] for symbol in given) else LENGTHS[:1]:
        def empty(symbol, length=length):
            return empty_batch(symbol, length)

        with no_grad():
            y = layer(*mapped(empty, arguments, Symbol), **mapped(empty, keywords, Symbol))
        results.append([(y.shape, str(y.dtype)) for y in found(y, Tensor)])
    made = iter([Symbol([n if n == m and (i or n) else None for i, (n, m) in enumerate(zip(shape, other))], dtype)
                 for (shape, dtype), (other, _) in zip(results[0], results[-1])])
    node.outputs = mapped(lambda _: next(made), y, Tensor)
    for symbol in found(node.outputs, Symbol):
        symbol.node = node
    return node.outputs


def shape_of(shape):
    """A shape as a tuple; a number is that of a vector."""
    return (int(shape),) if hasattr(shape, "__index__") else tuple(shape)
