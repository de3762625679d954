"""A small GPT in minigrad and in PyTorch, with the same weights: what the benchmarks compare."""

import numpy as np

import minigrad as mg
import minigrad.functions as F

try:
    import torch
except ImportError:
    torch = None

SIZE = {"vocabulary": 65, "context": 128, "width": 128, "depth": 4, "heads": 4, "activation": "gelu"}
ADAMW = {"learning_rate": 3e-4, "weight_decay": 0.1, "beta_1": 0.9, "beta_2": 0.95, "epsilon": 1e-8}


def initial_weights(seed=0):
    """{name: array}, the weights that both start from."""
    mg.seed(seed)
    model = mg.models.GPT(**SIZE)
    model(np.zeros((1, 1), int))
    return model.state_dict()


def minigrad_gpt(weights, workers=None):
    """(model, step): step(ids, targets) trains on tokens (N, T) and the tokens that follow each, and returns the loss; in
    pieces on several threads if `workers` says so."""
    model = mg.models.GPT(**SIZE)
    model(np.zeros((1, 1), int))
    model.load_state_dict(weights)
    optimizer = mg.optimizers.AdamW(model.parameters(), **ADAMW)

    def loss_of(ids, targets):
        return F.cross_entropy(model(ids, training=True), targets)

    def step(ids, targets):
        loss = mg.parallel.step(loss_of, ids, targets, workers=workers)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return model, step


def torch_gpt(weights):
    """(model, step) in PyTorch: one product for query, key and value, and its own scaled_dot_product_attention."""
    nn = torch.nn
    width, heads, depth = SIZE["width"], SIZE["heads"], SIZE["depth"]

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.expand, self.project = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            n, t, d = x.shape
            q, k, v = self.qkv(self.norm_1(x)).view(n, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(n, t, d))
            return x + self.project(nn.functional.gelu(self.expand(self.norm_2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.position = nn.Embedding(SIZE["vocabulary"], width), nn.Embedding(SIZE["context"], width)
            self.blocks = nn.ModuleList([Block() for _ in range(depth)])
            self.norm = nn.LayerNorm(width)

        def forward(self, ids):
            x = self.token(ids) + self.position(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.norm(x) @ self.token.weight.T

    model = GPT()
    _load(model, weights)
    optimizer = torch.optim.AdamW(model.parameters(), ADAMW["learning_rate"], (ADAMW["beta_1"], ADAMW["beta_2"]),
                                  ADAMW["epsilon"], ADAMW["weight_decay"])

    def step(ids, targets):
        loss = nn.functional.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return model, step


def _load(model, weights):
    """minigrad's weights in PyTorch's places: (in, out) becomes (out, in), and the three projections one."""
    state = {"token.weight": weights["token.embeddings"], "position.weight": weights["position.embeddings"],
             "norm.weight": weights["norm.gamma"], "norm.bias": weights["norm.beta"]}
    for i in range(SIZE["depth"]):
        ours = {n.removeprefix(f"blocks.{i}."): w for n, w in weights.items() if n.startswith(f"blocks.{i}.")}
        theirs = {f"{n}.{theirs}": ours[f"{n}.{name}"] for n in ("norm_1", "norm_2")
                  for theirs, name in (("weight", "gamma"), ("bias", "beta"))}
        for n in ("expand", "project"):
            theirs |= {f"{n}.weight": ours[f"feed_forward.{n}.kernel"].T, f"{n}.bias": ours[f"feed_forward.{n}.bias"]}
        roles = ("query", "key", "value")
        theirs["qkv.weight"] = np.concatenate([ours[f"attention.{r}.kernel"].T for r in roles])
        theirs["qkv.bias"] = np.concatenate([ours[f"attention.{r}.bias"] for r in roles])
        theirs["out.weight"], theirs["out.bias"] = ours["attention.output.kernel"].T, ours["attention.output.bias"]
        state |= {f"blocks.{i}.{n}": w for n, w in theirs.items()}
    model.load_state_dict({n: torch.from_numpy(np.ascontiguousarray(w)) for n, w in state.items()})
