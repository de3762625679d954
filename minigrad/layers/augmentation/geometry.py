"""Images moved, turned, zoomed, flipped and cropped."""

import numpy as np

from minigrad import backend, random
from minigrad import functions as F
from minigrad.layers.augmentation.base import ImageAugmentation, interval, on_device, uniform
from minigrad.layers.core import positive
from minigrad.names import checked_choice
from minigrad.tensor import Tensor

FILL_MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap"}  # in ndimage
ORDERS = {"nearest": 0, "bilinear": 1}


class RandomFlip(ImageAugmentation):
    """Each image mirrored with probability 1/2: left-right ("horizontal"), top-bottom ("vertical"), or each of the two.

    (Keras 3 tosses one coin for both in "horizontal_and_vertical"; here there are two, so all four views occur.)
    """

    def __init__(self, mode="horizontal_and_vertical", data_format=None, **options):
        self.mode = checked_choice(mode, ("horizontal", "vertical", "horizontal_and_vertical"), "mode of RandomFlip")
        super().__init__(data_format, **options)

    def augment(self, x):
        for axis, name in (1, "vertical"), (2, "horizontal"):
            if name in self.mode:
                heads = random.generator().random(len(x)) < 0.5
                x = F.where(on_device(heads.reshape(-1, 1, 1, 1), x), F.flip(x, axis), x)
        return x


