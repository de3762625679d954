"""Entries of the table of functions: normalisation, one_hot, recurrent networks, more of attention."""

import numpy as np
import references as R
import references_neural as N
from table import add, fixed, integers, normal, together

import minigrad as mg
import minigrad.functions as F
from minigrad.functions import attention, normalization, recurrent

# ---- normalisation

norm, slope, scale = normalization.Normalize, normalization.NormalizeGradient, normalization.ScaleGradient


images = normal((2, 3, 2, 4), (4,), (4,))
add("layer_norm/no gamma", F.layer_norm, normal((3, 4)), lambda x: R.layer_norm(x, np.ones(4), np.zeros(4)), norm)
add("layer_norm/no beta", lambda x, g: F.layer_norm(x, g, eps=0.1), normal((3, 4), (4,)),
    lambda x, g: R.layer_norm(x, g, np.zeros(4), 0.1), norm, scale)
add("layer_norm/no gamma, but beta", lambda x, b: F.layer_norm(x, beta=b), normal((3, 2, 2), (2, 2)),
    lambda x, b: R.layer_norm(x, np.ones((2, 2)), b), norm)
add("layer_norm/middle axis", lambda x, g, b: F.layer_norm(x, g, b, axis=1), normal((2, 3, 2), (3,), (3,)),
    lambda x, g, b: R.layer_norm(x.swapaxes(1, 2), g, b).swapaxes(1, 2), norm, scale)
add("layer_norm/two axes apart", lambda x, g, b: F.layer_norm(x, g, b, axis=(-1, 0)), normal((2, 3, 4), (2, 4), (2, 4)),
    lambda x, g, b: R.layer_norm(x.swapaxes(0, 1), g, b).swapaxes(0, 1), norm)
add("layer_norm/nothing in a row", F.layer_norm, normal((3, 0), (0,), (0,)), lambda x, g, b: x, order=1)
for variant, (sample, call, reference) in {
    "": (normal((3, 4), (4,)), F.rms_norm, N.rms_norm),
    "/axes": (normal((2, 3, 2), (3, 2)), lambda x, g: F.rms_norm(x, g, eps=0.1), lambda x, g: N.rms_norm(x, g, 0.1)),
    "/middle axis": (normal((2, 3, 2), (3,)), lambda x, g: F.rms_norm(x, g, axis=1),
                     lambda x, g: N.rms_norm(x.swapaxes(1, 2), g).swapaxes(1, 2)),
    "/no gamma": (normal((3, 4)), F.rms_norm, lambda x: N.rms_norm(x, np.ones(4))),
    "/no rows": (normal((0, 4), (4,)), F.rms_norm, N.rms_norm),
}.items():
    add("rms_norm" + variant, call, sample, reference, *[norm, slope] * (variant != "/no rows"))


def running(x, *statistics):
    """Statistics given as integers, which the tests do not differentiate, as running ones."""
    return [mg.Tensor(s.data.astype(x.dtype)) for s in statistics]


means, variances = fixed([1, -2, 0, 3]), fixed([1, 2, 3, 4])
for variant, (sample, call, reference, *classes) in {
    "": (images, lambda *p: F.batch_norm(*p, training=True), N.batch_norm, norm, scale),
    "/rows": (normal((5, 3), (3,), (3,)), lambda *p: F.batch_norm(*p, eps=0.1, training=True),
              lambda *p: N.batch_norm(*p, eps=0.1), norm),
    "/no gamma": (normal((5, 3)), F.batch_norm, N.batch_norm, norm),
    "/no gamma, but beta": (normal((5, 3), (3,)), lambda x, b: F.batch_norm(x, None, b),
                            lambda x, b: N.batch_norm(x, None, b), norm),
    "/channels first": (images, lambda x, *p: F.moveaxis(F.batch_norm(F.moveaxis(x, -1, 1), *p, axis=1), 1, -1),
                        N.batch_norm, norm),
    "/training": (together(images, means, variances),
                  lambda x, g, b, *s: F.batch_norm(x, g, b, *running(x, *s), training=True),
                  lambda x, g, b, *s: N.batch_norm(x, g, b), norm),
    "/evaluation": (together(images, means, variances), lambda x, g, b, *s: F.batch_norm(x, g, b, *running(x, *s)),
                    N.batch_norm),
    "/evaluation, no gamma": (together(normal((3, 4)), means, variances),
                              lambda x, *s: F.batch_norm(x, None, None, *running(x, *s)),
                              lambda x, *s: N.batch_norm(x, None, None, *s)),
    "/no images": (normal((0, 2, 3), (3,), (3,)), F.batch_norm, lambda x, g, b: x),
}.items():
    add("batch_norm" + variant, call, sample, reference, *classes)

