"""What binds the mathematics to Tensor: its operators and methods, and NumPy's own functions called on Tensors.

One table each. `METHODS` are what `t.name(...)` calls, `UFUNCS` and `FUNCTIONS` what `np.name(t)` calls. A NumPy function
that is not in a table raises: silently converting the Tensor to an array would lose its gradient.
"""

import functools
import inspect
import operator

import numpy as np

from minigrad import autograd, backend, random
from minigrad import functions as F
from minigrad.functions import fourier, linalg, random_numbers
from minigrad.functions.device import to
from minigrad.recording import recording
from minigrad.tensor import Tensor

METHODS = {
    "backward": autograd.backward, "retain_grad": autograd.retain_grad, "to": to,
    "register_hook": autograd.register_hook,
    **{name: getattr(F, name) for name in (
        "sum mean var std max min logsumexp reshape ravel transpose squeeze expand_dims swapaxes moveaxis split "
        "astype clip exp log sqrt sin cos tanh abs relu sigmoid softmax log_softmax flip broadcast_to matmul "
        "square prod cumsum cumprod median norm repeat roll take topk tril triu diagonal trace unstack").split()},
    "flatten": F.ravel, "view": F.reshape, "dot": F.dot,
    "__neg__": F.negative, "__abs__": F.absolute, "__getitem__": F.getitem, "__pos__": lambda x: x, "__round__": F.round,
    **{name: getattr(F, name) for name in (
        "tan arcsin arccos arctan sinh cosh arcsinh arccosh arctanh exp2 expm1 log2 log10 log1p reciprocal sign floor ceil "
        "trunc round").split()},
    "conj": F.conj, "conjugate": F.conj,
    "__iter__": lambda x: iter(F.unstack(x)) if x.ndim else _no_iteration(),
}

OPERATORS = {"add": F.add, "sub": F.subtract, "mul": F.multiply, "truediv": F.divide, "pow": F.power,
             "matmul": F.matmul, "mod": F.remainder, "floordiv": F.floor_divide}  # x + y, and y + x if y is no Tensor

COMPARISONS = {f"__{name}__": name for name in ("lt", "le", "eq", "ne", "gt", "ge")}  # they give plain arrays

PLAIN = ("argmax", "argmin", "any", "all")  # so do these: indices and truth values have no gradient

UFUNCS = {getattr(np, name): getattr(F, name) for name in (
    "add subtract multiply divide negative power absolute maximum minimum exp log sqrt sin cos tanh square matmul").split()}
UFUNCS |= {getattr(np, name): getattr(F, name) for name in (
    "tan arcsin arccos arctan arctan2 hypot sinh cosh arcsinh arccosh arctanh deg2rad rad2deg exp2 expm1 log2 log10 log1p "
    "cbrt reciprocal logaddexp logaddexp2 sign floor ceil rint trunc floor_divide remainder fmod copysign fmax "
    "fmin").split()}
UFUNCS |= {np.conjugate: F.conj}
UFUNCS |= {np.radians: F.deg2rad, np.degrees: F.rad2deg, np.fabs: F.fabs, np.positive: F.positive}
UFUNCS |= {getattr(np, name): getattr(F, name) for name in (
    "divmod float_power heaviside ldexp modf vecdot matvec vecmat").split() if hasattr(np, name)}  # matvec from NumPy 2.2 on

PLAIN_UFUNCS = {getattr(np, name) for name in (
    "less less_equal equal not_equal greater greater_equal isnan isinf isfinite signbit "
    "logical_not logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor invert left_shift right_shift "
    "bitwise_count gcd lcm").split()}

FUNCTIONS = {getattr(np, name): getattr(F, name) for name in (
    "sum mean var std max min amax amin reshape ravel transpose squeeze expand_dims swapaxes moveaxis split concatenate "
    "stack broadcast_to where clip pad flip take_along_axis astype").split() if hasattr(F, name) and hasattr(np, name)}
FUNCTIONS |= {np.amax: F.max, np.amin: F.min}
FUNCTIONS |= {getattr(np, name): getattr(F, name) for name in "dot einsum inner kron outer tensordot vdot".split()}
FUNCTIONS |= {getattr(np.linalg, name): getattr(linalg, name) for name in linalg.__all__
              if name != "matrix_rank"}  # which is plain
FUNCTIONS |= {getattr(np.fft, name): getattr(fourier, name) for name in fourier.__all__ if not name.endswith("freq")}

FUNCTIONS |= {getattr(np, name): getattr(F, name) for name in (
    "prod cumsum cumprod median tile repeat roll sort take tril triu diag diagonal trace").split()}
