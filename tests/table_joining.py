"""Entries of the table of functions: padding, joining, splitting, arranging."""

import numpy as np
from table import add, booleans, fixed, integers, normal, together

import minigrad.functions as F
from minigrad.functions import arithmetic, indexing, padding

# ---- padding

for mode in ("edge", "wrap", "symmetric", "reflect"):
    for variant, shape, widths in [
        ("", (2, 3), 1),
        ("each axis", (3, 2), ((0, 1), (1, 0))),
        ("wide", (3,), (8, 11)),
        ("one number", (1, 2), ((2, 3), (0, 0))),
        ("none", (2, 2), 0),
    ]:
        add(
            f"pad/{mode} {variant}".strip(),
            lambda x, w=widths, m=mode: F.pad(x, w, m) + 0,
            normal(shape),
            lambda x, w=widths, m=mode: np.pad(x, w, m),
        )
add(
    "pad/values of each side",
    lambda x: F.pad(x, 1, constant_values=((1, 2), (3, 4))),
    normal((2, 3)),
    lambda x: np.pad(x, 1, constant_values=((1, 2), (3, 4))),
    padding.Pad,
)

# ---- joining

JOINED = [((2, 3), (2, 3)), ((3,), (3,)), ((2, 3, 2), (2, 3, 2)), ((), ())]
for name in "vstack hstack dstack column_stack".split():
    for shapes in JOINED if name != "column_stack" else [*JOINED[:3], ((3,), (3, 2))]:
        add(
            name + f"/{shapes}" * (shapes != JOINED[0]),
            lambda *xs, f=name: getattr(F, f)(xs),
            normal(*shapes),
            lambda *xs, f=name: getattr(np, f)(xs),
        )
for name, shapes in {
    "atleast_1d": ((), (2,)),
    "atleast_2d": ((), (2,), (2, 3)),
    "atleast_3d": ((), (2,), (2, 3), (2, 1, 2)),
}.items():
    add(name, lambda *xs, f=name: list(getattr(F, f)(*xs)), normal(*shapes), lambda *xs, f=name: list(getattr(np, f)(*xs)))
    add(f"{name}/one", getattr(F, name), normal(shapes[1]), getattr(np, name))
add("concat", lambda x, y: F.concat([x, y], axis=1), normal((2, 1), (2, 2)), lambda x, y: np.concatenate([x, y], 1))
add("append", lambda x, y: F.append(x, y, axis=0), normal((2, 3), (1, 3)), lambda x, y: np.append(x, y, 0))
add("append/flat", F.append, normal((2, 3), (2,)), np.append)
for variant, shapes, nest in [
    ("", ((2, 2), (2, 3), (1, 2), (1, 3)), lambda a, b, c, d: [[a, b], [c, d]]),
    ("/row", ((2,), (3,)), lambda *xs: [*xs]),
    ("/fewer axes", ((2,), (), (1, 3)), lambda a, b, c: [[a, b], [c]]),
    ("/one", ((2, 3),), lambda a: a),
    ("/more axes", ((1, 2, 3), (1, 2, 1)), lambda a, b: [a, b]),
]:
    add(f"block{variant}", lambda *xs, n=nest: F.block(n(*xs)), normal(*shapes), lambda *xs, n=nest: np.block(n(*xs)))
add(
    "broadcast_arrays",
    lambda *xs: list(F.broadcast_arrays(*xs)),
    normal((2, 1), (3,), ()),
    lambda *xs: list(np.broadcast_arrays(*xs)),
)
for variant, shapes, how in [
    ("", ((2,), (3,)), {}),
    ("/ij", ((2,), (3,), (2,)), {"indexing": "ij"}),
    ("/xy", ((2,), (3,), (1,)), {}),
    ("/sparse", ((2,), (3,)), {"sparse": True}),
    ("/one", ((3,),), {}),
]:
    add(
        f"meshgrid{variant}",
        lambda *xs, k=how: list(F.meshgrid(*xs, **k)),
        normal(*shapes),
        lambda *xs, k=how: list(np.meshgrid(*xs, **k)),
    )

# ---- splitting, inserting, leaving out

for parts in (1, 2, 3, 5, [1, 3], [0, 1]):
    add(
        "array_split" + f"/{parts}" * (parts != 3),
        lambda x, p=parts: F.array_split(x, p, 1),
        normal((2, 4)),
        lambda x, p=parts: np.array_split(x, p, 1),
    )
for indices in ([0, 2], [0, 0], [2, 2, 9], [4], [-4, -1], []):
    add(
        f"split/at {indices}",
        lambda x, i=indices: F.split(x, i, 1),
        normal((2, 4)),
        lambda x, i=indices: np.split(x, i, 1),
    )
add("split/no rows", lambda x: F.split(x, 2), normal((0, 3)), lambda x: np.split(x, 2))
for name, shape in {"hsplit": (2, 4), "vsplit": (2, 3), "dsplit": (1, 2, 4)}.items():
    add(name, lambda x, f=name: getattr(F, f)(x, 2), normal(shape), lambda x, f=name: getattr(np, f)(x, 2))
add("hsplit/vector", lambda x: F.hsplit(x, [1]), normal((3,)), lambda x: np.hsplit(x, [1]))
INSERTS = {
    "": ((3, 2), 1, (2,), 0),
    "/axis 1": ((2, 3), -1, (2,), 1),
    "/scalar, two rows": ((2, 3), 1, (2, 2), 1),
    "/several": ((3, 2), [2, 0, 2], (3, 2), 0),
    "/list of one": ((2, 3), [1], (2, 1), 1),
    "/at the end": ((3,), 3, (), 0),
    "/flat": ((2, 2), [0, 4], (), None),
    "/slice": ((4, 2), slice(None, None, 2), (2,), 0),
    "/nothing": ((3,), [], (0,), 0),
}
for variant, (shape, obj, values, axis) in INSERTS.items():
    add(
        f"insert{variant}",
        lambda x, v, o=obj, a=axis: F.insert(x, o, v, a),
        normal(shape, values),
        lambda x, v, o=obj, a=axis: np.insert(x, o, v, a),
    )
