"""The table of functions: einsum and its special cases, linear algebra."""

from functools import partial

import numpy as np
from table import add, normal, together

import minigrad.functions as F
from minigrad.functions import linalg
from minigrad.functions.decompositions import QR, SVD, Cholesky, Eigh, SingularValues
from minigrad.functions.determinants import Cofactors, Det, LogAbsDet
from minigrad.functions.einsum import Einsum
from minigrad.functions.inverses import Inv, Pinv, Solve

# ---- einsum

for variant, (subscripts, *shapes) in {
    "": ("ij,jk->ik", (2, 3), (3, 2)), "/implicit": ("ik,jk", (2, 3), (2, 3)), "/transpose": ("ba", (2, 3)),
    "/sum": ("ij->j", (2, 3)), "/sum of all": ("ij->", (2, 3)), "/trace": ("ii", (3, 3)),
    "/diagonal": ("kii->ik", (2, 3, 3)), "/three times": ("iiij->ij", (2, 2, 2, 3)),
    "/diagonals meet": ("iij,jk->ik", (2, 2, 3), (3, 2)),
    "/no sum": ("ij,ij->ji", (2, 3), (2, 3)), "/dot": ("ij,ij", (2, 3), (2, 3)), "/outer": ("i,j->ji", (2,), (3,)),
    "/batch": ("bij,kbj->ibk", (2, 3, 2), (2, 2, 2)), "/lonely letters": ("aib,jci->ja", (2, 3, 2), (2, 2, 3)),
    "/three operands": ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)), "/letter of three": ("i,i,i->i", (3,), (3,), (3,)),
    "/ellipsis": ("...ij,...j->...i", (2, 2, 3), (2, 3)), "/ellipsis broadcasts": ("...ij,jk...", (2, 1, 2, 3), (3, 2, 2)),
    "/ellipsis summed": ("i...->...", (2, 3, 2)), "/length 1": ("ij,ij->ij", (2, 1), (1, 3)), "/0-d": (",i->i", (), (3,)),
    "/empty": ("ij,jk->ik", (2, 0), (0, 2)), "/several rows": ("abc,bcde->ade", (2, 2, 3), (2, 3, 2, 2)),
}.items():
    covers = (Einsum,) if len(shapes) > 1 else ()
    add("einsum" + variant, lambda *xs, s=subscripts: F.einsum(s, *xs), normal(*shapes),
        lambda *xs, s=subscripts: np.einsum(s, *xs), *covers)
add("einsum/lists", lambda x, y: F.einsum(x, [0, ..., 1], y, [1, ...], [..., 0]), normal((2, 2, 3), (3, 2)),
    lambda x, y: np.einsum("a...b,b...->...a", x, y), Einsum)

# ---- its special cases

for name, variants in {
    "tensordot": {"": ((2, 3, 2), (3, 2, 2), 2), "/one axis": ((2, 3), (3, 2), 1), "/outer": ((2,), (3,), 0),
                  "/pair": ((2, 3), (2, 3), (1, -1)), "/lists": ((2, 3, 4), (4, 2, 2), ([2, 0], [0, 1]))},
    "dot": {"": ((2, 3), (3, 2)), "/vectors": ((3,), (3,)), "/vector": ((2, 3), (3,)), "/tensors": ((2, 2, 3), (2, 3, 2)),
            "/number": ((), (3,))},
    "inner": {"": ((2, 3), (2, 3)), "/vectors": ((3,), (3,)), "/number": ((3,), ())},
    "outer": {"": ((2,), (3,)), "/matrices": ((2, 2), (3, 1))},
    "vdot": {"": ((3,), (3,)), "/shapes": ((2, 3), (3, 2))},
    "kron": {"": ((2, 3), (2, 2)), "/vectors": ((2,), (3,)), "/fewer axes": ((2, 2, 1), (3, 2)), "/0-d": ((), (3,))},
}.items():
    for variant, (x, y, *axes) in variants.items():
        add(name + variant, lambda x, y, name=name, axes=axes: getattr(F, name)(x, y, *axes), normal(x, y),
            lambda x, y, name=name, axes=axes: getattr(np, name)(x, y, *axes))

# ---- linear algebra


def diagonals(*shape):
    """Matrices with well separated singular values: standard normal numbers / 4, and 1, 2.5, 4 ... on the diagonal."""
    def sample(rng):
        places = np.arange(min(shape[-2:]))
        x = rng.standard_normal(shape) / 4
        x[..., places, places] += 1 + 1.5 * places
        return (x,)
    return sample


