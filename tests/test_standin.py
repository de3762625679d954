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


# ---- training

def batch(n=4, classes=10):
    rng = np.random.default_rng(1)
    return rng.random((n, 28, 28, 1), dtype="float32"), rng.integers(0, classes, n)


OPTIMIZERS = [lambda p: mg.optimizers.SGD(p, 0.05), lambda p: mg.optimizers.SGD(p, 0.05, momentum=0.9, nesterov=True),
              lambda p: mg.optimizers.Adam(p, 0.01), lambda p: mg.optimizers.AdamW(p, 0.01)]


def step_by_hand(model, x, y, optimizer):
    """A step of a hand-written loop; the numbers after it."""
    loss = F.cross_entropy(model(x, training=True), y, from_logits=False)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return [loss, *model.parameters()]


@pytest.mark.parametrize("make", OPTIMIZERS, ids=["sgd", "nesterov", "adam", "adamw"])
@pytest.mark.parametrize("architecture", [mg.models.LeNet, mg.models.LeNet5])
def test_lenet_by_hand_copies_nothing(architecture, make):
    found = []
    for device in DEVICES:
        mg.seed(0)
        model = architecture().to(device)
        x, y = (placed(a, device, False) for a in batch())
        optimizer = make(model.parameters())
        with standin.no_traffic():
            step_by_hand(model, x, y, optimizer)
            found.append(step_by_hand(model, x, y, optimizer))
        assert {p.device for p in model.parameters()} == {x.device}
    assert_same(*found)


class RowAttention(mg.Model):
    """A small Transformer block over the rows of an image."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self.embed, self.positions = layers.Dense(width), layers.Embedding(28, width)
        self.norm, self.attention = layers.LayerNormalization(), layers.MultiHeadAttention(heads, width // heads)
        self.wide, self.classify = layers.Dense(2 * width, activation="gelu"), layers.Dense(10, activation="softmax")

    def call(self, rows):
        h = self.embed(rows) + self.positions(mg.Tensor(np.arange(28), device=rows.device))
        h = h + self.attention(self.norm(h), use_causal_mask=True)
        return self.classify(self.wide(h).mean(axis=1))


def test_an_attention_classifier_is_built_where_it_was_sent():
    found = []
    for device in DEVICES:
        mg.seed(0)
        model = RowAttention().to(device)  # before it has parameters
        x, y = batch()
        x, y = placed(x[..., 0], device, False), placed(y, device, False)
        model(x)
        assert {p.device for p in model.parameters()} == {x.device}
        optimizer = mg.optimizers.Adam(model.parameters())
        loss = F.cross_entropy(model(x), y, from_logits=False)
        loss.backward()
        gradients = [p.grad for p in model.parameters()]
        optimizer.step()
        found.append([loss, *gradients, *model.parameters()])
    assert_same(*found)


@pytest.mark.parametrize("data_lives", DEVICES)
def test_compile_fit_evaluate_predict(data_lives):
    x, y = batch(12)
    names = ["accuracy", "precision", "recall", "f1"]
    found = []
    for device, source in zip(DEVICES, ("cpu", data_lives)):
        mg.seed(0)
        model = mg.models.LeNet().to(device)
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=names)
        data = [x, y] if source == "cpu" else [backend.to_device(a, source) for a in (x, y)]
        history = model.fit(*data, epochs=2, batch_size=5, validation_split=0.25, verbose=0).history
        assert {"loss", "val_loss", "accuracy", "val_accuracy"} <= set(history)
        evaluated, predicted = model.evaluate(*data), model.predict(data[0])
        assert isinstance(predicted, np.ndarray) and {p.device for p in model.parameters()} == {model.parameters()[0].device}
        found.append([*history.values(), list(evaluated.values()), predicted, *model.parameters()])
    assert model.parameters()[0].device == "standin:0"
    assert_same(*found)


def test_a_step_of_fit_copies_the_batch_and_reads_the_loss():
    model = mg.models.LeNet5().to("standin")
    model.compile("adam", "sparse_categorical_crossentropy")
    before = standin.traffic.copy()
    model.train_step(*batch())
    assert standin.traffic - before == {"to device": 2, "scalars": 1}


@pytest.mark.parametrize("loss", ["mse", "mae", "categorical_crossentropy", "binary_crossentropy", "huber", "hinge",
                                  "kl_divergence", "categorical_focal_crossentropy", "binary_focal_crossentropy",
                                  lambda t, p: ((p - t) ** 2).sum()])
def test_losses_take_host_targets(loss):
    found = []
    for device in DEVICES:
        mg.seed(0)
        model = mg.Sequential([layers.Dense(3, activation="softmax", input_shape=(4,))]).to(device)
        model.compile("sgd", loss)
        model.fit(np.linspace(0, 1, 12, dtype="f").reshape(3, 4), np.eye(3), verbose=0)
        found.append(model.parameters())
    assert_same(*found)


def test_labels_that_do_not_exist_are_found_before_they_go_to_the_device():
    """On a device, a class that does not exist would wrap around in silence."""
    model = mg.models.LeNet5().to("standin")
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = batch()
    with pytest.raises(IndexError, match="10"):
        model.fit(x, np.full_like(y, 10), verbose=0)
    with pytest.raises(IndexError, match="10"):
        F.cross_entropy(model(x), np.full_like(y, 10))


def test_weights_come_from_the_device_and_go_back(tmp_path):
    model, x = mg.models.LeNet5().to("standin"), batch()[0]
    model.save_weights(tmp_path / "w.safetensors")
    for device in DEVICES:
        again = mg.models.LeNet5().to(device)
        again.load_weights(tmp_path / "w.safetensors")
        assert again.parameters()[0].device.startswith(device)
        np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert all(isinstance(a, np.ndarray) for a in model.state_dict().values())


@pytest.mark.parametrize("make", OPTIMIZERS[1:], ids=["nesterov", "adam", "adamw"])
def test_a_model_may_move_between_two_steps(make):
    """The optimizer's state follows."""
    found = []
    for second in DEVICES:
        mg.seed(0)
        model = mg.models.LeNet5()
        optimizer = make(model.parameters())
        for device in ("cpu", second):
            model.to(device)
            x, y = (placed(a, device, False) for a in batch())
            numbers = step_by_hand(model, x, y, optimizer)
        found.append(numbers)
    assert_same(*found)


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


