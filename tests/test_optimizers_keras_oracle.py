"""Every optimizer against Keras's: 200 steps in float64, over random configurations of its arguments; schedules too."""

import math
import os

import numpy as np
import pytest

import minigrad as mg
from minigrad import optimizers
from minigrad.optimizers import schedules

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("torch")
keras = pytest.importorskip("keras")
dtypes = pytest.importorskip("keras.src.backend.common.dtypes")

STEPS = 200
SHAPES = {"dense.kernel": (5, 9), "dense.bias": (7,), "embedding.embeddings": (4, 3), "tall.kernel": (9, 2),
          "conv.kernel": (2, 3, 4), "gain": ()}  # Keras's Muon takes roots of 9 and 4 in float32: exactly


@pytest.fixture(autouse=True)
def float64(monkeypatch):
    """Keras on PyTorch takes float64 with a Python number for float32, unless its table of dtypes is told otherwise."""
    def forget():
        for function in vars(dtypes).values():
            getattr(function, "cache_clear", lambda: None)()

    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    with monkeypatch.context() as patch:
        patch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
        forget()
        yield
    forget()
    keras.config.set_floatx(before)


def choices(rng):
    """Arguments of each optimizer, drawn at random."""
    def of(*values):
        return values[rng.integers(len(values))]

    betas = dict(beta_1=of(0.9, 0.5, 0.0), beta_2=of(0.999, 0.8))
    epsilon = dict(epsilon=of(1e-7, 1e-3))
    momentum = of(0.0, 0.5, 0.9)
    return {
        "SGD": dict(momentum=momentum, nesterov=bool(momentum and of(True, False))),
        "RMSprop": dict(rho=of(0.9, 0.5), momentum=momentum, centered=of(True, False), **epsilon),
        "Adagrad": dict(initial_accumulator_value=of(0.1, 1.0), **epsilon),
        "Adadelta": dict(rho=of(0.95, 0.5), **epsilon),
        "Adam": dict(amsgrad=of(True, False), **betas, **epsilon),
        "AdamW": dict(amsgrad=of(True, False), **betas, **epsilon),
        "Adamax": betas | epsilon, "Nadam": betas | epsilon, "Lamb": betas | epsilon,
        "Ftrl": dict(learning_rate_power=of(-0.5, -0.3), l1_regularization_strength=of(0.0, 0.3), beta=of(0.0, 0.5),
                     initial_accumulator_value=of(0.1, 0.01), l2_regularization_strength=of(0.0, 0.1),
                     l2_shrinkage_regularization_strength=of(0.0, 0.05)),
        "Lion": dict(beta_1=of(0.9, 0.5), beta_2=of(0.99, 0.7)),
        "Muon": dict(nesterov=of(True, False), ns_steps=of(5, 3), rms_rate=of(0.2, None), momentum=of(0.95, 0.5),
                     exclude_layers=of(None, ["tall"]), exclude_embeddings=of(True, False), adam_lr_ratio=of(1, 0.3),
                     adam_weight_decay=of(0.004, None, 0.1), adam_beta_1=betas["beta_1"], **epsilon),
        "Adafactor": dict(beta_2_decay=of(-0.8, -0.5), epsilon_2=of(1e-3, 0.1), clip_threshold=of(1.0, 0.3),
                          relative_step=of(True, False)),
    }


def common(rng):
    """Arguments that all have, drawn at random."""
    clip = [{}, {"clipnorm": 0.5}, {"clipvalue": 0.2}, {"global_clipnorm": 1.0}][rng.integers(4)]
    average = [{}, dict(use_ema=True, ema_momentum=0.8), dict(use_ema=True, ema_overwrite_frequency=5)][rng.integers(3)]
    return clip | average | dict(weight_decay=[None, 0.05][rng.integers(2)],
                                 gradient_accumulation_steps=[None, None, 3][rng.integers(3)])


def gradients(arrays):
    """Of a badly scaled bowl with a bend, in which all numbers are coupled: without hilltops, which would part the paths."""
    mean = np.mean([np.mean(a) for a in arrays])
    return [np.asarray(np.logspace(-1, 1, a.size).reshape(a.shape) * a + np.tanh(3 * a + k) + np.tanh(mean))
            for k, a in enumerate(arrays)]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", list(choices(np.random.default_rng(0))))
