"""Positions: attention sees a set of tokens, and these tell it their order.

    x + sinusoidal_positions(T, D)                     fixed waves, added to the embeddings
    x + embedding(arange(T), weight)                   learned, one vector for each position
    rotary(q, cos, sin), rotary(k, cos, sin)           turned by an angle that grows with the position
    scores + alibi_bias(H, T)                          a penalty that grows with the distance, added to attention's scores
"""

import math

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.function import Function
from minigrad.functions.shapes import as_operand
from minigrad.tensor import as_array, get_default_dtype


class Rotary(Function):
    """y = R(θ) x          dx = R(-θ) dy

    Each pair of features (a, b) of x is a point in the plane, turned by its angle θ: (a cos θ - b sin θ, b cos θ + a sin θ).
    A turn is an orthogonal matrix, whose transpose turns back. Positions m and n turn q and k by mθ and nθ, so their product
    depends on (m - n)θ alone. Features beyond the pairs stay. Su et al. 2021, "RoFormer", eq. 15 and 34.
    """

    reads = {}

    def forward(self, x, cos, sin, interleaved):
        self.how = {"cos": cos, "sin": -sin, "interleaved": interleaved}
        pairs = cos.shape[-1]
        first, second = ((slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)) if interleaved else
                         (slice(0, pairs), slice(pairs, 2 * pairs)))
        a, b = x[..., first], x[..., second]
        y = get_array_module(x).empty_like(x)
        y[..., first] = a * cos - b * sin
        y[..., second] = b * cos + a * sin
        y[..., 2 * pairs:] = x[..., 2 * pairs:]
        return y

    def backward(self, dy):
        return Rotary.apply(dy, **self.how)


def rotary(x, cos, sin, interleaved=False):
    """y = R(θ) x          dx = R(-θ) dy

    x (..., T, D), cos and sin of the angles θ (..., T, P), as from rotary_angles: the first 2 P <= D features are turned in
    pairs, the others stay. Pair i is (x[i], x[i + P]), as in Hugging Face's Llama; with `interleaved` it is
    (x[2 i], x[2 i + 1]), as in the paper. The derivation is in Rotary. Raises ValueError for lengths that do not agree.
    """
    x = as_operand(x)
    cos, sin = (backend.beside(as_array(a), x).astype(x.dtype, copy=False) for a in (cos, sin))
    front = cos.shape[:-1]
    if (x.ndim < 2 or cos.ndim < 2 or cos.shape != sin.shape or 2 * cos.shape[-1] > x.shape[-1] or len(front) >= x.ndim
            or any(n not in (1, m) for n, m in zip(front[::-1], x.shape[-2::-1]))):
        raise ValueError("rotary: expected x (..., T, D), cos and sin (..., T, P) with 2 P <= D, got "
                         f"{tuple(x.shape)}, {tuple(cos.shape)}, {tuple(sin.shape)}")
    return Rotary.apply(x, cos=cos, sin=sin, interleaved=interleaved)


def rotary_angles(positions, dim=None, base=10000.0, frequencies=None):
    """(cos, sin) of θ[..., i] = position · frequency_i, arrays of float64, of positions' shape (...) with (dim / 2,) behind.

    dim          the features to turn, an even number. Their frequencies are rotary_frequencies(dim, base), unless these
                 are given as an array.
    """
    positions = as_array(positions)
    xp = get_array_module(positions)
    angles = positions[..., None] * (_frequencies(dim, base, xp) if frequencies is None else xp.asarray(frequencies))
    return xp.cos(angles), xp.sin(angles)


def rotary_frequencies(dim, base=10000.0, scaling=None):
    """base^(-2 i / dim) for i in 0 ... dim/2 - 1, an array of float64 (RoFormer, sec. 3.2.2).

    scaling stretches them for contexts longer than a model was trained on, in the words of Hugging Face's "rope_scaling":
        {"rope_type": "linear", "factor": 2.0}           all divided by the factor (Chen et al. 2023)
        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 8192}       waves that turn fewer than low_freq_factor times in the original
                                                         context are divided, those of more than high_freq_factor turns
                                                         stay, between them it is a mixture (Llama 3.1)
    Raises ValueError for an odd dim, and for another kind of scaling.
    """
    f = _frequencies(dim, base, np)
    scaling = scaling or {}
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "default":
        return f
    if kind == "linear":
        return f / scaling["factor"]
    if kind == "llama3":
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        turns = scaling["original_max_position_embeddings"] * f / (2 * math.pi)
        share = np.clip((turns - low) / (high - low), 0, 1)  # of the frequency as it was
        return share * f + (1 - share) * f / scaling["factor"]
    raise ValueError(f"rotary positions: the scaling {kind!r} is not known here: there are default, linear and llama3")


def _frequencies(dim, base, xp):
    if dim is None or dim < 2 or dim % 2:
        raise ValueError(f"rotary positions need an even number of features, 2 or more, got dim={dim}")
    return float(base) ** -(xp.arange(0, dim, 2) / dim)


def sinusoidal_positions(length, width, base=10000.0):
    """P[t, 2 i] = sin(t / base^(2 i / D)), P[t, 2 i + 1] = cos(t / base^(2 i / D)), an array (T, D) of the default dtype.

    Vaswani et al. 2017, "Attention Is All You Need", sec. 3.5. An odd D ends with a sine.
    """
    if length < 0 or width < 1:
        raise ValueError(f"sinusoidal_positions: expected length >= 0 and width >= 1, got {length} and {width}")
    angles = np.arange(length)[:, None] * float(base) ** -(np.arange(0, width, 2) / width)
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return waves.reshape(length, -1)[:, :width].astype(get_default_dtype())


def alibi_bias(heads, queries, keys=None):
    """B[h, t, s] = -m_h |t' - s|, an array (H, T, S) of the default dtype, to be added to attention's scores.

    The last query stands at the last key, t' = t + S - T, as where a cache holds the keys before; S = T unless given.
    m_h = 2^(-8 h / H), h = 1 ... H, for H a power of two; else these of the power of two below, followed by every second
    one of twice that power. Press, Smith & Lewis 2022, "Train Short, Test Long", sec. 3 (which looks back only).
    """
    if heads < 1:
        raise ValueError(f"alibi_bias: heads must be 1 or more, got {heads}")
    keys = queries if keys is None else keys
    power = 2 ** int(math.log2(heads))
    slopes = [*_slopes(power), *_slopes(2 * power)[::2]][:heads]
    distance = np.abs(np.arange(keys - queries, keys)[:, None] - np.arange(keys))
    return (-np.array(slopes)[:, None, None] * distance).astype(get_default_dtype())


def _slopes(heads):
    return [2.0 ** (-8 * h / heads) for h in range(1, heads + 1)]
