"""What an optimizer remembers, as plain data on the host: step count, learning rate, the arrays of each parameter."""

from minigrad import backend
from minigrad.files import plain


def state_of(optimizer):
    """Its attributes that are plain data, arrays on the host."""
    return plain({name: _mapped(backend.to_numpy, value) for name, value in vars(optimizer).items()
                  if name != "parameters"})


def load_state(optimizer, state):
    """Go on from a `state_of`. ValueError, before anything has changed, if it is of another kind or other parameters."""
    own = plain({name: value for name, value in vars(optimizer).items() if name not in ("parameters", "state")})
    slots, parameters = state.get("state"), optimizer.parameters
    if not isinstance(slots, dict) or own.keys() != state.keys() - {"state"}:
        raise ValueError(f"the state is not one of {type(optimizer).__name__}: it has {', '.join(state)}")
    for i, arrays in slots.items():
        if not isinstance(i, int) or not 0 <= i < len(parameters) or not isinstance(arrays, dict):
            raise ValueError(f"the state of {type(optimizer).__name__} is for other parameters: there is no number {i}")
    placed = {i: {name: _beside(value, parameters[i]._data) for name, value in arrays.items()}
              for i, arrays in slots.items()}
    vars(optimizer).update({**{name: state[name] for name in own}, "state": placed})


def _beside(value, p):
    """An array on the device of the parameter, and in its layout in memory: the same sums then round alike."""
    if not backend.is_array(value):
        return value
    fresh = backend.to_device(value, backend.device_of(p))
    if fresh.shape == p.shape:
        like = backend.get_array_module(p).empty_like(p, dtype=fresh.dtype)
        like[...] = fresh
        return like
    return fresh


def _mapped(function, tree):
    if isinstance(tree, dict):
        return {key: _mapped(function, value) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(_mapped(function, value) for value in tree)
    return function(tree).copy() if backend.is_array(tree) else tree
