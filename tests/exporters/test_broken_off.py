"""Solutions that broke off are in no file that is trained on, and how many they were is said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from slipstick.commands import Invocation
from slipstick.commands.evaluate import run_evaluate
from slipstick.commands.export import run_export
from slipstick.errors import InputError
from slipstick.exporters import SHAPES, export
from slipstick.schema import Block, Code, Output, Solution, Text, Verdict
from slipstick.store import RunFolder

CORRECT = Verdict(outcome="correct", method="number", expected="4")
WHOLE: list[list[Block]] = [
    [Text(text="The answer is \\boxed{4}.")],
    [Text(text="<think>2+2</think>\n\nThe answer is \\boxed{4}.")],
    [Text(text="<think>\nlet me call\n</think>\n\nI add.\n"), Code(text="2+2"), Output(text="4"), Text(text="So 4.")],
]
BROKEN: list[tuple[str, list[Block]]] = [
    ("length", [Text(text="The answer is \\boxed{4}. Let me verify: 2+2")]),
    ("length", [Text(text="I add.\n"), Code(text="2+2"), Output(text="4"), Text(text="So the answer is 4. Let")]),
    ("turns", [Code(text="2+2"), Output(text="4"), Code(text="4")]),
    ("error", [Text(text="The answer is 4.")]),
    ("length", [Text(text="<think>\n... so \\boxed{4}. But wait")]),
    ("stop", [Text(text="<think>\n... so \\boxed{4}. But wait")]),
    ("stop", [Text(text="It is \\boxed{4}. [THINK] Or is it?")]),
]


def run_of(folder: Path, solutions: list[tuple[str, list[Block]]]) -> RunFolder:
    """A finished run with these solutions, all graded correct."""
    folder.mkdir(exist_ok=True)
    problem = {"id": "p/0", "question": "What is 2 + 2?", "answer": "4"}
    (folder / "problems.jsonl").write_text(json.dumps(problem) + "\n")
    (folder / "script.jsonl").write_text('{"problem_id": "p/0", "text": "The answer is 4."}\n')
    (folder / "r.toml").write_text(
        f'problems = "{folder}/problems.jsonl"\nmodel = "fake:{folder}/script.jsonl"\nformats = ["cot"]\n'
    )
    made = RunFolder(run_evaluate(Invocation(str(folder / "r.toml"), out=folder / "run"), Console(file=io.StringIO())))
    rows = [
        Solution.model_validate(
            {
                "id": f"p/0#tir#{number}",
                "problem_id": "p/0",
                "sample": number,
                "format": "tir" if any(block.type == "code" for block in blocks) else "cot",
                "blocks": blocks,
                "finish": finish,
                "answer": "4",
                "verdict": CORRECT,
            }
        )
        for number, (finish, blocks) in enumerate(solutions)
    ]
    (made.path / "solutions.jsonl").write_text("".join(row.model_dump_json() + "\n" for row in rows))
    return made


@pytest.mark.parametrize("shape", sorted(name for name, shape in SHAPES.items() if shape.of == "solutions"))
def test_only_whole_solutions_are_exported(shape: str, tmp_path: Path) -> None:
    run = run_of(tmp_path, [*(("stop", blocks) for blocks in WHOLE), *BROKEN])
    assert list(export(run, shape, tmp_path / "out").values()) == [len(WHOLE)]
    with pytest.raises(InputError, match="graded correct and did not break off"):
        export(run_of(tmp_path / "broken", BROKEN), shape, tmp_path / "none")


def test_what_is_left_out_is_counted_aloud(tmp_path: Path) -> None:
    run = run_of(tmp_path, [*(("stop", blocks) for blocks in WHOLE), *BROKEN])
    said = io.StringIO()
    run_export(Invocation(str(run.path), overrides=["shapes=messages"]), Console(file=said, width=200))
    assert f"{len(BROKEN)} correct solutions were left out" in said.getvalue()


def test_thoughts_before_a_call_stay_thoughts_in_sharegpt(tmp_path: Path) -> None:
    run = run_of(tmp_path, [("stop", WHOLE[2])])
    export(run, "sharegpt", tmp_path / "out")
    (row,) = json.loads((tmp_path / "out" / "sharegpt.json").read_text("utf-8"))
    called = next(turn["value"] for turn in row["conversations"] if turn["from"] == "function_call")
    thoughts, _, call = called.partition("\n\n")
    assert thoughts == "<think>\nlet me call\n</think>"
    assert json.loads(call) == {"name": "python", "arguments": {"code": "# I add.\n2+2"}}
