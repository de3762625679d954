"""Means, losses as metrics, R², agreement, perplexity, error rates: against their definitions; configs, merging, dtypes."""

import functools
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import losses, metrics

RNG = np.random.default_rng(11)


def batched(metric, *columns):
    """The result over batches of 2, 5, and the rest."""
    for batch in zip(*[np.split(np.asarray(c), [2, 7]) for c in columns]):
        metric.update_state(*batch)
    return metric.result()


@pytest.mark.parametrize("cls, loss, sample", [
    ("MeanSquaredError", "mean_squared_error", "numbers"), ("MeanAbsoluteError", "mean_absolute_error", "numbers"),
    ("MeanAbsolutePercentageError", "mean_absolute_percentage_error", "numbers"), ("LogCoshError", "log_cosh", "numbers"),
    ("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", "rows"), ("Hinge", "hinge", "signs"),
    ("SquaredHinge", "squared_hinge", "signs"), ("CategoricalHinge", "categorical_hinge", "one_hot"),
    ("KLDivergence", "kl_divergence", "rows"), ("Poisson", "poisson", "rows"),
    ("BinaryCrossentropy", "binary_crossentropy", "rows"), ("CategoricalCrossentropy", "categorical_crossentropy", "rows")])
def test_a_loss_as_a_metric_is_its_weighted_mean(cls, loss, sample):
    p = RNG.uniform(0.1, 1, (12, 3))
    true = {"numbers": RNG.standard_normal((12, 3)), "signs": RNG.choice([-1, 1], (12, 3)),
            "one_hot": np.eye(3)[[0, 2, 1] * 4], "rows": RNG.dirichlet([1, 1, 1], 12)}[sample]
    weights = RNG.uniform(0, 2, 12)
    each = getattr(losses, loss)(true, p).numpy()
    metric = getattr(metrics, cls)()
    assert batched(metric, true, p, weights) == pytest.approx(each @ weights / weights.sum(), rel=1e-12)
    metric.reset_state()
    assert metric.result() == 0 and batched(metric, true, p) == pytest.approx(each.mean(), rel=1e-12)


def test_numbers_in_a_row_without_an_axis_are_examples():
    weights = [1, 0, 3]
    assert metrics.MeanAbsoluteError()([1.0, 2, 3], [2.0, 9, 5], weights) == (1 + 6) / 4
    assert metrics.BinaryCrossentropy()([1, 0], [0.5, 0.25], [[3], [1]]) == pytest.approx(
        (3 * math.log(2) - math.log(0.75)) / 4)
    assert metrics.RootMeanSquaredError()([0.0, 0], [3.0, 4]) == math.sqrt(12.5)
    assert metrics.CosineSimilarity()([[3.0, 4], [1, 0]], [[6.0, 8], [-1, 0]]) == pytest.approx(0)
    assert metrics.CosineSimilarity()([[3.0, 4]], [[4.0, 3]]) == pytest.approx(0.96)


def test_smoothing_and_logits_reach_the_loss():
    logits = np.array([[0.3, -1.0], [2.0, 0.1]])
    for cls, loss in ((metrics.BinaryCrossentropy, losses.binary_crossentropy),
                      (metrics.CategoricalCrossentropy, losses.categorical_crossentropy)):
        expected = loss(np.eye(2), logits, from_logits=True, label_smoothing=0.2).numpy().mean()
        assert cls(from_logits=True, label_smoothing=0.2)(np.eye(2), logits) == pytest.approx(expected, rel=1e-12)
    expected = -np.log(np.exp(logits[[0, 1], [1, 0]]) / np.exp(logits).sum(axis=1)).mean()
    assert metrics.SparseCategoricalCrossentropy(from_logits=True)([1, 0], logits) == pytest.approx(expected)
    first = metrics.SparseCategoricalCrossentropy(from_logits=True, axis=1)
    assert first([[[1, 0]]], logits.T[None]) == pytest.approx(expected)


def test_sum():
    assert metrics.Sum()([[1, 2], [3, 4]], [1, 10]) == 73
    assert batched(metrics.Sum(), np.arange(10.0)) == 45 and metrics.Sum()(2.5) == 2.5


def test_an_ignored_class_counts_nowhere():
    p = np.array([[0.5, 0.5], [0.9, 0.1], [0.25, 0.75]])
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    assert metric([0, -1, 1], p) == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)
    assert metrics.SparseCategoricalCrossentropy(ignore_class=-1)([0, -1, 1], p, [1, 5, 3]) == pytest.approx(
        -(math.log(0.5) + 3 * math.log(0.75)) / 4)
    metric.update_state([-1], p[:1])  # nothing to count
    assert metric.count == 2
    with pytest.raises(ValueError, match="classes 0 to 1, got 2"):
        metric.update_state([2], p[:1])


