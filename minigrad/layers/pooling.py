"""Pooling, borders and enlargement of data with one to three spatial axes. None of these has parameters."""

from minigrad import functions as F
from minigrad.functions.windows import per_axis
from minigrad.layers.convolution import Spatial
from minigrad.layers.core import as_float


class _Pooling(Spatial):
    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **options):
        self.pool_size = self.per_axis(pool_size, "pool_size")
        self.strides = self.pool_size if strides is None else self.per_axis(strides, "strides")
        self.padding, self.data_format = padding, data_format or "channels_last"
        super().__init__(**options)


class _MaxPooling(_Pooling):
    def call(self, x):
        return self.function(x, self.pool_size, self.strides, self.padding, self.data_format)


class _AveragePooling(_Pooling):
    def call(self, x):
        return self.function(as_float(x), self.pool_size, self.strides, self.padding, False, self.data_format)


class MaxPooling1D(_MaxPooling):
    """The largest number of each window, for each channel: x (N, W, C), y (N, OW, C)."""

    axes, function = 1, staticmethod(F.max_pool1d)


class MaxPooling2D(_MaxPooling):
    """The largest number of each window, for each channel: x (N, H, W, C), y (N, OH, OW, C)."""

    axes, function = 2, staticmethod(F.max_pool2d)


class MaxPooling3D(_MaxPooling):
    """The largest number of each window, for each channel: x (N, D, H, W, C), y (N, OD, OH, OW, C)."""

    axes, function = 3, staticmethod(F.max_pool3d)


class AveragePooling1D(_AveragePooling):
    """The mean of each window (padding does not count), for each channel: x (N, W, C), y (N, OW, C)."""

    axes, function = 1, staticmethod(F.avg_pool1d)


class AveragePooling2D(_AveragePooling):
    """The mean of each window (padding does not count), for each channel: x (N, H, W, C), y (N, OH, OW, C)."""

    axes, function = 2, staticmethod(F.avg_pool2d)


class AveragePooling3D(_AveragePooling):
    """The mean of each window (padding does not count), for each channel: x (N, D, H, W, C), y (N, OD, OH, OW, C)."""

    axes, function = 3, staticmethod(F.avg_pool3d)


class _GlobalPooling(Spatial):
    def __init__(self, data_format=None, keepdims=False, **options):
        self.data_format, self.keepdims = data_format or "channels_last", keepdims
        super().__init__(**options)


class _GlobalMax(_GlobalPooling):
    def call(self, x):
        return F.global_max_pool(x, self.data_format, self.keepdims)


class _GlobalAverage(_GlobalPooling):
    def call(self, x):
        return F.global_avg_pool(as_float(x), self.data_format, self.keepdims)


class GlobalMaxPooling1D(_GlobalMax):
    """The largest number of each channel: x (N, W, C), y (N, C)."""

    axes = 1


class GlobalMaxPooling2D(_GlobalMax):
    """The largest number of each channel: x (N, H, W, C), y (N, C)."""

    axes = 2


class GlobalMaxPooling3D(_GlobalMax):
    """The largest number of each channel: x (N, D, H, W, C), y (N, C)."""

    axes = 3


class GlobalAveragePooling1D(_GlobalAverage):
    """The mean of each channel: x (N, T, C), y (N, C). With a mask (N, T), the mean of the times where it is True."""

    axes = 1

    def call(self, x, mask=None):
        if mask is None:
            return super().call(x)
        time = 2 if self.data_format == "channels_first" else 1
        weight = F.expand_dims(F.astype(mask, as_float(x).dtype), 3 - time)
        return F.sum(as_float(x) * weight, time, keepdims=self.keepdims) / F.sum(weight, time, keepdims=self.keepdims)

    def compute_mask(self, inputs, mask):
        """None: there is no time left."""


class GlobalAveragePooling2D(_GlobalAverage):
    """The mean of each channel: x (N, H, W, C), y (N, C)."""

    axes = 2


class GlobalAveragePooling3D(_GlobalAverage):
    """The mean of each channel: x (N, D, H, W, C), y (N, C)."""

    axes = 3


class _Border(Spatial):
    """A border along each spatial axis: one width for all, one for each axis, or a pair (before, after) for each."""

    def pairs(self, value, argument):
        """((before, after), ...)"""
        what = f"{type(self).__name__}: {argument}"
        if self.axes == 1 and isinstance(value, (tuple, list)) and len(value) == 2:
            value = (value,)
        if isinstance(value, (tuple, list)) and len(value) == self.axes and all(
                isinstance(pair, (tuple, list)) for pair in value):
            return tuple(per_axis(tuple(pair), 2, what, 0) for pair in value)
        return tuple((n, n) for n in self.per_axis(value, argument, 0))

    def with_batch_and_channels(self, per_axis, neutral):
        """One entry for each axis of the data."""
        first = self.data_format == "channels_first"
        return (neutral, neutral, *per_axis) if first else (neutral, *per_axis, neutral)


class _ZeroPadding(_Border):
    def __init__(self, padding=1, data_format=None, **options):
        self.padding, self.data_format = self.pairs(padding, "padding"), data_format or "channels_last"
        super().__init__(**options)

    def call(self, x):
        return F.pad(x, self.with_batch_and_channels(self.padding, (0, 0)))


class _Cropping(_Border):
    def __init__(self, cropping=1, data_format=None, **options):
        self.cropping, self.data_format = self.pairs(cropping, "cropping"), data_format or "channels_last"
        super().__init__(**options)

    def call(self, x):
        lengths = x.shape[2:] if self.data_format == "channels_first" else x.shape[1:-1]
        if any(a + b >= n for (a, b), n in zip(self.cropping, lengths)):
            raise ValueError(f"cropping {self.cropping} leaves nothing of shape {tuple(x.shape)}")
        inner = [slice(a, n - b) for (a, b), n in zip(self.cropping, lengths)]
        return x[self.with_batch_and_channels(inner, slice(None))]


class _UpSampling(Spatial):
    def __init__(self, size=2, data_format=None, interpolation="nearest", **options):
        self.size, self.data_format = self.per_axis(size, "size"), data_format or "channels_last"
        self.interpolation = interpolation
        super().__init__(**options)

    def call(self, x):
        return F.interpolate(x, scale_factor=self.size, mode=self.interpolation, data_format=self.data_format)


def _along(base, axes, name, doc):
    """The class for so many spatial axes."""
    return type(base)(name, (base,), {"axes": axes, "__doc__": doc, "__module__": __name__})


ZeroPadding1D, ZeroPadding2D, ZeroPadding3D = [
    _along(_ZeroPadding, n, f"ZeroPadding{n}D", "A border of zeros.") for n in (1, 2, 3)]
Cropping1D, Cropping2D, Cropping3D = [
    _along(_Cropping, n, f"Cropping{n}D", "A border is cut off.") for n in (1, 2, 3)]
UpSampling1D, UpSampling2D, UpSampling3D = [
    _along(_UpSampling, n, f"UpSampling{n}D", "`size` times as large; interpolation as F.interpolate's mode.")
    for n in (1, 2, 3)]
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D)
