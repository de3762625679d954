"""Batches and splits: every row once, together with its label."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import random
from minigrad.data import DataError, batches, train_test_split


@settings(deadline=None)
@given(n=st.integers(1, 40), size=st.integers(1, 50), shuffle=st.booleans(), drop=st.booleans())
def test_every_row_once_and_with_its_label(n, size, shuffle, drop):
    x, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    got = list(batches((x, y), size, shuffle, np.random.default_rng(0), drop))
    full, rest = divmod(n, size)
    assert [len(b) for _, b in got] == [size] * full + ([rest] if rest and not drop else [])
    labels = [int(i) for _, b in got for i in b]
    assert all(np.array_equal(a[:, 0], 2 * b) for a, b in got)
    assert len(set(labels)) == len(labels) and set(labels) <= set(range(n))
    assert shuffle or labels == list(range(len(labels)))


def test_shuffling_repeats_with_its_generator():
    x = np.arange(50)
    order = [np.concatenate([b for b, in batches(x, 7, True, np.random.default_rng(s))]) for s in (1, 1, 2)]
    assert np.array_equal(order[0], order[1]) and not np.array_equal(order[0], order[2])
    assert not np.array_equal(order[0], x)
    rng = np.random.default_rng(1)
    first, second = (np.concatenate([b for b, in batches(x, 7, True, rng)]) for _ in range(2))
    assert not np.array_equal(first, second)  # another order in each epoch


def test_seed_reaches_shuffling_and_splitting():
    def draw():
        random.seed(3)
        return [b.tolist() for b, in batches(np.arange(30), 30, True)] + [train_test_split(np.arange(30))[1].tolist()]

    assert draw() == draw()


def test_unshuffled_batches_are_views():
    x = np.zeros((10, 3))
    assert all(np.shares_memory(b, x) for b, in batches([x], 4))


@pytest.mark.parametrize("arrays, size, words", [
    ((np.zeros(3), np.zeros(4)), 2, r"same first dimension, got shapes \(3,\), \(4,\)"),
    ((np.zeros((0, 5)),), 2, r"empty data set.*\(0, 5\)"),
    ((), 2, "no array"), ((np.float32(1),), 2, "do not fit"),
    ((np.zeros(3),), 0, "batch_size.*got 0"), ((np.zeros(3),), 2.0, "batch_size"), ((np.zeros(3),), True, "batch_size"),
])
def test_bad_batches_fail_at_the_call(arrays, size, words):
    with pytest.raises(DataError, match=words):
        batches(arrays, size)  # at once, not at the first batch


@settings(deadline=None)
@given(n=st.integers(2, 60), fraction=st.floats(0.05, 0.95), seed=st.integers(0, 5))
def test_a_split_parts_the_rows(n, fraction, seed):
    count = round(fraction * n)
    if not 0 < count < n:
        with pytest.raises(DataError, match="an empty part"):
            train_test_split(np.arange(n), test_size=fraction)
        return
    x, y = np.arange(n) * 10, np.arange(n)
    a, b, c, d = train_test_split(x, y, test_size=fraction, seed=seed)
    assert len(b) == count and sorted([*c, *d]) == list(range(n))
    assert np.array_equal(a, c * 10) and np.array_equal(b, d * 10)
    again = train_test_split(x, y, test_size=fraction, seed=seed)
    assert all(np.array_equal(p, q) for p, q in zip((a, b, c, d), again))


@settings(deadline=None)
@given(sizes=st.lists(st.integers(2, 30), min_size=1, max_size=6), fraction=st.floats(0.2, 0.8))
def test_stratified_shares_are_exact(sizes, fraction):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    n, count = len(labels), round(fraction * len(labels))
    try:
        train, test = train_test_split(labels, test_size=fraction, stratify=labels, seed=0)
    except DataError as error:
        assert "missing from a part" in str(error) or "an empty part" in str(error)
        return
    assert len(test) == count and len(train) == n - count
    got = np.bincount(test, minlength=len(sizes))
    exact = np.array(sizes) * count / n
    assert (np.abs(got - exact) < 1).all()  # the floor or the ceiling of the exact share ...
    up = got > exact + 1e-9
    lost = exact - np.floor(exact + 1e-9)
    assert not up.any() or lost[up].min() >= lost[~up].max(initial=0) - 1e-9  # ... and the largest remainders go up


def test_stratified_in_round_numbers():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [50, 30, 20]))
    train, test = train_test_split(labels, stratify=labels, seed=1)
    assert np.bincount(test).tolist() == [10, 6, 4] and np.bincount(train).tolist() == [40, 24, 16]
    assert not np.array_equal(test, np.sort(test)) and not np.array_equal(train, np.sort(train))  # mixed
    assert len(train_test_split(labels, test_size=7)[1]) == 7
    text = np.array(["a", "b"] * 10)
    assert sorted(train_test_split(text, stratify=text)[1]) == ["a", "a", "b", "b"]


@pytest.mark.parametrize("options, words", [
    ({"test_size": 0.0}, "between 0 and 1"), ({"test_size": 1.0}, "between 0 and 1"), ({"test_size": 10}, "empty part"),
    ({"test_size": -1}, "empty part"), ({"test_size": float("nan")}, "between 0 and 1"), ({"test_size": True}, "wrong"),
    ({"test_size": "0.2"}, "wrong test_size"),
    ({"stratify": np.eye(10)}, "not one-hot"), ({"stratify": [0] * 9 + [1]}, "class 1 would be missing"),
])
def test_bad_splits(options, words):
    with pytest.raises(DataError, match=words):
        train_test_split(np.arange(10), **options)
    with pytest.raises(DataError, match="no array"):
        train_test_split(**options)
