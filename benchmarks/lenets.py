"""The seed's LeNet in minigrad, PyTorch and DeZero, with the same weights: what the benchmarks compare."""

import itertools
import math

import numpy as np

import minigrad as mg

try:
    import torch
except ImportError:
    torch = None

try:
    np.int = int  # DeZero 0.0.13 was written for NumPy 1, which had this name for it
    import dezero
except ImportError:
    dezero = None
finally:
    del np.int

EPSILON = 1e-8  # of Adam
LAYOUTS = ("NCHW", "channels_last")  # of PyTorch's images: its default, and minigrad's own


def initial_weights(seed=0):
    """The weights that all start from, in minigrad's shapes."""
    mg.seed(seed)
    return [p.numpy().copy() for p in mg.models.LeNet().parameters()]


def minigrad_lenet(weights, learning_rate=0.001):
    """The compiled model: of probabilities, as Keras's, whose loss is taken from its logits."""
    with mg.tensor.default_dtype(weights[0].dtype):
        model = mg.models.LeNet()
    for p, w in zip(model.parameters(), weights):
        p.data = w.copy()
    optimizer = mg.optimizers.Adam(model.parameters(), learning_rate, epsilon=EPSILON)
    model.compile(optimizer, mg.losses.SparseCategoricalCrossentropy())
    return model


def minigrad_step(model):
    """step(x, y) trains by hand on images (N, 28, 28, 1) and labels, and returns the loss."""
    def step(x, y):
        loss = model.loss(y, model(x, training=True))
        loss.backward()
        model.optimizer.step()
        model.optimizer.zero_grad()
        return loss.item()
    return step


def torch_lenet(weights, layout="NCHW", learning_rate=0.001):
    """(model, step) in PyTorch, whose loss takes logits, so its model ends without softmax; images as `for_torch` gives."""
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    model = model.to(torch.from_numpy(weights[0]).dtype)
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights):
            p.copy_(torch.from_numpy(_in_torch_order(w)))
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
    optimizer = with_keras_epsilon(torch.optim.Adam(model.parameters(), learning_rate), EPSILON)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return model, step


def with_keras_epsilon(optimizer, epsilon, beta_2=0.999):
    """PyTorch's Adam or AdamW, to take the steps that ours and Keras's take with this ε: there ε stands before the factor
    √(1 - β₂ᵗ) is applied, in PyTorch after it."""
    steps = itertools.count(1)

    def before(optimizer, arguments, keywords):
        optimizer.param_groups[0]["eps"] = epsilon / math.sqrt(1 - beta_2 ** next(steps))

    optimizer.register_step_pre_hook(before)
    return optimizer


def dezero_step(weights, learning_rate=0.001):
    """step(x, y) in DeZero, on images (N, 1, 28, 28) and labels. Its Adam, like ours, adds epsilon where Keras's does."""
    F, L = dezero.functions, dezero.layers
    layers = [L.Conv2d(32, 3, in_channels=1), L.Conv2d(64, 3, in_channels=32), L.Linear(128, in_size=1600),
              L.Linear(10, in_size=128)]
    for layer, w, b in zip(layers, weights[::2], weights[1::2]):
        w = _in_torch_order(w)
        layer.W.data, layer.b.data = np.ascontiguousarray(w if w.ndim == 4 else w.T), b.copy()
    model = dezero.Model()
    model.conv1, model.conv2, model.dense1, model.dense2 = layers
    optimizer = dezero.optimizers.Adam(learning_rate).setup(model)

    def step(x, y):
        x = F.pooling(F.relu(model.conv1(x)), 2, 2)
        x = F.pooling(F.relu(model.conv2(x)), 2, 2)
        x = F.relu(model.dense1(F.reshape(x, (len(x), -1))))
        loss = F.softmax_cross_entropy(model.dense2(x), y)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return float(loss.data)
    return step


def for_torch(x, layout="NCHW"):
    """Images (N, H, W, C) as PyTorch's (N, C, H, W), in memory as `layout` says."""
    images = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    return images.to(memory_format=torch.channels_last) if layout == "channels_last" else images


def _in_torch_order(w):
    """(out, in, kh, kw), (out, in); the flattened 5 x 5 x 64 image has its channels first there."""
    if w.ndim == 4:
        w = w.transpose(3, 2, 0, 1)
    elif w.shape == (1600, 128):
        w = w.reshape(5, 5, 64, 128).transpose(3, 2, 0, 1).reshape(128, 1600)
    elif w.ndim == 2:
        w = w.T
    return np.ascontiguousarray(w)
