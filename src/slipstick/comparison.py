"""Two runs held against each other: the paired test per format and set, and the problems that flipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from slipstick.errors import InputError
from slipstick.metrics import PairedComparison, accuracy_by_problem, compare_paired, group_problems, order_formats
from slipstick.schema import Problem, Record, Solution


class Flip(Record):
    """A problem that one run solves more often than the other."""

    problem_id: str
    format: str
    """"pot"; "cot to pot" where the runs have one format each, and not the same."""
    first: float
    """Share of the first run's samples that are correct."""
    second: float
    """Share of the second run's."""


class RunComparison(Record):
    """What two runs make of the problems that both have."""

    common: int
    """Problems that both have."""
    left_out: int
    """Problems that only one of them has; they are not looked at."""
    paired: list[PairedComparison]
    """Per format: over all problems, then over each set or split."""
    flips: list[Flip]
    """Problems on which they differ, in the order of the problems."""


def compare_runs(
    problems: Iterable[Problem],
    first: Iterable[Solution],
    other_problems: Iterable[Problem],
    second: Iterable[Solution],
) -> RunComparison:
    """Compares graded runs on the problems that both have, in each format that both have.

    Where each has one format and not the same, those two are held against each other.
    Raises InputError where they share no problem or no format, where an id means another problem in the other run, and
    for a solution that has not been graded.
    """
    mine = {problem.id: problem for problem in problems}
    theirs = {problem.id: problem for problem in other_problems}
    common = [mine[name] for name in mine if name in theirs]
    _require_same(common, theirs, len(mine))
    before, after = shares_by_format(first), shares_by_format(second)
    rows: list[PairedComparison] = []
    flips: list[Flip] = []
    ids = {problem.id for problem in common}
    groups = {"": [problem.id for problem in common], **group_problems(common).sets}
    for label, (left, right) in _formats(before, after).items():
        one = {name: share for name, share in before[left].items() if name in ids}
        two = {name: share for name, share in after[right].items() if name in ids}
        rows += _compare(label, one, two, groups)
        flips += [
            Flip(problem_id=name, format=label, first=one[name], second=two[name])
            for name in groups[""]
            if name in one and name in two and one[name] != two[name]
        ]
    return RunComparison(
        common=len(common), left_out=len(mine) + len(theirs) - 2 * len(common), paired=rows, flips=flips
    )


def shares_by_format(solutions: Iterable[Solution]) -> dict[str, dict[str, float]]:
    """Format -> problem id -> share of its samples that are correct."""
    formats: dict[str, list[Solution]] = {}
    for solution in solutions:
        formats.setdefault(solution.format, []).append(solution)
    return {name: accuracy_by_problem(formats[name]) for name in order_formats(formats)}


def _require_same(common: Sequence[Problem], theirs: Mapping[str, Problem], mine: int) -> None:
    if not common:
        raise InputError(
            f"the two runs are about different problems: none of the {mine:,} of the one is among the {len(theirs):,} "
            "of the other; only runs on the same problems can be compared"
        )
    for problem in common:
        other = theirs[problem.id]
        if (problem.text, problem.answer) != (other.text, other.answer):
            what = "question" if problem.text != other.text else "gold"
            raise InputError(
                f"problem {problem.id} has another {what} in the other run, so the two cannot be compared: run both on "
                "the same file"
            )


def _formats(first: Mapping[str, object], second: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """Label -> format of the first run and of the second."""
    shared = {name: (name, name) for name in first if name in second}
    if not shared and len(first) == len(second) == 1:
        left, right = *first, *second
        return {f"{left} to {right}": (left, right)}
    if not shared:
        raise InputError(
            f"the two runs have no format in common: {', '.join(first) or 'no solutions'} and "
            f"{', '.join(second) or 'no solutions'}"
        )
    return shared


def _compare(
    label: str, first: Mapping[str, float], second: Mapping[str, float], groups: Mapping[str, Sequence[str]]
) -> list[PairedComparison]:
    rows = []
    for group, members in groups.items():
        part = {name: first[name] for name in members if name in first and name in second}
        if part:
            rows.append(compare_paired(part, second, format=label, group=group))
    return rows
