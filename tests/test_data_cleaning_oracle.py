"""scikit-learn's transformers in data sets, and its splits and weights beside ours."""

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.model_selection import GridSearchCV, train_test_split  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402
from sklearn.utils.class_weight import compute_class_weight  # noqa: E402

from minigrad.data import ClipOutliers, DataError, Dataset, class_weights, csv, fitted  # noqa: E402
from minigrad.data import train_test_split as our_split  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.standard_normal((100, 3)).astype("float32")
X[RNG.random(X.shape) < 0.1] = np.nan
Y = RNG.integers(0, 3, 100)


def test_a_pipeline_learns_from_the_training_part_and_cleans_both():
    train, test = Dataset((X, Y)).split(0.3, seed=0)
    clean = fitted(make_pipeline(SimpleImputer(), ClipOutliers(), StandardScaler()), train)
    rows = np.concatenate([x[None] for x, _ in train])
    by_hand = make_pipeline(SimpleImputer(), ClipOutliers(), StandardScaler()).fit(rows)
    for part in train, test:
        raw, cleaned = next(iter(part.batch(100))), next(iter(part.transform(clean).batch(100)))
        np.testing.assert_allclose(cleaned[0], by_hand.transform(raw[0]), rtol=1e-5, atol=1e-6)
        assert cleaned[0].dtype == "float32" and np.array_equal(raw[1], cleaned[1])


def test_what_can_learn_in_parts_sees_batches():
    x = np.nan_to_num(X)
    whole = StandardScaler().fit(x)
    parts = fitted(StandardScaler(), Dataset((x, Y)).batch(16))
    np.testing.assert_allclose(parts.mean_, whole.mean_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(parts.scale_, whole.scale_, rtol=1e-6)


@pytest.mark.parametrize("transformer", [StandardScaler(), make_pipeline(SimpleImputer(), StandardScaler()),
                                         ColumnTransformer([("n", StandardScaler(), [0])])])
def test_a_forgotten_fit_is_named(transformer):
    with pytest.raises(DataError, match=r"has not been fitted.*mg\.data\.fitted\(transformer, x_train\)"):
        Dataset((X, Y)).transform(transformer)


def test_a_table_through_a_column_transformer(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("age,sex,fare,alive\n20,m,1,no\n,f,2,yes\n40,,3,yes\n30,m,,no\n")
    t = csv(path, target="alive")
    clean = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), t.where(*t.numbers)),
        ("texts", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), t.where(*t.texts))])
    x, y = next(iter(t.dataset().transform(fitted(clean, t.x)).batch(4)))
    assert x.shape == (4, 4) and x.dtype == "float32" and y.tolist() == [0, 1, 1, 0]
    np.testing.assert_allclose(x[:, :2].mean(0), 0, atol=1e-6)
    assert x[:, 2:].tolist() == [[0, 1], [1, 0], [0, 1], [0, 1]]
    with pytest.raises(DataError, match="OneHotEncoder"):
        list(t.dataset().transform(fitted(SimpleImputer(strategy="most_frequent"), t.x)).batch(4))


def test_clip_outliers_in_pipelines_and_searches():
    assert clone(ClipOutliers(2.0)).factor == 2.0
    pipeline = Pipeline([("clip", ClipOutliers()), ("scale", StandardScaler())])
    from sklearn.linear_model import LogisticRegression
    search = GridSearchCV(Pipeline([("clean", pipeline), ("model", LogisticRegression())]),
                          {"clean__clip__factor": [0.5, 3.0]}, cv=2).fit(np.nan_to_num(X), Y)
    assert search.best_params_["clean__clip__factor"] in (0.5, 3.0)


@pytest.mark.parametrize("test_size", [0.2, 0.37, 31])
def test_stratified_splits_have_the_counts_of_scikit_learns(test_size):
    y = np.repeat([0, 1, 2, 3], [50, 31, 12, 7])
    *_, ours = our_split(y, y, test_size=test_size, stratify=y, seed=0)
    theirs = train_test_split(y, test_size=test_size, stratify=y, random_state=0)[1]
    _, ds = Dataset((y, y)).split(test_size, stratify=True, seed=0)
    assert np.abs(np.bincount(ours) - np.bincount(theirs)).max() <= 1 and len(ours) == len(theirs) == len(ds)
    assert np.bincount(ds.labels).tolist() == np.bincount(ours).tolist()


def test_balanced_weights():
    classes = np.unique(Y)
    expected = compute_class_weight("balanced", classes=classes, y=Y)
    assert class_weights(Y) == pytest.approx(dict(zip(classes.tolist(), expected)), rel=1e-12)
