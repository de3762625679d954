"""mg.fft, mg.stft, mel filters and mg.random: their identities, dtypes, refusals, and the distributions of the numbers."""

import inspect

import numpy as np
import pytest
import scipy.signal
import scipy.stats

import minigrad as mg
import minigrad.functions as F

RNG = np.random.default_rng(4)
X = RNG.standard_normal((2, 30))


def of(name):
    return getattr(mg.fft, name), getattr(np.fft, name)


# ---- Fourier transforms

@pytest.mark.parametrize("name", mg.fft.__all__)
def test_names_and_arguments_are_numpys(name):
    ours, theirs = (list(inspect.signature(f).parameters)[:4] for f in of(name))
    renamed = {"a": "x"}
    assert ours == [renamed.get(p, p) for p in theirs if p not in ("out", "device")]


@pytest.mark.parametrize("name", [n for n in mg.fft.__all__ if not n.endswith("freq")])
def test_numpys_own_functions_take_tensors(name):
    x = mg.Tensor(X, requires_grad=True)
    ours, theirs = of(name)
    y = theirs(x)
    assert isinstance(y, mg.Tensor) and y.requires_grad
    np.testing.assert_array_equal(y.data, ours(x).data)
    np.testing.assert_allclose(y.data, theirs(X), atol=1e-12)


@pytest.mark.parametrize("dtype, expected", [("float16", "complex64"), ("float32", "complex64"), ("float64", "complex128"),
                                             ("int64", "complex128")])
def test_dtypes(dtype, expected):
    x = mg.Tensor(np.arange(6), dtype=dtype, requires_grad=dtype.startswith("f"))
    y = mg.fft.rfft(x)
    assert y.dtype == mg.fft.fft(x).dtype == expected
    assert mg.fft.irfft(y).dtype == mg.fft.irfft(x).dtype == np.zeros(0, expected).real.dtype
    if x.requires_grad:
        F.abs(y).sum().backward()
        assert x.grad.dtype == dtype


def test_frequencies_are_plain_arrays():
    np.testing.assert_array_equal(mg.fft.fftfreq(5, 0.1), np.fft.fftfreq(5, 0.1))
    np.testing.assert_array_equal(mg.fft.rfftfreq(6), np.fft.rfftfreq(6))


def test_parseval():
    """Σ |fft x|² = n Σ x², so its gradient is 2 n x."""
    x = mg.Tensor(X, requires_grad=True)
    F.square(F.abs(mg.fft.fft(x))).sum().backward()
    np.testing.assert_allclose(x.grad.data, 2 * 30 * X)


def test_convolution_theorem():
    """ifft(fft x · fft h) is the circular convolution; so is its gradient, with the kernel reversed."""
    x, h = mg.Tensor(X[0], requires_grad=True), X[1]
    y = mg.fft.irfft(mg.fft.rfft(x) * mg.fft.rfft(h), 30)
    circle = scipy.linalg.circulant(h)
    np.testing.assert_allclose(y.data, circle @ X[0])
    dy = RNG.standard_normal(30)
    np.testing.assert_allclose(mg.autograd.grad(y, x, mg.Tensor(dy)).data, circle.T @ dy)


@pytest.mark.parametrize("call, error, words", [
    (lambda x: mg.fft.fft(x, 0), ValueError, "at least 1"),
    (lambda x: mg.fft.fft(x, norm="unitary"), ValueError, "'ortho'"),
    (lambda x: mg.fft.fft(x, axis=2), IndexError, "axis 2"),
    (lambda x: mg.fft.fftn(x, (3,), (0, 1)), ValueError, "length for each"),
    (lambda x: mg.fft.fftn(x[0, 0]), ValueError, "needs an axis"),
    (lambda x: mg.fft.rfft(x * 1j), TypeError, "real"),
    (lambda x: mg.fft.irfft(x[:, :1]), ValueError, "pass n"),
    (lambda x: mg.fft.fft(x, n=2.5), TypeError, "integer")])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(mg.Tensor(X))


# ---- spectrograms

@pytest.mark.parametrize("n_fft, hop, window", [(8, 2, "hann"), (8, 4, "hann"), (9, 3, "hamming"), (8, 8, None)])
def test_istft_undoes_stft(n_fft, hop, window):
    window = getattr(F, f"{window}_window")(n_fft) if window else None
    x = mg.Tensor(X, requires_grad=True)
    y = F.istft(F.stft(x, n_fft, hop, window=window), n_fft, hop, window=window, length=27)
    np.testing.assert_allclose(y.data[:, :24], X[:, :24], atol=1e-12)
    dy = np.zeros((2, 27))
    dy[:, :24] = RNG.standard_normal((2, 24))
    np.testing.assert_allclose(mg.autograd.grad(y, x, mg.Tensor(dy)).data[:, :24], dy[:, :24], atol=1e-12)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("name", ["hann", "hamming", "blackman"])
