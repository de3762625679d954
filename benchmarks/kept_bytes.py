"""What the tape keeps for backward: the bytes behind each function's result, beside PyTorch's saved tensors.

    python benchmarks/kept_bytes.py
    python benchmarks/kept_bytes.py --only attention

Counted are the distinct buffers that the graph behind the result refers to, the operands' own included, each once and whole
(a view keeps all of what it views); in PyTorch those that autograd packs. Operands are float32 and all want a gradient.
Where minigrad keeps more, the last column says why; without a reason, the benchmark fails.
"""

import argparse
import sys

import numpy as np
from rich.console import Console
from rich.table import Table

import minigrad as mg
import minigrad.functions as F
from minigrad import backend
from minigrad.autograd import topological_order

REASONS = {  # function: why it keeps more than PyTorch
    "interpolate": "a matrix of weights for each axis, where PyTorch computes them again",
    "softmax": "x: a cross-entropy of probabilities goes back to the logits",
    **dict.fromkeys(["sigmoid", "expit"], "x: as softmax, for the cross-entropy of two classes"),
}


def kept_by_minigrad(y):
    """Bytes of the distinct buffers that the graph behind y refers to."""
    buffers = {}

    def see(x):
        if isinstance(x, mg.Tensor):
            x = x.data
        if isinstance(x, (list, tuple)):
            for item in x:
                see(item)
        elif backend.is_array(x):
            while isinstance(x.base, np.ndarray):
                x = x.base
            buffers[id(x)] = x
    for function in topological_order([t.creator for t in (y if isinstance(y, (tuple, list)) else [y]) if t.creator]):
        see([function.operands, function.result, list(vars(function).values()), list((function.parameters or {}).values())])
    return sum(x.nbytes for x in buffers.values())


def kept_by_pytorch(call):
    """Bytes of the distinct storages that autograd saves while call() runs."""
    import torch
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        result = call()
    del result
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in saved}.values())


def compare(case):
    """(bytes of minigrad, bytes of PyTorch) of one case."""
    import torch
    ours, theirs, operands = case
    rng = np.random.default_rng(0)
    arrays = [x if isinstance(x, np.ndarray) else rng.uniform(0.1, 0.9, x).astype(np.float32) for x in operands]
    tensors = [mg.Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    result = ours(*tensors)
    others = [torch.from_numpy(x).requires_grad_(x.dtype.kind == "f") for x in arrays]
    return kept_by_minigrad(result), kept_by_pytorch(lambda: theirs(*others))


SHAPE = (128, 256)


def cases():
    """{name: (minigrad's call, PyTorch's, the operands' shapes, or arrays)}."""
    import torch
    T = torch.nn.functional
    found = {}
    unary = ("exp exp2 expm1 log log2 log10 log1p sqrt square reciprocal sin cos tan arcsin arccos arctan sinh cosh tanh "
             "arcsinh arctanh erf erfc abs negative sign floor digamma gammaln logit expit sigmoid relu relu6 leaky_relu "
             "elu selu celu gelu silu mish softsign hardtanh hard_sigmoid hard_silu log_sigmoid softplus sinc nan_to_num")
    torch_names = {"gammaln": torch.special.gammaln, "expit": torch.special.expit, "hard_sigmoid": T.hardsigmoid,
                   "hard_silu": T.hardswish, "log_sigmoid": T.logsigmoid}
    for name in unary.split():
        home = next(m for m in (torch, torch.special, T) if name in torch_names or hasattr(m, name))
        found[name] = getattr(F, name), torch_names.get(name) or getattr(home, name), [SHAPE]
    for name in "add subtract multiply divide power maximum minimum arctan2 hypot logaddexp xlogy".split():
        theirs = {"power": torch.pow, "xlogy": torch.special.xlogy}.get(name) or getattr(torch, name)
        found[name] = getattr(F, name), theirs, [SHAPE, SHAPE]
    found["multiply by a number"] = lambda x: x * 2.5, lambda x: x * 2.5, [SHAPE]
    found["add, broadcast"] = F.add, torch.add, [SHAPE, (256,)]
    found["multiply, broadcast"] = F.multiply, torch.multiply, [SHAPE, (256,)]
    for name in "sum mean max min prod logsumexp cumsum cumprod sort var std".split():
        found[name] = _along_rows(name)
    found["norm"] = lambda x: F.norm(x, axis=1), lambda x: torch.linalg.vector_norm(x, dim=1), [SHAPE]
    found["clip"] = lambda x: F.clip(x, 0.2, 0.5), lambda x: torch.clip(x, 0.2, 0.5), [SHAPE]
    mask = np.random.default_rng(1).random(SHAPE) < 0.5
    found["where"] = F.where, torch.where, [mask, SHAPE, SHAPE]
    found["transpose"] = F.transpose, torch.t, [SHAPE]
    found["concatenate"] = lambda x, y: F.concatenate([x, y]), lambda x, y: torch.cat([x, y]), [SHAPE, SHAPE]
    found["pad"] = lambda x: F.pad(x, 1), lambda x: T.pad(x, (1, 1, 1, 1)), [SHAPE]
    found["matmul"] = F.matmul, torch.matmul, [SHAPE, (256, 64)]
    found["matmul, batch"] = F.matmul, torch.matmul, [(8, 64, 32), (8, 32, 64)]
    found["softmax"] = F.softmax, lambda x: torch.softmax(x, -1), [SHAPE]
    found["log_softmax"] = F.log_softmax, lambda x: torch.log_softmax(x, -1), [SHAPE]
    labels = np.random.default_rng(2).integers(0, 256, 128)
    found["cross_entropy"] = F.cross_entropy, T.cross_entropy, [SHAPE, labels]
    found["mse_loss"] = F.mse_loss, T.mse_loss, [SHAPE, SHAPE]
    found["embedding"] = F.embedding, T.embedding, [labels, (256, 64)]
    found["layer_norm"] = F.layer_norm, lambda x, g, b: T.layer_norm(x, (256,), g, b), [SHAPE, (256,), (256,)]
    image, kernel = (8, 28, 28, 16), (3, 3, 16, 32)
    found["conv2d"] = (F.conv2d, lambda x, w, b: T.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), b),
                       [image, kernel, (32,)])
    found["max_pool2d"] = lambda x: F.max_pool2d(x, 2), lambda x: T.max_pool2d(x.permute(0, 3, 1, 2), 2), [image]
    found["avg_pool2d"] = lambda x: F.avg_pool2d(x, 2), lambda x: T.avg_pool2d(x.permute(0, 3, 1, 2), 2), [image]
    found |= _networks(torch, image, kernel)
    heads = [(4, 4, 64, 32)] * 3
    found["attention"] = F.scaled_dot_product_attention, T.scaled_dot_product_attention, heads
    found["attention, causal"] = (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
                                  lambda q, k, v: T.scaled_dot_product_attention(q, k, v, is_causal=True), heads)
    square = (16, 32, 32)
    for name in "inv det slogdet".split():
        found[name] = getattr(mg.linalg, name), getattr(torch.linalg, name), [square]
    found["solve"] = mg.linalg.solve, torch.linalg.solve, [square, (16, 32, 4)]
    found["einsum"] = (lambda x, y: F.einsum("bij,bjk->bik", x, y), lambda x, y: torch.einsum("bij,bjk->bik", x, y),
                       [square, square])
    return found


