"""`slipstick report RUN --set against=OTHER`: prints what two runs make of the same problems."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipstick.comparison import RunComparison, compare_runs
from slipstick.metrics import PairedComparison, power
from slipstick.report import Against
from slipstick.store import RunFolder

POINTS = 0.03
"""The difference whose power is told: three points."""


def compare_folders(first: RunFolder, second: RunFolder) -> RunComparison:
    """Two graded runs on their common problems. Raises what `compare_runs` raises."""
    return compare_runs(first.problems(), first.solutions(), second.problems(), second.solutions())


def print_comparison(first: RunFolder, second: RunFolder, found: RunComparison, console: Console) -> None:
    """The table of both runs side by side, then what it means, format by format."""
    names = _names(first, second)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    for name in (*names, "difference, 95 %", "only one solves", "p", "n"):
        table.add_column(Text(name), justify="right", overflow="fold")
    for row in found.paired:
        cells = (
            f"{100 * row.first:.1f}",
            f"{100 * row.second:.1f}",
            f"{100 * row.difference:+.1f} {100 * row.low:+.1f}–{100 * row.high:+.1f}",
            f"{row.only_first:,} / {row.only_second:,}",
            f"{row.p:.3f}" if row.p >= 0.001 else "<0.001",
            f"{row.n:,}",
        )
        table.add_row(Text(row.label), *cells)
    console.print(table)
    for line in _sayings(first, second, found):
        console.print(line, highlight=False, soft_wrap=True)


def describe_comparison(first: RunFolder, second: RunFolder, found: RunComparison) -> Against:
    """The comparison as the page shows it."""
    return Against(_names(first, second)[1], found, _sayings(first, second, found))


def _sayings(first: RunFolder, second: RunFolder, found: RunComparison) -> list[str]:
    """What the comparison rests on, then what it means, format by format."""
    names = _names(first, second)
    return [*_notes(first, second, found), *(read(row, names) for row in found.paired if not row.group)]


def read(row: PairedComparison, names: tuple[str, str]) -> str:
    """What a row of the comparison means, in words."""
    better = names[row.difference > 0]
    test = f"McNemar's exact test, p = {row.p:.2g}, {row.n:,} problems"
    if row.differs:
        return f"{row.label}: {better} is better by {100 * abs(row.difference):.1f} points ({test})."
    words = f"{row.label}: no difference shown ({test})."
    differing = (row.only_first + row.only_second) / row.n
    if differing >= POINTS:
        chance = power(POINTS, differing, row.n)
        words += f" A true difference of {100 * POINTS:.0f} points would be found {100 * chance:.0f} times in 100."
    if row.more_problems_needed:
        words += (
            f" If the {100 * abs(row.difference):.1f} points are real, {row.more_problems_needed:,} more problems "
            "would settle it 4 times in 5."
        )
    return words


def _names(first: RunFolder, second: RunFolder) -> tuple[str, str]:
    one, two = first.path.name, second.path.name
    return (str(first.path), str(second.path)) if one == two else (one, two)


def _notes(first: RunFolder, second: RunFolder, found: RunComparison) -> Iterator[str]:
    runs = first.run(), second.run()
    for run in runs:
        if run.status != "finished":
            yield f"{run.name} is not finished ({run.status}): what is missing may be the hard problems."
    profiles = [str(run.recipe.get("profile", "slipstick")) for run in runs]
    if profiles[0] != profiles[1]:
        yield f"They were judged by different rules, {profiles[0]} and {profiles[1]}: grade both by one of them."
    if found.left_out:
        yield f"Compared on the {found.common:,} problems that both have; {found.left_out:,} of one alone are left out."
