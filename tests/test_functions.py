"""Every function of the table: its value, its first and second derivatives, its dtypes, its shapes, its memory.

The derivatives are compared with central finite differences in float64, taken by the few lines below and not by
mg.gradcheck: that is another witness. Cotangents are always random: ones cannot see a wrong softmax.
"""

import itertools
import re

import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.special
from derivatives import (
    EPS,
    EPS32,
    NUMERIC,
    as_list,
    assert_close,
    central_differences,
    cotangents,
    directions,
    dot,
    gradients,
    higher,
    second_vjp,
    summed_to,
    vjp,
    wrap,
)
from hypothesis import strategies as st
from table import TABLE
from test_completeness import all_functions

import minigrad as mg
import minigrad.functions as F
from minigrad.autograd import topological_order
from minigrad.function import Output, operand_names

every_entry = pytest.mark.parametrize("entry", TABLE, ids=repr)


def graph_of(entry):
    """The Functions that the entry records: in its forward pass, in its gradients, in the gradients of those."""
    tensors, dys = [wrap(x) for x in entry.inputs()], [wrap(dy) for dy in cotangents(entry)]
    outputs = as_list(entry.call(*tensors))
    first = gradients(outputs, tensors, dys, create_graph=True)
    second = gradients(first, tensors + dys, map(wrap, directions(entry)), create_graph=True)
    return topological_order([y.creator for y in outputs + first + second if y.creator is not None])


# ---- what the entries record

@pytest.fixture(scope="module")
def recorded():
    """What each entry records: {entry's name: [Functions]}."""
    return {entry.name: graph_of(entry) for entry in TABLE}


def test_entries_run_what_they_claim_to_cover(recorded):
    idle = {entry.name: [cls.__name__ for cls in entry.covers if cls not in {type(f) for f in recorded[entry.name]}]
            for entry in TABLE}
    assert not {name: missing for name, missing in idle.items() if missing}


def test_docstrings_give_formula_and_gradients(recorded):
    """'z = x * y          dx = dz * y,   dy = dz * x': a formula, and a d for each operand that can have a gradient."""
    differentiated = {}
    for function in itertools.chain(*recorded.values()):
        names, several = operand_names(type(function))
        for position, parent in enumerate(function.parents):
            if parent is not None and not isinstance(function, Output):
                name = names[position] if position < len(names) and names[position:] else several
                differentiated.setdefault(type(function), set()).add(name)
    assert set(differentiated) == all_functions()
    for cls, operands in differentiated.items():
        line = cls.__doc__.splitlines()[0]
        formula = re.fullmatch(r"(\S.*?) = (\S.*?) {10}(\S.*)", line)
        assert formula, f"{cls.__name__}: the first line of its docstring is no formula with gradients: {line!r}"
        for x in operands:
            assert re.search(rf"(^|[,;] +)d{x}(\[i\])? = \S", formula[3]), f"{cls.__name__}: no d{x} = in {line!r}"


# ---- value and derivatives

@every_entry
def test_value(entry):
    inputs = entry.inputs()
    expected = as_list(entry.reference(*inputs))
    actual = as_list(entry.call(*map(mg.Tensor, inputs)))
    assert [y.dtype for y in actual] == [np.float64] * len(expected)
    assert_close([y.data for y in actual], expected, 64 * EPS)


@every_entry
def test_first_derivative(entry):
    dys = cotangents(entry)

    def loss(*arrays):
        return dot([y.data for y in as_list(entry.call(*map(mg.Tensor, arrays)))], dys)

    assert_close(vjp(entry, entry.inputs(), dys)[1], central_differences(loss, entry.inputs()), NUMERIC)


@pytest.mark.parametrize("entry", [e for e in TABLE if e.order > 1], ids=repr)
def test_second_derivative(entry):
    dys, along = cotangents(entry), directions(entry)
    count = len(entry.inputs())

    def slope(*arrays):
        return dot(vjp(entry, arrays[:count], arrays[count:])[1], along)

    assert_close(second_vjp(entry, entry.inputs(), dys, along), central_differences(slope, [*entry.inputs(), *dys]), NUMERIC)


@pytest.mark.parametrize("entry", [e for e in TABLE if e.elementwise], ids=repr)
def test_third_derivative(entry):
    """The gradient of Σ second · (Σ first · (dys · f)′)′, by each input."""
    arrays = entry.inputs()
    dys, first, second = cotangents(entry), directions(entry), directions(entry, seed=3)

    def slope(*arrays):
        return dot([g.data for g in higher(entry, arrays, [dys, first])], second)

    third = [g.data for g in higher(entry, arrays, [dys, first, second])]
    assert_close(third, central_differences(slope, arrays), NUMERIC)


