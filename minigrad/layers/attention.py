"""Multi-head attention."""

from minigrad import functions as F
from minigrad.layers.core import as_float, positive
from minigrad.layers.layer import Layer


class MultiHeadAttention(Layer):
    """y = concat(head_1 ... head_H) @ W_O + b_O, with head_h = attention(x W_Q, x W_K, x W_V) of its own projections

    query (N, T, D), value and key (N, S, D), y (N, T, D). Keras's parameters: query, key (D, H, K) + (H, K), value
    (D, H, V) + (H, V), output (H, V, D) + (D). attention_mask: boolean (N, T, S), True where to look; (N, H, T, S) too.
    Vaswani et al. 2017, sec. 3.2.2.
    """

    def __init__(self, num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None,
                 name=None):
        self.num_heads = positive(num_heads, "MultiHeadAttention", "num_heads")
        self.key_dim = positive(key_dim, "MultiHeadAttention", "key_dim")
        self.value_dim = positive(value_dim or key_dim, "MultiHeadAttention", "value_dim")
        self.dropout, self.use_bias, self.output_shape = dropout, use_bias, output_shape
        super().__init__(name)

    def weight_shapes(self, input_shape):
        d, h = input_shape[-1], self.num_heads
        shapes = {}
        for role, length, symbol in (("query", self.key_dim, "K"), ("key", self.key_dim, "K"),
                                     ("value", self.value_dim, "V")):
            shapes[f"{role}_kernel"] = {"D": d, "H": h, symbol: length}
            shapes[f"{role}_bias"] = {"H": h, symbol: length}
        out = {"D": d} if self.output_shape is None else {"O": self.output_shape}
        shapes["output_kernel"] = {"H": h, "V": self.value_dim, **out}
        shapes["output_bias"] = out
        return {n: s for n, s in shapes.items() if self.use_bias or not n.endswith("bias")}

    def call(self, query, value=None, key=None, attention_mask=None, use_causal_mask=False, training=False):
        value = query if value is None else value
        key = value if key is None else key
        if attention_mask is not None and attention_mask.ndim == 3:
            attention_mask = attention_mask[:, None]
        q, k, v = (self._project(x, role) for x, role in ((query, "query"), (key, "key"), (value, "value")))
        heads = F.scaled_dot_product_attention(q, k, v, attention_mask, use_causal_mask)    # (N, H, T, V)
        heads = F.dropout(heads, self.dropout, training)
        n, h, t, v_dim = heads.shape
        rows = F.reshape(F.swapaxes(heads, 1, 2), (n, t, h * v_dim))                        # the heads side by side
        return F.linear(rows, F.reshape(self.output_kernel, (h * v_dim, -1)), self.output_bias if self.use_bias else None)

    def _project(self, x, role):
        """x (N, T, D) -> (N, H, T, K): all heads in one product, then apart."""
        kernel = self._parameters[f"{role}_kernel"]
        d, h, k = kernel.shape
        if x.ndim != 3 or x.shape[-1] != d:
            raise ValueError(f"expected a {role} of shape (N, T, {d}), got {tuple(x.shape)}")
        bias = F.ravel(self._parameters[f"{role}_bias"]) if self.use_bias else None
        y = F.linear(as_float(x, kernel), F.reshape(kernel, (d, h * k)), bias)
        return F.swapaxes(F.reshape(y, (*x.shape[:2], h, k)), 1, 2)

    def describe(self):
        return f"MultiHeadAttention, {self.num_heads} heads of {self.key_dim}"
