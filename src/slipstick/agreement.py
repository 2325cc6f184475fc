"""Compares our verdicts with those another tool recorded for the same solutions, and says where they differ and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from slipstick.grade import grade_solutions
from slipstick.importers import Recorded
from slipstick.schema import Outcome, Problem, Record, Solution


class Disagreement(Record):
    """A solution that we and another tool judge differently: a line of disagreements.jsonl."""

    id: str
    """The solution's id."""
    where: str
    """The row it stands in, as "path:line"."""
    task: str
    """Name of the task or split."""
    verdict: str
    """Name of the recorded verdict."""
    theirs: bool
    """Whether it said correct."""
    ours: Outcome
    reason: str
    """Why we say so."""
    expected: str | None
    """The gold."""
    answer: str | None
    """The answer we judged."""
    recorded_answer: str | None
    """The answer the other tool judged, None if the file does not say."""
    differs: Literal["extraction", "comparison", "unknown"]
    """Why we differ: which answer was found in the output, or how it was compared with the gold."""


class Agreement(NamedTuple):
    """How often one recorded verdict and ours say the same, over one task."""

    task: str
    verdict: str
    """Name of the recorded verdict; "" for solutions that have none."""
    both_right: int = 0
    both_wrong: int = 0
    only_ours: int = 0
    """Correct to us, incorrect to them."""
    only_theirs: int = 0
    """Correct to them; incorrect, or without an answer, to us."""
    undecided: int = 0
    """Not decided by us, whatever they say."""
    unrecorded: int = 0
    """Solutions with no recorded verdict."""


def compare_with_recorded(
    problems: Iterable[Problem], solutions: Iterable[Solution], recorded: Sequence[Recorded], *, profile: str
) -> tuple[list[Agreement], list[Disagreement]]:
    """The counts for each task and recorded verdict, and every disagreement, undecided ones included.

    solutions: graded, with the ids that `recorded` names. If the other tool's own answer is recorded, it is graded
    as well: if that changes our verdict, it was the extraction that differs, else the comparison.
    Raises UserError for a profile that does not exist.
    """
    known = {problem.id: problem for problem in problems}
    graded = {solution.id: solution for solution in solutions if solution.verdict}
    counts: dict[tuple[str, str], Agreement] = {}
    found = []
    for row in recorded:
        solution = graded.get(row.id)
        if solution is None or solution.verdict is None:
            continue
        task = str(known[solution.problem_id].metadata.get("split", ""))
        for verdict, theirs in row.verdicts.items() or [("", None)]:
            cell = _cell(solution.verdict.outcome, theirs)
            count = counts.setdefault((task, verdict), Agreement(task, verdict))
            counts[task, verdict] = count._replace(**{cell: getattr(count, cell) + 1})
            if theirs is not None and cell not in ("both_right", "both_wrong"):
                found.append(_disagreement(row, solution, task, verdict))
    regraded = _regrade(found, graded, known.values(), profile)
    return list(counts.values()), [_with_cause(row, regraded) for row in found]


def _cell(ours: Outcome, theirs: bool | None) -> str:
    if theirs is None:
        return "unrecorded"
    if ours == "undecided":
        return "undecided"
    if ours == "correct":
        return "both_right" if theirs else "only_ours"
    return "only_theirs" if theirs else "both_wrong"


def _disagreement(row: Recorded, solution: Solution, task: str, verdict: str) -> Disagreement:
    ours = solution.verdict
    assert ours is not None
    return Disagreement(
        id=row.id,
        where=row.where,
        task=task,
        verdict=verdict,
        theirs=row.verdicts[verdict],
        ours=ours.outcome,
        reason=ours.reason,
        expected=ours.expected,
        answer=solution.answer,
        recorded_answer=row.answer,
        differs="unknown",
    )


def _regrade(
    found: Sequence[Disagreement], graded: dict[str, Solution], problems: Iterable[Problem], profile: str
) -> dict[tuple[str, str], Outcome]:
    """(solution, recorded answer) -> what we say of that answer."""
    answers = {(row.id, row.recorded_answer): None for row in found if row.recorded_answer is not None}
    asked = [graded[name].model_copy(update={"answer": answer, "verdict": None}) for name, answer in answers]
    judged = grade_solutions(asked, problems, profile=profile)
    return {(s.id, s.answer or ""): s.verdict.outcome for s in judged if s.verdict}


def _with_cause(row: Disagreement, regraded: dict[tuple[str, str], Outcome]) -> Disagreement:
    if row.recorded_answer is None:
        return row
    same = (regraded[row.id, row.recorded_answer] == "correct") == (row.ours == "correct")
    return row.model_copy(update={"differs": "comparison" if same else "extraction"})
