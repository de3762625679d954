"""Values and gradients of einsum and linalg beside PyTorch's, on larger inputs than the table of functions has."""

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

CALLS = {
    "inv": lambda l, x: [l.inv(x)], "det": lambda l, x: [l.det(x)], "slogdet": lambda l, x: [l.slogdet(x)[1]],
    "solve": lambda l, x: [l.solve(x, x[..., :2] * 2)], "pinv": lambda l, x: [l.pinv(x[..., :3])],
    "matrix_power": lambda l, x: [l.matrix_power(x, 5), l.matrix_power(x, -3)],
    "cholesky": lambda l, x: [l.cholesky(x @ x.mT)], "eigvalsh": lambda l, x: [l.eigvalsh(x + x.mT)],
    "eigh": lambda l, x: [l.eigh(x + x.mT)[1] ** 2], "qr": lambda l, x: [*l.qr(x[..., :3])],
    "qr of wide": lambda l, x: [*l.qr(x[:, :3])], "svdvals": lambda l, x: [l.svdvals(x)],
    "svd of tall": lambda l, x: [y ** 2 for y in l.svd(x[..., :3], full_matrices=False)],
    "svd of wide": lambda l, x: [y ** 2 for y in l.svd(x[:, :2], full_matrices=False)],
}


@pytest.mark.parametrize("name", CALLS)
def test_linalg_agrees_with_pytorch(name):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 5, 5)) / 4 + np.diag(1 + np.arange(5.0))
    ours, theirs = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    found, expected = CALLS[name](mg.linalg, ours), CALLS[name](torch.linalg, theirs)
    dys = [rng.standard_normal(y.shape) for y in found]
    dx = mg.autograd.grad(found, ours, [mg.Tensor(dy) for dy in dys]).numpy()
    expected_dx = torch.autograd.grad(expected, theirs, [torch.tensor(dy) for dy in dys])[0].numpy()
    # backward stable methods: eps times the condition (4.6 of x, 21 of x xᵀ; squared in gradients) times the sums
    for a, b in [*((f.numpy(), e.detach().numpy()) for f, e in zip(found, expected)), (dx, expected_dx)]:
        np.testing.assert_allclose(a, b, rtol=0, atol=5 * 21 ** 2 * np.finfo(float).eps * max(1, np.abs(b).max()))


@pytest.mark.parametrize("subscripts, shapes", [
    ("bij,bjk->bik", [(3, 4, 5), (3, 5, 6)]), ("bqhd,bkhd->bhqk", [(2, 3, 4, 5), (2, 6, 4, 5)]),
    ("...ii,i->...", [(3, 4, 4), (4,)]), ("ab,cb,ad->cd", [(3, 4), (5, 4), (3, 2)]), ("ij,kl", [(2, 3), (3, 2)])])
def test_einsum_agrees_with_pytorch(subscripts, shapes):
    rng = np.random.default_rng(4)
    xs = [rng.standard_normal(s) for s in shapes]
    ours, theirs = [mg.Tensor(x, requires_grad=True) for x in xs], [torch.tensor(x, requires_grad=True) for x in xs]
    z, expected = mg.einsum(subscripts, *ours), torch.einsum(subscripts, *theirs)
    dz = rng.standard_normal(z.shape)
    found = [z, *mg.autograd.grad(z, ours, mg.Tensor(dz))]
    for a, b in zip(found, [expected, *torch.autograd.grad(expected, theirs, torch.tensor(dz))]):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=0, atol=64 * np.finfo(float).eps * 10)


def expanded(x):
    """The determinant by Laplace along the first row: a polynomial that PyTorch can differentiate at any matrix."""
    n = x.shape[0]
    if n == 1:
        return x[0, 0]
    return sum((-1) ** j * x[0, j] * expanded(torch.cat([x[1:, :j], x[1:, j + 1:]], 1)) for j in range(n))


@pytest.mark.parametrize("s", [(3, 2, 2, 1), (3, 2, 2, 0), (2, 2, 0, 0), (2, 0, 0, 0), (0, 0, 0, 0), (2, 0), (0, 0), (0,)],
                         ids=str)
def test_det_at_any_rank_agrees_with_pytorch(s):
    """Of torch.linalg.det itself the gradient may be 0 at a singular matrix; with create_graph the second one is wrong."""
    rng = np.random.default_rng(6)
    u, v = (np.linalg.qr(rng.standard_normal((len(s), len(s))))[0] for _ in range(2))
    x = u * s @ v
    ours, theirs = mg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    found, expected = mg.linalg.det(ours), expanded(theirs)
    for _ in range(3):
        found = mg.autograd.grad(found, ours, create_graph=True)
        expected, = torch.autograd.grad(expected, theirs, create_graph=True, materialize_grads=True)
        np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=0, atol=1e3 * np.finfo(float).eps)
        d = rng.standard_normal(x.shape)
        found, expected = (found * mg.Tensor(d)).sum(), (expected * torch.tensor(d)).sum()
        if not expected.requires_grad:
            break
