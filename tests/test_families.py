"""Hypothesis over the families of functions: shapes (0-d, empty, broadcasting), layouts, axes, dtypes.

A function belongs to a family by its entry (`elementwise`, `broadcasts`) or by its arguments: one that takes an `axis` is
drawn with the values of ARGUMENTS for each argument of such a name, and compared with NumPy's function of the same name.
So a new entry is tested here by itself; an argument with no values here, and a name that NumPy lacks, are asked for.
"""

import inspect
import math
import operator

import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import references as R
from derivatives import EPS, NUMERIC, STEP, as_list, assert_close, dot, gradients, summed_to, wrap
from hypothesis import strategies as st
from table import TABLE
from test_completeness import ENTRIES, public_names

LAYOUTS = {
    "C": lambda x: x, "Fortran": lambda x: x.copy(order="F"), "backwards": lambda x: np.flip(np.flip(x).copy()),
    "spread": lambda x: np.stack([x, 99 + x], -1)[..., 0],
}
DTYPES = [np.float16, np.float32, np.float64]

layouts, dtypes = st.sampled_from(sorted(LAYOUTS)), st.sampled_from(DTYPES)
seeds = st.integers(0, 2 ** 16)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3).filter(lambda s: math.prod(s) <= 36)


def examples(count):
    return hypothesis.settings(deadline=None, max_examples=count, derandomize=True,
                               suppress_health_check=[hypothesis.HealthCheck.differing_executors])


def signed(shape, rng, low=0.75, high=1.25):
    """Numbers of both signs, no two of one size: far from ties and from 0, and products of them stay tame."""
    count = math.prod(shape)
    sizes = low + (high - low) * (rng.permutation(count) + 0.5) / max(count, 1)
    return (sizes * rng.choice([-1, 1], count)).reshape(shape)


def given_to(call, arrays, seed):
    """(outputs, their cotangents, gradients) of call(*Tensors), the cotangents drawn; outputs and gradients as arrays."""
    tensors = [wrap(x) for x in arrays]
    outputs = as_list(call(*tensors))
    rng = np.random.default_rng(seed)
    dys = [np.asarray(rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape), y.dtype) for y in outputs]
    return [y.data for y in outputs], dys, [g.data for g in gradients(outputs, tensors, map(wrap, dys))]


def check_gradient(call, arrays, seed):
    """In float64: linear in dy, and the slope of dy·f in a random direction v is that of central differences."""
    _, dys, found = given_to(call, arrays, seed)
    others, _, more = given_to(call, arrays, seed + 1)
    real = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
    tensors = [wrap(x) for x in arrays]
    outputs = as_list(call(*tensors))
    mixed = [2 * a - 3 * b for a, b in zip(dys, given_to(call, arrays, seed + 1)[1])]
    together = gradients(outputs, tensors, map(wrap, mixed))
    assert_close([g.data for g in together], [2 * a - 3 * b for a, b in zip(found, more)], 64 * EPS)
    rng = np.random.default_rng(seed + 2)
    along = {i: rng.uniform(-1, 1, arrays[i].shape) for i in real}
    ends = [[y.data for y in as_list(call(*[wrap(x + h * along[i] if i in along else x) for i, x in enumerate(arrays)]))]
            for h in (STEP, -STEP)]
    numeric = (dot(ends[0], dys) - dot(ends[1], dys)) / (2 * STEP)
    size = sum(float(np.abs(g).sum()) for g in found) + sum(float(np.abs(y * dy).sum()) for y, dy in zip(others, dys))
    assert abs(dot(found, [along[i] for i in real]) - numeric) <= NUMERIC * max(1, size)


