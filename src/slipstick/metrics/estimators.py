"""Estimates from the samples of one problem: pass@k, maj@k, and with values best@k and weighted@k.

If k is below the number of samples, each is the exact expectation over all subsets of k; only the weighted vote of many
samples is averaged over some of the subsets.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, groupby
from math import comb, exp
from typing import NamedTuple

from slipstick.errors import InputError
from slipstick.schema import Outcome, Solution

Same = Callable[[str, str], bool]
"""Whether two answers mean the same."""
_SUBSETS = 256
"""Most subsets that a weighted vote of k of n samples is averaged over."""


class Votes(NamedTuple):
    """The votes of one problem's samples."""

    groups: list[tuple[int, float]]
    """For each group of equal answers its votes and the share of them that are correct."""
    no_answer: int
    """Samples without an answer."""


def group_equal_answers(answers: Iterable[str], same: Same, *, known: Iterable[str] = ()) -> dict[str, list[int]]:
    """The first answer of each group of equal answers -> the places of the group's members, in order.

    An answer joins the first group for whose first answer `same(first, answer)` holds; equal texts are compared once.
    known: answers that open a group each, before all others, whether or not an answer joins it.
    """
    groups: dict[str, list[int]] = {first: [] for first in known}
    joined = {first: first for first in groups}
    for place, answer in enumerate(answers):
        if answer not in joined:
            joined[answer] = next((first for first in groups if same(first, answer)), answer)
        groups.setdefault(joined[answer], []).append(place)
    return groups


def outcome_of(solution: Solution) -> Outcome:
    """The outcome of a solution's verdict. Raises InputError for a solution that has not been graded."""
    if solution.verdict is None:
        raise InputError(f"solution {solution.id} has no verdict; grade the run first (slipstick grade)")
    return solution.verdict.outcome


def share_correct(samples: Sequence[Solution]) -> float:
    """Share of the samples that are correct."""
    return sum(outcome_of(sample) == "correct" for sample in samples) / len(samples)


def pass_at_k(samples: Sequence[Solution], k: int) -> float:
    """Chance that one of k samples is correct: 1 - C(n-c, k) / C(n, k) for c correct of n (Chen et al. 2021, §2.1)."""
    n, correct = len(samples), sum(outcome_of(sample) == "correct" for sample in samples)
    _require_samples(n, k)
    return 1 - comb(n - correct, k) / comb(n, k)


def count_votes(samples: Sequence[Solution], same: Same) -> Votes:
    """The votes of the samples, equal answers together."""
    groups = [(len(members), share_correct(members)) for members in _answer_groups(samples, same)]
    return Votes(groups, len(samples) - sum(size for size, _ in groups))


def maj_at_k(votes: Votes, k: int) -> float:
    """Expected credit of the majority's answer over all subsets of k samples; groups that tie share the credit.

    Summed over the group that wins and the votes t it wins with: the subsets in which it has t and no other has more.
    """
    total = sum(size for size, _ in votes.groups) + votes.no_answer
    _require_samples(total, k)
    subsets = comb(total, k)
    credit = 0.0
    for place, (size, correct) in enumerate(votes.groups):
        if not correct:
            continue
        others = [size for other, (size, _) in enumerate(votes.groups) if other != place]
        for t in range(1, min(size, k) + 1):
            for ties, ways in _no_rival_above(others, votes.no_answer, votes=t, rest=k - t).items():
                credit += correct * (comb(size, t) * ways / (subsets * (ties + 1)))  # whole numbers divide exactly
    return credit


def best_of_k(samples: Sequence[Solution], k: int) -> float:
    """Chance that the sample with the highest value of k is correct; samples of equal value share the credit."""
    n = len(samples)
    _require_samples(n, k)
    ranked = sorted(samples, key=_value, reverse=True)
    credit, above = 0.0, 0
    for _, group in groupby(ranked, key=_value):
        members = list(group)
        below = n - above - len(members)
        credit += share_correct(members) * (comb(n - above, k) - comb(below, k)) / comb(n, k)
        above += len(members)
    return credit


