"""Complex numbers: what users see of their gradients, transforms, gradcheck, dtypes and special points."""

import math

import numpy as np
import pytest
from test_complex import check, gradients, leaf, random_complex

import minigrad as mg
import minigrad.functions as F

# ---- what users see: ∂L/∂Re z + i ∂L/∂Im z

Z = np.array([3 - 4j, 1 + 2j])


def test_the_gradient_of_the_squared_modulus_is_twice_the_number():
    for f in (lambda z: F.real(z * F.conj(z)).sum(), lambda z: F.square(F.abs(z)).sum(), lambda z: F.vector_norm(z) ** 2,
              lambda z: (F.real(z) ** 2 + F.imag(z) ** 2).sum(), lambda z: F.real(F.vdot(z, z))):
        z = leaf(Z)
        f(z).backward()
        np.testing.assert_allclose(z.grad.data, 2 * Z)
        f(z).backward()
        np.testing.assert_allclose(z.grad.data, 4 * Z)  # added up
        np.testing.assert_allclose(mg.grad(f)(mg.Tensor(Z)).data, 2 * Z)


def test_gradient_descent_descends():
    z = leaf(np.array([0.5 + 0.2j, -0.3 + 1.5j]))
    optimizer = mg.optimizers.SGD([z], 0.1)
    for _ in range(200):
        optimizer.zero_grad()
        F.square(F.abs(F.exp(z) - np.exp(1j))).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(z.data, [1j, 1j], atol=1e-9)


def test_all_ways_out_of_the_sweep_have_the_same_convention():
    z, seen = leaf(Z), []
    y = z * (1 + 2j)
    y.retain_grad()
    y.register_hook(seen.append)
    z.register_hook(seen.append)
    loss = F.imag(y * y).sum()
    by_grad = mg.autograd.grad(loss, [y, z], retain_graph=True)
    y.grad = None
    loss.backward()
    dy = np.conj(-1j * 2 * y.data)  # Im y² = Re(-i y²)
    dz = np.conj(-1j * 2 * y.data * (1 + 2j))
    for found, expected in [(y.grad, dy), (seen[-2], dy), (by_grad[0], dy), (z.grad, dz), (seen[-1], dz), (by_grad[1], dz)]:
        np.testing.assert_allclose(found.data, expected)


def test_a_hook_may_change_a_complex_gradient():
    for inner in (False, True):
        z = leaf(Z)
        y = z * 1j
        (y if inner else z).register_hook(lambda g: g * 2j)
        F.real(y).sum().backward()
        np.testing.assert_allclose(z.grad.data, np.conj(1j) * 2j * np.ones(2))


def test_gradients_that_come_in_are_conjugates_too():
    given = np.array([1 + 5j, -2 + 1j])
    z = leaf(Z)
    (z * 1).backward(given)
    np.testing.assert_allclose(z.grad.data, given)
    np.testing.assert_allclose(mg.autograd.grad(z * 2j, z, mg.Tensor(given)).data, np.conj(2j) * given)
    _, pullback = mg.vjp(lambda z: z * 2j, mg.Tensor(Z))
    np.testing.assert_allclose(pullback(mg.Tensor(given)).data, np.conj(2j) * given)


def test_a_gradient_that_comes_in_can_be_differentiated():
    """g ↦ conj(a) g, whose own gradient by g is c ↦ a c."""
    z, g = leaf(Z), leaf(np.array([1 + 5j, -2 + 1j]))
    dz = mg.autograd.grad(z * 2j, z, g, create_graph=True)
    dg = mg.autograd.grad(dz, g, mg.Tensor([3 + 1j, 1j], dtype=complex))
    np.testing.assert_allclose(dg.data, 2j * np.array([3 + 1j, 1j]))


def test_jvp_and_hvp():
    z, v = mg.Tensor(Z), mg.Tensor([1 + 1j, 2 - 1j], dtype=complex)
    np.testing.assert_allclose(mg.jvp(F.exp, (z,), v)[1].data, np.exp(Z) * v.data)
    np.testing.assert_allclose(mg.jvp(F.conj, (z,), v)[1].data, np.conj(v.data))
    np.testing.assert_allclose(mg.hvp(lambda z: F.square(F.abs(z)).sum(), (z,), v).data, 2 * v.data)
    np.testing.assert_allclose(mg.hvp(lambda z: F.real(z * z * z).sum(), (z,), v).data, np.conj(6 * Z * v.data))


def test_checkpoint_and_custom_gradient():
    def f(z):
        return F.exp(z) * F.conj(z) + 1j * F.abs(z)

    plain, saved = ([g.data for g in gradients(h, [Z], [np.array([1 - 2j, 3j])])[1]]
                    for h in (f, lambda z: mg.checkpoint(f, z)))
    np.testing.assert_array_equal(plain, saved)
    check(lambda z: mg.checkpoint(f, z), [Z])
    check(mg.custom_gradient(lambda z: (F.exp(z), lambda dy: dy * F.exp(z))), [Z])


def test_the_tape_and_the_print_show_complex_numbers():
    z = mg.Tensor([1 + 2j], requires_grad=True)
    assert "1.+2.j" in repr(z) and "complex64" in repr(z)
    assert "0+2j" in str(mg.tape(F.real(z * 2j).sum()))


