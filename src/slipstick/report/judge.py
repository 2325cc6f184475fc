"""The columns of a judge beside the rules, and how far it can be trusted: tables of a page and of the terminal."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from slipstick.judge import JudgeSummary, read_summary
from slipstick.judge.summary import COLUMNS
from slipstick.metrics.labels import group_label
from slipstick.report.content import ALL, ends, interval, number
from slipstick.report.facts import Cell, PageTable
from slipstick.schema import Metric
from slipstick.terminal import Fitting, headed_table, unwrapped

_HEADS = ("by rules", "with the judge", "corrected for its errors")
_QUALITY = {
    "judge_agreement": "agrees with rules, of a sample that they call correct",
    "judge_sensitivity": "sensitivity: correct answers that it calls correct",
    "judge_specificity": "specificity: incorrect answers that it does not",
    "judge_kappa": "Cohen's kappa with the labels",
}
_OUTCOMES = {"correct": "correct (a sample)"}


def judge_tables(folder: Path) -> list[PageTable]:
    """The tables of a run's page; none if no judge was asked."""
    summary = read_summary(folder)
    if summary is None:
        return []
    rows: list[list[Cell]] = [
        [label, *(f"{number(one)} {interval(one)}" if one else "·" for one in cells), n]
        for label, cells, n in _accuracies(summary)
    ]
    heads = ["%, 95 % interval", *_HEADS, "n"]
    tables = [PageTable("A judge beside the rules", " ".join(lines(summary)), heads, rows)]
    quality: list[list[Cell]] = [[label, number(one), interval(one), f"{one.n:,}"] for label, one in _quality(summary)]
    if quality:
        labelled = f" Labelled set: {summary.labels}." if summary.labels else ""
        lead = f"Shares in percent; n counts answers. A reply that is neither label counts as not correct.{labelled}"
        tables.append(PageTable("How far the judge can be trusted", lead, ["", "", "95 % interval", "n"], quality))
    return tables


def print_judge(summary: JudgeSummary, console: Console) -> None:
    """Prints a judge's columns, what it said, and how far it can be trusted."""
    wide = unwrapped(headed_table("%, 95 % interval", right=(*_HEADS, "n")))
    long = unwrapped(headed_table("", "", right=("%", "95 % interval", "n")), after=2)
    for label, cells, n in _accuracies(summary):
        wide.add_row(Text(label), *(_cell(one) for one in cells), n)
        for head, one in zip(_HEADS, cells, strict=True):
            if one:
                long.add_row(Text(label), head, number(one), ends(one), n)
    console.print(Fitting(wide, long))
    for line in lines(summary):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    found = unwrapped(headed_table("the judge", right=("", "95 % interval", "n")), after=1)
    for label, one in _quality(summary):
        found.add_row(Text(label), number(one), ends(one), f"{one.n:,}")
    if summary.quality:
        console.print(found)


def lines(summary: JudgeSummary) -> Iterator[str]:
    """What the judge was asked and said, what it took, and why a figure is missing; a sentence each."""
    yield (
        f"{summary.judge} (prompt {summary.prompt}) was asked of {summary.asked:,} answers that rules do not call "
        "correct; no verdict, accuracy or reward depends on what it said."
    )
    for outcome, labels in summary.replies.items():
        said = ", ".join(f"{times:,} {label}" for label, times in sorted(labels.items()))
        yield f"Rules say {_OUTCOMES.get(outcome, outcome)}, the judge: {said}."
    if summary.tokens or summary.cost:
        cost = f", ${summary.cost:,.4f}" if summary.cost else ""
        yield f"{summary.judgements:,} judgements took {summary.tokens + summary.prompt_tokens:,} tokens{cost}."
    yield from (f"{note}." for note in summary.notes)


def _accuracies(summary: JudgeSummary) -> Iterator[tuple[str, Sequence[Metric | None], str]]:
    """Label, a cell for each column and the number of problems, for each format and set."""
    found: dict[tuple[str, str], dict[str, Metric]] = {}
    for metric in summary.metrics:
        found.setdefault((metric.format, metric.group), {})[metric.measure] = metric
    for (format, _), columns in found.items():
        first = columns[COLUMNS[0]]
        label = f"{format}, {group_label(first) or ALL}"
        yield label, [columns.get(measure) for measure in COLUMNS], f"{first.n:,}"


def _quality(summary: JudgeSummary) -> Iterator[tuple[str, Metric]]:
    for metric in summary.quality:
        part = f", {metric.group}" if metric.group_by == "part" else ""
        yield f"{_QUALITY[metric.measure]}{part}", metric


def _cell(metric: Metric | None) -> Text:
    return Text.assemble(number(metric), " ", (ends(metric), "dim")) if metric else Text("not shown", style="dim")
