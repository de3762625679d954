"""The stages that join elements to batches, and that make them ahead."""

import itertools
import math

import numpy as np

from minigrad.data.errors import fault
from minigrad.data.prefetch import ahead, checked_count
from minigrad.data.sources import Indexed, pad, stack
from minigrad.data.stages import Stage
from minigrad.transforms.trees import leaves


class Batch(Stage):
    """Batches of `size` elements, which have equal shapes."""

    def __init__(self, size, drop_last=False):
        self.size, self.drop_last = checked_count(size, "batch", "size"), bool(drop_last)

    def before(self, start):
        return start * self.size

    def length(self, n):
        return n if n in (None, math.inf) else n // self.size if self.drop_last else -(-n // self.size)

    def run(self, upstream, epoch, start):
        flow = upstream(epoch)
        if isinstance(flow, Indexed) and flow.source.by_rows and type(self) is Batch:
            return self._of_rows(flow)
        return self._of_elements(iter(flow))

    def _of_rows(self, flow):
        for start in range(0, len(flow) - (self.size - 1 if self.drop_last else 0), self.size):
            yield flow.source.rows(flow.order[start:start + self.size])

    def _of_elements(self, elements):
        while found := list(itertools.islice(elements, self.size)):
            if len(found) == self.size or not self.drop_last:
                yield self.joined(found)

    def joined(self, elements):
        """The batch of these elements."""
        return stack(elements)


class PaddedBatch(Batch):
    """Batches of `size` elements, filled up to the length of the longest, or to `to`."""

    def __init__(self, size, value=0, to=None, drop_last=False):
        super().__init__(size, drop_last)
        self.value, self.to = value, None if to is None else checked_count(to, "padded_batch", "length")

    def joined(self, elements):
        return pad(elements, self.value, self.to)


class BucketByLength(Stage):
    """Padded batches of elements of similar length: element i goes to the bucket with boundaries[k-1] <= length <
    boundaries[k], and a bucket that is full is a batch. What is left in them at the end follows, shortest first."""

    def __init__(self, boundaries, size, length=None, value=0, drop_last=False):
        self.boundaries = [checked_count(b, "bucket_by_length", "boundary") for b in boundaries]
        if self.boundaries != sorted(set(self.boundaries)):
            raise fault("bucket_by_length", "wrong boundaries", "lengths that grow", repr(boundaries), "")
        sizes = list(size) if isinstance(size, (list, tuple)) else [size] * (len(self.boundaries) + 1)
        if len(sizes) != len(self.boundaries) + 1:
            raise fault("bucket_by_length", "wrong batch sizes", f"one, or {len(self.boundaries) + 1}: one for each bucket",
                        f"{len(sizes)}", "There is one bucket more than boundaries.")
        self.size = [checked_count(n, "bucket_by_length", "batch size") for n in sizes]
        self._length, self.value, self.drop_last = length, value, bool(drop_last)

    def length(self, n):
        return None

    def run(self, upstream, epoch, start):
        buckets = [[] for _ in self.size]
        for element in upstream(epoch):
            k = int(np.searchsorted(self.boundaries, self._of(element), side="right"))
            buckets[k].append(element)
            if len(buckets[k]) == self.size[k]:
                full, buckets[k] = buckets[k], []
                yield pad(full, self.value, where="bucket_by_length")
        for left in buckets if not self.drop_last else ():
            if left:
                yield pad(left, self.value, where="bucket_by_length")

    def _of(self, element):
        if self._length is None:
            return len(leaves(element)[0][1])
        return self._length(*element) if isinstance(element, tuple) else self._length(element)


class Prefetch(Stage):
    """The elements, of which a thread makes up to `size` ahead."""

    def __init__(self, size=2):
        self.size = checked_count(size, "prefetch", "size")

    def before(self, start):
        return start

    def run(self, upstream, epoch, start):
        return ahead(upstream(epoch), self.size)
