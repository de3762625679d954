"""Every function beside PyTorch's of the same name, on random inputs: values and gradients. And no name is left out.

A function of the table is compared here by itself where PyTorch calls it by the same name and takes the same operands;
where it takes other arguments, in the dicts ORACLE, PAIRS or CALLS of the other oracle tests; what PyTorch lacks is listed
below with the reason. A new name has to be put somewhere.
"""

import importlib
from functools import partial
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from derivatives import EPS, as_list, assert_close
from table import TABLE
from test_completeness import public_names
from test_families import given_to

torch = pytest.importorskip("torch")

RENAMED = {  # PyTorch's name, where it has another one
    "concatenate": "cat", "rint": "round", "silu": "nn.functional.silu",
    "hard_silu": "nn.functional.hardswish", "hard_sigmoid": "nn.functional.hardsigmoid",
    "log_sigmoid": "nn.functional.logsigmoid", "gammaln": "special.gammaln", "mod": "remainder",
}
OTHER_ARGUMENTS = {  # where PyTorch's function of the same name takes others, or means something else by them
    "max", "min", "sum", "mean", "prod", "var", "std", "median", "sort", "logsumexp", "cumsum", "cumprod", "repeat", "tile",
    "squeeze", "stack", "split", "transpose", "norm", "softmax", "log_softmax", "flip", "take", "unstack", "einsum", "pad",
    "embedding", "cross_entropy", "layer_norm", "floor_divide", "prelu", "linear", "linear_no_bias",
    "linear_input_gradient", "linear_weight_gradient", "rms_norm", "batch_norm", "group_norm",
    "instance_norm", "imag", "nansum", "nanmean", "nanmedian", "quantile", "nanquantile", "linalg.norm",
    "linalg.vector_norm", "linalg.matrix_norm", "matrix_norm", "heaviside", "cross",
    "vander", "diff", "trapezoid", "gradient", "cov", "corrcoef", "cummax", "cummin", "logcumsumexp",
}


def turned(x, at):
    """Rotary positions, by complex numbers: PyTorch has no function of its own for them."""
    pairs = x.shape[-1] // 2
    angles = at[:, None] * 10000.0 ** -(torch.arange(pairs, dtype=x.dtype) / pairs)
    z = torch.complex(*x.chunk(2, -1)) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([z.real, z.imag], -1)


