"""The cases of operations.py: normalisation, softmax, attention, recurrence, embedding, elementwise functions, reductions.

Three sizes each: one that fits in a core's cache, one that a layer of a small model has, and one beyond all caches.
"""

import numpy as np
from operations import Case

import minigrad as mg
import minigrad.functions as F

ROWS = ((64, 64), (2048, 128), (2048, 1024))
IMAGES = ((8, 14, 14, 64), (16, 28, 28, 64), (32, 56, 56, 64))
SEQUENCES = ((16, 10, 32, 32), (32, 32, 64, 128), (64, 50, 128, 256))  # N, T, D, H


def cases():
    """Three sizes each."""
    import torch
    return [*_normalisation(torch), *_classes(torch), *_attention(torch), *_recurrent(torch), *_elementwise(torch),
            *_reductions(torch), *_products(torch)]


def _size(shape):
    return "x".join(map(str, shape))


def _first(x):
    return x.transpose(0, 3, 1, 2)  # channels


def _normalisation(torch):
    T = torch.nn.functional
    for shape in IMAGES:
        c = shape[-1]
        yield Case("batch_norm", _size(shape), False, lambda x, g, b: F.batch_norm(x, g, b, training=True),
                   lambda x, g, b: T.batch_norm(x, None, None, g, b, training=True), [shape, (c,), (c,)],
                   lambda x, g, b: (_first(x), g, b))
        yield Case("group_norm", f"{_size(shape)}, 8 groups", False, lambda x, g, b: F.group_norm(x, 8, g, b),
                   lambda x, g, b: T.group_norm(x, 8, g, b), [shape, (c,), (c,)], lambda x, g, b: (_first(x), g, b))
    for rows, d in ROWS:
        yield Case("layer_norm", f"{rows}x{d}", False, F.layer_norm, lambda x, g, b: T.layer_norm(x, g.shape, g, b),
                   [(rows, d), (d,), (d,)])
        yield Case("rms_norm", f"{rows}x{d}", False, F.rms_norm, lambda x, g: T.rms_norm(x, g.shape, g, 1e-6),
                   [(rows, d), (d,)])


def _classes(torch):
    for shape in ROWS:
        yield Case("softmax", _size(shape), False, F.softmax, lambda x: torch.softmax(x, -1), [shape])
        yield Case("log_softmax", _size(shape), False, F.log_softmax, lambda x: torch.log_softmax(x, -1), [shape])
    for n, c in ((64, 10), (2048, 65), (2048, 5000)):
        labels = np.random.default_rng(2).integers(0, c, n)
        yield Case("cross_entropy", f"{n}x{c}", False, F.cross_entropy, torch.nn.functional.cross_entropy,
                   [(n, c), labels])
    for n, v, d in ((64, 65, 32), (2048, 65, 128), (2048, 30000, 256)):
        ids = np.random.default_rng(3).integers(0, v, n)
        yield Case("embedding", f"{n} of {v}x{d}", False, lambda w, i: F.embedding(i, w),
                   lambda w, i: torch.nn.functional.embedding(i, w), [(v, d), ids])


def _attention(torch):
    attention = torch.nn.functional.scaled_dot_product_attention
    for shape, large in (((4, 4, 64, 32), False), ((16, 4, 128, 32), False), ((2, 8, 512, 64), True)):
        for name, causal in (("attention", False), ("attention, causal", True)):
            yield Case(name, _size(shape), large,
                       lambda q, k, v, causal=causal: F.scaled_dot_product_attention(q, k, v, is_causal=causal),
                       lambda q, k, v, causal=causal: attention(q, k, v, is_causal=causal), [shape] * 3)


def _recurrent(torch):
    """The weights side by side as Keras's; PyTorch's transposed, the GRU's first two gates exchanged (recurrent.py)."""
    def run(net):
        names = [name for name, _ in net.named_parameters()]
        return lambda x, *weights: torch.func.functional_call(net, dict(zip(names, weights)), x)[0]

    def transposed(x, w, u, b):
        return x, w.T, u.T, b, np.zeros_like(b)

    def exchanged(x, w, u, b):
        z, r, n = np.split(np.arange(w.shape[1]), 3)
        order = np.concatenate([r, z, n])
        return x, w.T[order], u.T[order], b[0, order], b[1, order]

    def weights(*shapes):
        """As large as a trained network's: with larger ones the states jump, and two libraries part after some times."""
        rng = np.random.default_rng(4)
        return [rng.uniform(-0.1, 0.1, shape).astype(np.float32) for shape in shapes]

    for n, t, d, h in SEQUENCES:
        nets = torch.nn.LSTM(d, h, batch_first=True), torch.nn.GRU(d, h, batch_first=True)
        yield Case("lstm", _size((n, t, d)) + f" -> {h}", True, lambda x, w, u, b: F.lstm(x, None, None, w, u, b)[0],
                   run(nets[0]), [(n, t, d), *weights((d, 4 * h), (h, 4 * h), (4 * h,))], transposed)
        yield Case("gru", _size((n, t, d)) + f" -> {h}", True, lambda x, w, u, b: F.gru(x, None, w, u, b)[0],
                   run(nets[1]), [(n, t, d), *weights((d, 3 * h), (h, 3 * h), (2, 3 * h))], exchanged)


def _elementwise(torch):
    T = torch.nn.functional
    for name, ours, theirs in (("relu", F.relu, torch.relu), ("gelu", F.gelu, T.gelu), ("sigmoid", F.sigmoid, torch.sigmoid),
                               ("tanh", mg.tanh, torch.tanh), ("silu", F.silu, T.silu), ("exp", mg.exp, torch.exp),
                               ("dropout", F.dropout, T.dropout)):
        for shape in ROWS:
            yield Case(name, _size(shape), False, ours, theirs, [shape])
    for shape in ROWS:
        yield Case("add, broadcast", f"{_size(shape)} + {shape[1]}", False, lambda x, y: x + y, lambda x, y: x + y,
                   [shape, shape[1:]])
        yield Case("concatenate", f"2 of {_size(shape)}", False, lambda *xs: mg.concatenate(xs, axis=-1),
                   lambda *xs: torch.cat(xs, -1), [shape, shape])


def _reductions(torch):
    for shape in ROWS:
        for axis in (0, 1):
            for name, ours, theirs in (("sum", mg.sum, torch.sum), ("mean", mg.mean, torch.mean)):
                yield Case(f"{name}, axis {axis}", _size(shape), False, lambda x, f=ours, axis=axis: f(x, axis=axis),
                           lambda x, f=theirs, axis=axis: f(x, axis), [shape])
            yield Case(f"var, axis {axis}", _size(shape), False, lambda x, axis=axis: mg.var(x, axis=axis),
                       lambda x, axis=axis: torch.var(x, axis, correction=0), [shape])


def _products(torch):
    for n, d, m in ((64, 64, 64), (2048, 128, 512), (2048, 1024, 1024)):
        yield Case("linear", f"{n}x{d} -> {m}", True, F.linear, torch.nn.functional.linear, [(n, d), (d, m), (m,)],
                   lambda x, w, b: (x, w.T, b))
        yield Case("matmul", f"{n}x{d} @ {d}x{m}", True, lambda x, y: x @ y, lambda x, y: x @ y, [(n, d), (d, m)])
