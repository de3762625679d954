"""A stand-in for CuPy: arrays that live on the host, but behave like CuPy's where it hurts.

It refuses what CuPy (14, from its source) refuses: implicit conversion to NumPy, host arrays in any operation, lists where
an array belongs, device arrays where Python integers belong, and every function, ufunc method and keyword that CuPy lacks.
Reductions give 0-d arrays, index arrays out of range wrap around in silence, and of duplicate indices in `x[i] = v` the
first wins (CuPy says nothing, NumPy's last wins). Copies between "host" and "device" are counted, and can be forbidden.

    import standin; standin.register()          # the device is called "standin"
    t = mg.Tensor(x, device="standin")
    with standin.no_traffic(): (t * t).sum()    # a copy in here raises, with a traceback to where it was made
"""

import contextlib
import functools
import sys
import types
from collections import Counter

import numpy as np
import scipy.ndimage
import scipy.special

from minigrad import backend

# ---- traffic

traffic = Counter()  # "to device", "to host": arrays copied; "scalars": single numbers read back, which waits for a GPU
_forbidden = []      # what the innermost no_traffic block forbids


@contextlib.contextmanager
def no_traffic(*kinds):
    """A block in which copies of these kinds (all, unless said) raise AssertionError where they are made."""
    _forbidden.append(kinds or ("to device", "to host", "scalars"))
    try:
        yield
    finally:
        _forbidden.pop()


def moved(kind):
    """Count a copy, if it is allowed."""
    assert not _forbidden or kind not in _forbidden[-1], f"a copy that was not asked for: {kind}"
    traffic[kind] += 1


# ---- in and out of the device arrays

SCALARS = (int, float, complex, np.generic)


def unsupported(x):
    """CuPy's error for a foreign operand."""
    return TypeError(f"Unsupported type {type(x)}")


def host(x):
    """The host array behind an argument of a function; a real host array, or a Tensor, is refused."""
    if isinstance(x, ndarray):
        return x.array
    if isinstance(x, np.ndarray) or type(x).__module__.startswith("minigrad"):
        raise unsupported(x)
    if isinstance(x, (list, tuple)):
        return type(x)(host(i) for i in x)
    return x


def operand(x):
    """The same for an operand of arithmetic: a device array or a scalar, and no list."""
    if not isinstance(x, (ndarray, *SCALARS)):
        raise unsupported(x)
    return host(x)


def device(x, *inputs):
    """Results as device arrays, also scalars (0-d, as CuPy's reductions give); an input that came through is itself."""
    for y in inputs:
        if isinstance(y, ndarray) and y.array is x:
            return y
    if isinstance(x, np.ndarray):
        return ndarray(x)
    if isinstance(x, (np.generic, bool)):
        return ndarray(np.asarray(x))
    if isinstance(x, (list, tuple)):  # also the named tuples of NumPy's linalg
        return (list if type(x) is list else tuple)(device(i) for i in x)
    return x


def function(call, keywords, first=operand, rest=host):
    """`call` for device arrays: `first` converts its first argument, `rest` the others; keywords are those that CuPy has."""
    allowed = set(keywords.split())

    @functools.wraps(call, updated=())
    def wrapped(x, *others, **named):
        if unknown := set(named) - allowed:
            raise TypeError(f"{call.__name__}() got an unexpected keyword argument {', '.join(sorted(unknown))}")
        if isinstance(named.get("out"), np.ndarray):
            raise unsupported(named["out"])
        return device(call(first(x), *map(rest, others), **{k: rest(v) for k, v in named.items()}),
                      x, *others, named.get("out"))
    return wrapped


def an_array(x):
    """The first argument of most functions: a device array, not even a scalar."""
    if not isinstance(x, ndarray):
        raise unsupported(x)
    return x.array


def arrays(x):
    """The first argument of concatenate and the like: a list or tuple of device arrays."""
    if isinstance(x, (list, tuple)):
        return [an_array(i) for i in x]
    return x if isinstance(x, str) else an_array(x)  # einsum's subscripts; broadcast_arrays(x, y)


