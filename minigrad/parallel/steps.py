"""A step of training and a forward pass, in pieces and on several threads."""

import statistics
import time

import numpy as np

from minigrad import backend, random
from minigrad.autograd import no_grad, sweep
from minigrad.layers.layer import NeedsWholeBatch, in_piece
from minigrad.parallel.gradients import SumInOrder
from minigrad.parallel.pieces import cut, rows_of_a_piece
from minigrad.tensor import Tensor
from minigrad.threads import count_workers, in_threads
from minigrad.transforms.trees import filled, leaves


def step(loss_function, *arrays, workers="auto", piece="auto", reduction="mean"):
    """loss = loss_function(*arrays); loss.backward(): in pieces of the batch, on several threads.

        def loss_of(x, y):
            return F.cross_entropy(model(x, training=True), y)

        for x, y in mg.data.batches((x_train, y_train), 64, shuffle=True):
            loss = mg.parallel.step(loss_of, x, y)
            optimizer.step()
            optimizer.zero_grad()

    loss_function  gives the loss of some rows, one number; or a tuple of it and outputs that have those rows too. All
                   that leads to the loss is computed inside it. Several threads call it at once.
    arrays         what it takes, with a row for each example
    workers        threads; "auto": one for each core; None: the whole batch at once, as written by hand
    piece          rows to a piece; "auto": as many as fit the cache, see rows_of_a_piece
    reduction      how the loss adds up the rows: "mean" or "sum"

    Gives the loss of the batch, without history (or a tuple of it and the outputs, their rows in order), and adds the
    gradients to `.grad` as backward does. With n of the N rows in a piece, L = Σ n/N L_piece, and so are its gradients:
    for a loss that is a mean over independent rows this is the same mathematics, to rounding. The result does not depend
    on the number of workers, to the bit. Each piece draws (dropout) from a generator of its own, see random.Streams.

    The whole batch is taken at once, in this thread, if a layer is not built yet or `needs_whole_batch` (its rows depend
    on each other in training, as in batch normalisation), and if arrays or weights live on a GPU.
    """
    if reduction not in ("mean", "sum"):
        raise ValueError(f'step: reduction must be "mean" or "sum", got {reduction!r}')
    arrays, pieces, workers = _plan(loss_function, arrays, workers, piece)
    if len(pieces) > 1:
        try:
            gradients, loss, outputs = _gradients(loss_function, arrays, pieces, workers, reduction)
        except NeedsWholeBatch:
            pass
        else:
            for leaf, g in gradients.items():
                leaf.backward(Tensor.wrap(g))  # adds it to `.grad`, and shows it to the leaf's hooks
            return loss if outputs is None else (loss, *outputs)
    loss, outputs = _called(loss_function, arrays)
    loss.backward()
    return loss.detach() if outputs is None else (loss.detach(), *map(_detached, outputs))


def forward(function, *arrays, workers="auto", piece="auto"):
    """function(*arrays), whose result (or each in a tuple, list or dict) has a row for each row, in pieces on several
    threads; nothing is recorded.

    workers and piece as in `step`.
    """
    arrays, pieces, workers = _plan(function, arrays, workers, piece)
    with no_grad():
        if len(pieces) > 1:
            try:
                parts = _in_pieces(lambda i, rows, *part: function(*part), arrays, pieces, workers)
                return filled(parts[0], map(_joined, zip(*[[y for _, y in leaves(part)] for part in parts])))
            except NeedsWholeBatch:
                pass
        return function(*arrays)


def tune(loss_function, *arrays, workers="auto", candidates=(8, 16, 32, 64, 128), repeats=7):
    """The `piece` with which step(loss_function, *arrays) is fastest here, by measured time; also for `fit`:

        piece = mg.parallel.tune(model.training_loss, x[:64], y[:64])
        model.fit(x, y, batch_size=64, piece=piece)

    Nothing changes by it: no `.grad`, no random generator. The whole batch is a candidate too. Another piece is another
    rounding, so write the number down to repeat a run to the bit.
    """
    arrays, whole, workers = _plan(loss_function, arrays, workers, len(arrays[0]) if arrays else 1)
    rows = whole[0].stop
    seconds = {n: [] for n in sorted({*candidates, rows}) if n <= rows}
    try:
        for _ in range(repeats + 1):  # in turn: what disturbs the machine disturbs all alike
            for n, times in seconds.items():
                start = time.perf_counter()
                with random.using(random.copies(np)):
                    _gradients(loss_function, arrays, cut(rows, n), workers, "mean")
                times.append(time.perf_counter() - start)
    except NeedsWholeBatch:
        return rows
    return min(seconds, key=lambda n: statistics.median(seconds[n][1:]))


