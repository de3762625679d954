"""The keys and values of the tokens so far: with them a new token costs one token's work, and not that of the whole text."""

from minigrad.backend import get_array_module
from minigrad.tensor import Tensor


class LayerCache:
    """The keys and values of one attention layer, (N, H, length, K) each, in arrays with room for more."""

    def __init__(self, capacity=0):
        self.capacity, self.length = capacity, 0
        self.keys = self.values = None

    def extend(self, k, v):
        """Append keys and values (N, H, T, K) of T new tokens; returns those of all tokens, views of what is kept."""
        if k.requires_grad or v.requires_grad:
            raise ValueError("a cache keeps no history for gradients: use it inside of `with mg.no_grad():`")
        if self.keys is not None and k.shape[:2] != self.keys.shape[:2]:
            raise ValueError(f"the cache holds keys of {self.keys.shape[:2]} texts and heads, got {tuple(k.shape[:2])}: a "
                             "cache is for the same texts, one token after the other")
        start, self.length = self.length, self.length + k.shape[2]
        if self.keys is None or self.length > self.keys.shape[2]:
            self.capacity = max(self.capacity, self.length) if self.keys is None else 2 * self.length
            self.keys, self.values = self._moved(self.keys, k, start), self._moved(self.values, v, start)
        self.keys[:, :, start:self.length], self.values[:, :, start:self.length] = k.data, v.data
        return Tensor.wrap(self.keys[:, :, :self.length]), Tensor.wrap(self.values[:, :, :self.length])

    def _moved(self, old, like, length):
        """An array with more room, and what the old one held."""
        new = get_array_module(like.data).empty((*like.shape[:2], self.capacity, like.shape[3]), like.dtype)
        if old is not None:
            new[:, :, :length] = old[:, :, :length]
        return new


class KeyValueCache:
    """A LayerCache for each layer of a model, with room for `capacity` tokens at first; `length` tokens are in it.

        cache = KeyValueCache(len(model.blocks))
        with mg.no_grad():
            model(prompt, cache=cache)                 # logits of all tokens of the prompt
            model(next_token, cache=cache)             # (N, 1): of the token after them
    """

    def __init__(self, layers, capacity=0):
        self.layers = [LayerCache(capacity) for _ in range(layers)]

    def __getitem__(self, i):
        return self.layers[i]

    @property
    def length(self):
        """How many tokens are in it."""
        return self.layers[0].length
