"""mg.linalg: linear algebra on batches of matrices, under NumPy's names."""

from minigrad.functions.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from minigrad.functions.inverses import det, inv, matrix_power, pinv, slogdet, solve

__all__ = ["cholesky", "det", "eigh", "eigvalsh", "inv", "matrix_power", "pinv", "qr", "slogdet", "solve", "svd", "svdvals"]
