"""Linear algebra where the table of functions does not reach: repeated and zero values, errors, NumPy's names, structure."""

import hypothesis
import numpy as np
import pytest
from derivatives import EPS, slope
from hypothesis import strategies as st
from table import TABLE

import minigrad as mg
import minigrad.functions as F
from minigrad import linalg


def test_every_function_of_linalg_is_in_the_table_and_answers_to_numpys_name():
    names = set(linalg.__all__) - {"matrix_rank"}  # which is plain
    assert names <= {entry.function.removeprefix("linalg.") for entry in TABLE}
    x = mg.Tensor(np.eye(2) * 3, requires_grad=True)
    calls = {"cross": lambda f, x: f([1.0, 2, 3], x[0, 0] * np.ones(3)), "outer": lambda f, x: f(x[0], x[1]),
             "multi_dot": lambda f, x: f([x, x]), "tensorinv": lambda f, x: f(x, ind=1),
             "lstsq": lambda f, x: f(x, np.ones(2), rcond=None)[::3]}
    more = {"solve": (np.ones(2),), "tensorsolve": (np.ones(2),), "matrix_power": (2,),
            **dict.fromkeys(["matmul", "tensordot", "vecdot"], (np.ones((2, 2)),))}
    for name in names:
        call = calls.get(name, lambda f, x, name=name: f(x, *more.get(name, ())))
        found, expected = (call(getattr(np.linalg, name), a) for a in (x, x.data))
        found, expected = (y if isinstance(y, tuple) else (y,) for y in (found, expected))
        assert all(isinstance(y, mg.Tensor) for y in found) and found[-1].requires_grad
        for y, e in zip(found, expected):
            np.testing.assert_allclose(y.data, e, rtol=0, atol=16 * EPS)


# ---- einsum

def test_einsum_sums_products_by_hand():
    x, y, dz = (np.random.default_rng(i).standard_normal((2, 2)) for i in range(3))
    z, dx = slope(lambda x: np.einsum("ij,kj->ki", x, y), x, dy=dz)
    by_hand = [[sum(x[i, j] * y[k, j] for j in range(2)) for i in range(2)] for k in range(2)]
    np.testing.assert_allclose(z, by_hand, atol=4 * EPS)
    by_hand = [[sum(dz[k, i] * y[k, j] for k in range(2)) for j in range(2)] for i in range(2)]
    np.testing.assert_allclose(dx, by_hand, atol=4 * EPS)


@st.composite
def programs(draw):
    """Subscripts and shapes: up to three operands with letters (also twice in one), some of length 1, and an output."""
    length = {i: draw(st.integers(0, 3)) for i in "abcd"}
    terms = draw(st.lists(st.text("abcd", max_size=3), min_size=1, max_size=3))
    shapes = [tuple(length[i] for i in term) for term in terms]
    output = draw(st.permutations(sorted(set("".join(terms)))))
    output = "".join(output[:draw(st.integers(0, len(output)))])
    arrow = draw(st.sampled_from(["", "->" + output]))
    return ",".join(terms) + arrow, shapes


@hypothesis.given(program=programs())
@hypothesis.settings(deadline=None, max_examples=60, derandomize=True)
def test_any_subscripts(program):
    """The value is NumPy's. The function is linear in each operand, so <dz, z> = <dx, x> for each of them."""
    subscripts, shapes = program
    rng = np.random.default_rng(0)
    arrays = [np.asarray(rng.uniform(0.5, 1.5, s)) for s in shapes]
    tensors = [mg.Tensor(a, requires_grad=True) for a in arrays]
    z = mg.einsum(subscripts, *tensors)
    np.testing.assert_allclose(z.data, np.einsum(subscripts, *arrays), rtol=64 * EPS)
    dz = np.asarray(rng.uniform(0.5, 1.5, z.shape))
    for x, dx in zip(tensors, mg.autograd.grad(z, tensors, mg.Tensor(dz))):
        assert dx.shape == x.shape
        np.testing.assert_allclose((dx.data * x.data).sum(), (dz * z.data).sum(), rtol=256 * EPS)


@pytest.mark.parametrize("subscripts, shapes, words", [
    ("ij,jk", [(2, 3)], "names 2 operands"), ("ij", [(2,)], "does not fit operand 0"), ("i", [(2, 3)], "does not fit"),
    ("ij,jk", [(2, 3), (2, 2)], "lengths 3 and 2"), ("ij->ii", [(2, 2)], "once"), ("ij->k", [(2, 2)], "in an operand"),
    ("...i->i", [(2, 2)], "lacks"), ("i1->i", [(2, 2)], "letters")])
