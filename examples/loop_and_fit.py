"""The same LeNet trained twice: by `fit`, and by a hand-written loop. Both print the same losses.

    python examples/loop_and_fit.py [--limit N] [--epochs N]
"""

import argparse

import numpy as np

import minigrad as mg
import minigrad.functions as F


def by_fit(x, y, epochs, batch_size):
    """compile and fit."""
    mg.seed(0)
    model = mg.models.LeNet()
    model.compile(optimizer=mg.optimizers.Adam(learning_rate=0.001), loss="sparse_categorical_crossentropy")
    history = model.fit(x, y, epochs=epochs, batch_size=batch_size, shuffle=False, verbose=0)  # on all cores
    return model, history.history["loss"]


def by_hand(x, y, epochs, batch_size):
    """What fit does with workers=None, written out: forward, loss, backward, step (parallel.step does the first three on
    all cores)."""
    mg.seed(0)
    model = mg.models.LeNet()
    optimizer = mg.optimizers.Adam(model.parameters(), learning_rate=0.001)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            batch_x, batch_y = x[start:start + batch_size], y[start:start + batch_size]
            probabilities = model(batch_x, training=True)
            loss = F.cross_entropy(probabilities, batch_y, from_logits=False)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item() * len(batch_x)
        losses.append(total / len(x))
    return model, losses


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=2000, help="training images")
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    (x, y), _ = mg.data.fashion_mnist()
    x, y = x[:arguments.limit, ..., None].astype("float32") / 255, y[:arguments.limit]
    print("epoch   fit       by hand")
    _, fitted = by_fit(x, y, arguments.epochs, 64)
    _, looped = by_hand(x, y, arguments.epochs, 64)
    for epoch, (a, b) in enumerate(zip(fitted, looped), 1):
        print(f"{epoch:5d}   {a:.6f}  {b:.6f}")
    print(f"largest difference: {np.abs(np.subtract(fitted, looped)).max():.1e}")


if __name__ == "__main__":
    main()
