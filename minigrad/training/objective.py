"""What is made small: the loss of a batch, with weights for its rows, and the sum of the losses of several outputs."""

import inspect

from minigrad import backend, losses, metrics
from minigrad.tensor import Tensor


def loss_of(loss, y, prediction, sample_weight=None):
    """loss(y, prediction) as one number; with sample_weight w, Σ wᵢ Lᵢ / N over the rows i.

    A loss that takes sample_weight does that itself. For another one Lᵢ is the loss of row i alone, one row after the other:
    right for every loss that is a mean over rows, and slow.
    """
    if isinstance(prediction, Tensor) and not isinstance(loss, losses.Loss):
        y = backend.beside(y, prediction)  # a function of the user's own computes with both
    elif isinstance(prediction, (list, tuple, dict)) and isinstance(loss, losses.Loss):
        raise ValueError(f"the model gives {len(prediction)} outputs: compile it with a loss for each, as a list or a dict")
    if sample_weight is None:
        return _number(loss, loss(y, prediction))
    if takes_weights(loss):
        return _number(loss, loss(y, prediction, sample_weight=sample_weight))
    rows = [float(w) * _number(loss, loss(y[i:i + 1], prediction[i:i + 1]))
            for i, w in enumerate(backend.to_numpy(sample_weight))]
    return sum(rows[1:], rows[0]) / len(rows)


def takes_weights(loss):
    """Whether it has an argument sample_weight."""
    return "sample_weight" in inspect.signature(loss).parameters


def _number(loss, value):
    if not isinstance(value, Tensor) or value.size != 1:
        got = f"a Tensor of shape {value.shape}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise TypeError(f"the loss must be one number, a Tensor computed from the predictions; {loss!r} gave {got}")
    return value


class SeveralLosses:
    """L = Σₖ λₖ Lₖ over the outputs k: from a list or dict of losses, of the form of the outputs, and the λ, 1 unless given.
    An output whose loss is None does not count.

    y has the form of the outputs too; sample_weight is one array for all outputs, or has their form. For a list of outputs
    with names, both may be dicts by these.
    """

    def __init__(self, given, loss_weights=None, names=None):
        self.by_name, self.outputs = isinstance(given, dict), [key for key, _ in _pairs(given)]
        if not self.by_name and names and len(names) != len(self.outputs):
            raise ValueError(f"there are {len(self.outputs)} losses for {len(names)} outputs ({', '.join(map(str, names))})")
        self.losses = {key: losses.get(loss) for key, loss in _pairs(given) if loss is not None}
        self.names = {k: str(k) if self.by_name else names[k] if names else f"output_{k}" for k in self.outputs}
        weights = dict.fromkeys(self.outputs, 1.0) | dict(_pairs(loss_weights or {}))
        if weights.keys() != set(self.outputs):
            raise ValueError(f"loss_weights are for {list(weights)}, and losses for {self.outputs}")
        self.weights = {key: 1.0 if weights[key] is None else float(weights[key]) for key in self.losses}

    @property
    def is_mean_over_rows(self):
        """Whether all of them are, see losses.Loss."""
        return all(getattr(loss, "is_mean_over_rows", True) for loss in self.losses.values())

    def __call__(self, y, prediction, sample_weight=None):
        terms = [self.weights[key] * loss_of(loss, *self.part(key, y, prediction, sample_weight))
                 for key, loss in self.losses.items()]
        return sum(terms[1:], terms[0])

    def part(self, key, y, prediction, sample_weight=None):
        """(y, prediction, sample_weight) of an output."""
        if not self.by_name:
            y, sample_weight = (self._listed(tree) for tree in (y, sample_weight))
        for what, tree in ("the model's outputs are", prediction), ("the targets y are", y):
            if isinstance(tree, dict) != self.by_name or not isinstance(tree, (dict, list, tuple)) or (
                    key not in tree if self.by_name else len(tree) != len(self.outputs)):
                form = f"a dict of {', '.join(map(str, tree))}" if isinstance(tree, dict) else f"a {type(tree).__name__}"
                form += f" of {len(tree)}" if isinstance(tree, (list, tuple)) else ""
                own = f"dict of {', '.join(map(str, self.outputs))}" if self.by_name else f"list of {len(self.outputs)}"
                raise ValueError(f"{what} {form}, and the losses a {own}: give both one form")
        weight = sample_weight[key] if isinstance(sample_weight, (dict, list, tuple)) else sample_weight
        return y[key], prediction[key], weight

    def _listed(self, tree):
        """A dict by the outputs' names as a list; what is none, as it is."""
        if isinstance(tree, dict) and tree.keys() >= {self.names[key] for key in self.losses}:
            return [tree.get(self.names[key]) for key in self.outputs]
        return tree

    def formed(self, values):
        """{output: value} in the form of the outputs, with None where there is none."""
        return {str(k): values.get(k) for k in self.outputs} if self.by_name else [values.get(k) for k in self.outputs]

    def metrics(self, given):
        """([metric], [its output]) from {output: metrics}, or a list with an entry for each output; they are called
        "output_metric"."""
        found, keys = [], []
        for key, chosen in _pairs(given):
            if key not in self.outputs:
                raise ValueError(f"metrics are for an output {key!r}, and losses for {self.outputs}")
            for m in [chosen] if isinstance(chosen, (str, metrics.Metric)) else chosen or ():
                m = metrics.get(m)
                m.name = f"{self.names[key]}_{m.name}"
                found.append(m)
                keys.append(key)
        return found, keys

    def mean_losses(self):
        """([metric], [its output]): the mean loss of each output."""
        return [MeanLoss(loss, f"{self.names[key]}_loss") for key, loss in self.losses.items()], list(self.losses)


class MeanLoss(metrics.Mean):
    """The mean over rows of an output's loss."""

    def __init__(self, loss, name):
        super().__init__(name)
        self.loss = loss

    def update_state(self, y_true, y_pred, sample_weight=None):
        value = loss_of(self.loss, y_true, y_pred, sample_weight).item()
        super().update_state([value], [len(y_pred)])


def _pairs(given):
    if isinstance(given, dict):
        return list(given.items())
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"the model has several losses: expected a list or a dict with an entry for each, got {given!r}")
    return list(enumerate(given))
