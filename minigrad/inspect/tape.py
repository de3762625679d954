"""The tape as a table: the recorded operations in order, with formula, value, and after backward the adjoint.

Such a list is called a Wengert list: v1 = x1, v2 = x2, v3 = log(v1) ... y; read downwards it is the forward pass, and
upwards the backward pass. The adjoint of v is dy/dv; its tangent is dv/dt, if the leaves move with the velocities that were
given: that is forward mode (Baydin et al. 2018, "Automatic Differentiation in Machine Learning: a Survey", sec. 3).
"""

import re
from dataclasses import dataclass, field

import numpy as np

from minigrad import autograd, backend
from minigrad.function import Function, Output, operand_names
from minigrad.functions import broadcast_to
from minigrad.inspect.tables import Printed, new_table
from minigrad.recording import recording
from minigrad.tensor import Tensor

FEW = 6         # up to so many numbers are written out
UNKNOWN = "…"


@dataclass
class Entry:
    """One line: v = operation(operands), its rule for the way back, value, adjoint, tangent (None: not kept, not asked)."""

    name: str                 # "v3"
    operation: str            # "Multiply", or "" for a leaf
    formula: str              # "v3 = v1 * v2"
    rule: str                 # "dv1 = dv3 * v2, dv2 = dv3 * v1"
    shape: tuple
    value: object = None
    adjoint: object = None
    tangent: object = None
    operands: tuple = field(default=(), repr=False)


class Tape(Printed):
    """What `mg.tape` returns: `entries` in the order of the forward pass; printing shows them as a table."""

    def __init__(self, entries, note=""):
        self.entries, self.note = entries, note

    def __len__(self):
        return len(self.entries)

    def __iter__(self):
        return iter(self.entries)

    def __getitem__(self, key):
        """The entry of that number (from 0) or name ("v3", or the name of a leaf)."""
        if isinstance(key, str):
            for e in self.entries:
                if key in (e.name, e.formula.partition(" = ")[2] if not e.operation else None):
                    return e
            raise KeyError(f"no {key!r} on this tape; it has {', '.join(e.name for e in self.entries)}")
        return self.entries[key]

    def __rich__(self):
        from rich.console import Group
        from rich.text import Text
        operations = sum(bool(e.operation) for e in self.entries)
        forth, back = (any(getattr(e, name) is not None for e in self.entries) for name in ("tangent", "adjoint"))
        table = new_table(f"the tape: {operations} operation{'s' * (operations != 1)}")
        table.add_column("forward", overflow="fold")
        table.add_column("value", overflow="fold")
        if forth:
            table.add_column("tangent", overflow="fold")
        table.add_column("backward", overflow="fold")
        if back:
            table.add_column("adjoint", overflow="fold")
        for e in self.entries:
            cells = [e.formula, _text(e.value, e.shape), *([_text(e.tangent, e.shape)] if forth else []),
                     e.rule, *([_text(e.adjoint, e.shape)] if back else [])]
            table.add_row(*map(Text, cells))  # as they are: [0] is no markup
        return Group(table, Text(self.note)) if self.note else table


