"""Published numbers beside ours: rows of papers' tables as data, and what a run of ours makes of the same sets."""

from __future__ import annotations

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
from slipstick.metrics import accuracy, average, best_of_k, by_problem, maj_at_k, problems_by_set, share_correct
from slipstick.schema import Metric, Problem, Record, Solution

AVERAGE = "average"


class Paper(Record):
    """A paper's table, and how its numbers were measured."""

    title: str
    """Authors, year and number."""
    table: str
    """Which of its tables."""
    version: str
    """Which version of the paper, where they differ."""
    recipe: str
    """The recipe of ours that claims to measure the same."""
    profile: str
    """Whose rules of equality it used."""
    sets: list[str]
    """Its columns."""
    note: str = ""
    """What to know when reading it."""
    protocol: dict[str, Any] = Field(default_factory=dict)
    """Settings as our recipes name them, where the paper or its code says them."""


class Published(Record):
    """One row of a paper's table."""

    name: str
    """What `slipstick repro` calls it."""
    paper: Paper
    model: str
    """The model's name on the Hub or of its maker."""
    format: str
    """The format of ours that its decoding is."""
    measure: str = "accuracy"
    """"accuracy", "maj@30", "best@20"."""
    percent: dict[str, float]
    """Set -> published figure, in percent."""
    average: float | None = None
    """The published mean over the sets, where there is one."""
    note: str = ""
    facts: dict[str, str] = Field(default_factory=dict)
    """What a server has to say of the model: {"rope_theta": "1000000"}."""


class Cell(Record):
    """One published figure beside ours."""

    set: str
    """The set, or "average"."""
    published: float
    """Percent."""
    ours: Metric | None
    """By slipstick's own verdict; None where the run has no problem of the set."""
    by_their_rules: Metric | None
    """By the paper's profile."""

    @property
    def gap(self) -> float | None:
        """Points that the nearer of our two figures is off; None where there is none."""
        gaps = [100 * found.value - self.published for found in (self.ours, self.by_their_rules) if found]
        return min(gaps, key=abs) if gaps else None

    @property
    def within(self) -> bool | None:
        """Whether the published figure lies in the 95 % interval of ours, by either verdict."""
        found = [metric for metric in (self.ours, self.by_their_rules) if metric]
        return any(m.low <= self.published / 100 <= m.high for m in found) if found else None


@lru_cache(maxsize=1)
def published_rows() -> dict[str, Published]:
    """Name -> row, in the order of the data file."""
    table = tomllib.loads((files(__name__) / "published.toml").read_text("utf-8"))
    return {row.name: row for values in table["papers"].values() for row in _rows(values)}


def find_row(name: str) -> Published:
    """The row of that name. Raises InputError, naming the nearest, where there is none."""
    rows = published_rows()
    if name not in rows:
        raise InputError(f"no row is named `{name}`{did_you_mean(name, rows)}; `slipstick repro list` lists them")
    return rows[name]


def hold_against(row: Published, problems: Sequence[Problem], solutions: Sequence[Solution]) -> list[Cell]:
    """Each published figure of a row beside ours, by our own verdict and by the paper's rules.

    Only solutions in the row's format count; they are graded anew. Where the row has one figure and the problems are of
    no set, all of them are taken to be its set.
    Raises InputError where no solution is in that format, or no set of the row is among the problems.
    """
    mine = [solution for solution in solutions if solution.format == row.format]
    if not mine:
        there = ", ".join(sorted({solution.format for solution in solutions})) or "none"
        raise InputError(f"row {row.name} is in format {row.format}, but the run's solutions are in {there}")
    sets = problems_by_set(problems)
    groups = {name: sets[name] for name in row.percent if name in sets}
    if not groups and len(row.percent) == 1 and not sets:
        groups = {next(iter(row.percent)): [problem.id for problem in problems]}
    if not groups:
        raise InputError(
            f"row {row.name} has figures for {', '.join(row.percent)}, but the run's problems are of "
            f"{', '.join(sets) or 'no set that their ids name'}"
        )
    ours = _measure(row, problems, mine, groups, profile="slipstick")
    theirs = (
        ours if row.paper.profile == "slipstick" else _measure(row, problems, mine, groups, profile=row.paper.profile)
    )
    cells = [
        Cell(set=name, published=value, ours=ours.get(name), by_their_rules=theirs.get(name))
        for name, value in row.percent.items()
    ]
    if row.average is not None and len(groups) == len(row.percent):
        cells.append(
            Cell(set=AVERAGE, published=row.average, ours=ours.get(AVERAGE), by_their_rules=theirs.get(AVERAGE))
        )
    return cells


def _measure(
    row: Published,
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
        found[AVERAGE] = average([[share_correct(samples) for samples in part] for part in parts.values()]).metric(
            "accuracy", group_by="average", group=AVERAGE
        )
    return found


def _measured(row: Published, solutions: Iterable[Solution], profile: str) -> Metric:
    """The row's measure of graded solutions. Raises InputError where there are too few samples for it."""
    measure, _, k = row.measure.partition("@")
    if not k:
        return accuracy(solutions)
    try:
        if measure == "best":
            return best_of_k(solutions, int(k))
        return maj_at_k(solutions, int(k), same=same_by(profile))
    except ValueError as error:
        raise InputError(f"row {row.name} is {row.measure}: {error}") from error


def _rows(values: dict[str, Any]) -> Iterator[Published]:
    """The rows of one paper."""
    rows, facts = values.pop("rows"), values.pop("facts", {})
    paper = Paper.model_validate(values)
    for name, row in rows.items():
        listed = row.pop("percent", None)
        percent = row.pop("by_set", None) or dict(zip(paper.sets, listed, strict=True))
        known: dict[str, str] = next((found for start, found in facts.items() if name.startswith(start)), {})
        yield Published(name=name, paper=paper, percent=percent, facts=known, **row)
