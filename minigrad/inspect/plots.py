"""Pictures of how training went, through matplotlib (the extra `plot`). Each function returns a Figure; `save` writes it."""

import os
from pathlib import Path

import numpy as np

from minigrad.callbacks import History

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


def _plot(self):
    """The learning curves as a Figure."""
    return learning_curves(self.history)


History.plot = _plot  # bound here, since training may not look up to inspect
