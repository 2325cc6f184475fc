"""Runs as frames that can be joined."""

from pathlib import Path

import pandas
import pytest

import slipstick
from slipstick.errors import InputError, RunFolderError
from slipstick.models.fake import FakeModel

ROWS = [
    {"id": "tea", "question": "What is 6 times 7?", "answer": "42"},
    {"id": "pie", "question": "2 + 2?", "answer": "4"},
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> slipstick.RunResult:
    """Two problems as a hybrid: a program that runs, and one that fails, so that words are asked for."""
    monkeypatch.chdir(tmp_path)

    def write(request: object) -> str:
        asked, format = request.problem.id, request.format.name  # type: ignore[attr-defined]
        if format == "cot":
            return "The answer is 5."
        return "print(6 * 7)" if asked == "tea" else "print(1 / 0)"

    return slipstick.evaluate(ROWS, FakeModel(write), formats=["hybrid"], out="runs/mine", quiet=True)


def test_the_four_frames_are_joined_by_their_keys(run: slipstick.RunResult) -> None:
    problems, solutions, steps, verdicts = slipstick.frames(run)
    assert list(problems["problem_id"]) == ["tea", "pie"]
    assert list(problems["expected"]) == ["42", "4"]
    assert dict(zip(solutions["problem_id"], solutions["outcome"], strict=True)) == {
        "tea": "correct",
        "pie": "incorrect",
    }
    joined = solutions.merge(verdicts, on=["run", "id"])
    assert (joined["outcome_x"] == joined["outcome_y"]).all()
    assert (joined["reason_y"] != "").any()
    of_tea = steps[steps["problem_id"] == "tea"]
    assert list(of_tea["type"]) == ["code", "output"]
    assert list(of_tea["text"].str.strip()) == ["print(6 * 7)", "42"]
    assert of_tea["status"].iloc[1] == "ok"


def test_the_attempts_of_a_hybrid_are_counted(run: slipstick.RunResult) -> None:
    of_pie = slipstick.frames(run).steps.query("problem_id == 'pie'")
    assert list(of_pie["attempt"]) == [0, 0, 1]
    assert list(of_pie["type"]) == ["code", "output", "text"]
    assert of_pie["status"].iloc[1] == "error"


def test_several_runs_are_told_apart(run: slipstick.RunResult) -> None:
    other = slipstick.solve(ROWS, FakeModel(lambda _: "The answer is 4."), formats=["cot"], out="runs/b", quiet=True)
    found = slipstick.frames([run, str(other.path)])
    assert list(found.solutions.groupby("run").size().items()) == [("b", 2), ("mine", 2)]
    assert set(found.verdicts["run"]) == {"mine"}  # `solve` does not grade
    again = slipstick.solve(ROWS, FakeModel(lambda _: "5"), formats=["cot"], out="elsewhere/mine", quiet=True)
    assert set(slipstick.frames([run, again]).problems["run"]) == {"runs/mine", "elsewhere/mine"}


def test_a_run_without_solutions_has_frames_with_columns(run: slipstick.RunResult) -> None:
    (run.path / "solutions.jsonl").write_text("")
    found = slipstick.frames(run)
    assert [len(frame) for frame in found] == [2, 0, 0, 0]
    assert {"id", "type", "text", "status"} <= set(found.steps.columns)
    assert isinstance(found.verdicts, pandas.DataFrame)


def test_no_run_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"frames\(FOLDER\)"):
        slipstick.frames([])
    with pytest.raises(RunFolderError, match="no run"):
        slipstick.frames(tmp_path)
