"""A run in the shapes that other tools train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.export import run_export
from slipstick.errors import InputError, RunFolderError
from slipstick.exporters import SHAPES, export
from slipstick.exporters.shapes import verl_rl
from slipstick.formats import load_format, tool_schema
from slipstick.golds import read_gold
from slipstick.problems import load_problems
from slipstick.schema import Problem, Solution
from slipstick.store import RunFolder

CONSOLE = Console(quiet=True)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of an exported file of any kind."""
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    text = path.read_text("utf-8")
    return list(json.loads(text)) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_a_row_for_each_solution_or_problem(shape: str, curated_runs: Path, tmp_path: Path) -> None:
    folder = RunFolder(curated_runs / "kept")
    written = export(folder, shape, tmp_path)
    assert {name.partition(".")[0] for name in written} == {f"{shape}-train", f"{shape}-valid"}
    found = [row for name in written for row in rows_of(tmp_path / name)]
    ids = [row["id"] if "id" in row else row["extra_info"]["index"] for row in found]
    of_problems = SHAPES[shape].of == "problems"
    assert sorted(ids) == sorted(p.id for p in (folder.problems() if of_problems else folder.solutions()))


def test_splits_share_no_question(curated_runs: Path, tmp_path: Path) -> None:
    export(RunFolder(curated_runs / "kept"), "alpaca", tmp_path)
    train, valid = ({row["instruction"] for row in rows_of(tmp_path / f"alpaca-{s}.json")} for s in ("train", "valid"))
    assert train and valid and not train & valid


def test_segments_are_the_labels_of_training(curated_runs: Path, tmp_path: Path) -> None:
    folder = RunFolder(curated_runs / "data")
    export(folder, "segments", tmp_path)
    solutions = {solution.id: solution for solution in folder.solutions()}
    for row in rows_of(tmp_path / "segments.jsonl"):
        trained = "".join(segment["text"] for segment in row["segments"] if segment["label"])
        for block in solutions[row["id"]].blocks:
            assert block.text in trained if block.type != "output" else f"```output\n{block.text}" not in trained
        assert not row["segments"][0]["label"]


def test_tool_calls_alternate_and_lose_no_word(curated_runs: Path, tmp_path: Path) -> None:
    folder = RunFolder(curated_runs / "data")
    export(folder, "sharegpt", tmp_path)
    export(folder, "messages", tmp_path)
    for row in rows_of(tmp_path / "sharegpt.json"):
        speakers = [turn["from"] for turn in row["conversations"]]
        assert all(speaker in ("human", "observation") for speaker in speakers[::2])
        assert all(speaker in ("gpt", "function_call") for speaker in speakers[1::2])
    steps = [solution for solution in folder.solutions() if solution.format == "tir"]
    rows = {row["id"]: row for row in rows_of(tmp_path / "messages.jsonl")}
    assert steps
    for solution in steps:
        said = json.dumps(rows[solution.id]["messages"], ensure_ascii=False)
        assert json.loads(rows[solution.id]["tools"]) == [tool_schema("python")], (
            "as a model is shown it when it solves"
        )
        for block in solution.blocks:
            assert json.dumps(block.text.strip("\n"), ensure_ascii=False)[1:-1] in said


def test_questions_and_first_words_are_as_people_write_them(curated_runs: Path, tmp_path: Path) -> None:
    folder = RunFolder(curated_runs / "data")
    texts = {problem.id: problem.text for problem in folder.problems()}
    for shape in ("outcomes", "messages"):
        export(folder, shape, tmp_path)
    for row in rows_of(tmp_path / "outcomes.jsonl"):
        assert row["question"] == texts[row["id"].partition("#")[0]] and not row["solution"].startswith("\n")
    replies = [row["messages"][2]["content"] for row in rows_of(tmp_path / "messages.jsonl")]
    assert replies and not any(reply.startswith("\n") for reply in replies)


def test_several_golds_come_back_as_several() -> None:
    assert read_gold('["1/2", "0.5"]') == ["1/2", "0.5"]
    assert read_gold("[1, 2]") == "[1, 2]"


@pytest.mark.parametrize("shape", sorted(name for name, shape in SHAPES.items() if shape.of == "problems"))
def test_problems_exported_for_rl_are_read_back_as_they_were(shape: str, curated_runs: Path, tmp_path: Path) -> None:
    folder = RunFolder(curated_runs / "kept")
    files = export(folder, shape, tmp_path)
    found = [problem for name in files for problem in load_problems(str(tmp_path / name))]
    fields = {"id", "text", "answer", "kind"}
    assert sorted(problem.model_dump_json(include=fields) for problem in found) == sorted(
        problem.model_dump_json(include=fields) for problem in folder.problems()
    )


@pytest.mark.parametrize(
    ("id", "curated", "split"),
    [("p/1", None, ""), ("p/1", "train", "train"), ("p/test", None, "test"), ("gsm8k/train/7", None, "train")],
)
def test_the_split_for_verl_is_none_that_nothing_says(id: str, curated: str | None, split: str) -> None:
    problem = Problem(id=id, text="1+1?", answer="2", metadata={"split": curated} if curated else {})
    solution = Solution(id=f"{id}#cot#0", problem_id=id, format="cot", blocks=[])
    assert verl_rl(solution, problem, load_format("cot"))["extra_info"]["split"] == split


def test_unknown_shape_and_unfit_run_say_so(curated_runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean `alpaca`"):
        export(RunFolder(curated_runs / "kept"), "alpacca", tmp_path)
    with pytest.raises(RunFolderError, match="is not a run folder"):
        run_export(Invocation(str(tmp_path)), CONSOLE)


def test_all_shapes_are_listed_before_anything_is_written(curated_runs: Path, tmp_path: Path) -> None:
    call = Invocation(str(curated_runs / "kept"), overrides=["shapes=lm_eval_taks"], out=tmp_path / "out")
    with pytest.raises(InputError, match=r"did you mean `lm_eval_tasks`\?\); known: alpaca, .*, lm_eval_tasks"):
        run_export(call, CONSOLE)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("overrides", "repeats"), [([], 1), (["ks=[4,2]"], 4)])
def test_tasks_ask_once_unless_ks_says_more(
    curated_runs: Path, tmp_path: Path, overrides: list[str], repeats: int
) -> None:
    overrides = ["shapes=lm_eval_tasks", *overrides]
    out = run_export(Invocation(str(curated_runs / "kept"), overrides=overrides, out=tmp_path), CONSOLE)
    (task,) = [path for path in (out / "lm_eval_tasks").glob("*.yaml") if not path.name.endswith("_group.yaml")]
    assert f"repeats: {repeats}\n" in task.read_text() and task.read_text().count("maj@") == len(overrides[1:]) * 2
