"""Compares a run with published numbers: rows of papers' tables (published.toml) and our figures on the same sets.

differences.py says how the run's settings, model and versions differ from the paper's.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import Any

from pydantic import Field

from slipstick.errors import InputError, did_you_mean
from slipstick.evaluate import same_by
from slipstick.grade import grade_solutions
from slipstick.metrics.estimators import share_correct
from slipstick.metrics.intervals import ProblemValue, average
from slipstick.metrics.measures import accuracy, best_of_k, by_problem, maj_at_k, problems_by_set
from slipstick.schema import Metric, Problem, Record, Solution

AVERAGE = "average"


class Paper(Record):
    """A paper's table and how its numbers were measured."""

    title: str
    """Authors, year and number."""
    table: str
    """Which of its tables."""
    version: str
    """The version of the paper, as versions differ."""
    recipe: str
    """Our recipe that measures the same."""
    profile: str
    """The profile whose rules of equality it used."""
    sets: list[str]
    """Its columns."""
    note: str = ""
    """A caveat for its readers."""
    protocol: dict[str, Any] = Field(default_factory=dict)
    """Settings under the keys of our recipes, as far as the paper or its code states them."""


class PublishedRow(Record):
    """One row of a paper's table."""

    name: str
    """What `slipstick repro` calls it."""
    paper: Paper
    """The paper whose table has the row."""
    model: str
    """The model's name on the Hub, or its vendor's name."""
    format: str
    """The format that its decoding corresponds to."""
    measure: str = "accuracy"
    """"accuracy", "maj@30", "best@20"."""
    percent: dict[str, float]
    """Set -> published figure, in percent."""
    average: float | None = None
    """The published mean over the sets, if there is one."""
    note: str = ""
    """A caveat for its readers."""
    facts: dict[str, str] = Field(default_factory=dict)
    """Facts of the model that its server must report: {"rope_theta": "1000000"}."""


class Cell(Record):
    """One published figure and ours."""

    set: str
    """The set, or "average"."""
    published: float
    """Percent."""
    ours: Metric | None
    """By slipstick's own verdict; None if the run has no problem of the set."""
    by_paper_profile: Metric | None
    """By the paper's profile."""

    @property
    def gap(self) -> float | None:
        """Points between the published figure and the nearer of our two; None if we have none."""
        gaps = [100 * found.value - self.published for found in (self.ours, self.by_paper_profile) if found]
        return min(gaps, key=abs) if gaps else None

    @property
    def within(self) -> bool | None:
        """Whether the published figure is in the 95 % interval of ours, by either profile."""
        found = [metric for metric in (self.ours, self.by_paper_profile) if metric]
        return any(m.low <= self.published / 100 <= m.high for m in found) if found else None


@lru_cache(maxsize=1)
def published_rows() -> dict[str, PublishedRow]:
    """Name -> row, in the order of the data file."""
    table = tomllib.loads((files(__name__) / "published.toml").read_text("utf-8"))
    return {row.name: row for values in table["papers"].values() for row in _rows(values)}


def find_row(name: str) -> PublishedRow:
    """The row of that name. Raises InputError, with the nearest name, if there is none."""
    rows = published_rows()
    if name not in rows:
        raise InputError(f"no row is named `{name}`{did_you_mean(name, rows)}; `slipstick repro list` lists them")
    return rows[name]


def compare_with_published(row: PublishedRow, problems: Sequence[Problem], solutions: Sequence[Solution]) -> list[Cell]:
    """Each published figure of a row and ours, by our own profile and by the paper's.

    Only solutions in the row's format count; they are graded again. If the row has one figure and the problems name no
    set, all of them count as its set.
    Raises InputError if no solution is in that format, or no set of the row is among the problems.
    """
    in_format = [solution for solution in solutions if solution.format == row.format]
    if not in_format:
        there = ", ".join(sorted({solution.format for solution in solutions})) or "none"
        raise InputError(f"row {row.name} is in format {row.format}, but the run's solutions are in {there}")
    sets = problems_by_set(problems)
    groups = {name: sets[name] for name in row.percent if name in sets}
    if not groups and len(row.percent) == 1 and not sets:
        groups = {next(iter(row.percent)): [problem.id for problem in problems]}
    if not groups:
        raise InputError(
            f"row {row.name} has figures for {', '.join(row.percent)}, but the run's problems are of "
            f"{', '.join(sets) or 'unnamed sets'}"
        )
    measured = {
        profile: _measure(row, problems, in_format, groups, profile=profile)
        for profile in {"slipstick", row.paper.profile}
    }
    ours, theirs = measured["slipstick"], measured[row.paper.profile]
    published = dict(row.percent)
    if row.average is not None and len(groups) == len(row.percent):
        published[AVERAGE] = row.average
    return [
        Cell(set=name, published=value, ours=ours.get(name), by_paper_profile=theirs.get(name))
        for name, value in published.items()
    ]


def _measure(
    row: PublishedRow,
    problems: Sequence[Problem],
    solutions: Sequence[Solution],
    groups: Mapping[str, Sequence[str]],
    *,
    profile: str,
) -> dict[str, Metric]:
    """Set -> the row's measure over it, and "average" over them all."""
    ungraded = [solution.model_copy(update={"verdict": None}) for solution in solutions]
    attempts = by_problem(grade_solutions(ungraded, problems, profile=profile))
    parts = {name: [attempts[problem] for problem in ids if problem in attempts] for name, ids in groups.items()}
    found = {name: _measured(row, chain.from_iterable(part), profile) for name, part in parts.items() if part}
    if row.measure == "accuracy":
        values = [[ProblemValue(share_correct(samples), len(samples)) for samples in part] for part in parts.values()]
        found[AVERAGE] = average(values).metric("accuracy", group_by="average", group=AVERAGE)
    return found


def _measured(row: PublishedRow, solutions: Iterable[Solution], profile: str) -> Metric:
    """The row's measure of graded solutions. Raises InputError if there are too few samples for it."""
    measure, _, k = row.measure.partition("@")
    if not k:
        return accuracy(solutions)
    try:
        if measure == "best":
            return best_of_k(solutions, int(k))
        return maj_at_k(solutions, int(k), same=same_by(profile))
    except ValueError as error:
        raise InputError(f"row {row.name} is {row.measure}: {error}") from error


def _rows(values: dict[str, Any]) -> Iterator[PublishedRow]:
    """The rows of one paper."""
    rows, facts = values.pop("rows"), values.pop("facts", {})
    paper = Paper.model_validate(values)
    for name, row in rows.items():
        listed = row.pop("percent", None)
        percent = row.pop("by_set", None) or dict(zip(paper.sets, listed, strict=True))
        known: dict[str, str] = next((found for start, found in facts.items() if name.startswith(start)), {})
        yield PublishedRow(name=name, paper=paper, percent=percent, facts=known, **row)
