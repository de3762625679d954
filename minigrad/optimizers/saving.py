"""An optimizer's state as a plain dict of arrays and numbers, and back: what a resumed run needs to go on bit by bit."""

from minigrad import backend
from minigrad.optimizers.checks import number
from minigrad.optimizers.gradients import as_real

COMMON = ("average", "accumulated")  # slots that any optimizer may keep


class Saving:
    """state_dict and load_state_dict of an Optimizer."""

    def state_dict(self):
        """{"iterations": the calls of step, "learning_rate": the number, if it is one, "0.m": slot m of parameter 0 ...}.

        Arrays are copies, on the host. The parameters themselves are in the model's state_dict.
        """
        arrays = {f"{i}.{name}": backend.to_numpy(a).copy() for i, slots in self.state.items() for name, a in slots.items()}
        return {"iterations": self._calls} | self._numbers() | arrays

    def _numbers(self):
        """The learning rates that are numbers, of all and of groups."""
        rates = {"learning_rate": self._learning_rate}
        rates |= {f"groups.{k}.learning_rate": group["learning_rate"]
                  for k, group in enumerate(self.groups) if "learning_rate" in group}
        return {key: rate for key, rate in rates.items() if not callable(rate)}

    def load_state_dict(self, state):
        """Take over a state_dict of an optimizer like this one, with parameters like these.

        All is checked first: on an error (ValueError, which names what does not fit) nothing has changed.
        """
        self._need_parameters()
        state, who = dict(state), type(self).__name__
        numbers = {"iterations", *self._numbers()}
        faults = [f"missing: {key}" for key in numbers if key not in state]
        slots = {}
        for key, value in state.items():
            index, _, name = key.partition(".")
            if key in numbers:
                number(f"{who}.load_state_dict", key, value, "[0, inf)", whole=key == "iterations")
            elif index.isdecimal() and int(index) < len(self.parameters):
                slots.setdefault(int(index), {})[name] = backend.to_numpy(value)
            else:
                faults.append(f"unexpected: {key}")
        for i, found in slots.items():
            p = as_real(self.parameters[i]._data)
            expected = self.start(p, self.names[i])
            faults += [f"missing: {i}.{name}" for name in expected if name not in found]
            for name, a in found.items():
                like = expected.get(name, p if name in COMMON else None)
                if like is None:
                    faults.append(f"unexpected: {i}.{name}")
                elif (a.shape, a.dtype) != (like.shape, like.dtype):
                    faults.append(f"wrong: {i}.{name} is {like.dtype} {like.shape}, got {a.dtype} {a.shape}")
        if faults:
            raise ValueError(f"{who}: the state does not fit its {len(self.parameters)} parameters; " + "; ".join(faults))
        self._calls = int(state["iterations"])
        for key in numbers - {"iterations"}:
            if key == "learning_rate":
                self._learning_rate = float(state[key])
            else:
                self.groups[int(key.split(".")[1])]["learning_rate"] = float(state[key])
        self.state = {i: {name: backend.copy_like(a, as_real(self.parameters[i]._data)) for name, a in found.items()}
                      for i, found in slots.items()}
