"""Hugging Face folders: what comes back from them, in all their forms, and that nothing wrong in them passes silently."""

import json

import numpy as np
import pytest
from small_models import read_tensors, small, tokenizer, write_tensors

import minigrad as mg
from minigrad.formats import huggingface
from minigrad.formats.huggingface import Weights

KINDS = {"gpt": mg.models.GPT, "llama": mg.models.Llama, "bert": mg.models.BERT, "vit": mg.models.ViT}
every_kind = pytest.mark.parametrize("kind", KINDS)


def folder_of(kind, tmp_path, **changes):
    small(kind, **changes).save_pretrained(tmp_path)
    return tmp_path


def change_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({k: v for k, v in (config | changes).items() if v is not ...}))


def change_tensors(folder, change):
    arrays = read_tensors(folder / "model.safetensors")
    change(arrays)
    write_tensors(folder / "model.safetensors", arrays)
    return arrays


def into_shards(folder):
    """The same weights in two files with an index; returns the index's path."""
    arrays = read_tensors(folder / "model.safetensors")
    names = sorted(arrays)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, part in halves.items():
        write_tensors(folder / file, {name: arrays[name] for name in part})
    (folder / "model.safetensors").unlink()
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {name: file for file, part in halves.items() for name in part}}))
    return index


def same(a, b):
    for (name, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data, err_msg=name)


# ---- what comes back

@every_kind
def test_a_folder_gives_the_model_back(kind, tmp_path):
    model = small(kind)
    model.save_pretrained(tmp_path / "deep" / "down")
    for again in (KINDS[kind].from_pretrained(tmp_path / "deep" / "down"),
                  mg.models.from_pretrained(str(tmp_path / "deep" / "down"))):
        same(model, again)
        assert type(again) is KINDS[kind] and all(p.trainable for p in again.parameters())
    assert not list(tmp_path.rglob("*.part"))


@every_kind
def test_shards_give_the_same(kind, tmp_path):
    folder_of(kind, tmp_path)
    into_shards(tmp_path)
    same(small(kind), KINDS[kind].from_pretrained(tmp_path))


def test_every_parameter_has_an_entry_and_every_entry_a_parameter():
    for kind, changes in (("gpt", [{}]), ("llama", [{}]), ("vit", [{}, {"head": None}]),
                          ("bert", [{}, {"head": "masked_lm"}, {"head": "classification"}])):
        used = set()
        for change in changes:
            model = small(kind, **change)
            used |= {model.their_name(name)[0].rpartition(".")[0] or name for name, _ in model.named_parameters()}
        entries = {value.replace("{i}", number).partition("[")[0] for value in KINDS[kind].NAMES.values() for number in "01"}
        assert entries - {"cls.predictions.bias", "vit.embeddings.cls_token", "vit.embeddings.position_embeddings"} <= used


def test_weights_are_read_on_demand_and_half_precision_is_upcast(tmp_path):
    x = np.array([[1.0, -2.5, 3.14159, 1e-3]], np.float32)
    bits = (x.view(np.uint32) >> 16).astype(np.uint16).view(np.float16)
    write_tensors(tmp_path / "model.safetensors", {"a": x, "b": x.astype(np.float16), "c": bits, "i": np.arange(3)},
                  {"c": "BF16"})
    weights = Weights(tmp_path)
    assert list(weights) == ["a", "b", "c", "i"] and len(weights) == 4
    assert isinstance(weights["a"].base, np.memmap) or isinstance(weights["a"], np.memmap)
    np.testing.assert_array_equal(weights["a"], x)
    np.testing.assert_array_equal(weights["b"], x.astype(np.float16))
    np.testing.assert_allclose(weights["c"], x, rtol=2 ** -7)
    assert weights["c"][0, 1] == -2.5 and weights["b"].dtype == weights["c"].dtype == np.float32
    with pytest.raises(ValueError, match="i holds I64"):
        weights["i"]


def test_dtypes_of_parameters(tmp_path):
    folder_of("gpt", tmp_path)
    model = mg.models.GPT.from_pretrained(tmp_path, "float64")
    assert {p.dtype for p in model.parameters()} == {np.dtype("float64")}
    assert model([[1, 2]]).dtype == np.float64
    model.save_pretrained(tmp_path, dtype="float16")
    assert {a.dtype for a in read_tensors(tmp_path / "model.safetensors").values()} == {np.dtype("float16")}


