"""Operands of any shape and kind: broadcasting, 0-d and empty arrays; Python numbers, lists, arrays of other dtypes."""

import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from derivatives import EPS, EPS32, assert_close, central_differences, dot, gradients, numbers, summed_to, vjp, wrap
from hypothesis import strategies as st
from table import TABLE

import minigrad as mg
import minigrad.functions as F

# ---- shapes: broadcasting, 0-d, empty

several_examples = hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
seeds = st.integers(0, 2 ** 16)


@hypothesis.given(seed=seeds, shapes=hnp.mutually_broadcastable_shapes(
    signature=np.matmul.signature, min_side=0, max_side=3, max_dims=4))
@several_examples
def test_broadcasting_of_matmul(shapes, seed):
    """Against dx = Σ dz y and dy = Σ x dz written as einsum, the vectors made rows and columns by hand."""
    x, y = (numbers(s, seed + i, -1, 1) for i, s in enumerate(shapes.input_shapes))
    dz = numbers(shapes.result_shape, seed + 2, -1, 1)
    a, b = wrap(x), wrap(y)
    z = F.matmul(a, b)
    assert z.shape == shapes.result_shape
    dx, dy = mg.autograd.grad(z, [a, b], wrap(dz))
    rows, columns = x[None] if x.ndim == 1 else x, y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    dz = dz.reshape(*batch, rows.shape[-2], columns.shape[-1])
    np.testing.assert_allclose(z.data.ravel(), np.einsum("...nk,...km->...nm", rows, columns).ravel(), rtol=0, atol=16 * EPS)
    full = np.einsum("...nm,...km->...nk", dz, np.broadcast_to(columns, (*batch, *columns.shape[-2:])))
    assert_close([dx.data], [summed_to(full, rows.shape).reshape(x.shape)], 64 * EPS)
    full = np.einsum("...nk,...nm->...km", np.broadcast_to(rows, (*batch, *rows.shape[-2:])), dz)
    assert_close([dy.data], [summed_to(full, columns.shape).reshape(y.shape)], 64 * EPS)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3), (1, 2, 1, 2)], ids=str)
@pytest.mark.parametrize("entry", [e for e in TABLE if e.elementwise], ids=repr)
def test_elementwise_functions_take_any_shape(entry, shape):
    """0-d, empty, many axes: the numbers and gradients are those of the same numbers in a row."""
    arrays = [np.resize(x, shape) for x in entry.inputs()]
    dy = numbers(shape, 3)
    (y,), found = vjp(entry, arrays, [dy])
    assert y.shape == shape and [g.shape for g in found] == [shape] * len(found)
    flat_y, flat = vjp(entry, [x.ravel() for x in arrays], [dy.ravel()])
    np.testing.assert_allclose(y.ravel(), flat_y[0], rtol=4 * EPS)
    for g, expected in zip(found, flat):
        np.testing.assert_allclose(g.ravel(), expected, rtol=4 * EPS)


# ---- Python numbers, lists and arrays as operands

@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "**"])
@pytest.mark.parametrize("other", [2, 2.5, True, [1.0, 2.0, 3.0], np.float32(1.5), np.array([1, 2, 3], np.float32),
                                   np.array([3, 2, 1], np.int8)], ids=repr)
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_other_operands_do_not_widen_float32(operator, other, left):
    x = np.array([0.5, 1.0, 2.0], np.float32)
    tensor = mg.Tensor(x, requires_grad=True)
    plain, dy = np.asarray(other, float), np.array([1, -2, 3], np.float32)
    apply = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
             "**": lambda a, b: a ** b}[operator]
    y = apply(other, tensor) if left else apply(tensor, other)
    assert isinstance(y, mg.Tensor) and y.dtype == np.float32
    np.testing.assert_allclose(y.data, apply(plain, x) if left else apply(x, plain), rtol=4 * EPS32)
    dx, = gradients([y], [tensor], [wrap(dy)])
    assert dx.dtype == np.float32
    numeric = central_differences(lambda a: dot([apply(plain, a) if left else apply(a, plain)], [dy]), [x.astype(float)])
    assert_close([dx.data], numeric, 8 * EPS32)


