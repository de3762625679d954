"""Entries of the table of functions: Bessel functions, determinants of singular matrices, polynomials, numbers between two
ends, functions of pieces."""

import math

import numpy as np
import scipy.special
from table import add, booleans, distinct, normal, positive, together
from table_elementwise import between, fractional
from table_linalg import diagonals

import minigrad.functions as F
from minigrad.functions import bessel, determinants, linalg, rounding

# ---- Bessel functions

BESSEL = {"i0": (lambda x: scipy.special.iv(0, x), bessel.I0), "i1": (lambda x: scipy.special.iv(1, x), bessel.I1),
          "i0e": (lambda x: scipy.special.ive(0, x), bessel.I0e), "i1e": (lambda x: scipy.special.ive(1, x), bessel.I1e)}
for name, (reference, cls) in BESSEL.items():
    for variant, low, high in [("", 0.5, 4), ("/negative", -4, -0.5), ("/large", 9, 12)]:
        covers = () if name == "i0" else (bessel.Quotient,)
        add(name + variant, getattr(F, name), between(low, high, (2, 3)), reference, cls, *covers, elementwise=True)
for name in ("i0", "i1"):
    add(f"{name}/around 0", getattr(F, name), between(-0.1, 0.1, (2, 3)), BESSEL[name][0], elementwise=True)
for n in (1, 2, 3):
    add(f"i1/over x to the {n}", lambda x, n=n: bessel.Quotient.apply(x, n=n),
        lambda rng: (np.concatenate([[7.999, 8.001, -8.001], rng.uniform(-4, 4, 4)]),),
        lambda x, n=n: scipy.special.hyp0f1(n + 1, x * x / 4) / (2 ** n * math.factorial(n)), bessel.Quotient)
    add(f"i1e/over x to the {n}", lambda x, n=n: bessel.Quotient.apply(x, n=n, scaled=True),
        lambda rng: (np.concatenate([[7.999, 8.001, -8.001, 30.0], rng.uniform(0.5, 4, 4)]),),
        lambda x, n=n: scipy.special.ive(n, x) / x ** n, bessel.Quotient)

# ---- determinants


def of_singular_values(*rows):
    """Matrices with these singular values, a row for each, turned at random."""
    def sample(rng):
        s = np.array(rows, float)
        u, v = (np.linalg.qr(rng.standard_normal((*s.shape, s.shape[-1])))[0] for _ in range(2))
        return ((u * s[:, None]) @ v,)
    return sample


for variant, values in {"rank 0": [(0, 0, 0)], "rank 1": [(3, 0, 0)], "rank 2": [(3, 1, 0)], "rank 2, equal": [(2, 2, 0)],
                        "rank 2 of 4": [(2, 2, 0, 0)], "rank 1 of 4": [(2, 0, 0, 0)], "one number, 0": [(0,)],
                        "all equal": [(2, 2, 2)], "ranks": [(3, 1, 0), (1, 0, 0), (3, 2, 2), (0, 0, 0)]}.items():
    add(f"linalg.det/{variant}", linalg.det, of_singular_values(*values), np.linalg.det, determinants.Det,
        determinants.Cofactors)



def along(x, d):
    """The derivative of the cofactors det x * x⁻ᵀ along d, where x has an inverse."""
    y = np.linalg.inv(x).swapaxes(-1, -2)
    return np.linalg.det(x)[..., None, None] * ((y * d).sum((-2, -1), keepdims=True) * y - y @ d.swapaxes(-1, -2) @ y)


add("linalg.det/cofactors", determinants.Cofactors.apply, diagonals(2, 3, 3),
    lambda x: np.linalg.det(x)[..., None, None] * np.linalg.inv(x).swapaxes(-1, -2), determinants.Cofactors)
add("linalg.det/cofactors along d", determinants.Cofactors.apply, together(diagonals(3, 3), normal((3, 3))), along,
    determinants.Cofactors)

# ---- polynomials

