"""Tensor: dtypes (rule 7), NumPy's protocols (rule 9), how it prints, and what it refuses."""

import copy
import html.parser
import operator

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import operators
from minigrad.function import Function


def leaf(dtype="float64"):
    return mg.Tensor(np.array([0.5, 1.0, 2.0], dtype), requires_grad=True)


# ---- rule 7: dtypes follow NumPy 2

@pytest.mark.parametrize("data, dtype", [
    (1, "float32"), (1.5, "float32"), ([1, 2], "float32"), ([[1.0]], "float32"), (True, "bool"), ([True, False], "bool"),
    (np.float64(1), "float64"), (np.arange(3), "int64"), (np.ones(2, "float16"), "float16"),
    ([np.float64(1), np.float64(2)], "float64"), ([], "float32")])
def test_dtype_of_a_new_tensor(data, dtype):
    assert mg.Tensor(data).dtype == dtype


def test_the_default_dtype_can_be_set():
    with mg.default_dtype("float64"):
        assert mg.Tensor(1.0).dtype == np.float64
    assert mg.Tensor(1.0).dtype == np.float32 and mg.Tensor(1.0, dtype="float64").dtype == np.float64
    with pytest.raises(TypeError, match="floating-point"):
        mg.set_default_dtype("int32")


OTHERS = [2, 2.5, True, np.float32(2), np.float64(2), np.int64(2), np.ones(3, "float32"), np.ones(3), np.arange(1, 4)]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("other", OTHERS, ids=lambda o: f"{type(o).__name__}-{getattr(o, 'dtype', '')}")
@pytest.mark.parametrize("f", [lambda x, y: x + y, lambda x, y: y * x, lambda x, y: x / y, lambda x, y: y - x])
def test_promotion_is_numpys_and_gradients_keep_their_dtype(dtype, other, f):
    x = leaf(dtype)
    y = f(x, other)
    expected = f(x.numpy(), other)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y.numpy(), expected, rtol=4 * np.finfo(dtype).eps)
    y.sum().backward()
    assert x.grad.dtype == dtype


def test_only_floating_point_requires_gradients():
    for data in (np.arange(3), np.array([True])):
        with pytest.raises(TypeError, match="floating-point"):
            mg.Tensor(data, requires_grad=True)
    with pytest.raises(TypeError, match="floating-point"):
        mg.Tensor(np.arange(3)).requires_grad = True
    for dtype in ("int64", "bool"):  # a result that cannot have a gradient has no history
        y = leaf().astype(dtype)
        assert y.creator is None and not y.requires_grad and y.dtype == dtype


@pytest.mark.parametrize("f", [F.add, F.subtract, F.multiply, F.divide, F.power, F.maximum, F.minimum, F.matmul, F.mse_loss,
                               lambda x, y: F.concatenate([x, y]), lambda x, y: F.where(np.eye(1, 3) > 0, x, y)])
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32"), ("float16", "float32")])
def test_each_operand_gets_a_gradient_of_its_own_dtype(f, dtypes):
    x, y = leaf(dtypes[0]), leaf(dtypes[1])
    z = f(x, y * 1.25)
    assert z.dtype == max(dtypes)
    z.sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == dtypes


@pytest.mark.parametrize("f", [F.exp, F.softmax, F.sigmoid, F.gelu, F.logsumexp, F.var, F.mean, F.tanh, F.absolute])
def test_float32_stays_float32_forward_backward_and_twice(f):
    x = leaf("float32")
    y = f(x)
    slope = mg.autograd.grad((y * y).sum(), x, create_graph=True)
    assert y.dtype == slope.dtype == mg.autograd.grad(slope.sum(), x).dtype == np.float32


# ---- rule 9: NumPy's protocols

@pytest.mark.parametrize("f", [
    np.exp, np.sin, np.sum, np.mean, np.max, np.abs, np.sqrt, lambda x: np.add(np.ones(3), x), lambda x: np.ones(3) * x,
    lambda x: np.float64(2) * x, lambda x: np.concatenate([x, np.ones(2)]), lambda x: np.stack([x, x]),
    lambda x: np.where(np.array([True, False, True]), x, 0.0), lambda x: np.maximum(1.0, x), lambda x: np.reshape(x, (3, 1)),
    lambda x: np.matmul(np.eye(3), x), lambda x: np.transpose(x), lambda x: np.clip(x, 0.7, 1.5), lambda x: np.var(x),
    lambda x: np.flip(x), lambda x: np.pad(x, 1), lambda x: np.expand_dims(x, 0), lambda x: np.std(x, ddof=1),
    lambda x: np.power(x, 2.0), lambda x: np.negative(x), lambda x: np.broadcast_to(x, (2, 3)),
    lambda x: np.arange(1.0, 4.0) - x, lambda x: np.ones(3) / x, lambda x: np.full(3, 1.5) ** x, lambda x: np.eye(3) @ x,
    lambda x: 2 ** x, lambda x: [1.0, 2.0, 3.0] * x, lambda x: x - (1.0, 2.0, 3.0), lambda x: np.square(x)])
