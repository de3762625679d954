"""What the transforms leave alone, and where they run: outer graphs, dtypes, threads, another device."""

import threading

import numpy as np
import pytest
import standin
from test_custom_gradients import log1pexp
from transforming import close, mixed, numbers

import minigrad as mg

standin.register()


# ---- what is left alone

def test_inputs_are_left_untouched():
    x, w = mg.Tensor(numbers(3), requires_grad=True), mg.Tensor(numbers(3, seed=1), requires_grad=True)
    array = numbers(3, seed=2)
    before = x.numpy().copy(), w.numpy().copy(), array.copy()

    def f(x, a):
        return (mg.sin(x) * w * a).sum()
    for argnums in (0, 1, (0, 1)):
        mg.grad(f, argnums)(x, array)
        mg.hessian(f, argnums)(x, array)
        mg.jvp(f, (x, array), mg.grad(f, argnums)(x, array), argnums)
    assert x.grad is None and w.grad is None and x.is_leaf and x.requires_grad
    for now, then in zip((x.numpy(), w.numpy(), array), before):
        np.testing.assert_array_equal(now, then)


def test_a_result_has_a_history_only_where_it_leads_somewhere():
    x, w = numbers(3), mg.Tensor(numbers(3, seed=1), requires_grad=True)
    assert not mg.grad(lambda x: (x ** 3).sum())(x).requires_grad
    assert not mg.value_and_grad(lambda x: (x ** 3).sum())(x)[0].requires_grad
    g = mg.grad(lambda x: (x * x * w).sum())(x)
    (g * g).sum().backward()                            # (2 x w)² by w: 8 x² w
    close(w.grad, 8 * x * x * w.numpy())
    with mg.no_grad():
        g = mg.grad(lambda x: (x * x * w).sum())(x)
    close(g, 2 * x * w.numpy())
    assert not g.requires_grad


def test_a_graph_that_f_reads_from_outside_is_not_freed():
    w = mg.Tensor(numbers(3), requires_grad=True)
    middle = mg.exp(w)
    with mg.no_grad():
        mg.grad(lambda x: (x * middle).sum())(numbers(3))
    middle.sum().backward()
    close(w.grad, np.exp(w.numpy()))


@pytest.mark.parametrize("call", [
    mg.grad(lambda x: (mg.sin(x) * 2).sum()), mg.grad(lambda x: mg.grad(lambda x: (mg.sin(x) * 2).sum())(x).sum()),
    mg.hessian(lambda x: (x ** 3).sum()), mg.jacobian(mixed), lambda x: mg.jvp(mixed, x, x)[1],
    lambda x: mg.hvp(lambda x: (x ** 3).sum(), x, x), lambda x: mg.vjp(mixed, x)[1](np.ones(3)),
    mg.grad(lambda x: mg.checkpoint(mixed, x).sum())])
def test_float32_stays_float32(call):
    assert call(numbers(3).astype(np.float32)).dtype == np.float32


def test_empty_and_unused_arguments():
    close(mg.grad(lambda x, y: y.sum())(numbers(2), mg.Tensor(numbers(2))), [0, 0])
    assert mg.grad(lambda x: (x * x).sum())(np.zeros((0, 3))).shape == (0, 3)
    assert mg.jacobian(lambda x: x * x)(np.zeros(0)).shape == (0, 0)


# ---- threads

def test_threads_differentiate_at_once():
    failures = []
    start = threading.Barrier(4)

    def work(i):
        try:
            start.wait()
            x = numbers(3, seed=i)
            for _ in range(20):
                close(mg.hessian(lambda x: (x ** 3).sum() * (i + 1))(x), np.diag(6 * x * (i + 1)))
                leaf = mg.Tensor(np.ones(30), requires_grad=True)
                y = mg.checkpoint(mg.dropout, leaf)  # its mask must repeat, whatever the others draw
                y.sum().backward()
                np.testing.assert_array_equal(leaf.grad.numpy(), y.numpy())
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            failures.append(error)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


# ---- another device

@pytest.mark.parametrize("call", [
    mg.grad(lambda x: (x ** 3).sum()), mg.hessian(lambda x: (x ** 3).sum()), mg.jacobian(mixed),
    lambda x: mg.jvp(mixed, x, 2 * x)[1], lambda x: mg.hvp(lambda x: (x ** 3).sum(), x, x),
    mg.grad(lambda x: mg.checkpoint(mixed, x).sum()), mg.grad(lambda x: log1pexp(x).sum())])
def test_the_transforms_run_where_the_array_lives(call):
    x = numbers(3)
    y = call(mg.Tensor(x, device="standin"))
    assert y.device == "standin:0"
    close(y, call(mg.Tensor(x)).numpy())


def test_dropout_repeats_on_another_device():
    x = mg.Tensor(np.ones(50), requires_grad=True, device="standin")
    y = mg.checkpoint(mg.dropout, x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())
