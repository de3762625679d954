"""Where random numbers do not look: ties, kinks, nan, huge numbers, corners; and what does not fit is refused."""

import numpy as np
import pytest
import scipy.special
from derivatives import EPS, numbers, same, slope, wrap

import minigrad as mg
import minigrad.functions as F

# ---- special points

@pytest.mark.parametrize("axis", [None, (0, 1), (1, 0), (-1, -2)])
@pytest.mark.parametrize("f, sign", [(F.max, 1), (F.min, -1)])
def test_first_of_equal_extremes_wins(f, sign, axis):
    x = sign * np.array([[0.0, 5.0], [5.0, 5.0]])
    same(slope(lambda x: f(x, axis=axis), x, dy=3.0), sign * 5.0, [[0, 3], [0, 0]])


def test_first_of_equal_extremes_wins_along_an_axis():
    same(slope(lambda x: F.max(x, axis=0), [[2, 1], [2, 1]], dy=[3, 4]), [2, 1], [[3, 4], [0, 0]])
    same(slope(lambda x: F.max_pool2d(x, 2), np.full((1, 2, 2, 1), 7), dy=3.0), [[[[7]]]], [[[[3], [0]], [[0], [0]]]])


def test_an_input_that_wins_several_windows_gets_the_sum():
    x = np.array([0, 9, 0.0]).reshape(1, 1, 3, 1)
    same(slope(lambda x: F.max_pool2d(x, (1, 2), stride=1), x, dy=np.array([2, 3.0]).reshape(1, 1, 2, 1)),
         np.array([9, 9]).reshape(1, 1, 2, 1), np.array([0, 5, 0]).reshape(1, 1, 3, 1))


def test_padding_never_wins_a_maximum():
    y, dx = slope(lambda x: F.max_pool2d(x, 2, padding=1), np.full((1, 2, 2, 1), -3.0), dy=2.0)
    assert (y == -3).all() and (dx == 2).all()


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_windows_of_padding_alone_are_refused(pool):
    with pytest.raises(ValueError, match="padding"):
        pool(mg.Tensor(np.ones((1, 4, 4, 1))), 2, padding=2)


def test_nan_is_the_extreme():
    x = [1.0, np.nan, 3.0, np.nan]
    same(slope(F.max, x), np.nan, [0, 1, 0, 0])
    same(slope(F.min, x), np.nan, [0, 1, 0, 0])
    assert np.isnan(F.max_pool2d(mg.Tensor(np.array([1, np.nan, 3, 2]).reshape(1, 2, 2, 1)), 2).data).all()


def test_first_operand_wins_a_tie():
    same(slope(F.maximum, [2, 1, 0], [2, 0, 1], dy=[3, 4, 5]), [2, 1, 1], [3, 4, 0], [0, 0, 5])
    same(slope(F.minimum, [2, 1, 0], [2, 0, 1], dy=[3, 4, 5]), [2, 0, 0], [3, 0, 5], [0, 4, 0])


def test_slopes_at_kinks():
    same(slope(F.relu, [-1, 0, -0.0, 2], dy=3), [0, 0, 0, 2], [0, 0, 0, 3])
    same(slope(F.absolute, [-1, 0, 2], dy=3), [1, 0, 2], [-3, 0, 3])
    same(slope(lambda x: F.clip(x, -1, 1), [-2, -1, 0, 1, 2], dy=3), [-1, -1, 0, 1, 1], [0, 3, 3, 3, 0])
    with np.errstate(divide="ignore"):
        same(slope(F.sqrt, [0, 4], dy=3), [0, 2], [np.inf, 0.75])


def test_bounds_of_clip_may_be_arrays_and_tensors():
    same(slope(lambda x: F.clip(x, np.array([0, 5]), 9), [[-1, 10], [1, 6]], dy=3), [[0, 9], [1, 6]], [[0, 0], [3, 3]])
    same(slope(lambda x, low: F.clip(x, low, 9), [-1, 5, 5, 10], [0, 5, 6, 0], dy=[1, 2, 3, 4]),
         [0, 5, 6, 9], [0, 2, 0, 0], [1, 0, 3, 0])


def test_corners_of_power():
    same(slope(F.power, [0, 0, 0, 2], [0, 1, 2, 0], dy=3), [1, 0, 0, 1], [0, 3, 0, 0], [0, 0, 0, 3 * np.log(2)])
    same(slope(lambda x: x ** 0, [0, 2], dy=3), [1, 1], [0, 0])
    same(slope(lambda x: x ** 1, [0, 2], dy=3), [0, 2], [3, 3])
    same(slope(lambda y: 0 ** y, [0, 1, 2], dy=3), [1, 0, 0], [0, 0, 0])
    same(slope(lambda x: x ** np.array([0, 1, 3]), [-2, -2, -2], dy=3), [1, -2, -8], [0, 3, 36])
    same(slope(lambda x: x ** np.array([0, 1, 3], np.uint8), [-20, 0, 5], dy=3), [1, 0, 125], [0, 3, 225])
    with np.errstate(invalid="ignore"):  # (-2) ** y is no real number beside y = 2
        same(slope(F.power, [-2], [2], dy=3), [4], [-12], [np.nan])


