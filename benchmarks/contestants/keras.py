"""Keras's `fit` on TensorFlow, as it comes."""

import os

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

import keras  # noqa: E402
import tensorflow  # noqa: E402
from contestants.work import EPSILON, Work, weights_of  # noqa: E402

VERSION = f"Keras {keras.__version__} on TensorFlow {tensorflow.__version__}"


def lenet(data):
    """LeNet's training; its loss takes logits, which is faster than probabilities."""
    x, y, weights = data["x"], data["y"], weights_of(data)
    keras.config.set_floatx(str(x.dtype))
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
                              layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
                              layers.Dense(128, activation="relu"), layers.Dense(10)])
    model.compile(keras.optimizers.Adam(0.001, epsilon=EPSILON),
                  keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.set_weights(weights)

    def fit(start, stop, batch):
        history = model.fit(x[start:stop], y[start:stop], batch_size=batch, shuffle=False, verbose=0)
        return float(history.history["loss"][0])
    return Work(fit, model.get_weights)
