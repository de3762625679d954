"""What a recurrent network does from one time to the next. A cell is called with x_t (N, D) and its states before, a list of
(N, H), and gives its output (N, H) and the states after. RNN (recurrent.py) takes it along the times.

The gates stand side by side in the weights, kernel (D, G·H), recurrent_kernel (H, G·H), bias (G·H,), in Keras's order.
"""

import numpy as np

from minigrad import functions as F
from minigrad.backend import get_array_module
from minigrad.layers import activations
from minigrad.layers.core import as_float, dropped, positive
from minigrad.layers.layer import Layer
from minigrad.tensor import Tensor


class _Cell(Layer):
    """The weights of G gates, and the dropout of all cells, in training: each number of the input is dropped at all times or
    at none (`dropout`), each number of the state too, for each gate by itself (`recurrent_dropout`).
    Gal & Ghahramani 2016, "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks".
    """

    initial = {"kernel": "glorot_uniform", "recurrent": "orthogonal", "bias": "zeros"}
    gates, draws = 1, True

    def __init__(self, units, activation, recurrent_activation, use_bias, dropout, recurrent_dropout, **options):
        kind = type(self).__name__
        self.units, self.use_bias = positive(units, kind, "units"), use_bias
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        for name, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            if not 0 <= rate < 1:
                raise ValueError(f"{kind}: {name} must be in [0, 1), got {rate}")
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        super().__init__(**options)

    @property
    def state_size(self):
        """The length of the state, or a list of theirs."""
        return self.units

    @property
    def output_size(self):
        """The length of the output."""
        return self.units

    def get_initial_state(self, batch_size):
        """Zeros, a list of (N, H)."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        xp, dtype = get_array_module(self.kernel.data), self.kernel.dtype
        return [Tensor.wrap(xp.zeros((batch_size, size), dtype)) for size in sizes]

    def weight_shapes(self, input_shape):
        width = {f"{self.gates}H" if self.gates > 1 else "H": self.gates * self.units}
        shapes = {"kernel": {"D": input_shape[-1], **width}, "recurrent_kernel": {"from": self.units, **width}}
        return shapes | {"bias": width} if self.use_bias else shapes

    def option_of(self, name):
        """recurrent_initializer is recurrent_kernel's."""
        return "recurrent" if name == "recurrent_kernel" else name

    def call(self, x, states, training=False):
        """One step: a sequence of one time."""
        outputs, states = self.over_time(F.expand_dims(x, 1), _listed(states), training=training)
        return outputs[:, 0], states

    def over_time(self, x, states, mask=None, go_backwards=False, training=False):
        """(the outputs (N, T, H) in the order of running, the last states): x (N, T, D), mask boolean (N, T) or None."""
        if x.shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"expected {self.kernel.shape[0]} features, got shape {tuple(x.shape)}")
        x = dropped(as_float(x, self.kernel), self.dropout, training, (x.shape[0], 1, x.shape[2]))
        if self.is_fused and not (training and self.recurrent_dropout):
            weights = self.kernel, self.recurrent_kernel, self.bias if self.use_bias else None
            h, *after = self.fused(x, *states, *weights, mask=mask, go_backwards=go_backwards)
            return h, after
        for_gates = self._for_gates(states[0].data, training)
        kernels = F.split(self.recurrent_kernel, self.gates, axis=1)
        a = F.matmul(x, self.kernel)
        return in_turn(lambda a_t, states: self.step(a_t, states, for_gates, kernels), a, states, mask, go_backwards)

    def _for_gates(self, h, training):
        """A function: what each gate sees of the state, after dropout."""
        if not training or not self.recurrent_dropout:
            return lambda h: [h] * self.gates
        ones = Tensor.wrap(get_array_module(h).ones(h.shape, h.dtype))
        masks = [F.dropout(ones, self.recurrent_dropout) for _ in range(self.gates)]
        return lambda h: [h * mask for mask in masks]

    @property
    def is_fused(self):
        """Whether the activations are those of the function that takes all times at once."""
        return self.activation is F.tanh and self.recurrent_activation is F.sigmoid

    def biased(self, s, row=None):
        """s + bias, or a row of the bias."""
        return s + (self.bias if row is None else self.bias[row]) if self.use_bias else s


