"""DeZero."""

import numpy as np

np.int = int  # DeZero 0.0.13 was written for NumPy 1, which had this name for it
import dezero  # noqa: E402
from contestants.work import (  # noqa: E402
    EPSILON,
    Work,
    by_batches,
    chain,
    channels_first,
    lenet_channels_first,
    lenet_channels_last,
    weights_of,
)

VERSION = "DeZero 0.0.13"


def lenet(data):
    """LeNet's training."""
    F, L = dezero.functions, dezero.layers
    layers = [L.Conv2d(32, 3, in_channels=1), L.Conv2d(64, 3, in_channels=32), L.Linear(128, in_size=1600),
              L.Linear(10, in_size=128)]
    weights = weights_of(data)
    for layer, w, b in zip(layers, weights[::2], weights[1::2]):
        layer.W.data, layer.b.data = lenet_channels_first(w), b.copy()
    model = dezero.Model()
    model.conv1, model.conv2, model.dense1, model.dense2 = layers
    optimizer = dezero.optimizers.Adam(0.001, eps=EPSILON).setup(model)

    def step(x, y):
        x = F.pooling(F.relu(model.conv1(x)), 2, 2)
        x = F.pooling(F.relu(model.conv2(x)), 2, 2)
        x = F.relu(model.dense1(F.reshape(x, (len(x), -1))))
        loss = F.softmax_cross_entropy(model.dense2(x), y)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return float(loss.data)
    return by_batches(step, channels_first(data["x"]), data["y"],
                      lambda: [lenet_channels_last(p.data) for layer in layers for p in (layer.W, layer.b)])


def tiny(data, length):
    """The chain, forward and backward."""
    x, a, b = (dezero.Variable(data[n]) for n in "xab")

    def step():
        for leaf in (x, a, b):
            leaf.cleargrad()
        dezero.functions.sum(chain(x, a, b, length)).backward()
    return Work(step, lambda: [x.grad.data, a.grad.data, b.grad.data])
