"""Entries of the table of functions: NumPy's further names, element by element and in linear algebra."""

import functools

import numpy as np
import scipy.special
from table import add, distinct, fixed, nonzero, normal, positive, together
from table_elementwise import DIVISIONS, between, coprime, fractional
from table_linalg import diagonals

import minigrad.functions as F
from minigrad.functions import elementwise, linalg

# ---- element by element

for name, sample, reference in [
    ("true_divide", nonzero, np.divide),
    ("pow", positive, np.power),
    ("float_power", positive, np.power),
]:
    add(name, getattr(F, name), sample((2, 3), (2, 3)), reference, elementwise=True, broadcasts=True)
add("positive", F.positive, normal((2, 3)), np.positive, elementwise=True)
add("fabs", F.fabs, distinct((2, 3)), np.fabs, elementwise=True)
add("ldexp", F.ldexp, together(normal((2, 3)), fixed([[0, 3, -2], [1, 5, -4]])), lambda x, n: x * 2.0**n, elementwise=True)
add("ldexp/number", lambda x: F.ldexp(x, -3), normal((2, 3)), lambda x: x / 8, elementwise=True)
add(
    "divmod",
    lambda x, y: list(F.divmod(x, y)),
    coprime((2, 3), (2, 3)),
    lambda x, y: [DIVISIONS[n][0](x, y) for n in ("floor_divide", "mod")],
)
add("modf", lambda x: list(F.modf(x)), fractional((2, 3)), lambda x: list(np.modf(x)))
add("heaviside", F.heaviside, together(fixed([-1.0, 0.5, 2.0, -0.3]), normal((4,))), np.heaviside)
add("unwrap", F.unwrap, lambda rng: (np.cumsum(rng.uniform(-5, 5, (2, 6)), 1) % 6.3,), np.unwrap)
add(
    "unwrap/period",
    lambda x: F.unwrap(x, 1.5, 0, period=2.0),
    lambda rng: (rng.uniform(-5, 5, (6, 2)),),
    lambda x: np.unwrap(x, 1.5, 0, period=2.0),
)
knots = fixed([-1.0, 0.0, 0.7, 2.0])
inside = between(-2, 3, (2, 5))
add("interp", F.interp, together(inside, knots, normal((4,))), np.interp)
add(
    "interp/ends",
    lambda x, xs, ys: F.interp(x, xs, ys, -5.0, 7.0),
    together(inside, knots, normal((4,))),
    lambda x, xs, ys: np.interp(x, xs, ys, -5.0, 7.0),
)
add("interp/one knot", F.interp, together(normal((3,)), fixed([0.1]), normal((1,))), np.interp)
add("erfinv", F.erfinv, between(-0.8, 0.8, (2, 3)), scipy.special.erfinv, elementwise.Erfinv, elementwise=True)
add("ndtr", F.ndtr, normal((2, 3)), scipy.special.ndtr, elementwise=True)
add("log_ndtr", F.log_ndtr, normal((2, 3)), scipy.special.log_ndtr, elementwise.LogNdtr, elementwise=True)

# ---- vectors

for variant, mode, n, m in [
    ("", "full", 4, 3),
    ("/same", "same", 5, 2),
    ("/same, longer second", "same", 2, 5),
    ("/valid", "valid", 5, 3),
    ("/longer second", "full", 2, 4),
    ("/one number", "full", 3, 1),
    ("/valid, longer second", "valid", 2, 5),
    ("/same, even", "same", 4, 4),
    ("/same, longer second, even", "same", 4, 5),
]:
    for name in ("convolve", "correlate"):
        add(
            name + variant,
            lambda x, y, f=name, m=mode: getattr(F, f)(x, y, m),
            normal((n,), (m,)),
            lambda x, y, f=name, m=mode: getattr(np, f)(x, y, m),
        )
for prefix, f in {"": F.vecdot, "linalg.": linalg.vecdot}.items():
    add(f"{prefix}vecdot", f, normal((2, 3), (3,)), lambda x, y: (x * y).sum(-1))
