"""PyDyNet."""

from importlib.metadata import version

import pydynet
from contestants.work import (
    EPSILON,
    Work,
    by_batches,
    chain,
    channels_first,
    lenet_channels_first,
    lenet_channels_last,
    weights_of,
)
from pydynet.nn import functional as F
from pydynet.optim import Adam

VERSION = f"PyDyNet {version('pydynet')}"


def lenet(data):
    """LeNet's training."""
    weights = [pydynet.Tensor(lenet_channels_first(w), dtype=w.dtype, requires_grad=True) for w in weights_of(data)]
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    optimizer = Adam(weights, lr=0.001, eps=EPSILON)

    def step(x, y):
        x = pydynet.Tensor(x, dtype=x.dtype)
        x = F.max_pool2d(F.relu(F.conv2d(x, w1) + b1.reshape(1, -1, 1, 1)), 2, 2)
        x = F.max_pool2d(F.relu(F.conv2d(x, w2) + b2.reshape(1, -1, 1, 1)), 2, 2)
        x = F.relu(x.reshape(len(y), -1) @ w3 + b3) @ w4 + b4
        loss = F.cross_entropy_loss(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.item())
    return by_batches(step, channels_first(data["x"]), data["y"], lambda: [lenet_channels_last(w.data) for w in weights])


def tiny(data, length):
    """The chain, forward and backward."""
    leaves = [pydynet.Tensor(data[n], dtype=data[n].dtype, requires_grad=True) for n in "xab"]

    def step():
        for leaf in leaves:
            leaf.zero_grad()
        chain(*leaves, length).sum().backward()
    return Work(step, lambda: [leaf.grad for leaf in leaves])
