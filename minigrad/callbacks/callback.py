"""Callback: what is called at each stage of training; CallbackList: several of them as one."""

import inspect

HOOKS = ("on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end",
         "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end", "on_predict_begin", "on_predict_end",
         "on_predict_batch_begin", "on_predict_batch_end")


class Callback:
    """Subclass it and define the hooks that you need; `self.model` is the model, and `self.model.stop_training = True` ends
    the training after the step (asked in a batch's hook) or the epoch (asked in an epoch's).

    `logs` is a dict of results: {"loss": 0.3, "accuracy": 0.9, "val_loss": ...}. `epoch` and `batch` count from 0. What a
    callback remembers in plain attributes (numbers, texts, arrays, lists and dicts of them; not what its __init__ takes as
    arguments) is part of a backup, see BackupAndRestore.
    """

    model = loop = None  # the model; and the loop that is running, in fit
    params = {}          # {"epochs": ..., "steps": ..., "metrics": the names that logs will have, or None if not known}

    def set_model(self, model):
        """The model that is trained, evaluated or asked."""
        self.model = model

    def set_params(self, params):
        """What is known beforehand, see `params`."""
        self.params = params

    def on_train_begin(self, logs=None):
        """fit begins."""

    def on_train_end(self, logs=None):
        """fit ends."""

    def on_epoch_begin(self, epoch, logs=None):
        """An epoch begins."""

    def on_epoch_end(self, epoch, logs=None):
        """An epoch has ended, its validation included."""

    def on_train_batch_begin(self, batch, logs=None):
        """A step of training begins."""

    def on_train_batch_end(self, batch, logs=None):
        """A step of training is done; logs are of the epoch so far."""

    def on_test_begin(self, logs=None):
        """evaluate, or the validation in fit, begins."""

    def on_test_end(self, logs=None):
        """evaluate, or the validation in fit, ends."""

    def on_test_batch_begin(self, batch, logs=None):
        """A batch of evaluate begins."""

    def on_test_batch_end(self, batch, logs=None):
        """A batch of evaluate is done."""

    def on_predict_begin(self, logs=None):
        """predict begins."""

    def on_predict_end(self, logs=None):
        """predict ends."""

    def on_predict_batch_begin(self, batch, logs=None):
        """A batch of predict begins."""

    def on_predict_batch_end(self, batch, logs=None):
        """A batch of predict is done; logs is {"outputs": its predictions}."""

    @property
    def reads_batches(self):
        """Whether on_train_batch_end looks at its logs; where no callback does, they are not computed after each step."""
        return _overrides(self, "on_train_batch_end")

    def close(self):
        """The run is over, by an error too: let go of files and the screen."""

    def state(self):
        """What a backup has to remember: its attributes, except the arguments of __init__, which the script gives again."""
        given = {*inspect.signature(type(self).__init__).parameters, "model", "loop", "params"}
        return {name: value for name, value in vars(self).items() if name not in given}

    def set_state(self, state):
        """Go on from a `state()`."""
        vars(self).update(state)


class LambdaCallback(Callback):
    """A callback from functions: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs["loss"]))`."""

    def __init__(self, **hooks):
        for name, function in hooks.items():
            if name not in HOOKS or not callable(function):
                raise TypeError(f"LambdaCallback: {name}={function!r}: expected functions by the names of hooks: "
                                + ", ".join(HOOKS))
            setattr(self, name, function)

    def state(self):
        return {}


class CallbackList(Callback):
    """Callbacks as one: each hook is passed on, in order; a backup comes last, when all the others have seen the event."""

    def __init__(self, callbacks=None, model=None, params=None, loop=None):
        callbacks = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        for i, c in enumerate(callbacks):
            if not isinstance(c, Callback):
                hint = ": make an object of it, with ()" if isinstance(c, type) and issubclass(c, Callback) else ""
                raise TypeError(f"callbacks[{i}] must be a minigrad.callbacks.Callback, got {c!r}{hint}")
        self.callbacks = sorted(callbacks, key=lambda c: getattr(c, "comes_last", False))
        for c in self.callbacks:
            c.loop = loop
            c.set_params(params or {})
            c.set_model(model)

    def __iter__(self):
        return iter(self.callbacks)

    def listens(self, hook):
        """Whether any of them does something at this hook."""
        return any(_overrides(c, hook) for c in self.callbacks)

    @property
    def reads_batches(self):
        """Whether any of them does."""
        return any(c.reads_batches for c in self.callbacks)

    def close(self):
        for c in self.callbacks:
            c.close()


def _overrides(callback, hook):
    return hook in vars(callback) or getattr(type(callback), hook) is not getattr(Callback, hook)


def _passed_on(hook):
    def call(self, *arguments):
        for c in self.callbacks:
            getattr(c, hook)(*arguments)
    call.__name__, call.__doc__ = hook, getattr(Callback, hook).__doc__
    return call


for _hook in HOOKS:
    setattr(CallbackList, _hook, _passed_on(_hook))
