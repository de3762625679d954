"""Augmentation: on in training, off in evaluation, repeated by mg.seed for any number of threads, and what each does."""

import numpy as np
import pytest
import standin

import minigrad as mg
from minigrad import backend, layers, random
from minigrad.inspect import plots
from minigrad.layers.augmentation import colour, geometry

standin.register()
RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 9, 8, 3), dtype="float32")

MADE = {  # every layer, with the input that it takes
    "RandomFlip": lambda **k: layers.RandomFlip(**k), "RandomCrop": lambda **k: layers.RandomCrop(5, 4, **k),
    "RandomTranslation": lambda **k: layers.RandomTranslation(0.3, 0.3, **k),
    "RandomRotation": lambda **k: layers.RandomRotation(0.2, **k), "RandomZoom": lambda **k: layers.RandomZoom(0.4, **k),
    "RandomBrightness": lambda **k: layers.RandomBrightness(0.4, (0, 1), **k),
    "RandomContrast": lambda **k: layers.RandomContrast(0.8, (0, 1), **k),
    "RandomErasing": lambda **k: layers.RandomErasing((1, 1), value_range=(0, 1), **k),
    "Cutout": lambda **k: layers.Cutout(4, **k)}
SEQUENCES = {"TimeMask": lambda: layers.TimeMask(5), "FrequencyMask": lambda: layers.FrequencyMask(5)}
every = pytest.mark.parametrize("name", [*MADE, *SEQUENCES])


def made(name):
    return (MADE | SEQUENCES)[name]()


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


def on(layer, x, **keywords):
    return layer(x, training=True, **keywords).numpy()


@every
def test_off_in_evaluation_and_on_in_training(name):
    layer = made(name)
    for y in (layer(IMAGES).numpy(), layer(IMAGES, training=False).numpy()):
        assert np.array_equal(y, IMAGES if name != "RandomCrop" else y) and y.dtype == "float32"
    assert not np.array_equal(layer(IMAGES).numpy(), on(layer, IMAGES))
    assert layer.train()(IMAGES).shape == on(layer, IMAGES).shape and layer.count_params() == 0


@every
def test_mg_seed_repeats_it_and_each_image_has_its_own_numbers(name):
    layer, x = made(name), np.repeat(IMAGES[:1], 12, axis=0)
    mg.seed(3)
    first = on(layer, x)
    second = on(layer, x)
    mg.seed(3)
    assert np.array_equal(on(layer, x), first) and not np.array_equal(first, second)
    assert len({image.tobytes() for image in first}) > (3 if name == "RandomFlip" else 5)


@every
def test_float32_stays_and_integers_become_it(name):
    pixels = (IMAGES * 255).astype("uint8")
    for x, dtype in (IMAGES.astype("float64"), "float64"), (IMAGES.astype("float16"), "float16"), (pixels, "float32"):
        y = made(name)(mg.Tensor(x), training=True)
        assert y.dtype == dtype and np.isfinite(y.numpy().astype("float32")).all()


@every
def test_the_same_on_another_device(name):
    results = []
    for device in "cpu", "standin":
        mg.seed(1)
        y = made(name)(mg.Tensor(IMAGES, device=device), training=True)
        assert y.device.startswith(device)
        results.append(backend.to_numpy(y))
    assert np.array_equal(*results)


@pytest.mark.parametrize("name", MADE)
def test_single_images_and_channels_first(name):
    mg.seed(1)
    last = on(MADE[name](), IMAGES)
    mg.seed(1)
    if name != "RandomErasing":  # whose noise is drawn in another order
        first = on(MADE[name](data_format="channels_first"), np.moveaxis(IMAGES, -1, 1))
        assert np.array_equal(np.moveaxis(first, 1, -1), last)
    mg.seed(2)
    batch = on(MADE[name](), IMAGES[:1])
    mg.seed(2)
    assert np.array_equal(on(MADE[name](), IMAGES[0]), batch[0])
    with pytest.raises(layers.LayerError, match="expected images"):
        MADE[name]()(IMAGES[0, 0])
    for keywords in {}, {"data_format": "channels_first"}:  # gray images without channels, taken for one image
        with pytest.raises(layers.LayerError, match=r"x\[\.\.\., None\]"):
            MADE[name](**keywords)(IMAGES[..., 0])
    with pytest.raises(ValueError, match="data_format"):
        MADE[name](data_format="NHWC")