def test_names_without_prefix_old_names_and_buffers(tmp_path):
    """As in the files of the first GPT-2 and BERT."""
    folder_of("gpt", tmp_path / "gpt")
    change_tensors(tmp_path / "gpt", lambda a: (
        [a.update({name.removeprefix("transformer."): a.pop(name)}) for name in list(a)],
        a.update({"h.0.attn.bias": np.ones((1, 1, 12, 12), "f4")})))
    same(small("gpt"), mg.models.GPT.from_pretrained(tmp_path / "gpt"))
    folder_of("llama", tmp_path / "llama", tie_word_embeddings=True)
    change_tensors(tmp_path / "llama", lambda a: a.update({
        "lm_head.weight": a["model.embed_tokens.weight"],
        "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(2, "f4")}))
    same(small("llama", tie_word_embeddings=True), mg.models.Llama.from_pretrained(tmp_path / "llama"))
    folder_of("bert", tmp_path / "bert", head="masked_lm")
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    change_tensors(tmp_path / "bert", lambda a: (
        [a.update({name.replace(k, v): a.pop(name)}) for name in list(a) for k, v in old.items() if k in name],
        a.update({"cls.seq_relationship.weight": np.ones((2, 8), "f4"),
                  "bert.embeddings.position_ids": np.arange(12)[None]})))
    same(small("bert", head="masked_lm"), mg.models.BERT.from_pretrained(tmp_path / "bert"))


def test_a_new_head_starts_anew_on_the_old_body(tmp_path):
    folder_of("bert", tmp_path, head="masked_lm")
    model = mg.models.BERT.from_pretrained(tmp_path, head="classification", num_labels=3)
    old = dict(small("bert", head="masked_lm").named_parameters())
    shared = [name for name, _ in model.named_parameters() if name in old]
    assert len(shared) == len(old) - 5 and all((dict(model.named_parameters())[n].data == old[n].data).all() for n in shared)
    assert model([[1, 2, 3]]).shape == (1, 3)
    model.save_pretrained(tmp_path)
    again = mg.models.from_pretrained(tmp_path)
    same(model, again)
    assert again.kind == "classification" and again.classifier.units == 3


def test_a_model_without_pooler(tmp_path):
    folder_of("bert", tmp_path, pooler=False)
    same(small("bert", pooler=False), mg.models.BERT.from_pretrained(tmp_path))


def test_saving_leaves_the_old_folder_whole_if_it_fails(tmp_path, monkeypatch):
    folder_of("gpt", tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    monkeypatch.setattr(huggingface.files, "write", lambda path, content: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        small("gpt", depth=1).save_pretrained(tmp_path)
    assert before == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


# ---- what is wrong in a folder

@every_kind
def test_all_that_does_not_fit_is_named(kind, tmp_path):
    folder_of(kind, tmp_path)
    names = {}

    def spoil(arrays):
        first, second, *_ = (name for name in arrays if name.endswith("weight"))
        names.update(missing=first, wrong=second)
        del arrays[first]
        arrays[second] = arrays[second][..., :-1]
        arrays["surprise.weight"] = np.ones((2, 3), "f4")

    change_tensors(tmp_path, spoil)
    with pytest.raises(ValueError) as error:
        KINDS[kind].from_pretrained(tmp_path)
    for words in (f"missing: {names['missing']}", f"wrong shape: {names['wrong']} is", "unexpected: surprise.weight (2, 3)"):
        assert words in str(error.value)


def test_weights_that_are_integers_are_refused(tmp_path):
    folder_of("gpt", tmp_path)
    change_tensors(tmp_path, lambda a: a.update({"transformer.ln_f.weight": np.ones(8, int)}))
    with pytest.raises(ValueError, match="wrong dtype: transformer.ln_f.weight holds I64"):
        mg.models.GPT.from_pretrained(tmp_path)


@pytest.mark.parametrize("spoil, words", [
    (lambda b: b[:-40], "model-00002-of-00002.safetensors is not a whole safetensors file"),
    (lambda b: b[:5], "not a whole safetensors file"), (lambda b: b"", "not a whole safetensors file"),
    (lambda b: b"\xff" * 8 + b[8:], "not a whole safetensors file"),
    (lambda b: b[:8] + b"x" + b[9:], "not a whole safetensors file"),
    (lambda b: b.replace(b'"F32"', b'"Q32"', 1), "not a whole safetensors file"),
    (None, "model-00002-of-00002.safetensors, which is missing")])
def test_a_shard_that_is_not_whole(spoil, words, tmp_path):
    folder_of("gpt", tmp_path)
    into_shards(tmp_path)
    shard = tmp_path / "model-00002-of-00002.safetensors"
    content = shard.read_bytes()
    shard.unlink() if spoil is None else shard.write_bytes(spoil(content))
    with pytest.raises(ValueError, match=words):
        mg.models.GPT.from_pretrained(tmp_path)


@pytest.mark.parametrize("file", ["../outside.safetensors", "/etc/passwd", "/tmp/x.safetensors", "a/b.safetensors", "..",
                                  "..\\outside.safetensors", "pytorch_model.bin", ""])
def test_an_index_that_points_elsewhere(file, tmp_path):
    folder = tmp_path / "model"
    folder_of("gpt", folder)
    index = into_shards(folder)
    (tmp_path / "outside.safetensors").write_bytes((folder / "model-00001-of-00002.safetensors").read_bytes())
    content = json.loads(index.read_text())
    content["weight_map"]["transformer.ln_f.weight"] = file
    index.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="in the same folder, and nothing outside of it"):
        mg.models.GPT.from_pretrained(folder)


@pytest.mark.parametrize("content, words", [
    ("{", "not JSON"), ("[]", "expected a JSON object"), ("{}", "weight_map"), ('{"weight_map": {"a": 3}}', "weight_map"),
    ('{"weight_map": {"strange": "model-00001-of-00002.safetensors"}}', "lacks strange")])
def test_an_index_that_is_none(content, words, tmp_path):
    folder_of("gpt", tmp_path)
    into_shards(tmp_path).write_text(content)
    with pytest.raises(ValueError, match=words):
        mg.models.GPT.from_pretrained(tmp_path)


@pytest.mark.parametrize("changes, words", [
    ({"model_type": "t5"}, "of type 't5'"), ({"model_type": ...}, "of type None"),
    ({"architectures": ["GPT2ForTokenClassification"]}, "GPT2ForTokenClassification"),
    ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx = True"),
    ({"tie_word_embeddings": False}, "tie_word_embeddings"), ({"activation_function": "gleu"}, "did you mean"),
    ({"n_head": 3}, "divisible"), ({"n_layer": 0}, "depth"), ({"n_embd": "8"}, "n_embd")])
def test_a_configuration_that_cannot_be_done(changes, words, tmp_path):
    folder_of("gpt", tmp_path)
    change_config(tmp_path, **changes)
    with pytest.raises((ValueError, TypeError), match=words):
        mg.models.GPT.from_pretrained(tmp_path)
    if "model_type" in changes:
        with pytest.raises(ValueError, match="known are bert, gpt2, llama, vit"):
            mg.models.from_pretrained(tmp_path)


def test_other_folders(tmp_path):
    folder_of("gpt", tmp_path)
    with pytest.raises(ValueError, match="models.BERT reads 'bert'"):
        mg.models.BERT.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is no folder at all"):
        mg.models.GPT.from_pretrained(tmp_path / "nowhere")
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="pytorch_model.bin, which is read by executing it"):
        mg.models.GPT.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="not JSON"):
        mg.models.GPT.from_pretrained(tmp_path)


# ---- tokenizers

def test_the_tokenizer_travels_along(tmp_path):
    pytest.importorskip("tokenizers")
    model = small("bert")
    model.tokenizer = tokenizer()
    model.tokenizer.enable_truncation(2)  # what a file says about the length of a text is not obeyed
    model.tokenizer.enable_padding(length=12)
    model.save_pretrained(tmp_path)
    again = mg.models.BERT.from_pretrained(tmp_path)
    ids, mask = again.encode(["the cat sat", "a dog"])
    np.testing.assert_array_equal(ids, [[6, 3, 4], [2, 9, 0]])
    np.testing.assert_array_equal(mask, [[True, True, True], [True, True, False]])
    with pytest.raises(ValueError, match="text 1 has 13 tokens, and the model 12 positions"):
        again.encode(["a", "cat " * 12 + "."])
    np.testing.assert_array_equal(again.encode(["cat " * 12 + "."], truncate=True)[0], [[3] * 11 + [12]])


def test_a_tokenizer_of_another_model(tmp_path):
    pytest.importorskip("tokenizers")
    with pytest.raises(ValueError, match="17 tokens, and the model 16: it belongs to another model"):
        small("bert").tokenizer = tokenizer([str(i) for i in range(16)] + ["x"])
    folder_of("gpt", tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    model = mg.models.GPT.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="no tokenizer that can be read"):
        model.generate("a cat", 1)


def test_texts_without_a_tokenizer(tmp_path, monkeypatch):
    model = small("bert")
    with pytest.raises(ValueError, match="no tokenizer"):
        model.encode(["a"])
    for texts in ("a cat", []):
        with pytest.raises(ValueError, match="at least one text"):
            model.embed(texts)
    import sys
    folder_of("gpt", tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"minigrad\[text\]"):
        mg.models.GPT.from_pretrained(tmp_path).generate("a cat", 1)


def test_embeddings_do_not_depend_on_the_batch():
    pytest.importorskip("tokenizers")
    model = small("bert")
    model.tokenizer = tokenizer()
    texts = ["the cat sat on the mat", "a dog", "the dog ran to the cat .", ""]
    together, alone = model.embed(texts, batch_size=3), np.concatenate([model.embed([t]) for t in texts[:3]])
    np.testing.assert_allclose(together[:3], alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together[:3], axis=1), 1, rtol=1e-6)
    assert (together[3] == 0).all()  # a row of padding only
    plain = model.embed(texts[:2], normalize=False)
    np.testing.assert_allclose(plain[0], model(model.encode(texts[:1])[0])[0].numpy().mean(axis=0), rtol=1e-5)
