"""The engine's rule 6: nothing that backward reads is changed unnoticed; copies."""

import copy
import pickle

import numpy as np
import pytest
from test_freeing import Pair, leaf

import minigrad as mg
from minigrad import GraphError, autograd, optimizers


def test_arithmetic_in_place_rebinds():
    x = leaf()
    a = b = x * 2
    a += 1
    assert a is not b and (b.numpy() == x.numpy() * 2).all()
    a.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_setting_an_element_names_the_ways_out():
    with pytest.raises(TypeError, match="(?s)index_update.*where.*stack.*concatenate"):
        leaf()[0] = 1.0


def change_by_step(w):
    optimizer = optimizers.SGD([w], learning_rate=0.1)
    w.grad = mg.Tensor(np.ones(3))
    optimizer.step()


def change_by_assignment(w):
    w.data = w.data * 2


@pytest.mark.parametrize("change", [change_by_step, change_by_assignment])
def test_a_change_after_the_forward_pass_is_noticed_where_it_is_read(change):
    w, x = leaf(), leaf()
    product, total = (w * x).sum(), (w + x).sum()
    change(w)
    with pytest.raises(GraphError, match="changed in place"):
        product.backward()
    total.backward()  # a sum reads neither operand
    assert x.grad.tolist() == [1, 1, 1]


def test_views_share_their_version():
    w = leaf()
    y = (w.reshape(3, 1) * w[::-1].reshape(3, 1)).sum()
    w.data = w.data + 1
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()


@pytest.mark.parametrize("view", [lambda w: w.detach(), lambda w: mg.split(w, [1])[1], lambda w: w[1:], lambda w: w[None],
                                  lambda w: w.T, lambda w: mg.broadcast_to(w, (2, 3))])
def test_a_change_is_noticed_through_every_view(view):
    w, x = leaf(), leaf()
    seen = view(w)
    y = (x[:1] * seen).sum()
    w.data *= 2  # the array itself, which the view shares
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()


def test_a_result_that_is_no_view_is_not_touched_by_a_change_of_its_operand():
    w = leaf()
    moved, picked = w + 1.0, w[[0, 1]]
    y = (moved * moved).sum() + (picked * picked).sum()
    values = w.numpy().copy()
    w.data = w.data * 0
    y.backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * (values + 1) + 2 * values * [1, 1, 0])


@pytest.mark.parametrize("f", [mg.exp, lambda x: Pair.apply(x)[0]])
def test_a_changed_result_is_noticed_where_it_is_read_in_every_order(f):
    x = leaf()
    y = f(x)
    total = y.sum()
    y.data *= 2
    with pytest.raises(GraphError, match="result of (Exp|Pair).*changed in place"):
        total.backward()
    y = f(x)
    slope = autograd.grad(y.sum() + 0.0, x, create_graph=True)
    total = (slope * slope).sum()
    np.testing.assert_allclose(autograd.grad(total, x, retain_graph=True).numpy(), 2 * np.exp(2 * x.numpy()))
    y.data *= 2
    with pytest.raises(GraphError, match="changed in place"):
        total.backward()
    y, dy = f(x), leaf([0.5, 2.0, -1.0])
    slope = autograd.grad(y, x, grad_outputs=dy, create_graph=True)  # dy * y, which reads y where dy is wanted
    y.data *= 2
    with pytest.raises(GraphError, match="of Multiply.*changed in place"):
        autograd.grad(slope.sum(), dy)


# ---- copies

def test_copies_and_pickles():
    x = leaf()
    x.grad = mg.Tensor(np.ones(3))
    y = copy.deepcopy(x)
    y.data = y.data * 2
    assert x.tolist() == [1, 2, 3] and y.requires_grad and y.grad.tolist() == [1, 1, 1]
    with pytest.raises(TypeError, match="detach"):
        copy.deepcopy(x * 2)
    with pytest.raises(TypeError, match="safetensors"):
        pickle.dumps(x)
