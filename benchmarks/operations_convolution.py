"""The cases of operations.py: convolutions and pools."""

import itertools

from operations import Case

import minigrad.functions as F

IMAGES = ((8, 56, 16, 32), (8, 28, 32, 64), (8, 14, 64, 128))  # how many, their side, channels, channels of the result


def cases():
    """Convolutions of all kinds, max, average and global pools; PyTorch gets (N, C, H, W), its default layout."""
    found = [_conv(f"conv2d {k}x{k}", *size, k, padding=k // 2) for k in (1, 3, 5) for size in IMAGES]
    found += [_conv("conv2d 3x3 LeNet", 64, 28, 1, 32, 3), _conv("conv2d 3x3 LeNet", 64, 13, 32, 64, 3)]
    for name, options in (("stride 2", {"stride": 2, "padding": 1}), ("dilation 2", {"dilation": 2, "padding": 2}),
                          ("4 groups", {"groups": 4, "padding": 1})):
        found += [_conv(f"conv2d 3x3 {name}", *size, 3, **options) for size in IMAGES]
    found += [_conv("conv2d 3x3 depthwise", n, side, c, c, 3, groups=c, padding=1)
              for n, side, c, _ in ((8, 56, 32, 0), (8, 28, 64, 0), (8, 14, 256, 0))]
    found += [_conv("conv1d 5", n, side, c, out, 5, 1, padding=2)
              for n, side, c, out in ((8, 128, 32, 32), (8, 512, 64, 64), (16, 1024, 64, 128))]
    found += [_conv("conv3d 3x3x3", n, side, c, out, 3, 3, padding=1)
              for n, side, c, out in ((2, 8, 8, 16), (2, 16, 8, 16), (2, 16, 16, 32))]
    found += [_conv_transpose(n, side, c, out) for n, side, c, out in ((8, 7, 128, 64), (8, 14, 64, 32), (8, 28, 32, 16))]
    pools = [("max_pool2d", F.max_pool2d), ("avg_pool2d", F.avg_pool2d)]
    images = ((64, 26, 32), (8, 56, 64), (8, 28, 128))  # the first is LeNet's
    for (name, pool), (size, stride, padding), image in itertools.product(pools, ((2, 2, 0), (3, 2, 1)), images):
        found.append(_pool(name, pool, size, stride, padding, *image))
    found += [_global_pool(n, side, c) for n, side, c in ((8, 7, 512), (8, 14, 256), (8, 56, 64))]
    return found


def _torch():
    import torch
    return torch.nn.functional


def _conv(name, n, side, c, out, kernel, axes=2, groups=1, **options):
    ours, theirs = (getattr(module, f"conv{axes}d") for module in (F, _torch()))
    return Case(name, f"{_times(n, axes, side, c)} -> {out}", not (1 < groups == c),
                lambda x, w, b: ours(x, w, b, groups=groups, **options),
                lambda x, w, b: theirs(x, w, b, groups=groups, **options),
                [(n, *[side] * axes, c), (*[kernel] * axes, c // groups, out), (out,)],
                lambda x, w, b: (_channels_first(x), _kernels(w), b))


def _conv_transpose(n, side, c, out):
    return Case("conv_transpose2d 3x3 stride 2", f"{_times(n, 2, side, c)} -> {out}", True,
                lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1),
                lambda x, w, b: _torch().conv_transpose2d(x, w, b, 2, 1, 1),
                [(n, side, side, c), (3, 3, out, c), (out,)], lambda x, w, b: (_channels_first(x), _kernels(w), b))


def _pool(name, ours, size, stride, padding, n, side, c):
    theirs = getattr(_torch(), name)
    return Case(f"{name} {size}x{size} stride {stride}", _times(n, 2, side, c), False,
                lambda x: ours(x, size, stride, padding), lambda x: theirs(x, size, stride, padding),
                [(n, side, side, c)], lambda x: (_channels_first(x),))


def _global_pool(n, side, c):
    return Case("global_avg_pool", _times(n, 2, side, c), False, F.global_avg_pool,
                lambda x: _torch().adaptive_avg_pool2d(x, 1).flatten(1), [(n, side, side, c)],
                lambda x: (_channels_first(x),))


def _channels_first(x):
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def _kernels(w):
    """(k, ..., in, out) as PyTorch's (out, in, k, ...)."""
    return w.transpose(w.ndim - 1, w.ndim - 2, *range(w.ndim - 2))


def _times(n, axes, side, c):
    return "x".join(map(str, (n, *[side] * axes, c)))
