"""What may be done to gradients before a step: clipping them by their norm or by their values."""

from minigrad.backend import get_array_module
from minigrad.optimizers.checks import number
from minigrad.tensor import Tensor


def as_real(x):
    """A complex array as pairs of real numbers (..., 2), in the same memory: each part is a parameter of its own."""
    return x[..., None].view(x.real.dtype) if x.dtype.kind == "c" else x


def total_norm(arrays):
    """√(Σ g²) over all numbers of all real arrays, on their device."""
    flat = [g.ravel() for g in arrays]
    return get_array_module(*flat).sqrt(sum(g @ g for g in flat))


def shrink_factor(norm, limit):
    """What brings a vector of this norm to a norm of `limit` at most: limit / max(norm, limit).

    NaN for a norm that is not finite, so that it shows, instead of quietly making the gradients 0.
    """
    xp = get_array_module(norm)
    return xp.where(xp.isfinite(norm), limit / xp.maximum(norm, limit), float("nan"))


def clipped(gradients, clipnorm=None, clipvalue=None, global_clipnorm=None):
    """{key: gradient} after one of the clippings, as new arrays; as they are, if all are None.

    clipnorm         each gradient is shrunk to that norm at most
    global_clipnorm  all together are, by one factor: their direction stays (Pascanu, Mikolov & Bengio 2013, algorithm 1)
    clipvalue        each number is limited to [-clipvalue, clipvalue]
    """
    if not gradients or (clipnorm is clipvalue is global_clipnorm is None):
        return gradients
    if clipvalue is not None:
        return {i: get_array_module(g).clip(g, -clipvalue, clipvalue) for i, g in gradients.items()}
    if clipnorm is not None:
        return {i: _times(g, shrink_factor(total_norm([g]), clipnorm)) for i, g in gradients.items()}
    factor = shrink_factor(total_norm(gradients.values()), global_clipnorm)
    return {i: _times(g, factor) for i, g in gradients.items()}


def _times(g, factor):
    return g * factor.astype(g.dtype)


def clip_grad_norm(parameters, max_norm):
    """Shrink all gradients by one factor, so that √(Σ g²) over all of them is max_norm at most; gives that norm before.

    `loss.backward(); clip_grad_norm(model.parameters(), 1.0); optimizer.step()`. Parameters without a gradient are left
    out. Pascanu, Mikolov & Bengio 2013, algorithm 1. (PyTorch's adds 1e-6 to the norm before it divides.)
    """
    number("clip_grad_norm", "max_norm", max_norm, "(0, inf)")
    found = _with_gradient(parameters)
    if not found:
        return 0.0
    norm = total_norm([as_real(p.grad.data) for p in found])
    factor = shrink_factor(norm, max_norm)
    for p in found:
        p.grad = Tensor.wrap(_times(p.grad.data, factor))
    return float(norm)


def clip_grad_value(parameters, clip_value):
    """Limit each number of the gradients (each part of a complex one) to [-clip_value, clip_value]."""
    number("clip_grad_value", "clip_value", clip_value, "(0, inf)")
    for p in _with_gradient(parameters):
        g = p.grad.data
        limited = get_array_module(g).clip(as_real(g), -clip_value, clip_value)
        p.grad = Tensor.wrap(limited.view(g.dtype).reshape(g.shape))


def _with_gradient(parameters):
    return [p for p in ([parameters] if isinstance(parameters, Tensor) else parameters) if p.grad is not None]
