"""How many solutions of a problem are wanted, and how hot: a number, a schedule, or until the vote is settled.

Adaptive consistency is that of Aggarwal et al. 2023 (section 3, the Beta criterion).
"""

from collections.abc import Callable, Sequence
from math import comb

from pydantic import Field

from slipstick.equivalence import compare
from slipstick.metrics.estimators import group_equal_answers
from slipstick.schema import Record, Solution

SamplingPolicy = Callable[[Sequence[Solution]], Sequence[float]]
"""A problem's solutions in one format so far, in order -> the temperatures of those to sample next; none: enough."""


class SamplingStep(Record):
    """Solutions that are sampled alike."""

    temperature: float = Field(ge=0, le=100)
    """0 takes the likeliest token."""
    num_samples: int = Field(ge=1, le=100_000)
    """How many, of one problem in one format."""


def scheduled(steps: Sequence[SamplingStep], *, stop_after_correct: int | None = None) -> SamplingPolicy:
    """All steps of a schedule together, or with `stop_after_correct` step by step up to that many correct ones."""

    def policy(solutions: Sequence[Solution]) -> list[float]:
        if stop_after_correct is not None and sum(map(is_correct, solutions)) >= stop_after_correct:
            return []
        begun = 0
        wanted: list[float] = []
        for step in steps:
            begun += step.num_samples
            wanted += [step.temperature] * min(step.num_samples, max(0, begun - len(solutions)))
            if wanted and stop_after_correct is not None:
                break
        return wanted

    return policy


def until_settled(most: int, *, threshold: float, temperature: float) -> SamplingPolicy:
    """One solution after another until the majority answer is final with probability `threshold`, at most `most`."""

    def policy(solutions: Sequence[Solution]) -> list[float]:
        answers = [solution.answer for solution in solutions if solution.answer is not None]
        return [] if len(solutions) >= most or stays_ahead(count_votes(answers)) > threshold else [temperature]

    return policy


def still_wanted(policy: SamplingPolicy, solutions: Sequence[Solution]) -> list[Solution]:
    """Of a problem's solutions in one format, in order, those that the policy asks for.

    All of them, unless a failed one was made again and what it says now makes later ones needless.
    """
    taken = 0
    while taken < len(solutions) and (more := policy(solutions[:taken])):
        taken += len(more)
    return list(solutions[:taken])


def is_correct(solution: Solution) -> bool:
    """Whether it was judged correct."""
    return solution.verdict is not None and solution.verdict.outcome == "correct"


def count_votes(answers: Sequence[str]) -> list[int]:
    """Votes of each class of equal answers; an answer joins the first class whose first answer means the same.

    The classes are those of maj@k (see `slipstick.metrics`).
    """
    return [len(members) for members in group_answers(answers).values()]


def group_answers(answers: Sequence[str]) -> dict[str, list[int]]:
    """The first answer of each class of answers that mean the same -> the places of the class's members, in order."""
    return group_equal_answers(answers, _same)


def stays_ahead(votes: Sequence[int]) -> float:
    """The posterior probability that the leader's share is above the runner-up's, the prior being uniform.

    P(p > 1/2) for p ~ Beta(v1 + 1, v2 + 1), which for whole numbers is a sum of binomial coefficients.
    """
    first, second = sorted([*votes, 0, 0], reverse=True)[:2]
    trials = first + second + 1
    return float(sum(comb(trials, wins) for wins in range(first + 1)) / 2**trials)


def _same(first: str, second: str) -> bool:
    return compare(first, second).outcome == "correct"
