"""The loop of fit: epochs, steps, callbacks; where it stands can be written down, and gone on from to the bit."""

import contextlib
import os
import signal
import threading

from minigrad import random
from minigrad.callbacks import CallbackList, History, ProgressBar
from minigrad.files import plain
from minigrad.optimizers.optimizer import Optimizer
from minigrad.transforms.trees import leaves


class Loop:
    """One call of fit. Between two steps it stands at `epoch` and `step`: what comes next, each counted from 0."""

    def __init__(self, model, data, validation, epochs, initial_epoch, callbacks, verbose, workers,
                 validation_freq=1):
        if isinstance(initial_epoch, bool) or not hasattr(initial_epoch, "__index__") or initial_epoch < 0:
            raise ValueError(f"initial_epoch must be a whole number, 0 or more, got {initial_epoch!r}")
        whole = validation_freq if isinstance(validation_freq, (list, tuple)) else [validation_freq]
        if not whole or any(isinstance(n, bool) or not hasattr(n, "__index__") or n < 1 for n in whole):
            raise ValueError("validation_freq must be a number of epochs, 1 or more, or a list of those after which to "
                             f"validate, got {validation_freq!r}")
        self.validation_freq = validation_freq
        self.model, self.data, self.validation, self.workers = model, data, validation, workers
        self.epochs, self.initial_epoch, self.epoch, self.step = epochs, initial_epoch, initial_epoch, 0
        self.sums, self.rows = {}, 0              # of the running epoch's results, each times its batch's rows
        self.began, self._batches = None, None    # the random generator before the epoch's batches were drawn; what is left
        self._asked = False                       # for a stop, by Ctrl-C
        given = CallbackList(callbacks).callbacks
        bar = [] if any(isinstance(c, ProgressBar) for c in given) else [ProgressBar(verbose)]
        self.history = next((c for c in given if isinstance(c, History)), None) or History()
        added = [self.history] * (self.history not in given) + bar
        params = {"epochs": epochs, "steps": data.steps, "metrics": self._result_names(given)}
        self.callbacks = CallbackList([*given, *added], model, params, self)

    def _result_names(self, callbacks):
        """Those that logs will have at an epoch's end; None if a train_step or a callback of the user's own may add some."""
        if type(self.model).train_step.__module__ != "minigrad.training.model" or any(
                type(c).__module__.partition(".")[0] != "minigrad" or "on_epoch_end" in vars(c) for c in callbacks):
            return None
        names = ["loss", *[m.name for m in self.model.metrics]]
        return [*names, "learning_rate", *[f"val_{name}" for name in names if self.validation is not None]]

    def run(self):
        """Train."""
        model = self.model
        model.stop_training, logs = False, {}
        model.give_parameters()
        with self._interruptible():
            try:
                self.callbacks.on_train_begin({})
                while not self.interrupted and (self.step or self.epoch < self.epochs and not model.stop_training):
                    logs = self._run_epoch()
                if not self.interrupted:  # what goes on later needs the parameters themselves, not their averages
                    model.optimizer.finalize_variable_values()
                self.callbacks.on_train_end(logs)
            finally:
                self.callbacks.close()

    @property
    def interrupted(self):
        """Whether Ctrl-C was pressed."""
        return self._asked

    def _run_epoch(self):
        model, calls = self.model, self.callbacks
        if not self.step:
            model.reset_metrics()
            self.sums, self.rows = {}, 0
            calls.on_epoch_begin(self.epoch, {})
            self.began = random.state()
            self._batches = self.data.batches()
        while not (self.step and model.stop_training):
            batch = next(self._batches, None)
            if batch is None:
                break
            calls.on_train_batch_begin(self.step, {})
            self._train(*batch)
            self.step += 1
            calls.on_train_batch_end(self.step - 1, self.results() if calls.reads_batches else {})
            if self.interrupted:
                return self.results()
        self._batches, results = None, self.results()
        if self.validates(self.epoch):
            found = model._evaluate(self.validation, self.workers, model._piece, calls)
            results |= {f"val_{name}": value for name, value in found.items()}
        epoch, self.epoch, self.step = self.epoch, self.epoch + 1, 0
        calls.on_epoch_end(epoch, results)
        return results

    def validates(self, epoch):
        """Whether there is a validation after this epoch, which counts from 0."""
        freq = self.validation_freq
        return self.validation is not None and (epoch + 1 in freq if isinstance(freq, (list, tuple)) else
                                                (epoch + 1) % freq == 0)

    def _train(self, x, y, sample_weight):
        n = len(leaves(x)[0][1])
        for name, value in self.model.run_step(x, y, sample_weight).items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value) * n
        self.rows += n

    def results(self):
        """The results of the epoch so far."""
        return {name: total / self.rows for name, total in self.sums.items()} | self.model.metric_results()

    @contextlib.contextmanager
    def _interruptible(self):
        """Ctrl-C asks for a stop after the step, and a second one raises KeyboardInterrupt as always. In the main thread
        only, where signals arrive, and unless the program has a handler of its own."""
        def ask(*_):
            if self._asked:
                raise KeyboardInterrupt
            self._asked = True
            os.write(2, b"\nStopping after this step (Ctrl-C again: at once)\n")

        handles = (threading.current_thread() is threading.main_thread()
                   and signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        if handles:
            signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            if handles:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    # ---- writing down, and going on

    def state(self):
        """All that the rest of the run depends on, as plain data."""
        model = self.model
        return {"form": 1, "data": self.data.describe(), "epoch": self.epoch, "step": self.step,
                "sums": self.sums, "rows": self.rows, "began": self.began, "random": random.state(),
                "stop": model.stop_training, "whole": model._workers is None, "piece": model._piece,
                "model": model.state_dict(),
                "optimizers": {name: [type(o).__name__, o.state_dict()] for name, o in self._optimizers().items()},
                "metrics": [[m.name, plain(vars(m))] for m in model.metrics],
                "seeds": [[name, random.state(seed)] for name, seed in self._seeds()],
                "callbacks": [[type(c).__name__, plain(c.state())] for c in self.callbacks]}

    def set_state(self, state):
        """Go on from a `state()`. ValueError, before anything has changed, if it is of another run."""
        model, optimizers = self.model, self._optimizers()
        kinds = {"form": 1, "data": self.data.describe(), "optimizers": {n: type(o).__name__ for n, o in optimizers.items()},
                 "metrics": [m.name for m in model.metrics], "callbacks": [type(c).__name__ for c in self.callbacks],
                 "seeds": [name for name, _ in self._seeds()]}
        saved = {**state, "optimizers": {n: kind for n, (kind, _) in state["optimizers"].items()},
                 **{what: [kind for kind, _ in state[what]] for what in ("metrics", "callbacks", "seeds")}}
        for what, own in kinds.items():
            if saved[what] != own:
                raise ValueError(f"its {what} are {saved[what]}, and those of this run {own}")
        model.load_state_dict(state["model"])
        model.give_parameters()
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name][1])
        for metric, (_, attributes) in zip(model.metrics, state["metrics"]):
            vars(metric).update(attributes)
        self.epoch, self.step, self.sums, self.rows = (state[name] for name in ("epoch", "step", "sums", "rows"))
        self.began, model.stop_training = state["began"], state["stop"]
        for c, (_, attributes) in zip(self.callbacks, state["callbacks"]):
            c.set_state(attributes)
        model._workers, model._piece = None if state["whole"] else self.workers, state["piece"]
        for epoch in range(self.initial_epoch, self.epoch):
            for feed in [self.data] + [self.validation] * self.validates(epoch):
                feed.pass_over()
        if self.step:
            random.set_state(self.began)
            self._batches = self.data.batches()
            for _ in range(self.step):
                next(self._batches)
        random.set_state(state["random"])
        for (_, seed), (_, drawn) in zip(self._seeds(), state["seeds"]):
            random.set_state(drawn, seed)

    def _seeds(self):
        return [(name, layer._seed) for name, layer in self.model.named_layers() if layer._seed is not None]

    def _optimizers(self):
        return {name: value for name, value in vars(self.model).items() if isinstance(value, Optimizer)}
