"""How tables are shown: one rich renderable for the terminal, text and HTML for the rest.

rich is imported where something is shown: `import minigrad` does not wait for it.
"""

import io
import shutil

WIDTH = 100  # of text that goes elsewhere than to a terminal


class Printed:
    """Something with `__rich__`: str, print and notebooks show it."""

    def __str__(self):
        return text(self)

    __repr__ = __str__

    def _repr_html_(self):
        from rich.console import Console
        console = Console(file=io.StringIO(), record=True, width=120)
        console.print(self)
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


class Fitting:
    """The first of several renderables that fits the width without wrapping; the last one, if none does."""

    def __init__(self, *renderables):
        self.renderables = renderables

    def __rich_console__(self, console, options):
        from rich.measure import Measurement
        for renderable in self.renderables:
            if Measurement.get(console, options.update(width=10_000), renderable).maximum <= options.max_width:
                break
        yield renderable


def new_table(title, show_footer=False):
    """An empty table in the house style: no vertical rules, so that as much as can be fits into 80 columns."""
    from rich import box
    from rich.table import Table
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE, show_edge=False, pad_edge=False,
                 padding=(0, 1, 0, 0), show_footer=show_footer)


def text(renderable, width=None):
    """A rich renderable as plain text, as wide as the terminal; WIDTH where there is none."""
    from rich.console import Console
    console = Console(file=io.StringIO(), width=width or shutil.get_terminal_size((WIDTH, 24)).columns,
                      color_system=None)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def count(n, noun):
    """"1 parameter", "2,000 parameters"."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
