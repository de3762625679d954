"""Entries of the table of functions: rectifiers, scans, order."""

import numpy as np
from table import add, apart, distinct, fixed, nonzero, normal, together

import minigrad.functions as F
from minigrad.functions import indexing, norms, order, rectifiers, scans

# ---- rectifiers

def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def hard_sigmoid(x):
    return np.minimum(np.maximum(x + 3, 0), 6) / 6


for name, call, reference, *classes in [
    ("relu6", F.relu6, lambda x: np.minimum(np.maximum(x, 0), 6), rectifiers.Hardtanh),
    ("hardtanh", F.hardtanh, lambda x: np.minimum(np.maximum(x, -1), 1), rectifiers.Hardtanh),
    ("hardtanh/bounds", lambda x: F.hardtanh(x, -2, 3), lambda x: np.clip(x, -2, 3), rectifiers.Hardtanh),
    ("leaky_relu", F.leaky_relu, lambda x: np.where(x > 0, x, x / 100), rectifiers.LeakyRelu),
    ("leaky_relu/slope", lambda x: F.leaky_relu(x, 0.3), lambda x: np.where(x > 0, x, 0.3 * x), rectifiers.LeakyRelu),
    ("elu", F.elu, elu, rectifiers.Elu),
    ("elu/alpha", lambda x: F.elu(x, 0.3), lambda x: elu(x, 0.3), rectifiers.Elu),
    ("elu/negative alpha", lambda x: F.elu(x, -0.3), lambda x: elu(x, -0.3), rectifiers.Elu),
    ("selu", F.selu, lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772), rectifiers.Elu),
    ("celu", F.celu, elu, rectifiers.Elu),
    ("celu/alpha", lambda x: F.celu(x, 0.4), lambda x: np.where(x > 0, x, 0.4 * (np.exp(x / 0.4) - 1)), rectifiers.Elu),
    ("silu", F.silu, lambda x: x * sigmoid(x), rectifiers.Silu, rectifiers.SiluGradient),
    ("mish", F.mish, lambda x: x * np.tanh(np.log(1 + np.exp(x))), rectifiers.Mish),
    ("softsign", F.softsign, lambda x: x / (1 + np.abs(x)), rectifiers.Softsign),
    ("hard_sigmoid", F.hard_sigmoid, hard_sigmoid, rectifiers.HardSigmoid),
    ("hard_silu", F.hard_silu, lambda x: x * hard_sigmoid(x), rectifiers.HardSilu),
    ("log_sigmoid", F.log_sigmoid, lambda x: np.log(sigmoid(x)), rectifiers.LogSigmoid),
]:  # ±0.5, ±1.5 ... ±8.5: between all the kinks, which are at whole numbers
    add(name, call, apart((3, 6)), reference, *classes, elementwise=True)


def prelu(x, w):
    return np.where(x > 0, x, w * x)


add("prelu", F.prelu, nonzero((2, 3), (2, 3)), prelu, rectifiers.Prelu, elementwise=True, broadcasts=True)
add("prelu/channels", F.prelu, nonzero((2, 2, 3), (3,)), prelu, rectifiers.Prelu)
add("prelu/0-d", F.prelu, nonzero((4,), ()), prelu, rectifiers.Prelu)
add("glu", F.glu, normal((2, 6)), lambda x: x[:, :3] * sigmoid(x[:, 3:]), rectifiers.Glu)
add("glu/axis", lambda x: F.glu(x, axis=0), normal((4, 3)), lambda x: x[:2] * sigmoid(x[2:]), rectifiers.Glu)
add("glu/no rows", F.glu, normal((0, 4)), lambda x: x[:, :2], rectifiers.Glu)


# ---- scans

def zeros_at(*places, shape):
    """Normal numbers, but 0 at some places: products there have no x to divide by."""
    def sample(rng):
        x = rng.standard_normal(shape)
        x.reshape(-1)[list(places)] = 0
        return (x,)
    return sample


def recurrence(a, b):
    """The definition, one step at a time."""
    y = np.zeros(b.shape)
    for i in range(b.shape[-1]):
        y[..., i] = b[..., i] + (a[..., i] * y[..., i - 1] if i else 0)
    return y


AXES = {"": None, "/axis 0": 0, "/axis -2": -2, "/axes": (0, 2), "/axes out of order": (-1, 0)}
ZEROS = {"/zero": zeros_at(1, shape=(4,)), "/two zeros": zeros_at(1, 2, shape=(5,)),
         "/all zeros": zeros_at(0, 1, 2, shape=(3,)), "/rows with zeros": zeros_at(0, 5, 6, 8, 10, shape=(3, 4)),
         "/zero at the end": zeros_at(3, shape=(4,))}

