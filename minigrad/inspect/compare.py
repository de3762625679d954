"""Types of layers that do the same job, side by side by what they have to learn. Nothing is allocated."""

import math
from dataclasses import dataclass

from minigrad import layers
from minigrad.inspect.summary import parameter_count, parameter_formula, shape_text
from minigrad.inspect.tables import Fitting, Printed, new_table
from minigrad.layers.layer import shape_of


@dataclass
class Candidate:
    """A layer type, and what it costs for the job; parameters None: it cannot do it, `note` says why."""

    name: str
    parameters: int | None
    formula: str
    numbers: str
    note: str


class Comparison(Printed):
    """rows (Candidates, the cheapest first); `comparison["conv 3x3"]` is the number of parameters."""

    def __init__(self, input_shape, output_shape, rows):
        self.input_shape, self.output_shape = input_shape, output_shape
        self.rows = sorted(rows, key=lambda r: math.inf if r.parameters is None else r.parameters)

    def __getitem__(self, name):
        for row in self.rows:
            if row.name == name:
                return row.parameters
        raise KeyError(f"no {name!r} here; there are {', '.join(r.name for r in self.rows)}")

    def __rich__(self):
        return Fitting(self._table(" = "), self._table("\n= "))

    def _table(self, equals):
        """The table; `equals` stands between a formula and its numbers: a new line makes it narrower."""
        table = new_table(f"{shape_text(self.input_shape)} -> {shape_text(self.output_shape)}")
        for column, justify in (("layer", "left"), ("parameters", "right"), ("x least", "right")):
            table.add_column(column, justify=justify, no_wrap=True)
        table.add_column("formula")
        least = min((r.parameters for r in self.rows if r.parameters), default=1)
        for r in self.rows:
            known = r.parameters is not None
            table.add_row(r.name, f"{r.parameters:,}" if known else "-", f"{r.parameters / least:,.1f}" if known else "",
                          "\n".join(filter(None, (f"{r.formula}{equals}{r.numbers}" if known else "", r.note))))
        return table


def compare_layers(input_shape, output_shape, use_bias=True):
    """Which layers turn `input_shape` into `output_shape` (both without the batch axis), and with how many parameters.

    Images (H, W, C): a Dense layer on all numbers, convolutions of several sizes, attention over the pixels. Sequences
    (T, D): Dense on all, Dense on each step, attention. Vectors (D,): Dense. The counts are the layers' own
    (`weight_shapes`), in closed form: nothing is allocated, so a table of 300 million parameters costs nothing.
    """
    input_shape, output_shape = shape_of(input_shape), shape_of(output_shape)
    if not input_shape or not output_shape or min(input_shape + output_shape) < 1:
        raise ValueError(f"expected two shapes of positive lengths, got {input_shape} and {output_shape}")
    if len(input_shape) != len(output_shape) or len(input_shape) > 3:
        raise ValueError(f"expected two shapes of images (H, W, C), sequences (T, D) or vectors (D,), got {input_shape} "
                         f"and {output_shape}")
    n, m = math.prod(input_shape), math.prod(output_shape)
    rows = [_candidate("dense", layers.Dense(m, use_bias=use_bias), (None, n), "every output reads every input")]
    out = output_shape[-1]
    if len(input_shape) == 3:
        rows += [_convolution(k, input_shape, output_shape, use_bias) for k in (1, 3, 5)]
    if len(input_shape) == 2 and input_shape[0] == output_shape[0]:
        rows.append(_candidate("dense per step", layers.Dense(out, use_bias=use_bias), (None, *input_shape),
                               "each step alone, with the same weights"))
    if len(input_shape) > 1:
        rows.append(_attention(input_shape, output_shape, use_bias))
    return Comparison(input_shape, output_shape, rows)


def _candidate(name, layer, input_shape, note):
    shapes = layer.weight_shapes(input_shape)
    return Candidate(name, parameter_count(shapes), *parameter_formula(shapes), note)


def _convolution(k, input_shape, output_shape, use_bias):
    """The convolution of k x k, with the stride and padding that give the output's size, if there are any."""
    name = f"conv {k}x{k}"
    strides = [-(-n // m) for n, m in zip(input_shape[:2], output_shape[:2])]
    same = all(-(-n // s) == m for n, s, m in zip(input_shape, strides, output_shape[:2]))
    valid = all(n - k + 1 == m for n, m in zip(input_shape[:2], output_shape[:2]))
    if not same and not valid:
        return Candidate(name, None, "", "", f"no stride makes {output_shape[:2]} of {input_shape[:2]}")
    how = "padding valid" if valid and not same else f"padding same, strides {tuple(strides)}"
    layer = layers.Conv2D(output_shape[2], k, use_bias=use_bias)
    return _candidate(name, layer, (None, *input_shape), how)


def _attention(input_shape, output_shape, use_bias):
    *places, out = output_shape
    if tuple(places) != input_shape[:-1]:
        return Candidate("attention", None, "", "", "attention keeps the number of places")
    layer = layers.MultiHeadAttention(1, out, output_shape=out, use_bias=use_bias)
    return _candidate("attention", layer, (None, math.prod(places), input_shape[-1]),
                      f"over {math.prod(places):,} places, each reads all")
