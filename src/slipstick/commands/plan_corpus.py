"""`slipstick plan` of a recipe that writes solutions: a row for each source of it and of what follows it."""

from collections.abc import Sequence

from rich.console import Console

from slipstick.commands.expected import QUESTION, SOLUTION, Expected, Recipe, licence_of, plan_sources
from slipstick.terminal import headed_table, unwrapped

_NUMBERS = ("problems", "rows at most", "tokens read", "written", "US dollars")


def print_corpus_plan(parts: Sequence[tuple[str, Recipe]], after: Sequence[str], console: Console) -> None:
    """The sources of all parts. parts: name and recipe; after: what the same command does then, each "VERB NAME"."""
    table, planned = headed_table("part", "source", "licence", "rows are", right=_NUMBERS), list[Expected]()
    for name, recipe in parts:
        with console.status(f"counting the problems of {name}"):
            found = plan_sources(recipe)
        for row in found:
            label = name if row is found[0] else ""
            table.add_row(label, row.source, row.licence, row.found, *map(_cell, row.expected))
        planned += [row.expected for row in found]
    table.add_section()
    table.add_row("all", "", "", "", *(_sum(column) for column in zip(*planned, strict=True)))
    console.print(unwrapped(table, after=4))
    for line in _notes(parts, planned, after):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _cell(value: float | None) -> str:
    """A count, or dollars; "" for nothing."""
    if value is None:
        return "unknown"
    return "" if not value else f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _sum(column: Sequence[float | None]) -> str:
    """What is known of a column together, with a plus if some is not."""
    known = sum(value for value in column if value is not None)
    return _cell(known) if None not in column else f"{_cell(known)}+" if known else "unknown"


def _notes(parts: Sequence[tuple[str, Recipe]], planned: Sequence[Expected], after: Sequence[str]) -> list[str]:
    left = [f"{source} ({licence_of(source)})" for _, recipe in parts for source in recipe.left_out()]
    notes = [f"left out: {', '.join(left)}"] if left else []
    if any(row.written for row in planned):
        notes.append(
            f"assumed, not measured: {SOLUTION} tokens a solution, {QUESTION} a question, one turn each; --set "
            "estimate=true asks the model a few and measures"
        )
    if any(row.read and row.cost is None for row in planned):
        notes.append("no price is known for the model: --set price_in=N --set price_out=N, dollars a million tokens")
    return [*notes, *([f"then: {', '.join(after)}"] if after else [])]
