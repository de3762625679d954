"""One training step of a small GPT (forward, loss, backward, AdamW), minigrad and PyTorch in turn.

4 layers, 128 wide, 4 heads, context 128, batch 16, vocabulary 65, GELU, the last product with the embeddings' weights: 11.4
GFLOP a step. minigrad runs in pieces on several threads (mg.parallel.step), and by hand without them; PyTorch is eager, with
its scaled_dot_product_attention. All start from the same weights; losses and final weights are compared in float64.
"""

import numpy as np
from contestants.work import EPSILON, gpt_for_torch
from peers import Contest, apart
from results import block_of

import minigrad as mg

SIZE = {"vocabulary": 65, "context": 128, "width": 128, "depth": 4, "heads": 4, "activation": "gelu"}
ADAMW = {"learning_rate": 3e-4, "weight_decay": 0.1, "beta_1": 0.9, "beta_2": 0.95, "epsilon": EPSILON}
BATCH, CLOSE = 16, 1e-4
WHO = {"minigrad, in pieces": ("minigrad", {"size": SIZE, "adamw": ADAMW}),
       "minigrad, by hand": ("minigrad", {"size": SIZE, "adamw": ADAMW, "workers": None}),
       "PyTorch": ("pytorch", {"size": SIZE, "adamw": ADAMW})}


def arrays(dtype, seed=0):
    """Tokens, those that follow each, and the weights that all start from."""
    mg.seed(seed)
    model = mg.models.GPT(**SIZE)
    model(np.zeros((1, 1), int))
    tokens = np.random.default_rng(seed).integers(0, SIZE["vocabulary"], (BATCH, SIZE["context"] + 1))
    weights = {name: np.asarray(w, dtype) for name, w in model.state_dict().items()}
    return {"ids": tokens[:, :-1], "targets": tokens[:, 1:], **weights}


def compared(steps):
    """({name: remark}, {name: why it is out})."""
    data = arrays("float64")
    with Contest(WHO, "gpt", data) as contest:
        losses = contest.each(lambda name: [contest.run(name)["loss"] for _ in range(steps)])
        weights = contest.each(contest.weights)
        first, remarks = next(iter(WHO)), {}
        ours = weights[first]
        named = dict(zip(list(data)[2:], ours))
        in_theirs, start = ([*gpt_for_torch(w, SIZE["depth"]).values()] for w in (named, data))
        for name, found in weights.items():
            loss = float(np.abs(np.subtract(losses[name], losses[first])).max())
            far = apart(in_theirs, found, start) if name == "PyTorch" else apart(ours, found, list(data.values())[2:])
            remarks[name] = f"losses {loss:.0e}, weights {far:.0e} apart"
            if not loss <= CLOSE:
                remarks[name] = f"NOT THE SAME: {remarks[name]}"
        return remarks, contest.absent


def run(quick=False):
    """The block of the table."""
    steps = 5 if quick else 50
    remarks, absent = compared(steps)
    with Contest({n: c for n, c in WHO.items() if n not in absent}, "gpt", arrays("float32")) as contest:
        seconds = contest.in_turn({name: ((), 1) for name in contest.processes}, 5 if quick else 20, rest=0.05)
        return [block_of("gpt", "GPT, a training step", "ms", seconds, 1e3, next(iter(WHO)), remarks,
                         findings=[f"losses and weights compared over {steps} steps in float64; the other libraries lack "
                                   "causal attention, GELU or AdamW"], absent={**absent, **contest.absent})]
