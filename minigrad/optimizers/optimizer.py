"""What all optimizers have in common: parameters and their groups, the count of steps, weight decay, clipping, averages."""

import inspect

import numpy as np

from minigrad import backend
from minigrad.backend import get_array_module
from minigrad.optimizers import schedules
from minigrad.optimizers.checks import arguments, flag, number, serialized, unknown
from minigrad.optimizers.gradients import as_real, clipped
from minigrad.optimizers.groups import groups_of
from minigrad.optimizers.saving import Saving


class Optimizer(Saving):
    """Changes parameters by their gradients: `loss.backward(); optimizer.step(); optimizer.zero_grad()`.

    parameters     Tensors that require gradients, as `model.parameters()` or `model.named_parameters()` give them; or groups
                   with settings of their own, [{"params": [...], "learning_rate": 0.1, "weight_decay": 0}, ...].
                   `model.compile` passes them itself: a number or a schedule in this place is the learning rate, as in
                   Keras's `Adam(1e-3)`.
    learning_rate  the step size η: a number >= 0, which may be assigned between steps, or a schedule, which gives the rate
                   for the number of steps taken (minigrad.optimizers.schedules, or any function of one argument).

    The arguments of all optimizers, by keyword, as in Keras:
    weight_decay   λ: before each update, p ← p - η λ p, but for what `exclude_from_weight_decay` names
                   (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization")
    clipnorm, clipvalue, global_clipnorm   at most one of them: the norm of each gradient, each number of it, or the norm of
                   all gradients together is limited (`optimizers.gradients`)
    use_ema        keep the average a ← μ a + (1 - μ) p of each parameter, μ ema_momentum (Polyak & Juditsky 1992); it
                   becomes the parameter every ema_overwrite_frequency updates, and by `finalize_variable_values` (fit's end)
    gradient_accumulation_steps   n >= 2: only every n-th step changes the parameters, by the mean of n gradients
    loss_scale_factor   c: `fit` takes the gradients of c L, and step divides them by c, so that small ones do not vanish in
                   float16; in a loop of your own, scale_loss(loss).backward()

    A subclass defines `update(p, g, state, learning_rate)`: change the array p in place by its gradient g, which stays
    as it is. `state` is the dict that its `start(p, name)` made, of arrays; `self.iterations` counts the updates before.
    """

    weight_decay = None

    def __init__(self, parameters=None, learning_rate=0.001, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name=None, loss_scale_factor=None, **others):
        who = type(self).__name__
        if others:
            raise unknown(self, others, Optimizer)
        if hasattr(parameters, "parameters"):
            raise TypeError(f"{who} takes the parameters, not the {type(parameters).__name__}: pass its .parameters()")
        if isinstance(parameters, (int, float, np.number)) or callable(parameters):
            if learning_rate != self._default("learning_rate"):
                raise TypeError(f"{who} got two learning rates, {parameters} and {learning_rate}: name what comes after the "
                                f"first, as in {who}({parameters}, name=value)")
            parameters, learning_rate = None, parameters
        self.name = who.lower() if name is None else name
        self.weight_decay = number(self, "weight_decay", weight_decay, "[0, inf)", optional=True)
        clippings = dict(clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        for key, value in clippings.items():
            setattr(self, key, number(self, key, value, "(0, inf)", optional=True))
        if len(given := [f"{key}={value}" for key, value in clippings.items() if value is not None]) > 1:
            raise ValueError(f"{who} clips gradients in one way: choose between {' and '.join(given)}")
        self.use_ema = flag(self, "use_ema", use_ema)
        self.ema_momentum = number(self, "ema_momentum", ema_momentum, "[0, 1]")
        self.ema_overwrite_frequency = number(self, "ema_overwrite_frequency", ema_overwrite_frequency, "[1, inf)",
                                              whole=True, optional=True)
        self.gradient_accumulation_steps = number(self, "gradient_accumulation_steps", gradient_accumulation_steps,
                                                  "[2, inf)", whole=True, optional=True)
        self.loss_scale_factor = number(self, "loss_scale_factor", loss_scale_factor, "(0, inf)", optional=True)
        self.learning_rate, self._calls = learning_rate, 0
        self.parameters, self.names, self.groups, self.state = [], [], [], {}
        self._undecayed, self._undecayed_words = [], ()
        if parameters is not None:
            self.set_parameters(parameters)

    # ---- the learning rate

    @property
    def learning_rate(self):
        """The step size now: of the next step, if it follows a schedule (which counts the calls of step, as in Keras)."""
        return self._rate(self._learning_rate)

    @learning_rate.setter
    def learning_rate(self, value):
        if callable(value):
            number(self, f"learning_rate from {value!r} at step 0", value(0), "[0, inf)")
        else:
            value = float(number(self, "learning_rate", value, "[0, inf)"))
            if callable(getattr(self, "_learning_rate", None)):
                raise TypeError(f"{type(self).__name__}: learning_rate follows {self._learning_rate!r}, so it takes no "
                                f"number: assign another schedule, or make the optimizer with a number")
        self._learning_rate = value

    def _rate(self, rate):
        if callable(rate):
            return number(self, f"learning_rate from {rate!r} at step {self._calls}", rate(self._calls), "[0, inf)")
        return rate

    @property
    def iterations(self):
        """How many times the parameters were updated."""
        return self._calls // (self.gradient_accumulation_steps or 1)

    # ---- the parameters

    def set_parameters(self, parameters):
        """The Tensors to change, or groups of them: see the class."""
        self.groups, self.parameters, self.names, self._group = groups_of(self, parameters)
        self._choose_decayed()

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Take from weight decay the Tensors in var_list, and those in whose name (dotted, where it is known: "norm.gamma")
        one of the words var_names occurs."""
        if isinstance(var_names, str) or not all(isinstance(word, str) for word in var_names or ()):
            raise TypeError(f"{type(self).__name__}: var_names must be a list of words, got {var_names!r}")
        self._undecayed, self._undecayed_words = list(() if var_list is None else var_list), tuple(var_names or ())
        self._choose_decayed()

    def _choose_decayed(self):
        excluded = {id(p) for p in self._undecayed}
        self._decayed = [id(p) not in excluded and not any(word in name for word in self._undecayed_words)
                         for p, name in zip(self.parameters, self.names)]

    # ---- steps

    def step(self):
        """Change every parameter that has a gradient."""
        self._need_parameters()
        gradients = {i: as_real(p.grad.data) for i, p in enumerate(self.parameters)
                     if p.grad is not None and p.requires_grad}
        if self.loss_scale_factor:
            gradients = {i: g / self.loss_scale_factor for i, g in gradients.items()}
        if self.gradient_accumulation_steps:
            gradients = self._accumulate(gradients)
        gradients = clipped(gradients, self.clipnorm, self.clipvalue, self.global_clipnorm)
        rates = [self._rate(group.get("learning_rate", self._learning_rate)) for group in self.groups]
        for i, g in gradients.items():
            p, state, group = as_real(self.parameters[i]._data), self._state(i), self._group[i]
            decay = self.decay_of(self.groups[group], state)
            if decay and self._decayed[i]:
                p *= 1 - rates[group] * decay
            self.update(p, g, state, rates[group])
            constraint = getattr(self.parameters[i], "constraint", None)
            if constraint is not None:
                self.parameters[i]._data[...] = constraint(self.parameters[i]._data)
            self.parameters[i].bump_version()
        if self.use_ema:
            self._average()
        self._calls += 1

    def scale_loss(self, loss):
        """The loss times loss_scale_factor, if there is one: what to call backward on."""
        return loss * self.loss_scale_factor if self.loss_scale_factor else loss

    def update(self, p, g, state, learning_rate):
        """Change the array p in place."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def start(self, p, name):
        """The state of the array p before its first step: {name of a slot: array}."""
        return {}

    def decay_of(self, group, state):
        """The weight decay of the parameters in a group."""
        return group.get("weight_decay", self.weight_decay)

    def zero_grad(self):
        """Forget the gradients."""
        for p in self.parameters:
            p.grad = None

    def _need_parameters(self):
        if not self.parameters:
            raise ValueError(f"{type(self).__name__} has no parameters: pass model.parameters()")

    def _state(self, i):
        """The state of parameter i, on the device where the parameter is now."""
        p = as_real(self.parameters[i]._data)
        if i not in self.state:
            self.state[i] = self.start(p, self.names[i])
        state = self.state[i]
        for name, a in state.items():
            if type(a) is not type(p):  # the model was moved since the last step
                state[name] = backend.to_device(a, backend.device_of(p))
        return state

    def _accumulate(self, gradients):
        """Add the gradients up; every n-th time give their means, else nothing."""
        n = self.gradient_accumulation_steps
        for i, g in gradients.items():
            state = self._state(i)
            if "accumulated" not in state:
                state["accumulated"] = get_array_module(g).zeros_like(g)
            state["accumulated"] += g
        if (self._calls + 1) % n:
            return {}
        return {i: state.pop("accumulated") / n for i, state in self.state.items() if "accumulated" in state}

    # ---- averages of the parameters

    def _average(self):
        for i, p in enumerate(self.parameters):
            if p.requires_grad:
                p, state = as_real(p._data), self._state(i)
                if self.iterations == 0 or "average" not in state:
                    state["average"] = p.copy()
                else:
                    state["average"] *= self.ema_momentum
                    state["average"] += (1 - self.ema_momentum) * p
        if self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0:
            self.finalize_variable_values()

    def finalize_variable_values(self, var_list=None):
        """Set the parameters (those of var_list, or all) to their averages, if use_ema keeps them."""
        chosen = None if var_list is None else {id(p) for p in var_list}
        for i, p in enumerate(self.parameters):
            if "average" in self.state.get(i, ()) and (chosen is None or id(p) in chosen):
                as_real(p._data)[...] = self._state(i)["average"]
                p.bump_version()

    # ---- configuration

    def _default(self, name):
        """What __init__ takes if an argument is not given: looked up where the class, or one above it, names it."""
        signatures = (inspect.signature(c.__init__).parameters for c in type(self).__mro__)
        return next(parameters[name].default for parameters in signatures if name in parameters)

    def get_config(self):
        """The arguments that make this optimizer again, without its parameters and their state; JSON can hold them."""
        config = {name: getattr(self, name) for name in arguments(type(self), Optimizer) if name != "parameters"}
        rate = self._learning_rate
        return config | {"learning_rate": serialized(rate) if hasattr(rate, "get_config") else rate}

    @classmethod
    def from_config(cls, config):
        """The optimizer of `get_config`."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = config | {"learning_rate": schedules.deserialize(rate)}
        return cls(**config)

    def __repr__(self):
        rate = self._learning_rate
        shown = f"{rate:g}" if isinstance(rate, float) else getattr(rate, "description", rate.__repr__)()
        return f"{type(self).__name__}(learning_rate={shown}, {len(self.parameters)} parameters)"


def zeros(p, *names):
    """{name: zeros like the array p}: the usual start."""
    xp = get_array_module(p)
    return {name: xp.zeros_like(p) for name in names}
