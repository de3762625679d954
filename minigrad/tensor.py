"""Tensor: an array, and the Function that made it.

A Tensor knows no mathematics. `minigrad/operators.py` binds `+`, `.sum()`, `.backward()` and the rest to it.
"""

import contextlib
import contextvars
import itertools

import numpy as np

from minigrad import backend

moment = itertools.count(1).__next__  # numbers everything that happens: operations as they are recorded, changes in place
_new = object.__new__

_default_dtype = contextvars.ContextVar("default_dtype", default=np.dtype(np.float32))  # noqa: B039 (a dtype cannot change)


def set_default_dtype(dtype) -> None:
    """The dtype of new Tensors that are made from Python numbers (float32 unless set); per thread."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"the default dtype must be a floating-point type, got {dtype}")
    _default_dtype.set(dtype)


def get_default_dtype() -> np.dtype:
    """The dtype of new Tensors that are made from Python numbers."""
    return _default_dtype.get()


@contextlib.contextmanager
def default_dtype(dtype):
    """`set_default_dtype` for the length of a `with` block."""
    before = _default_dtype.get()
    set_default_dtype(dtype)
    try:
        yield
    finally:
        _default_dtype.set(before)


def _first_number(data):
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def as_array(data, dtype=None):
    """An array of anything array-like: Python numbers become the default dtype (complex ones that of a pair of
    them: complex64), arrays keep theirs (and are shared)."""
    if isinstance(data, Tensor):
        data = data._data
    if not backend.is_array(data):
        first = _first_number(data)
        if isinstance(first, Tensor):
            raise TypeError("a list of Tensors is not a Tensor (its gradient would be lost): use mg.stack([...])")
        try:
            data = np.asarray(data)
        except ValueError as error:
            raise ValueError(f"cannot make a Tensor of a {type(data).__name__}: {error}") from None
        if dtype is None and not isinstance(first, (np.generic, np.ndarray)) and data.dtype.kind in "iufc":
            dtype = np.result_type(get_default_dtype(), np.complex64) if data.dtype.kind == "c" else get_default_dtype()
    if data.dtype.kind not in "biufc":
        raise TypeError(f"a Tensor holds numbers; got an array of dtype {data.dtype} (text and objects must be encoded "
                        "as numbers first)")
    if dtype is None:
        return data
    if np.dtype(dtype).kind not in "biufc":
        raise TypeError(f"a Tensor holds numbers, and cannot have dtype {dtype!r}")
    return data.astype(dtype, copy=False)


class Tensor:
    """An n-dimensional array that can be differentiated.

    data           numbers, nested lists, an array (copied), or a Tensor. Python numbers become float32
                   (`mg.set_default_dtype`); arrays keep their dtype.
    requires_grad  whether `.backward()` shall leave dL/d(this) in `.grad`. Only floating-point (and complex) data can.
    dtype, device  to convert to ("float64"), and where to live ("cpu", "cuda", "cuda:1").

    Attributes: data (the array), grad (a Tensor or None), creator (the Function that made this Tensor; None for a leaf).
    """

    __slots__ = ("_data", "_requires_grad", "_grad", "creator", "_version", "_hooks", "_mask", "__weakref__")
    __array_priority__ = 1000

    def __init__(self, data, requires_grad=False, dtype=None, device=None):
        array = as_array(data, dtype)
        if device is not None:
            array = backend.to_device(array, device)
        source = data._data if isinstance(data, Tensor) else data
        self._data = array.copy() if array is source or backend.is_array(source) else array
        self._requires_grad = False
        self._grad = None
        self.creator = None
        self._version = None
        if requires_grad:
            self.requires_grad = True

    @staticmethod
    def wrap(array, creator=None, version=None):
        """A Tensor around `array` itself, without a copy or a check: what the engine makes."""
        tensor = _new(Tensor)
        tensor._data = array
        tensor._requires_grad = creator is not None
        tensor._grad = None
        tensor.creator = creator
        tensor._version = version
        return tensor

    # ---- what it holds

    @property
    def data(self):
        """The array. Assigning to it (also `t.data -= ...`) is a sanctioned change: backward notices it."""
        return self._data

    @data.setter
    def data(self, value):
        value = as_array(value)
        if value.shape != self.shape:
            raise ValueError(f"cannot assign data of shape {value.shape} to a Tensor of shape {self.shape}")
        self._refuse_elsewhere(value, "data")
        if value.dtype != self.dtype:
            raise TypeError(f"cannot assign data of dtype {value.dtype} to a Tensor of dtype {self.dtype}: "
                            f"convert it with .astype({str(self.dtype)!r})")
        self._data = value
        self.bump_version()

    def _refuse_elsewhere(self, array, what):
        here, there = self.device, backend.device_of(array)
        if here != there:
            raise ValueError(f"cannot assign {what} on {there} to a Tensor on {here}: move it with .to({here!r})")

    @property
    def version(self):
        """[the moment of the last change in place], a box, since a view shares it with what it views."""
        if self._version is None:
            self._version = [0]
        return self._version

    def bump_version(self):
        """Say that the array was changed in place, so that backward refuses to use values that are gone."""
        self.version[0] = moment()

    @property
    def requires_grad(self):
        """Whether a gradient flows to this Tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value):
        if self.creator is not None and not value:
            raise ValueError(f"this Tensor was made by {self.creator.name}, so it carries a gradient: "
                             "use .detach() for one that does not")
        if value and self.dtype.kind not in "fc":
            raise TypeError(f"only floating-point Tensors can require gradients, this one is {self.dtype}: "
                            "pass dtype=float or use .astype(float)")
        self._requires_grad = bool(value)

    @property
    def grad(self):
        """dL/d(this), a Tensor, after L.backward(); None before. Repeated backward adds up; set it to None to clear."""
        return self._grad

    @grad.setter
    def grad(self, value):
        if value is not None:
            value = value if isinstance(value, Tensor) else Tensor.wrap(as_array(value))
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(f"a gradient has its Tensor's shape and dtype: expected {self.shape} {self.dtype}, "
                                 f"got {value.shape} {value.dtype}")
            self._refuse_elsewhere(value._data, "a gradient")
        self._grad = value

    shape = property(lambda self: self._data.shape, doc="The length of each axis.")
    dtype = property(lambda self: self._data.dtype, doc="The dtype of the numbers.")
    ndim = property(lambda self: self._data.ndim, doc="The number of axes.")
    size = property(lambda self: self._data.size, doc="The number of numbers.")
    nbytes = property(lambda self: self._data.nbytes, doc="The size of the data in bytes.")
    device = property(lambda self: backend.device_of(self._data), doc='Where the array lives: "cpu", "cuda:0" ...')
    is_leaf = property(lambda self: self.creator is None, doc="Whether no Function made this Tensor.")

    # ---- leaving the world of Tensors

    def numpy(self):
        """The numbers as a NumPy array on the host (shared with this Tensor on the CPU); no gradient flows through."""
        return backend.to_numpy(self._data)

    def item(self):
        """The one number of a Tensor of one element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"item() needs a Tensor of one element, this one has shape {self.shape}")
        return self._data.item()

    def tolist(self):
        """Nested lists of Python numbers."""
        return self.numpy().tolist()

    def detach(self):
        """The same array without its history: no gradient flows to or through it."""
        return Tensor.wrap(self._data, version=self.version)

    def zero_grad(self):
        """Forget the gradient."""
        self._grad = None

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a 0-d Tensor")
        return self.shape[0]

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __complex__(self):
        return complex(self.item())

    def __index__(self):
        if self.dtype.kind not in "iu":
            raise TypeError(f"only integer Tensors can be used as an index, this one is {self.dtype}")
        return int(self.item())

    def __bool__(self):
        if self.size != 1:
            raise ValueError(f"the truth value of a Tensor of shape {self.shape} is ambiguous: "
                             "use .any() or .all() of a comparison")
        return bool(self.item())

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor")
        return (self[i] for i in range(len(self)))

    __hash__ = object.__hash__  # a Tensor is itself, whatever its numbers

    def __setitem__(self, key, value):
        raise TypeError("Tensors cannot be changed in place, since backward needs the old values. To build the changed "
                        "one use mg.index_update(x, key, value), mg.where(mask, value, x), mg.stack or mg.concatenate; "
                        "to set the numbers of a leaf outside of any graph, x.data[key] = value")

    def __deepcopy__(self, memo):
        if self.creator is not None:
            raise TypeError(f"only leaf Tensors can be deep-copied, this one was made by {self.creator.name}: "
                            "copy .detach()")
        copy = type(self).__new__(type(self))
        memo[id(self)] = copy
        copy._data, copy._requires_grad, copy._version = self._data.copy(), self._requires_grad, None
        copy._grad, copy.creator = None if self._grad is None else Tensor(self._grad), None
        for name in getattr(type(self), "extra_slots", ()):
            setattr(copy, name, getattr(self, name))
        return copy

    __copy__ = None  # a shallow copy would share the data but not the version

    def __reduce__(self):
        raise TypeError("Tensors are not pickled: save them with safetensors (model.save_weights) or as .numpy()")

    # ---- how it looks

    def __repr__(self):
        numbers = np.array2string(self.numpy(), separator=", ", prefix="Tensor(", precision=4, threshold=100)
        facts = [numbers] + [f"shape={self.shape}"] * (self.size > 100 or self.size == 0)
        if self.dtype != get_default_dtype():
            facts.append(f"dtype={self.dtype}")
        if self.device != "cpu":
            facts.append(f"device={self.device!r}")
        if self.creator is not None:
            facts.append(f"creator={self.creator.name}")
        elif self.requires_grad:
            facts.append("requires_grad=True")
        return f"Tensor({', '.join(facts)})"

    def _repr_html_(self):
        from html import escape
        origin = f"made by {self.creator.name}" if self.creator is not None else (
            "leaf, requires gradient" if self.requires_grad else "constant")
        shape = " × ".join(map(str, self.shape)) or "scalar"
        numbers = np.array2string(self.numpy(), precision=4, threshold=200)
        return (f"<div><b>Tensor</b> {shape} · {self.dtype} · {escape(self.device)} · {escape(origin)}"
                f"<pre style='margin:.3em 0'>{escape(numbers)}</pre></div>")
