"""One batch at a time: a step, an evaluation, predictions, for loops of one's own."""

import numpy as np

from minigrad import backend
from minigrad.training.checks import checked_columns
from minigrad.training.feed import Rows, with_class_weight
from minigrad.transforms.trees import leaves, map_leaves


class OnBatch:
    """What a model does with a single batch, given as arrays."""

    def run_step(self, x, y, sample_weight=None):
        """train_step on a batch, which its metrics count: gives {"loss": ...}, or what a train_step of one's own gave."""
        given = self.train_step(x, y) if sample_weight is None else self.train_step(x, y, sample_weight)
        if isinstance(given, dict):
            return given
        if np.isfinite(given[0]):
            self.update_metrics(y, given[1], sample_weight)
        return {"loss": given[0]}

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, return_dict=False):
        """One step of training. Gives the loss before it, and the metrics: a number, a list of them, or a dict."""
        self._need_compiled("train_on_batch")
        columns = with_class_weight(checked_columns(x, y, sample_weight), class_weight)
        self.reset_metrics()
        numbers = {name: float(value) for name, value in self.run_step(*columns).items()}
        return _in_form(numbers | self.metric_results(), return_dict)

    def test_on_batch(self, x, y, sample_weight=None, return_dict=False):
        """The loss and the metrics, in the form of train_on_batch."""
        self._need_compiled("test_on_batch")
        columns = checked_columns(x, y, sample_weight)
        return _in_form(self._evaluate(Rows(columns, len(leaves(columns[0])[0][1]))), return_dict)

    def predict_on_batch(self, x):
        """The outputs, as NumPy arrays."""
        x, *_ = checked_columns(x)
        return map_leaves(backend.to_numpy, self._predicted(x, None, "auto"))


def _in_form(results, as_dict):
    values = list(results.values())
    return results if as_dict else values if len(values) > 1 else values[0]
