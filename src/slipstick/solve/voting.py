"""When to stop drawing samples: adaptive consistency (Aggarwal et al. 2023, section 3, the Beta criterion)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import comb

from slipstick.equivalence import compare
from slipstick.metrics import group_equal_answers


async def is_settled(answers: Sequence[str | None], probability: float) -> bool:
    """Whether the answer that leads so far stays in the lead with more than this probability."""
    said = [answer for answer in answers if answer is not None]
    votes = [len(said)] if len(set(said)) <= 1 else await asyncio.to_thread(count_votes, said)
    return stays_ahead(votes) > probability


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
