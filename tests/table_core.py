"""Entries of the table of functions: arithmetic, exponentials, activations, reductions."""

import math

import numpy as np
import references as R
import scipy.special
from table import add, apart, binary, booleans, distinct, nonzero, normal, positive, together

import minigrad as mg
import minigrad.functions as F
from minigrad.functions import activations, arithmetic, exponential, gaussian, indexing, reductions

# ---- arithmetic

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