add("vecdot/axis", lambda x, y: F.vecdot(x, y, axis=0), normal((2, 3), (2, 1)), lambda x, y: (x * y).sum(0))
add("matvec", F.matvec, normal((2, 2, 3), (3,)), lambda x, y: np.einsum("kij,j->ki", x, y))
add("matvec/batch", F.matvec, normal((2, 3), (4, 3)), lambda x, y: np.einsum("ij,kj->ki", x, y))
add("vecmat", F.vecmat, normal((4, 2), (2, 3)), lambda x, y: np.einsum("ki,ij->kj", x, y))
add("cross", F.cross, normal((2, 3), (3,)), np.cross)
add("cross/axes", lambda x, y: F.cross(x, y, 0, 1, 0), normal((3, 2), (2, 3)), lambda x, y: np.cross(x, y, 0, 1, 0))
add("cross/axis", lambda x, y: F.cross(x, y, axis=0), normal((3, 2), (3, 2)), lambda x, y: np.cross(x, y, axis=0))

# ---- linear algebra

add("linalg.cross", lambda x, y: linalg.cross(x, y, axis=0), normal((3, 2), (3, 1)), lambda x, y: np.cross(x, y, axis=0))
add("linalg.matmul", linalg.matmul, normal((2, 3), (3, 2)), np.matmul)
add("linalg.tensordot", linalg.tensordot, normal((2, 3, 2), (3, 2, 2)), np.tensordot)
add("linalg.outer", linalg.outer, normal((2,), (3,)), np.outer)
add("linalg.matrix_transpose", linalg.matrix_transpose, normal((2, 3, 2)), lambda x: x.swapaxes(1, 2))
add("linalg.diagonal", lambda x: linalg.diagonal(x, offset=1), normal((2, 2, 3)), lambda x: x.diagonal(1, 1, 2))
add("linalg.trace", lambda x: linalg.trace(x, offset=-1), normal((2, 3, 3)), lambda x: x.trace(-1, 1, 2))
add(
    "linalg.multi_dot",
    lambda *xs: linalg.multi_dot(xs),
    normal((2, 3), (3, 2), (2, 2)),
    lambda *xs: functools.reduce(np.dot, xs),
)
add(
    "linalg.multi_dot/vectors",
    lambda *xs: linalg.multi_dot(xs),
    normal((3,), (3, 2), (2,)),
    lambda *xs: functools.reduce(np.dot, xs),
)
add(
    "linalg.tensorsolve",
    lambda a, b: linalg.tensorsolve(F.reshape(a, (2, 2, 4)), b),
    together(diagonals(4, 4), normal((2, 2))),
    lambda a, b: np.linalg.tensorsolve(a.reshape(2, 2, 4), b),
)
add(
    "linalg.tensorsolve/axes",
    lambda a, b: linalg.tensorsolve(F.reshape(a, (2, 2, 4)), b, axes=(0, 1)),
    together(diagonals(4, 4), normal((4,))),
    lambda a, b: np.linalg.tensorsolve(a.reshape(2, 2, 4), b, axes=(0, 1)),
)
add(
    "linalg.tensorinv",
    lambda a: linalg.tensorinv(F.reshape(a, (2, 2, 4))),
    diagonals(4, 4),
    lambda a: np.linalg.tensorinv(a.reshape(2, 2, 4)),
)
add(
    "linalg.tensorinv/ind",
    lambda a: linalg.tensorinv(F.reshape(a, (4, 2, 2)), ind=1),
    diagonals(4, 4),
    lambda a: np.linalg.tensorinv(a.reshape(4, 2, 2), ind=1),
)
for variant, a, b in [
    ("", (4, 2), (4,)),
    ("/columns", (4, 2), (4, 3)),
    ("/square", (2, 2), (2,)),
    ("/wide", (2, 3), (2, 2)),
]:
    add(
        f"linalg.lstsq{variant}",
        lambda a, b: [y for i, y in enumerate(linalg.lstsq(a, b)) if i != 2],
        together(diagonals(*a), normal(b)),
        lambda a, b: [y for i, y in enumerate(np.linalg.lstsq(a, b)) if i != 2],
    )
for p in (None, 2, -2):
    add(
        "linalg.cond" + f"/{p}" * (p is not None),
        lambda x, p=p: linalg.cond(x, p),
        diagonals(2, 3, 3),
        lambda x, p=p: np.linalg.cond(x, p),
    )
