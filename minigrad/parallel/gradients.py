"""The sum of the pieces' gradients."""

import threading


class SumInOrder:
    """Adds up {leaf: gradient} of the pieces, always in the order of the pieces: rounding then does not depend on who
    was faster, and the result is the same to the bit for any number of workers.

    A piece that comes early waits. Whoever brings the next one adds it, and those that wait behind it.
    """

    def __init__(self):
        self.total = {}
        self._lock, self._waiting, self._next = threading.Lock(), {}, 0

    def add(self, i, gradients):
        """The gradients of piece i, whose arrays are ours from now on."""
        with self._lock:
            self._waiting[i] = gradients
            while self._next in self._waiting:
                for leaf, g in self._waiting.pop(self._next).items():
                    if leaf in self.total:
                        self.total[leaf] += g._data
                    else:
                        self.total[leaf] = g._data
                self._next += 1
