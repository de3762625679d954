"""HIPS autograd: NumPy's functions, differentiated. It has no layers and no Adam that keeps its state: see work.py."""

from importlib.metadata import version

import autograd.numpy as anp
from autograd import grad, value_and_grad
from autograd.scipy.signal import convolve
from autograd.scipy.special import logsumexp
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

VERSION = f"HIPS autograd {version('autograd')}"


def lenet(data):
    """LeNet's training; its convolution turns the kernel round, so that is turned round before."""
    weights = [lenet_channels_first(w) for w in weights_of(data)]
    adam = Adam(weights)

    def conv(x, w):
        return convolve(x, w[:, :, ::-1, ::-1], axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")

    def pool(x):
        n, c, h, w = x.shape
        return anp.max(anp.reshape(x[:, :, :h // 2 * 2, :w // 2 * 2], (n, c, h // 2, 2, w // 2, 2)), axis=(3, 5))

    def loss_of(weights, x, y):
        w1, b1, w2, b2, w3, b3, w4, b4 = weights
        x = pool(anp.maximum(conv(x, w1) + b1[:, None, None], 0))
        x = pool(anp.maximum(conv(x, w2) + b2[:, None, None], 0))
        x = anp.maximum(anp.dot(anp.reshape(x, (len(y), -1)), w3) + b3, 0)
        logits = anp.dot(x, w4) + b4
        return anp.mean(logsumexp(logits, axis=1) - logits[anp.arange(len(y)), y])

    value_and_gradient = value_and_grad(loss_of)

    def step(x, y):
        loss, gradients = value_and_gradient(weights, x, y)
        adam.step(gradients)
        return float(loss)
    return by_batches(step, channels_first(data["x"]), data["y"], lambda: list(map(lenet_channels_last, weights)))


def tiny(data, length):
    """The chain, forward and backward."""
    gradient = grad(lambda x, a, b: anp.sum(chain(x, a, b, length)), argnum=(0, 1, 2))
    arrays, found = [data[n] for n in "xab"], []

    def step():
        found[:] = gradient(*arrays)
    return Work(step, lambda: found)
