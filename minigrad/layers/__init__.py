"""Layers: parameters and calls to functions, with Keras's names and arguments. No gradient is written here."""

from minigrad.layers.attention import GroupQueryAttention, MultiHeadAttention
from minigrad.layers.augmentation import (
    Cutout, CutMix, FrequencyMask, MixUp, RandomBrightness, RandomContrast, RandomCrop, RandomErasing, RandomFlip,
    RandomRotation, RandomTranslation, RandomZoom, TimeMask, TokenDropout,
)
from minigrad.layers.cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from minigrad.layers.convolution import (
    Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, Convolution1D, Convolution1DTranspose,
    Convolution2D, Convolution2DTranspose, Convolution3D, Convolution3DTranspose, DepthwiseConv1D, DepthwiseConv2D,
    SeparableConv1D, SeparableConv2D, SeparableConvolution1D, SeparableConvolution2D,
)
from minigrad.layers.core import (
    Activation, Dense, Dropout, Embedding, Flatten, Identity, Lambda, Masking, Rescaling, Reshape,
)
from minigrad.layers.holder import Parameter
from minigrad.layers.layer import Layer, LayerError, mask_of
from minigrad.layers.merging import (
    Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract, add, average, concatenate, dot, maximum, minimum,
    multiply, subtract,
)
from minigrad.layers.noise import (
    ActivityRegularization, AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D,
    SpatialDropout3D,
)
from minigrad.layers.nonlinear import ELU, LeakyReLU, PReLU, ReLU, Softmax
from minigrad.layers.normalization import (
    BatchNormalization, GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization,
)
from minigrad.layers.operations import Operation
from minigrad.layers.pooling import (
    AveragePooling1D, AveragePooling2D, AveragePooling3D, AvgPool1D, AvgPool2D, AvgPool3D, Cropping1D, Cropping2D,
    Cropping3D, GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalAvgPool1D, GlobalAvgPool2D,
    GlobalAvgPool3D, GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D, GlobalMaxPooling1D, GlobalMaxPooling2D,
    GlobalMaxPooling3D, MaxPool1D, MaxPool2D, MaxPool3D, MaxPooling1D, MaxPooling2D, MaxPooling3D, UpSampling1D,
    UpSampling2D, UpSampling3D, ZeroPadding1D, ZeroPadding2D, ZeroPadding3D,
)
from minigrad.layers.rearranging import Permute, RepeatVector
from minigrad.layers.recurrent import GRU, LSTM, RNN, SimpleRNN
from minigrad.layers.symbols import Input
from minigrad.layers.wrappers import Bidirectional, TimeDistributed
