"""Recurrent layers by what they must do: gates by hand, masks, states, dropout, cells of one's own, wrong input."""

import numpy as np
import pytest
from layer_cases import KINDS, close, x32
from layer_cases import make_recurrent as make

import minigrad as mg
from minigrad import functions as F
from minigrad import layers
from minigrad.layers import Layer


def identity(shape, dtype):
    return np.eye(*shape, dtype=dtype)


PHI = {"tanh": np.tanh, "softsign": lambda a: a / (1 + np.abs(a)), "sigmoid": lambda a: 1 / (1 + np.exp(-a))}


@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_by_its_formula(kind, activation):
    """One with the function of all times, the other step by step."""
    layer, x = make(kind, activation=activation, bias_initializer="normal", return_sequences=True), x32(2, 4, 5)
    y, h, c, φ, σ = layer(x).numpy(), np.zeros((2, 3)), np.zeros((2, 3)), PHI[activation], PHI["sigmoid"]
    for p in layer.parameters():
        p.data = x32(*p.shape)
    y = layer(x).numpy()
    w, u, b = (p.numpy().astype(float) for p in layer.parameters())
    for t in range(4):
        if kind == "SimpleRNN":
            h = φ(x[:, t] @ w + h @ u + b)
        elif kind == "LSTM":
            i, f, g, o = np.split(x[:, t] @ w + h @ u + b, 4, axis=1)
            c = σ(f) * c + σ(i) * φ(g)
            h = σ(o) * φ(c)
        else:
            after = kind == "GRU"
            a = np.split(x[:, t] @ w + (b[0] if after else b), 3, axis=1)
            s = np.split(h @ u + (b[1] if after else 0), 3, axis=1)
            z, r = σ(a[0] + s[0]), σ(a[1] + s[1])
            n = φ(a[2] + (r * s[2] if after else (r * h) @ u[:, 6:]))
            h = z * h + (1 - z) * n
        close(y[:, t], h)


def test_how_the_weights_start():
    mg.seed(0)
    lstm = layers.LSTM(4, input_shape=(None, 6))
    assert [name for name, _ in lstm.named_parameters()] == ["cell.kernel", "cell.recurrent_kernel", "cell.bias"]
    kernel, recurrent, bias = lstm.get_weights()
    assert kernel.shape == (6, 16) and 0.8 * (6 / 22) ** 0.5 < np.abs(kernel).max() <= (6 / 22) ** 0.5
    close(recurrent @ recurrent.T, np.eye(4))  # orthogonal: 4 rows of 16
    assert bias.tolist() == [0] * 4 + [1] * 4 + [0] * 8
    assert not layers.LSTM(4, unit_forget_bias=False, input_shape=(2, 6)).cell.bias.numpy().any()
    assert (layers.LSTM(1, bias_initializer="ones", input_shape=(2, 6)).cell.bias.numpy() == 1).all()
    assert layers.GRU(4, input_shape=(2, 6)).cell.bias.shape == (2, 12)
    assert layers.GRU(4, reset_after=False, input_shape=(2, 6)).cell.bias.shape == (12,)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ["tanh", "elu"])
