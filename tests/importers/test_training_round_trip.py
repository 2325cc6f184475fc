"""What we export comes back as it was: every shape, every format."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipstick.exporters import SHAPES as EXPORTED
from slipstick.exporters import export
from slipstick.formats import join, load_format, render
from slipstick.importers.training import SHAPES, read_training
from slipstick.schema import Block, Code, Output, Problem, Run, Solution, Text, Verdict
from slipstick.store import RunFolder
from slipstick.tabular import Row, read_rows

THOUGHT = "<think>\nhm\n</think>\n\n"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def plain(solution: Solution) -> tuple[str, str, list[tuple[str, str]]]:
    """A solution without what no file holds: white space around words, seconds of outputs."""
    blocks = [(str(block.type), block.text.strip()) for block in solution.blocks if block.text.strip()]
    return solution.id, solution.format, blocks


def run_in_every_format(folder: Path) -> RunFolder:
    """A run with solutions in all formats, with thoughts, fences in words, empty outputs and a hybrid solution."""
    written: dict[str, list[list[Block]]] = {
        "cot": [
            [Text(text="\nTwo and two.\nThe answer is 4.")],
            [Text(text="<think>\nhm\n</think>\n\nSo ```py``` 4.")],
        ],
        "pot": [[Code(text="x = 2\n\nprint(x+2)"), Output(text="4")]],
        "tir": [
            [Text(text=f"{THOUGHT}I add.\n"), Code(text="2+2"), Output(text="4"), Text(text="So 4.")],
            [Code(text="x = 2"), Output(text=""), Code(text="x+2"), Output(text="4"), Text(text="So 4.")],
        ],
        "mario": [
            [Text(text="I add.\n</p>\n\n"), Code(text="2+2"), Output(text="4"), Text(text="</p>\n\nFinal Answer: $4$")]
        ],
        "react": [[Text(text="I add.\n"), Code(text="2+2"), Output(text="4"), Text(text="Final Answer: 4")]],
        "tools": [[Text(text="I add.\n"), Code(text="2+2"), Output(text="4"), Text(text="So 4.")]],
        "hybrid": [[Code(text="print(2+2)"), Output(text="4")], [Text(text="The answer is 4.")]],
    }
    made = RunFolder.start(folder, Run(name="r", verb="synthesize", status="running", started=NOW, recipe={}))
    made.write_problems([Problem(id="set/train/7", text="What is 2+2?\nSay it.", answer="4")])
    for format, all_blocks in written.items():
        for sample, blocks in enumerate(all_blocks):
            name = f"set/train/7#{format}#{sample}"
            fields = {"id": name, "problem_id": "set/train/7", "sample": sample, "format": format, "answer": "4"}
            verdict = Verdict(outcome="correct", method="number")
            made.append(Solution.model_validate(fields | {"blocks": blocks, "verdict": verdict}))
    made.finish("finished", counts={}, metrics=[])
    return RunFolder(folder)


@pytest.mark.parametrize("shape", [name for name, shape in EXPORTED.items() if shape.of != "problems"])
def test_every_format_comes_back(shape: str, tmp_path: Path) -> None:
    folder = run_in_every_format(tmp_path / "run")
    (name,) = export(folder, shape, tmp_path)
    found = list(read_training(read_rows(tmp_path / name), stem="set"))
    assert {one.problem.text for one in found} == {"What is 2+2?\nSay it."}
    assert {one.problem.id for one in found} == {"set/train/7"}
    ours = {solution.id: plain(solution)[2] for solution in folder.solutions()}
    for solution in (one.solution for one in found if one.solution.id in ours):
        blocks = plain(solution)[2]
        if shape == "sharegpt":  # words before a call are comments in its code
            assert blocks[-1] == ours[solution.id][-1] or solution.format == "pot"
        elif solution.format == "pot" and shape != "records":
            assert blocks == ours[solution.id][:-1]
        else:
            assert blocks == ours[solution.id]
    assert len(found) == len(ours) and sum(one.solution.id not in ours for one in found) == 2  # the hybrid ones


def imported_dialogues(folder: Path) -> RunFolder:
    """A run as `import` makes it: dialogues with a system message and without, with a trigger; a row of a table."""
    four = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "Two and two.\n#### 4"}]
    program = {"role": "assistant", "content": "```python\nprint(2+5)\n```"}
    rows: list[dict[str, Any]] = [
        {"messages": [{"role": "system", "content": "Put your final answer after ####."}, *four]},
        {"messages": four},
        {"messages": [{"role": "user", "content": "2+5? Let's write a program."}, program]},
        {"messages": [{"role": "user", "content": "2+5? Write code."}, program]},
        {"instruction": "3+3?", "output": "#### 6", "system": "Be brief."},
        {"question": "4+4?", "solution": "The answer is 8."},
    ]
    made = RunFolder.start(folder, Run(name="r", verb="import", status="running", started=NOW, recipe={}))
    found = [
        one
        for number, row in enumerate(rows, start=1)
        for one in read_training(iter([Row(f"set.jsonl:{number}", number, row)]), stem=f"set{number}")
    ]
    made.write_problems([one.problem for one in found])
    for one in found:
        made.append(one.solution)
    made.finish("finished", counts={}, metrics=[])
    return RunFolder(folder)


def asked_in(path: Path) -> list[tuple[str, str]]:
    """System message, "" for none, and question of every row of an exported file."""
    found = []
    for row in (row.values for row in read_rows(path)):
        if "messages" in row:
            roles = {message["role"]: message["content"] for message in row["messages"]}
            found.append((roles.get("system", ""), roles["user"]))
        elif "conversations" in row:
            found.append((row["system"], row["conversations"][0]["value"]))
        else:
            found.append((row.get("system") or "", row["instruction"]))
    return found


@pytest.mark.parametrize("shape", ["messages", "sharegpt", "alpaca"])
def test_imported_dialogues_ask_as_they_did(shape: str, tmp_path: Path) -> None:
    """A data-only user trains elsewhere on their own instructions, which the solutions follow."""
    folder = imported_dialogues(tmp_path / "run")
    (name,) = export(folder, shape, tmp_path)
    own = [("Put your final answer after ####.", "2+2?"), ("", "2+2?"), ("", "2+5? Let's write a program.")]
    own += [("", "2+5? Write code."), ("Be brief.", "3+3?")]
    ours = load_format("cot").system
    assert asked_in(tmp_path / name) == [*own, ("" if shape == "alpaca" else ours, "4+4?")]
    (name,) = export(folder, shape, tmp_path, prompts="plain")
    plain_questions = ["2+2?", "2+2?", "2+5?", "2+5? Write code.", "3+3?", "4+4?"]
    assert asked_in(tmp_path / name) == [("", question) for question in plain_questions]
    (name,) = export(folder, shape, tmp_path, prompts="format")
    systems = {system for system, _ in asked_in(tmp_path / name)}
    assert systems == ({""} if shape == "alpaca" else {ours, load_format("pot").system})
    assert asked_in(tmp_path / name)[3][1] == "2+5? Write code. Let's write a program."


def test_how_a_dialogue_asked_survives_our_records_and_a_second_export(tmp_path: Path) -> None:
    folder = imported_dialogues(tmp_path / "run")
    asked = [solution.imported_prompt for solution in folder.solutions()]
    (name,) = export(folder, "records", tmp_path)
    assert [one.solution.imported_prompt for one in read_training(read_rows(tmp_path / name), stem="set")] == asked
    (name,) = export(folder, "messages", tmp_path)
    assert [one.solution.imported_prompt for one in read_training(read_rows(tmp_path / name), stem="set")][:4] == asked[
        :4
    ]
    assert (tmp_path / "run/solutions.jsonl").read_text().count('"imported_prompt"') == 5


@pytest.mark.parametrize("shape", ["records", "segments", "prompt_completion", "outcomes", "messages", "alpaca"])
def test_the_text_that_is_trained_on_comes_back(shape: str, tmp_path: Path) -> None:
    folder = run_in_every_format(tmp_path / "run")
    (name,) = export(folder, shape, tmp_path)
    back = {one.solution.id: one.solution for one in read_training(read_rows(tmp_path / name), stem="set")}
    ours = [solution for solution in folder.solutions() if solution.id in back]
    assert len(ours) > 6
    for solution in ours:
        format = load_format(solution.format)
        mine, theirs = (join(render(format, one.blocks)) for one in (solution, back[solution.id]))
        if shape in ("messages", "alpaca"):  # docs/import.md says that they leave line breaks out
            mine, theirs = mine.replace("\n", ""), theirs.replace("\n", "")
        assert theirs == (mine.lstrip("\n") if shape == "outcomes" else mine)


@pytest.mark.parametrize("shape", [name for name, shape in EXPORTED.items() if shape.of != "problems"])
def test_what_we_export_comes_back(shape: str, curated_runs: Path, tmp_path: Path) -> None:
    assert shape in SHAPES
    folder = RunFolder(curated_runs / "data")
    (name,) = export(folder, shape, tmp_path)
    found = list(read_training(read_rows(tmp_path / name), stem="set"))
    texts = {problem.id: problem.text for problem in folder.problems()}
    assert {one.problem.id: one.problem.text for one in found}.items() <= texts.items()
    golds = {problem.id: problem.answer for problem in folder.problems()}
    assert {one.problem.id: one.problem.answer for one in found}.items() <= golds.items()
    ours = {solution.id: plain(solution) for solution in folder.solutions()}
    for _, solution in found:
        mine, theirs = plain(solution), ours[solution.id]
        if solution.format == "pot" and shape != "records":  # no file but ours holds what a program printed
            theirs = (*theirs[:2], [block for block in theirs[2] if block[0] != "output"])
        if shape == "sharegpt" and solution.format == "tir":  # words before a call are comments in its code
            assert mine[2][-1] == theirs[2][-1]
            assert [text for kind, text in mine[2] if kind == "output"] == [
                text for kind, text in theirs[2] if kind == "output"
            ]
        else:
            assert mine == theirs
    assert {solution.format for _, solution in found} == {"cot", "pot", "tir"}
