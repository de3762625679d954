"""einsum, and the products of NumPy that are special cases of it.

A letter names an axis, z_ik = Σ_j x_ij y_jk is "ij,jk->ik". The general einsum is made of four steps, each with a gradient
of its own: a letter twice in one operand reads a diagonal; a letter that only one operand has is summed; two operands at
a time are contracted (`Einsum`, left to right); and the axes are put in the order of the output.
"""

import functools
import math
import string

from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.arithmetic import multiply
from minigrad.functions.complex_numbers import conj
from minigrad.functions.indexing import getitem
from minigrad.functions.reductions import sum as sum_over
from minigrad.functions.shapes import as_operand, moveaxis, normalize_axis, ravel, reshape, transpose


class Einsum(Function):
    """z = einsum("x's letters,y's letters->z's letters", x, y)          dx = einsum(dz, y),   dy = einsum(dz, x)

    z_o = Σ x_a y_b over the letters of a and b that are not in o. Each x_a is multiplied by y_b in every z_o with matching
    letters, so dx_a = Σ dz_o y_b over the letters of o and b that are not in a: an einsum again, "o,b->a".
    Every letter stands in two of a, b, o at least (the others were summed before) and once in each, so this always fits.
    """

    reads = {"dx": "y", "dy": "x"}
    takes_complex = True

    def forward(self, x, y, a, b, o):
        self.letters = a, b, o
        return _contract(x, y, a, b, o)

    def backward(self, dz):
        (x, y), (a, b, o) = self.inputs, self.letters
        return lambda: Einsum.apply(dz, y, a=o, b=b, o=a), lambda: Einsum.apply(dz, x, a=o, b=a, o=b)


def _contract(x, y, a, b, o):
    """The einsum of two arrays; as a product of matrices where it is one, since BLAS is much faster at that."""
    xp = get_array_module(x, y)
    batch, inner = [i for i in a if i in b and i in o], [i for i in a if i in b and i not in o]
    rows, columns = [i for i in a if i not in b], [i for i in b if i not in a]
    if not (inner and rows and columns):
        return xp.einsum(f"{a},{b}->{o}", x, y)
    length = dict(zip((*a, *b), (*x.shape, *y.shape)))
    n, k, m = (math.prod(length[i] for i in letters) for letters in (rows, inner, columns))
    lead = [length[i] for i in batch]
    x = x.transpose([a.index(i) for i in batch + rows + inner]).reshape(*lead, n, k)
    y = y.transpose([b.index(i) for i in batch + inner + columns]).reshape(*lead, k, m)
    found = batch + rows + columns
    return xp.matmul(x, y).reshape([length[i] for i in found]).transpose([found.index(i) for i in o])


def einsum(subscripts, *operands, optimize=None):
    """The sum over named axes, as numpy.einsum: einsum("ij,jk->ik", x, y) is Σ_j x_ij y_jk.

    Letters that the output lacks are summed; a letter twice in one operand reads the diagonal; "..." are any further axes,
    which broadcast. Without "->" the output has the letters that occur once, in alphabetical order. The other form of
    NumPy, einsum(x, [0, 1], y, [1, 2], [0, 2]), works too.

    The gradient of an operand is the einsum of dz with the other operands, with its own letters as the output; where a
    letter was summed away alone, the gradient is repeated along it; off a diagonal that was read, it is 0.

    Several operands are contracted from left to right, two at a time; `optimize` is accepted and ignored.
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _as_subscripts(subscripts, *operands)
    operands = [as_operand(x) for x in operands]
    terms, output = _parse(subscripts, tuple(x.ndim for x in operands))
    lengths = _lengths(terms, operands, subscripts)
    terms = [_one_axis_a_letter(x, letters, lengths) for x, letters in zip(operands, terms)]
    x, a = None, ""
    for position, (y, b) in enumerate(terms):
        needed = {*output, *(i for _, letters in terms[position + 1:] for i in letters)}
        y, b = _sum_away(y, b, needed.union(a))
        if x is None:
            x, a = y, b
        else:
            x, a = _sum_away(x, a, needed.union(b))
            o = "".join(i for i in dict.fromkeys(a + b) if i in needed)
            x, a = Einsum.apply(x, y, a=a, b=b, o=o), o
    return transpose(x, [a.index(i) for i in output])


def _as_subscripts(*arguments):
    """einsum(x, [0, 1], y, [1, 2], [0, 2]) as subscripts and operands."""
    def letters(axes):
        return "".join("..." if i is Ellipsis else string.ascii_letters[i] for i in axes)

    operands, axes = arguments[:-1:2], arguments[1::2]
    subscripts = ",".join(map(letters, axes))
    return subscripts + ("->" + letters(arguments[-1]) if len(arguments) % 2 else ""), operands


@functools.cache
def _parse(subscripts, ndims):
    """A letter for each axis of each operand, and the letters of the output; the axes of "..." get unused letters."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, got {len(ndims)}")
    unused = [i for i in string.ascii_letters if i not in subscripts]
    most, parsed = "", []
    for position, (term, ndim) in enumerate(zip(terms, ndims)):
        before, dots, after = term.partition("...")
        count = ndim - len(before + after)
        if count < 0 or (count > 0 and not dots):
            raise ValueError(f"einsum: {term!r} in {subscripts!r} does not fit operand {position}, which has {ndim} axes")
        further = "".join(unused[:count][::-1])  # the last axis of every "..." is the same letter, as in broadcasting
        most = max(most, further, key=len)
        parsed.append(before + further + after)
    if not arrow:
        named = inputs.replace(",", "").replace(".", "")
        output = "..." + "".join(sorted(i for i in set(named) if named.count(i) == 1))
    elif most and "..." not in output:
        raise ValueError(f"einsum: the output of {subscripts!r} lacks the '...' of the operands")
    output = output.replace("...", most)
    if not all(i in string.ascii_letters for term in (*parsed, output) for i in term):
        raise ValueError(f"einsum: {subscripts!r} may have letters, ',', '->' and '...' only")
    if len(set(output)) < len(output) or not set(output) <= set("".join(parsed)):
        raise ValueError(f"einsum: each letter of the output of {subscripts!r} must stand there once, and in an operand")
    return tuple(parsed), output


