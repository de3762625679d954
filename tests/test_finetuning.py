"""Fine-tuning: what learns, that only that moves, and that LoRA is what its formula says."""

import numpy as np
import pytest
from small_models import small

import minigrad as mg
from minigrad import layers
from minigrad.training import finetuning as T

IDS = np.random.default_rng(1).integers(0, 16, (4, 6))


def classifier():
    return small("bert", head="classification", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def step(model, rate=0.01, groups=None):
    """One step of training; returns the names of the parameters that moved, and by how much."""
    before = model.state_dict()
    optimizer = mg.optimizers.SGD(groups or model.parameters(trainable_only=True), rate)
    mg.cross_entropy(model(IDS, training=True), [0, 1, 1, 0]).backward()
    optimizer.step()
    model.zero_grad()
    return {n: np.abs(a - before[n]).max() for n, a in model.state_dict().items() if (a != before[n]).any()}


def test_a_new_head_alone():
    model = classifier()
    T.freeze(model)
    assert T.trainable_names(model) == [] and T.unfreeze(model, "classifier.*") == ["classifier.kernel", "classifier.bias"]
    assert set(step(model)) == {"classifier.kernel", "classifier.bias"}
    T.unfreeze(model)
    assert len(step(model)) > 20


def test_biases_only():
    model = classifier()
    names = T.biases_only(model, "classifier.kernel")
    assert all(n.endswith(("bias", "beta")) or n == "classifier.kernel" for n in names)
    assert len(names) == sum(n.endswith(("bias", "beta")) for n, _ in model.named_parameters()) + 1
    assert set(step(model)) <= set(names)


def test_the_last_blocks():
    model = classifier()
    names = T.last_blocks(model, 1, "classifier.*", "pooler.*")
    assert {n.partition(".")[0] for n in names} == {"blocks", "classifier", "pooler"}
    assert not any(n.startswith("blocks.0.") for n in names) and any(n.startswith("blocks.1.") for n in names)
    moved = step(model)
    assert set(moved) <= set(names) and "blocks.1.attention.query.kernel" in moved
    assert T.last_blocks(model, 0) == []


def test_statistics_stay_frozen():
    model = mg.Sequential([layers.Input((3,)), layers.BatchNormalization(), layers.Dense(2)])
    T.freeze(model)
    assert not any("moving" in n for n in T.unfreeze(model))


def test_layerwise_groups():
    model = classifier()
    groups = T.layerwise_groups(model, 0.1, 0.5)
    assert [g["learning_rate"] for g in groups] == [0.1, 0.05, 0.025, 0.0125]
    first = [{n.partition(".")[0] if "blocks" not in n else n[:8] for n, _ in g["params"]} for g in groups]
    assert first == [{"pooler", "classifier"}, {"blocks.1"}, {"blocks.0"}, {"token", "position", "type", "norm"}]
    assert sum(len(g["params"]) for g in groups) == len(model.parameters())
    plain, decayed = step(classifier(), 0.1), step(model, 0.1, groups)
    for name, share in (("classifier.kernel", 1), ("blocks.1.feed_forward.expand.kernel", 0.5), ("type.embeddings", 0.125)):
        assert decayed[name] == pytest.approx(share * plain[name], rel=1e-3)
    T.freeze(model)
    T.unfreeze(model, "classifier.*")
    assert len(T.layerwise_groups(model, 0.1)) == 1
    head = T.layerwise_groups(small("bert", head="masked_lm"), 0.1)[0]["params"]
    assert {n for n, _ in head} >= {"output_bias", "transform.kernel"}


# ---- LoRA

def test_lora_starts_where_the_model_was_and_alone_learns():
    model = classifier()
    before = model(IDS).numpy()
    added = T.add_lora(model, rank=3, alpha=6, also=["classifier.*"])
    assert sorted(added) == [f"blocks.{i}.attention.{n}" for i in (0, 1) for n in ("query", "value")]
    np.testing.assert_array_equal(model(IDS).numpy(), before)
    names = T.trainable_names(model)
    assert len(names) == 2 + 8 and sum(p.size for p in model.parameters(True)) == 2 * 9 + 4 * 3 * (8 + 8)
    step(model, 1.0)
    assert set(step(model, 1.0)) == set(names)


def test_the_formula():
    mg.seed(0)
    model = mg.Sequential([layers.Input((5,)), layers.Dense(4, activation="tanh"), layers.Dense(3)])
    layer = T.add_lora(model, rank=2, alpha=3.0, targets="dense")["dense"]
    x = np.random.default_rng(0).standard_normal((6, 5)).astype("float32")
    layer.lora_b.data = np.random.default_rng(1).standard_normal((2, 4)).astype("float32")
    w = layer.kernel.data + 1.5 * layer.lora_a.data @ layer.lora_b.data
    np.testing.assert_allclose(layer(x).numpy(), np.tanh(x @ w + layer.bias.data), rtol=1e-5, atol=1e-6)
    assert model.layers[0] is layer and "dense.lora_a" in model.state_dict()


@pytest.mark.parametrize("dtype, tolerance", [("float32", 2e-6), ("float64", 1e-14)])
def test_merging_and_unmerging(dtype, tolerance, tmp_path):
    with mg.default_dtype(dtype):
        model = classifier()
        added = T.add_lora(model, rank=2, targets=("blocks.*.query", "expand"), also=["classifier.*"])
        assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}
    kernels = {n: layer.kernel.data.copy() for n, layer in added.items()}
    for _ in range(5):
        step(model, 0.1)
    outputs = model(IDS).numpy()
    with pytest.raises(ValueError, match="merge what was added"):
        model.save_pretrained(tmp_path)

    merged = T.merge_lora(model)
    assert merged == added and not any("lora" in n for n, _ in model.named_parameters())
    np.testing.assert_allclose(model(IDS).numpy(), outputs, atol=tolerance * 10 * np.abs(outputs).max())
    assert all(np.abs(layer.kernel.data - kernels[n]).max() > 1e-4 for n, layer in added.items())
    model.save_pretrained(tmp_path)
    np.testing.assert_array_equal(mg.models.from_pretrained(tmp_path, dtype)(IDS).numpy(), model(IDS).numpy())

    T.unmerge_lora(model, merged)
    for name, layer in added.items():
        np.testing.assert_allclose(layer.kernel.data, kernels[name], atol=tolerance * np.abs(kernels[name]).max())
    np.testing.assert_allclose(model(IDS).numpy(), outputs, atol=tolerance * 10 * np.abs(outputs).max())
    assert set(model.state_dict()) > {"blocks.0.attention.query.lora_a"}


