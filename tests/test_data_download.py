"""Downloads against a server on this machine that misbehaves in every way we could think of."""

import contextlib
import functools
import gzip
import hashlib
import http.server
import importlib
import io
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from minigrad.data import DataError
from minigrad.data.download import download
from minigrad.data.lock import locked

module = importlib.import_module("minigrad.data.download")  # the package's attribute of that name is the function
CONTENT = bytes(i * i % 251 for i in range(300_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ROOT = Path(__file__).resolve().parent.parent


class Server(http.server.ThreadingHTTPServer):
    """Answers each request with the next behaviour of `script` (the last one again and again) and notes its Range."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/data"
        self.script, self.ranges = [whole], []
        self.stop = threading.Event()  # lets every handler that waits go on


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.ranges.append(self.headers["Range"])
        script = self.server.script
        behave = script.pop(0) if len(script) > 1 else script[0]
        try:
            behave(self)
        except OSError:  # the client has hung up
            pass

    def answer(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length != "unknown":
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def whole(h, content=CONTENT):
    h.answer(200, content)


def ranged(h, content=CONTENT):
    start = int(re.match(r"bytes=(\d+)-", h.headers["Range"] or "bytes=0-")[1])
    if not start:
        h.answer(200, content)
    elif start >= len(content):
        h.answer(416, Content_Range=f"bytes */{len(content)}")
    else:
        h.answer(206, content[start:], Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")


def cut(h, after=100_000):
    h.answer(200, CONTENT[:after], length=len(CONTENT))


def another_piece(h):
    h.answer(206, CONTENT[7:], Content_Range=f"bytes 7-{len(CONTENT) - 1}/{len(CONTENT)}")


def status(code):
    return lambda h: h.answer(code, b"sorry")


def silent(h):
    h.server.stop.wait(20)


def stalls(h):
    h.answer(200, CONTENT[:1000], length=len(CONTENT))
    h.server.stop.wait(20)


def endless(h):
    h.answer(200, length="unknown")
    for _ in range(1000):
        h.wfile.write(bytes(10_000))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "data"


@pytest.fixture
def part(target):
    """The bytes of the part, or None; and a way to put them there."""
    class Part:
        path = target.with_name("data.part")

        def put(self, content):
            self.path.parent.mkdir()
            self.path.write_bytes(content)

        content = property(lambda self: self.path.read_bytes() if self.path.exists() else None)

    return Part()


def refused(server, target, words, url=None, sha256=SHA256, **options):
    with pytest.raises(DataError, match=words) as caught:
        download(server.url if url is None else url, target, sha256, **options)
    assert str(target) in str(caught.value)
    assert not target.exists()
    return str(caught.value)


def test_it_arrives_whole_and_leaves_nothing_else(server, target, capsys):
    assert download(server.url, target, SHA256.upper()) == target
    assert target.read_bytes() == CONTENT
    assert [p.name for p in target.parent.iterdir()] == ["data"]
    assert capsys.readouterr() == ("", "")  # silent where stderr is no terminal


def test_what_is_there_is_not_fetched_again(server, target):
    download(server.url, target, SHA256)
    download(server.url, target, SHA256)
    assert server.ranges == [None]
    target.write_bytes(b"broken since")
    download(server.url, str(target), SHA256)
    assert target.read_bytes() == CONTENT and len(server.ranges) == 2


@pytest.mark.parametrize("code", [404, 403, 500, 204])
def test_an_error_status(server, target, part, code):
    server.script = [status(code)]
    assert server.url in refused(server, target, f"HTTP {code}")
    assert part.content is None and list(target.parent.iterdir()) == []


def test_cut_short_then_resumed(server, target, part):
    server.script = [cut, ranged]
    refused(server, target, "cut short after 100,000 of 300,000 bytes.*100,000 bytes are kept; call again")
    assert part.content == CONTENT[:100_000]
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges == [None, "bytes=100000-"]
    assert part.content is None


def test_cut_short_twice(server, target, part):
    def second(h):
        h.answer(206, CONTENT[100_000:150_000], length=200_000, Content_Range="bytes 100000-299999/300000")

    server.script = [cut, second, ranged]
    refused(server, target, "100,000 of 300,000")
    refused(server, target, "150,000 of 300,000")
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges[-1] == "bytes=150000-"


def test_a_server_that_ignores_range(server, target, part):
    part.put(CONTENT[:5000])
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges == ["bytes=5000-"]


def test_a_server_that_sends_another_piece(server, target, part):
    part.put(CONTENT[:5000])
    server.script = [another_piece, whole]
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges == ["bytes=5000-", None]


def test_a_part_longer_than_the_file(server, target, part):
    part.put(CONTENT + b"more")
    server.script = [ranged]
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges[0] == "bytes=300004-" and server.ranges[1] is None


def test_a_part_that_is_complete(server, target, part):
    part.put(CONTENT)
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges == []


def test_a_part_of_another_file(server, target, part):
    part.put(b"something else")
    server.script = [ranged]
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges == ["bytes=14-", None]


def test_a_wrong_hash(server, target, part):
    server.script = [functools.partial(whole, content=b"<html>log in first</html>")]
    got = hashlib.sha256(b"<html>log in first</html>").hexdigest()
    message = refused(server, target, f"sha256 {SHA256} was expected, got {got}")
    assert "<html>log in" in message and part.content is None


def test_the_hash_of_what_is_packed(server, target, part):
    for level in (1, 9):  # one content, two files
        server.script = [functools.partial(whole, content=gzip.compress(CONTENT, level))]
        target.unlink(missing_ok=True)
        download(server.url, target, SHA256, unpacked=True)
        assert gzip.decompress(target.read_bytes()) == CONTENT
    download(server.url, target, SHA256, unpacked=True)
    assert len(server.ranges) == 2
    target.unlink()
    server.script = [functools.partial(whole, content=gzip.compress(CONTENT)[:-9])]
    refused(server, target, "corrupt gzip", unpacked=True)
    server.script = [whole]
    refused(server, target, "corrupt gzip", unpacked=True)
    server.script = [functools.partial(whole, content=gzip.compress(bytes(20_000_000)))]  # a bomb
    refused(server, target, "got more than 400,000 bytes", unpacked=True, max_bytes=400_000)
    assert part.content is None


def test_a_server_that_does_not_stop(server, target, part):
    server.script = [endless]
    refused(server, target, "larger than the 400,000 bytes", max_bytes=400_000)
    assert part.content is None


def test_a_length_that_is_not_told(server, target):
    server.script = [lambda h: h.answer(200, CONTENT, length="unknown")]
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT


def test_nobody_listens(server, target):
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        refused(server, target, "connection failed .*[Rr]efused", f"http://127.0.0.1:{taken.getsockname()[1]}/data")


def test_no_answer_in_time(server, target):
    server.script = [silent]
    refused(server, target, "no answer within 0.2 s", timeout=0.2)


def test_a_name_look_up_that_hangs(server, target, monkeypatch):
    """getaddrinfo knows no timeout: it must not hold up the caller."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: server.stop.wait(20))
    refused(server, target, "no answer within 0.2 s", "http://example.invalid/data", timeout=0.2)
    assert not server.stop.is_set()  # the caller is back, and the look-up still hangs


def test_a_transfer_that_stalls(server, target, part):
    server.script = [stalls, ranged]
    refused(server, target, "connection failed .*timed out.*1,000 bytes are kept", stall=0.2)
    assert part.content == CONTENT[:1000]
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges == [None, "bytes=1000-"]


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 two hundred\r\n\r\n"])
def test_an_answer_that_is_not_http(server, target, answer):
    server.script = [lambda h: h.wfile.write(answer)]
    refused(server, target, "connection failed")


def test_interrupted_then_resumed(server, target, part, monkeypatch):
    """Ctrl-C in the middle: what came stays, and the next call goes on from there."""
    @contextlib.contextmanager
    def pressed(*arguments):
        def advance(count):
            raise KeyboardInterrupt
        yield advance

    with monkeypatch.context() as patch:
        patch.setattr(module, "_progress", pressed)
        with pytest.raises(KeyboardInterrupt):
            download(server.url, target, SHA256)
    kept = len(part.content)
    assert 0 < kept < len(CONTENT) and part.content == CONTENT[:kept] and not target.exists()
    server.script = [ranged]
    download(server.url, target, SHA256)
    assert target.read_bytes() == CONTENT and server.ranges == [None, f"bytes={kept}-"]


def test_mirrors_in_order(server, target):
    server.script = [status(404), cut, ranged]
    download([server.url + n for n in "123"], target, SHA256)  # the third goes on where the second broke off
    assert target.read_bytes() == CONTENT and server.ranges == [None, None, "bytes=100000-"]


def test_all_mirrors_fail(server, target):
    server.script = [status(404), functools.partial(whole, content=b"wrong"), cut]
    message = refused(server, target, "download failed", [server.url + n for n in "123"])
    for n, words in zip("123", ("HTTP 404", "sha256", "cut short")):
        assert re.search(f"{server.url}{n}: [^|]*{words}", message)
    refused(server, target, "no address was given", [])


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "/etc/hostname", "http://",
                                 "http://127.0.0.1:port/"])
