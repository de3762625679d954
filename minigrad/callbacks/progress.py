"""Progress of a training run: a bar an epoch on a terminal or in Jupyter (rich), a line an epoch elsewhere."""

import sys
import time

from minigrad.callbacks.callback import Callback

WIDE = 120  # columns of a terminal that has room for a long bar and the count of steps


class ProgressBar(Callback):
    """What `fit(verbose=...)` shows: 0 nothing; 1 a bar; 2 a line an epoch; "auto" 1 on a terminal or in Jupyter, else 2."""

    def __init__(self, verbose="auto"):
        if verbose not in (0, 1, 2, "auto", True, False):
            raise ValueError(f"verbose must be 0, 1, 2 or 'auto', got {verbose!r}")
        self.verbose = (1 if _draws() else 2) if verbose == "auto" else int(verbose)
        self.bar = self.task = None

    def on_train_begin(self, logs=None):
        if self.verbose == 1:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn
            from rich.table import Column
            console, whole = Console(), Column(no_wrap=True)
            self.wide = console.width >= WIDE
            self.bar = Progress(
                TextColumn("{task.description}", table_column=whole),
                BarColumn(bar_width=24 if self.wide else 6),
                TextColumn("{task.fields[time]}", table_column=whole, justify="right"),
                TextColumn("{task.fields[results]}", table_column=Column()), console=console, refresh_per_second=5)
            self.bar.start()

    @property
    def reads_batches(self):
        """A bar does."""
        return self.verbose == 1

    def on_epoch_begin(self, epoch, logs=None):
        self.title, self.began, self.done = f"Epoch {epoch + 1}/{self.params['epochs']}", time.perf_counter(), 0
        if self.bar is not None:
            self.task = self.bar.add_task(self.title, total=self.params["steps"], time="", results="")

    def on_train_batch_end(self, batch, logs=None):
        if self.bar is not None:
            self.done += 1
            passed, steps = time.perf_counter() - self.began, self.params["steps"]
            left = "" if steps is None else _clock(passed / self.done * (steps - batch - 1))
            shown = f"{batch + 1}/{steps or '?'} {left} left" if self.wide else f"-{left}"
            self.bar.update(self.task, completed=batch + 1, results=_line(logs), time=shown)

    def on_epoch_end(self, epoch, logs=None):
        passed = time.perf_counter() - self.began
        if self.bar is not None:
            steps = self.params["steps"] or self.done
            self.bar.update(self.task, total=steps, completed=steps, results=_line(logs), time=_clock(passed))
        elif self.verbose == 2:
            print(f"{self.title}  {passed:.1f} s  {_line(logs)}", flush=True)

    def close(self):
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def state(self):
        return {}

    def set_state(self, state):
        if self.loop.step:  # in the middle of an epoch, whose beginning was shown by another process
            self.on_epoch_begin(self.loop.epoch)


def _draws():
    if sys.stdout.isatty():
        return True
    from rich.console import Console
    return Console().is_jupyter


def _clock(seconds):
    """75.2 seconds as "1:15"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _line(results):
    """"loss 0.7745 (val 0.7066)  accuracy 0.7260 (val 0.7485)": what is a number, validation beside training."""
    numbers = {name: value for name, value in (results or {}).items() if isinstance(value, float)}
    return "  ".join(f"{name} {value:.4f}" + (f" (val {numbers[f'val_{name}']:.4f})" if f"val_{name}" in numbers else "")
                     for name, value in numbers.items() if not name.startswith("val_"))