def tape(y, /, adjoints=None, tangents=None, **names):
    """The operations that made y, as a numbered list: formula, value, and the adjoint dy/dv after y.backward().

    y         a Tensor (or several) with recorded operations.
    adjoints  True: go back through the graph now, from dy/dy = 1, without touching any `.grad`; the graph stays. None:
              show the adjoints of a backward that has been, which small graphs remember.
    tangents  {x: v}: show dv/dt for each line too, for leaves x that move with velocity v, of x's shape, and others that
              rest. For v = 1 at one leaf that is the derivative by it, as in forward mode. Needs the graph.
    names     names for Tensors: mg.tape(y, x1=x1, x2=x2).

    Values that no gradient reads are not kept; they are computed again where the operands are known. Of a graph of
    more than 32 operations backward leaves only the last one: call tape before backward, or keep it (retain_graph).
    What is shown is the last backward that started from y itself.
    """
    ys = [y] if isinstance(y, Tensor) else list(y)
    for t in ys:
        if not isinstance(t, Tensor):
            raise TypeError(f"tape: expected a Tensor, got {type(t).__name__}")
    given = {id(t): name for name, t in names.items()} | {
        id(t.creator): name for name, t in names.items() if t.creator is not None}
    order = autograd.topological_order([t.creator for t in ys if t.creator is not None])
    if adjoints:
        found = _adjoints(ys)
    else:  # what backward left: functions by their place in the order, leaves by themselves
        left = (ys[0].creator.adjoints if len(ys) == 1 and ys[0].creator is not None else None) or {}
        found = {order[key] if isinstance(key, int) else key: dx for key, dx in left.items()}
    nodes = list(_with_leaves(order, ys))
    velocities = _tangents(nodes, tangents) if tangents else {}
    values = {t.creator or t: t._data for t in ys}
    known = _Values(order, values)
    lines, number = [], {}
    for node in nodes:
        number[node] = f"v{len(number) + 1}"
        if isinstance(node, Tensor):
            name = given.get(id(node)) or getattr(node, "name", "") or ("x" if node.requires_grad else "constant")
            lines.append(Entry(number[node], "", f"{number[node]} = {name}", "", node.shape, node._data,
                               _array(found.get(node)), _array(velocities.get(node))))
        else:
            formula, rule = _formula(node, number)
            shape = node.shape if node.shape is not None else ()
            lines.append(Entry(number[node], node.name, formula, rule, shape, known.get(node),
                               _array(found.get(node)), _array(velocities.get(node)), node.parents))
    freed = any(f.freed and not f.parents for f in order)
    return Tape(lines, "freed by backward: call tape before it, or backward(retain_graph=True)" if freed else "")


def _with_leaves(order, ys):
    """The nodes in order, each leaf just before its first use."""
    seen = set()
    for function in order:
        for parent in function.parents:
            if isinstance(parent, Tensor) and parent not in seen:
                seen.add(parent)
                yield parent
        yield function
    for t in ys:
        if t.creator is None and t not in seen:
            seen.add(t)
            yield t


def _adjoints(ys):
    """{node: dy/dv} by a sweep of its own."""
    found = {}

    def visit(function, dz, gradients):
        if isinstance(dz, Tensor):
            found[function] = dz.conj()  # as users see gradients

    leaves = autograd.sweep(ys, [Tensor.wrap(backend.get_array_module(t._data).ones_like(t._data)) for t in ys],
                            retain_graph=True, visit=visit)
    return found | leaves


def _tangents(nodes, given):
    """{node: its tangent}: the leaves' as given or zero, and from them line by line those of the results."""
    leaves = [node for node in nodes if isinstance(node, Tensor)]
    for x in given:
        if not any(x is leaf for leaf in leaves):
            raise ValueError("tangents: a key is no leaf of this tape: expected {x: v} for Tensors x that y was made from")
    found = {x: Tensor(np.zeros(x.shape), dtype=x.dtype, device=x.device) for x in leaves}
    for x, v in given.items():
        found[x] = v if isinstance(v, Tensor) else Tensor(v, dtype=x.dtype, device=x.device)
        if found[x].shape != x.shape or found[x].dtype != x.dtype:
            raise ValueError(f"tangents: expected shape {x.shape} {x.dtype}, got {found[x].shape} {found[x].dtype}")
    several = {}
    for node in nodes:
        if isinstance(node, Output):
            found[node] = several[node.parents[0]][node.index]
        elif isinstance(node, Function):
            several[node] = _pushed(node, [found.get(p) for p in node.parents])
            if len(several[node]) == 1:
                found[node], = several[node]
    return found


def _pushed(function, tangents):
    """Forward mode through one Function: the tangents of its results (a list), given one for each operand (or None).

    backward is linear in dz, dx = Jᵀ dz, so the gradient of ⟨dx, tangent of x⟩ by dz is J times the tangent, whatever dz
    is: zeros will do (Townsend 2017, "A new trick for calculating Jacobian vector products").
    """
    xp = backend.get_array_module(*[v._data for v in tangents if v is not None])
    results = function.outputs if hasattr(function, "outputs") else [(function.shape, function.dtype)]
    dzs = [Tensor.wrap(xp.zeros(*like)) for like in results]
    for dz in dzs:
        dz.requires_grad = True
    with autograd.enable_grad():
        given = function.backward(*dzs)
        given = given if isinstance(given, (tuple, list)) else (given,)
        given = [dx() if callable(dx) and v is not None else dx for dx, v in zip(given, tangents)]
    pairs = [(dx, broadcast_to(v, dx.shape).astype(dx.dtype)) for dx, v in zip(given, tangents)
             if dx is not None and v is not None and dx.requires_grad]
    found = autograd.sweep([dx for dx, _ in pairs], [v for _, v in pairs], retain_graph=True, targets=set(dzs), stop=True)
    return [found.get(dz, dz.detach()) for dz in dzs]


