"""Functional models on disk: damaged files and configurations are refused and change nothing; no file is believed."""

import copy
import json
import os

import numpy as np
import pytest
from test_saving import MUTATIONS, full, mutated

import minigrad as mg
from minigrad import files, layers
from minigrad.formats.models import CONFIG, contents, packed

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 6, 6, 1)).astype("float32")
Y = {"class": RNG.integers(0, 3, 12), "size": RNG.random((12, 1)).astype("float32")}


def drawn():
    x = mg.Input((6, 6, 1), name="image")
    shared = layers.Conv2D(2, 3, padding="same", activation="relu")
    h = layers.MaxPooling2D(2)(shared(x + 0 * x)[:, ::-1])
    h = layers.Concatenate()([layers.Flatten()(h), layers.GlobalAveragePooling2D()(h)])
    inner = mg.Sequential([layers.Input((20,)), layers.Dense(3, "tanh", kernel_regularizer="l2")], name="inner")
    h = inner(h)
    outputs = {"class": layers.Dense(3, "softmax")(h), "size": layers.Dense(1)(layers.Dropout(0.1)(h))}
    return mg.Model(x, outputs, name="drawn")


def fitted():
    mg.seed(0)
    model = drawn()
    model.compile("adam", {"class": "sparse_categorical_crossentropy", "size": "mse"}, metrics={"class": "accuracy"})
    model.fit(X, Y, epochs=1, batch_size=4, verbose=0, workers=None)
    return model


@pytest.fixture(scope="module")
def saved():
    return fitted()


@pytest.mark.parametrize("name", ["m.minigrad", "m"])
def test_a_loaded_model_trains_on_as_the_saved_one(saved, tmp_path, name):
    saved.save(tmp_path / name)
    models = [fitted(), mg.models.load_model(tmp_path / name)]
    assert models[1].to_json() == models[0].to_json()
    for model in models:
        mg.seed(1)
        model.fit(X, Y, epochs=2, batch_size=5, verbose=0, workers=None)
    assert all(np.array_equal(a, b) for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True))
    assert models[0].evaluate(X, Y) == models[1].evaluate(X, Y)


def test_a_full_disk(saved, tmp_path, monkeypatch):
    for name in "m.minigrad", "m":
        saved.save(tmp_path / name)
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        other = fitted()
        other.fit(X, Y, verbose=0)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            other.save(tmp_path / name)
        monkeypatch.undo()
        assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
        assert np.array_equal(mg.models.load_model(tmp_path / name).get_weights()[0], saved.get_weights()[0])


