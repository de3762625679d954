"""A stand-in for CuPy: arrays that live on the host, but behave like CuPy's where it hurts.

It refuses what CuPy refuses: implicit conversion to NumPy, host arrays in any operation, lists in ufuncs, functions and
ufunc methods that CuPy lacks. Reductions give 0-d arrays, integer indices out of range wrap around in silence, and of
duplicate indices in `x[i] = v` the first wins, not the last. Copies between "host" and "device" are counted.

    import standin; standin.register()          # the device is called "standin"
    t = mg.Tensor(x, device="standin")
"""

import sys
import types
from collections import Counter

import numpy as np
import scipy.special

from minigrad import backend

traffic = Counter()  # "to device", "to host": copies of arrays; "scalars": single numbers read back


def unsupported(x):
    """CuPy's error for a foreign operand."""
    return TypeError(f"Unsupported type {type(x)}")


def host(x):
    """The host array behind an argument of a function; a real host array is refused, as CuPy does."""
    if isinstance(x, ndarray):
        return x.array
    if isinstance(x, np.ndarray) or type(x).__module__.startswith("minigrad"):
        raise unsupported(x)
    if isinstance(x, (list, tuple)):
        return type(x)(host(i) for i in x)
    return x


def device(x):
    """Results as device arrays; NumPy's scalars become 0-d arrays, as CuPy's reductions give."""
    if isinstance(x, np.ndarray):
        return ndarray(x)
    if isinstance(x, np.generic):
        return ndarray(np.asarray(x))
    if isinstance(x, (list, tuple)):
        return type(x)(device(i) for i in x)
    return x


class ndarray:
    """A device array."""

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
    base = property(lambda self: None if self.array.base is None else ndarray(self.array.base))

    def __array__(self, *arguments, **keywords):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy "
                        "array explicitly.")

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        """NumPy's ufuncs are sent on, as CuPy does, where it has them."""
        if method != "__call__" or ufunc.__name__ not in UFUNCS:
            return NotImplemented
        return getattr(xp, ufunc.__name__)(*inputs, **keywords)

    def __array_function__(self, function, types, arguments, keywords):
        """So are its functions."""
        return getattr(xp, function.__name__)(*arguments, **keywords)

    def get(self):
        """A copy on the host."""
        traffic["to host"] += 1
        return self.array.copy()

    def item(self, *arguments):
        traffic["scalars"] += 1
        return self.array.item(*arguments)

    def tolist(self):
        traffic["to host"] += 1
        return self.array.tolist()

    def __bool__(self):
        traffic["scalars"] += 1
        return bool(self.array)

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        return self.array.__index__()

    def __len__(self):
        return len(self.array)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return f"standin.{self.array!r}"

    def __getitem__(self, key):
        return device(self.array[self._key(key)])

    def __setitem__(self, key, value):
        if isinstance(value, (np.ndarray, list)):
            raise unsupported(value)
        where, value = self._key(key), host(value)
        if isinstance(where, np.ndarray) and where.dtype.kind in "iu" and np.ndim(value):
            where, value = where.ravel()[::-1], np.broadcast_to(value, (*where.shape, *self.shape[1:]))
            value = value.reshape(len(where), *self.shape[1:])[::-1]
        self.array[where] = value

    def _key(self, key):
        single = not isinstance(key, tuple)
        keys = [key] if single else list(key)
        for i, k in enumerate(keys):
            if isinstance(k, (np.ndarray, list)):  # copied to the device, as CuPy does
                traffic["to device"] += 1
                keys[i] = np.asarray(k)
            elif isinstance(k, ndarray):
                keys[i] = k.array
        plain = not any(k is None or k is Ellipsis or getattr(k, "dtype", np.dtype(int)).kind == "b" for k in keys)
        for i, k in enumerate(keys):
            if plain and isinstance(k, np.ndarray) and k.dtype.kind in "iu" and self.shape[i]:
                keys[i] = k % self.shape[i]
        return keys[0] if single else tuple(keys)


