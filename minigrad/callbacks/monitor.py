"""What callbacks that watch a result have in common: which one, and which way is better."""

import numpy as np

from minigrad.callbacks.callback import Callback

BETTER_LARGE = ("acc", "accuracy", "auc", "precision", "recall", "f1", "f1_score", "fbeta", "f_beta_score", "fbeta_score",
                "mcc", "kappa", "r2", "r2_score")
BETTER_SMALL = ("loss", "error", "mse", "mae", "rmse", "mape", "perplexity", "crossentropy", "divergence", "rate")


class Monitor(Callback):
    """A callback that watches logs[monitor]; mode "min", "max", or "auto": told by the name."""

    min_delta = 0

    def __init__(self, monitor="val_loss", mode="auto"):
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor, self.mode = monitor, mode
        self.sign = 1 if mode == "max" else -1 if mode == "min" else self._sign()

    def _sign(self):
        for sign, endings in (1, BETTER_LARGE), (-1, BETTER_SMALL):
            if any(self.monitor == e or self.monitor.endswith("_" + e) for e in endings):
                return sign
        raise ValueError(f"{type(self).__name__}: whether a large or a small {self.monitor!r} is good cannot be told from "
                         "its name: give mode='max' or mode='min'")

    @property
    def worst(self):
        """What every result is better than."""
        return -self.sign * np.inf

    def better(self, value, than):
        """Whether it is better by more than min_delta."""
        return bool(self.sign * (value - than) > abs(self.min_delta))

    def on_train_begin(self, logs=None):
        names = self.params.get("metrics")
        if names is not None and self.monitor not in names:
            self._missing(names)  # now, and not after the first epoch

    def value(self, logs):
        """The result that is watched."""
        if self.monitor not in (logs or {}):
            self._missing(logs or {})
        return logs[self.monitor]

    def _missing(self, names):
        hint = ": give fit validation_data" if self.monitor.startswith("val_") else ""
        raise ValueError(f"{type(self).__name__}: there is no {self.monitor!r} to watch{hint}; there are {', '.join(names)}")


def whole(value, who, name, least=0):
    """A whole number, at least `least`, or an error that names the argument."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ValueError(f"{who}: {name} must be a whole number, {least} or more, got {value!r}")
    return int(value)
