"""Spectrograms: the short-time Fourier transform and its inverse, windows, and the mel scale.

    x (..., L)  --stft-->  X (..., K, T)  --|X|²-->  (..., K, T)  --mel filters-->  (..., M, T)

L samples, T frames, K frequency bins (n_fft // 2 + 1 of a real signal), M mel bands. All are compositions of gathering,
multiplying, Fourier transforms and scattering, so gradients follow from theirs. Arguments are those of torch.stft,
torch.istft and torchaudio's MelSpectrogram.
"""

import math

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.functions.arithmetic import absolute
from minigrad.functions.complex_numbers import imag, real
from minigrad.functions.fourier import fft, irfft, rfft
from minigrad.functions.indexing import getitem, index_add
from minigrad.functions.padding import pad
from minigrad.functions.products import matmul
from minigrad.functions.shapes import as_operand, broadcast_to, swapaxes
from minigrad.tensor import Tensor

PADDING = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "constant": "constant"}  # PyTorch's: NumPy's


# ---- windows

def hann_window(n, periodic=True):
    """w_j = 1/2 - 1/2 cos(2πj / N), an array (n,); N = n if periodic, as frames want it, else n - 1, as filters do."""
    return _cosines(n, periodic, 0.5, -0.5)


def hamming_window(n, periodic=True):
    """w_j = 0.54 - 0.46 cos(2πj / N), an array (n,), with N as in hann_window."""
    return _cosines(n, periodic, 0.54, -0.46)


def blackman_window(n, periodic=True):
    """w_j = 0.42 - 0.5 cos(2πj / N) + 0.08 cos(4πj / N), an array (n,), with N as in hann_window."""
    return _cosines(n, periodic, 0.42, -0.5, 0.08)


def _cosines(n, periodic, *weights):
    """Σ_m a_m cos(2πmj / N). F. J. Harris, "On the use of windows for harmonic analysis with the DFT" (1978), sec. V."""
    if n < 1:
        raise ValueError(f"a window needs at least 1 number, got {n}")
    angles = 2 * math.pi * np.arange(n) / max(n if periodic else n - 1, 1)
    return sum(a * np.cos(m * angles) for m, a in enumerate(weights)) if n > 1 else np.ones(1)


# ---- short-time Fourier transform

