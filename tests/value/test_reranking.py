"""Choosing by value beside the majority, and the advice."""

from __future__ import annotations

import random

import pytest

from slipstick.schema import Solution
from slipstick.value.display import percent
from slipstick.value.reranking import advice, describe_samples, rerank
from tests.value.scored_samples import sample


def samples(problems: int, *, lift: float, seed: int = 0) -> list[Solution]:
    """Four samples a problem, two correct; the values of correct ones are higher by `lift`. Incorrect ones agree."""
    chance = random.Random(seed)
    return [
        sample(f"p{p}", min(1.0, 0.5 * chance.random() + lift * correct), correct=bool(correct), number=n)
        for p in range(problems)
        for n, correct in enumerate((1, 1, 0, 0))
    ]


def same(first: str, second: str) -> bool:
    return first == second


def test_a_value_that_ranks_is_recommended() -> None:
    found = rerank(samples(60, lift=0.4), same=same, format="pot")
    assert found.k == 4 and found.majority.value == pytest.approx(0.5) and found.best.value > 0.9
    assert found.auc.low > 0.5
    assert advice(found).startswith("It prefers the correct answer in ") and "Choose by it: " in advice(found)


def test_where_problems_have_unlike_many_samples_k_is_named() -> None:
    rows = samples(60, lift=0.4)
    assert "fewest" not in advice(rerank(rows, same=same, format="pot"))
    found = rerank([row for row in rows if row.id != "p0#pot#3"], same=same, format="pot")
    named = "3, the fewest samples of any problem (the most are 4)"
    assert (found.k, found.max_samples) == (3, 4) and advice(found).endswith(f" k is {named}.")
    assert describe_samples(found) == named.replace("3,", "3 samples per problem,")


def test_a_value_like_a_coin_is_not() -> None:
    found = rerank(samples(60, lift=0.0, seed=3), same=same, format="pot")
    assert found.auc.low <= 0.5 <= found.auc.high
    assert advice(found).startswith(
        "Do not choose by this value: "
    ) and "cannot be distinguished from the 50 % of a coin" in advice(found)


def test_a_value_that_ranks_incorrect_first_is_not() -> None:
    found = rerank(samples(60, lift=-0.4), same=same, format="pot")
    assert "worse than a coin" in advice(found)


def test_nothing_to_rank_is_said() -> None:
    found = rerank([sample("a", 0.4, correct=True), sample("a", 0.6, correct=True, number=1)], same=same, format="pot")
    assert advice(found).startswith("No problem has both")
    assert percent(found.auc) == "-", "there is no number of what was not measured"


def test_ranking_well_is_not_yet_choosing_better() -> None:
    rows = [row for row in samples(60, lift=0.4) if row.sample != 3]  # the majority is correct anyway
    found = rerank(rows, same=same, format="pot")
    assert found.majority.value == 1.0
    assert "not shown" in advice(found) or "Still take the majority" in advice(found)
