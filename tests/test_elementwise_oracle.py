"""The elementwise functions against PyTorch in float64: value and the first three derivatives, at the table's inputs."""

import numpy as np
import pytest
from table import TABLE

import minigrad as mg

torch = pytest.importorskip("torch")
EPS = np.finfo(np.float64).eps

ORACLE = {name: getattr(torch, name) for name in """
    tan arcsin arccos arctan arctan2 sinh cosh arcsinh arccosh arctanh deg2rad rad2deg exp2 expm1 log2 log10 log1p reciprocal
    sign floor ceil trunc round nan_to_num sinc digamma logit hypot logaddexp logaddexp2 xlogy fmax fmin copysign remainder
    fmod""".split()}
ORACLE |= {name: getattr(torch.special, name) for name in "i0 i0e i1 i1e".split()}
ORACLE |= {"erfc": torch.special.erfc, "gammaln": torch.special.gammaln, "expit": torch.special.expit,
           "polygamma/2": lambda x: torch.polygamma(2, x),
           "floor_divide": lambda x, y: torch.div(x, y, rounding_mode="floor"), "rint": torch.round,
           "cbrt": lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3)}
ORACLE |= {f"{name}/broadcast": ORACLE[name] for name in "arctan2 hypot logaddexp xlogy remainder fmod copysign".split()}
# PyTorch's trigamma is right to 5e-10 only (π²/6 at 1 shows it): not further than the derivative before it
ORDERS = {"gammaln": 1, "digamma": 0}
ENTRIES = {entry.name: entry for entry in TABLE if entry.name in ORACLE}


def grad(y, inputs, dy):
    """Our gradients, with zeros where y does not depend on an input."""
    if not y.requires_grad:
        return [mg.Tensor(np.zeros(x.shape)) for x in inputs]
    found = mg.autograd.grad(y, inputs, dy, create_graph=True, allow_unused=True)
    return [mg.Tensor(np.zeros(x.shape)) if g is None else g for g, x in zip(found, inputs)]


def torch_grad(y, inputs, dy):
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    return list(torch.autograd.grad(y, inputs, dy, create_graph=True, allow_unused=True, materialize_grads=True))


@pytest.mark.parametrize("name", ORACLE)
def test_derivatives_agree_with_pytorch(name):
    rng = np.random.default_rng(5)
    arrays = ENTRIES[name].inputs()
    ours, theirs = [mg.Tensor(x, requires_grad=True) for x in arrays], [torch.tensor(x, requires_grad=True) for x in arrays]
    found, expected = [ENTRIES[name].call(*ours)], [ORACLE[name](*theirs)]
    for order in range(ORDERS.get(name, 3) + 1):
        for a, b in zip(found, expected):
            b = b.detach().numpy()
            # each derivative sums a few times as many terms as the one before it
            np.testing.assert_allclose(a.data, b, rtol=0, atol=64 * 4 ** order * EPS * max(1, np.abs(b).max()),
                                       err_msg=f"derivative {order}")
        weights = [rng.uniform(0.5, 2, y.shape) * rng.choice([-1, 1], y.shape) for y in found]
        loss = sum((y * mg.Tensor(w)).sum() for y, w in zip(found, weights))
        their_loss = sum((y * torch.tensor(w)).sum() for y, w in zip(expected, weights))
        found, expected = grad(loss, ours, None), torch_grad(their_loss, theirs, None)
