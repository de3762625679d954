"""Files that are whole or not there: written aside and renamed; arrays with a checksum; plain data as arrays and JSON."""

import contextlib
import json
import os
import zlib
from pathlib import Path

import numpy as np


def write(path, content):
    """Write bytes to `path`, aside, and rename: whatever fails, the file that was there is still whole."""
    path = Path(path)
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
    with contextlib.suppress(OSError):  # the new name too is on the disk now; not all systems can do that
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def arrays_to_bytes(arrays, about=None):
    """{name: array} and something that JSON can say, as a safetensors file with a checksum of all of it."""
    from safetensors.numpy import save
    about = "" if about is None else json.dumps(about)
    arrays = {name: np.asarray(a, order="C") for name, a in arrays.items()}
    return save(arrays, {"minigrad": _checksum(arrays, about) + about})  # a single entry, since their order is not fixed


def arrays_from_bytes(content, name):
    """(arrays, about) of a safetensors file, of ours or of others (about is then None). `name` is for errors: ValueError
    for a file that is not whole."""
    from safetensors import SafetensorError
    from safetensors.numpy import load
    try:
        arrays = load(content)
        header = json.loads(content[8:8 + int.from_bytes(content[:8], "little")]).get("__metadata__", {})
    except SafetensorError as error:
        raise ValueError(f"{name} is not a whole safetensors file ({len(content):,} bytes): {error}. "
                         "It may be cut short: copy or save it again") from error
    except KeyError as error:
        raise ValueError(f"{name} holds numbers of a dtype that NumPy does not have: {error}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name} is not a safetensors file that can be read: {error}") from error
    checksum, about = header.get("minigrad", "")[:8], header.get("minigrad", "")[8:]
    if "minigrad" in header and checksum != _checksum(arrays, about):
        raise ValueError(f"{name} is damaged, its checksum is wrong: copy or save it again")
    try:
        return arrays, json.loads(about) if about else None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is damaged: {error}") from error


def _checksum(arrays, about):
    total = zlib.crc32(about.encode())
    for name, a in sorted(arrays.items()):
        total = zlib.crc32(f"{name} {a.dtype.str} {a.shape}".encode(), total)
        total = zlib.crc32(np.ascontiguousarray(a).reshape(-1).view(np.uint8) if a.size else b"", total)
    return f"{total:08x}"


def pack(tree, name="", arrays=None):
    """Plain data (None, bools, numbers, texts, arrays, and lists, tuples and dicts of them) as (JSON, arrays): arrays go
    under their paths in the tree, "optimizer.m.0". TypeError for anything else."""
    arrays = {} if arrays is None else arrays
    if tree is None or isinstance(tree, (bool, int, float, str)) and not isinstance(tree, np.generic):
        return tree, arrays
    if isinstance(tree, (np.ndarray, np.generic)) and tree.dtype.kind in "biuf":
        while name in arrays:
            name += "'"
        arrays[name] = np.asarray(tree)
        return {"scalar" if isinstance(tree, np.generic) else "array": name}, arrays
    if isinstance(tree, dict) and all(isinstance(k, (str, int)) and not isinstance(k, bool) for k in tree):
        return {"dict": [[k, pack(v, f"{name}.{k}" if name else str(k), arrays)[0]] for k, v in tree.items()]}, arrays
    if type(tree) in (list, tuple):
        return {type(tree).__name__: [pack(v, f"{name}.{i}", arrays)[0] for i, v in enumerate(tree)]}, arrays
    raise TypeError(f"{name}: a {type(tree).__name__} is no plain data")


def unpack(packed, arrays):
    """The tree that `pack` was given."""
    if not isinstance(packed, dict):
        return packed
    (kind, value), = packed.items()
    if kind in ("array", "scalar"):
        return arrays[value].copy() if kind == "array" else arrays[value][()]
    if kind == "dict":
        return {k: unpack(v, arrays) for k, v in value}
    return {"list": list, "tuple": tuple}[kind](unpack(v, arrays) for v in value)


def plain(attributes):
    """Those of {name: value} that `pack` can take."""
    found = {}
    for name, value in attributes.items():
        with contextlib.suppress(TypeError):
            pack(value)
            found[name] = value
    return found
