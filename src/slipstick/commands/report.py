"""`slipstick report`: the page of a finished run, its table, and how it compares with another run."""

from pathlib import Path

from rich.console import Console

from slipstick.commands import Invocation
from slipstick.comparison import compare_folders
from slipstick.recipe import check_settings
from slipstick.report import comparison_table, metrics_table, write_report
from slipstick.schema import Record
from slipstick.store import RunFolder


class ReportSettings(Record):
    """Settings of `slipstick report`."""

    against: str | None = None
    """Folder of another run on the same problems, to compare with."""


def run_report(invocation: Invocation, console: Console) -> Path:
    """Writes the page of a run again, prints its table, and compares it with another run."""
    settings = check_settings({}, ReportSettings, overrides=invocation.overrides)
    folder = RunFolder(invocation.target)
    other = RunFolder(settings.against) if settings.against else None
    comparison = compare_folders(other, folder) if other else None
    if metrics := folder.metrics():
        console.print(metrics_table(metrics))
    else:
        status, solutions = folder.run().status, sum(1 for _ in folder.solutions())
        first = "" if status == "finished" else "finish it with --resume, or "
        console.print(
            f"{folder.path} is {status} and has no numbers, but {solutions:,} solutions: {first}grade what there is: "
            f"slipstick grade {folder.path}",
            highlight=False,
            soft_wrap=True,
        )
    if comparison:
        console.print(comparison_table(comparison))
        for line in comparison.findings():
            console.print(line, highlight=False, soft_wrap=True)
    page = write_report(folder, out=invocation.out, comparison=comparison)
    console.print(f"report: {page}", highlight=False, soft_wrap=True)
    return folder.path
