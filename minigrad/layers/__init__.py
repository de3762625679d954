"""Layers: parameters and calls to functions, with Keras's names and arguments. No gradient is written here."""

from minigrad.layers.augmentation import (
    Cutout, CutMix, FrequencyMask, MixUp, RandomBrightness, RandomContrast, RandomCrop, RandomErasing, RandomFlip,
    RandomRotation, RandomTranslation, RandomZoom, TimeMask, TokenDropout,
)
from minigrad.layers.attention import MultiHeadAttention
from minigrad.layers.convolution import AveragePooling2D, Conv2D, MaxPool2D, MaxPooling2D
from minigrad.layers.core import (
    Activation,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    ReLU,
    Reshape,
    Softmax,
)
from minigrad.layers.layer import Layer, LayerError, Parameter
from minigrad.layers.normalization import LayerNormalization
