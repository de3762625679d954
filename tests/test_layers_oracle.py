"""Layers against Keras's, with its weights carried over: outputs, gradients of inputs and weights, numbers of parameters."""

import os

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")


IMAGES = {1: (9, 4), 2: (7, 8, 4), 3: (5, 6, 5, 4)}


def convolutions(rng, name, axes):
    one = lambda n: int(rng.integers(1, n))  # noqa: E731
    strides, dilation = (one(4), 1) if rng.random() < 0.5 else (1, one(3))
    k = dict(kernel_size=tuple(int(n) for n in rng.integers(1, 4, axes)), padding=str(rng.choice(["valid", "same"])),
             activation=str(rng.choice(["tanh", "linear"])), use_bias=bool(rng.random() < 0.7),
             strides=strides, dilation_rate=dilation)
    if "Depthwise" not in name:
        k["filters"] = 2 * one(4)
    if "Depthwise" in name or "Separable" in name:
        k["depth_multiplier"] = one(4)
    elif "Transpose" not in name:
        k["groups"] = int(rng.choice([1, 2]))
    elif strides > 1 and k["padding"] == "valid" and rng.random() < 0.5:
        k["output_padding"] = one(strides)
    return k


def pools(rng, name, axes):
    size = tuple(int(n) for n in rng.integers(1, 4, axes))
    # "same" means are left out: Keras's torch backend differs from ours (padding does not count) at borders of odd width
    padding = "valid" if name.startswith("Average") else str(rng.choice(["valid", "same"]))
    return dict(pool_size=size, strides=int(rng.integers(1, 4)), padding=padding)


def borders(rng, name, axes):
    pairs = [tuple(int(n) for n in rng.integers(0, 3, 2)) for _ in range(axes)]
    return {"padding" if "Padding" in name else "cropping": pairs[0] if axes == 1 else tuple(pairs)}


FAMILIES = [(convolutions, [*(f"Conv{n}D" for n in (1, 2, 3)), *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
                            *(f"{kind}Conv{n}D" for kind in ("Depthwise", "Separable") for n in (1, 2))]),
            (pools, [f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)]),
            (borders, [f"{kind}{n}D" for kind in ("ZeroPadding", "Cropping") for n in (1, 2, 3)]),
            (lambda rng, name, axes: dict(keepdims=bool(rng.random() < 0.5)),
             [f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)]),
            (lambda rng, name, axes: dict(size=int(rng.integers(1, 4))), [f"UpSampling{n}D" for n in (1, 2, 3)]),
            (lambda rng, name, axes: dict(size=(2, 3), interpolation="bilinear"), ["UpSampling2D"])]
CASES = [(make, name) for make, names in FAMILIES for name in names]


def agree(name, options, x, training=False):
    """Both layers on the same numbers in float64, forward and backward with a random cotangent."""
    import torch
    # Keras's torch backend takes means in float32 whatever the dtype, so that layers made of them agree to float32 only
    close = 1e-6 if "Global" in name or "Normalization" in name else 1e-10
    theirs = getattr(keras.layers, name)(**options, dtype="float64")
    theirs.build(x.shape)
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0.2, 1.0, w.shape) for w in theirs.get_weights()]
    theirs.set_weights(weights)
    with mg.tensor.default_dtype("float64"):
        ours = getattr(layers, name)(**options)
        ours.ensure_built(x.shape)
    ours.set_weights(weights)
    assert ours.count_params() == theirs.count_params()
    a, b = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a, training=training), theirs(b, training=training)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=close, atol=close)
    cotangent = rng.standard_normal(y.shape)
    (y * cotangent).sum().backward()
    z.backward(torch.tensor(cotangent))
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=10 * close, atol=10 * close)
    for p, w in zip(ours.parameters(), theirs.weights):
        if p.trainable:
            np.testing.assert_allclose(p.grad.numpy(), w.value.grad.numpy(), rtol=10 * close, atol=10 * close)
        else:
            np.testing.assert_allclose(p.numpy(), w.value.detach().numpy(), rtol=close, atol=close)
    twin = type(ours).from_config(ours.get_config())
    assert twin.get_config() == ours.get_config() and type(twin) is type(ours)


@pytest.mark.parametrize("make, name", CASES, ids=[name for _, name in CASES])
def test_layers_of_images(make, name):
    rng = np.random.default_rng(sum(map(ord, name)))
    axes = int(name[name.index("D") - 1] if name[name.index("D") - 1].isdigit() else name[-2])
    for _ in range(6):
        agree(name, make(rng, name, axes), rng.standard_normal((2, *IMAGES[axes])))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("center, scale", [(True, True), (False, True), (True, False)])
def test_batch_and_group_normalization(training, center, scale):
    x = np.random.default_rng(0).standard_normal((5, 3, 4)) * 3 + 1
    agree("BatchNormalization", dict(center=center, scale=scale, momentum=0.7), x, training)
    agree("GroupNormalization", dict(center=center, scale=scale, groups=2), x, training)
