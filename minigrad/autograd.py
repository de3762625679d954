"""The tape: a topological order of the recorded Functions, and the reverse sweep over it.

Reverse mode in one paragraph: every Function z = f(x, y) knows dx and dy when it is given dz. So start with dL/dL = 1,
go through the Functions from the last to the first, and hand each its dz. A value that was used several times receives
several contributions; they must all be added *before* it passes its own gradient on, which is why the order has to be
topological (each Function after everything it was made from), and why one visit each is enough.
For complex z, dz is ∂L/∂Re z - i ∂L/∂Im z here (function.py says why), and its conjugate where users give and get gradients.
"""

import operator

import numpy as np

from minigrad import backend
from minigrad.errors import GradientError, GraphError
from minigrad.function import Function, Output
from minigrad.recording import enable_grad, is_recording, no_grad, recording  # noqa: F401 (autograd.is_recording too)
from minigrad.tensor import Tensor

_number = operator.attrgetter("number")

STORY = 32  # a graph of so few Functions is remembered after backward, for mg.tape: its shape, and
FEW = 256   # the values and adjoints of so few numbers


def topological_order(roots, boundary=()):
    """The Functions behind `roots`, each after all that it was made from; without those in `boundary` and behind them.

    The order in which they were recorded is such an order, since a Function's operands exist before it does. So find what
    can be reached (by a list of what is still to be visited, not by recursion: graphs are deeper than Python's stack), each
    once, and sort it by its number. What a walk back along a chain finds is sorted already, in reverse, and Python's sort
    then only turns it round: the whole is linear in the number of edges.
    """
    found, reached, waiting = [], set(boundary), list(roots)
    while waiting:
        function = waiting.pop()
        if function not in reached:
            reached.add(function)
            found.append(function)
            for parent in function.parents:
                if isinstance(parent, Function):
                    waiting.append(parent)
    found.sort(key=_number)
    return found


def backward(tensor, gradient=None, retain_graph=False, create_graph=False):
    """Write dL/d(leaf) to `.grad` of every leaf Tensor that L, this Tensor, was made from.

    gradient      dL/d(this Tensor), of its shape; may be left out for a single number, where it is 1.
    retain_graph  keep the graph, to go through it again. Otherwise it is freed.
    create_graph  record the sweep itself, so that `.grad` can be differentiated (implies retain_graph).
    """
    if not tensor.requires_grad:
        raise GraphError("backward() on a Tensor that does not require gradients: nothing it was made from has "
                         "requires_grad=True, or it was made under no_grad()")
    gradients = sweep([tensor], [_cotangent(tensor, gradient)], retain_graph or create_graph, create_graph)
    for leaf, value in gradients.items():
        if create_graph:
            leaf.grad = value if leaf.grad is None else leaf.grad + value
        else:
            leaf.grad = value if leaf.grad is None else Tensor.wrap(leaf.grad._data + value._data)


def grad(outputs, inputs, grad_outputs=None, create_graph=False, retain_graph=None, allow_unused=False):
    """d(outputs)/d(inputs), as a tuple, without touching any `.grad` (a Tensor instead of a list gives a Tensor).

    outputs, inputs  Tensors; inputs may be leaves or results of Functions.
    grad_outputs     the gradient of each output, of its shape; may be left out for single numbers.
    create_graph     record the sweep, so that the result can be differentiated: second and higher orders.
    allow_unused     give None for an input that no output depends on, instead of an error.
    """
    single = isinstance(inputs, Tensor)
    outputs, inputs = _as_list(outputs), _as_list(inputs)
    grad_outputs = [None] * len(outputs) if grad_outputs is None else _as_list(grad_outputs)
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"expected a gradient for each of the {len(outputs)} outputs, got {len(grad_outputs)}")
    for position, x in enumerate(inputs):
        if not isinstance(x, Tensor) or not x.requires_grad:
            raise GraphError(f"input {position} does not require gradients: pass a Tensor with requires_grad=True")
    roots = [(y, _cotangent(y, g)) for y, g in zip(outputs, grad_outputs) if y.requires_grad]
    retain_graph = create_graph if retain_graph is None else retain_graph
    found = sweep([y for y, _ in roots], [g for _, g in roots], retain_graph, create_graph,
                  targets={x.creator or x for x in inputs})
    result = tuple([found.get(x.creator or x) for x in inputs])
    unused = [position for position, dx in enumerate(result) if dx is None]
    if unused and not allow_unused:
        position = unused[0]
        raise GraphError(f"the outputs do not depend on input {position} (shape {inputs[position].shape}): "
                         "pass allow_unused=True to get None for it")
    return result[0] if single else result


