"""Entries of the table of functions: products of matrices, losses, layer normalisation, attention."""


import numpy as np
import references as R
from table import add, fixed, integers, normal, positive, probabilities, together

import minigrad.functions as F
from minigrad.functions import attention, losses, normalization, products

# ---- matrices

MATMUL = {
    "": ((2, 3), (3, 4)), "/square": ((3, 3), (3, 3)), "/batch": ((2, 2, 3), (2, 3, 4)),
    "/batch by matrix": ((2, 2, 3), (3, 4)), "/matrix by batch": ((2, 3), (2, 3, 2)),
    "/broadcast": ((2, 1, 2, 3), (3, 3, 2)), "/vectors": ((3,), (3,)), "/vector by matrix": ((3,), (3, 4)),
    "/matrix by vector": ((2, 3), (3,)), "/vector by batch": ((3,), (2, 3, 2)), "/batch by vector": ((2, 2, 3), (3,)),
    "/no rows": ((0, 3), (3, 2)), "/no batch": ((0, 2, 3), (3, 2)),
    "/nothing inside": ((2, 0), (0, 3)), "/batch with nothing inside": ((2, 3, 0), (0, 4)),
}
for variant, operands in MATMUL.items():
    tall = len(operands[0]) > 2 and len(operands[1]) < 3  # a batch by one matrix is one product of all its rows
    add("matmul" + variant, F.matmul, normal(*operands), np.matmul, products.Linear if tall else products.Matmul)
for variant, shape in {"": (2, 3), "/vector": (3,), "/batch": (2, 2, 3), "/no rows": (0, 3)}.items():
    add("linear" + variant, F.linear, normal(shape, (3, 4), (4,)), lambda x, w, b: np.dot(x, w) + b, products.Linear)
add("linear/nothing inside", F.linear, normal((2, 0), (0, 3), (3,)), lambda x, w, b: b + np.zeros((2, 1)), products.Linear)
add("linear/no bias", F.linear, normal((2, 3), (3, 4)), np.dot, products.Matmul)
for variant, rows in {"": (2,), "/batch": (2, 2), "/no rows": (0,)}.items():
    add("linear_no_bias" + variant, products.Linear.apply, normal((*rows, 3), (3, 4)), np.dot, products.Linear)
    add("linear_input_gradient" + variant, products.LinearInputGradient.apply, normal((*rows, 4), (3, 4)),
        lambda y, w: np.dot(y, w.T), products.LinearInputGradient)
    add("linear_weight_gradient" + variant, products.LinearWeightGradient.apply, normal((*rows, 3), (*rows, 4)),
        lambda x, y: np.dot(x.reshape(-1, 3).T, y.reshape(-1, 4)), products.LinearWeightGradient)


# ---- losses

labels = fixed([2, 0, 1, 2])


def from_logits(x, t):
    return R.cross_entropy(R.softmax(x), t)


add("cross_entropy", F.cross_entropy, together(normal((4, 3)), labels), lambda x, t: from_logits(x, t).mean(),
    losses.SparseCrossEntropy, losses.SparseCrossEntropyGradient)
add("cross_entropy/axes", lambda x, t: F.cross_entropy(x, t, reduction="none"),
    together(normal((2, 2, 3)), fixed([[2, 0], [1, 2]])), from_logits, losses.SparseCrossEntropy)
add("cross_entropy/one row", F.cross_entropy, together(normal((3,)), fixed(1)), from_logits, losses.SparseCrossEntropy)
add("cross_entropy/uint8", lambda x, t: F.cross_entropy(x, t, reduction="sum"),
    together(normal((4, 3)), integers(3, 4, dtype=np.uint8)), lambda x, t: from_logits(x, t).sum(),
    losses.SparseCrossEntropy)
add("cross_entropy/no rows", lambda x, t: F.cross_entropy(x, t, reduction="sum"), together(normal((0, 3)), integers(3, 0)),
    lambda x, t: 0.0, losses.SparseCrossEntropy)
add("cross_entropy/one-hot", F.cross_entropy, together(normal((4, 3)), fixed(np.eye(3)[[2, 0, 1, 2]], dtype=int)),
    lambda x, t: from_logits(x, t).mean(), losses.CrossEntropy)
