"""Which Tensors a function reads without being given them: parameters, and what else it closes over."""

from minigrad.function import Output
from minigrad.recording import recording
from minigrad.tensor import Tensor


class Watch:
    """`with Watch(given) as watch:` records, and then `watch.outside` are the differentiable Tensors used in the block
    that were neither given nor made in it: a list, each once."""

    def __init__(self, given):
        self.known = {id(x): x for x in given}
        self.made, self._outside = set(), {}

    def __enter__(self):
        self.token = recording.set(self)
        return self

    def __exit__(self, *error):
        recording.reset(self.token)

    def __call__(self, function, operands):
        """The engine tells of an operation that was recorded."""
        self.made.add(function)
        for x in operands:
            self.see(x)

    def see(self, x):
        """Note x if it comes from outside."""
        if isinstance(x, Tensor) and x.requires_grad and id(x) not in self.known:
            maker = x.creator.parents[0] if isinstance(x.creator, Output) else x.creator
            if maker not in self.made:
                self._outside[x.creator or x] = x  # two Tensors of one creator are the same value

    @property
    def outside(self):
        """What was seen, in order of first use."""
        return list(self._outside.values())
