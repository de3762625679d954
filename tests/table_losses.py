"""Entries of the table of functions: binary cross-entropy, CTC, triplets."""

import itertools
import math

import numpy as np
from table import add, fixed, normal, together

import minigrad.functions as F
from minigrad.functions import ctc, losses


def binary(x, t):
    p = 1 / (1 + np.exp(-x))
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


for variant, (sample, reduction, over) in {
    "": (normal((3, 2), (3, 2)), "mean", np.mean), "/sum": (normal((4,), (4,)), "sum", np.sum),
    "/none": (together(normal((2, 3)), fixed([[0.0, 1.0, 0.5], [1.0, 1.0, 0.0]])), "none", lambda l: l),
    "/0-d": (normal((), ()), "none", lambda l: l),
}.items():
    add("binary_cross_entropy_with_logits" + variant,
        lambda x, t, r=reduction: F.binary_cross_entropy_with_logits(x, t, reduction=r), sample,
        lambda x, t, over=over: over(binary(x, t)), losses.BinaryCrossEntropy)


def reading(path, blank):
    """What a path reads as: without its repetitions, then without its blanks."""
    return [c for c, _ in itertools.groupby(path) if c != blank]


def all_paths(log_probs, targets, times=None, counts=None, blank=0):
    """-log of the sum over every single path of the product of its probabilities, for those that read as the labels."""
    losses = []
    for n in range(log_probs.shape[1]):
        T = len(log_probs) if times is None else times[n]
        labels = list(targets[n] if counts is None else targets[n][:counts[n]])
        total = sum(math.exp(sum(log_probs[t, n, c] for t, c in enumerate(path)))
                    for path in itertools.product(range(log_probs.shape[2]), repeat=T) if reading(path, blank) == labels)
        losses.append(-math.log(total))
    return np.array(losses)


two = fixed([[1, 2], [1, 1]])
for variant, (sample, options, reference) in {
    "": (together(normal((4, 2, 3)), two), {}, lambda x, y: (all_paths(x, y) / 2).mean()),
    "/sum": (together(normal((3, 2, 3)), two), {"reduction": "sum"}, lambda x, y: all_paths(x, y).sum()),
    "/one time": (together(normal((1, 2, 3)), fixed([[2], [1]])), {"reduction": "none"}, all_paths),
    "/another blank": (together(normal((4, 2, 3)), fixed([[0, 0], [1, 0]])), {"reduction": "none", "blank": 2},
                       lambda x, y: all_paths(x, y, blank=2)),
    "/lengths": (together(normal((5, 3, 3)), fixed([[1, 2, 2], [1, 0, 0], [0, 0, 0]]), fixed([5, 2, 3]), fixed([3, 1, 0])),
                 {"reduction": "none"}, all_paths),
    "/mean of lengths": (together(normal((3, 2, 3)), fixed([[1, 2], [0, 0]]), fixed([3, 2]), fixed([2, 0])), {},
                         lambda x, y, times, counts: (all_paths(x, y, times, counts) / [2, 1]).mean()),
}.items():
    add("ctc_loss" + variant, lambda x, y, *lengths, o=options: F.ctc_loss(x, y, *lengths, **o), sample, reference,
        ctc.LogForward)


def triplets(a, p, n, margin=1.0, power=2.0, swap=False):
    def d(x, y):
        return (np.abs(x - y + 1e-6) ** power).sum(-1) ** (1 / power)

    far = np.minimum(d(a, n), d(p, n)) if swap else d(a, n)
    return np.maximum(d(a, p) - far + margin, 0)


three = normal((3, 4), (3, 4), (3, 4))
for variant, (options, reference) in {
    "": ({}, lambda *x: triplets(*x).mean()),
    "/swap": ({"swap": True, "margin": 2.0, "reduction": "none"}, lambda *x: triplets(*x, margin=2, swap=True)),
    "/p": ({"p": 3.0, "reduction": "sum"}, lambda *x: triplets(*x, power=3).sum()),
}.items():
    add("triplet_margin_loss" + variant, lambda *x, o=options: F.triplet_margin_loss(*x, **o), three, reference)
