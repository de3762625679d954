"""Every layer in float64 against finite differences, by its inputs and its parameters; in float32 it stays float32."""

import numpy as np
import pytest
from layer_cases import CASES

import minigrad as mg
from minigrad import functions as F
from minigrad import layers


def flat(value):
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, (list, tuple)) else [value]


def rebuilt(structure, parts):
    """The structure with its floating-point arrays replaced, in order, by the parts."""
    if isinstance(structure, (list, tuple)):
        return type(structure)(rebuilt(s, parts) for s in structure)
    return next(parts) if structure.dtype.kind == "f" else structure


@pytest.mark.parametrize("case", [c for c in CASES if c.smooth], ids=repr)
def test_gradients(case):
    with mg.tensor.default_dtype("float64"):
        layer = case.make(layers)
        layer(*case.inputs, **case.call)
    rng = np.random.default_rng(0)
    for p in layer.parameters():
        p.data = rng.uniform(0.3, 1.0, p.shape) * (1 if p.name == "moving_variance" else rng.choice([-1.0, 1.0], p.shape))

    def f(*parts):
        ys = flat(layer(*rebuilt(case.inputs, iter(parts)), **case.call))
        return F.concatenate([F.ravel(y) for y in ys])

    arrays = [a for a in flat(case.inputs) if a.dtype.kind == "f"]
    mg.gradcheck(f, arrays, parameters=layer.parameters(trainable_only=True))


@pytest.mark.parametrize("case", CASES, ids=repr)
@pytest.mark.parametrize("training", [False, True])
def test_float32_stays_float32(case, training):
    layer = case.make(layers)
    arrays = iter([mg.Tensor(a.astype("float32"), requires_grad=True) for a in flat(case.inputs) if a.dtype.kind == "f"])
    inputs = rebuilt(case.inputs, arrays)
    ys = flat(layer(*inputs, training=training, **case.call))
    assert {str(y.dtype) for y in ys} == {"float32"}
    sum((y * y).sum() for y in ys).backward()
    leaves = [x for x in flat(inputs) if isinstance(x, mg.Tensor)] + layer.parameters(trainable_only=True)
    assert leaves and {str(x.grad.dtype) for x in leaves if x.grad is not None} == {"float32"}
    assert all(p.grad is not None for p in layer.parameters(trainable_only=True))


@pytest.mark.parametrize("case", [c for c in CASES if not c.call and c.name != "Embedding"], ids=repr)
def test_shapes_are_known_before_any_numbers_are(case):
    """On symbols a layer gives the shapes that it gives on numbers, of an empty batch too."""
    symbols = rebuilt(case.inputs, iter([layers.Input(a.shape[1:]) for a in flat(case.inputs)]))
    layer = case.make(layers)
    drawn = flat(layer(*symbols))
    ys = flat(layer(*case.inputs))
    assert [s.shape[1:] for s in drawn] == [y.shape[1:] for y in ys]
