"""PyTorch, eager; its threads and all other settings as they come."""

import numpy as np
import torch
from contestants.work import (
    EPSILON,
    Work,
    by_batches,
    chain,
    channels_first,
    gpt_for_torch,
    lenet_channels_first,
    lenet_channels_last,
    weights_of,
)
from torch import nn

VERSION = f"PyTorch {torch.__version__} ({torch.get_num_threads()} threads)"


def images_of(x, layout="NCHW"):
    """Images (N, H, W, C) as PyTorch's (N, C, H, W), in memory as `layout` says."""
    images = torch.from_numpy(channels_first(x))
    return images.to(memory_format=torch.channels_last) if layout == "channels_last" else images


def lenet_and_step(weights, layout="NCHW", learning_rate=0.001):
    """(model, step): its loss takes logits, so it ends without softmax; images as `images_of` gives."""
    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    model = model.to(torch.from_numpy(weights[0]).dtype)
    with torch.no_grad():
        for p, w in zip(model.parameters(), map(lenet_channels_first, weights)):
            p.copy_(torch.from_numpy(np.ascontiguousarray(w.T) if w.ndim == 2 else w))
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate, eps=EPSILON)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return model, step


def lenet(data, layout="NCHW"):
    """LeNet's training, in either of PyTorch's layouts."""
    model, step = lenet_and_step(weights_of(data), layout)

    def weights():
        arrays = [p.detach().numpy() for p in model.parameters()]
        return [lenet_channels_last(w.T if w.ndim == 2 else w) for w in arrays]
    return by_batches(step, images_of(data["x"], layout), torch.from_numpy(data["y"]), weights)


def gpt(data, size, adamw):
    """A training step of a GPT: one product for query, key and value, and its own scaled_dot_product_attention."""
    width, heads, depth = size["width"], size["heads"], size["depth"]

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.expand, self.project = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            n, t, d = x.shape
            q, k, v = self.qkv(self.norm_1(x)).view(n, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(n, t, d))
            return x + self.project(nn.functional.gelu(self.expand(self.norm_2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.position = nn.Embedding(size["vocabulary"], width), nn.Embedding(size["context"], width)
            self.blocks = nn.ModuleList([Block() for _ in range(depth)])
            self.norm = nn.LayerNorm(width)

        def forward(self, ids):
            x = self.token(ids) + self.position(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.norm(x) @ self.token.weight.T

    ids, targets = (torch.from_numpy(data.pop(name)) for name in ("ids", "targets"))
    state = {n: torch.from_numpy(w) for n, w in gpt_for_torch(data, depth).items()}
    model = GPT().to(state["norm.weight"].dtype)
    model.load_state_dict(state)
    optimizer = torch.optim.AdamW(model.parameters(), adamw["learning_rate"], (adamw["beta_1"], adamw["beta_2"]),
                                  adamw["epsilon"], adamw["weight_decay"])

    def step():
        loss = nn.functional.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return Work(step, lambda: [model.state_dict()[n].numpy() for n in state])


def tiny(data, length):
    """The chain, forward and backward."""
    x, a, b = (torch.from_numpy(data[n]).requires_grad_() for n in "xab")

    def step():
        for leaf in (x, a, b):
            leaf.grad = None
        chain(x, a, b, length).sum().backward()
    return Work(step, lambda: [x.grad.numpy(), a.grad.numpy(), b.grad.numpy()])


def operation(data, case):
    """One of operations.py's, forward and backward: run(n) does it n times."""
    from contestants.minigrad import operation
    return operation(data, case, side=1)
