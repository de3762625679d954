"""What the benchmarks find: rows in blocks, as a table on the terminal, as JSON, as a picture and in the README."""

import dataclasses
import datetime
import json
import os
import platform
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from turns import ratio

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- benchmarks: written by python -m benchmarks --readme -->", "<!-- end of benchmarks -->"


@dataclass
class Row:
    """A contestant in one workload."""

    who: str
    time: float | None = None    # the median, in the block's unit
    ratio: tuple | None = None   # (median, low, high) of minigrad's time / this one's; None: minigrad, or nothing to compare
    remark: str = ""


@dataclass
class Block:
    """A workload: who took how long."""

    key: str                     # what --only calls it
    title: str                   # "LeNet, a training step at batch 64"
    unit: str                    # "µs an image"
    rows: list
    findings: list = field(default_factory=list)  # sentences
    absent: dict = field(default_factory=dict)    # {who: why it did not take part}


def block_of(key, title, unit, seconds, scale, ours, remarks=None, **more):
    """The Block of {name: seconds of each repeat}: medians times `scale`, and the ratio of `ours` to each other."""
    remarks = remarks or {}
    rows = [Row(name, float(np.median(times)) * scale, None if name == ours else ratio(seconds[ours], times),
                remarks.get(name, "")) for name, times in seconds.items()]
    return Block(key, title, unit, rows, **more)


def shown(found):
    """A ratio with its interval."""
    return "" if found is None else "{:.2f}  ({:.2f} ... {:.2f})".format(*found)


def number(value):
    """Three digits."""
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def show(blocks, console=None):
    """Print the table; below it, what was found and who is missing."""
    console = console or Console(width=None if Console().is_terminal else 120)
    table = Table("workload", "who", "median", "minigrad / this one", "remark")
    for block in blocks:
        for i, row in enumerate(block.rows):
            table.add_row("" if i else block.title, row.who, f"{number(row.time)} {block.unit}" if row.time else "",
                          shown(row.ratio), row.remark, style="bold" if row.ratio and row.ratio[0] > 2 else None)
        for who, reason in block.absent.items():
            table.add_row("", who, "-", "", reason, style="dim")
        table.add_section()
    if any(block.rows or block.absent for block in blocks):
        console.print(table)
    for block in blocks:
        for finding in block.findings:
            console.print(f"{block.title}: {finding}", highlight=False)


def machine():
    """{what: which} of this run: versions, threads, BLAS, processor, date."""
    import threadpoolctl

    import minigrad as mg
    blas = [f"{i['internal_api']} {i.get('version')} ({i.get('architecture', '?')}, {i['num_threads']} threads)"
            for i in threadpoolctl.threadpool_info() if i["user_api"] == "blas"]
    return {"date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC", "processor": processor(),
            "cores": mg.parallel.count_workers("auto"), "system": f"{platform.system()} {platform.machine()}",
            "Python": platform.python_version(), "minigrad": mg.__version__, "NumPy": np.__version__,
            "BLAS": ", ".join(blas) or "none found",
            **{name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}}


def processor():
    """The processor's name."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or "unknown"


def write_json(path, blocks, about):
    """All of it as JSON."""
    text = json.dumps({"about": about, "blocks": [dataclasses.asdict(b) for b in blocks]}, indent=1)
    Path(path).write_text(text, encoding="utf-8")


def read_json(path):
    """(blocks, about) from write_json's file."""
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    blocks = [Block(**{**b, "rows": [Row(**{**r, "ratio": r["ratio"] and tuple(r["ratio"])}) for r in b["rows"]]})
              for b in found["blocks"]]
    return blocks, found["about"]


def draw(path, blocks):
    """The picture: for each workload a line, on it every contestant at minigrad's time / its time, log axis."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    compared = [b for b in blocks if any(r.ratio for r in b.rows)]
    names = list(dict.fromkeys(r.who for b in compared for r in b.rows if r.ratio))
    look = {name: {"color": f"C{i % 10}", "marker": "os^Dv"[i // 10 % 5]} for i, name in enumerate(names)}
    figure, axes = pyplot.subplots(figsize=(9, 1.4 + 0.5 * len(compared)), layout="constrained")
    for place, block in enumerate(reversed(compared)):
        for row in block.rows:
            if row.ratio:
                middle, low, high = row.ratio
                around = [[max(middle - low, 0)], [max(high - middle, 0)]]
                axes.errorbar(middle, place, xerr=around, markersize=6, linewidth=1, label=row.who, **look[row.who])
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(compared)), [b.title for b in reversed(compared)])
    axes.set_xlabel("minigrad's time / the other's: left of 1 minigrad is faster")
    axes.grid(axis="x", which="both", linewidth=0.3)
    labels = dict(zip(*reversed(axes.get_legend_handles_labels())))
    axes.legend(labels.values(), labels.keys(), loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def as_markdown(blocks, about):
    """The table as README shows it: for each workload minigrad's time, and its ratio to each other contestant."""
    lines = ["| workload | minigrad | minigrad's time / the other's |", "| --- | --- | --- |"]
    for block in blocks:
        ours = next((r for r in block.rows if r.ratio is None and r.time), None)
        others = ", ".join(f"{r.who} {number(r.ratio[0])}" for r in block.rows if r.ratio)
        if others:
            lines.append(f"| {block.title} | {f'{number(ours.time)} {block.unit}' if ours else ''} | {others} |")
    notes = [f"{b.title}: {f}." for b in blocks for f in b.findings if not any(r.ratio for r in b.rows)]
    return "\n".join([*lines, "", *notes, *[""] * bool(notes),
                      "*" + ", ".join(f"{k} {v}" for k, v in about.items()) + ".*"])


def put_into_readme(blocks, about, readme=ROOT / "README.md"):
    """Write the table between the two marks in the README."""
    text = readme.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise SystemExit(f"{readme} lacks the two lines that the table goes between:\n{BEGIN}\n{END}")
    readme.write_text(f"{before}{BEGIN}\n\n{as_markdown(blocks, about)}\n\n{END}{after}", encoding="utf-8")