def _lengths(terms, operands, subscripts):
    """The length of each letter's axis; an axis of length 1 fits any other."""
    lengths = {}
    for letters, x in zip(terms, operands):
        for i, n in zip(letters, x.shape):
            if lengths.setdefault(i, n) == 1:
                lengths[i] = n
            elif n not in (1, lengths[i]):
                raise ValueError(f"einsum: in {subscripts!r} the axes {i!r} have the lengths {lengths[i]} and {n}")
    return lengths


def _one_axis_a_letter(x, letters, lengths):
    """x without the axes of length 1 where their letter is longer elsewhere, and the diagonals where it stands twice."""
    kept = [axis for axis, i in enumerate(letters) if x.shape[axis] == lengths[i]]
    if len(kept) < x.ndim:
        x, letters = reshape(x, [x.shape[axis] for axis in kept]), "".join(letters[axis] for axis in kept)
    while repeated := [i for i in letters if letters.count(i) > 1]:
        i = repeated[0]
        first = letters.index(i)
        x = moveaxis(x, (first, letters.index(i, first + 1)), (-2, -1))
        places = get_array_module(getattr(x, "_data", x)).arange(lengths[i])
        x, letters = getitem(x, (..., places, places)), letters.replace(i, "", 2) + i
    return x, letters


def _sum_away(x, letters, needed):
    """x summed over the axes whose letters nothing else needs."""
    lonely = tuple(axis for axis, i in enumerate(letters) if i not in needed)
    return (sum_over(x, axis=lonely), "".join(i for i in letters if i in needed)) if lonely else (x, letters)


# ---- special cases

def tensordot(x, y, axes=2):
    """The sum of products over pairs of axes, as numpy.tensordot: `axes` is a number n (the last n of x, the first n of y)
    or a pair of (lists of) axes.

    The axes of the result are the others of x, then the others of y; an einsum, and so are its gradients.
    """
    x, y = as_operand(x), as_operand(y)
    if isinstance(axes, (tuple, list)):
        over_x, over_y = ([i] if not hasattr(i, "__len__") else list(i) for i in axes)
    else:
        over_x, over_y = range(x.ndim - axes, x.ndim), range(axes)
    over_x, over_y = ([normalize_axis(i, a.ndim) for i in over] for over, a in ((over_x, x), (over_y, y)))
    if [x.shape[i] for i in over_x] != [y.shape[i] for i in over_y]:
        raise ValueError(f"tensordot: axes {over_x} of {tuple(x.shape)} do not match axes {over_y} of {tuple(y.shape)}")
    a, b = list(string.ascii_letters[:x.ndim]), list(string.ascii_letters[x.ndim:x.ndim + y.ndim])
    for i, j in zip(over_x, over_y):
        b[j] = a[i]
    free = [i for i in a if i not in b] + [i for i in b if i not in a]
    return einsum(f"{''.join(a)},{''.join(b)}->{''.join(free)}", x, y)


def dot(x, y):
    """z = Σ over the last axis of x and the last but one of y (or its only one), as numpy.dot; a number multiplies.

    dx = Σ dz y, dy = Σ dz x over the axes of the other: for matrices dx = dz yᵀ, dy = xᵀ dz.
    """
    x, y = as_operand(x), as_operand(y)
    if x.ndim == 0 or y.ndim == 0:
        return multiply(x, y)
    return tensordot(x, y, (-1, -2 if y.ndim > 1 else -1))


def inner(x, y):
    """z = Σ over the last axis of both, as numpy.inner; a number multiplies. For vectors dx = dz y, dy = dz x."""
    x, y = as_operand(x), as_operand(y)
    return multiply(x, y) if x.ndim == 0 or y.ndim == 0 else tensordot(x, y, (-1, -1))


def vdot(x, y):
    """z = Σ conj(x) y over all numbers, in order, of two arrays of any shapes, as numpy.vdot.

    dx = conj(dz y), dy = dz conj(x).
    """
    return dot(ravel(conj(x)), ravel(y))


def outer(x, y):
    """z_ij = x_i y_j of all numbers of x and y, as numpy.outer. dx_i = Σ_j dz_ij y_j, dy_j = Σ_i dz_ij x_i."""
    return einsum("i,j->ij", ravel(x), ravel(y))


def kron(x, y):
    """Kronecker's product: a copy of y times x_ij for each number of x, as numpy.kron.

    z_(i p)(j q) = x_ij y_pq, so dx_ij = Σ_pq dz_(i p)(j q) y_pq and dy_pq = Σ_ij dz_(i p)(j q) x_ij.
    """
    x, y = as_operand(x), as_operand(y)
    ndim = max(x.ndim, y.ndim)
    x, y = (reshape(a, (1,) * (ndim - a.ndim) + tuple(a.shape)) for a in (x, y))
    pairs = list(zip(x.shape, y.shape))
    x = reshape(x, [n for i, _ in pairs for n in (i, 1)])
    y = reshape(y, [n for _, j in pairs for n in (1, j)])
    return reshape(multiply(x, y), [i * j for i, j in pairs])
