"""BERT: an encoder, in which each token looks at all others, to the left and to the right."""

import numpy as np

from minigrad import functions as F
from minigrad import layers
from minigrad.models import transformer as T
from minigrad.models.pretrained import Pretrained
from minigrad.models.sentences import Embeds

HEADS = (None, "masked_lm", "classification", "token_classification")


class BERT(Embeds, Pretrained):
    """y = block_L(... block_1(norm(token[ids] + position + type[token_type_ids])))

    ids (N, T) integers in [0, vocab_size), T <= max_position_embeddings; token_type_ids (N, T), 0 unless given;
    attention_mask (N, T), 0 where there is padding: no token looks there, and a row of padding alone gives numbers without
    meaning, and no nan. The vector of pad_token_id is not trained by its own places. With head
        None                     y (N, T, hidden_size); model.pooled(y) is (N, hidden_size)
        "masked_lm"              logits (N, T, vocab_size) of the tokens that a mask hides, by the token embeddings
        "classification"         logits (N, num_labels), from the pooled first token
        "token_classification"   logits (N, T, num_labels)
    Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding".
    """

    input_dtype = "int64"

    def __init__(self, vocab_size=30522, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
                 intermediate_size=3072, hidden_act="gelu", hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
                 max_position_embeddings=512, type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=0,
                 initializer_range=0.02, head=None, num_labels=2, pooler=True, name=None):
        super().__init__(name)
        if head not in HEADS:
            raise ValueError(f"BERT: head must be one of {', '.join(map(repr, HEADS))}, got {head!r}")
        self.vocabulary, self.context, self.pad, self.kind = vocab_size, max_position_embeddings, pad_token_id, head
        d, eps, std = hidden_size, layer_norm_eps, initializer_range
        self.token = T.embedding(vocab_size, d, std)
        self.position = T.embedding(max_position_embeddings, d, std)
        self.type = T.embedding(type_vocab_size, d, std)
        self.norm = T.layer_norm(d, eps)
        self.dropout = layers.Dropout(hidden_dropout_prob)
        self.blocks = [T.PostNormBlock(
            T.layer_norm(d, eps), T.Attention(d, num_attention_heads, dropout=attention_probs_dropout_prob, stddev=std),
            T.layer_norm(d, eps), T.FeedForward(d, intermediate_size, hidden_act, std), hidden_dropout_prob)
            for _ in range(num_hidden_layers)]
        if pooler and head in (None, "classification"):
            self.pooler = T.dense(d, d, "tanh", stddev=std)
        if head == "masked_lm":
            self.transform, self.transform_norm = T.dense(d, d, hidden_act, stddev=std), T.layer_norm(d, eps)
            self.add_weight("output_bias", {"V": vocab_size}, "zeros")
        elif head is not None:
            self.classifier = T.dense(d, num_labels, stddev=std)

    def hidden_states(self, ids, attention_mask=None, token_type_ids=None):
        """The embeddings, and what each block gives: L + 1 Tensors (N, T, D)."""
        ids = T.checked_ids(self._as_input(ids), "BERT", self.context)
        mask = T.padding_mask(attention_mask, ids)
        types = np.zeros((1, ids.shape[1]), int) if token_type_ids is None else token_type_ids
        if token_type_ids is not None and np.shape(types) != ids.shape:
            raise ValueError(f"token_type_ids: expected the shape of ids, {ids.shape}, got {np.shape(types)}")
        x = T.vectors(self.token, ids, self.pad) + self.position(np.arange(ids.shape[1])) + self.type(types)
        states = [self.dropout(self.norm(x))]
        for block in self.blocks:
            states.append(block(states[-1], attention_mask=mask))
        return states

    def pooled(self, y):
        """tanh(W y[:, 0] + b), (N, D): the first token, [CLS], for all of the text."""
        return self.pooler(y[:, 0])

    def call(self, ids, attention_mask=None, token_type_ids=None):
        y = self.hidden_states(*T.unpacked(ids, attention_mask, token_type_ids))[-1]
        if self.kind == "masked_lm":
            y = self.transform_norm(self.transform(y))
            return F.matmul(y, F.transpose(self.token.embeddings)) + self.output_bias
        if self.kind == "classification":
            return self.classifier(self.dropout(self.pooled(y)))
        return self.classifier(self.dropout(y)) if self.kind == "token_classification" else y

    # ---- Hugging Face

    MODEL_TYPE, PREFIX = "bert", "bert."
    NAMES = {
        "token": "bert.embeddings.word_embeddings",
        "position": "bert.embeddings.position_embeddings",
        "type": "bert.embeddings.token_type_embeddings",
        "norm": "bert.embeddings.LayerNorm",
        "blocks.{i}.attention.query": "bert.encoder.layer.{i}.attention.self.query",
        "blocks.{i}.attention.key": "bert.encoder.layer.{i}.attention.self.key",
        "blocks.{i}.attention.value": "bert.encoder.layer.{i}.attention.self.value",
        "blocks.{i}.attention.output": "bert.encoder.layer.{i}.attention.output.dense",
        "blocks.{i}.norm_1": "bert.encoder.layer.{i}.attention.output.LayerNorm",
        "blocks.{i}.feed_forward.expand": "bert.encoder.layer.{i}.intermediate.dense",
        "blocks.{i}.feed_forward.project": "bert.encoder.layer.{i}.output.dense",
        "blocks.{i}.norm_2": "bert.encoder.layer.{i}.output.LayerNorm",
        "pooler": "bert.pooler.dense",
        "transform": "cls.predictions.transform.dense",
        "transform_norm": "cls.predictions.transform.LayerNorm",
        "output_bias": "cls.predictions.bias",
        "classifier": "classifier",
    }
    HEAD = ("pooler", "transform", "transform_norm", "output_bias", "classifier")  # new, where the file has another head
    IGNORED = (r"embeddings\.(position|token_type)_ids$", r"^cls\.seq_relationship\.", r"^cls\.predictions\.decoder\.",
               r"^(bert\.)?pooler\.")  # buffers; next sentences; the token embeddings once more; where no head reads it
    HEAD_IGNORED = (r"^cls\.", r"^classifier\.")
    ARGUMENTS = {name: name for name in """
        vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act hidden_dropout_prob
        attention_probs_dropout_prob max_position_embeddings type_vocab_size layer_norm_eps pad_token_id
        initializer_range""".split()}
    ARCHITECTURES = {"BertModel": {"head": None}, "BertForMaskedLM": {"head": "masked_lm"},
                     "BertForPreTraining": {"head": "masked_lm"},
                     "BertForSequenceClassification": {"head": "classification"},
                     "BertForTokenClassification": {"head": "token_classification"}}
    REFUSED = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False,
               "tie_word_embeddings": True}