def _networks(torch, image, kernel):
    """Normalisation, recurrent networks, the other convolutions and pools, resampling, spectra."""
    T = torch.nn.functional
    channels = [(16,), (16,)]

    def first(x):
        return x.permute(0, 3, 1, 2)

    def recurrent(name, gates):
        module = getattr(torch.nn, name.upper())(32, 64, batch_first=True)
        states = [mg.Tensor(np.zeros((8, 64), np.float32))] * (2 if name == "lstm" else 1)
        bias = (2, 64 * gates) if name == "gru" else (64 * gates,)
        return (lambda x, w, u, b: getattr(F, name)(x, *states, w, u, b)[0], lambda x, w, u, b: module(x)[0],
                [(8, 20, 32), (32, 64 * gates), (64, 64 * gates), bias])

    return {
        "batch_norm": (lambda x, g, b: F.batch_norm(x, g, b, training=True),
                       lambda x, g, b: T.batch_norm(first(x), None, None, g, b, training=True), [image, *channels]),
        "group_norm": (lambda x, g, b: F.group_norm(x, 4, g, b), lambda x, g, b: T.group_norm(first(x), 4, g, b),
                       [image, *channels]),
        "rms_norm": (F.rms_norm, lambda x, g: T.rms_norm(x, (256,), g), [SHAPE, (256,)]),
        "rnn": recurrent("rnn", 1), "lstm": recurrent("lstm", 4), "gru": recurrent("gru", 3),
        "conv2d, depthwise": (lambda x, w: F.conv2d(x, w, groups=16),
                              lambda x, w: T.conv2d(first(x), w.permute(3, 2, 0, 1), groups=16), [image, (3, 3, 1, 16)]),
        "conv1d": (F.conv1d, lambda x, w: T.conv1d(x.mT, w.permute(2, 1, 0)), [(8, 64, 16), (3, 16, 32)]),
        "conv_transpose2d": (F.conv_transpose2d, lambda x, w: T.conv_transpose2d(first(x), w.permute(3, 2, 0, 1)),
                             [image, (3, 3, 32, 16)]),
        "global_avg_pool": (F.global_avg_pool, lambda x: T.adaptive_avg_pool2d(first(x), 1), [image]),
        "interpolate": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
                        lambda x: T.interpolate(first(x), scale_factor=2, mode="bilinear"), [image]),
        "rfft": (mg.fft.rfft, torch.fft.rfft, [SHAPE]),
    }


def _along_rows(name):
    """A reduction or scan along axis 1."""
    import torch
    ours, theirs = getattr(F, name), getattr(torch, name)
    options = {"correction": 0} if name in ("var", "std") else {}

    def pytorch(x):
        result = theirs(x, 1, **options)
        return result[0] if isinstance(result, tuple) else result
    return lambda x: ours(x, axis=1), pytorch, [SHAPE]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="functions whose name contains this")
    options = parser.parse_args(argv)
    table = Table("function", "minigrad KiB", "PyTorch KiB", "why more", title="kept for backward", title_justify="left")
    unexplained = []
    for name, case in cases().items():
        if options.only in name:
            ours, theirs = compare(case)
            more = ours > theirs + 1024  # a KiB: numbers so few that they are kept for mg.tape to show
            reason = REASONS.get(name, "") if more else ""
            unexplained += [name] if more and not reason else []
            table.add_row(name, f"{ours / 1024:.0f}", f"{theirs / 1024:.0f}", reason or ("?" if more else ""))
    Console().print(table)
    if unexplained:
        sys.exit(f"more than PyTorch, without a stated reason: {', '.join(unexplained)}")


if __name__ == "__main__":
    main()
