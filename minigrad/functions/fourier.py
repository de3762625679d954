"""mg.fft: discrete Fourier transforms, under NumPy's names, arguments and norms.

The transform of n numbers is a product with the matrix F, F_kj = w^(kj) with w = exp(-2πi/n), times a scale that `norm`
tells: for "backward" 1 on the way there and 1/n on the way back, for "forward" the other way round, for "ortho" 1/√n
both ways. F is symmetric, so in the rule of all linear functions, y = F x gives dx = Fᵀ dy, the transpose is F itself: the
gradient of fft is fft. (dz is here ∂L/∂Re z - i ∂L/∂Im z, see function.py; for its conjugate, which users see, it is ifft.)
A real x takes the real part of it. Transforms over several axes are products of one for each, and as symmetric.

Where an axis is cut or filled up to length n, that is done before, by slicing and padding.
"""

import operator

import numpy as np

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.complex_numbers import conj
from minigrad.functions.indexing import getitem
from minigrad.functions.order import roll
from minigrad.functions.padding import pad
from minigrad.functions.shapes import as_operand, astype, normalize_axis

__all__ = ("fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn fftshift ifftshift fftfreq "
           "rfftfreq").split()

OTHER_WAY = {"backward": "forward", "forward": "backward", "ortho": "ortho"}  # the norm that scales there as this one back


class FFT(Function):
    """y = fft(x)          dx = fft(dy)

    y_k = s Σ_j x_j w^(jk), w = exp(-2πi/n), over each of the axes; symmetric in j and k.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, axes, norm):
        self.how = dict(axes=axes, norm=norm)
        return get_array_module(x).fft.fftn(x, **self.how)

    def backward(self, dy):
        return FFT.apply(dy, **self.how)


class IFFT(Function):
    """y = ifft(x)          dx = ifft(dy)

    y_j = s Σ_k x_k w^(-jk), over each of the axes; symmetric in j and k.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, axes, norm):
        self.how = dict(axes=axes, norm=norm)
        return get_array_module(x).fft.ifftn(x, **self.how)

    def backward(self, dy):
        return IFFT.apply(dy, **self.how)


class RFFT(Function):
    """y = rfft(x)          dx = irfft(conj(dy) / c), scaled as the way there

    Of n real numbers, y_k = s Σ_j x_j w^(jk) for k = 0 .. n//2 only: the others are conjugates of these, y_(n-k) = conj y_k.
    δL = Re Σ_k dy_k δy_k gives dx_j = s Re Σ_k dy_k w^(jk) = s Re Σ_k conj(dy_k) w^(-jk). irfft is such a sum, but with
    every bin that stands for two of the whole spectrum counted twice; so each is divided by its count c_k first (see
    IRFFT). With the norm of the other way, irfft has the scale s.
    """

    reads = {}

    def forward(self, x, axis, norm):
        self.n, self.how = x.shape[axis], dict(axis=axis, norm=norm)
        return get_array_module(x).fft.rfft(x, **self.how)

    def backward(self, dy):
        counts = _counts(dy, self.n, self.how["axis"])
        return IRFFT.apply(dy.conj() / counts, n=self.n, axis=self.how["axis"], norm=OTHER_WAY[self.how["norm"]])


class IRFFT(Function):
    """y = irfft(x)          dx = c * conj(rfft(dy)), scaled as the way there

    n real numbers from the bins k = 0 .. n//2: the others are filled in as conjugates, x_(n-k) = conj x_k, so
    y_j = s Re Σ_k c_k x_k w^(-jk), where c_k is 2, but 1 for the bins that are their own conjugates: k = 0, and k = n/2 for
    even n. (Their imaginary parts count for nothing, since w^(-jk) is real there.) Then δL = Σ_j dy_j δy_j gives
    dx_k = s c_k Σ_j dy_j w^(-jk) = s c_k conj(Σ_j dy_j w^(jk)), whose sum is rfft(dy).
    """

    reads = {}
    takes_complex = True

    def forward(self, x, n, axis, norm):
        self.n, self.how = n, dict(axis=axis, norm=norm)
        return get_array_module(x).fft.irfft(x, n=n, **self.how)

    def backward(self, dy):
        counts = _counts(dy, self.n, self.how["axis"])
        return RFFT.apply(dy, axis=self.how["axis"], norm=OTHER_WAY[self.how["norm"]]).conj() * counts


