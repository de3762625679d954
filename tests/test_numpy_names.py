"""NumPy's own functions on Tensors, driven from the numpy module: a gradient is kept, or the call is refused; and arguments.

Every function and ufunc of np, np.linalg and np.fft is called with a Tensor that requires a gradient. A NumPy that lacks a
name of the newest one is not asked for it.
"""

import inspect

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import linalg, operators
from minigrad.functions import fourier

REFUSED = "gradient would|would lose|gradients would be lost"


def leaf(shape=(3, 3)):
    return mg.Tensor(np.random.default_rng(5).uniform(0.2, 0.8, shape), requires_grad=True)


def numpys(kinds):
    """{"np.linalg.inv": the function ...} of those kinds."""
    return {f"{module.__name__}.{name}": getattr(module, name) for module in (np, np.linalg, np.fft) for name in dir(module)
            if not name.startswith("_") and isinstance(getattr(module, name), kinds)}


UFUNCS, FUNCTIONS = numpys(np.ufunc), numpys(type(np.sum))
MORE = {  # the arguments after the first, where one Tensor is not a call
    **{f"numpy.{name}": more for name, more in {
        "linspace": (2.0, 5), "logspace": (2.0, 5), "geomspace": (2.0, 5), "partition": (1,),
        "piecewise": ([np.eye(3) > 0], [2.0, F.exp]),
        "append": (1.0,), "array_split": (2,), "broadcast_to": ((2, 3, 3),), "clip": (0.3, 0.5),
        "cross": (np.ones(3),), "delete": (0,), "dot": (np.ones(3),),
        "quantile": (0.3,), "percentile": (30,), "nanquantile": (0.3,), "nanpercentile": (30,),
        "expand_dims": (0,), "hsplit": (3,), "inner": (np.ones(3),), "insert": (0, 1.0), "kron": (np.ones(3),),
        "moveaxis": (0, 1), "outer": (np.ones(3),), "pad": (1,), "repeat": (2,), "reshape": ((9,),), "resize": ((2, 2),),
        "roll": (1,), "rollaxis": (1,), "split": (3,), "swapaxes": (0, 1), "take": ([0],), "tensordot": (np.ones((3, 3)),),
        "take_along_axis": (np.zeros((3, 3), int), 0), "tile": (2,), "vdot": (np.ones((3, 3)),), "vsplit": (3,),
        "permute_dims": ((1, 0),), "astype": ("float32",)}.items()},
    "numpy.linalg.cross": (np.ones(3),), "numpy.linalg.matmul": (np.ones((3, 3)),), "numpy.linalg.matrix_power": (2,),
    "numpy.linalg.solve": (np.ones(3),), "numpy.linalg.lstsq": (np.ones(3),), "numpy.linalg.tensordot": (np.ones((3, 3)),),
    "numpy.linalg.vecdot": (np.ones(3),), "numpy.linalg.vector_norm": (),
}


def vector():
    return leaf((3,))


CALLS = {  # where the Tensor is not the first argument, or has another shape
    "numpy.choose": lambda f: f(np.array([0, 1, 0]), [vector(), vector()]), "numpy.compress": lambda f: f([True], leaf()),
    "numpy.concatenate": lambda f: f([leaf(), leaf()]), "numpy.concat": lambda f: f([leaf(), leaf()]),
    "numpy.convolve": lambda f: f(vector(), vector()), "numpy.correlate": lambda f: f(vector(), vector()),
    **dict.fromkeys(["numpy.cumulative_sum", "numpy.cumulative_prod"], lambda f: f(leaf(), axis=0)),
    "numpy.polyval": lambda f: f(vector(), 2.0),
    **dict.fromkeys(["numpy.polyadd", "numpy.polysub", "numpy.polymul"], lambda f: f(vector(), [1.0, 2.0])),
    **dict.fromkeys(["numpy.polyder", "numpy.polyint"], lambda f: f(vector())),
    "numpy.dsplit": lambda f: f(leaf((2, 2, 2)), 2), "numpy.einsum": lambda f: f("ij->j", leaf()),
    "numpy.extract": lambda f: f(np.eye(3) > 0, leaf()),
    "numpy.imag": lambda f: f(leaf().astype(complex) * 1j), "numpy.interp": lambda f: f(vector(), [0, 1], [2, 5]),
    "numpy.linalg.cholesky": lambda f: f(mg.Tensor(np.eye(2), requires_grad=True)),
    "numpy.linalg.multi_dot": lambda f: f([leaf(), leaf()]), "numpy.linalg.outer": lambda f: f(vector(), vector()),
    "numpy.linalg.tensorinv": lambda f: f(leaf(), 1), "numpy.linalg.tensorsolve": lambda f: f(leaf(), np.ones(3)),
    "numpy.meshgrid": lambda f: f(vector(), vector()), "numpy.select": lambda f: f([np.eye(3) > 0], [leaf()]),
    "numpy.vander": lambda f: f(vector()), "numpy.where": lambda f: f(np.eye(3) > 0, leaf(), leaf()),
    "numpy.stack": lambda f: f([leaf(), leaf()]), "numpy.vstack": lambda f: f([leaf(), leaf()]),
    "numpy.hstack": lambda f: f([leaf(), leaf()]), "numpy.dstack": lambda f: f([leaf(), leaf()]),
    "numpy.column_stack": lambda f: f([leaf(), leaf()]), "numpy.block": lambda f: f([leaf(), leaf()]),
}


