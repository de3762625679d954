"""Moving between devices: the gradient travels the other way."""

import numpy as np

from minigrad import backend
from minigrad.function import Function


class ToDevice(Function):
    """y = to(x)          dx = to(dy), back on the device of x"""

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x, device):
        self.old = backend.device_of(x)
        return backend.to_device(x, device)

    def backward(self, dy):
        return to(dy, self.old)


def to(x, target):
    """x on a device ("cpu", "cuda", "cuda:1"), or of a dtype ("float64"); the gradient goes back the same way."""
    if isinstance(target, str) and target.partition(":")[0] in ("cpu", "cuda", *backend.devices()):
        device = x.device
        return x if target in (device, device.partition(":")[0]) else ToDevice.apply(x, device=target)
    try:
        dtype = np.dtype(target)
    except TypeError:
        raise ValueError(f"unknown device {target!r}: expected 'cpu', 'cuda' or 'cuda:N' (or a dtype)") from None
    return x.astype(dtype, copy=False)
