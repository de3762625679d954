"""What all optimizers share: groups, weight decay, clipping, averages, accumulation; what they refuse."""

import copy
import math

import numpy as np
import pytest
from rules import go, parameters, same, values

import minigrad as mg
from minigrad import layers, optimizers
from minigrad.optimizers import LBFGS, SGD, Adam, AdamW, Muon, clip_grad_norm, clip_grad_value

# ---- the rules, two steps by hand

def nadam_share(t):
    """m̂ / √v̂ in step t, for β₁ = β₂ = 1/2 and the gradients 2 and 1."""
    mu = [0.5 * (1 - 0.5 * 0.96 ** k) for k in (1, 2, 3)]
    g, m, v = ((2, 1, 2 / 0.5), (1, 1, 1.5 / 0.75))[t - 1]
    return (mu[t] * m / (1 - math.prod(mu[:t + 1])) + (1 - mu[t - 1]) * g / (1 - math.prod(mu[:t]))) / v ** 0.5


def two_steps(optimizer, start, gradients):
    p = mg.Tensor(np.array(start), requires_grad=True)
    optimizer.set_parameters([p])
    for g in gradients:
        p.grad = mg.Tensor(np.array(g))
        optimizer.step()
    return p.numpy()


@pytest.mark.parametrize("optimizer, expected", [
    (optimizers.Adagrad(0.1, initial_accumulator_value=0.5), 1 - 0.2 / 4.5 ** 0.5 - 0.1 / 5.5 ** 0.5),
    (optimizers.RMSprop(0.1, rho=0.5, momentum=0.5), 1 - 1.5 * 0.2 / 2 ** 0.5 - 0.1 / 1.5 ** 0.5),
    (optimizers.RMSprop(0.1, rho=0.5, centered=True), 1 - 0.2 / 1 - 0.1 / (1.5 - 1) ** 0.5),
    (optimizers.Adadelta(1.0, rho=0.5, epsilon=2.0), 1 - (a := 2 * 0.5 ** 0.5) - (a * a / 2 + 2) ** 0.5 / 3.5 ** 0.5),
    (Adam(0.1, beta_1=0.5, beta_2=0.5, amsgrad=True), 1 - 0.1 - 0.1 * 0.75 ** 0.5 / 0.75 / 2 ** 0.5),
    (optimizers.Adamax(0.1, beta_1=0.5, beta_2=0.5), 1 - 0.1 - 0.1 / 0.75),
    (optimizers.Lion(0.1, beta_1=0.5, beta_2=0.5), 1 - 0.1 - 0.1),
    (optimizers.Lamb(0.1, beta_1=0.5, beta_2=0.5), 0.9 * 0.9),
    (optimizers.Nadam(0.1, beta_1=0.5, beta_2=0.5), 1 - 0.1 * nadam_share(1) - 0.1 * nadam_share(2)),
    (optimizers.Ftrl(0.1, initial_accumulator_value=0.0, l1_regularization_strength=1.0),  # z = -18, n = 4; then n = 5
     (18 - 1 + (5 ** 0.5 - 2) / 0.1 * (18 - 1) / 20 - 1) / (5 ** 0.5 / 0.1)),
])
def test_two_steps_by_hand(optimizer, expected):
    """From 1 with the gradients 2 and 1; epsilon is too small to count where it is not given."""
    np.testing.assert_allclose(two_steps(optimizer, [1.0], [[2.0], [1.0]]), expected, rtol=1e-6)


def test_adafactor_by_hand():
    start, (a, b) = np.array([[3.0, 4.0], [0.0, 5.0]]), np.random.default_rng(0).standard_normal((2, 2, 2))
    p, beta = start, 1 - 2 ** -0.8
    for g, squares in ((a, a * a), (b, beta * a * a + (1 - beta) * b * b)):
        u = g / np.sqrt(np.outer(squares.mean(1), squares.mean(0)) / squares.mean())
        p = p - 0.1 * np.sqrt((p * p).mean()) * u / max(1, np.sqrt((u * u).mean()) / 0.5)
    np.testing.assert_allclose(two_steps(optimizers.Adafactor(0.1, clip_threshold=0.5), start, (a, b)), p, rtol=1e-12)


def test_muon_by_hand():
    """From the singular value decomposition: the iteration works on each singular value alone."""
    g = np.random.default_rng(0).standard_normal((5, 3))
    u, s, v = np.linalg.svd(1.9 * g, full_matrices=False)
    s = s / np.sqrt((s * s).sum())
    for _ in range(5):
        s = 3.4445 * s - 4.775 * s ** 3 + 2.0315 * s ** 5
    p = two_steps(Muon(0.1, momentum=0.9, weight_decay=None), np.zeros((5, 3)), [g])
    np.testing.assert_allclose(p, -0.1 * 0.2 * 5 ** 0.5 * (u * s) @ v, rtol=1e-5)


