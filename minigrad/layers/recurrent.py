"""Recurrent layers: a cell (cells.py) along the times of x (N, T, D). With tanh and sigmoid all times are one function
(functions/recurrent.py), else the cell goes from time to time."""

from minigrad import functions as F
from minigrad.backend import beside
from minigrad.layers.cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells, checked_cell, over_time, start
from minigrad.layers.core import as_float
from minigrad.layers.layer import Layer, NeedsWholeBatch, in_piece
from minigrad.layers.symbols import mapped
from minigrad.tensor import Tensor, as_array


class RNN(Layer):
    """y_t, states = cell(x_t, states), for all times t

    cell                  a cell, or a list of cells, one on the other
    return_sequences      give all y (N, T, H), not the last alone (N, H)
    return_state          give (y, *last states)
    go_backwards          from the last time to the first; y is in the order of running
    stateful              start each batch with the last states of the one before, until reset_state(); no gradient goes back
                          to that batch. A batch with another number of rows starts with zeros
    unroll                accepted for Keras's sake: no loop is ever compiled here
    zero_output_for_mask  give 0 where the mask is False, not the y before it
    The call takes `initial_state`, the states to start with, and `mask`, boolean (N, T): where it is False, the states and y
    stay as they were.
    """

    supports_masking = draws = True

    def __init__(self, cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
                 zero_output_for_mask=False, **options):
        self.cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else checked_cell(cell)
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards
        self.stateful, self.unroll, self.zero_output_for_mask = stateful, unroll, zero_output_for_mask
        self.states = None
        super().__init__(**options)

    @property
    def needs_whole_batch(self):
        """Whether a call leaves states behind."""
        return self.stateful

    def build(self, input_shape):
        if len(input_shape) < 3:
            raise ValueError(f"expected an input (N, T, features), got shape {tuple(input_shape)}")
        self.cell.ensure_built((input_shape[0], *input_shape[2:]))

    def call(self, x, initial_state=None, mask=None, training=False):
        if x.ndim < 3 or not x.shape[1]:
            raise ValueError(f"expected an input (N, T, features) with one time or more, got shape {tuple(x.shape)}")
        if self.stateful and in_piece.get():
            raise NeedsWholeBatch(f"{self.label} goes on with the rows of the batch before")
        before = self._started(x, initial_state)
        if mask is not None:
            mask = beside(as_array(mask), x).astype(bool)
            if mask.shape != x.shape[:2]:
                raise ValueError(f"expected a mask {tuple(x.shape[:2])}, got shape {mask.shape}")
        y, states = over_time(self.cell, as_float(x), before, mask, self.go_backwards, training)
        if mask is not None:
            mask = mask[:, ::-1] if self.go_backwards else mask
            y = F.where((mask if self.zero_output_for_mask else mask.cumsum(axis=1) > 0)[..., None], y, 0.0)
        if self.stateful and len(x):
            self.states = mapped(lambda state: state.detach(), states, Tensor)
        y = y if self.return_sequences else y[:, -1]
        return (y, *states) if self.return_state else y

    def _started(self, x, initial_state):
        """The states before the first time."""
        usual = start(self.cell, len(x))
        if initial_state is None:
            before = self.states if self.stateful and _shapes(self.states) == _shapes(usual) else usual
        elif isinstance(initial_state, Tensor) and initial_state.ndim < 3:
            before = [initial_state]
        else:
            before = list(initial_state)
        if _shapes(before) != _shapes(usual):
            raise ValueError(f"expected initial states of shapes {_shapes(usual)}, got {_shapes(before)}")
        return before

    def reset_state(self):
        """Forget the states of the batch before: the next one starts with zeros."""
        self.states = None

    def compute_mask(self, inputs, mask):
        """The input's, if the outputs of all times are given."""
        return mask if self.return_sequences else None

    def describe(self):
        return f"{type(self).__name__}, {getattr(self.cell, 'output_size', '?')} units"


class SimpleRNN(RNN):
    """h_t = activation(x_t kernel + bias + h_(t-1) recurrent_kernel): SimpleRNNCell along the times, options as of RNN.

    x (N, T, D), kernel (D, H), recurrent_kernel (H, H), bias (H,), y (N, H) or (N, T, H); (D + H + 1)·H parameters.
    """

    input_axes = 3

    def __init__(self, units, activation="tanh", use_bias=True, dropout=0.0, recurrent_dropout=0.0, return_sequences=False,
                 return_state=False, go_backwards=False, stateful=False, unroll=False, **options):
        cell = SimpleRNNCell(units, activation, use_bias, dropout, recurrent_dropout, **_of_weights(options))
        super().__init__(cell, return_sequences, return_state, go_backwards, stateful, unroll, **options)


class LSTM(RNN):
    """LSTMCell, which has the formulas, along the times; options as of RNN.

    x (N, T, D), kernel (D, 4H), recurrent_kernel (H, 4H), bias (4H,), y (N, H) or (N, T, H); 4·(D + H + 1)·H parameters.
    """

    input_axes = 3

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True, unit_forget_bias=True,
                 dropout=0.0, recurrent_dropout=0.0, return_sequences=False, return_state=False, go_backwards=False,
                 stateful=False, unroll=False, **options):
        cell = LSTMCell(units, activation, recurrent_activation, use_bias, unit_forget_bias, dropout, recurrent_dropout,
                        **_of_weights(options))
        super().__init__(cell, return_sequences, return_state, go_backwards, stateful, unroll, **options)


class GRU(RNN):
    """GRUCell, which has the formulas, along the times; options as of RNN.

    x (N, T, D), kernel (D, 3H), recurrent_kernel (H, 3H), bias (2, 3H), or (3H,) with reset_after=False, y (N, H) or
    (N, T, H); 3·(D + H + 2)·H parameters, or 3·(D + H + 1)·H.
    """

    input_axes = 3

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True, dropout=0.0,
                 recurrent_dropout=0.0, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, reset_after=True, **options):
        cell = GRUCell(units, activation, recurrent_activation, use_bias, dropout, recurrent_dropout, reset_after,
                       **_of_weights(options))
        super().__init__(cell, return_sequences, return_state, go_backwards, stateful, unroll, **options)


def _shapes(states):
    return mapped(lambda state: tuple(state.shape), states, Tensor)


def _of_weights(options):
    """Takes out of the options those of the cell's weights: kernel_initializer, bias_regularizer ..."""
    kinds = "_initializer", "_regularizer", "_constraint"
    names = [name for name in options if name.endswith(kinds) and "activity" not in name]
    return {name: options.pop(name) for name in names}
