"""One step on several workers: the batch is cut into pieces, and threads take them; the gradients are added up.

    pieces     how a batch is cut, so that what happens depends on the batch and not on who computes it
    minigrad.threads  who computes: this thread and helpers, while BLAS is held to one thread
    gradients  the sum of what the pieces give, in their order
    steps      the three together: step, forward, tune

MPI ranks and GPUs would stand beside threads: each takes pieces of its own, and their sums are added in turn.
"""

from minigrad.parallel.pieces import rows_of_a_piece
from minigrad.parallel.steps import forward, step, tune
from minigrad.threads import count_workers
