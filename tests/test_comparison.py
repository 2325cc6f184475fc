"""Two runs on the same problems, and what makes a number doubtful."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from slipstick.alarms import empty_answers, overlap, read_alarms, rerun_differs
from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.report import run_report
from slipstick.comparison import compare_runs
from slipstick.errors import InputError, RecipeError, UserError
from slipstick.metrics import metric_label, summarize
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.sanity_checks import training_overlap
from slipstick.schema import Outcome, Problem, Solution, Verdict
from slipstick.store import RunFolder

SETS = ("apples", "pears")


def problems(n: int = 40) -> list[Problem]:
    return [Problem(id=f"{SETS[i % 2]}/test/{i}", text=f"What is {i} + 1?", answer=str(i + 1)) for i in range(n)]


def solve(given: list[Problem], right: int, format: str = "pot") -> list[Solution]:
    """The first `right` problems are solved."""
    rows = []
    for place, problem in enumerate(given):
        outcome: Outcome = "correct" if place < right else "incorrect"
        verdict = Verdict(outcome=outcome, method="number")
        rows.append(
            Solution(id=f"{problem.id}#{format}#0", problem_id=problem.id, format=format, blocks=[], verdict=verdict)
        )
    return rows


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
        ([Problem(id="x/test/1", text="?")], "none of the first's 40 is among the second's 1"),
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
    with pytest.raises(InputError, match="no format in common: pot and cot, tir"):
        compare_runs(given, solve(given, 1), given, two)


def test_many_empty_answers_raise_an_alarm_that_names_the_worst_set() -> None:
    given = problems()
    rows = solve(given, 40)
    silent = Verdict(outcome="no_answer", method="none")
    rows = [row.model_copy(update={"verdict": silent}) if i % 2 and i < 30 else row for i, row in enumerate(rows)]
    (alarm,) = empty_answers(summarize(given, rows, ks=[], same=str.__eq__))
    assert alarm.message.startswith("pot: 38% of answers are empty, most on pears (75%)")
    assert not list(empty_answers(summarize(given, solve(given, 0), ks=[], same=str.__eq__)))


def test_a_rerun_that_differs_raises_an_alarm() -> None:
    before = {"a": "1", "b": "0.5", "c": None, "d": "4"}
    assert not list(
        rerun_differs(before, {"a": "1", "b": "1/2", "c": None}, same=lambda a, b: {a, b} == {"0.5", "1/2"})
    )
    (alarm,) = rerun_differs(before, {"c": "3", "d": "5"}, same=str.__eq__)
    assert alarm.solutions == ["c", "d"] and alarm.message.startswith("2 of 2 solutions have another answer")


def test_problems_that_were_trained_on_raise_an_alarm() -> None:
    given = problems(8)
    trained = [Problem(id="t/1", text="what is 2 + 1 ?"), Problem(id="t/2", text="Something else")]
    found = list(overlap(given, trained, sources=["someone/Pears", "other/gsm8k"]))
    assert found[0].message.startswith(
        "apples: 1 of 4 problems are among those the model was trained on, apples/test/2"
    )
    assert found[1].message.startswith("pears: the model's card names someone/Pears as training data")
    assert len(found) == 2


def test_a_models_folder_says_what_it_was_trained_on(tmp_path: Path) -> None:
    given = problems(4)
    model = tmp_path / "train" / "model"
    model.mkdir(parents=True)
    (model / "README.md").write_text("---\nlicense: mit\ndatasets:\n- someone/apples\n- x/y\ntags: [a]\n---\n# Model\n")
    assert [alarm.message.partition(":")[0] for alarm in training_overlap(f"hf:{model}", given)] == ["apples"]
    assert training_overlap("openai:gpt", given) == []


class Recipe(NamedTuple):
    path: Path
    script: Callable[[Request], Reply]

    def evaluate(self, out: Path, console: Console, *overrides: str, limit: int | None = None) -> Path:
        order = Invocation(str(self.path), list(overrides), limit, out)
        return run_evaluate(order, console, model=FakeModel(self.script))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """A recipe of 220 problems; the model is right on the odd ones, and its answer to one changes with every run."""
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
        right = name.startswith("pears") and asked[name] == 1
        return Reply(text=f"The answer is {request.problem.answer if right else asked[name] + 1000}.", tokens=10)

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
    assert "110 / 0" in shown


def test_a_run_that_is_cut_short_is_compared_and_said(recipe: Recipe, tmp_path: Path) -> None:
    console = Console(record=True, width=140, file=io.StringIO())
    one = recipe.evaluate(tmp_path / "one", console, "rerun=false")
    two = recipe.evaluate(tmp_path / "two", console, "rerun=false", limit=30)
    lines = (two / "solutions.jsonl").read_text()
    (two / "solutions.jsonl").write_text(lines[: len(lines) - 40])
    run_report(Invocation(str(one), [f"against={two}"]), console)
    assert "Compared on the 30 problems that both have; 190 of one alone are left out." in console.export_text()


def test_mistakes_are_said_before_anything_is_solved(recipe: Recipe, tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    with pytest.raises(RecipeError, match=r"pass@8 needs num_samples = 8 or more, but num_samples = 1"):
        recipe.evaluate(tmp_path / "run", console, "ks=[1,8]")
    with pytest.raises(UserError, match=r"no profile is named|did you mean|mamoth"):
        recipe.evaluate(tmp_path / "run", console, "profile=mamoth")
    assert not (tmp_path / "run").exists()
