"""MinigradClassifier and MinigradRegressor: scikit-learn's own checks, and what people do with estimators."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import callbacks, layers, optimizers

pytest.importorskip("sklearn")
from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_iris, make_regression  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

SMALL = dict(hidden_layer_sizes=(16,), epochs=40, learning_rate=0.02)
X, Y = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def built(features, outputs):
    x = mg.Input((features,))
    h = layers.Dense(8, "tanh")(x)
    return mg.Model(x, layers.Dense(outputs, "softmax")(layers.Concatenate()([x, h])))


class Own(mg.Model):
    """A class of models of the user's own, with a step of its own."""

    def train_step(self, x, y, sample_weight=None):
        return super().train_step(x, y, sample_weight)


def of_own(features, outputs):
    x = mg.Input((features,))
    return Own(x, layers.Dense(outputs, "softmax")(x))


@pytest.mark.parametrize("name", ["MinigradClassifier", "MinigradRegressor"])
def test_scikit_learns_checks(name):
    results = check_estimator(getattr(mg, name)(**SMALL), on_fail=None, on_skip=None)
    assert len(results) > 50
    assert [(r["check_name"], r["exception"]) for r in results if r["status"] not in ("passed", "skipped")] == []
    skipped = {r["check_name"]: str(r["exception"]) for r in results if r["status"] == "skipped"}
    assert all("pandas" in why or "array" in why.lower() for why in skipped.values()), skipped


def test_minigrad_does_not_import_scikit_learn():
    code = ("import sys, minigrad as mg; assert 'sklearn' not in sys.modules; mg.MinigradClassifier; "
            "print('sklearn' in sys.modules)")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "True", run.stderr
    without = "import sys; sys.modules['sklearn'] = None; import minigrad as mg; mg.MinigradRegressor"
    run = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True)
    assert "mg.MinigradRegressor needs scikit-learn: pip install 'minigrad[sklearn]'" in run.stderr
    with pytest.raises(AttributeError, match="'MinigradClasifier'"):
        _ = mg.MinigradClasifier


def test_in_a_pipeline_a_search_and_cross_validation():
    pipeline = make_pipeline(StandardScaler(), mg.MinigradClassifier(**SMALL, random_state=0))
    assert cross_val_score(pipeline, *load_iris(return_X_y=True), cv=3).min() > 0.85
    grid = {"epochs": [1, 40], "hidden_layer_sizes": [(4,), (8, 8)]}
    search = GridSearchCV(mg.MinigradClassifier(**SMALL, random_state=0), grid, cv=2)
    search.fit(X, NAMES)
    assert search.best_params_["epochs"] == 40 and search.score(X, NAMES) > 0.9


def never_built(features, outputs):
    return mg.Sequential([layers.Dense(outputs, "softmax")])


@pytest.mark.parametrize("model", [built, of_own, never_built, built(4, 3)])
def test_models_of_ones_own(model):
    estimator = mg.MinigradClassifier(model, epochs=60, learning_rate=0.05, random_state=1).fit(X, NAMES)
    assert estimator.score(X, NAMES) > 0.9 and list(estimator.classes_) == sorted(set(NAMES))
    assert len(estimator.history_["loss"]) == 60 and estimator.n_features_in_ == 4
    p = estimator.predict_proba(X)
    np.testing.assert_allclose(p.sum(1), 1)
    if isinstance(model, mg.Model):  # as it was: each fit takes a clone
        assert model.optimizer is None and estimator.model_ is not model
    again = clone(estimator)
    assert not hasattr(again, "model_")
    assert np.array_equal(again.fit(X, NAMES).predict_proba(X), p)


def test_one_output_is_a_probability():
    def model(features, outputs):
        return mg.Sequential([layers.Input((features,)), layers.Dense(1, "sigmoid")])

    estimator = mg.MinigradClassifier(model, epochs=80, learning_rate=0.1, random_state=0).fit(X, Y == 2)
    assert estimator.predict_proba(X).shape == (150, 2) and estimator.score(X, Y == 2) > 0.9
    assert estimator.predict(X).dtype == bool


