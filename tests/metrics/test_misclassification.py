"""The figure that is corrected for a judge's errors: its value, its interval's coverage, and when there is none."""

from __future__ import annotations

import random

import pytest

from slipstick.metrics.misclassification import Confusion, JudgedProblem, corrected


def test_of_a_perfect_judge_nothing_is_corrected() -> None:
    problems = [JudgedProblem(1, 0, 0, 1)] * 5 + [JudgedProblem(0, 1, 1, 1)] * 3 + [JudgedProblem(0, 1, 0, 1)] * 2
    found = corrected(problems, Confusion(50, 0, 50, 0))
    assert found and found.value == pytest.approx(0.8) and found.low < 0.8 < found.high and found.n == 10


def test_the_formula_of_rogan_and_gladen() -> None:
    problems = [JudgedProblem(0, 1, 1, 1)] * 40 + [JudgedProblem(0, 1, 0, 1)] * 60
    found = corrected(problems, Confusion(80, 20, 90, 10))
    assert found and found.value == pytest.approx((0.4 + 0.9 - 1) / (0.8 + 0.9 - 1))


@pytest.mark.parametrize(
    "confusion", [Confusion(0, 0, 5, 5), Confusion(5, 5, 0, 0), Confusion(5, 5, 5, 5), Confusion(1, 9, 1, 9)]
)
def test_a_judge_that_tells_nothing_corrects_nothing(confusion: Confusion) -> None:
    assert corrected([JudgedProblem(0, 1, 1, 1)], confusion) is None and corrected([], Confusion(9, 1, 9, 1)) is None


def test_without_questions_it_is_the_accuracy_by_rules() -> None:
    found = corrected([JudgedProblem(1, 0, 0, 1)] * 20, Confusion(9, 1, 9, 1))
    assert found and found.value == found.high == 1.0 and 0.8 < found.low < 1


@pytest.mark.parametrize(
    ("n", "samples", "by_rules", "of_the_rest", "sensitivity", "specificity"),
    [
        (50, 1, 0.0, 0.02, 0.9, 0.9),
        (200, 1, 0.6, 0.3, 0.85, 0.95),
        (60, 4, 0.5, 0.5, 0.8, 0.8),
        (200, 1, 0.9, 0.1, 1, 1),
    ],
)
def test_the_interval_covers_the_truth_as_often_as_it_says(
    n: int, samples: int, by_rules: float, of_the_rest: float, sensitivity: float, specificity: float
) -> None:
    rng, covered, rounds = random.Random(1), 0, 150
    for _ in range(rounds):
        problems = []
        for _ in range(n):
            asked = sum(rng.random() >= by_rules for _ in range(samples))
            correct = [rng.random() < of_the_rest for _ in range(asked)]
            judged = sum(rng.random() < (sensitivity if one else 1 - specificity) for one in correct)
            problems.append(JudgedProblem(1 - asked / samples, asked / samples, judged / samples, samples))
        tp, tn = (sum(rng.random() < rate for _ in range(80)) for rate in (sensitivity, specificity))
        found = corrected(problems, Confusion(tp, 80 - tp, tn, 80 - tn))
        assert found
        covered += found.low <= by_rules + (1 - by_rules) * of_the_rest <= found.high
    assert 0.9 <= covered / rounds <= 1


def test_kappa() -> None:
    found = Confusion(20, 5, 15, 10).kappa()
    assert found.value == pytest.approx(0.4) and found.low < 0.4 < found.high and found.n == 50
    certain = Confusion(30, 0, 30, 0).kappa()
    assert certain.value == certain.high == 1.0 and 0.8 < certain.low < 1
    assert Confusion(10, 0, 0, 0).kappa().value == 0.0
