"""Recorded solutions as a model."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstick.errors import InputError
from slipstick.formats import Format, load_format, parse
from slipstick.models import ModelSettings, Reply, Request, Sampling
from slipstick.models.replay import ReplayModel, open_model, to_turns
from slipstick.schema import Block, Code, Output, Problem, Solution, Text

TIR, POT, COT = load_format("tir"), load_format("pot"), load_format("cot")
SHARED = Path(__file__).parents[3] / "shared" / "data" / "trajectories"
RECORDED: dict[str, Any] = {
    "problem_id": "p/1",
    "question": "What is 6 times 7?",
    "gold": "42",
    "model": "abacus-7b",
    "blocks": [
        {"type": "text", "content": "Multiply."},
        {"type": "code", "content": "x = 6*7"},
        {"type": "output", "content": ""},
        {"type": "code", "content": "x"},
        {"type": "output", "content": "42"},
        {"type": "text", "content": "It is 42."},
    ],
}


def replay(path: Path, *rows: dict[str, Any]) -> ReplayModel:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return open_model(str(path), ModelSettings())


def ask(model: ReplayModel, *, problem: str = "p/1", format: Format = TIR, turn: int = 0, sample: int = 0) -> Reply:
    return asyncio.run(
        model.generate(
            Request(
                problem=Problem(id=problem, text="?"),
                format=format,
                sample=sample,
                turn=turn,
                blocks=[],
                sampling=Sampling(),
            )
        )
    )


def test_steps_come_turn_by_turn_without_their_outputs(tmp_path: Path) -> None:
    model = replay(tmp_path / "a.jsonl", RECORDED)
    assert model.name == "abacus-7b"
    assert [ask(model, turn=turn).text for turn in range(3)] == [
        "Multiply.\n```python\nx = 6*7\n```\n",
        "```python\nx\n```\n",
        "It is 42.",
    ]
    assert ask(model, turn=3).finish == "error"


def test_a_program_is_all_code_and_words_only_are_all_words(tmp_path: Path) -> None:
    model = replay(tmp_path / "a.jsonl", RECORDED)
    assert ask(model, format=POT).text == "x = 6*7\nx"
    assert ask(model, format=COT).text == "Multiply.\nIt is 42."


def test_a_recording_without_code_has_no_program(tmp_path: Path) -> None:
    model = replay(tmp_path / "a.jsonl", RECORDED | {"blocks": [{"type": "text", "content": "It is 42."}]})
    assert ask(model, format=POT).error == "the recording of p/1 has no turn 0 in format pot"
    assert ask(model, format=TIR).text == "It is 42."


def test_what_was_not_recorded_is_an_error_reply(tmp_path: Path) -> None:
    model = replay(tmp_path / "a.jsonl", RECORDED)
    reply = ask(model, problem="p/2")
    assert (reply.finish, reply.error) == ("error", "no recording of p/2, format tir, sample 0")
    assert ask(model, sample=1).finish == "error"


def test_recorded_outputs_are_there_to_compare_with(tmp_path: Path) -> None:
    model = replay(tmp_path / "a.jsonl", RECORDED)
    assert model.recorded_outputs("p/1") == ["", "42"]
    assert model.recorded_outputs("p/2") == []


def test_rows_of_one_problem_are_its_samples_in_order(tmp_path: Path) -> None:
    second = RECORDED | {"blocks": [{"type": "text", "content": "Again 42."}]}
    model = replay(tmp_path / "a.jsonl", RECORDED, second)
    assert ask(model, sample=0).text.startswith("Multiply.")
    assert ask(model, sample=1).text == "Again 42."


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(RECORDED).encode()))
    assert ask(open_model(str(path), ModelSettings()), turn=2).text == "It is 42."


def solution(format: str, sample: int, blocks: list[Block], **more: Any) -> Solution:
    name = f"p/1#{format}#{sample}"
    return Solution(id=name, problem_id="p/1", sample=sample, format=format, blocks=blocks, model="small", **more)


def test_a_run_is_replayed_by_format_and_sample(tmp_path: Path) -> None:
    failed = solution("pot", 0, [Code(text="1/0"), Output(text="ZeroDivisionError", status="error")])
    words: list[Block] = [Text(text="It is 42.")]
    rows = [
        failed,
        solution("pot", 1, [Code(text="print(42)"), Output(text="42")]),
        solution("hybrid", 0, words, previous_attempts=[failed]),
    ]
    (tmp_path / "solutions.jsonl").write_text("".join(row.model_dump_json() + "\n" for row in rows))
    model = open_model(str(tmp_path), ModelSettings())
    assert model.name == "small"
    assert ask(model, format=POT).text == "1/0"
    assert ask(model, format=POT, sample=1).text == "print(42)"
    assert ask(model, format=COT).text == "It is 42."
    assert model.recorded_outputs("p/1", 1, format="pot") == ["42"]


def test_fences_in_words_and_code_are_broken_so_that_turns_stay_turns() -> None:
    blocks: list[Block] = [
        Text(text="As in\n```python\nno()\n```\nand"),
        Code(text='print("""\n```\n""")'),
        Text(text="```python\nopen"),
    ]
    turns = to_turns(blocks, TIR)
    assert parse(TIR, turns[0]) == [
        Text(text="As in\n```python \nno()\n```\nand\n"),
        Code(text='print("""\n``` \n""")'),
    ]
    assert parse(TIR, turns[1]) == [Text(text="```python \nopen")]


