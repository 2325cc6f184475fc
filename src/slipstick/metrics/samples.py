"""What several samples of one problem are worth: pass@k, votes, the best by a value model.

For k below the number of samples each is the exact expectation over all subsets of k, but for the weighted vote.
"""

from __future__ import annotations

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
"""Subsets that a weighted vote of k of n is averaged over where there are more."""


class Ballot(NamedTuple):
    """The votes of one problem's samples."""

    classes: list[tuple[int, float]]
    """For each class of equal answers its votes and the share of them that are correct."""
    silent: int
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
    """The verdict on a solution. Raises InputError where it has not been graded."""
    if solution.verdict is None:
        raise InputError(f"solution {solution.id} has no verdict; grade the run first (slipstick grade)")
    return solution.verdict.outcome


def share_correct(samples: Sequence[Solution]) -> float:
    """Share of the samples that are correct."""
    return sum(outcome_of(sample) == "correct" for sample in samples) / len(samples)


def passed(samples: Sequence[Solution], k: int) -> float:
    """1 - C(n-c, k) / C(n, k) (Chen et al. 2021, §2.1)."""
    n, correct = len(samples), sum(outcome_of(sample) == "correct" for sample in samples)
    _need(n, k)
    return 1 - comb(n - correct, k) / comb(n, k)


def sort_votes(samples: Sequence[Solution], same: Same) -> Ballot:
    """Sorts samples into classes; an answer joins the first class whose first answer is the same."""
    classes = _classes(samples, same)
    votes = [(len(members), share_correct(members)) for members in classes]
    return Ballot(votes, len(samples) - sum(size for size, _ in votes))


def vote(ballot: Ballot, k: int) -> float:
    """Expected credit of the vote over all subsets of k samples.

    Summed over the class that wins and the votes t it wins with: the subsets in which it has t and no other has more.
    """
    total = sum(size for size, _ in ballot.classes) + ballot.silent
    _need(total, k)
    subsets = comb(total, k)
    credit = 0.0
    for place, (size, correct) in enumerate(ballot.classes):
        if not correct:
            continue
        others = [size for other, (size, _) in enumerate(ballot.classes) if other != place]
        for t in range(1, min(size, k) + 1):
            for ties, ways in _no_rival_above(others, ballot.silent, votes=t, rest=k - t).items():
                credit += correct * (comb(size, t) * ways / (subsets * (ties + 1)))  # whole numbers divide exactly
    return credit


def best(samples: Sequence[Solution], k: int) -> float:
    """Chance that the sample with the highest value of k is correct; samples of equal value share the credit."""
    n = len(samples)
    _need(n, k)
    ranked = sorted(samples, key=_value, reverse=True)
    credit, above = 0.0, 0
    for _, group in groupby(ranked, key=_value):
        members = list(group)
        below = n - above - len(members)
        credit += share_correct(members) * (comb(n - above, k) - comb(below, k)) / comb(n, k)
        above += len(members)
    return credit


def weighted_vote(samples: Sequence[Solution], k: int, *, same: Same, weigh: Callable[[float], float]) -> float:
    """Credit of the vote in which each answer counts as much as its sample's value says.

    Averaged over all subsets of k samples where they are at most 256, else over 256 drawn with a fixed seed.
    """
    n = len(samples)
    _need(n, k)
    classes = {id(sample): place for place, members in enumerate(_classes(samples, same)) for sample in members}
    rows = [(classes.get(id(sample)), weigh(_value(sample)), outcome_of(sample) == "correct") for sample in samples]
    credits = [_weighted(subset) for subset in _subsets(rows, k)]
    return sum(credits) / len(credits)


def weighing(solutions: Sequence[Solution]) -> Callable[[float], float]:
    """How values become weights: as they are where all lie between 0 and 1, else through the logistic function."""
    if all(0 <= _value(solution) <= 1 for solution in solutions):
        return lambda value: value
    return lambda value: 1 / (1 + exp(-value)) if value > -700 else 0.0


_Row = tuple[int | None, float, bool]


def _subsets(rows: Sequence[_Row], k: int) -> Iterator[Sequence[_Row]]:
    if comb(len(rows), k) <= _SUBSETS:
        return combinations(rows, k)
    draw = random.Random(0)
    return (draw.sample(rows, k) for _ in range(_SUBSETS))


def _weighted(rows: Sequence[_Row]) -> float:
    """Credit of one weighted vote; classes of equal weight share it."""
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


def _classes(samples: Sequence[Solution], same: Same) -> list[list[Solution]]:
    for sample in samples:
        outcome_of(sample)
    answered = [(sample, sample.answer) for sample in samples if sample.answer and sample.answer.strip()]
    groups = group_equal_answers([answer for _, answer in answered], same)
    return [[answered[place][0] for place in places] for places in groups.values()]


def _value(solution: Solution) -> float:
    if solution.value is None:
        raise InputError(f"solution {solution.id} has no value; score the run first (slipstick value)")
    return solution.value


def _need(samples: int, k: int) -> None:
    if not 1 <= k <= samples:
        raise ValueError(f"k = {k}, but a problem has {samples} samples; k must lie between 1 and that")


def _no_rival_above(others: Sequence[int], silent: int, *, votes: int, rest: int) -> dict[int, int]:
    """Number of ties -> ways to draw `rest` samples from other classes and silent ones, none with more than `votes`."""
    rivals = [size for size in others if size >= votes]
    harmless = silent + sum(size for size in others if size < votes)  # cannot even tie, so they need no bookkeeping
    drawn: dict[tuple[int, int], int] = {(0, 0): 1}  # (samples drawn from rivals, rivals that tie) -> ways
    for place, size in enumerate(rivals, 1):
        room = harmless + votes * (len(rivals) - place)  # what all that is still to come can take
        grown: dict[tuple[int, int], int] = {}
        for (count, ties), ways in drawn.items():
            for more in range(max(0, rest - count - room), min(votes, rest - count) + 1):
                key = (count + more, ties + (more == votes))
                grown[key] = grown.get(key, 0) + ways * comb(size, more)
        drawn = grown
    by_ties: dict[int, int] = {}
    for (count, ties), ways in drawn.items():
        by_ties[ties] = by_ties.get(ties, 0) + ways * comb(harmless, rest - count)
    return by_ties