def weighted_at_k(samples: Sequence[Solution], k: int, *, same: Same, weight: Callable[[float], float]) -> float:
    """Credit of the vote in which each answer counts with the weight of its sample's value.

    Averaged over all subsets of k samples if they are at most 256, else over 256 chosen with a fixed seed.
    """
    n = len(samples)
    _require_samples(n, k)
    groups = {id(sample): place for place, members in enumerate(_answer_groups(samples, same)) for sample in members}
    rows = [(groups.get(id(sample)), weight(_value(sample)), outcome_of(sample) == "correct") for sample in samples]
    credits = [_weighted(subset) for subset in _subsets(rows, k)]
    return sum(credits) / len(credits)


def value_weights(solutions: Sequence[Solution]) -> Callable[[float], float]:
    """How values become weights: unchanged if all are between 0 and 1, else through the logistic function."""
    if all(0 <= _value(solution) <= 1 for solution in solutions):
        return lambda value: value
    return lambda value: 1 / (1 + exp(-value)) if value > -700 else 0.0


_Row = tuple[int | None, float, bool]
"""A sample's group of equal answers, its weight, and whether it is correct."""


def _subsets(rows: Sequence[_Row], k: int) -> Iterator[Sequence[_Row]]:
    if comb(len(rows), k) <= _SUBSETS:
        return combinations(rows, k)
    rng = random.Random(0)
    return (rng.sample(rows, k) for _ in range(_SUBSETS))


def _weighted(rows: Sequence[_Row]) -> float:
    """Credit of one weighted vote; groups of equal weight share it."""
    weights: dict[int, list[tuple[float, bool]]] = {}
    for place, weight, correct in rows:
        if place is not None:
            weights.setdefault(place, []).append((weight, correct))
    if not weights:
        return 0.0
    sums = {place: sum(weight for weight, _ in members) for place, members in weights.items()}
    top = max(sums.values())
    winners = [weights[place] for place, total in sums.items() if total >= top * (1 - 1e-12)]
    return sum(sum(correct for _, correct in members) / len(members) for members in winners) / len(winners)


def _answer_groups(samples: Sequence[Solution], same: Same) -> list[list[Solution]]:
    for sample in samples:
        outcome_of(sample)
    answered = [(sample, sample.answer) for sample in samples if sample.answer and sample.answer.strip()]
    groups = group_equal_answers([answer for _, answer in answered], same)
    return [[answered[place][0] for place in places] for places in groups.values()]


def _value(solution: Solution) -> float:
    if solution.value is None:
        raise InputError(f"solution {solution.id} has no value; score the run first (slipstick value)")
    return solution.value


def _require_samples(samples: int, k: int) -> None:
    if not 1 <= k <= samples:
        raise ValueError(f"k = {k}, but a problem has {samples} samples; k must be between 1 and {samples}")


def _no_rival_above(others: Sequence[int], no_answer: int, *, votes: int, rest: int) -> dict[int, int]:
    """Number of ties -> ways to choose `rest` samples from the other groups and those without an answer, no group
    having more than `votes`."""
    rivals = [size for size in others if size >= votes]
    harmless = no_answer + sum(size for size in others if size < votes)  # cannot even tie, so they need no bookkeeping
    chosen: dict[tuple[int, int], int] = {(0, 0): 1}  # (samples chosen from rivals, rivals that tie) -> ways
    for place, size in enumerate(rivals, 1):
        room = harmless + votes * (len(rivals) - place)  # the most that all groups still to come can take
        grown: dict[tuple[int, int], int] = {}
        for (count, ties), ways in chosen.items():
            for more in range(max(0, rest - count - room), min(votes, rest - count) + 1):
                key = (count + more, ties + (more == votes))
                grown[key] = grown.get(key, 0) + ways * comb(size, more)
        chosen = grown
    by_ties: dict[int, int] = {}
    for (count, ties), ways in chosen.items():
        by_ties[ties] = by_ties.get(ties, 0) + ways * comb(harmless, rest - count)
    return by_ties