FUNCTIONS |= {getattr(np, name): getattr(F, name) for name in (
    "nansum nanprod nanmean nanvar nanstd nanmax nanmin nanmedian nanquantile nanpercentile quantile percentile average "
    "ptp").split()}
FUNCTIONS |= {np.real: F.real, np.imag: F.imag, np.angle: F.angle}
FUNCTIONS |= {np.lib.stride_tricks.sliding_window_view: F.sliding_window_view}
FUNCTIONS |= {getattr(np, name): getattr(F, name) for name in (
    "append array_split atleast_1d atleast_2d atleast_3d block broadcast_arrays choose column_stack compress convolve "
    "correlate cross delete dsplit dstack extract fliplr flipud hsplit hstack insert interp matrix_transpose meshgrid "
    "resize rollaxis rot90 select unstack unwrap vander vsplit vstack").split() if hasattr(np, name)}
FUNCTIONS |= {getattr(np, name): getattr(F, name) for name in (
    "corrcoef cov cumulative_prod cumulative_sum diff ediff1d gradient nancumprod nancumsum polyval trapezoid").split()
    if hasattr(np, name)}  # cumulative_sum and _prod from NumPy 2.1 on
FUNCTIONS |= {getattr(np, name): getattr(F, name) for name in (
    "diagflat fix geomspace i0 linspace logspace partition piecewise polyadd polyder polyint polymul polysub").split()}
FUNCTIONS |= {np.copy: F.positive, np.round: F.round, np.around: F.round, np.nan_to_num: F.nan_to_num, np.sinc: F.sinc}

PLAIN_FUNCTIONS = {np.argmax, np.argmin, np.any, np.all, np.allclose, np.array_equal, np.isclose, np.shape, np.ndim,
                   np.size, np.array_repr, np.array_str, np.array2string, np.argsort, np.zeros_like, np.ones_like,
                   np.empty_like, np.full_like, np.result_type, np.may_share_memory, np.shares_memory,
                   np.searchsorted, np.argwhere, np.nonzero, np.flatnonzero, np.count_nonzero, np.array_equiv, np.isreal,
                   np.iscomplex, np.isrealobj, np.iscomplexobj, np.isneginf, np.isposinf, np.common_type, np.lexsort,
                   np.nanargmax, np.nanargmin, np.argpartition, np.digitize, np.isin, np.tril_indices_from,
                   np.triu_indices_from, np.diag_indices_from, np.linalg.matrix_rank}

RENAMED = {np.clip: {"a_min": "min", "a_max": "max"}}  # arguments that ours calls otherwise

REASONS = {  # why a function is not done, and what to do, where there is more to say than that
    **dict.fromkeys([np.linalg.eig, np.linalg.eigvals], "the eigenvalues of a matrix that is not symmetric may be complex, "
                    "or coincide, where they have no gradient; mg.linalg.eigh and eigvalsh do symmetric ones"),
    **dict.fromkeys([np.roots, np.poly], "the roots of a polynomial may be complex, or coincide, where they have no "
                    "gradient; mg.polymul multiplies factors"),
    **dict.fromkeys([np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values, np.union1d,
                     np.intersect1d, np.setdiff1d, np.setxor1d],
                    "x[np.unique(x.numpy(), return_index=True)[1]] are the numbers of x, each once, with their gradient"),
    **dict.fromkeys([np.histogram, np.histogram2d, np.histogramdd, np.bincount],
                    "counts have no slope; mg.index_add sums what belongs to a place, with its gradient"),
    **dict.fromkeys([np.apply_along_axis, np.apply_over_axes],
                    "most functions take axis=; for others mg.stack([f(row) for row in x])"),
    np.polyfit: "mg.linalg.lstsq(mg.vander(x, deg + 1), y)[0] are the coefficients, with their gradient",
    **dict.fromkeys([np.put_along_axis, np.fill_diagonal, np.put, np.place, np.putmask, np.copyto],
                    "Tensors are not changed in place; mg.put_along_axis, mg.fill_diagonal, mg.where and mg.index_update "
                    "give a new Tensor"),
}


def _plain(x):
    """Arrays in the place of Tensors, also inside of lists and tuples."""
    if isinstance(x, Tensor):
        return x.data
    return type(x)(_plain(i) for i in x) if type(x) in (list, tuple) else x


def _array_ufunc(self, ufunc, method, *inputs, **keywords):
    if method == "__call__" and not keywords.get("out"):
        if ufunc in UFUNCS:
            keywords = {k: v for k, v in keywords.items() if v is not None}
            if unknown := sorted(set(keywords) - {*_parameters(UFUNCS[ufunc])}):
                raise TypeError(f"np.{ufunc.__name__} on a Tensor takes no {', '.join(unknown)}")
            return UFUNCS[ufunc](*inputs, **keywords)
        if ufunc in PLAIN_UFUNCS:
            return ufunc(*_plain(inputs), **keywords)
    what = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}") + (
        " with out=" if keywords.get("out") else "")
    raise TypeError(_refusal(what))