def test_perplexity():
    vocabulary = np.full((2, 3, 50), 1 / 50)
    assert metrics.Perplexity()(RNG.integers(0, 50, (2, 3)), vocabulary) == pytest.approx(50)
    logits, tokens = RNG.standard_normal((9, 4, 7)), RNG.integers(0, 7, (9, 4))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    nats = [-math.log(p[i, t, tokens[i, t]]) for i in range(9) for t in range(4) if tokens[i, t] != 0]
    metric = metrics.Perplexity(from_logits=True, mask_token_id=0)
    assert batched(metric, tokens, logits) == pytest.approx(math.exp(sum(nats) / len(nats)), rel=1e-12)
    assert metrics.Perplexity.from_config(metric.get_config()).mask_token_id == 0
    assert metrics.Perplexity().result() == 1
    assert metrics.Perplexity(from_logits=True)([0], [[-5000.0, 0]]) == math.inf


def test_r2():
    true, p, w = RNG.standard_normal((11, 2)) * [1, 5], RNG.standard_normal((11, 2)), RNG.uniform(0, 2, (11, 1))
    mean = (w * true).sum(axis=0) / w.sum()
    squares = (w * (true - mean) ** 2).sum(axis=0)
    each = 1 - (w * (true - p) ** 2).sum(axis=0) / squares
    for offset in (0.0, 2.0 ** 30):
        far, digits = true + offset, 1e-5 if offset else 1e-12  # the offset itself costs digits of the data
        assert np.allclose(batched(metrics.R2Score(None), far, p + offset, w), each, rtol=digits)
    assert batched(metrics.R2Score(), true, p, w) == pytest.approx(each.mean(), rel=1e-12)
    assert batched(metrics.R2Score("variance_weighted_average"), true, p, w) == pytest.approx(
        each @ squares / squares.sum(), rel=1e-12)
    adjusted = batched(metrics.R2Score(num_regressors=2), true[:, 0], p[:, 0], w[:, 0])
    assert adjusted == pytest.approx(1 - (1 - each[0]) * 10 / 8, rel=1e-12)
    for n in (10, 12):
        with pytest.warns(UserWarning, match=f"more than {n + 1} targets for {n} regressors, got 11"):
            few = batched(metrics.R2Score(num_regressors=n), true[:, 0], p[:, 0], w[:, 0])
        assert few == pytest.approx(each[0], rel=1e-12)
    assert metrics.R2Score(None)([[0.1, 0.3]] * 3, [[0.1, 0.4]] * 3, [1, 3, 7]).tolist() == [1, 0]  # all targets equal
    assert math.isnan(metrics.R2Score()([1.0], [1.0])) and math.isnan(metrics.R2Score().result())
    for cls in (metrics.KLDivergence, metrics.CosineSimilarity, metrics.CategoricalHinge, metrics.CategoricalCrossentropy,
                metrics.SparseCategoricalCrossentropy):
        with pytest.raises(ValueError, match=r"y_pred: expected .*\(..., C\), got shape \(2,\)"):
            cls()([0, 1], [0.5, 0.5])
    with pytest.raises(ValueError, match="2 outputs as before, got 1"):
        _counted(metrics.R2Score(), true, p).update_state(true[:, 0], p[:, 0])