def test_where_the_mask_is_false_nothing_happens(kind, activation):
    """A row with holes ends as the same row without them."""
    layer, x = make(kind, activation=activation, return_state=True), x32(1, 5, 2)
    mask = np.array([[True, False, True, True, False]])
    for a, b in zip(layer(x, mask=mask), layer(x[mask][None])):
        close(a, b)
    noise = np.where(mask[..., None], x, 1e6).astype("float32")
    assert np.array_equal(layer(noise, mask=mask)[0].numpy(), layer(x, mask=mask)[0].numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_before_the_first_time_are_zero_and_repeat_in_holes(kind):
    layer, x = make(kind, return_sequences=True), x32(1, 4, 2)
    start = [x32(1, 3, seed=i) for i in range(2 if kind == "LSTM" else 1)]
    y = layer(x, mask=np.array([[False, True, False, True]]), initial_state=start).numpy()
    assert not y[:, 0].any() and np.array_equal(y[:, 1], y[:, 2]) and not np.array_equal(y[:, 2], y[:, 3])
    zeroed = make(kind, return_sequences=True, zero_output_for_mask=True)
    zeroed(x)
    zeroed.set_weights(layer.get_weights())
    z = zeroed(x, mask=np.array([[False, True, False, True]]), initial_state=start).numpy()
    assert not z[:, [0, 2]].any() and np.array_equal(z[:, [1, 3]], y[:, [1, 3]])


@pytest.mark.parametrize("kind", KINDS)
def test_stateful_layers_go_on_where_they_stopped(kind):
    layer, x = make(kind, stateful=True, return_sequences=True), x32(2, 7, 3)
    first, second = layer(x[:, :3]), layer(x[:, 3:])
    layer.reset_state()
    whole = layer(x)
    close(np.concatenate([first.numpy(), second.numpy()], axis=1), whole)
    assert not any(s.requires_grad for s in layer.states)
    close(layer(x[:1]), whole.numpy()[:1])  # other rows: from zero
    assert layer.needs_whole_batch and not make(kind).needs_whole_batch
    assert layer.count_params() == make(kind, input_shape=(7, 3)).count_params()


def test_stateful_layers_train_on_threads_as_on_one():
    x, y = x32(64, 5, 3), x32(64, 1)
    losses = []
    for workers in (None, 2):
        mg.seed(0)
        model = mg.Sequential([layers.GRU(4, stateful=True), layers.Dense(1)])
        model(x)
        model.layers[0].reset_state()
        model.compile(mg.optimizers.SGD(learning_rate=0.1), "mse")
        history = model.fit(x, y, epochs=2, batch_size=32, shuffle=False, verbose=0, workers=workers)
        losses.append(history.history["loss"] if hasattr(history, "history") else history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_go_backwards_is_the_flipped_sequence(kind):
    layer, x = make(kind, go_backwards=True, return_sequences=True), x32(2, 4, 3)
    y = layer(x)
    forward = make(kind, return_sequences=True)
    forward(x)
    forward.set_weights(layer.get_weights())
    assert np.array_equal(y.numpy(), forward(np.ascontiguousarray(x[:, ::-1])).numpy())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [None, np.array([[True, True, False, True], [False, True, True, False]])])
def test_the_loop_over_times_is_the_fused_function(kind, mask):
    """With a recurrent dropout that drops nothing the layer goes from time to time."""
    fused, loop = make(kind, return_sequences=True), make(kind, recurrent_dropout=1e-12, return_sequences=True)
    x = x32(2, 4, 3)
    fused(x), loop(x)
    loop.set_weights(fused.get_weights())
    close(loop(x, mask=mask, training=True), fused(x, mask=mask), 1e-6)


def test_dropout_drops_the_same_numbers_at_all_times():
    mg.seed(0)
    layer = layers.SimpleRNN(50, activation="linear", kernel_initializer=identity, recurrent_initializer="zeros",
                             dropout=0.3, return_sequences=True)
    x = np.ones((40, 3, 50), "float32")
    assert np.array_equal(layer(x).numpy(), x)
    y = layer(x, training=True).numpy()
    assert np.array_equal(y[:, 0], y[:, 1]) and np.array_equal(y[:, 0], y[:, 2])
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs((y[:, 0] == 0).mean() - 0.3) < 5 * (0.21 / 2000) ** 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_dropout_works_in_training_alone(kind):
    layer, x = make(kind, 20, recurrent_dropout=0.5), x32(2, 4, 3)
    calm = layer(x)
    mg.seed(1)
    y = layer(x, training=True).numpy()
    mg.seed(1)
    assert np.array_equal(layer(x, training=True).numpy(), y) and not np.allclose(y, calm.numpy())
    assert np.array_equal(layer(x).numpy(), calm.numpy())
    close(layer(x[:, :1], training=True), layer(x[:, :1]), 1e-6)  # h0 = 0: nothing to drop


def test_recurrent_dropout_drops_the_state():
    """h_1 = 1 everywhere, h_2 = 0 + (h_1 dropped): zeros and 1 / (1 - rate)."""
    mg.seed(0)
    layer = layers.SimpleRNN(60, activation="linear", recurrent_initializer=identity, recurrent_dropout=0.4,
                             kernel_initializer="ones")
    x = np.zeros((50, 2, 1), "float32")
    x[:, 0] = 1
    y = layer(x, training=True).numpy()
    assert set(np.unique(y)) == {0, np.float32(1 / 0.6)} and abs((y == 0).mean() - 0.4) < 5 * (0.24 / y.size) ** 0.5


class Leaky(Layer):
    """A cell of one's own: h = rate h + (1 - rate) x w."""

    state_size = 2

    def __init__(self, rate=0.5, **options):
        self.rate = rate
        super().__init__(**options)

    def weight_shapes(self, input_shape):
        return {"kernel": {"in": input_shape[-1], "out": 2}}

    def call(self, x, states):
        h = self.rate * states[0] + (1 - self.rate) * F.matmul(x, self.kernel)
        return h, [h]


def test_a_cell_of_ones_own():
    layer, x = layers.RNN(Leaky(), return_sequences=True), x32(2, 3, 4)
    y, w, h = layer(x).numpy(), layer.cell.kernel.numpy(), 0
    for t in range(3):
        h = 0.5 * h + 0.5 * x[:, t] @ w
        close(y[:, t], h)
    both = layers.RNN([Leaky(), layers.LSTMCell(3), Leaky(0.1)], return_state=True)
    y, *states = both(x, mask=np.array([[True] * 3, [True, False, False]]))
    assert y.shape == (2, 2) and [len(s) for s in states] == [1, 2, 1]
    twin = layers.RNN.from_config(both.get_config(), {"Leaky": Leaky})
    assert twin.cell.cells[2].rate == 0.1


def test_one_step_of_a_cell():
    for cell in (layers.SimpleRNNCell(3), layers.LSTMCell(3), layers.GRUCell(3), layers.GRUCell(3, reset_after=False)):
        layer, x = layers.RNN(cell, return_state=True), x32(2, 2, 4)
        whole = layer(x)
        states = cell.get_initial_state(2)
        for t in range(2):
            y, states = cell(x[:, t], states)
        close(y, whole[0])
        for a, b in zip(states, whole[1:], strict=True):
            close(a, b)


def test_stacked_cells_go_backwards_with_their_mask():
    cells = lambda: [layers.LSTMCell(3), layers.GRUCell(2)]  # noqa: E731
    backward, x = layers.RNN(cells(), go_backwards=True, return_sequences=True), x32(2, 4, 3)
    forward = layers.RNN(cells(), return_sequences=True)
    backward(x), forward(x)
    forward.set_weights(backward.get_weights())
    mask = np.array([[True, True, False, True], [False, True, True, False]])
    close(backward(x, mask=mask), forward(x[:, ::-1], mask=mask[:, ::-1]))


def test_regularizers_reach_the_weights():
    layer = layers.LSTM(3, kernel_regularizer="l1", recurrent_regularizer="l2", bias_regularizer=mg.regularizers.L2(0.5),
                        activity_regularizer=mg.regularizers.L2(0.1))
    y = layer(x32(2, 4, 3))
    w, u, b = (p.numpy() for p in layer.parameters())
    expected = [0.01 * np.abs(w).sum(), 0.01 * (u ** 2).sum(), 0.5 * (b ** 2).sum(), 0.1 * (y.numpy() ** 2).sum() / 2]
    np.testing.assert_allclose([loss.item() for loss in layer.losses], expected, rtol=1e-5)
    sum(layer.losses).backward()
    assert all(p.grad is not None for p in layer.parameters())


@pytest.mark.parametrize("call, words", [
    (lambda: layers.LSTM(3)(x32(2, 4)), "LSTM, 3 units.*expected an input of 3 axes"),
    (lambda: layers.GRU(3, input_shape=(None, 4))(x32(2, 5, 3)), r"GRU.*expected 4 features, got shape \(2, 5, 3\)"),
    (lambda: layers.GRU(3, reset_after=False, input_shape=(None, 4))(x32(2, 5, 3)), "GRU.*expected 4 features"),
    (lambda: layers.GRU(3)(x32(2, 0, 3)), "one time or more"),
    (lambda: layers.LSTM(3)(x32(2, 4, 3), initial_state=[x32(2, 3)]), r"initial states of shapes \[\(2, 3\), \(2, 3"),
    (lambda: layers.GRU(3)(x32(2, 4, 3), initial_state=x32(2, 4)), r"initial states.*\[\(2, 4\)\]"),
    (lambda: layers.GRU(3)(x32(2, 4, 3), mask=np.ones((2, 3), bool)), r"mask \(2, 4\), got shape \(2, 3\)"),
    (lambda: layers.LSTM(0), "units.*0"), (lambda: layers.LSTM(3, activation="tanhh"), "did you mean 'tanh'"),
    (lambda: layers.LSTM(3, recurrent_activation="sigmiod"), "did you mean 'sigmoid'"),
    (lambda: layers.LSTM(3, dropout=1.0), "dropout.*1.0"),
    (lambda: layers.GRU(3, recurrent_dropout=-1), "recurrent_dropout"),
    (lambda: layers.LSTM(3, kernel_initialiser="ones"), "did you mean|takes no argument"),
    (lambda: layers.LSTM(3, recurent_initializer="ones"), "did you mean 'recurrent_initializer'"),
    (lambda: layers.RNN(layers.Dense(3)), "expected a cell"), (lambda: layers.RNN([]), "list of cells"),
])
def test_wrong_use(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()
