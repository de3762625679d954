"""Entries of the table of functions: complex numbers, Fourier transforms, spectrograms, random numbers.

The tests over the table differentiate by real numbers. So complex operands are made of two real ones here, and complex
results taken apart into their real and imaginary parts.
"""

import itertools

import numpy as np
import scipy.signal
import scipy.special
from table import add, nonzero, normal, positive, together

import minigrad as mg
import minigrad.functions as F
from minigrad import fft, random
from minigrad.backend import get_array_module
from minigrad.functions import arithmetic, complex_numbers, fourier, shapes


def parts(z):
    """A complex result as two real ones."""
    return [F.real(z), F.imag(z)]


def both(z):
    """The same of an array."""
    return [z.real, z.imag]


def add_complex(name, call, shape, reference, *covers, sample=normal, more=()):
    """An entry for a function of one complex operand, and of further real ones of the shapes `more`."""
    def real_call(x, y, *others):
        z = call(F.complex(x, y), *others)
        return z if z.dtype.kind == "f" else parts(z)

    def real_reference(x, y, *others):
        z = reference(x + 1j * y, *others)
        return z if z.dtype.kind == "f" else both(z)

    add(name, real_call, sample(shape, shape, *more), real_reference, *covers)


# ---- complex numbers

add("complex", lambda x, y: parts(F.complex(x, y)), normal((2, 3), (2, 3)), lambda x, y: [x, y], complex_numbers.Complex)
add("complex/broadcast", lambda x, y: parts(F.complex(x, y)), normal((2, 1), (3,)),
    lambda x, y: list(np.broadcast_arrays(x, y)), complex_numbers.Complex)
add_complex("real", F.real, (2, 3), np.real, complex_numbers.Real)
add_complex("imag", F.imag, (2, 3), np.imag, complex_numbers.Imag)
add("real/of a real one", F.real, normal((3,)), np.real)
add("imag/of a real one", F.imag, normal((3,)), np.imag)
add_complex("conj", F.conj, (2, 3), np.conj, complex_numbers.Conj)
add_complex("conjugate", lambda z: F.conjugate(z) * z * z, (3,), lambda z: np.conj(z) * z * z, complex_numbers.Conj)
add_complex("angle", F.angle, (2, 3), np.angle)
add_complex("angle/degrees", lambda z: F.angle(z, deg=True), (3,), lambda z: np.angle(z, deg=True))
add("angle/of a real one", F.angle, nonzero((4,)), np.angle)
add_complex("absolute/complex", F.absolute, (2, 3), np.abs, arithmetic.Modulus)
add_complex("absolute/complex, 0-d", F.absolute, (), np.abs, arithmetic.Modulus)
add_complex("multiply/complex by real", F.multiply, (2, 3), np.multiply, arithmetic.Multiply, more=((2, 1),))
add("astype/complex", lambda x, y: parts(F.astype(x, np.result_type(x.dtype, "complex64")) * F.complex(y, x)),
    normal((3,), (3,)), lambda x, y: [x * y, x * x], shapes.AsType)

# ---- Fourier transforms: of a complex operand, and of a real one

SHAPE = (3, 4, 5)  # axes of odd and even lengths

for variant, kwargs in {"": {}, "/even": dict(axis=1), "/first axis": dict(axis=0), "/cut": dict(n=3),
                        "/one number": dict(n=1), "/filled up": dict(n=8), "/ortho": dict(norm="ortho"),
                        "/forward": dict(norm="forward")}.items():
    add_complex("fft.fft" + variant, lambda z, k=kwargs: fft.fft(z, **k), SHAPE, lambda z, k=kwargs: np.fft.fft(z, **k),
                fourier.FFT)
    add_complex("fft.ifft" + variant, lambda z, k=kwargs: fft.ifft(z, **k), SHAPE, lambda z, k=kwargs: np.fft.ifft(z, **k),
                fourier.IFFT)
    add("fft.rfft" + variant, lambda x, k=kwargs: parts(fft.rfft(x, **k)), normal(SHAPE),
        lambda x, k=kwargs: both(np.fft.rfft(x, **k)), fourier.RFFT, fourier.IRFFT)
    add_complex("fft.irfft" + variant, lambda z, k=kwargs: fft.irfft(z, **k), SHAPE,
                lambda z, k=kwargs: np.fft.irfft(z, **k), fourier.IRFFT, fourier.RFFT)
add("fft.fft/of a real one", lambda x: parts(fft.fft(x)), normal((5,)), lambda x: both(np.fft.fft(x)),
    fourier.FFT)
