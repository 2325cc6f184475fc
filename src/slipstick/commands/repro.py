"""`slipstick repro ROW`: compares a run with a published number, and lists how their measurements differ."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.errors import RecipeError
from slipstick.recipe import check_settings
from slipstick.repro import Cell, PublishedRow, compare_with_published, find_row, published_rows
from slipstick.repro.differences import Difference, differences
from slipstick.schema import Metric, Record
from slipstick.store import RunFolder
from slipstick.terminal import headed_table

_RUN = "run="


class ReproSettings(Record):
    """Settings of `slipstick repro`, in addition to those of `slipstick evaluate`."""

    run: str | None = None
    """Folder of a finished run to compare; without it the row's recipe is run first, with all other settings."""


def run_repro(invocation: Invocation, console: Console) -> Path:
    """Compares a run with a published row; ROW = "list" lists the rows.

    `--set run=DIR` names the run; without it the row's recipe is run, with all other `--set`s, in the row's format.
    Returns the run's folder; for the list, the current folder.
    """
    if invocation.target in ("list", ""):
        console.print(_rows_table())
        return Path()
    row = find_row(invocation.target)
    folder = RunFolder(_run_of(invocation, row, console))
    cells = compare_with_published(row, list(folder.problems()), list(folder.solutions()))
    console.print(f"{row.paper.title}: {row.paper.table}; {row.paper.version}", highlight=False, soft_wrap=True)
    console.print(_cells_table(row, cells))
    for note in filter(None, (row.note, row.paper.note)):
        console.print(note, highlight=False, soft_wrap=True)
    console.print(_differences_table(differences(row, folder.run())))
    console.print(f"run: {folder.path}", highlight=False, soft_wrap=True)
    return folder.path


def _run_of(invocation: Invocation, row: PublishedRow, console: Console) -> Path:
    """The run to compare: the one named, or a new one by the row's recipe."""
    others = [override for override in invocation.overrides if not override.startswith(_RUN)]
    own = [override for override in invocation.overrides if override.startswith(_RUN)]
    named = check_settings({}, ReproSettings, overrides=own).run
    if named and others:
        reason = f"run={named} names a finished run, so no other setting applies: remove it"
        raise RecipeError("the command line", [f"--set {override}: {reason}" for override in others])
    if named:
        return Path(named)
    k = row.measure.partition("@")[2]
    asked = [f"formats=['{row.format}']", *([f"num_samples={k}", f"ks=[{k}]"] if k else [])]
    out = invocation.out or Path("runs") / f"repro-{row.name}"
    return run_evaluate(replace(invocation, target=row.paper.recipe, overrides=[*asked, *others], out=out), console)


def _rows_table() -> Table:
    table = headed_table("row", "format", "measure", "published, %", "recipe")
    for row in published_rows().values():
        figures = ", ".join(f"{name} {value}" for name, value in row.percent.items())
        table.add_row(*map(Text, (row.name, row.format, row.measure, figures, row.paper.recipe)))
    return table


def _cells_table(row: PublishedRow, cells: list[Cell]) -> Table:
    figures = ("published", "ours", f"by {row.paper.profile}'s rules", "gap", "n", "")
    table = headed_table(f"{row.measure}, %", right=figures)
    for cell in cells:
        gap = "" if cell.gap is None else f"{cell.gap:+.1f}"
        verdict = {None: "not measured", True: "inside our interval", False: "outside our interval"}[cell.within]
        n = f"{cell.ours.n:,}" if cell.ours else ""
        table.add_row(
            cell.set, f"{cell.published:.1f}", _show(cell.ours), _show(cell.by_paper_profile), gap, n, verdict
        )
    return table


def _differences_table(found: list[Difference]) -> Table:
    table = headed_table("difference", "published", "ours")
    for row in found:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _show(metric: Metric | None) -> str:
    return f"{100 * metric.value:.1f} ({100 * metric.low:.1f}–{100 * metric.high:.1f})" if metric else ""