def _method(name):
    def method(self, *arguments, **keywords):
        return device(getattr(self.array, name)(*map(host, arguments), **{k: host(v) for k, v in keywords.items()}))
    return method


for _name in ("sum mean prod max min argmax argmin any all var std cumsum cumprod reshape ravel flatten transpose swapaxes "
              "squeeze astype copy clip take repeat argsort dot round nonzero diagonal trace fill sort view").split():
    setattr(ndarray, _name, _method(_name))


def _operator(name):
    def operator(self, *others):
        for other in others:
            if isinstance(other, np.ndarray):
                raise unsupported(other)
            if not isinstance(other, (ndarray, int, float, complex, np.generic)):
                return NotImplemented
        result = getattr(self.array, name)(*(host(o) for o in others))
        if result is NotImplemented:
            return result
        return self if result is self.array else device(result)
    return operator


for _name in ("add sub mul truediv floordiv mod pow matmul and or xor radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul "
              "iadd isub imul itruediv ipow neg pos abs invert lt le gt ge eq ne").split():
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
ndarray.__hash__ = None


class Ufunc:
    """A ufunc: device arrays and scalars, no lists, no host arrays; `.at` and `.reduce` only where CuPy has them."""

    def __init__(self, name):
        self.ufunc, self.__name__ = getattr(np, name), name

    def __call__(self, *inputs, out=None, **keywords):
        for x in inputs:
            if not isinstance(x, (ndarray, int, float, complex, np.generic)):
                raise unsupported(x)
        if unknown := set(keywords) - {"dtype", "casting"}:
            raise TypeError(f"{self.__name__}() got an unexpected keyword {unknown}")
        if out is not None:
            self.ufunc(*map(host, inputs), out=host(out), **keywords)
            return out
        return device(self.ufunc(*map(host, inputs), **keywords))

    def __getattr__(self, name):
        allowed = {"add": {"at", "reduce", "accumulate", "reduceat"}, "multiply": {"reduce", "accumulate"},
                   "subtract": {"at"}, "maximum": {"at"}, "minimum": {"at"}}
        if name not in allowed.get(self.__name__, ()):
            raise AttributeError(f"ufunc {self.__name__!r} has no {name!r}")
        return getattr(self, f"_{name}")

    def _at(self, target, index, values):
        kinds = {"add": "int32 int64 uint32 uint64 float16 float32 float64", "subtract": "int32 uint32"}
        if target.dtype.name not in kinds.get(self.__name__, "int32 int64 float32 float64"):
            raise TypeError(f"{self.__name__}.at does not take {target.dtype}")
        if isinstance(values, np.ndarray):
            raise unsupported(values)
        self.ufunc.at(target.array, target._key(index), host(values))

    def _reduce(self, x, *arguments, **keywords):
        return device(self.ufunc.reduce(host(x), *arguments, **keywords))

    def _accumulate(self, x, *arguments, **keywords):
        return device(self.ufunc.accumulate(host(x), *arguments, **keywords))

    def _reduceat(self, x, *arguments, **keywords):
        return device(self.ufunc.reduceat(host(x), *arguments, **keywords))


UFUNCS = set("""
    add subtract multiply divide true_divide floor_divide negative positive power float_power remainder mod fmod absolute
    fabs rint sign exp exp2 log log2 log10 expm1 log1p sqrt square cbrt reciprocal sin cos tan arcsin arccos arctan arctan2
    hypot sinh cosh tanh arcsinh arccosh arctanh logaddexp logaddexp2 maximum minimum fmax fmin floor ceil trunc isfinite
    isinf isnan signbit greater greater_equal less less_equal equal not_equal logical_and logical_or logical_xor
    logical_not bitwise_and bitwise_or bitwise_xor invert left_shift right_shift conjugate copysign matmul""".split())

