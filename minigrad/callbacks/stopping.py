"""Stopping before the last epoch: no more progress, or no more numbers."""

import numpy as np

from minigrad.callbacks.callback import Callback
from minigrad.callbacks.monitor import Monitor, whole


class EarlyStopping(Monitor):
    """Stop when `monitor` has not become better for `patience` epochs (Keras's rules).

    min_delta             a smaller improvement is none
    baseline              until the result is better than this, waiting does not start anew
    restore_best_weights  give the model the weights of its best epoch when training ends
    start_from_epoch      epochs before this one do not count
    """

    def __init__(self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
                 restore_best_weights=False, start_from_epoch=0):
        super().__init__(monitor, mode)
        self.min_delta, self.patience = min_delta, whole(patience, "EarlyStopping", "patience")
        self.verbose, self.baseline, self.restore_best_weights = verbose, baseline, restore_best_weights
        self.start_from_epoch = whole(start_from_epoch, "EarlyStopping", "start_from_epoch")

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best, self.best_weights = self.worst, None

    def on_epoch_end(self, epoch, logs=None):
        current = self.value(logs)
        if epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:  # a nan is not better, and yet the best there is
            self.best_weights, self.best_epoch = self.model.state_dict(), epoch
        self.wait += 1
        if self.better(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.state_dict()
            if self.baseline is None or self.better(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch, self.model.stop_training = epoch, True

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"The weights are those of the best epoch, {self.best_epoch + 1}.")
            self.model.load_state_dict(self.best_weights)


class TerminateOnNaN(Callback):
    """End fit quietly at a loss that is nan or infinite, where fit raises FloatingPointError without it.

    The step is not taken, so the weights are those before it. raise_error=True raises all the same.
    """

    def __init__(self, raise_error=False):
        self.raise_error = raise_error

    def on_train_begin(self, logs=None):
        self.model.allows_nan = not self.raise_error

    def on_train_batch_end(self, batch, logs=None):
        if not np.isfinite((logs or {}).get("loss", 0.0)):
            print(f"Batch {batch}: the loss is {logs['loss']}, training ends")
            self.model.stop_training = True

    def close(self):
        self.model.allows_nan = False
