"""Counts what solvers say of a problem: answers that mean the same are one candidate, the label is the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from slipstick.equivalence import compare
from slipstick.schema import Problem, Record

_LONGEST = 100
"""Characters of an answer beyond which it is a text that somebody took for one, and no vote."""


class Vote(NamedTuple):
    """What one sample of a solver says."""

    solver: str
    """Samples of one solver share their weight: a solver that is asked often does not count more for it."""
    answer: str | None


class Candidate(NamedTuple):
    """An answer that may be the right one."""

    answer: str
    shares: dict[str, float]
    """Solver -> share of its samples that say so; solvers that do not are left out."""
    samples: int


class Ballot(NamedTuple):
    """The votes on one problem."""

    problem_id: str
    candidates: list[Candidate]
    """The label first, whether anybody says it or not, then the others, most samples first."""
    drawn: dict[str, int]
    """Solver -> samples it was asked for, those without an answer included."""

    def rivals(self) -> list[Candidate]:
        """The answers that are not the label."""
        return self.candidates[1:]


class Solver(Record):
    """What is known of a solver once all ballots are counted."""

    name: str
    problems: int
    """Problems with a label that it was asked."""
    agreement: float
    """Share of its samples that say the label, the mean over problems."""
    weight: float
    """Log-odds that its word adds to an answer, learned beside all others."""


def count_votes(problem: Problem, votes: Sequence[Vote]) -> Ballot:
    """The ballot of a problem with a label. Answers are compared by meaning (`slipstick.compare`)."""
    gold = problem.answer or ""
    label = "; ".join(gold) if isinstance(gold, list) else gold
    classes: dict[str, list[str]] = {label: []}
    joined: dict[str, str] = {}
    for vote in votes:
        if vote.answer and len(vote.answer) <= _LONGEST:
            if vote.answer not in joined:
                joined[vote.answer] = _class_of(vote.answer, classes, problem, label)
            classes.setdefault(joined[vote.answer], []).append(vote.solver)
    drawn = Counter(vote.solver for vote in votes)
    label_first, *rivals = (
        Candidate(answer, {name: count / drawn[name] for name, count in Counter(solvers).items()}, len(solvers))
        for answer, solvers in classes.items()
    )
    return Ballot(problem.id, [label_first, *sorted(rivals, key=lambda rival: -rival.samples)], dict(drawn))


def majority_disagreement(ballot: Ballot) -> float:
    """The largest share of all samples that agree on one answer other than the label: what a plain vote goes by."""
    total = sum(ballot.drawn.values())
    return max((rival.samples for rival in ballot.rivals()), default=0) / total if total else 0.0


def _class_of(answer: str, classes: Iterable[str], problem: Problem, label: str) -> str:
    """The candidate that an answer belongs to, itself where it is a new one."""
    for known in classes:
        expected = problem.answer if known == label and problem.answer else known
        if answer == known or compare(answer, expected, kind=problem.kind).outcome == "correct":
            return known
    return answer
