"""`seed=` of layers that draw random numbers: numbers of their own, in pieces, in data sets, in backups."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers

ONES, IMAGES = np.ones((40, 6), "float32"), np.random.default_rng(0).random((5, 8, 8, 3), "float32")
TIMES = np.random.default_rng(1).standard_normal((3, 5, 4)).astype("float32")
CASES = [(lambda s: layers.Dropout(0.5, seed=s), ONES), (lambda s: layers.GaussianNoise(1.0, seed=s), ONES),
         (lambda s: layers.GaussianDropout(0.5, seed=s), ONES), (lambda s: layers.AlphaDropout(0.5, seed=s), ONES),
         (lambda s: layers.SpatialDropout1D(0.5, seed=s), TIMES), (lambda s: layers.RandomRotation(0.2, seed=s), IMAGES),
         (lambda s: layers.RandomContrast(0.5, (0, 1), seed=s), IMAGES), (lambda s: layers.RandomErasing(seed=s), IMAGES),
         (lambda s: layers.TimeMask(3, seed=s), TIMES), (lambda s: layers.TokenDropout(0.5, seed=s), np.ones((9, 9), int)),
         (lambda s: layers.LSTM(3, dropout=0.5, seed=s), TIMES),
         (lambda s: layers.GRU(3, recurrent_dropout=0.5, seed=s), TIMES),
         (lambda s: layers.MultiHeadAttention(2, 3, dropout=0.5, seed=s), TIMES)]


def twice(layer, x):
    mg.seed(9)
    layer(x)  # its weights
    return [layer(x, training=True).numpy() for _ in range(2)]


@pytest.mark.parametrize("make, x", CASES)
def test_a_seed_gives_numbers_of_its_own(make, x):
    one, two = twice(make(3), x)
    assert not np.array_equal(one, two)                        # it goes on from call to call
    layer, other = make(3), make(3)
    mg.seed(9)
    layer(x), other(x)
    other.set_weights(layer.get_weights())
    before = mg.random.state()
    a = [layer(x, training=True).numpy(), layer(x, training=True).numpy()]
    assert mg.random.state() == before                         # and leaves everybody else's alone
    mg.random.generator().random(100)
    for mine, again in zip(a, [other(x, training=True).numpy() for _ in range(2)]):
        assert np.array_equal(mine, again)                     # two layers of one seed draw alike, whatever is drawn between
    assert not np.array_equal(one, twice(make(4), x)[0])       # and of another one otherwise
    again = type(layer).from_config(layer.get_config())
    assert again.seed == 3 and "seed" not in make(None).get_config() or make(None).get_config()["seed"] is None


def test_mixing_takes_a_seed():
    x, y = IMAGES, np.eye(5, dtype="float32")
    for cls in (layers.MixUp, layers.CutMix):
        a, b = (cls(seed=1)(x, y, training=True)[0].numpy() for _ in range(2))
        assert np.array_equal(a, b)


def test_what_is_no_seed_or_draws_nothing():
    with pytest.raises(ValueError, match="integer >= 0, got -1"):
        layers.Dropout(0.5, seed=-1)
    with pytest.raises(TypeError, match="Dense takes no argument 'seed'"):
        layers.Dense(3, seed=1)


def test_mg_seed_starts_it_again_and_a_copy_has_numbers_of_its_own():
    layer = layers.Dropout(0.5, seed=3)
    mg.seed(0)
    a = layer(ONES, training=True).numpy()
    assert np.array_equal(copy.deepcopy(layer)(ONES, training=True).numpy(), a)
    assert not np.array_equal(layer(ONES, training=True).numpy(), a)
    mg.seed(1)
    assert np.array_equal(layer(ONES, training=True).numpy(), a)


def trained(workers, seed, between=lambda: None, checkpoint=False):
    mg.seed(2)
    noise = layers.Dropout(0.5, seed=seed)
    model = mg.Sequential([layers.Dense(4, input_shape=(6,)), noise, layers.Dense(1)])
    between()
    loss = mg.parallel.step(
        lambda x: ((mg.checkpoint(lambda x: model(x, training=True), x) if checkpoint else model(x, training=True)) ** 2)
        .mean(), ONES, workers=workers, piece=10)
    return loss.item(), [p.grad.numpy() for p in model.parameters()]


def test_in_pieces_it_does_not_depend_on_threads_or_others():
    loss, gradients = trained(1, 5)
    for other in (trained(2, 5), trained(2, 5, lambda: mg.random.generator().random(7)), trained(2, 5, checkpoint=True)):
        assert other[0] == loss
        assert all(np.array_equal(a, b) for a, b in zip(gradients, other[1]))
    assert trained(1, 6)[0] != loss
    before = mg.random.Seed(5)
    streams = mg.random.Streams()
    mg.seed(1)
    one = streams.number(before)
    mg.seed(2)
    assert mg.random.Streams().number(before) == one  # a Seed's pieces start from its own numbers, not from mg.seed's


def test_pieces_draw_apart_and_go_on_from_step_to_step():
    noise, seen = layers.Dropout(0.5, seed=5), []
    w = mg.Tensor(np.ones(6, "float32"), requires_grad=True)
    for _ in range(2):
        _, y = mg.parallel.step(lambda x: ((z := noise(x * w, training=True)).sum(), z), ONES, workers=2, piece=20)
        seen += [y.numpy()[:20], y.numpy()[20:]]
    assert len({a.tobytes() for a in seen}) == 4


def test_in_a_data_set_it_repeats_with_the_epoch():
    data = mg.data.Dataset((IMAGES, np.arange(5))).augment(layers.RandomErasing(1.0, seed=1), seed=2)
    one, two = (np.stack([x for x, _ in data.flow(epoch)]) for epoch in (0, 0))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, np.stack([x for x, _ in data.flow(1)]))
    other = mg.data.Dataset((IMAGES, np.arange(5))).augment(layers.RandomErasing(1.0, seed=3), seed=2)
    assert not np.array_equal(one, np.stack([x for x, _ in other.flow(0)]))
