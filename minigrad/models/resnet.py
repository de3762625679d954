"""ResNet: blocks that compute what to add to their input, so that it reaches the last layer, and the gradient the first."""

from minigrad import functions as F
from minigrad import layers
from minigrad.layers import Layer
from minigrad.layers.core import positive
from minigrad.training import Sequential


class ResidualBlock(Layer):
    """y = relu(x + norm_2(conv_2(relu(norm_1(conv_1(x))))))

    x (N, H, W, C), y (N, H / s, W / s, F), the quotients rounded up, for a stride of s. Where x and y differ in shape, x
    goes through a projection, norm(conv 1x1) with that stride (option B of the paper).
    9 C F + 9 F² + 4·2 F parameters, and C F + 4 F of the projection; of a norm's 4 F, half are statistics.
    """

    def __init__(self, filters, strides=1, name=None):
        super().__init__(name)
        self.filters, self.strides = filters, strides
        self.conv_1, self.norm_1 = convolution(filters, 3, strides), normalization()
        self.conv_2, self.norm_2 = convolution(filters, 3), normalization()

    def build(self, input_shape):
        if self.strides != 1 or input_shape[-1] != self.filters:
            self.projection, self.norm = convolution(self.filters, 1, self.strides), normalization()

    def call(self, x):
        y = self.norm_2(self.conv_2(F.relu(self.norm_1(self.conv_1(x)))))
        return F.relu(y + (self.norm(self.projection(x)) if "projection" in self._layers else x))


class ResNet(Sequential):
    """probabilities = softmax(dense(mean over places(block(... block(relu(norm(conv(x))))))))

    x (N, H, W, C) images, probabilities (N, classes). blocks: how many in each stage; the first stage has `width` filters,
    each further one twice as many, and starts with a stride of 2. (n, n, n) with width 16 is the network of 6 n + 2 layers
    for 32 x 32 images (sec. 4.2). stem_strides=2 halves the image at once, which takes a quarter of the time.
    He, Zhang, Ren & Sun 2016, "Deep Residual Learning for Image Recognition".
    """

    def __init__(self, classes=10, input_shape=(28, 28, 1), blocks=(1, 1, 1), width=16, stem_strides=1, name="resnet"):
        counts = [positive(n, "ResNet", f"blocks[{i}]") for i, n in enumerate(blocks)]
        width = positive(width, "ResNet", "width")
        super().__init__([
            layers.Input(input_shape),
            convolution(width, 3, stem_strides),
            normalization(),
            layers.ReLU(),
            *(ResidualBlock(width * 2 ** stage, 2 if stage and not i else 1)
              for stage, n in enumerate(counts) for i in range(n)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ], name=name)


def convolution(filters, size, strides=1):
    """A convolution whose windows lie around each, or each second, pixel; without a bias, which the norm would take away."""
    return layers.Conv2D(filters, size, strides, padding=size // 2, use_bias=False, kernel_initializer="he_normal")


def normalization():
    """Batch normalisation whose statistics follow within some tens of steps, as in the paper's code."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