ORACLE = {  # further entries
    "blockwise_attention": lambda q, k, v: torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1) @ v, "rotary": turned,
    "diag": torch.diag, "diag/above": lambda x: torch.diag(x, 1), "diag/of a matrix": lambda x: torch.diag(x, 1),
    "diagonal": torch.diagonal, "diagonal/axes": lambda x: torch.diagonal(x, 0, 2, 1), "trace": torch.trace,
    "tril": torch.tril, "tril/k": lambda x: torch.tril(x, 1), "triu": torch.triu, "triu/-k": lambda x: torch.triu(x, -1),
    "roll": lambda x: torch.roll(x, 2), "roll/several": lambda x: torch.roll(x, (1, 2), (0, -1)),
    "tile": lambda x: torch.tile(x, (2,)), "tile/more axes": lambda x: torch.tile(x, (2, 1, 3)),
    "take": lambda x, i: torch.take(x, i % x.numel()), "take/axis": lambda x, i: torch.index_select(x, 1, i),
    "topk": lambda x: torch.topk(x, 2)[0], "topk/smallest": lambda x: torch.topk(x, 2, 0, largest=False)[0],
    "median": lambda x: torch.quantile(x, 0.5), "median/axis -2": lambda x: torch.quantile(x, 0.5, dim=-2),
    "vector_norm": torch.linalg.vector_norm, "vector_norm/3": lambda x: torch.linalg.vector_norm(x, 3, dim=1),
    "dot": torch.matmul, "dot/vectors": torch.dot, "inner": torch.inner, "outer": torch.outer, "vdot": torch.vdot,
    "kron": torch.kron, "tensordot": torch.tensordot, "tensordot/pair": lambda x, y: torch.tensordot(x, y, ([1], [1])),
    "tensordot/lists": lambda x, y: torch.tensordot(x, y, ([2, 0], [0, 1])),
    "einsum": lambda x, y: torch.einsum("ij,jk->ik", x, y), "index_add": lambda x, v, i: torch.index_add(x, 0, i, v),
    "cummax": lambda x: torch.cummax(x, 1)[0], "cummin": lambda x: torch.cummin(x, 1)[0],
    "logcumsumexp": lambda x: torch.logcumsumexp(x, -1), "cov": torch.cov, "corrcoef": torch.corrcoef,
    "gradient/axis, order 1": lambda x: torch.gradient(x, dim=1)[0],
    "gradient/axis, order 2": lambda x: torch.gradient(x, dim=1, edge_order=2)[0],
    "nansum/no nan": torch.nansum, "nanmean/no nan": torch.nanmean, "quantile/axis": lambda x: torch.quantile(x, 0.75, 1),
    "nanquantile/axis": lambda x: torch.nanquantile(x, 0.75, 1), "percentile/axis": lambda x: torch.quantile(x, 0.75, 1),
    **{f"linalg.matrix_norm/{ord}": partial(torch.linalg.matrix_norm, ord=ord) for ord in ("fro", "nuc", 1, -1, 2, -2)},
    **{name: lambda *xs, f=name: getattr(torch, f)(xs) for name in "vstack hstack dstack column_stack".split()},
    "concat": lambda x, y: torch.cat([x, y], 1), "append": lambda x, y: torch.cat([x, y]),
    "array_split": lambda x: torch.tensor_split(x, 3, 1), "hsplit": lambda x: torch.hsplit(x, 2),
    "vsplit": lambda x: torch.vsplit(x, 2), "dsplit": lambda x: torch.dsplit(x, 2),
    "broadcast_arrays": torch.broadcast_tensors,
    "meshgrid": lambda *xs: torch.meshgrid(*xs, indexing="xy"),
    "meshgrid/ij": lambda *xs: torch.meshgrid(*xs, indexing="ij"),
    "rot90": torch.rot90, "diagflat": torch.diagflat, "fix": torch.fix,
    "linspace/arrays": lambda x, y: torch.linspace(0, 1, 4, dtype=x.dtype)[:, None] * (y - x)[:, None] + x[:, None],
    "permute_dims": lambda x: torch.permute(x, (2, 0, 1)), "matrix_transpose": lambda x: x.mT,
    "linalg.matrix_transpose": lambda x: x.mT,
    "cross/axis": lambda x, y: torch.linalg.cross(x, y, dim=0),
    "linalg.cross": lambda x, y: torch.linalg.cross(x, y, dim=0),
    "vecdot": torch.linalg.vecdot, "matvec": lambda x, y: (x @ y[:, None])[..., 0], "fabs": torch.abs,
    "linalg.multi_dot": lambda *xs: torch.linalg.multi_dot(xs), "linalg.cond": torch.linalg.cond,
    "linalg.matmul": torch.matmul, "linalg.outer": torch.outer, "linalg.tensordot": torch.tensordot,
    "linalg.diagonal": lambda x: torch.diagonal(x, 1, 1, 2),
    "convolve": lambda x, y: torch.nn.functional.conv1d(x[None], y.flip(0)[None, None], padding=2)[0],
    "correlate/valid": lambda x, y: torch.nn.functional.conv1d(x[None], y[None, None])[0],
    "linalg.tensorsolve": lambda a, b: torch.linalg.tensorsolve(a.reshape(2, 2, 4), b),
    "linalg.tensorinv": lambda a: torch.linalg.tensorinv(a.reshape(2, 2, 4)),
}
WITHOUT = {
    **dict.fromkeys([f"random.{name}" for name in "normal uniform gumbel laplace logistic lognormal exponential".split()],
                    "other random numbers; their distributions are tested with SciPy: test_fourier"),
    "mel_filter_bank": "PyTorch has none",
    **dict.fromkeys("""block choose compress extract select delete insert fill_diagonal resize rollaxis divmod interp unwrap
        modf vecmat linalg.trace polyadd polysub polymul polyder polyint piecewise geomspace logspace
        partition""".split(), "PyTorch has none: NumPy's values are the references"),
    "vander": "PyTorch's backward fails", "heaviside": "PyTorch has no gradient",
    "linalg.lstsq": "PyTorch's has no gradient by rank; pinv is compared",
    "mel_spectrogram": "stft, and a product with the filters",
    "global_avg_pool": "a mean", "global_max_pool": "a maximum",
    "dropout": "its random numbers are other ones", "cbrt": "PyTorch has none; SciPy's value is the table's reference",
    "scatter": "inside of PyTorch's backward", "put_along_axis": "inside of a backward", "max_pool_gather": "inside",
    "max_pool_scatter": "inside", "avg_pool_spread": "inside", "recurrence": "inside of cumprod's backward",
    "to_device": "moves nothing here", "custom_gradient": "the user's own gradient, checked by differences",
    **dict.fromkeys("nanprod nanvar nanstd nanmax nanmin nanmedian average ptp".split(), "PyTorch has none like NumPy's"),
    **dict.fromkeys("diff ediff1d trapezoid nancumsum nancumprod polyval cumulative_sum cumulative_prod".split(),
                    "NumPy's values are the references, and the gradients compositions'"),
    "nanpercentile": "nanquantile, of another unit", "matrix_norm": "linalg.matrix_norm",
    "checkpoint": "equal to the bit without it: test_checkpoint",
    **dict.fromkeys(["grad", "value_and_grad", "vjp", "jvp", "jacobian", "hessian", "hvp"],
                    "transforms: their analytic derivatives are the table's references"),
}
LESS_EXACT = {  # what is wrong in PyTorch: trigamma (π²/6 at 1 shows it), sin(πx)/(πx) near 0, 1/6 rounded to float32
    "digamma": 1e-9, "polygamma": 1e-9, "sinc/near 0": 1e-8, "hard_sigmoid": 1e-7}


