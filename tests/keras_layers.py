"""A layer of ours and one of Keras's with the same weights on the same numbers, in float64, forward and backward."""

import os

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers

torch = pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def in_float64(monkeypatch):
    """With PyTorch, Keras takes means in float32, whatever it is given: this table of its says so, and its caches."""
    from keras.src.backend.common import dtypes
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


def mapped(function, value):
    """The structure with each array in it replaced by function(it)."""
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(function, part) for part in value)
    return function(value) if isinstance(value, np.ndarray) else value


def flat(value):
    """The Tensors in a structure, in order."""
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, (list, tuple)) else [value]


def agree(make, inputs, training=False, rtol=1e-10, seed=1, **call):
    """make(layers) gives ours, make(keras.layers) Keras's. Compared: outputs, gradients of all floating-point inputs and
    weights for random cotangents, moving statistics, count_params, and that the configuration makes a layer like it."""
    rng = np.random.default_rng(seed)
    theirs = make(keras.layers)
    theirs_of = lambda a: torch.tensor(a, requires_grad=a.dtype.kind == "f")  # noqa: E731
    ours_of = lambda a: mg.Tensor(a, requires_grad=True) if a.dtype.kind == "f" else a  # noqa: E731
    their_inputs, their_call = mapped(theirs_of, tuple(inputs)), {k: mapped(theirs_of, v) for k, v in call.items()}
    our_inputs, our_call = mapped(ours_of, tuple(inputs)), {k: mapped(ours_of, v) for k, v in call.items()}
    theirs(*their_inputs, **their_call)
    weights = [rng.uniform(0.2, 1.0, w.shape) * (1 if "variance" in v.name else rng.choice([-1.0, 1.0], w.shape))
               for v, w in zip(theirs.weights, theirs.get_weights())]
    theirs.set_weights(weights)
    with mg.tensor.default_dtype("float64"):
        ours = make(layers)
        ours(*our_inputs, **our_call)
    ours.set_weights(weights)
    assert ours.count_params() == theirs.count_params()
    y = flat(ours(*our_inputs, training=training, **our_call))
    z = flat(theirs(*their_inputs, training=training, **their_call))
    assert [a.shape for a in y] == [tuple(b.shape) for b in z]
    loss, their_loss = 0.0, 0.0
    for a, b in zip(y, z):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=rtol, atol=rtol)
        cotangent = rng.standard_normal(a.shape)
        loss, their_loss = loss + (a * cotangent).sum(), their_loss + (b * torch.tensor(cotangent)).sum()
    loss.backward()
    their_loss.backward()
    given = [x for x in flat([our_inputs, list(our_call.values())]) if isinstance(x, mg.Tensor)]
    their_given = [x for x in flat([their_inputs, list(their_call.values())]) if getattr(x, "requires_grad", False)]
    gradients = [(x.grad, t.grad, "an input") for x, t in zip(given, their_given, strict=True)]
    names = [name for name, _ in ours.named_parameters()]
    for name, p, w in zip(names, ours.parameters(), theirs.weights, strict=True):
        if p.trainable:
            gradients.append((p.grad, w.value.grad, name))
        else:
            np.testing.assert_allclose(p.numpy(), w.value.detach().numpy(), rtol=rtol, atol=rtol, err_msg=name)
    for a, b, what in gradients:
        a, b = (np.zeros(1) if g is None else g.numpy() for g in (a, b))
        np.testing.assert_allclose(a, b, rtol=10 * rtol, atol=10 * rtol, err_msg=f"the gradient of {what}")
    return ours
