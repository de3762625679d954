"""One recorded call of a function, which all transforms share."""

from minigrad import autograd
from minigrad.functions import reshape
from minigrad.tensor import Tensor, as_array
from minigrad.transforms.trees import filled, leaves, map_leaves, zeros_like


class Call:
    """y = f(*arguments), recorded, on stand-ins for the arguments that are differentiated.

    A stand-in is a new leaf. Where the argument has a history of its own, or a gradient is to flow to it, the stand-in
    is a view of it instead: the sweep stops there, and what the sweep recorded still leads on to the argument.
    """

    def __init__(self, f, arguments, argnums, has_aux=False, keywords=None):
        self.name = getattr(checked_function(f), "__name__", type(f).__name__)
        self.argnums = _checked_argnums(argnums, len(arguments), self.name)
        outside = autograd.is_recording()
        arguments = list(arguments)
        self.variables = []                              # [(path, stand-in)], of all differentiated arguments in turn
        with autograd.enable_grad():
            for i in self.argnums:
                found = [(path, self._stand_in(x, f"argument {i}{path}", outside)) for path, x in leaves(arguments[i])]
                self.variables += [(f"[{i}]{path}", x) for path, x in found]
                arguments[i] = filled(arguments[i], [x for _, x in found])
            result = f(*arguments, **(keywords or {}))
        self.aux = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(f"has_aux=True: {self.name} must return (y, aux), got {type(result).__name__}")
            result, self.aux = result
        self.result, self.arguments = result, [arguments[i] for i in self.argnums]
        self.single = not isinstance(argnums, (tuple, list))
        self.nodes = [x.creator or x for _, x in self.variables]
        self.outputs = [(path, self._output(path, y)) for path, y in leaves(result)]
        if not self.outputs:
            raise TypeError(f"{self.name} must return Tensors, but returned {result!r}: nothing to differentiate")
        self.reads_outside = self._reads_outside()
        self.keeps_history = self.reads_outside and outside

    def _stand_in(self, x, where, outside):
        if isinstance(x, Tensor):
            array, version, linked = x._data, x.version, x.requires_grad and outside
        else:
            array, version, linked = as_array(x), None, False
        if array.dtype.kind not in "fc":
            raise TypeError(f"{where} of {self.name} is {array.dtype}: only floating-point numbers can be differentiated "
                            "by (see argnums)")
        if linked:
            return reshape(x, x.shape)
        stand_in = Tensor.wrap(array, version=version)
        stand_in.requires_grad = True
        return stand_in

    def _output(self, path, y):
        if not isinstance(y, Tensor):
            raise TypeError(f"{self.name} must return Tensors, but result{path} is a {type(y).__name__}: its gradient "
                            "would be lost (use the functions of mg on Tensors; has_aux=True if it returns (y, aux))")
        if y.dtype.kind not in "fc":
            raise TypeError(f"result{path} of {self.name} is {y.dtype}: only floating-point numbers can be differentiated "
                            "(has_aux=True hands others on)")
        return y

    def _reads_outside(self):
        """Whether anything but our own stand-ins, such as a parameter that f closes over, could be differentiated by."""
        if any(not x.is_leaf for _, x in self.variables):
            return True  # as the search would find too, after a walk through all that is behind the argument
        ours = {id(x) for _, x in self.variables}
        roots = [y for _, y in (*self.outputs, *leaves(self.aux)) if isinstance(y, Tensor) and y.requires_grad]
        found = [y for y in roots if y.creator is None]
        for function in autograd.topological_order([y.creator for y in roots if y.creator is not None]):
            found += [p for p in function.parents if isinstance(p, Tensor)]
        return any(id(x) not in ours for x in found)

    def kept(self, tree):
        """The results for the user: with their history only if it leads anywhere."""
        if self.keeps_history:
            return tree
        return map_leaves(lambda y: y.detach() if isinstance(y, Tensor) else y, tree)

    def pull(self, cotangents, again=False, record=False):
        """The gradient of each variable, given those of the outputs; zeros where it is not used."""
        pairs = [(y, dy) for (_, y), dy in zip(self.outputs, cotangents) if y.requires_grad]
        found = autograd.sweep([y for y, _ in pairs], [dy for _, dy in pairs], again or record or self.reads_outside,
                               record or self.keeps_history, targets=set(self.nodes), stop=True)
        return [zeros_like(x) if found.get(node) is None else found[node]
                for node, (_, x) in zip(self.nodes, self.variables)]

    def gradient(self, values):
        """One value per variable, in the form of the argument (of the tuple of arguments)."""
        trees = filled(self.arguments, values)
        return trees[0] if self.single else tuple(trees)

    def single_number(self):
        """The one output, checked to be a single number."""
        if not isinstance(self.result, Tensor) or self.result.size != 1:
            got = (f"a Tensor of shape {self.result.shape}" if isinstance(self.result, Tensor)
                   else f"a {type(self.result).__name__}")
            hint = " (has_aux=True if it returns (y, aux))" if isinstance(self.result, tuple) else ""
            raise TypeError(f"grad needs a function that returns a single number, but {self.name} returned {got}{hint}: "
                            "reduce it with .sum() or .mean(), or use mg.jacobian or mg.vjp")
        if self.result.dtype.kind == "c":
            raise TypeError(f"grad needs a function that returns a real number, but that of {self.name} is complex: take "
                            "mg.real, mg.imag or mg.abs of it, or use mg.vjp")
        return self.result


def checked_function(f, name="a transform"):
    """f, if it is one: `mg.grad(f(x))` instead of `mg.grad(f)(x)` is a common slip."""
    if not callable(f):
        raise TypeError(f"{name} takes a function, got a {type(f).__name__}: write mg.grad(f)(x), and "
                        "mg.autograd.grad(y, x) for Tensors")
    return f


def _checked_argnums(argnums, count, name):
    several = isinstance(argnums, (tuple, list))
    chosen = []
    for i in argnums if several else [argnums]:
        if isinstance(i, bool) or not hasattr(i, "__index__"):
            raise TypeError(f"argnums: expected an integer or a tuple of integers, got {argnums!r}")
        if not -count <= i < count:
            raise ValueError(f"argnums has {i}, but {name} was called with {count} positional argument"
                             f"{'s' * (count != 1)} (keywords are not differentiated)")
        chosen.append(i % count)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"argnums: expected one or more different arguments, got {argnums!r}")
    return chosen
