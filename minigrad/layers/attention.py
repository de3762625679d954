"""Attention layers: every head attends with projections of its own."""

import functools
import operator

from minigrad import functions as F
from minigrad.backend import beside, get_array_module
from minigrad.layers.core import as_float, positive
from minigrad.layers.layer import Layer, mask_of
from minigrad.tensor import Tensor, as_array


class _Attention(Layer):
    """What the layers here share: H heads of queries, G of keys and values, masks, and the call.

    query (N, T, D), value and key (N, S, D'), y (N, T, D). The call takes
        query_mask, value_mask, key_mask  boolean (N, T), (N, S), (N, S); unless given, those of the inputs (see mask_of)
        attention_mask                    boolean (N, T, S), (N, H, T, S) or (T, S), True where to look
        use_causal_mask                   query t sees the times 0 ... t
        return_attention_scores           give (y, the weights (N, H, T, S) before dropout)
    A query sees where all masks let it; one that sees nothing gets zeros from all heads.
    """

    initial = {"kernel": "glorot_uniform", "bias": "zeros"}
    supports_masking = draws = True

    def __init__(self, heads, groups, key_dim, value_dim, dropout, use_bias, output_shape=None, **options):
        self._heads, self._groups, self._key_dim, self._value_dim = heads, groups, key_dim, value_dim
        if not 0 <= dropout < 1:
            raise ValueError(f"{type(self).__name__}: dropout must be in [0, 1), got {dropout}")
        self.dropout, self.use_bias = dropout, use_bias
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else output_shape and tuple(output_shape)
        super().__init__(**options)

    def shape_to_build(self, shape, inputs, keywords):
        """Those of query, key and value."""
        query, value, key = [*inputs, None, None][:3]
        value = keywords.get("value", query) if value is None else value
        key = keywords.get("key") if key is None else key
        return tuple([tuple(getattr(x, "shape", shape)) for x in (query, value if key is None else key, value)])

    def weight_shapes(self, input_shape):
        alike = not isinstance(input_shape[0], tuple)
        query, key, value = [input_shape] * 3 if alike else input_shape
        groups, shapes = {"H" if self._groups == self._heads else "G": self._groups}, {}
        for role, shape, heads, length in (("query", query, {"H": self._heads}, {"K": self._key_dim}),
                                           ("key", key, groups, {"K": self._key_dim}),
                                           ("value", value, groups, {"V": self._value_dim})):
            shapes[f"{role}_kernel"] = {"D": shape[-1], **heads, **length}
            shapes[f"{role}_bias"] = {**heads, **length}
        out = {"D": query[-1]} if not self.output_shape else {f"O{i}": n for i, n in enumerate(self.output_shape)}
        shapes["output_kernel"] = {"H": self._heads, "V": self._value_dim, **out}
        shapes["output_bias"] = out
        return {n: s for n, s in shapes.items() if self.use_bias or not n.endswith("bias")}

    def option_of(self, name):
        """All kernels share their options, and all biases."""
        return name.rpartition("_")[2]

    def call(self, query, value=None, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
             return_attention_scores=False, use_causal_mask=False, training=False):
        value = query if value is None else value
        parts = {"query": query, "value": value, "key": value if key is None else key}
        self._check(parts)
        masks = [mask_of(x) if given is None else given
                 for x, given in ((query, query_mask), (value, value_mask), (key, key_mask))]
        mask = _joined(*masks, attention_mask, query)
        q, v, k = (self._project(x, role) for role, x in parts.items())               # (N, H, T, K), (N, G, S, V or K)
        options = dict(mask=mask, is_causal=use_causal_mask, enable_gqa=self._groups != self._heads)
        rate, scores = self.dropout if training else 0.0, None
        if return_attention_scores:                                                   # the weights: of the unit matrix
            one = get_array_module(v.data).eye(v.shape[2], dtype=v.dtype)
            one = F.broadcast_to(Tensor.wrap(one), (*v.shape[:3], v.shape[2]))
            scores = F.scaled_dot_product_attention(q, k, one, **options)
            n, h, t, s = scores.shape
            dropped = F.reshape(F.dropout(scores, rate, training), (n, self._groups, h // self._groups * t, s))
            heads = F.reshape(F.matmul(dropped, v), (n, h, t, v.shape[-1]))
        else:
            heads = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, **options)  # (N, H, T, V)
        n, h, t, v_dim = heads.shape
        rows = F.reshape(F.swapaxes(heads, 1, 2), (n, t, h * v_dim))                  # the heads side by side
        bias = F.ravel(self.output_bias) if self.use_bias else None
        y = F.linear(rows, F.reshape(self.output_kernel, (h * v_dim, -1)), bias)
        y = F.reshape(y, (n, t, *self.output_shape)) if self.output_shape else y
        return (y, scores) if return_attention_scores else y

    def _check(self, parts):
        """Refuses what does not fit."""
        for role, x in parts.items():
            features = self._parameters[f"{role}_kernel"].shape[0]
            if x.ndim != 3 or x.shape[-1] != features:
                raise ValueError(f"expected a {role} of shape (N, {'T' if role == 'query' else 'S'}, {features}), got "
                                 f"{tuple(x.shape)}")
        if parts["key"].shape[:2] != parts["value"].shape[:2]:
            raise ValueError(f"expected as many keys as values, got shapes {tuple(parts['key'].shape)} and "
                             f"{tuple(parts['value'].shape)}")

    def _project(self, x, role):
        """x (N, T, D) -> (N, H, T, K): all heads in one product, then apart."""
        kernel = self._parameters[f"{role}_kernel"]
        d, h, k = kernel.shape
        bias = F.ravel(self._parameters[f"{role}_bias"]) if self.use_bias else None
        y = F.linear(as_float(x, kernel), F.reshape(kernel, (d, h * k)), bias)
        return F.swapaxes(F.reshape(y, (*x.shape[:2], h, k)), 1, 2)


class MultiHeadAttention(_Attention):
    """y = concat(head_1 ... head_H) @ W_O + b_O, with head_h = attention(x W_Q, x W_K, x W_V) of its own projections

    query (N, T, D), value and key (N, S, D), y (N, T, D), or (N, T, *output_shape). Keras's parameters: query, key
    (D, H, K) + (H, K), value (D, H, V) + (H, V), output (H, V, D) + (D). The call's arguments: see _Attention.
    Vaswani et al. 2017, sec. 3.2.2.
    """

    def __init__(self, num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None,
                 attention_axes=None, **options):
        self.num_heads = positive(num_heads, "MultiHeadAttention", "num_heads")
        self.key_dim = positive(key_dim, "MultiHeadAttention", "key_dim")
        self.value_dim = positive(key_dim if value_dim is None else value_dim, "MultiHeadAttention", "value_dim")
        if attention_axes not in (None, 1, (1,), [1]):
            raise ValueError("MultiHeadAttention: attention runs along the times alone, attention_axes=None or 1, got "
                             f"{attention_axes!r}: reshape to (N, T, D) before")
        self.attention_axes = attention_axes
        super().__init__(self.num_heads, self.num_heads, self.key_dim, self.value_dim, dropout, use_bias, output_shape,
                         **options)

    def describe(self):
        return f"MultiHeadAttention, {self.num_heads} heads of {self.key_dim}"


class GroupQueryAttention(_Attention):
    """MultiHeadAttention with fewer heads of keys and values: each serves H / G heads of queries

    query (D, H, K) + (H, K), key and value (D, G, K) + (G, K), output (H, K, D) + (D) for K = head_dim, H query heads, G
    heads of keys and values. The call's arguments: see _Attention. Ainslie et al. 2023, "GQA".
    """

    def __init__(self, head_dim, num_query_heads, num_key_value_heads, dropout=0.0, use_bias=True, **options):
        kind = type(self).__name__
        self.head_dim = positive(head_dim, kind, "head_dim")
        self.num_query_heads = positive(num_query_heads, kind, "num_query_heads")
        self.num_key_value_heads = positive(num_key_value_heads, kind, "num_key_value_heads")
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(f"{kind}: num_query_heads ({num_query_heads}) must be divisible by num_key_value_heads "
                             f"({num_key_value_heads})")
        super().__init__(self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim, dropout, use_bias,
                         **options)

    def describe(self):
        return f"{type(self).__name__}, {self.num_query_heads} heads on {self.num_key_value_heads} of {self.head_dim}"


def _joined(query_mask, value_mask, key_mask, attention_mask, like):
    """One boolean mask that broadcasts to (N, H, T, S), True where all of them are; None if there is none."""
    masks = []
    for mask, axis in ((query_mask, -1), (value_mask, -2), (key_mask, -2)):
        if mask is not None:
            masks.append(F.expand_dims(_boolean(mask, like), (1, axis)).data)
    if attention_mask is not None:
        attention_mask = _boolean(attention_mask, like)
        masks.append(attention_mask[:, None] if attention_mask.ndim == 3 else attention_mask)
    return functools.reduce(operator.and_, masks) if masks else None


def _boolean(mask, like):
    mask = beside(as_array(mask), like)
    if mask.dtype.kind == "f":
        raise TypeError(f"a mask must be boolean (True where to look), got {mask.dtype}: use .astype(bool)")
    return mask.astype(bool)
