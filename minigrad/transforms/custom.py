"""Gradients of the user's own: custom_gradient and stop_gradient."""

import functools

from minigrad.errors import GradientError, GraphError
from minigrad.function import Function
from minigrad.tensor import Tensor
from minigrad.transforms.trees import filled, leaves, map_leaves
from minigrad.transforms.watch import Watch


def stop_gradient(tree):
    """The same numbers, through which no gradient flows: for a Tensor x.detach(), for a tree the tree of these."""
    return map_leaves(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)


def custom_gradient(f):
    """A decorator: f returns (y, backward), and backward(dy) the gradient, instead of what the engine would find.

        @mg.custom_gradient
        def clipped_identity(x):                       # gradients larger than 1 are cut
            return x * 1, lambda dy: mg.clip(dy, -1, 1)

    backward takes a gradient for each Tensor that f returns, and gives one for each Tensor (array, number) among the
    positional arguments in turn, trees opened out: a tuple, or the one alone; None is zero. It is to be written with mg's
    functions on Tensors, also those that f computed: then it can be differentiated again. f may read no Tensor that
    requires gradients but its arguments, since no gradient would reach it: that raises GraphError.

    The other style, a subclass of `mg.Function`, is the one that minigrad's own functions are written in.
    """
    @functools.wraps(f)
    def function(*arguments, **keywords):
        operands = [x for _, x in leaves(arguments)]
        name = f.__name__
        with Watch([x for x in operands if isinstance(x, Tensor)]) as watch:
            returned = f(*arguments, **keywords)
        if not isinstance(returned, tuple) or len(returned) != 2 or not callable(returned[1]):
            raise TypeError(f"custom_gradient: {name} must return (y, backward), got {type(returned).__name__}")
        if watch.outside:
            raise GraphError(f"custom_gradient: {name} reads a Tensor of shape {watch.outside[0].shape} that requires "
                             "gradients and is not among its arguments: pass it, or use mg.stop_gradient on it")
        y, backward = returned
        ys = [leaf for _, leaf in leaves(y)]
        for leaf in ys:
            if not isinstance(leaf, Tensor):
                raise TypeError(f"custom_gradient: {name} must return Tensors, got a {type(leaf).__name__}")
        return filled(y, CustomGradient.apply(*operands, results=tuple([leaf._data for leaf in ys]), rule=backward,
                                              name=name))
    return function


class CustomGradient(Function):
    """ys = f(*xs)          dxs = backward(*dys), the function that f returned"""

    reads = {}  # the rule itself holds what it reads
    takes_complex = True  # and is right for complex arguments, if they come: dy as inside of the sweep (autograd.py)

    def forward(self, *xs, results, rule, name):
        self.rule, self.called = rule, name
        return results

    def backward(self, *dys):
        given = self.rule(*dys)
        given = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        if len(given) != len(self.parents):
            raise GradientError(f"custom_gradient: the backward of {self.called} returned {len(given)} gradients for "
                                f"{len(self.parents)} arguments")
        return given
