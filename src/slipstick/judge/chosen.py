"""Which solutions a judge is asked of: those that rules do not call correct, and a sample of those that they do."""

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from slipstick.equivalence.verdicts import acceptable_answers
from slipstick.judge.asking import Pair
from slipstick.schema import Problem, Solution

NOT_ACCEPTED = ("incorrect", "undecided")
"""Outcomes of rules where a judge is asked; a solution without an answer has nothing to ask about."""


class Chosen(NamedTuple):
    """The pairs that a run has for a judge, by the id of their solution."""

    asked: dict[str, Pair]
    """Those of solutions that rules call incorrect or undecided."""
    sample: dict[str, Pair]
    """Those of a sample of the solutions that rules call correct."""


def choose(problems: Sequence[Problem], solutions: Iterable[Solution], *, sample: int) -> Chosen:
    """The pairs of a run's graded solutions. sample: how many of the correct ones; always the same of the same run."""
    golds = {problem.id: problem for problem in problems if problem.answer}
    with_gold = [one for one in solutions if one.verdict and one.problem_id in golds and one.answer]
    asked = [one for one in with_gold if one.verdict and one.verdict.outcome in NOT_ACCEPTED]
    accepted = [one for one in with_gold if one.verdict and one.verdict.outcome == "correct"]
    sampled = random.Random(0).sample(accepted, min(sample, len(accepted)))

    def pairs(members: Sequence[Solution]) -> dict[str, Pair]:
        return {one.id: pair_of(one, golds[one.problem_id]) for one in members}

    return Chosen(pairs(asked), pairs(sampled))


def pair_of(solution: Solution, problem: Problem) -> Pair:
    """A solution's answer as a judge sees it, with the problem's question and golds."""
    expected = tuple(acceptable_answers(problem.answer or []))
    return Pair(solution.id, problem.text, expected, solution.answer or "")
