"""What a model consists of: every layer with its shape and its parameters, and the same by type of layer."""

import math
from dataclasses import dataclass

import numpy as np

from minigrad.autograd import no_grad
from minigrad.inspect.tables import Fitting, Printed, count, new_table
from minigrad.layers.layer import Layer
from minigrad.training import Functional


@dataclass
class Row:
    """A layer's line: the parameters are its own (not those of layers inside), a shared one at its first place only."""

    path: str
    type: str
    output_shape: tuple | None
    parameters: int
    trainable: int
    formula: str      # "kh·kw·C·F + F"
    numbers: str      # "3·3·32·64 + 64"
    note: str         # "", "frozen", "shared"
    connected: str = ""  # the layers before it, in a functional model


class Summary(Printed):
    """rows, by_type, total, trainable, frozen; prints as two tables, in a terminal and in a notebook."""

    def __init__(self, name, rows):
        self.name, self.rows = name, rows
        self.total = sum(r.parameters for r in rows)
        self.trainable = sum(r.trainable for r in rows)
        self.frozen = self.total - self.trainable

    @property
    def by_type(self):
        """{type: (how many layers, parameters, share of all)}, the largest first."""
        groups = {}
        for path, row in {r.path: r for r in reversed(self.rows)}.items():
            n, p = groups.get(row.type, (0, 0))
            groups[row.type] = n + 1, p + sum(r.parameters for r in self.rows if r.path == path)
        ordered = sorted(groups.items(), key=lambda item: -item[1][1])
        return {kind: (n, p, p / self.total if self.total else 0.0) for kind, (n, p) in ordered}

    def __rich__(self):
        from rich.console import Group
        types = new_table("by type of layer", show_footer=True)
        types.add_column("type", "total", no_wrap=True)
        types.add_column("layers", str(sum(n for n, _, _ in self.by_type.values())), justify="right")
        types.add_column("parameters", f"{self.total:,}", justify="right")
        types.add_column("share", "100.0 %" if self.total else "-", justify="right")
        for kind, (n, p, share) in self.by_type.items():
            types.add_row(kind, str(n), f"{p:,}", f"{share:.1%}".replace("%", " %"))
        return Group(Fitting(self._layers(), self._layers(narrow=True)), "", types)

    def _layers(self, narrow=False):
        """The table of layers: a line for each, or two where there is not the room."""
        from rich.markup import escape
        from rich.text import Text
        table = new_table(escape(f"{self.name}: {count(self.total, 'parameter')}"), show_footer=True)
        table.add_column("layer", "total", overflow="fold")
        if not narrow:
            table.add_column("type", no_wrap=True)
        table.add_column("output shape", no_wrap=True)
        table.add_column("parameters", f"{self.total:,}", justify="right", no_wrap=True)
        table.add_column("formula")
        drawn = any(r.connected for r in self.rows)
        if drawn:
            table.add_column("connected to", overflow="fold")
        gap = "\n" if narrow else " "
        for r in self.rows:
            named = [Text(f"{r.path}\n  {r.type}")] if narrow else [Text(r.path), Text(r.type)]
            formula = r.formula and f"{r.formula}{gap}= {r.numbers}"
            table.add_row(*named, shape_text(r.output_shape), f"{r.parameters:,}",
                          "\n".join(filter(None, (formula, r.note))), *[r.connected] * drawn)
        table.caption = f"trainable {self.trainable:,}, frozen {self.frozen:,}"
        table.caption_justify = "left"
        return table


def summary(model, input_shape=None):
    """The Summary of a model or layer; `print` it.

    input_shape  of one example, without the batch axis; needed unless the model was built (its first layer has
                 input_shape, or it was called). The model is sent an empty batch, to see the shapes.
    """
    if isinstance(model, Functional) and input_shape is None:
        return Summary(model.name or "Functional", _rows(model, _visits(model, model.empty_inputs())))
    shape = getattr(model, "_shape", None)
    if input_shape is not None:
        shape = (None, *input_shape)
    elif model.input_shape is not None:
        shape = (None, *model.input_shape)
    if shape is None and not model.parameters():
        raise ValueError(f"{model.describe()} is not built yet, so its parameters are unknown: pass "
                         "input_shape=(...) of one example, without the batch axis")
    if shape is None:
        visits = [(path, layer, None) for path, layer in model.named_layers()]
    else:
        visits = _visits(model, np.zeros((0, *shape[1:]), _input_dtype(model)))
    return Summary(model.name or type(model).__name__, _rows(model, visits))


def _visits(model, inputs):
    """(path, layer, output shape) of each layer that runs."""
    with no_grad():
        return [(path, layer, (None, *y[1:]) if y else None) for path, layer, _, y in model.trace(inputs)]


def _connections(model):
    """{id(layer): for each of its calls, the names of the layers before it} of all functional models inside."""
    found = {}
    for _, outer in model.named_layers():
        if isinstance(outer, Functional):
            for name, calls in outer.connections().items():
                found.setdefault(id(outer.get_layer(name)), []).extend(", ".join(names) for names in calls)
    return found


def _rows(model, visits):
    names = {id(layer): path or model.label for path, layer in model.named_layers()}
    visited = {id(layer) for _, layer, _ in visits}
    visits = visits + [(p, layer, None) for p, layer in model.named_layers() if id(layer) not in visited]
    seen, rows, connected = set(), [], _connections(model)
    for _, layer, shape in visits:
        own = layer._parameters
        if layer._layers and not own:
            continue
        new = {n: p for n, p in own.items() if id(p) not in seen}
        shared = bool(own) and not new
        seen |= {id(p) for p in new.values()}
        total = sum(p.size for p in new.values())
        trainable = sum(p.size for p in new.values() if p.trainable)
        note = "shared" if shared else "" if trainable == total else "frozen" if not trainable else "partly frozen"
        formula, numbers = parameter_formula({n: p.symbols for n, p in new.items()})
        before = connected.get(id(layer), [""])
        rows.append(Row(names.get(id(layer), layer.label), type(layer).__name__, shape, total, trainable, formula,
                        numbers, note, before.pop(0) if len(before) > 1 else before[0]))
    return rows


def parameter_formula(shapes):
    """("kh·kw·C·F + F", "3·3·32·64 + 64") from {"kernel": {"kh": 3, ...}, "bias": {"F": 64}}."""
    return (" + ".join("·".join(s) for s in shapes.values()),
            " + ".join("·".join(map(str, s.values())) for s in shapes.values()))


def parameter_count(shapes):
    """The number of parameters of those shapes."""
    return sum(math.prod(s.values()) for s in shapes.values())


def shape_text(shape):
    """(None, 26, 26, 32) as "(N, 26, 26, 32)"."""
    return "" if shape is None else "(" + ", ".join("N" if n is None else str(n) for n in shape) + ")"


def _input_dtype(model):
    first = next((layer for _, layer in model.named_layers() if not layer._layers), model)
    return first.input_dtype


def _print_summary(self, input_shape=None):
    """Print the table of layers and parameters (mg.summary(model) gives it as an object)."""
    print(summary(self, input_shape))


Layer.summary = _print_summary  # bound here, since layers may not look up to inspect
