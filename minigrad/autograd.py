"""The tape: a topological order of the recorded Functions, and the reverse sweep over it.

Reverse mode in one paragraph: every Function z = f(x, y) knows dx and dy when it is given dz. So start with dL/dL = 1,
go through the Functions from the last to the first, and hand each its dz. A value that was used several times receives
several contributions; they must all be added *before* it passes its own gradient on, which is why the order has to be
topological (each Function after everything it was made from), and why one visit each is enough.
"""

import contextlib
import contextvars
import functools
import inspect

import numpy as np

from minigrad import backend
from minigrad.errors import GradientError, GraphError
from minigrad.function import Function, Output, recording
from minigrad.tensor import Tensor

STORY = 32  # a graph of so few Functions is remembered after backward, for mg.tape: its shape, and
FEW = 256   # the values and adjoints of so few numbers


_outer = contextvars.ContextVar("outer", default=())  # per thread: what `recording` was outside each open block


class _Recording(contextlib.ContextDecorator):
    """A block, or a decorated function or generator, in which operations are recorded or not.

    Nests, and holds per thread: the object has no state of its own, so threads may share it.
    """

    def __enter__(self):
        _outer.set((*_outer.get(), recording.get()))
        recording.set(self.on and (recording.get() or True))  # whoever is told, is told on

    def __exit__(self, *error):
        *outer, before = _outer.get()
        _outer.set(tuple(outer))
        recording.set(before)

    def __call__(self, function):
        return _each_step(function, self) if inspect.isgeneratorfunction(function) else super().__call__(function)


def _each_step(function, block):
    """The generator function, each of its steps inside the block, so that its caller in between is not."""
    @functools.wraps(function)
    def steps(*arguments, **keywords):
        generator = function(*arguments, **keywords)
        resume = functools.partial(next, generator)
        try:
            while True:
                with block:
                    try:
                        value = resume()
                    except StopIteration as end:
                        return end.value
                try:
                    resume = functools.partial(generator.send, (yield value))
                except GeneratorExit:
                    raise
                except BaseException as error:  # what the caller threw in
                    resume = functools.partial(generator.throw, error)
        finally:
            with block:
                generator.close()
    return steps


class no_grad(_Recording):
    """`with mg.no_grad():` or `@mg.no_grad()`: nothing is put on the tape; results do not require gradients."""

    on = False


class enable_grad(_Recording):
    """`with mg.enable_grad():` puts operations on the tape again inside a no_grad block."""

    on = True


def is_recording() -> bool:
    """Whether operations are put on the tape in this thread."""
    return bool(recording.get())


