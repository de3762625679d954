"""Derivatives of the table's entries, by minigrad and by central differences: what the tests over the table share."""

import zlib

import numpy as np

import minigrad as mg

EPS = np.finfo(np.float64).eps
EPS32 = float(np.finfo(np.float32).eps)
STEP = EPS ** (1 / 3)  # where a central difference's two errors meet: of the formula, f'''·h²/6, and of rounding, ε·f/h
NUMERIC = 200 * EPS ** (2 / 3)  # both are then about ε^(2/3) = 4e-11; the rest is for large f''' and for sums


def wrap(x):
    """A Tensor around the very array x, with its strides; one that wants a gradient if it holds real numbers."""
    tensor = mg.Tensor.wrap(np.asarray(x))
    tensor.requires_grad = x.dtype.kind == "f"
    return tensor


def as_list(x):
    return list(x) if isinstance(x, (list, tuple)) else [x]


def cotangents(entry, dtype=np.float64):
    """A random gradient for each output of the entry."""
    rng = np.random.default_rng(zlib.crc32(entry.name.encode()) + 1)
    outputs = as_list(entry.call(*map(mg.Tensor, entry.inputs())))
    return [np.asarray(rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape), dtype) for y in outputs]


def gradients(outputs, inputs, dys, create_graph=False):
    """The gradient of each input that wants one, zeros where the outputs do not depend on it."""
    inputs = [x for x in inputs if x.requires_grad]
    pairs = [(y, dy) for y, dy in zip(outputs, dys) if y.requires_grad]
    if not pairs:
        return [mg.Tensor(np.zeros_like(x.data)) for x in inputs]
    found = mg.autograd.grad([y for y, _ in pairs], inputs, [dy for _, dy in pairs], create_graph, allow_unused=True)
    return [mg.Tensor(np.zeros_like(x.data)) if g is None else g for g, x in zip(found, inputs)]


def vjp(entry, arrays, dys):
    """The outputs and the gradients of the entry, as arrays."""
    tensors = [wrap(x) for x in arrays]
    outputs = as_list(entry.call(*tensors))
    return [y.data for y in outputs], [g.data for g in gradients(outputs, tensors, map(wrap, dys))]


def second_vjp(entry, arrays, dys, directions):
    """The gradient of Σ directions · (gradients of the entry), by its inputs and by the cotangents, as arrays."""
    tensors, dys = [wrap(x) for x in arrays], [wrap(dy) for dy in dys]
    outputs = as_list(entry.call(*tensors))
    first = gradients(outputs, tensors, dys, create_graph=True)
    return [g.data for g in gradients(first, tensors + dys, map(wrap, directions))]


def higher(entry, arrays, along):
    """The derivative of order len(along), as Tensors: along[0] are the cotangents of the entry, along[1] those of its
    gradients, along[2] those of the gradients of these ..."""
    tensors = [wrap(x) for x in arrays]
    found = as_list(entry.call(*tensors))
    for vs in along:
        found = gradients(found, tensors, map(wrap, vs), create_graph=True)
    return found


def directions(entry, dtype=np.float64, seed=2):
    """A random direction for each input that is differentiated."""
    rng = np.random.default_rng(zlib.crc32(entry.name.encode()) + seed)
    return [np.asarray(rng.standard_normal(x.shape), dtype) for x in entry.inputs() if x.dtype.kind == "f"]


def dot(xs, ys):
    return sum(float(np.sum(x * y)) for x, y in zip(xs, ys))


def central_differences(f, arrays):
    """∂f/∂x for the number f(*arrays) and each real array x, element by element."""
    arrays = [np.array(x) for x in arrays]
    result = []
    for x in arrays:
        if x.dtype.kind == "f":
            result.append(np.zeros(x.shape))
            for place in np.ndindex(*x.shape):
                here, ends = x[place], []
                for x[place] in (here + STEP, here - STEP):
                    ends.append(f(*arrays))
                x[place] = here
                result[-1][place] = (ends[0] - ends[1]) / (2 * STEP)
    return result


def assert_close(actual, expected, tolerance):
    """All the arrays alike, to within tolerance times the largest number (or 1)."""
    assert [np.shape(a) for a in actual] == [np.shape(e) for e in expected]
    scale = max([1.0] + [float(np.abs(e).max()) for e in expected if np.size(e) and np.isfinite(e).all()])
    for position, (a, e) in enumerate(zip(actual, expected)):
        np.testing.assert_allclose(a, e, rtol=0, atol=tolerance * scale, err_msg=f"number {position}")


def summed_to(gradient, shape):
    """Where an operand was repeated, the sum of the gradients of its repeats."""
    extra = gradient.ndim - len(shape)
    repeated = [a for a in range(gradient.ndim) if a < extra or shape[a - extra] == 1]
    return gradient.sum(axis=tuple(repeated), keepdims=True).reshape(shape)


def numbers(shape, seed, low=0.5, high=2.0):
    return np.asarray(np.random.default_rng(seed).uniform(low, high, shape))


def slope(f, *inputs, dy=1.0):
    """The value and the gradient of each input of f, as arrays, in float64; dy is the cotangent, or broadcasts to it."""
    tensors = [mg.Tensor(np.asarray(x, float), requires_grad=True) for x in inputs]
    y = f(*tensors)
    found = gradients([y], tensors, [wrap(np.broadcast_to(np.asarray(dy, float), y.shape).copy())])
    return (y.data, *[g.data for g in found])


def same(actual, *expected):
    """The same numbers, to within a rounding or two."""
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected):
        np.testing.assert_allclose(a, e, rtol=4 * EPS)
