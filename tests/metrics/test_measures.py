"""All metrics of a run: formats, groups, measures, and what is left out."""

from __future__ import annotations

import random

import pytest

from slipstick.errors import InputError
from slipstick.metrics.measures import accuracy, curves, describe_left_out, summarize
from slipstick.sanity_checks import left_out
from slipstick.schema import Block, Code, Output, Problem, Solution, Text
from slipstick.solve.policies import until_settled
from tests.metrics.graded import attempt, by_label, equal, with_values


def test_ungraded_solutions_are_refused() -> None:
    with pytest.raises(InputError, match="a#pot#0 has no verdict"):
        accuracy([attempt("a").model_copy(update={"verdict": None})])


def test_summary_names_every_format_split_and_topic() -> None:
    problems = [
        Problem(id=f"p{i}", text="?", metadata={"split": ["known", "unseen"][i % 2], "topic": ["gcd", "lcm"][i // 2]})
        for i in range(4)
    ]
    solutions = [attempt(f"p{i}", "correct" if i else "incorrect") for i in range(4)]
    solutions += [attempt(f"p{i}", "no_answer", answer=None, format="cot", blocks=[Text(text="?")]) for i in range(4)]
    solutions += [attempt("p0", "undecided", format="hybrid")]
    metrics = by_label(summarize(problems, solutions, ks=[1, 2], same=equal))
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
    names = by_label(summarize(problems, [attempt("p0")], ks=[], same=equal))
    assert set(names) == {"accuracy, pot", "no_answer, pot", "undecided, pot"}


def test_summary_of_several_samples_has_pass_and_maj_where_all_problems_serve_k() -> None:
    problems = [Problem(id="p0", text="?"), Problem(id="p1", text="?")]
    solutions = [attempt("p0", sample=i) for i in range(4)] + [attempt("p1", "incorrect", sample=i) for i in range(3)]
    names = by_label(summarize(problems, solutions, ks=[1, 3, 4], same=equal))
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
    metric = by_label(summarize(problems, solutions, ks=[], same=equal))["executed, tir"]
    assert (metric.value, metric.n) == (0.4, 5)


def test_a_solution_to_an_unknown_problem_is_refused() -> None:
    with pytest.raises(InputError, match="q#pot#0 answers problem q"):
        summarize([Problem(id="p", text="?")], [attempt("q")], ks=[], same=equal)


def test_curves_grow_to_the_samples_that_all_problems_have() -> None:
    solutions = [attempt(name, "correct" if i else "incorrect", sample=i) for name in "ab" for i in range(6)]
    found = curves([*solutions, attempt("a", sample=6)], same=equal)
    assert [metric.measure for metric in found["pass"]] == ["pass@1", "pass@2", "pass@4", "pass@6"]
    assert [metric.value for metric in found["pass"]] == sorted(metric.value for metric in found["pass"])
    assert set(found) == {"pass", "maj"} and curves([attempt("a")], same=equal) == {}
    assert set(curves(with_values([True, False], [0.1, 0.2]), same=equal)) == {"pass", "maj", "best", "weighted"}


def test_k_beyond_the_samples_is_reported() -> None:
    problems = [Problem(id="a", text="?"), Problem(id="b", text="?")]
    solutions = [attempt("a", sample=i) for i in range(4)] + [attempt("b", sample=i) for i in range(3)]
    assert describe_left_out(problems, solutions, [1, 3]) == []
    (line,) = describe_left_out(problems, solutions, [1, 4])
    assert line.startswith("pot: pass@4 and maj@4 left out, as 1 of 2 problems have fewer samples (the fewest: 3)")


def two_sets() -> tuple[list[Problem], list[Solution]]:
    """Two sets of 10 and 40 problems, a fifth and four fifths of them solved."""
    problems, solutions = [], []
    for name, count, solved in (("gsm8k", 10, 2), ("sat_math", 40, 32)):
        for place in range(count):
            metadata = {"split": "test", "level": str(place % 2), "subject": "sums"}
            problems.append(
                Problem(id=f"{name}/test/{place}", text=f"{10**place} and 1?", kind="number", metadata=metadata)
            )
            solutions.append(attempt(f"{name}/test/{place}", "correct" if place < solved else "incorrect"))
    return problems, solutions


def test_sets_come_from_ids_and_weigh_alike_in_averages() -> None:
    metrics = by_label(
        summarize(*two_sets(), ks=[], same=equal, averages={"school": ["gsm8k", "sat-math"], "none": ["x"]})
    )
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


def test_the_average_of_all_sets_is_the_mean_of_the_rows_that_sets_have() -> None:
    names = [("gsm8k", "train"), ("gsm8k", "test"), ("math", "test"), ("", "mine")]
    problems = [
        Problem(id="/".join((*filter(None, name), str(n))), text=f"{name} {n}", answer="1", metadata={"split": name[1]})
        for name in names
        for n in range(4)
    ]
    solutions = [
        attempt(problem.id, "correct" if place % 4 < share else "incorrect")
        for place, problem in enumerate(problems)
        for share in [(1, 2, 3, 4)[place // 4]]
    ]
    metrics = summarize(problems, solutions, ks=[], same=equal)
    rows = [metric.value for metric in metrics if (metric.measure, metric.group_by) == ("accuracy", "set")]
    (average,) = [metric for metric in metrics if metric.group_by == "average"]
    assert sorted(rows) == [0.25, 0.5, 0.75, 1.0] and average.value == pytest.approx(sum(rows) / 4)


def test_how_programs_fail_and_what_a_correct_answer_takes() -> None:
    ends = [Output(text="1"), Output(text="Traceback\nNameError: x", status="error"), Output(text="", status="timeout")]
    problems = [Problem(id=str(place), text="?") for place in range(4)]
    solutions = [
        attempt(str(place), "correct" if place in (0, 3) else "incorrect", blocks=[Code(text="x"), end]).model_copy(
            update={"tokens": 30, "cost": 0.5}
        )
        for place, end in enumerate([*ends, ends[0]])
    ]
    metrics = by_label(summarize(problems, solutions, ks=[], same=equal))
    assert metrics["failed, pot, NameError"].value == metrics["failed, pot, timeout"].value == 0.25
    assert metrics["tokens_per_correct, pot"].value == 60 and metrics["cost_per_correct, pot"].value == 1.0
    assert metrics["tokens_per_correct, pot"].low < 60 < metrics["tokens_per_correct, pot"].high


def sampled_until_settled(chance: float, problems: int, *, seed: int) -> list[Solution]:
    """Samples as `consistency_threshold` takes them: correct with a chance, incorrect answers all different."""
    rng, solutions = random.Random(seed), list[Solution]()
    policy = until_settled(40, threshold=0.95, temperature=1.0)
    for number in range(problems):
        rows: list[Solution] = []
        while policy(rows):
            good = rng.random() < chance
            answer = "1" if good else f"{rng.randrange(10**6)}"
            rows.append(attempt(f"p{number}", "correct" if good else "incorrect", answer=answer, sample=len(rows)))
        solutions += rows
    return solutions


@pytest.mark.parametrize("chance", [0.4, 0.6])
def test_accuracy_is_not_too_high_if_lucky_problems_stop_early(chance: float) -> None:
    solutions = sampled_until_settled(chance, 300, seed=1)
    problems = [Problem(id=f"p{number}", text="?") for number in range(300)]
    found = by_label(summarize(problems, solutions, ks=[2], same=equal, settled=True))
    assert found["accuracy, pot"].low <= chance <= found["accuracy, pot"].high
    assert accuracy(solutions).low > chance, "the mean over all samples, lucky problems having fewer, is too high"
    again = by_label(summarize(problems, first_two(solutions), ks=[2], same=equal))
    assert found["pass@2, pot"].value == pytest.approx(again["pass@2, pot"].value, abs=0.06)
    voted = found["maj@settled, pot"]
    assert voted.n == 300 and voted.value > 0.9 > found["accuracy, pot"].value, "wrong answers never agree here"


def first_two(solutions: list[Solution]) -> list[Solution]:
    return [solution for solution in solutions if solution.sample < 2]


def test_the_settled_vote_shares_the_credit_of_ties_and_counts_every_sample() -> None:
    rows = [attempt("a", answer="1"), attempt("a", "incorrect", answer="2", sample=1)]
    rows += [attempt("b", answer="1", sample=n) for n in range(3)]
    problems = [Problem(id=name, text="?") for name in "ab"]
    found = by_label(summarize(problems, rows, ks=[], same=equal, settled=True))
    assert found["maj@settled, pot"].value == 0.75 and found["accuracy, pot"].value == 0.75
    assert "maj@settled, pot" not in by_label(summarize(problems, rows, ks=[], same=equal))


def test_problems_without_a_gold_are_left_out_of_every_metric() -> None:
    problems = [Problem(id=f"p{i}", text="?", answer=None if i == 2 else "1") for i in range(4)]
    solutions = [attempt(f"p{i}", "undecided" if i == 2 else "correct") for i in range(4)]
    metrics = by_label(summarize(problems, solutions, ks=[], same=equal))
    assert (metrics["accuracy, pot"].value, metrics["accuracy, pot"].n) == (1, 3)
    assert metrics["undecided, pot"].value == 0
    (alarm,) = left_out(problems, solutions, ks=[], averages={})
    assert alarm.message == "1 of 4 problems have no gold, so no metric counts them"
    bare = [problem.model_copy(update={"answer": None}) for problem in problems]
    assert not list(left_out(bare, solutions, ks=[], averages={}))
    assert by_label(summarize(bare, solutions, ks=[], same=equal))["accuracy, pot"].n == 4


def test_solutions_whose_tokens_nobody_counted_are_no_cheap_ones() -> None:
    problems = [Problem(id=name, text="?") for name in ("p0", "p1")]
    words: list[Block] = [Text(text="It is 1.")]
    solutions = [attempt(name, blocks=words).model_copy(update={"tokens": n}) for name, n in (("p0", 6), ("p1", 0))]
    found = by_label(summarize(problems, solutions, ks=[], same=equal))["tokens_per_correct, pot"]
    assert (found.value, found.n) == (6, 1)
