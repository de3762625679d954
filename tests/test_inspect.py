"""summary, compare_layers and the plots: numbers that add up, tables that show them, pictures that are whole files."""

import math
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

import minigrad as mg
from minigrad import layers
from minigrad.inspect.summary import parameter_formula


class Net(mg.Model):
    """Everything at once: nested, shared, frozen, a parameter of its own, layers in a list."""

    def __init__(self):
        super().__init__(name="net")
        self.shared = layers.Dense(4)
        self.blocks = [mg.Sequential([layers.Dense(4, activation="relu"),
                                      layers.LayerNormalization()]) for _ in range(2)]
        self.head = layers.Dense(2)
        self.shift = self.add_weight("shift", {"D": 4}, "zeros")

    def call(self, x):
        x = self.shared(x) + self.shift
        for block in self.blocks:
            x = block(x)
        return self.head(self.shared(x))


@pytest.fixture
def net():
    model = Net()
    model(np.zeros((1, 4), "float32"))
    return model


def evaluated(numbers):
    """The number that a formula with numbers put in stands for: "3·3·1·32 + 32"."""
    return sum(math.prod(int(n) for n in term.split("·")) for term in numbers.split(" + ")) if numbers else 0


def check_sums(summary, model):
    assert summary.total == sum(r.parameters for r in summary.rows) == model.count_params()
    assert summary.trainable == sum(r.trainable for r in summary.rows) == sum(
        p.size for p in model.parameters(trainable_only=True))
    assert summary.frozen == summary.total - summary.trainable
    assert all(evaluated(r.numbers) == r.parameters for r in summary.rows)
    assert sum(p for _, p, _ in summary.by_type.values()) == summary.total
    assert sum(n for n, _, _ in summary.by_type.values()) == len({r.path for r in summary.rows})
    assert sum(share for *_, share in summary.by_type.values()) == pytest.approx(1 if summary.total else 0)


# ---- summary

def test_lenet_row_by_row():
    summary = mg.summary(mg.models.LeNet())
    assert [(r.path, r.type, r.output_shape, r.parameters) for r in summary.rows] == [
        ("conv2d", "Conv2D", (None, 26, 26, 32), 320), ("max_pooling2d", "MaxPooling2D", (None, 13, 13, 32), 0),
        ("conv2d_1", "Conv2D", (None, 11, 11, 64), 18_496), ("max_pooling2d_1", "MaxPooling2D", (None, 5, 5, 64), 0),
        ("flatten", "Flatten", (None, 1600), 0), ("dense", "Dense", (None, 128), 204_928),
        ("dense_1", "Dense", (None, 10), 1_290)]
    assert (summary.rows[0].formula, summary.rows[0].numbers) == ("kh·kw·C·F + F", "3·3·1·32 + 32")
    assert (summary.rows[5].formula, summary.rows[5].numbers) == ("in·out + out", "1600·128 + 128")
    assert summary.by_type["Dense"] == (2, 206_218, 206_218 / 225_034)
    assert list(summary.by_type)[:2] == ["Dense", "Conv2D"]  # the largest first
    assert [(k, n) for k, (n, _, _) in summary.by_type.items()][2:] == [("Flatten", 1), ("MaxPooling2D", 2)]


@pytest.mark.parametrize("make", [
    mg.models.LeNet, mg.models.LeNet5, lambda: layers.Dense(3, input_shape=(2,)),
    lambda: mg.Sequential([layers.Input((6, 5)), layers.MultiHeadAttention(2, 3, value_dim=4),
                           layers.LayerNormalization()]),
    lambda: mg.Sequential([layers.Input((8, 8, 4)), layers.Conv2D(6, 3, groups=2, use_bias=False)]),
    lambda: mg.Sequential([layers.Embedding(10, 4), layers.Flatten()]), lambda: mg.Sequential([layers.Flatten()]),
])
def test_sums(make):
    model = make()
    shape = (4,) if not model.parameters() else None
    check_sums(mg.summary(model, shape), model)