class _Values:
    """The values along the tape: what is kept, else what the operation gives again for operands that are known."""

    def __init__(self, order, values):
        self.values = values
        for function in order:
            for parent, x in zip(function.parents, function.operands):
                if isinstance(parent, Function) and isinstance(x, Tensor):
                    self.values.setdefault(parent, x._data)
            if not isinstance(function.result, (tuple, type(None))):
                self.values.setdefault(function, function.result)
        for function in order:
            if function not in self.values:
                self.values[function] = self._again(function)

    def get(self, node):
        value = self.values.get(node)
        return None if isinstance(value, tuple) else value

    def _again(self, function):
        if isinstance(function, Output):
            all_of_them = self.values.get(function.parents[0])
            return all_of_them[function.index] if isinstance(all_of_them, tuple) else None
        arrays = [self._operand(*pair) for pair in zip(function.parents, function.operands)]
        if not arrays or any(a is None for a in arrays) or function.parameters is None:
            return None
        token = recording.set(False)
        try:
            return type(function)().forward(*arrays, **function.parameters)
        finally:
            recording.reset(token)

    def _operand(self, parent, x):
        if x is None:
            return parent._data if isinstance(parent, Tensor) else self.values.get(parent)
        return x._data if isinstance(x, Tensor) else x


def _formula(function, number):
    """The first line of the docstring with this line's names put in: ("v3 = v1 * v2", "dv1 = dv3 * v2, ...")."""
    me = number[function]
    if isinstance(function, Output):
        return f"{me} = {number[function.parents[0]]}[{function.index}]", ""
    names, several = operand_names(type(function))
    operands = [number[p] if p is not None else _constant(x) for p, x in zip(function.parents, function.operands)]
    if not operands:
        operands = [UNKNOWN] * len(names)
    call = f"{me} = {_snake(function.name)}({', '.join(operands)})"
    line = (type(function).__doc__ or "").strip().partition("\n")[0]
    head, _, rule = re.sub(r"\s{4,}", "\t", line).partition("\t")
    left, equals, right = head.partition(" = ")
    if several or not equals or not re.fullmatch(r"\w+", left) or len(operands) > len(names):
        return call, ""
    put = {left: me, "d" + left: "d" + me}
    put |= {n: o for n, o in zip(names, operands)} | {"d" + n: "d" + o for n, o in zip(names, operands)}

    def named(text):
        return re.sub(r"[A-Za-z_][A-Za-z0-9_]*", lambda m: put.get(m.group(), m.group()), text)

    wanted = [part for part in re.split(r",\s+(?=d\w+ = )", rule.strip())
              if any(part.startswith(f"d{n} = ") and p is not None for n, p in zip(names, function.parents))]
    return f"{me} = {named(right)}", ", ".join(named(part) for part in wanted)


def _constant(x):
    x = x._data if isinstance(x, Tensor) else x
    if x is None:
        return "constant"
    return f"{x.item() if hasattr(x, 'item') else x:.6g}" if np.size(x) == 1 else f"constant {tuple(x.shape)}"


def _snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()


def _array(x):
    return x._data if isinstance(x, Tensor) else x


def _text(x, shape):
    """A few numbers, or the shape and the range of many."""
    if x is None:
        return f"{UNKNOWN} {'×'.join(map(str, shape))}" if shape else UNKNOWN
    x = backend.to_numpy(x)
    if x.size <= FEW:
        return re.sub(r"\n *", " ", np.array2string(x, precision=4, separator=", ", floatmode="maxprec"))
    size = "×".join(map(str, x.shape))
    return f"{size} in [{x.min():.3g}, {x.max():.3g}]"
