"""The mathematics: every differentiable function, its forward beside its backward.

Read arithmetic first, then convolution. `import minigrad.functions as F` has PyTorch's names; those that NumPy has too
are `mg.exp`, `mg.sum` ... as well.
"""

from minigrad.functions.activations import gelu, log_softmax, relu, sigmoid, softmax, softplus
from minigrad.functions.arithmetic import (
    absolute, add, clip, divide, maximum, minimum, multiply, negative, power, square, subtract, where,
)
from minigrad.functions.attention import scaled_dot_product_attention
from minigrad.functions.convolution import conv2d
from minigrad.functions.dropout import dropout
from minigrad.functions.exponential import cos, erf, exp, log, sin, sqrt, tanh
from minigrad.functions.indexing import embedding, getitem, index_update, take_along_axis
from minigrad.functions.linear import matmul
from minigrad.functions.losses import cross_entropy, mse_loss
from minigrad.functions.normalization import layer_norm
from minigrad.functions.pooling import avg_pool2d, max_pool2d
from minigrad.functions.reductions import logsumexp, max, mean, min, std, sum, var
from minigrad.functions.shapes import (
    astype, broadcast_to, concatenate, expand_dims, flip, moveaxis, pad, ravel, reshape, split, squeeze, stack,
    swapaxes, transpose, unstack,
)

abs = absolute
mse = mse_loss

__all__ = [name for name in dir() if not name.startswith("_") and callable(globals()[name])]
