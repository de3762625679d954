"""How far predictions are from their targets: the losses of numbers as metrics, the root mean square, R².

y_true and y_pred have one shape, any: every number counts.
"""

import warnings

import numpy as np

from minigrad import losses
from minigrad.metrics.means import MeanLoss
from minigrad.metrics.metric import Metric, ratio


class MeanSquaredError(MeanLoss):
    """mean((y_pred - y_true)²) over all numbers"""

    function = staticmethod(losses.mean_squared_error)


class MeanAbsoluteError(MeanLoss):
    """mean(|y_pred - y_true|) over all numbers"""

    function = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(MeanLoss):
    """100 mean(|y_pred - y_true| / |y_true|) over all numbers, |y_true| at least 1e-7"""

    function = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(MeanLoss):
    """mean((log(1 + y_pred) - log(1 + y_true))²) over all numbers, both at least 1e-7"""

    function = staticmethod(losses.mean_squared_logarithmic_error)


class LogCoshError(MeanLoss):
    """mean(log cosh(y_pred - y_true)) over all numbers"""

    function = staticmethod(losses.log_cosh)

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(name, dtype)


class RootMeanSquaredError(MeanSquaredError):
    """√mean((y_pred - y_true)²) over all numbers: in the unit of the targets"""

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name, dtype)

    def result(self):
        return super().result() ** 0.5


class CosineSimilarity(MeanLoss):
    """mean(Σ u v), u and v being y_true and y_pred by their lengths along the axis: 1 where both point the same way.

    The sum is over the axis, the mean over all others. The loss of this name is its negative.
    """

    function = staticmethod(losses.cosine_similarity)
    of_rows = True

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(name, dtype)
        self.axis = axis

    def losses_of(self, y_true, y_pred):
        """The loss of each example."""
        return -super().losses_of(y_true, y_pred)


class R2Score(Metric):
    """R² = 1 - Σ w (y - p)² / Σ w (y - ȳ)², with ȳ the mean Σ w y / Σ w of the targets: y_true and y_pred (N,) or (N, D)

    The share of the targets' variance that the predictions explain: 1 is perfect, 0 no better than ȳ. Both sums are kept for
    each of the D outputs. Σ w y² - (Σ w y)²/Σ w would take the difference of two large numbers; instead, with the means
    a, b and the weights m, n of two parts of the data, S = S_a + S_b + (b - a)² m n / (m + n) (Chan, Golub and LeVeque
    1983). Means are counted from the first target on, so that equal targets have S = 0 to the bit.

    class_aggregation  what becomes of the outputs' scores: their mean "uniform_average", "variance_weighted_average", the
                       mean by the outputs' Σ w (y - ȳ)²; None leaves them as (D,)
    num_regressors     p > 0 gives the adjusted 1 - (1 - R²)(n - 1)/(n - p - 1), n being how many numbers y_true has (as in
                       Keras: N · D); with a warning, R² itself, where n is p + 1 or less
    Targets that are all equal give 0, or 1 if all predictions are right; fewer than two examples give nan (as in
    scikit-learn, whose r2_score this is).
    """

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(name, dtype)
        self.class_aggregation = self.chosen("class_aggregation", class_aggregation,
                                             (None, "uniform_average", "variance_weighted_average"))
        self.num_regressors = self.whole("num_regressors", num_regressors, 0)
        self.reset_state()

    def reset_state(self):
        self.origin = self.weight = self.mean = self.squares = self.residual = np.zeros(0)
        self.num_samples, self.rows = 0, 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        y, p = (a.astype(float) for a in self.pair(y_true, y_pred))
        if y.ndim > 2:
            raise self.fault("y_pred", "shape (N,) or (N, D)", f"{y.shape}", "reshape both: .reshape(-1, D)")
        w = self.weigh(sample_weight, y.shape)
        y, p = y.reshape(len(y), -1), p.reshape(len(p), -1)
        w = np.ones(y.shape) if w is None else w.reshape(y.shape)
        residual, origin = (w * (y - p) ** 2).sum(axis=0), self.origin if self.rows else y[0]
        if len(origin) != y.shape[1]:
            raise self.fault("y_pred", f"{len(origin)} outputs as before", f"{y.shape[1]}", "or reset_state()")
        y = y - origin
        weight = w.sum(axis=0)
        mean = ratio((w * y).sum(axis=0), weight)
        self._take(origin, weight, mean, (w * (y - mean) ** 2).sum(axis=0), residual, y.size, len(y))

    def _take(self, origin, weight, mean, squares, residual, num_samples, rows):
        """Add a part of the data."""
        if not self.rows:
            self.origin = origin
            self.weight = self.mean = self.squares = self.residual = np.zeros(len(origin))
        apart, total = mean + (origin - self.origin) - self.mean, self.weight + weight
        self.squares = self.squares + squares + apart ** 2 * ratio(self.weight * weight, total)
        self.mean = self.mean + apart * ratio(weight, total)
        self.weight, self.residual = total, self.residual + residual
        self.num_samples, self.rows = self.num_samples + num_samples, self.rows + rows

    def add_state(self, other):
        """Add the state of another one of its kind and configuration."""
        if other.rows:
            self._take(other.origin, other.weight, other.mean, other.squares, other.residual, other.num_samples, other.rows)

    def result(self):
        if self.rows < 2:
            return np.full(max(len(self.weight), 1), np.nan) if self.class_aggregation is None else float("nan")
        scores = 1 - ratio(self.residual, self.squares, 1.0)  # all targets equal: 0 ...
        scores[(self.squares == 0) & (self.residual == 0)] = 1.0  # ... or 1
        if self.class_aggregation == "uniform_average" or (self.class_aggregation and not self.squares.any()):
            scores = float(scores.mean())
        elif self.class_aggregation:
            scores = float(scores @ self.squares / self.squares.sum())
        if not self.num_regressors:
            return scores
        n, p = self.num_samples, self.num_regressors
        if n <= p + 1:
            warnings.warn(f"{self.name}: the adjusted R² needs more than {p + 1} targets for {p} regressors, got {n}: this "
                          "is R² itself", stacklevel=2)
            return scores
        return 1 - (1 - scores) * (n - 1) / (n - p - 1)