add("fft.irfft/of a real one", fft.irfft, normal((4,)), np.fft.irfft, fourier.IRFFT)
add("fft.irfft/odd", lambda x: fft.irfft(x, 5), normal((3,)), lambda x: np.fft.irfft(x, 5), fourier.IRFFT)

for name, *variants in [
        ("fftn", {}, dict(axes=(0, -1)), dict(s=(3, 6)), dict(axes=(2, 0), s=(-1, 4), norm="ortho")),
        ("fft2", {}, dict(s=(2, 7), norm="forward")), ("ifft2", {}, dict(axes=(0, 1))),
        ("irfftn", {}, dict(axes=(0, -2)), dict(s=(3, 5), axes=(1, 2), norm="ortho")), ("irfft2", {}, dict(s=(5, 3))),
        ("ifftn", {}, dict(axes=(0, 1), s=(5, 3), norm="forward")), ("hfft", {}, dict(n=5, norm="ortho")),
        ("fftshift", {}, dict(axes=1)), ("ifftshift", {}, dict(axes=(0, 2)))]:
    for number, kwargs in enumerate(variants):
        axes = {} if len(kwargs) != 1 or "s" not in kwargs else dict(axes=(-2, -1))  # NumPy warns of an s without axes
        ours, theirs = getattr(fft, name), getattr(np.fft, name)
        add_complex(f"fft.{name}/{number}" if number else f"fft.{name}", lambda z, f=ours, k=kwargs: f(z, **k), SHAPE,
                    lambda z, f=theirs, k={**kwargs, **axes}: f(z, **k))
for name, *variants in [("rfftn", {}, dict(axes=(2, 1)), dict(s=(2, 6), axes=(0, 1), norm="ortho")),
                        ("rfft2", {}, dict(s=(3, 4), axes=(-1, 0))), ("ihfft", {}, dict(n=6, axis=0, norm="forward"))]:
    for number, kwargs in enumerate(variants):
        ours, theirs = getattr(fft, name), getattr(np.fft, name)
        add(f"fft.{name}/{number}" if number else f"fft.{name}", lambda x, f=ours, k=kwargs: parts(f(x, **k)), normal(SHAPE),
            lambda x, f=theirs, k=kwargs: both(f(x, **k)))


# ---- spectrograms

