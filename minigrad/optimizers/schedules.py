"""Learning rates that change with the step: `Adam(CosineDecay(0.001, 10_000))`. Keras's names, arguments and values."""

import inspect
import math

from minigrad.optimizers.checks import arguments, deserialized, flag, number, serialized, unknown

BARS = "▁▂▃▄▅▆▇█"


class LearningRateSchedule:
    """A function from the number of steps taken, from 0 on, to a learning rate.

    A subclass defines `rate(step)`, and `horizon`, the number of steps that shows its course. It draws itself: a line of
    bars in its repr, and a picture by `plot`.
    """

    horizon = 1000

    def __init__(self, name=None, **others):
        if others:
            raise unknown(self, others, LearningRateSchedule)
        self.name = type(self).__name__ if name is None else name

    def __call__(self, step):
        return self.rate(number(self, "step", step, "[0, inf)"))

    def rate(self, step):
        """The learning rate at that step, a float."""
        raise NotImplementedError(f"{type(self).__name__} defines no rate")

    def plot(self, steps=None):
        """A matplotlib Figure of the rate over the first `steps` (the horizon, unless said)."""
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("pictures need matplotlib, which is not installed: pip install 'minigrad[plot]'") from error
        steps = self.horizon if steps is None else number(self, "steps", steps, "[1, inf)", whole=True)
        at = sorted({round(i * steps / 1000) for i in range(1001)})
        figure = Figure(figsize=(6, 3.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(at, [self(step) for step in at], color="#0072B2")
        axes.set(title=self.description(), xlabel="step", ylabel="learning rate", xlim=(0, steps))
        axes.title.set(wrap=True, fontsize=10)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        return figure

    def sparkline(self, steps=None, width=20):
        """The course of the rate as a line of bars, from 0 to its highest."""
        steps = self.horizon if steps is None else steps
        rates = [self(steps * i / (width - 1)) for i in range(width)]
        return "".join(BARS[round((len(BARS) - 1) * rate / (max(rates) or 1))] for rate in rates)

    def description(self):
        """The class and its arguments, as they are written, without those at their defaults."""
        defaults = inspect.signature(type(self).__init__).parameters
        values = {name: getattr(self, name) for name in arguments(type(self), LearningRateSchedule) if name != "name"}
        shown = [f"{name}={value.description() if isinstance(value, LearningRateSchedule) else repr(value)}"
                 for name, value in values.items() if name not in defaults or value != defaults[name].default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __repr__(self):
        return f"{self.description()} {self.sparkline()}"

    def get_config(self):
        """The arguments that make this schedule again; JSON can hold them."""
        return {name: getattr(self, name) for name in arguments(type(self), LearningRateSchedule)}

    @classmethod
    def from_config(cls, config):
        """The schedule of `get_config`."""
        return cls(**config)


class _Decay(LearningRateSchedule):
    """What the decays share: where they start, and how long they take."""

    def __init__(self, initial_learning_rate, decay_steps, **common):
        super().__init__(**common)
        self.initial_learning_rate = number(self, "initial_learning_rate", initial_learning_rate, "[0, inf)")
        self.decay_steps = number(self, "decay_steps", decay_steps, "(0, inf)")

    @property
    def horizon(self):
        return math.ceil(self.decay_steps)


class ExponentialDecay(_Decay):
    """η = η₀ r^(step / decay_steps), η₀ initial_learning_rate, r decay_rate; staircase: the exponent is floored."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, **common):
        super().__init__(initial_learning_rate, decay_steps, **common)
        self.decay_rate = number(self, "decay_rate", decay_rate, "(0, inf)")
        self.staircase = flag(self, "staircase", staircase)

    def rate(self, step):
        return self.initial_learning_rate * self.decay_rate ** self._periods(step)

    def _periods(self, step):
        return math.floor(step / self.decay_steps) if self.staircase else step / self.decay_steps

    @property
    def horizon(self):
        return math.ceil(4 * self.decay_steps)


class InverseTimeDecay(ExponentialDecay):
    """η = η₀ / (1 + r step / decay_steps), η₀ initial_learning_rate, r decay_rate; staircase: the quotient is floored."""

    def rate(self, step):
        return self.initial_learning_rate / (1 + self.decay_rate * self._periods(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """η = values[i], where i is the number of boundaries below the step: a boundary itself still has the value before it."""

    def __init__(self, boundaries, values, **common):
        super().__init__(**common)
        self.boundaries = [number(self, f"boundaries[{i}]", b, "[0, inf)") for i, b in enumerate(boundaries)]
        self.values = [number(self, f"values[{i}]", value, "[0, inf)") for i, value in enumerate(values)]
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(f"PiecewiseConstantDecay: values must be one more than boundaries, got {len(self.values)} "
                             f"values and {len(self.boundaries)} boundaries")
        if any(a >= b for a, b in zip(self.boundaries, self.boundaries[1:])):
            raise ValueError(f"PiecewiseConstantDecay: boundaries must ascend, got {self.boundaries}")

    def rate(self, step):
        return self.values[sum(b < step for b in self.boundaries)]

    @property
    def horizon(self):
        return math.ceil(1.25 * self.boundaries[-1]) or 1 if self.boundaries else 1000


class PolynomialDecay(_Decay):
    """η = (η₀ - η₁) (1 - step / n)^power + η₁, from initial_learning_rate η₀ to end_learning_rate η₁ in n = decay_steps.

    Then it stays; or with cycle=True, n becomes the next multiple of decay_steps, so that the rate jumps up and falls again.
    """

    def __init__(self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, **common):
        super().__init__(initial_learning_rate, decay_steps, **common)
        self.end_learning_rate = number(self, "end_learning_rate", end_learning_rate, "[0, inf)")
        self.power = number(self, "power", power, "[0, inf)")
        self.cycle = flag(self, "cycle", cycle)

    def rate(self, step):
        n = self.decay_steps
        if self.cycle:
            n *= max(1, math.ceil(step / n))
        left = 1 - min(step, n) / n
        return (self.initial_learning_rate - self.end_learning_rate) * left ** self.power + self.end_learning_rate

    @property
    def horizon(self):
        return math.ceil(self.decay_steps * (3 if self.cycle else 1))


class CosineDecay(_Decay):
    """η = η₀ ((1 - α) (1 + cos(π step / decay_steps)) / 2 + α): half a wave, from η₀ to α η₀; then it stays.

    η₀ initial_learning_rate, α alpha. With warmup_target the rate first rises in a line from initial_learning_rate to
    warmup_target in warmup_steps, and the half wave starts there and then. Loshchilov & Hutter 2017, "SGDR", eq. 5.
    """

    def __init__(self, initial_learning_rate, decay_steps, alpha=0.0, warmup_target=None, warmup_steps=0, **common):
        super().__init__(initial_learning_rate, decay_steps, **common)
        self.alpha = number(self, "alpha", alpha, "[0, inf)")
        self.warmup_target = number(self, "warmup_target", warmup_target, "[0, inf)", optional=True)
        self.warmup_steps = number(self, "warmup_steps", warmup_steps, "[0, inf)")

    def rate(self, step):
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * step / self.warmup_steps
            start, step = self.warmup_target, step - self.warmup_steps
        return start * _half_wave(min(step / self.decay_steps, 1), 1.0, self.alpha)

    @property
    def horizon(self):
        return math.ceil(self.decay_steps + (0 if self.warmup_target is None else self.warmup_steps))


class CosineDecayRestarts(LearningRateSchedule):
    """CosineDecay again and again: each period is t_mul times as long as the one before, and its wave m_mul times as high.

    In period i: η = η₀ ((1 - α) mⁱ (1 + cos(π share)) / 2 + α), share from 0 to 1, η₀ initial_learning_rate, m m_mul,
    α alpha; the first takes first_decay_steps. Loshchilov & Hutter 2017, "SGDR", sec. 3.
    """

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, **common):
        super().__init__(**common)
        self.initial_learning_rate = number(self, "initial_learning_rate", initial_learning_rate, "[0, inf)")
        self.first_decay_steps = number(self, "first_decay_steps", first_decay_steps, "(0, inf)")
        self.t_mul, self.m_mul = number(self, "t_mul", t_mul, "[1, inf)"), number(self, "m_mul", m_mul, "[0, inf)")
        self.alpha = number(self, "alpha", alpha, "[0, inf)")

    def rate(self, step):
        period, height = self.first_decay_steps, 1.0
        if self.t_mul == 1:
            height, step = self.m_mul ** (step // period), step % period
        while step >= period:
            step, period, height = step - period, period * self.t_mul, height * self.m_mul
        return self.initial_learning_rate * _half_wave(step / period, height, self.alpha)

    @property
    def horizon(self):
        return math.ceil(self.first_decay_steps * (1 + self.t_mul + self.t_mul ** 2))


def _half_wave(share, height, alpha):
    return (1 - alpha) * height * (1 + math.cos(math.pi * share)) / 2 + alpha


class LinearDecay(_Decay):
    """η = η₀ max(0, 1 - step / decay_steps), η₀ initial_learning_rate: in a line to 0.

    `LinearWarmup(LinearDecay(0.001, 9000), 1000)` is what transformers call linear with warm-up, of 10,000 steps in all.
    """

    def rate(self, step):
        return self.initial_learning_rate * max(0.0, 1 - step / self.decay_steps)


class LinearWarmup(LearningRateSchedule):
    """η = η₀ step / warmup_steps in the first warmup_steps, from 0 to η₀; then η₀, or what a schedule gives from there on.

    learning_rate  η₀, a number; or a schedule, whose step 0 is the end of the warm-up. Goyal et al. 2017, sec. 2.2.
    """

    def __init__(self, learning_rate, warmup_steps, **common):
        super().__init__(**common)
        if not isinstance(learning_rate, LearningRateSchedule):
            learning_rate = number(self, "learning_rate, if it is no schedule,", learning_rate, "[0, inf)")
        self.learning_rate = learning_rate
        self.warmup_steps = number(self, "warmup_steps", warmup_steps, "[0, inf)")

    def rate(self, step):
        then = max(0.0, step - self.warmup_steps)
        after = self.learning_rate(then) if isinstance(self.learning_rate, LearningRateSchedule) else self.learning_rate
        return after * step / self.warmup_steps if step < self.warmup_steps else after

    def get_config(self):
        """The arguments that make this schedule again, that of a schedule inside included."""
        config = super().get_config()
        if isinstance(self.learning_rate, LearningRateSchedule):
            config["learning_rate"] = serialize(self.learning_rate)
        return config

    @classmethod
    def from_config(cls, config):
        """The schedule of `get_config`."""
        if isinstance(config.get("learning_rate"), dict):
            config = config | {"learning_rate": deserialize(config["learning_rate"])}
        return cls(**config)

    @property
    def horizon(self):
        inner = self.learning_rate.horizon if isinstance(self.learning_rate, LearningRateSchedule) else self.warmup_steps
        return math.ceil(self.warmup_steps + inner) or 1


class OneCycle(LearningRateSchedule):
    """Up from max / div_factor to max in the first pct_start of the steps, then down to max / div_factor / final_div_factor.

    max max_learning_rate, in total_steps; each phase half a wave ("cos") or a line ("linear"). three_phase: down to where it
    began in as many steps as it took up, then to the end. After total_steps it stays. The values of PyTorch's OneCycleLR;
    Smith & Topin 2018, "Super-Convergence".
    """

    def __init__(self, max_learning_rate, total_steps, pct_start=0.3, anneal_strategy="cos", div_factor=25.0,
                 final_div_factor=1e4, three_phase=False, **common):
        super().__init__(**common)
        self.max_learning_rate = number(self, "max_learning_rate", max_learning_rate, "[0, inf)")
        self.total_steps = number(self, "total_steps", total_steps, "[1, inf)", whole=True)
        self.three_phase = flag(self, "three_phase", three_phase)
        self.pct_start = number(self, "pct_start", pct_start, "[0, 0.5]" if self.three_phase else "[0, 1]")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycle: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.anneal_strategy = anneal_strategy
        self.div_factor = number(self, "div_factor", div_factor, "(0, inf)")
        self.final_div_factor = number(self, "final_div_factor", final_div_factor, "(0, inf)")

    def rate(self, step):
        high, last = self.max_learning_rate, self.total_steps - 1
        low = high / self.div_factor
        up = self.pct_start * self.total_steps
        turns = [(0.0, low), (up - 1, high)] + [(2 * up - 2, low)] * self.three_phase + [(last, low / self.final_div_factor)]
        step = min(step, last)
        for (start, a), (end, b) in zip(turns, turns[1:]):
            if step <= end:
                share = (step - start) / (end - start) if end > start else 1.0
                return b + (a - b) * ((1 + math.cos(math.pi * share)) / 2 if self.anneal_strategy == "cos" else 1 - share)

    @property
    def horizon(self):
        return self.total_steps


SCHEDULES = [ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts,
             LinearDecay, LinearWarmup, OneCycle]


def serialize(schedule):
    """{"class_name": ..., "config": {...}}, which JSON can hold."""
    return serialized(schedule)


def deserialize(config):
    """The schedule of `serialize`."""
    return deserialized(config, SCHEDULES, "schedule")
