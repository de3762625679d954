"""Layers: parameters and calls to functions, with Keras's names and arguments. No gradient is written here."""

from minigrad.layers.attention import MultiHeadAttention
from minigrad.layers.convolution import (
    Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, DepthwiseConv1D, DepthwiseConv2D,
    SeparableConv1D, SeparableConv2D,
)
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
from minigrad.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from minigrad.layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization
from minigrad.layers.operations import Operation
from minigrad.layers.pooling import (
    AveragePooling1D, AveragePooling2D, AveragePooling3D, Cropping1D, Cropping2D, Cropping3D, GlobalAveragePooling1D,
    GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, MaxPool1D,
    MaxPool2D, MaxPool3D, MaxPooling1D, MaxPooling2D, MaxPooling3D, UpSampling1D, UpSampling2D, UpSampling3D,
    ZeroPadding1D, ZeroPadding2D, ZeroPadding3D,
)
from minigrad.layers.symbols import Input
