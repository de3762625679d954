"""GPT: a decoder-only transformer, which predicts each token from those before it (GPT-2's architecture)."""

import numpy as np

from minigrad import functions as F
from minigrad import layers
from minigrad.layers import Layer
from minigrad.layers.core import positive
from minigrad.training import Model


class Block(Layer):
    """x ← x + attention(norm_1(x)),   x ← x + W_2 gelu(W_1 norm_2(x))

    Pre-LN: normalised before each part, so that the sum x runs through undisturbed (Radford et al. 2019, sec. 2.3).
    x (N, T, D); 12 D² + 13 D parameters, with the usual inner width of 4 D.
    """

    def __init__(self, width, heads, activation="gelu_tanh", dropout=0.0, epsilon=1e-5, name=None):
        super().__init__(name)
        if width % heads:
            raise ValueError(f"Block: width {width} must be divisible by the number of heads, {heads}")
        self.norm_1 = layers.LayerNormalization(epsilon=epsilon)
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.norm_2 = layers.LayerNormalization(epsilon=epsilon)
        self.expand = layers.Dense(4 * width, activation=activation)
        self.project = layers.Dense(width)
        self.dropout = layers.Dropout(dropout)

    def call(self, x):
        x = x + self.dropout(self.attention(self.norm_1(x), use_causal_mask=True))
        return x + self.dropout(self.project(self.expand(self.norm_2(x))))


class GPT(Model):
    """logits[t] = norm(block_L(... block_1(token[ids[t]] + position[t]))) @ tokenᵀ, the next token's after ids[0 ... t]

    ids (N, T) integers in [0, V), T at most the context; logits (N, T, V). The last product has the token embeddings as its
    weights (Press & Wolf 2017). V D + T D + L (12 D² + 13 D) + 2 D parameters for V tokens, context T, width D, depth L.
    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners".
    """

    def __init__(self, vocabulary, context, width=128, depth=4, heads=4, activation="gelu_tanh", dropout=0.0, epsilon=1e-5,
                 name=None):
        super().__init__(name)
        self.context = positive(context, "GPT", "context")
        self.token = layers.Embedding(vocabulary, width, embeddings_initializer="random_normal")
        self.position = layers.Embedding(context, width, embeddings_initializer="random_normal")
        self.dropout = layers.Dropout(dropout)
        self.blocks = [Block(width, heads, activation, dropout, epsilon) for _ in range(positive(depth, "GPT", "depth"))]
        self.norm = layers.LayerNormalization(epsilon=epsilon)

    def call(self, ids):
        if ids.ndim != 2 or ids.shape[1] > self.context:
            raise ValueError(f"GPT: expected ids (N, T) with T <= {self.context}, the context, got {tuple(ids.shape)}")
        x = self.dropout(self.token(ids) + self.position(np.arange(ids.shape[1])))
        for block in self.blocks:
            x = block(x)
        return F.matmul(self.norm(x), F.transpose(self.token.embeddings))
