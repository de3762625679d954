"""Saving the model while it is trained."""

from pathlib import Path

from minigrad.callbacks.monitor import Monitor, whole


class ModelCheckpoint(Monitor):
    """Save the model after each epoch, or each save_freq steps; with save_best_only, if `monitor` became better.

    filepath           a template: "model_{epoch:02d}_{val_loss:.2f}.minigrad"; epoch and batch count from 1
    save_weights_only  save_weights instead of save: "x.safetensors"
    save_freq          "epoch", or a number of steps (the results are then those of the epoch so far)
    initial_value_threshold  what the first result has to be better than
    """

    def __init__(self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False, mode="auto",
                 save_freq="epoch", initial_value_threshold=None):
        if save_best_only or mode != "auto":
            super().__init__(monitor, mode)
        self.filepath, self.monitor, self.verbose = str(filepath), monitor, verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = save_freq if save_freq == "epoch" else whole(save_freq, "ModelCheckpoint", "save_freq", 1)
        self.initial_value_threshold = initial_value_threshold
        self.steps, self.epoch = 0, 0

    def on_train_begin(self, logs=None):
        if self.save_best_only:
            super().on_train_begin(logs)
            self.best = self.worst if self.initial_value_threshold is None else self.initial_value_threshold
        self.steps = 0

    @property
    def reads_batches(self):
        """If it saves after steps."""
        return self.save_freq != "epoch"

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.save_freq != "epoch" and self.steps % self.save_freq == 0:
            self._save(self.epoch, batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch, batch, logs):
        if self.save_best_only:
            current = self.value(logs)
            if not self.better(current, self.best):
                return
            self.best = current
        known = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            path = Path(self.filepath.format(**known))
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ValueError(f"ModelCheckpoint: the template {self.filepath!r} cannot be filled in ({error}); there are "
                             f"{', '.join(known)}") from None
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved {path}")
