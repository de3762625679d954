"""The functions of the table beside PyTorch's, in float64: values, gradients and second gradients.

Another witness than references.py and the finite differences: it also says that minigrad means by a name and an argument
what PyTorch means.
"""

import math

import pytest
from derivatives import EPS, as_list, assert_close, cotangents, directions, second_vjp, vjp
from table import CORE, TABLE
from table_core import AXES
from table_layers import ATTENTION, MATMUL
from table_shapes import ARRAY_KEYS, BASIC_KEYS, UPDATES

torch = pytest.importorskip("torch")

from torch.nn import functional as TF  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402

ORACLE = {}  # entry's name -> the same in PyTorch

# No counterpart: its random numbers are other ones (dropout), PyTorch hides it inside of a backward, or it moves nothing.
WITHOUT = {"dropout", "put_along_axis", "scatter", "to_device"}


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
for variant in ("", "/vector", "/batch", "/no rows", "/nothing inside", "/no bias"):
    ORACLE["linear" + variant] = lambda x, w, *b: TF.linear(x, w.T, *b)
for variant in ("", "/batch", "/no rows"):
    ORACLE["linear_no_bias" + variant] = torch.matmul
    ORACLE["linear_input_gradient" + variant] = TF.linear
    ORACLE["linear_weight_gradient" + variant] = lambda x, y: torch.einsum("...i,...o->io", x, y)


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
    assert_agrees(entry, ORACLE[entry.name])


def assert_agrees(entry, theirs):
    """The value, the gradients and the second gradients of the entry, and of `theirs` on the same numbers."""
    arrays, dys, along = entry.inputs(), cotangents(entry), directions(entry)
    inputs, cotangent = tensors(arrays), tensors(dys)
    outputs = as_list(theirs(*inputs))
    first = gradients(outputs, inputs, cotangent, create_graph=True)
    second = gradients(first, inputs + cotangent, [torch.tensor(d) for d in along])
    values, slopes = vjp(entry, arrays, dys)
    assert_close(values, plain(outputs), 64 * EPS)
    assert_close(slopes, plain(first), 64 * EPS)
    assert_close(second_vjp(entry, arrays, dys, along), plain(second), 256 * EPS)
