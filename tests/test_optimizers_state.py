"""An optimizer's state and configuration: resumed to the bit, refused where it does not fit; schedules; other devices."""

import json

import numpy as np
import pytest
import standin
from rules import VARIANTS, go, parameters, same, values

import minigrad as mg
from minigrad import optimizers
from minigrad.optimizers import LBFGS, SGD, Adam, schedules

standin.register()

# ---- state and configuration

def through_files(state):
    """Numbers through JSON, arrays as bytes."""
    return {key: np.frombuffer(v.tobytes(), v.dtype).reshape(v.shape) if isinstance(v, np.ndarray)
            else json.loads(json.dumps(v)) for key, v in state.items()}


@pytest.mark.parametrize("common", [{}, dict(use_ema=True, ema_overwrite_frequency=2, gradient_accumulation_steps=3,
                                             weight_decay=0.1, clipnorm=1.0)], ids=["plain", "all"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_resumed_run_is_the_same_to_the_bit(name, dtype, common):
    make, p, q = VARIANTS[name], parameters(dtype), parameters(dtype)
    rate = schedules.CosineDecay(0.1, 12) if common else 0.03
    one, two = make(p.items(), rate, **common), make(q.items(), rate, **common)
    go(one, p, range(7), skip=["a.bias"]), go(two, q, range(7), skip=["a.bias"])
    if not common:
        two.learning_rate = one.learning_rate = 0.05
    state, saved = two.state_dict(), values(q)
    go(two, q, range(3))  # what comes after does not change what was saved
    r = {n: mg.Tensor(a, requires_grad=True) for n, a in saved.items()}
    three = type(two).from_config(json.loads(json.dumps(two.get_config())))
    three.set_parameters(r.items())
    three.load_state_dict(through_files(state))
    go(one, p, range(7, 14)), go(three, r, range(7, 14))
    assert same(values(p), values(r)) and three.iterations == one.iterations and r["gain"].dtype == dtype
    assert all(np.array_equal(a, b) for a, b in zip(one.state_dict().values(), three.state_dict().values()))
    assert all(isinstance(a, np.ndarray) and a.dtype == dtype for s in three.state.values() for a in s.values())


def test_rates_of_groups_are_saved():
    a, b = (mg.Tensor(np.ones(2), requires_grad=True) for _ in range(2))
    optimizers_ = [Adam([{"params": [a], "learning_rate": 0.5}, {"params": [b]}]) for _ in range(2)]
    optimizers_[0].groups[0]["learning_rate"], optimizers_[0].learning_rate = 0.25, 0.125
    optimizers_[1].load_state_dict(optimizers_[0].state_dict())
    assert optimizers_[1].groups[0]["learning_rate"] == 0.25 and optimizers_[1].learning_rate == 0.125


@pytest.mark.parametrize("change, words", [
    (lambda s: s.pop("iterations"), "missing: iterations"), (lambda s: s.pop("0.m"), r"missing: 0\.m"),
    (lambda s: s.update({"9.m": s["0.m"]}), r"unexpected: 9\.m"),
    (lambda s: s.update({"0.u": s["0.m"]}), r"unexpected: 0\.u"), (lambda s: s.update(epochs=3), "unexpected: epochs"),
    (lambda s: s.update({"0.m": s["0.m"][:2]}), r"0\.m is float64 \(4, 3\)"),
    (lambda s: s.update({"1.v": s["1.v"].astype("float32")}), r"1\.v is float64 .*got float32"),
    (lambda s: s.update(iterations=1.5), "iterations must be an integer"),
    (lambda s: s.pop("learning_rate"), "missing: learning_rate"),
    (lambda s: s.update(learning_rate=-1), "learning_rate")])
def test_a_state_that_does_not_fit_changes_nothing(change, words):
    p = parameters()
    optimizer = Adam(p.values())
    go(optimizer, p, range(3))
    before = optimizer.state_dict()
    other = {key: v + 1 for key, v in before.items()}
    change(other)
    with pytest.raises(ValueError, match=words):
        optimizer.load_state_dict(other)
    after = optimizer.state_dict()
    assert list(after) == list(before) and all(np.array_equal(after[key], before[key]) for key in before)


def test_lbfgs_resumes_to_the_bit():
    def run(optimizer, x, times):
        def closure():
            optimizer.zero_grad()
            loss = (5 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
            loss.backward()
            return loss
        return [optimizer.step(closure).item() for _ in range(times)]

    start, how = np.array([0.5, 0.5, 2.0]), dict(max_iter=5, line_search_fn="strong_wolfe", history_size=4)
    x, y = (mg.Tensor(start, requires_grad=True) for _ in range(2))
    whole, first = LBFGS([x], **how), LBFGS([y], **how)
    losses = run(whole, x, 8)
    assert losses[-1] < 0.01 * losses[0] and run(first, y, 3) == losses[:3]
    z = mg.Tensor(y.data, requires_grad=True)
    second = LBFGS.from_config(first.get_config())
    second.set_parameters([z])
    second.load_state_dict(through_files(first.state_dict()))
    assert run(second, z, 5) == losses[3:] and np.array_equal(x.numpy(), z.numpy()) and second.iterations == 8
    with pytest.raises(ValueError, match="vectors of 3 numbers"):
        second.load_state_dict(first.state_dict() | {"gradient": np.zeros(2)})


@pytest.mark.parametrize("name", [c.__name__ for c in optimizers.OPTIMIZERS])
def test_serialization(name):
    optimizer = getattr(optimizers, name)(0.25)
    config = json.loads(json.dumps(optimizers.serialize(optimizer)))
    again = optimizers.deserialize(config)
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config() and again.learning_rate == 0.25
    assert type(optimizers.get(name.lower())) is type(optimizers.get(config)) is type(optimizer)
    scheduled = type(optimizer)(schedules.LinearWarmup(schedules.LinearDecay(0.5, 10), 4))
    assert type(optimizer).from_config(scheduled.get_config())._learning_rate(9) == 0.25


def test_a_schedule_gives_the_rate_of_each_step():
    x = mg.Tensor([0.0], requires_grad=True)
    x.grad = mg.Tensor([1.0])
    optimizer = SGD([x], schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.25]))
    seen = []
    for _ in range(3):
        seen.append((optimizer.learning_rate, -x.item()))
        optimizer.step()
    assert seen == [(1.0, 0.0), (0.5, 1.0), (0.25, 1.5)] and x.item() == -1.75
    optimizer.learning_rate = lambda step: step
    assert optimizer.learning_rate == 3 and "learning_rate=<function" in repr(optimizer)
    with pytest.raises(TypeError, match="SGD: learning_rate follows"):
        optimizer.learning_rate = 0.1


# ---- devices and dtypes

@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", VARIANTS)
def test_on_the_stand_in_nothing_is_copied_and_values_are_the_same(name, dtype):
    p, q = parameters(dtype), parameters(dtype, "standin")
    common = dict(use_ema=True, ema_overwrite_frequency=2, gradient_accumulation_steps=2, global_clipnorm=1.0,
                  weight_decay=0.1)
    one, two = VARIANTS[name](p.items(), 0.05, **common), VARIANTS[name](q.items(), 0.05, **common)
    for step in range(4):
        for x, y in zip(p.values(), q.values()):
            g = np.random.default_rng(step).standard_normal(x.shape).astype(dtype)
            x.grad, y.grad = mg.Tensor(g), mg.Tensor(g, device="standin")
        one.step()
        with standin.no_traffic():
            two.step()
    for name, x in values(q).items():
        assert x.dtype == dtype
        np.testing.assert_allclose(x, p[name].numpy(), rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


def test_lbfgs_on_the_stand_in():
    found = []
    for device in ("cpu", "standin"):
        x = mg.Tensor(np.array([2.0, -1.0]), requires_grad=True, device=device)
        optimizer = LBFGS([x], line_search_fn="strong_wolfe")

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (x ** 4 + (x - 1) ** 2).sum()
            loss.backward()
            return loss

        with standin.no_traffic("to host", "to device"):
            optimizer.step(closure)
        found.append(mg.backend.to_numpy(x.data))
    assert np.abs(4 * found[0] ** 3 + 2 * (found[0] - 1)).max() < 1e-4  # the minimum
    np.testing.assert_allclose(*found, rtol=1e-12)