def test_zeros_get_away_from_zero():
    """Rules that step by the parameter's own norm."""
    assert two_steps(optimizers.Lamb(0.1), [0.0, 0.0], [[1.0, -1.0]]) == pytest.approx([-0.1, 0.1], rel=1e-5)
    assert two_steps(optimizers.Lamb(0.1), [1.0, 1.0], [[0.0, 0.0]]).tolist() == [1, 1]
    assert two_steps(optimizers.Adafactor(0.1), [0.0, 0.0], [[3.0, -2.0]]) == pytest.approx([-1e-4, 1e-4])


# ---- groups and weight decay

def test_groups_have_rates_and_decays_of_their_own():
    p = parameters()
    before, (kernel, bias, conv, gain) = values(p), p.values()
    optimizer = SGD([{"params": [kernel], "learning_rate": 0.5, "weight_decay": 0.1}, {"params": bias},
                     {"params": [conv], "learning_rate": lambda step: 0.25 / (step + 1), "weight_decay": None},
                     {"params": iter([("the.gain", gain)]), "weight_decay": 0}], learning_rate=0.125, weight_decay=1.0)
    assert optimizer.parameters == [kernel, bias, conv, gain] and optimizer.names[3] == "the.gain"
    for x in p.values():
        x.grad = mg.Tensor(np.ones(x.shape))
    for share in (1, 0.5):
        optimizer.step()
        expected = {"a.kernel": before["a.kernel"] * (1 - 0.05) - 0.5, "a.bias": before["a.bias"] * (1 - 0.125) - 0.125,
                    "conv.kernel": before["conv.kernel"] - 0.25 * share, "gain": before["gain"] - 0.125}
        for name, x in p.items():
            np.testing.assert_allclose(x.numpy(), expected[name], rtol=1e-14, atol=1e-14)
        before = values(p)