def stft(x, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", normalized=False,
         onesided=None):
    """X[k, t] = Σ_j w_j x[t h + j] exp(-2πi jk / n_fft): the spectrum of each windowed frame of a signal

    x           (..., L), real or complex. The result is complex, (..., K, T), with K = n_fft // 2 + 1 bins if onesided,
                else n_fft, and T = 1 + (L' - n_fft) // h frames, L' counting the padding.
    hop_length  h, from one frame to the next; n_fft // 4 unless given.
    window      (win_length,), by default ones; filled up with zeros on both sides to n_fft. A Tensor gets its gradient.
    center      put frame t around x[t h], by n_fft // 2 numbers of padding on both sides. pad_mode: "reflect" (mirrored, the
                border itself not repeated), "replicate", "circular" or "constant" (zeros).
    normalized  divide by √n_fft.
    onesided    leave out the bins above n_fft // 2, which are conjugates; by default for a real x, impossible for another.

    A sample is gathered once for each frame that it is in, so dx adds up what these frames give it: Σ_t w_j dframe[t, j].
    Raises ValueError for a signal shorter than a frame, or than the padding that mirrors it.
    """
    x = as_operand(x)
    hop, w = _frame_arguments("stft", x, n_fft, hop_length, win_length, window)
    onesided = x.dtype.kind != "c" if onesided is None else onesided
    if onesided and x.dtype.kind == "c":
        raise ValueError("stft: a complex signal has no conjugate bins to leave out: pass onesided=False")
    border = n_fft // 2 if center else 0
    if pad_mode not in PADDING:
        raise ValueError(f"stft: pad_mode must be one of {', '.join(map(repr, PADDING))}, got {pad_mode!r}")
    length = x.shape[-1]
    needed = 0 if pad_mode == "constant" else border + (pad_mode == "reflect" and border > 0)
    if length + 2 * border < n_fft or length < needed:
        raise ValueError(f"stft: a signal of shape {tuple(x.shape)} is too short for frames of {n_fft} with {border} "
                         "numbers of padding at each end")
    x = pad(x, [(0, 0)] * (x.ndim - 1) + [(border, border)], PADDING[pad_mode])
    places = _places(w, (length + 2 * border - n_fft) // hop + 1, n_fft, hop)
    frames = getitem(x, (..., places)) * w
    return swapaxes((rfft if onesided else fft)(frames, norm="ortho" if normalized else None), -1, -2)


def istft(X, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None,
          length=None):
    """x[i] = Σ_t w_j frame_t[j] / Σ_t w_j², j = i - t h: the signal with the least-squares distance to a spectrogram

    X  (..., K, T) complex, arguments as in stft. Of all n_fft bins, the upper ones are taken to be the conjugates of the
    others. The result is real, (..., L): `length` numbers, else those that the frames reach (without the n_fft // 2 at
    both ends if center).
    The frames are the inverse transforms of X's columns, windowed once more and added where they overlap; the sum of the
    squared windows is the weight that each number got. D. Griffin and J. Lim, "Signal estimation from modified short-time
    Fourier transform" (1984), eq. 6. istft(stft(x)) is x wherever that weight is not 0.
    Raises ValueError where it is 0 (a window that ends in zeros, or a hop longer than it); on a GPU the result is nan there.
    """
    X = as_operand(X)
    if X.ndim < 2 or X.dtype.kind != "c":
        raise ValueError(f"istft: X must be complex, of shape (..., K, T), got shape {tuple(X.shape)} {X.dtype}")
    bins, count = X.shape[-2:]
    hop, w = _frame_arguments("istft", real(X), n_fft, hop_length, win_length, window)
    onesided = bins != n_fft if onesided is None else onesided
    expected = n_fft // 2 + 1 if onesided else n_fft
    if bins != expected or count == 0:
        raise ValueError(f"istft: expected X of shape (..., {expected}, T), got {tuple(X.shape)}")
    frames = irfft(swapaxes(X, -1, -2), n_fft, norm="ortho" if normalized else None)
    places = _places(w, count, n_fft, hop)
    total = n_fft + hop * (count - 1)
    start = n_fft // 2 if center else 0
    stop = total - start if length is None else start + length
    weight = _overlapped(broadcast_to(w * w, (count, n_fft)), places, total)[start:stop]
    if backend.device_of(w.data) == "cpu" and not (abs(weight.data) > 1e-11).all():  # on a GPU, to ask is to wait for it
        raise ValueError("istft: the squared windows add up to 0 somewhere, so the signal is unknown there: take a window "
                         "or a hop_length that overlaps more, or center=True")
    x = _overlapped(frames * w, places, total)[..., start:stop] / weight
    missing = 0 if length is None else length - x.shape[-1]
    return pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)]) if missing > 0 else x


def _frame_arguments(name, x, n_fft, hop_length, win_length, window):
    """(the hop, the window as a Tensor (n_fft,) of x's dtype and device)."""
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    if x.ndim < 1 or n_fft < 1 or hop < 1 or not 0 < size <= n_fft:
        raise ValueError(f"{name}: expected a signal (..., L), hop_length >= 1 and 0 < win_length <= n_fft, got shape "
                         f"{tuple(x.shape)}, hop_length {hop}, win_length {size}, n_fft {n_fft}")
    dtype = getattr(x, "_data", x).real.dtype
    dtype = dtype if dtype.kind == "f" else np.dtype(float)
    if window is None:
        window = get_array_module(getattr(x, "_data", x)).ones(size)
    if not isinstance(window, Tensor):
        window = window if backend.is_array(window) else np.asarray(window)
        window = Tensor.wrap(backend.beside(window.astype(dtype, copy=False), x))
    if window.shape != (size,):
        raise ValueError(f"{name}: the window must have shape ({size},), got {window.shape}: win_length tells its length")
    before = (n_fft - size) // 2
    return hop, pad(window, (before, n_fft - size - before)) if size < n_fft else window


