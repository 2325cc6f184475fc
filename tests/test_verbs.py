"""The verbs as Python functions: what they take, what they refuse; the command line goes on with their runs."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas
import pytest

import slipstick
from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.errors import PluginError, RecipeError, RunFolderError, UserError
from slipstick.event_loop import run_async
from slipstick.interpreters import open_interpreter
from slipstick.models import Reply, Request
from slipstick.models.fake import FakeModel
from slipstick.schema import Problem, Solution
from slipstick.terminal import terminal

ROWS: list[Mapping[str, Any]] = [
    {"id": "tea", "question": "2 + 2?", "answer": "4"},
    {"id": "pie", "question": "3 + 3?", "answer": "6"},
]


class Answers(FakeModel):
    """Says the gold; raises if it is asked after it was closed."""

    closed = False

    def __init__(self, prefix: str = "The answer is ") -> None:
        super().__init__(lambda request: f"{prefix}{request.problem.answer}.", name="answers")

    async def generate(self, request: Request) -> Reply:
        assert not self.closed
        return await super().generate(request)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def scripted(rows: list[Mapping[str, Any]] = ROWS) -> str:
    """A model by name that says the golds."""
    lines = [{"problem_id": row["id"], "text": f"The answer is {row['answer']}."} for row in rows]
    Path("model.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return "fake:model.jsonl"


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    """A command line in this folder."""
    command = [sys.executable, "-m", "slipstick", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    "problems",
    [
        ROWS,
        tuple(ROWS),
        iter(ROWS),
        pandas.DataFrame(ROWS),
        [Problem(id="tea", text="2 + 2?", answer="4"), Problem(id="pie", text="3 + 3?", answer="6")],
    ],
    ids=["dicts", "tuple", "iterator", "frame", "problems"],
)
def test_problems_as_objects(problems: Any) -> None:
    run = slipstick.evaluate(problems, Answers(), quiet=True)
    assert run.path == Path("runs/evaluate")
    assert list(run.frame()["problem_id"]) == ["tea", "pie"]
    assert list(run.frame()["outcome"]) == ["correct"] * 2
    assert run.record.counts["correct"] == 2
    assert [problem.id for problem in run.problems] == ["tea", "pie"]


def test_missing_cells_of_a_frame_are_no_values() -> None:
    frame = pandas.DataFrame({"question": ["a?", "b?"], "answer": ["1", None], "level": [3, None]})
    run = slipstick.solve(frame, Answers(), quiet=True)
    assert [problem.answer for problem in run.problems] == ["1", None]
    assert [problem.metadata.get("level") for problem in run.problems] == [3, None]


def test_one_problem_and_names() -> None:
    run = slipstick.solve({"question": "half \ud83d?", "answer": "1"}, Answers(), quiet=True)
    assert list(run.frame()["problem"]) == ["half \ufffd?"]
    names = ["synthetic:known,n=2", "synthetic:digits3,n=1"]
    run = slipstick.solve(names, Answers(), limit=1, out="runs/two", quiet=True)
    assert len(run.solutions) == 2
    assert run.record.command.startswith("slipstick solve --set model=given:answers --set limit=1")


def test_the_command_line_goes_on_with_a_run_and_repeats_it() -> None:
    run = slipstick.evaluate(ROWS, scripted(), formats=["cot"], out="runs/mine", num_samples=2, quiet=True)
    rows = (run.path / "solutions.jsonl").read_text()
    first = run.frame()
    (run.path / "solutions.jsonl").write_text(rows[: rows.index("\n") + 10])  # as a kill leaves it
    went_on = cli("evaluate", "runs/mine", "--resume")
    assert went_on.returncode == 0, went_on.stderr
    same = ["id", "answer", "outcome", "expected"]
    assert run.frame()[same].equals(first[same])
    repeated = cli("evaluate", "runs/mine/recipe.toml", "--out", "runs/again")
    assert repeated.returncode == 0, repeated.stderr
    assert slipstick.open_run("runs/again").frame()[same].equals(first[same])
    assert run.record.command == slipstick.open_run("runs/mine").record.command


def test_the_command_of_a_call_can_be_typed() -> None:
    run = slipstick.evaluate(ROWS, scripted(), averages={"all of it": ["tea"]}, stop=['say "stop"'], quiet=True)
    words = shlex.split(run.record.command)[1:]
    again = cli(*words, "--out", "runs/typed")
    assert again.returncode == 0, again.stderr
    typed = slipstick.open_run("runs/typed").record.recipe
    assert typed == run.record.recipe
    assert typed["stop"] == ['say "stop"']


def test_resume_and_overwrite_and_other_problems() -> None:
    model = Answers()
    slipstick.evaluate(ROWS, model, quiet=True)
    with pytest.raises(RunFolderError, match=r"add resume=True to continue it, overwrite=True .*out="):
        slipstick.evaluate(ROWS, model, quiet=True)
    slipstick.evaluate(ROWS, model, resume=True, quiet=True)
    assert len(model.requests) == 2
    with pytest.raises(RunFolderError, match="was started with another recipe"):
        slipstick.evaluate(ROWS[:1], model, resume=True, quiet=True)
    assert len(list(Path("runs/evaluate").glob("given-*"))) == 1
    run = slipstick.evaluate(ROWS[:1], model, overwrite=True, quiet=True)
    assert len(run.solutions) == 1
    (given,) = Path("runs/evaluate").glob("given-*")
    assert given.name in (run.path / "recipe.toml").read_text()


def test_a_call_that_fails_leaves_nothing() -> None:
    with pytest.raises(RecipeError):
        slipstick.evaluate(ROWS, Answers(), temprature=0.5)
    with pytest.raises(PluginError):
        slipstick.evaluate(ROWS, "gpt:4", quiet=True)
    assert list(Path("runs").iterdir()) == []


def test_what_is_given_stays_open_and_serves_several_calls() -> None:
    model, interpreter = Answers("print(1 + 1)\n# "), open_interpreter()
    for out in ("runs/a", "runs/b"):
        run = slipstick.evaluate(ROWS, model, interpreter=interpreter, formats=["pot"], out=out, quiet=True)
        assert list(run.frame()["answer"]) == ["2", "2"]
    assert not model.closed
    assert run.record.recipe["interpreter"] == "given:LocalInterpreter"
    with pytest.raises(PluginError, match="an object, given in Python: go on with the same call"):
        run_evaluate(Invocation("runs/b", resume=True), terminal())
    run_async(interpreter.close(), shared=True)


def test_a_recipe_to_start_from() -> None:
    Path("mine.toml").write_text('problems = "synthetic:known,n=3"\nmodel = "fake:none"\nformats = ["cot"]\nks = [2]\n')
    run = slipstick.evaluate(recipe="mine.toml", model=Answers(), num_samples=2, limit=2, quiet=True)
    assert run.path == Path("runs/mine")
    assert len(run.solutions) == 4
    assert "pass@2" in {metric.measure for metric in run.metrics}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: slipstick.evaluate(ROWS, Answers(), temprature=0), r"the call has.*\n.*did you mean `temperature`\?"),
        (lambda: slipstick.evaluate(ROWS, Answers(), overwrit=True), r"overwrit: .* \(did you mean `overwrite`\?\)$"),
        (lambda: slipstick.curate(["a"], resum=True, outt="x"), r"resum: .*`resume`\?\)\n.*outt: .*`out`\?\)$"),
        (lambda: slipstick.report([]), "."),
        (lambda: slipstick.report("runs/none", limits=3), r"limits: no such setting"),
        (lambda: slipstick.import_data("none.jsonl"), "none.jsonl"),
        (lambda: slipstick.audit("runs/none"), "runs/none"),
        (lambda: slipstick.evaluate(ROWS), r"model: is missing; add model=\.\.\.$"),
        (lambda: slipstick.evaluate(7, Answers()), "a DataFrame; not int$"),  # type: ignore[arg-type]
        (lambda: slipstick.evaluate(["a", {}], Answers()), "not a list of str, dict$"),
        (lambda: slipstick.evaluate([], Answers()), "problems: there are none"),
        (lambda: slipstick.evaluate([{"q": "x"}], Answers()), r'^problems, row 1 has no .*field_map={"text": "KEY"}'),
        (lambda: slipstick.evaluate("quickstart-evaluate", Answers()), r"evaluate\(recipe='quickstart-evaluate'\)"),
        (lambda: slipstick.evaluate(ROWS, Answers(), stop=print), "stop = <built-in function print>: give a text"),
        (lambda: slipstick.evaluate("gsm9k", Answers()), r"did you mean `gsm8k`\?"),
        (lambda: slipstick.evaluate(ROWS, Answers(), limit=0), "limit = 0: "),
        (lambda: slipstick.curate(["runs/none"]), "runs/none is not a run folder"),
        (lambda: slipstick.open_run("runs/none"), "runs/none is not a run folder"),
    ],
)
def test_a_mistake_is_one_message(call: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        call()


def test_a_server_that_refuses_is_a_plain_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9"):
        slipstick.evaluate(ROWS, "openai:x", base_url="http://127.0.0.1:9/v1", quiet=True)


def test_from_solutions_to_a_training_set_and_grading() -> None:
    made = slipstick.synthesize("synthetic:known,n=6", formats=["cot", "pot"], out="runs/made", quiet=True)
    kept = slipstick.curate(made, max_solutions_per_problem=1, out="runs/kept", quiet=True)
    assert 0 < len(kept.solutions) <= 6
    written = slipstick.export(kept, shapes="messages", quiet=True)
    assert any(path.suffix == ".jsonl" for path in written.iterdir())
    again = slipstick.grade_run(made, profile="mammoth", out="runs/regraded", quiet=True)
    assert set(again.frame()["outcome"]) == {"correct"}
    taught = slipstick.synthesize(ROWS, Answers(), formats=["cot"], out="runs/taught", quiet=True)
    assert taught.record.recipe["method"] == "teacher"
    assert len(taught.solutions) == 2


def test_training_data_that_people_have_trains_a_model(sums: list[tuple[Solution, Problem]]) -> None:
    lines = [{"prompt": problem.text, "completion": one.blocks[0].text} for one, problem in sums if one.format == "cot"]
    Path("pairs.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    data = slipstick.import_data("pairs.jsonl", quiet=True)
    assert data.path == Path("runs/pairs")
    assert len(data.solutions) == len(lines)
    size: dict[str, Any] = {"d_model": 16, "num_layers": 1, "num_heads": 1, "d_ff": 32, "vocab_size": 340}
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    trained = slipstick.train(data, **size, max_train_tokens=2000, batch_tokens=512, num_processes=1, quiet=True)
    assert trained.path == Path("runs/train")
    assert trained.record.status == "finished"
    solved = slipstick.solve(ROWS, trained.model, max_tokens=4, formats="cot", quiet=True)
    assert len(solved.solutions) == 2


def test_audit_and_report() -> None:
    run = slipstick.evaluate([*ROWS, {"id": "bun", "question": "1 + 1?", "answer": "3"}], scripted(), quiet=True)
    suspects = slipstick.audit(run, limit=2, quiet=True)
    assert suspects.path == Path("runs/evaluate-audited")
    assert (suspects.path / "suspects.jsonl").is_file()
    given = slipstick.audit(problems=ROWS, runs=[run], quiet=True)
    assert given.path == Path("runs/audit")
    assert [problem.id for problem in given.problems] == ["tea", "pie"]
    assert slipstick.report(run, quiet=True) == Path("runs/evaluate/report.html")
    assert slipstick.report(run, out="page", quiet=True) == Path("page/report.html")
    other = slipstick.evaluate(ROWS, Answers(), out="runs/other", quiet=True)
    assert slipstick.report([run, other], out="both", quiet=True).is_file()
    assert slipstick.report("runs/*e*", measure="no_answer", quiet=True) == Path("runs/table/table.html")


def test_two_runs_are_compared() -> None:
    better = slipstick.evaluate(ROWS, Answers(), out="runs/better", quiet=True)
    worse = slipstick.evaluate(ROWS, FakeModel(lambda _: "The answer is 4."), out="runs/worse", quiet=True)
    found = better.compare(worse)
    assert found.rows[0].difference == 0.5 and found.common == 2
    assert [flip.problem_id for flip in found.flips] == ["pie"]
    assert worse.compare("runs/better").rows[0].difference == -0.5
    assert "no difference shown" in " ".join(found.findings())


def test_a_script_of_a_user_passes_strict_type_checks() -> None:
    pytest.importorskip("mypy")
    Path("mine.py").write_text(
        """import slipstick

