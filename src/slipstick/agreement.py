"""Compares our verdicts with those another tool recorded for the same solutions, and says where and why they differ."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal, NamedTuple, get_args

from rich.text import Text

from slipstick.grade import grade_solutions
from slipstick.importers import Recorded
from slipstick.metrics.groups import set_of
from slipstick.schema import Outcome, Problem, Record, Solution
from slipstick.terminal import Fitting, headed_table

Agreement = Literal[
    "both_correct", "both_incorrect", "only_ours_correct", "only_theirs_correct", "undecided", "not_recorded"
]
"""How a recorded verdict and ours compare. only_theirs_correct: incorrect, or without an answer, to us; undecided: by
us, whatever they say; not_recorded: the solution has no recorded verdict."""
_AGREEMENTS: tuple[Agreement, ...] = get_args(Agreement)
_SHOWN = 40
"""Characters of an answer that a table shows."""


class Disagreement(Record):
    """A solution that we and another tool grade differently: a line of disagreements.jsonl."""

    id: str
    """The solution's id."""
    where: str
    """The row it stands in, as "path:line"."""
    task: str
    """The task of its problem."""
    verdict: str
    """Name of the recorded verdict."""
    theirs: bool
    """Whether that verdict is "correct"."""
    ours: Outcome
    """Our outcome."""
    reason: str
    """The reason of our verdict."""
    expected: str | None
    """The gold."""
    answer: str | None
    """The answer we graded."""
    recorded_answer: str | None
    """The answer the other tool graded, None if the file does not say."""
    cause: Literal["extraction", "comparison", "unknown"]
    """Why we differ: another answer was found in the output, or the answer was compared differently with the gold."""


class AgreementCounts(NamedTuple):
    """How often one recorded verdict and ours agree, over one task."""

    task: str
    """Name of the task, or of the file."""
    verdict: str
    """Name of the recorded verdict; "" for solutions that have none."""
    counts: Counter[Agreement]
    """Agreement -> rows."""


def compare_with_recorded(
    problems: Iterable[Problem], solutions: Iterable[Solution], recorded: Iterable[Recorded], *, profile: str
) -> tuple[list[AgreementCounts], list[Disagreement]]:
    """The counts for each task and recorded verdict, and every disagreement, undecided ones included.

    solutions: graded, with the ids that `recorded` names. If the other tool's own answer is recorded, it is graded as
    well: if that changes our verdict, the cause is the extraction, else the comparison.
    Raises UserError for a profile that does not exist.
    """
    known = {problem.id: problem for problem in problems}
    graded = {solution.id: solution for solution in solutions if solution.verdict}
    rows: dict[tuple[str, str], AgreementCounts] = {}
    disagreements = []
    for row in recorded:
        solution = graded.get(row.id)
        if solution is None or solution.verdict is None:
            continue
        task = set_of(known[solution.problem_id])
        verdicts = row.verdicts if row.scope == "sample" else {}
        for verdict, theirs in verdicts.items() or [("", None)]:
            agreement = _agreement(solution.verdict.outcome, theirs)
            rows.setdefault((task, verdict), AgreementCounts(task, verdict, Counter())).counts[agreement] += 1
            if theirs is not None and agreement not in ("both_correct", "both_incorrect"):
                ours = solution.verdict
                assert ours is not None
                disagreements.append(
                    Disagreement(
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
                        cause="unknown",
                    )
                )
    regraded = _regrade(disagreements, graded, known.values(), profile)
    return list(rows.values()), [_with_cause(row, regraded) for row in disagreements]


def agreement_table(rows: Iterable[AgreementCounts]) -> Fitting:
    """The counts, one row per task and recorded verdict; on a narrow terminal a line for each count that is not 0."""
    names = tuple(agreement.replace("_", " ") for agreement in _AGREEMENTS)
    table = headed_table("task", "recorded verdict", right=names)
    narrow = headed_table("task", "recorded verdict", "", right=("rows",))
    for row in rows:
        counts = {name: row.counts[agreement] for name, agreement in zip(names, _AGREEMENTS, strict=True)}
        verdict = row.verdict or "none"
        table.add_row(Text(row.task), Text(verdict), *(f"{n:,}" for n in counts.values()))
        for name, n in counts.items():
            if n:
                narrow.add_row(Text(row.task), Text(verdict), Text(name), f"{n:,}")
        narrow.add_section()
    return Fitting(table, narrow)


def disagreements_table(rows: Iterable[Disagreement], *, most: int) -> Fitting:
    """The first disagreements, a solution a row, with what each of the other tool's rules said of it; on a narrow
    terminal a block of lines each."""
    heads = ("row", "answer", "theirs", "gold", "ours", "cause", "why")
    table, narrow = headed_table(*heads), headed_table("", "")
    narrow.show_header = False
    solutions: dict[str, list[Disagreement]] = {}
    for row in rows:
        solutions.setdefault(row.id, []).append(row)
    for first, *more in islice(solutions.values(), most):
        said = [f"{_shorten(row.recorded_answer)} {'correct' if row.theirs else 'incorrect'}" for row in (first, *more)]
        theirs = ", ".join(dict.fromkeys(each.strip() for each in said))
        cause = ", ".join(dict.fromkeys(row.cause for row in (first, *more)))
        cells = (first.id, _shorten(first.answer), theirs, _shorten(first.expected), first.ours, cause, first.reason)
        table.add_row(*(Text(cell) for cell in cells))
        for head, cell in zip(heads, cells, strict=True):
            narrow.add_row(Text(head, "dim"), Text(cell))
        narrow.add_section()
    return Fitting(table, narrow)


def _shorten(text: str | None) -> str:
    text = " ".join((text or "").split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _agreement(ours: Outcome, theirs: bool | None) -> Agreement:
    if theirs is None:
        return "not_recorded"
    if ours == "undecided":
        return "undecided"
    if ours == "correct":
        return "both_correct" if theirs else "only_ours_correct"
    return "only_theirs_correct" if theirs else "both_incorrect"


def _regrade(
    disagreements: Sequence[Disagreement], graded: dict[str, Solution], problems: Iterable[Problem], profile: str
) -> dict[tuple[str, str], Outcome]:
    """(solution id, recorded answer) -> our outcome for that answer."""
    answers = list({(row.id, row.recorded_answer): None for row in disagreements if row.recorded_answer is not None})
    ungraded = [graded[name].model_copy(update={"answer": answer, "verdict": None}) for name, answer in answers]
    regraded = grade_solutions(ungraded, problems, profile=profile)
    # a profile may write the answer otherwise: the order tells which is which
    return {key: s.verdict.outcome for key, s in zip(answers, regraded, strict=True) if s.verdict}


def _with_cause(row: Disagreement, regraded: dict[tuple[str, str], Outcome]) -> Disagreement:
    if row.recorded_answer is None:
        return row
    same = (regraded[row.id, row.recorded_answer] == "correct") == (row.ours == "correct")
    return row.model_copy(update={"cause": "comparison" if same else "extraction"})
