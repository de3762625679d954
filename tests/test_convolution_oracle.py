"""Convolution, pooling and interpolation beside PyTorch's: the entries of the table, and geometries drawn by Hypothesis.

Data go in as (N, ..., C) here and are turned to PyTorch's (N, C, ...) below, kernels (k, ..., C, O) to (O, C, k, ...).
"""

import math

import numpy as np
import pytest
from derivatives import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from table import TABLE
from table_convolution import ADAPTIVE, CONVOLUTIONS, DEPTHWISE, GRIDS, POOLINGS, TRANSPOSED
from test_convolution import EPS, convolutions, poolings
from test_functions_oracle import assert_agrees, plain, tensors

import minigrad as mg
import minigrad.functions as F

torch = pytest.importorskip("torch")

from torch.nn import functional as TF  # noqa: E402

ORACLE = {}  # entry's name -> the same in PyTorch
FAMILIES = ("conv", "max_pool", "avg_pool", "adaptive", "global", "interpolate", "sliding")
# No counterpart: PyTorch hides it inside of a backward, or has no second derivative for it.
WITHOUT = {"max_pool_gather", "max_pool_scatter", "avg_pool_spread", "convolve"}  # convolve is in test_sweep_oracle


def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def kernels(w):
    return w.permute(-1, -2, *range(w.ndim - 2)).contiguous()  # its gradient of conv_transpose1d refuses others


def bordered(x, pads, value=0.0):
    """x, channels first, with the border that `pads` names."""
    return TF.pad(first(x), [n for pair in reversed(pads) for n in pair], value=value)


def inside(x, s):
    """The inner part of x, channels last."""
    return last(x)[(slice(None), *(slice(before, before + n) for n, (before, _) in zip(s.size, s.uneven)))]


def theirs(name, axes):
    return getattr(TF, f"{name}{axes}d")


def conv(x, w, b, s):
    return last(theirs("conv", s.axes)(bordered(x, s.uneven), kernels(w), b, groups=s.groups, **s.steps))


def transposed(y, w, b, s):
    """All of the result, then what is cut off; it can begin no smaller than what the windows cover."""
    more = [n + sum(p) - (o - 1) * step - (k - 1) * d - 1 for n, p, o, step, k, d in zip(
        s.size, s.uneven, y.shape[1:], s.each(s.stride), s.kernel, s.each(s.dilation))]
    f = theirs("conv_transpose", s.axes)
    return inside(f(first(y), kernels(w), b, output_padding=more, groups=s.groups, **s.steps), s)


for variant, s in {**CONVOLUTIONS, **DEPTHWISE}.items():
    ORACLE[f"conv{s.axes}d{variant}"] = lambda x, w, b, s=s: conv(x, w, b, s)
    if s.images:
        n = s.axes
        whole = (s.images, s.channels[0], *(length + sum(p) for length, p in zip(s.size, s.uneven)))
        ORACLE["convolution_input_gradient" + variant] = lambda dy, w, s=s, n=n, whole=whole: inside(
            getattr(torch.nn.grad, f"conv{n}d_input")(whole, kernels(w), first(dy), groups=s.groups, **s.steps), s)
        ORACLE["convolution_weight_gradient" + variant] = lambda x, dy, s=s, n=n: getattr(torch.nn.grad, f"conv{n}d_weight")(
            bordered(x, s.uneven), (s.w[-1], s.w[-2], *s.kernel), first(dy), groups=s.groups, **s.steps).permute(
                *range(2, n + 2), 1, 0)
for axes, letters in {1: "NCW", 2: "NCHW", 3: "NCDHW"}.items():
    ORACLE[f"conv{axes}d/{letters}"] = lambda x, w, b, n=axes: theirs("conv", n)(x, kernels(w), b, stride=2, padding=1)
for variant, s in TRANSPOSED.items():
    if s.images:
        ORACLE[f"conv_transpose{s.axes}d{variant}"] = lambda x, w, b, s=s: transposed(x, w, b, s)
