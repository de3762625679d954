"""What the transformers have in common: caches, masks, padding, and what they refuse."""

import numpy as np
import pytest
import standin
from small_models import small

import minigrad as mg
from minigrad import backend
from minigrad.models import KeyValueCache

standin.register()
CAUSAL = pytest.mark.parametrize("kind", ["gpt", "llama"])
IDS = np.random.default_rng(1).integers(0, 16, (2, 9))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * np.abs(b).max())


@CAUSAL
@pytest.mark.parametrize("pieces", [[1] * 9, [4, 5], [5, 1, 3], [9]])
@pytest.mark.parametrize("capacity", [0, 9])
def test_with_a_cache_pieces_give_the_logits_of_the_whole(kind, pieces, capacity):
    model = small(kind)
    cache, start, found = KeyValueCache(2, capacity), 0, []
    with mg.no_grad():
        for n in pieces:
            found.append(model(IDS[:, start:start + n], cache=cache).numpy())
            start += n
            assert cache.length == start
    close(np.concatenate(found, axis=1), model(IDS).numpy())


@CAUSAL
def test_padding_before_a_text_changes_nothing_but_positions(kind):
    """Llama's positions are relative: a text after padding has the logits that it has alone."""
    model, mask = small(kind), np.ones((2, 9), int)
    mask[0, :4] = 0
    masked, other = model(IDS, attention_mask=mask), IDS.copy()
    other[0, :4] = (IDS[0, :4] + 1) % 16
    close(model(other, attention_mask=mask)[0, 4:].numpy(), masked[0, 4:].numpy())
    assert np.isfinite(masked.numpy()).all()
    if kind == "llama":
        close(masked[:1, 4:].numpy(), model(IDS[:1, 4:]).numpy())
    cache = KeyValueCache(2)
    with mg.no_grad():
        model(IDS[:, :6], attention_mask=mask[:, :6], cache=cache)
        close(model(IDS[:, 6:], attention_mask=mask, cache=cache).numpy(), masked[:, 6:].numpy())


@pytest.mark.parametrize("kind", ["bert", "gpt", "llama"])
def test_a_row_of_padding_only_gives_no_nan(kind):
    model, mask = small(kind), np.ones((2, 9), int)
    mask[1] = 0
    y = model(IDS, attention_mask=mask)
    assert np.isfinite(y.numpy()).all()
    close(y[:1].numpy(), model(IDS[:1]).numpy())
    gradients = mg.autograd.grad((y * y).sum(), [p for n, p in model.named_parameters() if "pooler" not in n])
    assert all(np.isfinite(g.numpy()).all() for g in gradients)


def test_masks_of_pairs_of_tokens():
    model = small("bert")
    pairs = np.random.default_rng(2).random((2, 9, 9)) < 0.6
    pairs[:, :, 0] = True
    masked = model(IDS, attention_mask=pairs).numpy()
    alone = np.concatenate([model(IDS[i:i + 1], attention_mask=pairs[i:i + 1]).numpy() for i in range(2)])
    close(masked, alone)
    assert np.abs(masked - model(IDS).numpy()).max() > 0.01