@pytest.mark.parametrize("name", [n for n in MADE if n not in ("RandomTranslation", "RandomRotation", "RandomZoom")])
def test_gradients_go_through_what_is_not_interpolated(name):
    layer = MADE[name]()

    def f(x):
        mg.seed(4)
        return layer(x, training=True)

    mg.gradcheck(f, [0.3 + 0.2 * RNG.random((2, 7, 6, 1))])  # far from where brightness and contrast are clipped


@pytest.mark.parametrize("name", ["RandomTranslation", "RandomRotation", "RandomZoom"])
def test_where_no_gradient_goes_through_it_is_said(name):
    x = mg.Tensor(IMAGES, requires_grad=True)
    with pytest.raises(layers.LayerError, match=r"no gradient goes through it.*x\.detach\(\)"):
        MADE[name]()(x, training=True)
    assert MADE[name]()(x).requires_grad  # evaluation hands x on
    with mg.no_grad():
        assert MADE[name]()(mg.Tensor(IMAGES), training=True).shape == IMAGES.shape


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_threads_does_not_matter(workers):
    x, y = RNG.random((40, 8, 8, 1), dtype="float32"), np.arange(40) % 3

    def trained(workers):
        mg.seed(0)
        model = mg.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1),
                               layers.RandomErasing(value_range=(0, 1)), layers.Flatten(), layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, epochs=2, batch_size=20, workers=workers, piece=5, verbose=0)
        return model.get_weights() if hasattr(model, "get_weights") else list(model.state_dict().values())

    assert all(np.array_equal(a, b) for a, b in zip(trained(workers), trained(2)))


# ---- what each does

def test_flip_gives_each_view_as_often_as_another():
    x = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
    views = {mode: on(layers.RandomFlip(mode), np.repeat(x, 4000, axis=0))[..., 0] for mode in (
        "horizontal", "vertical", "horizontal_and_vertical")}
    x = x[0, :, :, 0]
    expected = {"horizontal": [x, x[:, ::-1]], "vertical": [x, x[::-1]],
                "horizontal_and_vertical": [x, x[:, ::-1], x[::-1], x[::-1, ::-1]]}
    for mode, found in views.items():
        counts = [int((found == view).all((1, 2)).sum()) for view in expected[mode]]
        share = 4000 / len(expected[mode])
        assert sum(counts) == 4000 and all(abs(n - share) < 5 * share ** 0.5 for n in counts)


def test_crop_takes_every_place_and_the_middle_in_evaluation():
    x = np.arange(30, dtype="float32").reshape(1, 5, 6, 1)
    found = {tuple(crop.ravel()) for crop in on(layers.RandomCrop(3, 4), np.repeat(x, 300, axis=0))}
    assert found == {tuple(x[0, i:i + 3, j:j + 4].ravel()) for i in range(3) for j in range(3)}
    assert np.array_equal(layers.RandomCrop(3, 3)(x[:, :, :5]).numpy(), layers.RandomCrop(3, 3)(x[:, :, :5]).numpy())
    middle = layers.RandomCrop(4, 4)(np.full((1, 8, 6, 1), 2.0, "float32"))
    assert middle.shape == (1, 4, 4, 1) and np.allclose(middle.numpy(), 2)
    assert np.array_equal(layers.RandomCrop(5, 4)(x).numpy(), x[:, :, 1:5])  # as it is: nothing to make smaller