def no_array(x):
    """An argument that has to be a Python number, a shape or a dtype: CuPy's arrays have no __index__."""
    for i in x if isinstance(x, (list, tuple)) else (x,):
        if isinstance(i, (ndarray, np.ndarray)):
            raise TypeError(f"{type(i).__name__!r} object cannot be interpreted as an integer")
    return x


# ---- the array

REDUCTION = "axis dtype out keepdims"
METHODS = {  # name: the keywords that CuPy's method has
    "sum": REDUCTION, "prod": REDUCTION, "mean": REDUCTION, "var": REDUCTION + " ddof", "std": REDUCTION + " ddof",
    **dict.fromkeys("max min argmax argmin any all".split(), "axis out keepdims"), "cumsum": "axis dtype out",
    "cumprod": "axis dtype out", "reshape": "order", "ravel": "order", "flatten": "order", "transpose": "",
    "swapaxes": "", "squeeze": "axis", "astype": "dtype order copy", "copy": "order", "clip": "min max out",
    "repeat": "axis", "argsort": "axis", "sort": "axis", "dot": "", "round": "decimals out", "nonzero": "",
    "diagonal": "offset axis1 axis2", "trace": "offset axis1 axis2 dtype out", "fill": "", "view": "dtype", "conj": "",
}
OPERATORS = """
    add sub mul truediv floordiv mod pow matmul and or xor lshift rshift radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul
    rand ror rxor iadd isub imul itruediv ifloordiv imod ipow iand ior ixor neg pos abs invert lt le gt ge eq ne""".split()


class ndarray:
    """A device array."""

    __hash__ = None
    __array_priority__ = 100

    def __init__(self, array):
        self.array = array

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)
    ndim = property(lambda self: self.array.ndim)
    size = property(lambda self: self.array.size)
    nbytes = property(lambda self: self.array.nbytes)
    itemsize = property(lambda self: self.array.itemsize)
    strides = property(lambda self: self.array.strides)
    T = property(lambda self: ndarray(self.array.T))
    mT = property(lambda self: ndarray(self.array.mT))
    real = property(lambda self: ndarray(self.array.real))
    imag = property(lambda self: ndarray(self.array.imag))
    base = property(lambda self: None if self.array.base is None else ndarray(self.array.base))

    def __array__(self, *arguments, **keywords):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy "
                        "array explicitly.")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **keywords):
        """NumPy's ufuncs are sent on, as CuPy does, where it has them."""
        found = getattr(xp, ufunc.__name__, None) or getattr(special, ufunc.__name__, None)
        found = found if method == "__call__" else getattr(found, method, None)
        if found is None or not all(isinstance(x, (ndarray, np.ndarray, *SCALARS)) for x in inputs):
            return NotImplemented
        return found(*inputs, **keywords) if out is None else found(*inputs, out=out[0], **keywords)

    def __array_function__(self, call, types, arguments, keywords):
        """So are its functions."""
        home = functools.reduce(lambda module, name: getattr(module, name, None), call.__module__.split(".")[1:], xp)
        found = getattr(home, call.__name__, None)
        if found is None or not all(issubclass(t, (ndarray, np.ndarray)) for t in types):
            return NotImplemented
        return found(*arguments, **keywords)

    def get(self):
        """A copy on the host."""
        moved("to host")
        return self.array.copy()

    def item(self):
        moved("scalars")
        return self.array.item()

    def tolist(self):
        return self.get().tolist()

    def __bool__(self):
        if self.size == 1:
            return bool(self.item())
        raise ValueError("The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()")

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __complex__(self):
        return complex(self.item())

    def __len__(self):
        return len(self.array)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return repr(self.get())

    def __format__(self, specification):
        return format(self.get(), specification)

    def take(self, indices, axis=None, out=None):
        return device(self.array.take(host(indices), axis, mode="wrap"))

    def __getitem__(self, key):
        return device(self.array[self.host_key(key)])

    def __setitem__(self, key, value):
        value, key = np.asarray(operand(value)), self.host_key(key)
        if not any(isinstance(k, np.ndarray) for k in (key if isinstance(key, tuple) else (key,))):
            self.array[key] = value
            return
        places = np.arange(self.size).reshape(self.shape)[key]  # backwards, so that the first of two for one place wins
        value = value.reshape(value.shape[max(value.ndim - places.ndim, 0):])
        self.array.flat[places.ravel()[::-1]] = np.broadcast_to(value, places.shape).ravel()[::-1]

    def host_key(self, key):
        """The key for the host array. Lists and host arrays in it are copied to the device; too large indices wrap."""
        keys = [self._index(k) for k in (key if isinstance(key, tuple) else (key,))]
        used = [0 if k is None or k is Ellipsis or isinstance(k, bool) else
                k.ndim if isinstance(k, np.ndarray) and k.dtype == bool else 1 for k in keys]
        axis = 0
        for i, k in enumerate(keys):
            if isinstance(k, np.ndarray) and k.dtype != bool and axis < self.ndim and self.shape[axis]:
                keys[i] = k % self.shape[axis]
            axis += self.ndim - sum(used) if k is Ellipsis else used[i]
        return tuple(keys) if isinstance(key, tuple) else keys[0]

    @staticmethod
    def _index(k):
        if isinstance(k, ndarray):
            return k.array
        if isinstance(k, (list, np.ndarray)):
            moved("to device")
            k = np.asarray(k) if len(np.shape(k)) == 0 or len(k) else np.zeros(np.shape(k), int)
            if k.dtype.kind not in "biu":
                raise IndexError(f"arrays used as indices must be of integer or boolean type (actual: {k.dtype})")
        return k


