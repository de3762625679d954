"""Downloads that arrive whole and right, or not at all: resumed where they broke off, checked by their SHA-256.

The network's modules are imported where it is used: `import minigrad` does not wait for them.
"""

import contextlib
import gzip
import hashlib
import os
import queue
import re
import sys
import threading
import zlib
from pathlib import Path

from minigrad.data.errors import DataError, fault
from minigrad.data.lock import locked

PIECE = 1 << 16  # bytes at a time


def download(url, path, sha256: str, *, unpacked: bool = False, max_bytes: int = 2**32, timeout: float = 4.0,
             stall: float = 20.0) -> Path:
    """Bring the file at `url` to `path`; if it is there already with the right hash, nothing is fetched.

    The bytes go to `path`.part first. When a transfer breaks off, that file stays and the next call asks the server
    for the rest only. When the hash is wrong it is deleted. Calls for one `path` at the same time, from several
    processes or threads, wait for each other, and the later ones find the file there. A bar shows the progress where
    stderr is a terminal.

    Arguments:
        url: http(s) address, or a list of mirrors, tried in order.
        path: where to; missing folders are made.
        sha256: the expected hash, in hexadecimal.
        unpacked: the hash is of what the gzip file holds, not of the file: mirrors compress differently.
        max_bytes: stop a file, or gzipped content, that grows beyond this.
        timeout: seconds until a server must have answered.
        stall: seconds without a byte, once it has answered, after which a transfer is given up.
    Returns:
        `path`, as a Path.
    Raises:
        DataError: no mirror had the file, with the reason for each; or `path` cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    failures = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            if path.exists() and _fault_of(path, sha256, unpacked, max_bytes) is None:
                return path
            for address in [url] if isinstance(url, str) else url:
                try:
                    _fetch_checked(address, part, sha256, unpacked, max_bytes, timeout, stall)
                    os.replace(part, path)
                    return path
                except DataError as error:
                    failures.append(str(error))
    except OSError as error:
        raise fault(path, "cannot be written", "a writable place with space left", str(error),
                    "Check the folder and the space left.") from error
    kept = f" {part.stat().st_size:,} bytes are kept; call again for the rest." if part.exists() else ""
    raise DataError(f"{path}: download failed: {' | '.join(failures) or 'no address was given'}.{kept}")


def _fetch_checked(url, part, sha256, unpacked, max_bytes, timeout, stall) -> None:
    """Complete `part` from `url` and check it; the part that was there may be of another file: then once more."""
    while True:
        resumed = part.exists() and part.stat().st_size > 0
        if not (resumed and _fault_of(part, sha256, unpacked, max_bytes) is None):  # not complete already
            _fetch(url, part, max_bytes, timeout, stall)
        wrong = _fault_of(part, sha256, unpacked, max_bytes)
        if wrong is None:
            return
        with open(part, "rb") as file:
            start = file.read(24)
        part.unlink()
        if not resumed:
            raise DataError(f"{url}: not the expected file: sha256 {sha256} was expected, got {wrong}, "
                            f"which starts {start!r}; it was deleted")


def _fetch(url, part, max_bytes, timeout, stall) -> None:
    """Append to `part` what is missing of `url`; on a fault, what came so far stays for the next attempt."""
    have = part.stat().st_size if part.exists() else 0
    response, have = _answer(url, have, timeout, stall)
    with response, open(part, "ab" if have else "wb") as file, _progress(url, have, response.length) as advance:
        total = None if response.length is None else have + response.length
        while piece := _network(url, response.read1, PIECE):
            file.write(piece)
            have += len(piece)
            advance(len(piece))
            if have > max_bytes:
                break
    if have > max_bytes:
        part.unlink()
        raise DataError(f"{url}: larger than the {max_bytes:,} bytes it may have")
    if total is not None and have < total:
        raise DataError(f"{url}: cut short after {have:,} of {total:,} bytes")


def _answer(url, have, timeout, stall):
    """The server's answer, and from which byte on it sends the file: `have` if it agreed to resume, else 0."""
    if have:
        response = _open(url, have, timeout, stall)
        if response.status == 206 and re.match(rf"bytes {have}-", response.headers.get("Content-Range") or ""):
            return response, have
        if response.status == 200:
            return response, 0  # it sends the whole file all the same
        response.close()  # 416: our part is longer than the file; or another piece than we asked for
    response = _open(url, 0, timeout, stall)
    if response.status != 200:
        response.close()
        raise DataError(f"{url}: HTTP {response.status} {response.reason}")
    return response, 0


def _open(url, have, timeout, stall):
    """The response to a request for `url` from byte `have` on, within `timeout` seconds."""
    import urllib.error
    import urllib.request
    if not re.match(r"https?://", url):
        raise DataError(f"{url}: an http:// or https:// address was expected")
    headers = {"User-Agent": "minigrad", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)

    def ask():
        try:
            return urllib.request.urlopen(request, timeout=stall)
        except urllib.error.HTTPError as answer:  # a response too, with a status that is not 2xx
            return answer

    return _network(url, _in_time, ask, timeout)


def _in_time(call, seconds):
    """call(), or a TimeoutError: it runs in a thread, which is left behind, for looking up a name has no timeout."""
    results = queue.SimpleQueue()

    def work():
        try:
            results.put((call(), None))
        except Exception as error:
            results.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        result, error = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return result


def _network(url, call, *arguments):
    """call(*arguments), where a fault of the network becomes a DataError: the disk's faults are told apart from it."""
    import http.client
    try:
        return call(*arguments)
    except (OSError, http.client.HTTPException, ValueError) as error:  # URLError, TimeoutError; bad answers; bad addresses
        reason = getattr(error, "reason", None) or error
        raise DataError(f"{url}: connection failed ({str(reason) or type(reason).__name__})") from error


def _fault_of(path, sha256, unpacked, max_bytes) -> str | None:
    """What is wrong with the file's hash, or None if it is `sha256`."""
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(path) if unpacked else open(path, "rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                size += len(piece)
                if size > max_bytes:
                    return f"more than {max_bytes:,} bytes"
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        return f"corrupt gzip: {error}"
    return None if digest.hexdigest() == sha256.lower() else f"{digest.hexdigest()} of {size:,} bytes"


@contextlib.contextmanager
def _progress(url, have, length):
    """A bar on stderr if that is a terminal; gives the function to call with each number of bytes that came."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(url.rsplit("/", 1)[-1], completed=have, total=None if length is None else have + length)
        yield lambda count: bar.advance(task, count)