add("cross_entropy/soft targets", lambda x, t: F.cross_entropy(x, t, reduction="none"),
    together(normal((4, 3)), probabilities(4, 3)), from_logits, losses.CrossEntropy)
add("cross_entropy/any weights", F.cross_entropy, together(normal((4, 3)), positive((4, 3))),
    lambda x, t: from_logits(x, t).mean(), losses.CrossEntropy)
add("cross_entropy/probabilities", lambda p, t: F.cross_entropy(p, t, from_logits=False),
    together(probabilities(4, 3), labels), lambda p, t: R.cross_entropy(p, t).mean())
add("cross_entropy/probabilities and soft targets", lambda p, t: F.cross_entropy(p, t, from_logits=False, reduction="none"),
    together(probabilities(4, 3), probabilities(4, 3)), R.cross_entropy)
for name in ("mse_loss", "mse"):
    add(name, getattr(F, name), normal((2, 3), (2, 3)), lambda x, t: ((x - t) ** 2).sum() / 6)
add("mse_loss/sum", lambda x, t: F.mse_loss(x, t, reduction="sum"), normal((4,), (4,)), lambda x, t: ((x - t) ** 2).sum())
add("mse_loss/none", lambda x, t: F.mse_loss(x, t, reduction="none"), normal((4,), (4,)), lambda x, t: (x - t) ** 2)


# ---- layer normalisation, attention

add("layer_norm", F.layer_norm, normal((3, 4), (4,), (4,)), R.layer_norm, normalization.Normalize)
add("layer_norm/batch", F.layer_norm, normal((2, 2, 3), (3,), (3,)), R.layer_norm, normalization.Normalize)
add("layer_norm/axes", lambda x, g, b: F.layer_norm(x, g, b, eps=0.1), normal((2, 3, 2), (3, 2), (3, 2)),
    lambda x, g, b: R.layer_norm(x, g, b, 0.1), normalization.Normalize)
add("layer_norm/one row", F.layer_norm, normal((4,), (4,), (4,)), R.layer_norm, normalization.Normalize)
add("layer_norm/no rows", F.layer_norm, normal((0, 4), (4,), (4,)), R.layer_norm)

qkv = normal((2, 3, 4), (2, 5, 4), (2, 5, 2))
same = normal((2, 3, 2), (2, 3, 2), (2, 3, 2))
some = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
none_for_one = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
ATTENTION = {  # variant: (inputs, is_causal)
    "": (qkv, False), "/same lengths": (same, False), "/causal": (same, True), "/causal, more keys": (qkv, True),
    "/causal, more queries": (normal((4, 2), (2, 2), (2, 3)), True),
    "/heads": (normal((2, 2, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2)), True),
    "/broadcast": (normal((2, 1, 2, 3), (2, 4, 3), (4, 2)), False),
    "/mask": (together(qkv, fixed(some)), False), "/mask and causal": (together(qkv, fixed(some)), True),
    "/mask of a batch": (together(qkv, fixed(np.stack([some, ~some]))), False),
    "/mask of keys": (together(qkv, fixed([True, False, True, True, False])), False),
    "/one query sees nothing": (together(qkv, fixed(none_for_one)), False),
    "/mask of one row": (together(qkv, fixed([[True, False, True, True, False]])), False),
    "/mask of one column": (together(qkv, fixed([[True], [False], [True]])), False),
    "/mask of one row, of a batch, and causal": (together(qkv, fixed(some[[0, 2]][:, None])), True),
    "/added mask": (together(qkv, normal((3, 5))), False),
    "/added mask of one row": (together(qkv, normal((1, 5))), False),
    "/added mask of one column": (together(qkv, normal((3, 1))), False),
    "/added mask of one number a batch": (together(qkv, normal((2, 1, 1))), True),
    "/added mask and causal": (together(qkv, normal((2, 3, 5))), True),
    "/no batch": (normal((0, 3, 4), (0, 5, 4), (0, 5, 2)), True),
}
for variant, (sample, causal) in ATTENTION.items():
    add("scaled_dot_product_attention" + variant,
        lambda q, k, v, mask=None, c=causal: F.scaled_dot_product_attention(q, k, v, mask, is_causal=c), sample,
        lambda q, k, v, mask=None, c=causal: R.attention(q, k, v, mask, causal=c), attention.Attention)