def _operator(name):
    def operator(self, *others):
        if any(isinstance(other, np.ndarray) for other in others):
            raise unsupported(others[0])
        if not all(isinstance(other, (ndarray, *SCALARS)) for other in others):
            return NotImplemented
        result = getattr(self.array, name)(*map(host, others))
        return result if result is NotImplemented else device(result, self)
    return operator


for _name, _keywords in METHODS.items():
    setattr(ndarray, _name, function(getattr(np.ndarray, _name), _keywords, an_array))
for _name in OPERATORS:
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))


# ---- the module: what CuPy has, and nothing else

UFUNCS = set("""
    add subtract multiply divide true_divide floor_divide negative positive power float_power remainder mod fmod absolute
    fabs rint sign exp exp2 log log2 log10 expm1 log1p sqrt square cbrt reciprocal sin cos tan arcsin arccos arctan arctan2
    hypot sinh cosh tanh arcsinh arccosh arctanh logaddexp logaddexp2 maximum minimum fmax fmin floor ceil trunc isfinite
    isinf isnan signbit greater greater_equal less less_equal equal not_equal logical_and logical_or logical_xor
    logical_not bitwise_and bitwise_or bitwise_xor invert left_shift right_shift conjugate copysign heaviside
    matmul""".split())

ATOMIC = {  # ufunc.at: the dtypes that CuPy's kernels add to
    "add": "int32 int64 uint32 uint64 float16 float32 float64", "subtract": "int32 uint32",
    "maximum": "int32 int64 uint32 uint64 float32 float64", "minimum": "int32 int64 uint32 uint64 float32 float64"}

