"""How variables vary together: covariance and correlation, compositions of averages and a product."""

from minigrad.backend import get_array_module
from minigrad.functions.complex_numbers import conj, real
from minigrad.functions.exponential import sqrt
from minigrad.functions.joining import atleast_2d
from minigrad.functions.order import diag
from minigrad.functions.products import matmul
from minigrad.functions.reductions import sum
from minigrad.functions.shapes import as_operand, astype, concatenate, expand_dims, squeeze, transpose
from minigrad.functions.statistics import average


def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None):
    """c_ij = Σ_n w_n (x_in - μ_i) (x_jn - μ_j) / N of variables i, j over observations n; μ their means by w

    m, y      the variables in rows (rowvar=False: in columns), a vector for one; those of y are put below those of m
    bias      N = Σ w instead of Σ w - 1; ddof, what to take off, if given, instead of this 0 or 1
    fweights  how often each observation was made; aweights, its importance; w is their product, else 1. With aweights N is
              Σ w - ddof Σ w a / Σ w.
    Derivatives follow from those of the means and of the product.  Raises ValueError for more than two axes.
    """
    x = _variables(m, rowvar)
    if y is not None:
        x = concatenate([x, _variables(y, rowvar)], 0)
    ddof = int(not bias) if ddof is None else ddof
    weights = [astype(as_operand(w), x.dtype, copy=False) if as_operand(w).dtype.kind in "iu" else as_operand(w)
               for w in (fweights, aweights) if w is not None]
    if any(tuple(w.shape) != tuple(x.shape[1:]) for w in weights):
        raise ValueError(f"cov: fweights and aweights must be vectors of the {x.shape[1]} observations, got shapes "
                         f"{[tuple(w.shape) for w in weights]}")
    w = weights[0] * weights[1] if len(weights) == 2 else weights[0] if weights else None
    x = x - average(x, 1, w, keepdims=True)
    if w is None:
        n = max(x.shape[1] - ddof, 0)
        c = matmul(x, conj(transpose(x)))
        return squeeze(c / n if n else c * float("nan"))
    n = total = sum(w)
    if ddof:
        n = total - (ddof if aweights is None else ddof * sum(w * weights[-1]) / total)
    return squeeze(matmul(x, conj(transpose(x * w))) / n)


def _variables(x, rowvar):
    x = as_operand(x)
    if x.ndim > 2:
        raise ValueError(f"cov: variables and observations are two axes at most, got shape {tuple(x.shape)}")
    return transpose(x) if not rowvar and x.ndim == 2 else atleast_2d(x)


def corrcoef(x, y=None, rowvar=True):
    """r_ij = c_ij / √(c_ii c_jj) with c = cov(x, y, rowvar): correlation coefficients, between -1 and 1

    What rounding carries beyond is clipped, as in NumPy (of complex numbers both parts). Only the value: r has a maximum or
    a minimum there, whose slope is 0 but whose second derivative is not, and the gradient is that of the quotient.
    """
    c = cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    deviation = sqrt(real(diag(c)))
    r = c / expand_dims(deviation, 1) / expand_dims(deviation, 0)
    xp, exact = get_array_module(r.data), r.data
    clipped = xp.clip(exact.real, -1, 1) + (1j * xp.clip(exact.imag, -1, 1) if exact.dtype.kind == "c" else 0)
    return r + (clipped - exact)
