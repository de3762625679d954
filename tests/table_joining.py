"""Entries of the table of functions: padding, joining, splitting, arranging."""

import numpy as np
from table import add, normal

import minigrad.functions as F
from minigrad.functions import padding

# ---- padding

for mode in ("edge", "wrap", "symmetric", "reflect"):
    for variant, shape, widths in [("", (2, 3), 1), ("each axis", (3, 2), ((0, 1), (1, 0))), ("wide", (3,), (8, 11)),
                                   ("one number", (1, 2), ((2, 3), (0, 0))), ("none", (2, 2), 0)]:
        add(f"pad/{mode} {variant}".strip(), lambda x, w=widths, m=mode: F.pad(x, w, m) + 0, normal(shape),
            lambda x, w=widths, m=mode: np.pad(x, w, m))
add("pad/values of each side", lambda x: F.pad(x, 1, constant_values=((1, 2), (3, 4))), normal((2, 3)),
    lambda x: np.pad(x, 1, constant_values=((1, 2), (3, 4))), padding.Pad)