def test_matmul_takes_lists_on_either_side():
    x = mg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    np.testing.assert_array_equal((x @ [1, 10]).data, [21, 43])
    np.testing.assert_array_equal(([1, 10] @ x).data, [31, 42])
    dx = mg.autograd.grad([1, 10] @ x, x, mg.Tensor([2.0, 3.0]))
    np.testing.assert_array_equal(dx.data, [[2, 3], [20, 30]])


@pytest.mark.parametrize("f", [mg.sum, mg.mean, mg.max, mg.min, mg.square, mg.exp, mg.softmax, mg.ravel, mg.logsumexp])
def test_functions_take_lists_and_arrays(f):
    expected = f(mg.Tensor([1.0, 2.0])).data
    np.testing.assert_array_equal(f([1.0, 2.0]).data, expected)
    found = f(np.array([1.0, 2.0], np.float32))
    assert isinstance(found, mg.Tensor)
    np.testing.assert_array_equal(found.data, expected)


def test_where_of_two_numbers_is_no_float64():
    assert mg.where(np.array([True, False]), 1.0, 0.0).dtype == np.float32
    assert mg.where(np.array([True, False]), 1.0, np.zeros(2)).dtype == np.float64


def test_mixed_precision_gradients_have_their_operands_dtypes():
    single, double = mg.Tensor([1.0, 2.0], requires_grad=True), mg.Tensor(np.array([3.0, 4.0]), requires_grad=True)
    image, kernel = mg.Tensor(np.ones((1, 2, 2, 1), np.float32)), mg.Tensor(np.ones((1, 1, 1, 2), np.float32))
    for y in (single * double, single ** double, F.concatenate([single, double]), F.where([True, False], single, double),
              F.index_update(single, slice(1, None), double[:1]), F.conv2d(image, kernel, double).sum((0, 1, 2)) * single):
        found = mg.autograd.grad(y, [single, double], wrap(numbers(y.shape, 5).astype(y.dtype)))
        assert [g.dtype for g in found] == [np.float32, np.float64]


def test_numpy_integers_are_integers():
    x, n = mg.Tensor(np.arange(8.0).reshape(2, 4)), np.int64
    assert F.max(x, axis=n(1)).shape == F.sum(x, axis=n(1)).shape == (2,)
    assert F.squeeze(F.expand_dims(x, n(1)), n(1)).shape == (2, 4)
    assert F.moveaxis(x, n(0), n(-1)).shape == F.transpose(x, (n(1), n(0))).shape == (4, 2)
    assert [p.shape for p in F.split(x, n(2), axis=n(1))] == [(2, 2), (2, 2)]
    assert F.max_pool2d(F.reshape(x, (1, n(2), 4, 1)), n(2), stride=n(1), padding=(n(1), n(0))).shape == (1, 3, 3, 1)


def test_astype_carries_the_gradient_back():
    x = mg.Tensor(np.array([1.5, -2.5]), requires_grad=True)
    y = F.astype(x, "float32")
    assert y.dtype == np.float32
    dx = mg.autograd.grad(y * y, x, mg.Tensor([2.0, 3.0]))
    assert dx.dtype == np.float64
    np.testing.assert_array_equal(dx.data, [6, -15])
    assert not F.astype(x, int).requires_grad
    assert F.astype(x, float, copy=False) is x


def test_python_numbers_alone_have_the_default_dtype():
    assert mg.exp(1.0).dtype == mg.add(1, 2.0).dtype == np.float32


@pytest.mark.parametrize("f", [F.transpose, F.squeeze, lambda x: F.expand_dims(x, 0), lambda x: F.swapaxes(x, 0, 1),
                               lambda x: F.moveaxis(x, 0, 1), lambda x: F.pad(x, 1), lambda x: F.split(x, 2)[1]])
def test_shape_functions_take_lists(f):
    np.testing.assert_array_equal(f([[1.0, 2.0], [3.0, 4.0]]).numpy(), f(mg.Tensor([[1.0, 2.0], [3.0, 4.0]])).numpy())


def test_split_wants_ascending_indices():
    with pytest.raises(ValueError, match="ascend"):
        F.split(mg.Tensor(np.ones(5), requires_grad=True), [3, 1])