for name, reference in {"polyadd": np.polyadd, "polysub": np.polysub, "polymul": np.polymul}.items():
    add(name, getattr(F, name), normal((4,), (2,)), reference)
    add(f"{name}/longer second", getattr(F, name), normal((2,), (3,)), reference)
    add(f"{name}/number", getattr(F, name), normal((3,), ()), reference)
for name in ("polyder", "polyint"):
    ours, theirs = getattr(F, name), getattr(np, name)
    for m in (0, 1, 2, 3):
        add(name + f"/{m}" * (m != 1), lambda p, f=ours, m=m: f(p, m), normal((3,)), lambda p, f=theirs, m=m: f(p, m))
add("polyint/constants", lambda p, k: F.polyint(p, 2, k), normal((3,), (2,)), lambda p, k: np.polyint(p, 2, k))
add("polyint/one constant", lambda p, k: F.polyint(p, 2, k), normal((3,), ()), lambda p, k: np.polyint(p, 2, float(k)))

# ---- between two ends

for name in ("linspace", "logspace", "geomspace"):
    ours, theirs = getattr(F, name), getattr(np, name)
    for variant, shapes, options in [("", ((), ()), {"num": 5}), ("/arrays", ((2, 1), (3,)), {"num": 4, "axis": 1}),
                                     ("/without the end", ((2,), (2,)), {"num": 3, "endpoint": False, "axis": -1}),
                                     ("/one", ((), ()), {"num": 1}), ("/none", ((2,), ()), {"num": 0})]:
        add(name + variant, lambda x, y, f=ours, o=options: f(x, y, **o), positive(*shapes),
            lambda x, y, f=theirs, o=options: f(x, y, **o))
    add(f"{name}/number", lambda x, f=ours: f(x, 3.0, 4), positive(()), lambda x, f=theirs: f(x, 3.0, 4))
add("linspace/step", lambda x, y: list(F.linspace(x, y, 4, retstep=True)), normal((2,), (2,)),
    lambda x, y: list(np.linspace(x, y, 4, retstep=True)))
add("logspace/base", lambda x, y, b: F.logspace(x, y, 4, base=b, axis=1), positive((2,), (2,), (2,)),
    lambda x, y, b: np.logspace(x, y, 4, base=b, axis=1))

# ---- others


def pieces(exp, sqrt):
    """A function for each of two conditions and one for the rest, and a parameter of them all."""
    def call(piecewise, x, c, d):
        return piecewise(x, [c, ~c & d], [lambda x, n: exp(x) * n, lambda x, n: x * x, lambda x, n: sqrt(x * x + n)], 3)
    return call


add("piecewise", lambda x, c, d: pieces(F.exp, F.sqrt)(F.piecewise, x, c.data, d.data),
    together(normal((3, 4)), booleans(3, 4), booleans(3, 4)), lambda x, c, d: pieces(np.exp, np.sqrt)(np.piecewise, x, c, d))
add("piecewise/number", lambda x, y, c: F.piecewise(x, c.data, [y, F.sin]), together(normal((5,), ()), booleans(5)),
    lambda x, y, c: np.piecewise(x, c, [y, np.sin]))
add("piecewise/0-d", lambda x: F.piecewise(x, [x.data < 9, x.data > 9], [F.exp, F.sin]), normal(()), np.exp)
add("diagflat", F.diagflat, normal((2, 2)), np.diagflat)
add("diagflat/k", lambda x: F.diagflat(x, -1), normal((2,)), lambda x: np.diagflat(x, -1))
add("partition", lambda x: F.partition(x, 2), distinct((2, 5)), lambda x: np.sort(x))
add("partition/axes", lambda x: F.partition(x, (0, -1), axis=0), distinct((4, 3)), lambda x: np.sort(x, 0))
add("partition/flat", lambda x: F.partition(x, 5, axis=None), distinct((2, 3)), lambda x: np.sort(x, None))
add("fix", F.fix, fractional((2, 3)), np.fix, rounding.Trunc, elementwise=True)
