"""Counts what solvers say of a problem: answers that mean the same are one candidate, the label is the first."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError
from rich.console import Console

from slipstick.equivalence import compare
from slipstick.errors import InputError
from slipstick.metrics.estimators import group_equal_answers
from slipstick.progress import progress
from slipstick.schema import Problem, Solution
from slipstick.store import RunFolder

_LONGEST = 100
"""Characters of an answer beyond which it is a text that somebody took for one, and no vote."""
_FROM_RATIONALES = ("worked_steps", "annotations")
"""Methods of `synthesize` that make programs from worked solutions: if correct, these only repeat the label."""


class Vote(NamedTuple):
    """What one sample of a solver says."""

    solver: str
    """Samples of one solver share their weight: a solver that is asked often does not count more for it."""
    answer: str | None
    """None for a sample without one."""


class Candidate(NamedTuple):
    """An answer that may be the right one."""

    answer: str
    """As the first sample with it wrote it."""
    shares: dict[str, float]
    """Solver -> share of its samples that say so; solvers that do not are left out."""
    samples: int
    """How many samples of all solvers say so."""


class Ballot(NamedTuple):
    """The votes on one problem."""

    problem_id: str
    """The problem voted on."""
    candidates: list[Candidate]
    """The label first, whether any solver gives it or not, then the others, most samples first."""
    num_samples: dict[str, int]
    """Solver -> samples it was asked for, those without an answer included."""

    def rivals(self) -> list[Candidate]:
        """The answers that are not the label."""
        return self.candidates[1:]


def count_votes(problem: Problem, votes: Sequence[Vote]) -> Ballot:
    """The ballot of a problem with a label. Answers are compared by meaning (`slipstick.compare`)."""
    gold = problem.answer or ""
    label = "; ".join(gold) if isinstance(gold, list) else gold

    def same(first: str, answer: str) -> bool:
        expected = gold if first == label and gold else first
        return compare(answer, expected, kind=problem.kind).outcome == "correct"

    cast = [(vote.solver, vote.answer) for vote in votes if vote.answer and len(vote.answer) <= _LONGEST]
    groups = group_equal_answers([answer for _, answer in cast], same, known=[label])
    num_samples = Counter(vote.solver for vote in votes)
    label_first, *rivals = (
        Candidate(
            answer,
            {name: count / num_samples[name] for name, count in Counter(cast[place][0] for place in places).items()},
            len(places),
        )
        for answer, places in groups.items()
    )
    return Ballot(problem.id, [label_first, *sorted(rivals, key=lambda rival: -rival.samples)], dict(num_samples))


def count_all(votes: Mapping[str, Sequence[Vote]], labelled: Mapping[str, Problem], console: Console) -> list[Ballot]:
    """The ballots of all problems that someone voted on, with progress on the console."""
    ballots = []
    with progress("counting votes", len(votes), "problems", console=console) as advance:
        for done, (name, cast) in enumerate(votes.items(), start=1):
            ballots.append(count_votes(labelled[name], cast))
            advance(done)
    return ballots


def majority_disagreement(ballot: Ballot) -> float:
    """The largest share of all samples that agree on one answer other than the label: the score of a plain vote."""
    total = sum(ballot.num_samples.values())
    return max((rival.samples for rival in ballot.rivals()), default=0) / total if total else 0.0


def read_runs(runs: Iterable[RunFolder], labelled: Container[str]) -> tuple[dict[str, list[Vote]], dict[str, str]]:
    """Problem id -> votes of solvers, and problem id -> result of a program made from the worked solution.

    labelled: ids of the problems that count. Raises InputError for a run without a solution of any of them.
    """
    votes: dict[str, list[Vote]] = {}
    programs: dict[str, str] = {}
    for run in runs:
        about = run.run()
        repeats = about.verb == "synthesize" and about.recipe.get("method", "worked_steps") in _FROM_RATIONALES
        solutions = [solution for solution in _solutions(run) if solution.problem_id in labelled]
        if not solutions:
            raise InputError(f"{run.path} has no solution of any of these problems: their ids must be the same")
        for solution in solutions:
            if not repeats:
                name = f"{solution.model or run.path.name} {solution.format}"
                votes.setdefault(solution.problem_id, []).append(Vote(name, solution.answer))
            elif solution.answer:
                programs[solution.problem_id] = solution.answer
    return votes, programs


def _solutions(run: RunFolder) -> Iterator[Solution]:
    """All that a run wrote, what it dropped included: a solver's incorrect samples count as its correct ones do."""
    yield from run.solutions()
    for drop in run.dropped():
        try:
            yield Solution.model_validate(drop.row)
        except ValidationError:
            continue  # a row of another kind
