"""Layers around a layer: in both directions of time, and at each time by itself."""

from minigrad import functions as F
from minigrad.layers import configs
from minigrad.layers.layer import Layer
from minigrad.layers.recurrent import RNN
from minigrad.names import named
from minigrad.tensor import as_array

MERGES = {"concat": lambda y, z: F.concatenate([y, z], axis=-1), "sum": lambda y, z: y + z, "ave": lambda y, z: (y + z) / 2,
          "mul": lambda y, z: y * z}


class Bidirectional(Layer):
    """y = merged(layer(x), the same kind of layer with weights of its own on x from the last time to the first)

    layer           a recurrent layer, which runs as it is
    merge_mode      "concat" (side by side), "sum", "ave" (the mean), "mul"; None gives both
    backward_layer  what runs the other way; else one of the configuration of `layer`, with go_backwards the other way round
    With return_sequences both outputs stand at their own times, and are 0 where the mask is False. With return_state, the
    states follow, the forward ones first; initial_state is a list in the same order. Schuster & Paliwal 1997.
    """

    supports_masking = True

    def __init__(self, layer, merge_mode="concat", backward_layer=None, **options):
        for each in (layer, *(() if backward_layer is None else (backward_layer,))):
            if not isinstance(each, RNN):
                raise TypeError(f"Bidirectional: expected a recurrent layer, got {each!r:.80}")
        self.merge_mode = merge_mode
        self.merge = None if merge_mode is None else named(merge_mode, MERGES, "merge_mode")
        self.forward_layer, self.backward_layer = layer, backward_layer
        if backward_layer is None:
            config = {**layer.get_config(), "go_backwards": not layer.go_backwards}
            config.pop("name", None)
            self.backward_layer = configs.made(type(layer), config, _own(layer))
        for option in ("return_sequences", "return_state", "stateful"):
            if getattr(self.forward_layer, option) != getattr(self.backward_layer, option):
                raise ValueError(f"Bidirectional: {option} must be the same in both layers")
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ValueError("Bidirectional: the layers must run in different directions, see go_backwards")
        self.return_sequences, self.return_state = layer.return_sequences, layer.return_state
        for each in (self.forward_layer, self.backward_layer):
            each.zero_output_for_mask = self.return_sequences
        super().__init__(**options)

    def build(self, input_shape):
        self.forward_layer.ensure_built(input_shape)
        self.backward_layer.ensure_built(input_shape)

    def call(self, x, initial_state=None, mask=None):
        states = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            states = list(initial_state)[:half], list(initial_state)[half:]
        y, z = (layer(x, initial_state=state, mask=mask)
                for layer, state in zip((self.forward_layer, self.backward_layer), states))
        states = ()
        if self.return_state:
            (y, *forward), (z, *backward) = y, z
            states = (*forward, *backward)
        if self.return_sequences:
            z = F.flip(z, 1)
        merged = (y, z) if self.merge is None else (self.merge(y, z),)
        return (*merged, *states) if len(merged) + len(states) > 1 else merged[0]

    def compute_mask(self, inputs, mask):
        """The input's, if the outputs of all times are given."""
        return [mask, mask] if self.merge is None and self.return_sequences else mask if self.return_sequences else None

    def reset_state(self):
        """Forget the states of the batch before."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()


def _own(layer):
    """The classes and functions that a layer is made of, by name: those of the user's own are among them."""
    parts = [part for _, part in layer.named_layers()]
    functions = [value for part in parts for value in part._arguments.values() if hasattr(value, "__name__")]
    return {each.__name__: each for each in [*map(type, parts), *functions]}


class TimeDistributed(Layer):
    """y[:, t] = layer(x[:, t]) for each time t: x (N, T, ...)

    The times are taken as further rows of one batch; one after the other, if rows of the batch depend on each other
    (BatchNormalization). A mask (N, T) goes on with y; of a mask with more axes the layer gets each time's.
    """

    supports_masking = True

    def __init__(self, layer, **options):
        if not isinstance(layer, Layer):
            raise TypeError(f"TimeDistributed: expected a layer, got {layer!r:.80}")
        self.layer = layer
        super().__init__(**options)

    @property
    def input_dtype(self):
        """That of the layer."""
        return self.layer.input_dtype

    def build(self, input_shape):
        if len(input_shape) < 3:
            raise ValueError(f"expected an input (N, T, ...) of three axes or more, got shape {tuple(input_shape)}")
        self.layer.ensure_built((input_shape[0], *input_shape[2:]))

    def call(self, x, mask=None, training=False):
        n, t = x.shape[:2]
        inner = None if mask is None or as_array(mask).ndim < 3 else as_array(mask)
        if training and any(layer.needs_whole_batch for _, layer in self.layer.named_layers()):
            return F.stack([self._at(x[:, i], None if inner is None else inner[:, i]) for i in range(t)], 1)
        y = self._at(F.reshape(x, (n * t, *x.shape[2:])), None if inner is None else inner.reshape(n * t, *inner.shape[2:]))
        return F.reshape(y, (n, t, *y.shape[1:]))

    def _at(self, x, mask):
        return self.layer(x) if mask is None else self.layer(x, mask=mask)