def test_shared_frozen_and_nested(net):
    net.blocks[0].layers[0].trainable = False
    net.head.bias.trainable = False
    summary = mg.summary(net, (4,))
    check_sums(summary, net)
    assert summary.total == 4 + 20 + 2 * (20 + 8) + 10 and summary.frozen == 20 + 2
    rows = [(r.path, r.type, r.parameters, r.note) for r in summary.rows]
    assert ("shared", "Dense", 20, "") in rows and ("shared", "Dense", 0, "shared") in rows
    assert ("blocks.0.dense", "Dense", 20, "frozen") in rows and ("head", "Dense", 10, "partly frozen") in rows
    assert ("blocks.1.layer_normalization", "LayerNormalization", 8, "") in rows
    assert ("net", "Net", 4, "") in rows  # its own parameter
    assert summary.by_type["Dense"][:2] == (4, 20 + 40 + 10)  # the shared one is one layer


def test_a_tied_parameter_counts_once():
    a, b = layers.Dense(3, input_shape=(3,)), layers.Dense(3, input_shape=(3,))
    b.kernel = a.kernel
    model = mg.Sequential([layers.Input((3,)), a, b])
    summary = mg.summary(model)
    check_sums(summary, model)
    assert [r.parameters for r in summary.rows] == [12, 3] and summary.rows[1].formula == "out"


def test_the_optimizers_state_never_counts():
    model = mg.Sequential([layers.Dense(3, input_shape=(2,))])
    before = str(mg.summary(model))
    model.compile("adam", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
    assert model.optimizer.state and str(mg.summary(model)) == before and mg.summary(model).total == 9


def test_shapes_are_known_lazily_from_input_shape_or_from_a_call():
    model = mg.Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ValueError, match="not built yet.*input_shape"):
        mg.summary(model)
    called = mg.Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])
    called(np.zeros((7, 5, 5, 1), "float32"))
    for summary in (mg.summary(model, (5, 5, 1)), mg.summary(called)):
        assert [r.output_shape for r in summary.rows] == [(None, 3, 3, 2), (None, 18), (None, 3)]
        assert summary.total == 20 + 57
    ids = mg.Sequential([layers.Embedding(10, 4), layers.Flatten()])
    assert mg.summary(ids, (3,)).rows[-1].output_shape == (None, 12)


def test_a_layer_that_is_not_called_is_listed():
    class Spare(mg.Model):
        def __init__(self):
            self.used, self.spare = layers.Dense(2, input_shape=(3,)), layers.Dense(5, input_shape=(3,))

        def call(self, x):
            return self.used(x)

    model = Spare()
    summary = mg.summary(model, (3,))
    check_sums(summary, model)
    assert [(r.path, r.output_shape) for r in summary.rows] == [("used", (None, 2)), ("spare", None)]


def test_what_the_table_shows(capsys):
    model = mg.models.LeNet()
    model.summary()
    shown = capsys.readouterr().out
    assert str(mg.summary(model)) == shown.rstrip("\n")
    for words in ("conv2d_1", "(N, 11, 11, 64)", "18,496", "kh·kw·C·F + F", "3·3·32·64 + 64", "225,034", "frozen 0",
                  "91.6 %"):
        assert words in shown
    html = mg.summary(model)._repr_html_()
    assert html.startswith("<pre") and "18,496" in html
    assert "frozen" in str(mg.summary(model)) and not any(line.endswith(" ") for line in shown.splitlines())


def test_a_summary_draws_no_random_numbers_and_changes_nothing(net):
    state = net.state_dict()
    mg.seed(1)
    mg.summary(net, (4,)), str(mg.summary(net, (4,)))
    after = mg.random.generator().random()
    mg.seed(1)
    assert after == mg.random.generator().random()
    assert all(np.array_equal(state[n], p.numpy()) and p.grad is None for n, p in net.named_parameters())