for variant, sample in ZEROS.items():
    add("prod" + variant, lambda x: F.prod(x, axis=-1), sample, lambda x: np.prod(x, axis=-1), scans.Prod)
    add("cumprod" + variant, lambda x: F.cumprod(x, axis=-1), sample, lambda x: np.cumprod(x, axis=-1),
        scans.CumProd, scans.Recurrence)
for name, reference, sample, classes in [
    ("prod", np.prod, nonzero, (scans.Prod,)), ("median", np.median, distinct, ()),
    ("vector_norm", np.linalg.vector_norm, normal, (norms.Norm,)),
]:
    call = getattr(F, name)
    for variant, axis in AXES.items():
        add(name + variant, lambda x, f=call, a=axis: f(x, axis=a), sample((2, 3, 2)),
            lambda x, f=reference, a=axis: f(x, axis=a), *classes)
    add(f"{name}/keepdims", lambda x, f=call: f(x, axis=(0, -1), keepdims=True), sample((2, 3, 2)),
        lambda x, f=reference: f(x, axis=(0, -1), keepdims=True), *classes)
    add(f"{name}/list", lambda x, f=call: f(x, axis=[0, 1]), sample((2, 3)), lambda x, f=reference: f(x, axis=(0, 1)))
    add(f"{name}/no rows", lambda x, f=call: f(x, axis=1), sample((0, 3)), lambda x, f=reference: f(x, axis=1))
    add(f"{name}/0-d", call, sample(()), lambda x, f=reference: f(x))
add("prod/of nothing", lambda x: F.prod(x, axis=0), normal((0, 3)), lambda x: np.ones(3), scans.Prod)
add("median/odd", F.median, distinct((7,)), np.median)
add("median/odd axis", lambda x: F.median(x, axis=1), distinct((2, 5)), lambda x: np.median(x, axis=1))

for name, reference, classes in [("cumsum", np.cumsum, (scans.CumSum,)),
                                 ("cumprod", np.cumprod, (scans.CumProd, scans.Recurrence))]:
    call = getattr(F, name)
    for variant, axis in {"": None, "/axis 0": 0, "/axis 1": 1, "/axis -1": -1}.items():
        add(name + variant, lambda x, f=call, a=axis: f(x, axis=a), normal((2, 3, 2)),
            lambda x, f=reference, a=axis: f(x, axis=a), *classes)
    add(f"{name}/0-d", call, normal(()), reference, *classes)
    add(f"{name}/empty", lambda x, f=call: f(x, axis=1), normal((2, 0)), lambda x: np.zeros((2, 0)), classes[0])
    add(f"{name}/long", lambda x, f=call: f(x, axis=-1), nonzero((9,)), reference, *classes)
add("recurrence", lambda a, b: scans.Recurrence.apply(a, b), normal((2, 7), (2, 7)), recurrence, scans.Recurrence)
add("recurrence/one step", lambda a, b: scans.Recurrence.apply(a, b), normal((2, 1), (2, 1)), recurrence, scans.Recurrence)

for p in (1, 1.5, 3, -2, np.inf, -np.inf):
    add(f"vector_norm/{p}", lambda x, p=p: F.vector_norm(x, p, axis=1), apart((2, 3)),
        lambda x, p=p: np.linalg.vector_norm(x, ord=p, axis=1))
    add(f"norm/{p}", lambda x, p=p: F.norm(x, p, axis=0, keepdims=True), apart((2, 3)),
        lambda x, p=p: np.linalg.norm(x, p, axis=0, keepdims=True))
add("norm", F.norm, normal((2, 3, 2)), np.linalg.norm, norms.Norm)
add("norm/Frobenius", lambda x: F.norm(x, "fro", axis=(1, 2)), normal((2, 3, 2)),
    lambda x: np.linalg.norm(x, "fro", axis=(1, 2)), norms.Norm)


# ---- order

for variant, reps in {"": 2, "/more axes": (2, 1, 3), "/fewer axes": (2,), "/each axis": (3, 2), "/none": (0, 2),
                      "/once": (1, 1)}.items():
    add("tile" + variant, lambda x, r=reps: F.tile(x, r), normal((2, 3)), lambda x, r=reps: np.tile(x, r))
add("tile/0-d", lambda x: F.tile(x, 3), normal(()), lambda x: np.tile(x, 3))
REPEATS = {
    "": (2, None), "/axis 0": (3, 0), "/axis -1": (2, -1), "/none": (0, 1), "/each": ([2, 0, 1], 1),
    "/each row": ([0, 3], 0), "/each, flat": ([1, 0, 2, 0, 0, 3], None),
    "/one for all": ([2], 1), "/each, from the end": (np.array([1, 2, 2]), -1),
}
for variant, (repeats, axis) in REPEATS.items():
    add("repeat" + variant, lambda x, r=repeats, a=axis: F.repeat(x, r, a), normal((2, 3)),
        lambda x, r=repeats, a=axis: np.repeat(x, r, a))