def test_agreement():
    true, p, w = RNG.integers(0, 4, 60), RNG.integers(0, 4, 60), RNG.uniform(0, 2, 60)
    p[::2] = true[::2]
    x, y = np.eye(4)[true], np.eye(4)[p]

    def covariance(a, b):
        return (w[:, None] * (a - w @ a / w.sum()) * (b - w @ b / w.sum())).sum()

    assert batched(metrics.MatthewsCorrelation(), true, p, w) == pytest.approx(
        covariance(x, y) / math.sqrt(covariance(x, x) * covariance(y, y)), rel=1e-12)
    assert metrics.MatthewsCorrelation()([1, 1, 0], [1, 1, 1]) == 0 == metrics.MatthewsCorrelation().result()
    for kind, cost in ((None, lambda i, j: i != j), ("linear", lambda i, j: abs(i - j)),
                       ("quadratic", lambda i, j: (i - j) ** 2)):
        seen = sum(w[i] * cost(true[i], p[i]) for i in range(60)) / w.sum()
        chance = sum(w[i] * w[j] * cost(true[i], p[j]) for i in range(60) for j in range(60)) / w.sum() ** 2
        assert batched(metrics.CohenKappa(kind), true, p, w) == pytest.approx(1 - seen / chance, rel=1e-12)
    two_apart = [0, 2, 5], [0, 5, 5]  # places 0, 1, 2 among those that occur
    assert metrics.CohenKappa("linear")(*two_apart) == metrics.CohenKappa("linear")([0, 1, 2], [0, 2, 2])
    assert metrics.CohenKappa("linear", num_classes=6)(*two_apart) == pytest.approx(1 - 3 / (23 / 3))
    assert math.isnan(metrics.CohenKappa()([1, 1], [1, 1]))
    recalls = [w[(true == c) & (p == c)].sum() / w[true == c].sum() for c in range(4)]
    assert batched(metrics.BalancedAccuracy(), true, p, w) == pytest.approx(np.mean(recalls), rel=1e-12)
    assert batched(metrics.BalancedAccuracy(True), true, p, w) == pytest.approx((np.mean(recalls) - 0.25) / 0.75, rel=1e-12)
    assert metrics.BalancedAccuracy()([0, 0, 2], [0, 1, 2]) == 0.75  # class 1 has no true examples
    overlaps = [w[(true == c) & (p == c)].sum() / w[(true == c) | (p == c)].sum() for c in range(4)]
    assert batched(metrics.MeanIoU(), true, p, w) == pytest.approx(np.mean(overlaps), rel=1e-12)
    assert metrics.MeanIoU(num_classes=9)([0, 0, 2], [0, 0, 2]) == 1
    matrix = metrics.ConfusionMatrix(3)([0, 0, 1], [0, 1, 1])
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    for normalize, expected in (("true", [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 0]]), ("all", matrix / 3),
                                ("pred", [[1, 0.5, 0], [0, 0.5, 0], [0, 0, 0]])):
        assert np.array_equal(metrics.ConfusionMatrix(3, normalize)([0, 0, 1], [0, 1, 1]), expected)


