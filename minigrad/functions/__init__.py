"""The mathematics: every differentiable function, its forward beside its backward.

Read arithmetic first, then convolution. `import minigrad.functions as F` has PyTorch's names; those that NumPy has too
are `mg.exp`, `mg.sum` ... as well.
"""

from minigrad.functions.activations import log_softmax, relu, sigmoid, softmax, softplus
from minigrad.functions.adaptive_pooling import (
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, adaptive_max_pool1d, adaptive_max_pool2d,
    adaptive_max_pool3d, global_avg_pool, global_max_pool,
)
from minigrad.functions.arithmetic import (
    absolute, add, clip, divide, maximum, minimum, multiply, negative, power, square, subtract, where,
)
from minigrad.functions.arranging import (
    choose, compress, extract, fill_diagonal, fliplr, flipud, matrix_transpose, permute_dims, piecewise, put_along_axis,
    rollaxis, rot90, select, vander,
)
from minigrad.functions.attention import scaled_dot_product_attention
from minigrad.functions.bessel import i0, i0e, i1, i1e
from minigrad.functions.blockwise import blockwise_attention
from minigrad.functions.complex_numbers import angle, complex, conj, conjugate, imag, real
from minigrad.functions.convolution import conv1d, conv2d, conv3d
from minigrad.functions.covariance import corrcoef, cov
from minigrad.functions.ctc import ctc_loss
from minigrad.functions.cumulative import (
    cummax, cummin, cumulative_prod, cumulative_sum, logcumsumexp, nancumprod, nancumsum,
)
from minigrad.functions.differences import diff, ediff1d, gradient, trapezoid
from minigrad.functions.dropout import dropout
from minigrad.functions.einsum import dot, einsum, inner, kron, outer, tensordot, vdot
from minigrad.functions.elementwise import (
    divmod, erfinv, fabs, float_power, heaviside, interp, ldexp, log_ndtr, modf, ndtr, positive, pow, true_divide, unwrap,
)
from minigrad.functions.exponential import (
    cbrt, cos, erf, exp, exp2, expm1, log, log1p, log2, log10, reciprocal, sin, sqrt, tanh,
)
from minigrad.functions.gaussian import gelu
from minigrad.functions.indexing import embedding, getitem, index_add, index_update, one_hot, take_along_axis
from minigrad.functions.interpolation import interpolate
from minigrad.functions.joining import (
    append, array_split, atleast_1d, atleast_2d, atleast_3d, block, broadcast_arrays, column_stack, concat, delete, dsplit,
    dstack, hsplit, hstack, insert, meshgrid, resize, vsplit, vstack,
)
from minigrad.functions.losses import binary_cross_entropy_with_logits, cross_entropy, mse_loss, triplet_margin_loss
from minigrad.functions.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from minigrad.functions.order import (
    diag, diagflat, diagonal, partition, repeat, roll, sort, take, tile, topk, trace, tril, triu,
)
from minigrad.functions.padding import pad
from minigrad.functions.polynomials import polyadd, polyder, polyint, polymul, polysub, polyval
from minigrad.functions.pooling import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d
from minigrad.functions.positions import alibi_bias, rotary, rotary_angles, rotary_frequencies, sinusoidal_positions
from minigrad.functions.products import linear, matmul
from minigrad.functions.random_numbers import gumbel_softmax
from minigrad.functions.rectifiers import (
    celu, elu, glu, hard_sigmoid, hard_silu, hardtanh, leaky_relu, log_sigmoid, mish, prelu, relu6, selu, silu, softsign,
)
from minigrad.functions.recurrent import gru, lstm, rnn
from minigrad.functions.reductions import logsumexp, max, mean, min, std, sum, var
from minigrad.functions.norms import matrix_norm, norm, vector_norm
from minigrad.functions.scans import cumprod, cumsum, prod
from minigrad.functions.rounding import (
    ceil, copysign, fix, floor, floor_divide, fmax, fmin, fmod, mod, nan_to_num, remainder, rint, round, sign, trunc,
)
from minigrad.functions.shapes import (
    astype, broadcast_to, concatenate, expand_dims, flip, moveaxis, ravel, reshape, split, squeeze, stack,
    swapaxes, transpose, unstack,
)
from minigrad.functions.sliding_windows import sliding_window_view
from minigrad.functions.spacing import geomspace, linspace, logspace
from minigrad.functions.special import (
    digamma, erfc, expit, gammaln, logaddexp, logaddexp2, logit, polygamma, xlogy,
)
from minigrad.functions.spectral import (
    blackman_window, hamming_window, hann_window, istft, mel_filter_bank, mel_spectrogram, stft,
)
from minigrad.functions.statistics import (
    average, median, nanmax, nanmean, nanmedian, nanmin, nanpercentile, nanprod, nanquantile, nanstd, nansum, nanvar,
    percentile, ptp, quantile,
)
from minigrad.functions.transposed_convolution import conv_transpose1d, conv_transpose2d, conv_transpose3d
from minigrad.functions.trigonometric import (
    acos, acosh, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, asin, asinh, atan, atan2, atanh, cosh,
    deg2rad, hypot, rad2deg, sinc, sinh, tan,
)
from minigrad.functions.vectors import convolve, correlate, cross, matvec, vecdot, vecmat

abs = absolute
mse = mse_loss

__all__ = [name for name in dir() if not name.startswith("_") and callable(globals()[name])]