def check_dtype(call, arrays, dtype, layout, seed, tolerance):
    """In the dtype and layout, what the same (rounded) numbers give in float64, to within rounding; dtypes are kept."""
    kind = [np.asarray(x, dtype) if x.dtype.kind == "f" else x for x in arrays]
    y, dys, found = given_to(call, [LAYOUTS[layout](x) for x in kind], seed)
    double = [x.astype(float) if x.dtype.kind == "f" else x for x in kind]
    tensors = [wrap(x) for x in double]
    outputs = as_list(call(*tensors))
    expected = gradients(outputs, tensors, [wrap(dy.astype(float)) for dy in dys])
    assert {a.dtype for a in y + found} <= {np.dtype(dtype)}
    assert_close(y, [e.data for e in outputs], tolerance * np.finfo(dtype).eps)
    assert_close(found, [e.data for e in expected], tolerance * np.finfo(dtype).eps)


# ---- number by number

@pytest.mark.parametrize("entry", [e for e in TABLE if e.elementwise], ids=repr)
@hypothesis.given(shape=shapes, layout=layouts, dtype=dtypes, seed=seeds)
@examples(15)
def test_elementwise(entry, shape, layout, dtype, seed):
    """The entry's own inputs, drawn again in any shape."""
    count = entry.inputs()[0].size
    chosen = np.random.default_rng(seed).integers(0, count, shape)
    arrays = [np.asarray(x.ravel()[chosen]) for x in entry.inputs()]
    values, _, found = given_to(entry.call, arrays, seed)
    assert_close(values, as_list(entry.reference(*arrays)), 64 * EPS)
    assert [g.shape for g in found] == [shape for x in arrays if x.dtype.kind == "f"]
    check_gradient(entry.call, arrays, seed)
    check_dtype(entry.call, arrays, dtype, layout, seed, 64)


# ---- two operands that broadcast

@pytest.mark.parametrize("entry", [e for e in TABLE if e.broadcasts], ids=repr)
@hypothesis.given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=4), seed=seeds,
                  kinds=st.tuples(dtypes, dtypes), layout=layouts)
@examples(25)
def test_broadcasting(entry, shapes, seed, kinds, layout):
    """Gradients are those of operands repeated beforehand, summed over the repeats, each of its operand's dtype."""
    rng = np.random.default_rng(seed)
    x, y = (rng.choice(pool.ravel(), s) for pool, s in zip(entry.inputs(), shapes.input_shapes))
    (z,), (dz,), found = given_to(entry.call, [x, y], seed)
    np.testing.assert_allclose(z, entry.reference(x, y), rtol=64 * EPS)
    assert (z.shape, *[g.shape for g in found]) == (shapes.result_shape, x.shape, y.shape)
    _, _, full = given_to(entry.call, [np.broadcast_to(a, z.shape).copy() for a in (x, y)], seed)
    assert_close(found, [summed_to(full[0], x.shape), summed_to(full[1], y.shape)], 64 * EPS)
    check_gradient(entry.call, [x, y], seed)
    (z,), _, found = given_to(entry.call, [LAYOUTS[layout](a.astype(k)) for a, k in zip((x, y), kinds)], seed)
    assert [z.dtype, *[g.dtype for g in found]] == [np.result_type(*kinds), *kinds]


# ---- along axes

def axis_of(x, default):
    one = [st.integers(-x.ndim, x.ndim - 1)] if x.ndim else []
    several = [st.lists(st.integers(0, x.ndim - 1), unique=True, max_size=x.ndim).map(tuple)] if x.ndim > 1 else []
    return st.one_of(st.just(default), st.none(), *one, *several)


def index_of(x, axis):
    """How many there are along the axis, at least 1 (NumPy refuses indices into nothing)."""
    return max(1, x.size if axis is None else x.shape[axis] if isinstance(axis, int) and x.ndim else 1)


