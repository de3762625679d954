"""Cleaning: scikit-learn's transformers on arrays and data sets; outliers, duplicates and gaps; weights for rare classes.

    scale = mg.data.fitted(make_pipeline(SimpleImputer(), mg.data.ClipOutliers(), StandardScaler()), x_train)
    train, test = (mg.data.Dataset(part).transform(scale) for part in ((x_train, y_train), (x_test, y_test)))

A transformer learns from the training part alone (means, fences, categories), and is then applied to all parts.
"""

import numpy as np

from minigrad.data.batching import common_length
from minigrad.data.errors import DataError, fault
from minigrad.tensor import get_default_dtype


def fitted(transformer, data, y=None):
    """The transformer, fitted on the x of `data`: an array, a table's x, or a Dataset of elements or batches x or (x, y).

    Of a Dataset, one that can learn in parts (partial_fit, as StandardScaler) sees batch after batch, and never all at once.
    """
    if not hasattr(data, "flow"):
        return transformer.fit(data) if y is None else transformer.fit(data, y)
    parts = []
    for element in data.flow(0):
        x = element[0] if isinstance(element, tuple) else element
        if hasattr(transformer, "partial_fit"):
            transformer.partial_fit(x if np.ndim(x) > 1 else np.reshape(x, (1, -1)))
        else:
            parts.append(np.atleast_2d(x))
    return transformer.fit(np.concatenate(parts)) if parts else transformer


def checked_transformer(transformer):
    """The transformer, if it has `transform` and has been fitted."""
    if not hasattr(transformer, "transform"):
        raise fault("transform", "no transformer", "an object with fit and transform, as scikit-learn's",
                    repr(transformer), "Use map for a function.")
    if isinstance(transformer, type):
        raise fault("transform", "a class", "a fitted transformer", transformer.__name__,
                    f"Pass mg.data.fitted({transformer.__name__}(), x_train).")
    if type(transformer).__module__.partition(".")[0] == "sklearn":
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted
        try:
            check_is_fitted(transformer)
        except NotFittedError:
            raise DataError(f"transform: {type(transformer).__name__} has not been fitted: fit it on the training part "
                            "alone, mg.data.fitted(transformer, x_train), and pass what that gives for all parts") from None
    return transformer


def transformed(transformer, x):
    """transformer.transform(x), rows (N, D), as a dense array; float64, which scikit-learn computes in, as x's dtype, or as
    the default one if x is no array of floating-point numbers."""
    y = transformer.transform(x)
    y = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
    if y.dtype.kind == "O":
        raise fault("transform", "its result is no array of numbers", "numbers",
                    f"dtype object of {type(transformer).__name__}",
                    "Add an encoder, such as OneHotEncoder, for the columns of text.")
    if y.dtype != np.float64:
        return y
    return y.astype(x.dtype if getattr(x, "dtype", np.dtype(object)).kind == "f" else get_default_dtype())


class ClipOutliers:
    """A transformer: numbers outside of [Q1 - factor (Q3 - Q1), Q3 + factor (Q3 - Q1)] of their column become that bound.

    Q1 and Q3 are the quartiles of the training part, gaps (nan) left out; gaps stay. Tukey 1977, "Exploratory Data
    Analysis": factor 1.5 for the inner fences, 3 for the outer ones. It has fit and transform as scikit-learn's have them,
    and stands in their pipelines.
    """

    def __init__(self, factor=1.5):
        self.factor = factor

    def fit(self, x, y=None):
        """Learn the bounds of each column of x (N, D)."""
        x = _columns(x, "ClipOutliers")
        low, high = np.nanquantile(x, [0.25, 0.75], axis=0)
        margin = self.factor * (high - low)
        self.low_, self.high_ = low - margin, high + margin
        return self

    def transform(self, x):
        """x with its outliers clipped."""
        if not hasattr(self, "low_"):
            raise DataError("ClipOutliers has not been fitted: call fit(x_train), on the training part alone")
        x = _columns(x, "ClipOutliers")
        if x.shape[1] != len(self.low_):
            raise fault("ClipOutliers", "another number of columns", f"{len(self.low_)}, as in fit", str(x.shape[1]), "")
        return np.clip(x, self.low_.astype(x.dtype), self.high_.astype(x.dtype))

    def fit_transform(self, x, y=None):
        """fit(x).transform(x)"""
        return self.fit(x, y).transform(x)

    def get_params(self, deep=True):
        """{"factor": factor}, for scikit-learn's clone and searches."""
        return {"factor": self.factor}

    def set_params(self, **parameters):
        """Set the factor."""
        for name, value in parameters.items():
            if name != "factor":
                raise fault("ClipOutliers", "unknown parameter", "factor", name, "")
            self.factor = value
        return self

    def __sklearn_tags__(self):
        from sklearn.base import BaseEstimator
        return BaseEstimator().__sklearn_tags__()

    def __sklearn_is_fitted__(self):
        return hasattr(self, "low_")

    def __repr__(self):
        return f"ClipOutliers(factor={self.factor})"


def _columns(x, where):
    x = np.asarray(x)
    if x.dtype.kind not in "f":
        x = x.astype(get_default_dtype() if x.dtype.kind in "biu" else np.float64)
    if x.ndim != 2:
        raise fault(where, "wrong shape", "rows and columns, (N, D)", str(x.shape), "Reshape it to x.reshape(len(x), -1).")
    return x


def drop_missing(*arrays):
    """The arrays without the rows in which any of them has a gap (nan, None): a list, or one array if one was given."""
    keep = np.ones(common_length(arrays, "drop_missing"), bool)
    for a in map(np.asarray, arrays):
        gaps = a != a
        if a.dtype.kind == "O":
            gaps |= np.equal(a, None)
        keep &= ~gaps.reshape(len(a), -1).any(1)
    return _kept(arrays, keep)


def drop_duplicates(*arrays):
    """The arrays with each row once, that row where all of them are equal; the first stays. Gaps (nan) count as equal."""
    n = common_length(arrays, "drop_duplicates")
    codes = np.concatenate([_codes(np.asarray(a).reshape(n, -1)) for a in arrays], axis=1)
    _, first = np.unique(codes, axis=0, return_index=True)
    keep = np.zeros(n, bool)
    keep[first] = True
    return _kept(arrays, keep)


def _codes(a):
    """Numbers (N, D), equal where those of `a` are equal."""
    if a.dtype.kind != "O":
        return np.stack([np.unique(column, return_inverse=True)[1] for column in a.T], axis=1)
    seen = {}
    return np.array([[seen.setdefault("nan" if v != v else (v,), len(seen)) for v in row] for row in a], int)


def _kept(arrays, keep):
    kept = [np.asarray(a)[keep] for a in arrays]
    return kept if len(kept) > 1 else kept[0]


def class_weights(labels, how="balanced"):
    """{class: weight}, for fit's class_weight: N / (K · count of the class), so that each of the K classes weighs as much as
    another in all, and the mean weight of the N examples is 1."""
    if how != "balanced":
        raise fault("class_weights", "unknown way", "'balanced'", repr(how), "")
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels):
        raise fault("class_weights", "wrong labels", "one class for each example, shape (N,)", str(labels.shape),
                    "Pass y.argmax(-1) for one-hot rows.")
    classes, counts = np.unique(labels, return_counts=True)
    return {c.item(): len(labels) / (len(classes) * int(count)) for c, count in zip(classes, counts)}
