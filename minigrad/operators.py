"""What binds the mathematics to Tensor: its operators and methods, and NumPy's own functions called on Tensors.

One table each. `METHODS` are what `t.name(...)` calls, `UFUNCS` and `FUNCTIONS` what `np.name(t)` calls. A NumPy function
that is not in a table raises: silently converting the Tensor to an array would lose its gradient.
"""

import numpy as np

from minigrad import autograd, backend
from minigrad import functions as F
from minigrad.functions import linalg
from minigrad.functions.device import to
from minigrad.tensor import Tensor

METHODS = {
    "backward": autograd.backward, "retain_grad": autograd.retain_grad, "to": to,
    "register_hook": autograd.register_hook,
    **{name: getattr(F, name) for name in (
        "sum mean var std max min logsumexp reshape ravel transpose squeeze expand_dims swapaxes moveaxis split "
        "astype clip exp log sqrt sin cos tanh abs relu sigmoid softmax log_softmax flip broadcast_to matmul "
        "square prod cumsum cumprod median norm repeat roll take topk tril triu diagonal trace unstack").split()},
    "flatten": F.ravel, "view": F.reshape, "dot": F.dot,
    "__add__": F.add, "__sub__": F.subtract, "__mul__": F.multiply, "__truediv__": F.divide, "__pow__": F.power,
    "__matmul__": F.matmul, "__neg__": F.negative, "__abs__": F.absolute, "__getitem__": F.getitem,
    "__pos__": lambda x: x, "__mod__": F.remainder, "__floordiv__": F.floor_divide, "__round__": F.round,
    **{name: getattr(F, name) for name in (
        "tan arcsin arccos arctan sinh cosh arcsinh arccosh arctanh exp2 expm1 log2 log10 log1p reciprocal sign floor ceil "
        "trunc round").split()},
    "__iter__": lambda x: iter(F.unstack(x)) if x.ndim else _no_iteration(),
}

REFLECTED = {"__radd__": F.add, "__rsub__": F.subtract, "__rmul__": F.multiply, "__rtruediv__": F.divide,
             "__rpow__": F.power, "__rmatmul__": F.matmul, "__rmod__": F.remainder, "__rfloordiv__": F.floor_divide}

COMPARISONS = {f"__{name}__": name for name in ("lt", "le", "eq", "ne", "gt", "ge")}  # they give plain arrays

PLAIN = ("argmax", "argmin", "any", "all")  # so do these: indices and truth values have no gradient

UFUNCS = {getattr(np, name): getattr(F, name) for name in (
    "add subtract multiply divide negative power absolute maximum minimum exp log sqrt sin cos tanh square matmul").split()}
UFUNCS |= {getattr(np, name): getattr(F, name) for name in (
    "tan arcsin arccos arctan arctan2 hypot sinh cosh arcsinh arccosh arctanh deg2rad rad2deg exp2 expm1 log2 log10 log1p "
    "cbrt reciprocal logaddexp logaddexp2 sign floor ceil rint trunc floor_divide remainder fmod copysign fmax "
    "fmin").split()}
UFUNCS |= {np.radians: F.deg2rad, np.degrees: F.rad2deg, np.fabs: F.absolute, np.positive: lambda x: x}

PLAIN_UFUNCS = {getattr(np, name) for name in (
    "less less_equal equal not_equal greater greater_equal isnan isinf isfinite signbit "
    "logical_not logical_and logical_or logical_xor").split()}

FUNCTIONS = {getattr(np, name): getattr(F, name) for name in (
    "sum mean var std max min amax amin reshape ravel transpose squeeze expand_dims swapaxes moveaxis split concatenate "
    "stack broadcast_to where clip pad flip take_along_axis astype").split() if hasattr(F, name) and hasattr(np, name)}
FUNCTIONS |= {np.amax: F.max, np.amin: F.min}
FUNCTIONS |= {getattr(np, name): getattr(F, name) for name in "dot einsum inner kron outer tensordot vdot".split()}
FUNCTIONS |= {getattr(np.linalg, name): getattr(linalg, name) for name in linalg.__all__}

FUNCTIONS |= {getattr(np, name): getattr(F, name) for name in (
    "prod cumsum cumprod median tile repeat roll sort take tril triu diag diagonal trace").split()}
