"""Convolutions along one, two and three axes: (N, ..., C) unless data_format="channels_first"."""

from minigrad import functions as F
from minigrad.functions.windows import per_axis
from minigrad.layers import activations
from minigrad.layers.core import as_float, positive
from minigrad.layers.layer import Layer

TAPS = {1: ("k",), 2: ("kh", "kw"), 3: ("kd", "kh", "kw")}


class Spatial(Layer):
    """What all layers of images have in common: `axes` spatial axes, between the batch and the channels or after both."""

    axes = None

    @property
    def input_axes(self):
        """The batch, the spatial axes and the channels."""
        return self.axes + 2

    def per_axis(self, value, argument, least=1):
        """One integer for each spatial axis."""
        value = tuple(value) if isinstance(value, list) else value
        return per_axis(value, self.axes, f"{type(self).__name__}: {argument}", least)

    def channels_of(self, shape):
        """How many channels data of this shape has."""
        return shape[1 if self.data_format in ("channels_first", "NCHW") else -1]


class _Convolution(Spatial):
    """The arguments of all convolutions. Options: kernel_initializer, bias_regularizer ... (see Layer)."""

    initial = {"kernel": "glorot_uniform", "bias": "zeros"}

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, groups=1,
                 activation=None, use_bias=True, **options):
        kind = type(self).__name__
        self.filters, self.groups = positive(filters, kind, "filters"), positive(groups, kind, "groups")
        self.kernel_size = self.per_axis(kernel_size, "kernel_size")
        self.strides = self.per_axis(strides, "strides")
        self.dilation_rate = self.per_axis(dilation_rate, "dilation_rate")
        self.padding, self.data_format = padding, data_format or "channels_last"
        self.activation, self.use_bias = activations.get(activation), use_bias
        if self.filters % self.groups:
            raise ValueError(f"{kind}: filters ({filters}) must be divisible by groups ({groups})")
        super().__init__(**options)

    def weight_shapes(self, input_shape):
        channels = self.channels_of(input_shape)
        if channels % self.groups:
            raise ValueError(f"{channels} channels cannot be divided into {self.groups} groups")
        taps = dict(zip(TAPS[self.axes], self.kernel_size))
        shapes = {"kernel": self.kernel_shape(taps, channels)}
        return shapes | {"bias": {"F": self.filters}} if self.use_bias else shapes

    def kernel_shape(self, taps, channels):
        """The axes of the kernel, the taps' first."""
        return {**taps, "C" if self.groups == 1 else "C/groups": channels // self.groups, "F": self.filters}

    def input_channels(self):
        """How many channels the kernel reads."""
        return self.kernel.shape[-2] * self.groups

    def call(self, x):
        channels = self.input_channels()
        if self.channels_of(x.shape) != channels:
            raise ValueError(f"expected {channels} channels ({self.data_format}), got shape {tuple(x.shape)}")
        return self.activation(self.convolved(as_float(x, self.kernel), self.bias if self.use_bias else None))

    def convolved(self, x, bias):
        """The convolution itself."""
        return self.function(x, self.kernel, bias, self.strides, self.padding, self.dilation_rate, self.groups,
                             self.data_format)

    def describe(self):
        return f"{type(self).__name__}, {self.input_channels()} -> {self.filters}" if self.built else type(self).__name__


class Conv1D(_Convolution):
    """y = activation(conv1d(x, kernel) + bias): Conv2D along one axis; padding may also be "causal"."""

    axes, function = 1, staticmethod(F.conv1d)


class Conv2D(_Convolution):
    """y = activation(conv2d(x, kernel) + bias)

    x (N, H, W, C), kernel (kh, kw, C / groups, F), bias (F,), y (N, OH, OW, F); kh·kw·(C/groups)·F + F parameters,
    whatever H and W: each place of the image is read with the same kernel.
    padding "valid": OH = (H - span) // stride + 1, span = (kh - 1)·dilation + 1; "same": OH = ceil(H / stride).
    """

    axes, function = 2, staticmethod(F.conv2d)


class Conv3D(_Convolution):
    """y = activation(conv3d(x, kernel) + bias): Conv2D along three axes."""

    axes, function = 3, staticmethod(F.conv3d)


class _Transposed(_Convolution):
    def __init__(self, filters, kernel_size, strides=1, padding="valid", output_padding=None, data_format=None,
                 dilation_rate=1, activation=None, use_bias=True, **options):
        self.output_padding = None if output_padding is None else self.per_axis(output_padding, "output_padding", 0)
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias,
                         **options)

    def kernel_shape(self, taps, channels):
        return {**taps, "F": self.filters, "C": channels}

    def input_channels(self):
        return self.kernel.shape[-1]

    def convolved(self, x, bias):
        padding, more = self.padding, 0
        if self.output_padding is not None:
            padding, more = self._cut_off()
        return self.function(x, self.kernel, bias, self.strides, padding, more, 1, self.dilation_rate, self.data_format)

    def _cut_off(self):
        """(what is cut off on both sides of each axis, what is added at the end) for an output_padding that is given."""
        pads, more = [], []
        for k, d, o in zip(self.kernel_size, self.dilation_rate, self.output_padding):
            span = (k - 1) * d + 1
            total = 0 if self.padding == "valid" else span - span % 2  # "same": (H - 1)·stride + span % 2 + o are left
            length = 2 * (span - 1) - total + o                       # of zeros around x, if this is seen as a convolution
            before = span - 1 - min((length + 1) // 2, span - 1) if total else 0
            pads.append((before, max(total - o - before, 0)))
            more.append(max(o + before - total, 0))
        return tuple(pads), tuple(more)


class Conv1DTranspose(_Transposed):
    """Conv2DTranspose along one axis."""

    axes, function = 1, staticmethod(F.conv_transpose1d)


class Conv2DTranspose(_Transposed):
    """y = activation(conv_transpose2d(x, kernel) + bias), the gradient of a convolution: larger images of smaller ones

    x (N, H, W, C), kernel (kh, kw, F, C), bias (F,), y (N, OH, OW, F). padding "same": OH = H·stride; "valid":
    OH = (H - 1)·stride + max(span, stride). With an output_padding these are (H - 1)·stride + span % 2 + output_padding
    and (H - 1)·stride + span + output_padding.
    """

    axes, function = 2, staticmethod(F.conv_transpose2d)


class Conv3DTranspose(_Transposed):
    """Conv2DTranspose along three axes."""

    axes, function = 3, staticmethod(F.conv_transpose3d)


class _Depthwise(_Convolution):
    initial = {"depthwise": "glorot_uniform", "bias": "zeros"}

    def __init__(self, kernel_size, strides=1, padding="valid", depth_multiplier=1, data_format=None, dilation_rate=1,
                 activation=None, use_bias=True, **options):
        self.depth_multiplier = positive(depth_multiplier, type(self).__name__, "depth_multiplier")
        super().__init__(1, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias, **options)

    def weight_shapes(self, input_shape):
        self.filters = self.channels_of(input_shape) * self.depth_multiplier
        return super().weight_shapes(input_shape)

    def kernel_shape(self, taps, channels):
        return {**taps, "C": channels, "m": self.depth_multiplier}

    def option_of(self, name):
        return "depthwise" if name == "kernel" else name

    def convolved(self, x, bias):
        return _depthwise(self, x, self.kernel, bias)


class DepthwiseConv1D(_Depthwise):
    """DepthwiseConv2D along one axis."""

    axes, function = 1, staticmethod(F.conv1d)


class DepthwiseConv2D(_Depthwise):
    """Each channel is convolved with m kernels of its own: x (N, H, W, C), kernel (kh, kw, C, m), y (N, OH, OW, C·m)."""

    axes, function = 2, staticmethod(F.conv2d)


class _Separable(_Convolution):
    initial = {"depthwise": "glorot_uniform", "pointwise": "glorot_uniform", "bias": "zeros"}

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
                 depth_multiplier=1, activation=None, use_bias=True, **options):
        self.depth_multiplier = positive(depth_multiplier, type(self).__name__, "depth_multiplier")
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias,
                         **options)

    def weight_shapes(self, input_shape):
        shapes, channels = super().weight_shapes(input_shape), self.channels_of(input_shape)
        taps = dict(zip(TAPS[self.axes], self.kernel_size))
        del shapes["kernel"]
        return {"depthwise_kernel": {**taps, "C": channels, "m": self.depth_multiplier},
                "pointwise_kernel": {**dict.fromkeys(taps, 1), "C·m": channels * self.depth_multiplier, "F": self.filters},
                **shapes}

    def option_of(self, name):
        return name.removesuffix("_kernel")

    def input_channels(self):
        return self.depthwise_kernel.shape[-2]

    def call(self, x):
        channels = self.input_channels()
        if self.channels_of(x.shape) != channels:
            raise ValueError(f"expected {channels} channels ({self.data_format}), got shape {tuple(x.shape)}")
        y = _depthwise(self, as_float(x, self.depthwise_kernel), self.depthwise_kernel, None)
        return self.activation(self.function(y, self.pointwise_kernel, self.bias if self.use_bias else None,
                                             data_format=self.data_format))


class SeparableConv1D(_Separable):
    """SeparableConv2D along one axis."""

    axes, function = 1, staticmethod(F.conv1d)


class SeparableConv2D(_Separable):
    """A depthwise convolution, then a 1x1 convolution that mixes the channels: y = conv2d(depthwise(x), pointwise) + bias

    x (N, H, W, C), depthwise_kernel (kh, kw, C, m), pointwise_kernel (1, 1, C·m, F), bias (F,), y (N, OH, OW, F).
    Chollet 2017, "Xception".
    """

    axes, function = 2, staticmethod(F.conv2d)


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = (
    Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D


def _depthwise(layer, x, kernel, bias):
    """Each channel with the kernels of its own: a convolution in as many groups as channels."""
    *taps, channels, m = kernel.shape
    return layer.function(x, F.reshape(kernel, (*taps, 1, channels * m)), bias, layer.strides, layer.padding,
                          layer.dilation_rate, channels, layer.data_format)
