"""An attention classifier for Fashion-MNIST: an image is a sequence of 28 rows, and each row may look at all others.

    python examples/attention_rows.py [--limit N] [--epochs N]
"""

import argparse

import numpy as np

import minigrad as mg
from minigrad import layers


class RowAttention(mg.Model):
    """Rows -> embedding + learned positions -> a pre-norm Transformer block -> mean over the rows -> classes."""

    def __init__(self, classes=10, width=64, heads=4):
        super().__init__(name="row_attention")
        self.embed = layers.Dense(width)
        self.positions = layers.Embedding(28, width)
        self.norm1, self.norm2, self.norm3 = (layers.LayerNormalization() for _ in range(3))
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.wide, self.narrow = layers.Dense(4 * width, activation="gelu"), layers.Dense(width)
        self.classify = layers.Dense(classes, activation="softmax")

    def call(self, rows):                                   # (N, 28, 28)
        h = self.embed(rows) + self.positions(np.arange(28))
        h = h + self.attention(self.norm1(h))
        h = h + self.narrow(self.wide(self.norm2(h)))
        return self.classify(self.norm3(h).mean(axis=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=10000, help="training images")
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    mg.seed(0)
    (x, y), (x_test, y_test) = mg.data.fashion_mnist()
    x, x_test = (images.astype("float32") / 255 for images in (x[:arguments.limit], x_test))
    model = RowAttention()
    print(mg.summary(model, (28, 28)))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y[:arguments.limit], epochs=arguments.epochs, batch_size=64)
    print("on the test images:", model.evaluate(x_test, y_test))


if __name__ == "__main__":
    main()
