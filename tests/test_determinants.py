"""Determinants of singular matrices: Laplace's expansion as the witness, derivatives of any order, what is kept."""

import itertools
import math

import numpy as np
import pytest
from derivatives import EPS, NUMERIC, assert_close, central_differences, dot, higher, slope
from table import TABLE

import minigrad as mg
from minigrad import linalg
from minigrad.functions.determinants import Cofactors

ENTRIES = [entry for entry in TABLE if entry.function == "linalg.det" and "cofactors" not in entry.name]


def cofactors(x):
    """By their definition: the determinants without a row and a column, by Leibniz's sum."""
    n = len(x)
    return np.array([[(-1) ** (i + j) * leibniz(np.delete(np.delete(x, i, 0), j, 1)) for j in range(n)] for i in range(n)])


def leibniz(x):
    return sum(np.linalg.det(np.eye(len(x))[list(p)]) * math.prod(x[i, j] for i, j in enumerate(p))
               for p in itertools.permutations(range(len(x))))


@pytest.mark.parametrize("x", [
    [[1, 2], [2, 4]], [[0, 0], [0, 3]], [[0, 0], [0, 0]], np.arange(9.0).reshape(3, 3), np.ones((3, 3)), np.zeros((3, 3)),
    np.diag([1.0, 0, 0]), np.diag([1.0, 0, 2]), np.eye(4), np.arange(16.0).reshape(4, 4), [[5.0]], [[0.0]]], ids=str)
def test_the_gradient_is_the_cofactors(x):
    x = np.array(x, float)
    y, dx = slope(linalg.det, x, dy=3.0)
    scale = max(1, abs(x).max()) ** (len(x) - 1)
    np.testing.assert_allclose(y, leibniz(x), rtol=0, atol=64 * EPS * scale * max(1, abs(x).max()))
    np.testing.assert_allclose(dx, 3 * cofactors(x), rtol=0, atol=64 * EPS * scale)


@pytest.mark.parametrize("entry", ENTRIES, ids=repr)
def test_third_and_fourth_derivatives(entry):
    """Each against differences of the one before it."""
    x, rng = entry.inputs()[0], np.random.default_rng(8)
    along = [[np.asarray(rng.standard_normal(x.shape[:-2]))], *[[rng.standard_normal(x.shape)] for _ in range(4)]]
    for order in (3, 4):
        def lower(x, order=order):
            return dot([g.data for g in higher(entry, [x], along[:order - 1])], along[order - 1])

        found = [g.data for g in higher(entry, [x], along[:order])]
        assert_close(found, central_differences(lower, [x]), NUMERIC)
    if 0 < x.shape[-1] < 4:
        found, = higher(entry, [x], along[:x.shape[-1] + 1])
        assert (abs(found.data) < 64 * EPS).all()  # of a polynomial of degree n the derivative n + 1 is nothing


def test_mixed_derivatives_do_not_care_about_order():
    """The derivatives along d and e: of the cofactors along d and then e, and the other way round."""
    rng = np.random.default_rng(1)
    x, d, e, dc = rng.standard_normal((4, 2, 4, 4))
    x[0] = np.outer(x[0, 0], x[0, 1])
    tensors = [mg.Tensor(a, requires_grad=True) for a in (x, d, e)]
    one, other = Cofactors.apply(*tensors), Cofactors.apply(tensors[0], tensors[2], tensors[1])
    np.testing.assert_allclose(one.data, other.data, atol=256 * EPS)
    for a, b in zip(mg.autograd.grad(one, tensors, mg.Tensor(dc)), mg.autograd.grad(other, tensors, mg.Tensor(dc))):
        np.testing.assert_allclose(a.data, b.data, atol=256 * EPS)


def test_near_a_singular_matrix_nothing_is_lost():
    """det x * x⁻ᵀ would lose as many digits as the condition has, here 1e13; the cofactors do not."""
    x = np.array([[1, 2], [2, 4 + 1e-12]])
    _, dx = slope(linalg.det, x)
    np.testing.assert_allclose(dx, [[4 + 1e-12, -2], [-2, 1]], rtol=16 * EPS)


def test_complex_matrices():
    """Of the real and the imaginary part, which are real functions of real numbers."""
    rng = np.random.default_rng(2)
    parts = [rng.standard_normal((3, 3)) for _ in range(2)]
    parts = [np.vstack([p[:2], p[:1] + p[1:2]]) for p in parts]  # the last row the sum of the others: singular
    for part in (mg.real, mg.imag):
        def f(a, b, part=part):
            return part(linalg.det(mg.complex(a, b)))

        mg.gradcheck(f, parts)
        mg.gradgradcheck(f, parts)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_matrix_that_is_not_finite_has_no_gradient_and_the_others_have_theirs(bad):
    x = np.random.default_rng(3).standard_normal((3, 2, 2))
    x[1, 0, 1] = bad
    with np.errstate(invalid="ignore"):
        _, dx = slope(linalg.det, x, dy=2.0)
    assert np.isnan(dx[1]).all()
    np.testing.assert_allclose(dx[::2], [2 * cofactors(m) for m in x[::2]], rtol=64 * EPS)


def test_only_what_backward_reads_is_kept():
    x = mg.Tensor(np.ones((9, 9)), requires_grad=True)
    y = linalg.det(x)
    assert y.creator.result is None and y.creator.operands[0] is x
    dx = mg.autograd.grad(y, x, create_graph=True)
    cofactors = next(f for f in dx.creator.parents if isinstance(f, Cofactors))
    assert cofactors.result is None and cofactors.operands[0] is x


def test_slogdet_of_a_singular_matrix():
    x = mg.Tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    sign, y = linalg.slogdet(x)
    assert sign.data == 0 and y.data == -np.inf
    with pytest.raises(ValueError, match="Singular"):
        y.backward()