class RandomCrop(ImageAugmentation):
    """A part of each image, `height` by `width`: a random one in training, the middle in evaluation.

    As in Keras, the middle is the largest part of these proportions, made smaller to that size; and so it is in training
    too, if an image is not larger than that in both directions. (Keras 3 draws one place for all images of a batch.)
    """

    def __init__(self, height, width, data_format=None, **options):
        self.height, self.width = positive(height, "RandomCrop", "height"), positive(width, "RandomCrop", "width")
        super().__init__(data_format, **options)

    def augment(self, x):
        free = x.shape[1] - self.height, x.shape[2] - self.width
        if min(free) <= 0:
            return self.unchanged(x)
        top, left = (random.generator().integers(room + 1, size=(len(x), 1, 1)) for room in free)
        rows, columns = top + np.arange(self.height)[:, None], left + np.arange(self.width)
        return x[tuple(on_device(i, x) for i in (np.arange(len(x))[:, None, None], rows, columns))]

    def unchanged(self, x):
        rows, columns = x.shape[1:3]
        height = max(min(rows, columns * self.height // self.width), 1)
        width = max(min(columns, rows * self.width // self.height), 1)
        top, left = (rows - height) // 2, (columns - width) // 2
        x = x[:, top:top + height, left:left + width]
        return x if (height, width) == (self.height, self.width) else F.interpolate(
            x, (self.height, self.width), mode="bilinear")


class AffineAugmentation(ImageAugmentation):
    """y[p] = x[A p + b] for pixels p = (row, column), by scipy.ndimage or its twin in CuPy.

    Each image has its own A and b: a subclass defines `maps(n, height, width)`, which gives A (n, 2, 2) and b (n, 2).

    fill_mode      what lies outside of an image, here of a b c d:
                   "reflect"   d c b a | a b c d | d c b a          "nearest"   a a a a | a b c d | d d d d
                   "wrap"      a b c d | a b c d | a b c d          "constant"  fill_value everywhere
    interpolation  between pixels: "bilinear", or "nearest"

    No gradient is passed on to x: it has to stand before the first layer that learns.
    """

    def __init__(self, fill_mode="reflect", interpolation="bilinear", fill_value=0.0, data_format=None, **options):
        self.fill_mode = checked_choice(fill_mode, FILL_MODES, "fill_mode")
        self.interpolation = checked_choice(interpolation, ORDERS, "interpolation")
        self.fill_value = fill_value
        super().__init__(data_format, **options)

    def augment(self, x):
        if x.requires_grad:
            raise ValueError("no gradient goes through it, and its input needs one: put it before the layers that learn, or "
                             "give it x.detach()")
        maps, shifts = self.maps(x.shape[0], *x.shape[1:3])
        images, ndimage = x.data, backend.ndimage(x.data)
        images = images.astype("float32") if images.dtype == "float16" else images
        xp = backend.get_array_module(images)
        y = xp.empty_like(images)
        for i, (a, b) in enumerate(zip(on_device(maps, x), shifts.tolist())):
            for c in range(images.shape[-1]):
                y[i, :, :, c] = ndimage.affine_transform(
                    images[i, :, :, c], a, b, order=ORDERS[self.interpolation], mode=FILL_MODES[self.fill_mode],
                    cval=self.fill_value, prefilter=False)
        return Tensor.wrap(y.astype(x.dtype, copy=False))

    def maps(self, n, height, width):
        """A (n, 2, 2) and b (n, 2) of n images."""
        raise NotImplementedError(f"{type(self).__name__} defines no maps")


def about_the_middle(maps, height, width):
    """b for which the middle of the image stays where it is: b = (I - A) m."""
    middle = np.array([height - 1, width - 1]) / 2
    return middle - maps @ middle


class RandomTranslation(AffineAugmentation):
    """Each image moved down by a share h of its height and right by a share w of its width, drawn from the two factors.

    A factor is a number f, for [-f, f], or two bounds, from -1 to 1. y[p] = x[p - (h H, w W)]
    """

    def __init__(self, height_factor, width_factor, fill_mode="reflect", interpolation="bilinear", fill_value=0.0,
                 data_format=None, **options):
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = interval(height_factor, "RandomTranslation", "height_factor")
        self._widths = interval(width_factor, "RandomTranslation", "width_factor")
        super().__init__(fill_mode, interpolation, fill_value, data_format, **options)

    def maps(self, n, height, width):
        down, right = uniform(*self._heights, n) * height, uniform(*self._widths, n) * width
        return np.broadcast_to(np.eye(2), (n, 2, 2)).copy(), -np.stack([down, right], axis=1)


class RandomRotation(AffineAugmentation):
    """Each image turned about its middle by an angle drawn from 2π · factor, counter-clockwise if positive.

    factor: a number f, for [-f, f], or two bounds, from -1 to 1. For an angle a, row i and column j counted from the middle,
    y[i, j] = x[i cos a + j sin a, j cos a - i sin a]
    """

    def __init__(self, factor, fill_mode="reflect", interpolation="bilinear", fill_value=0.0, data_format=None, **options):
        self.factor, self._angles = factor, interval(factor, "RandomRotation", "factor")
        super().__init__(fill_mode, interpolation, fill_value, data_format, **options)

    def maps(self, n, height, width):
        angle = 2 * np.pi * uniform(*self._angles, n)
        cos, sin = np.cos(angle), np.sin(angle)
        maps = np.stack([cos, sin, -sin, cos], axis=1).reshape(n, 2, 2)
        return maps, about_the_middle(maps, height, width)


class RandomZoom(AffineAugmentation):
    """Each image zoomed about its middle: y[p] = x[z p], p counted from the middle, z - 1 drawn from the factor.

    So a positive factor makes what is seen smaller, a negative one larger: a number f is for [-f, f], or two bounds, from -1
    (without it) to 1. height_factor is for rows and width_factor for columns; without that they share one z, which keeps the
    proportions.
    """

    def __init__(self, height_factor, width_factor=None, fill_mode="reflect", interpolation="bilinear", fill_value=0.0,
                 data_format=None, **options):
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = interval(height_factor, "RandomZoom", "height_factor", -1 + 1e-6)
        self._widths = None if width_factor is None else interval(width_factor, "RandomZoom", "width_factor", -1 + 1e-6)
        super().__init__(fill_mode, interpolation, fill_value, data_format, **options)

    def maps(self, n, height, width):
        down = 1 + uniform(*self._heights, n)
        right = down if self._widths is None else 1 + uniform(*self._widths, n)
        maps = np.stack([down, right], axis=1)[:, :, None] * np.eye(2)
        return maps, about_the_middle(maps, height, width)
