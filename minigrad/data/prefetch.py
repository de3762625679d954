"""Work done ahead in threads, with bounded memory, in the order in which it was asked for, and without ever hanging."""

import collections
import contextvars
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

from minigrad.data.errors import fault

_END = object()
PATIENCE = 5.0  # seconds without an element, after which it is looked whether the thread lives at all


def checked_count(value, where, name, least=1):
    """A whole number of `least` or more."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise fault(where, f"wrong {name}", f"a whole number of {least} or more", repr(value),
                    f"Pass for example {least + 1}.")
    return int(value)


def ahead(elements, size):
    """The elements of an iterable, which a thread draws while the caller works: up to `size` of them wait in a queue.

    An error in the thread is raised here, with its own traceback, after the elements before it. When the caller stops
    early (break, an error of its own, the iterator thrown away), the thread ends after the element it is at.
    """
    waiting, stop = queue.Queue(size), threading.Event()
    thread = threading.Thread(target=contextvars.copy_context().run, args=(_fill, iter(elements), waiting, stop),
                              name="minigrad-prefetch", daemon=True)
    del elements
    try:
        thread.start()
        while True:
            try:
                element, error = waiting.get(timeout=PATIENCE)
            except queue.Empty:
                if not thread.is_alive() and waiting.empty():
                    raise RuntimeError("the prefetch thread is gone: was this process forked? Iterate anew") from None
                continue
            if error is not None:
                raise error
            if element is _END:
                return
            yield element
            del element  # the caller's alone, while the next one is waited for
    finally:
        stop.set()
        while not waiting.empty():  # room for the one that the thread may be putting: it sees the event after that
            try:
                waiting.get_nowait()
            except queue.Empty:
                break
        error = None  # its traceback holds this frame


def _fill(iterator, waiting, stop):
    """The thread's work. It knows the queue and the event but not the generator that reads them, which can so be freed."""
    last = _END, None
    try:
        for element in iterator:
            if stop.is_set():
                break
            waiting.put((element, None))
            del element
            if stop.is_set():
                break
    except BaseException as error:  # SystemExit too: whoever waits has to hear of it
        last = None, error
    finally:
        if hasattr(iterator, "close"):
            iterator.close()
    if not stop.is_set():
        waiting.put(last)


def in_order(work, items, workers):
    """work(item) for each item, in their order; with workers > 0 in so many threads, at most 2 · workers ahead.

    Each runs in a copy of the caller's context. An error is raised in its place, after the results before it.
    """
    if not workers:
        for item in items:
            yield work(item)  # and not map(work, items), which would take a StopIteration of work's for the end
        return
    context, pending, items = contextvars.copy_context(), collections.deque(), iter(items)
    pool = ThreadPoolExecutor(workers, "minigrad-map")
    try:
        for item in items:
            pending.append(pool.submit(context.copy().run, work, item))
            if len(pending) == 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        if hasattr(items, "close"):
            items.close()
