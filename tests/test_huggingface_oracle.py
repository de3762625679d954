"""BERT, GPT-2, Llama and ViT against `transformers`, on random weights that travel through a folder, both ways: hidden
states, logits, and the gradient of every parameter."""

import os

import numpy as np
import pytest

import minigrad as mg
import minigrad.functions as F

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
BERT = {"vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
        "max_position_embeddings": 9}
GPT2 = {"vocab_size": 23, "n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 9, "bos_token_id": 0, "eos_token_id": 1}
LLAMA = {"vocab_size": 23, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 20,
         "max_position_embeddings": 64}
VIT = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20, "image_size": 8,
       "patch_size": 4}
CASES = {
    "bert": ("BertModel", BERT),
    "bert, tanh gelu, eps, one type": ("BertModel", BERT | {"hidden_act": "gelu_new", "layer_norm_eps": 0.1,
                                                            "type_vocab_size": 1}),
    "bert, masked_lm": ("BertForMaskedLM", BERT | {"type_vocab_size": 3}),
    "bert, masked_lm, relu": ("BertForMaskedLM", BERT | {"hidden_act": "relu"}),
    "bert, classification": ("BertForSequenceClassification", BERT | {"num_labels": 4}),
    "bert, token_classification": ("BertForTokenClassification", BERT | {"num_labels": 5}),
    "gpt2": ("GPT2LMHeadModel", GPT2),
    "gpt2, gelu, inner, eps": ("GPT2LMHeadModel", GPT2 | {"activation_function": "gelu", "n_inner": 7,
                                                          "layer_norm_epsilon": 0.1}),
    "gpt2, relu, one layer": ("GPT2LMHeadModel", GPT2 | {"activation_function": "relu", "n_layer": 1}),
    "llama, grouped": ("LlamaForCausalLM", LLAMA | {"num_key_value_heads": 2, "rms_norm_eps": 0.1}),
    "llama, tied, padding token": ("LlamaForCausalLM", LLAMA | {"tie_word_embeddings": True, "pad_token_id": 3}),
    "llama, one head of keys, biases, head_dim": ("LlamaForCausalLM", LLAMA | {
        "num_key_value_heads": 1, "attention_bias": True, "mlp_bias": True, "head_dim": 6, "hidden_act": "gelu"}),
    "llama, theta, linear": ("LlamaForCausalLM", LLAMA | {"rope_parameters": {
        "rope_type": "linear", "factor": 3.0, "rope_theta": 50.0}}),
    "llama, llama3": ("LlamaForCausalLM", LLAMA | {"rope_parameters": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "rope_theta": 10000.0,
        "original_max_position_embeddings": 32}}),
    "vit": ("ViTForImageClassification", VIT | {"num_labels": 4}),
    "vit, no head": ("ViTModel", VIT | {"num_channels": 1, "layer_norm_eps": 0.1}),
    "vit, small patches, no biases": ("ViTForImageClassification", VIT | {
        "patch_size": 2, "qkv_bias": False, "hidden_act": "gelu_new"}),
}


def theirs(case, dtype, seed=0):
    """A model of `transformers` in evaluation mode, all of its parameters random; norms near 1, so that tokens differ by
    more than what they share (else the gradients of queries are small differences of large numbers)."""
    name, options = CASES[case]
    cls = getattr(transformers, name)
    torch.manual_seed(seed)
    model = cls(cls.config_class(**options)).eval().to(getattr(torch, dtype))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in name.lower() and name.endswith("weight") or ".ln_" in name else 0.0, 0.3)
    return model


@pytest.fixture
def exact_llama(monkeypatch):
    """Llama in float64 throughout: `transformers` takes its angles, and normalises, in float32 at all times."""
    from transformers.models.llama import modeling_llama as M

    def normalized(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)

    def angles(self, x, position_ids):
        theta, scaling = self.config.rope_parameters["rope_theta"], dict(self.config.rope_parameters)
        f = theta ** (-torch.arange(0, self.config.head_dim, 2, dtype=torch.float64) / self.config.head_dim)
        if scaling["rope_type"] == "llama3":  # that these are right, float32 shows
            f = torch.from_numpy(F.rotary_frequencies(self.config.head_dim, theta, scaling))
        elif scaling["rope_type"] == "linear":
            f = f / scaling["factor"]
        theta = position_ids[..., None] * torch.cat([f, f])
        return theta.cos().to(x.dtype), theta.sin().to(x.dtype)

    def patch():
        monkeypatch.setattr(M.LlamaRMSNorm, "forward", normalized)
        monkeypatch.setattr(M.LlamaRotaryEmbedding, "forward", angles)
    return patch