ORACLE["conv_transpose2d/no bias, NCHW"] = lambda x, w: TF.conv_transpose2d(x, kernels(w), stride=2)
for variant, s in POOLINGS.items():
    if s.images:
        max_pool, avg_pool = theirs("max_pool", s.axes), theirs("avg_pool", s.axes)
        ORACLE[f"max_pool{s.axes}d{variant}"] = lambda x, s=s, f=max_pool: last(
            f(bordered(x, s.uneven, -math.inf), s.kernel, s.stride))
        ORACLE[f"avg_pool{s.axes}d{variant}"] = lambda x, s=s, f=avg_pool: last(f(bordered(x, s.uneven), s.kernel, s.stride))
for variant in ("/padding", "/1-D"):
    s = POOLINGS[variant]
    ORACLE[f"avg_pool{s.axes}d{variant}, padding not counted"] = lambda x, s=s: last(
        theirs("avg_pool", s.axes)(first(x), s.kernel, s.stride, padding=1, count_include_pad=False))
ORACLE |= {
    "max_pool2d/NCHW": lambda x: TF.max_pool2d(x, 2), "avg_pool2d/NCHW": lambda x: TF.avg_pool2d(x, 2),
    "max_pool2d/dilation": lambda x: last(TF.max_pool2d(first(x), (2, 3), 1, (1, 0), (2, 1))),
    "max_pool2d/ceil_mode": lambda x: last(TF.max_pool2d(first(x), (2, 3), 2, ceil_mode=True)),
    "avg_pool2d/ceil_mode": lambda x: last(TF.avg_pool2d(first(x), (2, 3), 2, ceil_mode=True)),
    "adaptive_avg_pool2d/NCHW, None": lambda x: TF.adaptive_avg_pool2d(x, (None, 2)),
    "adaptive_max_pool2d/NCHW, None": lambda x: TF.adaptive_max_pool2d(x, (None, 2)),
    "global_avg_pool": lambda x: x.mean((2, 3)), "global_max_pool": lambda x: x.amax((2, 3)),
    "sliding_window_view/axis": lambda x: x.unfold(1, 3, 1),
    "sliding_window_view": lambda x: x.unfold(0, 2, 1).unfold(1, 2, 1),
    "interpolate": lambda x: TF.interpolate(x, scale_factor=2, mode="bilinear"),
}
for variant, (_, parts) in ADAPTIVE.items():
    for name in ("avg", "max"):
        f = getattr(TF, f"adaptive_{name}_pool{variant[:2]}")
        ORACLE[f"adaptive_{name}_pool{variant}"] = lambda x, f=f, parts=parts: last(f(first(x), parts))
MODES = {"linear": ("linear", "bilinear", "trilinear"), "bicubic": (None, "bicubic", None), "nearest": ("nearest",) * 3}
for variant, (_, new) in GRIDS.items():
    for ours, names in MODES.items():
        mode = names[len(new) - 1]
        for corners in [None] if ours == "nearest" else [False, True] if mode else []:
            ORACLE[f"interpolate/{ours}, {variant}" + ", corners" * bool(corners)] = lambda x, k=dict(
                size=new, mode=mode, align_corners=corners): last(TF.interpolate(first(x), **k))
for mode in ("nearest", "bilinear", "bicubic"):
    ORACLE[f"interpolate/{mode}, scale"] = lambda x, m=mode: last(TF.interpolate(first(x), scale_factor=(1.3, 0.7), mode=m))


def test_oracles_belong_to_the_table():
    assert not set(ORACLE) - {entry.name for entry in TABLE}
    here = {entry.function for entry in TABLE if entry.function.startswith(FAMILIES)}
    assert here - {name.partition("/")[0] for name in ORACLE} == WITHOUT


@pytest.mark.parametrize("entry", [e for e in TABLE if e.name in ORACLE], ids=repr)
def test_agrees_with_pytorch(entry):
    assert_agrees(entry, ORACLE[entry.name])


# ---- geometries drawn by Hypothesis

def assert_alike(ours, others, arrays, seed):
    """Both sides' value, and gradients of all inputs for a random cotangent."""
    mine, other = [mg.Tensor(x, requires_grad=True) for x in arrays], tensors(arrays)
    y, expected = ours(*mine), others(*other)
    dy = np.random.default_rng(seed + 1).standard_normal(y.shape)
    found = [y.data, *(g.data for g in mg.autograd.grad([y], mine, [mg.Tensor(dy)]))]
    assert_close(found, plain([expected, *torch.autograd.grad(expected, other, torch.tensor(dy))]), 256 * EPS)


