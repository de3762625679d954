"""What transformers are built from: attention, feed-forward networks, and the two kinds of block around them.

N texts (or images) of T tokens, D = hidden_size features, H heads of D / H features.
"""

from minigrad import functions as F
from minigrad import layers
from minigrad.backend import get_array_module
from minigrad.initializers import RandomNormal
from minigrad.layers import Layer, activations
from minigrad.layers.core import positive
from minigrad.tensor import as_array

ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh"}  # Hugging Face's: ours


def dense(features, units, activation=None, use_bias=True, stddev=0.02):
    """A Dense layer that has its weights already: N(0, stddev²), and biases of 0."""
    activation = ACTIVATIONS.get(activation, activation)
    return layers.Dense(units, activation, use_bias, kernel_initializer=RandomNormal(stddev=stddev), input_shape=(features,))


def embedding(vocabulary, features, stddev=0.02):
    """A table of vectors, N(0, stddev²)."""
    return layers.Embedding(vocabulary, features, embeddings_initializer=RandomNormal(stddev=stddev))


def layer_norm(features, epsilon):
    """A LayerNormalization that has its weights already."""
    return layers.LayerNormalization(epsilon=epsilon, input_shape=(features,))


class Attention(Layer):
    """y = [head_1 ... head_H] W_O + b_O, with head_h = attention(x W_Q, x W_K, x W_V) of its own features

    x, y (N, T, D). query, key, value and output are Dense layers, that of query (D, H·K), those of key and value (D, G·K), K
    being the features of a head. G < H heads of keys serve H/G heads of queries each (grouped queries; G = 1: multi-query).
    Vaswani et al. 2017, sec. 3.2.2; Ainslie et al. 2023, "GQA".
    """

    def __init__(self, hidden_size, heads, key_value_heads=None, head_dim=None, dropout=0.0, use_bias=True, output_bias=None,
                 stddev=0.02, output_stddev=None, name=None):
        super().__init__(name)
        self.heads, self.dropout = positive(heads, "Attention", "the number of heads"), dropout
        self.key_value_heads = positive(key_value_heads or heads, "Attention", "the number of heads of keys")
        if head_dim is None and hidden_size % heads:
            raise ValueError(f"Attention: the width {hidden_size} must be divisible by the number of heads, {heads}")
        if heads % self.key_value_heads:
            raise ValueError(f"Attention: {self.key_value_heads} heads of keys must divide the {heads} heads of queries")
        self.head_dim = head_dim or hidden_size // heads
        whole, shared = self.heads * self.head_dim, self.key_value_heads * self.head_dim
        self.query = dense(hidden_size, whole, use_bias=use_bias, stddev=stddev)
        self.key = dense(hidden_size, shared, use_bias=use_bias, stddev=stddev)
        self.value = dense(hidden_size, shared, use_bias=use_bias, stddev=stddev)
        self.output = dense(whole, hidden_size, use_bias=use_bias if output_bias is None else output_bias,
                            stddev=output_stddev or stddev)

    def call(self, x, attention_mask=None, is_causal=False, angles=None, cache=None, training=False):
        """attention_mask boolean (N or 1, 1 or H, T or 1, S), True where to look; angles (cos, sin) of rotary positions;
        cache a LayerCache, which holds the keys and values of the tokens before x."""
        q, k, v = (self._heads(project(x)) for project in (self.query, self.key, self.value))   # (N, H or G, T, K)
        if angles is not None:
            q, k = F.rotary(q, *angles), F.rotary(k, *angles)
        if cache is not None:
            k, v = cache.extend(k, v)
        t, s = q.shape[2], k.shape[2]
        if is_causal and t < s:                         # the last query stands at the last key
            is_causal, attention_mask = False, and_(attention_mask, get_array_module(q.data).tri(t, s, s - t, dtype=bool))
        heads = F.scaled_dot_product_attention(q, k, v, attention_mask, is_causal, self.dropout if training else 0.0,
                                               enable_gqa=self.heads != self.key_value_heads)
        return self.output(F.reshape(F.swapaxes(heads, 1, 2), (x.shape[0], t, self.heads * self.head_dim)))

    def _heads(self, y):
        return F.swapaxes(F.reshape(y, (*y.shape[:2], y.shape[2] // self.head_dim, self.head_dim)), 1, 2)

    def describe(self):
        return f"Attention, {self.heads} heads of {self.head_dim}"


class FeedForward(Layer):
    """y = W_2 f(W_1 x + b_1) + b_2, each token by itself; x, y (N, T, D), W_1 (D, I), W_2 (I, D)"""

    def __init__(self, hidden_size, intermediate_size, activation="gelu", stddev=0.02, output_stddev=None, name=None):
        super().__init__(name)
        self.expand = dense(hidden_size, intermediate_size, activation, stddev=stddev)
        self.project = dense(intermediate_size, hidden_size, stddev=output_stddev or stddev)

    def call(self, x):
        return self.project(self.expand(x))


class GatedFeedForward(Layer):
    """y = W_down (f(W_gate x) * W_up x); with f = silu it is SwiGLU (Shazeer 2020, "GLU Variants Improve Transformer")"""

    def __init__(self, hidden_size, intermediate_size, activation="silu", use_bias=False, stddev=0.02, name=None):
        super().__init__(name)
        self.gate = dense(hidden_size, intermediate_size, activation, use_bias, stddev)
        self.up = dense(hidden_size, intermediate_size, None, use_bias, stddev)
        self.down = dense(intermediate_size, hidden_size, None, use_bias, stddev)

    def call(self, x):
        return self.down(self.gate(x) * self.up(x))


class PreNormBlock(Layer):
    """x ← x + attention(norm_1(x)),   x ← x + feed_forward(norm_2(x))

    Normalised before each part, so that the sum x runs through undisturbed (Radford et al. 2019, sec. 2.3).
    """

    def __init__(self, norm_1, attention, norm_2, feed_forward, dropout=0.0, name=None):
        super().__init__(name)
        self.norm_1, self.attention, self.norm_2, self.feed_forward = norm_1, attention, norm_2, feed_forward
        self.dropout = layers.Dropout(dropout)

    def call(self, x, **how):
        x = x + self.dropout(self.attention(self.norm_1(x), **how))
        return x + self.dropout(self.feed_forward(self.norm_2(x)))


class PostNormBlock(PreNormBlock):
    """x ← norm_1(x + attention(x)),   x ← norm_2(x + feed_forward(x))

    Normalised after each sum, as in the first transformer (Vaswani et al. 2017, sec. 3.1).
    """

    def call(self, x, **how):
        x = self.norm_1(x + self.dropout(self.attention(x, **how)))
        return self.norm_2(x + self.dropout(self.feed_forward(x)))


# ---- what comes in

def checked_ids(ids, who, limit, past=0):
    """ids (N, T) of at least one token, which with those before it are at most `limit`."""
    if ids.ndim != 2 or ids.shape[1] == 0:
        raise ValueError(f"{who}: expected ids (N, T) with at least one token a text, got shape {tuple(ids.shape)}")
    if past + ids.shape[1] > limit:
        raise ValueError(f"{who}: expected ids (N, T) with T <= {limit}, the context (the positions that it has), got "
                         f"{past + ids.shape[1]} tokens: cut the text, or split it")
    return ids


def vectors(table, ids, padding=None):
    """table(ids), (N, T, D); the vector of `padding` gets no gradient from its places."""
    x = table(ids)
    return x if padding is None else F.where((ids.data != padding)[..., None], x, x.detach())


def padding_mask(attention_mask, ids, past=0):
    """What attention reads, (N, 1, 1, S), from a mask (N, S) of ones and zeros or booleans, 0 where there is padding; from
    (N, T, S), (N, 1, T, S). S counts the tokens in a cache, too. None stays None."""
    if attention_mask is None:
        return None
    mask, (n, t) = as_array(attention_mask), ids.shape
    shapes = [(n, past + t), (n, t, past + t)]
    if mask.shape not in shapes:
        raise ValueError(f"attention_mask: expected shape {shapes[0]} or {shapes[1]} for ids {(n, t)}"
                         + (f" after {past} in the cache" if past else "") + f", got {mask.shape}")
    if mask.dtype.kind not in "biu":
        raise TypeError(f"attention_mask: expected booleans, or integers 1 and 0, got {mask.dtype}")
    return (mask != 0)[:, None, None] if mask.ndim == 2 else (mask != 0)[:, None]


def and_(mask, other):
    """Both masks; one may be None."""
    return other if mask is None else as_array(mask) & other


def unpacked(ids, attention_mask, token_type_ids=None):
    """(ids, attention_mask, token_type_ids), also from what `fit` hands on as one: a tuple, or a dict of Hugging Face's
    names."""
    if isinstance(ids, dict):
        unknown = set(ids) - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown or "input_ids" not in ids:
            raise ValueError(f"expected input_ids, attention_mask and token_type_ids, got {', '.join(map(repr, ids))}")
        return ids["input_ids"], ids.get("attention_mask", attention_mask), ids.get("token_type_ids", token_type_ids)
    if isinstance(ids, (tuple, list)):
        return *ids, *(attention_mask, token_type_ids)[len(ids) - 1:]
    return ids, attention_mask, token_type_ids


def activation_word(activation):
    """Hugging Face's word for an activation of ours."""
    words = {"gelu_tanh": "gelu_new"}
    if not isinstance(activation, str) or activations.get(ACTIVATIONS.get(activation, activation)) is None:
        raise ValueError(f"the activation {activation!r} has no name in a Hugging Face configuration")
    return words.get(activation, activation)

