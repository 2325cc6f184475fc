"""Two runs compared on the same problems."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from slipstick.alarms import read_alarms
from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.report import run_report
from slipstick.comparison import compare_folders, compare_runs
from slipstick.errors import InputError, RecipeError, UserError
from slipstick.metrics.labels import metric_label
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.schema import Outcome, Problem, Run, Solution, Verdict
from slipstick.store import RunFolder
from tests.metrics.graded import attempt
from tests.report.many_runs import write_run
from tests.two_sets import SETS, problems, solve


def test_runs_are_compared_per_format_and_set_with_the_problems_that_flipped() -> None:
    given = problems()
    found = compare_runs(given, solve(given, 10), given, solve(given, 30))
    assert [row.label for row in found.rows] == ["pot", "pot, apples", "pot, pears"]
    assert found.rows[0].differs and found.rows[0].difference == 0.5 and found.rows[1].n == 20
    assert [flip.problem_id for flip in found.flips] == [problem.id for problem in given[10:30]]
    assert (found.common, found.left_out) == (40, 0)


def test_only_common_problems_count_and_single_formats_are_compared() -> None:
    given = problems()
    found = compare_runs(given[:30], solve(given[:30], 10, "cot"), given[10:], solve(given[10:], 5))
    assert (found.common, found.left_out, found.rows[0].label, found.rows[0].n) == (20, 20, "cot to pot", 20)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([Problem(id="x/test/1", text="?")], "none of the 40 of first is among the 1 of second"),
        ([Problem(id="apples/test/0", text="What is 0 + 2?", answer="1")], "apples/test/0 has another question"),
        ([Problem(id="apples/test/0", text="What is 0 + 1?", answer="2")], "apples/test/0 has another gold"),
    ],
)
def test_runs_about_other_problems_are_refused(second: list[Problem], message: str) -> None:
    given = problems()
    with pytest.raises(InputError, match=message):
        compare_runs(given, solve(given, 10), second, solve(second, 1))


def test_runs_without_a_common_format_are_refused() -> None:
    given = problems()
    two = [*solve(given, 1, "cot"), *solve(given, 1, "tir")]
    with pytest.raises(InputError, match="no format in common: first has pot, second has cot, tir"):
        compare_runs(given, solve(given, 1), given, two)


class Recipe(NamedTuple):
    path: Path
    script: Callable[[Request], Reply]

    def evaluate(self, out: Path, console: Console, *overrides: str, limit: int | None = None) -> Path:
        order = Invocation(str(self.path), list(overrides), limit, out, model=FakeModel(self.script))
        return run_evaluate(order, console)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """A recipe of 220 problems and a model that is correct once on the odd ones and never repeats another answer."""
    rows = [{"id": f"{SETS[n % 2]}/test/{n}", "question": f"What is {n} + 0?", "answer": n} for n in range(220)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = tmp_path / "r.toml"
    file.write_text(
        f'problems = "{tmp_path}/problems.jsonl"\nmodel = "fake:"\nformats = ["cot"]\n'
        'averages.fruit = ["apples", "pears"]\n'
    )
    asked: dict[str, int] = {}

    def script(request: Request) -> Reply:
        name = request.problem.id
        asked[name] = asked.get(name, 0) + 1
        correct = name.startswith("pears") and asked[name] == 1
        return Reply(text=f"The answer is {request.problem.answer if correct else asked[name] + 1000}.", tokens=10)

    return Recipe(file, script)


def test_an_evaluation_is_compared_with_another(recipe: Recipe, tmp_path: Path) -> None:
    console = Console(record=True, width=140, file=io.StringIO())
    one = recipe.evaluate(tmp_path / "one", console)
    (alarm,) = read_alarms(one)
    assert alarm.name == "rerun_differs" and "20 of 20 solutions" in alarm.message
    metrics = {metric_label(metric): metric for metric in RunFolder(one).metrics()}
    assert metrics["accuracy, cot, average, fruit"].value == 0.5 and metrics["rerun_equal, cot"].value == 0
    two = recipe.evaluate(tmp_path / "two", console, "rerun=false")
    assert read_alarms(two) == []
    run_report(Invocation(str(one), [f"against={two}"]), console)
    shown = console.export_text()
    assert "one is better by 50.0 points (McNemar's exact test" in shown and "average, fruit" in shown
    assert "0 / 110" in shown and "+50.0" in shown, "the difference is that of the run named first"


def test_a_shorter_run_is_compared_on_the_common_problems(recipe: Recipe, tmp_path: Path) -> None:
    console = Console(record=True, width=140, file=io.StringIO())
    one = recipe.evaluate(tmp_path / "one", console, "rerun=false")
    two = recipe.evaluate(tmp_path / "two", console, "rerun=false", limit=30)
    lines = (two / "solutions.jsonl").read_text()
    (two / "solutions.jsonl").write_text(lines[: len(lines) - 40])
    run_report(Invocation(str(one), [f"against={two}"]), console)
    assert "Compared on the 30 problems that both have; 190 of one alone are left out." in console.export_text()


def test_mistakes_are_reported_before_anything_is_solved(recipe: Recipe, tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    with pytest.raises(RecipeError, match=r"pass@8 needs num_samples = 8 or more, but num_samples = 1"):
        recipe.evaluate(tmp_path / "run", console, "ks=[1,8]")
    with pytest.raises(UserError, match=r"no profile is named|did you mean|mamoth"):
        recipe.evaluate(tmp_path / "run", console, "profile=mamoth")
    assert not (tmp_path / "run").exists()


def test_a_run_sampled_until_votes_settled_is_compared_by_its_first_samples(tmp_path: Path) -> None:
    runs = []
    for name, threshold in (("settled", 0.9), ("plain", None)):
        recipe = {"consistency_threshold": threshold}
        run = Run(name=name, verb="evaluate", status="finished", started=datetime.now(UTC), recipe=recipe)
        folder = RunFolder.start(tmp_path / name, run)
        folder.write_problems([Problem(id=f"p{n}", text="?", answer="1") for n in range(2)])
        marks: dict[str, list[Outcome]] = {"p0": ["correct"] * 2, "p1": ["incorrect", "correct", "correct", "correct"]}
        for problem, outcomes in marks.items():
            for sample, outcome in enumerate(outcomes):
                folder.append(attempt(problem, outcome, sample=sample))
        folder.close()
        runs.append(folder)
    row = compare_folders(*runs).rows[0]
    assert (row.first, row.second) == (0.75, 0.875)


def test_mistakes_name_the_runs(tmp_path: Path) -> None:
    one = write_run(tmp_path / "mine", model="openai:m", sets={"a": 8}, skills={"pot": 0.5})
    two = write_run(tmp_path / "yours", model="openai:m", sets={"b": 9}, skills={"cot": 0.5})
    two.write_problems([one.model_copy(update={"text": f"{one.text} Why?"}) for one in two.problems()])
    with pytest.raises(InputError, match="mine and yours have no problem in common: none of the 8 of mine is among"):
        compare_folders(one, two)
    other = write_run(tmp_path / "theirs", model="openai:m", sets={"a": 8}, skills={"cot": 0.5, "tir": 0.5})
    with pytest.raises(InputError, match="no format in common: mine has pot, theirs has cot, tir"):
        compare_folders(one, other)


def some_undecided(rows: list[Solution], places: range) -> list[Solution]:
    verdict = Verdict(outcome="undecided", method="text")
    return [one.model_copy(update={"verdict": verdict}) if n in places else one for n, one in enumerate(rows)]


def test_nobody_wins_by_what_is_undecided() -> None:
    given = problems()
    silent = some_undecided(solve(given, 0), range(40))
    found = compare_runs(given, silent, given, solve(given, 40), names=("sB", "sA"))
    assert found.rows[0].hinges_on_undecided and found.rows[0].shown_p == "<0.001, open"
    assert found.findings()[0] == (
        "pot: undecided, which count as not correct: 40 of 40 solutions of sB, 0 of 40 solutions of sA."
    )
    said = "pot: not decided: 40 of 40 solutions of sB are undecided and count as not correct; sA is ahead by 100.0"
    assert found.findings()[1].startswith(said)
    turned = compare_runs(given, solve(given, 40), given, silent, names=("sA", "sB")).findings()
    assert turned[1].startswith(said), "whichever comes first"
    assert "40 of 40 solutions of sB" in turned[0]


def test_a_few_undecided_solutions_turn_nothing() -> None:
    given = problems()
    found = compare_runs(given, some_undecided(solve(given, 5), range(10, 12)), given, solve(given, 40))
    assert not found.rows[0].hinges_on_undecided and found.rows[0].shown_p == "<0.001"
    assert (
        "second is better by 87.5 points" in found.findings()[1] and "2 of 40 solutions of first" in found.findings()[0]
    )
    ahead = compare_runs(given, some_undecided(solve(given, 20), range(20, 40)), given, solve(given, 5))
    assert not ahead.rows[0].hinges_on_undecided, "the one that is ahead would only be further ahead"
    none = compare_runs(given, solve(given, 5), given, solve(given, 40))
    assert not any("undecided" in line for line in none.findings())


def test_no_difference_is_not_decided_either_where_one_could_show() -> None:
    given = problems()
    found = compare_runs(given, some_undecided(solve(given, 20), range(20, 40)), given, solve(given, 22))
    assert not found.rows[0].differs and found.rows[0].hinges_on_undecided
    assert "not decided: no difference shown, but 20 of 40 solutions of first are undecided" in found.findings()[1]


def test_votes_of_undecided_samples_are_bounded_too() -> None:
    given = problems()
    marks: tuple[Outcome, ...] = ("undecided", "undecided", "incorrect")
    first = [attempt(one.id, mark, sample=k) for one in given for k, mark in enumerate(marks)]
    second = [attempt(one.id, "correct", sample=k) for one in given for k in range(3)]
    rows = {row.label: row for row in compare_runs(given, first, given, second, ks=[3]).rows}
    assert rows["pot, pass@3"].hinges_on_undecided and rows["pot, pass@3"].undecided == (80, 0)
    assert rows["pot"].solutions == (120, 120)


def named(given: list[Problem], name: str) -> list[Problem]:
    return [one.model_copy(update={"id": f"{name}/{n}"}) for n, one in enumerate(given, start=1)]


def test_runs_of_two_files_are_paired_by_the_text_of_the_question() -> None:
    mine, yours = named(problems(), "stA"), named(problems()[::-1], "stB")
    yours[3] = yours[3].model_copy(update={"text": f"  {yours[3].text}\n", "answer": f"{yours[3].answer}.0"})
    found = compare_runs(mine, solve(mine, 10), yours, solve(yours, 40), names=("stA", "stB"))
    assert (found.common, found.left_out, found.rows[0].only_second) == (40, 0, 30)
    assert found.findings()[0] == (
        "stA and stB have no id in common: problems are paired by the text of the question and the gold."
    )
    assert found.flips[0].problem_id == "stB/30", "the page is of the second run"


def test_a_text_that_stands_twice_is_paired_in_order_and_another_gold_is_left_out() -> None:
    given = problems()[:10]
    mine, yours = named([*given, given[0]], "a"), named([given[0], *given[:9]], "b")
    yours[5] = yours[5].model_copy(update={"answer": "999"})
    found = compare_runs(mine, solve(mine, 0), yours, solve(yours, 0), names=("A", "B"))
    assert (found.common, found.left_out) == (9, 3)
    assert found.notes[1:] == [
        "2 problems of a text that stands several times are paired in their order.",
        "1 problem of A with another gold in B is left out.",
    ]
    one = named(problems(), "a")
    other = [each.model_copy(update={"id": f"b/{n}", "answer": "999"}) for n, each in enumerate(one)]
    with pytest.raises(InputError, match="by id or by text; 40 questions of the same text have another gold"):
        compare_runs(one, solve(one, 1), other, solve(other, 1))
    choices = [each.model_copy(update={"choices": ["1", "2"]}) for each in named(problems(), "c")]
    with pytest.raises(InputError, match="no problem in common"):
        compare_runs(one, solve(one, 1), choices, solve(choices, 1))


def test_a_comparison_names_the_test_it_made_and_leaves_out_problems_without_a_gold() -> None:
    given = [problem.model_copy(update={"answer": None}) if n < 4 else problem for n, problem in enumerate(problems())]
    once = compare_runs(given, solve(given, 10), given, solve(given, 30))
    assert (once.rows[0].n, once.rows[0].test, once.heading) == (36, "mcnemar", "only one solves")
    first = [attempt(one.id, "correct" if k < 1 else "incorrect", sample=k) for one in given for k in range(4)]
    second = [attempt(one.id, "correct" if k < 3 else "incorrect", sample=k) for one in given for k in range(4)]
    often = compare_runs(given, first, given, second)
    assert (often.rows[0].test, often.heading) == ("permutation", "one solves more often")
    assert "paired permutation test, p = " in often.findings()[0] and "McNemar" not in often.findings()[0]


def test_few_problems_are_told_to_believe_the_test() -> None:
    few = problems()[:8]
    found = compare_runs(few, solve(few, 0), few, solve(few, 3))
    assert found.rows[0].low >= 0 and not found.rows[0].differs
    assert "p is of the test that is named. With few problems" in found.findings()[-1]
    assert "a comparison on 8 problems would show it almost never" in found.findings()[0]
    many = [Problem(id=f"p/{n}", text=f"{n}?", answer=str(n), metadata={"dataset": "p"}) for n in range(100)]
    found = compare_runs(many, solve(many, 0), many, solve(many, 60))
    assert "Intervals are a bootstrap over problems; p is of the test that is named." in found.findings()


def test_measures_of_k_samples_have_a_test_of_their_own(recipe: Recipe, tmp_path: Path) -> None:
    given = problems()
    marks: dict[int, tuple[Outcome, ...]] = {
        1: ("correct", "incorrect", "incorrect"),
        2: ("correct", "correct", "incorrect"),
    }
    answers = {"correct": "1", "incorrect": "2"}

    def samples(right: int) -> list[Solution]:
        return [
            attempt(one.id, outcome, answer=answers[outcome], sample=k)
            for one in given
            for k, outcome in enumerate(marks[right])
        ]

    found = compare_runs(given, samples(1), given, samples(2), ks=[1, 3, 8])
    rows = {row.label: row for row in found.rows}
    assert list(rows)[:3] == ["pot", "pot, apples", "pot, pears"] and {"pot, maj@3, pears", "pot, pass@3"} < rows.keys()
    assert not any("@1" in label or "@8" in label for label in rows)
    vote = rows["pot, maj@3"]
    assert (vote.first, vote.second, vote.test, vote.only_second) == (0, 1, "mcnemar", 40) and vote.differs
    assert rows["pot, pass@3"].difference == 0 and rows["pot, pass@3"].p == 1
    assert rows["pot"].difference == pytest.approx(1 / 3)
    assert any(line.startswith("pot, maj@3: second is better by 100.0 points") for line in found.findings())
    console = Console(record=True, width=140, file=io.StringIO())
    more = ("rerun=false", "num_samples=2", "temperature=0.5", "ks=[2]")
    one, two = (recipe.evaluate(tmp_path / name, console, *more, limit=40) for name in ("one", "two"))
    page = run_report(Invocation(str(one), [f"against={two}"]), console)
    assert "cot, maj@2, pears" in console.export_text() and "cot, maj@2, pears" in page.read_text()


def test_a_stopped_run_is_compared_as_far_as_it_went(recipe: Recipe, tmp_path: Path) -> None:
    console = Console(record=True, width=140, file=io.StringIO())
    whole = recipe.evaluate(tmp_path / "whole", console, "rerun=false", "profile=slipstick-strict")
    stopped = recipe.evaluate(tmp_path / "stopped", console, "rerun=false", "profile=slipstick-strict", limit=50)
    for name in ("verdicts.jsonl", "metrics.json"):
        (stopped / name).unlink()
    RunFolder(stopped).note(status="stopped")
    files = {path.name for path in stopped.iterdir()}
    for run, other, sign in ((stopped, whole, "-"), (whole, stopped, "+")):
        run_report(Invocation(str(run), [f"against={other}"]), console)
        shown = console.export_text(clear=True)
        assert "stopped is not finished (stopped): what is missing may be the hard problems." in shown
        assert f"{sign}50.0" in shown and "Compared on the 50 problems that both have" in shown
    assert {path.name for path in stopped.iterdir()} == files, "nothing is written into it"
