"""grad, vjp, jvp, jacobian, hessian, hvp: derivatives of functions, as functions."""

import functools

from minigrad import autograd, backend
from minigrad.functions import reshape, stack
from minigrad.tensor import Tensor
from minigrad.transforms.call import Call, checked_function
from minigrad.transforms.trees import filled, leaves, matched, ones_like, zeros_like


def _arguments(arguments):
    """The tuple of all arguments; anything else is the only one."""
    return arguments if isinstance(arguments, tuple) else (arguments,)


def value_and_grad(f, argnums=0, has_aux=False):
    """The function (*arguments) ↦ (y, dy/d(argument)) of a function f whose result y is a single number.

    has_aux  f returns (y, aux), and the result is ((y, aux), gradient): aux is handed on, not differentiated.
    Keywords go to f as they are. Costs one forward and one backward pass.
    """
    checked_function(f, "grad")

    @functools.wraps(f)
    def transformed(*arguments, **keywords):
        call = Call(f, arguments, argnums, has_aux, keywords)
        y = call.single_number()
        gradient = call.gradient(call.pull([ones_like(y)]))
        y = call.kept(y)
        return ((y, call.kept(call.aux)) if has_aux else y), gradient
    return transformed


def grad(f, argnums=0, has_aux=False):
    """The function (*arguments) ↦ dy/d(argument) of a function f whose result y is a single number.

    `grad(grad(f))` is the second derivative. With has_aux, f returns (y, aux) and the result is (gradient, aux).
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def transformed(*arguments, **keywords):
        y, gradient = both(*arguments, **keywords)
        return (gradient, y[1]) if has_aux else gradient
    return transformed


def vjp(f, *arguments, argnums=0, has_aux=False):
    """(y, pullback), and aux with has_aux: pullback(dy) is dy's product with the Jacobian, d⟨dy, f(x)⟩/dx.

    dy has the form of y, and the result that of the argument. The pullback can be called again and again.
    """
    call = Call(f, arguments, argnums, has_aux)

    def pullback(dy):
        cotangents = matched(dy, call.outputs, f"the gradient of {call.name}")
        record = autograd.is_recording() and any(v.requires_grad for v in cotangents)
        return call.gradient(call.pull(cotangents, again=True, record=record))

    y = call.kept(call.result)
    return (y, pullback, call.kept(call.aux)) if has_aux else (y, pullback)


def jvp(f, arguments, tangents, argnums=0):
    """(y, J v): the derivative of f(*arguments) in the direction of the tangents.

    arguments  the tuple of all arguments (or the one, if it is no tuple).
    tangents   v: of the form of the argument that argnums names, or a tuple of them if argnums is a tuple.

    Reverse mode alone gives it, by a double backward: the pullback g(u) = Jᵀ u is linear in its cotangent u, and the
    gradient of ⟨g(u), v⟩ = ⟨u, J v⟩ by u is J v, whatever u is. So u = 0 will do: record the pullback at zero, then pull v
    back through it. Townsend 2017, "A new trick for calculating Jacobian vector products". Costs a forward and two
    backward passes; the second goes through the recorded first.
    """
    call = Call(f, _arguments(arguments), argnums)
    like = [(path, x) for path, x in call.variables]
    if call.single:
        like = [(path.partition("]")[2], x) for path, x in like]
    else:
        like = [(f"[{k}]{path}", x) for k, tree in enumerate(call.arguments) for path, x in leaves(tree)]
    if call.single and isinstance(tangents, tuple) and not isinstance(call.arguments[0], tuple):
        raise ValueError(f"the tangents of {call.name}: expected those of one argument, got a tuple: pass v instead of "
                         "(v,), and argnums=(0, 1) to move several arguments")
    tangents = matched(tangents, like, f"the tangents of {call.name}")
    dummies = [zeros_like(y) for _, y in call.outputs]
    for u in dummies:
        u.requires_grad = True
    pulled = call.pull(dummies, record=True)
    pairs = [(g, v) for g, v in zip(pulled, tangents) if g.requires_grad]
    keep = call.keeps_history or (autograd.is_recording() and any(v.requires_grad for v in tangents))
    found = autograd.sweep([g for g, _ in pairs], [v for _, v in pairs], keep or call.reads_outside, keep,
                           targets=set(dummies), stop=True)
    pushed = [zeros_like(u) if found.get(u) is None else found[u] for u in dummies]
    return call.kept(call.result), filled(call.result, pushed)


def jacobian(f, argnums=0, has_aux=False):
    """The function (*arguments) ↦ dy/d(argument), of shape y.shape + argument.shape, for any shape of y.

    For a tree y, the result has the form of y, with the argument's form in the place of each leaf. One backward pass
    for each number of y: made for functions with few outputs. With has_aux, f returns (y, aux), and the result is
    (Jacobian, aux).
    """
    checked_function(f, "jacobian")

    @functools.wraps(f)
    def transformed(*arguments, **keywords):
        call = Call(f, arguments, argnums, has_aux, keywords)
        found = filled(call.result, [_rows(call, k) for k in range(len(call.outputs))])
        return (found, call.kept(call.aux)) if has_aux else found
    return transformed


def _rows(call, k):
    """The Jacobian of output k: a backward pass for each unit vector, stacked."""
    rows = []
    y = call.outputs[k][1]
    if y.dtype.kind == "c":
        raise TypeError(f"jacobian: a result of {call.name} is complex, and would need two rows for each number: return "
                        "(mg.real(y), mg.imag(y)) instead")
    for i in range(y.size):
        cotangents = [zeros_like(y) for _, y in call.outputs]
        unit = backend.get_array_module(y._data).zeros(y.size, y.dtype)
        unit[i] = 1
        cotangents[k] = Tensor.wrap(unit.reshape(y.shape))
        rows.append(call.pull(cotangents, again=True))
    values = []
    for position, (_, x) in enumerate(call.variables):
        shape = y.shape + x.shape
        values.append(reshape(stack([row[position] for row in rows]), shape) if rows else
                      Tensor.wrap(backend.get_array_module(x._data).zeros(shape, x.dtype)))
    return call.gradient(values)


def hessian(f, argnums=0, has_aux=False):
    """The function (*arguments) ↦ d²y/d(argument)², of shape argument.shape twice, where f gives a single number.

    For trees (and tuples of argnums) the form is nested: hessian[a][b] is d²y/(da db). It is the Jacobian of the gradient.
    With has_aux, f returns (y, aux), and the result is (Hessian, aux).
    """
    return jacobian(grad(f, argnums, has_aux), argnums, has_aux)


def hvp(f, arguments, v, argnums=0):
    """H v, the Hessian of f times v, at about the price of two gradients: the Hessian itself is never built.

    arguments, v and argnums as in `jvp`. H is symmetric, so it is also vᵀH: the gradient of ⟨grad f, v⟩.
    """
    _, pullback = vjp(grad(f, argnums), *_arguments(arguments), argnums=argnums)
    return pullback(v)
