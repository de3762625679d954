"""Normalisation and recurrent networks in plain NumPy, number by number and step by step: see references.py."""

import math

import numpy as np


def normalised(numbers, eps):
    """(x - mean) / sqrt(mean squared deviation + eps) of some numbers."""
    deviation = numbers - numbers.sum() / numbers.size
    return deviation / math.sqrt((deviation ** 2).sum() / numbers.size + eps)


def batch_norm(x, gamma=None, beta=None, mean=None, var=None, eps=1e-5):
    """Channel by channel, over all the rest; channels last."""
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        y[..., c] = normalised(x[..., c], eps) if mean is None else (x[..., c] - mean[c]) / math.sqrt(var[c] + eps)
        y[..., c] = y[..., c] * (1 if gamma is None else gamma[c]) + (0 if beta is None else beta[c])
    return y


def group_norm(x, groups, gamma=None, beta=None, eps=1e-5):
    """Image by image and group by group of channels; channels last."""
    y, size = np.empty_like(x), x.shape[-1] // groups
    for n in range(len(x)):
        for group in range(groups):
            channels = slice(group * size, (group + 1) * size)
            y[n, ..., channels] = normalised(x[n, ..., channels], eps)
    return y * (1 if gamma is None else gamma) + (0 if beta is None else beta)


def rms_norm(x, gamma, eps=1e-6):
    """Row by row: x / sqrt(mean square + eps) * gamma."""
    y = np.empty_like(x)
    for place in np.ndindex(*x.shape[:x.ndim - gamma.ndim]):
        y[place] = x[place] / math.sqrt((x[place] ** 2).sum() / x[place].size + eps) * gamma
    return y


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_cell(x, h, w, u, b, activation=np.tanh):
    return (activation(x @ w + h @ u + b),)


def lstm_cell(x, h, c, w, u, b):
    i, f, g, o = np.split(x @ w + h @ u + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_cell(x, h, w, u, b):
    a, s = np.split(x @ w + b[0], 3), np.split(h @ u + b[1], 3)
    z, r = sigmoid(a[0] + s[0]), sigmoid(a[1] + s[1])
    return (z * h + (1 - z) * np.tanh(a[2] + r * s[2]),)


def over_time(cell, x, states, weights, mask=None, backwards=False):
    """[the first state at each time (N, T, H), *the last states], series by series and step by step."""
    outputs = np.zeros((*x.shape[:2], states[0].shape[1]))
    last = [np.array(s) for s in states]
    for n in range(len(x)):
        state = [s[n] for s in states]
        for step, t in enumerate(reversed(range(x.shape[1])) if backwards else range(x.shape[1])):
            if mask is None or mask[n, t]:
                state = cell(x[n, t], *state, *weights)
            outputs[n, step] = state[0]
        for s, value in zip(last, state):
            s[n] = value
    return [outputs, *last]


def dropped_attention(q, k, v, kept, p):
    """softmax(q kᵀ / √D) with its numbers where `kept` is False zeroed and the others divided by 1 - p, times v."""
    scores = np.einsum("...td,...sd->...ts", q, k) / math.sqrt(q.shape[-1])
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return np.einsum("...ts,...se->...te", weights * kept / (1 - p), v)


def one_hot(ids, classes):
    y = np.zeros((*np.shape(ids), classes))
    for place in np.ndindex(*np.shape(ids)):
        y[(*place, ids[place])] = 1
    return y
