"""Textbook formulas in plain NumPy, one loop for each sign Σ: what the functions of minigrad are compared with.

They are slow and literal on purpose, and share nothing with the code that they check.
"""

import itertools
import math
from fractions import Fraction

import numpy as np


def convolution(x, w, b=None, *, stride, pads, dilation, groups):
    """y[n, o, :] = Σ x[n, o·s + tap·d - p, c] w[tap, c, :], places outside of x counting as 0; o, tap ... for each axis."""
    y = np.zeros((len(x), *_outputs(x.shape[1:-1], w.shape[:-2], stride, pads, dilation), w.shape[-1]))
    for n, window, tap, c, o, place, channel in _meetings(x.shape, w.shape, y.shape, stride, pads, dilation, groups):
        y[(n, *window, o)] += x[(n, *place, channel)] * w[(*tap, c, o)]
    return y if b is None else y + b


def convolution_by_input(dy, w, *, size, stride, pads, dilation, groups):
    """dx[place] = Σ dy[window] w[tap] over the windows and taps that read the place: the transposed convolution."""
    dx = np.zeros((len(dy), *size, w.shape[-2] * groups))
    for n, window, tap, c, o, place, channel in _meetings(dx.shape, w.shape, dy.shape, stride, pads, dilation, groups):
        dx[(n, *place, channel)] += dy[(n, *window, o)] * w[(*tap, c, o)]
    return dx


def convolution_by_weight(x, dy, *, kernel, stride, pads, dilation, groups):
    """dw[tap] = Σ dy[window] x[place] over the windows."""
    dw = np.zeros(kernel)
    for n, window, tap, c, o, place, channel in _meetings(x.shape, kernel, dy.shape, stride, pads, dilation, groups):
        dw[(*tap, c, o)] += x[(n, *place, channel)] * dy[(n, *window, o)]
    return dw


def _outputs(size, kernel, stride, pads, dilation):
    return tuple((n + before + after - (k - 1) * d - 1) // s + 1
                 for n, k, s, (before, after), d in zip(size, kernel, stride, pads, dilation))


def _meetings(x_shape, w_shape, y_shape, stride, pads, dilation, groups):
    """Every (image, window, tap, channel of the kernel, output channel) with the place of x that it reads."""
    channels, out = w_shape[-2:]
    for n, window in itertools.product(range(y_shape[0]), np.ndindex(*y_shape[1:-1])):
        for tap in np.ndindex(*w_shape[:-2]):
            place = tuple(o * s + t * d - before for o, s, t, d, (before, _) in zip(window, stride, tap, dilation, pads))
            if all(0 <= p < length for p, length in zip(place, x_shape[1:-1])):
                for c, o in itertools.product(range(channels), range(out)):
                    yield n, window, tap, c, o, place, o // (out // groups) * channels + c


def pool_windows(size, kernel, stride, pads, dilation):
    """For each window, its number along each axis, and the places of the image that it reads, in row order."""
    for window in np.ndindex(*_outputs(size, kernel, stride, pads, dilation)):
        places = itertools.product(*([o * s - before + tap * d for tap in range(k)]
                                     for o, k, s, (before, _), d in zip(window, kernel, stride, pads, dilation)))
        yield window, [p for p in places if all(0 <= i < n for i, n in zip(p, size))]


def pool(x, *, kernel, stride, pads, dilation, reduce=max, divisor=None):
    """reduce(the numbers of each window) for each image and channel; with a divisor, their sum / divisor."""
    y = np.zeros((len(x), *_outputs(x.shape[1:-1], kernel, stride, pads, dilation), x.shape[-1]))
    for n, c in itertools.product(range(len(x)), range(x.shape[-1])):
        for window, places in pool_windows(x.shape[1:-1], kernel, stride, pads, dilation):
            numbers = [x[(n, *place, c)] for place in places]
            y[(n, *window, c)] = sum(numbers) / divisor if divisor else reduce(numbers)
    return y


def pool_spread(y, *, size, kernel, stride, pads, dilation, divisor):
    """Each window's number, divided by the divisor, at all the places that it reads."""
    x = np.zeros((len(y), *size, y.shape[-1]))
    for n, c in itertools.product(range(len(y)), range(y.shape[-1])):
        for window, places in pool_windows(size, kernel, stride, pads, dilation):
            for place in places:
                x[(n, *place, c)] += y[(n, *window, c)] / divisor
    return x


def adaptive_pool(x, size, reduce):
    """reduce(the numbers) of the places from floor(i n / m) to ceil((i + 1) n / m) along each axis, for each window i."""
    y = np.zeros((len(x), *size, x.shape[-1]))
    for n, c in itertools.product(range(len(x)), range(x.shape[-1])):
        for window in np.ndindex(*size):
            ends = [(math.floor(i * n / m), math.ceil((i + 1) * n / m)) for i, n, m in zip(window, x.shape[1:-1], size)]
            y[(n, *window, c)] = reduce([x[(n, *place, c)] for place in itertools.product(*(range(*e) for e in ends))])
    return y


def interpolate(x, size, scale, mode, align_corners=False):
    """Each spatial axis one after the other; scale is how many times as long it becomes (for its grid of places)."""
    for axis, (m, factor) in enumerate(zip(size, scale), 1):
        n = x.shape[axis]
        y = np.zeros((*x.shape[:axis], m, *x.shape[axis + 1:]))
        for i in range(m):
            for place, weight in _neighbours(i, n, m, factor, mode, align_corners):
                y[(slice(None),) * axis + (i,)] += weight * x[(slice(None),) * axis + (min(max(place, 0), n - 1),)]
        x = y
    return x


def _neighbours(i, n, m, factor, mode, align_corners):
    """The old places that the new place i is made of, with their weights; places outside are the nearest edge."""
    if mode == "nearest":
        return [(math.floor(Fraction(i) / Fraction(factor).limit_denominator(1000)), 1.0)]
    s = i * (n - 1) / (m - 1) if align_corners and m > 1 else 0.0 if align_corners else (i + 0.5) / factor - 0.5
    left = math.floor(s)
    t = s - left
    if mode == "linear":
        return [(left, 1 - t), (left + 1, t)]
    # Catmull-Rom's form, with a = -3/4 for -1/2
    a = -0.75
    return [(left - 1, a * t * (1 - t) ** 2), (left, 1 - (a + 3) * t ** 2 + (a + 2) * t ** 3),
            (left + 1, -a * t + (2 * a + 3) * t ** 2 - (a + 2) * t ** 3), (left + 2, a * t ** 2 * (1 - t))]


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
