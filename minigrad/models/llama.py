"""Llama: GPT with three changes, RMSNorm, rotary positions and SwiGLU, and with keys that groups of queries share."""

import numpy as np

from minigrad import functions as F
from minigrad import layers
from minigrad.models import transformer as T
from minigrad.models.generation import Generates
from minigrad.models.pretrained import Pretrained


class Llama(Generates, Pretrained):
    """logits[t] = head(norm(block_L(... block_1(token[ids[t]])))), the next token's after ids[0 ... t]

    ids (N, T) integers in [0, vocab_size), T <= max_position_embeddings; logits (N, T, vocab_size). Queries and keys are
    turned by angles that grow with the position (rope_theta, rope_scaling: see F.rotary_frequencies). Without
    tie_word_embeddings the head has weights of its own. attention_mask (N, S): 0 where there is padding; cache: see
    models/cache.py.
    Touvron et al. 2023, "LLaMA", sec. 2.2, and "Llama 2", sec. 2.2 (grouped queries).
    """

    input_dtype = "int64"

    def __init__(self, vocab_size=32000, hidden_size=4096, intermediate_size=11008, num_hidden_layers=32,
                 num_attention_heads=32, num_key_value_heads=None, head_dim=None, hidden_act="silu",
                 max_position_embeddings=2048, rms_norm_eps=1e-6, tie_word_embeddings=False, rope_theta=10000.0,
                 rope_scaling=None, attention_bias=False, attention_dropout=0.0, mlp_bias=False, pad_token_id=None,
                 initializer_range=0.02, name=None):
        super().__init__(name)
        self.pad = pad_token_id
        self.vocabulary, self.context, std = vocab_size, max_position_embeddings, initializer_range
        self.token = T.embedding(vocab_size, hidden_size, std)
        self.blocks = [T.PreNormBlock(
            layers.RMSNormalization(epsilon=rms_norm_eps, input_shape=(hidden_size,)),
            T.Attention(hidden_size, num_attention_heads, num_key_value_heads, head_dim, attention_dropout, attention_bias,
                        stddev=std),
            layers.RMSNormalization(epsilon=rms_norm_eps, input_shape=(hidden_size,)),
            T.GatedFeedForward(hidden_size, intermediate_size, hidden_act, mlp_bias, std))
            for _ in range(num_hidden_layers)]
        self.norm = layers.RMSNormalization(epsilon=rms_norm_eps, input_shape=(hidden_size,))
        if not tie_word_embeddings:
            self.head = T.dense(hidden_size, vocab_size, use_bias=False, stddev=std)
        self.tied = tie_word_embeddings
        self.frequencies = F.rotary_frequencies(head_dim or hidden_size // num_attention_heads, rope_theta, rope_scaling)

    def hidden_states(self, ids, attention_mask=None, cache=None):
        """The embeddings, and what each block gives, the last one normalised: L + 1 Tensors (N, T, D)."""
        past = 0 if cache is None else cache.length
        ids = T.checked_ids(self._as_input(ids), "Llama", self.context, past)
        mask = T.padding_mask(attention_mask, ids, past)
        angles = F.rotary_angles(np.arange(past, past + ids.shape[1]), frequencies=self.frequencies)
        states = [T.vectors(self.token, ids, self.pad)]
        for i, block in enumerate(self.blocks):
            states.append(block(states[-1], attention_mask=mask, is_causal=True, angles=angles,
                                cache=None if cache is None else cache[i]))
        return [*states[:-1], self.norm(states[-1])]

    def call(self, ids, attention_mask=None, cache=None, last=False):
        """The logits; with `last` those of the last token alone, (N, 1, V)."""
        ids, attention_mask, _ = T.unpacked(ids, attention_mask)
        y = self.hidden_states(ids, attention_mask, cache)[-1]
        y = y[:, -1:] if last else y
        return F.matmul(y, F.transpose(self.token.embeddings)) if self.tied else self.head(y)

    # ---- Hugging Face

    MODEL_TYPE, PREFIX = "llama", "model."
    NAMES = {
        "token": "model.embed_tokens",
        "blocks.{i}.norm_1": "model.layers.{i}.input_layernorm",
        "blocks.{i}.attention.query": "model.layers.{i}.self_attn.q_proj",
        "blocks.{i}.attention.key": "model.layers.{i}.self_attn.k_proj",
        "blocks.{i}.attention.value": "model.layers.{i}.self_attn.v_proj",
        "blocks.{i}.attention.output": "model.layers.{i}.self_attn.o_proj",
        "blocks.{i}.norm_2": "model.layers.{i}.post_attention_layernorm",
        "blocks.{i}.feed_forward.gate": "model.layers.{i}.mlp.gate_proj",
        "blocks.{i}.feed_forward.up": "model.layers.{i}.mlp.up_proj",
        "blocks.{i}.feed_forward.down": "model.layers.{i}.mlp.down_proj",
        "norm": "model.norm",
        "head": "lm_head",
    }
    IGNORED = (r"rotary_emb\.inv_freq$", r"^lm_head\.weight$")  # a buffer; where it is tied, the token embeddings once more
    ARGUMENTS = {name: name for name in """
        vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim
        hidden_act max_position_embeddings rms_norm_eps tie_word_embeddings rope_theta rope_scaling attention_bias
        attention_dropout mlp_bias pad_token_id initializer_range""".split()}
    ARCHITECTURES = {"LlamaForCausalLM": {}}

    @classmethod
    def arguments_of(cls, config):
        """The constructor's arguments; newer files have rope_parameters instead of rope_theta and rope_scaling."""
        rope = config.get("rope_parameters")
        if rope is not None:
            config = config | {"rope_theta": rope.get("rope_theta", 10000.0),
                               "rope_scaling": None if rope.get("rope_type", "default") == "default" else rope}
        return super().arguments_of(config)

    @classmethod
    def config_of(cls, arguments):
        """Hugging Face's words, old and new, for the constructor's arguments."""
        config = {name: value for name, value in super().config_of(arguments).items() if value is not None}
        scaling = config.get("rope_scaling") or {"rope_type": "default"}
        return config | {"rope_parameters": {**scaling, "rope_theta": config["rope_theta"]}}
