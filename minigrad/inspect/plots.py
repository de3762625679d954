"""Pictures of how training went and of what came of it, through matplotlib (the extra `plot`).

Each function returns a Figure; `save` writes it.
"""

import os
import textwrap
from pathlib import Path

import numpy as np

from minigrad import backend, metrics
from minigrad.autograd import no_grad
from minigrad.callbacks import History
from minigrad.metrics.metric import ratio

RIGHT, WRONG = "#0072B2", "#D55E00"  # blue and vermilion: told apart by all kinds of colour vision (Okabe & Ito 2008)
COLOURS = (RIGHT, WRONG, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # the rest of their palette
LINES = "-", "--", "-.", ":"


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
    share = ratio(matrix, matrix.sum(axis=1, keepdims=True))
    right, total = np.trace(matrix), matrix.sum()
    figure = _figure(max(3.6, 1.4 + 0.66 * n), max(2.8, 1.2 + 0.62 * n))
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i in range(n):
        for j in range(n):
            if matrix[i, j]:
                axes.text(j, i, _number(matrix[i, j]), ha="center", va="center", fontsize=9,
                          color="white" if share[i, j] > 0.5 else "black")
    axes.set_xticks(range(n), class_names, rotation=40, ha="right")
    axes.set_yticks(range(n), class_names)
    axes.set(xlabel="predicted", ylabel="true",
             title=f"{right:,} of {total:,} right ({right / (total or 1):.2%})" if matrix.dtype.kind in "iu"
             else f"{right / (total or 1):.2%} right")
    return figure


def _number(x):
    """An integer whole, another number to three digits."""
    return f"{x:,}" if isinstance(x, (int, np.integer)) else f"{x:.3g}"


def roc_curve(y_true, y_score, class_names=None):
    """The ROC curve of scores, with its area: y_true and y_score (N,); or of each class against the rest, y_score (N, C).

    What a threshold finds of the positives, by what it takes of the negatives for them. The diagonal is guessing.
    """
    parts, curves = _one_against_rest(y_true, y_score, class_names), []
    axes = _square("false positive rate", "true positive rate", len(parts))
    for name, true, score in parts:
        area = metrics.AUC()(true, score)
        curves.append((area, f"{name + ' ' if name else ''}AUC {area:.3f}", metrics.roc_curve(true, score)[:2]))
    axes.plot([0, 1], [0, 1], ":", color="grey", linewidth=1)
    axes.set_title("ROC")
    return _with_curves(axes, curves)


def precision_recall_curve(y_true, y_score, class_names=None):
    """Precision by recall, with the average precision: y_true and y_score (N,); or of each class, y_score (N, C).

    Drawn as steps, whose area the average precision is. The dotted line is guessing: the share of positives.
    """
    parts, curves = _one_against_rest(y_true, y_score, class_names), []
    axes = _square("recall", "precision", len(parts))
    for name, true, score in parts:
        area = metrics.AUC(curve="PR")(true, score)
        precision, recall, _ = metrics.precision_recall_curve(true, score)
        curves.append((area, f"{name + ' ' if name else ''}AP {area:.3f}", (recall, precision)))
    if len(parts) == 1:
        axes.axhline(np.mean(parts[0][1]), linestyle=":", color="grey", linewidth=1)
    axes.set_title("precision and recall")
    return _with_curves(axes, curves, "lower left", drawstyle="steps-post")


def _square(xlabel, ylabel, curves):
    axes = _figure(6.4 if curves > 1 else 4.4, 4.2).subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.grid(alpha=0.3)
    return axes


def _with_curves(axes, curves, corner="lower right", **style):
    """Draw (area, label, (x, y)), the largest area first; the legend of one is in a corner, of several beside the axes."""
    for i, (_, label, points) in enumerate(sorted(curves, key=lambda curve: -curve[0])):
        axes.plot(*points, color=COLOURS[i % len(COLOURS)], linestyle=LINES[i // len(COLOURS) % len(LINES)], label=label,
                  **style)
    if len(curves) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    else:
        axes.legend(loc=corner)
    return axes.figure


def _one_against_rest(y_true, y_score, class_names):
    """[(name, 0 and 1 (N,), scores (N,))] of each class; one without a name for scores (N,) or (N, 1)."""
    y_true, y_score = backend.to_numpy(y_true), backend.to_numpy(y_score)
    if y_score.ndim == 1 or y_score.shape[1] == 1:
        return [("", y_true.reshape(len(y_true)), y_score.reshape(len(y_score)))]
    if y_true.ndim == 2 and y_true.shape[1] == 1:
        y_true = y_true[:, 0]
    of_class = y_true.T if y_true.ndim == 2 else [y_true == c for c in range(y_score.shape[1])]
    return [(name, np.asarray(true, int), score) for name, true, score in
            zip(class_names or [f"class {c}" for c in range(y_score.shape[1])], of_class, y_score.T)]


def class_scores(report):
    """The bars of a ClassificationReport: precision, recall and F1 of each class, and how many examples it has."""
    n = len(report.class_names)
    figure = _figure(6.4, 1.4 + 0.55 * n)
    axes = figure.subplots()
    places = np.arange(n)
    for i, (name, scores, colour) in enumerate((("precision", report.precision, RIGHT), ("recall", report.recall, "#56B4E9"),
                                                ("F1", report.f1, WRONG))):
        bars = axes.barh(places + 0.26 * (i - 1), scores, 0.24, color=colour, label=name)
        axes.bar_label(bars, [f"{score:.2f}" for score in scores], padding=2, fontsize=7)
    axes.set_yticks(places, [f"{name} ({_number(count)})" for name, count in zip(report.class_names, report.support)])
    axes.set(xlim=(0, 1.08), xlabel="score", title=f"accuracy {report.accuracy:.4f}")
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
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
    rows = {"unchanged": (images, names)} | {name: _augmented(layer, images, names) for name, layer in layers.items()}
    return image_rows(rows, 1.0 if images.max() <= 1 else 255.0)


def image_rows(rows, highest=1.0):
    """Rows of images under each other, each named at its left: {name: (images, titles)}.

    images: arrays (M, H, W, C) of 0 ... highest, C 1 or 3, as many in each row; titles: a text above each of them.
    """
    count = len(next(iter(rows.values()))[0])
    figure = _figure(1.1 * count + 1.8, 1.3 * len(rows))
    grid = figure.subplots(len(rows), count, squeeze=False)
    for row, (name, (pictures, titles)) in zip(grid, rows.items()):
        row[0].set_ylabel(textwrap.fill(name.replace("(", "( ", 1), 26), rotation=0, ha="right", va="center", fontsize=7)
        for axes, picture, title in zip(row, pictures, titles):
            axes.imshow(np.clip(picture / highest, 0, 1).squeeze(-1) if picture.shape[-1] == 1 else
                        np.clip(picture / highest, 0, 1), cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=7)
    return figure


def classes_in_a_plane(points, y_true, class_names):
    """Points (N, 2), each in the colour of its class."""
    figure = _figure(8, 6)
    axes = figure.subplots()
    for c, name in enumerate(class_names):
        axes.scatter(*points[y_true == c].T, s=6, alpha=0.5, linewidths=0, color=f"C{c % 10}", label=name)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    for handle in axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, markerscale=3).legend_handles:
        handle.set_alpha(1)
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
