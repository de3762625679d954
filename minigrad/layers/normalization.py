"""Normalisation layers."""

from minigrad import functions as F
from minigrad.layers.core import as_float
from minigrad.layers.layer import Layer


class _OverAxes(Layer):
    """Normalisation over `axis`, one or several, of each example; its parameters have the lengths of these axes."""

    supports_masking = True

    def __init__(self, axis=-1, epsilon=1e-3, **options):
        self.axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = epsilon
        super().__init__(**options)

    def axes_of(self, shape):
        """The axes in order, counted from the front."""
        given = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        axes = sorted({axis % len(shape) for axis in given if -len(shape) <= axis < len(shape)})
        if len(axes) != len(given) or not axes or axes[0] == 0:
            raise ValueError(f"axis={self.axis!r} is no axis, or axes, after the batch of an input of shape {tuple(shape)}")
        return tuple(axes)

    def weight_shapes(self, input_shape):
        axes = self.axes_of(input_shape)
        symbols = {"D" if len(axes) == 1 else f"n{axis}": input_shape[axis] for axis in axes}
        return {name: symbols for name in self.initial if self.has(name)}

    def has(self, name):
        """Whether it has the parameter of that name."""
        return True


class LayerNormalization(_OverAxes):
    """y = (x - mean) / sqrt(var + epsilon) * gamma + beta, over the last axis of each row, or over `axis`

    x (..., D), gamma (D,) unless scale=False, beta (D,) unless center=False; 2·D parameters. Ba, Kiros & Hinton 2016.
    """

    initial = {"gamma": "ones", "beta": "zeros"}

    def __init__(self, axis=-1, epsilon=1e-3, center=True, scale=True, **options):
        self.center, self.scale = center, scale
        super().__init__(axis, epsilon, **options)

    def has(self, name):
        """See center and scale."""
        return self.scale if name == "gamma" else self.center

    def call(self, x):
        gamma, beta = (self._parameters.get(name) for name in self.initial)
        return F.layer_norm(as_float(x, gamma), gamma, beta, self.epsilon, self.axes_of(x.shape))


class RMSNormalization(_OverAxes):
    """y = x / sqrt(mean(x²) + epsilon) * scale, over the last axis of each row, or over `axis`

    x (..., D), scale (D,); D parameters. Zhang & Sennrich 2019.
    """

    initial = {"scale": "ones"}

    def __init__(self, axis=-1, epsilon=1e-6, **options):
        super().__init__(axis, epsilon, **options)

    def call(self, x):
        return F.rms_norm(as_float(x, self.scale), self.scale, self.epsilon, self.axes_of(x.shape))


class UnitNormalization(Layer):
    """y = x / |x|, of length 1 along `axis`, or axes; 0 stays 0."""

    supports_masking = True

    def __init__(self, axis=-1, **options):
        self.axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
        super().__init__(**options)

    def call(self, x):
        x = as_float(x)
        return x / F.maximum(F.vector_norm(x, axis=self.axis, keepdims=True), 1e-12)


class BatchNormalization(Layer):
    """y = (x - mean) / sqrt(var + epsilon) * gamma + beta for each channel, over the batch and all places

    In training mean and variance are the batch's, and moving = momentum·moving + (1 - momentum)·batch; else, and if the
    layer is frozen, they are moving_mean and moving_variance, which are saved and never trained.
    x (N, ..., C), all four of shape (C,), C along `axis`. Ioffe & Szegedy 2015.
    """

    initial = {"gamma": "ones", "beta": "zeros", "moving_mean": "zeros", "moving_variance": "ones"}
    needs_whole_batch = supports_masking = True

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, **options):
        self.axis, self.momentum, self.epsilon, self.center, self.scale = axis, momentum, epsilon, center, scale
        super().__init__(**options)

    def build(self, input_shape):
        channels = {"C": input_shape[self.axis]}
        for name in self.initial:
            if {"gamma": self.scale, "beta": self.center}.get(name, True):
                self.add_weight(name, channels, self.initializer_of(name), trainable=not name.startswith("moving"))

    def call(self, x, training=False):
        gamma, beta = self.gamma if self.scale else None, self.beta if self.center else None
        return F.batch_norm(as_float(x, self.moving_mean), gamma, beta, self.moving_mean, self.moving_variance,
                            training and not self._frozen, 1 - self.momentum, self.epsilon, self.axis, ddof=0)


class GroupNormalization(Layer):
    """y = (x - mean) / sqrt(var + epsilon) * gamma + beta, over all places and the channels of one group, image by image

    x (N, ..., C), gamma, beta (C,), C along `axis`, in `groups` groups; -1: one a channel. Wu & He 2018.
    """

    initial = {"gamma": "ones", "beta": "zeros"}
    supports_masking = True

    def __init__(self, groups=32, axis=-1, epsilon=1e-3, center=True, scale=True, **options):
        self.groups, self.axis, self.epsilon, self.center, self.scale = groups, axis, epsilon, center, scale
        super().__init__(**options)

    def weight_shapes(self, input_shape):
        given = {"gamma": self.scale, "beta": self.center}
        return {name: {"C": input_shape[self.axis]} for name in self.initial if given[name]}

    def call(self, x):
        gamma, beta = self.gamma if self.scale else None, self.beta if self.center else None
        groups = x.shape[self.axis] if self.groups == -1 else self.groups
        return F.group_norm(as_float(x), groups, gamma, beta, self.epsilon, self.axis)
