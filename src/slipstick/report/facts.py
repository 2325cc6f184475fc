"""Tables of a page beside its metrics: errors, cost, where another tool disagrees, what rounds added."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

from slipstick.agreement import Disagreement
from slipstick.metrics.estimators import outcome_of
from slipstick.metrics.measures import program_end
from slipstick.report.content import FormatStyle, time_taken
from slipstick.schema import Code, Drop, Output, Run, Solution
from slipstick.self_train import describe_gain, rounds_of
from slipstick.solve.hybrid import spent_alone
from slipstick.solve.monitor import kind_of_error
from slipstick.store import RunFolder, read_records

_EXAMPLES = 3
"""Links to examples in a row."""
_MOST = 200
"""Disagreements on a page; the file has all."""
_SHOWN = 60
"""Characters of an answer or an error in a cell."""
Link = tuple[str, str]
"""Words and the address they link to."""
Cell = str | Sequence[Link]


class PageTable(NamedTuple):
    """A table of a page."""

    title: str
    """The heading above it."""
    lead: str
    """A sentence below the heading; "" for none."""
    heads: list[str]
    """Its columns; the first holds the rows' names."""
    rows: list[list[Cell]]
    """Words, or links."""


def tables_of(
    run: Run, folder: RunFolder, solutions: Sequence[Solution], formats: Sequence[FormatStyle]
) -> list[PageTable]:
    """The tables that a run has something for."""
    found = [
        *rounds_tables(folder.path),
        errors_table(solutions, formats),
        spending_table(run, solutions, formats),
        drops_table(folder.dropped()),
        disagreements_table(folder.path / "disagreements.jsonl"),
    ]
    return [table for table in found if table is not None]


def errors_table(solutions: Sequence[Solution], formats: Sequence[FormatStyle]) -> PageTable | None:
    """How often what went wrong, by kind and format, with links to examples; most frequent first."""
    found: dict[str, list[Solution]] = {}
    for solution in solutions:
        for kind in error_kinds(solution):
            found.setdefault(kind, []).append(solution)
    if not found:
        return None
    totals = {format.name: sum(one.format == format.name for one in solutions) for format in formats}
    rows: list[list[Cell]] = []
    for kind, members in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        counts = {name: sum(one.format == name for one in members) for name in totals}
        cells = [f"{n:,} ({100 * n / totals[name]:.1f} %)" if n else "·" for name, n in counts.items()]
        rows.append([kind, *cells, [_example(one) for one in _spread(members)]])
    lead = (
        f"Share of {' / '.join(f'{n:,} {name}' for name, n in totals.items())} solutions; one may be in several rows."
    )
    return PageTable("Errors by kind", lead, ["", *totals, "examples"], rows)


def error_kinds(solution: Solution) -> list[str]:
    """What went wrong in a solution: its program, its calls, its end, its answer."""
    kinds = []
    end = program_end(solution)
    if end == "error" and _refused(solution):
        kinds.append("call refused")
    elif end and end != "ok":
        kinds.append(f"program: {end.replace('_', ' ')}")
    if solution.finish == "length":
        kinds.append("cut off by length (max_tokens)")
    if solution.finish == "turns":
        kinds.append("out of turns (max_turns)")
    if solution.finish == "error":
        kinds.append(f"request failed: {kind_of_error(solution.error)}")
    if solution.verdict and outcome_of(solution) == "no_answer":
        kinds.append("no answer")
    if solution.verdict and outcome_of(solution) == "undecided":
        kinds.append("undecided")
    return kinds


def spending_table(run: Run, solutions: Sequence[Solution], formats: Sequence[FormatStyle]) -> PageTable | None:
    """Tokens, dollars and seconds of each format and of all together, and the run's time and rate."""
    groups = {format.name: [one for one in solutions if one.format == format.name] for format in formats}
    spent = [spent_alone(one, list(groups)) for one in solutions]
    if not any(one.tokens or one.cost for one in solutions):
        return None

    def row(name: str, of_group: Callable[[Sequence[Solution]], str], together: str = "·") -> list[Cell]:
        return [name, *map(of_group, groups.values()), together]

    tokens, prompts = sum(each.tokens for each in spent), sum(each.prompt_tokens for each in spent)
    thoughts = any(one.thought_tokens for one in solutions)
    dollars = sum(each.cost for each in spent)
    rows = [
        row("tokens generated", lambda group: f"{sum(one.tokens for one in group):,}", f"{tokens:,}"),
        row("of them of thoughts", lambda group: f"{sum(one.thought_tokens for one in group):,}"),
        row("tokens of prompts", lambda group: f"{sum(one.prompt_tokens for one in group):,}", f"{prompts:,}"),
        row("tokens a solution, median", lambda group: f"{median(one.tokens for one in group):,.0f}"),
        row("seconds a solution, median", lambda group: f"{median(one.seconds for one in group):,.2f}"),
    ]
    if not thoughts:
        del rows[1]
    if any(one.cached_replies for one in solutions):
        rows.append(row("replies from the cache", _from_cache))
    if dollars:
        rows.append(row("US dollars", lambda group: f"{sum(one.cost for one in group):,.4f}", f"{dollars:,.4f}"))
    return PageTable("Cost and time", _time(run, tokens, len(solutions)), ["", *groups, "together"], rows)