def inputs_of(model, rng, padding=None):
    """{name: array} of two texts of 7 tokens, or of two images."""
    config = model.config
    if config.model_type == "vit":
        return {"pixel_values": rng.standard_normal((2, config.num_channels, config.image_size, config.image_size))}
    inputs = {"input_ids": rng.integers(0, config.vocab_size, (2, 7))}
    if padding is not None:
        inputs["attention_mask"] = np.array(padding)
    if config.model_type == "bert" and config.type_vocab_size > 1:
        inputs["token_type_ids"] = rng.integers(0, config.type_vocab_size, (2, 7))
    return inputs


def in_torch(inputs, dtype):
    return {name: torch.from_numpy(x).to(getattr(torch, dtype)) if x.dtype.kind == "f" else torch.from_numpy(x)
            for name, x in inputs.items()}


def in_ours(inputs, dtype):
    if "pixel_values" in inputs:
        return (np.moveaxis(inputs["pixel_values"], 1, -1).astype(dtype),), {}
    return (inputs["input_ids"],), {name: x for name, x in inputs.items() if name != "input_ids"}


def assert_near(a, b, tolerance, what, scale=0.0):
    assert a.shape == b.shape, f"{what}: {a.shape}, {b.shape}"
    assert a.dtype == b.dtype, f"{what}: {a.dtype}, {b.dtype}"
    largest = max(np.abs(b).max(), scale)
    assert np.abs(a - b).max() <= tolerance * largest, f"{what}: off by {np.abs(a - b).max() / largest:.1e} of its largest"


def compare(model, ours, inputs, dtype, real=None):
    """Hidden states, outputs, and gradients of Σ outputs * random numbers; at the places that are `real`, the others mean
    nothing."""
    rng, tolerance = np.random.default_rng(1), TOLERANCE[dtype]
    result = model(**in_torch(inputs, dtype), output_hidden_states=True)
    arguments, keywords = in_ours(inputs, dtype)
    real = slice(None) if real is None else np.array(real, bool)

    for i, (a, b) in enumerate(zip(ours.hidden_states(*arguments, **keywords), result.hidden_states, strict=True)):
        assert_near(a.numpy()[real], b.detach().numpy()[real], tolerance, f"hidden state {i}")
    y = ours(*arguments, **keywords)
    outputs = [(y, result.logits if "logits" in result else result.last_hidden_state)]
    if "pooler_output" in result:
        outputs.append((ours.pooled(y), result.pooler_output))
    loss, expected = 0, 0
    for i, (a, b) in enumerate(outputs):
        where = real if a.ndim == 3 else slice(None)
        assert_near(a.numpy()[where], b.detach().numpy()[where], tolerance, f"output {i}")
        dy = np.zeros(a.shape, dtype)
        dy[where] = rng.standard_normal(a.shape)[where]
        loss, expected = loss + (a * dy).sum(), expected + (b * torch.from_numpy(dy)).sum()
    expected.backward()
    gradients = mg.autograd.grad(loss, ours.parameters())
    found = ours.to_theirs({name: g.numpy() for (name, _), g in zip(ours.named_parameters(), gradients)})
    there = {name: p.grad.numpy() for name, p in model.named_parameters()}
    if "lm_head.weight" not in found:
        there.pop("lm_head.weight", None)
    assert len(found) == len(there)
    for name, g in there.items():
        mine = next(found[n] for n in (name, type(ours).PREFIX + name, *disk_names(name)) if n in found)
        # what a key's bias adds to all scores of a query alike, softmax does not see: its gradient is 0 but for rounding
        scale = np.abs(there[name.replace("key.bias", "query.bias").replace("k_proj.bias", "q_proj.bias")]).max()
        assert_near(mine, g, tolerance, name, scale)


