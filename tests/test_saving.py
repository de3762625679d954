"""Whole models on disk: they come back and train on as if nothing had happened; a damaged file changes nothing."""

import json
import os
import zipfile

import numpy as np
import pytest

import minigrad as mg
from minigrad import callbacks, files, layers, losses, metrics, optimizers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 3)).astype("float32")
Y = (X[:, 0] > 0).astype(int)
MUTATIONS = int(os.environ.get("SAVING_MUTATIONS", 2000))


class Net(mg.Model):
    """A model with a configuration, as any class with get_config and from_config."""

    def __init__(self, width=4):
        self.width = width
        self.hidden = layers.Dense(width, "relu", input_shape=(3,))
        self.out = layers.Dense(2, "softmax", input_shape=(width,))

    def call(self, x):
        return self.out(self.hidden(x))

    def get_config(self):
        return {"width": self.width}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Plain(Net):
    get_config = property()  # an AttributeError: this one has none


def fitted(model=None, optimizer=None, epochs=2):
    mg.seed(0)
    model = model or Net()
    model.compile(optimizer or optimizers.Adam(0.02, beta_1=0.8), losses.SparseCategoricalCrossentropy(),
                  ["accuracy", metrics.F1Score("macro")])
    model.fit(X, Y, epochs=epochs, batch_size=6, verbose=0)
    return model


