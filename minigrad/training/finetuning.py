"""Fine-tuning: which parameters of a pretrained model learn, and how fast.

    freeze(model), unfreeze(model, "classifier.*")             a new head alone
    last_blocks(model, 2, "classifier.*")                      the last blocks, and the head
    biases_only(model, "classifier.*")                         BitFit
    add_lora(model, rank=8, targets=("query", "value"))        low-rank additions to some matrices
    AdamW(layerwise_groups(model, 2e-5, 0.9))                  everything, the first layers slowest

Names are those of model.named_parameters(), with * for anything.
"""

import fnmatch

from minigrad import functions as F
from minigrad.layers import Dense, Dropout
from minigrad.layers.core import as_float, positive


def _matching(model, patterns):
    """[(name, parameter)] of those that match one of the patterns; each pattern has to match some."""
    named = model.named_parameters()
    if not named:
        raise ValueError(f"{model.label} has no parameters yet: call it once, or give its first layer input_shape")
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name, _ in named):
            raise ValueError(f"no parameter of {model.label} is called {pattern!r}; the first are "
                             f"{', '.join(name for name, _ in named[:4])}")
    return [(name, p) for name, p in named if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def freeze(model, *patterns):
    """These parameters (all, if none are named) do not learn; returns the names of those that still do."""
    for _, p in _matching(model, patterns or ("*",)):
        p.trainable = False
    return trainable_names(model)


def unfreeze(model, *patterns):
    """These parameters (all, if none are named) learn, but for statistics; returns the names of all that do."""
    for _, p in _matching(model, patterns or ("*",)):
        p.trainable = p.learns
    return trainable_names(model)


def trainable_names(model):
    """The names of the parameters that learn."""
    return [name for name, p in model.named_parameters() if p.trainable]


def biases_only(model, *also):
    """Only biases learn (bias, and the beta of normalisations), and what is named besides: a new head.

    Ben Zaken, Ravfogel & Goldberg 2022, "BitFit".
    """
    freeze(model)
    return unfreeze(model, *[name for name, _ in model.named_parameters() if name.rpartition(".")[2] in ("bias", "beta")],
                    *also)


def last_blocks(model, count, *also):
    """The last `count` of model.blocks learn, and what is named besides; 0 leaves the body frozen."""
    total = len(model.blocks)
    if not isinstance(count, int) or not 0 <= count <= total:
        raise ValueError(f"last_blocks: count must be from 0 to {total}, the number of blocks, got {count!r}")
    freeze(model)
    patterns = [f"blocks.{i}.*" for i in range(total - count, total)] + list(also)
    return unfreeze(model, *patterns) if patterns else []


def layerwise_groups(model, learning_rate, decay=0.9):
    """Groups for an optimizer: what comes after model.blocks learns with learning_rate, the last block with decay times
    that, the one before with decay² ..., and the embeddings with decay^(L + 1). Frozen parameters are left out.

    Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", sec. 3.2.
    """
    if not 0 < decay <= 1:
        raise ValueError(f"layerwise_groups: decay must be in (0, 1], got {decay!r}")
    total, groups, before = len(model.blocks), {}, True
    for name, p in model.named_parameters():
        part, _, rest = name.partition(".")
        if part == "blocks":
            below, before = total - int(rest.partition(".")[0]), False
        else:
            below = total + 1 if before and part not in getattr(model, "HEAD", ()) else 0
        if p.trainable:
            groups.setdefault(below, []).append((name, p))
    return [{"params": groups[below], "learning_rate": learning_rate * decay ** below} for below in sorted(groups)]


# ---- LoRA

class LoRADense(Dense):
    """y = activation(x W + b + (α / r) (x A) B)

    x (..., in), W (in, out) and b frozen, A (in, r) and B (r, out): r (in + out) numbers learn instead of in·out. B starts
    at 0, so that at first nothing changes. Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models", sec. 4.1.
    """

    def __init__(self, dense, rank, alpha=None, dropout=0.0):
        super().__init__(dense.units, dense.activation, dense.use_bias, name=dense.name)
        self.rank, self.alpha = positive(rank, "LoRA", "rank"), rank if alpha is None else alpha
        self.drop = Dropout(dropout)
        self.kernel, self.built = dense.kernel, True
        if dense.use_bias:
            self.bias = dense.bias
        for p in self._parameters.values():
            p.trainable = False
        dtype = dense.kernel.dtype
        self.add_weight("lora_a", {"in": dense.kernel.shape[0], "r": rank}, "he_uniform", dtype=dtype)
        self.add_weight("lora_b", {"r": rank, "out": dense.units}, "zeros", dtype=dtype)

    @property
    def plain(self):
        """The Dense layer in whose place it stands; they share W and b."""
        return self._arguments["dense"]

    def call(self, x):
        x = as_float(x, self.kernel)
        y = F.linear(x, self.kernel, self.bias if self.use_bias else None)
        return self.activation(y + F.matmul(F.matmul(self.drop(x), self.lora_a), self.lora_b) * (self.alpha / self.rank))

    def added(self):
        """(α / r) A B, the array that it adds to W."""
        return (self.lora_a.data @ self.lora_b.data) * (self.alpha / self.rank)


def add_lora(model, rank=8, alpha=None, targets=("query", "value"), dropout=0.0, also=()):
    """Freeze the model, and give each Dense layer whose last name is in `targets` a LoRADense in its place.

    alpha     the addition is scaled by alpha / rank; alpha = rank unless given
    targets   names of layers, such as "query", or patterns of whole ones: "blocks.3.*.query"
    also      names of parameters that learn besides: "classifier.*"
    Returns {name: LoRADense}. ValueError if there is no such layer, or none that is a built Dense.
    """
    targets = (targets,) if isinstance(targets, str) else tuple(targets)
    chosen = {}
    for target in targets:
        found = {name: layer for name, layer in model.named_layers()
                 if name and (name.rpartition(".")[2] == target or fnmatch.fnmatchcase(name, target))}
        wrong = [name for name, layer in found.items() if type(layer) is not Dense or not layer.built]
        if not found or wrong:
            raise ValueError(f"add_lora: {target!r} " + (f"is {wrong[0]}, a {type(found[wrong[0]]).__name__}: expected a "
                                                          "Dense layer that is built" if wrong else
                                                          f"names no layer of {model.label}"))
        chosen |= found
    freeze(model)
    for name, layer in chosen.items():
        chosen[name] = LoRADense(layer, rank, alpha, dropout)
        _replace(model, layer, chosen[name])
    if also:
        unfreeze(model, *also)
    return chosen


def merge_lora(model):
    """Add each LoRADense's A B to its matrix and put the plain Dense layer back: as fast as before, and saved as before.
    Returns {name: LoRADense}, for unmerge_lora."""
    merged = {name: layer for name, layer in model.named_layers() if isinstance(layer, LoRADense)}
    for layer in merged.values():
        layer.kernel.data = layer.kernel.data + layer.added()
        _replace(model, layer, layer.plain)
    return merged


def unmerge_lora(model, merged):
    """Undo merge_lora, up to rounding."""
    for layer in merged.values():
        layer.kernel.data = layer.kernel.data - layer.added()
        _replace(model, layer.plain, layer)


def _replace(model, old, new):
    """Put a layer in the place of another, wherever that stands: in an attribute, or in a list or dict."""
    found = False
    for _, holder in model.named_layers():
        for name, value in list(vars(holder).items()):
            if value is old:
                setattr(holder, name, new)
                found = True
            elif name != "_arguments":
                found |= _replace_inside(value, old, new)
    if not found:
        raise ValueError(f"{old.label} stands in a tuple, or nowhere in {model.label}, and cannot be replaced")


def _replace_inside(value, old, new):
    found = False
    if isinstance(value, (list, dict)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            if value[key] is old:
                value[key], found = new, True
            else:
                found |= _replace_inside(value[key], old, new)
    return found