for variant, (sample, call, reference, *classes) in {
    "": (images, lambda x, *p: F.group_norm(x, 2, *p), lambda x, *p: N.group_norm(x, 2, *p), norm),
    "/one group": (images, lambda x, *p: F.group_norm(x, 1, *p, eps=0.1), lambda x, *p: N.group_norm(x, 1, *p, 0.1), norm),
    "/rows": (normal((2, 6), (6,), (6,)), lambda x, *p: F.group_norm(x, 2, *p), lambda x, *p: N.group_norm(x, 2, *p), norm),
    "/no gamma": (normal((2, 2, 4)), lambda x: F.group_norm(x, 2), lambda x: N.group_norm(x, 2), norm),
    "/channels first": (images, lambda x, *p: F.moveaxis(F.group_norm(F.moveaxis(x, -1, 1), 2, *p, axis=1), 1, -1),
                        lambda x, *p: N.group_norm(x, 2, *p), norm),
    "/no images": (normal((0, 2, 4), (4,), (4,)), lambda x, *p: F.group_norm(x, 2, *p), lambda x, g, b: x),
}.items():
    add("group_norm" + variant, call, sample, reference, *classes)
add("instance_norm", F.instance_norm, images, lambda x, *p: N.group_norm(x, 4, *p), norm)
add("instance_norm/channels first", lambda x: F.instance_norm(x, axis=1, eps=0.1), normal((2, 3, 4)),
    lambda x: N.group_norm(x.swapaxes(1, 2), 3, eps=0.1).swapaxes(1, 2), norm)


# ---- one_hot

add("one_hot", lambda i, x: x * F.one_hot(i, 4, x.dtype), together(integers(4, 2, 3), normal((2, 3, 4))),
    lambda i, x: x * N.one_hot(i, 4))
add("one_hot/one id", lambda i, x: x * F.one_hot(i, 4, x.dtype), together(integers(4, dtype=np.uint8), normal((4,))),
    lambda i, x: x * N.one_hot(i, 4))
add("one_hot/no ids", lambda i, x: x * F.one_hot(i, 4, x.dtype), together(integers(4, 0), normal((0, 4))),
    lambda i, x: x)


# ---- recurrent networks: x (N, T, 2), H = 2

def weights(gates, states, bias, x=(2, 3, 2)):
    return normal(x, *[(x[0], 2)] * states, (2, 2 * gates), (2, 2 * gates), bias)


def some(*arguments):
    """A mask of the (2, 3) times under which one series pauses and stops, the other begins late."""
    return together(*arguments, fixed([[True, False, False], [False, True, True]]))


def relu(x):
    return np.maximum(x, 0)


def reference(cell, states, **options):
    def loop(x, *arguments):
        *weights, mask = arguments if len(arguments) == states + 4 else (*arguments, None)
        return N.over_time(cell, x, weights[:states], weights[states:], mask, **options)
    return loop


def call(function, states, **options):
    def run(x, *arguments):
        *arguments, mask = arguments if len(arguments) == states + 4 else (*arguments, None)
        return list(function(x, *arguments, mask=mask, **options))
    return run


