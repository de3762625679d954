"""ViT: an image is a text of patches, and BERT's transformer reads it."""

from minigrad import functions as F
from minigrad import layers
from minigrad.initializers import RandomNormal
from minigrad.models import transformer as T
from minigrad.models.pretrained import Pretrained


class ViT(Pretrained):
    """y = norm(block_L(... block_1([class_token, patches W + b] + position)))

    images (N, H, W, C) of image_size x image_size pixels in patches of patch_size x patch_size, P of them; y (N, 1 + P, D).
    With head "classification" the result is logits (N, num_labels), from the class token; with None it is y, and
    model.pooled(y) is (N, hidden_size).
    Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", eq. 1 to 4.
    """

    def __init__(self, image_size=224, patch_size=16, num_channels=3, hidden_size=768, num_hidden_layers=12,
                 num_attention_heads=12, intermediate_size=3072, hidden_act="gelu", hidden_dropout_prob=0.0,
                 attention_probs_dropout_prob=0.0, layer_norm_eps=1e-12, qkv_bias=True, pooler_act="tanh",
                 initializer_range=0.02, head="classification", num_labels=2, pooler=True, name=None):
        super().__init__(name)
        if head not in (None, "classification"):
            raise ValueError(f"ViT: head must be 'classification' or None, got {head!r}")
        if image_size % patch_size:
            raise ValueError(f"ViT: patches of {patch_size} pixels do not fill an image of {image_size}")
        self.image_shape, self.kind = (image_size, image_size, num_channels), head
        d, eps, std = hidden_size, layer_norm_eps, initializer_range
        self.patches = layers.Conv2D(d, patch_size, strides=patch_size, kernel_initializer=RandomNormal(stddev=std),
                                     input_shape=self.image_shape)
        self.add_weight("class_token", {"one": 1, "token": 1, "D": d}, RandomNormal(stddev=std))
        self.add_weight("position", {"one": 1, "T": (image_size // patch_size) ** 2 + 1, "D": d}, RandomNormal(stddev=std))
        self.dropout = layers.Dropout(hidden_dropout_prob)
        self.blocks = [T.PreNormBlock(
            T.layer_norm(d, eps), T.Attention(d, num_attention_heads, dropout=attention_probs_dropout_prob,
                                              use_bias=qkv_bias, output_bias=True, stddev=std),
            T.layer_norm(d, eps), T.FeedForward(d, intermediate_size, hidden_act, std), hidden_dropout_prob)
            for _ in range(num_hidden_layers)]
        self.norm = T.layer_norm(d, eps)
        if head is None and pooler:
            self.pooler = T.dense(d, d, pooler_act, stddev=std)
        elif head is not None:
            self.classifier = T.dense(d, num_labels, stddev=std)

    def hidden_states(self, images):
        """The embeddings, and what each block gives, before the last normalisation: L + 1 Tensors (N, 1 + P, D)."""
        images = self._as_input(images)
        if tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(f"ViT: expected images (N, {', '.join(map(str, self.image_shape))}), got {tuple(images.shape)}")
        patches = self.patches(images)
        n, rows, columns, d = patches.shape
        x = F.concatenate([F.broadcast_to(self.class_token, (n, 1, d)), F.reshape(patches, (n, rows * columns, d))], axis=1)
        states = [self.dropout(x + self.position)]
        for block in self.blocks:
            states.append(block(states[-1]))
        return states

    def pooled(self, y):
        """tanh(W y[:, 0] + b), (N, D): the class token, for all of the image."""
        return self.pooler(y[:, 0])

    def call(self, images):
        y = self.norm(self.hidden_states(images)[-1])
        return y if self.kind is None else self.classifier(y[:, 0])

    # ---- Hugging Face

    MODEL_TYPE, PREFIX = "vit", "vit."
    NAMES = {
        "patches": "vit.embeddings.patch_embeddings.projection",
        "class_token": "vit.embeddings.cls_token",
        "position": "vit.embeddings.position_embeddings",
        "blocks.{i}.norm_1": "vit.encoder.layer.{i}.layernorm_before",
        "blocks.{i}.attention.query": "vit.encoder.layer.{i}.attention.attention.query",
        "blocks.{i}.attention.key": "vit.encoder.layer.{i}.attention.attention.key",
        "blocks.{i}.attention.value": "vit.encoder.layer.{i}.attention.attention.value",
        "blocks.{i}.attention.output": "vit.encoder.layer.{i}.attention.output.dense",
        "blocks.{i}.norm_2": "vit.encoder.layer.{i}.layernorm_after",
        "blocks.{i}.feed_forward.expand": "vit.encoder.layer.{i}.intermediate.dense",
        "blocks.{i}.feed_forward.project": "vit.encoder.layer.{i}.output.dense",
        "norm": "vit.layernorm",
        "pooler": "vit.pooler.dense",
        "classifier": "classifier",
    }
    HEAD, HEAD_IGNORED = ("pooler", "classifier"), (r"^(vit\.)?pooler\.", r"^classifier\.")
    ARGUMENTS = {name: name for name in """
        image_size patch_size num_channels hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act
        hidden_dropout_prob attention_probs_dropout_prob layer_norm_eps qkv_bias pooler_act initializer_range""".split()}
    ARCHITECTURES = {"ViTModel": {"head": None}, "ViTForImageClassification": {"head": "classification"}}
