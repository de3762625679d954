"""SmallPebble."""

from importlib.metadata import version

import numpy as np
import smallpebble as sp
from contestants.work import EPSILON, by_batches, weights_of

VERSION = f"SmallPebble {version('smallpebble')}"


def lenet(data):
    """LeNet's training. Its loss is a sum over the images."""
    weights = [sp.Variable(w.copy()) for w in weights_of(data)]
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    adam = sp.Adam(alpha=0.001, eps=EPSILON)

    def relu(x):
        return sp.leaky_relu(x, 0.0)

    def step(x, y):
        x = sp.maxpool2d(relu(sp.conv2d(sp.Variable(x), w1, "VALID") + b1), 2, 2, "VALID", [2, 2])
        x = sp.maxpool2d(relu(sp.conv2d(x, w2, "VALID") + b2), 2, 2, "VALID", [2, 2])
        x = relu(sp.matmul(sp.reshape(x, (len(y), -1)), w3) + b3)
        loss = sp.cross_entropy(sp.softmax(sp.matmul(x, w4) + b4), y) * sp.Variable(np.array(1 / len(y), w1.array.dtype))
        adam.training_step(weights, sp.get_gradients(loss))
        return float(loss.array)
    return by_batches(step, data["x"], data["y"], lambda: [w.array for w in weights])
