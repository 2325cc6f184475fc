"""How good a value model's scores are: does it rank right above wrong, and do its numbers mean what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from slipstick.metrics import Estimate, by_problem, wilson
from slipstick.schema import Metric, Record, Solution

DRAWS = 2000
BINS = 10


class Bin(Record):
    """One row of a reliability table."""

    low: float
    high: float
    """Values from `low` up to, and of the last row including, `high`."""
    n: int
    """Solutions whose value lies there."""
    value: float
    """Their mean value."""
    correct: Metric
    """The share of them that is correct."""


def judged(solutions: Iterable[Solution]) -> list[Solution]:
    """The solutions a value can be held against: with a value, an answer, and a verdict that is decided.

    A solution without an answer is wrong to everybody who looks; to rank it last is no merit of a value model.
    """
    return [
        solution
        for solution in solutions
        if solution.value is not None
        and solution.answer is not None
        and solution.verdict is not None
        and solution.verdict.outcome in ("correct", "incorrect")
    ]


def within_problem_auc(solutions: Iterable[Solution], *, seed: int = 0) -> Metric:
    """Chance that of a right and a wrong solution of one problem the right one has the higher value; ties count half.

    The mean over problems that have both; the interval is a bootstrap by problem, `n` counts these problems. Ranking
    problems against each other, which a plain AUC rewards, helps nobody to choose among samples of one. With no such
    problem the value is 0.5 from 0 to 1.
    """
    each = []
    for samples in by_problem(judged(solutions)).values():
        right = [_value(sample) for sample in samples if _right(sample)]
        wrong = [_value(sample) for sample in samples if not _right(sample)]
        if right and wrong:
            won = sum((r > w) + (r == w) / 2 for r in right for w in wrong)
            each.append(won / (len(right) * len(wrong)))
    if not each:
        return Estimate(0.5, 0.0, 1.0, 0).metric("auc")
    low, high = _bootstrap(each, seed=seed)
    # A bootstrap of problems that all agree has no width; a share of as many problems bounds what it may miss.
    if low == high:
        low, high = wilson(sum(each), len(each))
    return Estimate(sum(each) / len(each), low, high, len(each)).metric("auc")


def brier_score(solutions: Iterable[Solution], *, seed: int = 0) -> Metric:
    """Mean squared distance of probability and outcome (Brier 1950), 0 is best; interval by problem."""
    return _over_problems(solutions, lambda s: (probability(s) - _right(s)) ** 2, seed=seed).metric("brier")


def calibration_error(solutions: Iterable[Solution], *, seed: int = 0) -> Metric:
    """Expected calibration error in ten bins of equal width (Guo et al. 2017, §2), 0 is best; bootstrap by problem.

    It is above 0 by chance alone where bins are small, and so are the ends of its interval.
    """
    import numpy as np

    samples = by_problem(judged(solutions))
    if not samples:
        return Estimate(0.0, 0.0, 1.0, 0).metric("ece")
    # Per problem and bin: the number of solutions, and the sum of probability minus outcome.
    counts, gaps = np.zeros((len(samples), BINS)), np.zeros((len(samples), BINS))
    for row, members in enumerate(samples.values()):
        for solution in members:
            place = _bin(probability(solution))
            counts[row, place] += 1
            gaps[row, place] += probability(solution) - _right(solution)
    draw = np.random.default_rng(seed)
    picks = draw.multinomial(len(samples), np.full(len(samples), 1 / len(samples)), size=DRAWS)
    drawn = np.abs(picks @ gaps).sum(1) / (picks @ counts).sum(1)
    value = float(np.abs(gaps.sum(0)).sum() / counts.sum())
    low, high = (float(end) for end in np.quantile(drawn, (0.025, 0.975)))
    return Estimate(value, min(low, value), max(high, value), len(samples)).metric("ece")


def reliability(solutions: Iterable[Solution]) -> list[Bin]:
    """Of the solutions whose value says so, how many are right: a row for each tenth that has any."""
    members: dict[int, list[Solution]] = {}
    for solution in judged(solutions):
        members.setdefault(_bin(probability(solution)), []).append(solution)
    rows = []
    for place, found in sorted(members.items()):
        right = sum(map(_right, found))
        low, high = wilson(right, len(found))
        share = Metric(measure="correct", value=right / len(found), low=low, high=high, n=len(found))
        mean = sum(map(probability, found)) / len(found)
        rows.append(Bin(low=place / BINS, high=(place + 1) / BINS, n=len(found), value=mean, correct=share))
    return rows


def probability(solution: Solution) -> float:
    """A solution's value as a probability: those of a regression can lie a little outside and are cut off."""
    return min(1.0, max(0.0, _value(solution)))


def _over_problems(solutions: Iterable[Solution], value: Callable[[Solution], float], *, seed: int) -> Estimate:
    each = [sum(map(value, members)) / len(members) for members in by_problem(judged(solutions)).values()]
    if not each:
        return Estimate(0.0, 0.0, 1.0, 0)
    low, high = _bootstrap(each, seed=seed)
    return Estimate(sum(each) / len(each), low, high, len(each))


def _bootstrap(values: Sequence[float], *, seed: int) -> tuple[float, float]:
    import numpy as np

    draw, row = np.random.default_rng(seed), np.asarray(values)
    means = row[draw.integers(0, len(row), size=(DRAWS, len(row)))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    middle = float(row.mean())
    return min(float(low), middle), max(float(high), middle)


def _bin(share: float) -> int:
    return min(BINS - 1, int(share * BINS))


def _right(solution: Solution) -> bool:
    return solution.verdict is not None and solution.verdict.outcome == "correct"


def _value(solution: Solution) -> float:
    assert solution.value is not None  # `judged` saw to it
    return solution.value
