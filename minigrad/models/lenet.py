"""LeNet: two convolutions that look for patterns, two poolings that forget where exactly, two dense layers that decide."""

from minigrad import layers
from minigrad.training import Sequential


class LeNet(Sequential):
    """Today's form, for images of 28 x 28 x 1: 3x3 kernels, ReLU, max pooling; 225,034 parameters for 10 classes."""

    def __init__(self, classes=10, input_shape=(28, 28, 1), name="lenet"):
        super().__init__([
            layers.Input(input_shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ], name=name)


class LeNet5(Sequential):
    """LeNet-5, with average pooling and tanh: 61,706 parameters for 28 x 28 x 1 and 10 classes.

    LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", fig. 2; as is usual
    today, each kernel of the second convolution reads all channels, and a softmax replaces the RBF units.
    """

    def __init__(self, classes=10, input_shape=(28, 28, 1), name="lenet5"):
        super().__init__([
            layers.Input(input_shape),
            layers.Conv2D(6, 5, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(classes, activation="softmax"),
        ], name=name)
