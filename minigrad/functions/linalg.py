"""mg.linalg: linear algebra on batches of matrices, under NumPy's names."""

from minigrad.functions.arranging import matrix_transpose
from minigrad.functions.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from minigrad.functions.determinants import det, slogdet
from minigrad.functions.einsum import tensordot
from minigrad.functions.equations import cond, lstsq, matrix_rank, tensorinv, tensorsolve
from minigrad.functions.inverses import inv, matrix_power, pinv, solve
from minigrad.functions.norms import matrix_norm, norm, vector_norm
from minigrad.functions.products import matmul
from minigrad.functions.vectors import linalg_cross as cross
from minigrad.functions.vectors import linalg_diagonal as diagonal
from minigrad.functions.vectors import linalg_outer as outer
from minigrad.functions.vectors import linalg_trace as trace
from minigrad.functions.vectors import multi_dot, vecdot

__all__ = ["cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm",
           "matrix_power", "matrix_rank", "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve",
           "svd", "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm"]
