"""Initial weights, with Keras's names: `initializers.get("glorot_uniform")(shape, dtype)` is an array on the host.

Numbers come from minigrad's generator, so `mg.seed` repeats them. A kernel of shape (..., in, out) has
fan_in = in * Π(...), the inputs of one output, and fan_out = out * Π(...). To keep the variance of what flows through a
layer the same, its weights need a variance of about 1 / fan: the families below differ in which fan, and in the shape of
the distribution.
"""

import math

import numpy as np
from scipy import special

from minigrad import random
from minigrad.names import named


class Initializer:
    """Makes the initial values of a parameter: `initializer(shape, dtype)`."""

    def __call__(self, shape, dtype="float32"):
        return np.asarray(self.draw(tuple(shape)), dtype=dtype)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


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


class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean=0.0, stddev=0.05):
        self.mean, self.stddev = mean, stddev

    def draw(self, shape):
        return self.mean + self.stddev * random.generator().standard_normal(shape)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05):
        self.minval, self.maxval = minval, maxval

    def draw(self, shape):
        return random.generator().uniform(self.minval, self.maxval, shape)


class TruncatedNormal(Initializer):
    """Normal, but never further than two standard deviations from the mean (by the inverse of its distribution)."""

    def __init__(self, mean=0.0, stddev=0.05):
        self.mean, self.stddev = mean, stddev

    def draw(self, shape):
        low, high = special.ndtr(-2.0), special.ndtr(2.0)
        return self.mean + self.stddev * special.ndtri(random.generator().uniform(low, high, shape))


class VarianceScaling(Initializer):
    """Variance scale / n, with n = fan_in, fan_out or their mean (fan_avg).

    uniform in ±√(3 scale / n), or normal cut at two deviations (then widened, so that the variance is right after the cut).
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal"):
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def draw(self, shape):
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return RandomUniform(-limit, limit).draw(shape)
        return TruncatedNormal(0.0, math.sqrt(variance) / 0.87962566103423978).draw(shape)


def _family(name, scale, mode, distribution, doc):
    def __init__(self):
        VarianceScaling.__init__(self, scale, mode, distribution)

    return type(name, (VarianceScaling,), {"__init__": __init__, "__doc__": doc, "__module__": __name__,
                                           "__repr__": lambda self: f"{name}()"})


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


class Orthogonal(Initializer):
    """`gain` times a matrix with orthonormal columns (or rows, if those are fewer), of the shape (Π(...), out).

    The Q of a matrix of normal numbers = Q R, its columns' signs such that R's diagonal is positive: then Q is uniform
    among all such matrices (Mezzadri 2007). For recurrent weights: a product of many neither grows nor fades.
    Saxe, McClelland & Ganguli 2014.
    """

    def __init__(self, gain=1.0):
        self.gain = gain

    def draw(self, shape):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: expected a shape of two axes or more, got {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(random.generator().standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


def fans(shape):
    """(fan_in, fan_out) of a kernel (..., in, out)."""
    if len(shape) < 2:
        return (shape[0],) * 2 if shape else (1, 1)
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


_NAMES = {"zeros": Zeros, "ones": Ones, "constant": Constant, "random_normal": RandomNormal, "normal": RandomNormal,
          "random_uniform": RandomUniform, "uniform": RandomUniform, "truncated_normal": TruncatedNormal,
          "glorot_uniform": GlorotUniform, "glorot_normal": GlorotNormal, "he_uniform": HeUniform, "he_normal": HeNormal,
          "lecun_uniform": LecunUniform, "lecun_normal": LecunNormal, "orthogonal": Orthogonal}


def get(identifier):
    """An initializer from its name ("he_normal"), its class, or itself (any callable of shape and dtype)."""
    return named(identifier, _NAMES, "initializer")
