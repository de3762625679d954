"""Entries of the table for the Functions of minigrad.transforms: each against the function that it wraps."""

import numpy as np
from table import add, normal

import minigrad as mg
from minigrad.transforms.checkpoint import Checkpoint, checkpoint
from minigrad.transforms.custom import CustomGradient, custom_gradient


@custom_gradient
def sine(x):
    return mg.sin(x), lambda dy: mg.cos(x) * dy


add("checkpoint", lambda x, y: checkpoint(lambda a, b: mg.sin(a) * b, x, y), normal((2, 3), (3,)),
    lambda x, y: np.sin(x) * y, Checkpoint)
add("custom_gradient", lambda x: sine(x), normal((2, 3)), np.sin, CustomGradient)


def wave(x, y):
    """A single number, whose Hessian by x is full."""
    return (mg.sin(x) * y).sum() * x.sum()


def wave_gradient(x, y):
    return np.cos(x) * y * x.sum() + (np.sin(x) * y).sum()


def wave_hessian(x, y):
    slopes = np.cos(x) * y
    return np.diag(-np.sin(x) * y * x.sum()) + slopes[:, None] + slopes


# The transforms as functions: what they give can itself be differentiated, by the arguments and by v.
for name, call, reference in [
    ("grad", lambda x, y: mg.grad(wave)(x, y), wave_gradient),
    ("value_and_grad", lambda x, y: list(mg.value_and_grad(wave)(x, y)),
     lambda x, y: [(np.sin(x) * y).sum() * x.sum(), wave_gradient(x, y)]),
    ("hessian", lambda x, y: mg.hessian(wave)(x, y), wave_hessian),
    ("jacobian", lambda x, y: mg.jacobian(lambda x, y: mg.outer(mg.exp(x), y))(x, y),
     lambda x, y: np.exp(x)[:, None, None] * y[:, None] * np.eye(3)[:, None]),
    ("hvp", lambda x, y, v: mg.hvp(wave, (x, y), v), lambda x, y, v: wave_hessian(x, y) @ v),
    ("vjp", lambda x, y, v: mg.vjp(lambda x: mg.exp(x) * x.sum() * y, x)[1](v),
     lambda x, y, v: np.exp(x) * x.sum() * y * v + (np.exp(x) * y) @ v),
    ("jvp", lambda x, y, v: mg.jvp(lambda x: mg.exp(x) * x.sum() * y, x, v)[1],
     lambda x, y, v: np.exp(x) * y * (v * x.sum() + v.sum())),
]:
    add(name, call, normal(*[(3,)] * (3 if name in ("hvp", "vjp", "jvp") else 2)), reference)