def disk_names(name):
    """What a parameter in memory is called in a file."""
    for there, here in (("attention.q_proj", "attention.attention.query"), ("attention.k_proj", "attention.attention.key"),
                        ("attention.v_proj", "attention.attention.value"), ("attention.o_proj", "attention.output.dense"),
                        ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense"), ("layers.", "encoder.layer.")):
        name = name.replace(there, here)
    return name, "vit." + name


every_case = pytest.mark.parametrize("case", CASES)
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@every_case
@every_dtype
def test_states_logits_and_every_gradient(case, dtype, tmp_path, exact_llama):
    model = theirs(case, dtype)
    model.save_pretrained(tmp_path)
    ours = mg.models.from_pretrained(tmp_path, dtype)
    if dtype == "float64":
        exact_llama()
    compare(model, ours, inputs_of(model, np.random.default_rng(0)), dtype)


@every_dtype
@pytest.mark.parametrize("case", ["bert", "bert, masked_lm", "bert, classification", "gpt2", "llama, grouped"])
@pytest.mark.parametrize("padding", [[[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]],
                                     [[0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1]]], ids=["behind", "before"])
def test_padding(case, padding, dtype, tmp_path, exact_llama):
    if case == "bert, classification":
        padding = [row[::-1] if not row[0] else row for row in padding]  # it reads the first token
    model = theirs(case, dtype)
    model.save_pretrained(tmp_path)
    ours = mg.models.from_pretrained(tmp_path, dtype)
    if dtype == "float64":
        exact_llama()
    compare(model, ours, inputs_of(model, np.random.default_rng(0), padding), dtype,
            None if case == "bert, classification" else padding)


@every_case
def test_they_read_what_we_write(case, tmp_path):
    model = theirs(case, "float32")
    model.save_pretrained(tmp_path / "theirs")
    ours = mg.models.from_pretrained(tmp_path / "theirs")
    ours.save_pretrained(tmp_path / "ours")
    again, report = type(model).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report.values()), report
    different = {key for key, value in model.config.to_dict().items() if again.config.to_dict()[key] != value}
    assert different <= {"_name_or_path", "attn_pdrop", "embd_pdrop", "label2id", "id2label"}, different
    inputs = in_torch(inputs_of(model, np.random.default_rng(0)), "float32")
    with torch.no_grad():
        a, b = (m.eval()(**inputs)[0] for m in (model, again))
    np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
@pytest.mark.parametrize("case", ["bert, masked_lm", "gpt2", "llama, grouped", "vit"])
def test_half_precision_in_shards_is_upcast(case, half, tmp_path):
    model = theirs(case, "float32").to(getattr(torch, half))
    model.save_pretrained(tmp_path, max_shard_size="2KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 3 and (tmp_path / "model.safetensors.index.json").exists()
    ours = mg.models.from_pretrained(tmp_path)
    assert {p.dtype for p in ours.parameters()} == {np.dtype("float32")}
    model.float()
    compare(model, ours, inputs_of(model, np.random.default_rng(0)), "float32")
    ours.save_pretrained(tmp_path, dtype="float16")  # one file instead of the shards
    assert [p.name for p in tmp_path.glob("*.safetensors*")] == ["model.safetensors"]
    if half == "float16":
        for (name, a), b in zip(ours.named_parameters(), mg.models.from_pretrained(tmp_path).parameters()):
            np.testing.assert_array_equal(a.data, b.data, err_msg=name)


# ---- generation

@pytest.mark.parametrize("case", ["gpt2", "llama, grouped"])
def test_greedy_text_is_theirs(case, tmp_path):
    model = theirs(case, "float32")
    model.save_pretrained(tmp_path)
    ours = mg.models.from_pretrained(tmp_path)
    ids = np.random.default_rng(0).integers(0, 23, (3, 3))
    for penalty in (1.0, 1.7):
        expected = model.generate(torch.from_numpy(ids), attention_mask=torch.ones(3, 3), max_new_tokens=6, do_sample=False,
                                  repetition_penalty=penalty, eos_token_id=None, pad_token_id=0)
        np.testing.assert_array_equal(ours.generate(ids, 6, repetition_penalty=penalty), expected.numpy())


@pytest.mark.parametrize("seed", range(4))
def test_which_tokens_may_be_drawn_and_how_often(seed):
    from transformers.generation import logits_process as P

    from minigrad.models.generation import Choice
    rng = np.random.default_rng(seed)
    logits, ids = 3 * rng.standard_normal((2, 40)).astype("float32"), rng.integers(0, 40, (2, 6))
    k, p, temperature, penalty = int(rng.integers(5, 20)), rng.uniform(0.3, 0.95), rng.uniform(0.5, 2), rng.uniform(0.8, 2)
    scores = torch.from_numpy(logits)
    for process in (P.RepetitionPenaltyLogitsProcessor(penalty), P.TemperatureLogitsWarper(temperature),
                    P.TopKLogitsWarper(k), P.TopPLogitsWarper(p)):
        scores = process(torch.from_numpy(ids), scores)
    np.testing.assert_allclose(Choice(temperature, k, p, penalty).scores(logits, ids), scores.numpy(), rtol=1e-5)


def test_alibi_is_blooms():
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor
    for heads in (4, 6, 8):
        theirs = build_alibi_tensor(torch.ones(1, 5), heads, torch.float32).numpy()  # (H, 1, S): it grows to the right
        ours = F.alibi_bias(heads, 1, 5)
        np.testing.assert_allclose(ours - ours[:, :, :1], theirs, rtol=1e-6)
