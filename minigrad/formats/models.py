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

from minigrad import files, losses, metrics, optimizers
from minigrad.files import plain
from minigrad.layers import configs
from minigrad.layers.layer import room_for
from minigrad.training import Model
from minigrad.training.objective import MeanLoss, SeveralLosses

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
    content = contents(model)
    if path.suffix:
        files.write(path, packed(content))
    else:
        _write_folder(path, content)


def load_model(path, model=None, custom_objects=None):
    """A model that `save` wrote.

    model           one to load into (weights, and its optimizer's state if it is compiled), instead of making it anew
    custom_objects  {class name: class} of your own classes of models and layers, losses and metrics

    ValueError for a file that is damaged, or does not fit; the model given is then unchanged.
    """
    path = Path(path)
    return from_contents(lambda: _read_folder(path) if path.is_dir() else unpacked(path.read_bytes()), path, model,
                         custom_objects)


def contents(model):
    """{name of a file: bytes}: what a saved model consists of."""
    config = {"form": FORM, "class_name": type(model).__name__,
              "config": model.get_config() if hasattr(model, "get_config") else None,
              "input_shape": getattr(model, "_shape", None), "compile": _compile_config(model)}
    content = {CONFIG: json.dumps(config, indent=1).encode(), WEIGHTS: files.arrays_to_bytes(model.state_dict())}
    if model.optimizer is not None and model.optimizer.iterations:
        about, arrays = files.pack(model.optimizer.state_dict())
        content[OPTIMIZER] = files.arrays_to_bytes(arrays, [type(model.optimizer).__name__, about])
    return content