def test_top_k():
    true, scores = [2, 0], [[0.1, 0.5, 0.4], [0.2, 0.2, 0.6]]
    assert [metrics.SparseTopKCategoricalAccuracy(k)(true, scores) for k in (1, 2, 3, 5)] == [0, 1, 1, 1]  # a tie is in
    assert metrics.TopKCategoricalAccuracy(2)(np.eye(3)[true], scores, [3, 1]) == 1
    ranked = metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True)
    assert ranked([[7], [8]], [[1, 7, 3], [4, 5, 8]]) == 0.5
    for metric in (metrics.TopKCategoricalAccuracy(), metrics.SparseTopKCategoricalAccuracy()):
        with pytest.raises(ValueError, match="y_true: expected shape"):
            metric.update_state(np.zeros((4, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="classes 0 to 2, got 3"):
        metrics.SparseTopKCategoricalAccuracy()([3], [[1, 2, 3]])
    assert metrics.sparse_top_k_categorical_accuracy(true, scores, k=1).tolist() == [0, 0]


# ---- error rates

def edits(a, b):
    """The definition, by recursion."""
    @functools.cache
    def of(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (a[i - 1] != b[j - 1]))
    return of(len(a), len(b))


def test_edit_distance():
    assert metrics.edit_distance("kitten", "sitting") == 3 and metrics.edit_distance([], [1, 2]) == 2
    for _ in range(60):
        a, b = ("".join(RNG.choice(list("abc"), RNG.integers(0, 9))) for _ in range(2))
        assert metrics.edit_distance(a, b) == edits(a, b)


def test_error_rates_are_of_all_sentences_together():
    references, heard = ["the cat sat on the mat", "yes", ""], ["the cat sat mat", "no yes", "uh"]
    assert metrics.WordErrorRate()(references, heard) == (2 + 1 + 1) / 7
    assert metrics.WordErrorRate()(references, heard, [1, 2, 0]) == (2 + 2) / 8
    assert metrics.CharacterErrorRate()("abc d", "abd") == edits("abc d", "abd") / 5
    apart = metrics.WordErrorRate()
    for a, b in zip(references, heard):
        apart.update_state(a, b)
    assert apart.result() == 4 / 7
    assert metrics.WordErrorRate()("", "") == 0 and metrics.WordErrorRate()("", "a") == math.inf
    tokens = np.array([[4, 5, 6, 0], [7, 0, 0, 0]]), np.array([[4, 6, 0, 0], [7, 8, 0, 0]])
    assert metrics.WordErrorRate(mask_token_id=0)(*tokens) == 2 / 4 and metrics.WordErrorRate()(*tokens) == 3 / 8
    assert metrics.WordErrorRate()([["a", "b"]], [["a"]]) == 0.5
    assert metrics.WordErrorRate()(mg.Tensor(tokens[0]), mg.Tensor(tokens[0])) == 0
    for wrong in (["a", "b"], 3, [[["a"]]], [None], [1, 2]):
        with pytest.raises(ValueError, match="word_error_rate: y_pred: expected"):
            metrics.WordErrorRate().update_state(["a"], wrong)


# ---- what all metrics have

ALL = [metrics.get(name) for name in sorted(metrics._NAMES) if "At" not in name] + [
    metrics.PrecisionAtRecall(0.5), metrics.AUC(50), metrics.Precision([0.2, 0.7])]


def batch_for(metric, n=6):
    rng = np.random.default_rng(n)
    if isinstance(metric, metrics.WordErrorRate):
        return tuple([" ".join(rng.choice(list("abc"), k)) for k in rng.integers(1, 6, n)] for _ in range(2))
    if type(metric) in (metrics.Mean, metrics.Sum):
        return (rng.random(n),)
    if "parse" in type(metric).__name__ or isinstance(metric, metrics.Perplexity):
        return rng.integers(0, 9, n), rng.dirichlet(np.ones(9), n)
    if "ategorical" in type(metric).__name__:
        return np.eye(9)[rng.integers(0, 9, n)], rng.dirichlet(np.ones(9), n)
    if isinstance(metric, (metrics.KLDivergence, metrics.CosineSimilarity)):
        return tuple(rng.dirichlet(np.ones(4), n) for _ in range(2))
    return rng.permutation(np.arange(n) % 2), rng.random(n)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_every_metric_keeps_the_contract(metric):
    whole, parts = type(metric).from_config(metric.get_config()), []
    assert whole.get_config() == metric.get_config() and type(whole).__name__ in repr(whole)
    empty = whole.result()
    for n in (6, 4, 10):
        batch = batch_for(metric, n)
        whole.update_state(*batch)
        parts.append(_counted(type(metric).from_config(metric.get_config()), *batch))
    merged = parts[0].merge(*parts[1:])
    assert merged is parts[0] and np.allclose(merged.result(), whole.result(), rtol=1e-13)
    assert not np.allclose(whole.result(), parts[1].result())  # so the line above can fail
    fresh = type(metric).from_config(metric.get_config())
    assert np.array_equal(fresh.merge(type(metric).from_config(metric.get_config())).result(), empty, equal_nan=True)
    assert np.allclose(fresh.merge(whole).result(), whole.result(), rtol=1e-13)  # into one that counted nothing
    nothing = np.zeros(len(batch[0]))
    before = np.copy(whole.result())
    if not isinstance(whole, metrics.R2Score):
        whole.update_state(*batch, sample_weight=nothing)
    assert np.allclose(whole.result(), before, rtol=1e-13)
    weighted, twice = (type(metric).from_config(metric.get_config()) for _ in range(2))
    weighted.update_state(*batch, sample_weight=nothing + 2)
    twice.update_state(*batch), twice.update_state(*batch)
    assert np.allclose(weighted.result(), twice.result(), rtol=1e-12, equal_nan=True)
    weighted.reset_state()
    assert np.array_equal(weighted.result(), empty, equal_nan=True)
    with pytest.raises(ValueError, match=f"{weighted.name}: sample_weight"):
        weighted.update_state(*batch, sample_weight=nothing - 1)
    with pytest.raises(ValueError, match="sample_weight"):
        weighted.update_state(*batch, sample_weight=np.ones(len(batch[0]) + 1))
    assert np.array_equal(weighted.result(), empty, equal_nan=True)
    with pytest.raises(ValueError, match="metrics of one kind and one configuration"):
        merged.merge(metrics.PrecisionAtRecall(0.25))


def test_the_mean_of_a_function():
    def power(y_true, y_pred, p=1):
        return np.abs(np.subtract(y_pred, y_true)) ** p

    cubes = metrics.MeanMetricWrapper(power, p=3)
    assert batched(cubes, np.zeros(10), np.arange(10.0)) == np.mean(np.arange(10.0) ** 3) and cubes.name == "power"
    ones = _counted(metrics.MeanMetricWrapper(power, p=3), [0.0], [1.0])
    assert cubes.merge(ones).count == 11
    for other, words in ((metrics.MeanMetricWrapper(power), "arguments {'p': 3}, got {}"),
                         (metrics.MeanMetricWrapper(losses.huber), "one kind and one configuration")):
        with pytest.raises(ValueError, match=words):
            cubes.merge(other)
    with pytest.raises(TypeError, match="power: .* is a function"):
        cubes.get_config()


def test_what_differs_is_not_merged():
    with pytest.raises(ValueError, match="merge"):
        metrics.AUC(10).merge(metrics.AUC(11))
    one = _counted(metrics.ConfusionMatrix(), [0], [[0.1, 0.2]])
    with pytest.raises(ValueError, match="scores of 2 classes as before, got 3"):
        one.merge(_counted(metrics.ConfusionMatrix(), [0], [[0.1, 0.2, 0.3]]))
    metrics.AUC(name="a").merge(metrics.AUC(name="b"))  # names are their own


def test_the_dtype_rounds_what_comes_in():
    exact, rounded = metrics.MeanAbsoluteError(), metrics.MeanAbsoluteError(dtype="float32")
    assert exact([0.0], [0.1]) == 0.1 and rounded([0.0], [0.1]) == np.float32(0.1)
    assert rounded.get_config() == {"name": "mean_absolute_error", "dtype": "float32"}


def test_a_metric_of_ones_own_that_names_its_sums_is_merged():
    class Largest(metrics.Metric):
        sums = ("count",)

        def __init__(self):
            super().__init__()
            self.reset_state()

        def reset_state(self):
            self.count = 0

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count += len(y_true)

        def result(self):
            return self.count

    assert _counted(Largest(), [1, 2], [1, 2]).merge(_counted(Largest(), [1], [1])).result() == 3
    assert repr(Largest()) == "<Largest 'largest': 0.0000>"


def test_names_and_configs():
    for name, cls in (("AUC", metrics.AUC), ("MSE", metrics.MeanSquaredError), ("wer", metrics.WordErrorRate)):
        assert type(metrics.get(name)) is cls
    chosen = metrics.get({"class_name": "PrecisionAtRecall", "config": {"recall": 0.25}})
    assert chosen.recall == 0.25 and metrics.get(chosen) is chosen
    assert metrics.get("pr_auc").curve == "PR" and metrics.get("pr_auc").name == "pr_auc"
    assert metrics.get("f1").average == "auto" and metrics.get("f1_score").average is None
    with pytest.raises(ValueError, match="did you mean 'matthews_correlation'"):
        metrics.get("mathews_correlation")
    with pytest.raises(ValueError, match="did you mean 'auc'"):
        metrics.get("aucc")


def test_fit_uses_metrics_with_weights():
    x = RNG.standard_normal((24, 3)).astype("float32")
    y = (x[:, 0] > 0).astype(int)
    mg.seed(0)
    model = mg.Sequential([mg.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", ["accuracy", "auc", "mse", "mcc", "f1", "precision", "pr_auc"])
    found = model.evaluate(x, y, batch_size=5)
    p = model.predict(x)[:, 0]
    assert found["auc"] == pytest.approx(metrics.AUC()(y, p)) and found["mse"] == pytest.approx(np.mean((y - p) ** 2))
    assert found["precision"] == pytest.approx(y[p > 0.5].mean())
    assert set(found) == {"loss", "accuracy", "auc", "mse", "mcc", "f1", "precision", "pr_auc"}


def test_report_and_labels():
    true, p = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]
    found = metrics.classification_report(true, p, ["two", "none"], labels=[2, 3], output_dict=True)
    assert found["two"] == pytest.approx({"precision": 1, "recall": 2 / 3, "f1-score": 0.8, "support": 3})
    assert found["none"] == {"precision": 0, "recall": 0, "f1-score": 0, "support": 0} and "accuracy" not in found
    assert found["macro avg"]["f1-score"] == pytest.approx(0.4) and found["micro avg"]["precision"] == 1
    weighted = metrics.classification_report(true, p, sample_weight=[1, 0, 1, 1, 1, 1], digits=2)
    assert weighted.accuracy == 0.8 and "0.80" in str(weighted) and "0.8000" not in str(weighted)
    assert metrics.classification_report([0, 0], [0, 1], zero_division=1).recall.tolist() == [0.5, 1]
    for wrong in ({"labels": [1, 1]}, {"labels": [-1]}, {"labels": []}, {"labels": [0], "target_names": ["a", "b"]}):
        with pytest.raises(ValueError, match="expected"):
            metrics.classification_report(true, p, **wrong)


def test_rich_is_imported_where_a_table_is_printed():
    from minigrad.metrics import report
    assert not {"rich", "box", "Console", "Table", "Text"} & set(vars(report))


def _counted(metric, *batch):
    metric.update_state(*batch)
    return metric
