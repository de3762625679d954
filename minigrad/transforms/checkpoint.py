"""Checkpoints: forget a block's intermediate values, and compute them again when backward needs them."""

from minigrad import autograd, backend, random
from minigrad.errors import GraphError
from minigrad.function import Function
from minigrad.functions import reshape
from minigrad.tensor import Tensor
from minigrad.transforms.trees import filled, leaves
from minigrad.transforms.watch import Watch


def checkpoint(f, *arguments, **keywords):
    """f(*arguments, **keywords), keeping its inputs alone for backward, which then runs f a second time.

        for block in blocks:
            x = mg.checkpoint(block, x)

    A chain of n blocks then keeps n inputs and the inside of one block, instead of the inside of all, for about a third
    more time (Chen et al. 2016, "Training deep nets with sublinear memory cost"). Gradients reach the arguments (trees
    too) and the parameters that f closes over, and equal those without a checkpoint to the bit. (Only where a value is
    used several times inside the block, and outside too, are its parts added in another order.) The second run draws the
    same random numbers, so that dropout repeats. It can be differentiated to any order; a sweep that is itself recorded
    (create_graph) keeps the second run whole. f must do the same both times, and depend on nothing that changed between.
    """
    if not autograd.is_recording():
        return f(*arguments, **keywords)
    block = _Block(f, arguments, keywords)
    ys, outside = block.first_run()
    tracked = [y for y in ys if isinstance(y, Tensor) and y.requires_grad]
    if not tracked:
        return block.result
    made = iter(Checkpoint.apply(*block.differentiated, *outside, block=block, results=tuple(y._data for y in tracked)))
    result, block.result = block.result, None
    return filled(result, [next(made) if isinstance(y, Tensor) and y.requires_grad else y for y in ys])


class Checkpoint(Function):
    """ys = f(*xs)          dxs = dys · df/dxs, by running f again and sweeping through that run alone"""

    takes_complex = True

    def forward(self, *xs, block, results):
        self.block = block
        return results

    def backward(self, *dys):
        return self.block.gradients(self.inputs, dys, self.outputs)


class _Block:
    """f, its arguments, and the random generators as they stood."""

    def __init__(self, f, arguments, keywords):
        self.f, self.arguments, self.keywords = f, arguments, keywords
        given = [x for _, x in leaves((arguments, keywords))]
        self.differentiated = [x for x in given if isinstance(x, Tensor) and x.requires_grad]
        self.generators = random.copies(*{backend.get_array_module(getattr(x, "_data", x)) for x in given},
                                        backend.get_array_module())

    def run(self, stand_ins):
        """The result of f with the stand-ins in the place of the arguments that require gradients."""
        stand_ins = iter(stand_ins)
        given = [next(stand_ins) if isinstance(x, Tensor) and x.requires_grad else x
                 for _, x in leaves((self.arguments, self.keywords))]
        arguments, keywords = filled((self.arguments, self.keywords), given)
        return self.f(*arguments, **keywords)

    def first_run(self):
        """(the leaves of the result, the Tensors that f closes over). What was recorded on the way dies with the leaves."""
        stand_ins = [_fresh(x) for x in self.differentiated]
        generators = self.generators_again()
        with random.using(generators), Watch(stand_ins) as watch:
            self.result = self.run(stand_ins)
        random.replace(generators)
        ys = [y for _, y in leaves(self.result)]
        for y in ys:
            watch.see(y)
        return ys, watch.outside

    def gradients(self, xs, dys, outputs):
        """Run again, recorded, and pull dys through this run: to the arguments and to what f closes over, no further."""
        record = autograd.is_recording()  # then the gradients shall have a history, and the stand-ins lead to the inputs
        count = len(self.differentiated)
        with autograd.enable_grad(), random.using(self.generators_again()):
            stand_ins = [reshape(x, x.shape) if record else _fresh(x) for x in xs[:count]]
            ys = [y for _, y in leaves(self.run(stand_ins)) if isinstance(y, Tensor) and y.requires_grad]
        if [(y.shape, y.dtype) for y in ys] != list(outputs):
            raise GraphError(f"checkpoint: {getattr(self.f, '__name__', type(self.f).__name__)} gave other results when it "
                             "ran again in backward: it must do the same at each call")
        targets = [x.creator or x for x in (*stand_ins, *xs[count:])]
        dys = [dy.conj() for dy in dys]  # a sweep takes and gives the gradients of users, which are conjugate to ours
        found = autograd.sweep(ys, dys, record, record, targets=set(targets), stop=True)
        return tuple(found[node].conj() if node in found else None for node in targets)

    def generators_again(self):
        """The generators as they stood before the first run."""
        with random.using(self.generators):
            return random.copies()


def _fresh(x):
    leaf = Tensor.wrap(x._data, version=x.version)
    leaf.requires_grad = True
    return leaf
