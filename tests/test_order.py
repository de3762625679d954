"""The engine's rule 1: topological order, linear in edges, without recursion."""

import gc
import sys
import weakref

import numpy as np
import pytest
from test_engine import close, cotangent, leaf

import minigrad.functions as F
from minigrad import Tensor
from minigrad.autograd import sweep, topological_order
from minigrad.function import Function


def chain(x, n):
    y = x
    for _ in range(n):
        y = y + 1.0
    return y


def fan_out(x, n):
    y = x * 2.0
    return F.concatenate([y[None] for _ in range(n)])


def test_a_chain_of_100_000_forward_backward_and_freed():
    x, visits = leaf(), []
    y = chain(x, 100_000)
    assert len(topological_order([y.creator])) == 100_000
    sweep([y], [Tensor(1.0, dtype=float)], retain_graph=True, visit=lambda f, *_: visits.append(f))
    assert len(visits) == len(set(visits)) == 100_000
    visits.clear()
    y.backward()
    assert x.grad.item() == 1.0
    first = weakref.ref(y.creator)
    del y
    assert first() is None


@pytest.mark.parametrize("make", [lambda x: chain(x, 100_000), lambda x: (chain(x, 50_000), chain(x * 2, 50_000))])
def test_a_deep_graph_is_freed_without_recursion_although_backward_never_ran(make):
    x = leaf()
    y = make(x)
    nodes = topological_order([t.creator for t in (y if isinstance(y, tuple) else [y])])
    dead = [weakref.ref(nodes[i]) for i in (0, len(nodes) // 2, -1)]
    del nodes, y
    assert [r() for r in dead] == [None] * 3


def test_a_tensor_used_10_000_times():
    x, visits = leaf(), []
    y = fan_out(x, 10_000)
    dy = cotangent(y)
    found = sweep([y], [Tensor(dy)], visit=lambda f, *_: visits.append(f))
    close(found[x], 2 * dy.sum(), operations=10_000)
    assert len(visits) == 10_002  # the doubling, 10,000 slices and their concatenation, each once


def test_order_puts_each_function_after_its_operands_and_lists_it_once():
    x = leaf(3)
    a = F.exp(x)
    b, c = F.split(F.concatenate([a, a * x]), 2)
    y = (b * c + a).sum()
    order = topological_order([y.creator, a.creator])
    place = {f: i for i, f in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[p] < place[f] for f in order for p in f.parents if isinstance(p, Function))


def test_paths_are_not_walked_one_by_one():
    x, visits = leaf(), []
    y = x
    for _ in range(60):  # 2**60 paths
        y = y + y
    found = sweep([y], [Tensor(1.0, dtype=float)], visit=lambda f, *_: visits.append(f))
    assert found[x].item() == 2.0 ** 60 and len(visits) == 60


def calls(work):
    """How many calls, of Python and of C, `work` makes: time, without its noise."""
    count = 0

    def count_call(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    collecting = gc.isenabled()
    gc.disable()  # its callbacks (Hypothesis has one) are calls too, and come when they like
    sys.setprofile(count_call)
    try:
        work()
    finally:
        sys.setprofile(None)
        if collecting:
            gc.enable()
    return count


@pytest.mark.parametrize("build", [chain, fan_out], ids=["chain", "fan_out"])
def test_the_work_grows_in_line_with_the_graph(build):
    def work(n):
        y = build(leaf(), n)
        y.backward(np.ones(y.shape))

    work(100)  # caches filled
    small, middle, large = (calls(lambda n=n: work(n)) for n in (1000, 2000, 3000))
    assert large - middle == middle - small > 0


def test_each_edge_is_looked_at_a_fixed_number_of_times():
    looks = 0

    class Watched(Function):
        reads = {}

        @property
        def parents(self):
            nonlocal looks
            looks += 1
            return Function.parents.__get__(self)

        @parents.setter
        def parents(self, value):
            Function.parents.__set__(self, value)

        def forward(self, *xs):
            return sum(xs)

        def backward(self, dz):
            return (dz,) * len(self.parents)

    def count(depth):
        nonlocal looks
        x = leaf()
        y = x
        for _ in range(depth):
            y = Watched.apply(y, y, x)
        looks = 0
        y.backward()
        return looks

    assert count(60) - count(40) == count(40) - count(20) > 0