@every_entry
def test_each_operand_alone_has_the_same_gradient(entry, monkeypatch):
    """What a Function keeps depends on which operands want a gradient."""
    monkeypatch.setattr("minigrad.function.FEW", -1)  # keep nothing for show, as with arrays of any real size
    arrays, dys = entry.inputs(), cotangents(entry)
    wanting = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
    _, together = vjp(entry, arrays, dys)
    for i, expected in zip(wanting, together):
        tensors = [mg.Tensor(x, requires_grad=j == i) for j, x in enumerate(arrays)]
        alone, = gradients(as_list(entry.call(*tensors)), tensors, map(wrap, dys))
        assert_close([alone.data], [expected], 8 * EPS)


SAME_SHAPE = [(entry, i, j) for entry in TABLE for (i, x), (j, y) in itertools.combinations(enumerate(entry.inputs()), 2)
              if x.dtype.kind == y.dtype.kind == "f" and x.shape == y.shape]


@pytest.mark.parametrize("entry, i, j", SAME_SHAPE, ids=[f"{e.name}-{i}{j}" for e, i, j in SAME_SHAPE])
def test_the_same_tensor_as_two_operands(entry, i, j):
    """f(x, x): operands are matched by position, so the gradient of x is the sum of both partial derivatives."""
    arrays, dys = list(entry.inputs()), cotangents(entry)
    arrays[j] = arrays[i].copy()
    apart, expected = vjp(entry, arrays, dys)
    tensors = [wrap(x) for x in arrays]
    tensors[j] = tensors[i]
    outputs = as_list(entry.call(*tensors))
    shared, = gradients(outputs, [tensors[i]], map(wrap, dys))
    place = [k for k, x in enumerate(arrays) if x.dtype.kind == "f"]
    assert_close([y.data for y in outputs], apart, 8 * EPS)
    assert_close([shared.data], [expected[place.index(i)] + expected[place.index(j)]], 8 * EPS)


# ---- dtypes

def single(arrays):
    return [x.astype(np.float32) if x.dtype.kind == "f" else x for x in arrays]


@every_entry
def test_float32_stays_float32(entry):
    arrays, dys, along = single(entry.inputs()), cotangents(entry, np.float32), directions(entry, np.float32)
    tensors, dys = [wrap(x) for x in arrays], [wrap(dy) for dy in dys]
    outputs = as_list(entry.call(*tensors))
    first = gradients(outputs, tensors, dys, create_graph=True)
    second = gradients(first, tensors + dys, map(wrap, along))
    for what, found in {"outputs": outputs, "gradients": first, "second gradients": second}.items():
        assert [x.dtype for x in found] == [np.float32] * len(found), what


@every_entry
def test_float32_is_close_to_float64(entry):
    arrays, dys, along = single(entry.inputs()), cotangents(entry, np.float32), directions(entry, np.float32)
    double = [[x.astype(np.float64) if x.dtype.kind == "f" else x for x in xs] for xs in (arrays, dys, along)]
    for actual, expected in zip(vjp(entry, arrays, dys), vjp(entry, *double[:2])):
        assert_close(actual, expected, 64 * EPS32)
    assert_close(second_vjp(entry, arrays, dys, along), second_vjp(entry, *double), 64 * EPS32)


# ---- layouts and memory

def transposed(x):
    return x.copy(order="F")


def strided(x):
    """Every second number of a larger array, along each axis."""
    larger = np.full([2 * n for n in x.shape], 99, x.dtype)
    view = larger[(..., *[slice(None, None, 2)] * x.ndim)]
    view[...] = x
    return view


def backwards(x):
    """A view with a negative stride along each axis."""
    return np.flip(np.flip(x).copy())


@pytest.mark.parametrize("layout", [transposed, strided, backwards])
@every_entry
def test_layout_does_not_matter(entry, layout):
    arrays, dys, along = entry.inputs(), cotangents(entry), directions(entry)
    others = [[layout(x) for x in xs] for xs in (arrays, dys, along)]
    for actual, expected in zip(vjp(entry, *others[:2]), vjp(entry, arrays, dys)):
        assert_close(actual, expected, 16 * EPS)
    assert_close(second_vjp(entry, *others), second_vjp(entry, arrays, dys, along), 64 * EPS)