def test_a_layer_in_two_places_is_replaced_in_both():
    class Twice(mg.Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(4, input_shape=(4,))
            self.again = {"here": [self.first]}

        def call(self, x):
            return self.again["here"][0](self.first(x))

    model = Twice()
    added = T.add_lora(model, targets="first")["first"]
    assert model.first is added and model.again["here"][0] is added
    T.merge_lora(model)
    assert type(model.first) is layers.Dense and model.again["here"][0] is model.first


def test_dropout_of_lora_is_for_training():
    model = classifier()
    for layer in T.add_lora(model, rank=2, dropout=0.5).values():
        layer.lora_b.data = np.ones_like(layer.lora_b.data)
    np.testing.assert_array_equal(model(IDS).numpy(), model(IDS).numpy())
    assert (model(IDS, training=True).numpy() != model(IDS, training=True).numpy()).any()


@pytest.mark.parametrize("call, words", [
    (lambda m: T.freeze(m, "nothing.*"), "no parameter.*'nothing"), (lambda m: T.last_blocks(m, 3), "from 0 to 2"),
    (lambda m: T.layerwise_groups(m, 0.1, 0), "decay"),
    (lambda m: T.add_lora(m, targets="quarry"), "'quarry' names no layer"),
    (lambda m: T.add_lora(m, targets="norm_1"), "a LayerNormalization: expected a Dense"),
    (lambda m: T.add_lora(m, rank=0), "rank"), (lambda m: (T.add_lora(m), T.add_lora(m)), "a LoRADense: expected a Dense"),
    (lambda m: T.freeze(mg.Sequential([layers.Dense(2)])), "no parameters yet"),
])
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(classifier())