class SimpleRNNCell(_Cell):
    """h = activation(x_t kernel + bias + h_(t-1) recurrent_kernel). Elman 1990."""

    def __init__(self, units, activation="tanh", use_bias=True, dropout=0.0, recurrent_dropout=0.0, **options):
        super().__init__(units, activation, None, use_bias, dropout, recurrent_dropout, **options)

    @property
    def is_fused(self):
        """Whether the activation is one of F.rnn's."""
        return self.activation in (F.tanh, F.relu)

    def fused(self, *arguments, **keywords):
        """All times at once."""
        return F.rnn(*arguments, nonlinearity="tanh" if self.activation is F.tanh else "relu", **keywords)

    def step(self, a, states, for_gates, kernels):
        """The output and the states after, from x_t kernel."""
        h = self.activation(self.biased(a) + F.matmul(for_gates(states[0])[0], kernels[0]))
        return h, [h]


class LSTMCell(_Cell):
    """i, f, o = σ(...), g = φ(...) of x_t kernel + bias + h_(t-1) recurrent_kernel;  c = f c_(t-1) + i g,  h = o φ(c)

    states [h, c]; four gates in the order i f g o; φ is `activation`, σ `recurrent_activation`. unit_forget_bias: f's bias
    starts at 1, so that the cell first remembers (Jozefowicz, Zaremba & Sutskever 2015).
    Hochreiter & Schmidhuber 1997; f: Gers, Schmidhuber & Cummins 2000.
    """

    gates, fused = 4, staticmethod(F.lstm)

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True, unit_forget_bias=True,
                 dropout=0.0, recurrent_dropout=0.0, **options):
        self.unit_forget_bias = unit_forget_bias
        super().__init__(units, activation, recurrent_activation, use_bias, dropout, recurrent_dropout, **options)

    @property
    def state_size(self):
        """Of h and of c."""
        return [self.units, self.units]

    def initializer_of(self, name):
        start, h = super().initializer_of(name), self.units
        if name != "bias" or not self.unit_forget_bias:
            return start
        return lambda shape, dtype: np.concatenate([start((h,), dtype), np.ones(h, dtype), start((2 * h,), dtype)])

    def step(self, a, states, for_gates, kernels):
        """The output and the states after, from x_t kernel."""
        (h, c), σ, φ = states, self.recurrent_activation, self.activation
        parts = zip(F.split(self.biased(a), 4, axis=-1), for_gates(h), kernels)
        i, f, g, o = (part + F.matmul(seen, u) for part, seen, u in parts)
        c = σ(f) * c + σ(i) * φ(g)
        h = σ(o) * φ(c)
        return h, [h, c]


class GRUCell(_Cell):
    """z, r = σ(...) of x_t kernel + h_(t-1) recurrent_kernel + biases;  h = z h_(t-1) + (1 - z) n,  with
    n = φ(x_t w + b + r (h_(t-1) u + b')) if reset_after, a bias for each product, bias (2, 3H); else
    n = φ(x_t w + b + (r h_(t-1)) u), bias (3H,)

    Three gates in the order z r n; w, u, b, b' are the n parts of the weights. Cho et al. 2014 (reset_after=False).
    """

    gates, fused = 3, staticmethod(F.gru)

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True, dropout=0.0,
                 recurrent_dropout=0.0, reset_after=True, **options):
        self.reset_after = reset_after
        super().__init__(units, activation, recurrent_activation, use_bias, dropout, recurrent_dropout, **options)

    @property
    def is_fused(self):
        """Whether it is F.gru's formula."""
        return self.reset_after and super().is_fused

    def weight_shapes(self, input_shape):
        shapes = super().weight_shapes(input_shape)
        return shapes | {"bias": {"both": 2, **shapes["bias"]}} if self.use_bias and self.reset_after else shapes

    def step(self, a, states, for_gates, kernels):
        """The output and the states after, from x_t kernel."""
        h, σ, φ = states[0], self.recurrent_activation, self.activation
        a_z, a_r, a_n = F.split(self.biased(a, 0 if self.reset_after else None), 3, axis=-1)
        h_z, h_r, h_n = for_gates(h)
        s_z, s_r = F.matmul(h_z, kernels[0]), F.matmul(h_r, kernels[1])
        if self.reset_after:
            s_n = F.matmul(h_n, kernels[2])
            s_z, s_r, s_n = F.split(self.biased(F.concatenate([s_z, s_r, s_n], axis=-1), 1), 3, axis=-1)
        z, r = σ(a_z + s_z), σ(a_r + s_r)
        n = φ(a_n + (r * s_n if self.reset_after else F.matmul(r * h_n, kernels[2])))
        h = z * h + (1 - z) * n
        return h, [h]


