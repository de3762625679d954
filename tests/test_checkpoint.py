"""checkpoint: the same gradients to the bit, dropout that repeats, memory."""

import gc
import tracemalloc

import numpy as np
import pytest
from transforming import close, mixed, numbers

import minigrad as mg
from minigrad.errors import GraphError

# ---- checkpoint

def dropout_block(w):
    return lambda x: x + mg.dropout(mg.tanh(x @ w), 0.3) @ w.T


def trained(blocks, weights, x, checkpointed):
    """The output and the gradients of three blocks, started from one seed."""
    mg.seed(3)
    leaf = y = mg.Tensor(x, requires_grad=True)
    for block in blocks:
        y = mg.checkpoint(block, y) if checkpointed else block(y)
    after = mg.dropout(mg.Tensor(np.ones(50)), 0.5)  # the generators go on as if there had been no checkpoint
    return [t.numpy() for t in (y, after, *mg.autograd.grad((y * y).sum(), [leaf, *weights]))]


def test_checkpoint_gives_the_same_gradients_to_the_bit_and_dropout_repeats():
    weights = [mg.Tensor(numbers(4, 6, seed=i).astype(np.float32) - 1, requires_grad=True) for i in range(3)]
    blocks = [dropout_block(w) for w in weights]
    x = numbers(5, 4).astype(np.float32)
    for plain, checkpointed in zip(trained(blocks, weights, x, False), trained(blocks, weights, x, True)):
        np.testing.assert_array_equal(plain, checkpointed)


def test_backward_through_a_checkpoint_leaves_the_generators_where_they_are():
    x = mg.Tensor(np.ones(20), requires_grad=True)
    draws = []
    for sweep in (True, False):
        mg.seed(0)
        y = mg.checkpoint(mg.dropout, x).sum()
        if sweep:
            y.backward()
        draws.append(mg.dropout(mg.Tensor(np.ones(50)), 0.5).numpy())
    np.testing.assert_array_equal(*draws)


def test_checkpoint_takes_trees_keywords_and_parameters_and_nests():
    w = mg.Tensor(numbers(3), requires_grad=True)
    x = {"a": mg.Tensor(numbers(3, seed=1), requires_grad=True), "b": numbers(3, seed=2)}

    def inner(x, power=1):
        return {"y": mg.sin(x["a"]) * w ** power * x["b"], "fixed": x["b"]}
    result = mg.checkpoint(lambda x, power: mg.checkpoint(inner, x, power=power), x, power=2)
    assert result["fixed"] is x["b"]
    result["y"].sum().backward()
    close(w.grad, 2 * w.numpy() * np.sin(x["a"].numpy()) * x["b"])
    close(x["a"].grad, np.cos(x["a"].numpy()) * w.numpy() ** 2 * x["b"])


def test_checkpoint_of_what_it_closes_over_counts_each_path_once():
    """The block reads w itself, 2 w from outside, and an argument made of w: y = 3w · 2w · w."""
    for create_graph in (False, True):
        w = mg.Tensor(numbers(3), requires_grad=True)
        twice, thrice = 2 * w, 3 * w
        y = mg.checkpoint(lambda x, twice=twice, w=w: x * twice * w, thrice).sum()
        g = mg.autograd.grad(y, w, create_graph=create_graph)
        close(g, 18 * w.numpy() ** 2)
    close(mg.autograd.grad(g.sum(), w), 36 * w.numpy())


def test_checkpoint_hands_on_what_it_did_not_make():
    w, x = mg.Tensor(numbers(3), requires_grad=True), mg.Tensor(numbers(3, seed=1), requires_grad=True)
    doubled, same, outside = mg.checkpoint(lambda x: (2 * x, x, w), x)
    (doubled + same * 10 + outside * 100).sum().backward()
    close(x.grad, [12, 12, 12])
    close(w.grad, [100, 100, 100])


def test_checkpoint_takes_two_tensors_of_one_creator_for_one_value():
    x = mg.Tensor(numbers(3), requires_grad=True)
    y = mg.exp(x)
    again = y.creator.output
    mg.checkpoint(lambda a: a * y + a * again, np.ones(3)).sum().backward()
    close(x.grad, 2 * np.exp(x.numpy()))


def test_dropout_repeats_at_every_backward():
    x = mg.Tensor(np.ones(50), requires_grad=True)
    y = mg.checkpoint(mg.dropout, x)
    for _ in range(2):
        np.testing.assert_array_equal(mg.autograd.grad(y.sum(), x, retain_graph=True).numpy(), y.numpy())


def test_checkpoint_to_the_second_order():
    x = numbers(3)
    close(mg.hessian(lambda x: mg.checkpoint(mg.sin, x).sum())(x), np.diag(-np.sin(x)))
    close(mg.grad(mg.grad(lambda x: mg.checkpoint(lambda x: x ** 3, x)))(2.0), 12)
    mg.gradgradcheck(lambda x: mg.checkpoint(mixed, x), [x])


def test_checkpoint_notices_what_changed():
    w, x = mg.Tensor(numbers(3), requires_grad=True), mg.Tensor(numbers(3), requires_grad=True)
    y = mg.checkpoint(lambda x: x * w, x).sum()
    w.data = w.data * 2
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()
    sizes = iter([3, 2])
    y = mg.checkpoint(lambda x: x[:next(sizes)], x).sum()
    with pytest.raises(GraphError, match="other results"):
        y.backward()


def test_checkpoint_records_nothing_where_nothing_is_wanted():
    x = mg.Tensor(numbers(3), requires_grad=True)
    with mg.no_grad():
        assert not mg.checkpoint(mg.sin, x).requires_grad
    assert not mg.checkpoint(mg.sin, mg.Tensor(numbers(3))).requires_grad


def peak_of_a_chain(checkpointed, depth=64):
    """The bytes at the peak of a step through `depth` blocks of four operations each."""
    x = mg.Tensor(numbers(20_000), requires_grad=True)
    gc.collect()
    tracemalloc.start()
    try:
        y = x
        for _ in range(depth):
            y = mg.checkpoint(block, y) if checkpointed else block(y)
        y.sum().backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def block(x):
    for _ in range(6):
        x = mg.sin(x * x)
    return x


def test_checkpoint_needs_less_than_a_quarter_of_the_memory():
    assert peak_of_a_chain(True) < peak_of_a_chain(False) / 4
