"""The functions of the table beside PyTorch's, in float64: values, gradients and second gradients.

Another witness than references.py and the finite differences: it also says that minigrad means by a name and an argument
what PyTorch means. Images go in as (N, H, W, C) here and are turned to PyTorch's (N, C, H, W) below.
"""

import math

import numpy as np
import pytest
from derivatives import EPS, as_list, assert_close, cotangents, directions, second_vjp, vjp
from table import ARRAY_KEYS, ATTENTION, AXES, BASIC_KEYS, CONVOLUTIONS, CORE, MATMUL, POOLINGS, TABLE, UPDATES

import minigrad as mg

torch = pytest.importorskip("torch")

from torch.nn import functional as TF  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402

ORACLE = {}  # entry's name -> the same in PyTorch

# No counterpart: its random numbers are other ones (dropout), PyTorch hides it inside of a backward, or it moves nothing.
WITHOUT = {"dropout", "max_pool_gather", "max_pool_scatter", "avg_pool_spread", "put_along_axis", "scatter", "to_device"}


# ---- number by number

for name in ("add subtract multiply divide maximum minimum negative absolute abs square where exp log sqrt sin cos tanh "
             "erf relu sigmoid").split():
    ORACLE[name] = getattr(torch, name)
for name, f in {"power": torch.pow, "divide": torch.divide, "maximum": torch.maximum, "where": torch.where}.items():
    ORACLE[f"{name}/broadcast"] = f
ORACLE |= {
    "power/root": lambda x: x ** 0.5, "power/number": lambda x: x ** 3, "power/negative number": lambda x: x ** -2,
    "power/of a number": lambda y: 2.5 ** y, "power/zero": lambda x: x ** 0, "power": torch.pow,
    "clip": lambda x: torch.clamp(x, -0.2, 0.1), "clip/min": lambda x: torch.clamp(x, min=0.0),
    "softplus": TF.softplus, "gelu": TF.gelu, "gelu/tanh": lambda x: TF.gelu(x, approximate="tanh"),
    "softmax": lambda x: torch.softmax(x, -1), "log_softmax": lambda x: torch.log_softmax(x, -1),
    "astype": lambda x: x.to(torch.float64),
}
for axis in (-1, 0, 1):
    ORACLE[f"softmax/axis {axis}"] = lambda x, axis=axis: torch.softmax(x, axis)
    ORACLE[f"log_softmax/axis {axis}"] = lambda x, axis=axis: torch.log_softmax(x, axis)


# ---- reductions

