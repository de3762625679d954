"""Activations with arguments, as layers: ReLU, LeakyReLU, PReLU, ELU, Softmax."""

from minigrad import functions as F
from minigrad.layers.core import as_float
from minigrad.layers.layer import Layer
from minigrad.tensor import as_array


def _not_negative(value, layer, argument):
    if value is None or not value >= 0:
        raise ValueError(f"{layer}: {argument} must be 0 or more, got {value!r}")
    return value


class ReLU(Layer):
    """y = max(x, 0); in general y = min(x, max_value) where x > threshold, else negative_slope (x - threshold)"""

    supports_masking = True

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **options):
        self.max_value = None if max_value is None else _not_negative(max_value, "ReLU", "max_value")
        self.negative_slope = _not_negative(negative_slope, "ReLU", "negative_slope")
        self.threshold = _not_negative(threshold, "ReLU", "threshold")
        super().__init__(**options)

    def call(self, x):
        if self.max_value is None and not self.negative_slope and not self.threshold:
            return F.relu(x)
        x = as_float(x)
        above = x if self.max_value is None else F.minimum(x, float(self.max_value))
        return F.where(x.data > self.threshold, above, float(self.negative_slope) * (x - float(self.threshold)))


class LeakyReLU(Layer):
    """y = x where x > 0, else negative_slope x. Maas, Hannun & Ng 2013."""

    supports_masking = True

    def __init__(self, negative_slope=0.3, **options):
        self.negative_slope = _not_negative(negative_slope, "LeakyReLU", "negative_slope")
        super().__init__(**options)

    def call(self, x):
        return F.leaky_relu(as_float(x), self.negative_slope)


class PReLU(Layer):
    """y = x where x > 0, else alpha x, with alpha learnt

    x (N, ...), alpha (...) as x without the batch, of length 1 along the shared_axes (counted from 1, the first after the
    batch). He, Zhang, Ren & Sun 2015.
    """

    initial = {"alpha": "zeros"}
    supports_masking = True

    def __init__(self, shared_axes=None, **options):
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else list(shared_axes or [])
        super().__init__(**options)

    def weight_shapes(self, input_shape):
        axes = range(1, len(input_shape))
        if not set(self.shared_axes) <= set(axes):
            raise ValueError(f"shared_axes must be of the axes after the batch, {[*axes]}, got {self.shared_axes}")
        return {"alpha": {f"n{axis}": 1 if axis in self.shared_axes else input_shape[axis] for axis in axes}}

    def call(self, x):
        expected = tuple(1 if axis in self.shared_axes else n for axis, n in enumerate(x.shape))[1:]
        if expected != self.alpha.shape:
            raise ValueError(f"expected an input (N, {', '.join(map(str, self.alpha.shape))}), got shape {tuple(x.shape)}")
        return F.prelu(as_float(x, self.alpha), self.alpha)


class ELU(Layer):
    """y = x where x > 0, else alpha (exp(x) - 1). Clevert, Unterthiner & Hochreiter 2015."""

    supports_masking = True

    def __init__(self, alpha=1.0, **options):
        self.alpha = alpha
        super().__init__(**options)

    def call(self, x):
        return F.elu(as_float(x), self.alpha)


class Softmax(Layer):
    """yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) along an axis, or over several

    mask: boolean, broadcasts to x; where it is False, y is 0 and x does not count (y is 0 where nothing counts).
    """

    supports_masking = True

    def __init__(self, axis=-1, **options):
        self.axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
        super().__init__(**options)

    def call(self, x, mask=None):
        x = as_float(x)
        if mask is not None:
            mask = as_array(mask).astype(bool)
            if any(m not in (1, n) for m, n in zip(mask.shape[::-1], x.shape[::-1])) or mask.ndim > x.ndim:
                raise ValueError(f"a mask of shape {mask.shape} does not broadcast to the input's {tuple(x.shape)}")
            x = F.where(mask, x, -1e9)
        if isinstance(self.axis, tuple) and len(self.axis) > 1:
            y = F.exp(x - F.logsumexp(x, self.axis, keepdims=True))
        else:
            y = F.softmax(x, self.axis[0] if isinstance(self.axis, tuple) else self.axis)
        return y if mask is None else F.where(mask, y, 0.0)
