"""Blocks of rows: the numbers of the whole, whichever thread computes them; and what is not cut."""

import threading

import numpy as np
import pytest
import standin

import minigrad as mg
import minigrad.functions as F
from minigrad import blocks, threads
from minigrad.backend import to_device
from minigrad.blocks import in_blocks


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 400 bytes, shared by three threads."""
    monkeypatch.setattr(blocks, "BLOCK", 400)
    monkeypatch.setattr(blocks, "workers", lambda: 3)


def numbers(*shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


class Watched:
    """A function of arrays that notes the shapes that it is called with, and the threads."""

    def __init__(self, function):
        self.function, self.shapes, self.threads = function, [], set()

    def __call__(self, *arrays):
        self.shapes.append(tuple(np.shape(a) for a in arrays))
        self.threads.add(threading.get_ident())
        return self.function(*arrays)


def centred(x, shift=0.0):
    return x - x.mean(axis=-1, keepdims=True) + shift


@pytest.mark.parametrize("shape", [(400,), (37, 13), (5, 7, 11), (2000, 1), (1, 500)])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_numbers_are_those_of_the_whole(shape, last, dtype):
    x = numbers(*shape, dtype=dtype)
    function = Watched(centred if last else np.tanh)
    y = in_blocks(function, x, last=last)
    assert y.dtype == dtype and y.shape == shape
    assert np.array_equal(y, function.function(x))
    assert len(function.shapes) > 1 or len(shape) <= last or shape[0] == 1
    assert max(np.prod(s[0]) * dtype().itemsize for s in function.shapes) <= max(400, shape[-1] * dtype().itemsize)


def test_what_does_not_have_the_rows_is_handed_over_whole():
    x, y, shift = numbers(60, 10), numbers(60, 4), numbers(10)
    result = in_blocks(lambda x, y, shift, k: (k * centred(x, shift), y.sum(-1)), x, y, shift, 2.0, last=1)
    assert np.array_equal(result[0], 2 * centred(x, shift)) and np.array_equal(result[1], y.sum(-1))


def test_of_strided_arrays_the_first_axis_is_cut():
    x = numbers(9, 30, 40).swapaxes(1, 2)
    function = Watched(centred)
    assert np.array_equal(in_blocks(function, x, last=1), centred(x))
    assert [s[0] for s in function.shapes] == [(1, 40, 30)] * 9


@pytest.mark.parametrize("x, y", [(numbers(60, 10), numbers(10)), (numbers(60, 10), numbers(60, 1)),
                                  (numbers(10, 60).T, numbers(60, 10)), (numbers(60, 10), numbers(2, 60, 10))])
def test_elementwise_operands_that_broadcast_or_jump_are_left_whole(x, y):
    function = Watched(np.add)
    assert np.array_equal(in_blocks(function, x, y), x + y)
    assert function.shapes == [(x.shape, y.shape)]


def test_other_libraries_and_small_arrays_are_left_whole():
    standin.register()
    for x in (to_device(numbers(60, 10), "standin"), numbers(10, 10), np.zeros((0, 10)), np.float32(3)):
        function = Watched(lambda x: x + x)
        in_blocks(function, x)
        assert len(function.shapes) == 1


def test_the_threads_share_the_blocks_and_change_no_number(monkeypatch):
    x, meet, calls = numbers(600, 10), threading.Barrier(3, timeout=20), []

    def together(x):
        calls.append(threading.get_ident())
        if 1 < len(calls) <= 4:  # the first block is computed alone; the next three wait for each other
            meet.wait()
        return centred(x)

    assert np.array_equal(in_blocks(together, x, last=1), centred(x))
    assert len(set(calls)) == 3


def test_inside_of_a_thread_there_are_no_further_ones():
    x, used = numbers(600, 10), [None, None]

    def piece(i):
        function = Watched(np.tanh)
        in_blocks(function, x)
        used[i] = function.threads
        assert function.threads == {threading.get_ident()} and len(function.shapes) > 1

    threads.in_threads(piece, 2, 2)
    assert all(used)


def test_on_one_thread_only_large_arrays_are_cut(monkeypatch):
    """From eight blocks on: inside of other work, and where there is one core."""
    def calls(rows):
        function = Watched(np.tanh)
        in_blocks(function, numbers(rows, 10))
        return len(function.shapes)

    below, above = 79, 80  # rows of 40 bytes: eight blocks of 400 are 80
    assert calls(below) > 1
    found = {}
    threads.in_threads(lambda i: found.update({rows: calls(rows) for rows in (below, above)}), 1, 1)
    assert found[below] == 1 and found[above] > 1
    monkeypatch.setattr(blocks, "workers", lambda: 1)
    assert calls(below) == 1 and calls(above) > 1


def test_an_error_in_a_block_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        in_blocks(lambda x: x / (0 if x[0, 0] < 0 else 1) if x[0, 0] >= 0 else 1 // 0, numbers(600, 10), last=1)


# ---- the functions that are computed so

CALLS = {
    "silu": (F.silu, [(60, 10)]), "gelu": (F.gelu, [(60, 10)]),
    "gelu, tanh": (lambda x: F.gelu(x, approximate="tanh"), [(60, 10)]),
    "softmax": (F.softmax, [(5, 12, 10)]), "log_softmax": (F.log_softmax, [(5, 12, 10)]),
    "layer_norm": (F.layer_norm, [(5, 12, 10), (10,), (10,)]), "rms_norm": (F.rms_norm, [(60, 10), (10,)]),
    "attention": (F.scaled_dot_product_attention, [(2, 3, 12, 4), (2, 3, 11, 4), (2, 3, 11, 5)]),
    "attention, causal": (lambda *p: F.scaled_dot_product_attention(*p, is_causal=True), [(6, 12, 4)] * 3),
    "attention, a mask for each head": (lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m),
                                        [(2, 3, 12, 4), (2, 3, 11, 4), (2, 3, 11, 5), (2, 1, 12, 11)]),
    "cross_entropy": (lambda x: F.cross_entropy(x, np.arange(60) % 10, reduction="none"), [(60, 10)]),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_have_the_same_numbers_and_gradients_in_blocks(name, monkeypatch):
    call, shapes = CALLS[name]

    def run():
        xs = [mg.Tensor(numbers(*s), requires_grad=True) for s in shapes]
        y = call(*xs)
        dy = mg.Tensor(np.random.default_rng(1).standard_normal(y.shape).astype("f"))
        first = mg.autograd.grad(y, xs, dy, create_graph=True)
        second = mg.autograd.grad(first, xs, [mg.Tensor(numbers(*s)) for s in shapes], allow_unused=True)
        return [y, *first, *(g for g in second if g is not None)]

    cut = run()
    monkeypatch.setattr(blocks, "BLOCK", 1 << 30)
    for a, b in zip(cut, run()):
        assert np.array_equal(a.data, b.data)


def test_the_sigmoid_of_float32_is_within_four_units_in_the_last_place():
    """NumPy's exp is within 2.6 units, the sum and the quotient add half of one each."""
    x = np.concatenate([np.linspace(-87, 20, 100_001), np.geomspace(1e-30, 1, 1000)]).astype(np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    y = F.sigmoid(mg.Tensor(x)).numpy()
    assert np.abs(y - exact).max() < 2 ** -23 and (np.abs(y - exact) / np.spacing(exact.astype(np.float32))).max() <= 4
    ends = F.sigmoid(mg.Tensor(np.array([-np.inf, -200, 200, np.inf, np.nan], np.float32))).numpy()
    assert ends[:4].tolist() == [0, 0, 1, 1] and np.isnan(ends[4])
