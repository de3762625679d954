"""Augmentation beside Keras's: equal images for equal factors; equal shares and sizes where the places are random."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import minigrad as mg  # noqa: E402
from minigrad import layers  # noqa: E402
from minigrad.layers.augmentation import colour  # noqa: E402

IMAGES = np.random.default_rng(0).random((3, 11, 8, 3), dtype="float32") * 255


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)
    mg.seed(0)


def both(name, *arguments, x=IMAGES, **keywords):
    """(ours, Keras's) in training mode."""
    ours = getattr(layers, name)(*arguments, **keywords)(x, training=True)
    theirs = getattr(keras.layers, name)(*arguments, **keywords)(x, training=True)
    return ours.numpy(), np.asarray(theirs.cpu())


@pytest.mark.parametrize("fill_mode, interpolation", [
    ("nearest", "bilinear"), ("constant", "bilinear"), ("constant", "nearest")])
@pytest.mark.parametrize("name, arguments", [
    ("RandomTranslation", ((0.2, 0.2), (0.37, 0.37))), ("RandomTranslation", ((-0.13, -0.13), (0.0, 0.0))),
    ("RandomRotation", ((0.1, 0.1),)), ("RandomRotation", ((-0.23, -0.23),)), ("RandomZoom", ((0.31, 0.31), (-0.21, -0.21))),
    ("RandomZoom", ((-0.37, -0.37),)), ("RandomZoom", ((0.41, 0.41),))])
def test_geometry(name, arguments, fill_mode, interpolation):
    ours, theirs = both(name, *arguments, fill_mode=fill_mode, interpolation=interpolation, fill_value=17.0)
    if interpolation == "nearest":  # float32 coordinates there, float64 here: halves may be rounded another way
        assert (ours == theirs).mean() > 0.97
    else:
        np.testing.assert_allclose(ours, theirs, atol=5e-3)


@pytest.mark.parametrize("factor", [(0.2, 0.2), (-0.35, -0.35), (1.0, 1.0)])
@pytest.mark.parametrize("value_range", [(0, 255), (50, 200)])
def test_brightness(factor, value_range):
    np.testing.assert_allclose(*both("RandomBrightness", factor, value_range=value_range), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("f", [0.3, 1.0, 1.8])
def test_contrast(f, monkeypatch):
    monkeypatch.setattr(colour, "uniform", lambda low, high, n: np.full(n, f))
    ours = layers.RandomContrast(0.9)(IMAGES, training=True).numpy()
    given = keras.ops.convert_to_tensor(IMAGES)
    theirs = keras.layers.RandomContrast(0.9).transform_images(given, {"contrast_factor": f}, True)
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-5, atol=1e-3)


def test_contrast_draws_from_the_same_interval():
    x = np.zeros((4000, 2, 1, 1), "float32")
    x[:, 0] = 2.0  # the mean is 1: the first pixel becomes 1 + f
    for found in both("RandomContrast", (0.5, 0.9), x=x + 100):
        f = found[:, 0, 0, 0] - 101
        assert 0.5 <= f.min() < 0.51 and 1.89 < f.max() <= 1.9001


def test_crop_of_images_that_are_not_larger():
    x = IMAGES[:, :6, :6]
    np.testing.assert_allclose(*both("RandomCrop", 8, 8, x=x), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(*both("RandomCrop", 6, 4, x=x), rtol=1e-5)


def test_erasing_has_the_same_statistics():
    x = np.full((3000, 16, 16, 1), 100.0, "float32")
    for factor, scale in (1.0, (0.02, 0.33)), ((0.6, 0.8), (0.2, 0.2)):
        mg.seed(0)
        ours, theirs = (found == 0 for found in both("RandomErasing", factor, scale=scale, fill_value=0.0, x=x))
        shares = [e.any((1, 2, 3)).mean() for e in (ours, theirs)]
        assert abs(shares[0] - shares[1]) < 0.06
        areas = [e.sum((1, 2, 3))[e.any((1, 2, 3))].mean() for e in (ours, theirs)]
        assert abs(areas[0] / areas[1] - 1) < 0.08
        # The places differ by half a pixel: in Keras the first row and column are never erased, no box begins before them.


@pytest.mark.parametrize("name, keywords", [("MixUp", {"alpha": 0.4}), ("CutMix", {"factor": (1.0, 1.0)})])
def test_mixing_has_the_same_statistics(name, keywords):
    n = 2000
    x = np.random.default_rng(1).random((n, 32, 32, 1), dtype="float32")
    y = np.eye(n, dtype="float32")
    mg.seed(0)
    _, ours = getattr(layers, name)(**keywords)(x, y, training=True)
    theirs = getattr(keras.layers, name)(**keywords)({"images": x, "labels": y}, training=True)["labels"]
    ours, theirs = (np.diag(np.asarray(w)) for w in (ours.numpy(), theirs))
    shares = [0.1, 0.25, 0.5, 0.75, 0.9]
    np.testing.assert_allclose(np.quantile(ours, shares), np.quantile(theirs, shares), atol=0.08)