def counterpart(name):
    """PyTorch's function of that name, or None."""
    for place in ("", "special.", "nn.functional."):
        try:
            return attrgetter(RENAMED.get(name) or place + name)(torch)
        except AttributeError:
            continue
    return None


def by_name():
    """{entry: PyTorch's function} for the entries that are calls of the public function and of nothing else.

    But for det of singular matrices, of which PyTorch's gradient is 0: test_linalg_oracle expands them for it.
    """
    public = public_names()
    return {entry: counterpart(entry.function) for entry in TABLE
            if entry.call is public.get(entry.function) and entry.function not in OTHER_ARGUMENTS | set(WITHOUT)
            and counterpart(entry.function) is not None and not entry.name.startswith("linalg.det/rank")}


def compared_elsewhere():
    """The functions in the dicts of the other oracle tests."""
    found = set()
    for path in Path(__file__).parent.glob("test_*_oracle.py"):
        if path.name != Path(__file__).name:
            module = importlib.import_module(path.stem)
            for dictionary in ("ORACLE", "PAIRS", "CALLS", "COMPARED"):
                found |= {str(key).partition("/")[0].partition(" ")[0] for key in getattr(module, dictionary, ())}
    return found


COMPARED = by_name() | {entry: ORACLE[entry.name] for entry in TABLE if entry.name in ORACLE}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("entry", COMPARED, ids=repr)
def test_value_and_gradient_agree_with_pytorch(entry, seed):
    arrays = [np.asarray(x) for x in entry.sample(np.random.default_rng(seed))]
    values, dys, slopes = given_to(entry.call, arrays, seed)
    operands = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    outputs = as_list(COMPARED[entry](*operands))
    pairs = [(y, torch.tensor(dy)) for y, dy in zip(outputs, dys) if y.requires_grad]
    expected = torch.autograd.grad([y for y, _ in pairs], [x for x in operands if x.requires_grad], [dy for _, dy in pairs],
                                   allow_unused=True, materialize_grads=True)
    assert_close(values, [y.numpy(force=True) for y in outputs], 64 * EPS)
    assert_close(slopes, [g.numpy() for g in expected], LESS_EXACT.get(entry.name, 64 * EPS))


def test_every_function_is_compared_or_has_a_reason():
    names = {entry.function for entry in TABLE}
    compared = {entry.function for entry in COMPARED} | compared_elsewhere()
    assert set(ORACLE) <= {entry.name for entry in TABLE}
    compared |= {f"linalg.{name}" for name in compared}
    missing = names - compared - set(WITHOUT)
    assert not missing, f"no oracle, and no reason why, for {sorted(missing)}"
    assert set(WITHOUT) <= names
