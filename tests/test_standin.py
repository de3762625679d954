"""Every function, and whole training steps, on arrays that are not NumPy's: the stand-in for CuPy.

The stand-in computes with NumPy behind its back, by the very operations that minigrad asked for, so results are compared
exactly: any difference means that the two libraries were not asked the same.
"""

import operator

import numpy as np
import pytest
import standin
from table import TABLE

import minigrad as mg
import minigrad.functions as F
from minigrad import backend, layers

standin.register()
DEVICES = ("cpu", "standin")


def placed(x, device, requires_grad=None):
    """A host array as a Tensor on a device; a floating-point one is differentiated."""
    return mg.Tensor(x, requires_grad=x.dtype.kind == "f" if requires_grad is None else requires_grad, device=device)


def assert_same(here, there):
    """Lists of Tensors or numbers, on the host and on the device, with the same numbers."""
    assert len(here) == len(there) > 0
    for a, b in zip(here, there):
        np.testing.assert_array_equal(backend.to_numpy(b), backend.to_numpy(a), strict=True)


# ---- functions

GIVEN_PLACES = ("insert", "delete", "compress")  # of lists and masks on the host, copied once
FROM_THE_HOST = (  # a list, a window or a mel filter bank is copied once: backward has it
    "getitem/list", "getitem/list of truth", "repeat/each", "repeat/each row", "repeat/each, flat", "repeat/one for all",
    "repeat/each, from the end", "hann_window", "hamming_window", "blackman_window",
    "mel_filter_bank", "mel_spectrogram", "mel_spectrogram/power 1.0", "mel_spectrogram/power 1.5")


def derivatives(entry, device):
    """Value, first and second derivatives of an entry of the table, as Tensors on a device."""
    arguments = [placed(x, device) for x in entry.inputs()]
    with standin.no_traffic(*["to host"] + ["scalars"] * (entry.function != "linalg.lstsq") +  # its rank is a Python integer
                              ["to device"] * (entry.name not in FROM_THE_HOST and entry.function not in GIVEN_PLACES)):
        outputs = entry.call(*arguments)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    variables = [x for x in arguments if x.requires_grad]
    found, ys, rng = list(outputs), [y for y in outputs if y.requires_grad], np.random.default_rng(7)
    for _ in range(entry.order if ys else 0):
        dys = [placed(rng.standard_normal(y.shape), device, False) for y in ys]
        with standin.no_traffic():
            gradients = mg.autograd.grad(ys, variables, dys, create_graph=True, allow_unused=True)
        gradients = [g for g in gradients if g is not None]
        found += gradients
        ys = [g for g in gradients if g.requires_grad]
        if not ys:
            break
    return found


@pytest.mark.parametrize("entry", TABLE, ids=repr)
def test_every_function_gives_the_same_on_the_device_and_copies_nothing(entry):
    here, there = (derivatives(entry, device) for device in DEVICES)
    assert {y.device for y in there} == {"standin:0"}
    if entry.name == "getitem/repeated":  # the gradients for one place are sorted first on the host, and added in that order
        for a, b in zip(here, there, strict=True):
            np.testing.assert_array_max_ulp(backend.to_numpy(b), backend.to_numpy(a), 2)
    else:
        assert_same(here, there)


@pytest.mark.parametrize("call", [
    lambda x, f: F.dropout(x, 0.5), lambda x, f: F.where(True, x, 0.0), lambda x, f: F.index_update(x, [0, 0], f(3.0, 1.0)),
    lambda x, f: F.cross_entropy(x, np.array([1, 0])), lambda x, f: F.cross_entropy(x, [1, 0]),
    lambda x, f: F.cross_entropy(x, np.eye(2)), lambda x, f: F.embedding([0, 1, 0], x), lambda x, f: x[np.array([1, 1])],
    lambda x, f: F.take_along_axis(x, np.array([[1], [0]]), 1),
    lambda x, f: F.scaled_dot_product_attention(x, x, x, mask=np.array([[True, False], [True, True]]), is_causal=True),
    lambda x, f: F.scaled_dot_product_attention(x, x, x, mask=[[0.0, -1.0], [0.0, -np.inf]]),
    lambda x, f: F.scaled_dot_product_attention(*[x[None]] * 3, mask=[[[True, False], [True, True]]], enable_gqa=True),
    lambda x, f: F.rnn(x[None], None, x, x, mask=np.array([[True, False]]))[0],
    lambda x, f: 2 * x + 1 - x / 3 + np.float64(2) * x, lambda x, f: np.exp(x) + np.maximum(x, 0) + np.sum(x),
    lambda x, f: F.clip(x, 0, 1) ** 2])
def test_plain_arguments_go_where_the_tensor_lives(call):
    """Numbers, lists, and host arrays as indices, labels and masks."""
    found = []
    for device in DEVICES:
        mg.seed(0)
        x = placed(np.array([[0.5, -1.5], [2.0, 1.0]]), device)
        y = call(x, lambda *numbers: mg.Tensor([[n, n] for n in numbers], dtype=x.dtype, device=device))  # noqa: B023
        y.sum().backward()
        assert y.device == x.grad.device == x.device
        found.append([y, x.grad])
    if "dropout" in call.__code__.co_names:  # a generator for each library: other numbers, the same kind
        assert set(np.unique(found[1][1].numpy())) <= {0.0, 2.0}
    else:
        assert_same(*found)


