"""A contestant's own process: it builds a workload, and does as much of it as it is told to, over pipes.

Every line on stdin is a request in JSON, every line on stdout the answer, {"error": ...} if it went wrong. What libraries
print goes to stderr. It needs nothing but NumPy and the contestant's own library (contestants/), so it runs in any
interpreter; times are taken here, without the pipes. `peers.py` is the other end.
"""

import gc
import importlib
import json
import os
import resource
import sys
import time

import numpy as np


class Worker:
    """The requests, by name."""

    def __init__(self):
        self.work = None

    def build(self, module, workload, data=None, options=None):
        """Make the workload of this contestant ready; `data` is an .npz file."""
        module = importlib.import_module(f"contestants.{module}")
        arrays = dict(np.load(data)) if data else {}
        self.work = getattr(module, workload)(arrays, **options or {})
        return {"version": module.VERSION}

    def run(self, arguments):
        """Run it: seconds on the clock, seconds of the processor, and the loss."""
        gc.collect()
        cpu, start = time.process_time(), time.perf_counter()
        loss = self.work.run(*arguments)
        return {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu, "loss": loss}

    def weights(self, to):
        """Write the weights to an .npz file."""
        np.savez(to, *self.work.weights())
        return {}

    def memory(self):
        """Bytes that this process has in memory now, and at most had."""
        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[1]) * resource.getpagesize()
        return {"now": now, "most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def main():
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # whatever it is, the other end wants to know
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
