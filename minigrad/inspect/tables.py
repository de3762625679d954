"""How tables are shown: one rich renderable for the terminal, text and HTML for the rest."""

import io
import shutil

from rich.console import Console


class Printed:
    """Something with `__rich__`: str, print and notebooks show it."""

    def __str__(self):
        return text(self)

    __repr__ = __str__

    def _repr_html_(self):
        console = Console(file=io.StringIO(), record=True, width=120)
        console.print(self)
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def text(renderable, width=None):
    """A rich renderable as plain text."""
    console = Console(file=io.StringIO(), width=width or max(100, shutil.get_terminal_size((120, 24)).columns),
                      color_system=None)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def count(n, noun):
    """"1 parameter", "2,000 parameters"."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