def _plan(function, arrays, workers, piece):
    """The arguments, looked at: (arrays, slices of their rows, number of threads)."""
    arrays = [a if isinstance(a, Tensor) or backend.is_array(a) else np.asarray(a) for a in arrays]
    shapes = ", ".join(str(tuple(a.shape)) for a in arrays)
    if not arrays or any(a.ndim == 0 for a in arrays) or len({len(a) for a in arrays}) > 1:
        raise ValueError(f"expected arrays with a row for each example, all of one length, got shapes {shapes or 'none'}")
    for i, a in enumerate(arrays):
        if isinstance(a, Tensor) and a.creator is not None:
            raise ValueError(f"array {i} was made by {a.creator.name}, and the pieces cannot share its graph: compute it "
                             "inside the function, or pass it .detach()ed")
    rows, threads = len(arrays[0]), count_workers(workers)
    if workers is None:
        piece = rows
    elif isinstance(piece, str) and piece == "auto":
        piece = rows_of_a_piece(function, *arrays)
    elif isinstance(piece, bool) or not hasattr(piece, "__index__") or piece < 1:
        raise ValueError(f'piece must be "auto" or a number of rows, 1 or more, got {piece!r}')
    return arrays, cut(rows, int(piece)), threads


def _in_pieces(function, arrays, pieces, workers):
    """[function(i, rows, *arrays[rows])] for each piece, with a random generator of its own."""
    streams, given = random.Streams(), [None] * len(pieces)

    def work(i):
        in_piece.set(True)
        with random.using(streams.of(i)):
            given[i] = function(i, pieces[i], *[a[pieces[i]] for a in arrays])

    in_threads(work, len(pieces), workers)
    return given


def _gradients(loss_function, arrays, pieces, workers, reduction):
    """({leaf: array}, the loss, the outputs) of the whole batch."""
    total, n = SumInOrder(), len(arrays[0])

    def work(i, rows, *part):
        loss, outputs = _called(loss_function, part)
        if len(pieces) > 1 and loss.device != "cpu":
            raise NeedsWholeBatch("a GPU works on all rows at once")
        share = (rows.stop - rows.start) / n if reduction == "mean" else 1.0
        share = np.full(loss.shape, share, loss.dtype)
        total.add(i, sweep([loss], [Tensor.wrap(share)], stop=True))
        return share * loss._data, outputs and [_detached(y) for y in outputs]

    if len(pieces) == 1:  # of interest to `tune` alone: BLAS may have all threads
        given = [work(0, pieces[0], *arrays)]
    else:
        given = _in_pieces(work, arrays, pieces, workers)
    losses, outputs = zip(*given)
    loss = Tensor.wrap(np.asarray(sum(losses[1:], losses[0])))
    return total.total, loss, None if outputs[0] is None else [_joined(parts) for parts in zip(*outputs)]


def _called(loss_function, arrays):
    """(the loss, the outputs or None)"""
    loss = loss_function(*arrays)
    loss, outputs = (loss[0], list(loss[1:])) if isinstance(loss, tuple) and loss else (loss, None)
    if not isinstance(loss, Tensor) or loss.size != 1:
        got = f"a Tensor of shape {loss.shape}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
        raise TypeError(f"the loss function must give one number, a Tensor, or a tuple that begins with it; it gave {got}")
    if not loss.requires_grad:
        loss.backward()  # which says what is wrong
    return loss, outputs


def _detached(y):
    return y.detach() if isinstance(y, Tensor) else y


def _joined(parts):
    """The pieces' rows one after the other: a Tensor if they are Tensors."""
    arrays = [y._data if isinstance(y, Tensor) else y for y in parts]
    joined = backend.get_array_module(*arrays).concatenate(arrays)
    return Tensor.wrap(joined) if isinstance(parts[0], Tensor) else joined
