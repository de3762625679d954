"""The seed's LeNet in minigrad and in PyTorch, with the same weights: what the benchmarks compare."""

import numpy as np

import minigrad as mg

try:
    import torch
except ImportError:
    torch = None

LAYOUTS = ("NCHW", "channels_last")  # of PyTorch's images: its default, and minigrad's own


def initial_weights(seed=0):
    """The weights that all start from, in minigrad's shapes."""
    mg.seed(seed)
    return [p.numpy().copy() for p in mg.models.LeNet().parameters()]


def minigrad_lenet(weights, learning_rate=0.001):
    """(model, step): step(x, y) trains on images (N, 28, 28, 1) and labels, and returns the loss."""
    model = mg.models.LeNet()
    for p, w in zip(model.parameters(), weights):
        p.data = w.copy()
    loss_function = mg.losses.SparseCategoricalCrossentropy()  # of the probabilities that the model ends with
    optimizer = mg.optimizers.Adam(model.parameters(), learning_rate, epsilon=1e-8)  # PyTorch's epsilon

    def step(x, y):
        loss = loss_function(y, model(x, training=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return model, step


def torch_lenet(weights, layout="NCHW", learning_rate=0.001):
    """(model, step) in PyTorch, whose loss takes logits, so its model ends without softmax; images as `for_torch` gives."""
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights):
            p.copy_(torch.from_numpy(_in_torch_order(w)))
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return model, step


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
