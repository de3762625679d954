"""Convolution, pooling, interpolation, sliding windows: any geometry against loops; ties, nans, Keras's sizes, refusals."""

import itertools
import math
from unittest import mock

import numpy as np
import pytest
import references as R
from derivatives import EPS, assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from table_convolution import Sliding, average

import minigrad as mg
import minigrad.functions as F
from minigrad.functions import windows


@st.composite
def convolutions(draw, least_images=0):
    """A kernel on data of one to three spatial axes, with every argument of a convolution."""
    axes = draw(st.integers(1, 3))

    def each(least, most):
        return draw(st.tuples(*[st.integers(least, most)] * axes))

    kernel, stride, dilation = each(1, 2 if axes == 3 else 3), each(1, 3), each(1, 3)
    pads = tuple(zip(each(0, 2), each(0, 2)))
    size = tuple(max(1, (k - 1) * d + 1 - sum(p)) + more for k, d, p, more in zip(kernel, dilation, pads, each(0, 3)))
    groups = draw(st.integers(1, 3))
    channels = tuple(groups * draw(st.integers(1, 2)) for _ in range(2))
    return Drawn(size, kernel, channels, stride, pads, pads, dilation, groups, draw(st.integers(least_images, 2)))


@st.composite
def poolings(draw):
    """A window on data of one to three spatial axes, with PyTorch's padding of half of a window at most."""
    axes = draw(st.integers(1, 3))

    def each(least, most):
        return draw(st.tuples(*[st.integers(least, most)] * axes))

    kernel, dilation = each(1, 2 if axes == 3 else 3), each(1, 2)
    padding = tuple(min(k // 2, p) for k, p in zip(kernel, each(0, 1)))
    size = tuple((k - 1) * d + 1 + more for k, d, more in zip(kernel, dilation, each(0, 4)))
    return Drawn(size, kernel, (2, 2), each(1, 3), padding, tuple((p, p) for p in padding), dilation, images=1)


class Drawn(Sliding):
    @property
    def left_over(self):
        """How many places at the end are read by no window: the output_padding of the transposed convolution."""
        return tuple((n + sum(p) - (k - 1) * d - 1) % s for n, p, k, d, s in zip(
            self.size, self.uneven, self.kernel, self.dilation, self.stride))


def value_and_gradients(f, dy, *arrays):
    """f's value, and the gradient of each of the arrays, for the cotangent dy."""
    tensors = [mg.Tensor(x, requires_grad=True) for x in arrays]
    y = f(*tensors)
    return [y.data, *(g.data for g in mg.autograd.grad([y], tensors, [mg.Tensor(dy)]))]


@settings(deadline=None)
@given(convolutions(), st.integers(6, 16).map(lambda n: 2 ** n), st.integers(1, 3), st.integers(0, 2 ** 32))
def test_any_convolution_is_its_loops(s, bytes_at_a_time, threads, seed):
    """Also if it is done in pieces, bands of the windows of one image, by several threads."""
    rng = np.random.default_rng(seed)
    x, w, b, y, c = (rng.standard_normal(shape) for shape in (s.x, s.w, s.channels[1:], s.y, s.channels[:1]))
    everything_but_channels = tuple(range(s.axes + 1))
    forward = R.convolution(x, w, **s.plain)
    by_input = R.convolution_by_input(y, w, size=s.size, **s.plain)
    by_weight = R.convolution_by_weight(x, y, kernel=s.w, **s.plain)
    conv, transposed = s.function("conv"), s.function("conv_transpose")
    with mock.patch.multiple(windows, PIECE=bytes_at_a_time, SHARED=0, workers=lambda: threads):
        assert_close(value_and_gradients(lambda *a: conv(*a, **s.options), y, x, w, b),
                     [forward + b, by_input, by_weight, y.sum(everything_but_channels)], 64 * EPS)
        assert_close(value_and_gradients(lambda *a: transposed(*a, **s.options, output_padding=s.left_over), x, y, w, c),
                     [by_input + c, forward, by_weight, x.sum(everything_but_channels)], 64 * EPS)


@pytest.mark.parametrize("groups", [1, 3])
def test_an_image_in_bands_of_any_height_is_the_whole_image(groups):
    rng = np.random.default_rng(5)
    x, w, dy = (rng.standard_normal(s) for s in ((2, 14, 3, 3), (3, 2, 3 // groups, 3), (2, 7, 4, 3)))

    def conv(x, w):
        return F.conv2d(x, w, stride=(2, 1), padding=1, groups=groups)

    expected, heights = value_and_gradients(conv, dy, x, w), set()
    for bytes_at_a_time in range(100, 6000, 100):
        with mock.patch.object(windows, "PIECE", bytes_at_a_time), mock.patch.object(
                windows, "_band", side_effect=windows._band) as band:
            assert_close(value_and_gradients(conv, dy, x, w), expected, 64 * EPS)
        heights |= {stop - start for _, start, stop in (call.args for call in band.call_args_list)}
    assert heights >= {1, 2, 3, 4}  # of 7 rows of windows


@settings(deadline=None)
@given(poolings(), st.integers(0, 2 ** 32))
def test_any_pooling_is_its_loops(s, seed):
    rng = np.random.default_rng(seed)
    x, dy = rng.permutation(math.prod(s.x)).reshape(s.x) * 1.0, rng.standard_normal(s.y)
    dx = np.zeros_like(x)
    for o, places in R.pool_windows(s.size, **s.pool):
        for c in range(2):
            dx[(0, *max(places, key=lambda place, c=c: x[(0, *place, c)]), c)] += dy[(0, *o, c)]
    pool = s.function("max_pool")
    assert_close(value_and_gradients(lambda x: pool(x, s.kernel, s.stride, s.padding, dilation=s.dilation), dy, x),
                 [R.pool(x, **s.pool), dx], 64 * EPS)
    plain = {**s.pool, "dilation": (1,) * s.axes}
    pool = s.function("avg_pool")
    for counted, how in {True: dict(divisor=math.prod(s.kernel)), False: dict(reduce=average)}.items():
        found = pool(mg.Tensor(x), s.kernel, s.stride, s.padding, count_include_pad=counted).data
        assert_close([found], [R.pool(x, **plain, **how)], 64 * EPS)


# ---- conventions

@pytest.mark.parametrize("row, value, slopes", [
    ([1, np.nan, 3, np.nan], np.nan, [0, 1, 0, 0]), ([np.nan, 9, np.inf, 1], np.nan, [1, 0, 0, 0]),
    ([np.inf, 1, 2, np.nan], np.nan, [0, 0, 0, 1]), ([2, 5, 5, 1], 5, [0, 1, 0, 0]), ([-np.inf] * 4, -np.inf, [1, 0, 0, 0]),
    ([-0.0, 0.0, -0.0, 0.0], 0, [1, 0, 0, 0])])
def test_nan_is_the_largest_of_a_window_and_the_first_of_equals_wins(row, value, slopes):
    x = np.reshape(row, (1, 2, 2, 1)).astype(float)
    for pool in (lambda x: F.max_pool2d(x, 2), lambda x: F.adaptive_max_pool2d(x, 1),
                 lambda x: F.global_max_pool(x, keepdims=True)):
        y, dx = value_and_gradients(pool, np.full((1, 1, 1, 1), 3.0), x)
        np.testing.assert_array_equal(y.ravel(), [value])
        np.testing.assert_array_equal(dx.ravel(), 3.0 * np.array(slopes))


def test_nan_stays_in_its_window():
    x = np.arange(8.0).reshape(1, 8, 1)
    x[0, 2] = np.nan
    y, dx = value_and_gradients(lambda x: F.max_pool1d(x, 2), np.full((1, 4, 1), 2.0), x)
    np.testing.assert_array_equal(y.ravel(), [1, np.nan, 5, 7])
    np.testing.assert_array_equal(dx.ravel(), [0, 2, 2, 0, 0, 2, 0, 2])


@pytest.mark.parametrize("n, size, stride, padding, starts", [
    (5, 2, 2, 0, [0, 2, 4]), (4, 1, 2, 0, [0, 2]), (3, 2, 2, 1, [-1, 1]), (4, 2, 2, 1, [-1, 1, 3]), (6, 2, 3, 0, [0, 3])])
def test_in_ceil_mode_a_last_window_begins_before_the_end(n, size, stride, padding, starts):
    x = mg.Tensor(np.arange(1.0, n + 1).reshape(1, n, 1))
    places = [[i for i in range(start, start + size) if 0 <= i < n] for start in starts]
    y = F.max_pool1d(x, size, stride, padding, ceil_mode=True).data.ravel()
    np.testing.assert_array_equal(y, [max(inside) + 1 for inside in places])
    for counted in (False, True):  # the padding that was asked for may count, what ceil_mode adds does not
        y = F.avg_pool1d(x, size, stride, padding, counted, ceil_mode=True).data.ravel()
        ends = (-padding, n + padding) if counted else (0, n)
        counts = [sum(ends[0] <= i < ends[1] for i in range(start, start + size)) for start in starts]
        means = [sum(i + 1 for i in inside) / count for inside, count in zip(places, counts)]
        np.testing.assert_allclose(y, means, rtol=EPS)


def test_a_window_may_have_more_taps_than_a_byte_can_number():
    y, dx = value_and_gradients(lambda x: F.max_pool1d(x, 300), np.full((1, 1, 1), 2.0), np.arange(300.0).reshape(1, 300, 1))
    assert y.item() == 299 and dx.ravel().nonzero()[0].tolist() == [299]


def test_integers_can_be_pooled():
    x = mg.Tensor(np.array([3, 1, 2, 7]).reshape(1, 4, 1))
    assert F.max_pool1d(x, 2).data.ravel().tolist() == [3, 7]


def test_a_causal_convolution_does_not_see_the_future():
    x, w = np.random.default_rng(0).standard_normal((1, 7, 2)), np.random.default_rng(1).standard_normal((3, 2, 2))
    y = F.conv1d(x, w, padding="causal", dilation=2).data
    changed = x.copy()
    changed[:, 4] += 1
    difference = np.abs(F.conv1d(changed, w, padding="causal", dilation=2).data - y).max((0, 2))
    assert y.shape == (1, 7, 2) and (difference[:4] == 0).all() and (difference[[4, 6]] > 0).all()


@pytest.mark.parametrize("kernel, stride, dilation", [
    (1, 1, 1), (3, 1, 1), (2, 2, 1), (3, 2, 1), (2, 3, 1), (5, 3, 1), (3, 1, 2)])
def test_transposed_sizes_are_kerass(kernel, stride, dilation):
    """Keras 3's compute_conv_transpose_output_shape, without an output_padding."""
    x, w = np.zeros((1, 4, 2)), np.zeros((kernel, 3, 2))
    span = (kernel - 1) * dilation + 1
    sizes = [F.conv_transpose1d(x, w, stride=stride, padding=p, dilation=dilation).shape for p in ("valid", "same")]
    assert sizes == [(1, 4 * stride + max(span - stride, 0), 3), (1, 4 * stride, 3)]


def test_transposed_same_is_the_gradient_of_same():
    """Of a convolution with padding "same" on an image `stride` times as large, which is what Keras's layer computes."""
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((2, 3, 4, 2)), rng.standard_normal((3, 4, 5, 2))
    image = mg.Tensor(np.zeros((2, 6, 12, 5)), requires_grad=True)
    y = F.conv2d(image, w, stride=(2, 3), padding="same")
    expected = mg.autograd.grad(y, image, mg.Tensor(x))
    assert_close([F.conv_transpose2d(x, w, stride=(2, 3), padding="same").data], [expected.data], EPS)


def test_nearest_copies_infinities_and_nothing_else():
    x = np.array([1, np.inf, -np.inf, np.nan, 2]).reshape(1, 5, 1)
    for size, expected in {10: [0, 0, 1, 1, 2, 2, 3, 3, 4, 4], 7: [0, 0, 1, 2, 2, 3, 4], 2: [0, 2]}.items():
        np.testing.assert_array_equal(F.interpolate(x, size).data, x[:, expected])


def test_nearest_reads_the_place_that_the_scale_says():
    x = np.arange(3.0).reshape(1, 3, 1)
    assert F.interpolate(x, scale_factor=2.1).data.ravel().tolist() == [0, 0, 0, 1, 1, 2]  # six, but not each twice
    for n, m in itertools.product(range(1, 60), range(1, 60)):  # i n / m, where i / (m / n) would be rounded down
        y = F.interpolate(np.arange(n).reshape(1, n, 1), m).data.ravel()
        np.testing.assert_array_equal(y, [i * n // m for i in range(m)])


def test_interpolation_to_the_same_size_is_the_identity():
    x = np.random.default_rng(0).standard_normal((1, 4, 5, 2))
    for mode in ("nearest", "bilinear", "bicubic"):
        np.testing.assert_array_equal(F.interpolate(x, (4, 5), mode=mode).data, x)


def test_numpys_sliding_window_view_keeps_the_gradient():
    x = mg.Tensor(np.arange(5.0), requires_grad=True)
    y = np.lib.stride_tricks.sliding_window_view(x, 3)
    assert np.shares_memory(y.data, x.data) and y.shape == (3, 3)
    dy = np.arange(9.0).reshape(3, 3)
    assert mg.autograd.grad(y, x, mg.Tensor(dy)).tolist() == [0, 1 + 3, 2 + 4 + 6, 5 + 7, 8]


def test_a_depthwise_convolution_is_a_convolution_with_groups():
    """The same kernels as one channel to a group, and as a dense kernel that is zero between the groups."""
    rng = np.random.default_rng(3)
    x, w, dy = rng.standard_normal((2, 5, 4, 3)), rng.standard_normal((3, 2, 1, 6)), rng.standard_normal((2, 3, 3, 6))
    dense = np.zeros((3, 2, 3, 6))
    for o in range(6):
        dense[:, :, o // 2, o] = w[:, :, 0, o]
    y, dx, dw = value_and_gradients(lambda x, w: F.conv2d(x, w, groups=3), dy, x, w)
    y2, dx2, dw2 = value_and_gradients(F.conv2d, dy, x, dense)
    assert_close([y, dx, dw[..., 0, :]], [y2, dx2, np.stack([dw2[:, :, o // 2, o] for o in range(6)], -1)], 64 * EPS)


# ---- what does not fit is refused, by name

LINE, IMAGE, VOLUME = np.ones((1, 4, 2)), np.ones((1, 4, 4, 2)), np.ones((1, 4, 4, 4, 2))


@pytest.mark.parametrize("call, words", [
    (lambda: F.conv1d(IMAGE, np.ones((2, 2, 2))), r"3 axes, \(N, W, C\) or \(N, C, W\), got shape \(1, 4, 4, 2\)"),
    (lambda: F.conv3d(IMAGE, np.ones((1, 2, 2, 2, 2))), r"5 axes, \(N, D, H, W, C\)"),
    (lambda: F.conv1d(LINE, np.ones((2, 2, 2)), data_format="NHWC"), "'NWC'.*'NCW'.*got 'NHWC'"),
    (lambda: F.conv1d(LINE, np.ones((2, 3, 2))), r"conv1d: 2 channels in 1 group.*\(k, 2, O\).*got \(2, 3, 2\)"),
    (lambda: F.conv3d(VOLUME, np.ones((2, 2, 2, 1, 3)), groups=2), r"conv3d: .*\(k, k, k, 1, O\) with O divisible by 2"),
    (lambda: F.conv2d(IMAGE, np.ones((2, 2, 2, 2)), np.ones(3)), r"conv2d: the bias must have shape \(2,\), got \(3,\)"),
    (lambda: F.conv2d(IMAGE, np.ones((2, 2, 2, 2)), groups=0), "groups must be an integer >= 1.*got 0"),
    (lambda: F.conv2d(IMAGE, np.ones((2, 2, 2, 2)), stride=1.5), "stride must be an integer >= 1 or a pair.*got 1.5"),
    (lambda: F.conv3d(VOLUME, np.ones((1, 1, 1, 2, 2)), dilation=(1, 2)), "dilation.*3 of them, got"),
    (lambda: F.conv1d(LINE, np.ones((5, 2, 2))), "window of 5 does not fit into an input of 4"),
    (lambda: F.conv2d(IMAGE, np.ones((2, 2, 2, 2)), padding="causal"), "'valid', 'same' or numbers, got 'causal'"),
    (lambda: F.conv1d(LINE, np.ones((2, 2, 2)), padding="smae"), "'valid', 'same', 'causal' or numbers, got 'smae'"),
    (lambda: F.conv1d(LINE, np.ones((2, 2, 2)), padding=(1, 1)), r"padding must be an integer >= 0.*got \(1, 1\)"),
    (lambda: F.conv2d(IMAGE, np.ones((2, 2, 2, 2)), padding=((1, 1),)), "a pair .* for each of 2 spatial axes"),
    (lambda: F.conv2d(IMAGE, np.ones((2, 2, 2, 2)), padding=((1, -1), (0, 0))), r"padding.*>= 0.*got \(1, -1\)"),
    (lambda: F.conv2d(IMAGE, np.ones((2, 2, 2, 2)), padding=None), "padding must be .*got None"),
    (lambda: F.conv_transpose2d(IMAGE, np.ones((2, 2, 2, 3))), r"conv_transpose2d: 2 channels.*\(k, k, O / 1, 2\)"),
    (lambda: F.conv_transpose2d(IMAGE, np.ones((2, 2, 1, 2)), groups=3), "3 dividing the channels"),
    (lambda: F.conv_transpose1d(LINE, np.ones((2, 3, 2)), np.ones(2)), r"bias must have shape \(3,\), got \(2,\)"),
    (lambda: F.conv_transpose1d(LINE, np.ones((2, 3, 2)), stride=2, output_padding=2), "less than the stride"),
    (lambda: F.conv_transpose1d(LINE, np.ones((2, 3, 2)), stride=2, output_padding=1, padding="same"),
     "without output_padding"),
    (lambda: F.conv_transpose1d(LINE, np.ones((2, 3, 2)), padding="causal"), "'valid' or 'same'.*got 'causal'"),
    (lambda: F.conv_transpose1d(LINE, np.ones((1, 3, 2)), padding=2), "nothing is left"),
    (lambda: F.max_pool3d(IMAGE, 2), "5 axes"), (lambda: F.max_pool1d(LINE, 0), "size must be an integer >= 1.*got 0"),
    (lambda: F.max_pool1d(LINE, 2, padding=2), "along axis 0, a window would read nothing but padding"),
    (lambda: F.max_pool1d(np.ones((1, 2, 1)), 2, 1, 1, dilation=3), "along axis 0, a window would read nothing"),
    (lambda: F.avg_pool2d(IMAGE, 2, padding=(0, 2)), "along axis 1, a window would read nothing but padding"),
    (lambda: F.adaptive_avg_pool2d(IMAGE, (2, 0)), r"size.*got \[2, 0\]"),
    (lambda: F.adaptive_max_pool2d(IMAGE, (2, 2, 2)), r"size.*got \(2, 2, 2\)"),
    (lambda: F.adaptive_max_pool1d(np.ones((1, 0, 1)), 1), "an empty axis has nothing to pool"),
    (lambda: F.global_avg_pool(np.ones((1, 2))), r"3 to 5 axes.*got shape \(1, 2\)"),
    (lambda: F.global_max_pool(IMAGE, "NCW"), "data_format"),
    (lambda: F.interpolate(np.ones((2, 2)), 2), r"3 to 5 axes.*got shape \(2, 2\)"),
    (lambda: F.interpolate(LINE), "either size or scale_factor, got None and None"),
    (lambda: F.interpolate(LINE, 2, 2), "either size or scale_factor"),
    (lambda: F.interpolate(LINE, 2, mode="bilinear"), "'nearest', 'linear' for 1 spatial axes, got 'bilinear'"),
    (lambda: F.interpolate(IMAGE, 2, mode="cubic"), "'linear', 'bilinear', 'bicubic' for 2 spatial axes, got 'cubic'"),
    (lambda: F.interpolate(LINE, 2, align_corners=True), "align_corners is for the linear and cubic modes"),
    (lambda: F.interpolate(LINE, 0), "size must be an integer >= 1"), (lambda: F.interpolate(LINE, (1, 2)), "size"),
    (lambda: F.interpolate(LINE, scale_factor=-1), "scale_factor must be a positive number"),
    (lambda: F.interpolate(LINE, scale_factor=0.1), "nothing is left"),
    (lambda: F.interpolate(np.ones((1, 0, 1)), 2), "an empty axis has nothing to interpolate"),
    (lambda: mg.sliding_window_view(LINE[0], 5, 0), "larger"), (lambda: mg.sliding_window_view(LINE, 2), "each of 3 axes"),
    (lambda: mg.sliding_window_view(LINE, 0, 1), "window_shape must be an integer >= 1"),
])
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
