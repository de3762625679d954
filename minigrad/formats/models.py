"""Whole models on disk: what they are made of as JSON, weights and optimizer state as safetensors. Nothing is executed.

    model.save("digits.minigrad")                        # one file; a name without ending is a folder of the same content
    model = mg.models.load_model("digits.minigrad")      # compiled, if it was, and its optimizer goes on where it was
"""

import inspect
import io
import json
import zipfile
import zlib
from pathlib import Path

from minigrad import files, layers, losses, metrics, optimizers, training
from minigrad.files import plain
from minigrad.training import Model
from minigrad.training.objective import SeveralLosses

FORM = 1
CONFIG, WEIGHTS, OPTIMIZER = "config.json", "weights.safetensors", "optimizer.safetensors"


def save_model(model, path):
    """Save a model: "x.minigrad" is one file (a ZIP archive, not compressed), a name without ending a folder.

    It holds config.json, weights.safetensors and, once it was trained, optimizer.safetensors. What was there before stays
    whole if saving fails. A model whose class defines no get_config is saved without its configuration: load_model then
    needs a model to load into.
    """
    path = Path(path)
    if path.suffix not in ("", ".minigrad"):
        raise ValueError(f"{path}: a model is saved as NAME.minigrad, or as a folder NAME"
                         + ("; for weights alone, save_weights" if path.suffix == ".safetensors" else ""))
    config = {"form": FORM, "class_name": type(model).__name__,
              "config": model.get_config() if hasattr(model, "get_config") else None,
              "input_shape": getattr(model, "_shape", None), "compile": _compile_config(model)}
    content = {WEIGHTS: files.arrays_to_bytes(model.state_dict())}
    if model.optimizer is not None and model.optimizer.iterations:
        about, arrays = files.pack(model.optimizer.state_dict())
        content[OPTIMIZER] = files.arrays_to_bytes(arrays, [type(model.optimizer).__name__, about])
    (_write_file if path.suffix else _write_folder)(path, config, content)


def load_model(path, model=None, custom_objects=None):
    """A model that `save` wrote.

    model           one to load into (weights, and its optimizer's state if it is compiled), instead of making it anew
    custom_objects  {class name: class} of your own classes of models and layers, losses and metrics

    ValueError for a file that is damaged, or does not fit; the model given is then unchanged.
    """
    path = Path(path)
    try:
        content = _read(path)
        config = json.loads(content[CONFIG])
        form, weights = config["form"], content[WEIGHTS]
    except OSError:
        raise
    except Exception as error:  # zipfile and json have many; whatever it is, the file is not what save wrote
        raise ValueError(f"{path} is not a whole minigrad model: {error}. Copy or save it again") from error
    if form != FORM:
        raise ValueError(f"{path} is of form {form}, and this version of minigrad reads form {FORM}")
    state, _ = files.arrays_from_bytes(weights, f"{path}: {WEIGHTS}")
    made = model is None
    if made:
        model = _made(path, config, custom_objects or {})
    before = model.state_dict()
    try:
        model.load_state_dict(state)
        if OPTIMIZER in content and model.optimizer is not None:
            _load_optimizer(model, *files.arrays_from_bytes(content[OPTIMIZER], f"{path}: {OPTIMIZER}"))
    except (ValueError, KeyError, TypeError) as error:
        model.load_state_dict(before)
        raise ValueError(f"{path}: {error}") from error
    return model


def _load_optimizer(model, arrays, about):
    kind, packed = about
    if kind != type(model.optimizer).__name__:
        raise ValueError(f"it was trained with {kind}, and the model is compiled with {type(model.optimizer).__name__}")
    model.give_parameters()
    model.optimizer.load_state_dict(files.unpack(packed, arrays))


# ---- configurations

def _made(path, config, custom_objects):
    """The model of a configuration, built and compiled if it was."""
    name = config["class_name"]
    known = {**vars(layers), **vars(training), **custom_objects}
    cls = known.get(name)
    if config["config"] is None or not hasattr(cls, "from_config"):
        raise ValueError(f"{path} holds a {name} without a configuration that can be read here: make the model and give it, "
                         f"as load_model(path, model), or name its class, as custom_objects={{{name!r}: ...}}")
    takes = inspect.signature(cls.from_config).parameters
    model = cls.from_config(config["config"], **({"custom_objects": custom_objects} if "custom_objects" in takes else {}))
    if config["input_shape"] is not None and not model.built:
        model.build(tuple(config["input_shape"]))
    if config["compile"] is not None:
        model.compile(**{what: _rebuilt(value, custom_objects) for what, value in config["compile"].items()})
    return model


def _compile_config(model):
    """{argument of compile: description}, or None if there are several losses or a function of the user's own."""
    if model.loss is None:
        return None
    n = model._unweighted
    try:
        return {"optimizer": _described(model.optimizer), "loss": _described(model.loss),
                "metrics": [_described(m) for m in model.metrics[:n]],
                "weighted_metrics": [_described(m) for m in model.metrics[n:]]}
    except TypeError:
        return None


def _described(x):
    """An optimizer, loss or metric as its class and arguments, those that are plain data."""
    if isinstance(x, SeveralLosses):
        raise TypeError("several losses are not written down yet")
    if hasattr(x, "get_config"):
        return {"class_name": type(x).__name__, "config": x.get_config()}
    if inspect.isfunction(x) or hasattr(x, "function"):
        raise TypeError(f"{x!r} is a function, of which a file can only say the name")
    names = inspect.signature(type(x).__init__).parameters
    return {"class_name": type(x).__name__, "config": plain({n: getattr(x, n) for n in names
                                                             if n not in ("self", "parameters") and hasattr(x, n)})}


def _rebuilt(described, custom_objects):
    if isinstance(described, list):
        return [_rebuilt(d, custom_objects) for d in described]
    known = {**vars(optimizers), **vars(losses), **vars(metrics), **custom_objects}
    cls = known.get(described["class_name"])
    if not isinstance(cls, type):
        raise ValueError(f"unknown class {described['class_name']!r}: give it in custom_objects")
    return cls.from_config(described["config"]) if hasattr(cls, "from_config") else cls(**described["config"])


# ---- a file, or a folder

def _write_file(path, config, content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in {CONFIG: json.dumps(config, indent=1).encode(), **content}.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # without a date: the same model makes the same file
    files.write(path, packed.getvalue())


def _write_folder(path, config, content):
    """config.json names the other files, which are called by their checksums, and is replaced last: until then what was
    there is whole, and from then on what is new."""
    path.mkdir(exist_ok=True)
    names = {}
    for name, data in content.items():
        stem, _, ending = name.partition(".")
        names[name] = f"{stem}-{zlib.crc32(data):08x}.{ending}"
        files.write(path / names[name], data)
    files.write(path / CONFIG, json.dumps({**config, "files": names}, indent=1).encode())
    for old in path.glob("*-????????.safetensors"):
        if old.name not in names.values():
            old.unlink()


def _read(path):
    """{name: bytes}"""
    if path.is_dir():
        config = (path / CONFIG).read_bytes()
        return {CONFIG: config, **{name: (path / Path(file).name).read_bytes()
                                   for name, file in json.loads(config)["files"].items()}}
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        entries = archive.infolist()
        if any(e.compress_type != zipfile.ZIP_STORED for e in entries):
            raise ValueError("its content is compressed, which `save` never does")
        return {e.filename: archive.read(e) for e in entries}


# bound here, since training may not look up to formats
Model.save = save_model
