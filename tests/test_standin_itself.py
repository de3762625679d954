"""The stand-in for CuPy refuses what CuPy refuses, lacks what CuPy lacks, and counts what is copied."""

import operator

import numpy as np
import pytest
import standin

import minigrad as mg

xp = standin.xp


def four():
    return standin.ndarray(np.arange(4.0))


@pytest.mark.parametrize("call", [
    np.asarray, np.array, lambda x: x + np.ones(4), lambda x: np.ones(4) + x, lambda x: x.__iadd__(np.ones(4)),
    lambda x: np.add(x, np.ones(4)), lambda x: np.add(np.ones(4), x), lambda x: x < np.ones(4), lambda x: x == np.ones(4),
    lambda x: x + np.array(1.0), lambda x: x @ np.ones(4), lambda x: x + [1, 2, 3, 4], lambda x: [1, 2, 3, 4] * x,
    lambda x: xp.add(x, [1, 2, 3, 4]), lambda x: xp.exp([1.0]), lambda x: xp.exp(np.ones(4)), lambda x: xp.exp(None),
    lambda x: xp.exp(mg.Tensor([1.0])), lambda x: xp.sum([1.0, 2.0]), lambda x: xp.sum(np.ones(4)), lambda x: xp.sum(1.0),
    lambda x: xp.where(x > 1, np.ones(4), x), lambda x: xp.where([True] * 4, x, 0), lambda x: xp.where(True, x, 0),
    lambda x: xp.concatenate([x, np.ones(2)]), lambda x: xp.concatenate([x, [1.0]]),
    lambda x: np.concatenate([x, np.ones(2)]),
    lambda x: xp.matmul(x, np.ones(4)), lambda x: xp.einsum("i,i", x, np.ones(4)), lambda x: x.clip(np.zeros(4), 1),
    lambda x: x.__setitem__(slice(None), np.ones(4)), lambda x: x.__setitem__(slice(None), [1, 2, 3, 4]),
    lambda x: xp.exp(x, out=np.ones(4)), lambda x: np.exp(x, out=np.ones(4)), lambda x: xp.add.at(x, 0, np.ones(1)),
    lambda x: standin.special.erf(np.ones(4)), lambda x: np.linalg.inv(x[:, None], np.ones(4))])
def test_host_arrays_and_lists_are_refused(call):
    with pytest.raises(TypeError):
        call(four())


@pytest.mark.parametrize("call", [
    lambda x: x.sum(where=x > 1), lambda x: x.sum(initial=1), lambda x: x.astype("f", casting="safe"),
    lambda x: xp.exp(x, where=x > 1), lambda x: xp.add(x, x, subok=True), lambda x: xp.einsum("i,i", x, x, order="C"),
    lambda x: xp.indices((2, 2), sparse=True), lambda x: xp.clip(x, min=0, max=1), lambda x: np.sum(x, initial=0),
    lambda x: xp.zeros(x), lambda x: xp.zeros((xp.argmax(x),)), lambda x: range(x[0]), lambda x: [1, 2][xp.argmax(x)],
    lambda x: xp.arange(x[0]), lambda x: hash(x), lambda x: len(x[0]), lambda x: np.vecdot(x, x),
    lambda x: np.insert(x, 0, 1), lambda x: np.maximum.reduce(x), lambda x: xp.add.at(x.astype("int8"), 0, 1),
    lambda x: xp.subtract.at(x, 0, 1)])
def test_what_cupy_does_not_take_is_refused(call):
    with pytest.raises(TypeError):
        call(four())


@pytest.mark.parametrize("name", """errstate nditer unstack block vecdot matvec frompyfunc einsum_path insert geomspace
                         object_ str_ exp.at exp.reduce multiply.at maximum.reduce subtract.reduceat random.rand
                         linalg.multi_dot lib.stride_tricks.broadcast_arrays""".split())
def test_what_cupy_lacks_is_absent(name):
    with pytest.raises(AttributeError):
        operator.attrgetter(name)(xp)


@pytest.mark.parametrize("name", ["normal", "permutation", "shuffle", "choice"])
def test_the_generator_lacks_what_cupys_lacks(name):
    generator = xp.random.default_rng(0)
    assert generator.random((2,), dtype="float32").dtype == "float32"
    with pytest.raises(AttributeError):
        getattr(generator, name)


def test_text_and_objects_do_not_go_to_the_device():
    for x in (["a"], [None]):
        with pytest.raises(ValueError, match="Unsupported dtype"):
            xp.asarray(x)


@pytest.mark.parametrize("reduce", [xp.sum, xp.mean, xp.var, xp.max, xp.argmax, xp.any, np.sum, lambda x: x.std(),
                                    lambda x: x @ x, lambda x: x[0], lambda x: xp.array_equal(x, x)])
def test_what_is_a_scalar_in_numpy_is_a_0d_array(reduce):
    y = reduce(four())
    assert isinstance(y, standin.ndarray) and y.shape == ()
    assert isinstance(y + 1, standin.ndarray) and isinstance(-(y * 1), standin.ndarray)


@pytest.mark.parametrize("key, expected", [
    ([5], [1]), ([-5], [3]), ((Ellipsis, [4, 7]), [0, 3]), ((None, [6]), [[2]]), ([True, False, True, False], [0, 2])])
def test_too_large_indices_wrap_around(key, expected):
    key = key if isinstance(key, tuple) else (key,)
    key = tuple(standin.ndarray(np.array(k)) if isinstance(k, list) else k for k in key)
    assert four()[key].tolist() == expected
    with pytest.raises(IndexError):
        four()[4]


def test_taking_along_an_axis_wraps_around_too():
    x = four()
    for places in (xp.take(x, standin.ndarray(np.array([5]))), xp.take_along_axis(x, standin.ndarray(np.array([5])), 0)):
        assert places.tolist() == [1]


@pytest.mark.parametrize("shape, key", [((3,), [1, 1]), ((2, 3), (0, [1, 1])), ((3, 2), (slice(None), [1, 1]))])
def test_of_duplicate_indices_another_value_wins_than_in_numpy(shape, key):
    x, there = np.zeros(shape), standin.ndarray(np.zeros(shape))
    value = np.broadcast_to([1.0, 2.0], x[key].shape)
    x[key] = value
    there[key] = standin.ndarray(value)
    assert x.max() == 2 and there.get().max() == 1
    xp.add.at(there, key, standin.ndarray(value))
    assert there.get().max() == 1 + 1 + 2


def test_traffic_is_counted_and_can_be_forbidden():
    for kind, copy in {"to host": four().get, "to device": lambda: xp.asarray([1.0]), "scalars": four()[0].item}.items():
        before = standin.traffic.copy()
        copy()
        assert standin.traffic - before == {kind: 1}
        with standin.no_traffic(), pytest.raises(AssertionError, match=kind):
            copy()
    for look in (repr, float, bool, int, "{}".format, standin.ndarray.tolist):
        x = four()[1]
        with standin.no_traffic(), pytest.raises(AssertionError):
            look(x)
    with standin.no_traffic():
        xp.exp(four()).sum()[None] + four().copy().reshape(2, 2).T.ravel()
    with standin.no_traffic("to device"):
        assert float(four()[2]) == 2


def test_views_share_and_copies_do_not():
    x = four()
    x.reshape(2, 2)[0, 0] = 7.0
    assert x.tolist() == [7, 1, 2, 3]
    assert x.astype(float, copy=False) is x and xp.asarray(x) is x and x.copy().base is None and x.T.base is not None
    assert xp.exp(x, out=x) is x
