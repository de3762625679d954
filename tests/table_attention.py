"""Entries of the table of functions: attention by blocks, rotary positions."""

import numpy as np
import references as R
from table import add, fixed, normal, together

import minigrad.functions as F
from minigrad.functions import blockwise, positions

# ---- attention by blocks: T = 3 queries and S = 5 keys in blocks of 2, so that the last ones are smaller

whole, slope = blockwise.BlockwiseAttention, blockwise.BlockwiseAttentionGradient
qkv = normal((2, 3, 4), (2, 5, 4), (2, 5, 2))
some = np.array([[[1, 0, 1, 1, 0], [0, 1, 1, 0, 1], [1, 1, 0, 0, 1]],
                 [[0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]]], bool)
none_for_one = np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]], bool)
for variant, (sample, causal) in {
    "": (qkv, False), "/causal": (qkv, True), "/more queries, causal": (normal((5, 4), (3, 4), (3, 2)), True),
    "/mask": (together(qkv, fixed(some)), False), "/mask and causal": (together(qkv, fixed(some)), True),
    "/one query sees nothing": (together(qkv, fixed(none_for_one)), False),
    "/mask of one row": (together(qkv, fixed([[True, False, True, True, False]])), False),
    "/mask of one column": (together(qkv, fixed([[True], [False], [True]])), False),
    "/added mask": (together(qkv, normal((2, 3, 5))), True),
    "/added mask of keys": (together(qkv, normal((5,))), False),
    "/added mask of one row": (together(qkv, normal((1, 5))), False),
    "/added mask of one column": (together(qkv, normal((2, 3, 1))), False),
    "/heads share the keys": (normal((2, 3, 3, 4), (2, 1, 5, 4), (1, 3, 5, 2)), False),
    "/no batch": (normal((0, 3, 4), (0, 5, 4), (0, 5, 2)), True),
}.items():
    add("blockwise_attention" + variant,
        lambda q, k, v, mask=None, c=causal: F.blockwise_attention(q, k, v, mask, is_causal=c, block=2), sample,
        lambda q, k, v, mask=None, c=causal: R.attention(q, k, v, mask, causal=c), whole, slope)
add("blockwise_attention/grouped, scale",
    lambda q, k, v: F.blockwise_attention(q, k, v, scale=0.3, enable_gqa=True, block=2),
    normal((4, 3, 4), (2, 5, 4), (2, 5, 2)),
    lambda q, k, v: R.attention(0.3 * 2 * q, np.repeat(k, 2, axis=0), np.repeat(v, 2, axis=0)), whole, slope)  # 2 = √D
add("blockwise_attention/one block", F.blockwise_attention, qkv, R.attention, whole, slope)


# ---- rotary positions: a complex number for each pair, multiplied by exp(iθ)

def turned(x, at, interleaved=False):
    pairs, frequencies = x.shape[-1] // 2, 10000.0 ** -(np.arange(x.shape[-1] // 2) / (x.shape[-1] // 2))
    a, b = (x[..., ::2], x[..., 1::2]) if interleaved else (x[..., :pairs], x[..., pairs:])
    z = (a + 1j * b) * np.exp(1j * at[..., None] * frequencies)
    return np.stack([z.real, z.imag], -1).reshape(x.shape) if interleaved else np.concatenate([z.real, z.imag], -1)


where_to = fixed([0, 7, 2])
for variant, (shape, at, interleaved) in {
    "": ((2, 3, 4), where_to, False), "/interleaved": ((2, 3, 4), where_to, True), "/one series": ((3, 2), where_to, False),
    "/positions of each batch": ((2, 2, 3, 6), fixed([[[0, 1, 2]], [[5, 6, 7]]]), False),
    "/no tokens": ((2, 0, 4), fixed([], dtype=int), False),
}.items():
    add("rotary" + variant,
        lambda x, at, i=interleaved: F.rotary(x, *F.rotary_angles(at.data, x.shape[-1]), interleaved=i),
        together(normal(shape), at), lambda x, at, i=interleaved: turned(x, at, i), positions.Rotary)
add("rotary/some features", lambda x, at: F.rotary(x, *F.rotary_angles(at.data, 4)), together(normal((2, 3, 7)), where_to),
    lambda x, at: np.concatenate([turned(x[..., :4], at), x[..., 4:]], -1), positions.Rotary)
