"""Whole training steps, models, losses and weights on the stand-in for CuPy."""


import numpy as np
import pytest
import standin
from test_standin import DEVICES, assert_same, placed

import minigrad as mg
import minigrad.functions as F
from minigrad import backend, layers


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