FOLDS = {"reflect": lambda i, n: np.minimum(i % (2 * n), 2 * n - 1 - i % (2 * n)), "wrap": lambda i, n: i % n,
         "nearest": lambda i, n: np.clip(i, 0, n - 1)}


def sampled(image, rows, columns, fill_mode, fill_value, interpolation):
    """image (H, W) at places between its pixels, by the textbook."""
    def pixel(i, j):
        if fill_mode == "constant":
            inside = (i >= 0) & (i < image.shape[0]) & (j >= 0) & (j < image.shape[1])
            return np.where(inside, image[np.clip(i, 0, image.shape[0] - 1), np.clip(j, 0, image.shape[1] - 1)], fill_value)
        return image[FOLDS[fill_mode](i, image.shape[0]), FOLDS[fill_mode](j, image.shape[1])]

    if interpolation == "nearest":
        return pixel(np.floor(rows + 0.5).astype(int), np.floor(columns + 0.5).astype(int))
    i, j = np.floor(rows).astype(int), np.floor(columns).astype(int)
    u, v = rows - i, columns - j
    return ((1 - u) * (1 - v) * pixel(i, j) + (1 - u) * v * pixel(i, j + 1) + u * (1 - v) * pixel(i + 1, j)
            + u * v * pixel(i + 1, j + 1))


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill_mode", ["reflect", "wrap", "nearest", "constant"])
@pytest.mark.parametrize("name", ["translation", "rotation", "zoom", "zoom of both"])
def test_geometry_by_the_textbook(name, fill_mode, interpolation):
    h, w = 9, 8
    i, j = np.mgrid[:h, :w].astype(float)
    ci, cj = i - (h - 1) / 2, j - (w - 1) / 2
    angle = 2 * np.pi * 0.137
    make, rows, columns = {
        "translation": (lambda **k: layers.RandomTranslation((0.31, 0.31), (-0.43, -0.43), **k), i - 0.31 * h, j + 0.43 * w),
        "rotation": (lambda **k: layers.RandomRotation((0.137, 0.137), **k),
                     ci * np.cos(angle) + cj * np.sin(angle) + (h - 1) / 2,
                     cj * np.cos(angle) - ci * np.sin(angle) + (w - 1) / 2),
        "zoom": (lambda **k: layers.RandomZoom((0.37, 0.37), (-0.41, -0.41), **k), 1.37 * ci + (h - 1) / 2,
                 0.59 * cj + (w - 1) / 2),
        "zoom of both": (lambda **k: layers.RandomZoom((0.37, 0.37), **k), 1.37 * ci + (h - 1) / 2, 1.37 * cj + (w - 1) / 2),
    }[name]
    y = make(fill_mode=fill_mode, interpolation=interpolation, fill_value=0.7)(mg.Tensor(IMAGES.astype("float64")),
                                                                            training=True).numpy()
    for n in range(len(IMAGES)):
        for c in range(3):
            expected = sampled(IMAGES[n, :, :, c].astype("float64"), rows, columns, fill_mode, 0.7, interpolation)
            np.testing.assert_allclose(y[n, :, :, c], expected, atol=1e-12)


def test_a_positive_rotation_is_counter_clockwise_and_a_positive_shift_is_down_and_right():
    x = np.zeros((1, 5, 5, 1), "float32")
    x[0, 2, 4] = 1  # at the right
    assert np.argwhere(on(layers.RandomRotation((0.25, 0.25)), x)[0, :, :, 0] > 0.9).tolist() == [[0, 2]]  # at the top
    moved = on(layers.RandomTranslation((0.4, 0.4), (-0.2, -0.2), "constant"), x)
    assert np.argwhere(moved[0, :, :, 0] > 0.9).tolist() == [[4, 3]]


@pytest.mark.parametrize("factor, low, high", [
    (0.2, -0.2, 0.2), ((0.1, 0.3), 0.1, 0.3), (-0.2, -0.2, 0.2), ((0.3, -0.1), -0.1, 0.3)])
