"""Function: one recorded operation.

    class Multiply(Function):
        '''z = x * y          dx = dz * y,   dy = dz * x'''
        reads = {"dx": "y", "dy": "x"}

        def forward(self, x, y):          # arrays in, array out
            return x * y

        def backward(self, dz):           # Tensors in, Tensors out
            x, y = self.inputs
            return lambda: dz * y, lambda: dz * x

    z = Multiply.apply(x, y)

`apply` runs forward and, if a gradient may be asked for, the instance becomes a node of the graph: it remembers where
its operands came from (`parents`) and the values that backward reads. Three conventions:

- `dx` means dL/dx, of the shape of x. Backward is written with Tensors, so it can itself be differentiated.
- A gradient may be given as `lambda: ...`; it is then computed only if that operand wants one.
- `reads` says which values each gradient reads ("output" is the result), and only those are kept. Without it all
  operands and the result are. Keywords of `apply` go to forward alone; what backward needs of them, forward saves on `self`.

For a complex z, dz means ∂L/∂Re z - i ∂L/∂Im z inside of backward, so that a change δz changes the (real) L by Re(dz δz).
The textbook line of a holomorphic z = f(x) then stays: δz = f'(x) δx gives dx = dz f'(x). `takes_complex = True` says that
all lines of a Function hold for complex operands; any other refuses them. Users see the conjugate (see autograd.py).
"""

import functools
import inspect
import weakref

from minigrad import backend
from minigrad.errors import GraphError
from minigrad.recording import recording
from minigrad.tensor import Tensor, as_array, moment

FEW = 16  # so few numbers are kept even if no gradient reads them, and outlive backward, for mg.tape to show


