"""Complex numbers: every Function is right for them or refuses them."""

import numpy as np
import pytest
from derivatives import as_list
from table import TABLE
from test_completeness import all_functions

import minigrad as mg
from minigrad.autograd import topological_order
from minigrad.function import Output

STEP = np.finfo(float).eps ** (1 / 3)
SEED = 11


def random_complex(rng, *shape):
    """Numbers whose real and imaginary parts are at least 0.3, of either sign."""
    x, y = rng.uniform(0.3, 1.5, (2, *shape)) * rng.choice([-1, 1], (2, *shape))
    return np.asarray(x + 1j * y)


def leaf(x):
    return mg.Tensor(x, requires_grad=x.dtype.kind in "fc")


def product(xs, ys):
    """The real scalar product Σ Re x Re y + Im x Im y."""
    return sum(float(np.sum(np.conj(x) * y).real) for x, y in zip(xs, ys))


def gradients(call, arrays, cotangents, record=False):
    """The leaves, and the gradient of each (zeros where it does not count), as Tensors."""
    leaves = [leaf(x) for x in arrays]
    ys = [y for y in as_list(call(*leaves))]
    pairs = [(y, c) for y, c in zip(ys, cotangents) if y.requires_grad]
    wanted = [x for x in leaves if x.requires_grad]
    if not pairs:
        return wanted, [mg.Tensor(np.zeros_like(x.data)) for x in wanted]
    found = mg.autograd.grad([y for y, _ in pairs], wanted, [mg.Tensor(c) for _, c in pairs], record, allow_unused=True)
    return wanted, [mg.Tensor(np.zeros_like(x.data)) if g is None else g for x, g in zip(wanted, found)]


def slope(f, arrays, directions):
    """d f(*arrays) / dt along the directions (None: constant), for an f that gives a real number."""
    def moved(t):
        return [x if d is None else x + t * d for x, d in zip(arrays, directions)]

    return (f(*moved(STEP)) - f(*moved(-STEP))) / (2 * STEP)


def check(call, arrays):
    """Both derivatives of call against differences along random directions; the Functions that were recorded."""
    rng = np.random.default_rng(SEED)

    def like(x):
        return random_complex(rng, *x.shape) if x.dtype.kind == "c" else rng.standard_normal(x.shape)

    ys = as_list(call(*map(leaf, arrays)))
    cs = [like(y) for y in ys]
    along = [like(x) if x.dtype.kind in "fc" else None for x in arrays]
    variables = [d for d in along if d is not None]

    def loss(*xs):
        return product(cs, [y.data for y in as_list(call(*map(mg.Tensor, xs)))])

    leaves, found = gradients(call, arrays, cs, record=True)
    assert [g.dtype for g in found] == [x.dtype for x in leaves]
    expected = slope(loss, arrays, along)
    assert product([g.data for g in found], variables) == pytest.approx(expected, rel=1e-7, abs=1e-8)

    second = [like(g.data) for g in found]
    tracked = [(g, d) for g, d in zip(found, second) if g.requires_grad]
    if tracked:
        twice = mg.autograd.grad([g for g, _ in tracked], leaves, [mg.Tensor(d) for _, d in tracked], allow_unused=True)
        actual = product([g.data for g in twice if g is not None], [d for g, d in zip(twice, variables) if g is not None])
        expected = slope(lambda *xs: product([g.data for g in gradients(call, xs, cs)[1]], second), arrays, along)
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-7)
    return {type(f) for f in topological_order([y.creator for y in ys if y.creator is not None])} - {Output}


# ---- every Function

def made_complex(entry):
    """The entry's inputs, the real ones with imaginary parts."""
    rng = np.random.default_rng(SEED)
    return [x + 1j * rng.uniform(0.3, 1, x.shape) if x.dtype.kind == "f" else x for x in entry.inputs()]


@pytest.fixture(scope="module")
def outcomes():
    """({entry: its Functions} of what is right for complex operands, {entry: the error} of what is refused)."""
    right, refused = {}, {}
    for entry in TABLE:
        arrays = made_complex(entry)
        if not any(x.dtype.kind == "c" for x in arrays):
            continue
        try:
            entry.call(*map(leaf, arrays))
        except (TypeError, ValueError) as error:
            refused[entry.name] = error
        else:
            right[entry.name] = check(entry.call, arrays)
    return right, refused


def test_every_entry_is_right_for_complex_operands_or_refuses_them(outcomes):
    right, refused = outcomes
    assert len(right) > 200 and len(refused) > 200
    assert {name: str(e) for name, e in refused.items() if "complex" not in str(e) and "real" not in str(e)} == {}


def test_every_function_that_takes_complex_operands_was_checked_with_them(outcomes):
    checked = set().union(*outcomes[0].values())
    for entry in TABLE:  # and those whose entries make the complex operands themselves, checked by the tests of the table
        checked.update(c for c in entry.covers if c.__module__.endswith((".fourier", ".complex_numbers")))
    missing = {c for c in all_functions() if c.takes_complex} - checked
    assert not missing, f"no entry with complex operands covers {sorted(c.__name__ for c in missing)}"


def test_functions_that_do_not_take_complex_operands_refuse_them():
    z = mg.Tensor([1 + 1j, 2 - 1j], requires_grad=True)
    tried = 0
    for cls in all_functions():
        if not cls.takes_complex:
            tried += 1
            bare = type(cls.__name__, (cls,), {"forward": lambda self, *xs: np.ones(2) * xs[0].real, "__module__": "test"})
            with pytest.raises(TypeError, match=f"{cls.__name__} has no gradient for complex numbers.*mg.real"):
                bare.apply(z)
            with pytest.raises(TypeError, match="operand 1 is complex"):
                bare.apply(mg.Tensor([1.0], requires_grad=True), 1j)
            assert bare.apply(z.detach()).requires_grad is False
    assert tried > 40


def test_a_function_of_the_users_own_is_refused_until_it_says_that_it_is_right():
    class Cube(mg.Function):
        """y = x³          dx = dy * 3 x²"""

        def forward(self, x):
            return x ** 3

        def backward(self, dy):
            x, = self.inputs
            return dy * 3 * x * x

    z = random_complex(np.random.default_rng(0), 3)
    with pytest.raises(TypeError, match="Cube .*takes_complex = True"):
        Cube.apply(leaf(z))
    Cube.takes_complex = True
    check(Cube.apply, [z])
