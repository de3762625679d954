"""Whether operations are put on the tape: no_grad, enable_grad. Per thread."""

import contextlib
import contextvars
import functools
import inspect

# Per thread: whether operations are put on the tape. A callable counts as True, and is told of each that is.
recording = contextvars.ContextVar("recording", default=True)

_outer = contextvars.ContextVar("outer", default=())  # per thread: what `recording` was outside each open block


class _Recording(contextlib.ContextDecorator):
    """A block, or a decorated function or generator, in which operations are recorded or not.

    Nests, and holds per thread: the object has no state of its own, so threads may share it.
    """

    def __enter__(self):
        _outer.set((*_outer.get(), recording.get()))
        recording.set(self.on and (recording.get() or True))  # whoever is told, is told on

    def __exit__(self, *error):
        *outer, before = _outer.get()
        _outer.set(tuple(outer))
        recording.set(before)

    def __call__(self, function):
        return _each_step(function, self) if inspect.isgeneratorfunction(function) else super().__call__(function)


def _each_step(function, block):
    """The generator function, each of its steps inside the block, so that its caller in between is not."""
    @functools.wraps(function)
    def steps(*arguments, **keywords):
        generator = function(*arguments, **keywords)
        resume = functools.partial(next, generator)
        try:
            while True:
                with block:
                    try:
                        value = resume()
                    except StopIteration as end:
                        return end.value
                try:
                    resume = functools.partial(generator.send, (yield value))
                except GeneratorExit:
                    raise
                except BaseException as error:  # what the caller threw in
                    resume = functools.partial(generator.throw, error)
        finally:
            with block:
                generator.close()
    return steps


class no_grad(_Recording):
    """`with mg.no_grad():` or `@mg.no_grad()`: nothing is put on the tape; results do not require gradients."""

    on = False


class enable_grad(_Recording):
    """`with mg.enable_grad():` puts operations on the tape again inside a no_grad block."""

    on = True


def is_recording() -> bool:
    """Whether operations are put on the tape in this thread."""
    return bool(recording.get())