def sweep(outputs, cotangents, retain_graph=False, create_graph=False, targets=None, visit=None, stop=False):
    """The reverse sweep: {leaf Tensor: gradient}, or with `targets` (leaves and Functions) {target: gradient}.

    stop  go no further than the targets: what is behind them is neither visited nor freed, and one target's gradient
          does not pass through another (each is the derivative with the other targets held fixed). The hooks of leaves
          are not called: what is found here is a part of their gradients.
    visit(function, dz, gradients), if given, sees each step: the function, what arrived, and what it passes on, as a list of
          (parent, gradient).
    """
    contributions = _Sum(create_graph)
    order = topological_order([y.creator for y in outputs if y.creator is not None], (targets or ()) if stop else ())
    useful = None if targets is None else _leads_to(targets, order)
    remember = visit is None and len(order) <= STORY
    found, story = {}, {}
    with enable_grad() if create_graph else no_grad():
        for y, dy in zip(outputs, cotangents):
            contributions.add(y.creator or y, _conjugate(dy))
        while order:
            function = order.pop()
            dz = contributions.pop(function)
            if dz is not None:
                if function.hooks is not None:
                    dz = _hooked(function.hooks, dz)
                if targets is not None and function in targets:
                    found[function] = _conjugate(dz)
                if remember and isinstance(dz, Tensor) and dz.size <= FEW:
                    story[len(order)] = _conjugate(dz).detach()  # by its place: by itself, it would hold itself
                if function.retained is not None:
                    _write_retained(function, dz)
                if type(function) is Output:
                    if function.freed:
                        function.refuse_again()
                    contributions.add_output(function, dz)
                else:
                    gradients = _gradients(function, dz, useful)
                    for parent, dx in gradients:
                        if dx is not None:
                            contributions.add(parent, dx)
                    if visit is not None:
                        visit(function, dz, gradients)
            if not retain_graph:
                function.release(FEW if remember else 0)
        if not stop:
            contributions.call_hooks()
        leaves = contributions.of_leaves([*cotangents, *found.values()])
    if remember:
        story |= {leaf: dx.detach() for leaf, dx in leaves.items() if dx.size <= FEW}
        for y in outputs:
            if y.creator is not None:
                y.creator.adjoints = story
    return leaves if targets is None else found | {x: g for x, g in leaves.items() if x in targets}


def _gradients(function, dz, useful):
    """What `function.backward(dz)` gives: (parent, gradient) for each operand that wants one, un-broadcast and checked; a
    gradient of None is zero."""
    if function.freed:
        function.refuse_again()
    if type(dz) is list:
        given = function.backward(*[_zeros_like_output(function, i, dz) if g is None else g for i, g in enumerate(dz)])
    else:
        given = function.backward(dz)
    if not isinstance(given, (tuple, list)):
        given = given,
    if len(given) != len(function.parents):
        raise GradientError(f"{function.name}.backward returned {len(given)} gradients for {len(function.parents)} operands")
    result = []
    for position, parent in enumerate(function.parents):
        if parent is not None and (useful is None or parent in useful):
            dx = given[position]
            if type(dx) is not Tensor and callable(dx):
                dx = dx()
            like = parent if isinstance(parent, Function) else parent._data
            if type(dx) is not Tensor or dx._data.shape != like.shape or dx._data.dtype is not like.dtype:
                dx = _fitted(dx, like, dz, function, position)
            result.append((parent, dx))
    return result


