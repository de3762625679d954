"""A step in pieces on several threads: the same gradients as in one, whoever computes them."""

import copy
import time

import numpy as np
import pytest
import standin
from small_network import Centre, X, Y, gradients, loss_of, network, run, same

import minigrad as mg
import minigrad.functions as F
from minigrad import layers, parallel
from minigrad.tensor import Tensor


@pytest.fixture(autouse=True)
def seeded():
    mg.seed(0)


# ---- the mathematics

@pytest.mark.parametrize("piece", [1, 5, 8, 36, 37, 1000])
def test_the_gradients_of_the_pieces_are_those_of_the_batch(piece):
    with mg.tensor.default_dtype("float64"):
        model = network()
        x = X.astype("float64")
        loss = loss_of(model)(x, Y)
        loss.backward()
        expected = gradients(model)
        value, found = run(model, arrays=(x, Y), workers=2, piece=piece)
    assert value == pytest.approx(loss.item(), rel=1e-13)
    for g, e in zip(found, expected):
        np.testing.assert_allclose(g, e, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("extra", [(), (layers.Dropout(0.4),)])
def test_the_number_of_workers_changes_no_bit(extra):
    model = network(*copy.deepcopy(extra))
    runs = []
    for workers in (1, 2, 3, 5):
        mg.seed(7)
        runs.append([run(model, workers=workers, piece=4) for _ in range(3)])
    assert all(same(a, b) for one in runs[1:] for a, b in zip(one, runs[0]))
    assert same(runs[0][0], runs[0][1]) is (not extra)  # each step draws anew


def test_the_order_of_the_sum_is_that_of_the_pieces_whoever_is_fast():
    model = network()
    calm = run(model, workers=1, piece=4)

    def late(x, y):
        time.sleep(0.02 if np.array_equal(x[0], X[0]) else 0)  # the first piece comes last
        return loss_of(model)(x, y)

    assert same(run(model, late, workers=4, piece=4), calm)


def test_a_sum_over_rows():
    model = network()
    summed = lambda x, y: F.cross_entropy(model(x), y, reduction="sum")  # noqa: E731
    whole = run(model, summed, workers=None)
    found = run(model, summed, workers=2, piece=5, reduction="sum")
    assert found[0] == pytest.approx(whole[0], rel=1e-5)
    for g, e in zip(found[1], whole[1]):
        np.testing.assert_allclose(g, e, rtol=1e-4, atol=1e-4)


def test_gradients_are_added_to_what_is_there_and_outputs_keep_their_order():
    model = network()

    def with_outputs(x, y):
        scores = model(x)
        return F.cross_entropy(scores, y), scores, y * 2

    loss, scores, doubled = parallel.step(with_outputs, X, Y, workers=2, piece=4)
    once = gradients(model)
    np.testing.assert_allclose(scores.numpy(), model(X).numpy(), rtol=1e-5, atol=1e-6)
    assert np.array_equal(doubled, Y * 2) and isinstance(doubled, np.ndarray)
    assert loss.creator is None and scores.creator is None and not scores.requires_grad
    parallel.step(with_outputs, X, Y, workers=2, piece=4)
    for g, e in zip(gradients(model), once):
        np.testing.assert_allclose(g, 2 * e, rtol=1e-6)
    whole = parallel.step(with_outputs, X, Y, workers=None)
    assert [type(v) for v in whole] == [Tensor, Tensor, np.ndarray] and whole[1].creator is None
    assert parallel.step(loss_of(model), X, Y, workers=None).creator is None


def test_the_gradient_of_an_input_and_leaves_that_only_some_pieces_use():
    x, w, rare = Tensor(X[:, 0, 0], requires_grad=True), Tensor([1.0, 2.0], True), Tensor(3.0, requires_grad=True)

    def f(x):
        y = F.mean(F.square(x * w))
        return y * rare if len(x) == 3 else y  # 37 by 4: pieces of 3 and of 4 rows

    parallel.step(f, x, workers=3, piece=4)
    cuts = parallel.pieces.cut(37, 4)
    found, x.grad = x.grad.numpy(), None
    sum((f(x[c]) * ((c.stop - c.start) / 37) for c in cuts[1:]), f(x[cuts[0]]) * (3 / 37)).backward()
    np.testing.assert_allclose(found, x.grad.numpy(), rtol=1e-5)
    assert {c.stop - c.start for c in cuts} == {3, 4} and rare.grad is not None


def test_a_hook_sees_the_whole_gradient_once():
    model, seen = network(), []
    kernel = model.layers[-1].kernel
    kernel.register_hook(lambda g: seen.append(g.numpy().copy()))
    run(model, workers=2, piece=5)
    assert len(seen) == 1 and np.array_equal(seen[0], kernel.grad.numpy())


def test_what_this_thread_has_set_holds_in_the_others():
    noted = []

    def f(x):
        noted.append((mg.Tensor(1.0).dtype, mg.autograd.is_recording()))
        return x

    with mg.tensor.default_dtype("float64"), mg.no_grad():
        with pytest.raises(mg.GraphError, match="no_grad"):
            parallel.step(lambda x: mg.sum(f(x)), X, workers=2, piece=5)
    assert noted and all(n == (np.float64, False) for n in noted)
    with pytest.raises(FloatingPointError), np.errstate(all="raise"):
        parallel.forward(lambda x: mg.exp(x * 1000), X, workers=2, piece=5)


# ---- random numbers

def test_each_piece_and_each_step_draws_its_own():
    w = Tensor(np.ones(50, "float32"), requires_grad=True)

    def masks():
        return parallel.step(lambda x: (F.sum(F.dropout(x * w)), F.dropout(x * w)), np.ones((6, 50), "float32"),
                             workers=2, piece=2)[1].numpy()

    mg.seed(3)
    first, second = masks(), masks()
    assert not np.array_equal(first, second)
    assert len({first[i:i + 2].tobytes() for i in (0, 2, 4)}) == 3
    mg.seed(3)
    assert np.array_equal(first, masks()) and np.array_equal(second, masks())
    mg.seed(4)
    assert not np.array_equal(first, masks())


def test_the_generator_moves_only_if_a_piece_draws():
    model, dropping = network(), network(layers.Dropout(0.5))
    mg.seed(1)
    expected = mg.random.generator().random(4)
    mg.seed(1)
    run(model, workers=2, piece=4)
    assert np.array_equal(mg.random.generator().random(4), expected)
    after = []
    for workers in (1, 3):
        mg.seed(1)
        run(dropping, workers=workers, piece=4)
        after.append(mg.random.generator().random(4))
    assert np.array_equal(*after) and not np.array_equal(after[0], expected)


# ---- which batches are cut, and where

def test_pieces_are_even_and_cover_all_rows():
    for rows in range(0, 40):
        for piece in (1, 2, 7, 16, 50):
            cuts = parallel.pieces.cut(rows, piece)
            sizes = [c.stop - c.start for c in cuts]
            assert [i for c in cuts for i in range(c.start, c.stop)] == list(range(rows))
            assert max(sizes) <= piece and max(sizes) - min(sizes) <= 1 and len(cuts) == max(1, -(-rows // piece))


def test_a_piece_is_as_large_as_its_results_fit():
    model = mg.models.LeNet()
    f, x, y = loss_of(model), np.zeros((512, 28, 28, 1), "float32"), np.zeros(512, int)
    assert [parallel.rows_of_a_piece(f, x[:n], y[:n]) for n in (512, 128, 64, 32, 8, 1)] == [32, 32, 32, 16, 8, 1]
    dense = mg.Sequential([layers.Dense(64, input_shape=(20,)), layers.Dense(4)])
    assert parallel.rows_of_a_piece(loss_of(dense), x[:64, 0, :20, 0], y[:64]) == 64  # so little is not worth cutting
    wide = mg.Sequential([layers.Dense(2500, input_shape=(2500,)), layers.Dense(2500)])  # 50 MB of weights
    assert parallel.rows_of_a_piece(loss_of(wide), np.zeros((512, 2500), "float32"), y) == 512
    scale = mg.Tensor(np.ones(1000, "float32"), requires_grad=True)

    def many_functions(x):  # 100, of 4 kB each for a row: 128 rows make 512 kB for each function, 20 would make 8 MB in all
        for _ in range(100):
            x = x * scale
        return x.sum()
    assert parallel.rows_of_a_piece(many_functions, np.zeros((512, 1000), "float32")) == 128
    assert parallel.rows_of_a_piece(lambda x: x, x) == 512  # nothing is known of what is not recorded
    lazy = network(name="lazy")
    assert parallel.rows_of_a_piece(loss_of(lazy), X, Y) == 37 and not lazy.built


def test_counting_changes_nothing():
    model = network(layers.Dropout(0.5))
    mg.seed(5)
    expected = mg.random.generator().random(4)
    mg.seed(5)
    assert parallel.rows_of_a_piece(loss_of(model), X, Y) == 37
    assert parallel.tune(loss_of(model), X, Y, workers=2, candidates=(8, 16), repeats=1) in (8, 16, 37)
    assert np.array_equal(mg.random.generator().random(4), expected)
    assert all(p.grad is None for p in model.parameters())


def test_what_fails_on_one_row_is_not_cut_and_fails_with_its_own_shape():
    w = Tensor(1.0, requires_grad=True)

    def f(x):
        if len(x) < 30:
            raise ValueError(f"so few rows: {len(x)}")
        return F.mean(x * w)

    assert parallel.step(f, X) == f(X)
    with pytest.raises(ValueError, match="so few rows: 29"):
        parallel.step(f, X[:29])


def test_tune_takes_the_fastest():
    w = Tensor(1.0, requires_grad=True)

    def slow_unless_eight(x):
        time.sleep(0.001 if len(x) == 8 else 0.03)
        return F.mean(x * w)

    assert parallel.tune(slow_unless_eight, np.ones((16, 2), "float32"), candidates=(2, 4, 8, 99), repeats=2) == 8


def test_a_layer_that_needs_the_whole_batch_gets_it():
    centre = Centre()
    model, seen = network(centre), centre.seen
    expected = run(model, workers=None)
    seen.clear()
    assert same(run(model, workers=2, piece=4), expected) and seen == [(37, True)]
    seen.clear()
    parallel.forward(lambda x: model(x), X, workers=2, piece=10)  # outside of training its rows are independent
    assert sorted(seen) == [(9, False)] * 3 + [(10, False)]
    assert parallel.rows_of_a_piece(loss_of(model), X, Y) == 37
    assert parallel.tune(loss_of(model), X, Y, candidates=(8,)) == 37


def test_on_a_gpu_the_batch_stays_whole():
    standin.register()
    model, sizes = network().to("standin"), []

    def f(x, y):
        sizes.append(len(x))
        return loss_of(model)(x, y)

    for x in (X, Tensor(X, device="standin")):
        assert parallel.rows_of_a_piece(f, x, Y) == 37
        sizes.clear()
        loss = parallel.step(f, x, Y, workers=2, piece=4)
        assert sizes[-1] == 37 and loss.device == model.parameters()[0].grad.device == "standin:0"


@pytest.mark.parametrize("extra", [(), (layers.Dropout(0.3),)])
def test_a_model_that_is_not_built_yet(extra):
    def steps(workers):
        mg.seed(2)
        model = network(*copy.deepcopy(extra), name="first")
        return [run(model, workers=workers, piece=4) for _ in range(2)]

    one, several, built = steps(1), steps(4), network()
    assert all(same(a, b) for a, b in zip(one, several))
    mg.seed(2)
    built = network()
    if not extra:
        assert run(built, workers=None)[0] == one[0][0]  # the weights are those of a model built before
