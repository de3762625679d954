"""The models: their parameters counted by hand, their shapes, and that they learn."""

import numpy as np
import pytest

import minigrad as mg


@pytest.mark.parametrize("make, counts, total", [
    (mg.models.LeNet, (3 * 3 * 1 * 32 + 32, 3 * 3 * 32 * 64 + 64, 5 * 5 * 64 * 128 + 128, 128 * 10 + 10), 225_034),
    (mg.models.LeNet5, (5 * 5 * 1 * 6 + 6, 5 * 5 * 6 * 16 + 16, 5 * 5 * 16 * 120 + 120, 120 * 84 + 84, 84 * 10 + 10),
     61_706),
])
def test_parameters(make, counts, total):
    model = make()
    assert tuple(layer.count_params() for layer in model.layers if layer.count_params()) == counts
    assert model.count_params() == sum(counts) == total == sum(a.size for a in model.state_dict().values())
    assert mg.summary(model).total == total


@pytest.mark.parametrize("make", [mg.models.LeNet, mg.models.LeNet5])
def test_probabilities_come_out(make):
    mg.seed(0)
    p = make().predict(np.random.default_rng(0).random((5, 28, 28, 1)))
    assert p.shape == (5, 10) and (p > 0).all()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)


@pytest.mark.parametrize("make", [mg.models.LeNet, mg.models.LeNet5])
def test_other_images_and_classes(make):
    model = make(classes=3, input_shape=(32, 20, 3))
    assert model.predict(np.zeros((2, 32, 20, 3))).shape == (2, 3)
    with pytest.raises(ValueError, match="expected 3 channels"):
        model.predict(np.zeros((2, 32, 20, 1)))


@pytest.mark.parametrize("make", [mg.models.LeNet, mg.models.LeNet5, lambda: mg.models.ResNet(width=8)])
def test_a_few_steps_learn_some_images_by_heart(make):
    mg.seed(0)
    (x, y), _ = mg.data.fashion_mnist(subset=True, verbose=False)
    x, y = x[:60, ..., None].astype("float32") / 255, y[:60]
    model = make()
    model.compile(mg.optimizers.Adam(0.003), "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(x, y, epochs=15, batch_size=20, verbose=0).history
    assert history["accuracy"][-1] > 0.9 and model.evaluate(x, y)["loss"] < 0.5 * history["loss"][0]


# ---- ResNet

def tiny_resnet(**options):
    mg.seed(0)
    return mg.models.ResNet(**{"classes": 3, "input_shape": (6, 5, 2), "blocks": (1, 2), "width": 2} | options)


@pytest.mark.parametrize("blocks, width, channels", [((1, 1, 1), 16, 1), ((2, 1), 8, 3), ((3,), 5, 5)])
def test_parameters_of_resnet(blocks, width, channels):
    total, c = 9 * channels * width + 4 * width, width
    for stage, n in enumerate(blocks):
        f = width * 2 ** stage
        for _ in range(n):
            total += 9 * c * f + 9 * f * f + 8 * f + (c * f + 4 * f if c != f else 0)
            c = f
    model = mg.models.ResNet(7, (16, 16, channels), blocks, width)
    assert model.count_params() == total + 7 * c + 7 == mg.summary(model).total


def test_resnet_20_is_the_papers():
    """Table 6 of He et al. 2016 says 0.27 M; theirs has no projections."""
    model = mg.models.ResNet(input_shape=(32, 32, 3), blocks=(3, 3, 3))
    learnt = [(name, p.size) for name, p in model.named_parameters() if p.trainable]
    assert sum(size for name, size in learnt if ".projection." not in name and ".norm." not in name) == 269_722
    assert sum(p.ndim > 1 for name, p in model.named_parameters() if ".projection." not in name) == 20


@pytest.mark.parametrize("shape, strides, last", [((28, 28, 1), 1, 7), ((28, 28, 1), 2, 4), ((32, 32, 3), 1, 8),
                                                  ((32, 20, 3), 2, 4)])
def test_shapes_of_resnet(shape, strides, last):
    model = mg.models.ResNet(4, shape, width=2, stem_strides=strides)
    x = mg.Tensor(np.random.default_rng(0).random((2, *shape), "float32"))
    for layer in model.layers[:-2]:
        x = layer(x)
    assert x.shape[1] == last and x.shape[-1] == 8
    p = model.layers[-1](model.layers[-2](x)).numpy()
    assert p.shape == (2, 4)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)


