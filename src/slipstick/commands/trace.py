"""`slipstick trace ROW_ID`: where a row came from, back through the runs it was kept, written and run in."""

from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from slipstick.recipe import check_settings
from slipstick.schema import Record
from slipstick.trace import TracedRow, describe, trace


class TraceSettings(Record):
    """Settings of `slipstick trace`."""

    runs_dir: str = "runs"
    """Folder that contains the runs, at any depth."""


def run_trace(target: str, overrides: list[str], console: Console) -> None:
    """Prints the problem, the writer, every program with its output, the verdict and the rules a row has passed."""
    settings = check_settings({}, TraceSettings, overrides=overrides)
    for row in trace(target, Path(settings.runs_dir)):
        console.print(_panel(row))


def _panel(row: TracedRow) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in describe(row):
        table.add_row(name, Text(text))
    kept = "dropped" if row.drop else "kept"
    title = f"{row.run.verb} · {row.path} · {row.run.started:%Y-%m-%d %H:%M} · {kept}"
    return Panel(table, title=title, title_align="left")
