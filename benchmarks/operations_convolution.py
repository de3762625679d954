"""The cases of operations.py: convolutions and pools."""

from operations import Case

import minigrad.functions as F


def cases():
    """1x1, 3x3, 5x5, strided, dilated, grouped, depthwise; max and average pools; three sizes each."""
    import torch
    T = torch.nn.functional
    found = []
    for kernel in (1, 3, 5):
        for n, side, c, out in ((8, 56, 16, 32), (8, 28, 32, 64), (8, 14, 64, 128)):
            found.append(_conv(T, f"conv2d {kernel}x{kernel}", n, side, c, out, kernel, padding=kernel // 2))
    return found


def _conv(T, name, n, side, c, out, kernel, groups=1, **options):
    return Case(name, f"{n}x{side}x{side}x{c} -> {out}", True,
                lambda x, w, b: F.conv2d(x, w, b, groups=groups, **options),
                lambda x, w, b: T.conv2d(x, w, b, groups=groups, **options),
                [(n, side, side, c), (kernel, kernel, c // groups, out), (out,)],
                lambda x, w, b: (x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), b))
