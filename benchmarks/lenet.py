"""The training of the seed's LeNet (forward, loss, backward, Adam): minigrad and all others, in turn.

minigrad runs as `fit` does by default, on all cores, and as a loop written by hand, a batch at a time; PyTorch in NCHW, its
default, and in channels_last; Keras by `fit` on TensorFlow. All start from the same weights and take the same real images.
First the losses of 50 steps, and the weights after them, are compared, in float64: in float32 a rounding decides now and
then which of two pixels is the larger, and Adam carries that on, so that float32 and float64 of one library go apart in the
third digit. (Adam's epsilon is so small that it does not matter where it is added: libraries differ there.) Then each trains
a short epoch in turn, in float32; the time includes what `fit` does once.
"""

import numpy as np
from contestants.work import weights_of
from peers import Contest, apart
from results import Block, Row, block_of
from turns import ratio, told_in_turn

import minigrad as mg

CLOSE = 1e-4     # how far losses may be apart
SECONDS = 2.0    # a run is at most so long, of those that take longer for STEPS steps
STEPS = 20

OURS = {"minigrad fit": ("minigrad", {"how": "fit"}), "minigrad by hand": ("minigrad", {"how": "by hand"})}
PYTORCH = {f"PyTorch {layout}": ("pytorch", {"layout": layout}) for layout in ("NCHW", "channels_last")}
ALL = {**OURS, **PYTORCH, "Keras fit": ("keras", {}), "DeZero": ("dezero", {}), "MyGrad": ("mygrad", {}),
       "PyDyNet": ("pydynet", {}), "SmallPebble": ("smallpebble", {}), "HIPS autograd": ("autograd", {})}


def initial_weights(seed=0):
    """The weights that all start from, in minigrad's shapes."""
    mg.seed(seed)
    return [p.numpy().copy() for p in mg.models.LeNet().parameters()]


def arrays(rows, dtype, noise=0.0):
    """The first so many training images (with some noise) and labels, and the initial weights."""
    (x, y), _ = mg.data.fashion_mnist()
    x = x[:rows, ..., None] / 255
    x = x + noise * np.random.default_rng(0).standard_normal(x.shape)
    return {"x": x.astype(dtype), "y": y[:rows].astype("int64"),
            **{f"w{i}": w.astype(dtype) for i, w in enumerate(initial_weights())}}


def compared(steps, batch=64):
    """({name: remark}, {name: why it is out}): how far losses and weights are from minigrad's.

    The images have noise: where one is black, relu would be at its kink, and a max pool find four equal numbers, where
    libraries have slopes of their own.
    """
    with Contest(ALL, "lenet", arrays(batch * steps, "float64", noise=1e-3)) as contest:
        losses = contest.each(lambda name: [contest.run(name, i, i + batch, batch)["loss"]
                                            for i in range(0, steps * batch, batch)])
        weights = contest.each(contest.weights)
        first, start, remarks = next(iter(OURS)), weights_of(contest.arrays), {}
        for name in weights:
            loss = float(np.abs(np.subtract(losses[name], losses[first])).max())
            remarks[name] = f"losses {loss:.0e}, weights {apart(weights[first], weights[name], start):.0e} apart"
            if not loss <= CLOSE:
                remarks[name] = f"NOT THE SAME: {remarks[name]}"
        return remarks, contest.absent


def run(quick=False):
    """The blocks of the table: batches of 64 and 128, then the batch sizes."""
    steps, repeats = (10, 3) if quick else (50, 15)
    remarks, absent = compared(steps)
    blocks = []
    for batch in (64,) if quick else (64, 128):
        who = {name: contestant for name, contestant in ALL.items() if name not in absent}
        with Contest(who, "lenet", arrays(batch * STEPS, "float32")) as contest:
            def steps_of(name, contest=contest, batch=batch):
                contest.run(name, 0, 2 * batch, batch)
                taken = contest.run(name, 0, 2 * batch, batch)["seconds"] / 2
                return int(np.clip(SECONDS / taken, 2, STEPS))
            rows = {name: steps * batch for name, steps in contest.each(steps_of).items()}
            seconds = contest.in_turn({name: ((0, n, batch), n) for name, n in rows.items()}, repeats, warm_up=1, rest=0.05,
                                      patience=30)
            first = next(iter(OURS))
            fastest = min((n for n in seconds if n not in OURS), key=lambda n: np.median(seconds[n]), default=None)
            findings = [f"losses and weights compared over {steps} steps in float64"]
            if fastest:
                findings += ["{} / {} (the fastest other): {:.2f}  ({:.2f} ... {:.2f})".format(
                    ours, fastest, *ratio(seconds[ours], seconds[fastest])) for ours in OURS]
            blocks.append(block_of("lenet", f"LeNet, a training step at batch {batch}", "µs an image", seconds, 1e6, first,
                                   remarks, findings=findings, absent={**absent, **contest.absent}))
    return blocks


def batch_sizes(quick=False):
    """The blocks of LeNet's time an image over batch sizes, and of its memory at the largest."""
    sizes, most = (16, 64, 256, 1024), 1024
    who = {"minigrad fit": OURS["minigrad fit"], **PYTORCH}
    with Contest(who, "lenet", arrays(2 * most, "float32")) as contest:
        measures = {(name, size): ((0, 2 * most, size), 2 * most) for name in contest.processes for size in sizes}

        def said(name, size):
            arguments, parts = measures[name, size]
            return lambda: contest.run(name, *arguments)["seconds"] / parts
        seconds = told_in_turn({key: said(*key) for key in measures}, 3 if quick else 9, warm_up=1, rest=0.05)
        absent = dict(contest.absent)
    blocks, findings = [], []
    for name in who:
        if name not in absent:
            middle = {size: np.median(seconds[name, size]) for size in sizes}
            slow, fast = max(middle, key=middle.get), min(middle, key=middle.get)
            findings.append("{}: from batch {} to {} {:.2f} times  ({:.2f} ... {:.2f})".format(
                name, fast, slow, *ratio(seconds[name, slow], seconds[name, fast])))
    for size in sizes:
        here = {name: seconds[name, size] for name in who if name not in absent}
        blocks.append(block_of("batches", f"LeNet, an image at batch {size}", "µs", here, 1e6, "minigrad fit",
                               findings=findings if size == most else [], absent=absent if size == most else {}))
    return [*blocks, memory(most)]


def memory(batch):
    """The block of what a step at this batch adds to the memory that a process has after a step at a batch of 16."""
    found, absent = {}, {}
    for name, contestant in {**OURS, **PYTORCH}.items():
        with Contest({name: contestant}, "lenet", arrays(batch, "float32")) as contest:
            def peak(name, contest=contest):
                contest.run(name, 0, 16, 16)
                before = contest.processes[name].ask("memory")["now"]
                for _ in range(3):
                    contest.run(name, 0, batch, batch)
                return (contest.processes[name].ask("memory")["most"] - before) / 2**20
            found |= contest.each(peak)
            absent |= contest.absent
    first = next(iter(found))
    return Block("batches", f"LeNet, memory that a step at batch {batch} adds", "MiB",
                 [Row(name, mib, None if name == first else (found[first] / mib,) * 3) for name, mib in found.items()],
                 absent=absent)