def test_windows(name, periodic):
    for n in (1, 2, 7, 8):
        expected = scipy.signal.get_window(name, n, fftbins=periodic)
        np.testing.assert_allclose(getattr(F, f"{name}_window")(n, periodic), expected, atol=1e-15)


def test_spectrograms_keep_float32():
    x = mg.Tensor(X, requires_grad=True, dtype="float32")
    window = F.hann_window(8)
    y = F.stft(x, 8, window=window)
    assert (y.dtype, F.istft(y, 8, window=list(window)).dtype, F.mel_spectrogram(x, 100, 16, n_mels=4).dtype) == (
        "complex64", "float32", "float32")


def test_a_learned_window_gets_its_gradient():
    mg.gradgradcheck(lambda x, w: F.abs(F.stft(x, 4, window=w)).sum(), (X[0, :7], RNG.uniform(0.5, 1, 4)))


def test_mel_filters_overlap_to_one_and_are_equally_spaced_in_mel():
    bank = F.mel_filter_bank(1001, 10, 16000, 100, 7000)
    f = np.linspace(0, 8000, 1001)
    peaks = f[bank.argmax(axis=0)]
    mel = 2595 * np.log10(1 + np.concatenate([[100], peaks, [7000]]) / 700)
    assert np.abs(np.diff(mel) - np.diff(mel).mean()).max() < 12  # the peaks lie between bins, 8 Hz or at most 11 mel apart
    inside = (f > peaks[0] + 8) & (f < peaks[-1] - 8)
    np.testing.assert_allclose(bank[inside].sum(axis=1), 1)
    assert (bank[(f <= 100) | (f >= 7000)] == 0).all()


def test_slaneys_mel_scale_and_norm():
    """Linear up to 1000 Hz, then 27 mel for each factor of 6.4; bands of area 1."""
    f = np.linspace(0, 8000, 80001)
    bank = F.mel_filter_bank(len(f), 39, 16000, 0, 1000 * 6.4 ** (25 / 27), mel_scale="slaney")  # 40 mel: one apart
    peaks = f[bank.argmax(axis=0)]
    np.testing.assert_allclose(peaks[:15], 200 / 3 * np.arange(1, 16), atol=0.1)
    np.testing.assert_allclose(peaks[14:], 1000 * 6.4 ** (np.arange(25) / 27), atol=0.1)
    areas = F.mel_filter_bank(len(f), 39, 16000, 0, 6000, "slaney", "slaney").sum(axis=0) * 0.1
    np.testing.assert_allclose(areas, 1, atol=1e-4)


@pytest.mark.parametrize("call, words", [
    (lambda x: F.stft(x, 8, pad_mode="mirror"), "pad_mode"),
    (lambda x: F.stft(x[:, :4], 8), "too short"),
    (lambda x: F.stft(x[:, :7], 8, center=False), "too short"),
    (lambda x: F.stft(x, 8, window=np.ones(7)), "win_length"),
    (lambda x: F.stft(x, 8, win_length=9), "win_length"),
    (lambda x: F.stft(x, 8, hop_length=0), "hop_length"),
    (lambda x: F.stft(x * 1j, 8, onesided=True), "onesided=False"),
    (lambda x: F.istft(x, 8), "complex"),
    (lambda x: F.istft(F.stft(x, 8), 12), "shape"),
    (lambda x: F.istft(F.stft(x, 8, 8, window=F.hann_window(8), center=False), 8, 8, window=F.hann_window(8), center=False),
     "add up to 0"),
    (lambda x: F.mel_filter_bank(5, 2, 100, f_min=60), "f_min < f_max"),
    (lambda x: F.mel_filter_bank(5, 2, 100, mel_scale="bark"), "htk"),
    (lambda x: F.hann_window(0), "at least 1")])
def test_bad_spectrograms_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(mg.Tensor(X))


# ---- random numbers

