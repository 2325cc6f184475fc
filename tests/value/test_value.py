"""What is said of a value model: ranking within problems, calibration, and whether to choose by it."""

from __future__ import annotations

import random

import pytest

from slipstick.schema import Metric, Solution, Verdict
from slipstick.value import (
    advice,
    brier_score,
    calibration_error,
    describe_samples,
    judged,
    reliability,
    rerank,
    within_problem_auc,
)


def sample(problem: str, value: float, *, right: bool, answer: str | None = None, number: int = 0) -> Solution:
    """A scored, graded sample."""
    said = answer if answer is not None else "1" if right else "0"
    outcome = "correct" if right else "incorrect"
    verdict = Verdict(outcome=outcome, method="test")
    name = f"{problem}#pot#{number}"
    return Solution(
        id=name, problem_id=problem, sample=number, format="pot", blocks=[], answer=said, verdict=verdict, value=value
    )


def drawn(problems: int, *, lift: float, seed: int = 0) -> list[Solution]:
    """Four samples a problem, two right; the values of right ones are higher by `lift`. Wrong ones agree."""
    chance = random.Random(seed)
    return [
        sample(f"p{p}", min(1.0, 0.5 * chance.random() + lift * right), right=bool(right), number=n)
        for p in range(problems)
        for n, right in enumerate((1, 1, 0, 0))
    ]


def same(first: str, second: str) -> bool:
    return first == second


def test_auc_is_the_mean_over_problems() -> None:
    rows = [
        sample("a", 0.9, right=True),
        sample("a", 0.1, right=False),
        sample("a", 0.95, right=False),  # the right one wins one of two pairs
        sample("b", 0.3, right=True),
        sample("b", 0.3, right=False),  # a tie
        sample("c", 0.8, right=True),  # nothing to compare
    ]
    auc = within_problem_auc(rows)
    assert (auc.value, auc.n) == (0.5, 2)
    assert within_problem_auc(rows[-1:]) == Metric(measure="auc", value=0.5, low=0.0, high=1.0, n=0)


def test_telling_easy_problems_from_hard_ones_is_no_merit() -> None:
    rows = [sample("easy", 0.9, right=True), sample("easy", 0.9, right=False)]
    rows += [sample("hard", 0.1, right=False), sample("hard", 0.1, right=True)]
    assert within_problem_auc(rows).value == 0.5


def test_what_cannot_be_judged_is_left_out() -> None:
    row = sample("a", 0.5, right=True)
    undecided = row.model_copy(update={"verdict": Verdict(outcome="undecided", method="test")})
    assert judged(
        [row, undecided, row.model_copy(update={"answer": None}), row.model_copy(update={"value": None})]
    ) == [row]


def test_calibration() -> None:
    sure = [sample(f"p{i}", 0.75, right=i % 4 != 0) for i in range(400)]
    assert calibration_error(sure).value == pytest.approx(0.0, abs=1e-9)
    assert brier_score(sure).value == pytest.approx(0.75 * 0.25)
    boastful = [sample(f"p{i}", 1.2, right=i % 2 == 0) for i in range(100)]  # a regression's value can lie outside
    assert calibration_error(boastful).value == pytest.approx(0.5)
    (row,) = reliability(boastful)
    assert (row.low, row.high, row.n, row.value, row.correct.value) == (0.9, 1.0, 100, 1.0, 0.5)
    assert row.correct.low < 0.5 < row.correct.high


def test_a_value_that_ranks_is_recommended() -> None:
    found = rerank(drawn(60, lift=0.4), same=same, format="pot")
    assert found.k == 4 and found.majority.value == pytest.approx(0.5) and found.best.value > 0.9
    assert found.auc.low > 0.5
    assert advice(found).startswith("It prefers the correct answer in ") and "Choose by it: " in advice(found)


def test_where_problems_have_unlike_many_samples_k_is_named() -> None:
    rows = drawn(60, lift=0.4)
    assert "fewest" not in advice(rerank(rows, same=same, format="pot"))
    found = rerank([row for row in rows if row.id != "p0#pot#3"], same=same, format="pot")
    named = "3, the fewest samples of any problem (the most are 4)"
    assert (found.k, found.max_samples) == (3, 4) and advice(found).endswith(f" k is {named}.")
    assert describe_samples(found) == named.replace("3,", "3 samples per problem,")


def test_a_value_like_a_coin_is_not() -> None:
    found = rerank(drawn(60, lift=0.0, seed=3), same=same, format="pot")
    assert found.auc.low <= 0.5 <= found.auc.high
    assert advice(found).startswith(
        "Do not choose by this value: "
    ) and "cannot be distinguished from the 50 % of a coin" in advice(found)


def test_a_value_that_ranks_wrongly_is_not() -> None:
    found = rerank(drawn(60, lift=-0.4), same=same, format="pot")
    assert "worse than a coin" in advice(found)


def test_nothing_to_rank_is_said() -> None:
    found = rerank([sample("a", 0.4, right=True), sample("a", 0.6, right=True, number=1)], same=same, format="pot")
    assert advice(found).startswith("No problem has both")


def test_ranking_well_is_not_yet_choosing_better() -> None:
    rows = [row for row in drawn(60, lift=0.4) if row.sample != 3]  # the majority is right anyway
    found = rerank(rows, same=same, format="pot")
    assert found.majority.value == 1.0
    assert "not shown" in advice(found) or "Still take the majority" in advice(found)
