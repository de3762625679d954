"""Pictures of what speaks for what: bars of named numbers, and texts whose words are shaded."""

import numpy as np

from minigrad.inspect.plots import RIGHT, WRONG, _figure


def bars(values, errors=None, title="", xlabel=""):
    """A horizontal bar for each of {name: number}, in this order; blue from 0 up, vermilion below.

    errors: {name: number}, half the length of a line at the end of the bar.
    """
    if not values:
        raise ValueError("bars: there is nothing to draw, values is empty")
    names, numbers = list(values), np.array([float(v) for v in values.values()])
    figure = _figure(5.4 + 0.075 * max(map(len, names)), 1.0 + 0.27 * len(names))
    axes = figure.subplots()
    axes.barh(range(len(names)), numbers, 0.7, color=[RIGHT if v >= 0 else WRONG for v in numbers],
              xerr=None if errors is None else [errors[name] for name in names], error_kw={"elinewidth": 1, "capsize": 2})
    axes.set_yticks(range(len(names)), names)
    axes.set(title=title, xlabel=xlabel)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    return figure


def shaded_words(texts, letters=92):
    """Texts with a shade behind each word: blue for numbers above 0, vermilion below, the deeper the larger.

    texts: {title: [(word, number), ...]}; letters: to a line.
    """
    placed = {title: _lines(words, letters) for title, words in texts.items()}
    rows = [len(lines) for lines in placed.values()]
    figure = _figure(0.066 * letters, 0.19 * sum(rows) + 0.5 * len(rows))
    for axes, (title, lines) in zip(np.atleast_1d(figure.subplots(len(rows), 1, height_ratios=rows)), placed.items()):
        axes.set(xlim=(0, letters), ylim=(len(lines) - 0.4, -0.6))
        axes.set_axis_off()
        axes.set_title(title, loc="left", fontsize=9)
        largest = max((abs(number) for line in lines for _, _, number in line), default=1) or 1
        for row, line in enumerate(lines):
            for at, word, number in line:
                axes.add_patch(_box(at, row, len(word), RIGHT if number > 0 else WRONG, 0.85 * abs(number) / largest))
                axes.text(at, row, word, family="monospace", fontsize=7.5, va="center", parse_math=False)
    return figure


def _box(at, row, length, colour, alpha):
    from matplotlib.patches import Rectangle
    return Rectangle((at - 0.3, row - 0.45), length + 0.4, 0.9, color=colour, alpha=alpha, linewidth=0)


def _lines(words, letters):
    """[[(place, word, number) ...] of each line]"""
    lines, at = [[]], 0
    for word, number in words:
        word = word[:letters]
        if at + len(word) > letters:
            lines.append([])
            at = 0
        lines[-1].append((at, word, number))
        at += len(word) + 1
    return lines
