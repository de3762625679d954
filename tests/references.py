"""Textbook formulas in plain NumPy, one loop for each sign Σ: what the functions of minigrad are compared with.

They are slow and literal on purpose, and share nothing with the code that they check.
"""

import itertools
import math

import numpy as np


def conv2d(x, w, b=None, *, stride=(1, 1), pads=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    """y[n, i, j, o] = Σ x[n, i·s + a·d - p, j·s + b·d - p, c] w[a, b, c, o], places outside of x counting as 0."""
    x, w = np.asarray(x), np.asarray(w)
    per_output = _outputs(x.shape[1:3], w.shape[:2], stride, pads, dilation)
    y = np.zeros((len(x), *per_output, w.shape[3]))
    for n, i, j, a, c, o, row, column, channel in _meetings(x.shape, w.shape, per_output, stride, pads, dilation, groups):
        y[n, i, j, o] += x[n, row, column, channel] * w[a[0], a[1], c, o]
    return y if b is None else y + b


def conv2d_by_input(dy, w, *, size, stride=(1, 1), pads=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    """dx[place] = Σ dy[window] w[tap] over the windows and taps that read the place."""
    shape = (len(dy), *size, w.shape[2] * groups)
    dx = np.zeros(shape)
    for n, i, j, a, c, o, row, column, channel in _meetings(shape, w.shape, dy.shape[1:3], stride, pads, dilation, groups):
        dx[n, row, column, channel] += dy[n, i, j, o] * w[a[0], a[1], c, o]
    return dx


def conv2d_by_weight(x, dy, *, kernel, stride=(1, 1), pads=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    """dw[tap] = Σ dy[window] x[place] over the windows."""
    dw = np.zeros(kernel)
    for n, i, j, a, c, o, row, column, channel in _meetings(x.shape, kernel, dy.shape[1:3], stride, pads, dilation, groups):
        dw[a[0], a[1], c, o] += x[n, row, column, channel] * dy[n, i, j, o]
    return dw


def _outputs(size, kernel, stride, pads, dilation):
    return tuple((n + before + after - (k - 1) * d - 1) // s + 1
                 for n, k, s, (before, after), d in zip(size, kernel, stride, pads, dilation))


def _meetings(x_shape, w_shape, outputs, stride, pads, dilation, groups):
    """Every (image, window, tap, channel of the kernel, output channel) with the place of x that it reads."""
    images, height, width, _ = x_shape
    kh, kw, channels, out = w_shape
    for n, i, j in itertools.product(range(images), *map(range, outputs)):
        for a, b in itertools.product(range(kh), range(kw)):
            row = i * stride[0] + a * dilation[0] - pads[0][0]
            column = j * stride[1] + b * dilation[1] - pads[1][0]
            if 0 <= row < height and 0 <= column < width:
                for c, o in itertools.product(range(channels), range(out)):
                    group = o // (out // groups)
                    yield n, i, j, (a, b), c, o, row, column, group * channels + c


def pool_windows(size, kernel, stride, pads):
    """For each window (i, j), the places of the image that it reads, in row order."""
    for i, j in itertools.product(*map(range, _outputs(size, kernel, stride, pads, (1, 1)))):
        places = itertools.product(*(range(o * s - p[0], o * s - p[0] + k)
                                     for o, s, p, k in zip((i, j), stride, pads, kernel)))
        yield i, j, [(r, c) for r, c in places if 0 <= r < size[0] and 0 <= c < size[1]]


def pool2d(x, *, kernel, stride, pads=((0, 0), (0, 0)), reduce=max, divisor=None):
    """reduce(the numbers of each window) for each image and channel; with a divisor, their sum / divisor."""
    y = np.zeros((len(x), *_outputs(x.shape[1:3], kernel, stride, pads, (1, 1)), x.shape[3]))
    for n, c in itertools.product(range(len(x)), range(x.shape[3])):
        for i, j, places in pool_windows(x.shape[1:3], kernel, stride, pads):
            numbers = [x[n, row, column, c] for row, column in places]
            y[n, i, j, c] = sum(numbers) / divisor if divisor else reduce(numbers)
    return y


def pool_spread(y, *, size, kernel, stride, pads=((0, 0), (0, 0)), divisor=None):
    """Each window's number, divided by the divisor (None: by how many places it reads), at all the places it reads."""
    x = np.zeros((len(y), *size, y.shape[3]))
    for n, c in itertools.product(range(len(y)), range(y.shape[3])):
        for i, j, places in pool_windows(size, kernel, stride, pads):
            for row, column in places:
                x[n, row, column, c] += y[n, i, j, c] / (divisor or len(places))
    return x


def softmax(x, axis=-1):
    x = np.asarray(x)
    if x.size == 0:
        return x
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def attention(q, k, v, mask=None, causal=False):
    """Each query's mean of the values it may see, weighted by exp(q·k / √D + mask); 0 where it may see none."""
    rows, columns = q.shape[-2], k.shape[-2]
    visible = np.ones((rows, columns), bool) if mask is None or mask.dtype != bool else mask
    bias = mask if mask is not None and mask.dtype != bool else np.zeros((rows, columns))
    batch = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2], visible.shape[:-2], bias.shape[:-2])
    q, k, v = (np.broadcast_to(a, batch + a.shape[-2:]) for a in (q, k, v))
    visible, bias = (np.broadcast_to(a, (*batch, rows, columns)) for a in (visible, bias))
    result = np.zeros((*batch, rows, v.shape[-1]))
    for place in np.ndindex(*batch):
        for t in range(rows):
            weights = {s: math.exp(q[place][t] @ k[place][s] / math.sqrt(q.shape[-1]) + bias[place][t, s])
                       for s in range(columns) if visible[place][t, s] and not (causal and s > t)}
            total = sum(weights.values())
            for s, weight in weights.items():
                result[place][t] += (weight / total if total else 0.0) * v[place][s]
    return result


def layer_norm(x, gamma, beta, eps=1e-5):
    """Row by row: (x - mean) / sqrt(mean squared deviation + eps) * gamma + beta."""
    y = np.empty_like(x)
    for place in np.ndindex(*x.shape[:x.ndim - gamma.ndim]):
        row = x[place]
        deviation = row - row.sum() / row.size
        y[place] = deviation / math.sqrt((deviation ** 2).sum() / row.size + eps) * gamma + beta
    return y


def cross_entropy(probabilities, targets):
    """For each row -Σ t log p, t being a one-hot row if the targets are classes."""
    if targets.ndim < probabilities.ndim:
        targets = np.eye(probabilities.shape[-1])[targets]
    return -(targets * np.log(probabilities)).sum(axis=-1)


def take_along_axis(x, indices, axis):
    """y[..., j, ...] = x[..., indices[..., j, ...], ...], index by index, the other axes broadcasting."""
    others = np.broadcast_shapes(*((*s[:axis], 1, *s[axis + 1:]) for s in (x.shape, indices.shape)))
    shape = (*others[:axis], indices.shape[axis], *others[axis + 1:])
    indices = np.broadcast_to(indices, shape)
    x = np.broadcast_to(x, (*others[:axis], x.shape[axis], *others[axis + 1:]))
    y = np.zeros(shape)
    for place in np.ndindex(*shape):
        y[place] = x[(*place[:axis], indices[place], *place[axis + 1:])]
    return y


def put_along_axis(x, indices, axis, length):
    """Zeros, with each number of x added at its index along the axis."""
    y = np.zeros((*x.shape[:axis], length, *x.shape[axis + 1:]))
    for place in np.ndindex(*x.shape):
        y[(*place[:axis], np.broadcast_to(indices, x.shape)[place], *place[axis + 1:])] += x[place]
    return y


def scatter(x, key, shape):
    """Zeros, with x added at key: the key is read off from an array that holds each element's number."""
    y = np.zeros(math.prod(shape))
    numbers = np.arange(math.prod(shape)).reshape(shape)[key]
    for number, value in zip(np.ravel(numbers), np.ravel(np.broadcast_to(x, numbers.shape))):
        y[number] += value
    return y.reshape(shape)
