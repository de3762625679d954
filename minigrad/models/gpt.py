"""GPT: a decoder-only transformer, which predicts each token from those before it (GPT-2's architecture)."""

import numpy as np

from minigrad import functions as F
from minigrad import layers
from minigrad.layers.core import positive
from minigrad.models import transformer as T
from minigrad.models.generation import Generates
from minigrad.models.pretrained import Pretrained


class GPT(Generates, Pretrained):
    """logits[t] = norm(block_L(... block_1(token[ids[t]] + position[t]))) @ tokenᵀ, the next token's after ids[0 ... t]

    ids (N, T) integers in [0, V), T at most the context; logits (N, T, V). The last product has the token embeddings as its
    weights (Press & Wolf 2017). V D + T D + L (12 D² + 13 D) + 2 D parameters for V tokens, context T, width D, depth L and
    the usual inner width of 4 D.
    attention_mask (N, S): 0 where there is padding; cache: see models/cache.py.
    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", sec. 2.3.
    """

    input_dtype = "int64"

    def __init__(self, vocabulary, context, width=128, depth=4, heads=4, activation="gelu_tanh", dropout=0.0, epsilon=1e-5,
                 inner=None, initializer_range=0.02, name=None):
        super().__init__(name)
        self.context, self.vocabulary = positive(context, "GPT", "context"), positive(vocabulary, "GPT", "vocabulary")
        depth = positive(depth, "GPT", "depth")
        self.token = T.embedding(vocabulary, width, initializer_range)
        self.position = T.embedding(context, width, initializer_range)
        self.dropout = layers.Dropout(dropout)
        summed = initializer_range / (2 * depth) ** 0.5  # what is added up in x is smaller, the more parts there are
        self.blocks = [T.PreNormBlock(
            T.layer_norm(width, epsilon),
            T.Attention(width, heads, dropout=dropout, stddev=initializer_range, output_stddev=summed),
            T.layer_norm(width, epsilon),
            T.FeedForward(width, inner or 4 * width, activation, initializer_range, summed), dropout) for _ in range(depth)]
        self.norm = T.layer_norm(width, epsilon)

    def hidden_states(self, ids, attention_mask=None, cache=None):
        """The embeddings, and what each block gives, the last one normalised: L + 1 Tensors (N, T, D)."""
        past = 0 if cache is None else cache.length
        ids = T.checked_ids(self._as_input(ids), "GPT", self.context, past)
        mask = T.padding_mask(attention_mask, ids, past)
        states = [self.dropout(self.token(ids) + self.position(np.arange(past, past + ids.shape[1])))]
        for i, block in enumerate(self.blocks):
            states.append(block(states[-1], attention_mask=mask, is_causal=True, cache=None if cache is None else cache[i]))
        return [*states[:-1], self.norm(states[-1])]

    def call(self, ids, attention_mask=None, cache=None, last=False):
        """The logits; with `last` those of the last token alone, (N, 1, V)."""
        ids, attention_mask, _ = T.unpacked(ids, attention_mask)
        y = self.hidden_states(ids, attention_mask, cache)[-1]
        y = y[:, -1:] if last else y
        return F.matmul(y, F.transpose(self.token.embeddings))

    # ---- Hugging Face

    MODEL_TYPE, PREFIX, TRANSPOSED = "gpt2", "transformer.", False  # its Conv1D has weights (in, out), as ours
    NAMES = {
        "token": "transformer.wte",
        "position": "transformer.wpe",
        "blocks.{i}.norm_1": "transformer.h.{i}.ln_1",
        "blocks.{i}.attention.query": "transformer.h.{i}.attn.c_attn[0/3]",
        "blocks.{i}.attention.key": "transformer.h.{i}.attn.c_attn[1/3]",
        "blocks.{i}.attention.value": "transformer.h.{i}.attn.c_attn[2/3]",
        "blocks.{i}.attention.output": "transformer.h.{i}.attn.c_proj",
        "blocks.{i}.norm_2": "transformer.h.{i}.ln_2",
        "blocks.{i}.feed_forward.expand": "transformer.h.{i}.mlp.c_fc",
        "blocks.{i}.feed_forward.project": "transformer.h.{i}.mlp.c_proj",
        "norm": "transformer.ln_f",
    }
    IGNORED = (r"h\.\d+\.attn\.(masked_)?bias$", r"^lm_head\.weight$")  # the causal mask; the token embeddings once more
    ARGUMENTS = {"vocabulary": "vocab_size", "context": "n_positions", "width": "n_embd", "depth": "n_layer",
                 "heads": "n_head", "activation": "activation_function", "dropout": "resid_pdrop",
                 "epsilon": "layer_norm_epsilon", "inner": "n_inner", "initializer_range": "initializer_range"}
    DEFAULTS = {"vocabulary": 50257, "context": 1024, "width": 768, "depth": 12, "heads": 12, "dropout": 0.1}
    ARCHITECTURES = {"GPT2LMHeadModel": {}, "GPT2Model": {}}
    REFUSED = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False,
               "tie_word_embeddings": True}

    @classmethod
    def config_of(cls, arguments):
        """Hugging Face's words for the constructor's arguments."""
        config = super().config_of(arguments)
        return config | {"attn_pdrop": config["resid_pdrop"], "embd_pdrop": config["resid_pdrop"]}
