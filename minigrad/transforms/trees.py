"""Trees: dicts, lists and tuples, nested, with Tensors, arrays or numbers as their leaves."""

from minigrad import backend
from minigrad.tensor import Tensor


def leaves(tree, path=""):
    """The (path, leaf) pairs of nested dicts, lists and tuples, in order; None is a tree without leaves."""
    if isinstance(tree, dict):
        return [leaf for key, value in tree.items() for leaf in leaves(value, f"{path}[{key!r}]")]
    if isinstance(tree, (list, tuple)):
        return [leaf for i, value in enumerate(tree) for leaf in leaves(value, f"{path}[{i}]")]
    return [] if tree is None else [(path, tree)]


def map_leaves(function, tree):
    """The tree with function(leaf) in the place of each leaf."""
    if isinstance(tree, dict):
        return {key: map_leaves(function, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        values = [map_leaves(function, value) for value in tree]
        return type(tree)(*values) if hasattr(tree, "_fields") else type(tree)(values)
    return None if tree is None else function(tree)


def filled(tree, values):
    """The tree with the values, in order, in the place of its leaves."""
    values = iter(values)
    return map_leaves(lambda leaf: next(values), tree)


def matched(tree, like, what):
    """The leaves of `tree` as Tensors of the shapes and dtypes of the Tensors `like`, [(path, Tensor)]."""
    given = [("", tree)] if [path for path, _ in like] == [""] else leaves(tree)  # a list of numbers may stand for a Tensor
    if [path for path, _ in given] != [path for path, _ in like]:
        raise ValueError(f"{what}: expected the form {_form(like)}, got {_form(given)}")
    result = []
    for (path, v), (_, x) in zip(given, like):
        v = v if isinstance(v, Tensor) else Tensor(v, dtype=x.dtype, device=x.device)
        if v.shape != x.shape or v.dtype != x.dtype:
            raise ValueError(f"{what}{path}: expected shape {x.shape} {x.dtype}, got {v.shape} {v.dtype}")
        result.append(v)
    return result


def _form(leaves):
    return f"({', '.join(path or 'a single Tensor' for path, _ in leaves)})"


def zeros_like(x):
    """A Tensor of zeros, of x's shape, dtype and device."""
    return Tensor.wrap(backend.get_array_module(x._data).zeros_like(x._data))


def ones_like(x):
    """A Tensor of ones, of x's shape, dtype and device."""
    return Tensor.wrap(backend.get_array_module(x._data).ones_like(x._data))