def tensors(result):
    results = result if isinstance(result, (tuple, list)) else [result]
    return [y for y in results if isinstance(y, mg.Tensor)]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_keeps_the_gradient_is_plain_or_is_refused(name):
    f = FUNCTIONS[name]
    if f in operators.FUNCTIONS:
        result = CALLS[name](f) if name in CALLS else f(leaf(), *MORE.get(name, ()))
        assert tensors(result) and any(y.requires_grad for y in tensors(result))
    elif f not in operators.PLAIN_FUNCTIONS:
        with pytest.raises(TypeError, match=REFUSED):
            leaf().__array_function__(f, (mg.Tensor,), (leaf(),), {})


TWO = "array_equal array_equiv allclose isclose shares_memory may_share_memory searchsorted digitize isin".split()


@pytest.mark.parametrize("f", sorted(operators.PLAIN_FUNCTIONS, key=lambda f: f.__name__), ids=lambda f: f.__name__)
def test_a_plain_function_gives_what_it_gives_for_the_array(f):
    x = leaf() if f is np.linalg.matrix_rank or f.__name__.endswith("indices_from") else mg.sort(vector())
    arguments = {"full_like": lambda a: (a, 2.0), "lexsort": lambda a: ((a, a),), "argpartition": lambda a: (a, 1)}.get(
        f.__name__, lambda a: (a, a) if f.__name__ in TWO else (a,))
    found, expected = f(*arguments(x)), f(*arguments(x.data))
    assert not tensors(found) and type(found) is type(expected)
    if f is not np.empty_like:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", sorted(UFUNCS))
def test_a_ufunc_keeps_the_gradient_is_plain_or_is_refused(name):
    f = UFUNCS[name]
    operands = [leaf() + (f is np.arccosh) for _ in range(f.nin)]
    if f in operators.UFUNCS:
        if f is np.ldexp:
            operands[1] = 2
        result = f(*operands)
        assert tensors(result) and all(y.requires_grad for y in tensors(result))
        for position in range(f.nin if f is not np.ldexp else 1):  # an array beside it does not take it over
            alone = [x if i == position else getattr(x, "data", x) for i, x in enumerate(operands)]
            assert all(y.requires_grad for y in tensors(f(*alone))) and tensors(f(*alone))
    elif f in operators.PLAIN_UFUNCS:
        if f.types[0][0] not in "?efdg" or f.__name__.startswith(("bitwise", "gcd", "lcm", "invert", "left", "right")):
            operands = [mg.Tensor(np.arange(9).reshape(3, 3) + i) for i in range(f.nin)]
        np.testing.assert_array_equal(f(*operands), f(*[x.data for x in operands]))
    else:
        with pytest.raises(TypeError, match=REFUSED):
            f(*operands)


@pytest.mark.parametrize("name", sorted(UFUNCS))
def test_the_methods_of_a_ufunc_and_out_are_refused(name):
    f, x = UFUNCS[name], leaf()
    with pytest.raises(TypeError, match=REFUSED):
        f(*[x] * f.nin, out=tuple([np.zeros((3, 3))] * f.nout))
    methods = [lambda: f.at(x, 0, *[x] * (f.nin - 1))] if f.nout == 1 else []  # NumPy has no other
    if f.nin == 2 and f.nout == 1:
        methods += [lambda: f.at(np.zeros((3, 3)), 0, x)]
    if f.nin == 2 and f.nout == 1 and f.signature is None:
        methods += [lambda: f.reduce(x), lambda: f.accumulate(x), lambda: f.outer(x, x), lambda: f.reduceat(x, [0])]
    for method in methods if f.nin < 3 and f.signature is None else []:
        with pytest.raises(TypeError, match=REFUSED):
            method()


# ---- arguments

def ours():
    """{NumPy's function: (its name, ours)}: those in the table, and those of mg under the same name."""
    found = {f: f"{f.__module__}.{f.__name__}".removeprefix("numpy.") for f in operators.FUNCTIONS}
    return {name: (f, operators.FUNCTIONS[f]) for f, name in found.items()}


def parameters(f):
    try:
        return inspect.signature(f).parameters
    except ValueError:
        return {}


