"""Gaps, outliers, duplicates, weights of classes."""

import numpy as np
import pytest

from minigrad.data import ClipOutliers, DataError, Dataset, class_weights, drop_duplicates, drop_missing, fitted

NAN = float("nan")


def test_clipping_outliers():
    x = np.array([[1.0, 0], [2, 0], [3, 0], [4, NAN], [100, 5]])
    clip = ClipOutliers().fit(x)
    assert clip.low_.tolist() == [2 - 1.5 * 2, -1.5 * 1.25] and clip.high_.tolist() == [4 + 1.5 * 2, 1.25 + 1.5 * 1.25]
    y = clip.transform(x)
    np.testing.assert_array_equal(y, [[1, 0], [2, 0], [3, 0], [4, NAN], [7, 3.125]])
    assert ClipOutliers(100.0).fit_transform(x)[4, 0] == 100 and clip.transform(x.astype("float32")).dtype == "float32"
    other = clip.transform(np.array([[-50.0, 3]]))  # another part, by the bounds of the first
    assert other.tolist() == [[-1, 3]]
    for call, words in [(lambda: ClipOutliers().transform(x), "not been fitted"),
                        (lambda: clip.transform(x[:, :1]), "2, as in"), (lambda: clip.fit(x[0]), r"\(N, D\)"),
                        (lambda: clip.set_params(facter=1), "facter")]:
        with pytest.raises(DataError, match=words):
            call()
    assert clip.set_params(factor=3).get_params() == {"factor": 3} and repr(clip) == "ClipOutliers(factor=3)"


def test_dropping_gaps():
    x, names = np.array([[1.0, 2], [NAN, 3], [4, 5], [6, 7]]), np.array(["a", "b", None, "d"], object)
    a, b, c = drop_missing(x, names, np.arange(4))
    assert a.tolist() == [[1, 2], [6, 7]] and b.tolist() == ["a", "d"] and c.tolist() == [0, 3]
    assert drop_missing(x).tolist() == [[1, 2], [4, 5], [6, 7]]
    with pytest.raises(DataError, match="same first dimension"):
        drop_missing(x, names[:2])


def test_dropping_duplicates():
    x = np.array([[1, NAN], [1, NAN], [0.0, 2], [-0.0, 2], [1, 3]])
    assert np.array_equal(drop_duplicates(x), x[[0, 2, 4]], equal_nan=True)
    a, b = drop_duplicates(x, np.array([0, 1, 0, 0, 0]))
    assert np.array_equal(a, x[[0, 1, 2, 4]], equal_nan=True) and b.tolist() == [0, 1, 0, 0]
    words = np.array([["a", 1.0], ["b", NAN], ["a", 1.0], ["b", NAN], ["nan", NAN]], object)
    assert drop_duplicates(words).tolist()[::2] == [["a", 1.0], ["nan", NAN]] or len(drop_duplicates(words)) == 3
    assert drop_duplicates(np.array(["x", "y", "x"])).tolist() == ["x", "y"]
    images = np.random.default_rng(0).integers(0, 2, (200, 2, 3, 1))
    kept = drop_duplicates(images)
    assert len(kept) == len({i.tobytes() for i in images}) < 200


def test_class_weights():
    y = np.repeat([0, 1, 5], [60, 30, 10])
    weights = class_weights(y)
    assert weights == {0: 100 / 180, 1: 100 / 90, 5: 100 / 30} and all(type(k) is int for k in weights)
    assert abs(np.mean([weights[int(c)] for c in y]) - 1) < 1e-12
    for labels, words in (np.eye(3), r"argmax"), ([], "one class"):
        with pytest.raises(DataError, match=words):
            class_weights(labels)
    with pytest.raises(DataError, match="'balanced'"):
        class_weights(y, "even")


class Halve:
    """A transformer that is not scikit-learn's."""

    def __init__(self):
        self.seen = []

    def fit(self, x):
        self.seen.append(len(x))
        return self

    def transform(self, x):
        self.seen.append(len(x))
        return np.asarray(x, float) / 2


@pytest.mark.parametrize("before, sizes", [(True, [4, 2]), (False, [4, 2])])
def test_a_transformer_is_asked_for_whole_batches(before, sizes):
    x, y, half = np.arange(12, dtype="float32").reshape(6, 2), np.arange(6), Halve()
    d = Dataset((x, y)).transform(half).batch(4) if before else Dataset((x, y)).batch(4).transform(half)
    batches = list(d)
    assert half.seen == sizes
    assert np.array_equal(np.concatenate([a for a, _ in batches]), x / 2) and batches[0][0].dtype == "float32"
    assert np.concatenate([b for _, b in batches]).tolist() == list(range(6))
    assert next(iter(Dataset(x).transform(half))).tolist() == [0, 0.5]
    shuffled = Dataset((x, y)).transform(half).shuffle(0).batch(3)
    assert all(np.array_equal(a, x[b] / 2) for a, b in shuffled)


class Parts(Halve):
    """One that learns in parts."""

    def partial_fit(self, x):
        self.seen.append(np.shape(x))


def test_what_learns_in_parts_never_sees_all_at_once():
    x = np.arange(12.0).reshape(6, 2)
    assert fitted(Parts(), Dataset((x, x)).batch(4)).seen == [(4, 2), (2, 2)]
    assert fitted(Parts(), Dataset(x).take(2)).seen == [(1, 2), (1, 2)]


def test_fitted_takes_arrays_and_data_sets():
    x = np.arange(12.0).reshape(6, 2)
    assert all(fitted(Halve(), data).seen == [6] for data in (x, Dataset((x, x)).batch(4), Dataset(x)))
    with pytest.raises(DataError, match="Use map"):
        Dataset(x).transform(abs)
    with pytest.raises(DataError, match=r"fitted\(Halve\(\), x_train\)"):
        Dataset(x).transform(Halve)
