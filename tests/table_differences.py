"""Entries of the table of functions: differences, further running functions, covariance."""

import numpy as np
from table import add, distinct, fixed, normal, positive, together
from table_statistics import MASK, with_nan

import minigrad.functions as F

# ---- differences

for variant, options in {"": {}, "/twice": {"n": 2}, "/never": {"n": 0}, "/axis": {"axis": 0},
                         "/more than there are": {"n": 9},
                         "/ends": {"axis": 0, "prepend": 2, "append": -1.5}}.items():
    add("diff" + variant, lambda x, o=options: F.diff(x, **o), normal((3, 4)), lambda x, o=options: np.diff(x, **o))
add("diff/arrays at the ends", lambda x, a, b: F.diff(x, 2, 1, a, b), normal((2, 3), (2, 1), (2, 2)),
    lambda x, a, b: np.diff(x, 2, 1, a, b))
add("ediff1d", F.ediff1d, normal((2, 3)), np.ediff1d)
add("ediff1d/ends", lambda x, a, b: F.ediff1d(x, a, b), normal((4,), (2,), (1, 2)), lambda x, a, b: np.ediff1d(x, a, b))
add("trapezoid", F.trapezoid, normal((2, 4)), lambda y: (y[:, 1:] + y[:, :-1]).sum(1) / 2)
add("trapezoid/step", lambda y: F.trapezoid(y, dx=0.5, axis=0), normal((3, 2)), lambda y: np.trapezoid(y, dx=0.5, axis=0))
add("trapezoid/places", lambda y, x: F.trapezoid(y, x, axis=0), normal((4, 2), (4,)),
    lambda y, x: np.trapezoid(y, x, axis=0))
add("trapezoid/places of each", F.trapezoid, normal((2, 4), (2, 4)), np.trapezoid)
for order in (1, 2):
    for variant, (steps, axis) in {"": ((), 1), "/number": ((0.5,), 0), "/all": ((0.5, 2.0), None)}.items():
        def call(f, x, s=steps, a=axis, o=order):
            y = f(x, *s, axis=a, edge_order=o)
            return list(y) if isinstance(y, (list, tuple)) else y
        add(f"gradient{variant or '/axis'}, order {order}", lambda x, f=call: f(F.gradient, x), normal((3, 5)),
            lambda x, f=call: f(np.gradient, x))
    add(f"gradient/places, order {order}", lambda f, x, o=order: F.gradient(f, x, axis=0, edge_order=o),
        together(normal((5, 2)), fixed([0, 0.7, 1.1, 3, 3.6])),
        lambda f, x, o=order: np.gradient(f, x, axis=0, edge_order=o))
add("gradient/two points", F.gradient, normal((2,)), np.gradient)
add("polyval", F.polyval, normal((4,), (2, 3)), np.polyval)

# ---- running

for name in ("cumsum", "cumprod"):
    call, new = getattr(F, "nan" + name), getattr(F, f"cumulative_{name[3:]}")
    add("nan" + name, with_nan(call), together(normal((3, 4)), fixed(MASK)), with_nan(getattr(np, "nan" + name)))
    add(f"nan{name}/axis", with_nan(call, axis=1), together(normal((3, 4)), fixed(MASK)),
        with_nan(getattr(np, "nan" + name), axis=1))
    first = float(name == "cumprod")
    theirs = getattr(np, name)
    add(f"cumulative_{name[3:]}", new, normal((4,)), theirs)
    add(f"cumulative_{name[3:]}/initial", lambda x, f=new: f(x, axis=0, include_initial=True), normal((3, 2)),
        lambda x, f=theirs, i=first: np.concatenate([np.full((1, 2), i), f(x, 0)]))
for name, ufunc in {"cummax": np.maximum, "cummin": np.minimum}.items():
    call = getattr(F, name)
    for variant, axis in {"": 1, "/axis 0": 0}.items():
        add(name + variant, lambda x, f=call, a=axis: f(x, a)[0], distinct((5, 6)),
            lambda x, f=ufunc, a=axis: f.accumulate(x, a))
add("logcumsumexp", F.logcumsumexp, normal((2, 6)), lambda x: np.logaddexp.accumulate(x, 1))
add("logcumsumexp/axis 0", lambda x: F.logcumsumexp(x, 0), normal((3, 2)), lambda x: np.logaddexp.accumulate(x, 0))

# ---- covariance

add("cov", F.cov, normal((3, 5)), np.cov)
add("cov/of two", lambda x, y: F.cov(x, y, rowvar=False, bias=True), normal((5, 2), (5, 1)),
    lambda x, y: np.cov(x, y, rowvar=False, bias=True))
add("cov/vector", F.cov, normal((5,)), np.cov)
add("cov/times", lambda x, n: F.cov(x, fweights=n), together(normal((2, 4)), fixed([1, 3, 0, 2])),
    lambda x, n: np.cov(x, fweights=n))
add("cov/importance", lambda x, a, n: F.cov(x, fweights=n, aweights=a), together(normal((2, 4)), positive((4,)),
    fixed([1, 3, 1, 2])), lambda x, a, n: np.cov(x, fweights=n, aweights=a))
add("cov/ddof", lambda x: F.cov(x, ddof=2), normal((2, 4)), lambda x: np.cov(x, ddof=2))
add("corrcoef", F.corrcoef, normal((3, 5)), np.corrcoef)
add("corrcoef/of two", F.corrcoef, normal((5,), (5,)), np.corrcoef)
