"""Positions, from the properties that they were made for, and ALiBi's published slopes; blockwise attention's memory."""

import tracemalloc

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# ---- positions

def test_products_of_turned_vectors_depend_on_the_distance_alone():
    q, k = numbers(1, 8), numbers(1, 8, seed=1)

    def product(m, n):
        return (F.rotary(q, *F.rotary_angles([m], 8)) @ F.rotary(k, *F.rotary_angles([n], 8)).T).item()

    assert product(3, 1) == pytest.approx(product(10, 8), rel=1e-12)
    assert product(3, 1) != pytest.approx(product(1, 3), rel=1e-3)
    assert product(5, 5) == pytest.approx((q @ k.T).item(), rel=1e-12)


def test_interleaved_pairs_are_the_other_pairs_in_another_order():
    x, order = numbers(3, 6), [0, 2, 4, 1, 3, 5]
    angles = F.rotary_angles(np.arange(3), 6)
    np.testing.assert_array_equal(F.rotary(x, *angles, interleaved=True).data[:, order], F.rotary(x[:, order], *angles).data)


def test_frequencies():
    np.testing.assert_allclose(F.rotary_frequencies(4), [1, 0.01], rtol=1e-15)
    np.testing.assert_allclose(F.rotary_frequencies(4, 16.0, {"rope_type": "linear", "factor": 2.0}), [0.5, 0.125])
    cos, sin = F.rotary_angles([[0, 2]], frequencies=[0.5, 1])
    assert cos.shape == (1, 2, 2)
    np.testing.assert_allclose(cos[0, 1], np.cos([1, 2]))
    np.testing.assert_allclose(sin[0, 1], np.sin([1, 2]))


def test_sinusoids():
    p = F.sinusoidal_positions(50, 5)
    assert p.dtype == np.float32 and p.shape == (50, 5)
    np.testing.assert_allclose(p[7], [np.sin(7), np.cos(7), np.sin(7 / 1e4 ** 0.4), np.cos(7 / 1e4 ** 0.4),
                                      np.sin(7 / 1e4 ** 0.8)], rtol=1e-6)


def test_alibi():
    b = F.alibi_bias(8, 3)
    np.testing.assert_allclose(-b[:, 2, 1], [2.0 ** -h for h in range(1, 9)])  # the paper's example for 8 heads
    np.testing.assert_allclose(b[0], [[0, -0.5, -1], [-0.5, 0, -0.5], [-1, -0.5, 0]])
    np.testing.assert_array_equal(F.alibi_bias(8, 1, 3), b[:, 2:], err_msg="the last query stands at the last key")
    three = -F.alibi_bias(3, 2)[:, 1, 0]
    np.testing.assert_allclose(three, [2.0 ** -4, 2.0 ** -8, 2.0 ** -2])  # those of 2 heads, and the first of 4


@pytest.mark.parametrize("call, words", [
    (lambda: F.rotary_frequencies(3), "even"), (lambda: F.rotary_angles([0], None), "even"),
    (lambda: F.rotary_frequencies(4, scaling={"rope_type": "yarn"}), "'yarn'"),
    (lambda: F.rotary(numbers(2, 4), *F.rotary_angles([0, 1, 2], 4)), r"\(2, 4\), \(3, 2\)"),
    (lambda: F.rotary(numbers(2, 4), *F.rotary_angles([0, 1], 6)), "2 P <= D"),
    (lambda: F.sinusoidal_positions(3, 0), "width"), (lambda: F.alibi_bias(0, 1), "heads"),
])
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- attention by blocks

def test_a_block_of_any_length_gives_the_same():
    q, k, v = numbers(7, 4), numbers(5, 4, seed=1), numbers(5, 3, seed=2)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True).data
    for block in (1, 3, 5, 6, 100):
        np.testing.assert_allclose(F.blockwise_attention(q, k, v, is_causal=True, block=block).data, expected, rtol=1e-13)


def test_scores_in_the_thousands_neither_overflow_nor_vanish():
    q, k, v = 50 * numbers(6, 4), 50 * numbers(6, 4, seed=1), numbers(6, 3, seed=2)
    arguments = [mg.Tensor(x, requires_grad=True) for x in (q, k, v)]
    with np.errstate(all="raise", under="ignore"):
        y = F.blockwise_attention(*arguments, block=2)
        found = mg.autograd.grad(y, arguments, mg.Tensor(numbers(6, 3)))
    plain = F.scaled_dot_product_attention(*arguments)
    np.testing.assert_allclose(y.data, plain.data, rtol=1e-11)
    for a, b in zip(found, mg.autograd.grad(plain, arguments, mg.Tensor(numbers(6, 3)))):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-9, atol=1e-9)


def test_a_query_that_sees_nothing_gets_nothing_and_gives_nothing():
    mask = np.array([[True, True, False], [False, False, False]])
    q, k, v = (mg.Tensor(numbers(*s), requires_grad=True) for s in ((2, 4), (3, 4), (3, 2)))
    y = F.blockwise_attention(q, k, v, mask, block=2)
    assert (y.data[1] == 0).all() and (y.data[0] != 0).all()
    for g in mg.autograd.grad(y, [q, k, v], mg.Tensor(numbers(2, 2))):
        assert np.isfinite(g.data).all() and (g.data[-1] == 0).all()  # the query that sees nothing; the key unseen


def test_memory_grows_linearly():
    """A forward and a backward pass on 1,024 tokens stay far below the 4 MiB of one array of scores."""
    def peak(tokens, attend):
        x = [mg.Tensor(numbers(tokens, 4, seed=i).astype("float32"), requires_grad=True) for i in range(3)]
        tracemalloc.start()
        try:
            attend(*x).sum().backward()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = (peak(n, lambda *x: F.blockwise_attention(*x, block=64)) for n in (512, 1024))
    assert large < 2.2 * small and large < 0.5 * 2 ** 20
    assert peak(1024, F.scaled_dot_product_attention) > 8 * 2 ** 20


@pytest.mark.parametrize("options, error, words", [
    ({"block": 0}, ValueError, "block.*0"), ({"block": 2.0}, ValueError, "block"),
    ({"mask": np.ones((3, 3), bool)}, ValueError, r"\.\.\., 2, 3\), got \(3, 3\)"),
    ({"mask": np.ones((2, 3), int)}, TypeError, "int64"),
    ({"enable_gqa": True}, ValueError, "enable_gqa"),
])
def test_what_blocks_cannot_take_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        F.blockwise_attention(numbers(2, 4), numbers(3, 4), numbers(3, 2), **options)