for variant, obj, axis in [
    ("", 1, 0),
    ("/several", [0, -1, 0], 1),
    ("/slice", slice(None, None, 2), 1),
    ("/flat", 3, None),
    ("/mask", [True, False, True], 1),
    ("/nothing", [], 0),
]:
    add(
        f"delete{variant}",
        lambda x, o=obj, a=axis: F.delete(x, o, a),
        normal((2, 3)),
        lambda x, o=obj, a=axis: np.delete(x, o, a),
    )
for shape in (7, (2, 2), (3, 4), (0, 2)):
    add(
        "resize" + f"/{shape}" * (shape != 7),
        lambda x, s=shape: F.resize(x, s),
        normal((2, 3)),
        lambda x, s=shape: np.resize(x, s),
    )
add("resize/of nothing", lambda x: F.resize(x, (2,)), normal((0,)), lambda x: np.resize(x, (2,)))

# ---- turning

for axis, start in [(2, 0), (0, 3), (1, 1), (-1, -2), (0, 2), (2, -3)]:
    add(
        "rollaxis" + f"/{axis} {start}" * ((axis, start) != (2, 0)),
        lambda x, a=axis, s=start: F.rollaxis(x, a, s),
        normal((2, 3, 4)),
        lambda x, a=axis, s=start: np.rollaxis(x, a, s),
    )
for k in (1, 2, 3, 4, -1):
    for axes in ((0, 1), (1, 0), (-1, 0)):
        add(
            "rot90" + f"/{k} {axes}" * ((k, axes) != (1, (0, 1))),
            lambda x, k=k, a=axes: F.rot90(x, k, a),
            normal((2, 3, 2)),
            lambda x, k=k, a=axes: np.rot90(x, k, a),
        )
for name in ("fliplr", "flipud", "matrix_transpose"):
    add(name, getattr(F, name), normal((2, 3, 2)), getattr(np, name))
add("permute_dims", lambda x: F.permute_dims(x, (2, 0, 1)), normal((2, 3, 4)), lambda x: np.transpose(x, (2, 0, 1)))
add("permute_dims/all", F.permute_dims, normal((2, 3, 4)), np.transpose)

# ---- picking and putting


def put(x, indices, values, axis):
    y = x.copy()
    np.put_along_axis(y, indices, values, axis)
    return y


for variant, indices, values, axis in [
    ("", [[2], [0]], (2, 1), 1),
    ("/axis 0", [[1, 0, 1]], (3,), 0),
    ("/number", [[0, 2], [1, 0]], (), -1),
    ("/flat", [5, 0, 3], (3,), None),
    ("/twice", [[1, 1], [0, 2]], (2, 2), 1),
]:
    add(
        f"put_along_axis/updated{variant}",
        lambda x, v, i, a=axis: F.put_along_axis(x, i, v, a),
        together(normal((2, 3), values), fixed(indices)),
        lambda x, v, i, a=axis: put(x, i, v, a),
        indexing.IndexUpdate,
    )
for variant, condition, axis in [
    ("", [True, False, True], 1),
    ("/shorter", [0, 1], 1),
    ("/flat", [True, False, False, True], None),
]:
    add(
        f"compress{variant}",
        lambda x, c=condition, a=axis: F.compress(c, x, a),
        normal((2, 3)),
        lambda x, c=condition, a=axis: np.compress(c, x, a),
    )
add("extract", F.extract, together(fixed([[True, False, True], [False, True, True]]), normal((2, 3))), np.extract)
add(
    "select",
    lambda c, d, x, y: F.select([c, d], [x, y], 2.5),
    together(booleans(2, 3), booleans(2, 3), normal((2, 3), (3,))),
    lambda c, d, x, y: np.select([c, d], [x, y], 2.5),
    arithmetic.Where,
)
add(
    "choose",
    lambda i, x, y: F.choose(i, [x, y]),
    together(integers(2, 3), normal((2, 3), (3,))),
    lambda i, x, y: np.choose(i, [x, y]),
)


def filled(x, value, wrap=False):
    y = x.copy()
    np.fill_diagonal(y, value, wrap)
    return y


for variant, shape, value, wrap in [
    ("", (3, 3), (), False),
    ("/tall", (5, 2), (2,), False),
    ("/wide", (2, 4), (2,), False),
    ("/wrapped", (7, 2), (), True),
    ("/cube", (2, 2, 2), (2,), False),
    ("/short", (4, 4), (3,), False),
]:
    add(
        f"fill_diagonal{variant}",
        lambda x, v, w=wrap: F.fill_diagonal(x, v, w),
        normal(shape, value),
        lambda x, v, w=wrap: filled(x, v, w),
        indexing.IndexUpdate,
    )
for n, increasing in [(None, False), (2, True), (0, False), (1, True), (5, False)]:
    add(
        "vander" + f"/{n} {increasing}" * (n is not None),
        lambda x, n=n, i=increasing: F.vander(x, n, i),
        normal((3,)),
        lambda x, n=n, i=increasing: np.vander(x, n, i),
    )
add("vander/zero", lambda x: F.vander(x), fixed([0.0, 2.0, -1.0]), np.vander)
