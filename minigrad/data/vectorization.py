"""From texts to numbers: TextVectorization splits them into words, learns these, and gives their numbers or counts.

    vectorize = mg.data.TextVectorization(max_tokens=10_000, output_sequence_length=200)
    vectorize.adapt(texts)
    model.fit(vectorize(texts), labels)
"""

import collections
import json
import math
import re
from pathlib import Path

import numpy as np

from minigrad import files
from minigrad.data.errors import fault
from minigrad.layers import configs
from minigrad.names import Configured, checked_choice

PADDING, UNKNOWN = "", "[UNK]"
PUNCTUATION = re.compile(r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']""")
STANDARDIZE = {"lower_and_strip_punctuation": lambda text: PUNCTUATION.sub("", text.lower()), "lower": str.lower,
               "strip_punctuation": lambda text: PUNCTUATION.sub("", text)}
SPLIT = {"whitespace": str.split, "character": list}
MODES = ("int", "multi_hot", "count", "tf_idf")


class TextVectorization(Configured):
    """Texts (N,) -> int64 (N, T), the numbers of their tokens; or float32 (N, V), a number for each token of the vocabulary.

    max_tokens              the most entries of the vocabulary, special ones included; None: as many as there are
    standardize             what is done to a text first: "lower_and_strip_punctuation", "lower", "strip_punctuation", None,
                            or a function str -> str
    split                   how it becomes tokens: "whitespace", "character", None (it is one), or a function str -> list
    ngrams                  n: also pairs, ... n tokens in a row, joined by a space; a tuple: those lengths alone; None: no
    output_mode             "int"; "multi_hot", 1 where a token occurs; "count", how often; "tf_idf", count · idf
    output_sequence_length  T: longer rows are cut, shorter ones filled up with 0; None: the longest of each call. For "int"
    pad_to_max_tokens       V is max_tokens, however many tokens there are
    vocabulary, idf_weights what adapt would learn, see set_vocabulary
    ragged                  "int" rows of their own lengths: an array (N,) of arrays, for Dataset.bucket_by_length

    In "int" the number 0 is padding and 1 an unknown token; otherwise 0 is an unknown one. The commonest token comes first;
    of equally common ones, that which is later in the alphabet. With n texts, in df of which the token occurs,

        idf = log(1 + n / (1 + df)),       for unknown tokens the mean of all idf

    Names, arguments and defaults are those of Keras 3's layer. It is no Layer here, since a Tensor holds no texts.
    """

    def __init__(self, max_tokens=None, standardize="lower_and_strip_punctuation", split="whitespace", ngrams=None,
                 output_mode="int", output_sequence_length=None, pad_to_max_tokens=False, vocabulary=None, idf_weights=None,
                 ragged=False):
        self.output_mode = checked_choice(output_mode, MODES, "output_mode")
        self.max_tokens = _count("max_tokens", max_tokens, self._specials + 1)
        self.output_sequence_length = _count("output_sequence_length", output_sequence_length, 1)
        self.standardize, self._standardized = standardize, _function("standardize", standardize, STANDARDIZE, lambda t: t)
        self.split, self._tokens = split, _function("split", split, SPLIT, lambda t: [t])
        self.ngrams = tuple(ngrams) if isinstance(ngrams, (tuple, list)) else _count("ngrams", ngrams, 1)
        self.pad_to_max_tokens, self.ragged = bool(pad_to_max_tokens), bool(ragged)
        if self.output_mode != "int" and (output_sequence_length is not None or ragged):
            raise fault("TextVectorization", "rows have a number for each token of the vocabulary",
                        "output_mode='int' with output_sequence_length or ragged", repr(output_mode), "Leave them out.")
        self.vocabulary = self.idf_weights = self._numbers = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    @property
    def _specials(self):
        return 2 if self.output_mode == "int" else 1

    def adapt(self, texts):
        """Learn the vocabulary of texts: an iterable of str, or of tuples that begin with one (a Dataset); returns self."""
        counts, documents, n = collections.Counter(), collections.Counter(), 0
        for text in [texts] if isinstance(texts, str) else texts:
            found = self.tokens(text[0] if isinstance(text, tuple) else text)
            counts.update(found)
            documents.update(set(found))
            n += 1
        if not n:
            raise fault("adapt", "no texts", "one or more", "none", "")
        for special in PADDING, UNKNOWN:
            counts.pop(special, None)
        order = sorted(sorted(counts, reverse=True), key=lambda token: -counts[token])  # stable: ties keep the first order
        order = order[:None if self.max_tokens is None else self.max_tokens - self._specials]
        self.set_vocabulary(order, [math.log(1 + n / (1 + documents[token])) for token in order]
                            if self.output_mode == "tf_idf" else None)
        return self

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Take these tokens, the special ones at their head or not; idf_weights, for "tf_idf": a number for each."""
        vocabulary = [str(token) for token in vocabulary]
        specials = [PADDING, UNKNOWN][-self._specials:]
        if vocabulary[:self._specials] == specials:
            vocabulary = vocabulary[self._specials:]
            idf_weights = None if idf_weights is None else list(idf_weights)[self._specials:]
        twice = [token for token, count in collections.Counter([*specials, *vocabulary]).items() if count > 1]
        if twice:
            raise fault("set_vocabulary", "a token comes twice", "different ones", repr(twice[0]), "")
        if self.max_tokens is not None and len(vocabulary) > self.max_tokens - self._specials:
            raise fault("set_vocabulary", "too many tokens",
                        f"at most {self.max_tokens - self._specials} beside the special ones", f"{len(vocabulary)}",
                        "Raise max_tokens.")
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise fault("set_vocabulary", "idf_weights", 'a number for each token with output_mode="tf_idf", else None',
                        repr(idf_weights), "")
        if idf_weights is not None:
            idf_weights = [float(w) for w in idf_weights]
            if len(idf_weights) != len(vocabulary) or not np.isfinite(idf_weights).all():
                raise fault("set_vocabulary", "idf_weights do not fit", f"{len(vocabulary)} finite numbers",
                            f"{len(idf_weights)} numbers", "")
        self.vocabulary, self.idf_weights = vocabulary, idf_weights
        self._numbers = {token: i for i, token in enumerate(vocabulary, self._specials)}

    def get_vocabulary(self, include_special_tokens=True):
        """The tokens in the order of their numbers."""
        self._need_vocabulary()
        return [PADDING, UNKNOWN][-self._specials:] * bool(include_special_tokens) + self.vocabulary

    def vocabulary_size(self):
        """How many entries it has, special ones included: an Embedding's input_dim."""
        return len(self.get_vocabulary())

    def tokens(self, text):
        """The tokens of a text, as str."""
        if not isinstance(text, str):
            raise fault("TextVectorization", "no text", "str", f"a {type(text).__name__}: {text!r:.60}",
                        "Pass an array or list of str; bytes are decoded by .decode().")
        found = list(self._tokens(self._standardized(text)))
        if self.ngrams is None:
            return found
        lengths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [" ".join(found[i:i + n]) for n in lengths for i in range(len(found) - n + 1)]

    def __call__(self, texts):
        """The numbers of texts, an array or list of str; of one str a single row."""
        self._need_vocabulary()
        if isinstance(texts, str):
            return self([texts])[0]
        rows = [self._ids(text) for text in texts]
        if self.output_mode != "int":
            return self._counts(rows)
        if self.ragged:
            found = np.empty(len(rows), object)
            found[:] = rows
            return found
        longest = self.output_sequence_length or max(map(len, rows), default=0)
        found = np.zeros((len(rows), longest), "int64")
        for row, ids in zip(found, rows):
            row[:len(ids)] = ids
        return found

    def _ids(self, text):
        unknown = self._specials - 1
        return np.array([self._numbers.get(t, unknown) for t in self.tokens(text)][:self.output_sequence_length], "int64")

    def _counts(self, rows):
        width = self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.vocabulary_size()
        found = np.zeros((len(rows), width), "float32")
        for row, ids in zip(found, rows):
            row[:] = np.bincount(ids, minlength=width)
        if self.output_mode == "multi_hot":
            return (found > 0).astype("float32")
        if self.output_mode == "tf_idf":
            idf = self.idf_weights
            found[:, :1 + len(idf)] *= np.array([np.mean(idf) if idf else 0, *idf], "float32")
        return found

    def _need_vocabulary(self):
        if self._numbers is None:
            raise fault("TextVectorization", "it has no vocabulary yet", "adapt(texts) or vocabulary=[...] first", "neither",
                        "Adapt it to the training part alone.")

    def __repr__(self):
        known = "no vocabulary yet" if self._numbers is None else f"{self.vocabulary_size():,} entries"
        return f"<TextVectorization, {self.output_mode}, {known}>"

    # ---- on disk

    def save(self, path):
        """Write it as JSON; functions (standardize, split) by their names."""
        described = {"class_name": type(self).__name__, "config": configs.written(self.get_config())}
        files.write(Path(path), json.dumps(described, indent=1).encode())

    @classmethod
    def load(cls, path, custom_objects=None):
        """What `save` wrote. custom_objects: {name: function} of those that it was made with."""
        try:
            described = json.loads(Path(path).read_bytes())
            if described["class_name"] != cls.__name__:
                raise ValueError(f"it describes a {described['class_name']}")
            return cls.from_config(configs.read(described["config"], custom_objects))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise fault(path, "no TextVectorization can be made of it", "a file that save wrote", str(error) or
                        type(error).__name__, "") from error


def _count(name, value, least):
    if value is not None and (isinstance(value, bool) or not hasattr(value, "__index__") or value < least):
        raise fault("TextVectorization", f"wrong {name}", f"a whole number of {least} or more, or None", repr(value), "")
    return None if value is None else int(value)


def _function(name, value, table, nothing):
    """The function that an argument names, or is."""
    return nothing if value is None else value if callable(value) else table[checked_choice(value, table, name)]