def test_a_block_adds_to_its_input():
    """With gamma 0 in its second norm, it is relu(x), or the projection of x at each second place."""
    model, x = tiny_resnet(), mg.Tensor(np.random.default_rng(0).standard_normal((2, 6, 5, 2)).astype("float32"))
    same, halved = model.layers[3:5]
    for block in (same, halved):
        block.norm_2.gamma.data = np.zeros_like(block.norm_2.gamma.numpy())
    np.testing.assert_array_equal(same(x).numpy(), np.maximum(x.numpy(), 0))
    kernel = halved.projection.kernel.numpy()[0, 0]
    np.testing.assert_allclose(halved(x).numpy(), np.maximum(x.numpy()[:, ::2, ::2] @ kernel, 0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_resnet(training):
    model, x = tiny_resnet(blocks=(1, 1)), np.random.default_rng(1).standard_normal((3, 6, 5, 2))
    model.train(training)
    mg.gradcheck(model, x)


def test_resnet_is_saved_whole(tmp_path):
    model, x = tiny_resnet(), np.random.default_rng(0).random((8, 6, 5, 2), "float32")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, np.arange(8) % 3, epochs=2, verbose=0)  # the statistics have moved
    model.save(tmp_path / "model.minigrad")
    again = mg.models.load_model(tmp_path / "model.minigrad")
    assert isinstance(again, mg.models.ResNet) and again.get_config() == model.get_config()
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_a_model_with_a_block_of_it_is_saved_whole(tmp_path):
    block = tiny_resnet().layers[4]
    model, x = mg.Sequential([mg.layers.Input((6, 5, 2)), block]), np.random.default_rng(0).random((2, 6, 5, 2), "float32")
    model.save(tmp_path / "model.minigrad")
    again = mg.models.load_model(tmp_path / "model.minigrad")
    assert type(again.layers[0]) is type(block)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_resnet_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"ResNet: blocks\[1\] must be"):
        tiny_resnet(blocks=(1, 0))
    with pytest.raises(ValueError, match="ResNet: width must be"):
        tiny_resnet(width=-1)


# ---- GPT

def tiny_gpt():
    mg.seed(0)
    model = mg.models.GPT(vocabulary=11, context=6, width=8, depth=2, heads=2)
    model(np.zeros((1, 1), int))
    return model


def test_parameters_of_gpt():
    model = tiny_gpt()
    assert model.count_params() == 11 * 8 + 6 * 8 + 2 * (12 * 8 ** 2 + 13 * 8) + 2 * 8
    big = mg.models.GPT(50257, 1024, width=768, depth=1, heads=12)
    big(np.zeros((1, 1), int))
    assert big.count_params() + 11 * (12 * 768 ** 2 + 13 * 768) == 124_439_808  # GPT-2's, published as 124 M


def test_gpt_looks_back_only():
    """The logits at a place do not depend on the tokens after it, and do on all before it."""
    model, rng = tiny_gpt(), np.random.default_rng(0)
    ids = rng.integers(0, 11, (2, 6))
    logits = model(ids).numpy()
    assert logits.shape == (2, 6, 11)
    for changed in range(6):
        other = ids.copy()
        other[:, changed] = (ids[:, changed] + 1) % 11
        differs = np.abs(model(other).numpy() - logits).max(axis=(0, 2)) > 1e-6
        np.testing.assert_array_equal(differs, np.arange(6) >= changed)


def test_gpt_learns_a_sequence_by_heart():
    model = tiny_gpt()
    ids = np.array([[1, 7, 3, 3, 9, 0, 5]])
    optimizer = mg.optimizers.AdamW(model.parameters(), 0.01)
    for _ in range(60):
        loss = mg.cross_entropy(model(ids[:, :-1], training=True), ids[:, 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    np.testing.assert_array_equal(model(ids[:, :-1]).numpy().argmax(-1), ids[:, 1:])


def test_gpt_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="context"):
        tiny_gpt()(np.zeros((1, 7), int))
    with pytest.raises(ValueError, match="divisible"):
        mg.models.GPT(5, 4, width=10, heads=4)
