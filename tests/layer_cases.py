"""Every public layer with arguments and inputs: what the tests of all layers go through."""

from dataclasses import dataclass, field, replace

import numpy as np

import minigrad as mg
from minigrad import layers


@dataclass
class Case:
    """make(layers) gives the layer, minigrad's or Keras's; inputs are the arrays (or lists of them) that it is called on."""

    name: str
    make: object
    inputs: tuple
    call: dict = field(default_factory=dict)
    keras: bool = True   # whether Keras's PyTorch backend does it
    smooth: bool = True  # whether it has a slope at these inputs

    def __repr__(self):
        return self.name


def floats(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def case(name, *shapes, call=None, **options):
    return Case(name, lambda layers: getattr(layers, name)(**options), tuple(floats(*shape) for shape in shapes), call or {})


def ours_alone(name, *shapes, **options):
    return replace(case(name, *shapes, **options), keras=False)


def merging(name, *shapes, **options):
    return Case(name, lambda layers: getattr(layers, name)(**options),
                ([floats(*shape, seed=i) for i, shape in enumerate(shapes)],))


def around(name, make, *shapes):
    return Case(name, make, tuple(floats(*shape) for shape in shapes))


MASK = np.array([[True, True, False, True], [False, True, True, False]])
IDS = np.array([[3, 0, 1, 0], [2, 2, 4, 1]])
PADDED = np.where(MASK[..., None], floats(2, 4, 3), 0.0)
SEEN = np.random.default_rng(1).random((2, 4, 5)) < 0.6
SEEN[..., 0] = True

CASES = [
    case("Dense", (2, 5, 3), units=4, activation="tanh"),
    case("Dense", (2, 3), units=4, use_bias=False),
    case("Flatten", (2, 3, 4, 2)),
    case("Flatten", (2, 3, 4, 2), data_format="channels_first"),
    case("Reshape", (2, 12), target_shape=(2, -1, 3)),
    case("Permute", (2, 3, 4, 5), dims=(3, 1, 2)),
    case("RepeatVector", (2, 3), n=4),
    case("Identity", (2, 3)),
    case("Rescaling", (2, 3), scale=0.3, offset=-1),
    case("Rescaling", (2, 4, 3), scale=[0.3, 1.0, 2.0], offset=[0.0, 1.0, -1.0]),
    case("Activation", (2, 3), activation="gelu"),
    case("Dropout", (2, 3), rate=0.4, noise_shape=(None, 1)),
    Case("Embedding", lambda layers: layers.Embedding(5, 3, mask_zero=True), (IDS,)),
    Case("Masking", lambda layers: layers.Masking(), (PADDED,), smooth=False),
    case("Masking", (2, 4, 3), mask_value=5.0),
    # activations
    case("ReLU", (3, 4)),
    case("ReLU", (5, 6), max_value=0.9, negative_slope=0.2, threshold=0.3),
    case("ReLU", (5, 6), max_value=1.0),
    case("ReLU", (5, 6), threshold=0.5),
    case("LeakyReLU", (3, 4)),
    case("LeakyReLU", (3, 4), negative_slope=0.1),
    case("PReLU", (2, 3, 4)),
    case("PReLU", (2, 3, 4, 5), shared_axes=[1, 3]),
    case("ELU", (3, 4), alpha=0.7),
    case("Softmax", (3, 4)),
    case("Softmax", (2, 3, 4), axis=1),
    case("Softmax", (2, 3, 4), axis=(1, 2)),
    case("Softmax", (2, 4), call={"mask": MASK}),
    case("Softmax", (2, 4), axis=(0, 1), call={"mask": MASK}),
    # noise, still outside of training
    case("SpatialDropout1D", (2, 3, 4), rate=0.3),
    case("SpatialDropout2D", (2, 3, 4, 5), rate=0.3, data_format="channels_first"),
    case("SpatialDropout3D", (2, 3, 4, 5, 2), rate=0.3),
    case("GaussianNoise", (2, 3), stddev=0.5),
    case("GaussianDropout", (2, 3), rate=0.5),
    case("AlphaDropout", (2, 3), rate=0.5),
    case("ActivityRegularization", (2, 3), l1=0.1, l2=0.2),
    # normalisation
    case("LayerNormalization", (2, 3, 4)),
    ours_alone("LayerNormalization", (2, 3, 4), axis=1, center=False),
    case("LayerNormalization", (2, 3, 4), axis=(1, 2), scale=False, epsilon=0.01),
    case("RMSNormalization", (2, 3, 4)),
    ours_alone("RMSNormalization", (2, 3, 4), axis=1, epsilon=0.1),
    case("RMSNormalization", (2, 3, 4), axis=(1, 2)),
    case("UnitNormalization", (2, 3, 4)),
    case("UnitNormalization", (2, 3, 4), axis=(1, 2)),
    case("BatchNormalization", (4, 3, 2), momentum=0.8, center=False),
    case("BatchNormalization", (4, 3, 2), axis=1),
    case("GroupNormalization", (2, 3, 4), groups=2),
    case("GroupNormalization", (2, 4, 3), groups=-1, axis=1, scale=False),
    # convolutions
    case("Conv1D", (2, 9, 4), filters=4, kernel_size=3, padding="causal", dilation_rate=2, groups=2),
    case("Conv1D", (2, 4, 9), filters=4, kernel_size=3, data_format="channels_first"),
    case("Conv2D", (2, 7, 6, 4), filters=4, kernel_size=(3, 2), padding="same", groups=2, activation="tanh"),
    case("Conv2D", (2, 4, 7, 6), filters=2, kernel_size=3, padding="same", dilation_rate=2, data_format="channels_first"),
    case("Conv3D", (2, 4, 5, 4, 2), filters=3, kernel_size=2, strides=2, padding="same"),
    case("Conv3D", (2, 2, 4, 5, 4), filters=3, kernel_size=2, data_format="channels_first"),
    case("Conv1DTranspose", (2, 5, 3), filters=2, kernel_size=3, strides=2),
    case("Conv2DTranspose", (2, 3, 4, 3), filters=2, kernel_size=3, strides=2, padding="same"),
    case("Conv2DTranspose", (2, 3, 3, 4), filters=2, kernel_size=3, strides=2, data_format="channels_first"),
    case("Conv3DTranspose", (2, 3, 2, 3, 2), filters=2, kernel_size=2),
    case("DepthwiseConv1D", (2, 6, 3), kernel_size=3, depth_multiplier=2),
    case("DepthwiseConv2D", (2, 6, 5, 3), kernel_size=3, padding="same", depth_multiplier=2),
    case("DepthwiseConv2D", (2, 3, 6, 5), kernel_size=3, data_format="channels_first"),
    case("SeparableConv1D", (2, 6, 3), filters=4, kernel_size=3),
    case("SeparableConv2D", (2, 6, 5, 3), filters=4, kernel_size=3, dilation_rate=2, depth_multiplier=2),
    case("SeparableConv2D", (2, 3, 6, 5), filters=4, kernel_size=3, data_format="channels_first"),
    # pools and borders
    *[case(f"MaxPooling{n}D", (2, *(6, 5, 4)[:n], 3), pool_size=2, padding="same") for n in (1, 2, 3)],
    *[case(f"AveragePooling{n}D", (2, *(6, 5, 4)[:n], 3), pool_size=2, strides=1) for n in (1, 2, 3)],
    *[case(f"{kind}Pooling2D", (2, 3, 6, 5), pool_size=2, data_format="channels_first") for kind in ("Max", "Average")],
    *[case(f"Global{kind}Pooling{n}D", (2, *(6, 5, 4)[:n], 3)) for n in (1, 2, 3) for kind in ("Max", "Average")],
    *[case(f"Global{kind}Pooling2D", (2, 3, 4, 5), data_format="channels_first", keepdims=True)
      for kind in ("Max", "Average")],
    case("GlobalAveragePooling1D", (2, 4, 3), call={"mask": MASK}),
    *[case(f"ZeroPadding{n}D", (2, *(4, 5, 4)[:n], 3), padding=2) for n in (1, 2, 3)],
    case("ZeroPadding2D", (2, 3, 4, 5), padding=((1, 0), (0, 2)), data_format="channels_first"),
    *[case(f"Cropping{n}D", (2, *(4, 5, 4)[:n], 3), cropping=1) for n in (1, 2, 3)],
    case("Cropping2D", (2, 3, 4, 5), cropping=((1, 0), (0, 2)), data_format="channels_first"),
    *[case(f"UpSampling{n}D", (2, *(3, 4, 2)[:n], 3), size=2) for n in (1, 2, 3)],
    case("UpSampling2D", (2, 3, 3, 4), size=(2, 3), data_format="channels_first"),
    # merging
    *[merging(name, (2, 3, 4), (2, 3, 4), (2, 3, 4)) for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")],
    merging("Subtract", (2, 3), (2, 3)),
    merging("Concatenate", (2, 3, 4), (2, 5, 4), axis=1),
    merging("Concatenate", (2, 3), (2, 5)),
    merging("Dot", (2, 3), (2, 3), axes=1),
    merging("Dot", (2, 3, 4), (2, 5, 4), axes=-1, normalize=True),
    merging("Dot", (2, 3, 4), (2, 5, 3), axes=(1, 2)),
    merging("Dot", (2, 3, 4), (2, 3, 5), axes=1, normalize=True),
    merging("Dot", (2, 3, 4, 5), (2, 6, 4), axes=(2, 2)),
    merging("Dot", (2, 4), (2, 5, 4), axes=(1, 2)),
    merging("Dot", (2, 5, 4), (2, 4), axes=(2, 1)),
    # recurrent
    case("SimpleRNN", (2, 4, 3), units=5),
    case("LSTM", (2, 4, 3), units=5, return_sequences=True, return_state=True),
    case("GRU", (2, 4, 3), units=5, go_backwards=True, return_sequences=True, call={"mask": MASK}),
    case("GRU", (2, 4, 3), units=5, reset_after=False),
    around("RNN", lambda layers: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2), layers.SimpleRNNCell(4)],
                                            return_sequences=True), (2, 4, 3)),
    around("StackedRNNCells", lambda layers: layers.RNN(layers.StackedRNNCells([layers.GRUCell(3), layers.LSTMCell(2)])),
           (2, 4, 3)),
    around("SimpleRNNCell", lambda layers: layers.RNN(layers.SimpleRNNCell(3), return_state=True), (2, 4, 3)),
    around("LSTMCell", lambda layers: layers.RNN(layers.LSTMCell(3, unit_forget_bias=False)), (2, 4, 3)),
    around("GRUCell", lambda layers: layers.RNN(layers.GRUCell(3), go_backwards=True), (2, 4, 3)),
    around("Bidirectional", lambda layers: layers.Bidirectional(layers.LSTM(3, return_sequences=True)), (2, 4, 3)),
    around("TimeDistributed", lambda layers: layers.TimeDistributed(layers.Conv1D(2, 3)), (2, 4, 5, 3)),
    # attention
    case("MultiHeadAttention", (2, 4, 3), (2, 5, 6), (2, 5, 7), num_heads=2, key_dim=3, value_dim=4),
    case("MultiHeadAttention", (2, 4, 3), (2, 5, 6), num_heads=2, key_dim=3, use_bias=False, output_shape=(2, 5),
         call={"attention_mask": SEEN, "return_attention_scores": True}),
    case("MultiHeadAttention", (2, 4, 3), (2, 4, 3), num_heads=3, key_dim=2, output_shape=5, call={"use_causal_mask": True}),
    case("GroupQueryAttention", (2, 4, 3), (2, 5, 6), (2, 5, 7), head_dim=3, num_query_heads=4, num_key_value_heads=2),
    case("GroupQueryAttention", (2, 4, 3), (2, 4, 3), head_dim=2, num_query_heads=6, num_key_value_heads=2,
         call={"use_causal_mask": True, "return_attention_scores": True}),
]


# ---- for tests of recurrent layers

KINDS = {"SimpleRNN": {}, "LSTM": {}, "GRU": {}, "GRU, reset before": {"reset_after": False}}


def make_recurrent(kind, units=3, **options):
    """One of KINDS."""
    return getattr(layers, kind.partition(",")[0])(units, **KINDS[kind], **options)


def x32(*shape, seed=0):
    return floats(*shape, seed=seed).astype("float32")


def close(a, b, tolerance=1e-5):
    a, b = (v.numpy() if isinstance(v, mg.Tensor) else v for v in (a, b))
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
