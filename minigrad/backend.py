"""Which array library owns an array, and the few calls where NumPy and CuPy differ.

This is the only file that imports cupy. Every function of minigrad asks `get_array_module(x)` for the library of
its operand and then calls that library's `exp`, `matmul` ...: one body for both. No data moves between host and
device here but in `to_numpy` and `to_device`, which are called only where the user asked for it.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

np.empty((32 << 20) - 8192, np.uint8)
# Never written, and let go of at once. The GNU C library takes the largest block that comes back to it, up to 32 MB, as a
# sign of what this process will ask for: from now on it keeps up to 64 MB of freed memory for the next arrays, instead of
# giving each back to the system and getting fresh pages for the next, which the system clears first. A training step of
# LeNet on 16 or 32 images had 1,300 to 2,500 such page faults, a third of its time; now it has none (docs/performance.md).


class Library(NamedTuple):
    """An array library: its arrays' home, its twin of scipy, and the two calls that cross between host and device."""

    xp: Any                                   # the module: numpy, cupy
    scipy: str                                # where its special functions live: "scipy", "cupyx.scipy"
    device_of: Callable[[Any], str]           # array -> "cpu", "cuda:0"
    to_numpy: Callable[[Any], np.ndarray]     # array -> the same numbers on the host
    from_numpy: Callable[[np.ndarray, int], Any]  # host array, device number -> array


MANY = 128  # rows, from which on adding them sorted pays

_libraries: dict[type, Library] = {}          # the array class -> its library
_devices: dict[str, type] = {}                # the device's name without its number -> the array class


def register(array_class: type, device: str, library: Library) -> None:
    """Make arrays of `array_class` known, under the device name `device` ("cpu", "cuda" ...)."""
    _libraries[array_class] = library
    _devices[device] = array_class


register(np.ndarray, "cpu", Library(np, "scipy", lambda x: "cpu", lambda x: x, lambda x, index: x))


def _load_cupy():
    try:
        import cupy
    except ImportError as error:
        raise ImportError(
            "a GPU device needs CuPy, which is not installed: pip install 'minigrad[gpu]' (CUDA 13)"
        ) from error

    def from_numpy(x, index):
        with cupy.cuda.Device(index):
            return cupy.asarray(x)

    register(cupy.ndarray, "cuda", Library(
        cupy, "cupyx.scipy", lambda x: f"cuda:{x.device.id}", cupy.asnumpy, from_numpy))


def _library(x) -> Library:
    found = _libraries.get(type(x))
    if found is None:
        if type(x).__module__.partition(".")[0] == "cupy":
            _load_cupy()
            return _libraries[type(x)]
        for array_class, library in _libraries.items():  # subclasses, such as np.memmap
            if isinstance(x, array_class):
                return library
        return _libraries[np.ndarray]  # Python and NumPy scalars
    return found


def is_array(x) -> bool:
    """Whether x is an array of a known library (a Tensor, a list or a scalar is not)."""
    return type(x) in _libraries or (not np.isscalar(x) and isinstance(x, tuple(_libraries)))


def get_array_module(*arrays):
    """The library that owns the arrays: cupy if any of them lives on a GPU, else numpy."""
    for x in arrays:
        xp = _library(x).xp
        if xp is not np:
            return xp
    return np


def special(x):
    """SciPy's special functions for x's library (scipy.special or cupyx.scipy.special), for float16 too."""
    module = importlib.import_module(_library(x).scipy + ".special")
    return _Rounded(module) if getattr(x, "dtype", None) == np.float16 else module


def ndimage(x):
    """SciPy's functions of images for x's library: scipy.ndimage or cupyx.scipy.ndimage."""
    return importlib.import_module(_library(x).scipy + ".ndimage")


class _Rounded:
    """SciPy's special functions of float16, which it computes in float32, rounded to the dtype of the operands."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        def function(*operands):
            dtype = np.result_type(*[getattr(x, "dtype", x) for x in operands])
            return getattr(self._module, name)(*operands).astype(dtype)
        return function


def device_of(x) -> str:
    """Where the array lives: "cpu", "cuda:0" ..."""
    return _library(x).device_of(x)


def to_numpy(x) -> np.ndarray:
    """The numbers of a Tensor, an array or a list on the host: a view where that is possible, else a copy."""
    if hasattr(x, "numpy"):
        x = x.numpy()
    return np.asarray(_library(x).to_numpy(x))


def to_device(x, device: str):
    """The array x on `device` ("cpu", "cuda", "cuda:1"); x itself if it is there already."""
    name, _, index = str(device).partition(":")
    if name == "cuda" and name not in _devices:
        _load_cupy()
    if name not in _devices or (index and not index.isdigit()):
        raise ValueError(f"unknown device {device!r}: expected one of {', '.join(map(repr, _devices))} or 'cuda:N'")
    library = _libraries[_devices[name]]
    if isinstance(x, _devices[name]) and (not index or library.device_of(x) in (name, f"{name}:{index}")):
        return x
    return library.from_numpy(to_numpy(x), int(index or 0))


def copy_like(x, like):
    """A copy of the array x beside the array `like`, in its layout in memory if it has its shape: the same sums then round
    alike."""
    x, xp = to_device(x, device_of(like)), get_array_module(like)
    copy = xp.empty_like(like, dtype=x.dtype) if x.shape == like.shape else xp.empty(x.shape, x.dtype)
    copy[...] = x
    return copy


def beside(x, like):
    """x, but a host array on the device of the array or Tensor `like`: for indices, masks and labels as users give them."""
    return to_device(x, device_of(getattr(like, "_data", like))) if isinstance(x, np.ndarray) else x


def scatter_add(target, index, values) -> None:
    """target[index] += values, in place, where an index may occur several times (plain `+=` would count it once)."""
    if target.dtype.kind == "c":  # CuPy adds real numbers only
        scatter_add(target.real, index, values.real)
        scatter_add(target.imag, index, values.imag)
        return
    if (type(target) is type(index) is type(values) is np.ndarray and index.dtype.kind in "iu" and index.size >= MANY
            and target.ndim > 1 and values.dtype == target.dtype and values.shape == index.shape + target.shape[1:]):
        _add_rows(target, index.ravel(), values.reshape(-1, *target.shape[1:]))
    else:
        get_array_module(target).add.at(target, index, values)


def _add_rows(target, index, rows) -> None:
    """target[index] += rows: sorted by their index, those for the same place are neighbours, and are added up in one call.
    NumPy's add.at goes number by number, which takes up to seven times as long; for 64 rows it is as fast."""
    index = np.arange(len(target))[index]  # counted from the front; refuses what does not exist
    order = index.argsort(kind="stable")
    index = index[order]
    starts = np.flatnonzero(np.concatenate([[True], index[1:] != index[:-1]]))
    target[index[starts]] += np.add.reduceat(rows[order], starts, axis=0)


def devices() -> tuple:
    """The names of the devices that are known so far ("cpu", and "cuda" once it was used)."""
    return tuple(_devices)
