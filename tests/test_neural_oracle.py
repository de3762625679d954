"""Normalisation, recurrent networks, attention against PyTorch: values, gradients, second gradients, at random shapes."""

import itertools
import math

import hypothesis
import numpy as np
import pytest
from derivatives import EPS, as_list, assert_close
from hypothesis import strategies as st

import minigrad as mg
import minigrad.functions as F

torch = pytest.importorskip("torch")

COMPARED = {"batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm", "rnn", "lstm", "gru", "one_hot",
            "scaled_dot_product_attention"}  # here, by tests of their own

from torch.nn import functional as TF  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402

examples = hypothesis.settings(deadline=None, max_examples=25, derandomize=True)
seeds = st.integers(0, 2 ** 16)
sides = st.integers(1, 4)


def theirs_first(x):
    """Channels last, as PyTorch wants them: right after the batch."""
    return torch.movedim(x, -1, 1)


def agree(ours, theirs, arrays, rng, second=True):
    """The results of both, their gradients by all the arrays, and the gradients of a random combination of those."""
    a = [mg.Tensor(x, requires_grad=True) for x in arrays]
    b = [torch.tensor(x, requires_grad=True) for x in arrays]
    found, expected = as_list(ours(*a)), as_list(theirs(*b))
    assert_close([y.data for y in found], [y.numpy(force=True) for y in expected], 64 * EPS)
    dys = [rng.standard_normal(y.shape) for y in found]
    found = mg.autograd.grad(found, a, list(map(mg.Tensor, dys)), create_graph=second)
    expected = torch.autograd.grad(expected, b, list(map(torch.tensor, dys)), create_graph=second)
    assert_close([g.data for g in found], [g.numpy(force=True) for g in expected], 256 * EPS)
    if second:
        along = [rng.standard_normal(g.shape) for g in found]
        pairs = [(g, d) for g, d in zip(found, along) if g.requires_grad]
        found = mg.autograd.grad([g for g, _ in pairs], a, [mg.Tensor(d) for _, d in pairs], allow_unused=True)
        pairs = [(g, torch.tensor(d)) for g, d in zip(expected, along) if g.requires_grad]
        expected = torch.autograd.grad([g for g, _ in pairs], b, [d for _, d in pairs], allow_unused=True,
                                       materialize_grads=True)
        assert_close([np.zeros(x.shape) if g is None else g.data for g, x in zip(found, arrays)],
                     [g.numpy(force=True) for g in expected], 2048 * EPS)


# ---- normalisation

affine = st.sampled_from(["both", "gamma", "neither"])
# Few and nearly equal numbers have a σ near sqrt(eps), and each derivative divides by another σ, rounding errors included:
# with these eps that is by 1/3 at the least. The default eps is compared below, on enough numbers.
epsilons = st.sampled_from([0.1, 0.5])


def parameters(which, shape, rng):
    return [rng.standard_normal(shape) for _ in range({"both": 2, "gamma": 1, "neither": 0}[which])]


@hypothesis.given(shape=st.lists(sides, min_size=0, max_size=3), channels=st.integers(1, 4), batch=st.integers(2, 4),
                  which=affine, training=st.booleans(), momentum=st.floats(0.01, 1), eps=epsilons,
                  first=st.booleans(), seed=seeds)
@examples
def test_batch_norm(shape, channels, batch, which, training, momentum, eps, first, seed):
    """Outputs, gradients, and what becomes of the running statistics, channels last and first."""
    rng = np.random.default_rng(seed)
    x, weights = rng.standard_normal((batch, *shape, channels)), parameters(which, channels, rng)
    before = rng.standard_normal(channels), rng.uniform(0.5, 2, channels)
    our_statistics, their_statistics = [mg.Tensor(s) for s in before], [torch.tensor(s) for s in before]

    def ours(x, gamma=None, beta=None):
        axis = 1 if first else -1
        y = F.batch_norm(F.moveaxis(x, -1, axis), gamma, beta, *our_statistics, training=training, momentum=momentum,
                         eps=eps, axis=axis)
        return F.moveaxis(y, axis, -1)

    def theirs(x, *weights):
        return torch.movedim(TF.batch_norm(theirs_first(x), *their_statistics, *weights, training=training,
                                           momentum=momentum, eps=eps), 1, -1)

    agree(ours, theirs, [x, *weights], rng)
    for found, expected, old in zip(our_statistics, their_statistics, before):
        np.testing.assert_allclose(found.data, expected.numpy(), rtol=64 * EPS, atol=64 * EPS)
        assert training != np.array_equal(found.data, old)


@hypothesis.given(shape=st.lists(sides, min_size=1, max_size=3), groups=sides, size=st.integers(1, 3), which=affine,
                  eps=epsilons, seed=seeds)
@examples
def test_group_norm(shape, groups, size, which, eps, seed):
    hypothesis.assume(math.prod(shape) * size > 1)  # one number a group: PyTorch refuses, here it gives beta
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, *shape, groups * size))
    agree(lambda x, *p: F.group_norm(x, groups, *p, eps=eps),
          lambda x, *p: torch.movedim(TF.group_norm(theirs_first(x), groups, *p, eps=eps), 1, -1),
          [x, *parameters(which, groups * size, rng)], rng)


