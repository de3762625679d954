"""Arguments of optimizers and schedules: what is allowed, and the way back from an object to its arguments."""

import difflib
import inspect
import math

import numpy as np


def number(owner, name, value, interval, whole=False, optional=False):
    """The value as a Python number, if it lies in the interval, written "[0, 1)"; None passes if it is optional.

    owner is whose argument this is: an object or its name, for the error.
    """
    if value is None and optional:
        return None
    low, high = (float(end) for end in interval[1:-1].split(","))
    ok = (not isinstance(value, (bool, np.bool_)) and isinstance(value, (int, float, np.integer, np.floating))
          and math.isfinite(value) and (not whole or value == int(value))
          and (low <= value if interval[0] == "[" else low < value)
          and (value <= high if interval[-1] == "]" else value < high))
    if not ok:
        who = owner if isinstance(owner, str) else type(owner).__name__
        raise ValueError(f"{who}: {name} must be {'an integer' if whole else 'a number'} in {interval}"
                         f"{' or None' if optional else ''}, got {value!r}")
    return int(value) if whole or isinstance(value, (int, np.integer)) else float(value)


def flag(owner, name, value):
    """The value, if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{type(owner).__name__}: {name} must be True or False, got {value!r}")
    return bool(value)


def arguments(cls, base):
    """The names of the arguments that a class's __init__ takes, and passes on up to `base`."""
    names = {}
    for c in cls.__mro__:
        if "__init__" in vars(c):
            parameters = inspect.signature(c.__init__).parameters.values()
            names |= {p.name: None for p in list(parameters)[1:] if p.kind is not p.VAR_KEYWORD and p.name not in names}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
        if c is base:
            break
    return list(names)


def unknown(owner, names, base):
    """The TypeError for keywords that an optimizer or a schedule does not have."""
    known, name = arguments(type(owner), base), next(iter(names))
    near = difflib.get_close_matches(name, known, 1, 0.6)
    hint = f": did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}"
    return TypeError(f"{type(owner).__name__} has no argument {name!r}{hint}")


def serialized(x):
    """{"class_name", "config"} of an optimizer or a schedule."""
    return {"class_name": type(x).__name__, "config": x.get_config()}


def deserialized(x, classes, what):
    """The object of `serialized`, its class looked up in `classes`, a list."""
    if not isinstance(x, dict) or not isinstance(x.get("config"), dict) or "class_name" not in x:
        raise ValueError(f"expected {{'class_name': ..., 'config': {{...}}}} of a(n) {what}, got {x!r}")
    table = {c.__name__: c for c in classes}
    if x["class_name"] not in table:
        near = difflib.get_close_matches(str(x["class_name"]), table, 1, 0.5)
        hint = f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(table)}"
        raise ValueError(f"unknown {what} {x['class_name']!r}{hint}")
    return table[x["class_name"]].from_config(x["config"])
