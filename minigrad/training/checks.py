"""What enters fit, evaluate and predict is looked at before anything changes."""

import contextlib

import numpy as np

from minigrad import autograd, backend
from minigrad.tensor import Tensor
from minigrad.transforms.trees import leaves, map_leaves


def checked_inputs(x, name="x"):
    """x as an array with a batch axis, of numbers without nan or inf; errors say what came and where. The numbers of a
    memory-mapped array are not read yet, see feed.Rows."""
    x = _as_array(x, name)
    if x.dtype.kind == "f" and not isinstance(x, np.memmap):
        finite = backend.get_array_module(x).isfinite(x)
        if not bool(finite.all()):
            bad = np.argwhere(~backend.to_numpy(finite))
            raise ValueError(f"{name} has {len(bad)} values that are nan or inf, the first at index "
                             f"{tuple(int(i) for i in bad[0])}: clean the data first (np.nan_to_num, or drop those rows)")
    return x


def checked_columns(x, y=None, sample_weight=None, name=""):
    """(x, y, sample_weight) as arrays with a row for each example, or trees of them; y and sample_weight may be None."""
    x = _checked_tree(x, f"{name}x")
    rows = len(leaves(x)[0][1])
    if y is not None:
        y = _checked_tree(y, f"{name}y")
    if sample_weight is not None:
        sample_weight = _checked_tree(sample_weight, f"{name}sample_weight")
    for what, tree in (f"{name}x", x), (f"{name}y", y), (f"{name}sample_weight", sample_weight):
        for path, a in leaves(tree):
            if len(a) != rows:
                raise ValueError(f"{name}x has {rows} rows and {what}{path} has {len(a)}: each input needs its target"
                                 + (" and its weight" if "weight" in what else ""))
    return x, y, sample_weight


def _checked_tree(tree, name):
    """Each array in its place, checked. A list or tuple of arrays is several; one of numbers or lists is one array."""
    several = isinstance(tree, dict) or isinstance(tree, (list, tuple)) and len(tree) > 0 and all(
        (backend.is_array(part) or isinstance(part, (Tensor, dict))) and getattr(part, "ndim", 1) > 0 for part in tree)
    if not several:
        return checked_inputs(tree, name)
    if not tree:
        raise ValueError(f"{name} is an empty {type(tree).__name__}: give at least one array")
    if isinstance(tree, dict):
        return {key: _checked_tree(part, f"{name}[{key!r}]") for key, part in tree.items()}
    return type(tree)(_checked_tree(part, f"{name}[{i}]") for i, part in enumerate(tree))


@contextlib.contextmanager
def states_kept(model):
    """Inside, the model may be tried out: stateful recurrent layers have their states back in the end."""
    kept = [(layer, layer.states) for _, layer in model.named_layers() if hasattr(layer, "states")]
    try:
        yield
    finally:
        for layer, states in kept:
            layer.states = states


def positive(value, name):
    """Refuse what is no whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")


def is_mean_over_rows(loss, y, prediction):
    """Whether these rows' loss(y, prediction) is the mean of numbers that each depend on one row: tried out on two parts.

    Then L = Σ n/N L_part, and the gradient that a row gets from the whole is n/N times the one that it gets from its part.
    """
    n = len(leaves(y)[0][1])

    def of(rows):
        p = map_leaves(lambda p: Tensor(p.data[rows], requires_grad=True), prediction)
        value, share = loss(map_leaves(lambda a: a[rows], y), p), len(range(n)[rows]) / n
        outputs = [leaf for _, leaf in leaves(p)]
        given = autograd.grad(value, outputs, allow_unused=True) if value.requires_grad else [None] * len(outputs)
        dp = [np.zeros(p.shape) if g is None else g.numpy() * share for p, g in zip(outputs, given)]
        return value.item() * share, np.concatenate([g.reshape(len(g), -1) for g in dp], axis=1)

    (whole, dp), *parts = [of(rows) for rows in (slice(n), slice(n // 3), slice(n // 3, n)) if len(range(n)[rows])]
    values, gradients = zip(*parts)
    return bool(np.isclose(whole, sum(values), rtol=1e-4, atol=0)
                and np.allclose(dp, np.concatenate(gradients), rtol=1e-3, atol=1e-4 * np.abs(dp).max()))


def _as_array(x, name):
    x = x.data if isinstance(x, Tensor) else x
    if not backend.is_array(x):
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise ValueError(f"{name} cannot become one array, its rows must have the same length: {error}") from None
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be numbers, got an array of dtype {x.dtype}: encode text as numbers first")
    if x.ndim == 0:
        raise ValueError(f"{name} must have a batch axis, got a single number")
    if len(x) == 0:
        raise ValueError(f"{name} is empty (shape {x.shape}): there is nothing to train on or to predict")
    return x
