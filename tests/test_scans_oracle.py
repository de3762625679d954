"""Rectifiers, scans and sort against PyTorch: value, first and second derivative, at random points and at the kinks."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional
EPS = np.finfo(np.float64).eps
SLOPES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])

PAIRS = {  # PyTorch rounds celu's 1/alpha to float32: 0.5 loses nothing
    "relu6": (F.relu6, TF.relu6), "leaky_relu": (F.leaky_relu, TF.leaky_relu), "elu": (F.elu, TF.elu),
    "selu": (F.selu, TF.selu), "celu": (lambda x: F.celu(x, 0.5), lambda x: TF.celu(x, 0.5)), "silu": (F.silu, TF.silu),
    "mish": (F.mish, TF.mish), "softsign": (F.softsign, TF.softsign), "hardtanh": (F.hardtanh, TF.hardtanh),
    "hard_silu": (F.hard_silu, TF.hardswish), "log_sigmoid": (F.log_sigmoid, TF.logsigmoid), "glu": (F.glu, TF.glu),
    "prelu": (lambda x: F.prelu(x, SLOPES), lambda x: TF.prelu(x, torch.tensor(SLOPES))),
    "prod": (lambda x: F.prod(x, axis=1), lambda x: torch.prod(x, 1)),
    "cumsum": (lambda x: F.cumsum(x, 0), lambda x: torch.cumsum(x, 0)),
    "cumprod": (lambda x: F.cumprod(x, 1), lambda x: torch.cumprod(x, 1)),
    "sort": (F.sort, lambda x: torch.sort(x, stable=True)[0]), "norm": (F.norm, torch.linalg.vector_norm),
    "norm 3": (lambda x: F.norm(x, 3, axis=1), lambda x: torch.linalg.vector_norm(x, 3, dim=1)),
    "repeat": (lambda x: F.repeat(x, [1, 2, 0, 3], 0), lambda x: torch.repeat_interleave(x, torch.tensor([1, 2, 0, 3]), 0)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_against_pytorch(name):
    ours, theirs = PAIRS[name]
    rng = np.random.default_rng(0)
    x = 2 * rng.standard_normal((4, 6))
    x[1, :5] = 3, -3, 6, 1, -1  # kinks
    if name not in ("elu", "selu", "celu"):  # whose curvature at 0 is of the left side here, of the right side there
        x[0, :2] = 0
    a, b = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, expected = ours(a), theirs(b)
    dy, along = rng.standard_normal(y.shape), torch.tensor(rng.standard_normal(x.shape))
    dx = mg.autograd.grad(y, a, mg.Tensor(dy), create_graph=True)
    expected_dx, = torch.autograd.grad(expected, b, torch.tensor(dy), create_graph=True)
    pairs = [(y, expected), (dx, expected_dx)]
    if dx.requires_grad and expected_dx.requires_grad:
        second = mg.autograd.grad(dx, a, mg.Tensor(along.numpy()), allow_unused=True)
        expected_second, = torch.autograd.grad(expected_dx, b, along, allow_unused=True)
        if second is not None and expected_second is not None:
            pairs.append((second, expected_second))
    for found, wanted in pairs:
        wanted = wanted.detach().numpy()
        np.testing.assert_allclose(found.data, wanted, rtol=0, atol=64 * EPS * max(1, np.abs(wanted).max()))