def test_numpy_functions_carry_the_gradient(f):
    x = leaf()
    y = f(x)
    assert isinstance(y, mg.Tensor) and y.requires_grad
    np.testing.assert_allclose(y.numpy(), f(x.numpy()), rtol=1e-15)
    assert mg.gradcheck(f, np.array([0.5, 1.1, 2.3]))


@pytest.mark.parametrize("f", [
    np.histogram, np.bincount, np.unique, np.add.reduce, np.multiply.accumulate, lambda x: np.add.at(x, 0, 1),
    lambda x: np.multiply.outer(x, x), lambda x: np.add(x, 1, out=np.empty(3)), lambda x: np.frexp(x)[0],
    lambda x: np.add(x, 1, where=np.array([True, False, True]))])
def test_what_would_lose_the_gradient_is_refused(f):
    with pytest.raises(TypeError):
        f(leaf())


def numpys(kind):
    """All functions of NumPy of that kind."""
    found = {getattr(m, name) for m in (np, np.linalg, np.fft) for name in dir(m) if not name.startswith("_")
             if type(getattr(m, name)) is kind}
    assert len(found) > 80
    return found


def test_every_function_of_numpy_is_in_a_table_or_refused():
    x = leaf()
    for f in numpys(type(np.sum)) - set(operators.FUNCTIONS) - operators.PLAIN_FUNCTIONS:
        with pytest.raises(TypeError, match="gradient would be lost"):
            x.__array_function__(f, (mg.Tensor,), (x,), {})
    for f in numpys(np.ufunc) - set(operators.UFUNCS) - operators.PLAIN_UFUNCS:
        with pytest.raises(TypeError, match="gradient would be lost"):
            f(*[x] * f.nin)


def into_a_part(x):
    np.zeros(3)[:] = x


@pytest.mark.parametrize("f", [
    lambda x: operator.iadd(np.zeros(3), x), lambda x: np.exp(x, out=np.zeros(3)), into_a_part, lambda x: np.array([x, x]),
    lambda x: np.isnan(x, out=np.zeros(3, bool)), lambda x: mg.Tensor([[x]]), lambda x: mg.Tensor([1.0, x[0]])])
def test_no_array_swallows_a_tensor_and_its_gradient(f):
    with pytest.raises(TypeError, match="gradient"):
        f(leaf())


def test_a_refusal_names_what_was_called_and_the_ways_out():
    def unheard_of():
        pass

    unheard_of.__module__ = "numpy.linalg"
    with pytest.raises(TypeError, match=r"np\.linalg\.unheard_of .*gradient would be lost.*mg.*t\.numpy\(\)"):
        leaf().__array_function__(unheard_of, (mg.Tensor,), (), {})
    with pytest.raises(TypeError, match=r"np\.add\.reduce "):
        np.add.reduce(leaf())


@pytest.mark.parametrize("f", [np.argmax, np.isnan, np.isfinite, np.shape, np.ndim, np.any, np.argsort, np.zeros_like,
                               lambda x: x > 1, lambda x: x == 1, lambda x: 1 < x, lambda x: np.allclose(x, [0.5, 1, 2])])
def test_what_has_no_gradient_is_plain(f):
    x = leaf()
    y = f(x)
    assert not isinstance(y, mg.Tensor)
    np.testing.assert_array_equal(y, f(x.numpy()))


def test_python_protocols():
    x = leaf()
    assert len(x) == 3 and [t.item() for t in x] == [0.5, 1.0, 2.0] and all(t.requires_grad for t in x)
    assert float(x[2]) == 2.0 and int(x[2]) == 2 and bool(x[0]) and x[1].item() == 1.0
    with pytest.raises((TypeError, ValueError)):
        float(x)
    with pytest.raises(ValueError):
        bool(x)
    with pytest.raises(TypeError, match="0-d"):
        len(x[0])
    with pytest.raises(TypeError, match="0-d"):
        iter(x[0])
    assert len({x, x, leaf()}) == 2  # by identity, though == goes by the numbers, as NumPy's
    assert (x == leaf()).tolist() == [True] * 3 and (x != 1.0).tolist() == [True, False, True]
    assert x in [x, leaf()] and 2.0 in x and 3.0 not in x
    with pytest.raises(ValueError, match="ambiguous"):
        assert leaf() in [x]  # as with arrays: compares numbers
    assert complex(x[0]) == 0.5 and [10, 20, 30][mg.Tensor(np.array(1))] == 20
    with pytest.raises(TypeError, match="only integer Tensors"):
        [10, 20][mg.Tensor(1.0)]
    assert x.__add__("text") is NotImplemented
    with pytest.raises(TypeError):
        x + "text"