FUNCTIONS = set("""
    sum mean prod var std max min amax amin argmax argmin any all count_nonzero cumsum cumprod median quantile
    reshape ravel transpose moveaxis rollaxis swapaxes squeeze expand_dims broadcast_to broadcast_arrays concatenate stack
    vstack hstack dstack split array_split flip fliplr flipud roll rot90 tile repeat pad where clip take take_along_axis
    put_along_axis choose compress diag diagonal diagflat tril triu trace dot inner outer tensordot einsum kron vdot
    sort argsort nonzero unique searchsorted flatnonzero argwhere zeros_like ones_like full_like empty_like copy
    nan_to_num round around real imag angle isclose allclose array_equal result_type can_cast ndim shape size diff
    interp meshgrid ascontiguousarray nansum nanmax nanmin bincount astype""".split())

CREATORS = set("zeros ones full empty arange linspace eye identity tri indices".split())


class Module(types.ModuleType):
    """The module: what CuPy has, and nothing else."""

    ndarray = ndarray

    def __getattr__(self, name):
        if name in UFUNCS:
            value = Ufunc(name)
        elif name in FUNCTIONS or name in CREATORS:
            value = _function(getattr(np, name))
        elif name in ("newaxis", "pi", "e", "inf", "nan", "dtype", "float16", "float32", "float64", "int8", "int16", "int32",
                      "int64", "uint8", "uint16", "uint32", "uint64", "bool_", "integer", "floating", "finfo", "iinfo"):
            value = getattr(np, name)
        else:
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")
        setattr(self, name, value)
        return value

    @staticmethod
    def asarray(x, dtype=None):
        """A device array of host numbers (a copy to the device), or x itself."""
        if isinstance(x, ndarray):
            return x if dtype is None else ndarray(x.array.astype(dtype, copy=False))
        if isinstance(x, np.ndarray) or (isinstance(x, (list, tuple)) and len(x)):
            traffic["to device"] += 1
        x = np.asarray(host(x) if isinstance(x, (list, tuple)) else x, dtype=dtype)
        if x.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {x.dtype}")
        return ndarray(x.copy())

    array = asarray

    @property
    def ogrid(self):
        class Grid:
            def __getitem__(self, key):
                return device(list(np.ogrid[key]) if isinstance(key, tuple) else np.ogrid[key])
        return Grid()


def _function(function):
    def call(*arguments, **keywords):
        return device(function(*map(host, arguments), **{k: host(v) for k, v in keywords.items()}))
    call.__name__ = function.__name__
    return call


class Generator:
    """Random numbers on the device: what cupy.random.Generator has (no normal, permutation, shuffle, choice)."""

    def __init__(self, seed=None):
        self.generator = np.random.default_rng(seed)

    def __getattr__(self, name):
        if name not in {"random", "standard_normal", "uniform", "integers", "exponential", "gamma", "beta", "poisson",
                        "binomial", "standard_exponential", "standard_gamma"}:
            raise AttributeError(f"'Generator' object has no attribute {name!r}")
        return _function(getattr(self.generator, name))


xp = Module("standin")
xp.random = types.SimpleNamespace(default_rng=Generator)
xp.lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(
    as_strided=lambda x, shape=None, strides=None: ndarray(np.lib.stride_tricks.as_strided(host(x), shape, strides)),
    sliding_window_view=_function(np.lib.stride_tricks.sliding_window_view)))
xp.linalg = types.SimpleNamespace(**{name: _function(getattr(np.linalg, name)) for name in
                                     "inv det slogdet solve cholesky qr eigh svd norm pinv matrix_power".split()})
special = types.ModuleType("standin_scipy.special")
for _name in ("erf erfc expit logit gammaln digamma polygamma xlogy ndtr ndtri erfinv log_ndtr zeta i0 i1 gamma entr "
              "log_softmax softmax logsumexp").split():
    setattr(special, _name, _function(getattr(scipy.special, _name)))


def register():
    """Make the device "standin" known to minigrad."""
    sys.modules.setdefault("standin_scipy", types.ModuleType("standin_scipy"))
    sys.modules["standin_scipy.special"] = special

    def from_numpy(x, index):
        traffic["to device"] += 1
        return ndarray(np.array(x))

    backend.register(ndarray, "standin", backend.Library(xp, "standin_scipy", lambda x: "standin", ndarray.get, from_numpy))