def _fitted(dx, like, dz, function, position):
    """dx, summed over the axes along which its operand was broadcast, and of its operand's dtype."""
    if dx is None:
        return None
    if not isinstance(dx, Tensor):
        if recording.get():
            raise GradientError(f"{function.name}.backward returned a {type(dx).__name__} where a Tensor is needed: "
                                "an array has no history, so a second derivative would be lost")
        dx = Tensor.wrap(backend.get_array_module(dx).asarray(dx))
    shape, dtype = like.shape, like.dtype
    if dx._data.shape != shape:
        dx = sum_to_shape(dx, shape, function, position)
    if dx._data.dtype != dtype:
        # float32 * float64 is float64, and so is dz: the operand's gradient goes back to float32. Wider than dz and
        # the operand together is a mistake in backward.
        arrived = dz[0].dtype if isinstance(dz, list) else dz.dtype
        if dx.dtype != np.result_type(dtype, arrived):
            raise GradientError(f"{function.name}.backward returned a gradient of dtype {dx.dtype} for operand {position} "
                                f"of dtype {dtype} (the gradient that arrived was {arrived})")
        dx = (dx if dtype.kind == "c" else dx.real).astype(dtype, copy=False)  # a real δx: Re(dx δx) = Re(dx) δx
    return dx


def sum_to_shape(dx, shape, function=None, position=0):
    """Un-broadcast: an element that was repeated was used several times, so its gradient is the sum."""
    extra = dx.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, dx.shape[extra:])):
        raise GradientError(f"{function.name if function else 'a'}.backward returned a gradient of shape {dx.shape} "
                            f"for operand {position} of shape {shape}")
    repeated = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and dx.shape[i + extra] != 1)
    return dx.sum(axis=repeated, keepdims=True).reshape(shape) if repeated else dx.reshape(shape)


class _Sum:
    """The gradients that have arrived so far, added up by the node that they belong to."""

    def __init__(self, create_graph):
        self.gradients, self.ours, self.create_graph = {}, set(), create_graph

    def add(self, node, dz):
        before = self.gradients.get(node)
        if before is None:
            self.gradients[node] = dz
        elif node in self.ours:  # a buffer that was made below, for this sum alone
            before._data += dz._data
        else:
            self.gradients[node] = before + dz
            if not self.create_graph:
                self.ours.add(node)

    def add_output(self, output, dz):
        """Put dz in its place among the gradients of all the results of a Function."""
        function, = output.parents
        gradients = self.gradients.setdefault(function, [None] * len(function.outputs))
        before = gradients[output.index]
        gradients[output.index] = dz if before is None else before + dz  # `function.output` was used too

    def pop(self, node):
        return self.gradients.pop(node, None)

    def call_hooks(self):
        """Show the leaves' gradients, now complete, to the hooks of the leaves."""
        for leaf, g in self.gradients.items():
            if hooks := getattr(leaf, "_hooks", None):
                self.gradients[leaf] = _hooked(hooks, g)

    def of_leaves(self, others):
        """What is left when all Functions have run. Each leaf owns its array: none is shared with another gradient."""
        taken = {id(g._data) for g in others}
        for leaf, g in self.gradients.items():
            g = self.gradients[leaf] = _conjugate(g)
            if g._data.base is not None or id(g._data) in taken:
                g = self.gradients[leaf] = _own(g)
            taken.add(id(g._data))
        return self.gradients


def _leads_to(targets, order):
    """The targets and the Functions that were made from them: no other has to be visited."""
    useful = set(targets)
    for function in order:
        if any(parent in useful for parent in function.parents if parent is not None):
            useful.add(function)
    return useful


