"""Models of layers: building, names, sharing; freezing, copying, states."""

import copy

import numpy as np
import pytest
from layering import close, numbers, seeded  # noqa: F401

import minigrad as mg
from minigrad import layers
from minigrad.layers.layer import Layer, LayerError

# ---- building, names, sharing

def test_three_ways_to_say_the_shape_give_the_same_model():
    body = lambda **k: [layers.Conv2D(3, 3, activation="relu", **k), layers.Flatten(), layers.Dense(2)]  # noqa: E731
    models = []
    for make in (lambda: mg.Sequential(body(input_shape=(6, 6, 1))),
                 lambda: mg.Sequential([layers.Input((6, 6, 1)), *body()]), lambda: mg.Sequential(body())):
        mg.seed(3)
        models.append(make())
    assert [m.built for m in models] == [True, True, False]
    x = numbers(2, 6, 6, 1)
    mg.seed(3)
    outputs = [m(x).numpy() for m in reversed(models)]  # the lazy one first, right after the seed
    assert np.array_equal(outputs[0], outputs[1]) and np.array_equal(outputs[0], outputs[2])
    assert all(list(m.state_dict()) == ["conv2d.kernel", "conv2d.bias", "dense.kernel", "dense.bias"] for m in models)


def test_names_count_up_and_given_names_stay():
    model = mg.Sequential([layers.Dense(2), layers.Dense(2, name="middle"), layers.Dense(2), layers.MaxPooling2D()])
    assert [n for n, _ in model.named_layers()] == ["", "dense", "middle", "dense_1", "max_pooling2d"]


def test_nested_models_have_dotted_names_and_are_built_from_inside():
    inner = mg.Sequential([layers.Dense(4, input_shape=(3,)), layers.Dense(2)], name="encoder")
    model = mg.Sequential([inner, mg.Sequential([layers.Dense(1)])])
    assert model.built and model.count_params() == 16 + 10 + 3
    assert [n for n, _ in model.named_parameters()] == [
        "encoder.dense.kernel", "encoder.dense.bias", "encoder.dense_1.kernel", "encoder.dense_1.bias",
        "sequential.dense.kernel", "sequential.dense.bias"]
    assert mg.Sequential([layers.Input((4,)), mg.Sequential([layers.Embedding(5, 3)]), layers.Dense(2)]).built


def test_a_shared_layer_is_one_layer():
    shared = layers.Dense(3)
    model, x = mg.Sequential([layers.Input((3,)), shared, layers.ReLU(), shared]), numbers(2, 3)
    assert len(model.parameters()) == 2 and model.count_params() == 12
    model(x).sum().backward()
    w, b = shared.kernel.numpy(), shared.bias.numpy()
    hidden = x @ w + b
    d_hidden = (np.ones((2, 3), "float32") @ w.T) * (hidden > 0)
    close(shared.bias.grad, 2 + d_hidden.sum(0))  # from both places
    assert model.layers[0] is model.layers[2] and model[-1] is shared


class Tied(mg.Model):
    """Layers as an attribute, in a list that grows, in a dict, and a parameter that two layers share."""

    def __init__(self):
        super().__init__(name="tied")
        self.first = layers.Dense(4)
        self.blocks = []
        for _ in range(2):
            self.blocks.append(layers.Dense(4))
        self.heads = {"left": layers.Dense(1), "right": [layers.Dense(2)]}
        self.scale = self.add_weight("scale", (1,), "ones")

    def call(self, x):
        x = self.first(x) * self.scale
        for block in self.blocks:
            x = block(x)
        return self.heads["left"](x) + self.heads["right"][0](x)


