"""Estimates from k samples against closed forms and the enumeration of every subset."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstick.errors import InputError
from slipstick.metrics.estimators import group_equal_answers
from slipstick.metrics.measures import best_of_k, maj_at_k, pass_at_k, weighted_at_k
from tests.metrics.graded import attempt, equal, with_values


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(flags: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(flags)))
    solutions = [attempt("a", "correct" if flag else "incorrect", sample=i) for i, flag in enumerate(flags)]
    subsets = list(combinations(flags, k))
    assert pass_at_k(solutions, k).value == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_k_is_the_published_estimator() -> None:
    solutions = [attempt("a", "correct" if i < 13 else "undecided", sample=i) for i in range(200)]
    metric = pass_at_k(solutions, 100)
    assert metric.measure == "pass@100"
    assert metric.value == pytest.approx(1 - comb(187, 100) / comb(200, 100))


@pytest.mark.parametrize("k", [0, 3])
def test_k_beyond_the_samples_is_refused(k: int) -> None:
    solutions = [attempt("a", sample=0), attempt("a", sample=1)]
    with pytest.raises(ValueError, match=f"k = {k}, but a problem has 2 samples"):
        pass_at_k(solutions, k)
    with pytest.raises(ValueError, match=f"k = {k}, but a problem has 2 samples"):
        maj_at_k(solutions, k, same=equal)


def majority_credit(answers: tuple[str | None, ...]) -> float:
    """Plurality over one subset, "A" being correct."""
    votes = Counter(answer.upper() for answer in answers if answer)
    winners = [answer for answer, count in votes.items() if count == max(votes.values())]
    return winners.count("A") / len(winners) if winners else 0.0


@given(st.lists(st.sampled_from(["a", "A", "b", "c", "C", "d", None]), min_size=1, max_size=9), st.data())
def test_maj_at_k_is_the_mean_over_all_subsets(answers: list[str | None], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(answers)))
    solutions = [
        attempt("p", "correct" if answer in ("a", "A") else "incorrect", answer=answer, sample=place)
        for place, answer in enumerate(answers)
    ]
    subsets = list(combinations(answers, k))
    assert maj_at_k(solutions, k, same=equal).value == pytest.approx(sum(map(majority_credit, subsets)) / len(subsets))


def test_maj_at_k_of_many_samples_stays_exact() -> None:
    """Two classes, k = 1: the chance to draw the correct one, with subsets too many for a float to count."""
    solutions = [attempt("p", "correct", answer="1", sample=i) for i in range(900)]
    solutions += [attempt("p", "incorrect", answer="2", sample=900 + i) for i in range(300)]
    assert maj_at_k(solutions, 1, same=equal).value == pytest.approx(0.75)
    assert maj_at_k(solutions, 1200, same=equal).value == 1.0
    assert maj_at_k(solutions, 601, same=equal).value == pytest.approx(1.0)


def test_answers_that_tie_share_their_credit() -> None:
    solutions = [attempt("p", answer="1", sample=0), attempt("p", "incorrect", answer="2", sample=1)]
    assert maj_at_k(solutions, 2, same=equal).value == 0.5


def test_equal_answers_are_not_compared_again() -> None:
    asked: list[tuple[str, str]] = []

    def same(a: str, b: str) -> bool:
        asked.append((a, b))
        return False

    maj_at_k([attempt("p", answer="12", sample=i) for i in range(50)], 50, same=same)
    assert asked == []


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.4, 0.4, 0.9])), min_size=1, max_size=7), st.data())
def test_best_of_k_is_the_mean_over_all_subsets(rows: list[tuple[bool, float]], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(rows)))
    credits = []
    for subset in combinations(rows, k):
        top = [flag for flag, value in subset if value == max(value for _, value in subset)]
        credits.append(sum(top) / len(top))
    solutions = with_values([flag for flag, _ in rows], [value for _, value in rows])
    assert best_of_k(solutions, k).value == pytest.approx(sum(credits) / len(credits))


def test_a_weighted_vote_follows_the_weights_and_ties_share() -> None:
    answers = ["1", "2", "2"]
    assert weighted_at_k(with_values([True, False, False], [0.9, 0.4, 0.4], answers), 3, same=equal).value == 1.0
    assert weighted_at_k(with_values([True, False, False], [0.7, 0.4, 0.4], answers), 3, same=equal).value == 0.0
    assert weighted_at_k(with_values([True, False, False], [0.8, 0.4, 0.4], answers), 3, same=equal).value == 0.5
    logits = with_values([True, False, False], [3.0, -2.0, -2.0], answers)
    assert weighted_at_k(logits, 3, same=equal).value == 1.0, "values beyond 0 and 1 go through the logistic function"


def test_without_values_there_is_no_best() -> None:
    with pytest.raises(InputError, match=r"p#pot#0 has no value; score the run first \(slipstick value\)"):
        best_of_k([attempt("p"), attempt("p", sample=1)], 2)


def test_equal_answers_join_the_first_group_they_equal() -> None:
    groups = group_equal_answers(["a", "B", "A", "b", "a"], equal)
    assert groups == {"a": [0, 2, 4], "B": [1, 3]}
    seeded = group_equal_answers(["c", "GOLD"], equal, known=["gold"])
    assert list(seeded.items()) == [("gold", [1]), ("c", [0])]
    assert group_equal_answers([], equal, known=["gold"]) == {"gold": []}
