"""IDX files: what is written comes back; what is broken is named and never half-used."""

import gzip
import math
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigrad.data import DataError, read_idx, write_idx
from minigrad.data.idx import idx_bytes

DTYPES = ("u1", "i1", "<i2", ">i2", "<i4", ">i4", "<f4", ">f4", "<f8", ">f8")
arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)))
SAMPLE = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
RAW = idx_bytes(SAMPLE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


def written(folder, content: bytes, name="file"):
    path = folder / name
    path.write_bytes(content)
    return path


def error_of(folder, content: bytes) -> str:
    path = written(folder, content)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@settings(deadline=None)
@given(array=arrays, name=st.sampled_from(["a", "a.gz"]))
def test_what_is_written_comes_back(folder, array, name):
    write_idx(folder / name, array)
    back = read_idx(folder / name)
    assert back.shape == array.shape and back.dtype == array.dtype.newbyteorder("=") and back.dtype.isnative
    assert back.astype(array.dtype).tobytes() == array.tobytes()  # bit for bit, NaN included
    assert back.flags.writeable


def test_the_layout_is_the_published_one(folder):
    """Against bytes put together by hand: a reader and a writer that were wrong in the same way would pass above."""
    head = struct.pack(">BBBBII", 0, 0, 0x0B, 2, 2, 3)
    body = struct.pack(">6h", 1, -2, 3, -4, 500, -32768)
    assert np.array_equal(read_idx(written(folder, head + body)), np.array([[1, -2, 3], [-4, 500, -32768]], "i2"))
    assert idx_bytes(np.array([[1, -2, 3], [-4, 500, -32768]], "i2")) == head + body
    codes = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
    assert {t: idx_bytes(np.zeros(1, t))[2] for t in codes} == codes


def test_content_decides_not_the_name(folder):
    assert np.array_equal(read_idx(written(folder, gzip.compress(RAW), "packed")), SAMPLE)
    assert np.array_equal(read_idx(written(folder, RAW, "plain.gz")), SAMPLE)
    assert np.array_equal(read_idx(str(folder / "plain.gz")), SAMPLE)


def test_gzip_is_deterministic(folder, monkeypatch):
    write_idx(folder / "one.gz", SAMPLE)
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_idx(folder / "two.gz", SAMPLE)
    assert (folder / "one.gz").read_bytes() == (folder / "two.gz").read_bytes()
    assert (folder / "one.gz").read_bytes()[:2] == b"\x1f\x8b"


FAULTS = {
    "empty file": (b"", "0 bytes"),
    "one byte": (RAW[:1], "truncated header"),
    "half a magic number": (RAW[:3], "truncated header"),
    "dimensions cut off": (RAW[:10], "16 bytes for 3 dimensions, got 10"),
    "first byte": (b"\1" + RAW[1:], "two zero bytes first, got 0x0100"),
    "second byte": (b"\0\1" + RAW[2:], "two zero bytes first, got 0x0001"),
    "type 0x0a": (b"\0\0\x0a" + RAW[3:], "0x0e (float64), got 0x0a"),
    "no dimension": (b"\0\0\x08\0\7", "1 to 64, got 0"),
    "65 dimensions": (b"\0\0\x08\x41" + b"\0\0\0\1" * 65 + b"\7", "1 to 64, got 65"),
    "last byte missing": (RAW[:-1], "truncated: expected 24 bytes after the header (2 x 3 x 4 of uint8)"),
    "one byte more": (RAW + b"\0", "trailing bytes"),
    "larger than memory": (b"\0\0\x0e\4" + b"\xff" * 16, "4,294,967,295 x 4,294,967,295"),
    "empty but absurd": (b"\0\0\x08\3" + b"\0" * 4 + b"\xff" * 8, "too large"),
    "announces 3 GB": (b"\0\0\x08\1\xb0\0\0\0" + b"1234", "truncated: expected 2,952,790,016 bytes"),
    "gzip cut short": (gzip.compress(RAW)[:-9], "corrupt or truncated gzip"),
    "gzip checksum": (gzip.compress(RAW)[:-8] + b"\0" * 8, "CRC"),
    "gzip, then garbage": (gzip.compress(RAW) + b"garbage", "corrupt or truncated gzip"),
    "gzip of too much": (gzip.compress(RAW + b"\0"), "trailing bytes"),
    "gzip of two files": (gzip.compress(RAW) * 2, "trailing bytes"),
    "gzip of too little": (gzip.compress(RAW[:-1]), "truncated: expected 24 bytes"),
    "gzip of nothing": (gzip.compress(b""), "empty file"),
    "gzip of gzip": (gzip.compress(gzip.compress(RAW)), "two zero bytes first, got 0x1f8b"),
    "gzip of an absurd header": (gzip.compress(b"\0\0\x08\1\xb0\0\0\0"), "truncated: expected 2,952,790,016 bytes"),
    "a web page": (b"<!DOCTYPE html><html>", "two zero bytes first, got 0x3c21"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(folder, fault):
    content, words = FAULTS[fault]
    message = error_of(folder, content)
    assert words in message and "expected" in message and "got" in message
    assert message.rstrip().endswith((".", "?"))  # the way out


def test_what_is_not_a_file(folder):
    with pytest.raises(DataError, match="a directory"):
        read_idx(folder)
    with pytest.raises(DataError, match="No such file"):
        read_idx(folder / "nothing here")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
        with pytest.raises(DataError, match="a device or a pipe"):  # and it does not wait for a writer
            read_idx(folder / "pipe")


def test_max_bytes(folder):
    path = written(folder, RAW)
    assert read_idx(path, max_bytes=24).size == 24
    with pytest.raises(DataError, match="at most 23 bytes.*2 x 3 x 4 of uint8"):
        read_idx(path, max_bytes=23)


@pytest.mark.parametrize("content", [
    gzip.compress(RAW + bytes(50_000_000)),                                     # a bomb behind a modest header
    gzip.compress(b"\0\0\x08\1" + struct.pack(">I", 100_000_000) + os.urandom(200_000)),  # a header that lies
], ids=["bomb", "lie"])
def test_memory_follows_what_is_announced_and_there(folder, content):
    tracemalloc.start()
    try:
        error_of(folder, content)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=300, deadline=None)
@given(array=arrays, data=st.data())
def test_mutated_files_are_refused_or_read_exactly(folder, array, data):
    """If the reader accepts a file, writing what it read gives that file again, byte for byte."""
    content = bytearray(idx_bytes(array))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.integers(0, min(len(content), 24)))
        content[where:where + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=5))
    path = written(folder, bytes(content))
    try:
        result = read_idx(path, max_bytes=1 << 20)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert idx_bytes(result) == bytes(content)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_mutated_gzip_is_refused_or_read_exactly(folder, data):
    content = bytearray(gzip.compress(RAW, mtime=0))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.integers(0, len(content)))
        content[where:where + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    path = written(folder, bytes(content))
    try:
        result = read_idx(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert np.array_equal(result, SAMPLE)


@settings(deadline=None)
@given(length=st.integers(0, len(RAW) - 1), packed=st.booleans())
def test_every_truncation_is_refused(folder, length, packed):
    content = gzip.compress(RAW) if packed else RAW
    error_of(folder, content[:length])


@pytest.mark.parametrize("array, words", [
    (np.zeros(3, np.int64), "got int64"), (np.zeros(3, bool), "got bool"), (np.array(["a"]), "got <U1"),
    (np.zeros((), np.uint8), "1 to 64, got 0"), (np.lib.stride_tricks.as_strided(np.zeros(1, "u1"), (2**32,), (0,)),
                                                 "sizes below"),
])
def test_what_idx_cannot_hold(folder, array, words):
    with pytest.raises(DataError, match=words):
        write_idx(folder / "refused", array)
    assert not (folder / "refused").exists()


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_writing_is_all_or_nothing(tmp_path, monkeypatch, name):
    write_idx(tmp_path / name, SAMPLE)

    def disk_full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(DataError, match="No space left"):
        write_idx(tmp_path / name, np.zeros(5, np.float32))
    assert os.listdir(tmp_path) == [name]
    assert np.array_equal(read_idx(tmp_path / name), SAMPLE)


def test_writing_where_there_is_no_folder(tmp_path):
    with pytest.raises(DataError, match="cannot be written.*No such file"):
        write_idx(tmp_path / "no" / "folder", SAMPLE)


def test_non_contiguous_and_lists(folder):
    write_idx(folder / "view", SAMPLE[:, ::2].T)
    assert np.array_equal(read_idx(folder / "view"), SAMPLE[:, ::2].T)
    assert math.prod(read_idx(folder / "view").shape) == 16