for variant, (shift, axis) in {"": (2, None), "/axis": (-1, 1), "/several": ((1, 2), (0, -1)),
                               "/twice": ((1, 2), 1), "/one shift, several axes": (1, (0, 1)),
                               "/flat, twice": ((1, 2), None), "/lists": ([-1, 3], [1, 0])}.items():
    add("roll" + variant, lambda x, s=shift, a=axis: F.roll(x, s, a), normal((2, 4)),
        lambda x, s=shift, a=axis: np.roll(x, s, a), order.Roll)
add("roll/0-d", lambda x: F.roll(x, 1), normal(()), lambda x: x, order.Roll)
for variant, axis in {"": -1, "/axis 0": 0, "/flat": None}.items():
    add("sort" + variant, lambda x, a=axis: F.sort(x, a), distinct((3, 4)), lambda x, a=axis: np.sort(x, a))
add("sort/descending", lambda x: F.sort(x, descending=True), distinct((3, 4)), lambda x: -np.sort(-x))
add("sort/empty", F.sort, normal((2, 0)), np.sort)
add("topk", lambda x: F.topk(x, 2)[0], distinct((3, 4)), lambda x: -np.sort(-x)[:, :2])
add("topk/smallest", lambda x: F.topk(x, 2, axis=0, largest=False)[0], distinct((3, 4)), lambda x: np.sort(x, 0)[:2])
add("topk/none", lambda x: F.topk(x, 0)[0], distinct((3, 4)), lambda x: x[:, :0])
add("take", F.take, together(normal((2, 3)), fixed([[0, 5, 0], [2, -1, 3]])), lambda x, i: np.take(x, i), indexing.GetItem)
add("take/axis", lambda x, i: F.take(x, i, axis=1), together(normal((2, 3, 2)), fixed([0, 2, 0])),
    lambda x, i: np.take(x, i, 1), indexing.GetItem, indexing.Scatter)
add("take/one", lambda x: F.take(x, 1, axis=-1), normal((2, 3)), lambda x: x[:, 1], indexing.GetItem)


def added(x, key, value):
    x = x.copy()
    np.add.at(x, key, value)
    return x


for variant, key, shape in [("", [1, 0, 1], (3, 2)), ("/slice", slice(1, None), (2, 2)), ("/broadcast", slice(None), (2,)),
                            ("/repeated, broadcast", [1, 0, 1], ()), ("/places", ([0, 0, 2], [1, 1, 0]), (3,))]:
    key = tuple(map(np.array, key)) if isinstance(key, tuple) else np.array(key) if isinstance(key, list) else key
    if isinstance(key, slice):
        add("index_add" + variant, lambda x, v, k=key: F.index_add(x, k, v), normal((3, 2), shape),
            lambda x, v, k=key: added(x, k, v), indexing.IndexAdd)
    else:
        keys = key if isinstance(key, tuple) else (key,)
        add("index_add" + variant, lambda x, v, *k: F.index_add(x, k, v), together(normal((3, 2), shape), fixed(*keys)),
            lambda x, v, *k: added(x, k, v), indexing.IndexAdd)
add("index_add/mask", lambda x, v, m: F.index_add(x, m, v), together(normal((3, 2), (2,)), fixed([True, False, True])),
    lambda x, v, m: added(x, m, v), indexing.IndexAdd)

for name, reference, cls in [("tril", np.tril, order.Tril), ("triu", np.triu, order.Triu)]:
    call = getattr(F, name)
    for variant, (shape, k) in {"": ((3, 3), 0), "/k": ((3, 4), 1), "/-k": ((2, 3, 2), -1), "/empty": ((0, 2), 0)}.items():
        add(name + variant, lambda x, f=call, k=k: f(x, k), normal(shape),
            lambda x, f=reference, k=k: f(x, k), cls)
for variant, (shape, place) in {"": ((3, 3), ()), "/above": ((3, 4), (1,)), "/below": ((3, 2), (-1,)),
                                "/outside": ((2, 2), (2,)), "/axes": ((2, 3, 2), (0, 2, 1)),
                                "/axes below": ((2, 3, 4), (-1, -1, 0))}.items():
    for name, call, reference in [("diagonal", F.diagonal, np.diagonal), ("trace", F.trace, np.trace)]:
        add(name + variant, lambda x, f=call, p=place: f(x, *p), normal(shape),
            lambda x, f=reference, p=place: f(x, *p), order.Diagonal, order.DiagonalScatter)
for variant, (shape, k) in {"": ((3,), 0), "/above": ((2,), 1), "/below": ((2,), -2), "/of a matrix": ((3, 4), 1),
                            "/empty": ((0,), 1)}.items():
    add("diag" + variant, lambda x, k=k: F.diag(x, k), normal(shape), lambda x, k=k: np.diag(x, k),
        order.Diagonal, order.DiagonalScatter)
