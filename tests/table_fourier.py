"""Entries of the table of functions: complex numbers, Fourier transforms, random numbers.

The tests over the table differentiate by real numbers. So complex operands are made of two real ones here, and complex
results taken apart into their real and imaginary parts.
"""

import numpy as np
from table import add, nonzero, normal

import minigrad.functions as F
from minigrad.functions import arithmetic, complex_numbers, shapes


def parts(z):
    """A complex result as two real ones."""
    return [F.real(z), F.imag(z)]


def add_complex(name, call, shape, reference, *covers, sample=normal, more=()):
    """An entry for a function of one complex operand, and of further real ones of the shapes `more`."""
    def real_call(x, y, *others):
        z = call(F.complex(x, y), *others)
        return z if z.dtype.kind == "f" else parts(z)

    def real_reference(x, y, *others):
        z = reference(x + 1j * y, *others)
        return z if z.dtype.kind == "f" else [z.real, z.imag]

    add(name, real_call, sample(shape, shape, *more), real_reference, *covers)


# ---- complex numbers

add("complex", lambda x, y: parts(F.complex(x, y)), normal((2, 3), (2, 3)), lambda x, y: [x, y], complex_numbers.Complex)
add("complex/broadcast", lambda x, y: parts(F.complex(x, y)), normal((2, 1), (3,)),
    lambda x, y: list(np.broadcast_arrays(x, y)), complex_numbers.Complex)
add_complex("real", F.real, (2, 3), np.real, complex_numbers.Real)
add_complex("imag", F.imag, (2, 3), np.imag, complex_numbers.Imag)
add("real/of a real one", F.real, normal((3,)), np.real)
add("imag/of a real one", F.imag, normal((3,)), np.imag)
add_complex("conj", F.conj, (2, 3), np.conj, complex_numbers.Conj)
add_complex("conjugate", lambda z: F.conjugate(z) * z * z, (3,), lambda z: np.conj(z) * z * z, complex_numbers.Conj)
add_complex("angle", F.angle, (2, 3), np.angle)
add_complex("angle/degrees", lambda z: F.angle(z, deg=True), (3,), lambda z: np.angle(z, deg=True))
add("angle/of a real one", F.angle, nonzero((4,)), np.angle)
add_complex("absolute/complex", F.absolute, (2, 3), np.abs, arithmetic.Modulus)
add_complex("absolute/complex, 0-d", F.absolute, (), np.abs, arithmetic.Modulus)
add_complex("multiply/complex by real", F.multiply, (2, 3), np.multiply, arithmetic.Multiply, more=((2, 1),))
add("astype/complex", lambda x, y: parts(F.astype(x, np.result_type(x.dtype, "complex64")) * F.complex(y, x)),
    normal((3,), (3,)), lambda x, y: [x * y, x * x], shapes.AsType)