run = slipstick.evaluate("mine.jsonl", "openai:abacus-7b", temperature=0.5, formats=["cot"], quiet=True)
right: list[str] = [solution.id for solution in run.solutions if solution.verdict]
for name in ("runs/a", "runs/b"):
    print(slipstick.audit(name).path, slipstick.report([name, run]).name, right)
print(slipstick.compare(0.5, ["1/2", 0.5]).outcome, slipstick.train(run, num_layers=2).model)
slipstick.evaluate("mine.jsonl", temperature=0.5, limit="all")
"""
    )
    cache = Path(__file__).parents[1] / ".mypy_cache" / "user"  # all of slipstick takes half a minute of computing
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "mine.py"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert re.findall(r"mine\.py:(\d+): error: (.*)", found.stdout) == [
        ("8", 'Argument "limit" to "evaluate" has incompatible type "str"; expected "int | None"  [arg-type]')
    ], found.stdout + found.stderr


def test_progress_is_printed_unless_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    slipstick.solve(ROWS, Answers(), out="runs/quiet", quiet=True)
    assert capsys.readouterr().out == ""
    slipstick.solve(ROWS, Answers(), out="runs/loud")
    assert "2 of 2 solutions" in capsys.readouterr().out


def test_pandas_is_needed_for_frames_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    run = slipstick.solve(ROWS, Answers(), quiet=True)
    monkeypatch.setattr("slipstick.extras.find_spec", lambda name: None)
    with pytest.raises(UserError, match="a frame needs pandas, which is not installed: pip install"):
        run.frame()
    assert "2 problems" in repr(run)


def test_a_trained_model_is_named_for_other_verbs(tiny_model: Path) -> None:
    run = slipstick.solve(ROWS, Answers(), quiet=True)
    assert run.model is None
    (run.path / "model").symlink_to(tiny_model)
    solved = slipstick.solve(ROWS, run.model, out="runs/by-tiny", max_tokens=4, formats="cot", quiet=True)
    assert len(solved.solutions) == 2


def test_a_verb_without_a_recipe_on_the_command_line() -> None:
    scripted()
    Path("mine.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS[:1]))
    found = cli("evaluate", "--set", "problems=mine.jsonl", "--set", "model=fake:model.jsonl", "--out", "runs/x")
    assert (found.returncode, found.stderr) == (0, "")
    lacking = cli("synthesize")
    assert lacking.returncode == 2
    assert "problems: is missing" in lacking.stderr
    assert cli("grade").stderr == "slipstick: what is it to grade? slipstick grade RUN or FILE\n"
