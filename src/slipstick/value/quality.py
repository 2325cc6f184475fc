"""How good a value model's scores are: do they rank correct above incorrect, and are they probabilities."""

from collections.abc import Callable, Iterable, Sequence

from slipstick.metrics.intervals import Estimate, wilson
from slipstick.metrics.measures import by_problem
from slipstick.schema import Metric, Record, Solution

RESAMPLES = 2000  # of the bootstrap
BINS = 10


class Bin(Record):
    """One row of a reliability table."""

    low: float
    """Least value of the row."""
    high: float
    """Values lie below it; in the last row up to and including it."""
    n: int
    """Solutions with such a value."""
    value: float
    """Their mean value."""
    correct: Metric
    """The share of them that is correct."""


def judged(solutions: Iterable[Solution]) -> list[Solution]:
    """The solutions that a value can be judged by: with a value, an answer, and a decided verdict.

    That a solution without an answer is not correct needs no model; ranking it last is no evidence for one.
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
    """Chance that a correct solution has a higher value than an incorrect one of the same problem; ties count half.

    The mean over problems that have both; the interval is a bootstrap by problem, `n` counts these problems. Ranking
    problems against each other, which a plain AUC rewards, does not help to choose among samples of one. With no such
    problem the value is 0.5 from 0 to 1.
    """
    each = []
    for samples in by_problem(judged(solutions)).values():
        correct = [_value(sample) for sample in samples if _correct(sample)]
        incorrect = [_value(sample) for sample in samples if not _correct(sample)]
        if correct and incorrect:
            won = sum((c > i) + (c == i) / 2 for c in correct for i in incorrect)
            each.append(won / (len(correct) * len(incorrect)))
    if not each:
        return Estimate(0.5, 0.0, 1.0, 0).metric("auc")
    low, high = _bootstrap(each, seed=seed)
    # A bootstrap of problems that all agree has no width; a share of as many problems bounds what it may miss.
    if low == high:
        low, high = wilson(sum(each), len(each))
    return Estimate(sum(each) / len(each), low, high, len(each)).metric("auc")


def brier_score(solutions: Iterable[Solution], *, seed: int = 0) -> Metric:
    """Mean squared distance of probability and outcome (Brier 1950), 0 is best; interval by problem."""
    return _over_problems(solutions, lambda s: (probability(s) - _correct(s)) ** 2, seed=seed).metric("brier")


def calibration_error(solutions: Iterable[Solution], *, seed: int = 0) -> Metric:
    """Expected calibration error in ten bins of equal width (Guo et al. 2017, §2), 0 is best; bootstrap by problem.

    With small bins it is above 0 by chance alone, and so are the ends of its interval.
    """
    import numpy as np

    samples = by_problem(judged(solutions))
    if not samples:
        return Estimate(0.0, 0.0, 1.0, 0).metric("ece")
    # Per problem and bin: the number of solutions, and the sum of probability minus outcome.
    counts, gaps = np.zeros((len(samples), BINS)), np.zeros((len(samples), BINS))
    for row, members in enumerate(samples.values()):
        for solution in members:
            column = _bin(probability(solution))
            counts[row, column] += 1
            gaps[row, column] += probability(solution) - _correct(solution)
    rng, uniform = np.random.default_rng(seed), np.full(len(samples), 1 / len(samples))
    picks = rng.multinomial(len(samples), uniform, size=RESAMPLES)
    errors = np.abs(picks @ gaps).sum(1) / (picks @ counts).sum(1)
    value = float(np.abs(gaps.sum(0)).sum() / counts.sum())
    low, high = (float(end) for end in np.quantile(errors, (0.025, 0.975)))
    return Estimate(value, min(low, value), max(high, value), len(samples)).metric("ece")


def reliability(solutions: Iterable[Solution]) -> list[Bin]:
    """Of the solutions with values in a tenth of the range, how many are correct: a row for each tenth with any."""
    members: dict[int, list[Solution]] = {}
    for solution in judged(solutions):
        members.setdefault(_bin(probability(solution)), []).append(solution)
    rows = []
    for number, found in sorted(members.items()):
        correct = sum(map(_correct, found))
        low, high = wilson(correct, len(found))
        share = Metric(measure="correct", value=correct / len(found), low=low, high=high, n=len(found))
        mean = sum(map(probability, found)) / len(found)
        rows.append(Bin(low=number / BINS, high=(number + 1) / BINS, n=len(found), value=mean, correct=share))
    return rows


def probability(solution: Solution) -> float:
    """A solution's value as a probability: those of a regression can lie slightly outside 0..1 and are clipped."""
    return min(1.0, max(0.0, _value(solution)))


def _over_problems(solutions: Iterable[Solution], value: Callable[[Solution], float], *, seed: int) -> Estimate:
    each = [sum(map(value, members)) / len(members) for members in by_problem(judged(solutions)).values()]
    if not each:
        return Estimate(0.0, 0.0, 1.0, 0)
    low, high = _bootstrap(each, seed=seed)
    return Estimate(sum(each) / len(each), low, high, len(each))


def _bootstrap(values: Sequence[float], *, seed: int) -> tuple[float, float]:
    import numpy as np

    rng, row = np.random.default_rng(seed), np.asarray(values)
    means = row[rng.integers(0, len(row), size=(RESAMPLES, len(row)))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    middle = float(row.mean())
    return min(float(low), middle), max(float(high), middle)


def _bin(share: float) -> int:
    return min(BINS - 1, int(share * BINS))


def _correct(solution: Solution) -> bool:
    return solution.verdict is not None and solution.verdict.outcome == "correct"


def _value(solution: Solution) -> float:
    assert solution.value is not None  # `judged` saw to it
    return solution.value
