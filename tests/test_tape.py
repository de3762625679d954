"""mg.tape: the recorded operations with formula, values and adjoints."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad.inspect import tables


def baydin():
    """f(x1, x2) = ln x1 + x1 x2 - sin x2 at (2, 5): the worked example of Baydin et al. 2018, tables 2 and 3."""
    x1, x2 = mg.Tensor(2.0, requires_grad=True), mg.Tensor(5.0, requires_grad=True)
    return mg.log(x1) + x1 * x2 - mg.sin(x2), x1, x2


def test_formulas_have_the_names_of_the_lines():
    y, x1, x2 = baydin()
    lines = [e.formula for e in mg.tape(y, x1=x1, x2=x2)]
    assert lines == ["v1 = x1", "v2 = log(v1)", "v3 = x2", "v4 = v1 * v3", "v5 = v2 + v4", "v6 = sin(v3)",
                     "v7 = v5 - v6"]
    assert mg.tape(y)["v4"].rule == "dv1 = dv4 * v3, dv3 = dv4 * v1"


def test_values_are_those_of_the_paper_also_where_none_was_kept():
    y, *_ = baydin()
    assert [float(e.value) for e in mg.tape(y)] == pytest.approx(
        [2, np.log(2), 5, 10, np.log(2) + 10, np.sin(5), np.log(2) + 10 - np.sin(5)])
    assert all(e.adjoint is None for e in mg.tape(y))


def test_adjoints_after_backward():
    y, x1, x2 = baydin()
    y.backward()
    found = {e.formula: float(e.adjoint) for e in mg.tape(y, x1=x1, x2=x2)}
    assert found["v1 = x1"] == pytest.approx(5.5) and found["v3 = x2"] == pytest.approx(2 - np.cos(5))
    assert found["v6 = sin(v3)"] == -1
    assert "5.5" in str(mg.tape(y)) and "adjoint" in str(mg.tape(y))


def test_adjoints_on_demand_leave_the_graph_and_the_gradients_alone():
    y, x1, x2 = baydin()
    assert float(mg.tape(y, adjoints=True)["v1"].adjoint) == pytest.approx(5.5)
    assert x1.grad is None
    y.backward()
    assert float(x1.grad) == pytest.approx(5.5)


def test_a_cotangent_given_to_backward_is_seen():
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    y.backward(np.array([10.0, 1.0], "float32"))
    tape = mg.tape(y)
    np.testing.assert_allclose(tape["v2"].adjoint, [10, 1])
    np.testing.assert_allclose(tape["v1"].adjoint, [20, 4])


def test_one_operand_twice_constants_and_several_results():
    x = mg.Tensor(np.ones((2, 3)), requires_grad=True)
    a, b = mg.split(x * 3, [1])
    lines = {e.name: e.formula for e in mg.tape((a * b + np.array([1.0, 2.0, 3.0])).sum())}
    assert lines["v2"] == "v2 = v1 * 3" and lines["v4"] == "v4 = v3[0]"
    assert lines["v7"] == "v7 = v6 + constant (3,)"
    twice = mg.Tensor(3.0, requires_grad=True)
    assert mg.tape(twice * twice)["v2"].formula == "v2 = v1 * v1"


def test_matrix_products_and_activations():
    x = mg.Tensor(np.ones((2, 3)))
    w = mg.Tensor(np.ones((3, 4)), requires_grad=True)
    lines = [e.formula for e in mg.tape(F.relu(x @ w))]
    assert lines[-1] == "v3 = max(v2, 0)" and lines[1].endswith("@ v1")


def test_a_large_graph_shows_ranges_and_says_when_it_was_freed():
    model = mg.models.LeNet()
    loss = F.cross_entropy(model(np.random.default_rng(0).random((2, 28, 28, 1))), np.array([1, 2]), from_logits=False)
    tape = mg.tape(loss, adjoints=True)
    names = [e.formula.partition(" = ")[2] for e in tape if not e.operation]
    assert names[:2] == ["kernel", "bias"] and len(names) == 8
    assert all(e.value is not None and e.adjoint is not None for e in tape)
    assert "3×3×1×32 in [" in tables.text(tape, width=200)
    loss.backward()
    after = mg.tape(loss)
    assert [e.formula for e in after if e.operation][-1] == [e.formula for e in tape][-1]
    np.testing.assert_array_equal(after["v20"].adjoint, tape["v20"].adjoint)
    assert after["v9"].adjoint is None  # 4 x 11 x 11 x 64 numbers are not kept


def test_a_long_graph_says_when_it_was_freed():
    y = x = mg.Tensor([1.0], requires_grad=True)
    for _ in range(40):
        y = mg.sin(y)
    y.sum().backward()
    y = y.sum()
    assert len(mg.tape(y)) == 2
    z = x
    for _ in range(40):
        z = mg.sin(z)
    z.backward()
    assert "freed by backward" in str(mg.tape(z))


def test_values_recomputed_are_the_values():
    x = mg.Tensor(np.random.default_rng(0).standard_normal((3, 4)), requires_grad=True)
    y = F.softmax(mg.transpose(x + 1)[1:], axis=0).mean(axis=1)
    tape = mg.tape(y)
    np.testing.assert_array_equal(tape[-1].value, y.numpy())
    np.testing.assert_array_equal(tape["v2"].value, x.numpy() + 1)
    np.testing.assert_array_equal(tape["v3"].value, (x.numpy() + 1).T)


def test_leaves_errors_and_notebooks():
    x = mg.Tensor([1.0], requires_grad=True)
    assert len(mg.tape(x)) == 1
    with pytest.raises(TypeError, match="expected a Tensor"):
        mg.tape(np.ones(3))
    with pytest.raises(KeyError, match="v1, v2"):
        mg.tape(x + 1)["v9"]
    assert "v1" in mg.tape(x + 1)._repr_html_()


def test_adjoints_are_those_of_this_output():
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    y = (3 * x).sum()
    assert all(e.adjoint is None for e in mg.tape(y))  # no backward started here yet
    y.backward()
    assert mg.tape(y)["v1"].adjoint.tolist() == [3, 3]  # not x.grad, which has both
    middle = mg.exp(x)
    middle.sum().backward(retain_graph=True)
    assert all(e.adjoint is None for e in mg.tape((middle * 10).sum()))


def test_a_graph_of_larger_arrays_keeps_its_shape_after_backward():
    w = mg.Tensor(np.ones((4, 5)), requires_grad=True)
    y = mg.exp(w * 2).sum()
    y.backward()
    tape = mg.tape(y)
    assert [e.formula for e in tape][2] == "v3 = exp(v2)" and all(e.adjoint is not None for e in tape)
    big = mg.Tensor(np.ones(5000), requires_grad=True)
    z = mg.exp(big).sum()
    z.backward()
    assert len(mg.tape(z)) == 3 and mg.tape(z)[-1].value == z.item()


def test_brackets_are_no_markup():
    x = mg.Tensor(np.full(9, np.nan), requires_grad=True)
    assert "in [nan, nan]" in str(mg.tape(x * 2)) and "[key]" in str(mg.tape(x[0]))
    assert "[red]w" in str(mg.tape(x * 2, **{"[red]w": x}))
