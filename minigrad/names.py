"""Choosing by name, `optimizer="adam"`, `activation="relu"`; and what can be written down and made again."""

import difflib
import functools
import inspect
import math

import numpy as np


def named(identifier, table, what):
    """table[identifier], made an object if it is a class; an identifier that is no string is returned as it is.

    A class is found by its own name too ("HeNormal"), and made with its arguments from {"class_name": "HeNormal",
    "config": {"seed": 1}}. Raises ValueError with the nearest name for an unknown one.
    """
    config = {}
    if isinstance(identifier, dict):
        if not isinstance(identifier.get("class_name"), str):
            raise ValueError(f'{what}: expected {{"class_name": ..., "config": {{...}}}}, got {identifier!r}')
        identifier, config = identifier["class_name"], identifier.get("config", {})
    if isinstance(identifier, str):
        classes = {c.__name__: c for c in table.values() if isinstance(c, type)}
        if identifier in classes:
            identifier = classes[identifier]
        else:
            identifier = table[checked_choice(identifier if identifier in table else identifier.lower(), table, what,
                                              identifier)]
    if isinstance(identifier, type):
        return identifier.from_config(config) if config else identifier()
    if not callable(identifier) and not hasattr(identifier, "step"):
        raise TypeError(f"expected the name of a(n) {what}, or one itself, got {identifier!r}")
    return identifier


def checked_choice(key, choices, what, given=None):
    """key, if it is one of the choices; else a ValueError with the nearest of them."""
    if key in choices:
        return key
    near = sorted(difflib.get_close_matches(str(key), [c for c in choices if isinstance(c, str)], 3, 0.5),
                  key=lambda name: sorted(name) != sorted(str(key)))  # swapped letters first: adma is adam, not adamax
    hint = f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(map(str, choices))}"
    raise ValueError(f"unknown {what} {key if given is None else given!r}{hint}")


def checked_amount(value, owner, name, most=math.inf):
    """The value as a float (np.float64 would widen float32), if it is finite and from 0 to `most`; else a ValueError that
    names its owner and the argument."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not 0 <= value <= most or value == math.inf:
        expected = "a finite number, 0 or more" if most == math.inf else f"a number from 0 to {most}"
        raise ValueError(f"{owner}: {name} must be {expected}, got {value!r}")
    return float(value)


class Configured:
    """What its constructor's arguments make again: each is kept as the attribute of its name.

    `Class.from_config(x.get_config())` is like x; the config can be written as JSON.
    """

    def get_config(self):
        """{argument: value} of the constructor."""
        return {name: getattr(self, name) for name in _defaults(type(self))}

    @classmethod
    def from_config(cls, config):
        """The object with these arguments."""
        return cls(**config)

    def __repr__(self):
        arguments = [(k, getattr(self, k, default), default) for k, default in _defaults(type(self)).items() if k != "name"]
        told = [f"{k}={value!r}" for k, value, default in arguments if not (value is default or value == default)]
        return f"{type(self).__name__}({', '.join(told)})"


@functools.cache
def _defaults(cls):
    """{argument of the constructor: its default}"""
    return {name: p.default for name, p in inspect.signature(cls).parameters.items()
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
