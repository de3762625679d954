"""Progress of a training run: a bar an epoch on a terminal (rich), a line an epoch elsewhere."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.table import Column

WIDE = 120  # columns of a terminal that has room for a long bar and the count of steps


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
            console, whole = Console(), Column(no_wrap=True)
            self.wide = console.width >= WIDE
            self.bar = RichProgress(
                TextColumn("{task.description}", table_column=whole),
                BarColumn(bar_width=24 if self.wide else 6),
                TextColumn("{task.fields[time]}", table_column=whole, justify="right"),
                TextColumn("{task.fields[results]}", table_column=Column()), console=console, refresh_per_second=5)
            self.bar.start()
        return self

    def __exit__(self, *error):
        if self.bar is not None:
            self.bar.stop()

    def start(self, epoch):
        """An epoch begins."""
        self.title, self.began, self.done = f"Epoch {epoch + 1}/{self.epochs}", time.perf_counter(), 0
        if self.bar is not None:
            self.task = self.bar.add_task(self.title, total=self.steps, time="", results="")

    def advance(self, results):
        """A step is done."""
        if self.bar is not None:
            self.done += 1
            passed = time.perf_counter() - self.began
            left = passed / self.done * (self.steps - self.done)
            self.bar.update(self.task, advance=1, results=_line(results),
                            time=f"{self.done}/{self.steps} {_clock(left)} left" if self.wide else f"-{_clock(left)}")

    def finish(self, results):
        """The epoch is done."""
        passed = time.perf_counter() - self.began
        if self.bar is not None:
            self.bar.update(self.task, completed=self.steps, results=_line(results), time=_clock(passed))
        elif self.verbose == 2:
            print(f"{self.title}  {passed:.1f} s  {_line(results)}", flush=True)


def _clock(seconds):
    """75.2 seconds as "1:15"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _line(results):
    """"loss 0.7745 (val 0.7066)  accuracy 0.7260 (val 0.7485)": what is a number, validation beside training."""
    numbers = {name: value for name, value in results.items() if isinstance(value, float)}
    return "  ".join(f"{name} {value:.4f}" + (f" (val {numbers[f'val_{name}']:.4f})" if f"val_{name}" in numbers else "")
                     for name, value in numbers.items() if not name.startswith("val_"))