@pytest.mark.parametrize("name", ["lt", "ge", "eq", "ne"])
def test_comparisons_give_device_arrays(name):
    x = placed(np.array([1.0, 2.0]), "standin")
    assert isinstance(getattr(operator, name)(x, x), standin.ndarray)
    assert isinstance(getattr(operator, name)(x, 1.5), standin.ndarray)


# ---- two devices

def a_pair(dtype=float):
    return [placed(np.ones((2, 2), dtype), device, False) for device in DEVICES]


@pytest.mark.parametrize("call", [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul, F.maximum, F.minimum,
    F.mse_loss, F.cross_entropy, lambda x, y: F.concatenate([x, y]), lambda x, y: F.stack([x, y]),
    lambda x, y: F.where(x.data > 0, x, y), lambda x, y: F.scaled_dot_product_attention(x, y, y),
    lambda x, y: F.layer_norm(x, y[0], y[1]), lambda x, y: F.conv2d(x[None, ..., None], y[..., None, None]),
    lambda x, y: F.index_update(x, 0, y[0]), lambda x, y: x + y.data,
    lambda x, y: layers.Dense(2, input_shape=(2,)).to(x.device)(y)])
def test_two_devices_in_one_operation_are_refused(call):
    host, device = a_pair()
    for x, y in ((host, device), (device, host)):
        with pytest.raises((TypeError, ValueError), match=r"cpu and standin:0.*\.to\('standin:0'\)"):
            call(x, y)


@pytest.mark.parametrize("call", [
    lambda x, i: x[i], lambda x, i: x[0, i], lambda x, i: F.take_along_axis(x, i[:, None], 1),
    lambda x, i: F.embedding(i, x), lambda x, i: F.cross_entropy(x, i), lambda x, i: F.index_update(x, i, 1.0)])
def test_indices_come_to_the_device_but_not_home(call):
    """An index goes to where it is used, once; that numbers come back from the device, one has to say."""
    (host, device), (i, j) = a_pair(), a_pair(int)
    assert_same([call(host, i[0])], [call(device, i[0])])
    with pytest.raises((TypeError, IndexError), match=r"cpu and standin:0.*\.to\('standin:0'\)"):
        call(host, j[0])


def test_data_and_gradients_stay_on_the_device_of_their_tensor():
    host, device = a_pair()
    for x, other in ((host, device), (device, host)):
        for name in ("data", "grad"):
            with pytest.raises(ValueError, match=rf"on {other.device} to a Tensor on {x.device}.*\.to\("):
                setattr(x, name, other)
        leaf = mg.Tensor(x, requires_grad=True)
        with pytest.raises(ValueError, match=rf"gradient lives on {other.device}, the Tensor on {x.device}.*\.to\("):
            mg.autograd.grad(leaf.reshape(4), leaf, other.reshape(4))


def test_a_gradient_comes_home():
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    y = (x.to("standin") * 3).to("cpu").sum()
    y.backward()
    assert x.grad.device == "cpu" and x.grad.tolist() == [3, 3]


def test_to_where_it_is_already_is_the_tensor_itself():
    x = placed(np.ones(2), "standin")
    assert x.to("standin") is x and x.to("standin:0") is x
    assert x.to("float32").device == x.device


@pytest.mark.parametrize("device", ["gpu", "standin:x", "standin:1"])
def test_an_unknown_device_changes_nothing(device):
    model = mg.models.LeNet5()
    before = [p.data for p in model.parameters()]
    with pytest.raises(ValueError, match="device"):
        model.to(device)
    assert all(p.data is a for p, a in zip(model.parameters(), before))
    with pytest.raises(ValueError, match="device"):
        layers.Dense(3).to(device)


# ---- looking at what is on a device

def test_repr_tape_summary_and_gradcheck():
    x = mg.Tensor(np.array([0.5, 2.0]), requires_grad=True, device="standin")
    assert repr(x) == "Tensor([0.5, 2. ], dtype=float64, device='standin:0', requires_grad=True)"
    assert "0.5" in x._repr_html_() and "standin" in x._repr_html_()
    y = (mg.sin(x) * x).sum()
    y.backward()
    there = str(mg.tape(y))
    x = x.to("cpu").detach()
    x.requires_grad = True
    y = (mg.sin(x) * x).sum()
    y.backward()
    assert there == str(mg.tape(y)) and "sin" in there
    assert mg.gradcheck(lambda x: mg.sin(x) * x, mg.Tensor(x, requires_grad=True, device="standin"))
    model = mg.models.LeNet()
    before = str(mg.summary(model)), repr(model)
    model.to("standin")
    assert (str(mg.summary(model)), repr(model)) == before and "standin" in repr(model.parameters()[0])


def test_metrics_take_device_arrays():
    rng = np.random.default_rng(0)
    y, scores = rng.integers(0, 3, 20), rng.random((20, 3))
    for metric in (mg.metrics.Accuracy(), mg.metrics.F1Score(average=None), mg.metrics.ConfusionMatrix()):
        here = metric(y, scores)
        metric.reset_state()
        np.testing.assert_array_equal(metric(backend.to_device(y, "standin"), placed(scores, "standin")), here)
