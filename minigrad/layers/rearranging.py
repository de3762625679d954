"""Layers that only move numbers: Permute, RepeatVector."""

from minigrad import functions as F
from minigrad.layers.core import positive
from minigrad.layers.layer import Layer


class Permute(Layer):
    """y: the axes after the batch in another order, counted from 1: dims (2, 1) exchanges two."""

    def __init__(self, dims, **options):
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims must be 1 ... {len(self.dims)} in some order, got {self.dims}")
        super().__init__(**options)

    @property
    def input_axes(self):
        """The batch and those that are permuted."""
        return len(self.dims) + 1

    def call(self, x):
        return F.transpose(x, (0, *self.dims))


class RepeatVector(Layer):
    """y (N, n, D): x (N, D) at n times."""

    input_axes = 2

    def __init__(self, n, **options):
        self.n = positive(n, "RepeatVector", "n")
        super().__init__(**options)

    def call(self, x):
        return F.broadcast_to(F.expand_dims(x, 1), (x.shape[0], self.n, x.shape[1]))
