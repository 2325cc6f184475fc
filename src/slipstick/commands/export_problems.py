"""`slipstick export PROBLEMS`: problems that belong to no run, as tasks of other tools."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from slipstick.commands import Invocation
from slipstick.exporters.tasks import TASKS, TaskSettings, write_task
from slipstick.problems.settings import ProblemSettings, take_problems

FOLDER = "exports"


def export_problems(
    invocation: Invocation, shapes: Sequence[str], settings: TaskSettings, console: Console, *, limit: int | None
) -> Path:
    """Writes the problems that the target names as tasks, in `exports` or the folder --out names; gives the folder."""
    out, table, rows = invocation.out or Path(FOLDER), files_table(), 0
    problems = take_problems(ProblemSettings(problems=[invocation.target], limit=limit))
    name = Path(invocation.target).name.partition(".")[0]
    for shape in shapes:
        for file, count in write_task(shape, problems, out, name=name, settings=settings).items():
            table.add_row(file, f"{count:,}", TASKS[shape].reader)
            rows += count
    console.print(table)
    console.print(f"{rows:,} rows; {out}", highlight=False, soft_wrap=True)
    return out


def files_table() -> Table:
    """A table of written files, without rows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("file", "rows", "for"):
        table.add_column(name, justify="right" if name == "rows" else "left")
    return table
