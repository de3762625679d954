"""Weights that others trained: Hugging Face folders read into our models, and written from them.

A model says how its parts are called there, in tables that stand beside its code:

    NAMES = {"blocks.{i}.attention.query": "transformer.h.{i}.attn.c_attn[0/3]", ...}     the first third of a joint one
    ARGUMENTS = {"width": "n_embd", ...}                                                  in config.json
"""

import inspect
import re
from pathlib import Path

import numpy as np

from minigrad import backend
from minigrad.formats import huggingface
from minigrad.models.transformer import activation_word
from minigrad.tensor import default_dtype
from minigrad.training import Model

LEAVES = {"kernel": "weight", "gamma": "weight", "scale": "weight", "embeddings": "weight", "bias": "bias",
          "beta": "bias"}  # ours: theirs
OLD = {"weight": "gamma", "bias": "beta"}  # what the first BERT called the weights of its norms


class Pretrained(Model):
    """A model with from_pretrained and save_pretrained; see the tables of GPT, Llama, BERT, ViT."""

    MODEL_TYPE = PREFIX = ""          # "bert", and what its names begin with in a model with a head: "bert."
    TRANSPOSED = True                 # whether matrices are (out, in) there
    NAMES, ARGUMENTS, ARCHITECTURES = {}, {}, {}  # the last: {their class: arguments}
    DEFAULTS, REFUSED = {}, {}        # of arguments, where theirs differ from ours; {word: the one value that we can do}
    HEAD = HEAD_IGNORED = ()          # our layers, and patterns of their names, that belong to a head
    IGNORED = ()                      # patterns of their names that are no weights of ours, in any file
    _tokenizer = None                 # the file that it will be read from, or itself

    @classmethod
    def from_pretrained(cls, folder, dtype="float32", **changes):
        """The model of a Hugging Face folder: config.json, model.safetensors or shards with their index, tokenizer.json.

        dtype     of the parameters. float16 and bfloat16 files are upcast tensor by tensor.
        changes   arguments of the constructor that are to differ from config.json. Where `head` differs from the file's,
                  the new head starts with random weights: BERT.from_pretrained(folder, head="classification", num_labels=2).
        ValueError, and no model, if something is missing, unexpected or of a wrong shape (all that is, is named), if a file
        is not whole, or if the folder holds another architecture.
        """
        config = huggingface.read_config(folder)
        cls._check(config, folder)
        weights = huggingface.Weights(folder)
        arguments = cls.arguments_of(config)
        new_head = "head" in changes and changes["head"] != arguments.get("head")
        if "pooler" in inspect.signature(cls).parameters and not new_head and arguments["head"] is None:
            arguments["pooler"] = any("pooler." in name for name in weights)
        with default_dtype(dtype):
            model = cls(**{**arguments, **changes})
        for p, place, part in model._plan(weights, folder, new_head):
            p.data = backend.copy_like(np.array(cls._to_ours(weights[place], p, part), p.dtype, order="C"), p._data)
        if (path := Path(folder) / huggingface.TOKENIZER).is_file():
            model._tokenizer = path
        model._config = config
        return model

    def save_pretrained(self, folder, dtype=None):
        """Write a Hugging Face folder, which `transformers` reads: config.json, model.safetensors, and tokenizer.json if
        there is a tokenizer. `dtype` of the file, float16 for example, that of the parameters unless given."""
        arrays = self.to_theirs({name: p.numpy().astype(dtype or p.dtype) for name, p in self.named_parameters()})
        bound = inspect.signature(type(self)).bind_partial(**self._arguments)
        bound.apply_defaults()
        config = {**getattr(self, "_config", {}), **self.config_of(bound.arguments),
                  "dtype": str(next(iter(arrays.values())).dtype), "model_type": self.MODEL_TYPE}
        huggingface.write_folder(folder, config, arrays, self.tokenizer)

    # ---- its tokenizer

    @property
    def tokenizer(self):
        """The tokenizer (of the library `tokenizers`), or None; read when it is first asked for."""
        if isinstance(self._tokenizer, Path):
            self.tokenizer = huggingface.read_tokenizer(self._tokenizer)
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer):
        count = tokenizer.get_vocab_size()
        if count > self.vocabulary:
            raise ValueError(f"the tokenizer has {count:,} tokens, and the model {self.vocabulary:,}: it belongs to another "
                             "model")
        self._tokenizer = tokenizer

    def encode(self, texts, truncate=False):
        """(ids, attention_mask), int64 and boolean (N, T), of texts, padded behind to the longest of them. ValueError for
        one of more tokens than the model has positions, unless `truncate` cuts it."""
        if isinstance(texts, str) or not len(texts):
            raise ValueError(f"encode: expected a list of at least one text, got {texts!r}")
        if self.tokenizer is None:
            raise ValueError(f"this {type(self).__name__} has no tokenizer: set model.tokenizer, or give ids")
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        for i, row in enumerate(rows):
            if len(row) > self.context and not truncate:
                raise ValueError(f"text {i} has {len(row)} tokens, and the model {self.context} positions: shorten it, or "
                                 "pass truncate=True")
            rows[i] = row if len(row) <= self.context else [*row[:self.context - 1], row[-1]]  # the last one ends a text
        mask = np.arange(max(map(len, rows))) < np.array([len(row) for row in rows])[:, None]
        ids = np.full(mask.shape, getattr(self, "pad", None) or 0)
        ids[mask] = [i for row in rows for i in row]
        return ids, mask

    # ---- configuration

    @classmethod
    def _check(cls, config, folder):
        kind, architectures = config.get("model_type"), config.get("architectures") or []
        if kind != cls.MODEL_TYPE:
            raise ValueError(f"{folder} holds a model of type {kind!r}, and models.{cls.__name__} reads {cls.MODEL_TYPE!r}; "
                             "see models.from_pretrained, which chooses by type")
        unknown = [name for name in architectures[:1] if name not in cls.ARCHITECTURES]
        if unknown:
            raise ValueError(f"{folder} holds a {unknown[0]}; models.{cls.__name__} reads {', '.join(cls.ARCHITECTURES)}")
        for ours, word in cls.ARGUMENTS.items():
            default = cls.DEFAULTS.get(ours, inspect.signature(cls).parameters[ours].default)
            if word in config and isinstance(default, (int, float, str)) and not _like(config[word], default):
                raise ValueError(f"{folder}: {word} = {config[word]!r}, expected a value such as {default!r}")
        for word, value in cls.REFUSED.items():
            if config.get(word, value) != value:
                raise ValueError(f"{folder}: {word} = {config[word]!r} is not done here, only {value!r}")

    @classmethod
    def arguments_of(cls, config):
        """The constructor's arguments, from config.json."""
        arguments = dict(cls.DEFAULTS)
        arguments.update({ours: config[theirs] for ours, theirs in cls.ARGUMENTS.items() if theirs in config})
        arguments.update(cls.ARCHITECTURES[(config.get("architectures") or [next(iter(cls.ARCHITECTURES))])[0]])
        if "num_labels" in inspect.signature(cls).parameters:
            arguments["num_labels"] = config.get("num_labels") or len(config.get("id2label") or "12")
        return arguments

    @classmethod
    def config_of(cls, arguments):
        """config.json, from the constructor's arguments."""
        config = {theirs: arguments[ours] for ours, theirs in cls.ARGUMENTS.items()}
        config |= {word: activation_word(config[word]) for word in ("hidden_act", "activation_function") if word in config}
        config["architectures"] = [next(name for name, given in cls.ARCHITECTURES.items()
                                        if all(arguments[key] == value for key, value in given.items()))]
        if "num_labels" in arguments:
            config["id2label"] = {str(i): f"LABEL_{i}" for i in range(arguments["num_labels"])}
            config["label2id"] = {label: int(i) for i, label in config["id2label"].items()}
        return config

    # ---- names and shapes

    @classmethod
    def their_name(cls, name):
        """("transformer.h.0.attn.c_attn.weight", (0, 3)): what they call a parameter, and which part of it ours is."""
        layer, _, leaf = name.rpartition(".")
        if name in cls.NAMES:  # a parameter of the model itself
            return cls.NAMES[name], (0, 1)
        number = re.search(r"\.(\d+)\.", layer)
        entry = cls.NAMES.get(layer if number is None else layer.replace(number[0], ".{i}.", 1))
        if entry is None or leaf not in LEAVES:
            raise ValueError(f"{cls.__name__} has no name in Hugging Face's files for {name}: merge what was added for "
                             "fine-tuning first")
        entry, _, part = entry.replace("{i}", number[1] if number else "").partition("[")
        i, n = part.rstrip("]").split("/") if part else (0, 1)
        return f"{entry}.{LEAVES[leaf]}", (int(i), int(n))

    def to_theirs(self, arrays):
        """{their name: array} from {our name: array} of parameters, or of what has their shapes, such as gradients."""
        parts = {}
        for name, array in arrays.items():
            theirs, part = self.their_name(name)
            if getattr(self, "kind", "causal") is None:  # without a head
                theirs = theirs.removeprefix(self.PREFIX)
            array = array.transpose(self._axes(array.ndim)) if name.endswith("kernel") else array
            parts.setdefault(theirs, {})[part] = array
        pieces = {theirs: [found[part] for part in sorted(found)] for theirs, found in parts.items()}
        return {theirs: several[0] if len(several) == 1 else np.concatenate(several, 0 if self.TRANSPOSED else -1)
                for theirs, several in pieces.items()}

    def _plan(self, weights, folder, new_head):
        """[(parameter, their name, part)], or a ValueError that says all that does not fit."""
        plan, faults, with_prefix = [], [], any(name.startswith(self.PREFIX) for name in weights)
        for name, p in self.named_parameters():
            theirs, part = self.their_name(name)
            stem, _, leaf = theirs.rpartition(".")
            tried = [theirs, theirs.removeprefix(self.PREFIX)]
            tried += [f"{t.rpartition('.')[0]}.{OLD[leaf]}" for t in tried if leaf in OLD and "LayerNorm" in stem]
            place = next((t for t in tried if t in weights.shapes), None)
            if place is None:
                if not (new_head and name.partition(".")[0] in self.HEAD):
                    faults.append(f"missing: {tried[not with_prefix]}, for {name} {tuple(p.shape)}")
                continue
            shape = self._shape_there(name, p.shape, part)
            if weights.shapes[place] != shape:
                faults.append(f"wrong shape: {place} is {weights.shapes[place]}, expected {shape}")
            elif weights.dtypes[place] not in huggingface.FLOATS:
                faults.append(f"wrong dtype: {place} holds {weights.dtypes[place]}")
            plan.append((p, place, part))
        patterns = (*self.IGNORED, *(self.HEAD_IGNORED if new_head else ()))
        used = {place for _, place, _ in plan}
        faults += [f"unexpected: {name} {weights.shapes[name]}" for name in weights
                   if name not in used and not any(re.search(pattern, name) for pattern in patterns)]
        if faults:
            raise ValueError(f"the weights in {folder} do not fit {type(self).__name__}:\n  " + "\n  ".join(faults))
        return plan

    @classmethod
    def _shape_there(cls, name, shape, part):
        shape = list(shape)
        if name.endswith("kernel"):
            shape = [shape[i] for i in cls._axes(len(shape))]
        if part != (0, 1):
            shape[0 if cls.TRANSPOSED else -1] *= part[1]
        return tuple(shape)

    @classmethod
    def _axes(cls, ndim):
        """The order of their axes: (out, in) of a matrix, (out, in, kh, kw) of a convolution."""
        return (3, 2, 0, 1) if ndim == 4 else tuple(range(ndim))[::-1 if cls.TRANSPOSED else 1]

    @classmethod
    def _to_ours(cls, array, p, part):
        i, n = part
        if n > 1:
            array = np.split(array, n, 0 if cls.TRANSPOSED else -1)[i]
        return array.transpose(np.argsort(cls._axes(p.ndim))) if p.name == "kernel" else array


def _like(value, default):
    """Whether a value of a configuration may stand where the default does; None is for what has none."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    return isinstance(value, str if isinstance(default, str) else (int, float) if isinstance(default, float) else int) \
        or value is None


def from_pretrained(folder, dtype="float32", **changes):
    """The model of a Hugging Face folder, of the class that its config.json names; see Pretrained.from_pretrained."""
    known, waiting = {}, [Pretrained]
    while waiting:
        waiting += (children := waiting.pop().__subclasses__())
        known.update({cls.MODEL_TYPE: cls for cls in children if cls.MODEL_TYPE})
    kind = huggingface.read_config(folder).get("model_type")
    if kind not in known:
        raise ValueError(f"{folder} holds a model of type {kind!r}; known are {', '.join(sorted(known))}")
    return known[kind].from_pretrained(folder, dtype, **changes)
