"""Entries of the table of functions: where= of the reductions, nan, quantiles, averages, norms of matrices."""

import numpy as np
import scipy.special
from table import add, apart, distinct, fixed, nonzero, normal, positive, together

import minigrad as mg
import minigrad.functions as F
from minigrad.functions import norms, reductions, scans

# ---- where=, initial=: the mask leaves out some of each row, and all of none

MASK = np.array([[True, False, True, True], [False, True, True, True], [True, True, True, False]])
MASKS = {"where": MASK, "where, a row": MASK[0], "where, a column": MASK[:, :1] | MASK[:, 2:3]}
WHERE = {  # name: (NumPy's, sample, further arguments, what it runs)
    "sum": (np.sum, normal, {}, reductions.Sum), "mean": (np.mean, normal, {}, reductions.Sum),
    "prod": (np.prod, nonzero, {}, scans.Prod), "var": (np.var, apart, {}, reductions.Sum),
    "std": (np.std, apart, {"ddof": 1}, reductions.Sum), "max": (np.max, distinct, {"initial": -9}, ()),
    "min": (np.min, distinct, {"initial": 9.0}, ()),
}
for name, (reference, sample, more, cls) in WHERE.items():
    call = getattr(F, name)
    for variant, mask in MASKS.items():
        for axis in (None, 1):
            add(f"{name}/{variant}, axis {axis}",
                lambda x, w, f=call, a=axis, k=more: f(x, a, where=w, **k), together(sample((3, 4)), fixed(mask)),
                lambda x, w, f=reference, a=axis, k=more: f(x, a, where=w, **k), *([cls] if cls else []))
for name, initial in {"sum": 2.5, "prod": -1.5, "max": 0.11, "min": 0.11}.items():
    ours, theirs = getattr(F, name), getattr(np, name)
    add(f"{name}/initial", lambda x, f=ours, i=initial: f(x, 1, keepdims=True, initial=i), distinct((3, 4)),
        lambda x, f=theirs, i=initial: f(x, 1, keepdims=True, initial=i))
    add(f"{name}/initial of none", lambda x, f=ours, i=initial: f(x, 1, initial=i), normal((2, 0)),
        lambda x, i=initial: np.full(2, i))
add("var/correction", lambda x: F.var(x, axis=1, correction=1), apart((2, 4)), lambda x: np.var(x, axis=1, ddof=1))
add("logsumexp/b", lambda x, b: F.logsumexp(x, 1, b=b), together(normal((2, 3)), positive((3,))),
    lambda x, b: scipy.special.logsumexp(x, 1, b=b))


# ---- nan: what is nan is put in by the call, so that differences do not see it

def with_nan(f, **options):
    return lambda x, m: f(mg.where(m, x, np.nan) if isinstance(x, mg.Tensor) else np.where(m, x, np.nan), **options)


for name, sample in {"nansum": normal, "nanprod": nonzero, "nanmean": normal, "nanvar": apart, "nanstd": apart,
                     "nanmax": distinct, "nanmin": distinct, "nanmedian": distinct}.items():
    for variant, options in {"": {}, "/axis": {"axis": 1}, "/keepdims": {"axis": (0, 1), "keepdims": True}}.items():
        add(name + variant, with_nan(getattr(F, name), **options), together(sample((3, 4)), fixed(MASK)),
            with_nan(getattr(np, name), **options))
    add(f"{name}/no nan", getattr(F, name), sample((2, 3)), getattr(np, name))


# ---- quantiles and averages

for name, unit in {"quantile": 1, "percentile": 100, "nanquantile": 1, "nanpercentile": 100}.items():
    ours, theirs = getattr(F, name), getattr(np, name)
    for variant, (q, options) in {"": (0.3, {}), "/axis": (0.75, {"axis": 1}), "/ends": ([0, 1], {"axis": 0}),
                                  "/several": ([[0.1, 0.5], [0.6, 0.9]], {"axis": 1, "keepdims": True})}.items():
        q = np.multiply(q, unit)
        add(name + variant, lambda x, f=ours, q=q, o=options: f(x, q, **o), distinct((3, 4)),
            lambda x, f=theirs, q=q, o=options: f(x, q, **o))
        if name.startswith("nan"):
            add(f"{name}{variant or '/all'} with nan", lambda x, m, f=ours, q=q, o=options: with_nan(f, q=q, **o)(x, m),
                together(distinct((3, 4)), fixed(MASK)), lambda x, m, f=theirs, q=q, o=options: with_nan(f, q=q, **o)(x, m))
add("ptp", F.ptp, distinct((2, 3)), np.ptp)
add("ptp/axis", lambda x: F.ptp(x, 0, keepdims=True), distinct((2, 3)), lambda x: np.ptp(x, 0, keepdims=True))
add("average", F.average, normal((2, 3)), np.average)
add("average/weights", lambda x, w: F.average(x, weights=w), together(normal((2, 3)), positive((2, 3))),
    lambda x, w: np.average(x, weights=w))
add("average/of an axis", lambda x, w: F.average(x, 1, w, keepdims=True), together(normal((2, 3, 2)), positive((3,))),
    lambda x, w: np.average(x, 1, w, keepdims=True))
add("average/of axes", lambda x, w: F.average(x, (2, 0), w), together(normal((2, 3, 4)), positive((4, 2))),
    lambda x, w: (x * w.T[:, None]).sum((0, 2)) / w.sum())
add("average/returned", lambda x, w: F.average(x, 0, w, True), together(normal((2, 3)), positive((2, 3))),
    lambda x, w: list(np.average(x, 0, w, True)))


# ---- norms

def by_hand(x, ord):
    """The matrix norms by their definitions; singular values as the roots of the eigenvalues of xᵀ x."""
    s = np.sqrt(np.linalg.eigvalsh(np.swapaxes(x, -1, -2) @ x)[..., -min(x.shape[-2:]):])
    return {"fro": np.sqrt((x ** 2).sum((-2, -1))), "nuc": s.sum(-1), 2: s.max(-1), -2: s.min(-1),
            1: abs(x).sum(-2).max(-1), -1: abs(x).sum(-2).min(-1), np.inf: abs(x).sum(-1).max(-1),
            -np.inf: abs(x).sum(-1).min(-1)}[ord]


for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    cls = [norms.Norm] if ord == "fro" else []
    add(f"linalg.matrix_norm/{ord}", lambda x, o=ord: mg.linalg.matrix_norm(x, ord=o), normal((2, 3, 2)),
        lambda x, o=ord: by_hand(x, o), *cls)
    add(f"matrix_norm/{ord}, keepdims", lambda x, o=ord: F.matrix_norm(x, keepdims=True, ord=o), normal((2, 3)),
        lambda x, o=ord: by_hand(x, o)[None, None], *cls)
    add(f"linalg.norm/{ord}", lambda x, o=ord: mg.linalg.norm(x, o, axis=(2, 0), keepdims=True), normal((2, 3, 3)),
        lambda x, o=ord: np.linalg.norm(x, o, axis=(2, 0), keepdims=True), *cls)
for ord in (1, 2, 3.5, np.inf, -np.inf, -1, 0.5):
    add(f"linalg.vector_norm/{ord}", lambda x, o=ord: mg.linalg.vector_norm(x, axis=1, ord=o), nonzero((2, 3)),
        lambda x, o=ord: np.linalg.vector_norm(x, axis=1, ord=o))
    add(f"linalg.norm/vector {ord}", lambda x, o=ord: mg.linalg.norm(x, o), nonzero((4,)),
        lambda x, o=ord: np.linalg.norm(x, o))
