"""Pictures of how training went, through matplotlib (the extra `plot`). Each function returns a Figure; `save` writes it."""

import os
import textwrap
from pathlib import Path

import numpy as np

from minigrad import backend
from minigrad.autograd import no_grad
from minigrad.training.history import History

RIGHT, WRONG = "#0072B2", "#D55E00"  # blue and vermilion: told apart by all kinds of colour vision (Okabe & Ito 2008)


def _figure(width, height):
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures need matplotlib, which is not installed: pip install 'minigrad[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def save(figure, path):
    """Write a figure as PNG (or by its ending); written aside and renamed, so an old file survives a failure."""
    path = Path(path)
    aside = path.with_name(path.name + ".part")
    try:
        figure.savefig(aside, format=path.suffix.lstrip(".") or "png", dpi=120)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def learning_curves(history):
    """Loss and metrics by epoch, training and validation; the best validation epoch is marked.

    history: {"loss": [...], "val_loss": [...], "accuracy": [...] ...}, as fit's History.history.
    """
    names = [n for n, v in history.items() if not n.startswith("val_") and np.ndim(v) == 1]
    if not names:
        raise ValueError("learning_curves: the history is empty, so there is nothing to draw")
    figure = _figure(5 * len(names), 3.6)
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names):
        epochs = np.arange(1, len(history[name]) + 1)
        axes.plot(epochs, history[name], "o-", color=RIGHT, label="training", markersize=4)
        if f"val_{name}" in history:
            validation = np.asarray(history[f"val_{name}"])
            low = any(word in name for word in ("loss", "error", "mse", "mae"))
            best = int(validation.argmin() if low else validation.argmax())
            axes.plot(epochs, validation, "s--", color=WRONG, label="validation", markersize=4)
            axes.plot(epochs[best], validation[best], "o", color=WRONG, markersize=11, fillstyle="none",
                      label=f"best: {validation[best]:.4f} in epoch {epochs[best]}")
        axes.set(title=name, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.margins(y=0.15)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def confusion_matrix(matrix, class_names):
    """Counts by true (rows) and predicted class (columns); the shade is the share of the row."""
    matrix = np.asarray(matrix)
    n = len(matrix)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = _figure(1.4 + 0.66 * n, 1.2 + 0.62 * n)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i in range(n):
        for j in range(n):
            if matrix[i, j]:
                axes.text(j, i, f"{matrix[i, j]:g}", ha="center", va="center", fontsize=9,
                          color="white" if share[i, j] > 0.5 else "black")
    axes.set_xticks(range(n), class_names, rotation=40, ha="right")
    axes.set_yticks(range(n), class_names)
    axes.set(xlabel="predicted", ylabel="true",
             title=f"{np.trace(matrix):,} of {matrix.sum():,} right ({np.trace(matrix) / max(matrix.sum(), 1):.2%})")
    return figure


def prediction_grid(images, y_true, y_pred, class_names, probabilities=None, rows=4, columns=8):
    """Images with their predicted class and its probability; a wrong one is framed and says what it is."""
    n = min(rows * columns, len(images))
    figure = _figure(1.5 * columns, 1.75 * -(-n // columns))
    grid = np.atleast_1d(figure.subplots(-(-n // columns), columns)).reshape(-1)
    for axes in grid:
        axes.set_axis_off()
    for i, axes in enumerate(grid[:n]):
        right = y_true[i] == y_pred[i]
        axes.set_axis_on()
        axes.imshow(images[i], cmap="gray_r")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=RIGHT if right else WRONG, linewidth=1 if right else 3)
        text = class_names[y_pred[i]] + ("" if probabilities is None else f" {probabilities[i][y_pred[i]]:.0%}")
        axes.set_title(text if right else f"{text}\nis {class_names[y_true[i]]}", fontsize=8,
                       color=RIGHT if right else WRONG)
    return figure


def augmentation_grid(layers, images, columns=8, class_names=None):
    """What augmentations do: a row of pictures for each layer, named at its left, the first of them unchanged.

        augmentation_grid([layers.RandomFlip(), layers.RandomRotation(0.1)], x_train[:8]).savefig("augmentation.png")

    layers: a layer, a list of them, or {name: layer or list of layers in a row}; MixUp and CutMix are shown with the images'
    numbers as their labels, or with class_names: names of them.
    images: (N, H, W, C) or (N, H, W), of 0 ... 1 or 0 ... 255; one alone, N = 1, is shown in `columns` versions.
    """
    if not isinstance(layers, dict):
        layers = {repr(layer): layer for layer in (layers if isinstance(layers, (list, tuple)) else [layers])}
    images = backend.to_numpy(images)
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or not len(images) or not layers:
        raise ValueError(f"augmentation_grid: expected layers, and images (N, H, W, C), got {len(layers)} layers and shape "
                         f"{images.shape}")
    images = np.repeat(images, columns, axis=0) if len(images) == 1 else images[:columns]
    names = [str(i) for i in range(len(images))] if class_names is None else list(class_names)
    if len(names) != len(images):
        raise ValueError(f"augmentation_grid: expected {len(images)} class_names, one for each image, got {len(names)}")
    highest = 1.0 if images.max() <= 1 else 255.0
    rows = {"unchanged": (images, names)} | {name: _augmented(layer, images, names) for name, layer in layers.items()}
    figure = _figure(1.1 * len(images) + 1.8, 1.3 * len(rows))
    grid = np.atleast_2d(figure.subplots(len(rows), len(images), squeeze=False))
    for row, (name, (pictures, titles)) in zip(grid, rows.items()):
        row[0].set_ylabel(textwrap.fill(name.replace("(", "( ", 1), 26), rotation=0, ha="right", va="center", fontsize=7)
        for axes, picture, title in zip(row, pictures, titles):
            axes.imshow(np.clip(picture / highest, 0, 1).squeeze(-1) if picture.shape[-1] == 1 else
                        np.clip(picture / highest, 0, 1), cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=7)
    return figure


def _augmented(layer, images, names):
    """The images after the layer, or layers, and what stands above each."""
    x, titles = images.astype("float32"), [""] * len(images)
    with no_grad():
        for one in layer if isinstance(layer, (list, tuple)) else [layer]:
            if getattr(one, "mixes_labels", False):
                x, y = one(x, np.eye(len(names), dtype="float32"), training=True)
                titles = ["\n".join(f"{share:.0%} {names[k]}" for k, share in enumerate(row) if share >= 0.005)
                          for row in y.numpy()]
            else:
                x = one(x, training=True)
    return backend.to_numpy(x), titles


def _plot(self):
    """The learning curves as a Figure."""
    return learning_curves(self.history)


History.plot = _plot  # bound here, since training may not look up to inspect