@pytest.mark.parametrize("model", [None, built, of_own, built(4, 3)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pickled_and_copied(model, dtype):
    estimator = mg.MinigradClassifier(model, epochs=3, random_state=0, dtype=dtype).fit(X, NAMES)
    for other in pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator):
        assert np.array_equal(other.predict_proba(X), estimator.predict_proba(X))
        assert other.predict_proba(X).dtype == dtype and other.model_ is not estimator.model_
        other.partial_fit(X, NAMES)  # goes on, its optimizer too
        assert other.model_.optimizer.iterations == 4
    assert estimator.model_.optimizer.iterations == 3


def test_going_on():
    """Three times an epoch, by partial_fit or by warm_start, are three epochs."""
    whole = mg.MinigradClassifier(**SMALL | {"epochs": 3}, random_state=0, batch_size=40).fit(X, Y)
    parts = mg.MinigradClassifier(**SMALL, random_state=0, batch_size=40)
    warm = mg.MinigradClassifier(**SMALL | {"epochs": 1}, random_state=0, batch_size=40, warm_start=True)
    with pytest.raises(ValueError, match="needs classes"):
        parts.partial_fit(X, Y)
    for i in range(3):
        parts.partial_fit(X, Y, classes=[0, 1, 2] if i == 0 else None)
        warm.fit(X, Y)
    for other in parts, warm:
        assert np.array_equal(other.predict_proba(X), whole.predict_proba(X))
    with pytest.raises(ValueError, match=r"not there in the first fit: \[7\]"):
        parts.partial_fit(X, np.where(Y == 2, 7, Y))
    with pytest.raises(ValueError, match="features"):
        parts.partial_fit(X[:, :3], Y)


def test_weights_are_repetitions_in_one_batch():
    x, y = make_regression(30, 3, random_state=0)
    weights = np.random.default_rng(0).integers(0, 4, 30)
    rows = np.repeat(np.arange(30), weights)
    how = dict(**SMALL, random_state=0)
    weighed = mg.MinigradRegressor(**how).fit(x, y, sample_weight=weights)
    np.testing.assert_allclose(weighed.predict(x), mg.MinigradRegressor(**how).fit(x[rows], y[rows]).predict(x), rtol=1e-7)
    for class_weight in {0: 1, 1: 5, 2: 2}, "balanced":
        one = mg.MinigradClassifier(**how, class_weight=class_weight).fit(X[30:], Y[30:])
        by_hand = np.array([1, 5, 2])[Y[30:]] if isinstance(class_weight, dict) else 120 / 3 / np.bincount(Y[30:])[Y[30:]]
        two = mg.MinigradClassifier(**how).fit(X[30:], Y[30:], sample_weight=by_hand)
        np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), rtol=1e-7)
        half = np.linspace(0.5, 2, 120)
        one, two = one.fit(X[30:], Y[30:], sample_weight=half), two.fit(X[30:], Y[30:], sample_weight=half * by_hand)
        np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), rtol=1e-7)


def test_several_numbers_and_callbacks():
    x, y = make_regression(60, 3, n_targets=2, random_state=0)
    stop, optimizer = callbacks.EarlyStopping("loss", patience=50), optimizers.Adam(0.05)

    def model(features, outputs):
        return mg.Sequential([layers.Input((features,)), layers.Dense(outputs)])

    estimator = mg.MinigradRegressor(model, optimizer=optimizer, epochs=5000, callbacks=[stop], random_state=0)
    assert estimator.fit(x, y / y.std(0)).score(x, y / y.std(0)) > 0.99 and estimator.predict(x).shape == (60, 2)
    assert len(estimator.history_["loss"]) < 5000
    assert optimizer.iterations == 0 and optimizer.parameters == []  # a fit takes one like it


@pytest.mark.parametrize("call, error, words", [
    (lambda: mg.MinigradClassifier().predict(X), NotFittedError, "not fitted"),
    (lambda: mg.MinigradClassifier().fit(X, np.zeros(150)), ValueError, "only one class"),
    (lambda: mg.MinigradClassifier().fit(X, Y, sample_weight=(Y == 1) * 1.0), ValueError, "only one class"),
    (lambda: mg.MinigradRegressor().fit(X, Y, sample_weight=np.zeros(150)), ValueError, "(?i)sample.weight"),
    (lambda: mg.MinigradRegressor().fit(X, Y, sample_weight=-np.ones(150)), ValueError, "(?i)negative"),
    (lambda: mg.MinigradClassifier(lambda n, m: layers.Dense(m)).fit(X, Y), TypeError, "a minigrad Model, it gave a Dense"),
    (lambda: mg.MinigradClassifier(optimizer="adma").fit(X, Y), ValueError, "did you mean 'adam'")])
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()
