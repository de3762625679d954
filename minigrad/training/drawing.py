"""A drawing of symbols as a program: which layers lie between inputs and outputs, in which order they run.

A program numbers its values: the inputs 0, 1 ..., then what each call gives. In the arguments of a call, Value(place) stands
for a value.
"""

import numpy as np

from minigrad import backend
from minigrad.layers.symbols import Symbol, found, mapped


class Value:
    """The value at a place of the program."""

    __slots__ = ("place",)

    def __init__(self, place):
        self.place = place


def between(entrances, outputs):
    """(nodes, layers) that lead from the symbols in {symbol: node of its InputLayer} to the outputs.

    Nodes come in the order in which they were made. Layers come as in Keras, so that weights have its order: by depth, the
    longest way to an output, and among equals by when a walk from the outputs upwards first meets them (inputs that nothing
    reads: never, so they come before the last layers).
    """
    met, ended, seen = {}, [], set()  # {layer: when the walk met it}; nodes whose inputs were all walked, in that order
    stack = [(None, iter(outputs))]
    while stack:
        node, symbols = stack[-1]
        symbol = next(symbols, None)
        if symbol is None:
            stack.pop()
            ended += [node] * (node is not None)
            continue
        above = entrances.get(symbol, symbol.node)
        if above is None:
            raise ValueError(f"Model: the outputs are computed from {symbol!r}, which is not among the inputs "
                             f"({', '.join(map(repr, entrances))}): add it to them")
        if above not in seen:
            seen.add(above)
            met.setdefault(above.layer, len(met))
            stack.append((above, iter(_read_by(above, entrances))))
    depths, of_layer = {}, {}
    for node in reversed(ended):  # what reads a node before the node
        depth = of_layer[node.layer] = max(depths.get(node, 0), of_layer.get(node.layer, 0))
        for symbol in _read_by(node, entrances):
            above = entrances.get(symbol, symbol.node)
            depths[above] = max(depths.get(above, 0), depth + 1)
    for node in entrances.values():
        of_layer.setdefault(node.layer, 0)
    nodes = sorted(seen - set(entrances.values()), key=lambda node: node.number)
    return nodes, sorted(of_layer, key=lambda layer: (-of_layer[layer], met.get(layer, -1)))


def _read_by(node, entrances):
    return [] if node.outputs in entrances.keys() and entrances[node.outputs] is node else found(
        (node.arguments, node.keywords), Symbol)


def steps(inputs, nodes, outputs):
    """([(layer, arguments, keywords, places of what it gives, places that nothing reads any more)], {symbol: Value})."""
    values = {symbol: Value(i) for i, symbol in enumerate(inputs)}
    program, last = [], {}
    for i, node in enumerate(nodes):
        read = [(mapped(values.__getitem__, part, Symbol)) for part in (node.arguments, node.keywords)]
        last |= dict.fromkeys((v.place for v in found(read, Value)), i)
        made = found(node.outputs, Symbol)
        values |= {symbol: Value(len(values) + k) for k, symbol in enumerate(made)}
        places = [values[symbol].place for symbol in made]
        last |= dict.fromkeys(places, i)
        program.append((node.layer, *read, places, []))
    kept = {values[symbol].place for symbol in outputs}
    for place, i in last.items():
        if place not in kept:
            program[i][-1].append(place)
    return program, values


# ---- arguments as JSON can hold them

def written(tree):
    """Arguments of a call: Values, numbers, texts, slices, arrays, and lists, tuples and dicts of them."""
    if isinstance(tree, Value):
        return {"value": tree.place}
    if tree is None or isinstance(tree, (bool, int, float, str)) and not isinstance(tree, np.generic):
        return tree
    if isinstance(tree, list):
        return [written(part) for part in tree]
    if isinstance(tree, tuple):
        return {"tuple": [written(part) for part in tree]}
    if isinstance(tree, dict):
        return {"dict": {name: written(part) for name, part in tree.items()}}
    if isinstance(tree, slice):
        return {"slice": [written(part) for part in (tree.start, tree.stop, tree.step)]}
    if tree is Ellipsis:
        return {"ellipsis": None}
    if backend.is_array(tree) or isinstance(tree, np.generic):
        tree = backend.to_numpy(tree)
        return {"array": tree.tolist(), "dtype": str(tree.dtype)}
    raise TypeError(f"a {type(tree).__name__} among the arguments of a call cannot be written down: {tree!r:.80}")


def read(tree, symbols):
    """What `written` wrote, with the symbols at their places."""
    if isinstance(tree, list):
        return [read(part, symbols) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return np.array(tree["array"], tree["dtype"])
    (kind, value), = tree.items()
    if kind == "value":
        return symbols[value]
    if kind == "tuple":
        return tuple(read(part, symbols) for part in value)
    if kind == "dict":
        return {name: read(part, symbols) for name, part in value.items()}
    if kind == "slice":
        return slice(*[read(part, symbols) for part in value])
    if kind == "ellipsis":
        return Ellipsis
    raise TypeError(f"{kind!r} is nothing that an argument can be")