def equal(a, b):
    return all(np.array_equal(p.numpy(), q.numpy()) for p, q in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("name", ["net.minigrad", "net"])
def test_a_loaded_model_trains_on_as_the_saved_one(tmp_path, name):
    model = fitted()
    model.save(tmp_path / name)
    loaded = mg.models.load_model(tmp_path / name, custom_objects={"Net": Net})
    assert equal(model, loaded) and loaded.optimizer.iterations == 8 and loaded.optimizer.beta_1 == 0.8
    assert loaded.evaluate(X, Y) == model.evaluate(X, Y)
    results = []
    for m in model, loaded:
        mg.seed(1)
        results.append(m.fit(X, Y, epochs=2, batch_size=5, verbose=0).history)
    assert results[0] == results[1] and equal(model, loaded)


@pytest.mark.parametrize("name", ["net.minigrad", "net"])
def test_into_a_model_that_is_there(tmp_path, name):
    model = fitted(Plain())
    model.save(tmp_path / name)
    other = Plain()
    other.compile(optimizers.Adam(), "mse")
    assert mg.models.load_model(tmp_path / name, other) is other and equal(model, other)
    assert other.optimizer.iterations == 8 and other.optimizer.learning_rate == 0.02
    assert mg.models.load_model(tmp_path / name, Plain()).optimizer is None  # not compiled: the weights alone
    with pytest.raises(ValueError, match="(?s)Plain without a configuration.*load_model.path, model"):
        mg.models.load_model(tmp_path / name)


def test_what_is_in_a_file(tmp_path):
    path = tmp_path / "net.minigrad"
    fitted().save(str(path))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["config.json", "weights.safetensors", "optimizer.safetensors"]
        config = json.loads(archive.read("config.json"))
    assert config["class_name"] == "Net" and config["config"] == {"width": 4}
    assert config["compile"]["optimizer"]["class_name"] == "Adam"
    content = path.read_bytes()
    fitted().save(path)
    assert path.read_bytes() == content  # the same model, the same file


def test_models_that_were_never_trained_or_compiled(tmp_path):
    model = Net()
    model.save(tmp_path / "a.minigrad")
    loaded = mg.models.load_model(tmp_path / "a.minigrad", custom_objects={"Net": Net})
    assert equal(model, loaded) and loaded.optimizer is None
    model.compile("adam", lambda y, p: mg.mean(p))  # a function cannot be saved
    model.save(tmp_path / "a.minigrad")
    assert mg.models.load_model(tmp_path / "a.minigrad", custom_objects={"Net": Net}).loss is None


def test_a_folder_is_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "net"
    model = fitted()
    model.save(path)
    first = {p.name: p.read_bytes() for p in path.iterdir()}
    assert len(first) == 3
    old = model.state_dict()
    model.fit(X, Y, verbose=0)
    fsync = os.fsync
    for at in (1, 3, 5):  # each file and then its folder are synchronised: weights, optimizer, config.json
        left = iter(range(at - 1, -1, -1))
        monkeypatch.setattr(os, "fsync", lambda descriptor, left=left: fsync(descriptor) if next(left) else full())
        with pytest.raises(OSError, match="No space"):
            model.save(path)
        loaded = mg.models.load_model(path, custom_objects={"Net": Net})
        assert all(np.array_equal(old[n], a) for n, a in loaded.state_dict().items()) and loaded.optimizer.iterations == 8
        assert not list(path.glob("*.part"))
    monkeypatch.undo()
    model.save(path)
    assert equal(model, mg.models.load_model(path, custom_objects={"Net": Net})) and len(list(path.iterdir())) == 3
    (next(path.glob("weights*"))).unlink()
    with pytest.raises(FileNotFoundError, match="weights-"):
        mg.models.load_model(path, custom_objects={"Net": Net})


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.minigrad"
    model = fitted()
    model.save(path)
    content = path.read_bytes()
    model.fit(X, Y, verbose=0)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        model.save(path)
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["net.minigrad"]


def test_wrong_names_and_files(tmp_path):
    model = Net()
    with pytest.raises(ValueError, match="NAME.minigrad.*save_weights"):
        model.save(tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="NAME.minigrad"):
        model.save(tmp_path / "x.keras")
    with pytest.raises(FileNotFoundError):
        mg.models.load_model(tmp_path / "none.minigrad")
    (tmp_path / "x.minigrad").write_text("hello")
    with pytest.raises(ValueError, match="x.minigrad is not a whole minigrad model"):
        mg.models.load_model(tmp_path / "x.minigrad")
    model.save(tmp_path / "y.minigrad")
    with pytest.raises(ValueError, match=r"(?s)y.minigrad.*wrong shape: hidden.kernel is \(3, 5\), got \(3, 4\)"):
        mg.models.load_model(tmp_path / "y.minigrad", Net(5))
    with pytest.raises(ValueError, match="custom_objects={'Net'"):
        mg.models.load_model(tmp_path / "y.minigrad")


def test_an_optimizer_of_another_kind(tmp_path):
    fitted().save(tmp_path / "x.minigrad")
    other = fitted(optimizer=optimizers.SGD(0.1), epochs=1)
    before = other.state_dict()
    with pytest.raises(ValueError, match="trained with Adam.*compiled with SGD"):
        mg.models.load_model(tmp_path / "x.minigrad", other)
    assert all(np.array_equal(before[n], a) for n, a in other.state_dict().items()) and other.optimizer.iterations == 4


def full(descriptor=None):
    raise OSError(28, "No space left on device")


def mutated(content, rng):
    """Some bytes changed, cut off, doubled, or moved."""
    content, kind = bytearray(content), rng.integers(5)
    at, n = int(rng.integers(len(content))), int(rng.integers(1, 40))
    if kind == 0:
        content[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        content = content[:at]
    elif kind == 2:
        content[at:at + n] = rng.bytes(n)
    elif kind == 3:
        content[at:at] = content[at:at + n]
    else:
        del content[at:at + n]
    return bytes(content)


@pytest.mark.parametrize("name", ["net.minigrad", "net.safetensors"])
def test_thousands_of_damaged_files(tmp_path, name):
    """Either the file is refused with a ValueError that names it, and nothing changes; or it gives what was saved (a date in
    a ZIP header, say, means nothing)."""
    path, refused = tmp_path / name, 0
    saved = fitted()
    (saved.save if name.endswith("minigrad") else saved.save_weights)(path)
    target = fitted(epochs=1)
    before, slots = target.state_dict(), files.pack(target.optimizer.state_dict())
    content, rng = path.read_bytes(), np.random.default_rng(1)
    for _ in range(MUTATIONS):
        changed = mutated(content, rng)
        path.write_bytes(changed)
        try:
            if name.endswith("minigrad"):
                mg.models.load_model(path, target)
            else:
                target.load_weights(path)
        except ValueError as error:
            refused += 1
            assert name in str(error)
            assert all(np.array_equal(before[n], a) for n, a in target.state_dict().items())
            now = files.pack(target.optimizer.state_dict())
            assert now[0] == slots[0] and all(np.array_equal(a, slots[1][n]) for n, a in now[1].items())
        else:
            assert equal(saved, target)
            target = fitted(epochs=1)
    assert refused > 0.8 * MUTATIONS


def test_a_header_that_lies(tmp_path):
    """Wrong shapes, dtypes and names, in files that are whole, as somebody else might write them."""
    from safetensors.numpy import save_file
    model = Net()
    before = model.state_dict()
    for change in ({"hidden.kernel": np.ones((4, 3), "float32")}, {"hidden.kernel": np.ones((3, 4), "int32")},
                   {"more": np.ones(3, "float32")}, {"hidden.kernel": np.ones((), "float32")}):
        save_file({**before, **change}, tmp_path / "w.safetensors")
        with pytest.raises(ValueError, match=f"(?s)w.safetensors.*{next(iter(change))}"):
            model.load_weights(tmp_path / "w.safetensors")
        assert all(np.array_equal(before[n], a) for n, a in model.state_dict().items())


def test_checkpoints_of_whole_models(tmp_path):
    model = Net()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=3, verbose=0, validation_data=(X, Y),
              callbacks=[callbacks.ModelCheckpoint(tmp_path / "{epoch}.minigrad")])
    assert sorted(os.listdir(tmp_path)) == ["1.minigrad", "2.minigrad", "3.minigrad"]
    assert equal(model, mg.models.load_model(tmp_path / "3.minigrad", custom_objects={"Net": Net}))


# ---- plain data as arrays and JSON

def test_packing_is_exact():
    tree = {"a": [1, 2.5, None, True, "x", (3, np.float32(0.1))], 7: {"deep": np.arange(6).reshape(2, 3)[:, ::-1]},
            "odd": [np.inf, -0.0, 2 ** 100, 0.1 + 0.2], "empty": [np.zeros((0, 3)), [], {}, ()], "same": np.float64(np.pi),
            "a.0": np.array(3.0), "bool": np.array([True, False])}
    about, arrays = files.pack(tree)
    found, about = files.arrays_from_bytes(files.arrays_to_bytes(arrays, about), "x")
    back = files.unpack(about, found)
    assert repr(back) == repr(tree) and back["a"][5][1].dtype == np.float32 and back["bool"].dtype == bool


@pytest.mark.parametrize("thing", [{1, 2}, object(), 1j, print, [lambda: 1], {(1, 2): 3}, np.array(["text"])])
def test_what_is_no_plain_data(thing):
    with pytest.raises(TypeError, match="plain data"):
        files.pack({"x": thing})
    assert files.plain({"x": thing, "y": 1}) == {"y": 1}
