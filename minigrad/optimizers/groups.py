"""Groups of parameters, each with settings of its own."""

from minigrad.optimizers.checks import number
from minigrad.tensor import Tensor

SETTINGS = ("learning_rate", "weight_decay")


def groups_of(optimizer, parameters):
    """(the groups, all parameters, their names, the number of each one's group), from what the user passed; all checked.

    A parameter is a Tensor, or (name, Tensor) as in model.named_parameters(). One given twice is changed once a step.
    """
    who = type(optimizer).__name__
    given = [parameters] if isinstance(parameters, (Tensor, dict)) else list(parameters)
    grouped = any(isinstance(item, dict) for item in given)
    groups, found = [], {}
    for k, group in enumerate(given if grouped else [{"params": given}]):
        if not isinstance(group, dict) or "params" not in group:
            raise ValueError(f"{who}: group {k} must be a dict with 'params', got {group!r}")
        for key in group:
            if key not in ("params", *SETTINGS):
                raise ValueError(f"{who}: group {k} has {key!r}; a group may set {' and '.join(SETTINGS)}")
        of_group = f" of group {k}" if grouped else ""
        settings = {key: group[key] for key in SETTINGS if key in group}
        for key, value in settings.items():
            if key != "learning_rate" or not callable(value):
                settings[key] = number(optimizer, key + of_group, value, "[0, inf)", optional=key == "weight_decay")
        params, own = group["params"], {}
        for i, item in enumerate([params] if isinstance(params, Tensor) else params):
            name, p = item if isinstance(item, tuple) and len(item) == 2 else (getattr(item, "name", None), item)
            if not isinstance(p, Tensor) or p.creator is not None:
                raise TypeError(f"{who}: parameter {i}{of_group} must be a leaf Tensor, got {type(p).__name__}"
                                + (f" made by {p.creator.name}" if isinstance(p, Tensor) else ""))
            if id(p) in found:
                raise ValueError(f"{who}: parameter {i}{of_group} is in group {found[id(p)][2]} too")
            own.setdefault(id(p), (p, name or "", k))
        if not own:
            raise ValueError(f"{who} got no parameters{of_group.replace(' of', ' in')}: a model has them after its first "
                             "call, or at once when its first layer is given input_shape")
        found |= own
        groups.append({"params": [p for p, _, _ in own.values()]} | settings)
    if not groups:
        raise ValueError(f"{who} got no parameters")
    everything, names, numbers = zip(*found.values())
    return groups, list(everything), list(names), list(numbers)
