"""The table's entries for the elementwise functions: trigonometric, hyperbolic, exponential, rounding, special."""

import math

import numpy as np
import scipy.special
from table import add, binary, distinct, fixed, nonzero, normal, positive, together

import minigrad.functions as F
from minigrad.functions import exponential, rounding, special, trigonometric


def between(low, high, *shapes):
    """Uniform numbers in [low, high)."""
    return lambda rng: tuple(rng.uniform(low, high, s) for s in shapes)


def fractional(*shapes):
    """Numbers in [-3, 3) at least 0.2 away from every multiple of 1/2, so that no step lies within a finite difference."""
    return lambda rng: tuple(rng.integers(-6, 6, s) / 2 + rng.uniform(0.2, 0.3, s) for s in shapes)


def coprime(*shapes):
    """Two operands, the second of them ±0.5 ... ±2, whose quotient is at least 0.05 away from every integer."""
    def sample(rng):
        y = rng.uniform(0.5, 2, shapes[1]) * rng.choice([-1, 1], shapes[1])
        shape = np.broadcast_shapes(*shapes)
        if shape != shapes[0]:  # one x for several y: much smaller than they, so that the quotient is between -1 and 1
            return rng.uniform(0.1, 0.4, shapes[0]) * rng.choice([-1, 1], shapes[0]), y
        return (rng.integers(-3, 3, shape) + rng.uniform(0.1, 0.9, shape)) * y, y
    return sample


TINY = (2, 3)

UNARY = {  # name: (sample, reference, class)
    "tan": (between(-1.2, 1.2, TINY), lambda x: np.sin(x) / np.cos(x), trigonometric.Tan),
    "arcsin": (between(-0.8, 0.8, TINY), np.vectorize(math.asin, otypes=[float]), trigonometric.Arcsin),
    "arccos": (between(-0.8, 0.8, TINY), np.vectorize(math.acos, otypes=[float]), trigonometric.Arccos),
    "arctan": (normal(TINY), np.vectorize(math.atan, otypes=[float]), trigonometric.Arctan),
    "sinh": (normal(TINY), lambda x: (np.exp(x) - np.exp(-x)) / 2, trigonometric.Sinh),
    "cosh": (normal(TINY), lambda x: (np.exp(x) + np.exp(-x)) / 2, trigonometric.Cosh),
    "arcsinh": (normal(TINY), np.vectorize(math.asinh, otypes=[float]), trigonometric.Arcsinh),
    "arccosh": (between(1.3, 3, TINY), lambda x: np.log(x + np.sqrt(x * x - 1)), trigonometric.Arccosh),
    "arctanh": (between(-0.8, 0.8, TINY), lambda x: np.log((1 + x) / (1 - x)) / 2, trigonometric.Arctanh),
    "deg2rad": (normal(TINY), np.deg2rad, None),
    "rad2deg": (normal(TINY), np.rad2deg, None),
    "exp2": (normal(TINY), lambda x: 2 ** x, exponential.Exp2),
    "expm1": (normal(TINY), lambda x: np.exp(x) - 1, exponential.Expm1),
    "log2": (positive(TINY), lambda x: np.log(x) / math.log(2), exponential.Log2),
    "log10": (positive(TINY), lambda x: np.log(x) / math.log(10), exponential.Log10),
    "log1p": (between(-0.5, 2, TINY), lambda x: np.log(1 + x), exponential.Log1p),
    "cbrt": (nonzero(TINY), lambda x: np.sign(x) * np.abs(x) ** (1 / 3), exponential.Cbrt),
    "reciprocal": (positive(TINY), np.reciprocal, exponential.Reciprocal),
    "sign": (fractional(TINY), np.sign, rounding.Sign),
    "floor": (fractional(TINY), np.floor, rounding.Floor),
    "ceil": (fractional(TINY), np.ceil, rounding.Ceil),
    "trunc": (fractional(TINY), np.trunc, rounding.Trunc),
    "round": (fractional(TINY), np.round, rounding.Round),
    "rint": (fractional(TINY), np.rint, rounding.Round),
    "nan_to_num": (normal(TINY), lambda x: x, rounding.NanToNum),
    "erfc": (normal(TINY), np.vectorize(math.erfc, otypes=[float]), special.Erfc),
    "gammaln": (positive(TINY), np.vectorize(math.lgamma, otypes=[float]), special.Gammaln),
    "digamma": (positive(TINY), scipy.special.psi, special.Digamma),
    "logit": (between(0.2, 0.8, TINY), lambda x: np.log(x / (1 - x)), special.Logit),
    "expit": (normal(TINY), scipy.special.expit, None),
}
for name, (sample, reference, cls) in UNARY.items():
    add(name, getattr(F, name), sample, reference, *([cls] if cls else []), elementwise=True)
for short, name in {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
                    "atanh": "arctanh"}.items():
    add(short, getattr(F, short), *UNARY[name], elementwise=True)
add("atan2", F.atan2, normal((2, 3), (2, 3)), np.arctan2, trigonometric.Arctan2, elementwise=True)

