"""Choosing by name: `optimizer="adam"`, `activation="relu"`."""

import difflib


def named(identifier, table, what):
    """table[identifier], made an object if it is a class; an identifier that is no string is returned as it is.

    Raises ValueError with the nearest name for an unknown one.
    """
    if isinstance(identifier, str):
        key = identifier if identifier in table else identifier.lower()
        if key not in table:
            near = sorted(difflib.get_close_matches(key, table, 3, 0.5),
                          key=lambda name: sorted(name) != sorted(key))  # swapped letters first: adma is adam, not adamax
            hint = f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(table)}"
            raise ValueError(f"unknown {what} {identifier!r}{hint}")
        identifier = table[key]
    if isinstance(identifier, type):
        return identifier()
    if not callable(identifier) and not hasattr(identifier, "step"):
        raise TypeError(f"expected the name of a(n) {what}, or one itself, got {identifier!r}")
    return identifier