def test_power_curves_at_exponent_zero():
    """d²(xʸ)/dx dy = xʸ⁻¹ (1 + y ln x), which at y = 0 is 1/x, from either side."""
    x, y = (mg.Tensor(np.array(v), requires_grad=True) for v in (4.0, 0.0))
    dx, dy = mg.autograd.grad(x ** y, [x, y], create_graph=True)
    assert mg.autograd.grad(dx, y, retain_graph=True).item() == mg.autograd.grad(dy, x).item() == 0.25


def test_where_shields_the_branch_that_was_not_taken():
    safe = slope(lambda x: F.where(x.data > 0, F.log(F.where(x.data > 0, x, 1.0)), 0.0), [0, 2], dy=3)
    same(safe, [0, np.log(2)], [0, 1.5])
    same(slope(lambda x, y: F.where([True, False], x, y), [1, np.nan], [np.inf, 2], dy=3), [1, 2], [3, 0], [0, 3])


@pytest.mark.parametrize("huge", [1e4, 1e300])
def test_softmax_of_huge_logits(huge):
    same(slope(F.softmax, [huge, -huge, huge], dy=[1, 2, 3]), [0.5, 0, 0.5], [-0.5, 0, 0.5])
    same(slope(F.log_softmax, [huge, -huge], dy=[2, 3]), [0, -2 * huge], [-3, 3])
    same(slope(F.logsumexp, [huge, -huge], dy=3), huge, [3, 0])
    same(slope(F.sigmoid, [-huge, 0, huge], dy=4), [0, 0.5, 1], [0, 1, 0])
    same(slope(F.softplus, [-huge, huge], dy=4), [0, huge], [0, 4])
    same(slope(F.tanh, [-huge, huge], dy=4), [-1, 1], [0, 0])


def test_softmax_of_masked_logits():
    same(slope(F.softmax, [0, -np.inf, 0], dy=[1, 2, 3]), [0.5, 0, 0.5], [-0.5, 0, 0.5])
    half = -np.log(2)
    same(slope(F.log_softmax, [0, -np.inf, 0], dy=[1, 0, 3]), [half, -np.inf, half], [-1, 0, 1])


def test_softmax_of_a_single_number():
    same(slope(F.softmax, 5.0, dy=3), 1, 0)
    same(slope(F.log_softmax, 5.0, dy=3), 0, 0)


def test_logsumexp_of_minus_infinity():
    x = [[-np.inf, 0.0, 0.0], [-np.inf, -np.inf, -np.inf]]
    same(slope(lambda x: F.logsumexp(x, axis=1), x, dy=[3, 5]), [np.log(2), -np.inf], [[0, 1.5, 1.5], [0, 0, 0]])


def test_cross_entropy_of_huge_logits():
    x = [[1e4, -1e4, 0], [1e4, -1e4, 0]]
    expected = [0, 2e4], [[0, 0, 0], [3, -3, 0]]
    same(slope(lambda x: F.cross_entropy(x, [0, 1], reduction="none"), x, dy=3), *expected)
    same(slope(lambda x: F.cross_entropy(x, np.eye(3)[[0, 1]], reduction="none"), x, dy=3), *expected)


@pytest.mark.parametrize("targets", [np.array([0, 1]), np.eye(2)[[0, 1]]], ids=["classes", "one-hot"])
def test_cross_entropy_of_probabilities_zero_and_one(targets):
    """log 0 is replaced by the log of the smallest normal number, whose slope is 0."""
    loss, dp = slope(lambda p: F.cross_entropy(p, targets, from_logits=False, reduction="none"), [[1, 0], [1, 0]], dy=3)
    np.testing.assert_allclose(loss, [0, -np.log(np.finfo(float).tiny)])
    np.testing.assert_array_equal(dp, [[-3, 0], [0, 0]])


@pytest.mark.parametrize("mask", [[[True, True], [False, False]], [[0.0, 0.0], [-np.inf, -np.inf]]], ids=["truth", "added"])
def test_a_query_that_sees_nothing_gives_zero(mask):
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 2, 3))
    o, dq, dk, dv = slope(lambda *qkv: F.scaled_dot_product_attention(*qkv, mask=np.array(mask)), q, k, v,
                          dy=[[1, 2, 3], [4, 5, 6]])
    assert (o[1] == 0).all() and (dq[1] == 0).all() and np.isfinite([dk, dv]).all() and (dq[0] != 0).all()
    _, *alone = slope(F.scaled_dot_product_attention, q[:1], k, v, dy=[[1, 2, 3]])
    for found, expected in zip((dq[:1], dk, dv), alone):
        np.testing.assert_allclose(found, expected, rtol=64 * EPS, atol=EPS)


def test_attention_survives_huge_scores():
    q, k, v = np.array([[1e3]]), np.array([[1e3], [-1e3]]), np.array([[2.0], [7.0]])
    same(slope(F.scaled_dot_product_attention, q, k, v, dy=[[3]]), [[2]], [[0]], [[0], [0]], [[3], [0]])