def test_the_layouts_are_not_contiguous():
    x = np.arange(6.0).reshape(2, 3)
    for layout, strides in {transposed: (8, 16), strided: (96, 16), backwards: (-24, -8)}.items():
        assert layout(x).strides == wrap(layout(x)).data.strides == strides
        np.testing.assert_array_equal(layout(x), x)


@every_entry
def test_inputs_are_never_modified(entry):
    arrays, dys, along = entry.inputs(), cotangents(entry), directions(entry)
    before = [x.copy() for x in (*arrays, *dys, *along)]
    for x in (*arrays, *dys, *along):
        x.flags.writeable = False
    vjp(entry, arrays, dys)
    second_vjp(entry, arrays, dys, along)
    for x, old in zip((*arrays, *dys, *along), before):
        np.testing.assert_array_equal(x, old)


@every_entry
def test_results_own_their_memory_unless_declared_a_view(entry):
    tensors = [wrap(x) for x in entry.inputs()]
    for y in as_list(entry.call(*tensors)):
        chain = itertools.chain([y.creator], topological_order([y.creator] if y.creator else []))
        views = all(f is None or type(f).is_view for f in chain if not isinstance(f, Output))
        for x in tensors:
            if np.shares_memory(y.data, x.data):
                assert y is x or views, f"{y.creator} shares its memory with its operand: set is_view = True"


@every_entry
def test_gradients_own_their_memory(entry):
    tensors, dys = [wrap(x) for x in entry.inputs()], [wrap(dy) for dy in cotangents(entry)]
    outputs = as_list(entry.call(*tensors))
    found = gradients(outputs, tensors, dys)
    for g, other in itertools.chain(itertools.combinations(found, 2), itertools.product(found, tensors + dys)):
        assert not np.shares_memory(g.data, other.data)
    assert all(g.data.flags.writeable for g in found)


# ---- shapes: broadcasting, 0-d, empty

def numbers(shape, seed, low=0.5, high=2.0):
    return np.asarray(np.random.default_rng(seed).uniform(low, high, shape))


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


# ---- special points

def slope(f, *inputs, dy=1.0):
    """The value and the gradient of each input of f, as arrays, in float64."""
    tensors = [mg.Tensor(np.asarray(x, float), requires_grad=True) for x in inputs]
    y = f(*tensors)
    found = gradients([y], tensors, [wrap(np.broadcast_to(np.asarray(dy, float), y.shape).copy())])
    return (y.data, *[g.data for g in found])


def same(actual, *expected):
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected):
        np.testing.assert_allclose(a, e, rtol=4 * EPS)


@pytest.mark.parametrize("axis", [None, (0, 1), (1, 0), (-1, -2)])
@pytest.mark.parametrize("f, sign", [(F.max, 1), (F.min, -1)])
def test_first_of_equal_extremes_wins(f, sign, axis):
    x = sign * np.array([[0.0, 5.0], [5.0, 5.0]])
    same(slope(lambda x: f(x, axis=axis), x, dy=3.0), sign * 5.0, [[0, 3], [0, 0]])


def test_first_of_equal_extremes_wins_along_an_axis():
    same(slope(lambda x: F.max(x, axis=0), [[2, 1], [2, 1]], dy=[3, 4]), [2, 1], [[3, 4], [0, 0]])
    same(slope(lambda x: F.max_pool2d(x, 2), np.full((1, 2, 2, 1), 7), dy=3.0), [[[[7]]]], [[[[3], [0]], [[0], [0]]]])


def test_an_input_that_wins_several_windows_gets_the_sum():
    x = np.array([0, 9, 0.0]).reshape(1, 1, 3, 1)
    same(slope(lambda x: F.max_pool2d(x, (1, 2), stride=1), x, dy=np.array([2, 3.0]).reshape(1, 1, 2, 1)),
         np.array([9, 9]).reshape(1, 1, 2, 1), np.array([0, 5, 0]).reshape(1, 1, 3, 1))


def test_padding_never_wins_a_maximum():
    y, dx = slope(lambda x: F.max_pool2d(x, 2, padding=1), np.full((1, 2, 2, 1), -3.0), dy=2.0)
    assert (y == -3).all() and (dx == 2).all()


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_windows_of_padding_alone_are_refused(pool):
    with pytest.raises(ValueError, match="padding"):
        pool(mg.Tensor(np.ones((1, 4, 4, 1))), 2, padding=2)


