"""A labelled set: answers of which somebody has said whether they are correct, by which a judge is measured."""

from pathlib import Path
from typing import NamedTuple

from slipstick.errors import InputError, did_you_mean
from slipstick.grade import grade_solutions
from slipstick.judge.asking import Pair
from slipstick.schema import Problem, Solution
from slipstick.tabular import Row, read_rows

_KEYS = ("question", "expected", "answer", "correct")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Labelled(NamedTuple):
    """A labelled answer."""

    pair: Pair
    """The answer and what is expected."""
    correct: bool
    """Whether it is correct."""


def read_labels(path: Path) -> list[Labelled]:
    """The rows of a labelled set, each once: question (may be left out), expected (a text or several), answer, correct.

    Raises InputError, with the row, for a row that lacks one, and for one that has both labels.
    """
    found: dict[str, Labelled] = {}
    for row in read_rows(path):
        labelled = _labelled(row)
        earlier = found.setdefault(labelled.pair.key, labelled)
        if earlier.correct != labelled.correct:
            where = f"{earlier.pair.asked_for} says that it is {'correct' if earlier.correct else 'incorrect'}"
            raise InputError(f"{row.where}: `correct` = {labelled.correct}, and {where}: remove one of the two rows")
    return list(found.values())


def accepted_by_rules(labels: list[Labelled], *, profile: str) -> set[str]:
    """The keys of the labelled answers that rules call correct."""
    problems = [Problem(id=pair.key, text=pair.question, answer=list(pair.expected)) for pair, _ in labels]
    solutions = [
        Solution(id=pair.key, problem_id=pair.key, format="cot", blocks=[], answer=pair.answer) for pair, _ in labels
    ]
    graded = grade_solutions(solutions, problems, profile=profile)
    return {one.id for one in graded if one.verdict and one.verdict.outcome == "correct"}


def _labelled(row: Row) -> Labelled:
    values = row.values
    for key in _KEYS[1:]:
        if values.get(key) is None:
            hint = next((f" (or is it `{other}`?)" for other in values if did_you_mean(other, [key])), "")
            raise InputError(f"{row.where} has no `{key}`{hint}: a row needs expected, answer and correct")
    expected = values["expected"] if isinstance(values["expected"], list) else [values["expected"]]
    correct = values["correct"]
    if not isinstance(correct, bool):
        correct = _TRUTH.get(str(correct).strip().lower())
    if correct is None:
        raise InputError(f"{row.where}: `correct` must be true or false, not {values['correct']!r}")
    question, answer = str(values.get("question") or ""), str(values["answer"])
    return Labelled(Pair(row.where, question, tuple(map(str, expected)), answer), correct)