def test_layers_in_lists_and_dicts_are_found():
    model = Tied()
    model(numbers(2, 3))
    names = [n for n, _ in model.named_parameters()]
    assert names == ["scale", "first.kernel", "first.bias", "blocks.0.kernel", "blocks.0.bias", "blocks.1.kernel",
                     "blocks.1.bias", "heads.left.kernel", "heads.left.bias", "heads.right.0.kernel",
                     "heads.right.0.bias"]
    model(numbers(2, 3)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    other = Tied()
    other(numbers(1, 3))
    other.load_state_dict(model.state_dict())
    x = numbers(3, 3)
    assert np.array_equal(other(x).numpy(), model(x).numpy())


def test_a_tied_parameter_is_listed_once():
    a, b = layers.Dense(3, input_shape=(3,)), layers.Dense(3, input_shape=(3,))
    b.kernel = a.kernel
    model = mg.Sequential([a, b])
    assert [n for n, _ in model.named_parameters()] == ["dense.kernel", "dense.bias", "dense_1.bias"]
    del b.bias
    assert [n for n, _ in model.named_parameters()] == ["dense.kernel", "dense.bias"]


def test_a_layer_of_ones_own():
    class Scale(Layer):
        def weight_shapes(self, input_shape):
            return {"gamma": {"D": input_shape[-1]}}

        def call(self, x, training):
            return x * self.gamma if training else x

    layer = Scale()
    assert layer(numbers(2, 3)).shape == (2, 3) and layer.gamma.numpy().tolist() == [1, 1, 1]
    assert layer.gamma.symbols == {"D": 3}
    with pytest.raises(LayerError, match="scale.*operands|scale.*broadcast"):
        layer(numbers(2, 4), training=True)


# ---- freezing, copying, states

def test_freezing():
    model, x = mg.Sequential([layers.Dense(3, input_shape=(2,)), layers.Dense(1)]), numbers(4, 2)
    first, second = model.layers
    first.trainable = False
    assert not first.trainable and model.trainable
    assert model.parameters(trainable_only=True) == second.parameters()
    model(x).sum().backward()
    assert first.kernel.grad is None and second.kernel.grad is not None
    first.trainable = True
    model(x).sum().backward()
    assert first.kernel.grad is not None


def test_freezing_before_building():
    model = mg.Sequential([layers.Embedding(5, 2), layers.Flatten(), layers.Dense(2)])
    assert model.trainable
    model.trainable = False
    model(np.zeros((2, 3), int))
    assert len(model.parameters()) == 3 and not model.trainable  # the Dense too, which was built after
    fresh = layers.Dense(2)
    fresh.trainable = False
    assert not fresh.trainable
    fresh.trainable = True
    assert fresh(numbers(1, 2)).requires_grad


def test_copies_are_independent():
    shared = layers.Dense(3, input_shape=(3,))
    model = mg.Sequential([shared, shared, layers.Dense(1)])
    twin, x = copy.deepcopy(model), numbers(2, 3)
    before = model(x).numpy().copy()
    assert np.array_equal(twin(x).numpy(), before) and twin.layers[0] is twin.layers[1] is not shared
    for p in twin.parameters():
        p.data = p.data + 1
    assert np.array_equal(model(x).numpy(), before) and not np.array_equal(twin(x).numpy(), before)


def test_two_models_share_nothing():
    a, b = mg.models.LeNet(), mg.models.LeNet()
    assert not {id(p) for p in a.parameters()} & {id(p) for p in b.parameters()}
    assert not np.array_equal(a.state_dict()["dense.kernel"], b.state_dict()["dense.kernel"])
    assert a.metrics is not b.metrics or not a.metrics


def test_state_dict_is_a_copy():
    layer = layers.Dense(2, input_shape=(2,))
    state = layer.state_dict()
    state["kernel"][:] = 7
    assert not (layer.kernel.numpy() == 7).any()
    layer.load_state_dict(state)
    state["kernel"][:] = 8
    assert (layer.kernel.numpy() == 7).all()


def test_states_go_in_and_out_of_float64():
    single = layers.Dense(5, input_shape=(4,))
    with mg.tensor.default_dtype("float64"):
        double = layers.Dense(5, input_shape=(4,))
    exact = double.state_dict()
    double.load_state_dict(single.state_dict())
    assert double.kernel.dtype == np.float64
    assert np.array_equal(double.kernel.numpy(), single.kernel.numpy().astype("float64"))
    single.load_state_dict(exact)
    assert single.kernel.dtype == np.float32
    assert np.array_equal(single.kernel.numpy(), exact["kernel"].astype("float32"))
    single.load_state_dict({k: mg.Tensor(v) for k, v in exact.items()})  # Tensors are welcome too
