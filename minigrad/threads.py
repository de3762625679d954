"""Threads that share work: the pieces of a batch, the blocks of an array (blocks.py).

NumPy and BLAS let go of Python's lock while they compute, so it pays. With one BLAS thread for each of them:
threads inside of threads would stand in each other's way.
"""

import collections
import contextlib
import contextvars
import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import threadpoolctl

MOST = 256  # threads

_inside = contextvars.ContextVar("inside", default=False)  # per thread: whether others work beside it already


def count_workers(workers):
    """How many threads `workers` asks for: "auto" is the number of cores that this process may use, None is 1."""
    if workers is None:
        return 1
    if isinstance(workers, str) and workers == "auto":
        affinity = getattr(os, "sched_getaffinity", None)  # Linux; elsewhere all cores are ours
        return min(len(affinity(0)) if affinity else os.cpu_count() or 1, MOST)
    if isinstance(workers, bool) or not hasattr(workers, "__index__") or not 1 <= workers <= MOST:
        raise ValueError(f'workers must be "auto", None or a number from 1 to {MOST}, got {workers!r}')
    return int(workers)


def inside_threads():
    """Whether this is work of in_threads already, so that no further thread would take a share."""
    return _inside.get()


def in_threads(work, count, workers):
    """work(0) ... work(count - 1), each once, begun in this order, by this thread and workers - 1 helpers.

    Each runs in a copy of the caller's context, so that no_grad and the default dtype hold there too. When one raises,
    no further ones begin; the error of the first of them, in their order, is raised here, when all have ended. So is
    KeyboardInterrupt. Work that comes here again from inside, as the blocks of an array in a batch's piece, stays on its
    thread.
    """
    if _inside.get():
        for i in range(count):
            work(i)
        return
    workers = min(workers, count)
    context = contextvars.copy_context()
    context.run(_inside.set, True)
    pending, errors = collections.deque(range(count)), {}

    def take():
        while True:
            try:
                i = pending.popleft()
            except IndexError:
                return
            try:
                context.copy().run(work, i)
            except Exception as error:
                pending.clear()
                errors[i] = error
            except BaseException:
                pending.clear()
                raise

    helpers = []
    with one_blas_thread:
        try:
            for _ in range(workers - 1):
                helpers.append(_helpers(workers - 1).submit(take))
            take()
        finally:
            pending.clear()
            running = [h for h in helpers if not h.cancel()]
            for h in running:
                h.exception()  # waits
    for h in running:
        h.result()
    if errors:
        try:
            raise errors[min(errors)]  # those before it were begun before it, so they would be here
        finally:
            errors.clear()  # its traceback holds this frame


@functools.cache
def _helpers(count):
    """So many threads, started when they are first needed; between steps they wait. Two callers at once share them: each
    works on its own pieces too, and cancels what no helper has begun when it comes to the end of them."""
    return ThreadPoolExecutor(count, f"minigrad-{count}")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # a child process has none of the threads


class _OneBlasThread(contextlib.ContextDecorator):
    """`with one_blas_thread:` BLAS computes on one thread, until the last of all that are in such a block leaves it.

    A second thread of OpenBLAS, once it had work, spins for 100 ms in wait of more, on a core that a thread of ours needs.
    """

    def __init__(self):
        self.lock, self.inside, self.before = threading.Lock(), 0, ()

    def __enter__(self):
        with self.lock:
            if self.inside == 0:
                self.before = [(library, library.get_num_threads()) for library in _blas_libraries()]
                self._set((library, 1) for library, _ in self.before)
            self.inside += 1

    def __exit__(self, *error):
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self._set(self.before)

    def _set(self, threads):
        for library, n in threads:
            if n is not None:
                library.set_num_threads(n)


@functools.cache
def _blas_libraries():
    """The BLAS libraries of this process; looking for them takes some milliseconds, setting their threads 9 µs."""
    return threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers


one_blas_thread = _OneBlasThread()
