"""Metrics against closed forms, enumeration of every subset, and simulated coverage of the intervals."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from slipstick.errors import InputError
from slipstick.metrics import (
    accuracy,
    average,
    best_of_k,
    curves,
    is_share,
    maj_at_k,
    metric_label,
    pass_at_k,
    summarize,
    unserved,
    weighted_at_k,
    wilson,
)
from slipstick.schema import Block, Code, Metric, Outcome, Output, Problem, Solution, Text, Verdict


def attempt(
    problem: str,
    outcome: Outcome = "correct",
    *,
    answer: str | None = "1",
    sample: int = 0,
    format: str = "pot",
    blocks: list[Block] | None = None,
) -> Solution:
    return Solution(
        id=f"{problem}#{format}#{sample}",
        problem_id=problem,
        sample=sample,
        format=format,
        blocks=blocks or [],
        answer=answer,
        verdict=Verdict(outcome=outcome, method="text"),
    )


def equal(a: str, b: str) -> bool:
    return a.lower() == b.lower()


def by_name(metrics: list[Metric]) -> dict[str, Metric]:
    return {metric_label(metric): metric for metric in metrics}


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (194, 200), (0, 1), (843, 1319)])
def test_wilson_is_scipys(successes: int, n: int) -> None:
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_accuracy_of_one_sample_each_is_the_share_with_wilsons_interval() -> None:
    outcomes: list[Outcome] = ["correct"] * 7 + ["incorrect", "no_answer", "undecided"]
    metric = accuracy(attempt(str(place), outcome) for place, outcome in enumerate(outcomes))
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


def test_ungraded_solutions_are_refused() -> None:
    with pytest.raises(InputError, match="a#pot#0 has no verdict"):
        accuracy([attempt("a").model_copy(update={"verdict": None})])


@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize("spread", [(0.5, 0.5), (8.0, 2.0)])
@pytest.mark.parametrize("problems", [40, 150])
def test_interval_covers_the_truth_about_19_times_in_20(
    samples: int, spread: tuple[float, float], problems: int
) -> None:
    """Problems differ in how hard they are (a beta distribution); the truth is the mean over all such problems."""
    draw = random.Random(7)
    truth, trials, covered = spread[0] / sum(spread), 400, 0
    right = [attempt(str(place)) for place in range(problems)]
    wrong = [attempt(str(place), "incorrect") for place in range(problems)]
    for _ in range(trials):
        chances = [draw.betavariate(*spread) for _ in range(problems)]
        metric = accuracy(
            (right if draw.random() < chance else wrong)[place]
            for place, chance in enumerate(chances)
            for _ in range(samples)
        )
        covered += metric.low <= truth <= metric.high
    assert 0.915 <= covered / trials <= 0.985


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


def voted(answers: tuple[str | None, ...]) -> float:
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
    assert maj_at_k(solutions, k, same=equal).value == pytest.approx(sum(map(voted, subsets)) / len(subsets))


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


def test_summary_names_every_format_split_and_topic() -> None:
    problems = [
        Problem(id=f"p{i}", text="?", metadata={"split": ["known", "unseen"][i % 2], "topic": ["gcd", "lcm"][i // 2]})
        for i in range(4)
    ]
    solutions = [attempt(f"p{i}", "correct" if i else "incorrect") for i in range(4)]
    solutions += [attempt(f"p{i}", "no_answer", answer=None, format="cot", blocks=[Text(text="?")]) for i in range(4)]
    solutions += [attempt("p0", "undecided", format="hybrid")]
    metrics = by_name(summarize(problems, solutions, ks=[1, 2], same=equal))
    assert next(iter(metrics)) == "accuracy, cot"
    assert list(dict.fromkeys(metric.format for metric in metrics.values())) == ["cot", "pot", "hybrid"]
    assert metrics["accuracy, pot"].value == 0.75
    assert metrics["accuracy, pot, known"].value == 0.5
    assert metrics["accuracy, pot, unseen"].n == 2
    assert metrics["accuracy, pot, topic gcd"].value == 0.5
    assert metrics["no_answer, cot"].value == 1
    assert metrics["undecided, hybrid"].value == 1
    assert "accuracy, hybrid, unseen" not in metrics
    assert not [name for name in metrics if name.startswith(("pass@", "maj@", "executed"))]
    assert not [name for name in metrics if "topic " in name and not name.startswith("accuracy, ")]


def test_a_single_split_makes_no_rows_of_its_own() -> None:
    problems = [Problem(id="p0", text="?", metadata={"split": "test", "topic": "gcd"})]
    names = by_name(summarize(problems, [attempt("p0")], ks=[], same=equal))
    assert set(names) == {"accuracy, pot", "no_answer, pot", "undecided, pot"}


def test_summary_of_several_samples_has_pass_and_maj_where_all_problems_serve_k() -> None:
    problems = [Problem(id="p0", text="?"), Problem(id="p1", text="?")]
    solutions = [attempt("p0", sample=i) for i in range(4)] + [attempt("p1", "incorrect", sample=i) for i in range(3)]
    names = by_name(summarize(problems, solutions, ks=[1, 3, 4], same=equal))
    assert {"pass@1, pot", "pass@3, pot", "maj@1, pot", "maj@3, pot"} <= set(names)
    assert not {"pass@4, pot", "maj@4, pot"} & set(names)
    assert names["pass@3, pot"].value == 0.5


def test_executed_is_the_share_of_solutions_whose_last_program_ran() -> None:
    crash = Output(text="NameError", status="error")
    cases: list[tuple[list[Block], bool | None]] = [
        ([Code(text="1"), Output(text="1")], True),
        ([Code(text="x"), crash, Text(text="again"), Code(text="1"), Output(text="1")], True),
        ([Code(text="1"), Output(text="1"), Code(text="x"), crash], False),
        ([Code(text="while True: pass"), Output(text="", status="timeout")], False),
        ([Code(text="never run")], False),
        ([Text(text="words")], None),
    ]
    problems = [Problem(id=str(place), text="?") for place in range(len(cases))]
    solutions = [attempt(str(place), format="tir", blocks=blocks) for place, (blocks, _) in enumerate(cases)]
    metric = by_name(summarize(problems, solutions, ks=[], same=equal))["executed, tir"]
    assert (metric.value, metric.n) == (0.4, 5)


def test_a_solution_to_an_unknown_problem_is_refused() -> None:
    with pytest.raises(InputError, match="q#pot#0 answers problem q"):
        summarize([Problem(id="p", text="?")], [attempt("q")], ks=[], same=equal)


def test_equal_answers_are_not_compared_again() -> None:
    asked: list[tuple[str, str]] = []

    def same(a: str, b: str) -> bool:
        asked.append((a, b))
        return False

    maj_at_k([attempt("p", answer="12", sample=i) for i in range(50)], 50, same=same)
    assert asked == []


@pytest.mark.parametrize(
    ("measure", "share"), [("accuracy", True), ("pass@4", True), ("minutes", False), ("loss", False)]
)
def test_which_metrics_are_shares(measure: str, share: bool) -> None:
    assert is_share(Metric(measure=measure, value=0.5, low=0, high=1, n=1)) is share


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({}, "accuracy"),
        ({"format": "pot"}, "accuracy, pot"),
        ({"format": "pot", "group_by": "set", "group": "gsm8k"}, "accuracy, pot, gsm8k"),
        ({"format": "pot", "group_by": "subject", "group": "algebra"}, "accuracy, pot, subject algebra"),
        ({"format": "pot", "group_by": "average", "group": "in-domain"}, "accuracy, pot, average, in-domain"),
    ],
)
def test_labels_say_what_was_measured(fields: dict[str, str], label: str) -> None:
    accuracy = Metric(measure="accuracy", value=0.5, low=0, high=1, n=1)
    assert metric_label(accuracy.model_copy(update=fields)) == label


def with_values(flags: list[bool], values: list[float], answers: list[str] | None = None) -> list[Solution]:
    names = answers or ["1" if flag else f"wrong {place}" for place, flag in enumerate(flags)]
    return [
        attempt("p", "correct" if flag else "incorrect", answer=name, sample=place).model_copy(update={"value": value})
        for place, (flag, value, name) in enumerate(zip(flags, values, names, strict=True))
    ]


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


def test_curves_grow_to_the_samples_that_all_problems_have() -> None:
    solutions = [attempt(name, "correct" if i else "incorrect", sample=i) for name in "ab" for i in range(6)]
    found = curves([*solutions, attempt("a", sample=6)], same=equal)
    assert [metric.measure for metric in found["pass"]] == ["pass@1", "pass@2", "pass@4", "pass@6"]
    assert [metric.value for metric in found["pass"]] == sorted(metric.value for metric in found["pass"])
    assert set(found) == {"pass", "maj"} and curves([attempt("a")], same=equal) == {}
    assert set(curves(with_values([True, False], [0.1, 0.2]), same=equal)) == {"pass", "maj", "best", "weighted"}


def test_k_beyond_the_samples_is_said() -> None:
    problems = [Problem(id="a", text="?"), Problem(id="b", text="?")]
    solutions = [attempt("a", sample=i) for i in range(4)] + [attempt("b", sample=i) for i in range(3)]
    assert unserved(problems, solutions, [1, 3]) == []
    (line,) = unserved(problems, solutions, [1, 4])
    assert line.startswith("pot: pass@4 and maj@4 left out, as 1 of 2 problems have fewer samples (the fewest: 3)")


def nine() -> tuple[list[Problem], list[Solution]]:
    """Two sets of 10 and 40 problems, a fifth and four fifths of them solved."""
    problems, solutions = [], []
    for name, count, right in (("gsm8k", 10, 2), ("sat_math", 40, 32)):
        for place in range(count):
            metadata = {"split": "test", "level": str(place % 2), "subject": "sums"}
            problems.append(
                Problem(id=f"{name}/test/{place}", text=f"{10**place} and 1?", kind="number", metadata=metadata)
            )
            solutions.append(attempt(f"{name}/test/{place}", "correct" if place < right else "incorrect"))
    return problems, solutions


def test_sets_come_from_ids_and_weigh_alike_in_averages() -> None:
    metrics = by_name(summarize(*nine(), ks=[], same=equal, averages={"school": ["gsm8k", "sat-math"], "none": ["x"]}))
    assert metrics["accuracy, pot"].value == pytest.approx(34 / 50)
    assert metrics["accuracy, pot, gsm8k"].value == 0.2 and metrics["accuracy, pot, sat_math"].n == 40
    assert metrics["accuracy, pot, average, all sets"].value == pytest.approx(0.5)
    assert metrics["accuracy, pot, average, school"] == metrics["accuracy, pot, average, all sets"].model_copy(
        update={"group": "school"}
    )
    assert "accuracy, pot, average, none" not in metrics
    assert metrics["accuracy, pot, level sat_math: 1"].n == 20, "a level is named with its set"
    assert metrics["accuracy, pot, size 7 digits and more"].n == 38
    assert not [name for name in metrics if "kind " in name], "a single value makes no group"


def test_the_interval_of_an_average_covers_the_truth() -> None:
    """Two sets, 30 and 120 problems, solved with chances 0.3 and 0.8: the truth is 0.55."""
    draw, covered, trials = random.Random(3), 0, 200
    for _ in range(trials):
        sets = [[float(draw.random() < chance) for _ in range(n)] for chance, n in ((0.3, 30), (0.8, 120))]
        found = average(sets)
        covered += found.low <= 0.55 <= found.high
    assert 0.89 <= covered / trials <= 0.99


def test_how_programs_fail_and_what_a_correct_answer_takes() -> None:
    ends = [Output(text="1"), Output(text="Traceback\nNameError: x", status="error"), Output(text="", status="timeout")]
    problems = [Problem(id=str(place), text="?") for place in range(4)]
    solutions = [
        attempt(str(place), "correct" if place in (0, 3) else "incorrect", blocks=[Code(text="x"), end]).model_copy(
            update={"tokens": 30, "cost": 0.5}
        )
        for place, end in enumerate([*ends, ends[0]])
    ]
    metrics = by_name(summarize(problems, solutions, ks=[], same=equal))
    assert metrics["failed, pot, error NameError"].value == metrics["failed, pot, error timeout"].value == 0.25
    assert metrics["tokens_per_correct, pot"].value == 60 and metrics["cost_per_correct, pot"].value == 1.0
    assert metrics["tokens_per_correct, pot"].low < 60 < metrics["tokens_per_correct, pot"].high