def test_factors_are_drawn_from_their_whole_interval(factor, low, high):
    down = -geometry.RandomTranslation(factor, 0).maps(5000, 10, 10)[1][:, 0] / 10
    assert low <= down.min() < low + 0.01 and high - 0.01 < down.max() <= high
    assert abs(down.mean() - (low + high) / 2) < 5 * (high - low) / 12 ** 0.5 / 5000 ** 0.5


def test_brightness_and_contrast(monkeypatch):
    monkeypatch.setattr(colour, "uniform", lambda low, high, n: np.linspace(low, high, n))
    x = np.full((3, 2, 2, 2), 100.0, "float32")
    x[:, 0, 0, 0] = 140  # the mean of channel 0 is 110
    assert on(layers.RandomBrightness((-0.5, 0.5)), x)[:, 1, 1, 0].tolist() == [0, 100, 227.5]
    assert on(layers.RandomBrightness((1, 1)), x).max() == 255
    y = on(layers.RandomContrast((0.5, 1.0)), x)  # 0.5, 1.25, 2
    np.testing.assert_allclose(y[:, 0, 0, 0], [125, 147.5, 170])
    np.testing.assert_allclose(y[:, 1, 1, 0], [105, 97.5, 90])
    np.testing.assert_allclose(y[..., 1], 100)
    with pytest.warns(UserWarning, match=r"pass value_range=\(0, 1\)"):
        on(layers.RandomBrightness(0.1), IMAGES)


def test_erasing():
    x = np.full((3000, 12, 10, 2), 0.5, "float32")
    y = on(layers.RandomErasing((1, 1), scale=(0.1, 0.1), fill_value=0.0, value_range=(0, 1)), x)
    erased = y == 0
    assert set(np.unique(y)) == {0, 0.5} and np.array_equal(erased[..., 0], erased[..., 1])
    rows, columns = erased[..., 0].any(2).sum(1), erased[..., 0].any(1).sum(1)
    assert np.array_equal(erased[..., 0].sum((1, 2)), rows * columns)  # a rectangle
    for found, length in (rows, 12), (columns, 10):
        side = 0.1 ** 0.5 * length
        assert set(found) == {int(side), int(side) + 1} and abs(found.mean() - side) < 0.05
    often = erased[..., 0].mean(0)  # anywhere, and at one end as often as at the other
    assert often.min() > 0 and max(np.abs(often - view).max() for view in (often[::-1], often[:, ::-1])) < 0.05
    share = (on(layers.RandomErasing(0.5, fill_value=0.0), x) == 0).any((1, 2, 3)).mean()
    assert abs(share - 0.25) < 5 * (0.25 * 0.75 / 3000) ** 0.5
    assert on(layers.RandomErasing((1, 1), fill_value=(0.1, 0.9), value_range=(0, 1)), x)[..., 1].max() == np.float32(0.9)
    noise = on(layers.RandomErasing((1, 1), value_range=(0, 1)), x)
    assert noise.min() == 0 and noise.max() == 1 and len(np.unique(noise)) > 1000


def test_cutout():
    x = np.ones((2000, 7, 9, 2), "float32")
    y = on(layers.Cutout(3, fill_value=5), x)[..., 0]
    area = (y == 5).sum((1, 2))
    assert set(area) == {4, 6, 9} and (y == 5).any(0).all()  # at a corner, at an edge, inside
    assert abs((area == 9).mean() - 5 * 7 / 63) < 0.06


