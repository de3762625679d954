"""The programs in examples/, run as people run them, but on few images: offline, from the subset in the package."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(tmp_path):
    """Run an example in an empty folder, with an empty cache and no network; returns what it printed."""
    def run(program, *arguments, code=0):
        if program in ("lenet.py", "resnet.py", "autoencoder.py", "spam.py", "tabular.py"):
            pytest.importorskip("matplotlib")
        environment = {**os.environ, "MINIGRAD_OFFLINE": "1", "MINIGRAD_CACHE": str(tmp_path / "cache"),
                       "COLUMNS": "120",
                       "PYTHONPATH": str(EXAMPLES.parent), "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run([sys.executable, EXAMPLES / program, *map(str, arguments)], cwd=tmp_path, env=environment,
                              capture_output=True, text=True, encoding="utf-8", timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr
    return run


@pytest.mark.parametrize("options, parameters",
                         [((), 225_034), (("--classic", "--optimizer", "sgd", "--lr", 0.1), 61_706)])
def test_lenet(run, tmp_path, options, parameters):
    text = run("lenet.py", "--limit", 200, "--epochs", 2, "--batch-size", 50, "--output", tmp_path / "out", *options)
    assert f"{parameters:,}" in text and "same predictions: yes" in text
    for words in ("Epoch 2/2", "precision", "recall", "F1", "confusion matrix", "Ankle boot", "Fashion-MNIST"):
        assert words in text, words
    files = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert files == ["confusion_matrix.png", "learning_curves.png", "lenet.safetensors", "predictions.png",
                     "report.txt"]
    assert all((tmp_path / "out" / name).read_bytes()[:4] == b"\x89PNG" for name in files if name.endswith("png"))
    assert "Sneaker" in (tmp_path / "out" / "report.txt").read_text(encoding="utf-8")

    # the weights in the file are what gave the accuracy that was printed
    model = mg.models.LeNet5() if parameters == 61_706 else mg.models.LeNet()
    model.load_weights(tmp_path / "out" / "lenet.safetensors")
    _, (x, y) = mg.data.fashion_mnist(subset=True, verbose=False)
    right = (model.predict(x[:200, ..., None].astype("float32") / 255).argmax(1) == y[:200]).mean()
    assert f"test accuracy {right:.4f}" in text


def test_lenet_repeats_itself(run, tmp_path):
    arguments = ("--limit", 100, "--epochs", 1, "--seed", 3, "--output")
    contents = []
    for name in ("a", "b"):
        run("lenet.py", *arguments, tmp_path / name)
        contents.append((tmp_path / name / "lenet.safetensors").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("options, words", [
    (("--limit", "0"), "--limit: expected a positive integer, got '0'"), (("--epochs", "many"), "--epochs"),
    (("--data", "cifar"), "--data"), (("--optimizer", "adma"), "--optimizer")])
def test_lenet_refuses_wrong_options(run, tmp_path, options, words):
    assert words in run("lenet.py", *options, code=2)
    assert not (tmp_path / "outputs").exists()


def test_spam(run, tmp_path):
    text = run("spam.py", "--limit", 400, "--epochs", 3, "--lr", 0.01, "--units", 8, "--words", 1000, "--length", 40,
               "--output", tmp_path / "out")
    assert "same predictions: yes" in text and "shipped with minigrad" in text
    for words in ("Epoch 3/3", "GRUCell", "precision", "ROC AUC"):
        assert words in text, words
    assert float(re.search(r"F1 of spam ([\d.]+)", text)[1]) > 0.7  # of 198 e-mails, 61 are spam: all spam gives 0.47
    files = {p.name for p in (tmp_path / "out").iterdir()}
    assert files == {"learning_curves.png", "roc.png", "precision_recall.png", "confusion_matrix.png", "words.png",
                     "emails.png", "report.txt", "vocabulary.json", "spam.minigrad"}
    assert all((tmp_path / "out" / name).read_bytes()[:4] == b"\x89PNG" for name in files if name.endswith("png"))


def test_tabular(run, tmp_path):
    pytest.importorskip("sklearn")
    text = run("tabular.py", "--limit", 150, "--epochs", 15, "--folds", 2, "--output", tmp_path / "out")
    for words in ("logistic regression", "random forest", "minigrad", "Chinstrap", "cells are missing"):
        assert words in text, words
    assert float(re.search(r"test accuracy ([\d.]+)", text)[1]) > 0.7  # the commonest species has a share of 0.44
    files = {p.name for p in (tmp_path / "out").iterdir()}
    assert files == {"learning_curves.png", "roc.png", "confusion_matrix.png", "settings.png", "importance.png",
                     "report.txt"}


@pytest.mark.parametrize("program, options, words", [
    ("spam.py", ("--units", "0"), "--units: expected a positive integer, got '0'"),
    ("tabular.py", ("--knock-out", "1"), "--knock-out: expected a number from 0 to below 1, got '1'")])
def test_the_others_refuse_wrong_options(run, tmp_path, program, options, words):
    assert words in run(program, *options, code=2)
    assert not (tmp_path / "outputs").exists()


def test_the_loop_and_fit_print_the_same_losses(run):
    text = run("loop_and_fit.py", "--limit", 128, "--epochs", 2)
    losses = re.findall(r"^ +\d +(\d+\.\d+) +(\d+\.\d+)$", text, re.M)
    assert len(losses) == 2
    assert float(re.search(r"largest difference: (\S+)", text)[1]) < 1e-4
    for fitted, looped in losses:
        assert float(fitted) == pytest.approx(float(looped), abs=1e-4)


def test_attention_learns_from_rows(run):
    text = run("attention_rows.py", "--limit", 600, "--epochs", 2)
    assert "MultiHeadAttention" in text and "Epoch 2/2" in text
    assert float(re.search(r"'accuracy': ([\d.]+)", text)[1]) > 0.3  # ten classes


def pictures_in(folder):
    """The names of the files, of which those that end in png are pictures."""
    assert all(p.read_bytes()[:4] == b"\x89PNG" for p in folder.glob("*.png"))
    return sorted(p.name for p in folder.iterdir())


def test_resnet(run, tmp_path):
    text = run("resnet.py", "--limit", 200, "--epochs", 2, "--width", 4, "--compare", "--output", tmp_path / "out")
    assert pictures_in(tmp_path / "out") == ["augmentation.png", "confusion_matrix.png", "learning_curves.png",
                                             "report.txt", "resnet.safetensors", "schedule.png", "wrong.png"]
    resnet, lenet, points = (float(re.search(rf"{name} +(\S+)", text)[1])
                             for name in ("ResNet: test accuracy", "LeNet: test accuracy", "difference:"))
    assert points == pytest.approx(100 * (resnet - lenet), abs=0.011)
    assert float(re.search(r"Epoch 2/2 .*accuracy .*val ([\d.]+)", text)[1]) == resnet  # augmentation rests in evaluation

    # the weights in the file are what gave the accuracy that was printed
    model = mg.models.ResNet(width=4, stem_strides=2)
    model.load_weights(tmp_path / "out" / "resnet.safetensors")
    _, (x, y) = mg.data.fashion_mnist(subset=True, verbose=False)
    right = (model.predict(x[:200, ..., None].astype("float32") / 255).argmax(1) == y[:200]).mean()
    assert right == pytest.approx(resnet, abs=1e-4)


@pytest.mark.parametrize("options", [(), ("--noise", 0.3, "--latent", 2)])
def test_autoencoder(run, tmp_path, options):
    text = run("autoencoder.py", "--limit", 300, "--epochs", 2, "--output", tmp_path / "out", *options)
    assert pictures_in(tmp_path / "out") == ["autoencoder.safetensors", "latent_space.png", "learning_curves.png",
                                             "reconstructions.png"]
    numbers = 2 if options else 16
    assert f"{numbers} numbers" in text and "Epoch 2/2" in text
    errors = [float(x) for x in re.findall(r"error +(0\.\d+)", text)]
    assert len(errors) == 3 and errors[1] < errors[2]  # the autoencoder's, PCA's, that of the mean image


def test_the_seeds_program_as_it_stands(monkeypatch, capsys):
    """All of it, on 100 images; its lines are those of the seed but for the imports and the images."""
    data = mg.data.fashion_mnist(subset=True, verbose=False)
    monkeypatch.setattr(mg.data, "fashion_mnist", lambda: tuple((x[:100], y[:100]) for x, y in data))
    mg.seed(0)
    names = runpy.run_path(str(EXAMPLES / "seed_lenet.py"))
    history = names["model"].history.history
    assert len(history["loss"]) == len(history["accuracy"]) == 5 and history["loss"][-1] < history["loss"][0]
    assert names["model"].count_params() == 225_034
    assert capsys.readouterr().out.count("Epoch") == 5
    assert np.isfinite(names["model"].predict(names["train_images"][:2])).all()


def test_sentences_are_searched(run, tmp_path):
    """With a BERT of random weights, for which only what is the same is near."""
    pytest.importorskip("tokenizers")
    from small_models import small, tokenizer
    model = small("bert")
    model.tokenizer = tokenizer()
    model.save_pretrained(tmp_path / "bert")
    (tmp_path / "lines.txt").write_text("the cat sat\n\na dog ran to the mat\nx y .\n", encoding="utf-8")
    text = run("search_sentences.py", "--folder", tmp_path / "bert", "--file", tmp_path / "lines.txt", "--top", 2, "x y .",
               "the cat sat")
    found = [line.split(None, 1) for line in text.splitlines() if line.startswith("  ")]
    assert len(found) == 4 and found[0] == ["1.000", "x y ."] and found[2] == ["1.000", "the cat sat"]


def test_searching_without_the_model_says_where_to_put_it(run):
    text = run("search_sentences.py", "cats", code=1)
    for words in ("all-MiniLM-L6-v2 was not found", "MINIGRAD_OFFLINE", "model.safetensors"):
        assert words in text


def test_every_example_is_run_here():
    programs = {p.name for p in EXAMPLES.glob("*.py")}
    assert programs == {name for name in programs if f'"{name}"' in Path(__file__).read_text(encoding="utf-8")}
