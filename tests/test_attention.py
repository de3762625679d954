"""Attention where random numbers do not look: alignment, heads, dropout, memory."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F
from minigrad import random

EPS = np.finfo(np.float64).eps


def leaf(x):
    return mg.Tensor(x, requires_grad=True)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def attend(*qkv, **options):
    return F.scaled_dot_product_attention(*map(mg.Tensor, qkv), **options).data


@pytest.mark.parametrize("queries, keys", [(2, 3), (3, 2)])
def test_causal_is_aligned_to_the_first_query_and_key(queries, keys):
    q, k, v = numbers(queries, 4), numbers(keys, 4, seed=1), numbers(keys, 4, seed=2)
    y = attend(q, k, v, is_causal=True)
    np.testing.assert_allclose(y[0], v[0], rtol=4 * EPS)
    for t in range(queries):
        np.testing.assert_allclose(y[t:t + 1], attend(q[t:t + 1], k[:t + 1], v[:t + 1]), rtol=64 * EPS, atol=EPS)


def test_neighbouring_heads_of_queries_share_a_head_of_keys():
    q, k, v = numbers(1, 6, 3, 2), numbers(1, 2, 5, 2, seed=1), numbers(1, 2, 5, 2, seed=2)
    y = attend(q, k, v, enable_gqa=True)
    for head in range(6):
        np.testing.assert_allclose(y[:, head], attend(q[:, head], k[:, head // 3], v[:, head // 3]), rtol=64 * EPS)


def test_dropped_weights():
    """As many as asked for, the others scaled so that the mean stays; the same ones for the same seed."""
    q, k, v = numbers(20, 30, 4), numbers(20, 50, 4, seed=1), np.eye(50)
    mg.seed(1)
    weights, whole = attend(q, k, v, dropout_p=0.25), attend(q, k, v)
    zero = weights == 0
    assert abs(zero.mean() - 0.25) < 5 * (0.25 * 0.75 / zero.size) ** 0.5  # five standard deviations
    np.testing.assert_allclose(weights[~zero], whole[~zero] / 0.75, rtol=64 * EPS)
    assert (attend(q, k, v, dropout_p=0.25) != weights).any(), "each call drops others"
    mg.seed(1)
    np.testing.assert_array_equal(attend(q, k, v, dropout_p=0.25), weights)


def test_no_dropout_draws_no_random_numbers():
    q, k, v = numbers(3, 2, 4)
    mg.seed(1)
    attend(q, k, v)
    after = random.generator().random()
    mg.seed(1)
    assert after == random.generator().random()


def test_dropout_survives_a_checkpoint():
    arrays = numbers(3, 2, 5, 4)

    def found(f):
        mg.seed(2)
        qkv = list(map(leaf, arrays))
        y = f(*qkv)
        return [y.data, *(g.data for g in mg.autograd.grad(y, qkv, mg.Tensor(numbers(2, 5, 4))))]

    def f(*qkv):
        return F.scaled_dot_product_attention(*qkv, dropout_p=0.5)

    for a, b in zip(found(f), found(lambda *qkv: mg.checkpoint(f, *qkv))):
        np.testing.assert_array_equal(a, b)


def test_attention_keeps_no_scores():
    """Neither the T x S weights nor which of them were dropped: a long series must fit."""
    q, k, v = map(leaf, numbers(3, 64, 2))
    function = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5).creator
    kept = [*(x.data for x in function.operands if isinstance(x, mg.Tensor)), *function.__dict__.values()]
    assert max(np.size(x) for x in kept) == 64 * 2 and function.result is None


@pytest.mark.parametrize("q, k, v, options, error, words", [
    ((4, 3, 2), (3, 3, 2), (3, 3, 2), {"enable_gqa": True}, ValueError, "dividing"),
    ((4, 3, 2), (2, 3, 2), (4, 3, 2), {"enable_gqa": True}, ValueError, "dividing"),
    ((3, 2), (3, 2), (3, 2), {"enable_gqa": True}, ValueError, "enable_gqa"),
    ((4, 3, 2), (2, 3, 2), (2, 3, 2), {"enable_gqa": True, "mask": np.ones((2, 3, 3), bool)}, ValueError, "Hq 4 or 1"),
    ((3, 2), (3, 2), (3, 2), {"dropout_p": 1.0}, ValueError, r"\[0, 1\)"),
    ((3, 2), (3, 2), (3, 2), {"mask": np.ones((3, 3), int)}, TypeError, "int64"),
    ((2,), (3, 2), (3, 2), {}, ValueError, r"q \(\.\.\., T, D\)"),
])
def test_what_does_not_fit_is_refused(q, k, v, options, error, words):
    with pytest.raises(error, match=words):
        attend(*map(np.ones, (q, k, v)), **options)