def _counts(like, n, axis):
    """How often each of the n//2 + 1 bins occurs in the whole spectrum of n: 1, 2, 2 ..., and 1 at n/2; along the axis."""
    xp = get_array_module(like.data)
    k = xp.arange(n // 2 + 1)
    counts = (1 + ((k > 0) & (2 * k < n))).astype(like.data.real.dtype)
    return counts.reshape((-1,) + (1,) * (like.ndim - 1 - axis))


# ---- along one axis

def fft(x, n=None, axis=-1, norm=None):
    """y_k = Σ_j x_j exp(-2πi jk/n) along an axis, complex          dx = fft(dy)

    n     cut the axis, or fill it up with zeros, to this length first (None: as it is).
    norm  "backward" (the default: the scale 1/n is in the inverse), "forward" (it is here) or "ortho" (1/√n in both).
    """
    return fftn(x, (n,) if n is not None else None, (axis,), norm)


def ifft(x, n=None, axis=-1, norm=None):
    """y_j = 1/n Σ_k x_k exp(2πi jk/n) along an axis: the inverse of fft          dx = ifft(dy); n and norm as in fft"""
    return ifftn(x, (n,) if n is not None else None, (axis,), norm)


def rfft(x, n=None, axis=-1, norm=None):
    """The bins 0 .. n//2 of the fft of real numbers, the rest being their conjugates          dx = Re fft(dy filled with 0)

    n and norm as in fft. Raises TypeError for a complex x.
    """
    return rfftn(x, (n,) if n is not None else None, (axis,), norm)


def irfft(x, n=None, axis=-1, norm=None):
    """The n real numbers whose rfft is x          dx = conj(rfft(dy)) / n, and twice that for the bins that stand for two

    n  the length of the result, by default the even one, 2 (m - 1) for m bins: pass n for an odd one. norm as in fft.
    """
    return irfftn(x, (n,) if n is not None else None, (axis,), norm)


def hfft(x, n=None, axis=-1, norm=None):
    """The real spectrum of a signal x that is Hermitian in time, of which x has the half          dx through irfft"""
    return irfft(conj(x), n, axis, OTHER_WAY[_norm(norm)])


def ihfft(x, n=None, axis=-1, norm=None):
    """The half of the Hermitian signal whose spectrum is the real x: the inverse of hfft          dx through rfft"""
    return conj(rfft(x, n, axis, OTHER_WAY[_norm(norm)]))


# ---- along several axes

def fftn(x, s=None, axes=None, norm=None):
    """fft along several axes (None: all)          dx = fftn(dy)

    s  for each axis, the length to cut it or to fill it up to first; -1: as it is. norm as in fft.
    """
    x, axes = _resized(x, s, axes)
    return FFT.apply(x, axes=axes, norm=_norm(norm))


def ifftn(x, s=None, axes=None, norm=None):
    """ifft along several axes (None: all): the inverse of fftn          dx = ifftn(dy); s and norm as in fftn"""
    x, axes = _resized(x, s, axes)
    return IFFT.apply(x, axes=axes, norm=_norm(norm))


def rfftn(x, s=None, axes=None, norm=None):
    """rfft along the last of the axes, then fft along the others          dx = Re fftn(dy filled with 0)"""
    x, axes = _resized(x, s, axes)
    if x.dtype.kind == "c":
        raise TypeError(f"rfft: x must be of real numbers, got {x.dtype}: use fft, or mg.real(x)")
    y = RFFT.apply(x, axis=axes[-1], norm=_norm(norm))
    return FFT.apply(y, axes=axes[:-1], norm=_norm(norm)) if axes[:-1] else y


def irfftn(x, s=None, axes=None, norm=None):
    """ifft along all of the axes but the last, then irfft along that: the inverse of rfftn          dx through both

    s  as in fftn, but the last one is the length of the real result (-1 or None: even, see irfft).
    """
    x = as_operand(x)
    x = x if x.dtype.kind == "c" else astype(x, np.result_type(x.dtype, np.complex64))
    axes, s = _axes(x, s, axes)
    n = 2 * (x.shape[axes[-1]] - 1) if s[-1] == -1 else s[-1]
    if n < 1:
        raise ValueError(f"irfft: the result would have {n} numbers along axis {axes[-1]} of shape {tuple(x.shape)}: pass n")
    x, _ = _resized(x, (*s[:-1], n // 2 + 1), axes)
    if axes[:-1]:
        x = IFFT.apply(x, axes=axes[:-1], norm=_norm(norm))
    return IRFFT.apply(x, n=n, axis=axes[-1], norm=_norm(norm))


def fft2(x, s=None, axes=(-2, -1), norm=None):
    """fftn along two axes          dx = fft2(dy)"""
    return fftn(x, s, axes, norm)


def ifft2(x, s=None, axes=(-2, -1), norm=None):
    """ifftn along two axes          dx = ifft2(dy)"""
    return ifftn(x, s, axes, norm)


def rfft2(x, s=None, axes=(-2, -1), norm=None):
    """rfftn along two axes          dx = Re fft2(dy filled with 0)"""
    return rfftn(x, s, axes, norm)


def irfft2(x, s=None, axes=(-2, -1), norm=None):
    """irfftn along two axes          dx as in irfftn"""
    return irfftn(x, s, axes, norm)


# ---- frequencies

def fftshift(x, axes=None):
    """x with the frequency 0 moved from the front of the axes (None: all) to their middle          dx = ifftshift(dy)"""
    return _shifted(x, axes, lambda n: n // 2)


def ifftshift(x, axes=None):
    """The inverse of fftshift          dx = fftshift(dy)"""
    return _shifted(x, axes, lambda n: -(n // 2))


def _shifted(x, axes, places):
    x = as_operand(x)
    axes = range(x.ndim) if axes is None else axes if isinstance(axes, (tuple, list)) else (axes,)
    return roll(x, tuple(places(x.shape[a]) for a in axes), tuple(axes))


def fftfreq(n, d=1.0):
    """The frequencies of the n bins of fft, for samples at a distance d: a plain array, in cycles per unit of d."""
    return np.fft.fftfreq(n, d)


def rfftfreq(n, d=1.0):
    """The frequencies of the n//2 + 1 bins of rfft, for n samples at a distance d: a plain array."""
    return np.fft.rfftfreq(n, d)


# ---- arguments

def _norm(norm):
    norm = "backward" if norm is None else norm
    if norm not in OTHER_WAY:
        raise ValueError(f"norm must be 'backward', 'ortho' or 'forward', got {norm!r}")
    return norm


def _axes(x, s, axes):
    """The axes counted from the front, and a length for each, -1 for the one that it has."""
    if axes is None:
        axes = range(x.ndim) if s is None else range(-len(s), 0)
    axes = tuple(normalize_axis(operator.index(a), x.ndim) for a in axes)
    if not axes:
        raise ValueError(f"a Fourier transform needs an axis, got none of shape {tuple(x.shape)}")
    s = (-1,) * len(axes) if s is None else tuple(-1 if n is None else operator.index(n) for n in s)
    if len(s) != len(axes):
        raise ValueError(f"s must have a length for each of the axes {axes}, got {s}")
    return axes, s


def _resized(x, s, axes):
    """x with its axes cut, or filled up with zeros at the end, to the lengths in s; and the axes counted from the front."""
    x = as_operand(x)
    x = x if x.dtype != np.float16 else astype(x, np.float32)  # there is no complex number of two float16
    axes, s = _axes(x, s, axes)
    for axis, n in zip(axes, s):
        length = x.shape[axis] if n == -1 else n
        if length < 1:
            raise ValueError(f"a Fourier transform needs at least 1 number, got {length} along axis {axis} of shape "
                             f"{tuple(x.shape)}")
        if length < x.shape[axis]:
            x = getitem(x, (slice(None),) * axis + (slice(length),))
        elif length > x.shape[axis]:
            x = pad(x, [(0, length - m if a == axis else 0) for a, m in enumerate(x.shape)])
    return x, axes
