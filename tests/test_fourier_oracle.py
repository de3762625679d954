"""Complex numbers, Fourier transforms and spectrograms against PyTorch: values, and the gradients of complex leaves."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F

torch = pytest.importorskip("torch")

COMPARED = {"stft", "istft", "gumbel_softmax", "complex", "real", "imag", "conj", "conjugate", "angle", "hann_window",
            "hamming_window", "blackman_window", *(f"fft.{name}" for name in mg.fft.__all__)}  # here, by tests of their own

RNG = np.random.default_rng(9)
REAL = RNG.standard_normal((3, 4, 5))
COMPLEX = REAL + 1j * RNG.standard_normal((3, 4, 5))


def compare(ours, theirs, *arrays, tolerance=1e-11):
    """Values, gradients for a random cotangent, and the gradient of a function of those, on both sides."""
    xs = [mg.Tensor(x, requires_grad=True) for x in arrays]
    us = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, v = ours(*xs), theirs(*us)
    np.testing.assert_allclose(y.data, v.resolve_conj().detach().numpy(), tolerance, tolerance, strict=True)
    dy = RNG.standard_normal(y.shape) + (1j * RNG.standard_normal(y.shape) if y.dtype.kind == "c" else 0)
    dx = mg.autograd.grad(y, xs, mg.Tensor(dy), create_graph=True)
    du = torch.autograd.grad(v, us, torch.tensor(dy), create_graph=True)
    for a, b in zip(dx, du):
        np.testing.assert_allclose(a.data, b.resolve_conj().detach().numpy(), tolerance, tolerance, strict=True)
    again = [F.square(F.abs(a)).sum() for a in dx if a.requires_grad]
    if again:
        sum(again).backward()
        sum(g.abs().square().sum() for g in du if g.requires_grad).backward()
        for x, u in zip(xs, us):
            if u.grad is not None:
                np.testing.assert_allclose(x.grad.data, u.grad.resolve_conj().numpy(), rtol=100 * tolerance, atol=tolerance)


# ---- complex leaves

FUNCTIONS = {
    "arithmetic": (lambda z, w: z * w / (z + 2j) - w ** 3, lambda z, w: z * w / (z + 2j) - w ** 3),
    "power": (lambda z, w: z ** w, lambda z, w: z ** w),
    "exp log sqrt": (lambda z, w: F.exp(z) * F.log(w) + F.sqrt(z), lambda z, w: torch.exp(z) * torch.log(w) + torch.sqrt(z)),
    "trigonometry": (lambda z, w: F.sin(z) * F.cos(w) + F.tan(z) * F.tanh(w) + F.sinh(w) * F.cosh(z),
                     lambda z, w: z.sin() * w.cos() + z.tan() * w.tanh() + w.sinh() * z.cosh()),
    "inverses": (lambda z, w: F.arcsin(z) * F.arccos(w) + F.arctan(z) * F.arctanh(w) + F.arccosh(z),
                 lambda z, w: z.arcsin() * w.arccos() + z.arctan() * w.arctanh() + z.arccosh()),
    "parts": (lambda z, w: F.real(z * w) * F.imag(w) + F.abs(z) * F.angle(w) + F.angle(F.conj(z)),
              lambda z, w: (z * w).real * w.imag + z.abs() * w.angle() + z.conj().angle()),
    "complex": (lambda z, w: F.complex(F.abs(z), F.real(w)) * z, lambda z, w: torch.complex(z.abs(), w.real) * z),
    "matmul": (lambda z, w: z @ F.swapaxes(w, -1, -2), lambda z, w: z @ w.transpose(-1, -2)),
    "einsum": (lambda z, w: F.einsum("aij,bij->ab", z, F.conj(w)),
               lambda z, w: torch.einsum("aij,bij->ab", z, w.conj())),
    "vdot": (F.vdot, lambda z, w: torch.vdot(z.ravel(), w.ravel())),
    "scans": (lambda z, w: F.cumsum(z, 1) * F.cumprod(w, -1) + F.prod(z, 0, keepdims=True),
              lambda z, w: z.cumsum(1) * w.cumprod(-1) + z.prod(0, keepdim=True)),
    "shapes": (lambda z, w: F.concatenate([z, F.flip(w, 0)], 1)[:, 1:, [0, 0, 3]],
               lambda z, w: torch.cat([z, w.flip(0)], 1)[:, 1:, [0, 0, 3]]),
    "norm": (lambda z, w: F.vector_norm(z * w, axis=1), lambda z, w: torch.linalg.vector_norm(z * w, dim=1)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_complex_leaves_have_pytorchs_gradients(name):
    ours, theirs = FUNCTIONS[name]
    compare(ours, theirs, COMPLEX, COMPLEX[::-1].copy() * 0.7 + 0.2j)


def test_real_operands_beside_complex_ones():
    compare(lambda x, z: x * z + F.exp(1j * x), lambda x, z: x * z + torch.exp(1j * x), REAL, COMPLEX)


def test_a_real_loss_of_complex_numbers_from_the_start_to_grad():
    z, u = mg.Tensor(COMPLEX, requires_grad=True), torch.tensor(COMPLEX, requires_grad=True)
    for exp, absolute, x in ((F.exp, F.abs, z), (torch.exp, torch.abs, u)):
        absolute(exp(x) * x).sum().backward()
    np.testing.assert_allclose(z.grad.data, u.grad.numpy())


def test_matrix_inverse_and_equations():
    z = COMPLEX[:, :, :4]
    compare(mg.linalg.inv, torch.linalg.inv, z, tolerance=1e-9)
    compare(mg.linalg.det, torch.linalg.det, z, tolerance=1e-9)
    compare(mg.linalg.solve, torch.linalg.solve, z, COMPLEX, tolerance=1e-9)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
@pytest.mark.parametrize("name, how", [("SGD", dict(momentum=0.9)), ("Adam", {})])
def test_optimizers_move_complex_parameters_as_pytorchs_do(name, how, shape):
    start, target = (RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape) for _ in range(2))
    z, u = mg.Tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    ours, theirs = getattr(mg.optimizers, name)([z], 0.05, **how), getattr(torch.optim, name)([u], 0.05, **how)
    if name == "Adam":
        ours.epsilon = theirs.param_groups[0]["eps"] = 0.0  # PyTorch adds it elsewhere
    for _ in range(5):
        distance = (torch.exp(u) - torch.tensor(target)).abs().sum()
        for optimizer, loss in ((ours, F.abs(F.exp(z) - target).sum()), (theirs, distance)):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    np.testing.assert_allclose(z.data, u.detach().numpy(), rtol=1e-9)


# ---- Fourier transforms

@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [None, 1, 2, 3, 6, 7])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_transforms_along_an_axis(n, axis, norm):
    for name, x in [("fft", COMPLEX), ("fft", REAL), ("ifft", COMPLEX), ("rfft", REAL), ("irfft", COMPLEX),
                    ("hfft", COMPLEX), ("ihfft", REAL)]:
        ours, theirs = getattr(mg.fft, name), getattr(torch.fft, name)
        compare(lambda x, f=ours: f(x, n, axis, norm), lambda x, f=theirs: f(x, n, axis, norm), x)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("s, axes", [(None, None), (None, (0, 2)), (None, (1, 0)), ((6, 3), (0, 1)), ((2, 5), (2, 1)),
                                     ((3, 4, 6), (0, 1, 2)), ((7, -1), (1, 2))])
def test_transforms_along_several_axes(s, axes, norm):
    for name, x in [("fftn", COMPLEX), ("ifftn", COMPLEX), ("rfftn", REAL), ("irfftn", COMPLEX)]:
        ours, theirs = getattr(mg.fft, name), getattr(torch.fft, name)
        compare(lambda x, f=ours: f(x, s, axes, norm), lambda x, f=theirs: f(x, s, axes, norm), x)


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
@pytest.mark.parametrize("axes", [None, 1, (0, 2)])
def test_shifts(name, axes):
    compare(lambda x: getattr(mg.fft, name)(x, axes), lambda x: getattr(torch.fft, name)(x, axes), COMPLEX)


# ---- spectrograms

SIGNAL = RNG.standard_normal((2, 40))
WINDOW = RNG.uniform(0.5, 1, 8)


@pytest.mark.parametrize("how", [
    {}, dict(hop_length=3), dict(center=False), dict(pad_mode="constant"), dict(pad_mode="replicate"),
    dict(pad_mode="circular", hop_length=5), dict(normalized=True), dict(onesided=False), dict(n_fft=11, win_length=8),
    dict(n_fft=12, win_length=8, hop_length=4, normalized=True)], ids=str)
def test_stft(how):
    how = {"n_fft": 8, **how}
    compare(lambda x, w: F.stft(x, window=w, **how), lambda x, w: torch.stft(x, window=w, return_complex=True, **how),
            SIGNAL, WINDOW)


@pytest.mark.parametrize("how", [
    {}, dict(hop_length=3), dict(center=False), dict(normalized=True), dict(length=20), dict(length=33),
    dict(center=False, length=26), dict(win_length=6, hop_length=3)], ids=str)
@pytest.mark.parametrize("n_fft", [8, 9])
@pytest.mark.filterwarnings("ignore:The length of signal is shorter:UserWarning")
def test_istft(how, n_fft):
    z = RNG.standard_normal((2, n_fft // 2 + 1, 10)) + 1j * RNG.standard_normal((2, n_fft // 2 + 1, 10))
    how, window = {"n_fft": n_fft, **how}, RNG.uniform(0.5, 1, how.get("win_length", n_fft))
    compare(lambda z, w: F.istft(z, window=w, **how), lambda z, w: torch.istft(z, window=w, **how), z, window)


def test_istft_of_all_bins():
    z = RNG.standard_normal((2, 8, 10)) + 1j * RNG.standard_normal((2, 8, 10))
    theirs = torch.istft(torch.tensor(z), 8, window=torch.tensor(WINDOW), onesided=False).numpy()
    np.testing.assert_allclose(F.istft(mg.Tensor(z), 8, window=WINDOW).data, theirs, atol=1e-12)


# ---- random numbers

@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax_is_the_softmax_of_what_pytorch_draws(monkeypatch, hard):
    """PyTorch's sample, with our noise in the place of its own."""
    x = RNG.standard_normal((5, 4))
    noise = RNG.exponential(size=(5, 4))

    class Fixed:
        def standard_exponential(self, shape):
            return noise

    monkeypatch.setattr(torch.Tensor, "exponential_", lambda self: self.copy_(torch.tensor(noise)))
    with mg.random.using({np: Fixed()}):
        compare(lambda x: F.gumbel_softmax(x, 0.6, hard, axis=0),
                lambda x: torch.nn.functional.gumbel_softmax(x, 0.6, hard, dim=0), x)