def whole_family(name, function, gates, states, bias, cell, cls):
    steps, backwards = reference(cell, states), reference(cell, states, backwards=True)
    sample = weights(gates, states, bias)
    add(name, call(function, states), sample, steps, cls)
    add(f"{name}/backwards", call(function, states, go_backwards=True), sample, backwards, cls)
    add(f"{name}/mask", call(function, states), some(sample), steps, cls)
    add(f"{name}/mask, backwards", call(function, states, go_backwards=True), some(sample), backwards, cls)
    add(f"{name}/outputs alone", lambda *p: function(*p)[0], sample, lambda *p: steps(*p)[0], cls)
    add(f"{name}/last state alone", lambda *p: function(*p)[-1], sample, lambda *p: steps(*p)[-1], cls)
    add(f"{name}/no state, no bias", lambda x, w, u: function(x, *[None] * states, w, u)[0],
        normal((2, 3, 2), (2, 2 * gates), (2, 2 * gates)),
        lambda x, w, u: steps(x, *[np.zeros((2, 2))] * states, w, u, np.zeros(bias))[0], cls)
    add(f"{name}/no time", call(function, states), weights(gates, states, bias, (2, 0, 2)), steps)
    add(f"{name}/no series", call(function, states), weights(gates, states, bias, (0, 2, 2)), steps, cls)


whole_family("rnn", F.rnn, 1, 1, (2,), N.rnn_cell, recurrent.RNN)
whole_family("lstm", F.lstm, 4, 2, (8,), N.lstm_cell, recurrent.LSTM)
whole_family("gru", F.gru, 3, 1, (2, 6), N.gru_cell, recurrent.GRU)
add("rnn/relu", call(F.rnn, 1, nonlinearity="relu"), weights(1, 1, (2,)),
    reference(lambda *p: N.rnn_cell(*p, activation=relu), 1), recurrent.RNN)
add("rnn/relu, mask", call(F.rnn, 1, nonlinearity="relu"), some(weights(1, 1, (2,))),
    reference(lambda *p: N.rnn_cell(*p, activation=relu), 1), recurrent.RNN)


# ---- attention: grouped queries, another scale, dropout

def repeated(q, k, v, mask=None, causal=False):
    """Each head of k and v once for each head of q that looks at it."""
    k, v = (np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
    return R.attention(q, k, v, mask, causal)


heads = normal((2, 6, 3, 2), (2, 2, 2, 2), (2, 2, 2, 3))  # three heads of queries for each of keys
for variant, (sample, causal) in {
    "/grouped": (heads, False), "/grouped, causal": (heads, True),
    "/grouped, one head of keys": (normal((4, 3, 2), (1, 2, 2), (1, 2, 3)), False),
    "/grouped, mask": (together(heads, fixed([[True, False], [False, False], [True, True]])), False),
    "/grouped, mask of heads": (together(heads, lambda rng: (rng.random((2, 6, 3, 2)) < 0.6,)), True),
    "/grouped, mask of batches": (together(heads, lambda rng: (rng.random((2, 1, 1, 2)) < 0.6,)), False),
    "/grouped, added mask": (together(heads, normal((6, 3, 2))), False),
}.items():
    add("scaled_dot_product_attention" + variant,
        lambda q, k, v, mask=None, c=causal: F.scaled_dot_product_attention(q, k, v, mask, c, enable_gqa=True), sample,
        lambda q, k, v, mask=None, c=causal: repeated(q, k, v, mask, c), attention.Attention)
add("scaled_dot_product_attention/scale", lambda *qkv: F.scaled_dot_product_attention(*qkv, scale=0.3),
    normal((2, 3, 4), (2, 5, 4), (2, 5, 2)),
    lambda q, k, v: R.attention(0.3 * 2 * q, k, v), attention.Attention)  # 2 = √D


def dropout(q, k, v):
    """With a seed of its own: the same weights are dropped at each call."""
    mg.seed(5)
    return F.scaled_dot_product_attention(q, k, v, dropout_p=0.4)


def kept(q, k):
    """Which weights `dropout` keeps: with the rows of the unit matrix as values, the results are the weights."""
    return dropout(*map(mg.Tensor, (q, k, np.eye(k.shape[-2])))).numpy() > 0


add("scaled_dot_product_attention/dropout", dropout, normal((2, 3, 4), (2, 5, 4), (2, 5, 2)),
    lambda q, k, v: N.dropped_attention(q, k, v, kept(q, k), 0.4), attention.Attention)
