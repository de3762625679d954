"""minigrad."""

import numpy as np
from contestants.work import EPSILON, Work, by_batches, chain, weights_of

import minigrad as mg
import minigrad.functions as F

VERSION = f"minigrad {mg.__version__}"


def compiled_lenet(weights, learning_rate=0.001):
    """The compiled LeNet: of probabilities, as Keras's, whose loss is taken from its logits."""
    with mg.tensor.default_dtype(weights[0].dtype):
        model = mg.models.LeNet()
    for p, w in zip(model.parameters(), weights):
        p.data = w.copy()
    model.compile(mg.optimizers.Adam(model.parameters(), learning_rate, epsilon=EPSILON),
                  mg.losses.SparseCategoricalCrossentropy())
    return model


def step_of(model):
    """step(x, y) trains by hand on images (N, 28, 28, 1) and labels, and returns the loss."""
    def step(x, y):
        loss = model.loss(y, model(x, training=True))
        loss.backward()
        model.optimizer.step()
        model.optimizer.zero_grad()
        return loss.item()
    return step


def lenet(data, how="fit"):
    """LeNet's training: `how` is "fit", which takes pieces on all cores, or "by hand", a batch as it is."""
    x, y, model = data["x"], data["y"], compiled_lenet(weights_of(data))

    def weights():
        return [p.numpy() for p in model.parameters()]

    def fit(start, stop, batch):
        history = model.fit(x[start:stop], y[start:stop], batch_size=batch, shuffle=False, verbose=0)
        return history.history["loss"][0]
    return Work(fit, weights) if how == "fit" else by_batches(step_of(model), x, y, weights)


def gpt(data, size, adamw, workers="auto"):
    """A training step of a GPT: in pieces on several threads, or with workers=None by hand."""
    ids, targets = data.pop("ids"), data.pop("targets")
    with mg.tensor.default_dtype(data["norm.gamma"].dtype):
        model = mg.models.GPT(**size)
        model(np.zeros((1, 1), int))
    model.load_state_dict(data)
    optimizer = mg.optimizers.AdamW(model.parameters(), **adamw)

    def loss_of(ids, targets):
        return F.cross_entropy(model(ids, training=True), targets)

    def step():
        loss = mg.parallel.step(loss_of, ids, targets, workers=workers)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()
    return Work(step, lambda: list(model.state_dict().values()))


def tiny(data, length):
    """The chain, forward and backward."""
    x, a, b = (mg.Tensor(data[n], requires_grad=True) for n in "xab")

    def step():
        for leaf in (x, a, b):
            leaf.grad = None
        chain(x, a, b, length).sum().backward()
    return Work(step, lambda: [x.grad.numpy(), a.grad.numpy(), b.grad.numpy()])


def tiny_forward(data, length):
    """The chain where nothing is recorded."""
    tensors = [mg.Tensor(data[n], requires_grad=True) for n in "xab"]

    def step():
        with mg.no_grad():
            chain(*tensors, length)
    return Work(step)


def numpy_forward(data, length):
    """The chain in NumPy alone."""
    arrays = [data[n] for n in "xab"]

    def step():
        chain(*arrays, length)
    return Work(step)


def operation(data, case, side=0):
    """One of operations.py's, forward and backward: run(n) does it n times."""
    from operations import all_cases, steps_of
    step = steps_of(all_cases()[case])[side]

    def run(count):
        for _ in range(count):
            step()
    return Work(run)
