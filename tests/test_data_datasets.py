"""MNIST and Fashion-MNIST: which source is taken, what is said, and that nothing broken or incomplete is used."""

import copy
import functools
import hashlib
import http.server
import os
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import minigrad.data
from minigrad.data import DataError, fashion_mnist, image_sets, mnist, read_idx, write_idx
from minigrad.data.image_sets import FILES, cache_folder

pytestmark = pytest.mark.filterwarnings("error")  # a warning is part of what is tested
PACKAGED = Path(minigrad.data.__file__).parent / "files" / "fashion_mnist"


def small_set(folder, n=20, names="{}.gz", **changed):
    """A data set of n + n images, in order of FILES; `changed` replaces arrays by their place: x_train= ..."""
    rng = np.random.default_rng(n)
    arrays = {"x_train": rng.integers(0, 256, (n, 28, 28), np.uint8), "y_train": np.arange(n, dtype=np.uint8) % 10,
              "x_test": rng.integers(0, 256, (n, 28, 28), np.uint8), "y_test": np.arange(n, dtype=np.uint8) % 10}
    arrays.update(changed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(FILES, arrays.values()):
        write_idx(folder / names.format(name), array)
    return folder


def hashes(folder):
    return tuple(hashlib.sha256(image_sets.idx_bytes(read_idx(folder / f"{name}.gz"))).hexdigest() for name in FILES)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Every place that is searched, inside tmp_path; and no network but where a test says so."""
    for name in ("cache", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINIGRAD_OFFLINE", "1")
    monkeypatch.setenv("no_proxy", "*")
    system = str(tmp_path / "system")
    unused = ("http://127.0.0.1:9/",)
    monkeypatch.setattr(image_sets, "FASHION_MNIST",
                        image_sets.FASHION_MNIST._replace(system=system, mirrors=unused))
    monkeypatch.setattr(image_sets, "MNIST", image_sets.MNIST._replace(mirrors=unused))
    return tmp_path


@pytest.fixture
def online(places, monkeypatch):
    """The base address of a server on this machine with 8 + 8 images that the hash tables know; its log of requests."""
    served = small_set(places / "served", 8)
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, form, *arguments):
            requests.append(str(arguments[0]))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=served)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.delenv("MINIGRAD_OFFLINE")
        for name in ("MNIST", "FASHION_MNIST"):
            kind = getattr(image_sets, name)
            monkeypatch.setattr(image_sets, name, kind._replace(
                mirrors=(f"http://127.0.0.1:{server.server_port}",), sha256=hashes(served)))
        yield requests
        server.shutdown()
        thread.join()


def test_the_shape_of_the_answer(places):
    (x_train, y_train), (x_test, y_test) = found = mnist(small_set(places / "mine"))
    assert x_train.shape == x_test.shape == (20, 28, 28) and y_train.shape == y_test.shape == (20,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert isinstance(found, tuple) and found[0][0] is x_train
    assert repr(found) == f"MNIST: 20 + 20 images from {places / 'mine'}"
    for twin in (copy.copy(found), pickle.loads(pickle.dumps(found))):  # worker processes send it so
        assert repr(twin) == repr(found) and np.array_equal(twin[1][0], x_test)


def test_the_order_of_the_sources(places, online, capsys):
    """Put one source after the other in place, from the last to the first: each is preferred to those before."""
    def taken(**options):
        found = fashion_mnist(**options)
        line = capsys.readouterr().err
        assert line == f"{found!r}\n"
        return found.source, len(found[0][0])

    assert taken(download=False) == ("the subset shipped with minigrad", 10_000)
    assert taken() == (f"a download, now in {places / 'cache' / 'fashion_mnist'}", 8)
    for file in (places / "cache" / "fashion_mnist").iterdir():
        file.unlink()
    small_set(places / "system", 9)
    assert taken() == (str(places / "system"), 9)
    small_set(places / "cache" / "fashion_mnist", 10)
    assert taken() == (str(places / "cache" / "fashion_mnist"), 10)
    assert taken(folder=small_set(places / "mine", 11)) == (str(places / "mine"), 11)
    assert taken(folder=str(places / "mine")) == (str(places / "mine"), 11)
    assert taken(subset=True) == ("the subset shipped with minigrad", 10_000)
    assert len(online) == 4


def test_it_can_be_silent(places, capsys, monkeypatch):
    fashion_mnist(verbose=False)
    monkeypatch.delenv("MINIGRAD_OFFLINE")
    fashion_mnist(verbose=False)  # nor does it speak of a failed download
    assert capsys.readouterr() == ("", "")


def test_the_shipped_subset():
    found = fashion_mnist(subset=True, verbose=False)
    (x_train, y_train), (x_test, y_test) = found
    assert x_train.shape == (10_000, 28, 28) and x_test.shape == (2_000, 28, 28)
    assert np.bincount(y_train).tolist() == [1_000] * 10 and np.bincount(y_test).tolist() == [200] * 10
    assert y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]  # the start of the original: its order is kept
    assert y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert abs(x_train.mean() / 255 - 0.286) < 0.003 and abs(x_train.std() / 255 - 0.353) < 0.003  # as in the whole
    assert len(np.unique(x_train.reshape(10_000, -1), axis=0)) > 9_990
    assert sum(file.stat().st_size for file in PACKAGED.iterdir()) < 6_000_000
    assert "Zalando SE" in (PACKAGED / "LICENSE").read_text(encoding="utf-8")


def test_the_hash_tables():
    known = image_sets.MNIST.sha256 + image_sets.FASHION_MNIST.sha256
    assert len(set(known)) == 8 and all(len(h) == 64 and int(h, 16) for h in known)
    starts = [h[:8] for h in image_sets.MNIST.sha256 + image_sets.FASHION_MNIST.sha256[::2]]
    assert starts == ["ba891046", "65a50cbb", "0fa7898d", "ff7bcfd4", "c59f468a", "5b4141f0"]


def test_class_names():
    assert minigrad.data.MNIST_CLASSES == tuple("0123456789")
    assert len(set(minigrad.data.FASHION_MNIST_CLASSES)) == 10
    assert minigrad.data.FASHION_MNIST_CLASSES[9] == "Ankle boot"  # the first training image


def test_subset_is_a_choice(places):
    with pytest.raises(DataError, match="was not found") as caught:
        fashion_mnist(subset=False)
    assert "shipped" not in str(caught.value)
    with pytest.raises(DataError, match="no subset of MNIST"):
        mnist(subset=True)
    with pytest.raises(DataError, match="subset: wrong value.*1000"):
        mnist(subset=1000)


@pytest.mark.parametrize("names", ["{}", "{}.gz", "dots", "dots.gz"])
def test_spellings_of_the_names(places, names):
    folder = small_set(places / "mine", names="{}" + (".gz" if names.endswith("gz") else ""))
    if names.startswith("dots"):
        for file in folder.iterdir():
            file.rename(folder / file.name.replace("-idx", ".idx"))
        assert any(file.name.startswith("train-images.idx3-ubyte") for file in folder.iterdir())
    assert len(mnist(folder)[0][0]) == 20


@pytest.mark.parametrize("name", FILES)
def test_an_incomplete_folder_is_refused(places, name):
    folder = small_set(places / "mine")
    (folder / f"{name}.gz").unlink()
    with pytest.raises(DataError, match=f"incomplete.*no {name} or {name}.gz") as caught:
        fashion_mnist(folder)
    assert str(folder) in str(caught.value)


def test_a_folder_without_the_files(places):
    for folder, words in ((places / "none", "no such folder"), (places / "home", "has none of train-images")):
        with pytest.raises(DataError, match=words) as caught:
            mnist(folder)
        assert "folder=" in str(caught.value)  # and how to get them


IMAGES = np.zeros((20, 28, 28), np.uint8)
LABELS = np.zeros(20, np.uint8)


@pytest.mark.parametrize("changed, file, words", [
    ({"x_train": IMAGES[:19]}, 1, "19 labels.*got 20"), ({"y_train": LABELS[:19]}, 1, "20 labels.*got 19"),
    ({"x_test": IMAGES[:1]}, 3, "1 labels.*got 20"),
    ({"x_train": IMAGES[:, :27]}, 0, r"wrong images.*\(20, 27, 28\)"), ({"x_test": IMAGES[0]}, 2, "wrong images"),
    ({"x_test": IMAGES.astype(np.float32)}, 2, "wrong images.*float32"), ({"x_train": LABELS}, 0, "wrong images"),
    ({"y_train": IMAGES}, 1, "wrong labels"), ({"y_test": LABELS.astype(np.int32)}, 3, "wrong labels.*int32"),
    ({"y_train": LABELS + np.uint8(10)}, 1, "label out of range.*got 10"),
    ({"x_train": IMAGES[:0], "y_train": LABELS[:0]}, 0, "wrong images"),
])
def test_files_that_do_not_fit(places, changed, file, words):
    folder = small_set(places / "mine", **changed)
    with pytest.raises(DataError, match=words) as caught:
        fashion_mnist(folder)
    assert str(caught.value).startswith(str(folder / FILES[file]))


def test_a_truncated_file_in_a_folder(places):
    folder = small_set(places / "mine")
    os.truncate(folder / "t10k-images-idx3-ubyte.gz", 300)
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte.gz: corrupt or truncated"):
        mnist(folder)


def test_the_other_data_set(places, monkeypatch):
    """Both data sets go by the same file names, and often lie in the wrong folder."""
    folder = small_set(places / "mine")
    monkeypatch.setattr(image_sets, "MNIST", image_sets.MNIST._replace(sha256=hashes(folder)))
    with pytest.raises(DataError, match="expected Fashion-MNIST's labels, got MNIST's"):
        fashion_mnist(folder)
    assert len(mnist(folder)[0][0]) == 20


@pytest.mark.parametrize("load, name", [(fashion_mnist, "fashion_mnist"), (mnist, "mnist")])
def test_a_download_goes_to_the_cache_once(places, online, load, name):
    first, second = load(), load()
    cache = places / "cache" / name
    assert first.source == f"a download, now in {cache}" and second.source == str(cache)
    assert sorted(file.name for file in cache.iterdir()) == sorted(f"{f}.gz" for f in FILES)
    assert len(online) == 4
    assert np.array_equal(first[0][0], second[0][0])
    assert np.array_equal(first[0][0], read_idx(places / "served" / "train-images-idx3-ubyte.gz"))


def test_mirrors_can_be_given(places, online, monkeypatch):
    base = image_sets.MNIST.mirrors[0]
    monkeypatch.setattr(image_sets, "MNIST", image_sets.MNIST._replace(mirrors=("http://127.0.0.1:9/",)))
    assert "download" in mnist(mirrors=[f"{base}/nowhere/", f"{base}/"]).source
    assert any("nowhere" in line for line in online)


def test_a_wrong_download_is_not_used(places, online, capsys):
    small_set(places / "served", 7)  # not what the table says
    with pytest.raises(DataError, match="MNIST was not found.*\n.*\n.*sha256"):
        mnist()
    assert fashion_mnist().source == "the subset shipped with minigrad"
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 2 and "not the expected file" in err[0] and "shipped" in err[1]
    assert list((places / "cache" / "mnist").iterdir()) == []


@pytest.mark.parametrize("offline, asks", [("1", False), ("true", False), ("0", True), ("", True), (None, True)])
def test_without_a_network_one_file_is_asked_for(places, monkeypatch, offline, asks):
    asked = []

    def fetch(urls, path, *arguments, **options):
        asked.append(urls)
        raise DataError("no network")

    monkeypatch.setattr(image_sets, "fetch", fetch)
    if offline is None:
        monkeypatch.delenv("MINIGRAD_OFFLINE")
    else:
        monkeypatch.setenv("MINIGRAD_OFFLINE", offline)
    assert "shipped" in fashion_mnist().source
    assert asked == ([["http://127.0.0.1:9/train-images-idx3-ubyte.gz"]] if asks else [])
    asked.clear()
    fashion_mnist(download=False)
    assert asked == []


def test_a_broken_cache_is_reported_and_mended(places, online):
    fashion_mnist()
    file = places / "cache" / "fashion_mnist" / "t10k-labels-idx1-ubyte.gz"
    os.truncate(file, 20)
    with pytest.warns(UserWarning, match="Fashion-MNIST: passed over.*t10k-labels-idx1-ubyte.gz: corrupt") as caught:
        assert len(fashion_mnist()[0][0]) == 8
    assert caught[0].filename == __file__  # it points at the caller's line
    assert len(online) == 5  # that file only
    assert fashion_mnist().source == str(file.parent)  # without a warning


def test_an_incomplete_cache_is_passed_over(places):
    folder = small_set(places / "cache" / "fashion_mnist")
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    small_set(places / "system", 9)
    with pytest.warns(UserWarning, match="incomplete"):
        assert fashion_mnist().source == str(places / "system")


def test_a_broken_system_folder_is_passed_over(places):
    small_set(places / "system", y_test=LABELS[:3])
    with pytest.warns(UserWarning, match="not the labels of these images"):
        assert fashion_mnist().source == "the subset shipped with minigrad"


def test_what_cannot_be_found_says_what_was_tried(places, monkeypatch):
    with pytest.raises(DataError) as caught:
        mnist()
    lines = str(caught.value).splitlines()
    assert lines[0] == "MNIST was not found. Tried in turn:"
    assert [words in line for words, line in zip(
        (str(places / "cache" / "mnist"), "MINIGRAD_OFFLINE", "no subset of MNIST", "folder="), lines[1:])] == [True] * 4
    with pytest.raises(DataError, match="download=False"):
        mnist(download=False)
    monkeypatch.delenv("MINIGRAD_OFFLINE")
    with pytest.raises(DataError, match="http://127.0.0.1:9/train-images-idx3-ubyte.gz: connection failed"):
        mnist()


@pytest.mark.parametrize("platform, environment, expected", [
    ("linux", {}, "home/.cache/minigrad/x"),
    ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/minigrad/x"),
    ("darwin", {"XDG_CACHE_HOME": "xdg"}, "home/Library/Caches/minigrad/x"),
    ("win32", {"LOCALAPPDATA": "local"}, "local/minigrad/x"),
    ("win32", {}, "home/AppData/Local/minigrad/x"),
    ("linux", {"MINIGRAD_CACHE": "own", "XDG_CACHE_HOME": "xdg"}, "own/x"),
])
def test_the_cache_is_where_the_platform_has_it(places, monkeypatch, platform, environment, expected):
    for name in ("MINIGRAD_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, str(places / value))
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder("x") == places / expected


def test_no_home_no_cache_no_crash(places, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    for name in ("MINIGRAD_CACHE", "XDG_CACHE_HOME", "MINIGRAD_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert fashion_mnist().source == "the subset shipped with minigrad"
