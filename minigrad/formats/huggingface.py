"""Hugging Face folders: config.json, *.safetensors (with an index, if there are several), tokenizer.json.

Weights stay in their files, mapped into memory, until they are asked for by name; half-precision ones are then upcast.
Nothing is executed, and no file outside of the folder is opened that its own index does not plainly name.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from minigrad import files

CONFIG, WEIGHTS, INDEX, TOKENIZER = "config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer.json"
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # bfloat16 is the upper half of a float32


class Weights(Mapping):
    """{name: array} of the tensors in a folder, or in one .safetensors file. `shapes` and `dtypes` are known at once, an
    array is read when it is asked for, and of float32 at least. ValueError for a file that is not whole."""

    def __init__(self, path):
        path = Path(path)
        self.shapes, self.dtypes, self._places = {}, {}, {}
        for file, names in _weight_files(path).items():
            self._open(file, names)

    def _open(self, file, names):
        header, start = _header(file)
        missing = [name for name in names or () if name not in header]
        if missing:
            raise ValueError(f"{file} lacks {', '.join(missing[:5])}{' ...' * (len(missing) > 5)}, which {INDEX} places "
                             "there")
        whole = np.memmap(file, np.uint8, "r")
        for name in header if names is None else names:
            first, last = header[name]["data_offsets"]
            self.shapes[name], self.dtypes[name] = tuple(header[name]["shape"]), header[name]["dtype"]
            self._places[name] = whole[start + first:start + last]

    def __getitem__(self, name):
        dtype = self.dtypes[name]
        if dtype not in FLOATS:
            raise ValueError(f"{name} holds {dtype}: weights are floating-point numbers ({', '.join(FLOATS)})")
        x = self._places[name].view(FLOATS[dtype]).reshape(self.shapes[name])
        if dtype == "BF16":
            return (x.astype(np.uint32) << 16).view(np.float32)
        return x.astype(np.float32) if dtype == "F16" else x

    def __iter__(self):
        return iter(self.shapes)

    def __len__(self):
        return len(self.shapes)


def _weight_files(path):
    """{file: the names to read from it, None for all}"""
    if path.suffix == ".safetensors":
        return {path: None}
    if (path / WEIGHTS).is_file():
        return {path / WEIGHTS: None}
    if not (path / INDEX).is_file():
        other = next((f" (it has {p.name}, which is read by executing it: convert it to safetensors)"
                      for p in sorted(path.glob("*.bin"))), "") if path.is_dir() else ": it is no folder"
        raise ValueError(f"{path} has neither {WEIGHTS} nor {INDEX}{other}")
    index = read_json(path / INDEX)
    places = index.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
        raise ValueError(f"{path / INDEX}: expected a weight_map of names and files")
    found = {}
    for name, file in places.items():
        if Path(file).name != file or "\\" in file or not file.endswith(".safetensors"):
            raise ValueError(f"{path / INDEX} places {name} in {file!r}: expected the name of a .safetensors file in the "
                             "same folder, and nothing outside of it")
        found.setdefault(path / file, []).append(name)
    for file in found:
        if not file.is_file():
            raise ValueError(f"{path / INDEX} names {file.name}, which is missing: get that shard, too")
    return found


def _header(file):
    """({name: {"dtype", "shape", "data_offsets"}}, where the data start), of a file that is whole."""
    from safetensors import SafetensorError, safe_open
    try:
        with safe_open(file, "np"):
            pass  # it checks that the tensors fill the file, none over another
    except SafetensorError as error:
        raise ValueError(f"{file} is not a whole safetensors file ({file.stat().st_size:,} bytes): {error}. "
                         "It may be cut short: get it again") from error
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


def read_json(path):
    """The object in a JSON file."""
    try:
        content = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON that can be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def read_config(folder):
    """The content of config.json."""
    path = Path(folder) / CONFIG
    if not path.is_file():
        raise ValueError(f"{folder} is no Hugging Face folder: it has no {CONFIG}"
                         + ("" if Path(folder).is_dir() else ", and is no folder at all"))
    return read_json(path)


def read_tokenizer(path):
    """The tokenizer of a tokenizer.json, which neither pads nor cuts. ImportError if `tokenizers` is not installed."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ImportError("texts need the library tokenizers: pip install 'minigrad[text]', or give ids") from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # it raises plain Exceptions
        raise ValueError(f"{path} is no tokenizer that can be read: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def write_folder(folder, config, arrays, tokenizer=None):
    """Write config.json, model.safetensors and tokenizer.json, each aside and renamed, config.json last. A folder of shards
    becomes one of a single file: its index and its shards are removed."""
    from safetensors.numpy import save
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    content = save({name: np.ascontiguousarray(a) for name, a in arrays.items()}, {"format": "pt"})
    files.write(folder / WEIGHTS, content)
    if tokenizer is not None:
        files.write(folder / TOKENIZER, tokenizer.to_str(pretty=True).encode())
    files.write(folder / CONFIG, (json.dumps(config, indent=2, sort_keys=True) + "\n").encode())
    (folder / INDEX).unlink(missing_ok=True)
    for shard in folder.glob("model-?????-of-?????.safetensors"):
        shard.unlink()