DISTRIBUTIONS = {"normal": scipy.stats.norm, "uniform": scipy.stats.uniform, "gumbel": scipy.stats.gumbel_r,
                 "laplace": scipy.stats.laplace, "logistic": scipy.stats.logistic, "exponential": scipy.stats.expon,
                 "lognormal": scipy.stats.lognorm(1)}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions(name):
    """A right generator fails here for one seed in a thousand; this seed is fixed."""
    mg.seed(20)
    standard = getattr(mg.random, name)(size=20_000)
    assert standard.dtype == np.float32
    assert scipy.stats.kstest(standard.data.astype(float), DISTRIBUTIONS[name].cdf).pvalue > 1e-3
    if name not in ("exponential", "lognormal"):
        low, width = 2.0, 3.0
        parameters = (low, low + width) if name == "uniform" else (low, width)
        moved = getattr(mg.random, name)(*parameters, size=(200, 100)).data.astype(float)
        assert scipy.stats.kstest(moved.ravel(), DISTRIBUTIONS[name](low, width).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_arguments_shapes_dtypes_and_seeds(name):
    f = getattr(mg.random, name)
    theirs = inspect.signature(getattr(np.random.Generator, name)).parameters
    assert list(inspect.signature(f).parameters) == [p for p in theirs if p != "self"]
    assert f().shape == () and f(size=4).shape == (4,) and f(size=(2, 0)).shape == (2, 0)
    one = 1.0 if name != "uniform" else 0.5
    assert f(mg.Tensor(np.full((2, 1), one))).dtype == np.float64
    assert f(np.full((2, 1), one, np.float32), size=(3, 2, 4)).shape == (3, 2, 4)
    assert f(mg.Tensor([one], dtype="float16")).dtype == np.float16
    mg.seed(1)
    first, second = f(size=9), f(size=9)
    assert (first.data != second.data).any()
    mg.seed(1)
    np.testing.assert_array_equal(f(size=9).data, first.data)
    mg.seed(1)
    double = f(np.full(9, 1.0 if name == "exponential" else 0.0), size=9)
    np.testing.assert_allclose(double.data, first.data, rtol=1e-5)


def test_the_gradient_of_a_mean_is_the_mean_of_the_gradients():
    """E[z²] = μ² + σ² has the gradients 2μ and 2σ; five standard deviations of the mean of z e, at most √(3 σ² + μ²)/√n."""
    mg.seed(3)
    mu, sigma = mg.Tensor(0.5, requires_grad=True), mg.Tensor(2.0, requires_grad=True)
    F.square(mg.random.normal(mu, sigma, 40_000)).mean().backward()
    assert abs(mu.grad.item() - 1) < 5 * 2 * 2 / 200
    assert abs(sigma.grad.item() - 4) < 5 * 2 * (3 * 4 + 0.25) ** 0.5 / 200


def test_gumbel_softmax_chooses_by_the_softmax():
    mg.seed(4)
    p = np.array([0.1, 0.2, 0.7])
    logits = mg.Tensor(np.tile(np.log(p), (30_000, 1)), requires_grad=True)
    y = F.gumbel_softmax(logits, tau=0.5, hard=True)
    np.testing.assert_allclose(np.sort(y.data, axis=1), np.tile([0, 0, 1], (30_000, 1)), atol=1e-15)
    counts = np.round(y.data.sum(axis=0))
    assert scipy.stats.chisquare(counts, 30_000 * p).pvalue > 1e-3


def test_hard_gumbel_softmax_has_the_soft_gradient():
    x, dy = RNG.standard_normal((4, 3)), RNG.standard_normal((4, 3))
    found = []
    for hard in (False, True):
        mg.seed(6)
        logits = mg.Tensor(x, requires_grad=True)
        y = F.gumbel_softmax(logits, 0.8, hard, axis=0)
        found.append(mg.autograd.grad(y, logits, mg.Tensor(dy)).data)
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(y.data.sum(axis=0), 1)


def test_plain_random_numbers():
    mg.seed(2)
    assert sorted(mg.random.permutation(5)) == list(range(5)) and mg.random.standard_normal((2, 3)).shape == (2, 3)
    assert isinstance(mg.random.integers(3, size=4), np.ndarray) and mg.random.standard_normal().dtype == np.float32


@pytest.mark.parametrize("call, words", [
    (lambda: mg.random.normal(0.0, -1.0), "scale"), (lambda: mg.random.laplace(0, np.array([1, -1.0])), "scale"),
    (lambda: mg.random.normal(np.zeros(3), 1.0, size=2), r"\(3,\) do not broadcast to size \(2,\)"),
    (lambda: mg.random.uniform(np.zeros((2, 1)), 1.0, size=3), "do not broadcast"),
    (lambda: F.gumbel_softmax([1.0, 2.0], tau=0), "tau")])
def test_bad_parameters_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
