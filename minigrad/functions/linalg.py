"""mg.linalg: linear algebra on batches of matrices, under NumPy's names."""

from minigrad.functions.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from minigrad.functions.inverses import det, inv, matrix_power, pinv, slogdet, solve
from minigrad.functions.norms import matrix_norm, norm, vector_norm

__all__ = ["cholesky", "det", "eigh", "eigvalsh", "inv", "matrix_norm", "matrix_power", "norm", "pinv", "qr",
           "slogdet", "solve", "svd", "svdvals", "vector_norm"]