# ---- the stand-in itself

xp = standin.xp


def four():
    return standin.ndarray(np.arange(4.0))


@pytest.mark.parametrize("call", [
    np.asarray, np.array, lambda x: x + np.ones(4), lambda x: np.ones(4) + x, lambda x: x.__iadd__(np.ones(4)),
    lambda x: np.add(x, np.ones(4)), lambda x: np.add(np.ones(4), x), lambda x: x < np.ones(4), lambda x: x == np.ones(4),
    lambda x: x + np.array(1.0), lambda x: x @ np.ones(4), lambda x: x + [1, 2, 3, 4], lambda x: [1, 2, 3, 4] * x,
    lambda x: xp.add(x, [1, 2, 3, 4]), lambda x: xp.exp([1.0]), lambda x: xp.exp(np.ones(4)), lambda x: xp.exp(None),
    lambda x: xp.exp(mg.Tensor([1.0])), lambda x: xp.sum([1.0, 2.0]), lambda x: xp.sum(np.ones(4)), lambda x: xp.sum(1.0),
    lambda x: xp.where(x > 1, np.ones(4), x), lambda x: xp.where([True] * 4, x, 0), lambda x: xp.where(True, x, 0),
    lambda x: xp.concatenate([x, np.ones(2)]), lambda x: xp.concatenate([x, [1.0]]),
    lambda x: np.concatenate([x, np.ones(2)]),
    lambda x: xp.matmul(x, np.ones(4)), lambda x: xp.einsum("i,i", x, np.ones(4)), lambda x: x.clip(np.zeros(4), 1),
    lambda x: x.__setitem__(slice(None), np.ones(4)), lambda x: x.__setitem__(slice(None), [1, 2, 3, 4]),
    lambda x: xp.exp(x, out=np.ones(4)), lambda x: np.exp(x, out=np.ones(4)), lambda x: xp.add.at(x, 0, np.ones(1)),
    lambda x: standin.special.erf(np.ones(4)), lambda x: np.linalg.inv(x[:, None], np.ones(4))])
def test_host_arrays_and_lists_are_refused(call):
    with pytest.raises(TypeError):
        call(four())


@pytest.mark.parametrize("call", [
    lambda x: x.sum(where=x > 1), lambda x: x.sum(initial=1), lambda x: x.astype("f", casting="safe"),
    lambda x: xp.exp(x, where=x > 1), lambda x: xp.add(x, x, subok=True), lambda x: xp.einsum("i,i", x, x, order="C"),
    lambda x: xp.indices((2, 2), sparse=True), lambda x: xp.clip(x, min=0, max=1), lambda x: np.sum(x, initial=0),
    lambda x: xp.zeros(x), lambda x: xp.zeros((xp.argmax(x),)), lambda x: range(x[0]), lambda x: [1, 2][xp.argmax(x)],
    lambda x: xp.arange(x[0]), lambda x: hash(x), lambda x: len(x[0]), lambda x: np.vecdot(x, x),
    lambda x: np.insert(x, 0, 1), lambda x: np.maximum.reduce(x), lambda x: xp.add.at(x.astype("int8"), 0, 1),
    lambda x: xp.subtract.at(x, 0, 1)])
def test_what_cupy_does_not_take_is_refused(call):
    with pytest.raises(TypeError):
        call(four())