def test_mixup_mixes_images_and_labels_alike():
    x, labels = np.arange(300, dtype="float32").reshape(300, 1, 1, 1) * np.ones((1, 2, 2, 1), "float32"), np.arange(300)
    a, b = layers.MixUp(0.4, num_classes=300)(x, labels, training=True)
    a, b = a.numpy(), b.numpy()
    np.testing.assert_allclose(b.sum(1), 1, rtol=1e-6)
    assert ((b > 0).sum(1) <= 2).all() and (a == a[:, :1, :1]).all()
    np.testing.assert_allclose(a[:, 0, 0, 0], b @ np.arange(300), rtol=1e-4, atol=1e-3)
    w = b[np.arange(300), labels]
    moved = w < 1 - 1e-6
    assert moved.mean() > 0.9 and abs(w[moved].mean() - 0.5) < 0.15
    a, b = layers.MixUp(num_classes=300)(x, labels)  # evaluation
    assert np.array_equal(a.numpy(), x) and np.array_equal(b.numpy(), np.eye(300))


def test_cutmix_mixes_labels_by_the_pixels():
    n = 200
    x = np.broadcast_to(np.arange(n, dtype="float32").reshape(n, 1, 1, 1), (n, 8, 10, 3)).copy()
    a, b = layers.CutMix(num_classes=n)(x, np.arange(n)[:, None], training=True)
    a, b = a.numpy(), b.numpy()
    for i in range(n):
        other = a[i] != i
        assert len(np.unique(a[i])) <= 2 and np.array_equal(other[..., 0], other[..., 2])
        np.testing.assert_allclose(b[i, i], 1 - other[..., 0].mean(), atol=1e-6)
        rows, columns = other[..., 0].any(1).sum(), other[..., 0].any(0).sum()
        assert rows * columns == other[..., 0].sum()
    np.testing.assert_allclose(b.sum(1), 1, rtol=1e-5)
    assert (b.max(1) < 1).mean() > 0.3


@pytest.mark.parametrize("layer", [layers.MixUp, layers.CutMix])
def test_mixing_needs_labels_that_can_be_mixed(layer):
    x = IMAGES
    with pytest.raises(layers.LayerError, match="num_classes=K"):
        layer()(x, np.arange(6), training=True)
    with pytest.raises(layers.LayerError, match="class numbers from 0 to 3"):
        layer(num_classes=4)(x, np.arange(6), training=True)
    with pytest.raises(layers.LayerError, match="6 rows and y has 5"):
        layer(num_classes=9)(x, np.arange(5), training=True)
    one_hot = np.eye(6, dtype="float32")
    results = []
    for device in "cpu", "standin":
        mg.seed(2)
        results.append([backend.to_numpy(t) for t in layer()(mg.Tensor(x, device=device), mg.Tensor(one_hot, device=device),
                                                             training=True)])
    assert all(np.array_equal(a, b) for a, b in zip(*results))


def test_token_dropout():
    ids = RNG.integers(0, 50, (200, 60))
    layer = layers.TokenDropout(0.3, token=1, keep=(0, 2))
    y = on(layer, ids)
    changed = y != ids
    assert y.dtype == ids.dtype and (y[changed] == 1).all() and not changed[(ids == 0) | (ids == 2)].any()
    free = (ids > 2).sum()
    assert abs(changed[ids > 2].sum() - 0.3 * free) < 5 * (0.21 * free) ** 0.5
    assert np.array_equal(layer(ids).numpy(), ids)
    with pytest.raises(layers.LayerError, match="token numbers"):
        layer(ids.astype("float32"))
    model = mg.Sequential([layers.TokenDropout(0.1), layers.Embedding(50, 4)])
    assert model(ids, training=True).shape == (200, 60, 4)


