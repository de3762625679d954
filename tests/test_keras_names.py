"""Names that Keras's programs use besides the classes' own: aliases, lower-case helpers, arguments that change nothing."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import initializers, layers, metrics, regularizers

X = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")


def test_aliases_are_the_classes_themselves():
    for n in (1, 2, 3):
        for alias, name in (("AvgPool", "AveragePooling"), ("MaxPool", "MaxPooling"), ("Convolution", "Conv"),
                            ("GlobalAvgPool", "GlobalAveragePooling"), ("GlobalMaxPool", "GlobalMaxPooling")):
            assert getattr(layers, f"{alias}{n}D") is getattr(layers, f"{name}{n}D")
        assert getattr(layers, f"Convolution{n}DTranspose") is getattr(layers, f"Conv{n}DTranspose")
    assert layers.SeparableConvolution2D is layers.SeparableConv2D
    assert regularizers.l2(0.5).l2 == 0.5 and regularizers.l1_l2(0.1, 0.2).l1 == 0.1
    for name in ("zeros", "ones", "glorot_uniform", "he_normal", "lecun_uniform", "orthogonal", "truncated_normal"):
        assert type(getattr(initializers, name)()) is type(initializers.get(name))


@pytest.mark.parametrize("name", ["add", "average", "concatenate", "maximum", "minimum", "multiply", "subtract"])
def test_lower_case_helpers_are_the_layers(name):
    a, b = X, 2 * X[::-1]
    layer = getattr(layers, name.capitalize())()
    assert np.array_equal(getattr(layers, name)([a, b]).numpy(), layer([a, b]).numpy())


def test_lower_case_helpers_take_options_and_draw_models():
    x = mg.Input((3,))
    y = layers.concatenate([x, layers.Dense(2)(x)], axis=-1, name="both")
    model = mg.Model(x, layers.dot([y, y], axes=1))
    assert model.get_layer("both").axis == -1 and model(X).shape == (4, 1)


@pytest.mark.parametrize("name", ["crossentropy", "ce"])
def test_crossentropy_is_that_of_the_shapes(name):
    p = np.random.default_rng(1).dirichlet(np.ones(3), 5)
    classes = np.array([0, 2, 1, 1, 0])
    right = -np.log(p[np.arange(5), classes]).mean()
    for y_true in (classes, classes[:, None], np.eye(3)[classes]):
        metric = metrics.get(name)
        metric.update_state(y_true, p)
        np.testing.assert_allclose(metric.result(), right, rtol=1e-6)
    metric, t, q = metrics.get(name), np.array([[0], [1], [1]]), np.array([[0.2], [0.7], [0.4]])
    metric.update_state(t, q)
    np.testing.assert_allclose(metric.result(), -(np.log(0.8) + np.log(0.7) + np.log(0.4)) / 3, rtol=1e-6)
    assert metric.name == name


def test_predict_takes_verbose():
    model = mg.Sequential([layers.Rescaling(2.0, 1), layers.Identity()])
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * X + 1, rtol=1e-6)


def test_a_layer_as_keras_guide_writes_it():
    class Linear(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", constraint="non_neg")

        def call(self, inputs):
            return inputs @ self.w + self.b

    layer = Linear(2)
    np.testing.assert_allclose(layer(X).numpy(), X @ layer.w.numpy(), rtol=1e-6)
    assert [name for name, _ in layer.named_parameters()] == ["w", "b"] == [p.name for p in layer.weights]
    assert layer.b.constraint(np.array([-1.0, 1.0])).tolist() == [0, 1]


def test_weights_by_whether_they_learn():
    model = mg.Sequential([layers.Dense(2, input_shape=(3,), trainable=False), layers.BatchNormalization()])
    dense, norm = model.layers
    assert [id(p) for p in model.weights] == [id(p) for p in model.parameters()] == [id(p) for p in model.variables]
    assert [id(p) for p in model.trainable_weights] == [id(norm.gamma), id(norm.beta)]
    assert len(model.non_trainable_variables) == 4 and model.non_trainable_weights[0] is dense.kernel