@pytest.mark.parametrize("name", """errstate nditer unstack block vecdot matvec frompyfunc einsum_path insert geomspace
                         object_ str_ exp.at exp.reduce multiply.at maximum.reduce subtract.reduceat random.rand
                         linalg.multi_dot lib.stride_tricks.broadcast_arrays""".split())
def test_what_cupy_lacks_is_absent(name):
    with pytest.raises(AttributeError):
        operator.attrgetter(name)(xp)


@pytest.mark.parametrize("name", ["normal", "permutation", "shuffle", "choice"])
def test_the_generator_lacks_what_cupys_lacks(name):
    generator = xp.random.default_rng(0)
    assert generator.random((2,), dtype="float32").dtype == "float32"
    with pytest.raises(AttributeError):
        getattr(generator, name)


def test_text_and_objects_do_not_go_to_the_device():
    for x in (["a"], [None]):
        with pytest.raises(ValueError, match="Unsupported dtype"):
            xp.asarray(x)


@pytest.mark.parametrize("reduce", [xp.sum, xp.mean, xp.var, xp.max, xp.argmax, xp.any, np.sum, lambda x: x.std(),
                                    lambda x: x @ x, lambda x: x[0], lambda x: xp.array_equal(x, x)])
def test_what_is_a_scalar_in_numpy_is_a_0d_array(reduce):
    y = reduce(four())
    assert isinstance(y, standin.ndarray) and y.shape == ()
    assert isinstance(y + 1, standin.ndarray) and isinstance(-(y * 1), standin.ndarray)


@pytest.mark.parametrize("key, expected", [
    ([5], [1]), ([-5], [3]), ((Ellipsis, [4, 7]), [0, 3]), ((None, [6]), [[2]]), ([True, False, True, False], [0, 2])])
def test_too_large_indices_wrap_around(key, expected):
    key = key if isinstance(key, tuple) else (key,)
    key = tuple(standin.ndarray(np.array(k)) if isinstance(k, list) else k for k in key)
    assert four()[key].tolist() == expected
    with pytest.raises(IndexError):
        four()[4]


def test_taking_along_an_axis_wraps_around_too():
    x = four()
    for places in (xp.take(x, standin.ndarray(np.array([5]))), xp.take_along_axis(x, standin.ndarray(np.array([5])), 0)):
        assert places.tolist() == [1]


@pytest.mark.parametrize("shape, key", [((3,), [1, 1]), ((2, 3), (0, [1, 1])), ((3, 2), (slice(None), [1, 1]))])
def test_of_duplicate_indices_another_value_wins_than_in_numpy(shape, key):
    x, there = np.zeros(shape), standin.ndarray(np.zeros(shape))
    value = np.broadcast_to([1.0, 2.0], x[key].shape)
    x[key] = value
    there[key] = standin.ndarray(value)
    assert x.max() == 2 and there.get().max() == 1
    xp.add.at(there, key, standin.ndarray(value))
    assert there.get().max() == 1 + 1 + 2


def test_traffic_is_counted_and_can_be_forbidden():
    for kind, copy in {"to host": four().get, "to device": lambda: xp.asarray([1.0]), "scalars": four()[0].item}.items():
        before = standin.traffic.copy()
        copy()
        assert standin.traffic - before == {kind: 1}
        with standin.no_traffic(), pytest.raises(AssertionError, match=kind):
            copy()
    for look in (repr, float, bool, int, "{}".format, standin.ndarray.tolist):
        x = four()[1]
        with standin.no_traffic(), pytest.raises(AssertionError):
            look(x)
    with standin.no_traffic():
        xp.exp(four()).sum()[None] + four().copy().reshape(2, 2).T.ravel()
    with standin.no_traffic("to device"):
        assert float(four()[2]) == 2


def test_views_share_and_copies_do_not():
    x = four()
    x.reshape(2, 2)[0, 0] = 7.0
    assert x.tolist() == [7, 1, 2, 3]
    assert x.astype(float, copy=False) is x and xp.asarray(x) is x and x.copy().base is None and x.T.base is not None
    assert xp.exp(x, out=x) is x


def test_losses_with_weights_and_ignored_classes_on_a_device():
    x, y, w = np.linspace(0, 1, 12).reshape(4, 3), np.array([0, 2, 1, 2]), np.array([1.0, 2.0, 0.5, 1.0])
    found = []
    for device in DEVICES:
        p = mg.Tensor(x, requires_grad=True, device=device)
        loss = mg.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)(y, p, w)
        loss = loss + mg.losses.CTC()(np.array([[1, 2]]), p[None])
        loss = loss + mg.losses.Huber(reduction="mean_with_sample_weight")(x, p * p, w)
        loss.backward()
        found.append([loss, p.grad])
    assert_same(*found)