def test_nan_is_the_extreme():
    x = [1.0, np.nan, 3.0, np.nan]
    same(slope(F.max, x), np.nan, [0, 1, 0, 0])
    same(slope(F.min, x), np.nan, [0, 1, 0, 0])
    assert np.isnan(F.max_pool2d(mg.Tensor(np.array([1, np.nan, 3, 2]).reshape(1, 2, 2, 1)), 2).data).all()


def test_first_operand_wins_a_tie():
    same(slope(F.maximum, [2, 1, 0], [2, 0, 1], dy=[3, 4, 5]), [2, 1, 1], [3, 4, 0], [0, 0, 5])
    same(slope(F.minimum, [2, 1, 0], [2, 0, 1], dy=[3, 4, 5]), [2, 0, 0], [3, 0, 5], [0, 4, 0])


def test_slopes_at_kinks():
    same(slope(F.relu, [-1, 0, -0.0, 2], dy=3), [0, 0, 0, 2], [0, 0, 0, 3])
    same(slope(F.absolute, [-1, 0, 2], dy=3), [1, 0, 2], [-3, 0, 3])
    same(slope(lambda x: F.clip(x, -1, 1), [-2, -1, 0, 1, 2], dy=3), [-1, -1, 0, 1, 1], [0, 3, 3, 3, 0])
    with np.errstate(divide="ignore"):
        same(slope(F.sqrt, [0, 4], dy=3), [0, 2], [np.inf, 0.75])


def test_bounds_of_clip_may_be_arrays_and_tensors():
    same(slope(lambda x: F.clip(x, np.array([0, 5]), 9), [[-1, 10], [1, 6]], dy=3), [[0, 9], [1, 6]], [[0, 0], [3, 3]])
    same(slope(lambda x, low: F.clip(x, low, 9), [-1, 5, 5, 10], [0, 5, 6, 0], dy=[1, 2, 3, 4]),
         [0, 5, 6, 9], [0, 2, 0, 0], [1, 0, 3, 0])


def test_corners_of_power():
    same(slope(F.power, [0, 0, 0, 2], [0, 1, 2, 0], dy=3), [1, 0, 0, 1], [0, 3, 0, 0], [0, 0, 0, 3 * np.log(2)])
    same(slope(lambda x: x ** 0, [0, 2], dy=3), [1, 1], [0, 0])
    same(slope(lambda x: x ** 1, [0, 2], dy=3), [0, 2], [3, 3])
    same(slope(lambda y: 0 ** y, [0, 1, 2], dy=3), [1, 0, 0], [0, 0, 0])
    same(slope(lambda x: x ** np.array([0, 1, 3]), [-2, -2, -2], dy=3), [1, -2, -8], [0, 3, 36])
    same(slope(lambda x: x ** np.array([0, 1, 3], np.uint8), [-20, 0, 5], dy=3), [1, 0, 125], [0, 3, 225])
    with np.errstate(invalid="ignore"):  # (-2) ** y is no real number beside y = 2
        same(slope(F.power, [-2], [2], dy=3), [4], [-12], [np.nan])


def test_power_curves_at_exponent_zero():
    """d²(xʸ)/dx dy = xʸ⁻¹ (1 + y ln x), which at y = 0 is 1/x, from either side."""
    x, y = (mg.Tensor(np.array(v), requires_grad=True) for v in (4.0, 0.0))
    dx, dy = mg.autograd.grad(x ** y, [x, y], create_graph=True)
    assert mg.autograd.grad(dx, y, retain_graph=True).item() == mg.autograd.grad(dy, x).item() == 0.25


def test_where_shields_the_branch_that_was_not_taken():
    safe = slope(lambda x: F.where(x.data > 0, F.log(F.where(x.data > 0, x, 1.0)), 0.0), [0, 2], dy=3)
    same(safe, [0, np.log(2)], [0, 1.5])
    same(slope(lambda x, y: F.where([True, False], x, y), [1, np.nan], [np.inf, 2], dy=3), [1, 2], [3, 0], [0, 3])


