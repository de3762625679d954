"""The table at the end of an evaluation: precision, recall, F1 and support of each class."""

import io
import shutil
from html import escape

import numpy as np

from minigrad.metrics.counts import ConfusionMatrix
from minigrad.metrics.metric import ratio
from minigrad.metrics.scores import averaged, f_beta, precision, recall

COLUMNS = ("class", "precision", "recall", "F1", "support")
KEYS = ("precision", "recall", "f1-score", "support")  # scikit-learn's
SCORES = (precision, recall, f_beta)


class ClassificationReport:
    """Precision, recall, F1 and support (true examples) of each class; accuracy, macro and weighted averages.

    Made from a confusion matrix (C, C) and C names. `print`, rich and notebooks show it as a table, plots.class_scores
    draws it; `rows` and `as_dict()` give the numbers, and so do the arrays `precision`, `recall`, `f1`, `support` (C,), and
    `accuracy`.

    labels         the classes to show, in this order; then the averages are over these, whether they occur or not, and the
                   micro average stands for the accuracy if some class is missing. Without labels, all
    digits         places behind the point, in the table
    zero_division  0 or 1: a score where nothing was predicted, or nothing is true
    """

    def __init__(self, matrix, class_names, labels=None, digits=4, zero_division=0):
        self.matrix, self.class_names, self.digits = np.asarray(matrix), [str(name) for name in class_names], digits
        shown = slice(None) if labels is None else list(labels)
        counts = [c[shown] for c in (np.diag(self.matrix), self.matrix.sum(axis=0), self.matrix.sum(axis=1))]

        def score_of(function):
            return lambda right, predicted, true: function(right, predicted, true, zero_division)

        self.precision, self.recall, self.f1 = (score_of(function)(*counts) for function in SCORES)
        self.support = counts[2]
        self.accuracy = float(ratio(np.trace(self.matrix), self.matrix.sum()))
        missing = labels is not None and (self.matrix.sum(axis=0) + self.matrix.sum(axis=1)).sum() > sum(
            c.sum() for c in counts[1:])
        self.averages = [(f"{average} avg", *(averaged(score_of(function), average, *counts, labels is None)
                                              for function in SCORES), self.support.sum().item())
                         for average in ["micro"] * bool(missing) + ["macro", "weighted"]]

    @property
    def rows(self):
        """(name, precision, recall, F1, support) for each class, then for each average."""
        columns = self.precision, self.recall, self.f1, self.support
        return [*zip(self.class_names, *(column.tolist() for column in columns)), *self.averages]

    def as_dict(self):
        """{name: {"precision", "recall", "f1-score", "support"}} for each class and average, and "accuracy"."""
        found = {name: dict(zip(KEYS, numbers)) for name, *numbers in self.rows}
        return found if "micro avg" in found else found | {"accuracy": self.accuracy}

    def cells(self):
        """The table's cells as strings: those of the classes, and those below the line."""
        cells = [[name, *(f"{score:.{self.digits}f}" for score in scores),
                  f"{support:,}" if isinstance(support, int) else f"{support:,.{self.digits}f}"]
                 for name, *scores, support in self.rows]
        n = len(self.class_names)
        below = cells[n:]
        if below[0][0] != "micro avg":
            below.insert(0, ["accuracy", "", "", f"{self.accuracy:.{self.digits}f}", cells[-1][-1]])
        return cells[:n], below

    def __rich__(self):
        from rich import box
        from rich.table import Table
        from rich.text import Text
        table = Table(title="classification report", title_justify="left", title_style="bold", box=box.SIMPLE,
                      show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for column in COLUMNS:
            table.add_column(column, justify="left" if column == "class" else "right", no_wrap=column != "class",
                             overflow="fold")
        for section in self.cells():
            for name, *numbers in section:
                table.add_row(Text(name), *numbers)
            table.add_section()
        return table

    def __str__(self):
        from rich.console import Console
        console = Console(file=io.StringIO(), width=shutil.get_terminal_size((100, 24)).columns, color_system=None)
        console.print(self.__rich__())
        return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())

    __repr__ = __str__

    def _repr_html_(self):
        def row(cells, tag="td"):
            return "<tr>" + "".join(f"<{tag} style='text-align: {'right' if i else 'left'}'>{escape(cell)}</{tag}>"
                                    for i, cell in enumerate(cells)) + "</tr>"
        classes, totals = ("".join(map(row, section)) for section in self.cells())
        return (f"<table><caption>classification report</caption><thead>{row(COLUMNS, 'th')}</thead>"
                f"<tbody>{classes}</tbody><tbody style='border-top: 1px solid'>{totals}</tbody></table>")


def classification_report(y_true, y_pred, target_names=None, labels=None, sample_weight=None, digits=4, output_dict=False,
                          zero_division=0):
    """The ClassificationReport of targets against predictions, in any form that Accuracy takes; output_dict gives its dict.

    target_names names all the classes, in order, or those of `labels`; without it they are called "0", "1" ...
    Without labels a class without examples and predictions scores 0, and the macro average leaves it out.
    sample_weight (N,) weighs the examples; digits, labels and zero_division as in ClassificationReport.
    """
    labels = None if labels is None else [int(label) for label in labels]
    names = None if target_names is None else _checked(target_names, labels)
    counter = ConfusionMatrix(len(names) if names and labels is None else None, name="classification_report")
    counter.update_state(y_true, y_pred, sample_weight)
    matrix = counter.result()
    if labels is not None:
        if not labels or min(labels) < 0 or len(set(labels)) < len(labels):
            raise ValueError(f"classification_report: labels: expected different class numbers, got {labels}")
        size = max(len(matrix), *(label + 1 for label in labels))
        matrix = np.pad(matrix, (0, size - len(matrix)))
    names = names or (range(len(matrix)) if labels is None else labels)
    report = ClassificationReport(matrix, names, labels, digits, zero_division)
    return report.as_dict() if output_dict else report


def _checked(target_names, labels):
    names = [str(name) for name in target_names]
    taken = {"accuracy", "micro avg", "macro avg", "weighted avg"}
    enough = len(names) >= 2 if labels is None else len(names) == len(labels)
    if isinstance(target_names, str) or not enough or len(set(names)) < len(names) or taken & set(names):
        count = "two or more" if labels is None else f"{len(labels)}"
        raise ValueError(f"classification_report: target_names: expected {count} different names, none of them "
                         f"{', '.join(map(repr, sorted(taken)))}, got {target_names!r}: rename the classes")
    return names