def test_the_same_200_steps(name, seed):
    """From gradients where each of them is; the later seeds from the same gradients, at high rates too, where two paths from
    starts that differ by one rounding would part by more than 1e-10."""
    rng = np.random.default_rng([seed, *name.encode()])
    arguments = common(rng) | choices(rng)[name]
    if name == "AdamW" and arguments["weight_decay"] is None:
        del arguments["weight_decay"]
    shared = seed >= 3
    rate = 10 ** rng.uniform(-3, -1 if shared else -2.5)
    decays = seed % 2 == 1
    start = {n: rng.standard_normal(shape) for n, shape in SHAPES.items()}
    p = {n: mg.Tensor(a, requires_grad=True) for n, a in start.items()}
    q = {n: keras.Variable(a, dtype="float64", name=n) for n, a in start.items()}
    ours = getattr(optimizers, name)(p.items(), schedules.CosineDecay(rate, 150, 0.1) if decays else rate, **arguments)
    theirs = getattr(keras.optimizers, name)(
        keras.optimizers.schedules.CosineDecay(rate, 150, 0.1) if decays else rate, **arguments)
    ours.exclude_from_weight_decay([p["gain"]], ["bias"])
    theirs.exclude_from_weight_decay([q["gain"]], ["bias"])
    theirs.build(list(q.values()))
    for step in range(STEPS):
        those = gradients([keras.ops.convert_to_numpy(y) for y in q.values()])
        for x, g in zip(p.values(), those if shared else gradients([x.numpy() for x in p.values()])):
            x.grad = mg.Tensor(g)
        ours.step()
        theirs.apply([keras.ops.convert_to_tensor(g, dtype="float64") for g in those])
        for n, y in q.items():
            np.testing.assert_allclose(p[n].numpy(), keras.ops.convert_to_numpy(y), rtol=0, atol=1e-10,
                                       err_msg=f"{n} in step {step} of {arguments}")
    assert ours.iterations == int(theirs.iterations) and math.isclose(ours.learning_rate, float(theirs.learning_rate))
    ours.finalize_variable_values()
    theirs.finalize_variable_values(list(q.values()))
    for n, y in q.items():
        np.testing.assert_allclose(p[n].numpy(), keras.ops.convert_to_numpy(y), rtol=0, atol=1e-10)
        assert np.abs(p[n].numpy() - start[n]).max() > 1e-6  # it has gone somewhere


@pytest.mark.parametrize("name", list(choices(np.random.default_rng(0))))
def test_defaults_are_keras_s(name):
    theirs = getattr(keras.optimizers, name)().get_config()
    ours = getattr(optimizers, name)().get_config()
    assert ours.pop("name") == name.lower() and theirs.pop("name")
    for key in ("exclude_layers",):
        theirs.pop(key, None), ours.pop(key, None)
    assert set(ours) == set(theirs)
    assert {key: value for key, value in theirs.items() if value != pytest.approx(ours[key])} == {}


def schedule(kind, rng):
    """(its name, its arguments), drawn at random."""
    rate, steps, yes = rng.uniform(0.01, 1), int(rng.integers(5, 60)), bool(rng.integers(2))
    return {
        "ExponentialDecay": dict(initial_learning_rate=rate, decay_steps=steps,
                                 decay_rate=rng.uniform(0.1, 1), staircase=yes),
        "InverseTimeDecay": dict(initial_learning_rate=rate, decay_steps=steps,
                                 decay_rate=rng.uniform(0.1, 3), staircase=yes),
        "PiecewiseConstantDecay": dict(boundaries=[3, steps, 2 * steps], values=list(rng.uniform(0, 1, 4))),
        "PolynomialDecay": dict(initial_learning_rate=rate, decay_steps=steps, end_learning_rate=rng.uniform(0, 0.1),
                                power=rng.uniform(0.3, 3), cycle=yes),
        "CosineDecay": dict(initial_learning_rate=rate, decay_steps=steps, alpha=rng.uniform(0, 0.5),
                            warmup_target=[None, 2 * rate][int(yes)], warmup_steps=int(rng.integers(0, 30))),
        "CosineDecayRestarts": dict(initial_learning_rate=rate, first_decay_steps=steps, alpha=rng.uniform(0, 0.5),
                                    t_mul=[1.0, 2.0, 1.3][rng.integers(3)], m_mul=rng.uniform(0.3, 1)),
    }[kind]


KINDS = ["ExponentialDecay", "InverseTimeDecay", "PiecewiseConstantDecay", "PolynomialDecay", "CosineDecay",
         "CosineDecayRestarts"]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_schedule(kind, seed):
    how = schedule(kind, np.random.default_rng([seed, *kind.encode()]))
    ours, theirs = getattr(schedules, kind)(**how), getattr(keras.optimizers.schedules, kind)(**how)
    for step in range(150):
        if kind == "CosineDecayRestarts" and how["t_mul"] != 1 and at_a_restart(step, how):
            continue  # Keras finds the period through a logarithm, which may round to either side there
        assert abs(ours(step) - float(theirs(step))) < 1e-12, (step, how)
    config = {key: value for key, value in theirs.get_config().items() if key != "name"}
    assert {key: value for key, value in ours.get_config().items() if key != "name"} == config


def at_a_restart(step, how):
    ends = [how["first_decay_steps"] * (how["t_mul"] ** k - 1) / (how["t_mul"] - 1) for k in range(1, 12)]
    return any(abs(step - end) < 1e-9 for end in ends)
