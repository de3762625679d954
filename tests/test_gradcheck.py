"""The checker is checked: every planted mistake must be caught, and the function that has it must be named."""

import numpy as np
import pytest
from planted import (
    PLANTED,
    AllTies,
    Doubled,
    DoubledSecond,
    FlatSecond,
    Float32Leak,
    LosesCotangent,
    Lost,
    MeanForSum,
    Mixed,
    NotANumber,
    OffByAThousandth,
    OneIndex,
    OneRepeatOnly,
    PartialLeak,
    WrongSign,
)

import minigrad as mg
import minigrad.functions as F
from minigrad import layers
from minigrad.function import Function
from minigrad.gradcheck.finite_differences import estimates, has_kink


def sample(shape=(3, 3), seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def failure_of(check, *arguments, **keywords):
    with pytest.raises(mg.GradientError) as error:
        check(*arguments, **keywords)
    return error.value.report, str(error.value)


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_mistake_is_caught_and_named_inside_of_other_functions(planted):
    report, message = failure_of(mg.gradcheck, lambda x: mg.sin(planted.apply(mg.tanh(x) * 2)) + 1, sample())
    assert [c.function for c in report.culprits] == [planted.__name__]
    assert planted.__name__ in message and report.failures[0].verdict == "bug"


@pytest.mark.parametrize("planted", [OneRepeatOnly, Mixed])
def test_a_planted_mistake_in_a_function_of_two_operands(planted):
    report, _ = failure_of(mg.gradcheck, lambda x, y: planted.apply(mg.exp(x), mg.sin(y)), (sample(), sample((3,), 1)))
    assert [c.function for c in report.culprits] == [planted.__name__]
    assert {f.input for f in report.failures} == ({"y"} if planted is OneRepeatOnly else {"x", "y"})


@pytest.mark.parametrize("planted", [OneIndex, OffByAThousandth, Float32Leak, PartialLeak])
def test_a_mistake_among_many_numbers(planted):
    report, _ = failure_of(mg.gradcheck, planted.apply, sample((40, 30)))
    failure = report.failures[0]
    assert [c.function for c in report.culprits] == [planted.__name__]
    if planted is OneIndex:
        assert failure.index == (20, 0) and failure.ratio == pytest.approx(3.01 / 3)


@pytest.mark.parametrize("planted, words", [
    (Doubled, "counted twice"), (WrongSign, "sign"), (Lost, "lost"), (MeanForSum, "factor is 3"),
    (OffByAThousandth, "off by 0.001"), (NotANumber, "not a number"), (Float32Leak, "float32"),
    (AllTies, "does not depend")])
def test_the_ratio_is_explained(planted, words):
    report, message = failure_of(mg.gradcheck, planted.apply, sample())
    assert words in message
    if planted in (Doubled, WrongSign):
        assert report.failures[0].ratio == pytest.approx({Doubled: 2, WrongSign: -1}[planted])


def test_a_failure_tells_where_with_both_numbers():
    x = sample()
    report, message = failure_of(mg.gradcheck, OffByAThousandth.apply, (x,))
    failure = report.failures[0]
    assert x[failure.index] == failure.value
    assert failure.analytic / failure.numeric == pytest.approx(1.001, rel=1e-7)
    assert f"{list(failure.index)}" in message and "1.001" in message


# ---- second order

@pytest.mark.parametrize("planted, named", [
    (FlatSecond, "FlatSecond"), (LosesCotangent, "LosesCotangent"), (DoubledSecond, "Doubled")])
def test_a_mistake_in_second_order_only(planted, named):
    def f(x):
        return planted.apply(mg.tanh(x)) * 2

    assert mg.gradcheck(f, sample())
    report, _ = failure_of(mg.gradgradcheck, f, sample())
    assert named in [c.function for c in report.culprits]


def test_gradgradcheck_finds_mistakes_of_first_order_too():
    report, _ = failure_of(mg.gradgradcheck, Doubled.apply, sample())
    assert report.order == 1 and report.culprits[0].function == "Doubled"


# ---- kinks and precision are not called bugs

@pytest.mark.parametrize("f, x, index, function", [
    (F.relu, [1.0, 0.0, -2.0], [(1,)], "Relu"), (lambda x: mg.maximum(x, 2.0), [2.0, 5.0], [(0,)], "Maximum"),
    (mg.max, [1.0, 4.0, 4.0], [(1,), (2,)], None),  # made of functions that are each right: the index jumps
    (mg.sqrt, [0.0, 1.0], [(0,)], "Sqrt")])
def test_a_kink_is_told_from_a_bug(f, x, index, function):
    report, message = failure_of(mg.gradcheck, f, np.array(x))
    failure, = report.failures
    assert failure.verdict == "kink" and failure.index in index and "kink" in message
    assert [c.function for c in report.culprits] == [function] * (function is not None)


def test_float32_inside_is_called_too_little_precision():
    report, message = failure_of(mg.gradcheck, lambda x: mg.sin(x.astype("float32")), sample())
    assert report.failures[0].verdict == "precision" and "float32" in message
    assert mg.gradcheck(lambda x: mg.sin(x.astype("float32")), sample(), rtol=2e-2, first_step=1e-1)


def test_a_value_that_leaves_the_tape_is_told_apart():
    report, message = failure_of(mg.gradcheck, lambda x: x * x.detach(), sample())
    assert not report.culprits and ".detach()" in message


# ---- what is right must pass

@pytest.mark.parametrize("f, inputs", [
    (lambda x: x, sample()), (lambda x: mg.log(x), np.array([1e-6, 1e-3, 1.0, 1e6])),
    (lambda x: x ** 3, np.array([-1e8, 1e8, 3.0])), (lambda x: mg.sqrt(x), np.array([1e-12, 4.0])),
    (lambda x: x * 0, sample()), (lambda x, y: x @ y, (sample((4, 5)), sample((5, 2)))),
    (lambda x: (F.softmax(x), mg.sum(x)), sample()), (lambda x, i: F.embedding(i, x), (sample(), np.array([0, 2, 2]))),
    (mg.sin, 2.0), (lambda x: mg.exp(x * 30), np.array([0.5, 1.0])), (lambda x: x.sum(), np.zeros((0, 3))),
    (lambda x: F.layer_norm(x, np.ones(30), np.zeros(30)), sample((20, 30))),
    (lambda x: x.astype("float64") * 1e-20, np.array([1e-9, 1e-9]))])
def test_what_is_right_passes_to_second_order(f, inputs):
    assert mg.gradcheck(f, inputs)
    assert mg.gradgradcheck(f, inputs)


def test_a_whole_model_by_its_parameters():
    mg.seed(3)
    model = mg.Sequential([layers.Conv2D(3, 3, activation="tanh"), layers.MaxPool2D(2), layers.Flatten(),
                           layers.Dense(4, activation="softmax")])
    x = np.random.default_rng(0).random((2, 8, 8, 1))
    report = mg.gradcheck(model, x)
    names = [name for name, _ in model.named_parameters()]
    assert [c.name for c in report.comparisons][1:] == names and len(names) == 4
    before = {name: p.numpy().copy() for name, p in model.named_parameters()}
    mg.gradgradcheck(model, x)
    assert all(p.dtype == np.float32 and (p.numpy() == before[name]).all() and p.grad is None
               for name, p in model.named_parameters())


def test_a_mistake_in_a_layer_of_a_model_is_named_and_the_parameters_are_restored():
    model = mg.Sequential([layers.Dense(5, input_shape=(3,)), layers.Activation(Doubled.apply), layers.Dense(2)])
    weights = [p.data for p in model.parameters()]
    report, _ = failure_of(mg.gradcheck, model, sample((4, 3)))
    assert [c.function for c in report.culprits] == ["Doubled"]
    assert all(p.data is w for p, w in zip(model.parameters(), weights))


def test_a_loss_by_parameters_that_it_reads_itself():
    w = mg.Tensor(sample((3, 2)), requires_grad=True, dtype="float32")
    x = mg.Tensor(sample((5, 3)))
    report = mg.gradcheck(lambda: mg.tanh(x @ w).sum(), (), parameters=[w])
    assert len(report.comparisons) == 1 and w.dtype == np.float32


def test_a_gradient_that_is_zero_but_for_rounding_is_no_leak():
    # the keys' bias adds the same number to all scores of a query, and softmax does not see it
    assert mg.gradcheck(layers.MultiHeadAttention(2, 3), np.random.default_rng(0).random((2, 4, 6)))


def test_a_shared_parameter_and_a_frozen_one():
    layer = layers.Dense(3, activation="tanh", input_shape=(3,))
    layer.bias.trainable = False
    report = mg.gradcheck(mg.Sequential([layer, layer]), sample((2, 3)))
    assert len(report.comparisons) == 2  # the input and the one kernel


# ---- what else is watched

def test_random_results_are_refused():
    with pytest.raises(mg.GradientError, match="different results"):
        mg.gradcheck(lambda x: F.dropout(x, 0.5), sample())

    def seeded(x):
        mg.seed(1)
        return F.dropout(x, 0.5)
    assert mg.gradcheck(seeded, sample())


def test_changed_inputs_and_cotangents_are_refused():
    class Spoils(Function):
        """y = 2 x          dx = 2 dy"""

        def forward(self, x):
            y = 2 * x
            x += 1
            return y

        def backward(self, dy):
            return 2 * dy

    class SpoilsCotangent(Spoils):
        def forward(self, x):
            return 2 * x

        def backward(self, dy):
            dy._data *= 2
            return dy

    with pytest.raises(mg.GradientError, match="changed"):
        mg.gradcheck(Spoils.apply, sample())
    with pytest.raises(mg.GradientError, match="changed the gradient"):
        mg.gradcheck(SpoilsCotangent.apply, sample())


def test_a_gradient_of_another_shape_names_the_function():
    class WrongShape(Doubled):
        def backward(self, dy):
            return dy[:2]
    with pytest.raises(mg.GradientError, match="WrongShape"):
        mg.gradcheck(WrongShape.apply, sample())


@pytest.mark.parametrize("call, words", [
    (lambda: mg.gradcheck(mg.exp, np.array([1, 2])), "nothing to check"),
    (lambda: mg.gradcheck(lambda x: x.numpy(), sample()), "must return a Tensor"),
    (lambda: mg.gradcheck(lambda x: mg.log(x), np.array([-1.0])), "nan"),
    (lambda: mg.gradcheck(mg.exp, sample(), argnums=3), "argnums"),
    (lambda: mg.gradcheck(mg.exp, parameters=[mg.Tensor([1j], requires_grad=True)]), "complex parameters")])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_bad_use_is_explained(call, words):
    with pytest.raises(Exception, match=words):
        call()


def test_argnums_chooses_what_is_checked():
    report = mg.gradcheck(lambda x, y: x * Doubled.apply(y), (sample(), sample()), argnums=0)
    assert [c.name for c in report.comparisons] == ["x"]


def test_a_report_can_be_had_instead_of_an_error():
    report = mg.gradcheck(Doubled.apply, sample(), raise_exception=False)
    assert not report and "counted twice" in str(report)
    assert "agree" in repr(mg.gradcheck(mg.sin, sample()))


# ---- the finite differences themselves

@pytest.mark.parametrize("f, slope", [(np.sin, 1.0), (np.exp, 1.0), (lambda t: 1 / np.float64(2e-3 + t) * 4e-6, -1.0),
                                      (lambda t: np.log(1e-5 + t) * 1e-5, 1.0)])
def test_estimates_reach_nine_digits(f, slope):
    with np.errstate(all="ignore"):
        *_, best = estimates(lambda t: np.array([f(t)]), np.array([[1.0]]))
    assert abs(best.value[0] - slope) < 1e-9


def test_kinks_are_seen_and_curvature_is_not_one():
    one = np.array([[1.0]])
    assert has_kink(lambda t: np.array([abs(t)]), one)[0]
    assert not has_kink(lambda t: np.array([1e3 * t * t]), one)[0]
    assert not has_kink(lambda t: np.array([np.sin(t)]), one)[0]