FUNCTIONS |= {np.linalg.norm: F.norm, np.linalg.vector_norm: F.vector_norm}
FUNCTIONS |= {np.lib.stride_tricks.sliding_window_view: F.sliding_window_view}
FUNCTIONS |= {np.round: F.round, np.nan_to_num: F.nan_to_num, np.sinc: F.sinc}

PLAIN_FUNCTIONS = {np.argmax, np.argmin, np.any, np.all, np.allclose, np.array_equal, np.isclose, np.shape, np.ndim,
                   np.size, np.array_repr, np.array_str, np.array2string, np.argsort, np.zeros_like, np.ones_like,
                   np.empty_like, np.full_like, np.result_type, np.may_share_memory, np.shares_memory}


def _plain(x):
    """Arrays in the place of Tensors, also inside of lists and tuples."""
    if isinstance(x, Tensor):
        return x.data
    return type(x)(_plain(i) for i in x) if type(x) in (list, tuple) else x


def _array_ufunc(self, ufunc, method, *inputs, **keywords):
    if method == "__call__" and not keywords.get("out"):
        if ufunc in UFUNCS:
            if {k for k, v in keywords.items() if v is not None}:
                raise TypeError(f"np.{ufunc.__name__} on a Tensor takes no {', '.join(keywords)}")
            return UFUNCS[ufunc](*inputs)
        if ufunc in PLAIN_UFUNCS:
            return ufunc(*_plain(inputs), **keywords)
    what = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}") + (
        " with out=" if keywords.get("out") else "")
    raise TypeError(_refusal(what))


def _array_function(self, function, types, arguments, keywords):
    if function in FUNCTIONS:
        return FUNCTIONS[function](*arguments, **keywords)
    if function in PLAIN_FUNCTIONS:
        return function(*_plain(arguments), **{k: _plain(v) for k, v in keywords.items()})
    raise TypeError(_refusal(f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}"))


def _refusal(what):
    return (f"{what} is not differentiable, or not done in minigrad, so the gradient would be lost: use a function of "
            "mg or minigrad.functions, or pass t.numpy() if no gradient is wanted")


def _array(self, dtype=None, copy=None):
    if self.requires_grad:
        raise TypeError("a Tensor that requires gradients would lose them as a NumPy array: use t.numpy() to do so "
                        "knowingly")
    return np.array(self.numpy(), dtype=dtype, copy=copy)


def _dlpack(self, **keywords):
    if self.requires_grad:
        raise BufferError("a Tensor that requires gradients would lose them through DLPack: use t.detach()")
    return self.data.__dlpack__(**keywords)


def _no_iteration():
    raise TypeError("iteration over a 0-d Tensor")


def _operand(x):
    """Whether x can be the other side of an operator (Python then asks the other side, or raises TypeError)."""
    return isinstance(x, (Tensor, int, float, complex, np.generic, list, tuple)) or backend.is_array(x)


def _binary(function, reflected=False):
    def method(self, other):
        if not _operand(other):
            return NotImplemented
        return function(other, self) if reflected else function(self, other)
    return method


def _comparison(name):
    def method(self, other):
        return getattr(self.data, f"__{name}__")(_plain(other)) if _operand(other) else NotImplemented
    return method


def _plain_method(name):
    def method(self, *arguments, **keywords):
        return getattr(self.data, name)(*arguments, **keywords)
    return method


def bind():
    """Give Tensor everything in the tables."""
    binary = {"__add__", "__sub__", "__mul__", "__truediv__", "__pow__", "__matmul__", "__mod__", "__floordiv__"}
    for name, function in METHODS.items():
        setattr(Tensor, name, _binary(function) if name in binary else _method(function))
    for name, function in REFLECTED.items():
        setattr(Tensor, name, _binary(function, reflected=True))
    for name, comparison in COMPARISONS.items():
        setattr(Tensor, name, _comparison(comparison))
    for name in PLAIN:
        setattr(Tensor, name, _plain_method(name))
    Tensor.__hash__ = object.__hash__
    Tensor.T = property(F.transpose, doc="The Tensor with its axes reversed.")
    Tensor.mT = property(lambda x: F.swapaxes(x, -1, -2), doc="The Tensor with its last two axes exchanged.")
    Tensor.__array__, Tensor.__array_ufunc__, Tensor.__array_function__ = _array, _array_ufunc, _array_function
    Tensor.__dlpack__ = _dlpack
    Tensor.__dlpack_device__ = lambda self: self.data.__dlpack_device__()


def _method(function):
    """The function as a method (a lambda or a def binds by itself)."""
    return function


bind()
