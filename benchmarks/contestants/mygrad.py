"""MyGrad. It has no optimizer for arrays of several axes: Adam is written out in work.py."""

import mygrad
from contestants.work import (
    Adam,
    Work,
    by_batches,
    chain,
    channels_first,
    lenet_channels_first,
    lenet_channels_last,
    weights_of,
)
from mygrad.nnet.activations import relu
from mygrad.nnet.layers import conv_nd, max_pool
from mygrad.nnet.losses import softmax_crossentropy

VERSION = f"MyGrad {mygrad.__version__}"


def lenet(data):
    """LeNet's training. Its pools refuse a last row that fills no window, so that is cut off."""
    weights = [mygrad.tensor(lenet_channels_first(w)) for w in weights_of(data)]
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    adam = Adam([w.data for w in weights])

    def step(x, y):
        x = max_pool(relu(conv_nd(x, w1, stride=1) + b1.reshape(1, -1, 1, 1)), (2, 2), 2)
        x = relu(conv_nd(x, w2, stride=1) + b2.reshape(1, -1, 1, 1))
        x = max_pool(x[:, :, :10, :10], (2, 2), 2).reshape(len(y), -1)
        loss = softmax_crossentropy(relu(x @ w3 + b3) @ w4 + b4, y)
        loss.backward()
        adam.step([w.grad for w in weights])
        return loss.item()
    return by_batches(step, channels_first(data["x"]), data["y"], lambda: [lenet_channels_last(w.data) for w in weights])


def tiny(data, length):
    """The chain, forward and backward."""
    x, a, b = (mygrad.tensor(data[n]) for n in "xab")

    def step():
        chain(x, a, b, length).sum().backward()
    return Work(step, lambda: [x.grad, a.grad, b.grad])