def test_to_an_array_only_if_no_gradient_is_lost():
    x = leaf()
    with pytest.raises(TypeError, match=r"\.numpy\(\)"):
        np.asarray(x)
    np.testing.assert_array_equal(np.asarray(x.detach()), x.numpy())
    assert np.asarray(x.detach(), dtype="float32").dtype == np.float32
    np.testing.assert_array_equal(np.from_dlpack(x.detach()), x.numpy())
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(x)


def test_a_shallow_copy_is_refused():
    with pytest.raises(TypeError):
        copy.copy(leaf())


def test_detach_shares_and_arrays_are_copied():
    array = np.ones(3)
    x = mg.Tensor(array, requires_grad=True)
    array[0] = 5
    assert x.tolist() == [1, 1, 1]
    assert np.shares_memory(x.detach().numpy(), x.numpy()) and not x.detach().requires_grad


# ---- how it looks

@pytest.mark.parametrize("tensor, expected", [
    (mg.Tensor(2.0), "Tensor(2.)"), (mg.Tensor([1.0, 2.0]), "Tensor([1., 2.])"),
    (mg.Tensor(np.array([1.5]), requires_grad=True), "Tensor([1.5], dtype=float64, requires_grad=True)"),
    (mg.Tensor(np.zeros((0, 3), "float32")), "Tensor([], shape=(0, 3))"),
    (mg.Tensor([1.0], requires_grad=True) * 2, "Tensor([2.], creator=Multiply)"), (mg.Tensor([]), "Tensor([], shape=(0,))"),
    (mg.Tensor(np.arange(3, dtype="int64")), "Tensor([0, 1, 2], dtype=int64)"),
    (mg.Tensor([True]), "Tensor([ True], dtype=bool)"),
    (mg.Tensor([[1.0], [2.0]]), "Tensor([[1.],\n        [2.]])"), (mg.Tensor([np.nan, np.inf]), "Tensor([nan, inf])")])
def test_repr(tensor, expected):
    assert repr(tensor) == expected


def test_a_large_tensor_prints_in_short_with_its_shape():
    text = repr(mg.Tensor(np.zeros((1000, 1000), "float32")))
    assert "..." in text and "shape=(1000, 1000)" in text and len(text) < 1000


class Balanced(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("tensor", [mg.Tensor(1.0), leaf(), mg.exp(leaf()), mg.Tensor(np.zeros((50, 50)))])
def test_notebook_form_is_well_formed(tensor):
    page = Balanced()
    page.feed(tensor._repr_html_())
    assert page.open == [] and str(tensor.dtype) in "".join(page.texts)


def test_notebook_form_is_escaped():
    cls = type("<script>&", (Function,), {"forward": lambda self, x: x.copy()})
    page = Balanced()
    page.feed(cls.apply(leaf())._repr_html_())
    assert page.open == [] and "made by <script>&" in "".join(page.texts)


# ---- what it refuses

@pytest.mark.parametrize("data, error, words", [
    (["a", "b"], TypeError, "numbers"), ("text", TypeError, "numbers"), (None, TypeError, "numbers"),
    ([[1, 2], [3]], ValueError, "list"), ([mg.Tensor(1.0)], TypeError, "mg.stack"),
    (np.array([object()]), TypeError, "numbers"), (10 ** 400, TypeError, "numbers"), ({1, 2}, TypeError, "numbers"),
    (np.datetime64("2020-01-01"), TypeError, "numbers"), ((i for i in range(3)), TypeError, "numbers")])
def test_what_is_no_array_of_numbers(data, error, words):
    with pytest.raises(error, match=words):
        mg.Tensor(data)


@pytest.mark.parametrize("keywords, error, words", [
    ({"dtype": object}, TypeError, "holds numbers"), ({"dtype": str}, TypeError, "holds numbers"),
    ({"dtype": "banana"}, TypeError, "banana"), ({"device": "abacus"}, ValueError, "unknown device 'abacus'"),
    ({"dtype": "int32", "requires_grad": True}, TypeError, "floating-point")])
def test_dtypes_and_devices_that_do_not_exist(keywords, error, words):
    with pytest.raises(error, match=words):
        mg.Tensor([1.0], **keywords)


def test_data_and_grad_must_fit():
    x = leaf()
    for value, error in ((np.ones(2), ValueError), (np.ones(3, "float32"), TypeError)):
        with pytest.raises(error):
            x.data = value
    with pytest.raises(ValueError, match="shape and dtype"):
        x.grad = np.ones(2)
    assert x.tolist() == [0.5, 1.0, 2.0] and x.grad is None
    with pytest.raises(ValueError, match="unknown device 'abacus'"):
        x.to("abacus")
    with pytest.raises(ValueError, match="one element"):
        x.item()
    with pytest.raises(ValueError, match="detach"):
        (x * 2).requires_grad = False
