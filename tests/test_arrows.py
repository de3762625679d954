"""The house: an import may only point down the list of rooms, never in a circle; and what no file may contain."""

import ast
import os
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "minigrad"

# From the top of the house to its foundation. A room may import from those below it, and within itself.
# Initializers, regularizers and constraints stand below the layers, whose weights they start and hold.
ROOMS = ["cli", "estimators", "models", "inspect", "formats", "training", "callbacks", "parallel", "data", "optimizers",
         "metrics", "losses", "layers", "constraints", "regularizers", "initializers", "names", "gradcheck", "transforms",
         "operators", "functions", "random", "autograd", "function", "recording", "plain", "tensor", "errors", "blocks",
         "threads", "files", "backend"]
LAZY = {"estimators"}  # files that are imported when they are asked for
OPTIONAL = {"cupy", "cupyx", "matplotlib", "tokenizers", "onnx", "mpi4py", "sklearn", "tensorboard", "torch", "keras",
            "transformers", "PIL"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "shelve", "marshal", "subprocess", "pty"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "input"}
FORBIDDEN_FROM = {("os", "system"), ("os", "popen"), ("importlib", "import_module")}


def sources(package=PACKAGE):
    """{dotted name without the package's: syntax tree} of every file."""
    trees = {}
    for path in sorted(Path(package).rglob("*.py")):
        parts = list(path.relative_to(package).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        trees[".".join(parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


def imports(tree, names, package="minigrad"):
    """The files of the package that a file imports, and the other modules: ({"functions.linear"}, {"numpy"})."""
    inside, outside = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in found:
            if name.partition(".")[0] != package:
                outside.add(name.partition(".")[0])
                continue
            name = name.partition(".")[2]
            while name and name not in names:  # `from minigrad.tensor import Tensor`
                name = name.rpartition(".")[0]
            inside.add(name)
    return inside, outside


def upward(trees):
    """The imports that point up, as (importer, imported)."""
    found = []
    for name, tree in trees.items():
        room = name.partition(".")[0]
        if not room:
            continue  # minigrad/__init__.py shows the whole house
        for other in imports(tree, trees)[0]:
            below = other.partition(".")[0]
            if not below or (below != room and ROOMS.index(below) < ROOMS.index(room)):
                found.append((name, other))
    return found


def circles(trees):
    """A circle of imports between files, as a list of names; [] if there is none. A room's own __init__ is its door."""
    graph = {name: {other for other in imports(tree, trees)[0]
                    if other and other != name and not name.startswith(other + ".")}
             for name, tree in trees.items() if name}
    done, path = set(), []

    def visit(name):
        if name in path:
            return path[path.index(name):] + [name]
        if name in done:
            return []
        path.append(name)
        for other in sorted(graph.get(name, ())):
            if circle := visit(other):
                return circle
        path.pop()
        done.add(name)
        return []

    return next((circle for name in graph if (circle := visit(name))), [])


def dotted(node):
    """`os.system` of a call's function."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def forbidden(name, tree):
    """What a file may not contain: eval, pickle, a shell, cupy outside of the backend."""
    faults = []
    outside = imports(tree, {name})[1]
    faults += [f"{name} imports {module}" for module in outside & FORBIDDEN_MODULES]
    if name != "backend":
        faults += [f"{name} imports {module}" for module in outside & {"cupy", "cupyx"}]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            faults += [f"{name} imports {node.module}.{alias.name}" for alias in node.names
                       if (node.module, alias.name) in FORBIDDEN_FROM]
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            pickles = any(k.arg == "allow_pickle" and getattr(k.value, "value", True) for k in node.keywords)
            shell = any(k.arg == "shell" and getattr(k.value, "value", True) for k in node.keywords)
            by_name = called == "importlib.import_module" and name != "backend"  # could hide an import from this test
            if called in FORBIDDEN_CALLS or pickles or shell or by_name:
                faults.append(f"{name}, line {node.lineno}: {called}")
    for node in tree.body:  # at the top level, so on every import of minigrad
        if isinstance(node, (ast.Import, ast.ImportFrom)) and name not in LAZY:
            _, outside = imports(ast.Module([node], []), {name})
            faults += [f"{name} needs the optional {module} at once" for module in outside & OPTIONAL]
    return faults


def undocumented(name, tree):
    """Public functions, classes and methods without a docstring."""
    found = [] if ast.get_docstring(tree) else [name]
    scopes = [(name, tree)] + [(f"{name}.{c.name}", c) for c in tree.body
                               if isinstance(c, ast.ClassDef) and not c.name.startswith("_")]
    for scope, body in scopes:
        derived = isinstance(body, ast.ClassDef) and body.bases
        for node in body.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                if derived and node.name in OVERRIDDEN:
                    continue  # their contract is written once, in the base class
                if not ast.get_docstring(node) and not any(
                        isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list):
                    found.append(f"{scope}.{node.name}")
    return found


OVERRIDDEN = {"forward", "backward", "call", "weight_shapes", "draw", "update", "describe", "build", "result", "reset",
              "initializer_of", "reset_state", "update_state", "add", "settings", "error", "score", "close", "state",
              "set_state", "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end",
              "on_train_batch_begin", "on_train_batch_end", "start", "rate", "horizon", "from_config", "get_config"}
OVERRIDDEN |= {"augment", "unchanged", "maps", "mixed", "run", "before", "length", "joined", "applied"}


def test_every_import_points_down():
    assert upward(sources()) == []


def test_no_import_goes_in_a_circle():
    assert circles(sources()) == []


def test_every_file_stands_in_a_room():
    assert {name.partition(".")[0] for name in sources() if name} <= set(ROOMS)


def test_no_pickle_no_eval_no_shell_no_cupy_outside_the_backend():
    assert [fault for name, tree in sources().items() for fault in forbidden(name, tree)] == []


def test_what_is_public_is_documented():
    assert [missing for name, tree in sources().items() for missing in undocumented(name, tree)] == []


def test_no_file_gets_crowded():
    lengths = {str(p.relative_to(PACKAGE)): len(p.read_text(encoding="utf-8").splitlines()) for p in PACKAGE.rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n > 400} == {}


def test_the_package_is_imported_without_the_optional_libraries():
    import subprocess
    import sys
    code = ("import sys\n"
            f"for name in {sorted(OPTIONAL)!r}: sys.modules[name] = None\n"
            "import minigrad as mg\nprint(mg.summary(mg.models.LeNet()).total)")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent,
                         env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)})
    assert run.stdout.strip() == "225034", run.stderr


# ---- the checker itself must be able to fail

def made_up(**files):
    return {name.replace("__", "."): ast.parse(text) for name, text in files.items()}


@pytest.mark.parametrize("text", ["from minigrad import layers", "from minigrad.layers.core import Dense",
                                  "import minigrad.layers", "def f():\n    from minigrad.layers import Dense"])
def test_an_upward_import_is_seen(text):
    assert upward(made_up(functions__linear=text, layers="", layers__core="")) != []
    assert upward(made_up(models=text, layers="", layers__core="")) == []


def test_a_circle_is_seen():
    assert circles(made_up(layers="", layers__a="from minigrad.layers import b", layers__b="import minigrad.layers.a"))
    assert not circles(made_up(layers="", layers__a="from minigrad.layers import b", layers__b=""))


@pytest.mark.parametrize("text", [
    "import cupy", "def f():\n    import cupy", "import pickle", "from subprocess import run", "eval('1')",
    "import numpy as np\nnp.load('f', allow_pickle=True)", "import os\nos.system('ls')", "import matplotlib.pyplot as plt",
    "from os import system", "from cupy import ndarray", "from cupyx.scipy import special", "exec(text)",
    "compile('1', '', 'eval')",
    "import importlib\nimportlib.import_module('cu' + 'py')", "from importlib import import_module", "__import__('os')",
    "np.load('f', allow_pickle=flag)", "run('ls', shell=True)", "import os, marshal", "from sklearn import metrics",
    "import torch", "import onnx.helper", "import mpi4py.MPI", "from tokenizers import Tokenizer"])
def test_what_is_forbidden_is_seen(text):
    assert forbidden("layers.core", ast.parse(text)) != []


def test_what_is_allowed_is_not_forbidden():
    assert forbidden("backend", ast.parse("def f():\n    import cupy")) == []
    assert forbidden("inspect.plots", ast.parse("def f():\n    import matplotlib\nnp.load('f', allow_pickle=False)")) == []


def test_a_missing_docstring_is_seen():
    tree = ast.parse('"""doc"""\ndef f(): pass\nclass A:\n    """doc"""\n    def g(self): pass\n    def _h(self): pass')
    assert undocumented("x", tree) == ["x.f", "x.A.g"]
    assert undocumented("x", ast.parse("def _f(): pass")) == ["x"]


def test_only_what_overrides_may_leave_its_contract_to_the_base_class():
    text = '"""doc"""\nclass A{}:\n    """doc"""\n    def forward(self): pass\n    def other(self): pass'
    assert undocumented("x", ast.parse(text.format(""))) == ["x.A.forward", "x.A.other"]
    assert undocumented("x", ast.parse(text.format("(Base)"))) == ["x.A.other"]


def test_a_file_outside_of_the_rooms_is_seen():
    with pytest.raises(ValueError, match="'attic'"):
        upward(made_up(layers="from minigrad import attic", attic=""))
    assert upward(made_up(layers="import minigrad as mg")) == [("layers", "")]  # the front door shows the whole house


def test_a_long_circle_is_seen_also_between_rooms_and_inside_of_functions():
    files = dict(functions="", functions__a="from minigrad.functions.b import f",
                 functions__b="def f():\n    import minigrad.tensor",
                 tensor="def g():\n    from minigrad.functions import a")
    assert circles(made_up(**files)) != []
    assert upward(made_up(**files)) == [("tensor", "functions.a")]
