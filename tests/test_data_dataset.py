"""Data sets: every element once, an order that is a function of (seed, epoch), and going on from any place."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import layers, random
from minigrad.data import DataError, Dataset

STAGES = {
    "map": lambda d: d.map(lambda v: v + random.generator().integers(1000) * 1000, seed=3),
    "map in threads": lambda d: d.map(lambda v: v + random.generator().integers(1000) * 1000, workers=2, seed=4),
    "shuffle": lambda d: d.shuffle(seed=1, buffer=5),
    "filter": lambda d: d.filter(lambda v: np.ravel(v)[0] % 3),
    "take": lambda d: d.take(7), "skip": lambda d: d.skip(2), "repeat": lambda d: d.repeat(2),
    "batch": lambda d: d.padded_batch(3), "full batches": lambda d: d.padded_batch(2, drop_last=True),
    "prefetch": lambda d: d.prefetch(2), "bucket": lambda d: d.map(np.atleast_1d).bucket_by_length([2, 4], 2),
}


def told(elements):
    return [np.asarray(e).tolist() for e in elements]


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 12), chain=st.lists(st.sampled_from(sorted(STAGES)), max_size=4), epoch=st.integers(0, 2),
       indexed=st.booleans())
def test_a_state_goes_on_exactly_from_anywhere(n, chain, epoch, indexed):
    def made():
        d = Dataset(np.arange(n)) if indexed else Dataset.from_generator(lambda: iter(range(n)))
        for name in chain:
            d = STAGES[name](d)
        return d

    undisturbed = made()
    for _ in range(epoch):
        list(undisturbed)
    expected, states = [], []
    for element in undisturbed:
        expected.append(element)
        states.append(undisturbed.state())
    states = [{"epoch": epoch, "position": 0}, *states]
    following = told(undisturbed)
    for position, state in enumerate(states):
        assert state == {"epoch": epoch, "position": position}
        other = made()
        other.set_state(state)
        assert told(other) == told(expected[position:])
        assert told(other) == following
    assert len(expected) == made()._length() or made()._length() is None


@settings(deadline=None)
@given(n=st.integers(1, 40), size=st.integers(1, 9), drop=st.booleans(), seed=st.integers(0, 3))
def test_every_row_once_with_its_label_and_in_another_order_each_epoch(n, size, drop, seed):
    x, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    d = Dataset((x, y)).shuffle(seed).batch(size, drop_last=drop)
    for epoch in range(2):
        got = list(d)
        assert len(got) == len(d) == (n // size if drop else math.ceil(n / size))
        assert all(np.array_equal(a[:, 0], 2 * b) for a, b in got)
        rows = [int(i) for _, b in got for i in b]
        assert sorted(rows) == sorted(set(rows)) and (drop or sorted(rows) == list(range(n)))
        order = np.arange(n, dtype="int32")
        np.random.default_rng((seed, epoch)).shuffle(order)
        assert rows == order[:len(rows)].tolist()


def test_epochs_differ_and_seeds_repeat_them():
    x = np.arange(50)
    d = Dataset(x).shuffle(seed=1).batch(50)
    (first,), (second,) = list(d), list(d)
    assert not np.array_equal(first, second) and not np.array_equal(first, x)
    (again,), = [list(Dataset(x).shuffle(seed=1).batch(50))]
    assert np.array_equal(first, again)
    (other,), = [list(Dataset(x).shuffle(seed=2).batch(50))]
    assert not np.array_equal(first, other)


def test_mg_seed_sets_the_seeds_that_are_not_given():
    def order(seed):
        mg.seed(seed)
        a, b = Dataset(np.arange(30)).shuffle(), Dataset(np.arange(30)).shuffle()
        return [told(a), told(b)]

    assert order(5) == order(5) != order(6)
    assert order(5)[0] != order(5)[1]


@pytest.mark.parametrize("workers", [1, 4])
def test_random_maps_do_not_depend_on_threads_or_on_what_was_drawn_before(workers):
    def of(workers, prefetch, draws):
        d = Dataset(np.zeros(20)).map(lambda v: v + random.generator().random(), workers, seed=2).shuffle(1).batch(3)
        d = d.map(lambda v: v + random.generator().random(), workers, seed=3)
        d, got = d.prefetch(2) if prefetch else d, []
        for batch in d:
            random.generator().random(draws)
            got += batch.tolist()
        return got

    assert of(0, False, 0) == of(workers, False, 3) == of(workers, True, 1)
    assert len(set(of(0, False, 0))) == 20
    for d in (Dataset(np.zeros(20)), Dataset(np.zeros(20)).filter(lambda v: True)):
        d = d.map(lambda v: random.generator().random(), workers, seed=2)
        assert not set(told(d)) & set(told(d))  # another epoch


def test_maps_leave_minigrads_generator_alone():
    d = Dataset(np.zeros(20)).map(lambda v: random.generator().random(), seed=2).prefetch(2)
    mg.seed(0)
    before = random.generator().random()
    mg.seed(0)
    list(d)
    assert random.generator().random() == before


def test_augmentation_in_a_data_set_is_on_and_repeats_and_changes_with_the_epoch():
    x, y = np.random.default_rng(0).random((10, 6, 6, 1), dtype="float32"), np.arange(10)

    def made(workers):
        return Dataset((x, y)).augment(layers.RandomTranslation(0.5, 0.5), workers=workers, seed=7).batch(4)

    (one, two), (three,) = [list(made(0)) for _ in range(2)], [list(made(3))]
    for (a, b), (c, _), (e, f) in zip(one, two, three):
        assert np.array_equal(a, c) and np.array_equal(a, e) and np.array_equal(b, f) and isinstance(a, np.ndarray)
    assert not np.allclose(one[0][0], x[:4])
    d = made(0)
    assert not np.array_equal(list(d)[0][0], list(d)[0][0])
    batched = Dataset((x, y)).batch(5).augment(layers.MixUp(num_classes=10), layers.CutMix(), seed=1)
    for a, b in batched:
        assert a.shape == (5, 6, 6, 1) and b.shape == (5, 10) and np.allclose(b.sum(1), 1)


def test_forms_of_elements():
    x = np.arange(6).reshape(3, 2)
    assert told(Dataset(x)) == x.tolist()
    assert [{k: v.tolist() for k, v in e.items()} for e in Dataset({"a": x, "b": x[:, 0]}).batch(2)] == [
        {"a": [[0, 1], [2, 3]], "b": [0, 2]}, {"a": [[4, 5]], "b": [4]}]
    (nested,) = Dataset((({"a": x}, x), x)).batch(3)
    assert nested[0][0]["a"].tolist() == x.tolist()
    mapped = Dataset((x, x)).map(lambda a, b: {"sum": mg.Tensor(a) + b, "list": [1, 2]}).batch(3)
    (batch,) = mapped
    assert batch["sum"].tolist() == (2 * x).tolist() and batch["list"].tolist() == [[1, 2]] * 3

    class Squares:
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return i * i, i

    assert [a.tolist() for a, _ in Dataset(Squares()).batch(4)] == [[0, 1, 4, 9]]
    assert told(Dataset(["a", "bc"]).batch(2)) == [["a", "bc"]]


def test_stages_in_order_take_skip_repeat_zip_filter_select():
    d = Dataset(np.arange(6))
    assert told(d.take(4).skip(1)) == [1, 2, 3] and told(d.skip(9)) == [] and told(d.take(9)) == list(range(6))
    assert told(d.repeat(2)) == [*range(6)] * 2 and len(d.repeat(2)) == 12
    forever = d.repeat()
    assert told(forever.take(8)) == [0, 1, 2, 3, 4, 5, 0, 1]
    with pytest.raises(TypeError, match="no end"):
        len(forever)
    assert told(d.filter(lambda v: v % 2)) == [1, 3, 5]
    with pytest.raises(TypeError, match="known when"):
        len(d.filter(lambda v: v))
    assert told(d.select([3, 0, 3])) == [3, 0, 3]
    assert [(int(a), b) for a, b in Dataset.zip(d, Dataset(list("abc")))] == [(0, "a"), (1, "b"), (2, "c")]
    assert len(Dataset.zip(d, d.take(3))) == 3
    assert told(d) == told(d) == list(range(6))  # none of these changed it


def test_repeated_shuffles_are_the_epochs_in_a_row():
    once, twice = Dataset(np.arange(9)).shuffle(3), Dataset(np.arange(9)).shuffle(3).repeat(2)
    assert told(twice) == told(once) + told(once)
    assert told(twice) == told(once) + told(once)


def test_a_buffer_shuffles_a_stream_near_its_place():
    n, buffer = 200, 10
    got = told(Dataset(np.arange(n)).filter(lambda v: True).shuffle(seed=0, buffer=buffer))
    assert sorted(got) == list(range(n)) != got
    assert all(v <= i + buffer for i, v in enumerate(got))  # none can come before it was read
    whole = Dataset(np.arange(n)).filter(lambda v: True).shuffle(seed=0, buffer=n)
    first, second = told(whole), told(whole)
    assert sorted(first) == sorted(second) == list(range(n)) and first != second
    assert abs(np.corrcoef(first, range(n))[0, 1]) < 0.3
    with pytest.raises(DataError, match="buffer=1000"):
        list(Dataset(np.arange(4)).batch(2).shuffle())


def test_breaking_off_begins_another_epoch_and_leaves_its_place():
    d = Dataset(np.arange(10)).shuffle(0)
    for i, _ in enumerate(d):
        if i == 3:
            break
    assert d.state() == {"epoch": 0, "position": 4}
    second = told(d)
    fresh = Dataset(np.arange(10)).shuffle(0)
    list(fresh)
    assert told(fresh) == second and d.state() == {"epoch": 2, "position": 0}


def test_left_out_elements_are_not_made():
    made = []
    d = Dataset(np.arange(100)).map(lambda v: made.append(int(v)) or v).shuffle(0).batch(10).map(lambda v: v).prefetch(1)
    d.set_state({"epoch": 0, "position": 9})
    assert len(list(d)) == 1 and len(made) == 10


# ---- lengths that differ

def test_padding():
    words = [[1, 2, 3], [4], [5, 6]]
    d = Dataset.from_generator(lambda: ((np.array(w), k) for k, w in enumerate(words)))
    (x, y), = d.padded_batch(3)
    assert x.tolist() == [[1, 2, 3], [4, 0, 0], [5, 6, 0]] and y.tolist() == [0, 1, 2]
    (x, y), = d.padded_batch(3, value=(-1, 0), length=4)
    assert x.tolist() == [[1, 2, 3, -1], [4, -1, -1, -1], [5, 6, -1, -1]]
    (x,) = Dataset.from_generator(lambda: [np.ones((2, 1)), np.ones((1, 3))]).padded_batch(2)
    assert x.tolist() == [[[1, 0, 0], [1, 0, 0]], [[1, 1, 1], [0, 0, 0]]]
    with pytest.raises(DataError, match=r"element\[0\] is too long: expected a length of 2 or less, got 3"):
        list(d.padded_batch(3, length=2))
    with pytest.raises(DataError, match=r"element\[0\] has different shapes: .* the first, \(3,\), got \(1,\)"):
        list(d.batch(3))
    with pytest.raises(DataError, match="different forms"):
        list(Dataset.from_generator(lambda: [(1, 2), 3]).batch(2))


@settings(deadline=None)
@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=30), size=st.integers(1, 4), drop=st.booleans())
def test_buckets_hold_similar_lengths_and_every_element_once(lengths, size, drop):
    boundaries, sizes = [3, 6], [size, size + 1, size + 2]
    d = Dataset.from_generator(lambda: ((np.full(n, i + 1), i) for i, n in enumerate(lengths)))
    seen = []
    for x, y in d.bucket_by_length(boundaries, sizes, drop_last=drop):
        own = [lengths[i] for i in y]
        buckets = {sum(n >= b for b in boundaries) for n in own}
        assert len(buckets) == 1 and x.shape == (len(y), max(own))
        assert len(y) == sizes[min(buckets)] or (not drop and len(y) < sizes[min(buckets)])
        assert all(row.tolist() == [i + 1] * n + [0] * (max(own) - n) for row, i, n in zip(x, y, own))
        seen += y.tolist()
    assert len(set(seen)) == len(seen) and (drop or sorted(seen) == list(range(len(lengths))))


# ---- splits and classes

def test_a_split_parts_the_elements_and_keeps_the_shares_of_classes():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    x = np.arange(100)
    train, test = Dataset((x, y)).split(0.2, stratify=True, seed=0)
    assert len(train) == 80 and len(test) == 20
    assert sorted([*[int(a) for a, _ in train], *[int(a) for a, _ in test]]) == list(range(100))
    assert np.bincount(test.labels).tolist() == [12, 6, 2] and np.bincount(train.labels).tolist() == [48, 24, 8]
    again, _ = Dataset((x, y)).split(0.2, stratify=True, seed=0)
    assert np.array_equal(again.labels, train.labels) and told(a for a, _ in again) == told(a for a, _ in train)
    shuffled = [int(a) for a, _ in train.shuffle(0)]
    assert sorted(shuffled) == sorted(int(a) for a, _ in train) and not set(shuffled) & {int(a) for a, _ in test}
    _, few = Dataset((x, y)).map(lambda a, b: (a, b)).split(7)
    assert len(few) == 7


@pytest.mark.parametrize("stage", ["shuffle", "repeat", "balance"])
def test_a_split_of_what_changes_with_the_epoch_is_refused(stage):
    d = getattr(Dataset((np.arange(10), np.arange(10) % 2)), stage)()
    with pytest.raises(DataError, match="Call split first"):
        d.split(0.5)
    with pytest.raises(DataError, match="Call split before batch"):
        Dataset(np.arange(4)).batch(2).split(0.5)


def test_balance():
    y = np.repeat([0, 1, 2], [80, 15, 5])
    d = Dataset((np.arange(100), y)).balance(seed=0)
    epochs = [[(int(a), int(b)) for a, b in d] for _ in range(2)]
    for elements in epochs:
        assert len(elements) == len(d) == 100 and all(y[a] == b for a, b in elements)
        counts = np.bincount([b for _, b in elements])
        assert sorted(counts) == [33, 33, 34]
        times = np.bincount([a for a, _ in elements], minlength=100)
        assert times[y == 0].max() == 1 and set(times[y == 2]) <= {6, 7} and set(times[y == 1]) <= {2, 3}
    assert epochs[0] != epochs[1] and [b for _, b in epochs[0]] != sorted(b for _, b in epochs[0])
    assert len({int(a) for _ in range(8) for a, b in d if b == 0}) > 70  # of the 80: others in each epoch
    with pytest.raises(DataError, match="labels do not fit"):
        list(Dataset(np.arange(4)).balance(labels=np.zeros((4, 2))))
    with pytest.raises(DataError, match="classes are not known"):
        Dataset(np.arange(4)).balance()


# ---- how it looks, and what it refuses

def test_it_prints_its_stages():
    d = Dataset((np.zeros((100, 8, 8, 1), "float32"), np.arange(100))).shuffle(seed=3).batch(32).prefetch()
    assert repr(d).splitlines() == [
        "Dataset of 4 elements (float32 (32, 8, 8, 1), int64 (32,))",
        "  arrays           100  (float32 (8, 8, 1), int64)",
        "  shuffle(seed=3)  100  (float32 (8, 8, 1), int64)",
        "  batch(size=32)     4  (float32 (32, 8, 8, 1), int64 (32,))",
        "  prefetch()         4  (float32 (32, 8, 8, 1), int64 (32,))"]
    assert d.state() == {"epoch": 0, "position": 0} and "<pre>" in d._repr_html_()
    assert "?" in repr(Dataset.from_generator(lambda: 1 / 0)) and "∞" in repr(Dataset(np.arange(3)).repeat())
    assert "?" in repr(Dataset(np.arange(3)).map(lambda v: 1 / 0))


@pytest.mark.parametrize("call, words", [
    (lambda: Dataset("abc"), "a str"), (lambda: Dataset(3), "a int"), (lambda: Dataset(iter([1])), "from_generator"),
    (lambda: Dataset((np.zeros(3), np.zeros(4))), "same first dimension"),
    (lambda: Dataset([np.zeros((3, 2)), np.zeros(3)]), r"a tuple for several arrays, \(x, y\)"),
    (lambda: Dataset(np.zeros((0, 2))), "empty"),
    (lambda: Dataset.from_generator(iter([1])), "without calling it"), (lambda: Dataset.zip(np.zeros(3)), "Datasets"),
    (lambda: Dataset([1]).batch(0), "wrong size"), (lambda: Dataset([1]).batch(True), "wrong size"),
    (lambda: Dataset([1]).map(3), "no function"), (lambda: Dataset([1]).map(abs, workers=-1), "workers"),
    (lambda: Dataset([1]).shuffle(seed="a"), "seed"), (lambda: Dataset([1]).prefetch(0), "prefetch"),
    (lambda: Dataset([1]).bucket_by_length([3, 2], 4), "grow"), (lambda: Dataset([1]).bucket_by_length([3], [4]), "2: one"),
    (lambda: list(Dataset([1]).select([1])), "numbers from 0 to 0, got 1"), (lambda: Dataset([1]).select([0.5]), "whole"),
    (lambda: list(Dataset([1]).augment(layers.MixUp())), "mixes labels"),
    (lambda: Dataset([1]).set_state({"epoch": 1}), "what state"), (lambda: Dataset([1]).set_state(
        {"epoch": -1, "position": 0}), "epoch"),
])
def test_bad_input_is_refused_where_it_enters(call, words):
    with pytest.raises(DataError, match=words):
        call()