def stft(x, n_fft, hop, window, border=0, mode="reflect", scale=1.0, bins=None):
    """Frame by frame, bin by bin."""
    widths = [(0, 0)] * (x.ndim - 1) + [(border, border)]
    x = np.pad(x, widths, mode)
    left = (n_fft - len(window)) // 2
    starts = range(0, x.shape[-1] - n_fft + 1, hop)
    y = np.zeros((*x.shape[:-1], bins or n_fft // 2 + 1, len(starts)), complex)
    for (t, start), k, (j, w) in itertools.product(enumerate(starts), range(y.shape[-2]), enumerate(window)):
        y[..., k, t] += scale * w * x[..., start + left + j] * np.exp(-2j * np.pi * (left + j) * k / n_fft)
    return y


def istft(y, n_fft, hop, window, start, length, scale=1.0):
    """The overlapping frames, weighted by the window, over the sum of its squares."""
    x, weight = np.zeros((*y.shape[:-2], n_fft + hop * (y.shape[-1] - 1))), np.zeros(n_fft + hop * (y.shape[-1] - 1))
    left = (n_fft - len(window)) // 2
    for t in range(y.shape[-1]):
        frame = np.fft.irfft(y[..., t], n_fft) / scale
        for j, w in enumerate(window):
            x[..., t * hop + left + j] += w * frame[..., left + j]
            weight[t * hop + left + j] += w * w
    return (x / np.where(weight == 0, 1, weight))[..., start:start + length]


def add_stft(variant, n_fft, hop, size, **how):
    options = {"center": False, **how}
    border = n_fft // 2 if options["center"] else 0
    mode = {"replicate": "edge", "circular": "wrap"}.get(how.get("pad_mode"), how.get("pad_mode", "reflect"))
    scale = n_fft ** -0.5 if how.get("normalized") else 1.0
    bins = None if how.get("onesided", True) else n_fft
    add("stft" + variant, lambda x, w: parts(F.stft(x, n_fft, hop, size, w, **options)),
        together(normal((2, 11)), positive((size,))),
        lambda x, w: both(stft(x, n_fft, hop, w, border, mode, scale, bins)))


add_stft("", 4, 2, 4)
add_stft("/odd", 5, 2, 5, center=True)
add_stft("/short window", 6, 2, 3, center=True, normalized=True)
add_stft("/replicate", 6, 3, 4, center=True, pad_mode="replicate")
add_stft("/circular", 6, 4, 6, center=True, pad_mode="circular")
add_stft("/constant", 6, 4, 5, center=True, pad_mode="constant", onesided=False)
add_complex("stft/of a complex one", lambda z: F.stft(z, 4, center=False), (6,), lambda z: stft(z, 4, 1, np.ones(4), bins=4))
add_complex("istft", lambda z, w: F.istft(z, 6, 2, 5, w), (2, 4, 3), lambda z, w: istft(z, 6, 2, w, 3, 4),
            sample=positive, more=((5,),))
add_complex("istft/length", lambda z, w: F.istft(z, 5, 2, 5, w, center=False, length=8), (3, 3),
            lambda z, w: istft(z, 5, 2, w, 0, 8), sample=positive, more=((5,),))
add_complex("istft/filled up", lambda z, w: F.istft(z, 4, 2, 4, w, length=9, normalized=True), (3, 4),
            lambda z, w: np.pad(istft(z, 4, 2, w, 2, 8, 0.5), (0, 1)), sample=positive, more=((4,),))


def mel_triangles(n_mels, sample_rate, frequencies):
    """Triangles over three neighbours of n_mels + 2 frequencies that are equally far apart in (HTK's) mel."""
    edges = 700 * ((1 + sample_rate / 1400) ** (np.arange(n_mels + 2) / (n_mels + 1)) - 1)
    return np.array([[np.interp(f, edges[m:m + 3], [0, 1, 0]) for m in range(n_mels)] for f in frequencies])


for power in 2.0, 1.0, 1.5:
    add("mel_spectrogram" + f"/power {power}" * (power != 2),
        lambda x, p=power: F.mel_spectrogram(x, 100, 8, n_mels=3, power=p, hop_length=3), normal((2, 12)),
        lambda x, p=power: np.einsum("km,...kt->...mt", mel_triangles(3, 100, np.linspace(0, 50, 5)),
                                     abs(stft(x, 8, 3, scipy.signal.get_window("hann", 8), 4)) ** p))
for name in "hann", "hamming", "blackman":
    window = getattr(F, f"{name}_window")
    add(f"{name}_window", lambda x, f=window: parts(F.stft(x, 4, 1, window=f(4), center=False)),
        normal((5,)), lambda x, name=name: both(stft(x, 4, 1, scipy.signal.get_window(name, 4))))
add("mel_filter_bank", lambda x: x @ mg.Tensor(F.mel_filter_bank(6, 2, 20), dtype=x.dtype, device=x.device), normal((2, 6)),
    lambda x: x @ mel_triangles(2, 20, np.linspace(0, 10, 6)))


# ---- random numbers: the same noise at each call

SEED = 5


def seeded(f):
    """f, always with the same random numbers."""
    def call(*arguments):
        library = get_array_module(arguments[0].data)
        with random.using({library: library.random.default_rng(SEED)}):
            return f(*arguments)
    return call


def noise(*shape):
    """Exponential, normal and uniform numbers as NumPy draws them from that seed."""
    kinds = "standard_exponential", "standard_normal", "random"
    return [getattr(np.random.default_rng(SEED), kind)(shape) for kind in kinds]


def gumbel_softmax(x, tau):
    return scipy.special.softmax((x - np.log(noise(*x.shape)[0])) / tau, axis=-1)


add("gumbel_softmax", seeded(F.gumbel_softmax), normal((2, 3)), lambda x: gumbel_softmax(x, 1.0))
add("gumbel_softmax/tau", seeded(lambda x: F.gumbel_softmax(x, tau=0.7)), normal((2, 3)), lambda x: gumbel_softmax(x, 0.7))
add("gumbel_softmax/axis", seeded(lambda x: F.gumbel_softmax(x, axis=0)), normal((3, 1)),
    lambda x: scipy.special.softmax(x - np.log(noise(*x.shape)[0]), axis=0))
for name, reference in {
        "normal": lambda loc, scale: loc + scale * noise(2, 3)[1],
        "uniform": lambda low, high: low + (high - low) * noise(2, 3)[2],
        "gumbel": lambda loc, scale: loc - scale * np.log(noise(2, 3)[0]),
        "laplace": lambda loc, scale: loc + scale * -np.subtract(*noise(2, 2, 3)[0][::-1]),
        "logistic": lambda loc, scale: loc + scale * np.subtract(*np.log(noise(2, 2, 3)[0][::-1])),
        "lognormal": lambda loc, scale: np.exp(loc + scale * noise(2, 3)[1])}.items():
    add(f"random.{name}", seeded(getattr(random, name)), positive((2, 1), (3,)), reference)
add("random.exponential", seeded(lambda scale: random.exponential(scale, (2, 3))), positive((2, 1)),
    lambda scale: scale * noise(2, 3)[0])