@settings(deadline=None)
@given(convolutions(least_images=1), st.integers(0, 2 ** 32))
def test_any_convolution_agrees_with_pytorch(s, seed):
    rng = np.random.default_rng(seed)
    x, w, b, y, c = (rng.standard_normal(shape) for shape in (s.x, s.w, s.channels[1:], s.y, s.channels[:1]))
    assert_alike(lambda *a: s.function("conv")(*a, **s.options), lambda *a: conv(*a, s), (x, w, b), seed)
    assert_alike(lambda *a: s.function("conv_transpose")(*a, **s.options, output_padding=s.left_over),
                 lambda *a: transposed(*a, s), (y, w, c), seed)


@settings(deadline=None)
@given(poolings(), st.booleans(), st.booleans(), st.integers(0, 2 ** 32))
def test_any_pooling_agrees_with_pytorch(s, ceil_mode, count_include_pad, seed):
    rng = np.random.default_rng(seed)
    x = rng.permutation(math.prod(s.x)).reshape(s.x) * 1.0
    where = dict(stride=s.stride, padding=s.padding, ceil_mode=ceil_mode)
    assert_alike(lambda x: s.function("max_pool")(x, s.kernel, **where, dilation=s.dilation),
                 lambda x: last(theirs("max_pool", s.axes)(first(x), s.kernel, **where, dilation=s.dilation)), (x,), seed)
    where["count_include_pad"] = count_include_pad
    assert_alike(lambda x: s.function("avg_pool")(x, s.kernel, **where),
                 lambda x: last(theirs("avg_pool", s.axes)(first(x), s.kernel, **where)), (x,), seed)


@settings(deadline=None)
@given(st.integers(1, 3), st.data(), st.integers(0, 2 ** 32))
def test_any_new_size_agrees_with_pytorch(axes, data, seed):
    old, new = (data.draw(st.tuples(*[st.integers(1, 6 if axes < 3 else 3)] * axes)) for _ in range(2))
    x = np.random.default_rng(seed).permutation(2 * math.prod(old) * 2).reshape(2, *old, 2) * 1.0
    for ours, names in MODES.items():
        mode = names[axes - 1]
        for corners in [None] if ours == "nearest" else [False, True] if mode else []:
            assert_alike(lambda x, m=ours, c=corners: F.interpolate(x, new, mode=m, align_corners=bool(c)),
                         lambda x, m=mode, c=corners: last(TF.interpolate(first(x), new, mode=m, align_corners=c)),
                         (x,), seed)
    for name in ("adaptive_avg_pool", "adaptive_max_pool"):
        assert_alike(lambda x, name=name: getattr(F, f"{name}{axes}d")(x, new),
                     lambda x, name=name: last(theirs(name, axes)(first(x), new)), (x,), seed)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layers_of_functions_agree_with_pytorch(dtype):
    """A small convolutional network as one composition, the gradients of all its weights at once."""
    rng = np.random.default_rng(1)
    shapes = [(2, 8, 8, 2), (3, 3, 2, 4), (4,), (36, 3), (3,)]
    arrays = [rng.standard_normal(s).astype(dtype) * 0.5 for s in shapes]
    labels = np.array([2, 0])

    x, w, b, v, c = ours = [mg.Tensor(a, requires_grad=True) for a in arrays]
    features = mg.max_pool2d(mg.relu(mg.conv2d(x, w, b)), 2).reshape(2, 36)
    loss = mg.cross_entropy(features @ v + c, labels)
    found = mg.autograd.grad(loss, ours)

    x, w, b, v, c = theirs = tensors(arrays)
    features = last(TF.max_pool2d(torch.relu(TF.conv2d(first(x), kernels(w), b)), 2)).reshape(2, 36)
    expected = TF.cross_entropy(features @ v + c, torch.tensor(labels))
    assert_close([loss.data, *(g.data for g in found)], plain([expected, *torch.autograd.grad(expected, theirs)]),
                 64 * float(np.finfo(dtype).eps))
