"""Progress of a training run: a bar an epoch on a terminal (rich), a line an epoch elsewhere."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress


class Progress:
    """`with Progress(epochs, steps, verbose) as p:` then p.start(epoch), p.advance(results), p.finish(results)."""

    def __init__(self, epochs, steps, verbose):
        if verbose not in (0, 1, 2, "auto", True, False):
            raise ValueError(f"verbose must be 0, 1, 2 or 'auto', got {verbose!r}")
        self.epochs, self.steps = epochs, steps
        self.verbose = (1 if sys.stdout.isatty() else 2) if verbose == "auto" else int(verbose)
        self.bar = self.task = None

    def __enter__(self):
        if self.verbose == 1:
            self.bar = RichProgress(
                TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
                TimeRemainingColumn(), TextColumn("{task.fields[results]}"), console=Console(), refresh_per_second=5)
            self.bar.start()
        return self

    def __exit__(self, *error):
        if self.bar is not None:
            self.bar.stop()

    def start(self, epoch):
        """An epoch begins."""
        self.title, self.began = f"Epoch {epoch + 1}/{self.epochs}", time.perf_counter()
        if self.bar is not None:
            self.task = self.bar.add_task(self.title, total=self.steps, results="")

    def advance(self, results):
        """A step is done."""
        if self.bar is not None:
            self.bar.update(self.task, advance=1, results=_line(results))

    def finish(self, results):
        """The epoch is done."""
        if self.bar is not None:
            self.bar.update(self.task, completed=self.steps, results=_line(results))
        elif self.verbose == 2:
            seconds = time.perf_counter() - self.began
            print(f"{self.title}  {seconds:.1f} s  {_line(results)}", flush=True)


def _line(results):
    return "  ".join(f"{name} {value:.4f}" for name, value in results.items() if isinstance(value, float))
