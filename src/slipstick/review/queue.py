"""What there is to review, in order, and which of it a reviewer is shown."""

import random
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from slipstick.errors import RunFolderError
from slipstick.review.decisions import Decision, differ
from slipstick.schema import Problem, Record, Solution
from slipstick.store import RunFolder

Show = Literal["open", "skipped", "disagreements", "all"]
CurrentDecisions = Mapping[str, Mapping[str, Decision]]
"""Item -> reviewer -> the reviewer's decision."""


class Item(Record):
    """A suspect, or a sample of a run's solutions, to be reviewed."""

    id: str
    """The problem's id for a suspect, the solution's for a sample."""
    problem: Problem
    """The suspect, or the sample's problem."""
    solution: Solution | None = None
    """The sample; None for a suspect."""
    notes: list[str] = Field(default_factory=list)
    """Evidence against it, a line each."""


def sample_items(folder: RunFolder, n: int, *, seed: int) -> list[Item]:
    """A random sample of a run's solutions, the same for every reviewer; a larger one begins with a smaller one.

    Raises RunFolderError if the run lacks the problem of one.
    """
    problems = {problem.id: problem for problem in folder.problems()}
    solutions = sorted(folder.solutions(), key=lambda solution: solution.id)
    random.Random(seed).shuffle(solutions)
    return [Item(id=s.id, problem=find_problem(s.problem_id, problems), solution=s) for s in solutions[:n]]


def find_problem(problem_id: str, problems: Mapping[str, Problem]) -> Problem:
    """The problem of that id. Raises RunFolderError if the run lacks it."""
    if problem_id not in problems:
        raise RunFolderError(f"the run is damaged: its problems.jsonl lacks {problem_id}; repeat the run (--overwrite)")
    return problems[problem_id]


def select_items(items: Sequence[Item], decisions: CurrentDecisions, reviewer: str, show: Show) -> list[Item]:
    """The items a reviewer is shown, in their order.

    open: those the reviewer has not decided; skipped: those put off; disagreements: those reviewers disagree on.
    """
    match show:
        case "open":
            return [item for item in items if reviewer not in decisions.get(item.id, {})]
        case "skipped":
            own = ((item, decisions.get(item.id, {}).get(reviewer)) for item in items)
            return [item for item, made in own if made and made.decision == "skip"]
        case "disagreements":
            return [item for item in items if differ(list(decisions.get(item.id, {}).values()))]
        case "all":
            return list(items)