class Function:
    """One operation: a subclass gives forward (arrays) and backward (Tensors); `apply` calls and records it."""

    __slots__ = ("parents", "operands", "number", "result", "shape", "dtype", "parameters", "version", "freed",
                 "retained", "adjoints", "__dict__", "__weakref__")
    reads = None       # {"dx": "y", "dy": "x"}: what each gradient reads; None: all operands
    hooks = None       # {number: function}, see Tensor.register_hook
    is_view = False    # whether the result may share its memory with the first operand
    takes_complex = False  # whether backward is right for complex operands, too

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        cls._kept = {}  # what `_kept_values` found out, by the operands that want a gradient

    def forward(self, *arrays, **parameters):
        """The result's array (or a tuple of arrays) from the operands' arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *output_gradients):
        """A gradient for each operand (a tuple if there are several): a Tensor, None for zero, or a lambda."""
        raise NotImplementedError(f"{type(self).__name__} has no backward: it cannot be differentiated")

    @property
    def name(self):
        """What messages and the tape call this operation."""
        return type(self).__name__

    @classmethod
    def apply(cls, *operands, **parameters):
        """Run forward on the operands (Tensors, arrays, numbers) and record it if one of them wants a gradient."""
        function = cls()
        arrays, parents, plain = [], [], True
        wants, bit = 0, 1  # wants: a bit for each operand that wants a gradient
        for x in operands:
            parent = None
            if isinstance(x, Tensor):
                plain = False
                arrays.append(x._data)
                if x._requires_grad:
                    parent = x.creator or x
                    wants += bit
            else:
                arrays.append(x if isinstance(x, (float, int, complex)) or backend.is_array(x) else as_array(x))
            parents.append(parent)
            bit += bit
        if plain and not any(map(backend.is_array, arrays)):  # Python numbers alone: they have the default dtype
            arrays = [as_array(x) for x in arrays]
        try:
            result = function.forward(*arrays, **parameters)
        except (ValueError, TypeError, IndexError) as error:
            raise _explained(error, function, arrays, parameters) from error
        watching = wants and recording.get()
        if watching:
            function.parents, function.parameters = tuple(parents), parameters
        version = operands[0].version if cls.is_view and isinstance(operands[0], Tensor) else None
        if isinstance(result, tuple):
            return function._wrap_several(operands, arrays, result, watching and wants + bit, watching, version)
        if not backend.is_array(result):  # NumPy's reductions return scalars
            result = backend.get_array_module(*arrays).asarray(result)
        if version is not None and result.base is None:
            version = None
        if not watching or result.dtype.kind not in "fc":
            return Tensor.wrap(result, None, version)
        function._record(operands, arrays, result, wants + bit)
        if watching is not True:
            watching(function, operands)
        if function.result is not None:
            function.version = version = version or [0]
        return Tensor.wrap(result, function, version)

    def _record(self, operands, arrays, result, wants):
        """Become a node of the graph, now."""
        if not self.takes_complex:
            for x in arrays:
                if x.real is not x:  # what is real is its own real part; a quick look, since each operation passes here
                    _refuse_complex(self, arrays)
        kept, keep_result, shortcut = self._kept.get(wants) or _kept_values(type(self), wants)
        self.operands = operands if shortcut is True else shortcut or tuple([
            (x if isinstance(x, Tensor) else _constant(a)) if k else None if p is not None else _if_few(a)
            for x, a, k, p in zip(operands, arrays, kept, self.parents)])
        self.number = moment()
        self.result = result if keep_result else None
        self.freed, self.retained, self.adjoints = False, None, None
        self.shape, self.dtype = (result.shape, result.dtype) if not isinstance(result, tuple) else (None, None)

    def _wrap_several(self, operands, arrays, results, wants, watching, version):
        self.version = version or [0]
        if wants:
            self._record(operands, arrays, results, wants)
            self.outputs = [(x.shape, x.dtype) for x in results]
            if watching is not True:
                watching(self, operands)
        return tuple([Tensor.wrap(x, Output(self, i, x) if wants and x.dtype.kind in "fc" else None, self.version)
                      for i, x in enumerate(results)])

    # ---- what backward reads

    @property
    def inputs(self):
        """The operands, as Tensors (Python numbers as they are); None for one that no wanted gradient reads."""
        if self.freed:
            self.refuse_again()
        for position, x in enumerate(self.operands):
            if isinstance(x, Tensor) and x._version is not None and x._version[0] > self.number:
                raise _changed(f"operand {position}", self, x.shape)
        return self.operands

    @property
    def output(self):
        """The result, as a Tensor with its history."""
        if self.freed:
            self.refuse_again()
        if self.result is None:
            raise GraphError(f"{self.name}.backward uses self.output, which {self.name}.reads does not name, so it was not "
                             'kept: add "output" to what that gradient reads')
        if self.version[0] > self.number:
            raise _changed("the result", self, self.shape)
        if isinstance(self.result, tuple):
            return tuple(Tensor.wrap(x, Output(self, i, x), self.version) for i, x in enumerate(self.result))
        return Tensor.wrap(self.result, self, self.version)

    def refuse_again(self):
        """Say that the graph is gone."""
        raise GraphError(f"the graph behind this {self.name} was freed by an earlier backward(): "
                         "call backward(retain_graph=True) the first time to go through it twice")

    def release(self, few=0):
        """Let go of what backward needed. With `few`, the graph's shape stays for mg.tape, and arrays of so few numbers."""
        self.freed = True
        if not few:
            self.parents = self.operands = ()
            self.result = self.parameters = None
            self.__dict__.clear()
            return
        self.operands = tuple([x if not isinstance(x, Tensor) else x.detach() if x.size <= few else None
                               for x in self.operands])
        arrays = (self.result, *self.__dict__.values(), *self.parameters.values())
        if not all(getattr(x, "size", 0) <= few for x in arrays if backend.is_array(x)) or isinstance(self.result, tuple):
            self.result = self.parameters = None
        self.__dict__.clear()

    def retain(self, tensor):
        """Write the gradient that arrives here to `tensor.grad` (a weak reference: the graph has no cycles)."""
        self.retained = weakref.ref(tensor)

    def __repr__(self):
        return f"<{self.name} -> {self.shape}>" if getattr(self, "shape", None) is not None else f"<{self.name}>"


