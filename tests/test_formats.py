"""Weights as .safetensors: in and out unchanged, readable by others; an old file or model survives any failure."""

import json
import os
import stat

import numpy as np
import pytest
import safetensors.numpy

import minigrad as mg
from minigrad import layers


@pytest.fixture
def model():
    mg.seed(0)
    return mg.Sequential([layers.Dense(4, input_shape=(3,)), layers.Dense(2)])


def states_equal(a, b):
    return list(a) == list(b) and all(np.array_equal(a[n], b[n]) and a[n].dtype == b[n].dtype for n in a)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round_trip_is_exact(tmp_path, dtype):
    with mg.tensor.default_dtype(dtype):
        one, two = mg.models.LeNet5(), mg.models.LeNet5()
        x = np.random.default_rng(0).random((3, 28, 28, 1))
        one.save_weights(tmp_path / "w.safetensors")
        assert not np.array_equal(one.predict(x), two.predict(x))
        two.load_weights(tmp_path / "w.safetensors")
        assert states_equal(one.state_dict(), two.state_dict()) and np.array_equal(one.predict(x), two.predict(x))


def test_others_can_read_and_write_the_file(tmp_path, model):
    path = str(tmp_path / "w.safetensors")  # a string is a path too
    mg.formats.save_weights(model, path)
    assert states_equal(dict(sorted(safetensors.numpy.load_file(path).items())),
                        dict(sorted(model.state_dict().items())))
    safetensors.numpy.save_file({n: a + 1 for n, a in model.state_dict().items()}, path)
    before = model.state_dict()
    mg.formats.load_weights(model, path)
    assert all(np.array_equal(before[n] + 1, a) for n, a in model.state_dict().items())


def test_a_parameter_that_is_a_view_is_saved_in_the_right_order(tmp_path, model):
    model.layers[1].kernel.data = np.arange(8, dtype="float32").reshape(2, 4).T
    model.save_weights(tmp_path / "w.safetensors")
    assert np.array_equal(safetensors.numpy.load_file(tmp_path / "w.safetensors")["dense_1.kernel"],
                          np.arange(8).reshape(2, 4).T)


def test_shared_parameters_are_in_it_once(tmp_path):
    shared = layers.Dense(3, input_shape=(3,))
    model = mg.Sequential([shared, shared])
    model.save_weights(tmp_path / "w.safetensors")
    assert sorted(safetensors.numpy.load_file(tmp_path / "w.safetensors")) == ["dense.bias", "dense.kernel"]
    model.load_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize("change, words", [
    (lambda b: b[:-1], "not a whole safetensors file"), (lambda b: b[:100], "not a whole safetensors file"),
    (lambda b: b[:4], "not a whole safetensors file"), (lambda b: b"", r"\(0 bytes\)"),
    (lambda b: b + b"!", "not a whole"),
    (lambda b: b"PK\x03\x04" + b[4:], "not a whole"), (lambda b: b"\xff" * 8 + b[8:], "not a whole"),
    (lambda b: b.replace(b"dense.bias", b"dense.bios"), "checksum"), (lambda b: b[:-1] + b"!", "checksum"),
    (lambda b: b.replace(b"[3,4]", b"[4,3]"), "checksum"), (lambda b: b.replace(b'"F32"', b'"I32"'), "checksum"),
])
def test_a_broken_file_is_named_and_changes_nothing(tmp_path, model, change, words):
    model.save_weights(tmp_path / "weights.safetensors")
    refuses(tmp_path / "weights.safetensors", model, change, words)


@pytest.mark.parametrize("change, words", [
    (lambda b: b.replace(b"dense.bias", b"dense.bios"), r"(?s)missing: dense.bias \(4,\).*unexpected: dense.bios"),
    (lambda b: b.replace(b"[3,4]", b"[4,3]"), r"dense.kernel is \(3, 4\), got \(4, 3\)"),
    (lambda b: b.replace(b'"F32"', b'"I32"'), "dtype.*int32"),
])
def test_a_file_of_another_model_is_refused(tmp_path, model, change, words):
    safetensors.numpy.save_file(model.state_dict(), tmp_path / "weights.safetensors")  # without a checksum
    refuses(tmp_path / "weights.safetensors", model, change, words)


def refuses(path, model, change, words):
    for p in model.parameters():
        p.data = p.data * 2
    before = model.state_dict()
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    assert path.read_bytes() != whole
    with pytest.raises(ValueError, match=words) as error:
        model.load_weights(path)
    assert "weights.safetensors" in str(error.value)
    assert states_equal(before, model.state_dict())


def test_a_dtype_that_numpy_lacks_is_an_error_of_ours(tmp_path, model):
    header = json.dumps({"dense.kernel": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    before = model.state_dict()
    with pytest.raises(ValueError, match="w.safetensors"):
        model.load_weights(path)
    assert states_equal(before, model.state_dict())


def test_missing_files_and_folders(tmp_path, model):
    with pytest.raises(FileNotFoundError, match="none.safetensors"):
        model.load_weights(tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match="folder"):
        model.save_weights(tmp_path / "folder" / "w.safetensors")


def test_an_old_file_survives_a_failed_write(tmp_path, model, monkeypatch):
    path = tmp_path / "w.safetensors"
    model.save_weights(path)
    old = path.read_bytes()
    model.layers[0].kernel.data = model.layers[0].kernel.data + 1

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        model.save_weights(path)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["w.safetensors"]
    monkeypatch.undo()
    model.save_weights(path)
    assert path.read_bytes() != old and os.listdir(tmp_path) == ["w.safetensors"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_saved_file_has_the_permissions_of_any_other(tmp_path, model):
    (tmp_path / "other").write_bytes(b"")
    model.save_weights(tmp_path / "w.safetensors")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("other", "w.safetensors")]
    assert modes[0] == modes[1]