def everything(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


REDUCTIONS = {
    "sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin, "logsumexp": torch.logsumexp,
    "var": lambda x, dim, **keepdim: torch.var(x, dim, correction=0, **keepdim),
    "std": lambda x, dim, **keepdim: torch.std(x, dim, correction=0, **keepdim),
}
for name, f in REDUCTIONS.items():
    for variant, axis in AXES.items():
        if axis != ():  # for PyTorch, no axes are all axes
            ORACLE[name + variant] = lambda x, f=f, axis=axis: f(x, dim=everything(x, axis))
    ORACLE[f"{name}/keepdims"] = lambda x, f=f: f(x, dim=(0, -1), keepdim=True)
ORACLE["var/ddof"] = lambda x: torch.var(x, 1, correction=1)
ORACLE["std/ddof"] = lambda x: torch.std(x, 1, correction=1)


# ---- shapes

ORACLE |= {
    "reshape": lambda x: x.reshape(3, -1), "ravel": torch.ravel, "transpose": lambda x: x.permute(2, 1, 0),
    "transpose/axes": lambda x: x.permute(1, -1, 0), "swapaxes": lambda x: torch.swapaxes(x, 0, -1),
    "moveaxis": lambda x: torch.moveaxis(x, 0, -1), "moveaxis/several": lambda x: torch.moveaxis(x, (0, -1), (1, 0)),
    "squeeze": torch.squeeze, "squeeze/axes": lambda x: torch.squeeze(x, (0, -1)),
    "expand_dims": lambda x: torch.unsqueeze(x, -1), "broadcast_to": lambda x: torch.broadcast_to(x, (4, 2, 3)),
    "flip": lambda x: torch.flip(x, (0, 1)), "flip/axes": lambda x: torch.flip(x, (0, 2)),
    "concatenate": lambda *xs: torch.cat(xs), "concatenate/axis": lambda *xs: torch.cat(xs, -1),
    "stack": lambda *xs: torch.stack(xs), "stack/axis": lambda *xs: torch.stack(xs, -1),
    "split": lambda x: torch.tensor_split(x, 2), "split/indices": lambda x: torch.tensor_split(x, (1, 1, -1), -1),
    "unstack": lambda x: torch.unbind(x, -1), "pad": lambda x: TF.pad(x, (1, 1, 1, 1)),
    "pad/each axis": lambda x: TF.pad(x, (1, 0, 0, 2), value=1.5),
}


# ---- indexing

def index(i):
    return i if i.dtype == torch.bool else i.long()  # for PyTorch, uint8 is a mask


for variant, key in BASIC_KEYS.items():
    if variant not in ("steps", "backwards"):  # PyTorch has no negative steps
        ORACLE[f"getitem/{variant}"] = lambda x, key=key: x[key]
for variant, (key, _) in ARRAY_KEYS.items():
    ORACLE[f"getitem/{variant}"] = lambda x, *i, key=key: x[key(*map(index, i))]
for variant, axis in {"": 1, "/axis 0": 0, "/negative axis": -1, "/broadcast indices": 1, "/broadcast x": 1}.items():
    ORACLE["take_along_axis" + variant] = lambda x, i, axis=axis: torch.take_along_dim(x, i % x.shape[axis], axis)
ORACLE["embedding"] = ORACLE["embedding/uint8"] = lambda i, w: TF.embedding(i.long(), w)


def updated(x, key, value):
    y = x.clone()
    y[key] = value
    return y


for variant, (key, _) in UPDATES.items():
    if variant != "/slice":  # a negative step
        ORACLE["index_update" + variant] = lambda x, v, key=key: updated(x, key, v)
ORACLE["index_update/mask"] = lambda x, v, m: updated(x, m, v)


# ---- matrices, losses, layer normalisation, attention

for variant in MATMUL:
    ORACLE["matmul" + variant] = torch.matmul


ORACLE |= {
    "cross_entropy": TF.cross_entropy, "cross_entropy/one row": TF.cross_entropy,
    "cross_entropy/axes": lambda x, t: TF.cross_entropy(x.movedim(-1, 1), t, reduction="none"),
    "cross_entropy/uint8": lambda x, t: TF.cross_entropy(x, t.long(), reduction="sum"),
    "cross_entropy/one-hot": lambda x, t: TF.cross_entropy(x, t.double()), "cross_entropy/any weights": TF.cross_entropy,
    "cross_entropy/soft targets": lambda x, t: TF.cross_entropy(x, t, reduction="none"),
    "cross_entropy/probabilities": lambda p, t: TF.nll_loss(torch.log(p), t),
    "mse_loss": TF.mse_loss, "mse": TF.mse_loss, "mse_loss/sum": lambda x, t: TF.mse_loss(x, t, reduction="sum"),
    "mse_loss/none": lambda x, t: TF.mse_loss(x, t, reduction="none"),
    "layer_norm": lambda x, g, b: TF.layer_norm(x, g.shape, g, b),
    "layer_norm/batch": lambda x, g, b: TF.layer_norm(x, g.shape, g, b),
    "layer_norm/axes": lambda x, g, b: TF.layer_norm(x, g.shape, g, b, eps=0.1),
}


def attention(q, k, v, mask=None, is_causal=False):
    if is_causal and mask is not None:  # PyTorch takes one of the two
        past = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
        mask, is_causal = past & mask if mask.dtype == torch.bool else mask.masked_fill(~past, -math.inf), False
    with sdpa_kernel(SDPBackend.MATH):  # the one that can be differentiated twice
        return TF.scaled_dot_product_attention(q, k, v, mask, is_causal=is_causal)


for variant, (_, causal) in ATTENTION.items():
    if variant not in ("/broadcast", "/one query sees nothing"):  # PyTorch wants one batch for all, and may give nan
        ORACLE["scaled_dot_product_attention" + variant] = lambda *x, c=causal: attention(*x, is_causal=c)


# ---- convolution and pooling

def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def kernels(w):
    return w.permute(3, 2, 0, 1)


def padded(x, s, value=0.0):
    (top, bottom), (left, right) = s.pads
    return TF.pad(channels_first(x), (left, right, top, bottom), value=value)


def unpadded(x, s):
    (top, _), (left, _) = s.pads
    return channels_last(x)[:, top:top + s.size[0], left:left + s.size[1]]


def padded_shape(s):
    return s.images, s.channels[0], *(n + sum(p) for n, p in zip(s.size, s.pads))


for variant, s in CONVOLUTIONS.items():
    ORACLE["conv2d" + variant] = lambda x, w, b, s=s: channels_last(TF.conv2d(padded(x, s), kernels(w), b, **s.steps))
    if s.images:
        ORACLE["conv2d_input_gradient" + variant] = lambda dy, w, s=s: unpadded(
            torch.nn.grad.conv2d_input(padded_shape(s), kernels(w), channels_first(dy), **s.steps), s)
        ORACLE["conv2d_weight_gradient" + variant] = lambda x, dy, s=s: torch.nn.grad.conv2d_weight(
            padded(x, s), (s.w[3], s.w[2], *s.kernel), channels_first(dy), **s.steps).permute(2, 3, 1, 0)
ORACLE["conv2d/NCHW"] = lambda x, w, b: TF.conv2d(x, kernels(w), b, stride=2, padding=1)
for variant, s in POOLINGS.items():
    if s.images:
        ORACLE["max_pool2d" + variant] = lambda x, s=s: channels_last(
            TF.max_pool2d(padded(x, s, -math.inf), s.kernel, s.stride))
        ORACLE["avg_pool2d" + variant] = lambda x, s=s: channels_last(TF.avg_pool2d(padded(x, s), s.kernel, s.stride))
ORACLE["avg_pool2d/padding, padding not counted"] = lambda x, s=POOLINGS["/padding"]: channels_last(
    TF.avg_pool2d(channels_first(x), s.kernel, s.stride, padding=1, count_include_pad=False))
ORACLE["max_pool2d/NCHW"] = lambda x: TF.max_pool2d(x, 2)
ORACLE["avg_pool2d/NCHW"] = lambda x: TF.avg_pool2d(x, 2)


# ---- the comparison

def tensors(arrays):
    return [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]


def gradients(outputs, inputs, dys, create_graph=False):
    inputs = [x for x in inputs if x.requires_grad]
    pairs = [(y, dy) for y, dy in zip(outputs, dys) if y.requires_grad]
    if not pairs:
        return [torch.zeros_like(x) for x in inputs]
    return torch.autograd.grad([y for y, _ in pairs], inputs, [dy for _, dy in pairs], create_graph=create_graph,
                               allow_unused=True, materialize_grads=True)


def plain(xs):
    return [x.numpy(force=True) for x in xs]


def test_oracles_belong_to_the_table():
    assert not set(ORACLE) - {entry.name for entry in TABLE}
    here = {entry.function for entry in TABLE[:CORE]}  # the families of table_*.py have oracle tests of their own
    assert here - {name.partition("/")[0] for name in ORACLE} == WITHOUT


@pytest.mark.parametrize("entry", [e for e in TABLE if e.name in ORACLE], ids=repr)
def test_agrees_with_pytorch(entry):
    arrays, dys, along = entry.inputs(), cotangents(entry), directions(entry)
    inputs, cotangent = tensors(arrays), tensors(dys)
    outputs = as_list(ORACLE[entry.name](*inputs))
    first = gradients(outputs, inputs, cotangent, create_graph=True)
    second = gradients(first, inputs + cotangent, [torch.tensor(d) for d in along])
    values, slopes = vjp(entry, arrays, dys)
    assert_close(values, plain(outputs), 64 * EPS)
    assert_close(slopes, plain(first), 64 * EPS)
    assert_close(second_vjp(entry, arrays, dys, along), plain(second), 256 * EPS)


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
    features = channels_last(TF.max_pool2d(torch.relu(TF.conv2d(channels_first(x), kernels(w), b)), 2)).reshape(2, 36)
    expected = TF.cross_entropy(features @ v + c, torch.tensor(labels))
    assert_close([loss.data, *(g.data for g in found)], plain([expected, *torch.autograd.grad(expected, theirs)]),
                 64 * float(np.finfo(dtype).eps))
