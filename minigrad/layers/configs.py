"""Configurations: a layer as its class's name and the arguments that made it, in what JSON can hold, and back.

There is one mechanism for all: Layer.__new__ keeps the arguments, `config_of` writes them down, `made` calls the
constructor with them again. Objects inside are {"class_name": name, "config": {...}}: layers, initializers,
regularizers and constraints.
Nothing but the classes of this package and those in custom_objects is ever made from a configuration.
A layer that occurs again is {"shared": k}, and {"class_name": ..., "config": ..., "shared": k} where it occurs first.
"""

import contextlib
import contextvars
import difflib
import inspect

import numpy as np

from minigrad import constraints, initializers, regularizers
from minigrad.layers import activations

_layers = {}  # {name: class} of the package's own layers and models
_met = contextvars.ContextVar("met", default=None)  # of the outermost configuration: {id(layer): what was written for it}
#                                                     where it is written, {k: layer} where it is read


def register(cls):
    """Remember a class of the package; those of users come as custom_objects."""
    if cls.__module__.partition(".")[0] == "minigrad" and not cls.__name__.startswith("_"):
        _layers.setdefault(cls.__name__, cls)  # not what is later made of one of its own name (functional models of a class)


def parameters_of(cls):
    """The parameters of a class's constructor, without self: {name: inspect.Parameter}."""
    return dict(list(inspect.signature(cls.__init__).parameters.items())[1:])


def arguments_of(layer, arguments, keywords):
    """{name: value} of what a constructor was called with."""
    cls = type(layer)
    try:
        bound = inspect.signature(cls.__init__).bind(layer, *arguments, **keywords).arguments
    except TypeError:
        return {}  # __init__ itself says what is wrong
    named = dict(list(bound.items())[1:])
    for name, parameter in parameters_of(cls).items():
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update(named.pop(name, {}))
    return named


@contextlib.contextmanager
def whole():
    """Inside, layers that occur more than once are one layer: around all that belongs to one configuration."""
    if _met.get() is not None:
        yield
        return
    token = _met.set({})
    try:
        yield
    finally:
        _met.reset(token)


def config_of(layer):
    """{argument: value}, those with their defaults too, and "name"; "trainable" if it is frozen."""
    parameters = parameters_of(type(layer))
    config = {"name": layer.name} if layer.name is not None else {}
    config |= {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    config |= layer._arguments
    options = {f"{weight}_{kind}": getattr(layer, f"{weight}_{kind}")
               for weight in layer.initial for kind in ("initializer", "regularizer", "constraint")}
    config |= {name: value for name, value in options.items() if value is not None and name not in config}
    if layer._frozen:
        config["trainable"] = False
    try:
        with whole():
            return {name: written(value) for name, value in config.items()}
    except TypeError as error:
        raise TypeError(f"{layer.describe()}: {error}") from None


def made(cls, config, custom_objects=None):
    """cls(**config), with the objects inside made first."""
    with whole():
        config = {name: read(value, custom_objects) for name, value in config.items()}
    trainable = config.pop("trainable", True)
    layer = cls(**config)
    if not trainable:
        layer.trainable = False
    return layer


def written(value):
    """A value as JSON can hold it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [written(part) for part in value]
    if isinstance(value, dict):
        return {str(name): written(part) for name, part in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.dtype):
        return str(value)
    if isinstance(value, type):
        return {"class_name": value.__name__, "config": {}}
    if hasattr(value, "get_config"):
        return _described(value)
    if isinstance(value, initializers.Initializer):
        given = {name: part for name, part in vars(value).items() if name in parameters_of(type(value))}
        return {"class_name": type(value).__name__, "config": written(given)}
    name = getattr(value, "__name__", "<lambda>")
    if not callable(value) or name == "<lambda>":
        raise TypeError(f"{value!r} has no name to be written down by: pass a name, or a function with one")
    known = next((key for key, function in activations.NAMES.items() if function is value), None)
    return known or {"class_name": "function", "config": name}


def _described(value):
    described = {"class_name": type(value).__name__}
    if hasattr(value, "initial") and _met.get() is not None:
        first = _met.get().setdefault(id(value), described)
        if first is not described:
            first.setdefault("shared", sum("shared" in other for other in _met.get().values()))
            return {"shared": first["shared"]}
    described["config"] = value.get_config()
    return described


def read(value, custom_objects=None):
    """What `written` wrote, with the objects made. Raises ValueError for a class or function that is not known."""
    if isinstance(value, list):
        return [read(part, custom_objects) for part in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"shared"} and _met.get() is not None:
        if value["shared"] not in _met.get():
            raise ValueError(f"the shared layer {value['shared']!r} is used before it is described")
        return _met.get()[value["shared"]]
    if not {"class_name", "config"} <= set(value) <= {"class_name", "config", "shared"}:
        return {name: read(part, custom_objects) for name, part in value.items()}
    name, config = value["class_name"], value["config"]
    if name == "function":
        return class_named(config, custom_objects, "function", {})
    known = _layers | {n: c for n, c in (vars(constraints) | vars(initializers) | vars(regularizers)).items()
                       if isinstance(c, type) and not n.startswith("_")}
    cls = class_named(name, custom_objects, "layer", known)
    if not hasattr(cls, "initial"):
        return cls(**read(config, custom_objects))
    takes = inspect.signature(cls.from_config).parameters
    layer = cls.from_config(config, **({"custom_objects": custom_objects} if "custom_objects" in takes else {}))
    if "shared" in value and _met.get() is not None:
        _met.get()[value["shared"]] = layer
    return layer


def class_named(name, custom_objects, what, known):
    """The class (or function) of that name."""
    known = known | (custom_objects or {})
    if name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        raise ValueError(f"unknown {what} {name!r}" + (f": did you mean {near[0]!r}?" if near else "")
                         + f" One of your own goes into custom_objects={{{str(name)!r}: ...}}")
    return known[name]