def test_fit_takes_ids_with_their_mask():
    """As a tuple and as a dict: a text of padding that a mask hides is learnt like one without."""
    model = small("bert", head="classification", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    mask = (np.arange(9) < np.array([[9], [5]])).astype(int)
    inputs = {"input_ids": IDS, "attention_mask": mask}
    expected = model(IDS, attention_mask=mask).numpy()
    close(model.predict((IDS, mask)), expected)
    close(model.predict(inputs), expected)
    model.compile(mg.optimizers.Adam(0.003), mg.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(inputs, np.array([0, 1]), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.1 < losses[0]


@pytest.mark.parametrize("call, words", [
    (lambda: small("gpt")(np.zeros((1, 13), int)), "T <= 12, the context.*got 13"),
    (lambda: small("llama")(np.zeros((1, 13), int)), "T <= 12"), (lambda: small("bert")(np.zeros((1, 13), int)), "T <= 12"),
    (lambda: small("gpt")([1, 2]), r"ids \(N, T\)"), (lambda: small("bert")(np.zeros((2, 0), int)), "at least one token"),
    (lambda: small("gpt")([[16]]), "16"), (lambda: small("llama")([[-1]]), "-1"), (lambda: small("bert")([[99]]), "99"),
    (lambda: small("gpt")([[0.5]]), "integer"),
    (lambda: small("bert")(IDS, token_type_ids=[[0, 1]]), r"token_type_ids: expected the shape of ids, \(2, 9\)"),
    (lambda: small("bert")(IDS, token_type_ids=np.full((2, 9), 2)), "2"),
    (lambda: small("bert")(IDS, attention_mask=np.ones((2, 8), int)), r"expected shape \(2, 9\).*got \(2, 8\)"),
    (lambda: small("gpt")(IDS, attention_mask=np.ones((1, 9), int)), r"got \(1, 9\)"),
    (lambda: small("gpt")(IDS, attention_mask=np.ones((2, 9))), "float"),
    (lambda: small("vit")(np.zeros((1, 4, 4, 1))), r"images \(N, 4, 4, 3\)"),
    (lambda: mg.models.ViT(image_size=5, patch_size=2), "do not fill"),
    (lambda: small("bert", head="qa"), "'masked_lm'"), (lambda: small("vit", head="qa"), "classification"),
    (lambda: small("llama", num_key_value_heads=3), "divide"), (lambda: small("bert", hidden_size=9), "divisible"),
    (lambda: small("llama", rope_scaling={"rope_type": "yarn", "factor": 2.0}), "'yarn'"),
    (lambda: small("bert", hidden_act="gleu"), "gelu"),
])
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_caches_refuse_what_would_go_wrong():
    model, cache = small("gpt"), KeyValueCache(2)
    with pytest.raises(ValueError, match="no_grad"):
        model(IDS, cache=cache)
    cache = KeyValueCache(2)
    with mg.no_grad():
        model(IDS, cache=cache)
        with pytest.raises(ValueError, match="2, 2.*got.*3, 2"):
            model(IDS[[0, 0, 0], :1], cache=cache)
        cache = KeyValueCache(2)
        model(IDS, cache=cache)
        with pytest.raises(ValueError, match="got 13 tokens"):
            model(IDS[:, :4], cache=cache)
        with pytest.raises(ValueError, match="after 9 in the cache"):
            model(IDS[:, :1], cache=cache, attention_mask=np.ones((2, 1), int))


@pytest.mark.parametrize("kind, shape", [("gpt", (9,)), ("llama", (9,)), ("bert", (9,)), ("vit", (4, 4, 3))])
def test_no_texts_and_summaries(kind, shape, tmp_path):
    model = small(kind)
    assert model(np.zeros((0, *shape), model.input_dtype)).shape[0] == 0
    assert mg.summary(model, shape).total == model.count_params()
    model.save_weights(tmp_path / "w.safetensors")
    other = type(model).from_config(model.get_config())
    other.load_weights(tmp_path / "w.safetensors")
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_configurations_make_the_model_again():
    for kind in ("gpt", "llama", "bert", "vit"):
        model = small(kind)
        again = type(model).from_config(model.get_config())
        again.load_state_dict(model.state_dict())
        assert again.get_config() == model.get_config()


@pytest.mark.parametrize("kind", ["gpt", "llama", "bert", "vit"])
def test_on_a_device_the_numbers_are_the_same(kind):
    """The stand-in for a GPU refuses to mix with arrays of the host."""
    found = []
    for device in ("cpu", "standin"):
        model = small(kind).to(device)
        if kind == "vit":
            y = model(np.random.default_rng(0).standard_normal((2, 4, 4, 3)).astype("float32"))
        else:
            mask = np.ones((2, 9), int)
            mask[0, 7:] = 0
            y = model(IDS, attention_mask=mask)
        parameters = [p for n, p in model.named_parameters() if "pooler" not in n]
        gradients = mg.autograd.grad((y * y).sum(), parameters)
        results = [y, *gradients]
        if kind in ("gpt", "llama"):
            results.append(model.generate(IDS[:, :3], 6, temperature=0.8, top_k=5, seed=0))
        if kind == "bert":
            from minigrad.models.sentences import mean_pooled
            results.append(mean_pooled(y, mask))
        assert {x.device for x in (y, *gradients)} == {model.parameters()[0].device}
        found.append(results)
    assert model.parameters()[0].device == "standin:0"
    for a, b in zip(*found, strict=True):
        a, b = (backend.to_numpy(x.data if isinstance(x, mg.Tensor) else x) for x in (a, b))
        np.testing.assert_array_equal(a, b)