@pytest.mark.parametrize("layer, axis", [(layers.TimeMask, 1), (layers.FrequencyMask, 2)])
def test_time_and_frequency_masks(layer, axis):
    x = np.ones((2000, 12, 15, 2), "float32")
    y = on(layer(4, fill_value=-1), x)
    masked = np.moveaxis(y == -1, axis, 1)
    assert (masked == masked[:, :, :1, :1]).all()  # whole steps, or whole bands
    masked = masked[:, :, 0, 0]
    assert np.bincount(masked.sum(1), minlength=5).min() > 250 and masked.sum(1).max() == 4
    assert (np.abs(np.diff(masked.astype(int), axis=1)).sum(1) <= 2).all() and masked.any(0).all()  # one stretch, anywhere
    assert np.moveaxis(on(layer(12, ratio=0.25), x) == 0, axis, 1)[:, :, 0, 0].sum(1).max() == int(0.25 * x.shape[axis])
    twice = np.moveaxis(on(layer(4, count=2), x) == 0, axis, 1)[:, :, 0, 0]
    assert (np.abs(np.diff(twice.astype(int), axis=1)).sum(1) > 2).any()
    assert layers.TimeMask(3)(np.ones((2, 9), "float32"), training=True).shape == (2, 9)  # samples


@pytest.mark.parametrize("call, words", [
    (lambda: layers.RandomFlip("sideways"), "mode of RandomFlip"), (lambda: layers.RandomFlip("horisontal"), "'horizontal'"),
    (lambda: layers.RandomCrop(0, 3), "height"), (lambda: layers.RandomTranslation(1.5, 0), "height_factor.*1.5"),
    (lambda: layers.RandomTranslation(0, (0.1, 0.2, 0.3)), "width_factor"), (lambda: layers.RandomRotation("a"), "factor"),
    (lambda: layers.RandomRotation(0.1, "mirror"), "fill_mode"), (lambda: layers.RandomZoom(-1.0), "height_factor"),
    (lambda: layers.RandomRotation(0.1, interpolation="bilinaer"), "did you mean 'bilinear'"),
    (lambda: layers.RandomBrightness(True), "factor"), (lambda: layers.RandomBrightness(0.1, 255), "value_range"),
    (lambda: layers.RandomContrast(-0.1), "factor"), (lambda: layers.RandomErasing(2), "factor"),
    (lambda: layers.RandomErasing(scale=(0.1, 1.5)), "scale"), (lambda: layers.Cutout(0), "size"),
    (lambda: layers.MixUp(0), "alpha"), (lambda: layers.CutMix(-0.5), "factor"), (lambda: layers.TokenDropout(1.1), "rate"),
    (lambda: layers.TimeMask(-1), "size"), (lambda: layers.FrequencyMask(3, ratio=2), "ratio"),
])
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- the picture

def test_the_picture_grid():
    pytest.importorskip("matplotlib")
    figure = plots.augmentation_grid([MADE["RandomFlip"](), layers.MixUp(1.0)], IMAGES, class_names=list("abcdef"))
    assert len(figure.axes) == 18
    labels = [axes.get_ylabel().replace("\n", "") for axes in figure.axes[::6]]
    assert [label.partition("(")[0] for label in labels] == ["unchanged", "RandomFlip", "MixUp"]
    assert [axes.get_title() for axes in figure.axes[:6]] == list("abcdef") and "%" in figure.axes[12].get_title()
    shown = np.asarray(figure.axes[6].images[0].get_array())
    views = [IMAGES[0], IMAGES[0][::-1], IMAGES[0][:, ::-1], IMAGES[0][::-1, ::-1]]
    assert any(np.allclose(shown, view) for view in views)
    both = {"both": [MADE["RandomRotation"](), MADE["RandomZoom"]()]}
    assert len(plots.augmentation_grid(both, IMAGES[:1, :, :, 0] * 255, columns=5).axes) == 10
    for wrong in ([], IMAGES), (layers.RandomFlip(), IMAGES[0, 0]):
        with pytest.raises(ValueError, match="expected layers, and images"):
            plots.augmentation_grid(*wrong)
    with pytest.raises(ValueError, match="class_names"):
        plots.augmentation_grid(layers.RandomFlip(), IMAGES, class_names=["a"])


def test_drawing_does_not_depend_on_other_generators():
    state = random.generator(np).bit_generator.state["state"]["state"]
    made("RandomFlip")(IMAGES)  # evaluation draws nothing
    assert random.generator(np).bit_generator.state["state"]["state"] == state
