"""Transforms: they take a function and give its derivative, as a function.

    mg.grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))        # Tensor([2., 4.])

An argument or a result may be a Tensor, an array, a number, or dicts, lists and tuples of these, nested as you like (a
"tree"); a gradient has the form of the argument that it belongs to. `argnums` says which positional arguments are
differentiated: an integer gives that argument's gradient, a tuple of integers a tuple of gradients.
The other arguments reach f as they are.

The arguments themselves are never touched: f gets stand-ins for them, which share their arrays. A result carries a
history only if there is something left to differentiate by: an argument, or a Tensor that f reads from outside, that
requires gradients (which is so inside of another transform: `grad(grad(f))`). Under `no_grad` it never does.
"""

from minigrad.transforms.checkpoint import checkpoint
from minigrad.transforms.custom import custom_gradient, stop_gradient
from minigrad.transforms.derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
