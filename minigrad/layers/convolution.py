"""Convolution and pooling of images, (N, H, W, C) unless data_format="channels_first"."""

from minigrad import functions as F
from minigrad.functions.windows import per_axis
from minigrad.layers import activations
from minigrad.layers.core import as_float, positive
from minigrad.layers.layer import Layer


class Conv2D(Layer):
    """y = activation(conv2d(x, kernel) + bias)

    x (N, H, W, C), kernel (kh, kw, C / groups, F), bias (F,), y (N, OH, OW, F); kh·kw·(C/groups)·F + F parameters,
    whatever H and W: each place of the image is read with the same kernel.
    padding "valid": OH = (H - span) // stride + 1, span = (kh - 1)·dilation + 1; "same": OH = ceil(H / stride).
    """

    input_axes = 4

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
                 groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", name=None, input_shape=None):
        self.filters, self.groups = positive(filters, "Conv2D", "filters"), positive(groups, "Conv2D", "groups")
        self.kernel_size = per_axis(kernel_size, 2, "Conv2D: kernel_size")
        self.strides = per_axis(strides, 2, "Conv2D: strides")
        self.dilation_rate = per_axis(dilation_rate, 2, "Conv2D: dilation_rate")
        self.padding, self.data_format = padding, data_format or "channels_last"
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        if self.filters % self.groups:
            raise ValueError(f"Conv2D: filters ({filters}) must be divisible by groups ({groups})")
        super().__init__(name, input_shape)

    def weight_shapes(self, input_shape):
        channels = input_shape[_channels(self.data_format)]
        if channels % self.groups:
            raise ValueError(f"{channels} channels cannot be divided into {self.groups} groups")
        kh, kw = self.kernel_size
        shapes = {"kernel": {"kh": kh, "kw": kw, "C" if self.groups == 1 else "C/groups": channels // self.groups,
                             "F": self.filters}}
        return shapes | {"bias": {"F": self.filters}} if self.use_bias else shapes

    def call(self, x):
        channels = self.kernel.shape[2] * self.groups
        if x.shape[_channels(self.data_format)] != channels:
            raise ValueError(f"expected {channels} channels ({self.data_format}), got shape {tuple(x.shape)}")
        return self.activation(F.conv2d(
            as_float(x, self.kernel), self.kernel, self.bias if self.use_bias else None, self.strides, self.padding,
            self.dilation_rate, self.groups, self.data_format))


class _Pooling2D(Layer):
    input_axes = 4

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None):
        self.pool_size = per_axis(pool_size, 2, f"{type(self).__name__}: pool_size")
        self.strides = self.pool_size if strides is None else per_axis(strides, 2, f"{type(self).__name__}: strides")
        self.padding, self.data_format = padding, data_format or "channels_last"
        super().__init__(name)


class MaxPool2D(_Pooling2D):
    """The largest number of each window, for each channel: x (N, H, W, C), y (N, OH, OW, C); no parameters."""

    def call(self, x):
        return F.max_pool2d(x, self.pool_size, self.strides, self.padding, self.data_format)


class MaxPooling2D(MaxPool2D):
    """The largest number of each window, for each channel: x (N, H, W, C), y (N, OH, OW, C); no parameters."""


class AveragePooling2D(_Pooling2D):
    """The mean of each window (padding does not count), for each channel: x (N, H, W, C), y (N, OH, OW, C)."""

    def call(self, x):
        return F.avg_pool2d(as_float(x), self.pool_size, self.strides, self.padding, False, self.data_format)


def _channels(data_format):
    return 1 if data_format in ("channels_first", "NCHW") else 3
