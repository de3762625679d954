"""The one table of all functions: what each computes, on which numbers, and an independent reference for it.

The tests run over this table, so a function is tested by adding its entries here. An entry is named "function" or
"function/variant"; `call` takes Tensors, `reference` the same arguments as arrays. Arguments that cannot carry a gradient
(indices, labels, masks) are arrays of integers or booleans among the inputs; every floating-point input is differentiated.
Sample inputs are float64, and keep away from kinks (relu at 0, ties of max) by more than a finite difference's step.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import references as R

import minigrad.functions as F


@dataclass(frozen=True)
class Entry:
    """One function on one kind of input."""

    name: str                     # "conv2d/stride"
    call: Callable                # Tensors -> a Tensor, or a list of them
    sample: Callable              # a numpy Generator -> the inputs, a tuple of arrays
    reference: Callable           # arrays -> an array, or a list of them
    covers: tuple = ()            # the Function classes that it runs, forward or backward
    order: int = 2                # how often it can be differentiated, counting no further than 2
    elementwise: bool = False     # works on any shape, number by number
    broadcasts: bool = False      # two elementwise operands that broadcast against each other

    @property
    def function(self):
        return self.name.partition("/")[0]

    def inputs(self):
        """The sample inputs, the same ones at each call."""
        return tuple(np.asarray(x) for x in self.sample(self.rng()))

    def rng(self):
        return np.random.default_rng(zlib.crc32(self.name.encode()))

    def __repr__(self):
        return self.name


TABLE: list[Entry] = []


def add(name, call, sample, reference, *covers, **facts):
    TABLE.append(Entry(name, call, sample, reference, covers, **facts))


# ---- sample inputs

def normal(*shapes):
    """Standard normal numbers."""
    return lambda rng: tuple(rng.standard_normal(s) for s in shapes)


def positive(*shapes):
    """Numbers in [0.5, 2): for logarithms, roots and powers."""
    return lambda rng: tuple(rng.uniform(0.5, 2, s) for s in shapes)


def distinct(*shapes):
    """Numbers ±0.05, ±0.15, ±0.25 ..., each once over all the inputs: none is 0, no two are equal."""
    def sample(rng):
        total = sum(math.prod(s) for s in shapes)
        numbers = (rng.permutation(total) - total // 2 + 0.5) * 0.1
        parts = np.split(numbers, np.cumsum([math.prod(s) for s in shapes])[:-1])
        return tuple(p.reshape(s) for p, s in zip(parts, shapes))
    return sample


def apart(*shapes):
    """Numbers ±0.5, ±1.5, ±2.5 ..., each once: the standard deviation of any two is at least 0.5."""
    return lambda rng: tuple(10 * x for x in distinct(*shapes)(rng))


def nonzero(*shapes):
    """Numbers of both signs, at least 0.5 away from 0."""
    return lambda rng: tuple(rng.uniform(0.5, 2, s) * rng.choice([-1, 1], s) for s in shapes)


def probabilities(*shape):
    """Rows of positive numbers that sum to 1."""
    return lambda rng: (R.softmax(rng.uniform(-1, 1, shape)),)


def integers(high, *shape, dtype=np.int64):
    return lambda rng: (rng.integers(0, high, shape).astype(dtype),)


def booleans(*shape):
    return lambda rng: (rng.random(shape) < 0.5,)


def fixed(*arrays, dtype=None):
    """These very arrays: indices, masks."""
    return lambda rng: tuple(np.array(a, dtype) for a in arrays)


def together(*samples):
    """The inputs of several samples, one after another."""
    return lambda rng: tuple(x for sample in samples for x in sample(rng))


# ---- two operands

def binary(name, sample, reference, cls):
    add(name, getattr(F, name), sample((2, 3), (2, 3)), reference, cls, elementwise=True, broadcasts=True)
    add(f"{name}/broadcast", getattr(F, name), sample((2, 1, 3), (4, 1)), reference, cls)
    add(f"{name}/0-d", getattr(F, name), sample((), (3,)), reference, cls)


import table_core  # noqa: E402, F401
import table_layers  # noqa: E402, F401
import table_shapes  # noqa: E402, F401

CORE = len(TABLE)  # the entries above; the families below add theirs
import table_attention  # noqa: E402, F401
import table_convolution  # noqa: E402, F401
import table_differences  # noqa: E402, F401
import table_elementwise  # noqa: E402, F401
import table_fourier  # noqa: E402, F401
import table_joining  # noqa: E402, F401
import table_linalg  # noqa: E402, F401
import table_losses  # noqa: E402, F401
import table_names  # noqa: E402, F401
import table_neural  # noqa: E402, F401
import table_numpy  # noqa: E402, F401
import table_scans  # noqa: E402, F401
import table_statistics  # noqa: E402, F401
import table_transforms  # noqa: E402, F401
