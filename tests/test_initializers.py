"""Initial weights: the families' variances, and seeds."""

import math

import numpy as np
import pytest
from layering import numbers, seeded  # noqa: F401

import minigrad as mg
from minigrad import initializers

# ---- initial weights

FAMILIES = {"glorot": lambda i, o: 2 / (i + o), "he": lambda i, o: 2 / i, "lecun": lambda i, o: 1 / i}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(300, 200), (3, 5, 40, 60)])
def test_variance_of_the_families(family, shape):
    """The variance is that of the paper; the estimate from n numbers is off by about √(2/n) of it, at most."""
    field = math.prod(shape[:-2])
    variance = FAMILIES[family](shape[-2] * field, shape[-1] * field)
    for distribution in ("uniform", "normal"):
        w = initializers.get(f"{family}_{distribution}")(shape)
        assert w.shape == shape and w.dtype == np.float32
        assert abs(w.var() / variance - 1) < 5 * math.sqrt(2 / w.size)
        assert abs(w.mean()) < 5 * math.sqrt(variance / w.size)
        limit = math.sqrt(3 * variance) if distribution == "uniform" else 2 * math.sqrt(variance) / 0.8796
        assert 0.99 * limit < np.abs(w).max() <= limit * 1.0001
        kurtosis = ((w / w.std()) ** 4).mean()  # 9/5 when uniform
        assert (kurtosis < 1.9) == (distribution == "uniform")


def test_simple_initializers():
    assert (initializers.get("zeros")((3, 2)) == 0).all() and (initializers.Ones()((2,), "float64") == 1).all()
    assert (initializers.Constant(2.5)((4,)) == 2.5).all()
    w = initializers.RandomUniform(1, 2)((1000,))
    assert 1 <= w.min() < 1.02 and 1.98 < w.max() <= 2
    w = initializers.TruncatedNormal(1, 0.5)((5000,))
    assert 0 <= w.min() < 0.1 and 1.9 < w.max() <= 2
    w = initializers.RandomNormal(3, 2)((5000,))
    assert abs(w.mean() - 3) < 5 * 2 / math.sqrt(5000) and abs(w.std() - 2) < 5 * 2 / math.sqrt(10000)
    assert repr(initializers.get("he_normal")) == "HeNormal()" and "stddev=2" in repr(initializers.RandomNormal(3, 2))


def test_seed_repeats_the_weights():
    def draw():
        mg.seed(5)
        return mg.models.LeNet().state_dict()

    first, second = draw(), draw()
    assert all(np.array_equal(first[n], second[n]) for n in first)
    mg.seed(6)
    assert not np.array_equal(mg.models.LeNet().state_dict()["dense.kernel"], first["dense.kernel"])
    for wrong in (-1, 1.5, "a"):
        with pytest.raises(ValueError, match="seed"):
            mg.seed(wrong)
