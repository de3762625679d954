"""The table at the end of an evaluation: precision, recall, F1 and support of each class."""

import io
import shutil
from html import escape

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from minigrad.metrics.counts import ConfusionMatrix
from minigrad.metrics.metric import ratio
from minigrad.metrics.scores import averaged, f_beta, precision, recall

COLUMNS = ("class", "precision", "recall", "F1", "support")
AVERAGES = {"macro average": "macro", "weighted average": "weighted"}


class ClassificationReport:
    """Precision, recall, F1 and support (true examples) of each class; accuracy, macro and weighted averages.

    Made from a confusion matrix (C, C) and C names. `print`, rich and notebooks show it as a table; `rows` and
    `as_dict()` give the numbers, and so do the arrays `precision`, `recall`, `f1`, `support` (C,), and `accuracy`.
    """

    def __init__(self, matrix, class_names):
        self.matrix, self.class_names = np.asarray(matrix), [str(name) for name in class_names]
        counts = np.diag(self.matrix), self.matrix.sum(axis=0), self.matrix.sum(axis=1)
        self.precision, self.recall, self.f1 = (score(*counts) for score in (precision, recall, f_beta))
        self.support = counts[2]
        self.accuracy = float(ratio(counts[0].sum(), self.matrix.sum()))
        self.averages = [(title, *(averaged(score, average, *counts) for score in (precision, recall, f_beta)),
                          self.support.sum().item()) for title, average in AVERAGES.items()]

    @property
    def rows(self):
        """(name, precision, recall, F1, support) for each class, then the macro and the weighted average."""
        columns = self.precision, self.recall, self.f1, self.support
        return [*zip(self.class_names, *(column.tolist() for column in columns)), *self.averages]

    def as_dict(self):
        """{name: {"precision", "recall", "f1", "support"}} for each class and average, and "accuracy"."""
        keys = "precision", "recall", "f1", "support"
        return {name: dict(zip(keys, numbers)) for name, *numbers in self.rows} | {"accuracy": self.accuracy}

    def _cells(self):
        """The table's cells as strings: those of the classes, and those below the line."""
        cells = [[name, *(f"{score:.4f}" for score in scores), f"{support:,}"] for name, *scores, support in self.rows]
        n = len(self.class_names)
        return cells[:n], [["accuracy", "", "", f"{self.accuracy:.4f}", cells[-1][-1]], *cells[n:]]

    def __rich__(self):
        table = Table(title="classification report", title_justify="left", title_style="bold", box=box.SIMPLE,
                      show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for column in COLUMNS:
            table.add_column(column, justify="left" if column == "class" else "right", no_wrap=column != "class",
                             overflow="fold")
        for section in self._cells():
            for name, *numbers in section:
                table.add_row(Text(name), *numbers)
            table.add_section()
        return table

    def __str__(self):
        console = Console(file=io.StringIO(), width=shutil.get_terminal_size((100, 24)).columns, color_system=None)
        console.print(self.__rich__())
        return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())

    __repr__ = __str__

    def _repr_html_(self):
        def row(cells, tag="td"):
            return "<tr>" + "".join(f"<{tag} style='text-align: {'right' if i else 'left'}'>{escape(cell)}</{tag}>"
                                    for i, cell in enumerate(cells)) + "</tr>"
        classes, totals = ("".join(map(row, section)) for section in self._cells())
        return (f"<table><caption>classification report</caption><thead>{row(COLUMNS, 'th')}</thead>"
                f"<tbody>{classes}</tbody><tbody style='border-top: 1px solid'>{totals}</tbody></table>")


def classification_report(y_true, y_pred, class_names=None):
    """The ClassificationReport of targets against predictions, in any form that Accuracy takes.

    class_names names all the classes, in order; without it they are called "0", "1" ...
    A class without examples and predictions scores 0, and the macro average leaves it out.
    """
    counter = ConfusionMatrix(None if class_names is None else _checked(class_names), name="classification_report")
    counter.update_state(y_true, y_pred)
    matrix = counter.result()
    return ClassificationReport(matrix, range(len(matrix)) if class_names is None else class_names)


def _checked(class_names):
    names = [str(name) for name in class_names]
    taken = {"accuracy", *AVERAGES}
    if isinstance(class_names, str) or len(names) < 2 or len(set(names)) < len(names) or taken & set(names):
        raise ValueError(f"classification_report: class_names: expected two or more different names, none of them "
                         f"{', '.join(map(repr, sorted(taken)))}, got {class_names!r}: rename the classes")
    return len(names)
