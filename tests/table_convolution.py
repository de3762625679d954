"""The table of functions: convolution, pooling, interpolation and sliding windows, in one to three dimensions."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import references as R
from table import add, distinct, normal, together

import minigrad as mg
import minigrad.functions as F
from minigrad.functions import convolution, depthwise, pooling, reductions
from minigrad.functions.interpolation import AlongAxis, CopyAlongAxis
from minigrad.functions.sliding_windows import SlidingWindow, WindowSum
from minigrad.functions.windows import window


@dataclass(frozen=True)
class Sliding:
    """A kernel on an image, with the padding both as the user says it and as ((before, after), ...)."""

    size: tuple = (5, 4)
    kernel: tuple = (3, 2)
    channels: tuple = (2, 3)
    stride: object = 1
    padding: object = 0
    pads: object = None
    dilation: object = 1
    groups: int = 1
    images: int = 2

    axes = property(lambda self: len(self.size))
    x = property(lambda self: (self.images, *self.size, self.channels[0]))
    w = property(lambda self: (*self.kernel, self.channels[0] // self.groups, self.channels[1]))
    y = property(lambda self: (self.images, *self.window.output, self.channels[1]))
    window = property(lambda self: window(self.size, self.kernel, self.stride, self.padding, self.dilation))
    steps = property(lambda self: dict(stride=self.each(self.stride), dilation=self.each(self.dilation)))
    options = property(lambda self: dict(stride=self.stride, dilation=self.dilation, padding=self.padding,
                                         groups=self.groups))
    uneven = property(lambda self: self.pads or ((0, 0),) * self.axes)
    plain = property(lambda self: dict(pads=self.uneven, groups=self.groups, **self.steps))
    pool = property(lambda self: dict(kernel=self.kernel, pads=self.uneven, **self.steps))

    def each(self, n):
        return (n,) * self.axes if isinstance(n, int) else n

    def function(self, name):
        """F.conv1d, F.conv2d or F.conv3d for "conv"."""
        return getattr(F, f"{name}{self.axes}d")


# ---- convolution and its two gradients, which are each other's backward

CONVOLUTIONS = {
    "": Sliding(), "/one channel": Sliding(channels=(1, 2)), "/1x1": Sliding((2, 3), (1, 1), (3, 2)),
    "/stride": Sliding((6, 5), stride=(2, 3)),  # its last row and column are read by no window
    "/padding": Sliding((3, 3), padding=(1, 0), pads=((1, 1), (0, 0))),
    "/uneven padding": Sliding((3, 3), (2, 2), padding=((0, 1), (2, 0)), pads=((0, 1), (2, 0)), stride=(1, 2)),
    "/valid": Sliding((3, 3), padding="valid"),
    "/same": Sliding((3, 3), padding="same", pads=((1, 1), (0, 1))),
    "/same, stride": Sliding((5, 4), (3, 3), padding="same", stride=2, pads=((1, 1), (0, 1))),
    "/same, dilation": Sliding((4, 4), (2, 3), padding="same", dilation=(3, 1), pads=((1, 2), (1, 1))),
    "/dilation": Sliding((6, 4), (3, 2), (1, 2), dilation=(2, 3)),
    "/groups": Sliding((3, 3), (2, 2), (4, 6), groups=2),
    "/everything": Sliding((5, 5), (2, 3), (4, 4), (2, 1), ((1, 0), (0, 2)), ((1, 0), (0, 2)), 2, 2),
    "/no images": Sliding(images=0, channels=(2, 2)),
    "/1-D": Sliding((5,), (3,), (2, 2)), "/1-D, one channel": Sliding((5,), (3,), (1, 2), stride=2),
    "/1-D, causal": Sliding((4,), (2,), (2, 2), padding="causal", dilation=2, pads=((2, 0),)),
    "/1-D, everything": Sliding((6,), (2,), (4, 2), (2,), ((1, 2),), ((1, 2),), (3,), 2),
    "/3-D": Sliding((2, 3, 2), (1, 2, 2), (2, 2)), "/3-D, one channel": Sliding((2, 2, 3), (2, 1, 2), (1, 2), images=1),
    "/3-D, everything": Sliding((3, 2, 2), (2, 2, 1), (4, 2), (1, 2, 3), ((1, 0), (0, 1), (1, 1)), ((1, 0), (0, 1), (1, 1)),
                                (2, 1, 2), 2, 1),
}
DEPTHWISE = {
    "/depthwise": Sliding((3, 3), (2, 2), (3, 3), groups=3),
    "/depthwise, multiplier": Sliding((3, 3), (2, 1), (2, 6), groups=2),
    "/depthwise, everything": Sliding((5, 5), (2, 3), (2, 4), (2, 1), ((1, 0), (0, 2)), ((1, 0), (0, 2)), 2, 2),
    "/depthwise, 1-D": Sliding((4,), (2,), (2, 2), padding="same", groups=2, pads=((0, 1),)),
    "/depthwise, 3-D": Sliding((2, 2, 3), (1, 2, 2), (2, 2), 1, (1, 0, 1), ((1, 1), (0, 0), (1, 1)), groups=2, images=1),
    "/depthwise, no images": Sliding((2, 2), (2, 1), (2, 2), groups=2, images=0),
}
FUNCTIONS = (convolution.Convolution, convolution.ConvolutionInputGradient, convolution.ConvolutionWeightGradient)
OF_DEPTHWISE = (depthwise.DepthwiseConvolution, depthwise.DepthwiseInputGradient, depthwise.DepthwiseWeightGradient)

for variant, s in {**CONVOLUTIONS, **DEPTHWISE}.items():
    forward, by_input, by_weight = OF_DEPTHWISE if variant in DEPTHWISE else FUNCTIONS
    groups = {} if forward is depthwise.DepthwiseConvolution else {"groups": s.groups}
    channels, kernel = ({}, {"kernel_shape": s.w}) if groups else ({"channels": s.channels[0]}, {})
    add(f"conv{s.axes}d{variant}", lambda x, w, b, s=s: s.function("conv")(x, w, b, **s.options),
        normal(s.x, s.w, s.channels[1:]), lambda x, w, b, s=s: R.convolution(x, w, b, **s.plain),
        forward, by_input, by_weight)
    add(f"convolution_input_gradient{variant}",
        lambda dy, w, f=by_input, k=dict(window=s.window, **groups, **channels): f.apply(dy, w, **k),
        normal(s.y, s.w), lambda dy, w, s=s: R.convolution_by_input(dy, w, size=s.size, **s.plain), by_input)
    add(f"convolution_weight_gradient{variant}",
        lambda x, dy, f=by_weight, k=dict(window=s.window, **groups, **kernel): f.apply(x, dy, **k),
        normal(s.x, s.y), lambda x, dy, s=s: R.convolution_by_weight(x, dy, kernel=s.w, **s.plain), by_weight)
add("conv2d/no bias", lambda x, w: F.conv2d(x, w), normal((1, 3, 3, 2), (2, 2, 2, 2)),
    lambda x, w: R.convolution(x, w, **Sliding().plain), convolution.Convolution)
add("conv2d/depthwise/no bias", lambda x, w: F.conv2d(x, w, groups=2), normal((1, 3, 3, 2), (2, 2, 1, 2)),
    lambda x, w: R.convolution(x, w, **Sliding(groups=2).plain), depthwise.DepthwiseConvolution)
for axes, letters in {1: "NCW", 2: "NCHW", 3: "NCDHW"}.items():
    s = Sliding((3,) * axes, (2,) * axes, (3, 2), 2, 1, ((1, 1),) * axes)
    add(f"conv{axes}d/{letters}",
        lambda x, w, b, s=s, d=letters: s.function("conv")(x, w, b, stride=2, padding=1, data_format=d),
        normal((1, 3, *s.size), s.w, (2,)),
        lambda x, w, b, s=s: np.moveaxis(R.convolution(np.moveaxis(x, 1, -1), w, b, **s.plain), -1, 1),
        convolution.Convolution)


# ---- transposed convolution: `size` is that of the result

@dataclass(frozen=True)
class Transposed(Sliding):
    """The convolution that this is the gradient of: `size` and channels[0] are those of the result."""

    images: int = 1
    given: tuple = (2, 2)   # the size that goes in
    output_padding: object = 0

    y = property(lambda self: (self.images, *self.given, self.channels[1]))
    options = property(lambda self: dict(stride=self.stride, dilation=self.dilation, padding=self.padding,
                                         groups=self.groups, output_padding=self.output_padding))


TRANSPOSED = {
    "": Transposed((4, 3)), "/stride": Transposed((5, 5), stride=(2, 3)),
    "/padding": Transposed((3, 4), (3, 2), padding=(1, 0), stride=(2, 3), pads=((1, 1), (0, 0)), given=(2, 1),
                           output_padding=(0, 2)),
    "/uneven padding": Transposed((3, 3), (2, 3), padding=((0, 1), (1, 0)), pads=((0, 1), (1, 0)), given=(3, 2)),
    "/valid": Transposed((6, 4), (2, 2), stride=(3, 2), padding="valid"),  # the last row is read by no window
    "/same": Transposed((2, 2), (3, 2), padding="same", pads=((1, 1), (0, 1))),
    "/same, stride": Transposed((4, 6), (3, 2), stride=(2, 3), padding="same", pads=((0, 1), (0, 0))),
    "/dilation, output padding": Transposed((5, 4), (2, 2), dilation=(3, 2), output_padding=(1, 1), given=(1, 1)),
    "/dilation, output padding, same size": Transposed((3, 3), (2, 2), dilation=2, output_padding=1, given=(3, 3),
                                                       padding=((1, 2), (1, 2)), pads=((1, 2), (1, 2))),
    "/depthwise, dilation, output padding": Transposed((4, 5), (2, 2), (2, 4), groups=2, dilation=2, output_padding=1,
                                                       given=(1, 2)),
    "/groups": Transposed((3, 3), (2, 2), (4, 6), groups=2), "/depthwise": Transposed((3, 3), (2, 2), (2, 4), groups=2),
    "/1-D": Transposed((7,), (2,), stride=2, padding="valid", dilation=2, given=(3,)),
    "/3-D": Transposed((2, 3, 2), (2, 1, 2), stride=(1, 3, 1), padding="valid", given=(1, 1, 1)),
    "/3-D, groups": Transposed((2, 3, 2), (2, 2, 1), (4, 4), groups=2, given=(1, 2, 2)),
    "/no images": Transposed((4, 3), images=0),
}
for variant, s in TRANSPOSED.items():
    cover = depthwise.DepthwiseInputGradient if "/depthwise" in variant else convolution.ConvolutionInputGradient
    add(f"conv_transpose{s.axes}d{variant}", lambda x, w, b, s=s: s.function("conv_transpose")(x, w, b, **s.options),
        normal(s.y, s.w, s.channels[:1]),
        lambda x, w, b, s=s: R.convolution_by_input(x, w, size=s.size, **s.plain) + b, cover)
add("conv_transpose2d/no bias, NCHW", lambda x, w: F.conv_transpose2d(x, w, stride=2, data_format="NCHW"),
    normal((1, 3, 2, 2), (3, 2, 2, 3)),
    lambda x, w: np.moveaxis(
        R.convolution_by_input(np.moveaxis(x, 1, -1), w, size=(5, 4), **Sliding(stride=2).plain), -1, 1))


# ---- pooling

POOLINGS = {
    "": Sliding((4, 4), (2, 2), (2, 2), 2), "/overlap": Sliding((4, 3), (3, 2), (2, 2), 1),
    "/gaps": Sliding((5, 5), (2, 1), (1, 1), (3, 2)), "/left over": Sliding((5, 3), (2, 2), (1, 1), 2),
    "/padding": Sliding((3, 3), (2, 2), (2, 2), 2, 1, ((1, 1), (1, 1))),
    "/overlap and padding": Sliding((4, 4), (3, 3), (1, 1), 2, 1, ((1, 1), (1, 1))),
    "/same": Sliding((3, 5), (2, 2), (1, 1), 2, "same", ((0, 1), (0, 1))),
    "/uneven padding": Sliding((3, 3), (3, 2), (1, 1), (1, 2), ((2, 0), (0, 1)), ((2, 0), (0, 1))),
    "/no images": Sliding((4, 4), (2, 2), (2, 2), 2, images=0),
    "/1-D": Sliding((5,), (2,), (2, 2), 2, 1, ((1, 1),)),
    "/1-D, causal": Sliding((4,), (3,), (2, 2), 1, "causal", ((2, 0),)),
    "/3-D": Sliding((2, 4, 2), (2, 2, 1), (2, 2), (2, 2, 1), images=1),
    "/3-D, overlap and padding": Sliding((2, 3, 3), (2, 2, 2), (1, 1), (1, 2, 1), (1, 0, 0), ((1, 1), (0, 0), (0, 0)),
                                         images=1),
}


def winners(s):
    """A winning tap for each window, chosen by lot among those that read the image and not its padding."""
    def sample(rng):
        winner = np.zeros(s.y, np.uint8)
        for o, places in R.pool_windows(s.size, **s.pool):
            inside = [np.ravel_multi_index([i - n * step + before for i, n, step, (before, _) in
                                            zip(place, o, s.each(s.stride), s.uneven)], s.kernel) for place in places]
            winner[(slice(None), *o)] = rng.choice(inside, (s.images, s.channels[1]))
        return (winner,)
    return sample


def winning_places(winner, s):
    """For each window, the flat place of its winning tap in the images."""
    places = np.zeros(winner.shape, int)
    for n, *o, c in np.ndindex(*winner.shape):
        taps = np.unravel_index(winner[(n, *o, c)], s.kernel)
        place = [i * step + tap - before for i, step, tap, (before, _) in zip(o, s.each(s.stride), taps, s.uneven)]
        places[(n, *o, c)] = np.ravel_multi_index((n, *place, c), s.x)
    return places


def average(values):
    return sum(values) / len(values)


for variant, s in POOLINGS.items():
    area = math.prod(s.kernel)
    max_pool, avg_pool = s.function("max_pool"), s.function("avg_pool")
    add(f"max_pool{s.axes}d{variant}", lambda x, s=s, f=max_pool: f(x, s.kernel, s.stride, s.padding), distinct(s.x),
        lambda x, s=s: R.pool(x, **s.pool), pooling.MaxPool, pooling.MaxPoolScatter, pooling.MaxPoolGather)
    add("max_pool_gather" + variant, lambda x, i, s=s: pooling.MaxPoolGather.apply(x, winner=i.data, window=s.window),
        together(normal(s.x), winners(s)), lambda x, i, s=s: x.ravel()[winning_places(i, s)],
        pooling.MaxPoolGather, pooling.MaxPoolScatter)
    add("max_pool_scatter" + variant, lambda y, i, s=s: pooling.MaxPoolScatter.apply(y, winner=i.data, window=s.window),
        together(normal(s.y), winners(s)),
        lambda y, i, s=s: np.bincount(winning_places(i, s).ravel(), y.ravel(), math.prod(s.x)).reshape(s.x),
        pooling.MaxPoolScatter, pooling.MaxPoolGather)
    add(f"avg_pool{s.axes}d{variant}", lambda x, s=s, f=avg_pool: f(x, s.kernel, s.stride, s.padding), normal(s.x),
        lambda x, s=s, n=area: R.pool(x, divisor=n, **s.pool), pooling.AvgPool, pooling.AvgPoolSpread)
    add(f"avg_pool{s.axes}d{variant or '/plain'}, padding not counted",
        lambda x, s=s, f=avg_pool: f(x, s.kernel, s.stride, s.padding, count_include_pad=False), normal(s.x),
        lambda x, s=s: R.pool(x, reduce=average, **s.pool), pooling.AvgPool)
    add("avg_pool_spread" + variant, lambda y, s=s, n=area: pooling.AvgPoolSpread.apply(y, window=s.window, count=n),
        normal(s.y), lambda y, s=s, n=area: R.pool_spread(y, size=s.size, divisor=n, **s.pool),
        pooling.AvgPoolSpread, pooling.AvgPool)
add("max_pool2d/dilation", lambda x: F.max_pool2d(x, (2, 3), 1, (1, 0), dilation=(2, 1)), distinct((2, 3, 4, 1)),
    lambda x: R.pool(x, **Sliding(kernel=(2, 3), pads=((1, 1), (0, 0)), dilation=(2, 1)).pool), pooling.MaxPool)
add("max_pool2d/ceil_mode", lambda x: F.max_pool2d(x, (2, 3), 2, ceil_mode=True), distinct((2, 5, 4, 1)),
    lambda x: R.pool(x, **Sliding(kernel=(2, 3), stride=2, pads=((0, 1), (0, 1))).pool), pooling.MaxPool)
add("avg_pool2d/ceil_mode", lambda x: F.avg_pool2d(x, (2, 3), 2, ceil_mode=True), normal((2, 5, 4, 1)),
    lambda x: R.pool(x, reduce=average, **Sliding(kernel=(2, 3), stride=2, pads=((0, 1), (0, 1))).pool), pooling.AvgPool)
add("max_pool2d/NCHW", lambda x: F.max_pool2d(x, 2, data_format="NCHW"), distinct((2, 2, 4, 2)),
    lambda x: x.reshape(2, 2, 2, 2, 1, 2).max(axis=(3, 5)), pooling.MaxPool)
add("avg_pool2d/NCHW", lambda x: F.avg_pool2d(x, 2, data_format="channels_first"), normal((2, 2, 4, 2)),
    lambda x: x.reshape(2, 2, 2, 2, 1, 2).mean(axis=(3, 5)), pooling.AvgPool)

ADAPTIVE = {"1d": ((5,), (2,)), "1d/larger": ((3,), (5,)), "2d": ((4, 5), (2, 3)), "2d/whole": ((4, 2), (2, 1)),
            "2d/uneven": ((7, 4), (5, 3)), "3d": ((3, 2, 2), (2, 1, 2))}
for variant, (size, parts) in ADAPTIVE.items():
    for name, sample, reduce in (("avg", normal, average), ("max", distinct, max)):
        cover = AlongAxis if name == "avg" else pooling.MaxPool
        f = getattr(F, f"adaptive_{name}_pool{variant[:2]}")
        add(f"adaptive_{name}_pool{variant}", lambda x, f=f, parts=parts: f(x, parts), sample((2, *size, 2)),
            lambda x, parts=parts, reduce=reduce: R.adaptive_pool(x, parts, reduce), cover)
for name, sample, reduce in (("avg", normal, np.mean), ("max", distinct, np.max)):
    f = getattr(F, f"global_{name}_pool")
    for axes, keepdims in itertools.product((1, 2, 3), (False, True)):
        add(f"global_{name}_pool/{axes}-D" + "/keepdims" * keepdims, lambda x, f=f, k=keepdims: f(x, keepdims=k),
            sample((2, *(3, 2, 2)[:axes], 2)),
            lambda x, a=axes, k=keepdims, r=reduce: r(x, axis=tuple(range(1, a + 1)), keepdims=k))
    add(f"global_{name}_pool", lambda x, f=f: f(x, "NCHW"), sample((2, 2, 2, 3)), lambda x, r=reduce: r(x, axis=(2, 3)))
    f = getattr(F, f"adaptive_{name}_pool2d")
    add(f"adaptive_{name}_pool2d/NCHW, None", lambda x, f=f: f(x, (None, 2), "NCHW"), sample((1, 2, 2, 3)),
        lambda x, r={"avg": average, "max": max}[name]: np.moveaxis(
            R.adaptive_pool(np.moveaxis(x, 1, -1), (2, 2), r), -1, 1))


# ---- interpolation

GRIDS = {"up": ((2, 3), (5, 4)), "down": ((5, 4), (2, 3)), "twice": ((2, 3), (4, 6)), "one": ((3, 1), (1, 3)),
         "1-D": ((3,), (5,)), "3-D": ((2, 1, 3), (3, 2, 2))}
for (variant, (old, new)), mode in itertools.product(GRIDS.items(), ("nearest", "linear", "bicubic")):
    scale = [m / n for m, n in zip(new, old)]
    cover = (AlongAxis,) if mode != "nearest" else () if variant == "twice" else (CopyAlongAxis, AlongAxis)
    if mode != "bicubic" or len(old) == 2:
        for corners in (False, True)[:1 + (mode != "nearest")]:
            add(f"interpolate/{mode}, {variant}" + ", corners" * corners,
                lambda x, k=dict(size=new, mode=mode, align_corners=corners): F.interpolate(x, **k), normal((2, *old, 2)),
                lambda x, a=(new, scale, mode, corners): R.interpolate(x, *a), *cover)
for name, mode in {"nearest": "nearest", "bilinear": "linear", "bicubic": "bicubic"}.items():
    add(f"interpolate/{name}, scale", lambda x, name=name: F.interpolate(x, scale_factor=(1.3, 0.7), mode=name),
        normal((2, 4, 5, 1)), lambda x, mode=mode: R.interpolate(x, (5, 3), (1.3, 0.7), mode))
add("interpolate", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", data_format="NCHW"), normal((1, 2, 2, 3)),
    lambda x: np.moveaxis(R.interpolate(np.moveaxis(x, 1, -1), (4, 6), (2, 2), "linear"), -1, 1), AlongAxis)
add("interpolate/no images", lambda x: F.interpolate(x, 3, mode="linear"), normal((0, 2, 1)), lambda x: np.zeros((0, 3, 1)))


# ---- sliding windows

for variant, (shape, *how) in {
    "": ((3, 4), (2, 2)), "/axis": ((2, 5), 3, 1), "/negative axis": ((4, 2), (2,), (-2,)), "/twice": ((5,), (2, 3), (0, 0)),
    "/swapped": ((3, 4, 2), (3, 2), (1, 0)), "/whole": ((3,), 3), "/empty": ((0, 3), 2, 1),
}.items():
    add("sliding_window_view" + variant, lambda x, how=how: mg.sliding_window_view(x, *how), normal(shape),
        lambda x, how=how: np.lib.stride_tricks.sliding_window_view(x, *how), SlidingWindow, WindowSum)


# ---- the sum over all axes but the last, as of a bias' gradient

for keepdims in (False, True):
    add("sum/first axes" + "/keepdims" * keepdims, lambda x, k=keepdims: F.sum(x, axis=(0, 1, 2), keepdims=k),
        normal((2, 3, 2, 2)), lambda x, k=keepdims: np.sum(x, axis=(0, 1, 2), keepdims=k), reductions.Sum)