class StackedRNNCells(Layer):
    """One cell on the outputs of the other: `RNN([LSTMCell(8), LSTMCell(4)])`. Its states are the list of the cells'."""

    def __init__(self, cells, **options):
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ValueError(f"StackedRNNCells: expected a list of cells, got {cells!r}")
        self.cells = [checked_cell(cell) for cell in cells]
        super().__init__(**options)

    @property
    def state_size(self):
        """The list of the cells'."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self):
        """The last cell's."""
        return _output_size(self.cells[-1])

    def build(self, input_shape):
        for cell in self.cells:
            cell.ensure_built(input_shape)
            input_shape = (input_shape[0], _output_size(cell))

    def get_initial_state(self, batch_size):
        """Zeros: the cells' lists."""
        return [start(cell, batch_size) for cell in self.cells]

    def call(self, x, states, training=False):
        after = []
        for cell, before in zip(self.cells, states):
            x, new = cell(x, before, training=training)
            after.append(_listed(new))
        return x, after

    def over_time(self, x, states, mask=None, go_backwards=False, training=False):
        """As a cell's: each cell goes through all times before the next one starts."""
        if go_backwards:
            x, mask = F.flip(x, 1), None if mask is None else mask[:, ::-1]
        after = []
        for cell, before in zip(self.cells, states):
            x, new = over_time(cell, x, before, mask, training=training)
            after.append(new)
        return x, after


def checked_cell(cell):
    """The cell, if it is one."""
    if not isinstance(cell, Layer) or not hasattr(cell, "state_size"):
        raise TypeError(f"expected a cell, a layer with state_size and call(x, states), got {cell!r:.80}")
    return cell


def start(cell, batch_size):
    """The states of a cell before the first time."""
    if hasattr(cell, "get_initial_state"):
        return _listed(cell.get_initial_state(batch_size=batch_size))
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    like = next(iter(cell.parameters()), Tensor(0.0))
    return [Tensor.wrap(get_array_module(like.data).zeros((batch_size, size), like.dtype)) for size in sizes]


def over_time(cell, x, states, mask=None, go_backwards=False, training=False):
    """A cell's own way through the times, or step by step."""
    if hasattr(cell, "over_time"):
        return cell.over_time(x, states, mask, go_backwards, training)
    return in_turn(lambda x_t, before: cell(x_t, before, training=training), x, states, mask, go_backwards)


def in_turn(step, x, states, mask=None, go_backwards=False):
    """(the outputs (N, T, H) in the order of running, the last states) of `output, states = step(x_t, states)`.

    Where the mask (N, T) is False the states and the output stay as they were; an output before the first is 0.
    """
    outputs, times = [], range(x.shape[1])
    for t in reversed(times) if go_backwards else times:
        output, after = step(x[:, t], states)
        after = _listed(after)
        if mask is not None:
            now = mask[:, t, None]
            output = F.where(now, output, outputs[-1] if outputs else 0.0)
            after = [F.where(now, new, old) for new, old in zip(after, states)]
        outputs.append(output)
        states = after
    return F.stack(outputs, 1), states


def _listed(states):
    return list(states) if isinstance(states, (list, tuple)) else [states]


def _output_size(cell):
    size = getattr(cell, "output_size", cell.state_size)
    return size[0] if isinstance(size, (list, tuple)) else size