def test_exclusion_by_tensor_and_by_word():
    p = parameters()
    before = values(p)
    optimizer = AdamW(p.items(), 0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([p["gain"]], ["bias"])
    for x in p.values():
        x.grad = mg.Tensor(np.zeros(x.shape))
    copy.deepcopy(optimizer).step(), optimizer.step()
    assert {name: float(np.mean(x.numpy() / before[name])) for name, x in p.items()} == pytest.approx(
        {"a.kernel": 0.75, "a.bias": 1, "conv.kernel": 0.75, "gain": 1})
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    optimizer.step()
    assert p["a.bias"].numpy() == pytest.approx(0.75 * before["a.bias"])


def test_exclusion_before_the_parameters_and_the_names_of_a_model():
    model = mg.Sequential([layers.Dense(2, input_shape=(3,), name="one"), layers.Dense(1, name="two")])
    optimizer = SGD(1.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias", "two"])
    model.compile(optimizer, "mse")
    model.train_step(np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32"))
    assert optimizer.names == [name for name, _ in model.named_parameters()]
    assert optimizer._decayed == ["bias" not in name and "two" not in name for name in optimizer.names]
    assert any(optimizer._decayed)


def test_muon_tells_matrices_from_the_rest():
    p = parameters() | {"word.embeddings": mg.Tensor(np.ones((3, 2)), requires_grad=True),
                        "head.kernel": mg.Tensor(np.ones((3, 2)), requires_grad=True)}
    optimizer = Muon(p.items(), exclude_layers=["^head"])
    go(optimizer, p, range(1))
    assert [name for i, name in enumerate(p) if "v" not in optimizer.state[i]] == ["a.kernel"]
    s = np.linalg.svd(optimizer.orthogonal(np.random.default_rng(0).standard_normal((7, 4))))[1]
    assert s.shape == (4,) and (0.6 < s).all() and (s < 1.3).all()  # about 1: the iteration does not converge exactly


# ---- clipping

def test_clipping():
    p = parameters()
    g = {name: 3 * np.random.default_rng(5).standard_normal(x.shape) for name, x in p.items()} | {"gain": np.array(-1.5)}
    total = math.sqrt(sum((a * a).sum() for a in g.values()))
    expected = {"clipnorm": lambda a: a * min(1, 2 / np.linalg.norm(a)), "clipvalue": lambda a: np.clip(a, -2, 2),
                "global_clipnorm": lambda a: a * min(1, 2 / total)}
    assert total > 2 and any(np.linalg.norm(a) < 2 for a in g.values())
    for how, rule in expected.items():
        p = parameters()
        before, optimizer = values(p), SGD(p.values(), 1.0, **{how: 2})
        for name, x in p.items():
            x.grad = mg.Tensor(g[name])
        optimizer.step()
        for name, x in p.items():
            np.testing.assert_allclose(before[name] - x.numpy(), rule(g[name]), rtol=1e-12, atol=1e-14)
            assert np.array_equal(x.grad.numpy(), g[name])  # the gradient itself stays


def test_clipping_by_hand():
    p = parameters()
    for k, x in enumerate(p.values()):
        x.grad = None if k == 1 else mg.Tensor(np.full(x.shape, k + 1.0))
    norm = math.sqrt(12 * 1 + 12 * 9 + 16)
    assert clip_grad_norm(p.values(), 1000.0) == pytest.approx(norm) and p["conv.kernel"].grad.numpy().max() == 3
    assert clip_grad_norm(p.values(), 0.5) == pytest.approx(norm)
    assert clip_grad_norm(p.values(), 0.5) == pytest.approx(0.5) and p["a.bias"].grad is None
    assert p["conv.kernel"].grad.numpy().ravel()[0] == pytest.approx(3 * 0.5 / norm)
    clip_grad_value(p["gain"], 0.01)
    assert p["gain"].grad.item() == 0.01 and clip_grad_norm([p["a.bias"]], 1) == 0
    z = mg.Tensor(np.ones(2, complex), requires_grad=True)
    z.grad = mg.Tensor(np.array([3 - 4j, 0.1j]))
    assert clip_grad_norm([z], 100) == pytest.approx(math.sqrt(25.01))
    clip_grad_value(z, 1)
    assert z.grad.tolist() == [1 - 1j, 0.1j]


def test_an_infinite_norm_shows():
    x = mg.Tensor(np.ones(2), requires_grad=True)
    x.grad = mg.Tensor(np.array([np.inf, 1.0]))
    clip_grad_norm([x], 1.0)
    assert np.isnan(x.grad.numpy()).all()


# ---- averages and accumulation

def test_averages():
    p = parameters()
    optimizer = SGD(p.values(), 0.1, use_ema=True, ema_momentum=0.75)
    average = None
    for step in range(5):
        go(optimizer, p, [step], skip=["gain"])
        average = values(p) if average is None else {n: 0.75 * average[n] + 0.25 * v for n, v in values(p).items()}
    assert not np.allclose(p["a.kernel"].numpy(), average["a.kernel"])
    optimizer.finalize_variable_values([p["a.bias"]])
    assert not np.allclose(p["a.kernel"].numpy(), average["a.kernel"])
    optimizer.finalize_variable_values()
    for name, x in p.items():
        np.testing.assert_allclose(x.numpy(), average[name], rtol=1e-14)
    assert SGD(p.values()).finalize_variable_values() is None


def test_fit_ends_with_the_averages():
    mg.seed(0)
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    model = mg.Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile(SGD(0.01, use_ema=True), "mse")
    model.fit(x, y, epochs=3, batch_size=4, verbose=0)
    assert np.array_equal(model.parameters()[0].numpy(), model.optimizer.state[0]["average"])


def test_accumulation_is_a_step_with_the_mean():
    p, q = parameters(), parameters()
    few, whole = (Adam(x.values(), 0.1, global_clipnorm=0.5, **k) for x, k in
                  ((p, dict(gradient_accumulation_steps=3)), (q, {})))
    rng = np.random.default_rng(0)
    for _ in range(2):
        before, means = values(p), {name: np.zeros(x.shape) for name, x in p.items()}
        for k in range(3):
            assert same(values(p), before) and few.iterations == whole.iterations
            for name, x in p.items():
                g = rng.standard_normal(x.shape)
                x.grad = None if (name, k) == ("gain", 2) else mg.Tensor(g)
                means[name] += 0 if x.grad is None else g / 3
            few.step()
        for name, x in q.items():
            x.grad = mg.Tensor(means[name])
        whole.step()
        for name in p:
            np.testing.assert_allclose(p[name].numpy(), q[name].numpy(), rtol=1e-12)
    assert few.iterations == 2


# ---- bad input

ONE = mg.Tensor(np.ones(2), requires_grad=True)


@pytest.mark.parametrize("make, error, words", [
    (lambda: Adam(momentum=0.9), TypeError, "Adam has no argument 'momentum'"),
    (lambda: SGD(clip_norm=1), TypeError, "SGD has no argument 'clip_norm': did you mean 'clipnorm'"),
    (lambda: AdamW(weight_decay=-1), ValueError, r"AdamW: weight_decay must be a number in \[0, inf\) or None, got -1"),
    (lambda: SGD(clipnorm=0), ValueError, "SGD: clipnorm"), (lambda: SGD(clipvalue="1"), ValueError, "SGD: clipvalue"),
    (lambda: SGD(clipnorm=1, clipvalue=2), ValueError, "choose between clipnorm=1 and clipvalue=2"),
    (lambda: SGD(use_ema="yes"), ValueError, "use_ema must be True or False"),
    (lambda: SGD(ema_momentum=2), ValueError, "ema_momentum"),
    (lambda: SGD(ema_overwrite_frequency=0), ValueError, "ema_overwrite_frequency must be an integer"),
    (lambda: SGD(gradient_accumulation_steps=1), ValueError, r"steps must be an integer in \[2, inf\)"),
    (lambda: SGD(gradient_accumulation_steps=2.5), ValueError, "an integer"),
    (lambda: Adam(epsilon=-1), ValueError, "Adam: epsilon"),
    (lambda: Adam(amsgrad=1), ValueError, "amsgrad"), (lambda: optimizers.RMSprop(rho=1), ValueError, "RMSprop: rho"),
    (lambda: optimizers.Ftrl(learning_rate_power=0.5), ValueError, r"Ftrl: learning_rate_p.* \(-inf, 0\], got 0.5"),
    (lambda: optimizers.Ftrl(beta=-1), ValueError, "Ftrl: beta"),
    (lambda: optimizers.Lion(beta_1=1.5), ValueError, "Lion: beta_1"),
    (lambda: Muon(ns_steps=1.5), ValueError, "Muon: ns_steps"), (lambda: Muon(exclude_layers="head"), TypeError, "a list"),
    (lambda: optimizers.Adafactor(beta_2_decay=0.8), ValueError, "Adafactor: beta_2_decay"),
    (lambda: optimizers.Adadelta(rho=-0.1), ValueError, "Adadelta: rho"),
    (lambda: optimizers.Adagrad(initial_accumulator_value=-1), ValueError, "Adagrad: initial"),
    (lambda: LBFGS(line_search_fn="armijo"), ValueError, "'strong_wolfe', got 'armijo'"),
    (lambda: LBFGS(max_iter=0), ValueError, "LBFGS: max_iter"), (lambda: LBFGS([ONE]).step(), TypeError, "closure"),
    (lambda: LBFGS([{"params": [ONE]}, {"params": [mg.Tensor([1.0])]}]), ValueError, "2 groups"),
    (lambda: SGD([{"params": [ONE]}, {"params": [ONE]}]), ValueError, "parameter 0 of group 1 is in group 0"),
    (lambda: SGD([{"params": [ONE], "lr": 1}]), ValueError, "group 0 has 'lr'; a group may set learning_rate"),
    (lambda: SGD([{"params": [ONE], "learning_rate": -1}]), ValueError, "learning_rate of group 0"),
    (lambda: SGD([ONE, {"params": [ONE]}]), ValueError, "group 0 must be a dict"),
    (lambda: SGD([{"params": []}]), ValueError, "no parameters in group 0"),
    (lambda: SGD(layers.Dense(2)), TypeError, r"pass its \.parameters\(\)"),
    (lambda: SGD(lambda step: -1.0), ValueError, "SGD: learning_rate from .* at step 0"),
    (lambda: SGD(0.1).load_state_dict({}), ValueError, "SGD has no parameters"),
    (lambda: SGD().exclude_from_weight_decay(var_names="bias"), TypeError, "SGD: var_names must be a list"),
    (lambda: optimizers.deserialize({"class_name": "Adan", "config": {}}), ValueError, "did you mean 'Adam'"),
    (lambda: optimizers.deserialize("adam"), ValueError, "class_name"),
    (lambda: optimizers.get("rmsprob"), ValueError, "did you mean 'rmsprop'"),
    (lambda: clip_grad_norm([ONE], 0), ValueError, "max_norm"),
    (lambda: clip_grad_value([ONE], -1), ValueError, "clip_value")])
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_fit_says_that_lbfgs_needs_a_closure():
    model = mg.Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile("lbfgs", "mse")
    with pytest.raises(TypeError, match="fit cannot use LBFGS"):
        model.fit(np.ones((4, 2), "float32"), np.ones((4, 1), "float32"), verbose=0)
