"""The contestants: their interpreters, set up where they are missing, and a process for each (worker.py).

A library that this Python has is taken from it; any other gets a virtual environment, .venv-peers/NAME, the first time.
Each contestant runs alone in its process, told by a pipe when: so they run in turn, whatever Python and NumPy they need,
and threads of one that wait by spinning, or its allocator, do not meet another's.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from results import ROOT
from turns import told_in_turn

FOLDER = ROOT / ".venv-peers"


class Peer(NamedTuple):
    """A library to compare with."""

    module: str          # what Python imports
    requirements: tuple  # what pip installs


PEERS = {
    "pytorch": Peer("torch", ("torch", "numpy")),
    "keras": Peer("tensorflow", ("tensorflow-cpu==2.21.*",)),
    "dezero": Peer("dezero", ("dezero==0.0.13", "numpy", "setuptools")),
    "mygrad": Peer("mygrad", ("mygrad",)),
    "pydynet": Peer("pydynet", ("pydynet", "numpy")),
    "smallpebble": Peer("smallpebble", ("smallpebble", "numpy")),
    "autograd": Peer("autograd", ("autograd", "scipy")),
}


class Absent(Exception):
    """A contestant cannot take part; the message says why."""


def interpreter(name):
    """The Python that has this contestant; Absent if it could not be installed."""
    peer = PEERS.get(name)
    if peer is None or importlib.util.find_spec(peer.module):
        return sys.executable
    folder = FOLDER / name
    python, complete = folder / "bin" / "python", folder / "complete"
    wanted = "\n".join(peer.requirements)
    if complete.exists() and complete.read_text(encoding="utf-8") == wanted:
        return str(python)
    print(f"Setting up {folder.relative_to(ROOT)} (only the first time) ...", file=sys.stderr)
    for command in ([sys.executable, "-m", "venv", "--clear", folder],
                    [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements]):
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            lines = run.stderr.strip().splitlines() or ["no reason given"]
            reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1])
            raise Absent(f"not installed: {reason.removeprefix('ERROR: ')}")
    complete.write_text(wanted, encoding="utf-8")
    return str(python)


class Process:
    """The other end of worker.py."""

    def __init__(self, module):
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.child = subprocess.Popen([interpreter(module), str(Path(__file__).with_name("worker.py"))], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                      env=_environment(), cwd=ROOT)

    def ask(self, do, **request):
        """The answer to one request."""
        try:
            self.child.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.errors.seek(0)
            raise Absent(f"its process ended: {(self.errors.read().strip().splitlines() or ['silently'])[-1]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Absent(answer["error"])
        return answer

    def close(self):
        """End the process."""
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()
        self.errors.close()


class Contest:
    """`with Contest({name: (module, options)}, workload, arrays) as contest`: a process for each, its workload built.

    `contest.absent` is {name: reason} of those that could not; `contest.versions` what the others are.
    """

    def __init__(self, contestants, workload, arrays=None):
        self.contestants, self.workload, self.arrays = contestants, workload, arrays or {}
        self.processes, self.absent, self.versions = {}, {}, {}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        np.savez(Path(self.folder.name, "data.npz"), **self.arrays)
        for name, (module, _) in self.contestants.items():
            try:
                self.processes[name] = Process(module)
            except Absent as error:
                self.drop(name, error)
        self.versions = self.build()
        return self

    def __exit__(self, *error):
        for process in self.processes.values():
            process.close()
        self.folder.cleanup()

    def drop(self, name, reason):
        """Leave one out from now on."""
        self.absent[name] = str(reason)
        if name in self.processes:
            self.processes.pop(name).close()

    def build(self, **more):
        """Make the workload ready, or another of the same kind, with `more` options: {name: version}."""
        def built(name):
            module, options = self.contestants[name]
            return self.processes[name].ask("build", module=module, workload=self.workload, options={**options, **more},
                                            data=str(Path(self.folder.name, "data.npz")))["version"]
        return self.each(built)

    def run(self, name, *arguments):
        """What a run says: {"seconds", "cpu", "loss"}."""
        return self.processes[name].ask("run", arguments=arguments)

    def each(self, action):
        """{name: action(name)} for all; those that fail are left out from then on."""
        found = {}
        for name in list(self.processes):
            try:
                found[name] = action(name)
            except Absent as error:
                self.drop(name, error)
        return found

    def weights(self, name):
        """The weights that it has now."""
        path = str(Path(self.folder.name, "weights.npz"))
        self.processes[name].ask("weights", to=path)
        with np.load(path) as arrays:
            return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]

    def in_turn(self, measures, repeats, clock="seconds", **how):
        """{name: seconds of each repeat} of {name: (arguments, parts)}: a run's seconds, over the parts it did."""
        def said(name, arguments, parts):
            return lambda: self.run(name, *arguments)[clock] / parts
        return told_in_turn({name: said(name, *what) for name, what in measures.items()}, repeats, **how)


def apart(ours, theirs, start):
    """How far two lists of trained weights are from each other, in parts of the way that ours went from the start."""
    for a, b in zip(ours, theirs, strict=True):
        if a.shape != b.shape:
            raise ValueError(f"weights of other shapes: {a.shape} and {b.shape}")

    def distance(xs, ys):
        return sum(float(np.square(x - y).sum()) for x, y in zip(xs, ys)) ** 0.5
    return distance(ours, theirs) / distance(ours, start)


def _environment():
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": str(ROOT) + (os.pathsep + path if path else "")}
