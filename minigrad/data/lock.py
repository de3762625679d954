"""One process at a time: a lock on a file, which the operating system opens again when its holder dies."""

import contextlib
import os
import time

from minigrad.data.errors import fault

try:
    import fcntl

    def _take(file):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except ImportError:  # Windows
    import msvcrt

    def _take(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)


@contextlib.contextmanager
def locked(path, wait: float = 600.0, poll: float = 0.05):
    """Hold `path`.lock, waiting up to `wait` seconds for whoever holds it (another process, or another thread).

    Raises:
        DataError: it is still held after `wait` seconds.
    """
    name = f"{os.fspath(path)}.lock"
    end = time.monotonic() + wait
    while (file := _try(name)) is None:
        if time.monotonic() > end:
            raise fault(path, "somebody else is working on it", f"{name} to be free within {wait:g} s",
                        "a lock that is still held", "End the other process, or wait for it.")
        time.sleep(poll)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps a file that is open: it then stays, empty and free
            os.unlink(name)
        file.close()


def _try(name):
    """The lock's file, open and locked, or None if somebody holds it."""
    file = open(name, "a+b")
    try:
        _take(file)
        if os.path.samestat(os.fstat(file.fileno()), os.stat(name)):
            return file  # else its last holder removed it just now, and what we locked has no name any more
    except (BlockingIOError, PermissionError, FileNotFoundError):  # held, on POSIX and on Windows; or removed
        pass
    except BaseException:
        file.close()
        raise
    file.close()
    return None
