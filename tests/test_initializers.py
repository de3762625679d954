"""Initializers: the families' variances, seeds, orthogonality, configs. Regularizers: values, configs, what is refused."""

import json
import math

import numpy as np
import pytest
from layering import numbers, seeded  # noqa: F401

import minigrad as mg
from minigrad import initializers, regularizers

FAMILIES = {"glorot": lambda i, o: 2 / (i + o), "he": lambda i, o: 2 / i, "lecun": lambda i, o: 1 / i}
RANDOM = ["random_normal", "random_uniform", "truncated_normal", "glorot_uniform", "glorot_normal", "he_uniform",
          "he_normal", "lecun_uniform", "lecun_normal", "variance_scaling", "orthogonal"]


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



@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_repeats_and_leaves_the_others_alone(name):
    make = type(initializers.get(name))
    mg.seed(1)
    free = make()((3, 4))
    mg.seed(1)
    own = make(seed=7)
    first, second = own((3, 4)), own((3, 4))
    assert np.array_equal(first, second) and not np.array_equal(first, make(seed=8)((3, 4)))
    assert np.array_equal(make()((3, 4)), free) and not np.array_equal(make()((3, 4)), free)
    assert not np.array_equal(first, free)


@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (3, 2, 5), (2, 2, 1, 9)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=2.0, seed=0)(shape, "float64").reshape(-1, shape[-1])
    square = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(square, 4 * np.eye(len(square)), atol=1e-13)


def test_orthogonal_matrices_are_all_as_likely():
    """Of a rotation by a random angle, or its reflection, every entry is positive half of the time."""
    corner = [initializers.Orthogonal(seed=s)((2, 2))[0, 0] > 0 for s in range(400)]
    assert abs(np.mean(corner) - 0.5) < 5 * 0.5 / np.sqrt(400)


def test_identity():
    assert initializers.get("identity")((2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert initializers.Identity(3.0)((2, 2), "float64").tolist() == [[3, 0], [0, 3]]


def test_an_untruncated_normal_is_not_cut():
    w = initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=0)((50, 400))
    deviation = np.sqrt(2 / 400)
    assert abs(w.std() / deviation - 1) < 5 / np.sqrt(2 * w.size) and np.abs(w).max() > 3 * deviation


@pytest.mark.parametrize("name", [*RANDOM, "identity", "zeros", "ones", "constant"])
def test_config_makes_the_initializer_again(name):
    initializer = initializers.get(name)
    changed = {k: {"seed": 5, "gain": 2.0, "stddev": 0.1, "value": 3.0, "maxval": 0.5, "mode": "fan_avg"}.get(k, v)
               for k, v in initializer.get_config().items()}
    again = initializers.get(json.loads(json.dumps({"class_name": type(initializer).__name__, "config": changed})))
    assert type(again) is type(initializer) and again.get_config() == changed
    assert np.array_equal(again((3, 3)), type(initializer).from_config(changed)((3, 3)))


@pytest.mark.parametrize("make, words", [
    (lambda: initializers.get("he_norml"), "did you mean 'he_normal'"),
    (lambda: initializers.VarianceScaling(mode="fan_on"), "did you mean"),
    (lambda: initializers.VarianceScaling(distribution="cauchy"), "there are uniform"),
    (lambda: initializers.VarianceScaling(scale=0), "scale must be a positive number"),
    (lambda: initializers.Orthogonal()((3,)), "two axes"), (lambda: initializers.Identity()((3, 3, 3)), "matrix"),
    (lambda: initializers.HeNormal(seed=-1), "HeNormal: seed must be an integer"),
    (lambda: regularizers.L2(-1), "L2: l2 must be a finite number"), (lambda: regularizers.L1L2(l1="a"), "l1 must be"),
    (lambda: regularizers.get("l3"), "did you mean"), (lambda: regularizers.OrthogonalRegularizer(mode="row"), "'rows'"),
    (lambda: regularizers.OrthogonalRegularizer()(mg.Tensor([1.0])), "expected a matrix"),
])
def test_wrong_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_regularizers_by_hand():
    w = mg.Tensor([[3.0, -4.0], [0.0, 1.0]], requires_grad=True)
    loss = regularizers.L1L2(l1=0.5, l2=0.25)(w)
    loss.backward()
    assert loss.item() == 0.5 * 8 + 0.25 * 26 and loss.dtype == np.float32
    assert w.grad.numpy().tolist() == [[0.5 + 1.5, -0.5 - 2], [0, 0.5 + 0.5]]
    assert regularizers.OrthogonalRegularizer(2.0)(w).item() == pytest.approx(2 * 0.8)  # cos of (3, -4) and (0, 1)
    assert regularizers.OrthogonalRegularizer()(mg.Tensor([[1.0, 2.0]])).item() == 0  # one row, no pair


def test_regularizers_by_name():
    assert regularizers.get(None) is None and regularizers.get("l2").get_config() == {"l2": 0.01}
    assert repr(regularizers.get({"class_name": "L1L2", "config": {"l1": 0.5}})) == "L1L2(l1=0.5)"
    assert regularizers.get(mg.sum) is mg.sum and isinstance(regularizers.get("OrthogonalRegularizer"),
                                                             regularizers.OrthogonalRegularizer)
