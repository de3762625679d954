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


@pytest.mark.parametrize("make", [mg.models.LeNet, mg.models.LeNet5])
def test_a_few_steps_learn_some_images_by_heart(make):
    mg.seed(0)
    (x, y), _ = mg.data.fashion_mnist(subset=True, verbose=False)
    x, y = x[:60, ..., None].astype("float32") / 255, y[:60]
    model = make()
    model.compile(mg.optimizers.Adam(0.003), "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(x, y, epochs=15, batch_size=20, verbose=0).history
    assert history["accuracy"][-1] > 0.9 and model.evaluate(x, y)["loss"] < 0.5 * history["loss"][0]