@pytest.mark.parametrize("name", sorted(ours()))
def test_arguments_have_numpys_names_and_order(name):
    """But for the array operands, which are x, y or as in the array API: what comes after them."""
    numpys, mgs = ours()[name]
    theirs, mine = list(parameters(numpys)), list(parameters(mgs))
    shared = [p for p in theirs if p in mine and parameters(numpys)[p].kind is not inspect.Parameter.KEYWORD_ONLY]
    assert [p for p in mine if p in shared] == shared, "the order differs"


def test_an_argument_that_is_not_done_is_refused_by_name():
    checked = 0
    for numpys, mgs in ours().values():
        for p in parameters(numpys).values():
            known = {*parameters(mgs), *operators.RENAMED.get(numpys, ())}
            if p.default is not p.empty and p.name not in known:
                with pytest.raises(TypeError, match=p.name):
                    operators._array_function(leaf(), numpys, (mg.Tensor,), (leaf(),), {p.name: 1.25})
                checked += 1
    assert checked > 20


def test_numpys_positional_arguments_keep_their_meaning():
    x = leaf()
    np.testing.assert_array_equal(np.sum(x, 0, None, None, True).data, x.data.sum(0, keepdims=True))
    assert np.sum(x, 0, np.float32).dtype == np.float32
    with pytest.raises(TypeError, match="out="):
        np.sum(x, 0, None, np.zeros(3))
    with pytest.raises(TypeError, match=r"np\.reshape on a Tensor takes no order"):
        np.reshape(x, (9,), "F")
    with pytest.raises(TypeError, match=r"np\.nan_to_num on a Tensor takes no copy|copy"):
        np.nan_to_num(x, False)
    np.testing.assert_array_equal(np.nan_to_num(mg.Tensor([np.nan, 1.0]), True, 7.0).data, [7, 1])


def test_refusals_give_their_reason():
    for f, words in [(np.linalg.eig, "eigh"), (np.linalg.eigvals, "eigvalsh"), (np.roots, "np.roots.*coincide"),
                     (np.unique, "np.unique.*return_index"), (np.histogram, "np.histogram.*mg.index_add"),
                     (lambda x: np.polyfit(x[0], x[0], 1), "np.polyfit.*mg.vander"),
                     (lambda x: np.apply_along_axis(np.sum, 0, x), "np.apply_along_axis.*axis=")]:
        with pytest.raises(TypeError, match=words):
            f(leaf())
    with pytest.raises(TypeError, match="mg.fill_diagonal"):
        np.fill_diagonal(leaf(), 1.0)
    with pytest.raises(TypeError, match="mg.put_along_axis"):
        np.put_along_axis(leaf(), np.zeros((1, 3), int), 1.0, 0)


@pytest.mark.parametrize("f", [
    np.asarray, np.array, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.asarray_chkfinite, np.require,
    lambda x: np.full((3, 3), x), lambda x: np.full(3, x[0]), np.asmatrix,
    lambda x: np.r_[x, x], lambda x: np.c_[x, x], lambda x: np.zeros((3, 3)).__setitem__(..., x),
    lambda x: np.fromiter(x, float), lambda x: np.vectorize(lambda a: a)(x), lambda x: np.array([x, x]),
    lambda x: np.apply_along_axis(np.sum, 0, x)],
    ids=lambda f: getattr(f, "__name__", "?"))
def test_no_other_way_makes_an_array_of_it(f):
    with pytest.raises((TypeError, ValueError)):
        result = f(leaf())
        assert not isinstance(result, np.ndarray), result


def test_names_are_found():
    assert {"numpy.add", "numpy.exp"} <= set(UFUNCS) and {"numpy.linalg.inv", "numpy.fft.rfft"} <= set(FUNCTIONS)
    assert set(MORE) | set(CALLS) <= set(FUNCTIONS) | {"numpy.permute_dims", "numpy.astype", "numpy.concat",
                                                     "numpy.cumulative_sum", "numpy.cumulative_prod"}
    assert F.put_along_axis is mg.put_along_axis and linalg.cross is mg.linalg.cross and fourier is mg.fft


def test_plain_results_have_numpys_names():
    """Comparisons, logic, indices and counts are plain arrays, from mg as from NumPy."""
    x, y = leaf(), mg.Tensor(np.eye(3))
    for name in "equal less greater_equal logical_and isclose".split():
        found = getattr(mg, name)(x, y)
        assert type(found) is np.ndarray and found.dtype == bool
        np.testing.assert_array_equal(found, getattr(np, name)(x.data, y.data))
    for name in "isnan isinf isfinite signbit argmax argmin argsort count_nonzero any all".split():
        found = getattr(mg, name)(x)
        assert not isinstance(found, mg.Tensor)
        np.testing.assert_array_equal(found, getattr(np, name)(x.data))
    np.testing.assert_array_equal(mg.argmax(x, axis=1), x.data.argmax(axis=1))