def test_subscripts_that_make_no_sense(subscripts, shapes, words):
    with pytest.raises(ValueError, match=words):
        mg.einsum(subscripts, *(mg.Tensor(np.ones(s)) for s in shapes))


def test_einsum_keeps_only_what_its_gradients_read():
    x, y = mg.Tensor(np.ones((9, 9)), requires_grad=True), mg.Tensor(np.ones((9, 9)))
    kept = mg.einsum("ij,jk->ik", x, y).creator.parents[0].operands
    assert kept[0] is None and kept[1].shape == (9, 9)


# ---- repeated and zero values

def two_equal_eigenvalues():
    """A symmetric matrix with the eigenvalues 2, 2, 5, and a cotangent."""
    rng = np.random.default_rng(0)
    q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    return q * [2, 2, 5] @ q.T, rng.standard_normal((3, 3))


def test_the_space_of_equal_eigenvalues_has_its_gradient():
    """The projection on it is 1 - v vᵀ with the vector v of the other eigenvalue, which has no equal."""
    def projection(x, part):
        v = linalg.eigh((x + x.T) / 2).eigenvectors[:, part]
        return v @ v.T

    x, dy = two_equal_eigenvalues()
    _, found = slope(lambda x: projection(x, slice(0, 2)), x, dy=dy)
    _, expected = slope(lambda x: np.eye(3) - projection(x, slice(2, 3)), x, dy=dy)
    np.testing.assert_allclose(found, expected, rtol=0, atol=64 * EPS * np.abs(expected).max())


@pytest.mark.parametrize("eigenvalues", [linalg.eigvalsh, linalg.svdvals])
def test_symmetric_functions_of_equal_eigenvalues_have_their_gradient(eigenvalues):
    x, _ = two_equal_eigenvalues()
    y, found = slope(lambda x: (eigenvalues(x) ** 3).sum(), x)
    np.testing.assert_allclose(y, 2 ** 3 * 2 + 5 ** 3, rtol=64 * EPS)
    np.testing.assert_allclose(found, 3 * x @ x, rtol=0, atol=64 * EPS * 75)


@pytest.mark.parametrize("call", [lambda x: linalg.eigh(x).eigenvectors, lambda x: linalg.svd(x).U,
                                  lambda x: linalg.svd(x).Vh])
def test_vectors_of_equal_values_have_finite_gradients(call):
    dy = np.random.default_rng(0).standard_normal((3, 3))
    _, dx = slope(call, np.eye(3), dy=dy)
    np.testing.assert_array_equal(dx, 0)  # each pair contributes nothing
    _, dx = slope(call, np.diag([1, 1, 4.0]), dy=dy)
    assert np.isfinite(dx).all() and dx[0, 1] == dx[1, 0] == 0 != dx[0, 2]


def test_singular_values_need_no_gaps():
    s, dx = slope(linalg.svdvals, np.diag([3.0, 3.0, 2.0]), dy=[1, 1, 5])
    np.testing.assert_allclose(dx, np.diag([1, 1, 5.0]), atol=8 * EPS)


# ---- structure

def test_gradients_of_symmetric_functions_are_symmetric():
    x, dy = np.diag([1, 2.0, 4]) + 0.5, np.random.default_rng(0).standard_normal((3, 3))
    for f in (linalg.cholesky, lambda x: linalg.eigh(x).eigenvectors):
        _, dx = slope(f, x, dy=dy)
        np.testing.assert_array_equal(dx, dx.T)


def test_the_gradient_of_logdet_is_the_inverse_transposed():
    x = np.array([[2.0, 1, 0], [0, 3, 1], [1, 0, 1]])
    y, dx = slope(lambda x: linalg.slogdet(x)[1], x)
    np.testing.assert_allclose(y, np.log(7), rtol=4 * EPS)
    np.testing.assert_allclose(dx, np.array([[3, 1, -3], [-1, 2, 1], [1, -2, 6]]) / 7, atol=8 * EPS)


def test_logdet_survives_where_det_overflows():
    _, dx = slope(lambda x: linalg.slogdet(x)[1], np.eye(200) * 1e3)
    np.testing.assert_allclose(dx, np.eye(200) * 1e-3, rtol=4 * EPS)


@pytest.mark.parametrize("call, words", [
    (linalg.inv, "Singular"), (lambda x: linalg.solve(x, np.ones(2)), "Singular"), (linalg.cholesky, "positive definite"),
    (lambda x: linalg.inv(x[0]), "Inv"), (lambda x: linalg.svd(x[:1]), "full_matrices=False"),
    (lambda x: linalg.matrix_power(x[:1], 2), "square"), (lambda x: F.tensordot(x, x[:1], 1), "tensordot")])
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(mg.Tensor(np.zeros((2, 2))))
