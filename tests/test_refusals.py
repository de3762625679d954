"""What NumPy's names cannot do here is refused: an error that says which argument, what was expected and what came."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F

ZERO = np.array(0.0)


def refused(*cases):
    return pytest.mark.parametrize("call, error, words", cases)


def check(call, error, words):
    with pytest.raises(error, match=words):
        call(mg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True))


@refused(
    (lambda x: F.hsplit(ZERO, 1), ValueError, "hsplit: x must have at least 1 axes"),
    (lambda x: F.vsplit(x[0], 1), ValueError, r"vsplit: x must have at least 2 axes, got shape \(3,\)"),
    (lambda x: F.dsplit(x, 1), ValueError, "dsplit: x must have at least 3 axes"),
    (lambda x: F.array_split(x, 0), ValueError, "number of parts must be at least 1, got 0"),
    (lambda x: F.split(x, 0), ValueError, "length 2 cannot be divided into 0"),
    (lambda x: F.split(x, -1), ValueError, "length 2 cannot be divided into -1"),
    (lambda x: F.split(x, 2, axis=1), ValueError, "length 3 cannot be divided into 2"),
    (lambda x: F.split(x, [2, 1], axis=1), ValueError, r"must ascend, got \[2, 1\] for an axis of length 3"),
    (lambda x: F.split(x, [1, -3], axis=1), ValueError, r"must ascend, got \[1, -3\]"),
    (lambda x: F.split(x, 1, axis=2), IndexError, "axis 2"),
    (lambda x: F.insert(x, [[0]], 1.0, 0), IndexError, r"obj must be an integer, a slice, or a list.*\[\[0\]\]"),
    (lambda x: F.insert(x, [0.5], 1.0, 0), IndexError, r"insert: obj must be.*\[0.5\]"),
    (lambda x: F.insert(x, -3, 1.0, 0), IndexError, "insert: place -3 is out of bounds for an axis of length 2"),
    (lambda x: F.insert(x, 4, 1.0, 1), IndexError, "insert: place 4 is out of bounds for an axis of length 3"),
    (lambda x: F.delete(x, "a", 0), IndexError, "delete: obj must be"),
    (lambda x: F.delete(x, 2, 0), IndexError, "delete: place 2 is out of bounds for an axis of length 2"),
    (lambda x: F.delete(x, [0, -3], 0), IndexError, "delete: place"),
    (lambda x: F.delete(x, [True], 1), ValueError, r"delete: a mask must have shape \(3,\), got \(1,\)"),
    (lambda x: F.resize(x, (2, -1)), ValueError, r"resize: no length may be negative, got \(2, -1\)"),
    (lambda x: F.block([[x], []]), ValueError, "none may be empty"),
    (lambda x: F.block([]), ValueError, "none may be empty"),
    (lambda x: F.meshgrid(x[0], x[1], indexing="ji"), ValueError, "indexing must be 'xy' or 'ij', got 'ji'"),
    (lambda x: F.meshgrid(x[0], indexing="XY"), ValueError, "'XY'"),
)
def test_joining(call, error, words):
    check(call, error, words)


@refused(
    (lambda x: F.pad(x, -1, "edge"), ValueError, "must not be negative, got -1"),
    (lambda x: F.pad(x, ((0, 0), (0, -1)), "wrap"), ValueError, "must not be negative"),
    (lambda x: F.pad(x, 1.5), TypeError, "pad_width must be of integers, got 1.5"),
    (lambda x: F.pad(x, "1"), TypeError, "of integers, got '1'"),
    (lambda x: F.pad(x, (1, 2, 3)), ValueError, r"pair for each of the 2 axes of x, got \(1, 2, 3\)"),
    (lambda x: F.pad(x, ((1, 2), (3, 4), (5, 6))), ValueError, "2 axes of x"),
    (lambda x: F.pad(x, ((1, 2, 3), (4, 5, 6))), ValueError, "2 axes of x"),
    (lambda x: F.pad(x, 1, constant_values=(1, 2, 3)), ValueError, "Pad"),
    (lambda x: F.pad(x, 1, "edge", constant_values=2), ValueError, "for mode='constant', got mode='edge'"),
    (lambda x: F.pad(x, 1, "edge", constant_values=0.5), ValueError, "constant_values are for mode='constant'"),
    (lambda x: F.pad(x[:, :0], 1, "reflect"), ValueError, r"'reflect' finds no number along axis 1 of shape"),
    (lambda x: F.pad(x, 1, reflect_type="odd"), NotImplementedError, "'odd'"),
    *((lambda x, mode=mode: F.pad(x, 1, mode), NotImplementedError, f"mode {mode!r} is not done here.*'edge', 'wrap'")
      for mode in ("linear_ramp", "maximum", "mean", "median", "minimum", "empty")),
)
def test_padding(call, error, words):
    check(call, error, words)


@refused(
    (lambda x: F.roll(x, (1, 2), (0, 1, 1)), ValueError, "Roll"),
    (lambda x: F.roll(x, 1, 2), ValueError, "axis 2"),
    (lambda x: F.roll(x, (1, 2), (0, 2)), ValueError, "axis 2"),
    (lambda x: F.roll(x, 1.5, 0), TypeError, "shift must be an integer or a tuple of them, got 1.5"),
    (lambda x: F.roll(x, (1, 0.5), 0), TypeError, "shift must be an integer"),
    (lambda x: F.repeat(x, [1, 2], 1), ValueError, r"one for each of the 3 elements along axis 1, got \[1, 2\]"),
    (lambda x: F.repeat(x, [1, 2]), ValueError, "6 elements along axis 0"),
    (lambda x: F.repeat(x, [[1, 2]], 0), ValueError, "2 elements"),
    (lambda x: F.repeat(x, -1, 1), ValueError, "integer >= 0.*got -1"),
    (lambda x: F.repeat(x, [1, -1], 0), ValueError, "integer >= 0"),
    (lambda x: F.repeat(x, 1.5, 0), ValueError, "integer >= 0.*got 1.5"),
    (lambda x: F.repeat(x, 2, 2), IndexError, "axis 2"),
    (lambda x: F.rollaxis(x, 0, 3), IndexError, r"start must be in \[-2, 2\], got 3"),
    (lambda x: F.rollaxis(x, 0, -3), IndexError, r"start must be in \[-2, 2\], got -3"),
    (lambda x: F.rot90(x, 1, (1, -1)), ValueError, r"two different axes are needed, got \(1, -1\)"),
    (lambda x: F.fliplr(x[0]), ValueError, "fliplr: x must have at least 2 axes"),
    (lambda x: F.flipud(ZERO), ValueError, "flipud: x must have at least 1 axes"),
    (lambda x: F.matrix_transpose(x[0]), ValueError, "matrix_transpose: x must have at least 2 axes"),
    (lambda x: F.triu(x[0]), ValueError, "triu: x must have at least 2 axes"),
    (lambda x: F.diagonal(x[0]), ValueError, "diagonal: x must have at least 2 axes"),
    (lambda x: F.topk(x, -1), ValueError, "no -1 numbers"),
    (lambda x: F.sliding_window_view(x, 2), ValueError, "a length for each of 2 axes, got 2"),
)
def test_turning_and_repeating(call, error, words):
    check(call, error, words)


@refused(
    (lambda x: F.take_along_axis(x, [0, 1], 1), ValueError, r"indices must have the 2 axes of x, got shape \(2,\)"),
    (lambda x: F.take_along_axis(x, [[5]], 1), IndexError, "index 5 is out of bounds for axis 1"),
    (lambda x: F.take_along_axis(x, [[-4]], 1), IndexError, "index -4 is out of bounds for axis 1"),
    (lambda x: F.take_along_axis(x, [[0.0]], 1), IndexError, "integers or booleans, got float64"),
    (lambda x: F.take_along_axis(x, [[True]], 1), IndexError, "integer"),
    (lambda x: F.take_along_axis(x, [[0]], 2), IndexError, "axis 2 is none of the 2 axes"),
    (lambda x: F.take_along_axis(x, [[0]], -3), IndexError, "axis -3 is none of the 2 axes"),
    (lambda x: F.take_along_axis(x, [[0]], None), IndexError, r"axis None .*x.ravel\(\)"),
    (lambda x: F.take_along_axis(x, [[0], [0], [0]], 1), IndexError, "shape mismatch"),
    (lambda x: F.put_along_axis(x, [0], 1.0, 1), ValueError, r"indices must have the 2 axes of x, got shape \(1,\)"),
    (lambda x: F.put_along_axis(x, [[3]], 1.0, 1), IndexError, "index 3 is out of bounds for axis 1"),
    (lambda x: F.put_along_axis(x, [[0.0]], 1.0, 1), IndexError, "integers or booleans, got float64"),
    (lambda x: F.put_along_axis(x, [[0]], 1.0, 2), IndexError, "axis 2"),
    (lambda x: F.put_along_axis(x, [[0, 1], [1, 2]], np.ones(3), 1), ValueError, "IndexUpdate"),
    (lambda x: F.put_along_axis(x, [[0], [0], [0]], 1.0, 1), IndexError, "shape mismatch"),
    (lambda x: F.compress([[True, False]], x, 0), ValueError, r"condition must have one axis, got shape \(1, 2\)"),
    (lambda x: F.select([x.data > 0], [x, x]), ValueError, "got 1 conditions and 2 choices"),
    (lambda x: F.select([], []), ValueError, "got 0 conditions"),
    (lambda x: F.choose([0.0], [x[0]]), TypeError, "choose: x must be integers, got float64"),
    (lambda x: F.choose([0, 1, 2], [x[0], x[1]]), ValueError, r"choose: x must be in \[0, 2\), got 0 to 2"),
    (lambda x: F.choose([0, -1, 0], [x[0], x[1]]), ValueError, "got -1 to 0"),
    (lambda x: F.fill_diagonal(x[0], 1.0), ValueError, "fill_diagonal: x must have at least 2 axes"),
    (lambda x: F.fill_diagonal(x[None], 1.0), ValueError, r"of equal length, got shape \(1, 2, 3\)"),
    (lambda x: F.vander(x), ValueError, r"vector, got shape \(2, 3\)"),
)
def test_picking_and_putting(call, error, words):
    check(call, error, words)


@refused(
    (lambda x: F.einsum("ijk", x), ValueError, "'ijk' in 'ijk' does not fit operand 0, which has 2 axes"),
    (lambda x: F.einsum("ij,i", x, x), ValueError, "'i' in 'ij,i' does not fit operand 1, which has 2 axes"),
    (lambda x: F.einsum("...ijk", x), ValueError, "does not fit operand 0"),
    (lambda x: F.einsum("ij", x, x), ValueError, "names 1 operands, got 2"),
    (lambda x: F.einsum("ij,jk,kl", x, x), ValueError, "names 3 operands, got 2"),
    (lambda x: F.einsum(x, [0, 1], x, [0]), ValueError, "does not fit operand 1"),
    (lambda x: F.tensordot(x, x, ([1], [0])), ValueError, r"axes \[1\] of \(2, 3\) do not match axes \[0\]"),
    (lambda x: F.vecdot(x, x[:, :2]), ValueError, "lengths differ along axis -1: 3 and 2"),
    (lambda x: F.vecdot(x, x[:, :1]), ValueError, "lengths differ"),
    (lambda x: F.matvec(x, ZERO), ValueError, "matvec: a 0-d operand is no vector"),
    (lambda x: F.vecmat(ZERO, x), ValueError, "vecmat: a 0-d operand is no vector"),
    (lambda x: mg.linalg.multi_dot([x]), ValueError, "at least two arrays are needed, got 1"),
    (lambda x: mg.linalg.outer(x, x[0]), ValueError, r"both must be vectors, got shapes \(2, 3\) and \(3,\)"),
    (lambda x: mg.linalg.outer(x[0], x), ValueError, r"got shapes \(3,\) and \(2, 3\)"),
    (lambda x: F.cross(x, x[:, :2]), ValueError, "got 3 and 2"),
    *((lambda x, a=a, v=v: F.convolve(x[a], x[v]), ValueError, "both must be vectors, not empty")
      for a, v in [(..., 0), (0, ...), (np.s_[0, :0], 0), (0, np.s_[0, :0])]),
    (lambda x: F.convolve(x[0], x[0], "all"), ValueError, "'full', 'same' or 'valid', got 'all'"),
    (lambda x: mg.linalg.tensorsolve(x, x[0]), ValueError, "b.shape . x.shape"),
    (lambda x: mg.linalg.tensorsolve(x, x[:, 0]), ValueError, r"got a \(2, 3\), b \(2,\)"),
    (lambda x: mg.linalg.tensorinv(x, 1), ValueError, r"got shape \(2, 3\), ind=1"),
    (lambda x: mg.linalg.tensorinv(F.reshape(x[0, 1], (1, 1)), 0), ValueError, "ind must be positive"),
    (lambda x: mg.linalg.cond(x, 1), NotImplementedError, "p=1"),
    (lambda x: F.matrix_norm(x, ord=3), ValueError, "ord must be 'fro'.*got 3"),
)
def test_products_and_equations(call, error, words):
    check(call, error, words)


@refused(
    (lambda x: F.ldexp(x, 1.0), TypeError, "ldexp: n must be integers, got .*1.0"),
    (lambda x: F.unwrap(x * 1j), TypeError, "real angles, got complex.*mg.angle"),
    (lambda x: F.interp(x, [[0.0]], [[1.0]]), ValueError, r"vectors of one length, not empty, got shapes \(1, 1\)"),
    (lambda x: F.interp(x, [], []), ValueError, "not empty"),
    (lambda x: F.nanmax(x * 1j), TypeError, "nanmax: complex numbers have no largest one"),
    (lambda x: F.nanmin(x * 1j), TypeError, "nanmin: complex"),
    (lambda x: F.nanmax(x[:0]), ValueError, "empty|nothing"),
    (lambda x: F.nanmax(x, where=x.data > 0), ValueError, "initial="),
    (lambda x: F.quantile(x, [0.5, -0.1]), ValueError, r"q must lie in \[0, 1\]"),
    (lambda x: F.percentile(x, 101), ValueError, r"a percentile in \[0, 100\]"),
    (lambda x: F.median(x[:0]), ValueError, "median: there is nothing"),
    (lambda x: F.average(x, 0, np.ones(3)), ValueError, r"that of the axes \(0,\), got \(3,\)"),
)
def test_elementwise_and_statistics(call, error, words):
    check(call, error, words)


X = np.arange(10.0)


@refused(
    (lambda x: F.stft(ZERO, 4), ValueError, r"a signal \(..., L\).*shape \(\)"),
    (lambda x: F.stft(X, 0, 1), ValueError, "n_fft 0"),
    (lambda x: F.stft(X, 4, win_length=0), ValueError, "win_length 0"),
    (lambda x: F.stft(X, 4, win_length=5), ValueError, "win_length 5"),
    (lambda x: F.istft(X[:3] * 1j, 4), ValueError, r"of shape \(..., K, T\), got shape \(3,\)"),
    (lambda x: F.istft(np.zeros((3, 0), complex), 4), ValueError, r"\(..., 3, T\), got \(3, 0\)"),
    (lambda x: F.mel_filter_bank(5, 2, 100, 50.0), ValueError, "got 50.0 and 50.0"),
    (lambda x: F.mel_filter_bank(5, 2, 100, -1.0), ValueError, "got -1.0"),
    (lambda x: F.mel_filter_bank(5, 2, 100, norm="area"), ValueError, "'area'"),
    (lambda x: mg.random.normal(x[0] * 1j), TypeError, "parameters must be real, got complex128"),
    (lambda x: F.norm(x, "fro", axis=0), ValueError, "'fro' over 1 axes"),
    (lambda x: F.interpolate(x[None], 2, mode="nearest", align_corners=True), ValueError, "align_corners is for"),
    (lambda x: F.interpolate(x[None], scale_factor=(1.0, 2.0)), ValueError, "positive number or 1 of them"),
    (lambda x: F.interpolate(x[None], scale_factor=0.0), ValueError, "positive number"),
    (lambda x: F.interpolate(x[None], scale_factor=0.4), ValueError, "nothing is left"),
    (lambda x: F.interpolate(x[None, :0], 2), ValueError, "an empty axis"),
    (lambda x: F.adaptive_avg_pool1d(x[None, :0], 1), ValueError, "an empty axis"),
    (lambda x: F.global_avg_pool(x), ValueError, "3 to 5 axes"),
    (lambda x: F.conv_transpose1d(x[None], np.ones((1, 1, 1, 3))), ValueError, "conv_transpose1d: 3 channels in 1 group"),
    (lambda x: F.conv_transpose1d(x[None], np.ones((1, 1, 3)), np.ones(2)), ValueError, r"shape \(1,\), got \(2,\)"),
    (lambda x: F.conv_transpose1d(x[None], np.ones((1, 1, 3)), padding="causal"), ValueError, "got 'causal'"),
    (lambda x: F.conv_transpose1d(x[None], np.ones((1, 1, 3)), None, 2, "same", 1), ValueError, "without output_padding"),
    (lambda x: F.conv_transpose1d(x[None], np.ones((1, 1, 3)), padding=1), ValueError, "nothing is left"),
    (lambda x: F.conv_transpose1d(x[None], np.ones((1, 1, 3)), output_padding=1), ValueError, "must be less than"),
    (lambda x: mg.fft.irfft(x, 0), ValueError, "the result would have 0 numbers"),
)
def test_signals_and_images(call, error, words):
    check(call, error, words)


@pytest.mark.parametrize("call, shape", [
    (lambda x: F.resize(x, (0, 2)), (0, 2)), (lambda x: F.array_split(x, 1)[0], (2, 3)),
    (lambda x: F.delete(x, [-2], 0), (1, 3)), (lambda x: F.delete(x, [0], 1), (2, 2)),
    (lambda x: F.insert(x, -2, 1.0, 0), (3, 3)), (lambda x: F.insert(x, [True, False], 1.0, 0), (3, 3)),
    (lambda x: F.pad(x, [1]), (4, 5)),
    (lambda x: F.pad(ZERO, 1), ()), (lambda x: F.pad(x, [[1, 2]]), (5, 6)), (lambda x: F.pad(x, [[1], [2]]), (4, 7)),
    (lambda x: F.rollaxis(x, 1, 2), (2, 3)), (lambda x: F.rollaxis(x, 1, -2), (3, 2)),
    (lambda x: F.fill_diagonal(x, 1.0), (2, 3)), (lambda x: F.fill_diagonal(np.zeros((2, 2, 2)), 1.0), (2, 2, 2)),
    (lambda x: F.matvec(x, x[0]), (2,)), (lambda x: mg.linalg.multi_dot([x, x[0]]), (2,)),
    (lambda x: mg.linalg.tensorinv(F.reshape(x[0, 1], (1, 1)), 1), (1, 1)), (lambda x: mg.linalg.cond(x, -2), ()),
    (lambda x: F.quantile(x, [0, 1]), (2,)), (lambda x: F.topk(x, 0)[0], (2, 0)), (lambda x: F.topk(x, 3)[0], (2, 3)),
    (lambda x: F.repeat(x, 0), (0,)), (lambda x: F.repeat(x, [0, 1], 0), (1, 3)),
    (lambda x: F.repeat(x[:, :0], [], 1), (2, 0)),
    (lambda x: F.interpolate(x[None, :1], 2), (1, 2, 3)), (lambda x: F.interpolate(x[None], scale_factor=0.5), (1, 1, 3)),
    (lambda x: F.adaptive_max_pool1d(x[None, :1], 1), (1, 1, 3)),
    (lambda x: F.conv_transpose1d(x[None, :1], np.ones((1, 1, 3))), (1, 1, 1)),
    (lambda x: F.hann_window(1), (1,)), (lambda x: F.stft(X[:1], 1, 1), (1, 1)),
    (lambda x: F.stft(X[:3], 4, 1, pad_mode="replicate"), (3, 4)), (lambda x: F.stft(X[:3], 4, 1), (3, 4)),
    (lambda x: F.stft(X[:4], 4, center=False), (3, 1)), (lambda x: F.mel_filter_bank(5, 2, 100, 0.0), (5, 2)),
    (lambda x: mg.random.normal(0.0, 0.0), ()), (lambda x: mg.random.normal(x, 0.5, size=(2, 3)), (2, 3)),
    (lambda x: mg.random.normal(np.zeros((2, 1)), 0.5, size=(4, 2, 3)), (4, 2, 3)),
    (lambda x: F.gumbel_softmax(x, 0.1), (2, 3)),
    (lambda x: mg.fft.irfft(x, 1), (2, 1)), (lambda x: mg.fft.fft(x, 1), (2, 1)),
])
def test_the_least_and_the_most_that_is_allowed(call, shape):
    assert tuple(call(mg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)).shape) == shape