OF_AN_ARRAY = {  # name: keywords; the first argument is an array
    **{name: METHODS[name] for name in """sum prod mean var std max min argmax argmin any all cumsum cumprod reshape ravel
       transpose swapaxes squeeze repeat argsort sort dot round nonzero diagonal trace""".split()},
    "argsort": "axis kind",
    "amax": "axis out keepdims", "amin": "axis out keepdims", "clip": "a_min a_max out", "moveaxis": "", "rollaxis": "start",
    "expand_dims": "axis", "broadcast_to": "", "split": "axis", "array_split": "axis", "flip": "axis", "fliplr": "",
    "flipud": "", "roll": "axis", "rot90": "k axes", "tile": "", "pad": "mode constant_values", "where": "", "tril": "k",
    "triu": "k", "diag": "k", "diagflat": "k", "inner": "", "outer": "", "tensordot": "axes", "kron": "", "vdot": "",
    "unique": "return_index return_inverse return_counts axis", "searchsorted": "side", "flatnonzero": "", "argwhere": "",
    "count_nonzero": "axis", "median": "axis keepdims", "quantile": "axis keepdims", "diff": "n axis", "interp": "",
    "nan_to_num": "nan posinf neginf", "around": "decimals out", "real": "", "imag": "", "angle": "", "array_equal": "",
    "isclose": "rtol atol equal_nan", "allclose": "rtol atol equal_nan", "zeros_like": "dtype order shape",
    "ones_like": "dtype order shape", "empty_like": "dtype order shape", "full_like": "dtype order shape", "copy": "order",
    "ascontiguousarray": "dtype", "nansum": REDUCTION, "nanmax": "axis keepdims", "nanmin": "axis keepdims",
    "bincount": "weights minlength", "astype": "copy"}
OF_ARRAYS = {"concatenate": "axis dtype", "stack": "axis dtype", "vstack": "", "hstack": "", "dstack": "",
             "column_stack": "", "broadcast_arrays": "", "meshgrid": "indexing sparse copy", "einsum": ""}
CREATORS = {"zeros": "dtype order", "ones": "dtype order", "empty": "dtype order", "full": "dtype order", "arange": "dtype",
            "linspace": "endpoint dtype", "eye": "M k dtype", "identity": "dtype", "tri": "M k dtype", "indices": "dtype"}
BORROWED = set("""newaxis pi e inf nan dtype float16 float32 float64 complex64 complex128 int8 int16 int32 int64 uint8 uint16
                  uint32 uint64 bool_ integer floating finfo iinfo issubdtype promote_types broadcast_shapes
                  isscalar""".split())


class Ufunc:
    """A ufunc: device arrays and scalars, no lists, no host arrays; `.at` and `.reduce` only where CuPy has them."""

    def __init__(self, name):
        self.ufunc, self.__name__ = getattr(np, name), name
        self.call = function(self.ufunc, "out" if name == "matmul" else "out dtype casting", operand, operand_or_none)
        if name in ("add", "multiply"):
            self.reduce = function(self.ufunc.reduce, REDUCTION, an_array)
            self.accumulate = function(self.ufunc.accumulate, "axis dtype out", an_array)
        if name in ATOMIC:
            self.at = self._at

    def __call__(self, *inputs, **keywords):
        return self.call(*inputs, **keywords)

    def _at(self, target, index, values):
        supported = ATOMIC[self.__name__]
        if target.dtype.name not in supported.split():
            raise TypeError(f"cupy.{self.__name__}.at only supports {supported} as data type, got {target.dtype}")
        self.ufunc.at(target.array, target.host_key(index), operand(values))


def operand_or_none(x):
    """A further operand of a ufunc, or the value of one of its keywords."""
    return x if x is None or isinstance(x, (str, type, np.dtype)) else operand(x)


class Grid:
    """ogrid: a range along each axis."""

    def __getitem__(self, key):
        return device(list(np.ogrid[key]) if isinstance(key, tuple) else np.ogrid[key])


