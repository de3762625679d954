"""The losses of probabilities and margins as metrics, and the perplexity of a language model."""

import math

import numpy as np

from minigrad import losses
from minigrad.metrics.counts import class_numbers, form_of, same_shape
from minigrad.metrics.means import MeanLoss
from minigrad.names import checked_amount


class BinaryCrossentropy(MeanLoss):
    """mean(-t log p - (1 - t) log(1 - p)) over all numbers, p in [1e-7, 1 - 1e-7]; see losses.binary_crossentropy"""

    function = staticmethod(losses.binary_crossentropy)

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = checked_amount(label_smoothing, name, "label_smoothing", 1)


class CategoricalCrossentropy(MeanLoss):
    """mean(-Σ t log p), the sum over the axis of the classes: y_true and y_pred (..., C)"""

    function = staticmethod(losses.categorical_crossentropy)
    of_rows = True

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        super().__init__(name, dtype)
        self.from_logits, self.axis = from_logits, axis
        self.label_smoothing = checked_amount(label_smoothing, name, "label_smoothing", 1)


class SparseCategoricalCrossentropy(MeanLoss):
    """mean(-log p[right class]): y_true (...) or (..., 1) class numbers, y_pred (..., C)

    Examples of the class ignore_class are left out. (Keras's metric, without sample_weight, counts each of them as a 0.)
    """

    function = staticmethod(losses.sparse_categorical_crossentropy)
    of_rows = True

    def __init__(self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, ignore_class=None, axis=-1):
        super().__init__(name, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def update_state(self, y_true, y_pred, sample_weight=None):
        true, scores = self.numbers(y_true, "y_true"), self.finite(y_pred, "y_pred")
        if scores.ndim < 2:
            raise self.fault("y_pred", "a column for each class, shape (..., C)", f"shape {scores.shape}", "give all")
        scores = np.moveaxis(scores, self.axis, -1)
        if true.ndim == scores.ndim:
            true = np.moveaxis(true, self.axis, -1)
            true = true[..., 0] if true.shape[-1] == 1 else true
        same_shape(self, true, scores.shape[:-1], scores)
        w = self.weigh(sample_weight, true.shape)
        counts = np.ones(true.shape, bool) if self.ignore_class is None else true != self.ignore_class
        if counts.any():
            true = class_numbers(self, true[counts], "y_true", scores.shape[-1])
            nats = losses.sparse_categorical_crossentropy(true, scores[counts].astype(self.dtype or float),
                                                          self.from_logits).numpy()
            self.add(nats, None if w is None else w[counts.reshape(-1)])


class Perplexity(SparseCategoricalCrossentropy):
    """e^H, H = Σ w (-log p[right token]) / Σ w over all tokens: y_true (N, T) token numbers, y_pred (N, T, V)

    As if the model chose among so many tokens that are equally likely: V for a guess. The mean is over the tokens of all
    batches, not of batches or sentences. Jelinek et al. 1977, "Perplexity - a measure of the difficulty of speech
    recognition tasks". 1 before anything was counted.

    from_logits    whether y_pred are logits, else probabilities
    mask_token_id  the token of padding: where it is the target, nothing counts
    """

    def __init__(self, from_logits=False, mask_token_id=None, name="perplexity", dtype=None):
        super().__init__(name, dtype, from_logits, ignore_class=mask_token_id)

    @property
    def mask_token_id(self):
        """The token of padding."""
        return self.ignore_class

    def result(self):
        mean = super().result()
        return math.exp(mean) if mean < 709 else math.inf


class Crossentropy(MeanLoss):
    """The binary, categorical or sparse categorical one, as the shapes tell (counts.form_of): metrics=["crossentropy"]"""

    def __init__(self, name="crossentropy", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self.finite(y_true, "y_true"), self.finite(y_pred, "y_pred")
        kinds = {"sparse": SparseCategoricalCrossentropy, "categorical": CategoricalCrossentropy}
        batch = kinds.get(form_of(y_true, y_pred), BinaryCrossentropy)(self.name, self.dtype)
        batch.update_state(y_true, y_pred, sample_weight)
        self.add_state(batch)


class KLDivergence(MeanLoss):
    """mean(Σ t log(t / p)), the sum over the last axis, both in [1e-7, 1]: y_true and y_pred (..., C)"""

    function = staticmethod(losses.kl_divergence)
    of_rows = True


class Poisson(MeanLoss):
    """mean(p - t log(p + 1e-7)) over all numbers, for counts t"""

    function = staticmethod(losses.poisson)


class Hinge(MeanLoss):
    """mean(max(1 - t p, 0)) over all numbers, t -1 or 1 (or 0 and 1, which count as these)"""

    function = staticmethod(losses.hinge)


class SquaredHinge(MeanLoss):
    """mean(max(1 - t p, 0)²) over all numbers, t -1 or 1 (or 0 and 1, which count as these)"""

    function = staticmethod(losses.squared_hinge)


class CategoricalHinge(MeanLoss):
    """mean(max(1 + the best score of a wrong class - the right class's, 0)): y_true one-hot (..., C), y_pred (..., C)"""

    function = staticmethod(losses.categorical_hinge)
    of_rows = True
