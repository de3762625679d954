"""Layers of images against Keras's, in random configurations."""

import numpy as np
import pytest
from keras_layers import agree, in_float64  # noqa: F401

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


@pytest.mark.parametrize("make, name", CASES, ids=[name for _, name in CASES])
def test_layers_of_images(make, name):
    rng = np.random.default_rng(sum(map(ord, name)))
    axes = int(name[name.index("D") - 1] if name[name.index("D") - 1].isdigit() else name[-2])
    for _ in range(6):
        options, shape = make(rng, name, axes), IMAGES[axes]
        if rng.random() < 0.5 and name not in ("Cropping1D", "UpSampling1D"):  # which take no data_format in Keras
            options["data_format"], shape = "channels_first", (shape[-1], *shape[:-1])
        agree(lambda layers, options=options: getattr(layers, name)(**options), [rng.standard_normal((2, *shape))])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("center, scale", [(True, True), (False, True), (True, False)])
def test_batch_and_group_normalization(training, center, scale):
    x = np.random.default_rng(0).standard_normal((5, 3, 4)) * 3 + 1
    agree(lambda layers: layers.BatchNormalization(center=center, scale=scale, momentum=0.7), [x], training)
    agree(lambda layers: layers.GroupNormalization(center=center, scale=scale, groups=2), [x], training)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_same_means_do_not_count_the_border(axes):
    """Against PyTorch: the mean of each window of x with zeros around it, by that of ones with zeros around them. (Keras's
    own PyTorch backend repeats the last numbers where the border is wider on one side, unlike its others.)"""
    import torch

    import minigrad as mg
    from minigrad import layers
    pool = getattr(torch.nn.functional, f"avg_pool{axes}d")
    rng = np.random.default_rng(axes)
    for _ in range(10):
        lengths, k, s = rng.integers(3, 8, axes), rng.integers(1, 5, axes), rng.integers(1, 4, axes)
        total = np.maximum((-(-lengths // s) - 1) * s + k - lengths, 0)
        border = [int(n) for pair in zip(total // 2, total - total // 2) for n in pair]
        x = rng.standard_normal((2, *lengths, 3))
        a, b = mg.Tensor(x, requires_grad=True), torch.tensor(np.moveaxis(x, -1, 1), requires_grad=True)
        kernel, stride = tuple(map(int, k)), tuple(map(int, s))
        y = getattr(layers, f"AveragePooling{axes}D")(kernel, stride, padding="same")(a)
        padded = [torch.nn.functional.pad(t, [n for i in range(axes - 1, -1, -1) for n in border[2 * i:2 * i + 2]])
                  for t in (b, torch.ones_like(b))]
        z = pool(padded[0], kernel, stride) / pool(padded[1], kernel, stride)
        np.testing.assert_allclose(np.moveaxis(y.numpy(), -1, 1), z.detach().numpy(), rtol=1e-10, atol=1e-10)
        cotangent = rng.standard_normal(y.shape)
        (y * cotangent).sum().backward()
        z.backward(torch.tensor(np.moveaxis(cotangent, -1, 1)))
        np.testing.assert_allclose(np.moveaxis(a.grad.numpy(), -1, 1), b.grad.numpy(), rtol=1e-10, atol=1e-10)