# ---- compare_layers

def test_the_counts_of_the_issue_without_allocating_them():
    tracemalloc.start()
    comparison = mg.compare_layers((28, 28, 16), (28, 28, 32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert comparison["dense"] == 28 * 28 * 16 * 28 * 28 * 32 + 28 * 28 * 32 == 314_728_960
    assert comparison["conv 3x3"] == 4_640 and comparison["conv 1x1"] == 544
    assert comparison["conv 5x5"] == 5 * 5 * 16 * 32 + 32
    assert comparison["attention"] == 3 * (16 * 32 + 32) + 32 * 32 + 32
    assert peak < 2e6  # the dense kernel alone would be 1.2e9 bytes
    shown = str(comparison)
    assert "314,728,960" in shown and "4,640" in shown and "544" in shown
    counts = [r.parameters for r in comparison.rows]
    assert counts == sorted(counts) and all(evaluated(r.numbers) == r.parameters for r in comparison.rows)


@pytest.mark.parametrize("input_shape, output_shape", [
    ((6, 6, 2), (6, 6, 3)), ((8, 8, 2), (4, 4, 5)), ((5, 4), (5, 3)), ((7,), (3,))])
@pytest.mark.parametrize("use_bias", [True, False])
def test_the_counts_are_those_of_real_layers(input_shape, output_shape, use_bias):
    """Build each, see that it does the job, and count."""
    comparison = mg.compare_layers(input_shape, output_shape, use_bias)
    x, out = np.zeros((1, *input_shape), "float32"), output_shape[-1]
    flat = [layers.Flatten(), layers.Dense(math.prod(output_shape), use_bias=use_bias), layers.Reshape(output_shape)]
    real = {"dense": mg.Sequential(flat)}
    if len(input_shape) == 3:
        strides = tuple(-(-n // m) for n, m in zip(input_shape[:2], output_shape[:2]))
        real |= {f"conv {k}x{k}": layers.Conv2D(out, k, strides, "same", use_bias=use_bias) for k in (1, 3, 5)}
    if len(input_shape) == 2:
        real |= {"dense per step": layers.Dense(out, use_bias=use_bias)}
    if len(input_shape) > 1 and input_shape[:-1] == output_shape[:-1]:
        places = [layers.Reshape((-1, input_shape[-1]))]
        real |= {"attention": mg.Sequential([*places,
                                             layers.MultiHeadAttention(1, out, output_shape=out, use_bias=use_bias),
                                             layers.Reshape(output_shape)])}
    for name, layer in real.items():
        assert layer(x).shape == (1, *output_shape) and comparison[name] == layer.count_params(), name
    assert {r.name for r in comparison.rows if r.parameters is not None} == set(real)


def test_what_cannot_do_the_job_says_why():
    comparison = mg.compare_layers((7, 7, 3), (5, 2, 4))
    impossible = {r.name: r.note for r in comparison.rows if r.parameters is None}
    assert "attention" in impossible and "conv 1x1" in impossible and all(impossible.values())
    with pytest.raises(KeyError, match="dense"):
        comparison["lstm"]
    for shapes in (((), ()), ((3, 3), (3,)), ((0,), (3,)), ((1, 2, 3, 4), (1, 2, 3, 4))):
        with pytest.raises(ValueError, match="expected two shapes"):
            mg.compare_layers(*shapes)


def test_formula():
    assert parameter_formula({"kernel": {"in": 3, "out": 4}, "bias": {"out": 4}}) == ("in·out + out", "3·4 + 4")
    assert parameter_formula({}) == ("", "")


# ---- plots

@pytest.fixture
def plots():
    pytest.importorskip("matplotlib")
    from minigrad.inspect import plots
    return plots


def png_size(path):
    """(width, height) of a PNG whose every chunk is whole, by the format's own definition (RFC 2083)."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    place, kinds = 8, []
    while place < len(content):
        length, = struct.unpack(">I", content[place:place + 4])
        kind, body = content[place + 4:place + 8], content[place + 8:place + 8 + length]
        assert struct.unpack(">I", content[place + 8 + length:place + 12 + length])[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        place += 12 + length
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND"
    return struct.unpack(">II", content[16:24])


def figures(plots):
    rng = np.random.default_rng(0)
    history = {"loss": [1.0, 0.5, 0.4], "val_loss": [1.0, 0.6, 0.7], "accuracy": [0.1, 0.5, 0.6],
               "val_accuracy": [0.2, 0.5, 0.4]}
    return {"curves": plots.learning_curves(history),
            "matrix": plots.confusion_matrix([[3, 1], [0, 2]], ["cat", "dog"]),
            "grid": plots.prediction_grid(rng.random((5, 8, 8)), [0, 1, 1, 0, 1], [0, 1, 0, 0, 1], ["cat", "dog"],
                                          rng.random((5, 2)), columns=3)}


@pytest.mark.parametrize("name", ["curves", "matrix", "grid"])
def test_pictures_are_whole_png_files(tmp_path, name, plots):
    path = tmp_path / f"{name}.png"
    plots.save(figures(plots)[name], path)
    assert min(png_size(path)) > 100
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_old_picture_survives_a_failure(tmp_path, plots):
    path = tmp_path / "a.png"
    plots.save(figures(plots)["matrix"], path)
    old = path.read_bytes()

    class Broken:
        def savefig(self, target, **keywords):
            target.write_bytes(b"half a pict")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        plots.save(Broken(), path)
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_the_curves_show_the_numbers_and_mark_the_best_epoch(plots):
    history = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 1.5, 2.0], "accuracy": [0.1, 0.2, 0.3],
               "val_accuracy": [0.2, 0.4, 0.3], "mse": [4, 3, 2], "val_mse": [5.0, 1.0, 2.0],
               "confusion_matrix": [np.eye(2)] * 3}
    figure = plots.learning_curves(history)
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy", "mse"]
    for axes in figure.axes:
        training, validation, best = (line.get_ydata() for line in axes.lines)
        name = axes.get_title()
        assert list(training) == history[name] and list(validation) == history[f"val_{name}"]
        assert np.ravel(best)[0] == history[f"val_{name}"][1]  # the second epoch, in all three
    with pytest.raises(ValueError, match="empty"):
        plots.learning_curves({})


def test_a_history_plots_itself(plots):
    model = mg.Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse", ["mae"])
    history = model.fit(np.ones((6, 2)), np.ones((6, 1)), epochs=3, validation_split=0.5, verbose=0)
    figure = history.plot()
    assert [axes.get_title() for axes in figure.axes] == ["loss", "mae"]
    assert list(figure.axes[0].lines[0].get_ydata()) == history.history["loss"]


def test_the_matrix_shows_each_count_and_the_share_that_is_right(plots):
    figure = plots.confusion_matrix(np.array([[3, 1], [0, 12]]), ["cat", "dog"])
    axes = figure.axes[0]
    assert sorted(t.get_text() for t in axes.texts if t.get_text()) == ["1", "12", "3"]
    assert "15 of 16" in axes.get_title() and "93.75%" in axes.get_title()


def test_the_grid_tells_right_from_wrong(plots):
    figure = plots.prediction_grid(np.zeros((2, 4, 4)), [0, 1], [0, 0], ["cat", "dog"],
                                   np.array([[0.9, 0.1], [0.6, 0.4]]))
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["cat 90%", "cat 60%\nis dog"]


def test_a_number_is_the_shape_of_a_vector():
    assert mg.compare_layers(4, 5)["dense"] == mg.compare_layers((4,), (5,))["dense"] == 25
    assert mg.layers.Dense(3, input_shape=4).count_params() == 15