def test_damaged_bytes(saved, tmp_path):
    path, refused, rng = tmp_path / "m.minigrad", 0, np.random.default_rng(1)
    content = packed(contents(saved))
    expected = saved.get_weights()
    for _ in range(MUTATIONS // 4):
        path.write_bytes(mutated(content, rng))
        try:
            model = mg.models.load_model(path)
        except ValueError as error:
            assert "m.minigrad" in str(error)
            refused += 1
        else:
            assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), expected, strict=True))
    assert refused > 0.8 * (MUTATIONS // 4)


WRONG = [None, True, -1, 0, 3, 10 ** 12, 2.5, float("nan"), "x", "Dense", [], [1, [2]], {}, {"value": 99}, {"shared": 7},
         {"class_name": "Dense", "config": {}}, {"slice": [0]}, {"class_name": "Model", "config": {"name": "m"}}]


def places(tree, path=()):
    """The paths to all values in a configuration."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path] * bool(path) + [p for key, part in pairs for p in places(part, (*path, key))]


def test_configurations_that_somebody_changed(saved, tmp_path):
    """A file that is whole, with another value somewhere in its config.json: a model of those weights, or a ValueError that
    names the file; within a second, whatever size is asked for."""
    path, content, refused = tmp_path / "m.minigrad", contents(saved), 0
    config, rng = json.loads(content[CONFIG]), np.random.default_rng(2)
    everywhere, shapes = places(config), [w.shape for w in saved.get_weights()]
    rounds = max(300, MUTATIONS // 4)
    for _ in range(rounds):
        changed = copy.deepcopy(config)
        *outer, last = everywhere[rng.integers(len(everywhere))]
        tree = changed
        for key in outer:
            tree = tree[key]
        if rng.random() < 0.2:
            del tree[last]
        else:
            tree[last] = WRONG[rng.integers(len(WRONG))]
        path.write_bytes(packed(content | {CONFIG: json.dumps(changed).encode()}))
        try:
            model = mg.models.load_model(path)
        except ValueError as error:
            assert "m.minigrad" in str(error)
            refused += 1
        else:
            assert [w.shape for w in model.get_weights()] == shapes
    assert refused > 0.3 * rounds


@pytest.mark.parametrize("config, words", [
    ({"class_name": "Dense", "config": {"units": 10 ** 11}}, "dense.kernel of shape .* larger than all that was saved"),
    ({"class_name": "Embedding", "config": {"input_dim": 10 ** 9, "output_dim": 10 ** 4}}, "larger than all that was saved"),
    ({"class_name": "Conv2D", "config": {"filters": 10 ** 5, "kernel_size": 10 ** 5}}, "made again")])
def test_declared_sizes_are_not_believed(tmp_path, config, words):
    model = mg.Sequential([layers.Dense(2, input_shape=(3,))])
    content = contents(model)
    about = json.loads(content[CONFIG])
    about["config"]["layers"] = [config]
    (tmp_path / "m.minigrad").write_bytes(packed(content | {CONFIG: json.dumps(about).encode()}))
    with pytest.raises(ValueError, match=f"(?s)m.minigrad.*{words}"):
        mg.models.load_model(tmp_path / "m.minigrad")


NESTED = '{"class_name": "Sequential", "config": {"layers": [', "]}}"


@pytest.mark.parametrize("text", [
    "[" * 10 ** 6, '{"a":' * 10 ** 5, '{"form": 1, "config": ' + "[" * 900 + "]" * 900 + "}", "{}", "7",
    '{"form": 1, "input_shape": null, "compile": null, ' + NESTED[0][1:] + NESTED[0] * 400 + NESTED[1] * 401])
def test_deep_json(saved, tmp_path, text):
    (tmp_path / "m.minigrad").write_bytes(packed(contents(saved) | {CONFIG: text.encode()}))
    with pytest.raises(ValueError, match="m.minigrad"):
        mg.models.load_model(tmp_path / "m.minigrad")


def test_a_deep_state_of_an_optimizer(saved, tmp_path):
    content = contents(saved)
    deep = json.loads('{"list": [' * 400 + "1" + "]}" * 400)
    arrays, (kind, _) = files.arrays_from_bytes(content["optimizer.safetensors"], "x")
    target = fitted()
    before = target.get_weights()
    content["optimizer.safetensors"] = files.arrays_to_bytes(arrays, [kind, deep])
    (tmp_path / "m.minigrad").write_bytes(packed(content))
    with pytest.raises(ValueError, match="m.minigrad"):
        mg.models.load_model(tmp_path / "m.minigrad", target)
    assert all(np.array_equal(a, b) for a, b in zip(before, target.get_weights()))


def test_names_of_another_model_are_told(saved, tmp_path):
    saved.save(tmp_path / "m.minigrad")
    x = mg.Input((3,))
    with pytest.raises(ValueError, match="(?s)m.minigrad.*missing: other.kernel.*unexpected: .*conv2d.kernel"):
        mg.models.load_model(tmp_path / "m.minigrad", mg.Model(x, layers.Dense(7, name="other")(x)))
    content = contents(saved)
    about = json.loads(content[CONFIG])
    about["compile"]["loss"]["size"]["class_name"] = "MeanSquaredEror"
    (tmp_path / "m.minigrad").write_bytes(packed(content | {CONFIG: json.dumps(about).encode()}))
    with pytest.raises(ValueError, match="unknown loss 'MeanSquaredEror': did you mean 'MeanSquaredError'"):
        mg.models.load_model(tmp_path / "m.minigrad")
