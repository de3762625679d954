"""How long `import minigrad` takes beside `import numpy, scipy.special`, which it needs: pairs of processes, in turn.

    python benchmarks/import_time.py
    python benchmarks/import_time.py --slowest 20      # and the modules that take the longest by themselves
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
from results import ROOT, Block, Row, show
from turns import told_in_turn

GOAL = 0.15  # seconds more
NEEDED, ALL = "import numpy, scipy.special", "import numpy, scipy.special, minigrad"
TIMED = ("import time; start, cpu = time.perf_counter(), time.process_time(); {}; "
         "print(time.perf_counter() - start, time.process_time() - cpu)")


def said_by(cache, *arguments):
    """(stdout, stderr) of another Python, whose compiled modules stay in the folder `cache`, as after a first use."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": cache}
    run = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return run.stdout, run.stderr


def slowest(count):
    """[(microseconds by itself, module)] of what minigrad brings in beside NumPy and SciPy."""
    def modules(cache, statement):
        said_by(cache, "-c", statement)
        found = re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$",
                           said_by(cache, "-X", "importtime", "-c", statement)[1], re.MULTILINE)
        return {name: int(microseconds) for microseconds, name in found}
    with tempfile.TemporaryDirectory() as cache:
        before = modules(cache, NEEDED)
        return sorted(((us, name) for name, us in modules(cache, ALL).items() if name not in before), reverse=True)[:count]


def run(quick=False):
    """The block of the table."""
    with tempfile.TemporaryDirectory() as cache:
        cpu = {NEEDED: [], ALL: []}

        def measure(what):
            clock, processor = map(float, said_by(cache, "-c", TIMED.format(what))[0].split())
            cpu[what].append(processor)
            return clock
        seconds = told_in_turn({what: lambda what=what: measure(what) for what in (NEEDED, ALL)}, 5 if quick else 15,
                               warm_up=1)
    more, processor = (np.median(np.subtract(found[ALL], found[NEEDED])) for found in (seconds, cpu))
    rows = [Row(name, float(np.median(times))) for name, times in seconds.items()]
    return [Block("import", "import minigrad", "s", rows, [
        f"{more:.3f} s more (at most {GOAL}), {processor:.3f} s of the processor; medians of the differences"])]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slowest", type=int, default=0, help="show so many modules")
    options = parser.parse_args()
    show(run())
    for us, name in slowest(options.slowest):
        print(f"{us:8,} µs  {name}")