class Module(types.ModuleType):
    """The module: an attribute that is not in the tables is not there."""

    ndarray, ogrid = ndarray, Grid()

    def __getattr__(self, name):
        call = getattr(np, name, None)
        if name in UFUNCS:
            value = Ufunc(name)
        elif name in OF_AN_ARRAY:
            value = function(call, OF_AN_ARRAY[name], an_array)
        elif name in OF_ARRAYS:
            value = function(call, OF_ARRAYS[name], arrays)
        elif name in CREATORS:
            value = function(call, CREATORS[name], no_array, no_array)
        elif name in BORROWED:
            value = call
        else:
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")
        setattr(self, name, value)
        return value

    @staticmethod
    def asarray(x, dtype=None):
        """x itself; or a device array of host numbers, which is a copy to the device."""
        if isinstance(x, ndarray):
            return x if dtype is None else x.astype(dtype, copy=False)
        if not np.isscalar(x):
            moved("to device")
        x = np.array(host(x) if isinstance(x, (list, tuple)) else x, dtype=dtype)
        if x.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {x.dtype}")
        return ndarray(x)

    @staticmethod
    def array(x, dtype=None):
        return Module.asarray(x, dtype).copy()

    @staticmethod
    def result_type(*operands):
        return np.result_type(*(x.dtype if isinstance(x, ndarray) else x for x in operands))

    @staticmethod
    def take(x, indices, axis=None):
        return x.take(indices, axis)

    @staticmethod
    def take_along_axis(x, indices, axis):
        return x[_along(x, indices, axis)]

    @staticmethod
    def put_along_axis(x, indices, values, axis):
        x[_along(x, indices, axis)] = values

    shape, ndim, size = (staticmethod(lambda x, name=name: getattr(x, name)) for name in ("shape", "ndim", "size"))


def _along(x, indices, axis):
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if indices.ndim != x.ndim:
        raise ValueError("`indices` and `a` must have the same number of dimensions")
    key = [ndarray(places) for places in np.ogrid[tuple(slice(n) for n in x.shape)]]
    key[axis] = indices
    return tuple(key)


class Generator:
    """Random numbers on the device: what cupy.random.Generator has (no normal, permutation, shuffle, choice)."""

    HAS = set("""random standard_normal uniform integers exponential gamma beta poisson binomial standard_exponential
                 standard_gamma chisquare geometric power""".split())

    def __init__(self, seed=None):
        self.generator = np.random.default_rng(seed)

    def __getattr__(self, name):
        if name not in self.HAS:
            raise AttributeError(f"'Generator' object has no attribute {name!r}")
        return function(getattr(self.generator, name), "size dtype low high", no_array, no_array)


xp = Module("standin")
xp.random = types.SimpleNamespace(default_rng=Generator)
xp.lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(
    as_strided=function(np.lib.stride_tricks.as_strided, "shape strides", an_array),
    sliding_window_view=function(np.lib.stride_tricks.sliding_window_view, "axis", an_array)))
xp.linalg = types.SimpleNamespace(**{
    name: function(getattr(np.linalg, name), "axis keepdims ord full_matrices", an_array)
    for name in "inv det slogdet solve cholesky qr eigh svd norm pinv matrix_power".split()})

xp.fft = types.SimpleNamespace(
    **{name: function(getattr(np.fft, name), "n axis norm", an_array) for name in "fft ifft rfft irfft hfft ihfft".split()},
    **{name: function(getattr(np.fft, name), "s axes norm", an_array) for name in "fftn ifftn rfftn irfftn".split()})

special = types.ModuleType("standin_scipy.special")
for _name in "erf erfc expit logit gammaln digamma xlogy ndtr ndtri erfinv log_ndtr zeta i0 i1 i0e i1e gamma entr".split():
    setattr(special, _name, function(getattr(scipy.special, _name), "out", operand, operand_or_none))
for _name in "log_softmax softmax logsumexp".split():
    setattr(special, _name, function(getattr(scipy.special, _name), "axis keepdims", an_array))


ndimage = types.ModuleType("standin_scipy.ndimage")
ndimage.affine_transform = function(scipy.ndimage.affine_transform, "offset order mode cval prefilter", an_array)


def register():
    """Make the device "standin" known to minigrad."""
    sys.modules.setdefault("standin_scipy", types.ModuleType("standin_scipy"))
    sys.modules["standin_scipy.special"] = special
    sys.modules["standin_scipy.ndimage"] = ndimage

    def from_numpy(x, index):
        if index:
            raise ValueError(f"there is no device {index}, only device 0")
        moved("to device")
        return ndarray(np.array(x))

    backend.register(ndarray, "standin", backend.Library(
        xp, "standin_scipy", lambda x: "standin:0", ndarray.get, from_numpy))
