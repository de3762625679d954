"""Nothing public is missing from the table of functions: Functions, names of mg and its modules, methods, NumPy's names.

A name that is no differentiable function is listed below with the reason; a new name has to be put into either.
"""

import importlib
import inspect
import pkgutil
import types

import pytest
from table import TABLE

import minigrad as mg
from minigrad import operators
from minigrad.function import Function, Output

ENTRIES = {entry.function for entry in TABLE}

# Rooms whose names are no functions of arrays, or compose those of the table.
ROOMS_WITHOUT = set("""autograd backend data errors files formats function initializers inspect layers losses metrics models
    names operators optimizers recording blocks threads plain parallel tensor training callbacks regularizers cli""".split())

NOT_IN_THE_TABLE = {
    **dict.fromkeys(mg.plain.__all__, "plain results"),
    "compare_layers": "prints", "summary": "prints", "tape": "prints", "gradcheck": "checks", "gradgradcheck": "checks",
    "seed": "a setting", "get_default_dtype": "a setting", "set_default_dtype": "a setting", "default_dtype": "a block",
    "stop_gradient": "its gradient is not that of its value, on purpose: test_custom_gradients",
    "random.seed": "a setting", "random.generator": "gives a generator", "random.copies": "gives generators",
    "random.number": "a plain number", "random.seeded": "a block", "constraints.get": "gives a constraint",
    "random.using": "a block", "random.replace": "a setting", "random.standard_normal": "plain numbers",
    "random.state": "plain data", "random.set_state": "a setting",
    "random.integers": "plain numbers", "random.permutation": "plain numbers",
    **dict.fromkeys(["alibi_bias", "rotary_angles", "rotary_frequencies", "sinusoidal_positions"], "plain numbers"),
    "linalg.matrix_rank": "plain numbers", "fft.fftfreq": "plain numbers", "fft.rfftfreq": "plain numbers",
}
METHODS_WITHOUT = {"backward", "retain_grad", "register_hook", "to",  # the engine's; to is ToDevice, which has its entry
                   "__pos__", "__iter__"}                              # x itself; unstack


def all_modules(package=mg):
    """Every module of minigrad, however deep, imported."""
    found = [package]
    for module in pkgutil.walk_packages(package.__path__, "minigrad."):
        try:
            found.append(importlib.import_module(module.name))
        except ModuleNotFoundError as error:
            if error.name != "sklearn":  # an extra: estimators.py, which is imported when it is asked for
                raise
    return found


def all_functions():
    """Every subclass of Function that minigrad defines."""
    all_modules()
    found, waiting = set(), [Function]
    while waiting:
        children = waiting.pop().__subclasses__()
        waiting += children
        found.update(c for c in children if c.__module__.startswith("minigrad."))
    return found - {Output}  # the engine's own: one of several results


def public_names(module=mg, prefix=""):
    """{"exp": mg.exp, "linalg.inv": mg.linalg.inv ...}: the functions in mg and in the modules that it shows."""
    names = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
    found = {}
    for name in names:
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            if module is mg and name not in ROOMS_WITHOUT and value.__name__.startswith("minigrad."):
                found |= public_names(value, "" if name in ("functions", "transforms") else f"{name}.")
        elif callable(value) and not inspect.isclass(value) and (prefix == "" or defined_here(value, module)):
            found[prefix + name] = value
    return found


def defined_here(value, module):
    """Whether a name of a module without `__all__` is its own, and not what it imports."""
    return hasattr(module, "__all__") or value.__module__ in (module.__name__, "minigrad.functions.random_numbers")


def test_every_function_class_is_in_the_table():
    missing = all_functions() - {cls for entry in TABLE for cls in entry.covers}
    assert not missing, f"no entry of tests/table.py covers {sorted(cls.__name__ for cls in missing)}"


def test_every_public_function_is_in_the_table():
    names = public_names()
    assert {"exp", "linalg.inv", "checkpoint", "conv2d", "random.seed"} <= set(names)  # the search finds what there is
    missing = set(names) - ENTRIES - set(NOT_IN_THE_TABLE)
    assert not missing, f"no entry of tests/table.py is named after {sorted(missing)}"
    assert not set(NOT_IN_THE_TABLE) & ENTRIES and not set(NOT_IN_THE_TABLE) - set(names)


@pytest.mark.parametrize("table", ["METHODS", "OPERATORS", "UFUNCS", "FUNCTIONS"])
def test_methods_and_numpys_names_are_functions_of_the_table(table):
    """Each is the very function that has an entry, so that it is tested with it."""
    tested = {id(value) for name, value in public_names().items() if name in ENTRIES}
    rest = {getattr(key, "__name__", key) for key, f in getattr(operators, table).items() if id(f) not in tested}
    assert rest == {"METHODS": METHODS_WITHOUT}.get(table, set())


def test_names_are_unique():
    names = [entry.name for entry in TABLE]
    assert len(set(names)) == len(names)


def test_a_function_without_an_entry_is_found():
    class Forgotten(Function):
        __module__ = "minigrad.functions.nowhere"

    assert Forgotten in all_functions() and not any(Forgotten in entry.covers for entry in TABLE)