ARGUMENTS = {  # name: (x, axis, default) -> what it may be
    "keepdims": lambda x, axis, default: st.booleans(),
    "ddof": lambda x, axis, default: st.sampled_from([0, 1]),
    "correction": lambda x, axis, default: st.sampled_from([0, 1]),
    "descending": lambda x, axis, default: st.booleans(),
    "shift": lambda x, axis, default: st.integers(-4, 4),
    "repeats": lambda x, axis, default: st.integers(0, 3),
    "indices": lambda x, axis, default: hnp.arrays(int, hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
                                                   elements=st.integers(-index_of(x, axis), index_of(x, axis) - 1)),
    "indices_or_sections": lambda x, axis, default: st.integers(1, 3) | st.just([1, 2]),
    "where": lambda x, axis, default: st.just(default) | hnp.arrays(bool, x.shape) | hnp.arrays(bool, x.shape[-1:]),
    "initial": lambda x, axis, default: st.sampled_from([0.5, 2]),
    "q": lambda x, axis, default: st.floats(0, 1, width=16) | hnp.arrays(float, hnp.array_shapes(max_dims=2, max_side=3),
                                                                         elements=st.floats(0, 1, width=16)),
    "obj": lambda x, axis, default: st.integers(-index_of(x, axis), index_of(x, axis) - 1) | st.just([0]) | st.just([]),
    "values": lambda x, axis, default: st.just(1.5),
    "start": lambda x, axis, default: st.integers(-x.ndim, x.ndim),
    "discont": lambda x, axis, default: st.just(default) | st.just(4.0),
}


def sort(x, axis=-1, descending=False):
    return -np.sort(-x, axis) if descending else np.sort(x, axis)


def glu(x, axis=-1):
    a, b = np.split(x, 2, axis)
    return a / (1 + np.exp(-b))


def no_axes(quantile):
    """NumPy's quantiles, but over no axes too, where each number is its own; and of nothing, where NumPy's nanquantiles
    forget the axes of q."""
    def reference(x, *q, axis=None, **options):
        q = (options.pop("q"),) if "q" in options else q
        if axis == ():
            return quantile(x[None], *q, axis=0) if x.size or not q else np.zeros(np.shape(q[0]) + x.shape)
        y = quantile(x, *q, axis=axis, **options)
        forgets = not x.size and quantile in (np.nanquantile, np.nanpercentile)
        return np.broadcast_to(y, np.shape(q[0]) + y.shape) if forgets else y
    return reference


def accumulated(scan, x, axis=None):
    if x.ndim == 0 or (axis is None and x.ndim > 1):
        raise ValueError("no axis, or several")
    return scan(x, axis)


REFERENCES = {  # where NumPy has none of the name, or means something else by it
    "softmax": R.softmax, "log_softmax": lambda x, axis=-1: np.log(R.softmax(x, axis)), "sort": sort, "glu": glu,
    "logsumexp": lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis, keepdims=keepdims)),
    "vector_norm": np.linalg.vector_norm, "norm": np.linalg.vector_norm,  # of any axes
    "linalg.norm": np.linalg.vector_norm,
    "average": lambda x, axis=None, keepdims=False: np.mean(x, axis, keepdims=keepdims),
    **{name: no_axes(getattr(np, name)) for name in
       "median nanmedian quantile nanquantile percentile nanpercentile".split()},
    **{name: lambda x, f=f, **options: accumulated(f, x, **options)
       for name, f in {"cumulative_sum": np.cumsum, "cumulative_prod": np.cumprod}.items()},  # NumPy 2.0 lacks them
    "logcumsumexp": lambda x, axis=-1: np.logaddexp.accumulate(x, operator.index(axis)),
    "unstack": lambda x, axis=0: [np.take(x, i, axis) for i in range(x.shape[axis])],
}
DRAWN_ELSEWHERE = {
    **dict.fromkeys(["linspace", "logspace", "geomspace"], "their axis is a new one, of two ends: the table has it"),
    "partition": "a sort: NumPy leaves open what it gives",
    **dict.fromkeys(["layer_norm", "rms_norm", "batch_norm", "group_norm", "instance_norm"], "test_neural_oracle"),
    "gumbel_softmax": "random: test_fourier", "sliding_window_view": "test_convolution draws its windows",
    **dict.fromkeys([name for name in public_names() if name.startswith("fft.")], "complex results: test_fourier_oracle"),
    **dict.fromkeys(["put_along_axis", "compress", "cross", "vecdot", "linalg.cross", "linalg.vecdot"],
                    "other operands: the table has them"),
    "take_along_axis": "its indices have the shape of x: the table has them", "topk": "sort, and the first k",
    "cummax": "gives places, too: the table has it", "cummin": "the same", "gradient": "takes steps: the table has them",
}


