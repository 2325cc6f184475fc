"""Two runs on the same problems: McNemar's test, permutations, and how many problems a difference needs."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.stats import binomtest

from slipstick.metrics.paired import compare_paired, differs_on_average, mcnemar, power, problems_needed


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (0, 5), (3, 9), (30, 50), (10, 10), (400, 480)])
def test_mcnemar_is_the_exact_binomial_test(only_first: int, only_second: int) -> None:
    thrown = only_first + only_second
    expected = binomtest(only_first, thrown, 0.5).pvalue if thrown else 1.0
    assert mcnemar(only_first, only_second) == pytest.approx(expected)


def test_two_seeds_of_one_model_differ_one_time_in_twenty_at_most() -> None:
    """Problems differ in how hard they are; both runs draw from the same chances."""
    draw, found, trials = random.Random(11), 0, 1000
    chances = [draw.betavariate(3, 1) for _ in range(200)]
    for _ in range(trials):
        flips = [(draw.random() < chance) - (draw.random() < chance) for chance in chances]
        found += mcnemar(flips.count(1), flips.count(-1)) < 0.05
    assert found / trials <= 0.05


@pytest.mark.parametrize("discordant", [0.1, 0.2])
def test_three_points_on_1319_problems_are_found_as_often_as_promised(discordant: float) -> None:
    draw, found, trials = np.random.default_rng(5), 0, 2000
    shares = [(discordant - 0.03) / 2, (discordant + 0.03) / 2, 1 - discordant]
    for only_first, only_second, _ in draw.multinomial(1319, shares, size=trials):
        found += mcnemar(int(only_first), int(only_second)) < 0.05
    assert found / trials == pytest.approx(power(0.03, discordant, 1319), abs=0.03)
    needed = problems_needed(0.03, discordant)
    assert needed is not None and power(0.03, discordant, needed) == pytest.approx(0.8, abs=0.01)


def test_a_comparison_says_how_many_more_problems_would_settle_it() -> None:
    first = {str(n): float(n % 10 < 7) for n in range(200)}
    second = {str(n): float(n % 10 < 7 if n % 8 else n % 3 > 0) for n in range(200)}
    row = compare_paired(first, second, format="pot")
    assert (row.n, row.only_first + row.only_second) == (200, sum(first[n] != second[n] for n in first))
    assert row.difference == pytest.approx(row.second - row.first) and row.low <= row.difference <= row.high
    assert not row.differs and row.more_problems_needed and row.more_problems_needed > 200
    same, all_solved = compare_paired(first, dict(first)), compare_paired(first, dict.fromkeys(first, 1.0))
    assert same.more_problems_needed is None and same.p == 1.0
    assert all_solved.differs and all_solved.more_problems_needed == 0
    with pytest.raises(ValueError, match="no problem in common"):
        compare_paired({"a": 1.0}, {"b": 1.0})


def test_several_samples_a_problem_are_compared_by_permutation() -> None:
    draw = random.Random(2)
    first = {str(n): draw.choice([0, 0.25, 0.5]) for n in range(60)}
    better = {name: share + 0.25 for name, share in first.items()}
    shuffled = {name: first[str((int(name) + 7) % 60)] for name in first}
    assert compare_paired(first, better).p < 0.001 and compare_paired(first, shuffled).p > 0.05


def test_few_problems_cannot_settle_a_comparison_by_permutation() -> None:
    first, second = dict.fromkeys("abcd", 0.0), dict(zip("abcd", (1.0, 0.5, 0.5, 1.0), strict=True))
    row = compare_paired(first, second)
    assert row.test == "permutation" and row.p > 0.1 and row.more_problems_needed == 2  # p of 5 is 2/2^5 at least
    half = compare_paired(first, second | {"a": 0.0, "b": 0.0})
    assert half.more_problems_needed and half.more_problems_needed >= 11  # six of them must differ


def test_an_average_of_sets_is_tested_as_two_runs_are() -> None:
    sets = [[1.0, 1.0] + [0.0] * 18] * 2
    pooled = {str(n): gain for n, gain in enumerate(sets[0] + sets[1])}
    assert compare_paired(dict.fromkeys(pooled, 0.0), pooled).p == pytest.approx(0.125)
    assert not differs_on_average(sets) and differs_on_average([[1.0] * 3 + [0.0] * 17] * 2)
    assert differs_on_average([[1.0] * 8 + [0.0] * 12, [0.0] * 500])
