"""Real and imaginary parts, conjugates, angles: where complex numbers are made of real ones, and taken apart again.

For a complex z, dz means ∂L/∂Re z - i ∂L/∂Im z, so that a change δz changes the real number L by Re(dz δz). Each rule below
follows from that one line. None of these functions is holomorphic, so none has a derivative f'(z) in the usual sense.
Sources: W. Wirtinger, "Zur formalen Theorie der Funktionen von mehr komplexen Veränderlichen" (1927); K. Kreutz-Delgado,
"The complex gradient operator and the CR-calculus" (2009), sec. 4.
"""

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.shapes import as_operand
from minigrad.functions.trigonometric import arctan2, rad2deg
from minigrad.tensor import Tensor


class Complex(Function):
    """z = x + i y          dx = Re dz,   dy = Re(i dz)

    δL = Re(dz (δx + i δy)). The gradient of a real operand is real: the engine takes the real part of these two.
    """

    reads = {}
    takes_complex = True

    def forward(self, x, y):
        return x + 1j * y

    def backward(self, dz):
        return dz, lambda: 1j * dz


class Real(Function):
    """y = Re x          dx = dy

    δL = dy Re δx = Re(dy δx).
    """

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x):
        self.old = x.dtype
        return x.real

    def backward(self, dy):
        return dy.astype(self.old)


class Imag(Function):
    """y = Im x          dx = -i dy

    δL = dy Im δx = Re(-i dy δx).
    """

    reads = {}
    is_view = True
    takes_complex = True

    def forward(self, x):
        return x.imag

    def backward(self, dy):
        return -1j * dy


class Conj(Function):
    """y = conj(x)          dx = conj(dy)

    δL = Re(dy conj(δx)) = Re(conj(dy) δx).
    """

    reads = {}
    takes_complex = True

    def forward(self, x):
        return x.conj()

    def backward(self, dy):
        return dy.conj()




def complex(real, imag):
    """z = real + i imag, of two real operands that broadcast          dreal = Re dz,   dimag = Re(i dz)

    float32 gives complex64, float64 complex128.
    """
    real, imag = as_operand(real), as_operand(imag)
    for name, x in (("real", real), ("imag", imag)):
        if x.dtype.kind not in "fiub":
            raise TypeError(f"complex: {name} must be of real numbers, got {x.dtype}")
    return Complex.apply(real, imag)


def real(x):
    """y = Re x          dx = dy; a real x comes back as it is"""
    x = as_operand(x)
    return Real.apply(x) if x.dtype.kind == "c" else x


def imag(x):
    """y = Im x          dx = -i dy; zeros, without a gradient, for a real x"""
    x = as_operand(x)
    if x.dtype.kind == "c":
        return Imag.apply(x)
    array = x.data if isinstance(x, Tensor) else x
    return Tensor.wrap(get_array_module(array).zeros_like(array))


def conj(x):
    """y = Re x - i Im x          dx = conj(dy); a real x comes back as it is"""
    x = as_operand(x)
    return Conj.apply(x) if x.dtype.kind == "c" else x


def angle(x, deg=False):
    """y = arctan2(Im x, Re x), in (-π, π], or in degrees          dx = -i dy / x; 0 at 0, where there is no angle

    For a real x it is 0, or π where x is negative, and its gradient is 0.
    """
    y = arctan2(imag(x), real(x))
    return rad2deg(y) if deg else y


conjugate = conj
