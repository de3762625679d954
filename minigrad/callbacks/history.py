"""What fit returns: the loss and the metrics of every epoch."""

from minigrad.callbacks.callback import Callback


class History(Callback):
    """`history.history["loss"]` is a list with a number for each epoch; validation results are "val_loss" ..."""

    def __init__(self):
        self.history, self.epoch = {}, []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self):
        last = ", ".join(f"{k} {v[-1]:.4f}" for k, v in self.history.items() if isinstance(v[-1], float))
        return f"History({len(self.epoch)} epochs; last: {last})" if self.epoch else "History(no epochs)"
