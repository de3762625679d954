"""Entries of the table of functions: shapes and indexing."""


import numpy as np
import references as R
from table import add, fixed, integers, normal, together

import minigrad.functions as F
from minigrad.functions import device, indexing, padding, shapes

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
