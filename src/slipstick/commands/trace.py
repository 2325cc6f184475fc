"""`slipstick trace ROW_ID`: where a row came from, back through the runs it was kept, written and run in."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from slipstick.recipe import check_settings
from slipstick.schema import Record
from slipstick.trace import TracedRow, describe, trace

_OF_THE_RUN = ("made at commit", "recipe", "command")


class TraceSettings(Record):
    """Settings of `slipstick trace`."""

    runs_dir: str = "runs"
    """Folder that contains the runs, at any depth."""


def run_trace(target: str, overrides: list[str], console: Console) -> None:
    """Prints the problem, the writer, every program with its output, the verdict and the rules a row has passed."""
    settings = check_settings({}, TraceSettings, overrides=overrides)
    for row, also in _distinct(trace(target, Path(settings.runs_dir))):
        console.print(_panel(row, also))


def _distinct(rows: Iterable[TracedRow]) -> Iterator[tuple[TracedRow, list[str]]]:
    """Each row that differs from the one before it, and the other runs that have it exactly as it is there."""
    described = [(row, [each for each in describe(row) if each[0] not in _OF_THE_RUN]) for row in rows]
    for _, same in groupby(described, key=lambda pair: (pair[1], pair[0].drop is None)):
        first, *others = [row for row, _ in same]
        yield first, [other.path for other in others]


def _panel(row: TracedRow, also: list[str]) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in describe(row):
        table.add_row(name, Text(text))
    if also:
        table.add_row("the same in", Text(", ".join(also)))
    kept = "dropped" if row.drop else "kept"
    title = f"{row.run.verb} · {row.path} · {row.run.started:%Y-%m-%d %H:%M} · {kept}"
    return Panel(table, title=title, title_align="left")