@pytest.mark.parametrize("huge", [1e4, 1e300])
def test_softmax_of_huge_logits(huge):
    same(slope(F.softmax, [huge, -huge, huge], dy=[1, 2, 3]), [0.5, 0, 0.5], [-0.5, 0, 0.5])
    same(slope(F.log_softmax, [huge, -huge], dy=[2, 3]), [0, -2 * huge], [-3, 3])
    same(slope(F.logsumexp, [huge, -huge], dy=3), huge, [3, 0])
    same(slope(F.sigmoid, [-huge, 0, huge], dy=4), [0, 0.5, 1], [0, 1, 0])
    same(slope(F.softplus, [-huge, huge], dy=4), [0, huge], [0, 4])
    same(slope(F.tanh, [-huge, huge], dy=4), [-1, 1], [0, 0])


def test_softmax_of_masked_logits():
    same(slope(F.softmax, [0, -np.inf, 0], dy=[1, 2, 3]), [0.5, 0, 0.5], [-0.5, 0, 0.5])
    half = -np.log(2)
    same(slope(F.log_softmax, [0, -np.inf, 0], dy=[1, 0, 3]), [half, -np.inf, half], [-1, 0, 1])


def test_softmax_of_a_single_number():
    same(slope(F.softmax, 5.0, dy=3), 1, 0)
    same(slope(F.log_softmax, 5.0, dy=3), 0, 0)


def test_logsumexp_of_minus_infinity():
    x = [[-np.inf, 0.0, 0.0], [-np.inf, -np.inf, -np.inf]]
    same(slope(lambda x: F.logsumexp(x, axis=1), x, dy=[3, 5]), [np.log(2), -np.inf], [[0, 1.5, 1.5], [0, 0, 0]])


def test_cross_entropy_of_huge_logits():
    x = [[1e4, -1e4, 0], [1e4, -1e4, 0]]
    expected = [0, 2e4], [[0, 0, 0], [3, -3, 0]]
    same(slope(lambda x: F.cross_entropy(x, [0, 1], reduction="none"), x, dy=3), *expected)
    same(slope(lambda x: F.cross_entropy(x, np.eye(3)[[0, 1]], reduction="none"), x, dy=3), *expected)


@pytest.mark.parametrize("targets", [np.array([0, 1]), np.eye(2)[[0, 1]]], ids=["classes", "one-hot"])
def test_cross_entropy_of_probabilities_zero_and_one(targets):
    """log 0 is replaced by the log of the smallest normal number, whose slope is 0."""
    loss, dp = slope(lambda p: F.cross_entropy(p, targets, from_logits=False, reduction="none"), [[1, 0], [1, 0]], dy=3)
    np.testing.assert_allclose(loss, [0, -np.log(np.finfo(float).tiny)])
    np.testing.assert_array_equal(dp, [[-3, 0], [0, 0]])


@pytest.mark.parametrize("mask", [[[True, True], [False, False]], [[0.0, 0.0], [-np.inf, -np.inf]]], ids=["truth", "added"])
def test_a_query_that_sees_nothing_gives_zero(mask):
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 2, 3))
    o, dq, dk, dv = slope(lambda *qkv: F.scaled_dot_product_attention(*qkv, mask=np.array(mask)), q, k, v,
                          dy=[[1, 2, 3], [4, 5, 6]])
    assert (o[1] == 0).all() and (dq[1] == 0).all() and np.isfinite([dk, dv]).all() and (dq[0] != 0).all()
    _, *alone = slope(F.scaled_dot_product_attention, q[:1], k, v, dy=[[1, 2, 3]])
    for found, expected in zip((dq[:1], dk, dv), alone):
        np.testing.assert_allclose(found, expected, rtol=64 * EPS, atol=EPS)


def test_attention_survives_huge_scores():
    q, k, v = np.array([[1e3]]), np.array([[1e3], [-1e3]]), np.array([[2.0], [7.0]])
    same(slope(F.scaled_dot_product_attention, q, k, v, dy=[[3]]), [[2]], [[0]], [[0], [0]], [[3], [0]])


def test_gelu_is_not_its_approximation():
    x = np.linspace(-3, 3, 61)
    exact, approximate = F.gelu(mg.Tensor(x)).data, F.gelu(mg.Tensor(x), approximate="tanh").data
    np.testing.assert_allclose(exact, x * scipy.special.ndtr(x), atol=4 * EPS)
    assert 1e-5 < np.abs(exact - approximate).max() < 1e-3


