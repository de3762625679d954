"""What a contestant gives for a workload, and the layouts in which the others want minigrad's arrays (NumPy only)."""

from typing import NamedTuple

import numpy as np

EPSILON = 1e-14  # Adam's: so small that it does not matter whether it is added before or after the bias is corrected


class Work(NamedTuple):
    """A workload, ready to run."""

    run: object                     # (*arguments) -> the loss, or None
    weights: object = lambda: []    # () -> the trained weights, in minigrad's order and shapes


def by_batches(step, x, y, weights):
    """Work whose run(start, stop, batch) trains on these rows, a batch after the other, and gives their mean loss."""
    def run(start, stop, batch):
        losses = [step(x[i:i + batch], y[i:i + batch]) for i in range(start, stop, batch)]
        return sum(losses) / len(losses)
    return Work(run, weights)


def weights_of(data):
    """The initial weights in their order."""
    return [data[f"w{i}"] for i in range(sum(name[:1] == "w" for name in data))]


def channels_first(x):
    """Images (N, H, W, C) as (N, C, H, W)."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def lenet_channels_first(w):
    """A weight of LeNet for channels-first libraries: kernels (out, in, kh, kw), dense (in, out) with the flattened image's
    channels first."""
    if w.ndim == 4:
        w = w.transpose(3, 2, 0, 1)
    elif w.shape == (1600, 128):
        w = w.reshape(5, 5, 64, 128).transpose(2, 0, 1, 3).reshape(1600, 128)
    return np.ascontiguousarray(w)


def lenet_channels_last(w):
    """And back."""
    if w.ndim == 4:
        w = w.transpose(2, 3, 1, 0)
    elif w.shape == (1600, 128):
        w = w.reshape(64, 5, 5, 128).transpose(1, 2, 0, 3).reshape(1600, 128)
    return np.ascontiguousarray(w)


class Adam:
    """Adam (Kingma & Ba 2015) on arrays in place, for libraries that have none."""

    def __init__(self, arrays, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=EPSILON):
        self.arrays, self.options, self.t = arrays, (learning_rate, beta_1, beta_2, epsilon), 0
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in arrays]

    def step(self, gradients):
        """Move the arrays against their gradients."""
        rate, beta_1, beta_2, epsilon = self.options
        self.t += 1
        for w, g, (m, v) in zip(self.arrays, gradients, self.moments):
            m += (1 - beta_1) * (g - m)
            v += (1 - beta_2) * (g * g - v)
            w -= rate / (1 - beta_1 ** self.t) * m / (np.sqrt(v / (1 - beta_2 ** self.t)) + epsilon)


def chain(x, a, b, length):
    """x * a + b, again and again: `length` operations."""
    for _ in range(length // 2):
        x = x * a + b
    return x


def gpt_for_torch(weights, depth):
    """{name: array} of PyTorch's GPT from minigrad's: (in, out) becomes (out, in), and the three projections one."""
    state = {"token.weight": weights["token.embeddings"], "position.weight": weights["position.embeddings"],
             "norm.weight": weights["norm.gamma"], "norm.bias": weights["norm.beta"]}
    for i in range(depth):
        ours = {n.removeprefix(f"blocks.{i}."): w for n, w in weights.items() if n.startswith(f"blocks.{i}.")}
        theirs = {f"{n}.{theirs}": ours[f"{n}.{name}"] for n in ("norm_1", "norm_2")
                  for theirs, name in (("weight", "gamma"), ("bias", "beta"))}
        for n in ("expand", "project"):
            theirs |= {f"{n}.weight": ours[f"feed_forward.{n}.kernel"].T, f"{n}.bias": ours[f"feed_forward.{n}.bias"]}
        roles = ("query", "key", "value")
        theirs["qkv.weight"] = np.concatenate([ours[f"attention.{r}.kernel"].T for r in roles])
        theirs["qkv.bias"] = np.concatenate([ours[f"attention.{r}.bias"] for r in roles])
        theirs["out.weight"], theirs["out.bias"] = ours["attention.output.kernel"].T, ours["attention.output.bias"]
        state |= {f"blocks.{i}.{n}": w for n, w in theirs.items()}
    return {n: np.ascontiguousarray(w) for n, w in state.items()}
