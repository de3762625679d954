"""One step on several workers: the batch is cut into pieces, and threads take them; the gradients are added up.

    pieces     how a batch is cut, so that what happens depends on the batch and not on who computes it
    gradients  the sum of what the pieces give, in their order
    steps      both together, on the threads of minigrad/threads.py: step, forward, tune

MPI ranks and GPUs would stand beside threads: each takes pieces of its own, and their sums are added in turn.
"""

from minigrad.parallel.pieces import rows_of_a_piece
from minigrad.parallel.steps import forward, step, tune
from minigrad.threads import count_workers