TAGS = Format(
    name="tags",
    executes="steps",
    code_begin="<code>",
    code_end="</code>",
    code_output_begin="<o>",
    code_output_end="</o>",
)
pieces = st.sampled_from(
    ["```", "`", "\n", "```python\n", "\n```\n", "x", " ", "```output\n", "<code>", "</code>", "<"]
)
texts = st.lists(pieces, min_size=1, max_size=10).map("".join)
blocks = st.lists(st.one_of(texts.map(lambda t: Text(text=t)), texts.map(lambda t: Code(text=t))), max_size=6)


@settings(deadline=None)
@given(st.sampled_from([TIR, TAGS]), blocks)
def test_every_turn_parses_to_words_and_one_last_code_block(format: Format, recorded: list[Block]) -> None:
    turns = to_turns(recorded, format)
    parsed = [parse(format, turn) for turn in turns]
    assert len(turns) == 1 + sum(isinstance(block, Code) for block in recorded)
    for turn in parsed[:-1]:
        assert isinstance(turn[-1], Code)
        assert len(turn) <= 2
    assert not any(isinstance(block, Code) for turn in parsed for block in turn[:-1])
    assert not any(isinstance(block, Code) for block in parsed[-1])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"blocks": []}, r"a.jsonl:1 needs a string `problem_id`.*its keys: blocks"),
        ({"problem_id": "p/1", "samples": []}, r"a.jsonl:1 has no list of `blocks`; its keys are problem_id, samples"),
        ({"problem_id": "p/1", "blocks": [{"type": "words"}]}, "a.jsonl:1: block 0 must have a `type` of text, code"),
        ({"problem_id": "p/1", "blocks": [{"type": "code"}]}, "a.jsonl:1: block 0 needs a string `text`"),
    ],
)
def test_a_row_that_is_no_recording_is_named(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replay(tmp_path / "a.jsonl", row)


def test_a_replay_without_file_says_what_it_needs() -> None:
    with pytest.raises(InputError, match="replay:solutions"):
        open_model("", ModelSettings())


@pytest.mark.parametrize("name", ["tora-70b-v1.0.gsm8k", "MathCoder-L-7b.gsm8k", "MathCoder-L-7b.mathematics"])
def test_published_trajectories_replay_to_the_letter(name: str) -> None:
    path = SHARED / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip("the published trajectories are not here (../shared/data/trajectories)")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    model = open_model(str(path), ModelSettings())
    for row in rows[:200]:
        recorded = [block["content"] for block in row["blocks"] if block["type"] == "code"]
        replies = [ask(model, problem=row["problem_id"], turn=turn) for turn in range(len(recorded) + 1)]
        codes = [block.text for reply in replies for block in parse(TIR, reply.text) if isinstance(block, Code)]
        assert codes == recorded
        outputs = [block["content"] for block in row["blocks"] if block["type"] == "output"]
        assert model.recorded_outputs(row["problem_id"]) == outputs


def test_the_recording_in_the_docs_replays(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    rows = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[0]
    (tmp_path / "a.jsonl").write_text(rows)
    assert ask(open_model(str(tmp_path / "a.jsonl"), ModelSettings()), turn=1).text == "It is 42."
