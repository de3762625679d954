"""Layers: parameters and calls to functions, with Keras's names and arguments. No gradient is written here."""

from minigrad.layers.attention import MultiHeadAttention
from minigrad.layers.convolution import AveragePooling2D, Conv2D, MaxPool2D, MaxPooling2D
from minigrad.layers.core import (
    Activation,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    ReLU,
    Reshape,
    Softmax,
)
from minigrad.layers.holder import Parameter
from minigrad.layers.layer import Layer, LayerError, mask_of
from minigrad.layers.normalization import LayerNormalization
from minigrad.layers.symbols import Input