def _from_cache(group: Sequence[Solution]) -> str:
    some = sum(one.cached_replies > 0 for one in group)
    return f"{sum(one.cached_replies for one in group):,}, in {some:,} of {len(group):,} solutions"


def drops_table(drops: Iterable[Drop]) -> PageTable | None:
    """The rows that were dropped, by rule, with the first reason of each."""
    rules: dict[str, list[Drop]] = {}
    for drop in drops:
        rules.setdefault(drop.rule, []).append(drop)
    rows: list[list[Cell]] = [
        [rule, f"{len(found):,}", shorten(found[0].reason, 120)]
        for rule, found in sorted(rules.items(), key=lambda item: -len(item[1]))
    ]
    return (
        PageTable("Dropped rows", "dropped.jsonl has them all.", ["rule", "rows", "first reason"], rows)
        if rows
        else None
    )


def disagreements_table(path: Path) -> PageTable | None:
    """Where our verdicts and those of the file that was graded differ."""
    found = list(read_records(path, Disagreement, missing_ok=True))
    rows: list[list[Cell]] = [
        [
            [(row.id, problem_link(*row.id.rsplit("#", 2)[:2]))],
            shorten(row.answer or "none"),
            shorten(row.expected or "none"),
            row.ours.replace("_", " "),
            f"{'correct' if row.theirs else 'incorrect'} ({row.verdict})",
            shorten(row.recorded_answer or ""),
            row.cause,
            shorten(row.reason, 120),
        ]
        for row in found[:_MOST]
    ]
    first = f"; the first {_MOST}" if len(found) > _MOST else ""
    differ = "1 verdict differs" if len(found) == 1 else f"{len(found):,} verdicts differ"
    lead = f"{differ} from those in the file that was graded{first}. {path.name} has them all."
    heads = ["row", "answer", "expected", "ours", "theirs", "their answer", "cause", "why"]
    return PageTable("Disagreements with the recorded verdicts", lead, heads, rows) if rows else None


def rounds_tables(path: Path) -> list[PageTable]:
    """What each round of a self-training added."""
    rounds = rounds_of(path)
    formats = list(dict.fromkeys(metric.format for each in rounds for metric in each.held_out))
    rows: list[list[Cell]] = []
    for each in rounds:
        measured = {metric.format: metric for metric in each.held_out}
        cells = [
            f"{100 * measured[name].value:.1f} [{100 * measured[name].low:.1f}, {100 * measured[name].high:.1f}]"
            if name in measured
            else "·"
            for name in formats
        ]
        made = [f"{n:,}" if each.attempts else "·" for n in (each.solved, each.newly_solved, each.added)]
        rows.append(
            [each.name, f"{each.examples:,}", *cells, *made, f"{each.trained_tokens:,}", f"{each.seconds:,.0f}"]
        )
    heads = ["", "trained on", *(f"held out, {name} %" for name in formats), "solved", "first time", "added"]
    lead = "Held out: accuracy on problems that are never trained on, with its 95 % interval."
    lead = " ".join([lead, *describe_gain(path)])
    table = PageTable("What each round added", lead, [*heads, "tokens trained", "seconds"], rows)
    return [table] if rows else []


def problem_link(problem_id: str, format: str) -> str:
    """The address, on a run's page, of a problem as a format solved it."""
    return f"#problem={quote(problem_id, safe='')}&outcome=all" + (
        f"&format={quote(format, safe='')}" if format else ""
    )


def shorten(text: str, most: int = _SHOWN) -> str:
    """One line of at most so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _example(solution: Solution) -> Link:
    return solution.id, problem_link(solution.problem_id, solution.format)


def _spread(members: Sequence[Solution]) -> list[Solution]:
    """A few of them, of different formats where there are."""
    by_format: Mapping[str, Solution] = {one.format: one for one in reversed(members)}
    chosen = list(by_format.values())[:_EXAMPLES]
    taken = {one.id for one in chosen}
    return chosen + [one for one in members if one.id not in taken][: _EXAMPLES - len(chosen)]


def _refused(solution: Solution) -> bool:
    """Whether the last program was never run, as its call could not be read: what answers it took no time."""
    last = max(place for place, block in enumerate(solution.blocks) if isinstance(block, Code))
    output = next(iter(solution.blocks[last + 1 :]), None)
    return isinstance(output, Output) and not output.seconds and not output.cpu_seconds


def _time(run: Run, tokens: int, solutions: int) -> str:
    if run.verb == "curate":
        return "What writing the kept solutions took; curation itself asks no model."
    if not run.finished:
        return ""
    seconds = max((run.finished - run.started) / timedelta(seconds=1), 1e-9)
    rate = f"{_rate(tokens / seconds)} tokens and {_rate(solutions / seconds)} solutions a second"
    return f"From start to end {time_taken(run.finished - run.started)}, pauses included: {rate}."


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
