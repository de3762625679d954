"""Initial weights, with Keras's names: `initializers.get("glorot_uniform")(shape, dtype)` is an array on the host.

Numbers come from minigrad's generator, so `mg.seed` repeats them; one with a seed of its own gives the same numbers at each
call. A kernel of shape (..., in, out) has
fan_in = in * Π(...), the inputs of one output, and fan_out = out * Π(...). To keep the variance of what flows through a
layer the same, its weights need a variance of about 1 / fan: the families below differ in which fan, and in the shape of
the distribution.
"""

import math

import numpy as np
from scipy import special

from minigrad import random
from minigrad.names import Configured, checked_choice, named


class Initializer(Configured):
    """Makes the initial values of a parameter: `initializer(shape, dtype)`."""

    def __call__(self, shape, dtype="float32"):
        return np.asarray(self.draw(tuple(shape)), dtype=dtype)


class RandomInitializer(Initializer):
    """An Initializer with random numbers: minigrad's, or those of a seed of its own."""

    def __init__(self, seed=None):
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
            raise ValueError(f"{type(self).__name__}: seed must be an integer, 0 or more, or None, got {seed!r}")
        self.seed = seed

    @property
    def generator(self):
        """The generator to draw from."""
        return random.generator() if self.seed is None else np.random.default_rng(self.seed)


class Constant(Initializer):
    """Every value is `value`."""

    def __init__(self, value=0.0):
        self.value = value

    def draw(self, shape):
        return np.full(shape, self.value)


class Zeros(Constant):
    """Every value is 0."""

    def __init__(self):
        super().__init__(0.0)


class Ones(Constant):
    """Every value is 1."""

    def __init__(self):
        super().__init__(1.0)


class Identity(Initializer):
    """gain on the diagonal of a matrix, 0 elsewhere."""

    def __init__(self, gain=1.0):
        self.gain = gain

    def draw(self, shape):
        if len(shape) != 2:
            raise ValueError(f"Identity: the identity is a matrix, got shape {shape}")
        return self.gain * np.eye(*shape)


class RandomNormal(RandomInitializer):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def draw(self, shape):
        return self.mean + self.stddev * self.generator.standard_normal(shape)


class RandomUniform(RandomInitializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def draw(self, shape):
        return self.generator.uniform(self.minval, self.maxval, shape)


class TruncatedNormal(RandomInitializer):
    """Normal, but never further than two standard deviations from the mean (by the inverse of its distribution)."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def draw(self, shape):
        low, high = special.ndtr(-2.0), special.ndtr(2.0)
        return self.mean + self.stddev * special.ndtri(self.generator.uniform(low, high, shape))


class VarianceScaling(RandomInitializer):
    """Variance scale / n, with n = fan_in, fan_out or their mean (fan_avg).

    distribution  "uniform": in ±√(3 scale / n); "untruncated_normal"; or "truncated_normal": cut at two deviations, and
                  widened before, so that the variance is right after the cut
    """

    MODES, DISTRIBUTIONS = ("fan_in", "fan_out", "fan_avg"), ("uniform", "truncated_normal", "untruncated_normal")

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < math.inf:
            raise ValueError(f"VarianceScaling: scale must be a positive number, got {scale!r}")
        distribution = "truncated_normal" if distribution == "normal" else distribution
        self.scale, self.mode = scale, checked_choice(mode, self.MODES, "mode")
        self.distribution = checked_choice(distribution, self.DISTRIBUTIONS, "distribution")
        super().__init__(seed)

    def draw(self, shape):
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        deviation = math.sqrt(self.scale / max(1.0, fan))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * deviation
            return RandomUniform(-limit, limit, self.seed).draw(shape)
        if self.distribution == "untruncated_normal":
            return RandomNormal(0.0, deviation, self.seed).draw(shape)
        return TruncatedNormal(0.0, deviation / 0.87962566103423978, self.seed).draw(shape)


class Orthogonal(RandomInitializer):
    """A matrix with orthonormal rows or columns, whichever are fewer, times gain; of (..., n) the axes before n are one.

    Q of a QR decomposition of normal numbers, with signs that make R's diagonal positive: then every orthogonal matrix is
    as likely (Mezzadri 2007, "How to Generate Random Matrices from the Classical Compact Groups", sec. 5). Saxe et al. 2014.
    """

    def __init__(self, gain=1.0, seed=None):
        self.gain = gain
        super().__init__(seed)

    def draw(self, shape):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: the shape must have two axes or more, got {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self.generator.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diag(r) < 0, -1, 1)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


def _family(name, scale, mode, distribution, doc):
    def __init__(self, seed=None):
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    return type(name, (VarianceScaling,), {"__init__": __init__, "__doc__": doc, "__module__": __name__})


GlorotUniform = _family("GlorotUniform", 1.0, "fan_avg", "uniform",
                        "Uniform in ±√(6 / (fan_in + fan_out)). Glorot & Bengio 2010.")
GlorotNormal = _family("GlorotNormal", 1.0, "fan_avg", "truncated_normal",
                       "Normal with variance 2 / (fan_in + fan_out). Glorot & Bengio 2010.")
HeUniform = _family("HeUniform", 2.0, "fan_in", "uniform", "Uniform in ±√(6 / fan_in), for ReLU. He et al. 2015.")
HeNormal = _family("HeNormal", 2.0, "fan_in", "truncated_normal",
                   "Normal with variance 2 / fan_in, for ReLU. He et al. 2015.")
LecunUniform = _family("LecunUniform", 1.0, "fan_in", "uniform", "Uniform in ±√(3 / fan_in). LeCun et al. 1998.")
LecunNormal = _family("LecunNormal", 1.0, "fan_in", "truncated_normal",
                      "Normal with variance 1 / fan_in. LeCun et al. 1998.")

zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal  # as Keras calls them too
random_normal, random_uniform, truncated_normal, variance_scaling = (
    RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling)
glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform = (
    GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform)


def fans(shape):
    """(fan_in, fan_out) of a kernel (..., in, out)."""
    if len(shape) < 2:
        return (shape[0],) * 2 if shape else (1, 1)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


_NAMES = {"zeros": Zeros, "ones": Ones, "constant": Constant, "random_normal": RandomNormal, "normal": RandomNormal,
          "random_uniform": RandomUniform, "uniform": RandomUniform, "truncated_normal": TruncatedNormal,
          "glorot_uniform": GlorotUniform, "glorot_normal": GlorotNormal, "he_uniform": HeUniform, "he_normal": HeNormal,
          "lecun_uniform": LecunUniform, "lecun_normal": LecunNormal, "variance_scaling": VarianceScaling,
          "orthogonal": Orthogonal, "identity": Identity}


def get(identifier):
    """An initializer from its name ("he_normal"), its class, its config ({"class_name": "Constant", "config":
    {"value": 2.0}}), or itself (any callable of shape and dtype)."""
    return named(identifier, _NAMES, "initializer")