def test_dropout_keeps_the_mean_and_its_mask():
    mg.seed(3)
    x = mg.Tensor(np.ones(40_000), requires_grad=True)
    y = F.dropout(x, 0.25)
    assert set(np.unique(y.data)) == {0, 1 / 0.75}
    assert abs((y.data == 0).mean() - 0.25) < 5 * (0.25 * 0.75 / 40_000) ** 0.5  # five standard deviations
    dy = numbers(40_000, 1)
    np.testing.assert_array_equal(mg.autograd.grad(y, x, wrap(dy)).data, dy * y.data)
    assert (F.dropout(x, 0.25).data != y.data).any(), "each call draws a mask of its own"
    mg.seed(3)
    np.testing.assert_array_equal(F.dropout(x, 0.25).data, y.data)
    assert F.dropout(x, 0.25, training=False) is x and F.dropout(x, 0) is x


def test_repeated_indices_add_up():
    same(slope(lambda x: x[[0, 0, 2, 0]], [1, 2, 3], dy=[1, 2, 3, 4]), [1, 1, 3, 1], [7, 0, 3])
    same(slope(lambda w: F.embedding([[1, 1], [0, 1]], w), [[1], [2]], dy=np.array([[[1], [2]], [[3], [4]]])),
         [[[2], [2]], [[1], [2]]], [[3], [7]])
    same(slope(lambda x, v: F.index_update(x, [1, 1], v), [1, 2, 3], [8, 9], dy=[1, 2, 3]), [1, 9, 3], [1, 0, 3], [0, 2])


# ---- what does not fit is refused, by name

@pytest.mark.parametrize("call, error, words", [
    (lambda x: F.matmul(x, x), ValueError, "inner lengths"),
    (lambda x: F.matmul(x, 2.0), ValueError, "0-d"),
    (lambda x: F.linear(x, np.ones((2, 4)), np.ones(4)), ValueError, "linear"),
    (lambda x: F.linear(x, np.ones((3, 4)), np.ones(3)), ValueError, r"b \(3,\)"),
    (lambda x: F.add(x, np.ones(4)), ValueError, "Add"),
    (lambda x: F.sum(x, axis=2), (IndexError, ValueError), "axis 2"),
    (lambda x: F.max(x, axis=(0, 5)), IndexError, "axis 5"),
    (lambda x: F.squeeze(x, 0), ValueError, "length 2"),
    (lambda x: F.reshape(x, (4,)), ValueError, "Reshape"),
    (lambda x: F.split(x, 2, axis=1), ValueError, "equal parts"),
    (lambda x: F.stack([x, x[0]]), ValueError, "same shape"),
    (lambda x: x[mg.Tensor([0.0])], IndexError, "float32"),
    (lambda x: x[2], IndexError, "GetItem"),
    (lambda x: F.embedding([2], x), IndexError, r"\[0, 2\)"),
    (lambda x: F.embedding([0.5], x), TypeError, "integers"),
    (lambda x: F.mse_loss(x, np.ones((2, 1))), ValueError, "same shape"),
    (lambda x: F.cross_entropy(x, [0, 3]), IndexError, r"\[0, 3\)"),
    (lambda x: F.cross_entropy(x, [0.0, 1.0]), TypeError, "integers"),
    (lambda x: F.cross_entropy(x, [[0], [1]]), ValueError, "squeeze"),
    (lambda x: F.cross_entropy(x, [0, 1], reduction="max"), ValueError, "reduction"),
    (lambda x: F.layer_norm(x, np.ones(2), np.ones(2)), ValueError, "gamma"),
    (lambda x: F.conv2d(x, np.ones((1, 1, 1, 1))), ValueError, "4 axes"),
    (lambda x: F.conv2d(x.reshape(1, 1, 2, 3), np.ones((1, 1, 2, 1))), ValueError, "3 channels"),
    (lambda x: F.conv2d(x.reshape(1, 2, 3, 1), np.ones((3, 1, 1, 1))), ValueError, "does not fit"),
    (lambda x: F.max_pool2d(x.reshape(1, 2, 3, 1), 2, stride=0), ValueError, "stride"),
    (lambda x: F.scaled_dot_product_attention(x, x[:, :2], x), ValueError, "attention"),
    (lambda x: F.scaled_dot_product_attention(x, x, x, mask=np.ones((3, 3), bool)), ValueError, "mask"),
    (lambda x: F.dropout(x, 1.0), ValueError, r"\[0, 1\)"),
    (lambda x: F.gelu(x, approximate="erf"), ValueError, "approximate"),
])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(mg.Tensor(np.ones((2, 3), np.float32)))
