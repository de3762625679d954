"""The one table of all functions: what each computes, on which numbers, and an independent reference for it.

The tests run over this table, so a function is tested by adding its entries here. An entry is named "function" or
"function/variant"; `call` takes Tensors, `reference` the same arguments as arrays. Arguments that cannot carry a gradient
(indices, labels, masks) are arrays of integers or booleans among the inputs; every floating-point input is differentiated.
Sample inputs are float64, and keep away from kinks (relu at 0, ties of max) by more than a finite difference's step.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import references as R
import scipy.special

import minigrad as mg
import minigrad.functions as F
from minigrad.functions import (
    activations,
    arithmetic,
    attention,
    device,
    exponential,
    gaussian,
    indexing,
    losses,
    normalization,
    padding,
    products,
    reductions,
    shapes,
)


@dataclass(frozen=True)
class Entry:
    """One function on one kind of input."""

    name: str                     # "conv2d/stride"
    call: Callable                # Tensors -> a Tensor, or a list of them
    sample: Callable              # a numpy Generator -> the inputs, a tuple of arrays
    reference: Callable           # arrays -> an array, or a list of them
    covers: tuple = ()            # the Function classes that it runs, forward or backward
    order: int = 2                # how often it can be differentiated, counting no further than 2
    elementwise: bool = False     # works on any shape, number by number
    broadcasts: bool = False      # two elementwise operands that broadcast against each other

    @property
    def function(self):
        return self.name.partition("/")[0]

    def inputs(self):
        """The sample inputs, the same ones at each call."""
        return tuple(np.asarray(x) for x in self.sample(self.rng()))

    def rng(self):
        return np.random.default_rng(zlib.crc32(self.name.encode()))

    def __repr__(self):
        return self.name


TABLE: list[Entry] = []


def add(name, call, sample, reference, *covers, **facts):
    TABLE.append(Entry(name, call, sample, reference, covers, **facts))


# ---- sample inputs

def normal(*shapes):
    """Standard normal numbers."""
    return lambda rng: tuple(rng.standard_normal(s) for s in shapes)


def positive(*shapes):
    """Numbers in [0.5, 2): for logarithms, roots and powers."""
    return lambda rng: tuple(rng.uniform(0.5, 2, s) for s in shapes)


def distinct(*shapes):
    """Numbers ±0.05, ±0.15, ±0.25 ..., each once over all the inputs: none is 0, no two are equal."""
    def sample(rng):
        total = sum(math.prod(s) for s in shapes)
        numbers = (rng.permutation(total) - total // 2 + 0.5) * 0.1
        parts = np.split(numbers, np.cumsum([math.prod(s) for s in shapes])[:-1])
        return tuple(p.reshape(s) for p, s in zip(parts, shapes))
    return sample


def apart(*shapes):
    """Numbers ±0.5, ±1.5, ±2.5 ..., each once: the standard deviation of any two is at least 0.5."""
    return lambda rng: tuple(10 * x for x in distinct(*shapes)(rng))


def nonzero(*shapes):
    """Numbers of both signs, at least 0.5 away from 0."""
    return lambda rng: tuple(rng.uniform(0.5, 2, s) * rng.choice([-1, 1], s) for s in shapes)


def probabilities(*shape):
    """Rows of positive numbers that sum to 1."""
    return lambda rng: (R.softmax(rng.uniform(-1, 1, shape)),)


def integers(high, *shape, dtype=np.int64):
    return lambda rng: (rng.integers(0, high, shape).astype(dtype),)


def booleans(*shape):
    return lambda rng: (rng.random(shape) < 0.5,)


def fixed(*arrays, dtype=None):
    """These very arrays: indices, masks."""
    return lambda rng: tuple(np.array(a, dtype) for a in arrays)


def together(*samples):
    """The inputs of several samples, one after another."""
    return lambda rng: tuple(x for sample in samples for x in sample(rng))


# ---- arithmetic

def binary(name, sample, reference, cls):
    add(name, getattr(F, name), sample((2, 3), (2, 3)), reference, cls, elementwise=True, broadcasts=True)
    add(f"{name}/broadcast", getattr(F, name), sample((2, 1, 3), (4, 1)), reference, cls)
    add(f"{name}/0-d", getattr(F, name), sample((), (3,)), reference, cls)


binary("add", normal, np.add, arithmetic.Add)
binary("subtract", normal, np.subtract, arithmetic.Subtract)
binary("multiply", normal, np.multiply, arithmetic.Multiply)
binary("divide", nonzero, np.divide, arithmetic.Divide)
binary("power", positive, np.power, arithmetic.Power)
binary("maximum", distinct, np.maximum, arithmetic.Maximum)
binary("minimum", distinct, np.minimum, arithmetic.Minimum)

for name, call in {
    "add/number": lambda x: 2 + (x + 1.5), "subtract/number": lambda x: 2 - (x - 1.5),
    "multiply/number": lambda x: 2 * (x * 1.5), "divide/number": lambda x: 2 / (x / 1.5),
    "power/number": lambda x: x ** 3, "power/negative number": lambda x: x ** -2, "power/zero": lambda x: x ** 0,
    "power/one": lambda x: x ** 1, "power/two": lambda x: x ** 2.0,
}.items():
    add(name, call, nonzero((2, 3)), call, elementwise=True)
add("power/root", lambda x: x ** 0.5, positive((2, 3)), np.sqrt, arithmetic.Power, elementwise=True)
add("power/of a number", lambda y: 2.5 ** y, normal((2, 3)), lambda y: np.exp(y * math.log(2.5)), arithmetic.Power,
    elementwise=True)
add("maximum/number", lambda x: F.maximum(x, 0.0), distinct((2, 3)), lambda x: np.maximum(x, 0), elementwise=True)
add("minimum/number", lambda x: F.minimum(0.0, x), distinct((2, 3)), lambda x: np.minimum(x, 0), elementwise=True)

add("negative", F.negative, normal((2, 3)), np.negative, arithmetic.Negative, elementwise=True)
add("absolute", F.absolute, distinct((2, 3)), np.abs, arithmetic.Absolute, elementwise=True)
add("abs", F.abs, distinct((2, 3)), np.abs, arithmetic.Absolute, elementwise=True)
add("square", F.square, normal((2, 3)), lambda x: x ** 2, elementwise=True)
add("where", F.where, together(booleans(2, 3), normal((2, 3), (2, 3))), np.where, arithmetic.Where, elementwise=True)
add("where/broadcast", F.where, together(booleans(3), normal((2, 1), (1, 3))), np.where, arithmetic.Where)
add("where/number", lambda c, x: F.where(c, x, 0.5), together(booleans(2, 3), normal((2, 3))),
    lambda c, x: np.where(c, x, 0.5), arithmetic.Where, elementwise=True)
add("clip", lambda x: F.clip(x, -0.2, 0.1), distinct((2, 5)), lambda x: np.minimum(np.maximum(x, -0.2), 0.1),
    arithmetic.Clip, elementwise=True)
add("clip/min", lambda x: F.clip(x, min=0.0), distinct((2, 5)), lambda x: np.maximum(x, 0), elementwise=True)
add("clip/max", lambda x: F.clip(x, max=0.0), distinct((2, 5)), lambda x: np.minimum(x, 0), elementwise=True)


# ---- exponential, activations

for name, cls in {"exp": exponential.Exp, "sin": exponential.Sin, "cos": exponential.Cos, "tanh": exponential.Tanh}.items():
    add(name, getattr(F, name), normal((2, 3)), getattr(np, name), cls, elementwise=True)
add("erf", F.erf, normal((2, 3)), np.vectorize(math.erf, otypes=[float]), exponential.Erf, elementwise=True)
add("log", F.log, positive((2, 3)), np.log, exponential.Log, elementwise=True)
add("sqrt", F.sqrt, positive((2, 3)), np.sqrt, exponential.Sqrt, elementwise=True)

add("relu", F.relu, distinct((3, 4)), lambda x: np.where(x > 0, x, 0), activations.Relu, elementwise=True)
add("sigmoid", F.sigmoid, normal((2, 3)), lambda x: 1 / (1 + np.exp(-x)), activations.Sigmoid,
    activations.SigmoidGradient, elementwise=True)
add("softplus", F.softplus, normal((2, 3)), lambda x: np.log(1 + np.exp(x)), activations.Softplus, elementwise=True)
add("gelu", F.gelu, normal((2, 3)), lambda x: x * scipy.special.ndtr(x), gaussian.Gelu,
    gaussian.GeluGradient, elementwise=True)
add("gelu/tanh", lambda x: F.gelu(x, approximate="tanh"), normal((2, 3)),
    lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3))),
    gaussian.GeluTanh, gaussian.GeluTanhGradient, elementwise=True)
for axis in (-1, 0, 1, (0, 2)):
    add(f"softmax/axis {axis}", lambda x, axis=axis: F.softmax(x, axis), normal((2, 3, 4)),
        lambda x, axis=axis: R.softmax(x, axis), activations.Softmax)
    add(f"log_softmax/axis {axis}", lambda x, axis=axis: F.log_softmax(x, axis), normal((2, 3, 4)),
        lambda x, axis=axis: np.log(R.softmax(x, axis)), activations.LogSoftmax)
add("softmax", F.softmax, normal((3, 5)), R.softmax, activations.Softmax, activations.SoftmaxGradient)
add("softmax/empty", F.softmax, normal((0, 5)), R.softmax, activations.Softmax)
add("log_softmax", F.log_softmax, normal((3, 5)), lambda x: np.log(R.softmax(x)), activations.LogSoftmax,
    activations.LogSoftmaxGradient)
add("log_softmax/empty", F.log_softmax, normal((0, 5)), R.softmax, activations.LogSoftmax)


def dropout(x, p=0.4):
    """With a seed of its own: the same numbers are dropped at each call."""
    mg.seed(7)
    return F.dropout(x, p)


add("dropout", dropout, normal((5, 4)), lambda x: x * dropout(mg.Tensor(np.ones(x.shape))).numpy())
add("dropout/0-d", dropout, normal(()), lambda x: x * dropout(mg.Tensor(np.ones(()))).numpy())
add("dropout/evaluation", lambda x: F.dropout(x, 0.4, training=False), normal((2, 3)), lambda x: x)


# ---- reductions

REDUCTIONS = {
    "sum": (np.sum, normal, reductions.Sum), "mean": (np.mean, normal, reductions.Mean),
    "var": (np.var, apart, reductions.Var), "std": (np.std, apart, reductions.Var),
    "max": (np.max, distinct, indexing.TakeAlongAxis), "min": (np.min, distinct, indexing.PutAlongAxis),
    "logsumexp": (scipy.special.logsumexp, normal, reductions.LogSumExp),
}
AXES = {"": None, "/axis 0": 0, "/axis -2": -2, "/axes": (0, 2), "/axes out of order": (-1, 0), "/no axes": ()}

for name, (reference, sample, cls) in REDUCTIONS.items():
    call = getattr(F, name)
    for variant, axis in AXES.items():
        if axis == () and name in ("var", "std"):  # the variance of single numbers: 0, and no slope of its root
            continue
        expected = reference if axis != () or name != "logsumexp" else lambda x, axis: x
        add(name + variant, lambda x, f=call, a=axis: f(x, axis=a), sample((2, 3, 2)),
            lambda x, f=expected, a=axis: f(x, axis=a), cls)
    add(f"{name}/keepdims", lambda x, f=call: f(x, axis=(0, -1), keepdims=True), sample((2, 3, 2)),
        lambda x, f=reference: f(x, axis=(0, -1), keepdims=True))
    add(f"{name}/leading axes", lambda x, f=call: f(x, axis=(0, 1)), sample((2, 3, 2)),
        lambda x, f=reference: f(x, axis=(0, 1)))
    add(f"{name}/leading axes kept", lambda x, f=call: f(x, axis=(0, 1), keepdims=True), sample((2, 3, 2)),
        lambda x, f=reference: f(x, axis=(0, 1), keepdims=True))
    add(f"{name}/list", lambda x, f=call: f(x, axis=[0, 1]), sample((2, 3)), lambda x, f=reference: f(x, axis=(0, 1)))
    if name not in ("var", "std"):
        add(f"{name}/0-d", call, sample(()), lambda x, f=reference: f(x))
    add(f"{name}/no rows", lambda x, f=call: f(x, axis=1), sample((0, 3)), lambda x, f=reference: f(x, axis=1))
add("var/ddof", lambda x: F.var(x, axis=1, ddof=1), apart((2, 4)), lambda x: np.var(x, axis=1, ddof=1), reductions.Var)
add("std/ddof", lambda x: F.std(x, axis=1, ddof=1), apart((2, 4)), lambda x: np.std(x, axis=1, ddof=1), reductions.Var)
add("sum/of nothing", lambda x: F.sum(x, axis=0), normal((0, 3)), lambda x: np.zeros(3))


# ---- shapes

add("reshape", lambda x: F.reshape(x, (3, -1)), normal((2, 6)), lambda x: x.reshape(3, 4), shapes.Reshape)
add("reshape/arguments", lambda x: x.reshape(2, 1, 6), normal((3, 4)), lambda x: x.reshape(2, 1, 6), shapes.Reshape)
add("reshape/0-d", lambda x: F.reshape(x, ()), normal((1, 1)), lambda x: x[0, 0], shapes.Reshape)
add("reshape/empty", lambda x: F.reshape(x, (3, 0)), normal((2, 0)), lambda x: np.zeros((3, 0)), shapes.Reshape)
add("ravel", F.ravel, normal((2, 3)), np.ravel, shapes.Reshape)
add("ravel/0-d", F.ravel, normal(()), np.ravel, shapes.Reshape)
add("transpose", F.transpose, normal((2, 3, 4)), np.transpose, shapes.Transpose)
add("transpose/axes", lambda x: F.transpose(x, (1, -1, 0)), normal((2, 3, 4)), lambda x: np.transpose(x, (1, 2, 0)),
    shapes.Transpose)
add("transpose/arguments", lambda x: x.transpose(2, 0, 1), normal((2, 3, 4)), lambda x: x.transpose(2, 0, 1))
add("transpose/0-d", F.transpose, normal(()), np.transpose, shapes.Transpose)
add("swapaxes", lambda x: F.swapaxes(x, 0, -1), normal((2, 3, 4)), lambda x: np.swapaxes(x, 0, 2))
add("moveaxis", lambda x: F.moveaxis(x, 0, -1), normal((2, 3, 4)), lambda x: np.moveaxis(x, 0, -1))
add("moveaxis/several", lambda x: F.moveaxis(x, (0, -1), (1, 0)), normal((2, 3, 4)),
    lambda x: np.moveaxis(x, (0, -1), (1, 0)))
add("squeeze", F.squeeze, normal((1, 3, 1)), np.squeeze)
add("squeeze/axis", lambda x: F.squeeze(x, -1), normal((1, 3, 1)), lambda x: np.squeeze(x, -1))
add("squeeze/axes", lambda x: F.squeeze(x, (0, -1)), normal((1, 3, 1)), lambda x: np.squeeze(x, (0, -1)))
add("expand_dims", lambda x: F.expand_dims(x, -1), normal((2, 3)), lambda x: x[..., None])
add("expand_dims/axes", lambda x: F.expand_dims(x, (0, -2)), normal((2, 3)), lambda x: x[None, :, None])
add("broadcast_to", lambda x: F.broadcast_to(x, (4, 2, 3)), normal((2, 1)), lambda x: np.broadcast_to(x, (4, 2, 3)),
    shapes.BroadcastTo)
add("broadcast_to/0-d", lambda x: F.broadcast_to(x, 3), normal(()), lambda x: np.broadcast_to(x, 3), shapes.BroadcastTo)
add("flip", F.flip, normal((2, 3)), np.flip, shapes.Flip)
add("flip/axis", lambda x: F.flip(x, -1), normal((2, 3)), lambda x: x[:, ::-1], shapes.Flip)
add("flip/axes", lambda x: F.flip(x, (0, 2)), normal((2, 3, 2)), lambda x: x[::-1, :, ::-1], shapes.Flip)
add("concatenate", lambda x, y, z: F.concatenate([x, y, z]), normal((2, 3), (1, 3), (2, 3)),
    lambda x, y, z: np.concatenate([x, y, z]), shapes.Concatenate, indexing.GetItem)
add("concatenate/axis", lambda x, y: F.concatenate((x, y), axis=-1), normal((2, 1, 3), (2, 1, 2)),
    lambda x, y: np.concatenate([x, y], -1), shapes.Concatenate)
add("concatenate/flat", lambda x, y: F.concatenate([x, y], axis=None), normal((2, 2), (3,)),
    lambda x, y: np.concatenate([x, y], None), shapes.Concatenate)
add("concatenate/empty part", lambda x, y: F.concatenate([x, y]), normal((0, 3), (2, 3)),
    lambda x, y: y, shapes.Concatenate)
add("stack", lambda x, y: F.stack([x, y]), normal((2, 3), (2, 3)), lambda x, y: np.stack([x, y]))
add("stack/axis", lambda x, y: F.stack([x, y], axis=-1), normal((2, 3), (2, 3)), lambda x, y: np.stack([x, y], -1))
add("stack/0-d", lambda x, y: F.stack([x, y]), normal((), ()), lambda x, y: np.stack([x, y]))
add("split", lambda x: F.split(x, 2), normal((4, 3)), lambda x: np.split(x, 2), shapes.Split)
add("split/indices", lambda x: F.split(x, [1, 1, -1], axis=-1), normal((2, 4)),
    lambda x: [x[:, :1], x[:, 1:1], x[:, 1:3], x[:, 3:]], shapes.Split)
add("split/one part used", lambda x: F.split(x, 3)[1], normal((3, 2)), lambda x: x[1:2], shapes.Split)
add("unstack", lambda x: F.unstack(x, axis=-1), normal((2, 3)), lambda x: [x[:, 0], x[:, 1], x[:, 2]], shapes.Unstack)
add("unstack/0-d parts", F.unstack, normal((3,)), lambda x: [x[0], x[1], x[2]], shapes.Unstack)
add("pad", lambda x: F.pad(x, 1), normal((2, 3)), lambda x: np.pad(x, 1), padding.Pad)
add("pad/before and after", lambda x: F.pad(x, (1, 2)), normal((2, 3)), lambda x: np.pad(x, (1, 2)), padding.Pad)
add("pad/each axis", lambda x: F.pad(x, ((0, 2), (1, 0)), constant_values=1.5), normal((2, 3)),
    lambda x: np.pad(x, ((0, 2), (1, 0)), constant_values=1.5), padding.Pad)
add("astype", lambda x: F.astype(x, x.dtype), normal((2, 3)), lambda x: x, shapes.AsType, elementwise=True)
add("to_device", lambda x: device.ToDevice.apply(x, device=x.device), normal((2, 3)), lambda x: x, device.ToDevice)


# ---- indexing: GetItem and Scatter are each other's backward

BASIC_KEYS = {
    "integer": 1, "negative integer": -1, "number": (0, 1, -1), "slice": np.s_[:, 1:], "steps": np.s_[::-2, 1:, ::2],
    "backwards": np.s_[::-1, ::-1, ::-1], "new axis": np.s_[None, :, 0, None], "ellipsis": np.s_[..., -2],
    "everything": Ellipsis, "no key": (), "nothing": np.s_[2:2], "out of range": np.s_[1:99],
}
for variant, key in BASIC_KEYS.items():
    add(f"getitem/{variant}", lambda x, key=key: F.getitem(x, key), normal((3, 2, 4)), lambda x, key=key: x[key],
        indexing.GetItem, indexing.Scatter)
    add(f"scatter/{variant}", lambda x, key=key: indexing.Scatter.apply(x, key=key, shape=(3, 2, 4)),
        lambda rng, key=key: (rng.standard_normal(np.zeros((3, 2, 4))[key].shape),),
        lambda x, key=key: R.scatter(x, key, (3, 2, 4)), indexing.Scatter, indexing.GetItem)
add("getitem/0-d", lambda x: x[()], normal(()), lambda x: x, indexing.GetItem)
add("getitem/0-d new axis", lambda x: x[None, ...], normal(()), lambda x: x.reshape(1), indexing.GetItem)

ARRAY_KEYS = {  # variant: (the key from its index arrays, the index arrays)
    "repeated": (lambda i: i, [[2, 0, 2, -1]]), "uint8": (lambda i: i, [np.array([[1, 1], [0, 2]], np.uint8)]),
    "int32 pairs": (lambda i, j: (i, j), [np.array([0, 2, 2], np.int32), np.array([1, 0, 0], np.int32)]),
    "outer": (lambda i, j: (i, slice(None), j), [[[0], [2]], [1, 1, 3]]),
    "around a slice": (lambda i, j: (i, slice(1, None), j), [[0, 1, 1], [3, 2, 2]]),
    "beside a number": (lambda i: (slice(None), 0, i), [[3, 0, 0]]),
    "behind a new axis": (lambda i: (None, Ellipsis, i), [[0, -1]]),
    "mask": (lambda m: m, [np.arange(24).reshape(3, 2, 4) % 3 == 1]),
    "mask of rows": (lambda m: m, [[True, False, True]]),
    "mask of an axis": (lambda m: (slice(None), m), [[False, True]]),
    "mask of nothing": (lambda m: m, [np.zeros((3, 2), bool)]),
    "mask and index": (lambda m, i: (m, 0, i), [[True, False, True], [3, 3]]),
    "no index": (lambda i: i, [np.zeros(0, int)]),
}
for variant, (key, arrays) in ARRAY_KEYS.items():
    add(f"getitem/{variant}", lambda x, *i, key=key: x[key(*i)], together(normal((3, 2, 4)), fixed(*arrays)),
        lambda x, *i, key=key: x[key(*i)], indexing.GetItem, indexing.Scatter)
add("getitem/list", lambda x: x[[2, 0, 2]], normal((3, 2)), lambda x: np.stack([x[2], x[0], x[2]]), indexing.GetItem)
add("getitem/list of truth", lambda x: x[:, [True, False, True]], normal((2, 3)), lambda x: np.stack([x[:, 0], x[:, 2]], 1))
add("getitem/truth", lambda x: x[True], normal((2, 3)), lambda x: x[None], indexing.GetItem)

ALONG = {  # variant: (shape of x, axis, indices)
    "": ((3, 4), 1, [[0, 3], [2, 2], [-1, 0]]), "/axis 0": ((3, 2), 0, [[2, 0], [2, 1], [2, 2], [0, 1]]),
    "/negative axis": ((2, 3), -1, [[1], [0]]), "/broadcast indices": ((3, 4), 1, [[2, 2, 0]]),
    "/broadcast x": ((1, 4), 1, [[2, 2], [0, 1], [3, 3]]), "/one index": ((3, 4), 1, [[2]]),
}
for variant, (shape, axis, indices) in ALONG.items():
    add("take_along_axis" + variant, lambda x, i, axis=axis: F.take_along_axis(x, i, axis),
        together(normal(shape), fixed(indices)), lambda x, i, axis=axis: R.take_along_axis(x, i, axis % x.ndim),
        indexing.TakeAlongAxis, indexing.PutAlongAxis)
for variant, indices in {"": [[0, 2, 2], [1, 1, 1]], "/one index": [[3], [0]], "/broadcast": [[3, 0, 3]]}.items():
    shape = (2, np.shape(indices)[1])
    add("put_along_axis" + variant,
        lambda x, i: indexing.PutAlongAxis.apply(x, indices=i.data, axis=1, length=4),
        together(normal(shape), fixed(indices)), lambda x, i: R.put_along_axis(x, i, 1, 4),
        indexing.PutAlongAxis, indexing.TakeAlongAxis)


def updated(x, key, value):
    y = x.copy()
    y[key] = value
    return y


UPDATES = {  # variant: (the key, the value's shape)
    "": (1, (3,)), "/slice": (np.s_[:, ::-2], (2, 2)), "/number": ((0, 1), ()), "/broadcast": (np.s_[1:], (1,)),
    "/everything": (..., (2, 3)),
}
for variant, (key, shape) in UPDATES.items():
    add("index_update" + variant, lambda x, v, key=key: F.index_update(x, key, v), normal((2, 3), shape),
        lambda x, v, key=key: updated(x, key, v), indexing.IndexUpdate)
add("index_update/repeated", lambda x, v, i: F.index_update(x, i, v), together(normal((4, 2), (3, 2)), fixed([1, 3, 1])),
    lambda x, v, i: updated(x, i, v), indexing.IndexUpdate)
add("index_update/mask", lambda x, v, m: F.index_update(x, m, v),
    together(normal((2, 3), (3,)), fixed([[True, False, True], [False, True, False]])), lambda x, v, m: updated(x, m, v),
    indexing.IndexUpdate)
add("index_update/plain number", lambda x: F.index_update(x, 0, 2.5), normal((2, 3)), lambda x: updated(x, 0, 2.5))

add("embedding", F.embedding, together(fixed([[1, 3, 1], [0, 1, 4]]), normal((5, 2))), lambda i, w: w[i], indexing.GetItem)
add("embedding/uint8", F.embedding, together(integers(5, 4, dtype=np.uint8), normal((5, 2))), lambda i, w: w[i])
add("embedding/no words", F.embedding, together(integers(5, 0, 3), normal((5, 2))), lambda i, w: np.zeros((0, 3, 2)))
add("embedding/one word", F.embedding, together(integers(5), normal((5, 2))), lambda i, w: w[int(i)])


# ---- matrices

MATMUL = {
    "": ((2, 3), (3, 4)), "/square": ((3, 3), (3, 3)), "/batch": ((2, 2, 3), (2, 3, 4)),
    "/batch by matrix": ((2, 2, 3), (3, 4)), "/matrix by batch": ((2, 3), (2, 3, 2)),
    "/broadcast": ((2, 1, 2, 3), (3, 3, 2)), "/vectors": ((3,), (3,)), "/vector by matrix": ((3,), (3, 4)),
    "/matrix by vector": ((2, 3), (3,)), "/vector by batch": ((3,), (2, 3, 2)), "/batch by vector": ((2, 2, 3), (3,)),
    "/no rows": ((0, 3), (3, 2)), "/no batch": ((0, 2, 3), (3, 2)),
    "/nothing inside": ((2, 0), (0, 3)), "/batch with nothing inside": ((2, 3, 0), (0, 4)),
}
for variant, operands in MATMUL.items():
    add("matmul" + variant, F.matmul, normal(*operands), np.matmul, products.Matmul)
for variant, shape in {"": (2, 3), "/vector": (3,), "/batch": (2, 2, 3), "/no rows": (0, 3)}.items():
    add("linear" + variant, F.linear, normal(shape, (3, 4), (4,)), lambda x, w, b: np.dot(x, w) + b, products.Linear)
add("linear/nothing inside", F.linear, normal((2, 0), (0, 3), (3,)), lambda x, w, b: b + np.zeros((2, 1)), products.Linear)
add("linear/no bias", F.linear, normal((2, 3), (3, 4)), np.dot, products.Matmul)


# ---- losses

labels = fixed([2, 0, 1, 2])


def from_logits(x, t):
    return R.cross_entropy(R.softmax(x), t)


add("cross_entropy", F.cross_entropy, together(normal((4, 3)), labels), lambda x, t: from_logits(x, t).mean(),
    losses.SparseCrossEntropy, losses.SparseCrossEntropyGradient)
add("cross_entropy/axes", lambda x, t: F.cross_entropy(x, t, reduction="none"),
    together(normal((2, 2, 3)), fixed([[2, 0], [1, 2]])), from_logits, losses.SparseCrossEntropy)
add("cross_entropy/one row", F.cross_entropy, together(normal((3,)), fixed(1)), from_logits, losses.SparseCrossEntropy)
add("cross_entropy/uint8", lambda x, t: F.cross_entropy(x, t, reduction="sum"),
    together(normal((4, 3)), integers(3, 4, dtype=np.uint8)), lambda x, t: from_logits(x, t).sum(),
    losses.SparseCrossEntropy)
add("cross_entropy/no rows", lambda x, t: F.cross_entropy(x, t, reduction="sum"), together(normal((0, 3)), integers(3, 0)),
    lambda x, t: 0.0, losses.SparseCrossEntropy)
add("cross_entropy/one-hot", F.cross_entropy, together(normal((4, 3)), fixed(np.eye(3)[[2, 0, 1, 2]], dtype=int)),
    lambda x, t: from_logits(x, t).mean(), losses.CrossEntropy)
add("cross_entropy/soft targets", lambda x, t: F.cross_entropy(x, t, reduction="none"),
    together(normal((4, 3)), probabilities(4, 3)), from_logits, losses.CrossEntropy)
add("cross_entropy/any weights", F.cross_entropy, together(normal((4, 3)), positive((4, 3))),
    lambda x, t: from_logits(x, t).mean(), losses.CrossEntropy)
add("cross_entropy/probabilities", lambda p, t: F.cross_entropy(p, t, from_logits=False),
    together(probabilities(4, 3), labels), lambda p, t: R.cross_entropy(p, t).mean())
add("cross_entropy/probabilities and soft targets", lambda p, t: F.cross_entropy(p, t, from_logits=False, reduction="none"),
    together(probabilities(4, 3), probabilities(4, 3)), R.cross_entropy)
for name in ("mse_loss", "mse"):
    add(name, getattr(F, name), normal((2, 3), (2, 3)), lambda x, t: ((x - t) ** 2).sum() / 6)
add("mse_loss/sum", lambda x, t: F.mse_loss(x, t, reduction="sum"), normal((4,), (4,)), lambda x, t: ((x - t) ** 2).sum())
add("mse_loss/none", lambda x, t: F.mse_loss(x, t, reduction="none"), normal((4,), (4,)), lambda x, t: (x - t) ** 2)


# ---- layer normalisation, attention

add("layer_norm", F.layer_norm, normal((3, 4), (4,), (4,)), R.layer_norm, normalization.Normalize)
add("layer_norm/batch", F.layer_norm, normal((2, 2, 3), (3,), (3,)), R.layer_norm, normalization.Normalize)
add("layer_norm/axes", lambda x, g, b: F.layer_norm(x, g, b, eps=0.1), normal((2, 3, 2), (3, 2), (3, 2)),
    lambda x, g, b: R.layer_norm(x, g, b, 0.1), normalization.Normalize)
add("layer_norm/one row", F.layer_norm, normal((4,), (4,), (4,)), R.layer_norm, normalization.Normalize)
add("layer_norm/no rows", F.layer_norm, normal((0, 4), (4,), (4,)), R.layer_norm)

qkv = normal((2, 3, 4), (2, 5, 4), (2, 5, 2))
same = normal((2, 3, 2), (2, 3, 2), (2, 3, 2))
some = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
none_for_one = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
ATTENTION = {  # variant: (inputs, is_causal)
    "": (qkv, False), "/same lengths": (same, False), "/causal": (same, True), "/causal, more keys": (qkv, True),
    "/causal, more queries": (normal((4, 2), (2, 2), (2, 3)), True),
    "/heads": (normal((2, 2, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2)), True),
    "/broadcast": (normal((2, 1, 2, 3), (2, 4, 3), (4, 2)), False),
    "/mask": (together(qkv, fixed(some)), False), "/mask and causal": (together(qkv, fixed(some)), True),
    "/mask of a batch": (together(qkv, fixed(np.stack([some, ~some]))), False),
    "/mask of keys": (together(qkv, fixed([True, False, True, True, False])), False),
    "/one query sees nothing": (together(qkv, fixed(none_for_one)), False),
    "/mask of one row": (together(qkv, fixed([[True, False, True, True, False]])), False),
    "/mask of one column": (together(qkv, fixed([[True], [False], [True]])), False),
    "/mask of one row, of a batch, and causal": (together(qkv, fixed(some[[0, 2]][:, None])), True),
    "/added mask": (together(qkv, normal((3, 5))), False),
    "/added mask of one row": (together(qkv, normal((1, 5))), False),
    "/added mask of one column": (together(qkv, normal((3, 1))), False),
    "/added mask of one number a batch": (together(qkv, normal((2, 1, 1))), True),
    "/added mask and causal": (together(qkv, normal((2, 3, 5))), True),
    "/no batch": (normal((0, 3, 4), (0, 5, 4), (0, 5, 2)), True),
}
for variant, (sample, causal) in ATTENTION.items():
    add("scaled_dot_product_attention" + variant,
        lambda q, k, v, mask=None, c=causal: F.scaled_dot_product_attention(q, k, v, mask, is_causal=c), sample,
        lambda q, k, v, mask=None, c=causal: R.attention(q, k, v, mask, causal=c), attention.Attention)


CORE = len(TABLE)  # the entries above; the families below add theirs
import table_attention  # noqa: E402, F401
import table_convolution  # noqa: E402, F401
import table_differences  # noqa: E402, F401
import table_elementwise  # noqa: E402, F401
import table_fourier  # noqa: E402, F401
import table_joining  # noqa: E402, F401
import table_linalg  # noqa: E402, F401
import table_losses  # noqa: E402, F401
import table_neural  # noqa: E402, F401
import table_numpy  # noqa: E402, F401
import table_scans  # noqa: E402, F401
import table_statistics  # noqa: E402, F401
import table_transforms  # noqa: E402, F401