@hypothesis.given(shape=st.lists(sides, min_size=1, max_size=3), which=affine, channels=sides, eps=epsilons, seed=seeds)
@examples
def test_instance_norm(shape, which, channels, eps, seed):
    hypothesis.assume(math.prod(shape) > 1)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, *shape, channels))
    agree(lambda *p: F.instance_norm(*p, eps=eps), lambda x, gamma=None, beta=None: torch.movedim(
        TF.instance_norm(theirs_first(x), weight=gamma, bias=beta, eps=eps), 1, -1),
        [x, *parameters(which, channels, rng)], rng)


@hypothesis.given(shape=st.lists(st.integers(2, 4), min_size=1, max_size=3), last=st.integers(1, 3), which=affine,
                  eps=epsilons, seed=seeds)
@examples
def test_layer_and_rms_norm(shape, last, which, eps, seed):
    rng = np.random.default_rng(seed)
    x, normal = rng.standard_normal(shape), tuple(shape[-last:])
    axes = tuple(range(-len(normal), 0))
    weights = parameters(which, normal, rng)
    agree(lambda x, *p: F.layer_norm(x, *p, eps=eps, axis=axes), lambda x, *p: TF.layer_norm(x, normal, *p, eps=eps),
          [x, *weights], rng)
    agree(lambda x, *p: F.rms_norm(x, *p, eps=eps, axis=axes), lambda x, *p: TF.rms_norm(x, normal, *p, eps=eps),
          [x, *weights[:1]], rng)


@pytest.mark.parametrize("ours, theirs", [
    (F.layer_norm, lambda x, *p: TF.layer_norm(x, (8,), *p)),
    (lambda *p: F.batch_norm(*p, training=True), lambda x, *p: TF.batch_norm(x, None, None, *p, training=True)),
    (lambda x, *p: F.group_norm(x, 2, *p), lambda x, *p: TF.group_norm(x, 2, *p)),
    (lambda x, g, b: F.rms_norm(x, g), lambda x, g, b: TF.rms_norm(x, (8,), g, 1e-6)),
], ids=["layer_norm", "batch_norm", "group_norm", "rms_norm"])
def test_default_eps(ours, theirs):
    rng = np.random.default_rng(0)
    x, g, b = rng.standard_normal((12, 8)), rng.standard_normal(8), rng.standard_normal(8)
    a, gamma, beta = map(mg.Tensor, (x, g, b))
    expected = theirs(*map(torch.tensor, (x, g, b)))
    np.testing.assert_allclose(ours(a, gamma, beta).data, expected.numpy(), rtol=0, atol=64 * EPS)


# ---- recurrent networks

def exchanged(x, h):
    """PyTorch's reset, update, new as z r h, or back: the first H columns exchanged with the next."""
    return torch.cat([x[..., h:2 * h], x[..., :h], x[..., 2 * h:]], -1)


def from_pytorch(name, h, w_ih, w_hh, b_ih, b_hh):
    """PyTorch's weights in our layout: the conversion that recurrent.py documents."""
    w, u, b = w_ih.T, w_hh.T, torch.stack([b_ih, b_hh])
    if name == "gru":
        return exchanged(w, h), exchanged(u, h), exchanged(b, h)
    return w, u, b[0] + b[1]


def to_pytorch(name, h, w, u, b):
    if name == "gru":
        w, u, b = (exchanged(x, h) for x in (w, u, b))
        return w.T, u.T, b[0], b[1]
    return w.T, u.T, b, torch.zeros_like(b)


def pytorch_s(name, h, x, *arguments, **options):
    """torch.nn.RNN, LSTM or GRU on weights in our layout, so that gradients arrive in our layout too."""
    *states, w, u, b = arguments
    network = getattr(torch.nn, name.upper())(x.shape[-1], h, batch_first=True, dtype=torch.float64, **options)
    given = dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), to_pytorch(name, h, w, u, b)))
    start = tuple(s[None] for s in states)
    y, last = torch.func.functional_call(network, given, (x, start if name == "lstm" else start[0]))
    return [y, *(s[0] for s in (last if name == "lstm" else (last,)))]


KINDS = [("rnn", {}), ("rnn", {"nonlinearity": "relu"}), ("lstm", {}), ("gru", {})]
GATES, STATES = {"rnn": 1, "lstm": 4, "gru": 3}, {"rnn": 1, "lstm": 2, "gru": 1}


@pytest.mark.parametrize("name, options", KINDS, ids=lambda x: str(x))
@hypothesis.given(n=sides, t=st.integers(1, 6), d=sides, h=sides, backwards=st.booleans(), seed=seeds)
@examples
def test_recurrent_networks(name, options, n, t, d, h, backwards, seed):
    rng = np.random.default_rng(seed)
    width = GATES[name] * h
    bias = (2, width) if name == "gru" else (width,)
    arrays = [rng.standard_normal(s) for s in [(n, t, d), *[(n, h)] * STATES[name], (d, width), (h, width), bias]]

    def theirs(x, *arguments):
        return pytorch_s(name, h, torch.flip(x, [1]) if backwards else x, *arguments, **options)

    agree(lambda *p: list(getattr(F, name)(*p, go_backwards=backwards, **options)), theirs, arrays, rng)