def _places(w, count, n_fft, hop):
    """The place in the signal of number j of frame t: integers (T, n_fft), beside w."""
    xp = get_array_module(w.data)
    return hop * xp.arange(count)[:, None] + xp.arange(n_fft)


def _overlapped(frames, places, total):
    """Frames (..., T, n_fft) added at their places in a signal (..., total)."""
    zeros = get_array_module(frames._data).zeros((*frames.shape[:-2], total), frames.dtype)
    return index_add(zeros, (..., places), frames)


# ---- the mel scale

def mel_filter_bank(n_freqs, n_mels, sample_rate, f_min=0.0, f_max=None, mel_scale="htk", norm=None):
    """Triangles that overlap by half, equally spaced in mel: an array (n_freqs, n_mels), for spectrum @ bank

    n_freqs    frequency bins, from 0 to sample_rate / 2 (Hz): n_fft // 2 + 1.
    f_min      the lowest and the highest frequency (Hz; sample_rate / 2 unless given) that the bands reach.
    mel_scale  "htk":    m = 2595 log₁₀(1 + f / 700)          (S. Young et al., "The HTK Book", eq. 5.13)
               "slaney": m = 3 f / 200 below 1000 Hz, 15 + 27 log(f / 1000) / log 6.4 above
                         (M. Slaney, "Auditory Toolbox" (1998), as librosa has it)
    norm       None: each triangle's height is 1. "slaney": its area is 1, 2 / (its width in Hz) high.
    """
    f_max = sample_rate / 2 if f_max is None else f_max
    if not 0 <= f_min < f_max:
        raise ValueError(f"mel_filter_bank: expected 0 <= f_min < f_max, got {f_min} and {f_max}")
    if mel_scale not in ("htk", "slaney") or norm not in (None, "slaney"):
        raise ValueError("mel_filter_bank: mel_scale must be 'htk' or 'slaney' and norm None or 'slaney', got "
                         f"{mel_scale!r} and {norm!r}")
    lowest, highest = (_hertz_to_mel(f, mel_scale) for f in (f_min, f_max))
    edges = _mel_to_hertz(np.linspace(lowest, highest, n_mels + 2), mel_scale)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    f = np.linspace(0, sample_rate / 2, n_freqs)[:, None]
    bank = np.maximum(np.minimum((f - left) / (middle - left), (right - f) / (right - middle)), 0)
    return bank * (2 / (right - left)) if norm else bank


def _hertz_to_mel(f, scale):
    if scale == "htk":
        return 2595 * math.log10(1 + f / 700)
    return 3 * f / 200 if f < 1000 else 15 + 27 * math.log(f / 1000) / math.log(6.4)


def _mel_to_hertz(m, scale):
    if scale == "htk":
        return 700 * (10 ** (m / 2595) - 1)
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp(math.log(6.4) * (m - 15) / 27))


def mel_spectrogram(x, sample_rate=16000, n_fft=400, win_length=None, hop_length=None, f_min=0.0, f_max=None, n_mels=128,
                    window=None, power=2.0, normalized=False, center=True, pad_mode="reflect", norm=None, mel_scale="htk"):
    """M[m, t] = Σ_k bank[k, m] |X[k, t]|^power, X = stft(x): how much of each mel band is in each frame

    x (..., L) real, the result (..., n_mels, T). Unless given, win_length is n_fft, hop_length win_length // 2, and the
    window hann_window(win_length); the other arguments as in stft and mel_filter_bank. With power 2, the default, it is
    smooth; with 1, |X| has a kink at 0, and the slope 0 there.
    """
    x = as_operand(x)
    size = n_fft if win_length is None else win_length
    hop = size // 2 if hop_length is None else hop_length
    window = hann_window(size) if window is None else window
    X = stft(x, n_fft, hop, size, window, center, pad_mode, normalized, onesided=True)
    spectrum = real(X) * real(X) + imag(X) * imag(X) if power == 2 else absolute(X) ** power
    bank = mel_filter_bank(n_fft // 2 + 1, n_mels, sample_rate, f_min, f_max, mel_scale, norm)
    return matmul(Tensor.wrap(backend.beside(bank.T.astype(spectrum.dtype), x)), spectrum)
