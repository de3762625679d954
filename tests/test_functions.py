"""Every function of the table: its value, its first and second derivatives, its dtypes, its shapes, its memory.

The derivatives are compared with central finite differences in float64, taken by the few lines below and not by
mg.gradcheck: that is another witness. Cotangents are always random: ones cannot see a wrong softmax.
"""

import itertools
import re

import numpy as np
import pytest
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
    vjp,
    wrap,
)
from table import TABLE
from test_completeness import all_functions

import minigrad as mg
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