@pytest.mark.parametrize("name, options", KINDS, ids=lambda x: str(x))
@hypothesis.given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), seed=seeds)
@examples
def test_a_mask_of_lengths_is_pytorch_s_packed_sequence(name, options, lengths, seed):
    """Series of several lengths: the last states, and the outputs within each length."""
    rng = np.random.default_rng(seed)
    n, t, d, h = len(lengths), max(lengths), 2, 3
    width = GATES[name] * h
    bias = (2, width) if name == "gru" else (width,)
    arrays = [rng.standard_normal(s) for s in [(n, t, d), *[(n, h)] * STATES[name], (d, width), (h, width), bias]]
    mask = np.arange(t) < np.array(lengths)[:, None]

    def ours(*p):
        y, *last = getattr(F, name)(*p, mask=mask, **options)
        return [F.where(mask[..., None], y, 0.0), *last]

    def theirs(x, *arguments):
        each = [pytorch_s(name, h, x[i:i + 1, :length], *(s[i:i + 1] for s in arguments[:-3]), *arguments[-3:], **options)
                for i, length in enumerate(lengths)]
        return [torch.cat([TF.pad(y[0], (0, 0, 0, t - y[0].shape[1])) for y in each]),
                *(torch.cat([y[i] for y in each]) for i in range(1, len(each[0])))]

    agree(ours, theirs, arrays, rng)


@pytest.mark.parametrize("name", GATES)
def test_pytorch_s_weights_can_be_converted(name):
    """The documented permutation, on an untouched torch.nn module."""
    torch.manual_seed(0)
    network = getattr(torch.nn, name.upper())(3, 4, batch_first=True, dtype=torch.float64)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    expected = network(x)[0].numpy(force=True)
    w, u, b = (p.numpy(force=True) for p in from_pytorch(name, 4, *network.parameters()))
    found = getattr(F, name)(x.numpy(), *[None] * STATES[name], w, u, b)[0]
    np.testing.assert_allclose(found.data, expected, rtol=64 * EPS, atol=64 * EPS)


# ---- attention

MASKS = {  # name: the mask's axes of (N, Hq, T, S), 1 where it broadcasts
    "none": None, "boolean (T, S)": "TS", "boolean (N, 1, T, S)": "N1TS", "boolean (Hq, 1, S)": "H1S",
    "boolean (N, 1, 1, S)": "N11S", "boolean (N, Hq, T, 1)": "NHT1", "added (N, Hq, T, S)": "NHTS", "added (T, S)": "TS",
    "added (1, Hq, T, 1)": "1HT1", "added (N, 1, 1, S)": "N11S", "added (S,)": "S",
}


@pytest.mark.parametrize("mask, causal, grouped", list(itertools.product(MASKS, [False, True], [False, True])), ids=str)
@hypothesis.given(n=sides, hk=st.integers(1, 2), t=sides, s=sides, scale=st.sampled_from([None, 0.7]), seed=seeds)
@hypothesis.settings(examples, max_examples=6)
def test_attention(mask, causal, grouped, n, hk, t, s, scale, seed):
    """Every query sees at least the first key: for one that sees nothing PyTorch has nan in some versions."""
    rng = np.random.default_rng(seed)
    hq = 3 * hk if grouped else hk
    arrays = [rng.standard_normal(shape) for shape in [(n, hq, t, 3), (n, hk, s, 3), (n, hk, s, 2)]]
    sizes = {"N": n, "H": hq, "T": t, "S": s, "1": 1}
    options, visible = dict(scale=scale, enable_gqa=grouped), None
    if MASKS[mask] is not None:
        shape = [sizes[letter] for letter in MASKS[mask]]
        if mask.startswith("boolean"):
            visible = rng.random(shape) < 0.6
            visible[..., 0] = True
        else:
            arrays.append(rng.standard_normal(shape))
    past = torch.ones(t, s, dtype=torch.bool).tril()

    def theirs(q, k, v, added=None):  # PyTorch takes a mask or is_causal, not both
        seen = None if visible is None else torch.tensor(visible)
        if added is None and seen is None:
            return TF.scaled_dot_product_attention(q, k, v, is_causal=causal, **options)
        if added is not None:
            m = added.masked_fill(~past, -math.inf) if causal else added
        else:
            m = seen & past if causal else seen
        return TF.scaled_dot_product_attention(q, k, v, m, **options)

    def ours(q, k, v, added=None):
        return F.scaled_dot_product_attention(q, k, v, visible if added is None else added, causal, **options)

    with sdpa_kernel(SDPBackend.MATH):  # the one that can be differentiated twice
        agree(ours, theirs, arrays, rng)


def test_one_hot():
    ids = np.array([[0, 2], [3, 1]])
    np.testing.assert_array_equal(F.one_hot(ids, 5).data, TF.one_hot(torch.tensor(ids), 5).numpy())