def sinc_derivative(x, n):
    """By the integral sinc⁽ⁿ⁾(x) = ∫ (πt)ⁿ cos(πxt + nπ/2) dt from 0 to 1, by Gauss and Legendre's rule of 40 points."""
    t, weights = np.polynomial.legendre.leggauss(40)
    t, weights = (t + 1) / 2, weights / 2
    return ((np.pi * t) ** n * np.cos(np.pi * x[..., None] * t + n * np.pi / 2)) @ weights


add("sinc", F.sinc, between(-3, 3, (2, 4)), lambda x: sinc_derivative(x, 0), trigonometric.Sinc, elementwise=True)
add("sinc/near 0", F.sinc, fixed([0, 1e-9, -1e-3, 0.1], dtype=float), lambda x: sinc_derivative(x, 0), trigonometric.Sinc)
for n in (1, 2, 3):  # on both sides of where the series ends, |πx| = n + 1
    add(f"sinc/derivative {n}", lambda x, n=n: trigonometric.Sinc.apply(x, n=n),
        lambda rng, n=n: (np.concatenate([(n + 1) / np.pi + np.array([-1e-3, 1e-3]), [0, -1e-5], rng.uniform(-3, 3, 4)]),),
        lambda x, n=n: sinc_derivative(x, n), trigonometric.Sinc)

add("reciprocal/negative", F.reciprocal, between(-2, -0.5, (2, 3)), lambda x: x ** -1.0, exponential.Reciprocal)
add("round/decimals", lambda x: F.round(10 * x, -1), fractional((2, 3)), lambda x: 10 * np.rint(x), rounding.Round)
add("gammaln/negative", F.gammaln, between(-0.7, -0.3, (2, 3)), np.vectorize(math.lgamma, otypes=[float]), special.Gammaln)
for n in (0, 1, 2, 3):
    add(f"polygamma{f'/{n}' if n != 1 else ''}", lambda x, n=n: F.polygamma(n, x), positive((2, 3)),
        lambda x, n=n: scipy.special.polygamma(n, x), special.Polygamma)

# ---- two operands

binary("arctan2", normal, np.arctan2, trigonometric.Arctan2)
binary("hypot", nonzero, np.hypot, trigonometric.Hypot)
binary("logaddexp", normal, np.logaddexp, special.Logaddexp)
binary("logaddexp2", normal, np.logaddexp2, special.Logaddexp2)
binary("xlogy", positive, scipy.special.xlogy, special.Xlogy)
binary("fmax", distinct, np.maximum, rounding.Fmax)
binary("fmin", distinct, np.minimum, rounding.Fmin)
binary("copysign", distinct, lambda x, y: np.abs(x) * np.sign(y), rounding.Copysign)

for name, reference in {  # the same by formulas: the libraries' own, above, are what forward calls
    "arctan2": lambda y, x: np.angle(x + 1j * y), "hypot": lambda x, y: np.sqrt(x * x + y * y),
    "logaddexp": lambda x, y: np.log(np.exp(x) + np.exp(y)), "xlogy": lambda x, y: x * np.log(y),
    "logaddexp2": lambda x, y: np.log(2 ** x + 2 ** y) / math.log(2),
}.items():
    add(f"{name}/formula", getattr(F, name), (positive if name == "xlogy" else nonzero)((2, 3), (2, 3)), reference)

DIVISIONS = {
    "remainder": (lambda x, y: x - y * np.floor(x / y), rounding.Remainder),
    "mod": (lambda x, y: x - y * np.floor(x / y), rounding.Remainder),
    "fmod": (lambda x, y: x - y * np.trunc(x / y), rounding.Fmod),
    "floor_divide": (lambda x, y: np.floor(x / y), rounding.FloorDivide),
}
for name, (reference, cls) in DIVISIONS.items():
    for variant, shapes in {"": ((2, 3), (2, 3)), "/broadcast": ((2, 1, 3), (4, 1)), "/0-d": ((), (3,))}.items():
        add(name + variant, getattr(F, name), coprime(*shapes), reference, cls, elementwise=not variant)
add("remainder/operators", lambda x, y: (x % y) * (x // y) + (2.25 % y), together(coprime((2, 3), (2, 3))),
    lambda x, y: (x - y * np.floor(x / y)) * np.floor(x / y) + 2.25 - y * np.floor(2.25 / y), rounding.Remainder)
for name, number in {"arctan2": 1.5, "hypot": 1.5, "logaddexp": 0.3, "logaddexp2": 0.3, "xlogy": 1.3, "copysign": -1.0,
                     "fmax": 0.2, "fmin": 0.2}.items():
    f, sample = getattr(F, name), positive if name == "xlogy" else distinct
    add(f"{name}/number second", lambda x, f=f, n=number: f(x, n), sample((2, 3)),
        lambda x, f=f, n=number: getattr(np, f.__name__, scipy.special.xlogy)(x, n), elementwise=True)
    add(f"{name}/number first", lambda x, f=f, n=number: f(n, x), sample((2, 3)),
        lambda x, f=f, n=number: getattr(np, f.__name__, scipy.special.xlogy)(n, x), elementwise=True)
