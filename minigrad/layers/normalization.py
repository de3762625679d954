"""Normalisation layers."""

from minigrad import functions as F
from minigrad.layers.core import as_float
from minigrad.layers.layer import Layer


class LayerNormalization(Layer):
    """y = (x - mean) / sqrt(var + epsilon) * gamma + beta, over the last axis of each row

    x (..., D), gamma (D,), beta (D,); 2·D parameters. Ba, Kiros & Hinton 2016.
    """

    initial = {"gamma": "ones", "beta": "zeros"}
    supports_masking = True

    def __init__(self, axis=-1, epsilon=1e-3, **options):
        if axis != -1:
            raise ValueError(f"LayerNormalization: only axis=-1 is done here, got {axis!r}")
        self.axis, self.epsilon = axis, epsilon
        super().__init__(**options)

    def weight_shapes(self, input_shape):
        return {"gamma": {"D": input_shape[-1]}, "beta": {"D": input_shape[-1]}}

    def call(self, x):
        return F.layer_norm(as_float(x, self.gamma), self.gamma, self.beta, self.epsilon)


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
