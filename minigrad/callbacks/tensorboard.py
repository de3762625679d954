"""Event files for TensorBoard, through its own writer (the extra `tensorboard`)."""

import time
from pathlib import Path

import numpy as np

from minigrad.callbacks.callback import Callback


class TensorBoard(Callback):
    """Write results to event files, which `tensorboard --logdir logs` draws: those of training to log_dir/train, those of
    validation to log_dir/validation; "epoch_loss", "epoch_accuracy" ...

    histogram_freq  every so many epochs, histograms of all weights; 0 for none
    update_freq     "epoch"; or a number of steps, after each of which the results so far are written too: "batch_loss" ...
    """

    def __init__(self, log_dir="logs", histogram_freq=0, update_freq="epoch"):
        self.log_dir, self.histogram_freq = Path(log_dir), histogram_freq
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.steps, self._writers = 0, {}

    def on_train_begin(self, logs=None):
        self.steps = 0
        _protocol()  # a missing package is told now

    @property
    def reads_batches(self):
        """If it writes after steps."""
        return self.update_freq != "epoch"

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.update_freq != "epoch" and self.steps % self.update_freq == 0:
            self._write("train", "batch_", logs, self.steps)

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        self._write("train", "epoch_", {n: v for n, v in logs.items() if not n.startswith("val_")}, epoch)
        self._write("validation", "epoch_", {n[4:]: v for n, v in logs.items() if n.startswith("val_")}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            summary_pb2 = _protocol()[2]
            values = [summary_pb2.Summary.Value(tag=name, histo=_histogram(p.numpy(), summary_pb2))
                      for name, p in self.model.named_parameters()]
            self._add("train", epoch, summary=summary_pb2.Summary(value=values))
        for writer in self._writers.values():
            writer.flush()

    def close(self):
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def state(self):
        return {"steps": self.steps}

    def _write(self, part, prefix, logs, step):
        summary_pb2 = _protocol()[2]
        values = [summary_pb2.Summary.Value(tag=prefix + name, simple_value=float(value))
                  for name, value in logs.items() if np.ndim(value) == 0]
        if values:
            self._add(part, step, summary=summary_pb2.Summary(value=values))

    def _add(self, part, step, **content):
        EventFileWriter, event_pb2, _ = _protocol()
        if part not in self._writers:
            self._writers[part] = EventFileWriter(str(self.log_dir / part))
            begin = event_pb2.SessionLog(status=event_pb2.SessionLog.START)  # what a killed run wrote from here on is void
            self._writers[part].add_event(event_pb2.Event(wall_time=time.time(), step=step, session_log=begin))
        self._writers[part].add_event(event_pb2.Event(wall_time=time.time(), step=step, **content))


def _protocol():
    try:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise ImportError("TensorBoard needs tensorboard, which is not installed: pip install 'minigrad[tensorboard]'"
                          ) from error
    return EventFileWriter, event_pb2, summary_pb2


def _histogram(x, summary_pb2):
    counts, edges = np.histogram(x, 30) if x.size else (np.zeros(1), np.array([0.0, 0.0]))
    x = x.astype(float)
    return summary_pb2.HistogramProto(min=x.min(initial=np.inf), max=x.max(initial=-np.inf), num=x.size, sum=x.sum(),
                                      sum_squares=(x * x).sum(), bucket_limit=edges[1:].tolist(), bucket=counts.tolist())