def transpose(x):
    return x.swapaxes(-1, -2)


def symmetric(x):
    """For eigh and cholesky, which read one triangle."""
    return (x + transpose(x)) / 2


def of_symmetric(f, x):
    return f(symmetric(x))


def of_any(f, x):
    return f(x)


def against_first_row(v):
    """The columns times the signs of their first numbers: what does not depend on LAPACK's signs."""
    return v * v[..., :1, :]


def eigh_without_signs(eigh, x):
    w, v = eigh(symmetric(x))
    return [w, against_first_row(v)]


def svd_without_signs(svd, x, full_matrices):
    """u, s, v, where a pair of columns of u and v may change its sign."""
    u, s, vh = svd(x, full_matrices=full_matrices)
    return [against_first_row(u), s, transpose(vh) * u[..., :1, :]]


MATRICES = {"": (3, 3), "/batch": (2, 1, 2, 2), "/1x1": (1, 1), "/empty": (2, 0, 0), "/no matrices": (0, 2, 2)}
for variant, shape in MATRICES.items():
    for name, covers in {"inv": (Inv,), "det": (Det, Cofactors), "eigvalsh": (Eigh,), "cholesky": (Cholesky, Solve)}.items():
        f, reference = (partial(of_symmetric if name in ("eigvalsh", "cholesky") else of_any, getattr(module, name))
                        for module in (linalg, np.linalg))
        add(f"linalg.{name}{variant}", f, diagonals(*shape), reference, *covers)
    add("linalg.slogdet" + variant, lambda x: list(linalg.slogdet(x)), diagonals(*shape),
        lambda x: list(np.linalg.slogdet(x)), LogAbsDet, Inv)
    if shape[-1]:
        add("linalg.eigh" + variant, partial(eigh_without_signs, linalg.eigh), diagonals(*shape),
            partial(eigh_without_signs, np.linalg.eigh), Eigh)
add("linalg.slogdet/negative", lambda x: list(linalg.slogdet(-x)), diagonals(3, 3), lambda x: list(np.linalg.slogdet(-x)),
    LogAbsDet)
add("linalg.cholesky/upper", lambda x: linalg.cholesky(symmetric(x), upper=True), diagonals(3, 3),
    lambda x: np.linalg.cholesky(symmetric(x)).T, Cholesky)

for variant, (x, y) in {"": ((3, 3), (3, 2)), "/vector": ((3, 3), (3,)), "/batch": ((2, 2, 2), (2, 2, 1)),
                        "/broadcast": ((2, 1, 2, 2), (3, 2, 1)), "/vector of many": ((2, 2, 2), (2,)),
                        "/empty": ((0, 0), (0, 2))}.items():
    add("linalg.solve" + variant, linalg.solve, together(diagonals(*x), normal(y)), np.linalg.solve, Solve)

for n in (-2, -1, 0, 1, 2, 3, 5):
    add(f"linalg.matrix_power/{n}", lambda x, n=n: linalg.matrix_power(x, n), lambda rng: (diagonals(2, 2, 2)(rng)[0] / 2,),
        lambda x, n=n: np.linalg.matrix_power(x, n))

SHAPES = {"": (3, 3), "/tall": (3, 2), "/wide": (2, 3), "/batch": (2, 1, 3, 2), "/column": (3, 1)}
for variant, shape in SHAPES.items():
    add("linalg.pinv" + variant, linalg.pinv, diagonals(*shape), np.linalg.pinv, Pinv)
    add("linalg.qr" + variant, lambda x: list(linalg.qr(x)), diagonals(*shape), lambda x: list(np.linalg.qr(x)), QR)
    add("linalg.svd" + variant, partial(svd_without_signs, linalg.svd, full_matrices=shape == (3, 3)), diagonals(*shape),
        partial(svd_without_signs, np.linalg.svd, full_matrices=False), SVD)
    add("linalg.svdvals" + variant, linalg.svdvals, diagonals(*shape), np.linalg.svdvals, SingularValues, SVD)
add("linalg.pinv/rank 1", lambda x, y: linalg.pinv(F.outer(x, y), 1e-6), normal((3,), (2,)),
    lambda x, y: np.outer(y, x) / (x @ x * (y @ y)), Pinv)