class Output(Function):
    """z = function[index]: one of several results of a Function; the sweep gathers their gradients."""

    __slots__ = ("index",)

    def __init__(self, function, index, array):
        self.parents, self.operands, self.number, self.result = (function,), (), moment(), None
        self.freed, self.retained, self.adjoints, self.index, self.parameters = False, None, None, index, {}
        self.shape, self.dtype = array.shape, array.dtype


def _constant(x):
    return Tensor.wrap(x) if backend.is_array(x) else x


def _if_few(x):
    """A constant that no gradient reads is kept only where that costs nothing."""
    return x if isinstance(x, (float, int, complex)) else Tensor.wrap(x) if x.size <= FEW else None


@functools.cache
def operand_names(cls):
    """The names of forward's operands, and of the one that takes any number of them ("" if none does)."""
    parameters = list(inspect.signature(cls.forward).parameters.values())[1:]
    several = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")
    return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD), several


def _kept_values(cls, wants):
    """From `cls.reads`: (which operands to keep, whether to keep the result, a shortcut), noted in `cls._kept`.

    The shortcut, where all operands want a gradient: True if all are kept, a None for each if all are dropped. `wants` has
    a bit for each operand that wants a gradient, and a 1 above them, which tells their number.
    """
    count = wants.bit_length() - 1
    wanted = [bool(wants >> i & 1) for i in range(count)]
    if cls.reads is None:
        kept, keep_result = [True] * count, True
    else:
        names, several = operand_names(cls)
        names = [*names, *[several] * (count - len(names))]
        for dx, values in cls.reads.items():
            if unknown := {dx.removeprefix("d"), *values.replace(",", " ").split()} - {*names, several, "output"}:
                raise TypeError(f"{cls.__name__}.reads names {', '.join(sorted(unknown))}; forward's operands are "
                                f"{', '.join(names)}, and the result is \"output\"")
        read = set()
        for name, want in zip(names, wanted):
            if want:
                read.update(cls.reads.get("d" + name, "").replace(",", " ").split())
        kept = [name in read for name in names[:count]]
        keep_result = "output" in read
    shortcut = None
    if all(wanted):
        shortcut = True if all(kept) else None if any(kept) else (None,) * count
    cls._kept[wants] = kept, keep_result, shortcut
    return cls._kept[wants]


def _refuse_complex(function, arrays):
    for position, x in enumerate(arrays):
        if isinstance(x, complex) or (hasattr(x, "dtype") and x.dtype.kind == "c"):
            raise TypeError(f"{function.name} has no gradient for complex numbers, but operand {position} is complex: make "
                            "it real first, with mg.real, mg.imag or mg.abs (a Function of your own that is right for "
                            "complex operands declares takes_complex = True)")


def _changed(what, function, shape):
    return GraphError(
        f"{what} of {function.name} (shape {shape}) was changed in place after the forward pass, for example by an "
        "optimizer's step, so its gradient would be wrong: run the forward pass again")


def _explained(error, function, arrays, parameters):
    """The same error, saying which operation it was and what came in."""
    shapes = ", ".join(f"{tuple(x.shape)} {x.dtype}" if hasattr(x, "shape") else repr(x) for x in arrays)
    kind = type(error) if type(error) in (ValueError, TypeError, IndexError) else ValueError
    given = [i for x in (*arrays, *parameters.values()) for i in (x if isinstance(x, tuple) else (x,))]
    devices = sorted({backend.device_of(x) for x in given if backend.is_array(x)})
    if len(devices) > 1:
        return TypeError(f"{function.name}({shapes}): the operands live on different devices, {' and '.join(devices)}: "
                         f"move them to one, for example with .to({devices[-1]!r})")
    return kind(f"{function.name}({shapes}): {error}")


def public(cls, name=None):
    """The plain function of a Function: `multiply = public(Multiply)` is `multiply(x, y)`, with its docstring."""
    def function(*operands):
        return cls.apply(*operands)

    names, several = operand_names(cls)
    name = name or "".join("_" * (i > 0 and c.isupper()) + c.lower() for i, c in enumerate(cls.__name__))
    kind = inspect.Parameter.POSITIONAL_ONLY
    function.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])
    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__module__, function.apply = cls.__doc__, cls.__module__, cls.apply
    return function
