"""Intervals against scipy's and by simulated coverage."""

from __future__ import annotations

import random

import pytest
from scipy.stats import binomtest

from slipstick.metrics.intervals import ProblemValue, average, wilson
from slipstick.metrics.measures import accuracy
from slipstick.schema import Metric, Outcome
from tests.metrics.graded import attempt


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (194, 200), (0, 1), (843, 1319)])
def test_wilson_is_scipys(successes: int, n: int) -> None:
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_accuracy_of_one_sample_each_is_the_share_with_wilsons_interval() -> None:
    others: list[Outcome] = ["incorrect", "no_answer", "undecided"]
    solutions = [attempt(str(place)) for place in range(7)] + [attempt(outcome, outcome) for outcome in others]
    metric = accuracy(solutions)
    assert (metric.measure, metric.value, metric.n) == ("accuracy", 0.7, 10)
    assert (metric.low, metric.high) == pytest.approx(wilson(7, 10))


def test_accuracy_of_several_samples_weighs_problems_alike() -> None:
    solutions = [attempt("a", sample=sample) for sample in range(4)] + [attempt("b", "incorrect")]
    metric = accuracy(solutions)
    assert (metric.value, metric.n) == (0.5, 2)


def test_samples_that_all_agree_count_once_a_problem() -> None:
    outcomes: list[Outcome] = ["correct", "incorrect"]
    copies = [attempt(str(place), outcomes[place % 2], sample=sample) for place in range(20) for sample in range(8)]
    metric = accuracy(copies)
    assert (metric.low, metric.high) == pytest.approx(wilson(10, 20))


def test_all_solved_still_has_an_interval() -> None:
    metric = accuracy(attempt(str(place), sample=sample) for place in range(10) for sample in range(4))
    assert (metric.value, metric.high) == (1.0, 1.0)
    assert metric.low == pytest.approx(wilson(10, 10)[0])


def test_nothing_measured_is_zero_of_zero() -> None:
    assert accuracy([]) == Metric(measure="accuracy", value=0, low=0, high=1, n=0)


@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize("spread", [(0.5, 0.5), (8.0, 2.0)])
@pytest.mark.parametrize("problems", [40, 150])
def test_interval_covers_the_truth_about_19_times_in_20(
    samples: int, spread: tuple[float, float], problems: int
) -> None:
    """Problems differ in how hard they are (a beta distribution); the truth is the mean over all such problems."""
    draw = random.Random(7)
    truth, trials, covered = spread[0] / sum(spread), 400, 0
    correct = [attempt(str(place)) for place in range(problems)]
    incorrect = [attempt(str(place), "incorrect") for place in range(problems)]
    for _ in range(trials):
        chances = [draw.betavariate(*spread) for _ in range(problems)]
        metric = accuracy(
            (correct if draw.random() < chance else incorrect)[place]
            for place, chance in enumerate(chances)
            for _ in range(samples)
        )
        covered += metric.low <= truth <= metric.high
    assert 0.915 <= covered / trials <= 0.985


def drawn(draw: random.Random, chances: list[tuple[float, int]], samples: int) -> list[list[ProblemValue]]:
    """Sets of problems whose chances scatter about that of their set, solved a number of times each."""
    found = []
    for chance, n in chances:
        hard = [draw.betavariate(2 * chance, 2 * (1 - chance)) for _ in range(n)]
        right = [sum(draw.random() < each for _ in range(samples)) for each in hard]
        found.append([ProblemValue(each / samples, samples) for each in right])
    return found


@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize(
    "chances",
    [
        [(0.3, 30), (0.8, 120)],
        [(0.5, 2)] * 4,
        [(0.1, 2)] * 4,
        [(0.1, 3), (0.9, 3), (0.5, 3)],
        [(0.3, 5), (0.6, 5)],
        [(0.95, 8)] * 9,
        [(0.7, 2), (0.4, 200)],
    ],
)
def test_the_interval_of_an_average_covers_the_truth(chances: list[tuple[float, int]], samples: int) -> None:
    draw, trials = random.Random(3), 400
    truth = sum(chance for chance, _ in chances) / len(chances)
    intervals = [average(drawn(draw, chances, samples)) for _ in range(trials)]
    assert sum(found.low <= truth <= found.high for found in intervals) / trials >= 0.925


def test_the_interval_of_an_average_is_wide_for_few_problems_and_that_of_a_bootstrap_for_many() -> None:
    def found(*shares: tuple[int, int]) -> tuple[float, float]:
        sets = [[ProblemValue(float(place < right), 1) for place in range(n)] for right, n in shares]
        return average(sets)[1:3]

    assert found((0, 2), (0, 2), (0, 2), (1, 2)) == pytest.approx(wilson(1, 8), abs=0.01)
    assert found((0, 2), (0, 2), (0, 2), (0, 2)) == pytest.approx(wilson(0, 8))
    assert found((50, 50), (50, 50)) == pytest.approx(wilson(100, 100))
    assert found((3, 10)) == pytest.approx(wilson(3, 10))
    many = [(900, 1319), (1500, 5000), (600, 1000)]
    error = sum(share * (1 - share) / n for share, n in ((right / n, n) for right, n in many)) ** 0.5 / 3
    middle = sum(right / n for right, n in many) / 3
    assert found(*many) == pytest.approx((middle - 1.96 * error, middle + 1.96 * error), abs=1e-3)
