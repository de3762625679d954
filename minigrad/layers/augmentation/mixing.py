"""Images mixed with others of their batch, and their labels in the same proportion."""

import numpy as np

from minigrad import functions as F
from minigrad import random
from minigrad.layers.augmentation.base import interval, on_device, uniform
from minigrad.layers.augmentation.erasing import boxes
from minigrad.layers.core import as_float
from minigrad.layers.layer import Layer
from minigrad.tensor import Tensor, get_default_dtype


class Mixing(Layer):
    """`x, y = layer(x, y, training=True)` for a batch, x (N, ...), y one-hot (N, K), or class numbers (N,) with num_classes.

    As a stage of a data set, after batch: dataset.batch(64).augment(MixUp(num_classes=10)). In evaluation x stays as it is,
    and class numbers become one-hot rows.
    """

    mixes_labels = draws = True
    needs_whole_batch = True

    def __init__(self, num_classes=None, **options):
        self.num_classes = num_classes
        super().__init__(**options)

    def call(self, x, y, training=False):
        x, y = as_float(x), self._one_hot(y)
        if len(y) != len(x):
            raise ValueError(f"x has {len(x)} rows and y has {len(y)}: each input needs its label")
        return self.mixed(x, y, on_device(random.generator().permutation(len(x)), x)) if training else (x, y)

    def mixed(self, x, y, other):
        """x and y mixed with those of the rows `other`."""
        raise NotImplementedError(f"{type(self).__name__} defines no mixed")

    def _one_hot(self, y):
        if y.ndim == 2 and y.shape[1] == 1:
            y = F.squeeze(y, 1)
        if y.ndim != 1:
            return as_float(y)
        if self.num_classes is None:
            raise ValueError(f"y must be one-hot rows (N, K), since labels are mixed, got shape {tuple(y.shape)}: pass "
                             "num_classes=K for class numbers, and a categorical (not a sparse) loss")
        labels = y.data
        if labels.dtype.kind not in "iu" or len(y) and not 0 <= int(labels.min()) <= int(labels.max()) < self.num_classes:
            raise ValueError(f"y must be class numbers from 0 to {self.num_classes - 1}, got {labels.dtype}"
                             + (f" from {labels.min()} to {labels.max()}" if len(y) else ""))
        rows = on_device(np.eye(self.num_classes, dtype=get_default_dtype()), y)
        return Tensor.wrap(rows[labels])


class MixUp(Mixing):
    """x'_i = w x_i + (1 - w) x_j, y'_i = w y_i + (1 - w) y_j: j is a permutation of the batch, and each w_i is drawn from
    Beta(alpha, alpha).

    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".
    """

    def __init__(self, alpha=0.2, num_classes=None, **options):
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < np.inf:
            raise ValueError(f"MixUp: alpha must be a number above 0, got {alpha!r}")
        self.alpha = alpha
        super().__init__(num_classes, **options)

    def mixed(self, x, y, other):
        w = random.generator().beta(self.alpha, self.alpha, len(x))

        def mix(a):
            share = on_device(w.astype(a.dtype).reshape(-1, *[1] * (a.ndim - 1)), a)
            return share * a + (1 - share) * a[other]

        return mix(x), mix(y)


class CutMix(Mixing):
    """In each image (N, H, W, C) a box becomes that of another image; labels are mixed by the share of pixels.

    The box has the proportions of the image, and the share 1 - w of its area, w from Beta(a, a) with a drawn for the batch
    from `factor`: a number f, for [0, f], or two bounds. Yun et al. 2019, "CutMix". (Their box may stick out of the image;
    Keras's lies inside, and so does this one. The labels' share is that of whole pixels.)
    """

    input_axes = 4

    def __init__(self, factor=1.0, num_classes=None, **options):
        self.factor, self._alphas = factor, interval(factor, "CutMix", "factor", 0.0)
        super().__init__(num_classes, **options)

    def mixed(self, x, y, other):
        n, height, width, _ = x.shape
        alpha = float(uniform(*self._alphas, 1)[0]) + 1e-6
        side = np.sqrt(1 - random.generator().beta(alpha, alpha, n))
        box = boxes(side * height, side * width, uniform(0, 1, (n, 2)), height, width)
        share = on_device(box.mean((1, 2, 3)).astype(y.dtype).reshape(-1, *[1] * (y.ndim - 1)), y)
        return F.where(on_device(box, x), x[other], x), (1 - share) * y + share * y[other]
