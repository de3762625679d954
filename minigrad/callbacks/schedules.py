"""Changing the learning rate from epoch to epoch."""

import inspect

import numpy as np

from minigrad.callbacks.callback import Callback
from minigrad.callbacks.monitor import Monitor, whole


class LearningRateScheduler(Callback):
    """Before each epoch, the learning rate becomes schedule(epoch, learning_rate), or schedule(epoch)."""

    def __init__(self, schedule, verbose=0):
        if not callable(schedule):
            raise TypeError(f"LearningRateScheduler: schedule must be a function (epoch, learning_rate), got {schedule!r}")
        self.schedule, self.verbose = schedule, verbose
        try:
            inspect.signature(schedule).bind(0, 0.1)
            self.arguments = 2
        except TypeError:
            self.arguments = 1

    def on_epoch_begin(self, epoch, logs=None):
        rate = self.schedule(*(epoch, self.model.optimizer.learning_rate)[:self.arguments])
        if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)):
            raise TypeError(f"LearningRateScheduler: the schedule must give a number, it gave {rate!r} for epoch {epoch}")
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {rate:g}")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate


class ReduceLROnPlateau(Monitor):
    """η ← max(factor · η, min_lr) when `monitor` has not become better for `patience` epochs.

    After that, `cooldown` epochs do not count; an improvement smaller than min_delta is none.
    """

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0,
                 min_lr=0.0):
        super().__init__(monitor, mode)
        if not 0 <= factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be in [0, 1), got {factor}: it makes the rate smaller")
        self.factor, self.patience = factor, whole(patience, "ReduceLROnPlateau", "patience")
        self.verbose, self.min_delta, self.min_lr = verbose, min_delta, min_lr
        self.cooldown = whole(cooldown, "ReduceLROnPlateau", "cooldown")

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.best, self.wait, self.cooling = self.worst, 0, 0

    def on_epoch_end(self, epoch, logs=None):
        current, optimizer = self.value(logs), self.model.optimizer
        logs["learning_rate"] = optimizer.learning_rate
        if self.cooling:
            self.cooling -= 1
            self.wait = 0
        if self.better(current, self.best):
            self.best, self.wait = current, 0
        elif not self.cooling:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > np.float32(self.min_lr):
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.cooling, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: the learning rate becomes {optimizer.learning_rate:g}")
