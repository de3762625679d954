"""IDX, the file format of MNIST and its kin: a short header, then the numbers of one array, row by row.

    byte 0-1   zero
    byte 2     element type (see TYPES)
    byte 3     d, the number of dimensions
    then       d sizes, each an unsigned 32-bit integer, big-endian
    then       the elements, big-endian, the last dimension changing fastest; nothing after them

Often the whole is gzipped. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "The IDX file format".
"""

import gzip
import math
import os
import secrets
import stat
import zlib

import numpy as np

from minigrad.data.errors import fault

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # code -> NumPy dtype
NAMES = {code: np.dtype(dtype).name for code, dtype in TYPES.items()}
MAX_DIMENSIONS = 64        # what a NumPy array can have
GZIP_MAGIC = b"\x1f\x8b"
GZIP_BEST_RATIO = 1032     # deflate cannot do better: 258 bytes in two bits
PIECE = 1 << 20            # bytes read at a time

AGAIN = "Get the file again."
NOT_IDX = "Is this an IDX file?"


def read_idx(path, max_bytes: int = 2**32) -> np.ndarray:
    """The array in the IDX file `path`, gzipped or not (its first bytes tell, not its name).

    Every field of the header is checked before memory is taken, and nothing is returned unless the whole file fits.

    Arguments:
        path: the file.
        max_bytes: refuse an array of more bytes than this.
    Returns:
        a writable array of the announced shape, dtype uint8, int8, int16, int32, float32 or float64, in the byte
        order of this machine.
    Raises:
        DataError: missing or not a file; empty, truncated or oversized; a wrong header field; corrupt gzip.
    """
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):  # opening a pipe or a device might never return
            kind = "a directory" if stat.S_ISDIR(info.st_mode) else "a device or a pipe"
            raise fault(path, "not a regular file", "an IDX file", kind, "Name the file itself.")
        with open(path, "rb") as file:
            if file.read(2) == GZIP_MAGIC:
                file.seek(0)
                with gzip.open(file) as stream:
                    return _parse(stream, path, info.st_size * GZIP_BEST_RATIO, max_bytes)
            file.seek(0)
            return _parse(file, path, info.st_size, max_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise fault(path, "corrupt or truncated gzip", "a whole gzip file", str(error), AGAIN) from error
    except OSError as error:
        raise fault(path, "cannot be read", "a readable IDX file", error.strerror or str(error),
                    "Check the path and its permissions.") from error


def _parse(stream, path, room: int, max_bytes: int) -> np.ndarray:
    """The array in `stream`, which can hold at most `room` bytes."""
    head = stream.read(4)
    if not head:
        raise fault(path, "empty file", "an IDX header", "0 bytes", AGAIN)
    if len(head) < 4:
        raise fault(path, "truncated header", "4 bytes or more", f"{len(head)}", AGAIN)
    if head[:2] != b"\0\0":
        raise fault(path, "wrong magic number", "two zero bytes first", f"0x{head[:2].hex()}", NOT_IDX)
    code, dimensions = head[2], head[3]
    if code not in TYPES:
        known = ", ".join(f"0x{c:02x} ({name})" for c, name in NAMES.items())
        raise fault(path, "unknown element type", f"one of {known}", f"0x{code:02x}", NOT_IDX)
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise fault(path, "wrong number of dimensions", f"1 to {MAX_DIMENSIONS}", f"{dimensions}", NOT_IDX)
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise fault(path, "truncated header", f"{4 + 4 * dimensions} bytes for {dimensions} dimensions",
                    f"{4 + len(sizes)}", AGAIN)
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    dtype = np.dtype(TYPES[code])
    announced = f"{' x '.join(f'{n:,}' for n in shape)} of {dtype.name}"
    length = math.prod(shape) * dtype.itemsize  # Python's integers: cannot overflow
    if math.prod(max(n, 1) for n in shape) * dtype.itemsize > max_bytes:  # an empty array's other sizes count too
        raise fault(path, "too large", f"at most {max_bytes:,} bytes", f"a header that announces {announced}",
                    "If that is right, pass a larger max_bytes; else get the file again.")
    header = 4 + 4 * dimensions
    if length + header > room:
        raise fault(path, "truncated", f"{length:,} bytes after the header ({announced})",
                    f"room for {max(room - header, 0):,} at most", AGAIN)
    data = _read(stream, length + 1)  # one more than there should be: to see that the file ends
    if len(data) > length:
        raise fault(path, "trailing bytes", f"the end after {length:,} bytes ({announced})", "more", AGAIN)
    if len(data) < length:
        raise fault(path, "truncated", f"{length:,} bytes after the header ({announced})", f"{len(data):,}", AGAIN)
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read(stream, length: int) -> bytearray:
    """Up to `length` bytes, by pieces: memory grows with what is there, not with what a header announces."""
    data = bytearray()
    while len(data) < length and (piece := stream.read(min(PIECE, length - len(data)))):
        data += piece
    return data


def write_idx(path, array) -> None:
    """Write `array` to `path` as an IDX file, gzipped if the name ends with .gz; equal arrays give equal files.

    The file is written aside and then put in place, so that `path` is never half-written.

    Arguments:
        path: the file; one that exists is replaced.
        array: 1 to 64 dimensions, of uint8, int8, int16, int32, float32 or float64, in either byte order.
    Raises:
        DataError: another dtype or number of dimensions, or the file cannot be written.
    """
    path = os.fsdecode(path)
    content = idx_bytes(np.asarray(array), "write_idx")
    aside = f"{path}.{secrets.token_hex(8)}.tmp"
    try:
        with open(aside, "xb") as file:
            if path.endswith(".gz"):
                with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:  # neither name nor time: the same bytes again
                    packed.write(content)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        raise fault(path, "cannot be written", "a writable folder", error.strerror or str(error),
                    "Check the folder and the space left.") from error
    finally:
        if os.path.exists(aside):
            os.unlink(aside)


def idx_bytes(array: np.ndarray, where="idx_bytes") -> bytes:
    """The bytes of the IDX file that holds `array`, not gzipped."""
    codes = [code for code, name in NAMES.items() if name == array.dtype.name]
    if not codes:
        raise fault(where, "no such element type in IDX", f"one of {', '.join(NAMES.values())}", str(array.dtype),
                    "Convert first, for example with array.astype('uint8').")
    if not 1 <= array.ndim <= MAX_DIMENSIONS:
        raise fault(where, "wrong number of dimensions", f"1 to {MAX_DIMENSIONS}", f"{array.ndim}",
                    "Reshape first, for example with array.reshape(1).")
    if max(array.shape) >= 2**32:
        raise fault(where, "too large", "sizes below 2**32", str(array.shape), "Split the array.")
    header = bytes([0, 0, codes[0], array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(TYPES[codes[0]]).tobytes()
