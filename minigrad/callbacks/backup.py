"""Backups from which a run that was killed goes on, to the bit."""

from pathlib import Path

from minigrad import files
from minigrad.callbacks.callback import Callback
from minigrad.callbacks.monitor import whole


class BackupAndRestore(Callback):
    """Keep a backup of the whole run in a folder; when the same script starts again after a crash, fit goes on from it, and
    ends with the same weights and history as if nothing had happened, to the bit.

    backup_dir         a folder for this one call of fit; the file in it is replaced as a whole, never written over
    save_freq          "epoch", or a number of steps
    delete_checkpoint  whether the backup is deleted when fit has ended (not when Ctrl-C ended it)

    A backup holds weights, optimizers, minigrad's random generator, the place in the epoch and its shuffling, the metrics so
    far, the history, and what the other callbacks remember (Callback.state). For data from an iterable, all batches up
    to the place are drawn again and dropped. On a GPU, its random generator (dropout) starts anew, all else is restored.
    Raises ValueError if the backup is damaged, or of another model, optimizer or data.
    """

    comes_last, reads_batches = True, False

    def __init__(self, backup_dir, save_freq="epoch", delete_checkpoint=True):
        self.backup_dir, self.delete_checkpoint = Path(backup_dir), delete_checkpoint
        self.save_freq = save_freq if save_freq == "epoch" else whole(save_freq, "BackupAndRestore", "save_freq", 1)
        self.steps = 0

    @property
    def path(self):
        """The file."""
        return self.backup_dir / "backup.safetensors"

    def on_train_begin(self, logs=None):
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        for left in self.backup_dir.glob("backup.safetensors.*.part"):  # of a process that was killed while it wrote
            left.unlink(missing_ok=True)
        self.steps = 0
        if self.path.exists():
            arrays, about = files.arrays_from_bytes(self.path.read_bytes(), self.path)
            try:
                self.loop.set_state(files.unpack(about, arrays))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{self.path}: this backup does not fit the run: {error}\nIf it is an old one, delete it "
                                 "to start anew") from error
        else:
            self.save()  # so that a run killed before its first backup begins as this one did

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.loop.interrupted or self.save_freq != "epoch" and self.steps % self.save_freq == 0:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        if self.loop.interrupted or self.save_freq == "epoch":
            self.save()

    def on_train_end(self, logs=None):
        if self.delete_checkpoint and not self.loop.interrupted:
            self.path.unlink(missing_ok=True)

    def save(self):
        """Write the backup."""
        about, arrays = files.pack(self.loop.state())
        files.write(self.path, files.arrays_to_bytes(arrays, about))