def test_gelu_is_not_its_approximation():
    x = np.linspace(-3, 3, 61)
    exact, approximate = F.gelu(mg.Tensor(x)).data, F.gelu(mg.Tensor(x), approximate="tanh").data
    np.testing.assert_allclose(exact, x * scipy.special.ndtr(x), atol=4 * EPS)
    assert 1e-5 < np.abs(exact - approximate).max() < 1e-3


def test_dropout_keeps_the_mean_and_its_mask():
    mg.seed(3)
    x = mg.Tensor(np.ones(40_000), requires_grad=True)
    y = F.dropout(x, 0.25)
    assert set(np.unique(y.data)) == {0, 1 / 0.75}
    assert abs((y.data == 0).mean() - 0.25) < 5 * (0.25 * 0.75 / 40_000) ** 0.5  # five standard deviations
    dy = numbers(40_000, 1)
    np.testing.assert_array_equal(mg.autograd.grad(y, x, wrap(dy)).data, dy * y.data)
    assert (F.dropout(x, 0.25).data != y.data).any(), "each call draws a mask of its own"
    mg.seed(3)
    np.testing.assert_array_equal(F.dropout(x, 0.25).data, y.data)
    assert F.dropout(x, 0.25, training=False) is x and F.dropout(x, 0) is x


def test_repeated_indices_add_up():
    same(slope(lambda x: x[[0, 0, 2, 0]], [1, 2, 3], dy=[1, 2, 3, 4]), [1, 1, 3, 1], [7, 0, 3])
    same(slope(lambda w: F.embedding([[1, 1], [0, 1]], w), [[1], [2]], dy=np.array([[[1], [2]], [[3], [4]]])),
         [[[2], [2]], [[1], [2]]], [[3], [7]])
    same(slope(lambda x, v: F.index_update(x, [1, 1], v), [1, 2, 3], [8, 9], dy=[1, 2, 3]), [1, 9, 3], [1, 0, 3], [0, 2])


# ---- what does not fit is refused, by name

@pytest.mark.parametrize("call, error, words", [
    (lambda x: F.matmul(x, x), ValueError, "inner lengths"),
    (lambda x: F.matmul(x, 2.0), ValueError, "0-d"),
    (lambda x: F.linear(x, np.ones((2, 4)), np.ones(4)), ValueError, "linear"),
    (lambda x: F.linear(x, np.ones((3, 4)), np.ones(3)), ValueError, r"b \(3,\)"),
    (lambda x: F.add(x, np.ones(4)), ValueError, "Add"),
    (lambda x: F.sum(x, axis=2), (IndexError, ValueError), "axis 2"),
    (lambda x: F.max(x, axis=(0, 5)), IndexError, "axis 5"),
    (lambda x: F.squeeze(x, 0), ValueError, "length 2"),
    (lambda x: F.reshape(x, (4,)), ValueError, "Reshape"),
    (lambda x: F.split(x, 2, axis=1), ValueError, "equal parts"),
    (lambda x: F.stack([x, x[0]]), ValueError, "same shape"),
    (lambda x: x[mg.Tensor([0.0])], IndexError, "float32"),
    (lambda x: x[2], IndexError, "GetItem"),
    (lambda x: F.embedding([2], x), IndexError, r"\[0, 2\)"),
    (lambda x: F.embedding([0.5], x), TypeError, "integers"),
    (lambda x: F.mse_loss(x, np.ones((2, 1))), ValueError, "same shape"),
    (lambda x: F.cross_entropy(x, [0, 3]), IndexError, r"\[0, 3\)"),
    (lambda x: F.cross_entropy(x, [0.0, 1.0]), TypeError, "integers"),
    (lambda x: F.cross_entropy(x, [[0], [1]]), ValueError, "squeeze"),
    (lambda x: F.cross_entropy(x, [0, 1], reduction="max"), ValueError, "reduction"),
    (lambda x: F.layer_norm(x, np.ones(2), np.ones(2)), ValueError, "gamma"),
    (lambda x: F.conv2d(x, np.ones((1, 1, 1, 1))), ValueError, "4 axes"),
    (lambda x: F.conv2d(x.reshape(1, 1, 2, 3), np.ones((1, 1, 2, 1))), ValueError, "3 channels"),
    (lambda x: F.conv2d(x.reshape(1, 2, 3, 1), np.ones((3, 1, 1, 1))), ValueError, "does not fit"),
    (lambda x: F.max_pool2d(x.reshape(1, 2, 3, 1), 2, stride=0), ValueError, "stride"),
    (lambda x: F.scaled_dot_product_attention(x, x[:, :2], x), ValueError, "attention"),
    (lambda x: F.scaled_dot_product_attention(x, x, x, mask=np.ones((3, 3), bool)), ValueError, "mask"),
    (lambda x: F.dropout(x, 1.0), ValueError, r"\[0, 1\)"),
    (lambda x: F.gelu(x, approximate="erf"), ValueError, "approximate"),
])
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(mg.Tensor(np.ones((2, 3), np.float32)))