def test_addresses_that_are_none(server, target, url):
    refused(server, target, "http:// or https:// address was expected|connection failed", url)


def test_places_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "file" / "data", tmp_path / "folder"):
        with pytest.raises(DataError, match="cannot be written"):
            download(server.url, place, SHA256)
    assert (tmp_path / "folder").is_dir()


def test_two_threads_at_once(server, target):
    """The second waits for the first, and then finds the file there."""
    second = threading.Event()

    def slow(h):
        second.wait(0.5)  # time for the second to ask as well, if nothing held it back
        whole(h)

    def asks_too(h):
        second.set()
        whole(h)

    server.script = [slow, asks_too]
    results = []
    threads = [threading.Thread(target=lambda: results.append(download(server.url, target, SHA256))) for _ in "12"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [target, target] and server.ranges == [None]
    assert target.read_bytes() == CONTENT and [p.name for p in target.parent.iterdir()] == ["data"]


def python(code, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_two_processes_at_once(server, target):
    code = "import sys; from minigrad.data import download; download(*sys.argv[1:])"
    processes = [python(code, server.url, target, SHA256) for _ in "12"]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")
    assert target.read_bytes() == CONTENT and server.ranges == [None]


def test_a_lock_holds_against_processes_and_dies_with_its_holder(server, target):
    target.parent.mkdir()
    code = ("import sys; from minigrad.data.lock import locked\n"
            "with locked(sys.argv[1]): print('held', flush=True); sys.stdin.read()")
    with python(code, target, stdin=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(DataError, match="held"), locked(target, wait=0.2):
                pytest.fail("two hold one lock")
        finally:
            holder.kill()
    assert target.with_name("data.lock").exists()  # nobody tidied up ...
    download(server.url, target, SHA256)           # ... and nobody is kept out
    assert [p.name for p in target.parent.iterdir()] == ["data"]


def test_a_lock_is_released_by_an_exception(target):
    target.parent.mkdir()
    with pytest.raises(RuntimeError), locked(target):
        raise RuntimeError
    with locked(target, wait=0):
        pass


def test_the_bar_where_stderr_is_a_terminal(server, target, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stderr", Terminal())
    download(server.url, target, SHA256)
    assert "data" in sys.stderr.getvalue() and "300.0/300.0 kB" in sys.stderr.getvalue()
    assert target.read_bytes() == CONTENT