def topological_order(roots, boundary=()):
    """The Functions behind `roots`, each after all that it was made from; without those in `boundary` and behind them.

    Depth-first search with a stack of its own (no recursion: graphs are deeper than Python's stack), linear in the
    number of edges: a Function is entered once, and listed when everything below it is.
    """
    order, entered = [], set(boundary)
    stack = [(root, False) for root in roots]
    while stack:
        node, below_is_done = stack.pop()
        if below_is_done:
            order.append(node)
        elif node not in entered:
            entered.add(node)
            stack.append((node, True))
            stack.extend([(parent, False) for parent in reversed(node.parents)
                          if isinstance(parent, Function) and parent not in entered])
    return order


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
          does not pass through another (each is the derivative with the other targets held fixed).
    visit(function, dz, gradients), if given, sees each step: the function, what arrived, what it passes to its parents.
    """
    contributions = _Sum(create_graph)
    for y, dy in zip(outputs, cotangents):
        contributions.add(y.creator or y, dy)
    order = topological_order([y.creator for y in outputs if y.creator is not None], targets if stop else ())
    useful = None if targets is None else _leads_to(targets, order)
    remember = visit is None and len(order) <= STORY
    found, story = {}, {}
    with enable_grad() if create_graph else no_grad():
        while order:
            function = order.pop()
            dz = contributions.pop(function)
            if dz is not None:
                if function.hooks is not None:
                    dz = _hooked(function.hooks, dz)
                if targets is not None and function in targets:
                    found[function] = dz
                if remember and isinstance(dz, Tensor) and dz.size <= FEW:
                    story[len(order)] = dz.detach()  # by its place: by itself, it would hold itself
                if function.retained is not None:
                    _write_retained(function, dz)
                gradients = _local_gradients(function, dz, useful, contributions)
                for parent, dx in zip(function.parents, gradients):
                    if dx is not None:
                        contributions.add(parent, dx)
                if visit is not None:
                    visit(function, dz, gradients)
            if not retain_graph:
                function.release(FEW if remember else 0)
        if not stop:  # else these are parts of their gradients, and the sweep around this one sees the whole
            contributions.call_hooks()
        leaves = contributions.of_leaves([*cotangents, *found.values()])
    if remember:
        story |= {leaf: dx.detach() for leaf, dx in leaves.items() if dx.size <= FEW}
        for y in outputs:
            if y.creator is not None:
                y.creator.adjoints = story
    return leaves if targets is None else found | {x: g for x, g in leaves.items() if x in targets}


def _local_gradients(function, dz, useful, contributions):
    """What `function.backward(dz)` gives each operand: un-broadcast, checked; None where none is wanted."""
    function._check_alive()
    if isinstance(function, Output):  # hand the gradient to its place among the gradients of all the outputs
        contributions.add_output(function.parents[0], function.index, dz)
        return (None,)
    if isinstance(dz, list):
        dz = [_zeros_like_output(function, i, dz) if g is None else g for i, g in enumerate(dz)]
        given = function.backward(*dz)
    else:
        given = function.backward(dz)
    given = given if isinstance(given, (tuple, list)) else (given,)
    if len(given) != len(function.parents):
        raise GradientError(f"{function.name}.backward returned {len(given)} gradients for "
                            f"{len(function.parents)} operands")
    result = []
    for position, (parent, dx) in enumerate(zip(function.parents, given)):
        if parent is None or dx is None or (useful is not None and parent not in useful):
            result.append(None)
        else:
            result.append(_fitted(dx() if callable(dx) else dx, parent, dz, function, position))
    return result


def _fitted(dx, parent, dz, function, position):
    """dx, summed over the axes along which its operand was broadcast, and of its operand's dtype."""
    if dx is None:
        return None
    if not isinstance(dx, Tensor):
        if recording.get():
            raise GradientError(f"{function.name}.backward returned a {type(dx).__name__} where a Tensor is needed: "
                                "an array has no history, so a second derivative would be lost")
        dx = Tensor.wrap(backend.get_array_module(dx).asarray(dx))
    shape, dtype = parent.shape, parent.dtype
    if dx._data.shape != shape:
        dx = sum_to_shape(dx, shape, function, position)
    if dx._data.dtype != dtype:
        # float32 * float64 is float64, and so is dz: the operand's gradient goes back to float32. Wider than dz and
        # the operand together is a mistake in backward.
        arrived = dz[0].dtype if isinstance(dz, list) else dz.dtype
        if dx.dtype != np.result_type(dtype, arrived):
            raise GradientError(f"{function.name}.backward returned a gradient of dtype {dx.dtype} for operand {position} "
                                f"of dtype {dtype} (the gradient that arrived was {arrived})")
        dx = dx.astype(dtype)
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

    def add_output(self, function, index, dz):
        gradients = self.gradients.setdefault(function, [None] * len(function.outputs))
        gradients[index] = dz if gradients[index] is None else gradients[index] + dz  # `function.output` was used too

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
    tensor = function.retained()
    if tensor is not None:
        tensor.grad = _own(dz) if tensor.grad is None else tensor.grad + dz


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
    for hook in list(hooks.values()):
        given = hook(gradient)
        if given is None:
            continue
        if not isinstance(given, Tensor) or (given.shape, given.dtype) != (gradient.shape, gradient.dtype):
            got = f"{given.shape} {given.dtype}" if isinstance(given, Tensor) else type(given).__name__
            raise GradientError(f"a hook must return None or a Tensor of the gradient's shape and dtype: expected "
                                f"{gradient.shape} {gradient.dtype}, got {got}")
        gradient = given
    return gradient


def _cotangent(y, gradient):
    if gradient is None:
        if y.size != 1:
            raise ValueError(f"backward() without a gradient needs a single number, this Tensor has shape {y.shape}: "
                             "reduce it with .sum() or .mean(), or pass gradient= of its shape")
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
    shape, dtype = function.outputs[index]
    present = next(g for g in dz if g is not None)
    return Tensor.wrap(backend.get_array_module(present._data).zeros(shape, dtype))


def _as_list(x):
    return [x] if isinstance(x, Tensor) or backend.is_array(x) else list(x)