@pytest.mark.parametrize("call, words", [
    (lambda z: z.sum().backward(), "mg.abs"),
    (lambda z: mg.grad(lambda z: z.sum())(z), "real number.*complex"),
    (lambda z: mg.jacobian(lambda z: z * 2)(z), "two rows"),
    (lambda z: F.relu(z), "Relu|relu|Maximum"),
    (lambda z: F.var(z), "Var.*complex"),
    (lambda z: F.astype(z, float), "imaginary parts"),
    (lambda z: F.complex(z, 1.0), "real numbers"),
    (lambda z: float(z.sum()), "complex|float"),
    (lambda z: mg.random.normal(z), "must be real")])
def test_what_has_no_real_answer_is_refused(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call(leaf(Z))


# ---- gradcheck

class Doubled(mg.Function):
    """y = x          dx = dy (but it says 2 dy)"""

    takes_complex = True

    def forward(self, x):
        return x * 1

    def backward(self, dy):
        return 2 * dy


def test_gradcheck_moves_both_parts_of_a_complex_input():
    seen = []

    def f(x, z):
        seen.append(z.numpy().copy())
        return F.exp(z) * x + F.conj(z)

    report = mg.gradgradcheck(f, (np.array([0.5, 2.0]), Z))
    assert [c.name for c in report.comparisons] == ["x", "z.real", "z.imag", "cotangent 0", "cotangent 1"]
    np.testing.assert_array_equal(seen[0], Z)
    assert mg.gradcheck(f, (np.array([0.5, 2.0]), Z), argnums=1).comparisons[1].name == "z.imag"
    assert mg.gradcheck(F.exp, [1j, 2.0])


@pytest.mark.parametrize("f, named", [
    (lambda z: Doubled.apply(F.exp(z)), "x.real"),
    (lambda z: F.complex(F.real(z), Doubled.apply(F.imag(z))), "x"),
    (lambda z: F.complex(Doubled.apply(F.real(z)), F.imag(z)), "x")])
def test_gradcheck_sees_a_wrong_gradient_in_either_part(f, named):
    with pytest.raises(mg.GradientError, match=rf"Doubled, operation[^\0]*{named}\[.*counted twice"):
        mg.gradcheck(f, Z)


# ---- dtypes and special points

def test_a_real_operand_of_a_complex_result_gets_the_real_part():
    for dtype, other in [("float32", "complex64"), ("float64", "complex64"), ("float32", "complex128")]:
        x, z = mg.Tensor([2.0, 3.0], True, dtype), mg.Tensor(Z, True, other)
        F.real(x * z * 1j).sum().backward()
        assert (x.grad.dtype, z.grad.dtype) == (dtype, other)
        np.testing.assert_allclose(x.grad.data, -Z.imag, rtol=1e-6)
        np.testing.assert_allclose(z.grad.data, -1j * x.data, rtol=1e-6)


def test_python_numbers_do_not_widen():
    assert mg.Tensor([1.0, 1j]).dtype == mg.Tensor(2j).dtype == np.complex64
    z = mg.Tensor([1j], requires_grad=True)
    y = F.abs((z * 2 + 1j) ** 2 / 3.0).sum()
    y.backward()
    assert y.dtype == np.float32 and z.grad.dtype == np.complex64
    with mg.default_dtype("float64"):
        assert mg.Tensor([1j]).dtype == np.complex128


def test_slopes_at_zero():
    for f in (F.abs, F.angle, F.vector_norm):
        z = leaf(np.array([0j]))
        f(z).sum().backward()
        np.testing.assert_array_equal(z.grad.data, [0])


def test_angles():
    z = np.array([1, 1j, -1, -1j, 1 + 1j, -2.0])
    np.testing.assert_allclose(F.angle(mg.Tensor(z)).data, np.angle(z))
    np.testing.assert_allclose(F.angle(mg.Tensor(z), deg=True).data, [0, 90, 180, -90, 45, 180])
    x = leaf(np.array([1.0, -2.0]))
    F.angle(x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [0, 0])


def test_powers_with_negative_and_complex_numbers():
    rng = np.random.default_rng(1)
    check(F.power, [np.array([-2.0, 0.5, 3.0]), random_complex(rng, 3)])
    check(F.power, [random_complex(rng, 3), np.array([-2.0, 0.5, 3.0])])
    check(lambda z: 2j ** z, [random_complex(rng, 3)])
    check(lambda z: z ** 2j, [random_complex(rng, 3)])


def test_writing_complex_numbers_into_and_beside_real_ones():
    rng = np.random.default_rng(2)
    z, x = random_complex(rng, 4), rng.standard_normal(2)
    check(lambda z, x: F.index_update(z, [1, 3], x), [z, x])
    check(lambda z, x: F.index_add(z, [1, 1], x), [z, x])
    check(lambda z, x: F.concatenate([z, x]), [z, x])
    check(lambda z: z[[0, 0, 2]], [z])
    check(lambda z, x: F.where(np.array([True, False]), z[:2], x), [z, x])


def test_numpy_functions_methods_and_properties():
    z = leaf(Z)
    for ours, theirs in [(np.real(z), Z.real), (np.imag(z), Z.imag), (np.conj(z), Z.conj()), (np.angle(z), np.angle(Z)),
                         (np.abs(z), abs(Z)), (z.real, Z.real), (z.imag, Z.imag), (z.conj(), Z.conj()), (abs(z), abs(Z))]:
        assert ours.requires_grad
        np.testing.assert_array_equal(ours.data, theirs)
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    assert x.real is x and x.conj() is x and F.real(x) is x
    np.testing.assert_array_equal(x.imag.data, [0, 0])
    assert math.isclose(F.abs(mg.Tensor(3 + 4j)).item(), 5) and complex(mg.Tensor(1j)) == 1j