def _array_function(self, function, types, arguments, keywords):
    if function in FUNCTIONS:
        keywords = {RENAMED.get(function, {}).get(k, k): v for k, v in keywords.items()}
        return FUNCTIONS[function](*by_name(function, arguments, keywords), **keywords)
    if function in PLAIN_FUNCTIONS:
        return function(*_plain(arguments), **{k: _plain(v) for k, v in keywords.items()})
    raise TypeError(_refusal(f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}", REASONS.get(function)))


@functools.cache
def _parameters(function):
    """The arguments of a function, by name; {} for those of NumPy's that do not tell them."""
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:
        return {}


def by_name(function, arguments, keywords):
    """The positional arguments of NumPy's function as ours takes them: those in another place move to `keywords`.

    np.sum(t, 0, None, None, True) means keepdims=True by its fifth argument, whatever mg.sum's fifth is. An argument that we
    do not have raises, unless it is NumPy's default.
    """
    theirs, ours = _parameters(function), list(_parameters(FUNCTIONS[function]))
    if any(p.kind is p.VAR_POSITIONAL for p in theirs.values()):
        return arguments
    kept = []
    for i, (name, value) in enumerate(zip(theirs, arguments)):
        default, name = theirs[name].default, RENAMED.get(function, {}).get(name, name)
        same = i < len(ours) and (ours[i] == name or (ours[i] not in theirs and name not in ours))  # x for NumPy's a
        if same and len(kept) == i:
            kept.append(value)
        elif name in ours:
            keywords[name] = value
        elif value is not default:
            raise TypeError(f"np.{function.__name__} on a Tensor takes no {name}")
    return (*kept, *arguments[len(theirs):])


def _refusal(what, reason=None):
    because = f" ({reason})" if reason else ""
    return (f"{what} is not differentiable, or not done in minigrad{because}, so the gradient would be lost: use a function "
            "of mg or minigrad.functions, or pass t.numpy() if no gradient is wanted")


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


def _operator(function, bare):
    """x + y. Where nothing is recorded, nothing is needed but `bare`, Python's own operator on the two arrays.

    That is the inside of every backward pass, so it is written out: a call of Tensor.wrap would take a tenth of it.
    """
    new, is_recording = Tensor.__new__, recording.get
    function = getattr(function, "apply", function)

    def method(self, other):
        if type(other) is Tensor:
            if not is_recording() or not (self._requires_grad or other._requires_grad):
                try:
                    array = bare(self._data, other._data)
                except (TypeError, ValueError):
                    return function(self, other)  # which explains what is wrong
                if type(array) is type(self._data):  # NumPy makes a scalar of 0-d arrays
                    tensor = new(Tensor)
                    tensor._data, tensor._requires_grad = array, False
                    tensor._grad = tensor.creator = tensor._version = None
                    return tensor
            return function(self, other)
        return function(self, other) if _operand(other) else NotImplemented
    return method


def _reflected(function):
    """y + x, where y is no Tensor."""
    def method(self, other):
        return function(other, self) if _operand(other) else NotImplemented
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
    """Give Tensor everything in the tables, and mg.random the numbers that can be differentiated."""
    for name in random_numbers.__all__:
        setattr(random, name, getattr(random_numbers, name))
    for name, function in METHODS.items():
        setattr(Tensor, name, function)
    for name, function in OPERATORS.items():
        setattr(Tensor, f"__{name}__", _operator(function, getattr(operator, name)))
        setattr(Tensor, f"__r{name}__", _reflected(function))
    for name, comparison in COMPARISONS.items():
        setattr(Tensor, name, _comparison(comparison))
    for name in PLAIN:
        setattr(Tensor, name, _plain_method(name))
    Tensor.__hash__ = object.__hash__
    Tensor.T = property(F.transpose, doc="The Tensor with its axes reversed.")
    Tensor.mT = property(lambda x: F.swapaxes(x, -1, -2), doc="The Tensor with its last two axes exchanged.")
    Tensor.real = property(F.real, doc="The real part; of a real Tensor itself.")
    Tensor.imag = property(F.imag, doc="The imaginary part.")
    Tensor.__array__, Tensor.__array_ufunc__, Tensor.__array_function__ = _array, _array_ufunc, _array_function
    Tensor.__dlpack__ = _dlpack
    Tensor.__dlpack_device__ = lambda self: self.data.__dlpack_device__()


bind()