def _write_retained(function, dz):
    tensor, dz = function.retained(), _conjugate(dz)
    if tensor is not None:
        tensor.grad = _own(dz) if tensor.grad is None else tensor.grad + dz


def _conjugate(gradient):
    """From dz inside of the sweep to users' ∂L/∂Re z + i ∂L/∂Im z (PyTorch's: z - lr z.grad descends), or back."""
    return gradient.conj() if gradient._data.dtype.kind == "c" else gradient


def _own(gradient):
    """The gradient in an array of its own, still with its history if the sweep is recorded."""
    return gradient.astype(gradient.dtype) if recording.get() else Tensor.wrap(gradient._data.copy())


def retain_grad(tensor):
    """Make backward leave `.grad` on this Tensor too, although a Function made it."""
    if tensor.creator is not None:
        tensor.creator.retain(tensor)
    elif not tensor.requires_grad:
        raise GraphError("retain_grad() on a Tensor that does not require gradients")


def register_hook(tensor, hook):
    """Call hook(gradient) whenever a sweep has found the gradient of this Tensor, all contributions added.

    What the hook returns, if not None, takes the gradient's place (of the same shape and dtype). Hooks run in the order
    of registration. Gives a handle, whose `.remove()` ends it. A hook that closes over the Tensor itself keeps its graph
    alive until the garbage collector comes.
    """
    if not tensor.requires_grad:
        raise GraphError("register_hook() on a Tensor that does not require gradients: the hook would never be called")
    owner, name = (tensor, "_hooks") if tensor.creator is None else (tensor.creator, "hooks")
    if getattr(owner, name, None) is None:
        setattr(owner, name, {})
    return HookHandle(getattr(owner, name), hook)


class HookHandle:
    """What register_hook gives."""

    def __init__(self, hooks, hook):
        self._hooks, self._key = hooks, object()
        hooks[self._key] = hook

    def remove(self):
        """Call the hook no more."""
        self._hooks.pop(self._key, None)


def _hooked(hooks, gradient):
    """The gradient, or what the hooks put in its place."""
    gradient = _conjugate(gradient)
    for hook in list(hooks.values()):
        given = hook(gradient)
        if given is None:
            continue
        if not isinstance(given, Tensor) or (given.shape, given.dtype) != (gradient.shape, gradient.dtype):
            got = f"{given.shape} {given.dtype}" if isinstance(given, Tensor) else type(given).__name__
            raise GradientError(f"a hook must return None or a Tensor of the gradient's shape and dtype: expected "
                                f"{gradient.shape} {gradient.dtype}, got {got}")
        gradient = given
    return _conjugate(gradient)


def _cotangent(y, gradient):
    if gradient is None:
        if y.size != 1 or y.dtype.kind == "c":
            raise ValueError(f"backward() without a gradient needs a single number, this Tensor has shape {y.shape} "
                             f"{y.dtype}: reduce it with .sum() or .mean() (or mg.abs), or pass gradient= of its shape")
        return Tensor.wrap(backend.get_array_module(y._data).ones_like(y._data))
    if not isinstance(gradient, Tensor):
        gradient = Tensor(gradient, dtype=y.dtype, device=y.device)
    if gradient.shape != y.shape or gradient.dtype != y.dtype:
        raise ValueError(f"the gradient must have the shape and dtype of the Tensor: expected {y.shape} {y.dtype}, "
                         f"got {gradient.shape} {gradient.dtype}")
    if gradient.device != y.device:
        raise ValueError(f"the gradient lives on {gradient.device}, the Tensor on {y.device}: move it with "
                         f".to({y.device!r})")
    return gradient


def _zeros_like_output(function, index, dz):
    present = next(g for g in dz if g is not None)
    return Tensor.wrap(backend.get_array_module(present._data).zeros(*function.outputs[index]))


def _as_list(x):
    return [x] if isinstance(x, Tensor) or backend.is_array(x) else list(x)