def with_an_axis():
    """The functions of one array (or a list of arrays) and an axis: {name: function}."""
    found = {}
    for name, f in public_names().items():
        if name in ENTRIES and "axis" in inspect.signature(f).parameters:
            found[name] = f
    return {name: f for name, f in found.items() if name not in DRAWN_ELSEWHERE}


def reference_of(name):
    module, _, last = name.rpartition(".")
    return REFERENCES.get(name) or getattr(getattr(np, module) if module else np, last, None)


def test_the_families_know_every_function_with_an_axis():
    unknown = {}
    for name, f in with_an_axis().items():
        required = [p.name for p in list(inspect.signature(f).parameters.values())[1:] if p.default is p.empty]
        lacking = [p for p in required if p not in (*ARGUMENTS, "axis")]
        if lacking or reference_of(name) is None:
            unknown[name] = lacking or "no reference"
    assert not unknown, "ARGUMENTS needs values, REFERENCES a function, or DRAWN_ELSEWHERE a reason"
    assert set(DRAWN_ELSEWHERE) <= set(public_names())


@st.composite
def calls(draw, f):
    """(arrays, keywords) for a function with an axis."""
    first, *others = inspect.signature(f).parameters.values()
    shape, rng = draw(shapes), np.random.default_rng(draw(seeds))
    x = signed((2, *shape) if first.name == "arrays" else shape, rng)
    arrays = list(x) if first.name == "arrays" else [x]
    x = np.asarray(arrays[0])
    default = inspect.signature(f).parameters["axis"].default
    required = default is inspect.Parameter.empty
    keywords = {"axis": draw(axis_of(x, 0 if required else default))}
    for p in others:
        if p.name in ARGUMENTS and (p.default is p.empty or draw(st.booleans())):
            keywords[p.name] = draw(ARGUMENTS[p.name](x, keywords["axis"], p.default))
    return [np.asarray(a) for a in arrays], keywords


REFUSALS = (TypeError, ValueError, IndexError)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of means and variances of nothing
@pytest.mark.parametrize("name", with_an_axis())
@hypothesis.given(data=st.data(), dtype=dtypes, layout=layouts, seed=seeds)
@examples(60)
def test_along_axes(name, data, dtype, layout, seed):
    """Values are NumPy's; what NumPy refuses is refused; gradients as in check_gradient; dtypes are kept."""
    f, reference = with_an_axis()[name], reference_of(name)
    arrays, keywords = data.draw(calls(f), label="call")
    joined = next(iter(inspect.signature(f).parameters)) == "arrays"

    def call(*tensors):
        return f(list(tensors), **keywords) if joined else f(*tensors, **keywords)
    with np.errstate(all="ignore"):
        try:
            expected = as_list(reference(arrays if joined else arrays[0], **keywords))
        except REFUSALS:
            with pytest.raises(REFUSALS):
                call(*map(wrap, arrays))
            return
    if not all(np.isfinite(e).all() for e in expected):
        return
    assert_close([y.data for y in as_list(call(*map(wrap, arrays)))], expected, 64 * EPS)
    if name == "std" and any((np.asarray(e) < 1e-3).any() for e in expected):
        return  # the root of a variance of 0
    check_gradient(call, arrays, seed)
    check_dtype(call, arrays, dtype, layout, seed, 256)
