"""Composed: what Sequential and functional models have in common, layers with names."""

from minigrad.training.model import Model


class Composed(Model):
    """A model whose layers are called after their classes: "conv2d", "conv2d_1", "dense"; so parameters are called
    "conv2d.kernel" ..."""

    hidden = ("_names",)  # the attributes that hold the layers: their names are not among those of the layers

    def __init__(self, name=None):
        super().__init__(name=name)
        self._names = {}  # {name: layer}

    @property
    def layers(self):
        """The layers, in order."""
        return list(self._names.values())

    @property
    def _layers(self):
        """The layers by name, without "_names." in front; then those that a subclass assigned."""
        own = {f"{name}." for name in self.hidden}
        return self._names | {n: layer for n, layer in super()._layers.items() if n[:n.find(".") + 1] not in own}

    def free_name(self, base, taken=()):
        """`base`, or base_1, base_2 ...: the first that no layer has."""
        taken = self._names.keys() | taken
        return next(n for n in (base, *(f"{base}_{i}" for i in range(1, len(taken) + 2))) if n not in taken)