def from_contents(read, path, model=None, custom_objects=None):
    """The model whose `contents` read() gives; `path` is for errors. The rest as of load_model."""
    try:
        content = read()
        config = json.loads(content[CONFIG])
        form, weights = config["form"], content[WEIGHTS]
        config = {what: config[what] for what in ("class_name", "config", "input_shape", "compile")} if form == FORM else {}
    except OSError:
        raise
    except Exception as error:  # zipfile and json have many; whatever it is, the file is not what save wrote
        raise ValueError(f"{path} is not a whole minigrad model: {error}. Copy or save it again") from error
    if form != FORM:
        raise ValueError(f"{path} is of form {form}, and this version of minigrad reads form {FORM}")
    state, _ = files.arrays_from_bytes(weights, f"{path}: {WEIGHTS}")
    if model is None:
        model = _made(path, config, custom_objects or {}, sum(a.size for a in state.values()))
    before = model.state_dict()
    try:
        model.load_state_dict(state)
        if OPTIMIZER in content and model.optimizer is not None:
            _load_optimizer(model, *files.arrays_from_bytes(content[OPTIMIZER], f"{path}: {OPTIMIZER}"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        model.load_state_dict(before)
        raise ValueError(f"{path}: {error}") from error
    return model


def _load_optimizer(model, arrays, about):
    kind, described = about
    if kind != type(model.optimizer).__name__:
        raise ValueError(f"it was trained with {kind}, and the model is compiled with {type(model.optimizer).__name__}")
    model.give_parameters()
    model.optimizer.load_state_dict(files.unpack(described, arrays))


# ---- configurations

def to_json(model, **options):
    """The class and the configuration of a model as JSON, without weights; options are json.dumps's. See model_from_json."""
    return json.dumps(configs.written(model), **options)


def model_from_json(text, custom_objects=None):
    """A new model from what `to_json` gave, with new weights. ValueError for what is no such text, or a class not known."""
    try:
        described = json.loads(text)
        if not isinstance(described, dict) or not {"class_name", "config"} <= described.keys():
            raise ValueError("expected an object with class_name and config")
        model = configs.read(described, custom_objects)
    except _UNREADABLE as error:
        raise ValueError(f"this JSON is no configuration of a model: {error}") from error
    if not isinstance(model, Model):
        raise ValueError(f"this JSON describes a {type(model).__name__}, which is no model")
    return model


def clone_model(model):
    """A model like this one, with new weights; it is not compiled."""
    custom = {type(layer).__name__: type(layer) for _, layer in model.named_layers()}
    clone = configs.read(configs.written(model), custom)
    if getattr(model, "_shape", None) is not None and not clone.built:
        clone.build(model._shape)
    return clone


_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, MemoryError, OverflowError,
               NotImplementedError)


def _made(path, config, custom_objects, numbers):
    """The model of a configuration, built and compiled if it was; of so many numbers, as the weights say (twice and a
    million more, for what a constructor makes on the way)."""
    name = config["class_name"]
    if config["config"] is None:
        raise ValueError(f"{path} holds a {name} without a configuration: make the model and give it, as "
                         f"load_model(path, model), or give its class a get_config")
    try:
        with room_for(2 * numbers + 10 ** 6):
            model = configs.read({"class_name": name, "config": config["config"]}, custom_objects)
            if config["input_shape"] is not None and not model.built:
                model.build(tuple(config["input_shape"]))
        if config["compile"] is not None:
            model.compile(**{what: _rebuilt(value, what, custom_objects) for what, value in config["compile"].items()})
    except _UNREADABLE as error:
        raise ValueError(f"{path}: the {name} cannot be made again: {error}") from error
    return model


def _compile_config(model):
    """{argument of compile: description}, or None if there is a function of the user's own."""
    if model.loss is None:
        return None
    several = model.loss if isinstance(model.loss, SeveralLosses) else None
    n = model._unweighted
    try:
        config = {"optimizer": _described(model.optimizer), "metrics": _metrics(model, slice(n), several),
                  "weighted_metrics": _metrics(model, slice(n, None), several)}
        if several is None:
            return config | {"loss": _described(model.loss)}
        described = {key: _described(loss) for key, loss in several.losses.items()}
        return config | {"loss": several.formed(described), "loss_weights": several.formed(several.weights)}
    except TypeError:
        return None


def _metrics(model, some, several):
    """Descriptions of some of the metrics: a list, or one for each output. Those that several losses added are left out."""
    if several is None:
        return [_described(m) for m in model.metrics[some]]
    found = {key: [] for key in several.outputs}
    for metric, key in zip(model.metrics[some], model._outputs[some]):
        if not isinstance(metric, MeanLoss):
            described = _described(metric)
            if "name" in described["config"]:
                described["config"]["name"] = metric.name.removeprefix(f"{several.names[key]}_")
            found[key].append(described)
    return several.formed(found)


def _described(x):
    """An optimizer, loss or metric as its class and arguments, those that are plain data."""
    if hasattr(x, "get_config"):
        return {"class_name": type(x).__name__, "config": x.get_config()}
    if inspect.isfunction(x) or hasattr(x, "function"):
        raise TypeError(f"{x!r} is a function, of which a file can only say the name")
    names = inspect.signature(type(x).__init__).parameters
    return {"class_name": type(x).__name__, "config": plain({n: getattr(x, n) for n in names
                                                             if n not in ("self", "parameters") and hasattr(x, n)})}


def _rebuilt(described, what, custom_objects):
    """The argument `what` of compile from its description."""
    if isinstance(described, list):
        return [_rebuilt(d, what, custom_objects) for d in described]
    if not isinstance(described, dict):
        return described
    if described.keys() != {"class_name", "config"}:
        return {name: _rebuilt(d, what, custom_objects) for name, d in described.items()}
    family, kind = {"optimizer": (optimizers, "optimizer"), "loss": (losses, "loss")}.get(what, (metrics, "metric"))
    known = {n: c for n, c in vars(family).items() if isinstance(c, type)}
    cls = configs.class_named(described["class_name"], custom_objects, kind, known)
    return cls.from_config(described["config"]) if hasattr(cls, "from_config") else cls(**described["config"])


# ---- a file, or a folder

def packed(content):
    """`contents` as one ZIP archive."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # without a date: the same model makes the same file
    return whole.getvalue()


def unpacked(data):
    """The `contents` that `packed` was given."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if any(e.compress_type != zipfile.ZIP_STORED for e in entries):
            raise ValueError("its content is compressed, which `save` never does")
        return {e.filename: archive.read(e) for e in entries}


def _write_folder(path, content):
    """config.json names the other files, which are called by their checksums, and is replaced last: until then what was
    there is whole, and from then on what is new."""
    path.mkdir(exist_ok=True)
    names = {}
    for name, data in content.items():
        if name == CONFIG:
            continue
        stem, _, ending = name.partition(".")
        names[name] = f"{stem}-{zlib.crc32(data):08x}.{ending}"
        files.write(path / names[name], data)
    config = json.loads(content[CONFIG]) | {"files": names}
    files.write(path / CONFIG, json.dumps(config, indent=1).encode())
    for old in path.glob("*-????????.safetensors"):
        if old.name not in names.values():
            old.unlink()


def _read_folder(path):
    config = (path / CONFIG).read_bytes()
    return {CONFIG: config, **{name: (path / Path(file).name).read_bytes()
                               for name, file in json.loads(config)["files"].items()}}


# bound here, since training may not look up to formats
Model.save, Model.to_json = save_model, to_json
